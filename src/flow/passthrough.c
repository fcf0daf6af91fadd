/* Other paths of a provider, for keys that may (`passthrough`): carried as they are,
 * but admitted, held, journaled and posted like every call. What is read only, GET,
 * HEAD and DELETE, is free; the rest needs a price of its own. */
#include "flow/request.h"

#include "flow/purser.h"

/* ---- paths */

enum { PATH_MAX_BYTES = 512 };

/* Taken by everybody in the same way: no escapes, no empty segments, no dots. */
static bool is_plain_segment(str s)
{
    static const char marks[] = "-._~:@$!+,=";
    if (!s.n || str_eq(s, S(".")) || str_eq(s, S(".."))) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !memchr(marks, c, sizeof(marks) - 1)) return false;
    }
    return true;
}

bool passthrough_may_be(const struct http_request *q)
{
    static const str methods[] = {STR_INIT("GET"),    STR_INIT("HEAD"), STR_INIT("POST"),
                                  STR_INIT("DELETE"), STR_INIT("PUT"),  STR_INIT("PATCH")};
    bool method = false;
    for (size_t i = 0; i < COUNT_OF(methods) && !method; i++) method = str_eq(q->method, methods[i]);
    if (!method || !str_starts(q->path, S("/v1/")) || q->path.n > PATH_MAX_BYTES || paths_resemble(q->path))
        return false;
    str rest = str_from_at(q->path, 1);
    while (rest.p) {
        if (!is_plain_segment(str_cut(&rest, '/'))) return false;
    }
    return true;
}

bool passthrough_reads(str method)
{
    return str_eq(method, S("GET")) || str_eq(method, S("HEAD")) || str_eq(method, S("DELETE"));
}

enum grant { GRANT_NONE, GRANT_GLOB, GRANT_WORD }; /* by a pattern; word for word */

static enum grant granted(const struct key *key, str path)
{
    enum grant best = GRANT_NONE;
    for (size_t i = 0; i < key->passthrough_count && best != GRANT_WORD; i++) {
        if (str_eq(key->passthrough[i], path)) return GRANT_WORD;
        if (str_glob(key->passthrough[i], path)) best = GRANT_GLOB;
    }
    return best;
}

/* ---- ids in paths */

static const struct {
    str collection, what;
} collections[] = {
    {STR_INIT("responses"), STR_INIT("Response")},
    {STR_INIT("files"), STR_INIT("File")},
    {STR_INIT("batches"), STR_INIT("Batch")},
    {STR_INIT("conversations"), STR_INIT("Conversation")},
};

/* What follows one of the collections; elsewhere what is no plain word. STR_NONE: no id. */
static str id_what(str before, str segment)
{
    for (size_t i = 0; i < COUNT_OF(collections); i++) {
        if (str_eq(before, collections[i].collection)) return collections[i].what;
    }
    for (size_t i = 0; i < segment.n; i++) {
        char c = segment.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) return S("An object");
    }
    return STR_NONE;
}

/* Checks the ids in the path, and writes the path's name in prices: ids become `*`. */
static bool check_path(struct request *r, bool check_ids, struct buf *name, const struct setting_provider **at)
{
    str rest = str_from_at(r->x->request.path, sizeof("/v1/") - 1), before = STR_NONE;
    buf_add(name, S("v1"));
    while (rest.p) {
        str segment = str_cut(&rest, '/');
        struct stored_id id = {.text = segment, .what = id_what(before, segment)};
        before = segment;
        buf_add_byte(name, '/');
        buf_add(name, id.what.n && check_ids ? S("*") : segment);
        if (id.what.n && check_ids && !stored_check(r, &id, at)) return false;
    }
    return true;
}

/* ---- bodies */

static bool is_json(const struct http_request *q)
{
    str type = http_header_find(q, S("content-type"));
    type = str_trim(str_head(type, str_find_byte(type, ';', 0)));
    return str_eq_nocase(type, S("application/json"));
}

static bool read_model(struct request *r, const struct json *doc)
{
    struct call *call = &r->attribute.call;
    bool twice = false;
    json_ref model = json_find(doc, JSON_ROOT, S("model"), &twice);
    call->stream = json_is_true(doc, json_find(doc, JSON_ROOT, S("stream"), NULL));
    if (!model || json_type(doc, model) != JSON_STRING) return true;
    if (!twice && json_string(doc, model, &r->arena, &call->model) && call->model.n <= 256) {
        call->model = arena_str(&r->arena, call->model);
        return true;
    }
    request_fail_param(r, ERR_BAD_FIELD, S("`model` must stand once in the body, as a short text."), S("model"));
    return false;
}

/* What is not declared as JSON may be read as such all the same: it is checked where it can be. */
static bool read_body(struct request *r, const struct setting_provider **at)
{
    struct json *doc = &r->worker->json;
    struct json_fail fail;
    str body = r->receive.body;
    bool declared = is_json(&r->x->request), looks = str_starts(str_trim(body), S("{"));
    if (!body.n || !(declared || looks)) return true;
    r->worker->json_of = r->id;
    if (json_parse(doc, body, &fail)) return read_model(r, doc) && stored_check_body(r, doc, at);
    if (!declared) return true;
    request_fail(r, ERR_BAD_JSON,
                 arena_printf(&r->arena, "We could not parse the JSON body of your request: %s, at byte %zu.", fail.why,
                              fail.at));
    return false;
}

