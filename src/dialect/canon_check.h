/* What a target takes of a call, by its dialect (features.def, ranges.def). */
#ifndef DIALECT_CANON_CHECK_H
#define DIALECT_CANON_CHECK_H

#include "dialect/canon.h"

/* What had to be left out of a call for its target. */
struct canon_dropped {
    str fields; /* "seed, logit_bias": for the warning header; empty: nothing */
};

/* Does the target's dialect take what the call uses? What it cannot say is refused, or dropped where
 * `lenient`; what is a mere hint is dropped in any case. Both are told in `dropped`.
 * Fails: false with `problem` naming the client's field. */
bool canon_check(const struct canon_call *call, enum dialect_id to, bool lenient, struct canon_dropped *dropped,
                 struct call_problem *problem) MUST_CHECK;
/* ... of a vendor (its kind: "voyage") whose words are not quite its dialect's; empty: any. */
bool canon_check_at(const struct canon_call *call, enum dialect_id to, str vendor, bool lenient,
                    struct canon_dropped *dropped, struct call_problem *problem) MUST_CHECK;
/* canon_range.c, for what the dialect has words for, but not for all that they may say (ranges.def): a number within
 * the target's range, told where it is another one; how many of the stop sequences may be written. */
str canon_ranged(const struct canon_call *call, const struct canon_target *target, enum dialect_id to,
                 enum canon_feature f, str number);
size_t canon_stops(const struct canon_call *call, enum dialect_id to, str vendor);
/* Fails: false with `problem`. */
bool canon_check_names(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
bool canon_check_stops(const struct canon_call *call, enum dialect_id to, str vendor,
                       struct call_problem *problem) MUST_CHECK;
/* For encoders: what the call says of `f` was left out. */
void canon_leave_out(const struct canon_call *call, const struct canon_target *target, enum canon_feature f);
str canon_feature_text(enum canon_feature f);

#endif
