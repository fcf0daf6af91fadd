/* A ladder's rungs, and what each alone would have cost.
 *
 * Of a call that a rung did not answer nobody knows what it would have cost there. We take its
 * prompt at the rung's own mean price of a prompt's token (so that tiers and cached shares are
 * in it), and an answer as dear as the rung's mean one:
 *
 *   alone = T * prompt cost / prompt tokens + N * answer cost / answers
 *
 * with N calls that were answered, by any rung, and T tokens of their prompts as the rung
 * that answered counted them (where a service answered, which counts none, as many as the others
 * had on the average); the rest is over all whole answers of the rung, accepted or not.
 * Where a rung answered every call itself, this is just what its answers cost. What it cannot
 * know: that rungs count the same text in other tokens, and that the calls that reach a high
 * rung may be the long ones. Failed attempts are in no rung's figure. */
#include "ledger/report_inside.h"

#include <stdlib.h>

static const enum unit prompt_units[] = {UNIT_INPUT, UNIT_CACHE_READ, UNIT_CACHE_WRITE_5M, UNIT_CACHE_WRITE_1H,
                                         UNIT_AUDIO_IN};

static const char *const cost_columns[UNIT_COUNT] = {
#define UNIT_COST_COLUMN(unit, count, cost) [UNIT_##unit] = cost,
    UNIT_COLUMNS(UNIT_COST_COLUMN)
#undef UNIT_COST_COLUMN
};

bool report_ask_ladder(struct report_ask *ask, str model)
{
    static const str by[] = {STR_INIT("rung"), STR_INIT("provider"), STR_INIT("model")};
    if (ask->where_count == REPORT_WHERE_MAX) return false;
    ask->ladder = true;
    ask->by_count = COUNT_OF(by);
    for (size_t i = 0; i < COUNT_OF(by); i++) ask->by[i] = by[i];
    ask->where[ask->where_count].column = S("model_requested");
    ask->where[ask->where_count++].equals = model;
    return true;
}

/* ---- sums */

void rung_write_columns(struct buf *sql, int version)
{
    static const str late[] = {STR_INIT("rung_number"), STR_INIT("accepted")};
    for (size_t i = 0; i < COUNT_OF(late); i++)
        buf_printf(sql, ", %s", schema_attempt_read(schema_find_attempt_column(late[i]), version));
    for (size_t i = 0; i < COUNT_OF(prompt_units); i++) buf_printf(sql, ", %s", cost_columns[prompt_units[i]]);
}

void rung_add_row(struct group *g, const struct rung_row *row)
{
    enum { NUMBER, ACCEPTED, COSTS };
    if (!g->rung) g->rung = mem_zalloc(sizeof(*g->rung));
    __int128 *of = g->rung->of, tokens = 0, cost = 0;
    for (size_t i = 0; i < COUNT_OF(prompt_units); i++) {
        tokens += sqlite3_value_int64(row->units[prompt_units[i]]);
        cost += sqlite3_value_int64(row->more[COSTS + i]);
    }
    of[RUNG_REACHED] += sqlite3_value_int64(row->more[NUMBER]) == 1;
    of[RUNG_ACCEPTED] += sqlite3_value_int64(row->more[ACCEPTED]) != 0;
    of[RUNG_USED] += row->used;
    of[RUNG_COUNTED] += row->used && tokens;
    of[RUNG_USED_TOKENS] += row->used ? tokens : 0;
    if (!row->whole || !row->priced) return;
    of[RUNG_ANSWERS]++;
    of[RUNG_PROMPT_TOKENS] += tokens;
    of[RUNG_PROMPT_COST] += cost;
    of[RUNG_ANSWER_COST] += row->cost - cost;
}

void rung_add(struct group *to, const struct group *from)
{
    if (!to->rung) to->rung = mem_zalloc(sizeof(*to->rung));
    for (int i = 0; i < RUNG_SUM_COUNT; i++) to->rung->of[i] += from->rung->of[i];
}

__int128 rung_sum(const struct group *g, enum rung_sum sum)
{
    return g->rung ? g->rung->of[sum] : 0;
}

/* ---- what follows from them */

__int128 rung_reached(const struct report *r, const struct group *g)
{
    return g == &r->totals ? g->sums[SUM_calls] : rung_sum(g, RUNG_REACHED);
}

/* count * cost / of, to the nearest. Fails: false beyond 128 bits. */
static bool scale(__int128 count, __int128 cost, __int128 of, __int128 *out)
{
    *out = 0;
    if (of <= 0) return true;
    if (__builtin_mul_overflow(count, cost, out) || __builtin_add_overflow(*out, of / 2, out)) return false;
    *out /= of;
    return true;
}

bool rung_alone_cost(const struct report *r, const struct group *g, __int128 *out)
{
    const struct rung_sums *all = r->totals.rung, *own = g->rung;
    str key = g->key;
    __int128 tokens, prompts, answers;
    if (g == &r->totals || !own || !key_next(r->by[0], &key).text.n) return false; /* at no rung */
    if (!own->of[RUNG_ANSWERS] || !all->of[RUNG_USED]) return false;
    if (!scale(all->of[RUNG_USED], all->of[RUNG_USED_TOKENS], all->of[RUNG_COUNTED], &tokens) ||
        !scale(tokens, own->of[RUNG_PROMPT_COST], own->of[RUNG_PROMPT_TOKENS], &prompts) ||
        !scale(all->of[RUNG_USED], own->of[RUNG_ANSWER_COST], own->of[RUNG_ANSWERS], &answers))
        return false;
    *out = prompts + answers;
    return true;
}

int rung_compare(const struct report *r, const struct group *a, const struct group *b)
{
    str key_a = a->key, key_b = b->key;
    str x = key_next(r->by[0], &key_a).text, y = key_next(r->by[0], &key_b).text;
    if (!x.n != !y.n) return x.n ? -1 : 1;
    if (x.n != y.n) return x.n < y.n ? -1 : 1; /* more digits: the larger number */
    return str_cmp(x, y);
}
