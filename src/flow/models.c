/* The listing of models: the names under `models:` that the key may use, in the shape of the
 * protocol that asks. */
#include "flow/request.h"

#include "flow/purser.h"

static const str roots[] = {STR_INIT("/v1/models"), STR_INIT("/v1beta/models")};

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

/* How each protocol lists its models. */
struct listing {
    const char *open, *close;
    void (*add)(struct buf *out, const struct setting_model *m);
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
    buf_add(out, S(",\"created_at\":\"1970-01-01T00:00:00Z\"}"));
}

static void add_gemini(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("{\"name\":\"models/"));
    size_t quote = out->n;
    buf_add_json(out, m->name);
    memmove(out->p + quote, out->p + quote + 1, out->n - quote - 1); /* one string: the first quote stands above */
    out->n--;
    buf_add(out, S(",\"displayName\":"));
    buf_add_json(out, m->name);
    buf_add(out, S(",\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}"));
}

static const struct listing *listing_of(const struct http_request *q)
{
    static const struct listing openai = {"{\"object\":\"list\",\"data\":[", "]}", add_openai};
    static const struct listing anthropic = {"{\"data\":[", "],\"has_more\":false,\"first_id\":null,\"last_id\":null}",
                                             add_anthropic};
    static const struct listing gemini = {"{\"models\":[", "]}", add_gemini};
    if (str_starts(q->path, S("/v1beta"))) return &gemini;
    return http_header_find(q, S("anthropic-version")).p ? &anthropic : &openai;
}

static bool may_see(struct request *r, const struct setting_model *m)
{
    str target = arena_printf(&r->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(m->provider), STR_ARG(m->model));
    return key_may_use(r->authenticate.key, m->name, target);
}

enum verdict models_answer(struct request *r)
{
    const struct settings *s = r->lease->snapshot->settings;
    const struct listing *listing = listing_of(&r->x->request);
    struct buf out;
    str one = STR_NONE;
    bool any = false;
    (void)find_path(r->x->request.path, &one);
    if (one.p) one = paths_decode(one, &r->arena);

    r->attribute.payer.is[SCOPE_KEY] = arena_str(&r->arena, r->authenticate.key->name); /* for the access log */
    buf_init(&out, 0);
    if (!one.p) buf_add(&out, str_from(listing->open));
    for (size_t i = 0; i < s->model_count; i++) {
        const struct setting_model *m = &s->models[i];
        if ((one.p && !str_eq(one, m->name)) || !may_see(r, m)) continue;
        if (any) buf_add_byte(&out, ',');
        any = true;
        listing->add(&out, m);
    }
    if (!one.p) buf_add(&out, str_from(listing->close));
    if (one.p && !any) {
        buf_free(&out);
        return request_fail_param(r, ERR_MODEL_NOT_FOUND,
                                  arena_printf(&r->arena, "The model '%" STR_FMT "' is not in purser's `models:`.",
                                               STR_ARG(str_head(one, 200))),
                                  S("model"));
    }
    http_respond(r->x, 200, S("content-type: application/json\r\n"), buf_str(&out));
    buf_free(&out);
    r->answer.done = true;
    r->step = REQUEST_record;
    return STEP_JUMP;
}
