/* A report for programs: JSON and CSV from one table of fields. */
#include "base/time.h"
#include "ledger/report_inside.h"

enum field_kind {
    FIELD_SUM,
    FIELD_LATENCY,
    FIELD_FIRST_TOKEN,
    FIELD_RATE,
    FIELD_AMPLIFICATION,
    /* of a ladder's rungs */
    FIELD_REACHED,
    FIELD_RUNG,
    FIELD_ACCEPTED_SHARE,
    FIELD_ALONE,
};

struct field {
    const char *name;
    enum field_kind kind;
    unsigned of; /* a sum; of a quantile the permille; a rate's part of all attempts */
};

#define UNIT_FIELD(unit, count, cost) {count, FIELD_SUM, SUM_UNITS + UNIT_##unit},

/* Documented in docs/reports.md. */
static const struct field fields[] = {
    {"calls", FIELD_SUM, SUM_calls},
    {"attempts", FIELD_SUM, SUM_attempts},
    {"errors", FIELD_SUM, SUM_errors},
    {"cost_picousd", FIELD_SUM, SUM_cost},
    {"cost_max_picousd", FIELD_SUM, SUM_cost_max},
    {"wasted", FIELD_SUM, SUM_wasted},
    {"wasted_cost_picousd", FIELD_SUM, SUM_wasted_cost},
    {"saved_cost_picousd", FIELD_SUM, SUM_saved_cost},
    {"estimated", FIELD_SUM, SUM_estimated},
    {"estimated_cost_picousd", FIELD_SUM, SUM_estimated_cost},
    {"unpriced", FIELD_SUM, SUM_unpriced},
    {"unpriced_cost_picousd", FIELD_SUM, SUM_unpriced_cost},
    /* clang-format off */
    UNIT_COLUMNS(UNIT_FIELD)
    /* clang-format on */
    {"p50_ms", FIELD_LATENCY, 500},
    {"p95_ms", FIELD_LATENCY, 950},
    {"p99_ms", FIELD_LATENCY, 990},
    {"first_token_p50_ms", FIELD_FIRST_TOKEN, 500},
    {"first_token_p95_ms", FIELD_FIRST_TOKEN, 950},
    {"first_token_p99_ms", FIELD_FIRST_TOKEN, 990},
    {"error_rate", FIELD_RATE, SUM_errors},
    {"estimated_share", FIELD_RATE, SUM_estimated},
    {"unpriced_share", FIELD_RATE, SUM_unpriced},
    {"amplification", FIELD_AMPLIFICATION, 0},
};

static const struct field ladder_fields[] = {
    {"reached", FIELD_REACHED, 0},
    {"accepted", FIELD_RUNG, RUNG_ACCEPTED},
    {"accepted_share", FIELD_ACCEPTED_SHARE, 0},
    {"answered", FIELD_RUNG, RUNG_USED},
    {"attempts", FIELD_SUM, SUM_attempts},
    {"errors", FIELD_SUM, SUM_errors},
    {"cost_picousd", FIELD_SUM, SUM_cost},
    {"cost_max_picousd", FIELD_SUM, SUM_cost_max},
    {"wasted_cost_picousd", FIELD_SUM, SUM_wasted_cost},
    {"estimated", FIELD_SUM, SUM_estimated},
    {"unpriced", FIELD_SUM, SUM_unpriced},
    {"estimated_alone_cost_picousd", FIELD_ALONE, 0},
};

struct field_list {
    const struct field *at;
    size_t count;
};

static struct field_list fields_of(const struct report *r)
{
    if (r->ladder) return (struct field_list){ladder_fields, COUNT_OF(ladder_fields)};
    return (struct field_list){fields, COUNT_OF(fields)};
}

