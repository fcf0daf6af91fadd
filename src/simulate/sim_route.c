/* From a request to a call: paths, key, body, control words, draws. */
#include "simulate/sim_worker.h"

#include "base/time.h"
#include "simulate/sim_call.h"
#include "simulate/sim_error.h"
#include "simulate/sim_path.h"
#include "simulate/sim_vector.h"

#include <inttypes.h>

static void respond_json(struct http_exchange *x, int status, str headers, str body)
{
    str lines = arena_printf(&x->arena, "content-type: application/json\r\n%.*s", STR_ARG(headers));
    http_respond(x, status, lines, body);
}

/* `id` 0: the call is none that the truth knows. */
static void respond_problem(struct http_exchange *x, enum sim_kind kind, uint64_t id, const struct sim_problem *p)
{
    struct sim_worker *w = http_server_owner(x->server);
    struct buf lines;
    buf_init(&lines, 0);
    buf_add(&lines, sim_problem_headers(kind, p, &x->arena));
    if (id) {
        buf_printf(&lines, "x-request-id: sim-%" PRIu64 "\r\n", id);
        sim_call_add_id(kind, id, &lines);
    }
    buf_clear(&w->out);
    sim_problem_print(kind, p, id, &w->out);
    respond_json(x, sim_problem_status(kind, p), arena_str(&x->arena, buf_str(&lines)), buf_str(&w->out));
    buf_free(&lines);
}

/* ---- control words in headers */

static bool read_header(const struct http_request *r, size_t i, struct sim_control *control, str *bad)
{
    const str prefix = S("x-simulate-");
    str name = r->headers[i].name, value = str_trim(r->headers[i].value);
    char lower[32];
    if (str_eq_nocase(name, S("x-simulate"))) return sim_control_words(control, value, bad);
    if (!str_eq_nocase(str_head(name, prefix.n), prefix)) return true;
    *bad = name;
    name = str_from_at(name, prefix.n);
    if (name.n > sizeof lower) return false;
    for (size_t c = 0; c < name.n; c++) {
        lower[c] = name.p[c] >= 'A' && name.p[c] <= 'Z' ? (char)(name.p[c] + 32) : name.p[c];
    }
    return sim_control_set(control, str_of(lower, name.n), value);
}

static bool read_headers(const struct http_exchange *x, struct sim_control *control, struct sim_problem *problem,
                         struct arena *arena)
{
    for (size_t i = 0; i < x->request.header_count; i++) {
        str bad = STR_NONE;
        if (read_header(&x->request, i, control, &bad)) continue;
        *problem =
            (struct sim_problem){.status = 400,
                                 .type = S("invalid_request_error"),
                                 .message = arena_printf(arena,
                                                         "The control header '%.*s' is not one that `purser simulate` "
                                                         "knows, or its value is wrong; docs/simulate.md lists them.",
                                                         STR_ARG(bad))};
        return false;
    }
    return true;
}

/* ---- reading */

/* A tool that is to be called must be there, where any is. */
static bool has_called(const struct sim_request *r, struct arena *arena, struct sim_problem *problem)
{
    str name = str_from(r->control.call);
    if (!name.n || !r->tools.count || sim_request_tool(r, name)) return true;
    *problem =
        (struct sim_problem){.status = 400,
                             .type = S("invalid_request_error"),
                             .param = S("tools"),
                             .message = arena_printf(arena,
                                                     "The control word call=%.*s names none of the %zu tools of "
                                                     "this request; the first is '%.*s'.",
                                                     STR_ARG(name), r->tools.count, STR_ARG(r->tools.list[0].name))};
    return false;
}

static bool read_call(struct http_exchange *x, const struct sim_path *path, struct arena *scratch,
                      struct sim_request *r, struct sim_problem *problem)
{
    struct sim_worker *w = http_server_owner(x->server);
    const struct sim_options *o = &w->sim->options;
    struct json_fail fail;
    sim_control_init(&r->control);
    r->kind = path->kind;
    r->model = path->model;
    r->stream = path->stream;
    r->array = path->array;
    r->counting = path->counting;
    bool form = str_starts(http_header_find(&x->request, S("content-type")), S("multipart/form-data"));
    if (form && !sim_media_read_form(x->request.body, &x->arena, r)) {
        *problem = (struct sim_problem){.status = 400,
                                        .type = S("invalid_request_error"),
                                        .param = S("model"),
                                        .message = S("you must provide a model parameter")};
        return false;
    }
    if (!form && !json_parse(&w->doc, x->request.body, &fail)) {
        *problem = (struct sim_problem){
            .status = 400,
            .type = S("invalid_request_error"),
            .message = arena_printf(&x->arena, "We could not parse the JSON body of your request: %s at byte %zu.",
                                    fail.why, fail.at)};
        return false;
    }
    if (!form && !sim_request_read(path->kind, &w->doc, &x->arena, scratch, r, problem)) return false;
    if (!read_headers(x, &r->control, problem, &x->arena) || !has_called(r, &x->arena, problem)) return false;
    if (!r->control.usage_given) {
        r->control.usage = o->usage;
        if (str_starts(r->model, S("sim-reasoning"))) r->control.usage |= SIM_USAGE_REASONING;
    }
    if (r->thinks) r->control.usage |= SIM_USAGE_REASONING;
    if (!r->control.service_tier[0] && o->service_tier) {
        str_copy(r->control.service_tier, sizeof r->control.service_tier, str_from(o->service_tier));
    }
    return true;
}

