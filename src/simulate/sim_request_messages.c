/* Anthropic's Messages, read as strictly as Anthropic reads them: fields that it does
 * not know, results without their calls and thinking without room are 400s there. */
#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

static const char known[] =
    "model messages max_tokens system stop_sequences stream temperature top_p top_k tools tool_choice "
    "thinking metadata service_tier container mcp_servers context_management output_config "
    "output_format cache_control inference_geo speed anthropic_version anthropic_beta thread";

/* The block of that type whose `key` is `id`, among a message's content. */
static bool has_block(struct sim_reader *rd, json_ref content, str type, str key, str id)
{
    if (!content || json_type(rd->doc, content) != JSON_ARRAY) return false;
    for (json_ref it = json_first(rd->doc, content); it; it = json_next(rd->doc, content, it)) {
        if (sim_is(rd, it, S("type"), type) && (!id.p || sim_is(rd, it, key, id))) return true;
    }
    return false;
}

/* Every block of `type` in `content` has its counterpart in `other`. */
static bool are_paired(struct sim_reader *rd, json_ref content, bool results, json_ref other)
{
    str type = results ? S("tool_result") : S("tool_use"), key = results ? S("tool_use_id") : S("id");
    if (!content || json_type(rd->doc, content) != JSON_ARRAY) return true;
    for (json_ref it = json_first(rd->doc, content); it; it = json_next(rd->doc, content, it)) {
        if (!sim_is(rd, it, S("type"), type)) continue;
        str id = sim_reader_text(rd, sim_at(rd, it, key));
        if (!id.n ||
            !has_block(rd, other, results ? S("tool_use") : S("tool_result"), results ? S("id") : S("tool_use_id"), id))
            return false;
    }
    return true;
}

/* Signed by ourselves, or hidden: another's signature is refused. */
static bool is_proven(struct sim_reader *rd, json_ref block)
{
    if (sim_is(rd, block, S("type"), S("redacted_thinking"))) return true;
    return sim_is(rd, block, S("type"), S("thinking")) && sim_is(rd, block, S("signature"), S(SIM_SIGNATURE));
}

static bool starts_with_thoughts(struct sim_reader *rd, json_ref content)
{
    json_ref first = content && json_type(rd->doc, content) == JSON_ARRAY ? json_first(rd->doc, content) : JSON_ABSENT;
    return first && is_proven(rd, first);
}

static bool read_turns(struct sim_reader *rd, json_ref list)
{
    json_ref before = JSON_ABSENT, before_role = JSON_ABSENT;
    int64_t count = 0;
    bool goes_on =
        sim_is(rd, sim_top(rd, S("thread")), S("type"), S("continue")); /* what stands before is taken as kept */
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it), count++) {
        json_ref role = sim_at(rd, it, S("role")), content = sim_at(rd, it, S("content"));
        bool user = role && json_string_is(rd->doc, role, S("user"));
        if (content && role && json_string_is(rd->doc, role, S("system"))) { /* instructions on the way */
            sim_reader_count(rd, it, false);
            continue;
        }
        if (!content || (!user && !json_string_is(rd->doc, role, S("assistant"))))
            return sim_reader_refuse_field(rd, "messages", "Input should be messages of 'user' and 'assistant'");
        if (user && (count || !goes_on) && !are_paired(rd, content, true, before))
            return sim_reader_refuse_field(rd, "messages", "unexpected `tool_use_id` found in `tool_result` blocks");
        if (user && before_role && !are_paired(rd, before, false, content))
            return sim_reader_refuse_field(rd, "messages", "`tool_use` ids were found without `tool_result` blocks");
        bool answers = user && has_block(rd, content, S("tool_result"), STR_NONE, STR_NONE);
        rd->thoughtless = answers && !starts_with_thoughts(rd, before);
        sim_reader_turn(rd, role, content, answers);
        sim_reader_count(rd, it, false);
        before = content;
        before_role = user ? JSON_ABSENT : role;
    }
    rd->r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    return count > 0 || sim_reader_refuse_field(rd, "messages", "at least one message is required");
}

