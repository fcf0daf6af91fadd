#include "past.h"

#include <stdio.h>

/* ---- usage and cost */

static void fill_units(const struct past_attempt *a, struct usage *u)
{
    int64_t cached = a->cached_tokens < a->input_tokens ? a->cached_tokens : a->input_tokens;
    int64_t fresh = a->input_tokens - cached;
    u->known = a->seen == 1 && !a->refused;
    if (a->refused) return;
    u->units[UNIT_CACHE_READ] = cached;
    u->units[a->write_cache ? UNIT_CACHE_WRITE_5M : UNIT_INPUT] = fresh;
    u->units[UNIT_OUTPUT] = (int64_t)((double)a->output_tokens * a->seen);
    u->units[UNIT_REASONING] = (int64_t)((double)a->reasoning_tokens * a->seen);
    u->units[UNIT_SEARCHES] = a->searches;
}

static void fill_cost(struct past *p, const struct past_attempt *a, const struct usage *u, struct row_numbers *n)
{
    const struct price_set *set = &p->prices[a->model - past_models];
    bool missing;
    const struct price *price = price_pick(set, TIER_STANDARD, price_prompt_tokens(u), a->at_us, &missing);
    struct cost cost = {.state = COST_FREE};
    if (!a->refused) cost = price_cost(price, u);
    if (price_is_ceiling(set, price) && !a->refused) cost.state = COST_UNPRICED;
    const struct price_bound_ask bound = {.input_tokens = a->prompt_bytes + 832,
                                          .output_tokens = (int64_t)a->task->feature->output_tokens * 4,
                                          .requests = 1,
                                          .tiers = 1 << TIER_STANDARD};
    memcpy(n->units, u->units, sizeof(n->units));
    memcpy(n->cost_by_unit, cost.unit, sizeof(n->cost_by_unit));
    n->held_picousd = price_bound(set, a->at_us, &bound);
    n->cost_picousd = n->cost_max_picousd = cost.total;
    if (!u->known && cost.state != COST_FREE && n->held_picousd > cost.total) n->cost_max_picousd = n->held_picousd;
    n->cost_state = (uint8_t)cost.state;
    n->usage_known = u->known;
}

static str usage_text(const struct past_attempt *a, const struct usage *u, char *to, size_t room)
{
    const int64_t *n = u->units;
    long long in = n[UNIT_INPUT] + n[UNIT_CACHE_READ] + n[UNIT_CACHE_WRITE_5M],
              out = n[UNIT_OUTPUT] + n[UNIT_REASONING];
    int wrote;
    if (!u->known) return STR_NONE;
    if (a->model->words == WORDS_ANTHROPIC)
        wrote =
            snprintf(to, room,
                     "{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,\"cache_read_input_tokens\":%lld,"
                     "\"output_tokens\":%lld}",
                     (long long)n[UNIT_INPUT], (long long)n[UNIT_CACHE_WRITE_5M], (long long)n[UNIT_CACHE_READ], out);
    else if (a->model->words == WORDS_GEMINI)
        wrote = snprintf(to, room,
                         "{\"promptTokenCount\":%lld,\"cachedContentTokenCount\":%lld,\"candidatesTokenCount\":%lld,"
                         "\"totalTokenCount\":%lld}",
                         in, (long long)n[UNIT_CACHE_READ], out, in + out);
    else
        wrote = snprintf(to, room,
                         "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
                         "\"prompt_tokens_details\":{\"cached_tokens\":%lld},"
                         "\"completion_tokens_details\":{\"reasoning_tokens\":%lld}}",
                         in, out, in + out, (long long)n[UNIT_CACHE_READ], (long long)n[UNIT_REASONING]);
    return str_of(to, (size_t)wrote);
}

/* ---- numbers and texts */

static void fill_numbers(struct past *p, const struct past_attempt *a, struct row_numbers *n)
{
    n->attempt_id = a->number == 1 ? a->call_id : UINT64_C(1) << 43 | ++p->counter << 8;
    n->call_id = a->call_id;
    n->at_us = a->at_us;
    n->ended_us = a->at_us + a->total_us;
    n->provider_cost_picousd = -1;
    n->connect_us = past_chance(&p->rng, 0.06) ? 9000 + (int64_t)rng_below(&p->rng, 40000) : 0;
    n->first_byte_us = a->first_us;
    n->total_us = a->total_us;
    n->overhead_us = 60 + (int64_t)rng_below(&p->rng, 90);
    n->system_bytes = a->system_bytes;
    n->history_bytes = a->history_bytes;
    n->retrieved_bytes = a->retrieved_bytes;
    n->tools_bytes = a->tools_bytes;
    n->prompt_bytes = a->prompt_bytes;
    n->request_bytes = a->prompt_bytes + a->prompt_bytes / 12 + 380;
    n->output_seen = (int64_t)((double)a->output_tokens * a->seen);
    n->response_bytes = a->http_status ? 640 + n->output_seen * (a->task->feature->streamed ? 170 : 5) : 0;
    n->generation = (uint32_t)a->task->version;
    n->http_status = a->http_status;
    n->err = (uint16_t)a->err;
    n->reason = (uint8_t)a->reason;
    n->number = a->number;
    n->client_retries = a->client_retries;
    n->streamed = a->task->feature->streamed;
    n->wasted = a->err != ERR_NONE || a->empty;
    n->rung = a->rung;
    n->rung_number = a->rung_number;
    n->accepted = a->accepted;
}

