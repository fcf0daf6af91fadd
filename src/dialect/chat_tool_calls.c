/* What an assistant's message has beside its content: calls of tools, reasoning. */
#include "dialect/chat.h"

/* ---- calls of tools */

/* Text as a string holds it, or an object, which some servers send, as it stands. */
static str read_arguments(struct chat_reader *r, json_ref object, str key)
{
    json_ref at = object ? openai_find(r->doc, object, key) : JSON_ABSENT;
    str text;
    if (!at) return S("");
    if (json_type(r->doc, at) != JSON_STRING) return json_raw(r->doc, at);
    return json_string(r->doc, at, r->arena, &text) ? text : S("");
}

static void read_function(struct chat_reader *r, json_ref function, struct canon_part *part)
{
    part->tool.name = canon_text(r->doc, function, S("name"), r->arena);
    part->tool.arguments = read_arguments(r, function, S("arguments"));
}

static bool read_tool_call(struct chat_reader *r, json_ref call, struct canon_part ***tail)
{
    static const str known[] = {STR_INIT("id"), STR_INIT("type"), STR_INIT("function"), STR_INIT("custom")};
    if (json_type(r->doc, call) != JSON_OBJECT) return chat_refuse(r, S("messages.tool_calls"), "a list of objects");
    json_ref function = openai_find(r->doc, call, S("function")), custom = openai_find(r->doc, call, S("custom"));
    struct canon_part *part = chat_append(r, tail, PART_TOOL_CALL);
    part->tool.id = canon_text(r->doc, call, S("id"), r->arena);
    chat_read_thought_signature(r->doc, call, part);
    if (!part->tool.id.n) part->tool.id = chat_make_id(r);
    if (custom) {
        part->tool.custom = true;
        part->tool.name = canon_text(r->doc, custom, S("name"), r->arena);
        part->tool.arguments = read_arguments(r, custom, S("input"));
        chat_note(r, FEATURE_TOOL_CUSTOM, S("messages.tool_calls.custom"));
    } else if (function) {
        read_function(r, function, part);
    }
    if (chat_has_more(r->doc, call, known, COUNT_OF(known))) part->value = canon_raw(r->doc, call);
    return true;
}

/* `function_call`: what `tool_calls` was before it had ids. Its result names the function. */
static void read_legacy_call(struct chat_reader *r, json_ref message, struct canon_part ***tail)
{
    json_ref old = openai_find(r->doc, message, S("function_call"));
    if (!old || json_type(r->doc, old) != JSON_OBJECT) return;
    struct canon_part *part = chat_append(r, tail, PART_TOOL_CALL);
    part->tool.id = r->legacy_call = chat_make_id(r);
    read_function(r, old, part);
    if (r->call) return;
    part->extras = (struct canon_extras){DIALECT_CHAT, arena_printf(r->arena, "\"function_call\":%" STR_FMT,
                                                                    STR_ARG(json_raw(r->doc, old)))};
}

bool chat_read_tool_calls(struct chat_reader *r, json_ref message, struct canon_part ***tail)
{
    json_ref calls = openai_find(r->doc, message, S("tool_calls"));
    if (calls && json_type(r->doc, calls) != JSON_ARRAY) return chat_refuse(r, S("messages.tool_calls"), "a list");
    for (json_ref call = calls ? json_first(r->doc, calls) : JSON_ABSENT; call; call = json_next(r->doc, calls, call))
        if (!read_tool_call(r, call, tail)) return false;
    read_legacy_call(r, message, tail);
    return true;
}

/* ---- reasoning: a string under either of two names, or OpenRouter's details */

static bool same_detail(const struct json *doc, json_ref a, json_ref b)
{
    json_ref at = json_find(doc, a, S("index"), NULL), bt = json_find(doc, b, S("index"), NULL);
    return at && bt ? str_eq(json_raw(doc, at), json_raw(doc, bt)) : !at && !bt;
}

static bool is_detail(const struct json *doc, json_ref at, str type)
{
    json_ref is = openai_find(doc, at, S("type"));
    return is && json_string_is(doc, is, type);
}

static str detail_text_key(const struct json *doc, json_ref at)
{
    return is_detail(doc, at, S("reasoning.summary")) ? S("summary") : S("text");
}

/* A client that gathers deltas may send a thought back in pieces: those of one index are one part.
 * Returns the last of them. */
static json_ref read_thought(struct chat_reader *r, json_ref list, json_ref first, struct canon_part ***tail)
{
    struct canon_part *part = chat_append(r, tail, PART_REASONING);
    json_ref last = first;
    size_t count = 0, i = 0;
    for (json_ref at = first; at; at = json_next(r->doc, list, at)) {
        if (is_detail(r->doc, at, S("reasoning.encrypted")) || !same_detail(r->doc, first, at)) break;
        last = at;
        count++;
        chat_read_proof(r->doc, at, r->arena, part);
        if (part->signature.json.p) break;
    }
    jraw *texts = arena_alloc(r->arena, count * sizeof(*texts));
    for (json_ref at = first; i < count; at = json_next(r->doc, list, at))
        texts[i++] = chat_full_string(r->doc, at, detail_text_key(r->doc, at));
    part->text = canon_join(r->arena, texts, count, S(""));
    part->id = canon_text(r->doc, first, S("id"), r->arena);
    return last;
}

static bool read_details(struct chat_reader *r, json_ref list, struct canon_part ***tail)
{
    bool text = false;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        if (json_type(r->doc, at) != JSON_OBJECT) continue;
        if (is_detail(r->doc, at, S("reasoning.encrypted"))) {
            struct canon_part *part = chat_append(r, tail, PART_REDACTED);
            chat_read_proof(r->doc, at, r->arena, part);
            part->id = canon_text(r->doc, at, S("id"), r->arena);
            continue;
        }
        struct canon_part **before = *tail;
        at = read_thought(r, list, at, tail);
        text = text || (*before)->text.json.p;
    }
    return text;
}

static jraw reasoning_string(const struct json *doc, json_ref message)
{
    jraw text = chat_full_string(doc, message, S("reasoning_content"));
    return text.json.p ? text : chat_full_string(doc, message, S("reasoning"));
}

void chat_read_reasoning(struct chat_reader *r, json_ref message, struct canon_part ***tail)
{
    jraw text = reasoning_string(r->doc, message);
    json_ref details = openai_find(r->doc, message, S("reasoning_details"));
    struct canon_part **first = *tail, *part;
    bool told = details && json_type(r->doc, details) == JSON_ARRAY && read_details(r, details, tail);
    bool plain = chat_full_string(r->doc, message, S("reasoning_content")).json.p != NULL;
    str field = plain         ? S("messages.reasoning_content")
                : text.json.p ? S("messages.reasoning")
                              : S("messages.reasoning_details");
    if (*first || text.json.p) chat_note(r, FEATURE_REASONING_HISTORY, field);
    if (told || !text.json.p) return;
    /* the text came by itself, the details only prove it */
    if (*first && (*first)->kind == PART_REASONING) {
        (*first)->text = text;
        return;
    }
    part = arena_zalloc(r->arena, sizeof(*part));
    *part = (struct canon_part){.next = *first, .kind = PART_REASONING, .text = text};
    *first = part;
    if (*tail == first) *tail = &part->next;
}