/* ---- drawing */

static void seed_call(struct sim_call *c, const struct sim_control *control, uint64_t *seed)
{
    struct sim *sim = c->worker->sim;
    uint64_t sequence = atomic_fetch_add_explicit(&sim->sequence, 1, memory_order_relaxed);
    *seed = control->seed_given ? sim_mix(control->seed) : sim_mix(sim->options.seed ^ sim_mix(sequence));
    rng_seed(&c->rng, *seed);
}

static void draw_fault(struct sim_call *c, const struct sim_control *control)
{
    struct sim *sim = c->worker->sim;
    c->fault = sim_rates_draw(&sim->options.rates, &c->rng);
    if (control->fault_given) c->fault = control->fault;
    if (control->fault_given && control->times >= 0 &&
        !sim_times_strike(&sim->times, control->words_hash, control->times)) {
        c->fault = SIM_FAULT_NONE;
    }
    c->fault_ms = sim_fault_ms(c->fault, control->ms);
    c->record.fault = (uint8_t)c->fault;
}

/* How long until the first byte: a stream's first token, or the last token of what is not streamed. */
static int64_t draw_wait(struct sim_call *c, const struct sim_request *r, bool large)
{
    const struct sim_options *o = &c->worker->sim->options;
    const struct sim_control *control = &r->control;
    struct dist first = control->first_token_given ? control->first_token : o->first_token;
    c->between = control->between_tokens_given ? control->between_tokens : o->between_tokens;
    if (large) {
        c->between.a *= 2;
        if (c->between.kind == DIST_UNIFORM) c->between.b *= 2;
    }
    int64_t wait_us = dist_draw(&first, &c->rng);
    if (large) wait_us *= 2;
    if (c->answer && !r->stream) {
        int64_t tokens = c->answer->planned / (int64_t)c->answer->choice_count; /* choices are generated side by side */
        bool fixed = c->between.kind == DIST_FIXED;
        if (fixed) wait_us += tokens * (int64_t)c->between.a;
        for (int64_t i = 0; !fixed && i < tokens; i++) wait_us += dist_draw(&c->between, &c->rng);
    }
    if (c->fault == SIM_FAULT_SLOW_HEAD) {
        wait_us += c->fault_ms * US_PER_MS;
        c->fault = SIM_FAULT_NONE;
    }
    return wait_us;
}

static void plan_small(struct sim_call *c, const struct sim_request *r, struct arena *scratch)
{
    const struct json *doc = &c->worker->doc;
    struct sim_units *u = &c->record.units;
    u->input = r->control.input_tokens >= 0 ? r->control.input_tokens : r->text_tokens;
    c->record.usage_sent = !(r->control.usage & SIM_USAGE_ABSENT);
    switch (r->kind) {
    case SIM_EMBEDDINGS:
        sim_embeddings_print(doc, r, u, scratch, &c->held);
        break;
    case SIM_MODERATIONS:
        sim_moderations_print(r, u, c->record.id, &c->held);
        break;
    case SIM_RERANK:
    case SIM_COHERE_RERANK:
        sim_rerank_print(r, c->record.id, u, &c->held);
        break;
    case SIM_IMAGES:
    case SIM_SPEECH:
    case SIM_TRANSCRIPTIONS:
        sim_media_print(r, u, &c->held);
        break;
    default:
        sim_embed_print(doc, r, c->record.id, u, &c->held);
        break;
    }
}

/* The answer's plan, or for calls without one the body itself. */
static void plan(struct sim_call *c, const struct sim_request *r, uint64_t seed, bool large, struct arena *scratch)
{
    struct sim_worker *w = c->worker;
    if (sim_kind_is_small(r->kind)) {
        plan_small(c, r, scratch);
        return;
    }
    int64_t tokens = r->control.tokens;
    if (tokens < 0) {
        tokens = dist_draw(&w->sim->options.output_tokens, &c->rng);
        if (large) tokens *= 2;
    }
    struct sim_draw draw = {.id = c->record.id,
                            .seed = seed,
                            .tokens = tokens,
                            .now_s = c->record.at_us / US_PER_SECOND};
    c->answer = sim_answer_new(&c->x->arena, &w->doc, r, &r->control, &draw);
    c->record.units = c->answer->in;
    c->fault_after = r->control.after >= 0 ? r->control.after : c->answer->planned / 2;
    if (c->fault_after > c->answer->planned) c->fault_after = c->answer->planned;
    str_copy(c->record.service_tier, sizeof c->record.service_tier, c->answer->tier);
}

