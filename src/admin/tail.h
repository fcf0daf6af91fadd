/* The live tail: calls as the ledger gets to know them. */
#ifndef ADMIN_TAIL_H
#define ADMIN_TAIL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct api_call;
struct ledger;
struct tail;

struct tail *tail_new(void);
void tail_drop(struct tail *t);
/* What has come since it was asked last; the first time nothing. Thread: any that may wait, one at a time. */
void tail_look(struct tail *t, struct ledger *ledger, const char *dir);
/* The next time is a first time. */
void tail_forget(struct tail *t);

/* What a listener wants of it (`where`). Owns: the call. Fails: NULL after api_fail(). Thread: the admin thread's. */
struct tail_wish;
struct tail_wish *tail_wish_new(struct api_call *c);
/* Sends it what the last look brought. Not while one runs. Thread: the admin thread's. */
void tail_tell(const struct tail *t, struct api_call *c, const struct tail_wish *wish);

#endif
