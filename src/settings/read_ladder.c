/* The ladder of a model: its rungs, for whom each is, and what its answers must be. */
#include "settings/load.h"

#include "dialect/canon.h"

/* ---- single values */

bool read_pattern(struct loader *l, const struct value *v, void *into)
{
    struct setting_pattern *out = into;
    if (!v->text.n) {
        load_error(l, v->line, v->path, "must not be empty: an empty pattern matches everything");
        return false;
    }
    str why = STR_NONE;
    struct pattern *code = pattern_compile(v->text, &l->scratch, &why);
    if (!code) {
        load_error(l, v->line, v->path, "'%" STR_FMT "' is no pattern: %" STR_FMT, STR_ARG(v->shown), STR_ARG(why));
        return false;
    }
    load_keep(l, (struct setting_code){.pattern = code});
    *out = (struct setting_pattern){v->text, code};
    return true;
}

bool read_confidence(struct loader *l, const struct value *v, void *into)
{
    picousd ppm = 0; /* an exact decimal, in millionths */
    bool number = money_parse_per_million(v->text, &ppm) && ppm > 0 && ppm <= 1000000;
    *(int64_t *)into = ppm;
    return number || load_reject(l, v, "confidence", STR_NONE, "more than 0 and at most 1, such as 0.8");
}

static bool read_finish_word(struct loader *l, const struct value *v, struct finish_draft *out)
{
    static const str words[] = {STR_INIT("stop"), STR_INIT("length"), STR_INIT("tool_calls"),
                                STR_INIT("content_filter")};
    static const uint32_t stops[] = {1u << STOP_END | 1u << STOP_SEQUENCE, 1u << STOP_LENGTH | 1u << STOP_CONTEXT,
                                     1u << STOP_TOOL, 1u << STOP_FILTER | 1u << STOP_REFUSAL};
    int i = load_one_of(l, v, words, COUNT_OF(words), "reason to end", "stop, length, tool_calls or content_filter");
    if (i >= 0) out->stops |= stops[i];
    return i >= 0;
}

bool read_finish(struct loader *l, const struct value *v, void *into)
{
    if (!v->node) return true;
    if (v->node->kind == TREE_SCALAR) return read_finish_word(l, v, into);
    if (!load_want(l, v, TREE_LIST, "[ stop, tool_calls ]")) return false;
    if (!v->node->count) load_error(l, v->line, v->path, "names no reason: leave it out, or write 'stop'");
    bool ok = v->node->count > 0;
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct value item;
        ok = load_value(l, it, load_path_index(l, v->path, i), false, &item) &&
             load_want(l, &item, TREE_SCALAR, "stop") && read_finish_word(l, &item, into) && ok;
    }
    return ok;
}

/* ---- what an answer must be */

/* A test that only the whole answer can pass, by its key; NULL where there is none. */
static const char *late_test(const struct setting_accept *a)
{
    return a->finish               ? "finish"
           : a->min_confidence_ppm ? "min_confidence"
           : a->matching.code      ? "matching"
           : a->not_matching.code  ? "not_matching"
           : a->min_length         ? "min_length"
                                   : NULL;
}

static bool check_accept(struct loader *l, struct setting_accept *a, const struct value *v)
{
    const char *late = late_test(a);
    a->set = late || a->json_schema || a->max_length;
    if (!a->set) {
        load_error(l, v->line, v->path, "tests nothing: add 'json_schema: true', or leave it out");
        return false;
    }
    if (a->early && late) {
        load_error(l, v->line, v->path,
                   "early goes with json_schema and max_length alone: %s is known only when the answer is whole", late);
        return false;
    }
    if (!a->max_length || a->min_length <= a->max_length) return true;
    load_error(l, v->line, v->path, "accepts nothing: min_length is more than max_length");
    return false;
}

bool read_accept(struct loader *l, const struct value *v, void *into)
{
    struct setting_accept *out = into;
    if (!v->node) return true;
    if (v->node->kind == TREE_SCALAR) {
        static const str words[] = {STR_INIT("early")};
        if (load_one_of(l, v, words, 1, "test of answers", "early, or a map such as { json_schema: true }") < 0)
            return false;
        *out = (struct setting_accept){.set = true, .json_schema = true, .early = true, .repair = true};
        return true;
    }
    struct accept_draft d = {0};
    if (!load_group(l, v->node, v->path, GROUP_ACCEPT, &d)) return false;
    *out = d.a;
    out->finish = d.finish.stops;
    return check_accept(l, out, v);
}

/* ---- for whom it is */

static str lower(struct arena *arena, str s)
{
    char *p = arena_alloc(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++) p[i] = (char)(s.p[i] | (s.p[i] >= 'A' && s.p[i] <= 'Z' ? 0x20 : 0));
    return str_of(p, s.n);
}

