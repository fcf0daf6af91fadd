/* What goes on at this moment, for /api/v1/now and the live stream. JSON is written into `out`.
 * Thread: any that may wait. */
#ifndef ADMIN_NOW_H
#define ADMIN_NOW_H

#include "base/buf.h"
#include "flow/snapshot.h"

struct api_scope;
struct purser;

struct api_call;

/* Pieces of objects: ,"name":1.5 or null where it is 0; an amount, behind `comma`. */
void now_add_ms(struct buf *out, const char *name, int64_t us);
void now_add_amount(struct buf *out, const char *name, __int128 value, const char *comma);

/* {"calls":, "streams":, "steps":[{step, of, count, text}]} */
void now_add_in_flight(struct buf *out, struct purser *p);
/* Sums of the ledger: of today and this month (UTC), and of the last hour. */
struct now_sums {
    __int128 today, month, hour, hour_wasted;
    int64_t today_us, month_us; /* when they began */
    __int128 calls, attempts, errors;
    int64_t p50_us, p95_us, p99_us, first_p50_us, first_p95_us, first_p99_us;
    struct report *targets; /* the last hour by provider and model: at most NOW_TARGETS_MAX */
};
enum { NOW_TARGETS_MAX = 200 };
/* `scope`: of whose features. Owns: now_sums_free(). Fails: false with a sentence in `why`, and nothing to free. */
bool now_sum(const char *dir, const struct api_scope *scope, int64_t now_us, struct now_sums *out,
             struct buf *why) MUST_CHECK;
void now_sums_free(struct now_sums *s);
void now_add_spend(struct buf *out, const struct now_sums *s);
void now_add_hour(struct buf *out, const struct now_sums *s);

/* Today by the hour, and the month, against what the last weeks let one expect. Nothing is written where the ledger
 * cannot be read. */
void now_add_expected(struct buf *out, struct api_call *c, const struct now_sums *s);
/* One budget of money without a `*`: {budget, limit_picousd, ..., burn_rate, planned_picousd, end_picousd, run_out}. */
void now_add_budget(struct buf *out, struct api_call *c, const struct budget_state *b);
/* [{budget, ...}] of them. */
void now_add_budgets(struct buf *out, struct api_call *c);

/* [{target, state, ...}] of targets that were asked: what guards them, and the last hour's figures. `s` may be NULL.
 * `used`: only those that the last hour has calls to. */
void now_add_targets(struct buf *out, struct purser *p, const struct now_sums *s, bool used);

/* ,"state":, "opened_by":, "rests_s":, ... of one target. `mono_us`: of the monotonic clock. */
void now_add_health(struct buf *out, const struct health_view *v, int64_t mono_us);

/* [{kind, level, object, text, page}]: what somebody should look at, the worst first (attention.c). */
void now_add_attention(struct buf *out, struct api_call *c);

#endif
