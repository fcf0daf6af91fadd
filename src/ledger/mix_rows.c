#include "ledger/mix_inside.h"

#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/tally.h"

#include <stdlib.h>

/* Every sum of a mix. Returns how many there are. */
static size_t list_sums(enum tally_sum *sums)
{
    size_t n = 0;
#define MIX(field, column, what) sums[n++] = TALLY_##field;
    MIX_MEASURES(MIX)
#undef MIX
    for (int u = 0; u < UNIT_COUNT; u++) sums[n++] = (enum tally_sum)(TALLY_UNITS + u);
    for (int u = 0; u < UNIT_COUNT; u++) sums[n++] = (enum tally_sum)(TALLY_UNIT_COSTS + u);
    return n;
}

static void read_sums(const struct tally *t, size_t row, struct mix_sums *out)
{
#define MIX(field, column, what) out->of[MIX_##field] = tally_sum(t, row, TALLY_##field);
    MIX_MEASURES(MIX)
#undef MIX
    for (int u = 0; u < UNIT_COUNT; u++) {
        out->units[u] = tally_sum(t, row, (enum tally_sum)(TALLY_UNITS + u));
        out->cost_by_unit[u] = tally_sum(t, row, (enum tally_sum)(TALLY_UNIT_COSTS + u));
    }
}

static struct mix *take(const struct mix_ask *ask, const struct tally *t, int64_t rows_from_us)
{
    struct mix *m = mix_new();
    m->whole = true;
    if (rows_from_us > ask->since_us) m->rows_from_us = rows_from_us;
    m->count = tally_rows(t);
    m->rows = mem_zalloc((m->count + 1) * sizeof(*m->rows));
    for (size_t i = 0; i < m->count; i++) {
        struct mix_row *row = &m->rows[i];
        for (size_t b = 0; b < ask->by_count; b++) {
            if (str_eq(ask->by[b], S("day")))
                row->day_us = tally_time_us(t, i, b);
            else
                row->by[b] = arena_str(&m->arena, tally_name(t, i, b));
        }
        read_sums(t, i, &row->sums);
    }
    read_sums(t, REPORT_TOTALS, &m->totals);
    return m;
}

/* Numbers among the filters are what people take for one, as in lists of calls. */
static bool check(const struct mix_ask *ask, struct buf *why)
{
    _Static_assert((int)MIX_WHERE_MAX <= (int)CALLS_WHERE_MAX, "a filter has room for a mix's");
    struct calls_filter f = {.where_count = ask->where_count};
    for (size_t i = 0; i < ask->where_count; i++)
        f.where[i] = (struct calls_where){.column = ask->where[i].column, .value = ask->where[i].equals};
    return calls_filter_check(&f, why);
}

static void copy_filters(const struct mix_ask *ask, struct report_ask *out)
{
    *out = (struct report_ask){.where_count = ask->where_count,
                               .scoped = ask->scoped,
                               .features = ask->features,
                               .feature_count = ask->feature_count};
    for (size_t i = 0; i < ask->where_count; i++) {
        out->where[i].column = ask->where[i].column;
        out->where[i].equals = ask->where[i].equals;
    }
}

/* From one reading: as many of all. */
struct share {
    const struct mix_ask *asks;
    size_t first, count, all;
};

static bool tell(void *share, double done)
{
    const struct share *s = share;
    const struct mix_ask *a = s->asks;
    return !a->go_on || a->go_on(a->ctx, ((double)s->first + done * (double)s->count) / (double)s->all);
}

static bool read_together(const char *dir, struct share *s, struct mix **out, struct buf *why)
{
    enum tally_sum sums[TALLY_SUM_COUNT];
    struct tally_ask tallies[MIX_READ_MAX];
    struct report_ask rows;
    struct buf too_many;
    buf_init(&too_many, 0);
    mix_tell_too_many(&too_many);
    copy_filters(s->asks, &rows);
    size_t sum_count = list_sums(sums);
    for (size_t i = 0; i < s->count; i++) {
        const struct mix_ask *ask = &s->asks[s->first + i];
        tallies[i] = (struct tally_ask){.by_count = ask->by_count,
                                        .sums = sums,
                                        .sum_count = sum_count,
                                        .since_us = ask->since_us,
                                        .until_us = ask->until_us,
                                        .most = MIX_ROWS_MAX,
                                        .too_many = buf_str(&too_many)};
        memcpy(tallies[i].by, ask->by, sizeof(ask->by));
        mix_whole_days(&tallies[i].since_us, &tallies[i].until_us);
    }
    struct tallies *t = tallies_run(dir, &rows, tallies, s->count, tell, s, why);
    for (size_t i = 0; t && i < s->count; i++)
        out[s->first + i] = take(&s->asks[s->first + i], t->of[i], t->rows_from_us);
    tallies_drop(t);
    buf_free(&too_many);
    return t != NULL;
}

/* What lies between two that do not touch would be read for nothing. */
static bool touch(const struct mix_ask *a, const struct mix_ask *b)
{
    return a->since_us <= b->until_us && b->since_us <= a->until_us;
}

bool mix_read_rows(const char *dir, const struct mix_ask *asks, size_t count, struct mix **out, struct buf *why)
{
    struct share s = {.asks = asks, .all = count};
    bool ok = check(asks, why);
    while (ok && s.first < count) {
        s.count = count - s.first;
        for (size_t i = 1; i < s.count; i++)
            if (!touch(&asks[s.first + i - 1], &asks[s.first + i])) s.count = i;
        ok = read_together(dir, &s, out, why);
        if (ok) s.first += s.count;
    }
    for (size_t i = 0; !ok && i < s.first; i++) mix_drop(out[i]);
    return ok;
}
