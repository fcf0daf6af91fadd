/* Accounting of a call that goes on as it came: what purser reads of it, and the few
 * bytes that it changes. */
#include "dialect/messages.h"

/* ---- reading */

bool messages_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                   struct call_problem *problem)
{
    struct canon_call canon;
    *out = (struct call){.kind = kind, .max_output = -1, .max_tool_calls = -1, .choices = 1, .arena = arena};
    canon_call_init(&canon, DIALECT_MESSAGES, arena);
    if (!messages_decode_call(doc, &canon, problem)) return false;
    canon_count(&canon, doc, out);
    if (!out->model.n) {
        *problem = (struct call_problem){ERR_BAD_FIELD, S("`model` is missing: name the model to use, as a string."),
                                         S("model")};
        return false;
    }
    if (out->max_output < 0 && kind == CALL_MESSAGES) {
        *problem = (struct call_problem){
            ERR_BAD_FIELD, S("`max_tokens` is missing: the protocol asks for a limit of the output, as a number."),
            S("max_tokens")};
        return false;
    }
    if (kind == CALL_COUNT_TOKENS) out->stream = false;
    json_ref speed = json_find(doc, JSON_ROOT, S("speed"), NULL);
    if (json_string_is(doc, speed, S("fast"))) out->service_tier = S("fast");
    out->at_open = doc->nodes[JSON_ROOT].start + 1;
    out->root_empty = !json_first(doc, JSON_ROOT);
    out->model_ref = json_find(doc, JSON_ROOT, S("model"), NULL);
    out->max_refs[1] = json_find(doc, JSON_ROOT, S("max_tokens"), NULL);
    if (canon.reasoning.budget_tokens > 0) {
        out->budget_ref = json_path(doc, JSON_ROOT, "thinking", "budget_tokens", NULL);
        out->min_output = MESSAGES_BUDGET_MIN + 1;
    }
    return true;
}

/* ---- editing */

static struct json_edit replace(const struct json *doc, json_ref at, str with)
{
    const struct json_node *node = &doc->nodes[at];
    return (struct json_edit){node->start, node->end - node->start, with};
}

static str number(const struct call *call, int64_t v)
{
    return arena_printf(call->arena, "%lld", (long long)v);
}

/* The budget for thinking must stay below the limit: it keeps its share of it. */
static int64_t lowered_budget(int64_t budget, int64_t before, int64_t limit)
{
    int64_t share = before > 0 ? (int64_t)((__int128)budget * limit / before) : limit / 2;
    if (share >= limit) share = limit - 1;
    return share < MESSAGES_BUDGET_MIN ? MESSAGES_BUDGET_MIN : share;
}

static size_t edit_limit(const struct call *call, const struct json *doc, int64_t limit, struct json_edit *edits)
{
    size_t n = 0;
    json_ref at = call->max_refs[1];
    int64_t least = call->min_output > 1 ? call->min_output : 1, budget;
    if (limit < 0 || call->kind != CALL_MESSAGES) return 0;
    if (limit < least) limit = least;
    if (call->max_output >= 0 && limit >= call->max_output) return 0;
    if (at)
        edits[n++] = replace(doc, at, number(call, limit));
    else
        edits[n++] = (struct json_edit){call->at_open, 0,
                                        arena_printf(call->arena, "\"max_tokens\":%lld%s", (long long)limit,
                                                     call->root_empty ? "" : ",")};
    if (call->budget_ref && json_i64(doc, call->budget_ref, &budget) && budget >= limit)
        edits[n++] = replace(doc, call->budget_ref, number(call, lowered_budget(budget, call->max_output, limit)));
    return n;
}

/* Vertex has the model in its path, and the protocol's version in its body; but counting keeps the model. */
static struct json_edit edit_version(const struct call *call, const struct json *doc, str version)
{
    str member =
        arena_printf(call->arena, "\"anthropic_version\":%" STR_FMT, STR_ARG(canon_quote(call->arena, version).json));
    uint32_t key_at = doc->nodes[call->model_ref - 1].start; /* the key stands before its value */
    if (call->kind == CALL_COUNT_TOKENS)
        return (struct json_edit){key_at, 0, arena_printf(call->arena, "%" STR_FMT ",", STR_ARG(member))};
    return (struct json_edit){key_at, doc->nodes[call->model_ref].end - key_at, member};
}

size_t messages_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                     struct json_edit edits[CALL_EDITS_MAX])
{
    size_t n = 0;
    bool version = changes->body_version.p && call->model_ref;
    if (version) edits[n++] = edit_version(call, doc, changes->body_version);
    bool model = !version || call->kind == CALL_COUNT_TOKENS;
    if (model && changes->model.p && call->model_ref && !json_string_is(doc, call->model_ref, changes->model))
        edits[n++] = replace(doc, call->model_ref, canon_quote(call->arena, changes->model).json);
    n += edit_limit(call, doc, changes->max_output, edits + n);
    for (size_t i = 1; i < n; i++) { /* sorted by their places */
        struct json_edit edit = edits[i];
        size_t k = i;
        for (; k > 0 && edits[k - 1].at > edit.at; k--) edits[k] = edits[k - 1];
        edits[k] = edit;
    }
    return n;
}