/* ---- a call */

static void refuse(struct sim_call *c, const struct sim_problem *problem)
{
    c->told = true;
    c->phase = SIM_ENDED;
    sim_truth_end(&c->worker->sim->truth, &c->record);
    respond_problem(c->x, (enum sim_kind)c->record.kind, c->record.id, problem);
}

static void begin_call(struct http_exchange *x, const struct sim_path *path)
{
    struct sim_worker *w = http_server_owner(x->server);
    struct sim *sim = w->sim;
    struct sim_call *c = sim_call_new(w, x);
    struct sim_request r = {0};
    struct sim_problem problem = {0};
    struct arena scratch;
    uint64_t seed = 0;
    int64_t wait_us = 0;
    arena_init(&scratch);
    c->record.kind = (uint8_t)path->kind;
    c->record.at_us = time_now_us();
    str_copy(c->record.attempt, sizeof c->record.attempt, http_header_find(&x->request, S("x-purser-attempt")));
    c->record.id = sim_truth_begin(&sim->truth, &c->record);
    if (sim->options.keep_requests) sim_capture_add(&sim->capture, c->record.id, &x->request);
    bool good = read_call(x, path, &scratch, &r, &problem);
    str_copy(c->record.model, sizeof c->record.model, r.model);
    c->record.streamed = r.stream;
    c->record.images = (int32_t)r.images;
    if (good) {
        bool large = str_starts(r.model, S("sim-large"));
        seed_call(c, &r.control, &seed);
        draw_fault(c, &r.control);
        good = !sim_fault_refuses(c->fault, &r, &problem);
        if (good) {
            plan(c, &r, seed, large, &scratch);
            wait_us = draw_wait(c, &r, large);
        }
    }
    c->record.status = good ? 0 : sim_problem_status(path->kind, &problem);
    sim_truth_update(&sim->truth, &c->record);
    arena_free(&scratch);
    http_drop_body(x);
    good ? sim_call_start(c, wait_us) : refuse(c, &problem);
}

/* The prompt's tokens, for nothing: the truth does not know of it. */
static void count_tokens(struct http_exchange *x, const struct sim_path *path)
{
    struct sim_worker *w = http_server_owner(x->server);
    struct sim_request r = {0};
    struct sim_problem problem = {0};
    struct arena scratch;
    arena_init(&scratch);
    if (read_call(x, path, &scratch, &r, &problem)) {
        int64_t tokens = r.control.input_tokens >= 0 ? r.control.input_tokens : r.text_tokens + r.audio_tokens;
        const char *key = path->kind == SIM_MESSAGES ? "input_tokens"
                          : path->kind == SIM_GEMINI ? "totalTokens"
                                                     : "inputTokens";
        buf_printf(&w->out, "{\"%s\":%" PRId64 "}", key, tokens);
        respond_json(x, 200, S(""), buf_str(&w->out));
    } else {
        respond_problem(x, path->kind, 0, &problem);
    }
    arena_free(&scratch);
}

/* ---- paths */

static uint64_t query_number(str query, str name, uint64_t otherwise)
{
    while (query.p) {
        str value = str_cut(&query, '&');
        str key = str_cut(&value, '=');
        uint64_t n;
        if (str_eq(key, name) && str_to_u64(value, &n)) return n;
    }
    return otherwise;
}

static void serve_truth(struct http_exchange *x, struct sim_worker *w)
{
    uint64_t limit = query_number(x->request.query, S("limit"), SIM_TRUTH_PAGE);
    uint64_t since = query_number(x->request.query, S("since"), 0);
    if (limit > SIM_TRUTH_PAGE) limit = SIM_TRUTH_PAGE;
    sim_truth_print(&w->sim->truth, since < UINT64_MAX / 2 ? since : UINT64_MAX / 2, limit, &w->out);
    respond_json(x, 200, S(""), buf_str(&w->out));
}

static void serve_reset(struct http_exchange *x, struct sim_worker *w)
{
    sim_truth_reset(&w->sim->truth);
    sim_capture_clear(&w->sim->capture);
    sim_times_clear(&w->sim->times);
    atomic_store(&w->sim->sequence, 0);
    respond_json(x, 200, S(""), S("{\"reset\":true}\n"));
}

