#include "ledger/chains.h"

#include <stdlib.h>

static void add_call(struct chain_sums *s, const struct call_row *c)
{
    s->calls++;
    s->attempts += c->attempt_count;
    s->wasted += c->wasted_count;
    s->cost += c->cost;
    s->wasted_cost += c->wasted_cost;
    for (int64_t i = 0; i < c->attempt_count; i++) {
        const struct call_attempt *a = &c->attempts[i];
        int64_t at_us = call_number(a, "at_us");
        str state = call_text(a, "cost_state");
        s->errors += !str_eq(call_text(a, "status"), S("ok"));
        s->unpriced += str_eq(state, cost_state_name(COST_UNPRICED));
        s->estimated += str_eq(state, cost_state_name(COST_ESTIMATED));
        if (at_us < s->first_us) s->first_us = at_us;
        if (at_us > s->last_us) s->last_us = at_us;
    }
}

bool chains_read(const char *dir, const struct chain_ask *ask, struct chains_one *out, struct buf *why)
{
    struct calls_ask calls = {.since_us = ask->since_us,
                              .until_us = ask->until_us,
                              .limit = CALLS_LIMIT_MAX,
                              .with_attempts = true,
                              .go_on = ask->go_on,
                              .ctx = ask->ctx};
    if (ask->scope) calls.filter = *ask->scope;
    calls.filter.where[0] = (struct calls_where){ask->kind == CHAIN_TASK ? S("task") : S("session"), ask->name, false};
    calls.filter.where_count = 1;
    *out = (struct chains_one){.sums = {.first_us = INT64_MAX, .last_us = INT64_MIN}};
    out->page = calls_list(dir, &calls, why);
    if (!out->page) return false;
    out->more = out->page->more;
    for (size_t i = 0; i < out->page->count; i++) add_call(&out->sums, &out->page->rows[i]);
    return true;
}

void chains_one_free(struct chains_one *c)
{
    calls_page_drop(c->page);
    c->page = NULL;
}
