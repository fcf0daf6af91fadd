/* Reading a call's prompt: items become messages, one each. */
#include "dialect/responses.h"

/* OpenAI's ids say what they stand for. Clients that believe their answers stored send their thoughts so. */
static bool refers_to_thoughts(struct item_reader *r, json_ref item)
{
    str id;
    json_ref at = openai_find(r->doc, item, S("id"));
    return at && json_string(r->doc, at, r->arena, &id) && str_starts(id, S("rs_"));
}

static void note_other(struct item_reader *r, json_ref item)
{
    static const str by_provider[] = {STR_INIT("web_search_call"),
                                      STR_INIT("file_search_call"),
                                      STR_INIT("code_interpreter_call"),
                                      STR_INIT("image_generation_call"),
                                      STR_INIT("mcp_call"),
                                      STR_INIT("mcp_list_tools"),
                                      STR_INIT("mcp_approval_request"),
                                      STR_INIT("mcp_approval_response"),
                                      STR_INIT("tool_search_call"),
                                      STR_INIT("tool_search_output"),
                                      STR_INIT("program"),
                                      STR_INIT("program_output")};
    static const str on_client[] = {STR_INIT("additional_tools"),        STR_INIT("local_shell_call"),
                                    STR_INIT("local_shell_call_output"), STR_INIT("shell_call"),
                                    STR_INIT("shell_call_output"),       STR_INIT("apply_patch_call"),
                                    STR_INIT("apply_patch_call_output"), STR_INIT("computer_call"),
                                    STR_INIT("computer_call_output")};
    static const str stored[] = {STR_INIT("item_reference"), STR_INIT("compaction"), STR_INIT("compaction_trigger")};
    const struct {
        const str *types;
        size_t count;
        enum canon_feature feature;
    } lists[] = {{by_provider, COUNT_OF(by_provider), FEATURE_SERVER_TOOL_HISTORY},
                 {on_client, COUNT_OF(on_client), FEATURE_SERVER_TOOL},
                 {stored, COUNT_OF(stored), FEATURE_STORED_CONTEXT}};
    json_ref type = openai_find(r->doc, item, S("type"));
    if (json_string_is(r->doc, type, S("item_reference")) && refers_to_thoughts(r, item)) {
        responses_note(r->call, FEATURE_REASONING_HISTORY, S("input.item_reference"));
        return;
    }
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            if (!json_string_is(r->doc, type, lists[l].types[i])) continue;
            responses_note(r->call, lists[l].feature,
                           arena_printf(r->arena, "input.%" STR_FMT, STR_ARG(lists[l].types[i])));
            return;
        }
    }
    responses_note(r->call, FEATURE_UNKNOWN, S("input"));
}

static bool role_of(const struct json *doc, json_ref item, enum canon_role *role)
{
    static const str names[] = {[ROLE_SYSTEM] = STR_INIT("system"),
                                [ROLE_DEVELOPER] = STR_INIT("developer"),
                                [ROLE_USER] = STR_INIT("user"),
                                [ROLE_ASSISTANT] = STR_INIT("assistant")};
    json_ref at = openai_find(doc, item, S("role"));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!json_string_is(doc, at, names[i])) continue;
        *role = (enum canon_role)i;
        return true;
    }
    return false;
}

static void read_parts(struct item_reader *r, json_ref item, enum item_kind kind)
{
    switch (kind) {
    case ITEM_MESSAGE:
        responses_read_message(r, item);
        break;
    case ITEM_CALL:
        responses_read_call(r, item);
        break;
    case ITEM_CALL_OUTPUT:
        responses_read_call_output(r, item);
        break;
    case ITEM_REASONING:
        responses_read_reasoning(r, item);
        break;
    case ITEM_OTHER:
        responses_read_other(r, item);
        note_other(r, item);
        break;
    }
}

static bool is_content(const struct canon_part *p)
{
    return p->kind != PART_TOOL_CALL && p->kind != PART_REASONING && p->kind != PART_REDACTED &&
           (p->kind != PART_OPAQUE || p->inner);
}

/* What the model did in one turn is one message elsewhere: its thoughts, words and calls. Two messages
 * stay two. */
static bool same_turn(const struct item_reader *r, enum item_kind kind, enum canon_role role)
{
    const struct canon_message *before = r->call->last_message;
    if (role != ROLE_ASSISTANT || !before || before->role != ROLE_ASSISTANT || !r->last) return false;
    return kind != ITEM_MESSAGE || !is_content(r->last);
}

static void read_item(struct item_reader *r, json_ref item)
{
    enum item_kind kind = responses_item_kind(r->doc, item);
    enum canon_role role = kind == ITEM_CALL_OUTPUT ? ROLE_USER : ROLE_ASSISTANT;
    if (kind == ITEM_MESSAGE && !role_of(r->doc, item, &role)) kind = ITEM_OTHER;
    bool stored = json_string_is(r->doc, openai_find(r->doc, item, S("type")), S("item_reference"));
    if (stored && !refers_to_thoughts(r, item)) role = ROLE_USER;
    if (same_turn(r, kind, role)) {
        r->end = &r->last->next;
        read_parts(r, item, kind);
        return;
    }
    struct canon_part *parts = NULL;
    r->end = &parts;
    read_parts(r, item, kind);
    r->end = NULL;
    if (!parts) return; /* only a signature of another part */
    struct canon_message *m = canon_add_message(r->call, role);
    m->parts = parts;
    m->among = role == ROLE_SYSTEM || role == ROLE_DEVELOPER;
}

static bool refuse(struct canon_call *call, struct call_problem *problem, str param, const char *must)
{
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     arena_printf(call->arena, "`%" STR_FMT "` %s", STR_ARG(param), must), param};
    return false;
}

static void read_instructions(const struct json *doc, json_ref at, struct canon_call *call)
{
    struct canon_message *m = canon_add_message(call, ROLE_SYSTEM);
    canon_add_part(call->arena, &m->parts, PART_TEXT)->text = canon_raw(doc, at);
}

bool responses_read_prompt(const struct json *doc, struct canon_call *call, struct call_problem *problem)
{
    json_ref instructions = openai_find(doc, JSON_ROOT, S("instructions")),
             input = openai_find(doc, JSON_ROOT, S("input"));
    struct item_reader r = {.doc = doc, .arena = call->arena, .call = call};
    if (instructions && json_type(doc, instructions) != JSON_STRING)
        return refuse(call, problem, S("instructions"), "must be a string.");
    if (instructions) read_instructions(doc, instructions, call);
    if (!input) return true; /* a stored prompt or conversation may be all of it */
    if (json_type(doc, input) == JSON_STRING) {
        struct canon_message *m = canon_add_message(call, ROLE_USER);
        canon_add_part(call->arena, &m->parts, PART_TEXT)->text = canon_raw(doc, input);
        return true;
    }
    if (json_type(doc, input) != JSON_ARRAY)
        return refuse(call, problem, S("input"), "must be a string or an array of items.");
    for (json_ref at = json_first(doc, input); at; at = json_next(doc, input, at)) {
        if (json_type(doc, at) != JSON_OBJECT)
            return refuse(call, problem, S("input"), "must be an array of items, which are objects.");
        read_item(&r, at);
    }
    return true;
}
