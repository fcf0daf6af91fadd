/* What zone.c and window.c share. Private to base. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/time.h"

/* A stretch of time in which a zone's clocks run without a jump: [from, until). */
struct zone_span {
    int64_t from_us, until_us; /* INT64_MIN, INT64_MAX: without a beginning, an end */
    int64_t offset_s;
};

/* The stretch that holds `at_us`. A NULL zone is UTC. */
struct zone_span zone_span_at(const struct zone *z, int64_t at_us);

/* The rule at the end of a TZif file, for the years behind its table: a POSIX TZ
 * string with the extensions of RFC 8536, 3.3.1. */
struct zone_rule {
    bool present, has_dst;
    int32_t std_offset_s, dst_offset_s; /* east of Greenwich */
    struct zone_day {
        enum { DAY_JULIAN, DAY_ZERO_BASED, DAY_OF_MONTH } kind; /* Jn, n, Mm.w.d */
        int month, week, day;
        int32_t at_s; /* local time, -167 to 167 hours */
    } dst_begins, dst_ends;
};

/* Fails: false for what is no rule. Empty is one: without a rule. */
bool zone_rule_parse(str s, struct zone_rule *out) MUST_CHECK;
/* The jumps of the rule next to `at_s`, in seconds; only for a rule with DST. */
struct zone_rule_span {
    int64_t from_s, until_s;
    int32_t offset_s;
} zone_rule_at(const struct zone_rule *rule, int64_t at_s);

#endif
