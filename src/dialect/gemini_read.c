/* Accounting of a call that goes on as it came, and the few bytes of it that change. */
#include "dialect/gemini.h"

/* countTokens takes a call's own body, or one inside `generateContentRequest`. */
bool gemini_decode_count(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    json_ref at = gemini_find(doc, JSON_ROOT, S("generateContentRequest"));
    struct json inner;
    struct json_fail why;
    if (!at || json_type(doc, at) != JSON_OBJECT) return gemini_decode_call(doc, out, problem);
    json_init(&inner);
    bool ok = json_parse(&inner, json_raw(doc, at), &why) && gemini_decode_call(&inner, out, problem);
    json_free(&inner);
    return ok;
}

bool gemini_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem)
{
    struct canon_call canon;
    bool counts = kind == CALL_GEMINI_COUNT;
    *out = (struct call){.kind = kind, .arena = arena};
    canon_call_init(&canon, DIALECT_GEMINI, arena);
    if (!(counts ? gemini_decode_count : gemini_decode_call)(doc, &canon, problem)) return false;
    canon_count(&canon, doc, out);
    out->kind = kind;
    out->at_open = doc->nodes[JSON_ROOT].start + 1;
    out->root_empty = !json_first(doc, JSON_ROOT);
    return true;
}

/* ---- edits */

struct edits {
    const struct call *call;
    const struct json *doc;
    struct json_edit *list;
    size_t count;
};

static void replace(struct edits *e, json_ref at, str with)
{
    const struct json_node *node = &e->doc->nodes[at];
    e->list[e->count++] = (struct json_edit){node->start, node->end - node->start, with};
}

/* A member in front of those that an object has. */
static void insert(struct edits *e, json_ref object, str member)
{
    bool empty = !json_first(e->doc, object);
    str with = arena_printf(e->call->arena, "%" STR_FMT "%s", STR_ARG(member), empty ? "" : ",");
    e->list[e->count++] = (struct json_edit){e->doc->nodes[object].start + 1, 0, with};
}

/* Thoughts count within maxOutputTokens: one limit bounds all that is paid. */
static void edit_limit(struct edits *e, int64_t limit)
{
    const struct call *call = e->call;
    if (limit < 0 || (call->max_output >= 0 && call->max_output <= limit)) return;
    if (limit < call_min_output(call->kind)) limit = call_min_output(call->kind);
    if (call->max_output >= 0 && call->max_output <= limit) return;
    str number = arena_printf(call->arena, "%lld", (long long)limit);
    str member = arena_printf(call->arena, "\"maxOutputTokens\":%" STR_FMT, STR_ARG(number));
    str config = arena_printf(call->arena, "{%" STR_FMT "}", STR_ARG(member));
    json_ref at = gemini_find(e->doc, JSON_ROOT, S("generationConfig"));
    json_ref stands = at ? gemini_find(e->doc, at, S("maxOutputTokens")) : JSON_ABSENT;
    if (stands)
        replace(e, stands, number);
    else if (at && json_type(e->doc, at) == JSON_OBJECT)
        insert(e, at, member);
    else if (at)
        replace(e, at, config);
    else
        insert(e, JSON_ROOT, arena_printf(call->arena, "\"generationConfig\":%" STR_FMT, STR_ARG(config)));
}

/* The model stands in the path. A body that repeats it ("models/gemini-3-flash") must agree. */
static void edit_model(struct edits *e, json_ref object, str model)
{
    json_ref at = json_find(e->doc, object, S("model"), NULL);
    struct buf name;
    if (!at || json_type(e->doc, at) != JSON_STRING) return;
    bool prefixed = str_starts(canon_inside((jraw){json_raw(e->doc, at)}), S("models/"));
    str wanted = arena_printf(e->call->arena, "%s%" STR_FMT, prefixed ? "models/" : "", STR_ARG(model));
    if (json_string_is(e->doc, at, wanted)) return;
    buf_init(&name, 0);
    buf_add_json(&name, wanted);
    replace(e, at, arena_str(e->call->arena, buf_str(&name)));
    buf_free(&name);
}

size_t gemini_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                   struct json_edit edits[CALL_EDITS_MAX])
{
    struct edits e = {call, doc, edits, 0};
    json_ref nested =
        call->kind == CALL_GEMINI_COUNT ? gemini_find(doc, JSON_ROOT, S("generateContentRequest")) : JSON_ABSENT;
    if (changes->model.n) edit_model(&e, JSON_ROOT, changes->model);
    if (changes->model.n && nested && json_type(doc, nested) == JSON_OBJECT) edit_model(&e, nested, changes->model);
    if (call->kind != CALL_GEMINI_COUNT) edit_limit(&e, changes->max_output);
    for (size_t i = 1; i < e.count; i++) {
        struct json_edit edit = edits[i];
        size_t k = i;
        for (; k > 0 && edits[k - 1].at > edit.at; k--) edits[k] = edits[k - 1];
        edits[k] = edit;
    }
    return e.count;
}
