/* The listing of models: the names under `models:` that the key may use, in the shape of the
 * protocol that asks, page by page where that protocol knows pages. */
#include "flow/request.h"

#include "flow/purser.h"

static const str roots[] = {STR_INIT("/v1/models"),
                            STR_INIT("/v1beta/models"),
                            STR_INIT("/openai/v1/models"),
                            STR_INIT("/openai/models"),
                            STR_INIT("/v1/publishers/google/models"),
                            STR_INIT("/v1beta1/publishers/google/models")};

/* Which listing `path` asks for, and which one model of it; false: it asks for none. */
static bool find_path(str path, str *one)
{
    *one = STR_NONE;
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        if (!str_starts(path, roots[i])) continue;
        str rest = str_from_at(path, roots[i].n);
        if (!rest.n) return true;
        if (rest.p[0] != '/' || rest.n == 1) continue;
        *one = str_from_at(rest, 1);
        return true;
    }
    return false;
}

bool models_asked(const struct http_request *q)
{
    str one;
    return find_path(q->path, &one);
}

/* ---- the models that are told */

struct page {
    const struct setting_model **models; /* that the key may see */
    size_t count, from, to;
    bool back; /* asked for by what follows it */
};

/* How each protocol lists its models. */
struct listing {
    const char *open, *close;
    void (*add)(struct buf *out, const struct setting_model *m);
    void (*end)(struct buf *out, const struct page *page); /* behind them: is there more? NULL: nothing is said */
    const char *limit, *after, *before;                    /* what asks for a page; NULL: it comes whole */
};

static void add_openai(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("{\"id\":"));
    buf_add_json(out, m->name);
    buf_add(out, S(",\"object\":\"model\",\"created\":0,\"owned_by\":"));
    buf_add_json(out, m->provider);
    buf_add_byte(out, '}');
}

static void add_anthropic(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("{\"type\":\"model\",\"id\":"));
    buf_add_json(out, m->name);
    buf_add(out, S(",\"display_name\":"));
    buf_add_json(out, m->name);
    buf_add(out, S(",\"created_at\":\"1970-01-01T00:00:00Z\",\"lifecycle\":\"active\"}"));
}

/* Nothing else tells: all vendors name them so. */
static bool embeds(const struct setting_model *m)
{
    return str_glob(S("*embed*"), m->model);
}

/* {"name":"models/NAME","displayName":"NAME", */
static void add_google(struct buf *out, const char *collection, const struct setting_model *m)
{
    buf_printf(out, "{\"name\":\"%s", collection);
    size_t quote = out->n;
    buf_add_json(out, m->name);
    memmove(out->p + quote, out->p + quote + 1, out->n - quote - 1); /* one string: the first quote stands above */
    out->n--;
    buf_add(out, S(",\"displayName\":"));
    buf_add_json(out, m->name);
}

static void add_gemini(struct buf *out, const struct setting_model *m)
{
    add_google(out, "models/", m);
    buf_add(out, embeds(m) ? S(",\"supportedGenerationMethods\":[\"embedContent\",\"countTokens\"]}")
                           : S(",\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}"));
}

static void add_cohere(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("{\"name\":"));
    buf_add_json(out, m->name);
    buf_add(out, embeds(m) ? S(",\"endpoints\":[\"embed\"]}") : S(",\"endpoints\":[\"chat\"]}"));
}

static void add_vertex(struct buf *out, const struct setting_model *m)
{
    add_google(out, "publishers/google/models/", m);
    buf_add_byte(out, '}');
}

static void add_id(struct buf *out, const char *member, const struct setting_model *m)
{
    buf_printf(out, ",\"%s\":", member);
    if (m)
        buf_add_json(out, m->name);
    else
        buf_add(out, S("null"));
}

static void end_anthropic(struct buf *out, const struct page *p)
{
    bool any = p->to > p->from;
    buf_printf(out, ",\"has_more\":%s", (p->back ? p->from > 0 : p->to < p->count) ? "true" : "false");
    add_id(out, "first_id", any ? p->models[p->from] : NULL);
    add_id(out, "last_id", any ? p->models[p->to - 1] : NULL);
}

/* The next page is asked for by the name that ends this one. */
static void end_gemini(struct buf *out, const struct page *p)
{
    if (p->to > p->from && p->to < p->count) add_id(out, "nextPageToken", p->models[p->to - 1]);
}

static void end_cohere(struct buf *out, const struct page *p)
{
    if (p->to > p->from && p->to < p->count) add_id(out, "next_page_token", p->models[p->to - 1]);
}