struct texts {
    char user[40], task[48], session[40], prompt[64], request[48], object[48], usage[256];
};

static str put(char *to, size_t room, const char *before, uint64_t number)
{
    int n = snprintf(to, room, "%s%llu", before, (unsigned long long)number);
    return str_of(to, n < (int)room ? (size_t)n : room - 1);
}

static str put_hex(char *to, size_t room, const char *before, uint64_t number)
{
    int n = snprintf(to, room, "%s%016llx", before, (unsigned long long)number);
    return str_of(to, n < (int)room ? (size_t)n : room - 1);
}

str task_name(const struct past_task *t, char *to, size_t room)
{
    int n = snprintf(to, room, "%s-%llu", t->feature->task, (unsigned long long)t->number + 1000);
    return str_of(to, (size_t)n);
}

static void fill_who(const struct past_task *t, struct texts *x, str *text)
{
    const struct past_feature *f = t->feature;
    int n = snprintf(x->prompt, sizeof(x->prompt), "%s@%d", f->prompt ? f->prompt : "", t->version);
    text[ROW_KEY] = str_from(t->key);
    text[ROW_TEAM] = str_from(t->team);
    text[ROW_FEATURE] = str_from(f->name);
    if (t->user) text[ROW_USER] = put(x->user, sizeof(x->user), "customer-", t->user);
    if (t->loop) text[ROW_USER] = S("nightly-build");
    if (f->task) text[ROW_TASK] = task_name(t, x->task, sizeof(x->task));
    if (t->calls > 1)
        text[ROW_SESSION] = put_hex(x->session, sizeof(x->session), "s-", t->number * 0x9e3779b97f4a7c15U);
    if (f->prompt && *f->prompt) text[ROW_PROMPT] = str_of(x->prompt, (size_t)n);
    text[ROW_TAGS] = t->user % 5 == 0 ? S("env=prod,plan=paid") : S("env=prod");
}

/* One client in some gives such names to everything that it may name. */
static void fill_hostile(const struct past_task *t, str *text)
{
    static const enum row_text theirs[] = {ROW_USER,           ROW_TASK,   ROW_SESSION,
                                           ROW_PROMPT,         ROW_TAGS,   ROW_MODEL_REQUESTED,
                                           ROW_MODEL_ANSWERED, ROW_FINISH, ROW_SERVICE_TIER,
                                           ROW_OBJECT};
    for (size_t i = 0; i < COUNT_OF(theirs); i++) text[theirs[i]] = hostile_text(t->hostile + (int64_t)i);
    if (t->hostile / (int64_t)hostile_count() % 3 == 0) text[ROW_FEATURE] = hostile_text(t->hostile);
}

static void fill_texts(struct past *p, const struct past_attempt *a, struct texts *x, str *text)
{
    const struct past_feature *f = a->task->feature;
    const struct price_set *set = &p->prices[a->model - past_models];
    bool answered = a->http_status >= 200 && a->http_status < 300 && a->first_us;
    fill_who(a->task, x, text);
    text[ROW_PROVIDER] = str_from(a->model->provider);
    text[ROW_MODEL] = str_from(a->model->name);
    text[ROW_MODEL_REQUESTED] = str_from(f->model);
    text[ROW_OPERATION] = f->kind == KIND_EMBED ? S("embeddings") : S("chat");
    if (a->http_status) text[ROW_PROVIDER_REQUEST] = put_hex(x->request, sizeof(x->request), "req_", rng_next(&p->rng));
    if (set->count) text[ROW_PRICE_SOURCE] = set->rows[0]->source;
    if (!answered) return;
    text[ROW_MODEL_ANSWERED] = str_from(a->model->answered);
    text[ROW_FINISH] = f->kind == KIND_EMBED ? STR_NONE : str_from(a->finish);
    text[ROW_SERVICE_TIER] = a->model->words == WORDS_GEMINI ? STR_NONE : S("default");
    if (a->model->words != WORDS_GEMINI && f->kind != KIND_EMBED)
        text[ROW_OBJECT] = put_hex(x->object, sizeof(x->object), a->model->words == WORDS_OPENAI ? "chatcmpl-" : "msg_",
                                   rng_next(&p->rng));
}

bool attempt_write(struct past *p, const struct past_attempt *a)
{
    struct row row = {0};
    struct texts x;
    struct usage usage = {0};
    fill_units(a, &usage);
    fill_numbers(p, a, &row.n);
    fill_cost(p, a, &usage, &row.n);
    fill_texts(p, a, &x, row.text);
    row.text[ROW_USAGE_RAW] = usage_text(a, &usage, x.usage, sizeof(x.usage));
    if (a->task->hostile >= 0) fill_hostile(a->task, row.text);
    return past_write(p, &row);
}
