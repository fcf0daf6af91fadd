/* Changing a body by as few bytes as possible: what the client wrote stays as
 * it wrote it, what purser writes stands in front. */
#include "dialect/openai.h"

/* Edits under way. Members that the root lacks go into one insertion behind its
 * brace, since two edits may not stand at one place. */
struct edits {
    const struct call *call;
    const struct json *doc;
    struct json_edit *list;
    size_t count;
    struct buf members; /* `"key":value,` each */
};

static void replace(struct edits *e, json_ref at, str with)
{
    const struct json_node *node = &e->doc->nodes[at];
    e->list[e->count++] = (struct json_edit){node->start, node->end - node->start, with};
}

static void insert_member(struct edits *e, str key, str value)
{
    buf_printf(&e->members, "\"%" STR_FMT "\":%" STR_FMT ",", STR_ARG(key), STR_ARG(value));
}

static str number(const struct edits *e, int64_t v)
{
    return arena_printf(e->call->arena, "%lld", (long long)v);
}

static void edit_model(struct edits *e, str model)
{
    struct buf quoted;
    buf_init(&quoted, 0);
    buf_add_json(&quoted, model);
    str value = arena_str(e->call->arena, buf_str(&quoted));
    buf_free(&quoted);
    if (!e->call->model_ref) {
        insert_member(e, S("model"), value);
        return;
    }
    bool same = json_string_is(e->doc, e->call->model_ref, model);
    if (!same) replace(e, e->call->model_ref, value);
}

/* Responses always report their usage; a call that does not stream may not have
 * stream_options. */
static void edit_include_usage(struct edits *e)
{
    const struct call *call = e->call;
    bool has = call->kind == CALL_CHAT || call->kind == CALL_COMPLETIONS;
    if (!has || !call->stream || call->include_usage) return;
    json_ref options = call->stream_options_ref;
    if (!options) {
        insert_member(e, S("stream_options"), S("{\"include_usage\":true}"));
    } else if (json_type(e->doc, options) != JSON_OBJECT) {
        replace(e, options, S("{\"include_usage\":true}"));
    } else if (call->include_usage_ref) {
        replace(e, call->include_usage_ref, S("true"));
    } else {
        bool empty = !json_first(e->doc, options);
        str with = empty ? S("\"include_usage\":true") : S("\"include_usage\":true,");
        e->list[e->count++] = (struct json_edit){e->doc->nodes[options].start + 1, 0, with};
    }
}

enum limit_name { LIMIT_COMPLETION, LIMIT_MAX_TOKENS, LIMIT_OUTPUT, LIMIT_COUNT };

static const str limit_names[LIMIT_COUNT] = {
    STR_INIT("max_completion_tokens"),
    STR_INIT("max_tokens"),
    STR_INIT("max_output_tokens"),
};

/* Writes `limit` where the client set none: over a null of that name, else as a new member. */
static void write_limit(struct edits *e, enum limit_name name, int64_t limit)
{
    if (e->call->max_refs[name])
        replace(e, e->call->max_refs[name], number(e, limit));
    else
        insert_member(e, limit_names[name], number(e, limit));
}

/* A target that does not know `max_completion_tokens` would run without a limit:
 * the key is renamed, or the limit moved to a `max_tokens` that stands as null. */
static void rename_limit(struct edits *e, int64_t limit)
{
    json_ref value = e->call->max_refs[LIMIT_COMPLETION];
    if (e->call->max_refs[LIMIT_MAX_TOKENS])
        replace(e, e->call->max_refs[LIMIT_MAX_TOKENS], number(e, limit));
    else
        replace(e, value - 1, S("\"max_tokens\""));
    int64_t stands;
    if (json_i64(e->doc, value, &stands) && stands != limit) replace(e, value, number(e, limit));
}

static bool limit_stands(const struct edits *e, enum limit_name name)
{
    return e->call->max_refs[name] && json_type(e->doc, e->call->max_refs[name]) == JSON_NUMBER;
}

static void edit_limits(struct edits *e, const struct call_changes *changes)
{
    const struct call *call = e->call;
    bool rename = changes->use_max_tokens && limit_stands(e, LIMIT_COMPLETION) && !limit_stands(e, LIMIT_MAX_TOKENS);
    int64_t limit = changes->max_output;
    if (limit >= 0 && limit < call_min_output(call->kind)) limit = call_min_output(call->kind);
    if (limit < 0 || (call->max_output >= 0 && call->max_output < limit)) limit = call->max_output;
    if (limit < 0) return;
    if (rename) {
        rename_limit(e, limit);
        return;
    }
    if (call->max_output < 0) {
        bool one = call->kind == CALL_COMPLETIONS || call->kind == CALL_COHERE_CHAT; /* knows one name alone */
        enum limit_name name = call->kind == CALL_RESPONSES     ? LIMIT_OUTPUT
                               : one || changes->use_max_tokens ? LIMIT_MAX_TOKENS
                                                                : LIMIT_COMPLETION;
        if (one || call->kind == CALL_CHAT || call->kind == CALL_RESPONSES) write_limit(e, name, limit);
        return;
    }
    for (enum limit_name name = 0; name < LIMIT_COUNT; name++) {
        int64_t stands;
        if (!limit_stands(e, name) || !json_i64(e->doc, call->max_refs[name], &stands) || stands <= limit) continue;
        replace(e, call->max_refs[name], number(e, limit));
    }
}

static void flush_members(struct edits *e)
{
    if (e->members.n) {
        str text = arena_str(e->call->arena, buf_str(&e->members));
        if (e->call->root_empty) text.n--; /* nothing follows the last comma */
        e->list[e->count++] = (struct json_edit){e->call->at_open, 0, text};
    }
    buf_free(&e->members);
}

static void sort(struct json_edit *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct json_edit edit = list[i];
        size_t k = i;
        for (; k > 0 && list[k - 1].at > edit.at; k--) list[k] = list[k - 1];
        list[k] = edit;
    }
}

size_t openai_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                   struct json_edit edits[CALL_EDITS_MAX])
{
    struct edits e = {.call = call, .doc = doc, .list = edits};
    buf_init(&e.members, 0);
    if (changes->model.p) edit_model(&e, changes->model);
    if (changes->add_usage) edit_include_usage(&e);
    edit_limits(&e, changes);
    flush_members(&e);
    sort(edits, e.count);
    return e.count;
}