bool read_when_headers(struct loader *l, const struct value *v, void *into)
{
    struct when_headers *out = into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_MAP, "NAME: pattern")) return false;
    out->items = arena_zalloc(&l->s.arena, (v->node->count + 1) * sizeof(*out->items));
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        str path = load_path_key(l, v->path, load_show(l, it->key));
        struct value value;
        struct setting_when_header *h = &out->items[out->count];
        if (!load_name(l, it, path, false)) return false;
        if (!load_is_header(it->key)) {
            load_error(l, it->key_line, path, "is no name of a header");
            return false;
        }
        if (!load_value(l, it, path, false, &value) || !load_want(l, &value, TREE_SCALAR, "a pattern") ||
            !read_pattern(l, &value, &h->pattern)) {
            return false;
        }
        h->name = lower(&l->s.arena, it->key);
        out->count++;
    }
    return true;
}

bool read_when(struct loader *l, const struct value *v, void *into)
{
    struct setting_when *out = into;
    struct when_draft d = {0};
    if (!v->node) return true;
    if (!load_group(l, v->node, v->path, GROUP_WHEN, &d)) return false;
    *out = d.w;
    out->headers = d.headers.items;
    out->header_count = d.headers.count;
    out->set = out->feature.n || out->header_count || out->longer_than || out->shorter_than || out->matching.code;
    if (!out->set) {
        load_error(l, v->line, v->path, "asks for nothing: add 'shorter_than: 4000', or leave it out");
        return false;
    }
    if (!out->shorter_than || out->longer_than + 1 < out->shorter_than) return true;
    load_error(l, v->line, v->path, "holds for nothing: no length is above longer_than and below shorter_than");
    return false;
}

/* ---- rungs */

static bool finish_rung(struct loader *l, struct rung_draft *d, str path, uint32_t line)
{
    struct setting_rung *r = &d->r;
    const struct setting_service *s = &r->service;
    int kinds = (d->target.provider.n > 0) + (r->reply.n > 0) + (s->url.n > 0);
    bool served = s->name.n || s->answer.n || d->headers.count || s->price || s->ca_file.n || d->api_key.set;
    const char *wrong = NULL;
    r->kind = r->reply.n ? RUNG_REPLY : s->url.n ? RUNG_SERVICE : RUNG_TARGET;
    r->to = to_of(&d->target, 1);
    if (kinds == 0) wrong = "leads nowhere: add 'target: provider/model', 'reply: \"...\"' or 'service: http://...'";
    if (kinds > 1) wrong = "has more than one of target, reply and service";
    if (kinds == 1 && r->kind != RUNG_REPLY && r->match.code)
        wrong = "has match, which goes with reply: write 'when: { matching: ... }'";
    if (kinds == 1 && r->kind == RUNG_REPLY && r->accept.set) wrong = "tests its own reply: leave accept out";
    if (kinds == 1 && r->kind != RUNG_SERVICE && served)
        wrong = "has name, answer, headers, api_key, price_usd or ca_file, which go with service";
    if (kinds == 1 && r->kind == RUNG_SERVICE && r->accept.early)
        wrong = "has 'accept: early', but a service answers whole: write 'accept: { json_schema: true }'";
    if (wrong) load_error(l, line, path, "%s", wrong);
    return !wrong && (r->kind != RUNG_SERVICE || load_service(l, d, path, line));
}

/* Only some calls come to it, or only some are answered by it. */
static bool is_selective(const struct setting_rung *r)
{
    return r->when.set || (r->kind == RUNG_REPLY && r->match.code);
}

static bool check_rungs(struct loader *l, const struct ladder_draft *d, const struct value *v)
{
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        const struct setting_rung *r = &d->items[i];
        bool last = i + 1 == d->count;
        str path = load_path_index(l, v->path, i);
        if (!last && r->kind == RUNG_REPLY && !is_selective(r)) {
            load_error(l, it->line, path, "answers every call: the rungs behind it are never reached");
            return false;
        }
        if ((!last || r->accept.json_schema) && r->accept.set && !r->accept.early) {
            load_warn(l, it->line, path,
                      "holds answers back until they are tested, so that a stream's first token comes late");
        }
    }
    for (i = 0; i < d->count; i++) {
        if (d->items[i].kind == RUNG_TARGET) return true;
    }
    load_error(l, v->line, v->path, "has no model: one rung at least must have a target");
    return false;
}

bool read_ladder(struct loader *l, const struct value *v, void *into)
{
    struct ladder_draft *out = into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "- { target: provider/model, accept: { json_schema: true } }")) return false;
    if (!v->node->count || v->node->count > MODEL_RUNGS_MAX) {
        load_error(l, v->line, v->path, "has %u rungs: 1 to %d", v->node->count, MODEL_RUNGS_MAX);
        return false;
    }
    out->items = arena_zalloc(&l->s.arena, v->node->count * sizeof(*out->items));
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        struct rung_draft d = {0};
        str path = load_path_index(l, v->path, out->count);
        ok = load_group(l, it, path, GROUP_RUNG, &d) && finish_rung(l, &d, path, it->line) && ok;
        out->items[out->count++] = d.r;
    }
    return ok && check_rungs(l, out, v);
}
