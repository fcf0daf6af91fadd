/* A call's row, as lists and the live stream tell it. */
#ifndef ADMIN_CALLS_H
#define ADMIN_CALLS_H

#include "admin/api.h"
#include "ledger/calls.h"

/* All fields of the resource `call`. */
void calls_put(struct api_rows *r, const struct call_row *c);
/* What the visitor may see. */
void calls_read_scope(const struct api_call *c, struct calls_filter *out);
/* `where`, within that. Fails: false after api_fail(). */
bool calls_read_filter(struct api_call *c, struct calls_filter *out) MUST_CHECK;

#endif