static void read_tools(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref list = sim_top(rd, S("tools")), choice = sim_top(rd, S("tool_choice"));
    if (!list || json_type(rd->doc, list) != JSON_ARRAY) return;
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it)) {
        json_ref schema = sim_at(rd, it, S("input_schema"));
        if (schema) sim_reader_add_tool(rd, sim_at(rd, it, S("name")), schema);
    }
    r->tools.choice = SIM_TOOLS_AUTO;
    if (sim_is(rd, choice, S("type"), S("none"))) r->tools.choice = SIM_TOOLS_NONE;
    if (sim_is(rd, choice, S("type"), S("any"))) r->tools.choice = SIM_TOOLS_REQUIRED;
    if (sim_is(rd, choice, S("type"), S("tool"))) r->tools.choice = SIM_TOOLS_NAMED;
    r->tools.name = arena_str(rd->keep, sim_reader_text(rd, sim_at(rd, choice, S("name"))));
    sim_reader_end_tools(rd, list);
}

static bool read_thinking(struct sim_reader *rd)
{
    enum { BUDGET_LEAST = 1024 };
    struct sim_request *r = rd->r;
    json_ref thinking = sim_top(rd, S("thinking"));
    bool enabled = sim_is(rd, thinking, S("type"), S("enabled"));
    int64_t budget = -1;
    r->shows = !sim_is(rd, thinking, S("display"), S("omitted"));
    if (!enabled && !sim_is(rd, thinking, S("type"), S("adaptive"))) return true;
    r->thinks = true;
    if (!sim_reader_number(rd, sim_at(rd, thinking, S("budget_tokens")), "budget_tokens", 0, &budget)) return false;
    if (enabled && budget < BUDGET_LEAST)
        return sim_reader_refuse_field(rd, "thinking.enabled.budget_tokens", "Input should be 1024 or more");
    if (enabled && budget >= r->max_output)
        return sim_reader_refuse_field(rd, "max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`");
    if (r->tools.choice == SIM_TOOLS_REQUIRED || r->tools.choice == SIM_TOOLS_NAMED)
        return sim_reader_refuse_field(rd, "tool_choice", "Thinking may not be enabled when it forces tool use");
    if (enabled && rd->thoughtless) /* adaptive ones go on without */
        return sim_reader_refuse_field(rd, "messages",
                                       "Expected `thinking` or `redacted_thinking`, signed by this model, but found "
                                       "`tool_use`. When `thinking` is enabled, a final `assistant` message must start "
                                       "with a thinking block");
    double v = 1;
    json_ref temperature = sim_top(rd, S("temperature"));
    if (temperature && json_double(rd->doc, temperature, &v) && v != 1)
        return sim_reader_refuse_field(rd, "temperature", "may only be set to 1 when thinking is enabled");
    return true;
}

static void read_format(struct sim_reader *rd)
{
    json_ref format = sim_at(rd, sim_top(rd, S("output_config")), S("format"));
    if (!format) format = sim_top(rd, S("output_format"));
    if (!sim_is(rd, format, S("type"), S("json_schema"))) return;
    rd->r->format.json = true;
    rd->r->format.schema = sim_at(rd, format, S("schema"));
    if (rd->r->format.schema) sim_reader_count(rd, rd->r->format.schema, true);
}

bool sim_request_read_messages(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    str stranger;
    json_ref list = sim_top(rd, S("messages")), system = sim_top(rd, S("system"));
    if (!sim_reader_known(rd, rd->root, known, &stranger))
        return sim_reader_refuse(rd, stranger,
                                 arena_printf(rd->keep, "%.*s: Extra inputs are not permitted", STR_ARG(stranger)));
    if (!list || json_type(rd->doc, list) != JSON_ARRAY)
        return sim_reader_refuse_field(rd, "messages", "Field required");
    if (!sim_reader_number(rd, sim_top(rd, S("max_tokens")), "max_tokens", 1, &r->max_output)) return false;
    if (r->max_output < 0 && !r->counting) return sim_reader_refuse_field(rd, "max_tokens", "Field required");
    if (!read_turns(rd, list)) return false;
    if (system) {
        sim_reader_count(rd, system, false);
        r->text_tokens += SIM_MESSAGE_TOKENS;
        if (!sim_reader_control(rd, system)) return false;
    }
    if (!sim_reader_control(rd, rd->last_user)) return false;
    read_tools(rd);
    read_format(rd);
    return read_thinking(rd);
}