static void add_whole(struct buf *out, __int128 v)
{
    char text[48], *at = text + sizeof(text);
    unsigned __int128 rest = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    do {
        *--at = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (v < 0) *--at = '-';
    buf_add(out, str_of(at, (size_t)(text + sizeof(text) - at)));
}

/* v / 10^places, without trailing zeros. */
static void add_decimal(struct buf *out, uint64_t v, unsigned places)
{
    static const uint64_t units[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    uint64_t rest = v % units[places];
    buf_printf(out, "%llu", (unsigned long long)(v / units[places]));
    if (!rest) return;
    for (; rest % 10 == 0; rest /= 10) places--;
    buf_printf(out, ".%0*llu", (int)places, (unsigned long long)rest);
}

static void add_quantile(struct buf *out, const struct spread *s, unsigned permille, const char *none)
{
    if (s->sparse.total)
        add_decimal(out, (uint64_t)histogram_quantile(&s->sparse, permille), 3);
    else
        buf_add(out, str_from(none));
}

static void add_share(struct buf *out, __int128 part, __int128 all)
{
    add_decimal(out, all ? (uint64_t)(part * 1000000 / all) : 0, 6);
}

/* All that was paid, for each dollar whose result was used. */
static void add_amplification(struct buf *out, const struct group *g, const char *none)
{
    __int128 cost = g->sums[SUM_cost], used = cost - g->sums[SUM_wasted_cost];
    if (used > 0 && cost / used < INT32_MAX)
        add_decimal(out, (uint64_t)(cost / used) * 1000000 + (uint64_t)(cost % used * 1000000 / used), 6);
    else
        buf_add(out, str_from(none));
}

static void add_field(struct buf *out, const struct report *r, const struct group *g, const struct field *f,
                      const char *none)
{
    __int128 alone;
    switch (f->kind) {
    case FIELD_SUM:
        add_whole(out, g->sums[f->of]);
        break;
    case FIELD_LATENCY:
        add_quantile(out, &g->latency, f->of, none);
        break;
    case FIELD_FIRST_TOKEN:
        add_quantile(out, &g->first_token, f->of, none);
        break;
    case FIELD_RATE:
        add_share(out, g->sums[f->of], g->sums[SUM_attempts]);
        break;
    case FIELD_AMPLIFICATION:
        add_amplification(out, g, none);
        break;
    case FIELD_REACHED:
        add_whole(out, rung_reached(r, g));
        break;
    case FIELD_RUNG:
        add_whole(out, rung_sum(g, (enum rung_sum)f->of));
        break;
    case FIELD_ACCEPTED_SHARE:
        add_share(out, rung_sum(g, RUNG_ACCEPTED), rung_reached(r, g));
        break;
    case FIELD_ALONE:
        if (rung_alone_cost(r, g, &alone))
            add_whole(out, alone);
        else
            buf_add(out, str_from(none));
        break;
    }
}

static void add_fields(struct buf *out, const struct report *r, const struct group *g, bool first)
{
    struct field_list list = fields_of(r);
    for (size_t i = 0; i < list.count; i++) {
        buf_printf(out, "%s\"%s\":", first && i == 0 ? "" : ",", list.at[i].name);
        add_field(out, r, g, &list.at[i], "null");
    }
}

static void add_time(struct buf *out, const char *name, int64_t at_us)
{
    char text[40];
    buf_printf(out, ",\"%s\":", name);
    if (at_us == INT64_MIN || at_us == INT64_MAX)
        buf_add(out, S("null"));
    else
        buf_add_json(out, time_format(at_us, text));
}

void report_json(const struct report *r, struct buf *out)
{
    char text[40];
    buf_add(out, S("{\"rows\":["));
    for (size_t i = 0; i < r->shown_count; i++) {
        buf_add(out, i ? S(",\n{") : S("\n{"));
        for (size_t by = 0; by < r->by_count; by++) {
            if (by) buf_add_byte(out, ',');
            buf_add_json(out, r->by[by]->name);
            buf_add_byte(out, ':');
            buf_add_json(out, report_value(r, r->shown[i], by, text));
        }
        add_fields(out, r, r->shown[i], r->by_count == 0);
        buf_add_byte(out, '}');
    }
    buf_add(out, S("],\n\"totals\":{"));
    add_fields(out, r, &r->totals, true);
    buf_printf(out, "},\n\"groups\":%zu", r->group_count);
    add_time(out, "since", r->since_us);
    add_time(out, "until", r->until_us);
    if (r->rows_from_us != INT64_MIN) add_time(out, "rows_from", r->rows_from_us);
    if (r->next)
        buf_printf(out, ",\n\"next\":\"%zu\"", r->next);
    else if (r->turned)
        buf_add(out, S(",\n\"next\":null"));
    buf_add(out, S("}\n"));
}

void report_csv(const struct report *r, struct buf *out)
{
    char text[40];
    struct field_list list = fields_of(r);
    for (size_t by = 0; by < r->by_count; by++) buf_printf(out, "%" STR_FMT ",", STR_ARG(r->by[by]->name));
    for (size_t f = 0; f < list.count; f++) buf_printf(out, "%s%s", f ? "," : "", list.at[f].name);
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < r->shown_count; i++) {
        for (size_t by = 0; by < r->by_count; by++) {
            buf_add_csv_cell(out, report_value(r, r->shown[i], by, text));
            buf_add_byte(out, ',');
        }
        for (size_t f = 0; f < list.count; f++) {
            if (f) buf_add_byte(out, ',');
            add_field(out, r, r->shown[i], &list.at[f], "");
        }
        buf_add_byte(out, '\n');
    }
}
