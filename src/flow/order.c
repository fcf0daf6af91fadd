#include "flow/order.h"

#include "base/hash.h"
#include "base/time.h"
#include "flow/purser.h"

/* Whose calls stay together; empty: nobody's, as the call does not say. */
static str sticks_to(const struct request *r)
{
    switch (r->plan.model->sticky) {
    case STICKY_SESSION:
        return r->attribute.session;
    case STICKY_USER:
        return r->attribute.payer.is[SCOPE_USER];
    case STICKY_KEY:
        return r->attribute.payer.is[SCOPE_KEY];
    case STICKY_NONE:
        break;
    }
    return STR_NONE;
}

static int64_t weight_of(const struct setting_model *m, const struct target *t)
{
    for (size_t i = 0; i < m->target_count; i++)
        if (str_eq(m->targets[i].provider, t->provider->name) && str_eq(m->targets[i].model, t->model))
            return m->targets[i].weight;
    return 1;
}

static struct balance_fact fact_of(const struct request *r, const struct way *way, int64_t now_us)
{
    struct target *t = way->target;
    enum health_verdict v = health_look(target_health(t), now_us);
    enum balance by = r->plan.model->balance;
    return (struct balance_fact){.weight = by == BALANCE_WEIGHTED ? weight_of(r->plan.model, t) : 1,
                                 .in_flight = health_in_flight(t->health),
                                 .first_token_us = health_first_token_p50_us(t->health),
                                 .cost = by == BALANCE_CHEAPEST ? price_bound(&t->prices, r->at_us, &way->ask) : 0,
                                 .shut = v == HEALTH_REFUSED || v == HEALTH_RESTING};
}

static uint64_t sticks(const struct request *r, str to)
{
    struct {
        uint64_t model, to;
    } both = {hash_fnv(r->plan.model->name), hash_fnv(to)};
    return hash_sip(r->worker->purser->secret, &both, sizeof(both));
}

/* The target that answered the same session, user or key last has its prompt at hand. */
static void prefer_known(const struct request *r, const struct balance_fact *facts, size_t n, uint8_t *order)
{
    str to = sticks_to(r);
    if (!to.n) return;
    uint64_t who = sticks(r, to);
    for (size_t i = 0; i < n; i++) {
        if (facts[i].shut || !sticky_is(r->worker->purser->stickies, who, hash_fnv(r->plan.ways[i].target->name)))
            continue;
        balance_prefer(order, n, (uint8_t)i);
        return;
    }
}

void order_note(const struct attempt *a)
{
    const struct request *r = a->request;
    if (a->err || !r->plan.model || !r->plan.model->sticky || a->way->only_for != MISHAP_COUNT) return;
    str to = sticks_to(r);
    if (to.n) sticky_note(r->worker->purser->stickies, sticks(r, to), hash_fnv(a->way->target->name));
}

void order_ways(struct request *r)
{
    const struct setting_model *m = r->plan.model;
    struct balance_fact facts[BALANCE_TARGETS_MAX];
    uint8_t order[BALANCE_TARGETS_MAX];
    struct way sorted[BALANCE_TARGETS_MAX];
    size_t n = 0;
    while (n < r->plan.count && n < BALANCE_TARGETS_MAX && r->plan.ways[n].only_for == MISHAP_COUNT) n++;
    if (!m || m->rung_count || n < 2 || (m->balance == BALANCE_ORDERED && !m->sticky)) return;
    if (r->attribute.call.references || r->attribute.call.files) return; /* what it names lies at the first one */
    int64_t now_us = time_mono_us();
    for (size_t i = 0; i < n; i++) facts[i] = fact_of(r, &r->plan.ways[i], now_us);
    balance_order(m->balance, facts, n, rng_next(&r->worker->rng), order);
    prefer_known(r, facts, n, order);
    for (size_t i = 0; i < n; i++) sorted[i] = r->plan.ways[order[i]];
    memcpy(r->plan.ways, sorted, n * sizeof(*sorted));
}

/* ---- how long the client waits */

/* Source: the generated SDKs of OpenAI and Anthropic (Node and Go send the first one, Python the second one, Java
 * both); Google's SDKs. All in seconds, some with a fraction. */
static const str sdk_timeouts[] = {STR_INIT("x-stainless-timeout"), STR_INIT("x-stainless-read-timeout"),
                                   STR_INIT("x-server-timeout")};

enum { DEADLINE_MOST_S = 24 * 3600 };

/* "600" or "0.75"; 0: it is no such time. */
static int64_t seconds_us(str value)
{
    size_t dot = str_find_byte(value, '.', 0);
    uint64_t seconds = 0;
    int64_t us = 0, unit = US_PER_SECOND / 10;
    str whole = dot == SIZE_MAX ? value : str_head(value, dot);
    if (!str_to_u64(whole, &seconds) || seconds > DEADLINE_MOST_S) return 0;
    for (size_t i = dot == SIZE_MAX ? value.n : dot + 1; i < value.n; i++, unit /= 10) {
        if (value.p[i] < '0' || value.p[i] > '9') return 0;
        us += (value.p[i] - '0') * unit;
    }
    return (int64_t)seconds * US_PER_SECOND + us;
}

bool order_deadline(struct request *r)
{
    const struct http_request *q = &r->x->request;
    str value = http_header_find(q, S("x-purser-deadline-ms"));
    uint64_t n = 0;
    if (value.p) {
        if (!str_to_u64(value, &n) || n == 0 || n > DEADLINE_MOST_S * UINT64_C(1000)) {
            request_fail(r, ERR_BAD_HEADER,
                         S("The header x-purser-deadline-ms must be how many milliseconds you wait for the answer, "
                           "from 1 to 86400000."));
            return false;
        }
        r->answer.deadline_us = r->started_us + (int64_t)n * US_PER_MS;
        return true;
    }
    int64_t least_us = INT64_MAX;
    for (size_t i = 0; i < COUNT_OF(sdk_timeouts) && !r->attribute.call.stream; i++) {
        int64_t us = seconds_us(http_header_find(q, sdk_timeouts[i]));
        if (us > 0 && us < least_us) least_us = us;
    }
    if (least_us != INT64_MAX) r->answer.deadline_us = r->started_us + least_us;
    return true;
}
