#include "simulate/sim_faults.h"

#include <stdlib.h>

bool sim_rates_parse(str s, struct sim_rates *out)
{
    double sum = 0;
    *out = (struct sim_rates){0};
    while (s.p) {
        str rate = str_cut(&s, ',');
        str name = str_trim(str_cut(&rate, ':'));
        enum sim_fault fault;
        char text[32], *end;
        if (!sim_fault_find(name, &fault) || fault == SIM_FAULT_NONE) return false;
        if (!rate.n || !str_copy(text, sizeof text, str_trim(rate))) return false;
        double share = strtod(text, &end);
        if (*end || end == text || !(share >= 0 && share <= 1)) return false;
        out->share[fault] += share;
        sum += share;
    }
    return sum <= 1.0 + 1e-9;
}

enum sim_fault sim_rates_draw(const struct sim_rates *rates, struct rng *r)
{
    double u = rng_unit(r);
    for (int f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++) {
        if (u < rates->share[f]) return (enum sim_fault)f;
        u -= rates->share[f];
    }
    return SIM_FAULT_NONE;
}

void sim_times_init(struct sim_times *t)
{
    pthread_mutex_init(&t->lock, NULL);
    memset(t->slots, 0, sizeof t->slots);
}

void sim_times_free(struct sim_times *t)
{
    pthread_mutex_destroy(&t->lock);
}

void sim_times_clear(struct sim_times *t)
{
    pthread_mutex_lock(&t->lock);
    memset(t->slots, 0, sizeof t->slots);
    pthread_mutex_unlock(&t->lock);
}

bool sim_times_strike(struct sim_times *t, uint64_t hash, int64_t times)
{
    size_t at = hash % SIM_TIMES_SLOTS;
    pthread_mutex_lock(&t->lock);
    if (t->slots[at].hash != hash) {
        t->slots[at].hash = hash;
        t->slots[at].count = 0;
    }
    bool strikes = t->slots[at].count++ < times;
    pthread_mutex_unlock(&t->lock);
    return strikes;
}

static const struct {
    enum sim_fault fault;
    struct sim_problem problem;
} refusals[] = {
    {SIM_FAULT_429,
     {429, STR_INIT("Rate limit reached for requests. Limit: 500 / min. Please try again in 1s."), STR_INIT("requests"),
      STR_INIT(""), STR_INIT("rate_limit_exceeded")}},
    {SIM_FAULT_500,
     {500, STR_INIT("The server had an error while processing your request. Sorry about that!"),
      STR_INIT("server_error"), STR_INIT(""), STR_INIT("")}},
    {SIM_FAULT_503,
     {503,
      STR_INIT("The server is currently overloaded with other requests. Sorry about that! You can retry your "
               "request."),
      STR_INIT("service_unavailable"), STR_INIT(""), STR_INIT("overloaded")}},
    {SIM_FAULT_400,
     {400, STR_INIT("Invalid request: the simulated provider was told to refuse it."),
      STR_INIT("invalid_request_error"), STR_INIT("messages"), STR_INIT("invalid_value")}},
    {SIM_FAULT_401,
     {401, STR_INIT("Incorrect API key provided."), STR_INIT("invalid_request_error"), STR_INIT(""),
      STR_INIT("invalid_api_key")}},
    {SIM_FAULT_REJECT_STREAM_OPTIONS,
     {400, STR_INIT("Unrecognized request argument supplied: stream_options"), STR_INIT("invalid_request_error"),
      STR_INIT(""), STR_INIT("")}},
    {SIM_FAULT_REJECT_MAX_COMPLETION_TOKENS,
     {400, STR_INIT("Unrecognized request argument supplied: max_completion_tokens"), STR_INIT("invalid_request_error"),
      STR_INIT(""), STR_INIT("")}},
    {SIM_FAULT_REJECT_MAX_TOKENS,
     {400,
      STR_INIT("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
               "'max_completion_tokens' instead."),
      STR_INIT("invalid_request_error"), STR_INIT("max_tokens"), STR_INIT("unsupported_parameter")}},
};

bool sim_fault_refuses(enum sim_fault fault, const struct sim_request *r, struct sim_problem *problem)
{
    if (fault == SIM_FAULT_REJECT_STREAM_OPTIONS && !r->stream_options) return false;
    if (fault == SIM_FAULT_REJECT_MAX_COMPLETION_TOKENS && !r->has_max_completion_tokens) return false;
    if (fault == SIM_FAULT_REJECT_MAX_TOKENS && !r->has_max_tokens) return false;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if (refusals[i].fault != fault) continue;
        *problem = refusals[i].problem;
        return true;
    }
    return false;
}

int64_t sim_fault_ms(enum sim_fault fault, int64_t ms)
{
    if (ms >= 0) return ms;
    switch (fault) {
    case SIM_FAULT_SLOW_HEAD:
        return 2000;
    case SIM_FAULT_SLOW_BODY:
        return 100;
    case SIM_FAULT_STALL:
        return 10000;
    default:
        return 0;
    }
}