static const struct listing *listing_of(const struct request *r)
{
    static const struct listing
        openai = {"{\"object\":\"list\",\"data\":[", "]", add_openai, NULL, NULL, NULL, NULL},
        anthropic = {"{\"data\":[", "]", add_anthropic, end_anthropic, "limit", "after_id", "before_id"},
        gemini = {"{\"models\":[", "]", add_gemini, end_gemini, "pageSize", "pageToken", NULL},
        vertex = {"{\"publisherModels\":[", "]", add_vertex, end_gemini, "pageSize", "pageToken", NULL};
    static const struct listing cohere = {"{\"models\":[", "]",          add_cohere, end_cohere,
                                          "page_size",     "page_token", NULL};
    if (r->receive.dialect == DIALECT_COHERE) return &cohere;
    if (str_find(r->x->request.path, S("/publishers/"), 0) != SIZE_MAX) return &vertex;
    return r->receive.dialect == DIALECT_GEMINI     ? &gemini
           : r->receive.dialect == DIALECT_MESSAGES ? &anthropic
                                                    : &openai;
}

static bool may_see(struct request *r, const struct setting_model *m)
{
    str target = arena_printf(&r->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(m->provider), STR_ARG(m->model));
    return key_may_use(r->authenticate.key, m->name, target);
}

static void find_models(struct request *r, str one, struct page *p)
{
    const struct settings *s = r->lease->snapshot->settings;
    p->models = arena_alloc(&r->arena, (s->model_count + 1) * sizeof(*p->models));
    for (size_t i = 0; i < s->model_count; i++) {
        const struct setting_model *m = &s->models[i];
        if ((!one.p || str_eq(one, m->name)) && may_see(r, m)) p->models[p->count++] = m;
    }
    p->to = p->count;
}

/* ---- pages */

static bool refuse(struct request *r, const char *param, const char *why, str value)
{
    request_fail_param(r, ERR_BAD_FIELD,
                       arena_printf(&r->arena, "`%s` %s; it is '%" STR_FMT "'.", param, why,
                                    STR_ARG(str_head(value, 100))),
                       str_from(param));
    return false;
}

static str asked(struct request *r, const char *param)
{
    return param ? paths_query(r->x->request.query, str_from(param), &r->arena) : STR_NONE;
}

/* The place of the model that a page is counted from. Fails: false with the request failed. */
static bool find_place(struct request *r, const struct page *p, const char *param, str name, size_t *out)
{
    for (size_t i = 0; i < p->count; i++) {
        *out = i;
        if (str_eq(p->models[i]->name, name)) return true;
    }
    return refuse(r, param, "must be what the page before gave", name);
}

static bool cut_page(struct request *r, const struct listing *l, struct page *p)
{
    enum { LIMIT_MAX = 1000 }; /* both families' own */
    str limit_text = asked(r, l->limit), after = asked(r, l->after), before = asked(r, l->before);
    uint64_t limit = p->count;
    size_t at;
    if (limit_text.n && (!str_to_u64(limit_text, &limit) || !limit || limit > LIMIT_MAX))
        return refuse(r, l->limit, "must be a whole number from 1 to 1000", limit_text);
    if (after.n) {
        if (!find_place(r, p, l->after, after, &at)) return false;
        p->from = at + 1;
    }
    if (before.n) {
        if (!find_place(r, p, l->before, before, &at)) return false;
        p->to = at;
        p->back = true;
        if (p->to > limit && p->to - limit > p->from) p->from = p->to - limit;
    }
    if (p->to < p->from) p->to = p->from;
    if (p->to - p->from > limit) p->to = p->from + limit;
    return true;
}

/* ---- the answer */

static void write_list(const struct listing *l, const struct page *p, bool one, struct buf *out)
{
    if (!one) buf_add(out, str_from(l->open));
    for (size_t i = p->from; i < p->to; i++) {
        if (i > p->from) buf_add_byte(out, ',');
        l->add(out, p->models[i]);
    }
    if (one) return;
    buf_add(out, str_from(l->close));
    if (l->end) l->end(out, p);
    buf_add_byte(out, '}');
}

enum verdict models_answer(struct request *r)
{
    const struct listing *listing = listing_of(r);
    struct page page = {0};
    struct buf out, headers;
    str one = STR_NONE;
    (void)find_path(r->x->request.path, &one);
    if (one.p) one = paths_decode(one, &r->arena);
    bool whole = !one.p;

    r->attribute.payer.is[SCOPE_KEY] = arena_str(&r->arena, r->authenticate.key->name); /* for the access log */
    find_models(r, one, &page);
    if (whole && !cut_page(r, listing, &page)) return STEP_JUMP;
    if (!whole && !page.count)
        return request_fail_param(r, ERR_MODEL_NOT_FOUND,
                                  arena_printf(&r->arena, "The model '%" STR_FMT "' is not in purser's `models:`.",
                                               STR_ARG(str_head(one, 200))),
                                  S("model"));
    if (!whole) page.to = page.from + 1; /* the same name cannot stand twice */
    buf_init(&out, 0);
    buf_init(&headers, 0);
    buf_add(&headers, S("content-type: application/json\r\n"));
    client_name_call(r, false, &headers);
    write_list(listing, &page, !whole, &out);
    http_respond(r->x, 200, buf_str(&headers), buf_str(&out));
    buf_free(&headers);
    buf_free(&out);
    r->answer.done = true;
    r->step = REQUEST_record;
    return STEP_JUMP;
}
