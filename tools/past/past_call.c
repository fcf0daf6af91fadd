#include "past.h"

#include <math.h>

double past_normal(struct rng *rng)
{
    double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

bool past_chance(struct rng *rng, double share)
{
    return rng_unit(rng) < share;
}

/* About so much: log-normal, its median the number itself. */
static int64_t about(struct rng *rng, double median, double spread)
{
    return median > 0 ? (int64_t)(median * exp(spread * past_normal(rng)) + 0.5) : 0;
}

static const struct past_model *model_at(const struct past *p, const struct past_feature *f, int place)
{
    bool late = p->now_us - p->rhythm.from_us > (p->rhythm.until_us - p->rhythm.from_us) / 5 * 3;
    return &past_models[place == 0 && late ? f->later : f->target[place]];
}

static bool within(int64_t at_us, int64_t from_us, int64_t until_us)
{
    return at_us >= from_us && at_us < until_us;
}

/* How likely an attempt at this model is to fail now. */
static double failing(const struct past *p, const struct past_model *m)
{
    const struct past_rhythm *r = &p->rhythm;
    if (strcmp(m->provider, "openai") == 0 && within(p->now_us, r->outage_from_us, r->outage_until_us)) return 0.85;
    if (strcmp(m->provider, "anthropic") == 0 && within(p->now_us, r->crowded_from_us, r->crowded_until_us))
        return 0.18;
    return m->failing;
}

/* What the prompt is made of: versions and retrieval grow by the week, history by the turn. */
static void weigh_prompt(struct past *p, const struct past_task *t, struct past_attempt *a)
{
    const struct past_feature *f = t->feature;
    double weeks = (double)(p->now_us - p->rhythm.from_us) / (double)(7 * US_PER_DAY);
    double grown = exp(log1p(f->growth) * weeks), by_version = 1 + 0.04 * (t->version - 1);
    a->system_bytes = (int64_t)(f->system_bytes * by_version);
    a->tools_bytes = f->tools_bytes;
    a->retrieved_bytes = about(&p->rng, f->retrieved_bytes * grown, 0.35);
    a->history_bytes = t->history_bytes;
    int64_t said = about(&p->rng, f->user_bytes, 0.5);
    if (f->kind == KIND_AGENT && t->made) { /* it is its tools' answers that it goes on with */
        a->tools_bytes += said;
        said = 40;
    }
    a->prompt_bytes = a->system_bytes + a->tools_bytes + a->retrieved_bytes + a->history_bytes + said;
}

/* What a provider keeps of the prompt's beginning: not the first time, and not for long. */
static void weigh_cache(struct past *p, const struct past_task *t, struct past_attempt *a)
{
    int64_t kept = (a->system_bytes + t->feature->tools_bytes + (t->made ? a->history_bytes * 9 / 10 : 0)) / 4;
    if (a->model->cache == CACHE_NONE || kept < 1024 || t->feature->kind == KIND_LADDER) return;
    if (past_chance(&p->rng, t->made ? 0.86 : 0.35))
        a->cached_tokens = kept / 128 * 128;
    else
        a->write_cache = a->model->cache == CACHE_MARKED;
}

static void weigh(struct past *p, const struct past_task *t, struct past_attempt *a)
{
    const struct past_feature *f = t->feature;
    weigh_prompt(p, t, a);
    a->input_tokens = a->prompt_bytes / 4 + 8;
    weigh_cache(p, t, a);
    a->output_tokens = about(&p->rng, f->output_tokens, 0.55);
    bool thinks = a->model->words == WORDS_OPENAI && strstr(a->model->name, "gpt-5") != NULL;
    a->reasoning_tokens = f->reasoning_tokens && thinks ? about(&p->rng, f->reasoning_tokens, 0.8) : 0;
    if (strcmp(f->name, "research-agent") == 0 && a->model->words == WORDS_ANTHROPIC)
        a->searches = (int64_t)rng_below(&p->rng, 3);
    a->first_us = about(&p->rng, a->model->first_ms * 1e3, a->model->spread) + a->input_tokens * 9;
    a->total_us =
        a->first_us + (int64_t)((double)(a->output_tokens + a->reasoning_tokens) * 1e6 / a->model->tokens_per_second);
    a->seen = 1;
    a->finish = a->model->words == WORDS_ANTHROPIC ? "end_turn" : a->model->words == WORDS_GEMINI ? "STOP" : "stop";
    if (f->kind == KIND_AGENT && t->made + 1 < t->calls)
        a->finish = a->model->words == WORDS_ANTHROPIC ? "tool_use" : "tool_calls";
}

/* How this one fails: mostly refused at once, which costs nothing, sometimes after work that is paid. */
static void fail(struct past *p, struct past_attempt *a)
{
    double how = rng_unit(&p->rng);
    const struct past_rhythm *r = &p->rhythm;
    bool crowded = within(p->now_us, r->crowded_from_us, r->crowded_until_us);
    a->finish = "";
    a->refused = true;
    a->err = ERR_PROVIDER_ERROR;
    if (how < (crowded ? 0.9 : 0.30)) {
        a->http_status = 429;
        a->total_us = a->first_us = about(&p->rng, 60e3, 0.4);
    } else if (how < 0.64) {
        a->http_status = how < 0.45 ? 503 : 500;
        a->total_us = a->first_us = about(&p->rng, 240e3, 0.6);
    } else if (how < 0.70) {
        a->err = ERR_PROVIDER_CONNECT;
        a->http_status = 0;
        a->first_us = 0;
        a->total_us = about(&p->rng, 900e3, 0.5);
    } else if (how < 0.84) {
        a->err = ERR_PROVIDER_TIMEOUT;
        a->refused = false;
        a->http_status = 0;
        a->first_us = 0;
        a->seen = 0.4;
        a->total_us = about(&p->rng, 31e6, 0.1);
    } else {
        a->err = ERR_PROVIDER_CUT;
        a->refused = false;
        a->seen = 0.2 + 0.6 * rng_unit(&p->rng);
        a->total_us = a->first_us + (int64_t)((double)(a->total_us - a->first_us) * a->seen);
    }
}

/* Somebody closes the window; a limit of output is met; nothing is said. */
static void end_oddly(struct past *p, const struct past_task *t, struct past_attempt *a)
{
    double how = rng_unit(&p->rng);
    if (!a->output_tokens) return;
    if (t->feature->streamed && how < 0.028) {
        a->err = ERR_CLIENT_GONE;
        a->seen = rng_unit(&p->rng);
        a->total_us = a->first_us + (int64_t)((double)(a->total_us - a->first_us) * a->seen);
        a->finish = "";
    } else if (how < 0.031) {
        a->empty = true;
        a->output_tokens = 0;
    } else if (how < 0.037) {
        a->finish = a->model->words == WORDS_ANTHROPIC ? "max_tokens"
                    : a->model->words == WORDS_GEMINI  ? "MAX_TOKENS"
                                                       : "length";
    }
}

static struct past_attempt attempt_begin(struct past *p, const struct past_task *t, uint64_t call_id, int place)
{
    struct past_attempt a = {.task = t,
                             .call_id = call_id,
                             .at_us = p->now_us,
                             .model = model_at(p, t->feature, place),
                             .number = 1,
                             .http_status = 200};
    weigh(p, t, &a);
    return a;
}

/* The call asks once more: of whom, and why, follows from what went wrong. */
static struct past_attempt attempt_again(struct past *p, const struct past_attempt *last, enum attempt_reason reason,
                                         int place)
{
    struct past_attempt a = attempt_begin(p, last->task, last->call_id, place);
    a.number = (uint8_t)(last->number + 1);
    a.reason = reason;
    a.client_retries = last->client_retries;
    a.at_us = last->at_us + last->total_us + about(&p->rng, 180e3, 0.4);
    return a;
}

/* Up to three attempts: the same model again, then the one behind it. */
static bool make_plain(struct past *p, struct past_task *t, struct past_attempt a)
{
    bool again = false;
    for (;;) {
        if (past_chance(&p->rng, failing(p, a.model)))
            fail(p, &a);
        else
            end_oddly(p, t, &a);
        if (!attempt_write(p, &a)) return false;
        t->unanswered = a.err != ERR_NONE;
        bool begun = a.err == ERR_PROVIDER_CUT || a.err == ERR_CLIENT_GONE; /* the client has heard of it */
        if (!t->unanswered || begun || a.number == 3) return true;
        again = !again && a.err != ERR_PROVIDER_TIMEOUT && a.http_status != 500;
        a = attempt_again(p, &a, again ? REASON_RETRY : REASON_FALLBACK, again ? 0 : 1);
    }
}

/* A slow beginning: a second attempt beside it; the first with content wins. */
static bool make_hedged(struct past *p, struct past_task *t, struct past_attempt a)
{
    int64_t after_us = (int64_t)(a.model->first_ms * 1e3 * 2.1);
    struct past_attempt b = attempt_begin(p, t, a.call_id, 1);
    b.number = 2;
    b.reason = REASON_HEDGE;
    b.at_us = a.at_us + after_us;
    struct past_attempt *loser = a.first_us < after_us + b.first_us ? &b : &a;
    int64_t won_us = loser == &b ? a.first_us - after_us : after_us + b.first_us;
    loser->err = ERR_HEDGE_LOST;
    loser->first_us = 0;
    loser->total_us = won_us > 1000 ? won_us : 1000;
    loser->seen = 0;
    loser->finish = "";
    t->unanswered = false;
    return attempt_write(p, &a) && attempt_write(p, &b);
}

/* Cheapest first; what a rung's tests do not accept is repaired once, or goes up. */
static bool make_ladder(struct past *p, struct past_task *t, struct past_attempt a)
{
    static const double accepts[] = {0.74, 0.83, 1.0};
    int rung = 0;
    a.rung = a.rung_number = 1;
    for (;;) {
        bool failed = past_chance(&p->rng, failing(p, a.model)), refused = false;
        if (failed)
            fail(p, &a);
        else if (!past_chance(&p->rng, accepts[rung]))
            a.err = ERR_NOT_ACCEPTED, refused = true;
        a.accepted = a.err == ERR_NONE;
        if (!attempt_write(p, &a)) return false;
        t->unanswered = !a.accepted;
        if (a.accepted || a.number == 5) return true;
        bool repair = refused && a.rung_number == 1 && past_chance(&p->rng, 0.25);
        bool up = !repair && rung < 2;
        rung += up;
        uint8_t met = up ? 1 : (uint8_t)(a.rung_number + 1);
        a = attempt_again(p, &a,
                          repair          ? REASON_REPAIR
                          : up && refused ? REASON_ESCALATION
                          : up            ? REASON_FALLBACK
                                          : REASON_RETRY,
                          rung);
        a.rung = (uint8_t)(rung + 1);
        a.rung_number = met;
    }
}

bool call_make(struct past *p, struct past_task *t)
{
    const struct past_feature *f = t->feature;
    uint64_t call_id = UINT64_C(1) << 43 | ++p->counter << 8;
    struct past_attempt a = attempt_begin(p, t, call_id, 0);
    if (t->unanswered && past_chance(&p->rng, 0.6)) a.client_retries = 1; /* the client's own second try */
    bool slow = f->hedged && (double)a.first_us > a.model->first_ms * 2.1e3, ok;
    if (t->loop) {
        a.history_bytes = 90000;
        a.prompt_bytes += 90000;
        a.input_tokens += 22500;
        a.cached_tokens = 0;
        a.write_cache = false;
        ok = attempt_write(p, &a);
    } else if (f->kind == KIND_LADDER) {
        ok = make_ladder(p, t, a);
    } else {
        ok = slow ? make_hedged(p, t, a) : make_plain(p, t, a);
    }
    t->last_call = call_id;
    int64_t said = a.prompt_bytes - a.system_bytes - a.history_bytes - f->tools_bytes - a.retrieved_bytes;
    if (!t->loop && t->history_bytes < 400000) t->history_bytes += said + a.output_tokens * 4;
    return ok && after_call(p, t, call_id, a.at_us + a.total_us);
}