static void serve_requests(struct http_exchange *x, struct sim_worker *w)
{
    if (!w->sim->options.keep_requests) {
        struct sim_problem p = {.status = 404,
                                .type = S("invalid_request_error"),
                                .message = S("Requests are not kept: start `purser simulate` with --keep-requests.")};
        respond_problem(x, SIM_CHAT, 0, &p);
        return;
    }
    sim_capture_print(&w->sim->capture, query_number(x->request.query, S("last"), SIM_CAPTURE_KEEP), &w->out);
    respond_json(x, 200, S(""), buf_str(&w->out));
}

static void serve_models(struct http_exchange *x, struct sim_worker *w)
{
    bool anthropic = http_header_find(&x->request, S("anthropic-version")).p;
    bool google = str_starts(x->request.path, S("/v1beta/"));
    if (str_eq(x->request.path, S("/foundation-models"))) { /* Bedrock's */
        sim_models_print(SIM_CONVERSE, STR_NONE, &w->out);
        respond_json(x, 200, S(""), buf_str(&w->out));
        return;
    }
    str name = str_from_at(x->request.path, google ? sizeof "/v1beta/models" - 1 : sizeof "/v1/models" - 1);
    sim_models_print(google      ? SIM_GEMINI
                     : anthropic ? SIM_MESSAGES
                                 : SIM_CHAT,
                     name.n ? str_from_at(name, 1) : STR_NONE, &w->out);
    respond_json(x, 200, S(""), buf_str(&w->out));
}

/* Constant in time: the time taken says nothing of where a guess went wrong. */
static bool key_is(str given, str wanted)
{
    unsigned char differs = given.n != wanted.n;
    for (size_t i = 0; i < given.n; i++) differs |= (unsigned char)(given.p[i] ^ wanted.p[wanted.n ? i % wanted.n : 0]);
    return !differs;
}

/* The key where a family has it; of a signature by AWS the id of the key. */
static str key_of(const struct http_exchange *x)
{
    static const str names[] = {STR_INIT("api-key"), STR_INIT("x-api-key"), STR_INIT("x-goog-api-key")};
    str given = http_header_find(&x->request, S("authorization")), query = x->request.query;
    size_t credential = str_find(given, S("Credential="), 0);
    if (str_eq_nocase(str_head(given, 7), S("bearer "))) return str_trim(str_from_at(given, 7));
    if (credential != SIZE_MAX) {
        str id = str_from_at(given, credential + sizeof "Credential=" - 1);
        return str_cut(&id, '/');
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        given = http_header_find(&x->request, names[i]);
        if (given.p) return str_trim(given);
    }
    while (query.p) {
        str value = str_cut(&query, '&');
        if (str_eq(str_cut(&value, '='), S("key"))) return value;
    }
    return STR_NONE;
}

static void not_found(struct http_exchange *x)
{
    struct sim_problem p = {.status = 404,
                            .type = S("invalid_request_error"),
                            .message = arena_printf(&x->arena, "Invalid URL (%.*s %.*s)", STR_ARG(x->request.method),
                                                    STR_ARG(x->request.path))};
    respond_problem(x, sim_path_kind(x->request.path), 0, &p);
}

static bool is_models(str path)
{
    static const str lists[] = {STR_INIT("/v1/models"), STR_INIT("/v1beta/models"), STR_INIT("/foundation-models")};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        str rest = str_starts(path, lists[i]) ? str_from_at(path, lists[i].n) : S("-");
        if (rest.n == 0 || rest.p[0] == '/') return true;
    }
    return false;
}

static void route_call(struct http_exchange *x, struct sim_worker *w, bool post)
{
    const char *required = w->sim->options.require_key;
    struct sim_path path;
    if (required && *required && !key_is(key_of(x), str_from(required))) {
        struct sim_problem p = {.status = 401,
                                .type = S("invalid_request_error"),
                                .code = S("invalid_api_key"),
                                .message = S("Incorrect API key provided.")};
        respond_problem(x, sim_path_kind(x->request.path), 0, &p);
    } else if (post && sim_path_read(x->request.path, x->request.query, &x->arena, &path)) {
        path.counting ? count_tokens(x, &path) : begin_call(x, &path);
    } else if (!post && is_models(x->request.path)) {
        serve_models(x, w);
    } else {
        not_found(x);
    }
}

void sim_route(struct http_exchange *x)
{
    struct sim_worker *w = http_server_owner(x->server);
    bool post = str_eq(x->request.method, S("POST"));
    str path = x->request.path;
    buf_clear(&w->out);
    if (str_eq(path, S("/simulate/truth")))
        serve_truth(x, w);
    else if (str_eq(path, S("/simulate/requests")))
        serve_requests(x, w);
    else if (str_eq(path, S("/simulate/reset")) && post)
        serve_reset(x, w);
    else if (str_eq(path, S("/healthz")))
        respond_json(x, 200, S(""), S("{\"status\":\"ok\"}\n"));
    else
        route_call(x, w, post);
}
