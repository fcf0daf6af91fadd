/* What outcomes and feedback share: what is told from outside about calls and tasks, and listed. */
#ifndef ADMIN_TOLD_H
#define ADMIN_TOLD_H

#include "admin/api.h"
#include "ledger/outcomes.h"

/* The fields of resource outcome, or feedback. */
void told_put_outcome(struct api_rows *r, const struct outcome *o);
void told_put_feedback(struct api_rows *r, const struct feedback *f);
/* Of one task or call, the newest, as the field `outcomes` of a row; of neither: none. Fails: false after api_fail(). */
bool told_put_outcomes(struct api_rows *r, str task, uint64_t call_id) MUST_CHECK;
/* Both of one call, as the fields `outcomes` and `feedback` of a row: the newest of each. Fails: false after api_fail(). */
bool told_put_call(struct api_rows *r, uint64_t call_id) MUST_CHECK;

/* Range, limit, cursor, filters and scope of a list. `cursor` must live as long as `out`. Fails: false after api_fail(). */
bool told_read_ask(struct api_call *c, struct told_ask *out, struct calls_cursor *cursor) MUST_CHECK;
/* Ends a list; or fails with the store's sentence in `why`. */
void told_end(struct api_rows *r, bool ok, const struct calls_cursor *next, bool more, const struct buf *why);
/* A number of the body times ten to the power of `decimals`, rounded, without floating point. Missing: `out` stays.
 * Fails: false where that is beyond int64. */
bool told_read_decimal(const struct json *doc, str name, int decimals, int64_t *out, bool *given) MUST_CHECK;
/* Says why something was not stored. */
void told_fail(struct api_call *c, enum err e, const struct buf *why);
/* A member that is an id; 0 where it is missing. Fails: false after api_fail(). */
bool told_read_call(struct api_call *c, const struct json *doc, uint64_t *out) MUST_CHECK;

#endif