/* ---- where it goes */

static const struct setting_provider *only_provider(const struct settings *s)
{
    const struct setting_provider *only = NULL;
    for (size_t i = 0; i < s->provider_count; i++) {
        if (s->providers[i].off) continue;
        if (only) return NULL;
        only = &s->providers[i];
    }
    return only;
}

/* The client's word. NULL with a failure where it cannot be kept; NULL without: it said nothing. */
static const struct setting_provider *named_provider(struct request *r)
{
    str name = http_header_find(&r->x->request, S("x-purser-provider"));
    if (!name.n) return NULL;
    const struct setting_provider *p = settings_provider(r->lease->snapshot->settings, name);
    if (p && !p->off) return p;
    request_fail(r, ERR_BAD_HEADER,
                 arena_printf(&r->arena, "x-purser-provider: no provider '%" STR_FMT "' is on.",
                              STR_ARG(str_head(name, 100))));
    return NULL;
}

static void find_prices(struct request *r, struct target *t, str name)
{
    static const struct price nothing = {.free = true, .until_us = INT64_MAX, .source = STR_INIT("passthrough")};
    static const struct price *const free_row[] = {&nothing};
    const struct settings *s = r->lease->snapshot->settings;
    if (r->receive.reads) {
        t->prices = (struct price_set){.rows = free_row, .count = 1};
        return;
    }
    t->prices = price_book_find_target(s->book, t->provider->name, STR_NONE, name, &r->arena);
    if (!s->unpriced_refuse) t->prices.ceiling = &s->unpriced_ceiling;
}

/* Of the call's own: paths are too many to be kept like models. */
static void make_target(struct request *r, const struct setting_provider *p, str path)
{
    struct target *t = arena_zalloc(&r->arena, sizeof(*t));
    t->provider = p;
    t->upstream = r->lease->upstreams[p - r->lease->snapshot->settings->providers];
    t->requested = t->model = r->attribute.call.model;
    t->name = arena_printf(&r->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(p->name), STR_ARG(path));
    find_prices(r, t, path);
    r->attribute.payer.model_requested = t->model;
    r->plan.attempts = (struct setting_attempts){.max = 1, .money = -1};
    plan_add_way(r, t);
}

static bool check_model(struct request *r, const struct setting_provider *p)
{
    str model = r->attribute.call.model;
    const struct key *key = r->authenticate.key;
    if (!model.n) return true;
    str target = arena_printf(&r->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(p->name), STR_ARG(model));
    if (key_may_use(key, model, target)) return true;
    request_fail_param(r, ERR_FORBIDDEN,
                       arena_printf(&r->arena, "The key '%" STR_FMT "' may not use the model '%" STR_FMT "'.",
                                    STR_ARG(key->name), STR_ARG(model)),
                       S("model"));
    return false;
}

bool passthrough_attribute(struct request *r)
{
    const struct http_request *q = &r->x->request;
    enum grant grant = granted(r->authenticate.key, q->path);
    if (grant == GRANT_NONE) {
        request_fail(r, ERR_NOT_FOUND, receive_not_found(r));
        return false;
    }
    r->attribute.call = (struct call){.kind = CALL_PASSTHROUGH,
                                      .max_output = -1,
                                      .max_tool_calls = -1,
                                      .choices = 1,
                                      .choices_returned = 1,
                                      .arena = &r->arena};
    const struct setting_provider *p = named_provider(r);
    if (!p && r->err) return false;
    struct buf path;
    buf_init(&path, 0);
    bool ok = check_path(r, grant == GRANT_GLOB, &path, &p) && read_body(r, &p);
    str name = arena_str(&r->arena, buf_str(&path));
    buf_free(&path);
    if (!ok) return false;
    if (!p) p = only_provider(r->lease->snapshot->settings);
    if (!p) {
        request_fail(r, ERR_BAD_HEADER,
                     S("Several providers could serve this path: name one in the header x-purser-provider."));
        return false;
    }
    if (!check_model(r, p)) return false;
    make_target(r, p, name);
    return true;
}

/* ---- plan */

/* No tokenizer knows what another path does with its body: each byte is held as a
 * token, and an answer as long as the settings' default, where tokens cost. */
void passthrough_plan(struct request *r, struct way *way)
{
    bool tokens = price_set_has_tokens(&way->target->prices);
    way->by_call = !tokens && way->target->prices.count;
    r->attribute.call.text_bytes = tokens ? (int64_t)r->receive.body_bytes : 0;
    way->input_tokens = r->attribute.call.text_bytes;
    way->max_output = -1;
    way->kind = CALL_PASSTHROUGH;
    way->ask = (struct price_bound_ask){
        .input_tokens = way->input_tokens,
        .output_tokens = tokens ? r->lease->snapshot->settings->default_max_output_tokens : 0,
        .requests = 1,
    };
}
