/* Cohere's chat (v2). */
#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

static const char known[] =
    "model messages stream tools documents citation_options response_format safety_mode max_tokens "
    "stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice "
    "thinking strict_tools priority raw_prompting";

static bool made_call(struct sim_reader *rd, json_ref calls, str id)
{
    for (json_ref it = calls ? json_first(rd->doc, calls) : JSON_ABSENT; it; it = json_next(rd->doc, calls, it)) {
        if (sim_is(rd, it, S("id"), id)) return true;
    }
    return false;
}

static bool read_turns(struct sim_reader *rd, json_ref list)
{
    json_ref calls = JSON_ABSENT;
    int64_t count = 0;
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it), count++) {
        json_ref role = sim_at(rd, it, S("role")), content = sim_at(rd, it, S("content"));
        bool tool = role && json_string_is(rd->doc, role, S("tool"));
        if (tool && !made_call(rd, calls, sim_reader_text(rd, sim_at(rd, it, S("tool_call_id")))))
            return sim_reader_refuse_field(rd, "messages", "a tool message must answer a tool call before it");
        if (sim_is(rd, it, S("role"), S("system")) && !sim_reader_control(rd, content)) return false;
        if (!tool) calls = sim_at(rd, it, S("tool_calls"));
        sim_reader_turn(rd, role, content, tool);
        sim_reader_count(rd, it, false);
    }
    rd->r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    return count > 0 || sim_reader_refuse_field(rd, "messages", "must have at least one message");
}

static bool choice_is(struct sim_reader *rd, str word)
{
    json_ref choice = sim_top(rd, S("tool_choice"));
    return choice && json_string_is(rd->doc, choice, word);
}

static void read_tools(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref list = sim_top(rd, S("tools"));
    if (!list || json_type(rd->doc, list) != JSON_ARRAY) return;
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it)) {
        json_ref function = sim_at(rd, it, S("function"));
        sim_reader_add_tool(rd, sim_at(rd, function, S("name")), sim_at(rd, function, S("parameters")));
    }
    r->tools.choice = choice_is(rd, S("NONE"))       ? SIM_TOOLS_NONE
                      : choice_is(rd, S("REQUIRED")) ? SIM_TOOLS_REQUIRED
                                                     : SIM_TOOLS_AUTO;
    sim_reader_end_tools(rd, list);
}

static bool read_format(struct sim_reader *rd)
{
    json_ref format = sim_top(rd, S("response_format"));
    rd->r->format.json = sim_is(rd, format, S("type"), S("json_object"));
    rd->r->format.schema = sim_at(rd, format, S("json_schema"));
    if (!rd->r->format.schema) rd->r->format.schema = sim_at(rd, format, S("schema"));
    if (rd->r->format.schema) sim_reader_count(rd, rd->r->format.schema, true);
    return !rd->r->format.json || !rd->r->tools.count ||
           sim_reader_refuse_field(rd, "response_format", "is not supported in combination with tools");
}

bool sim_request_read_cohere(struct sim_reader *rd)
{
    str stranger;
    json_ref list = sim_top(rd, S("messages"));
    if (!sim_reader_known(rd, rd->root, known, &stranger))
        return sim_reader_refuse(rd, stranger,
                                 arena_printf(rd->keep, "invalid request: unknown field '%.*s'", STR_ARG(stranger)));
    if (!list || json_type(rd->doc, list) != JSON_ARRAY)
        return sim_reader_refuse_field(rd, "messages", "must have at least one message");
    if (!sim_reader_number(rd, sim_top(rd, S("max_tokens")), "max_tokens", 1, &rd->r->max_output)) return false;
    if (!read_turns(rd, list) || !sim_reader_control(rd, rd->last_user)) return false;
    read_tools(rd);
    if (!read_format(rd)) return false;
    rd->r->thinks = sim_is(rd, sim_top(rd, S("thinking")), S("type"), S("enabled"));
    rd->r->shows = true;
    return true;
}
