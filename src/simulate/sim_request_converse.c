/* Bedrock's Converse, read as strictly as AWS reads it: turns alternate, every call
 * has its result in the next turn and none twice, and tools must be there where the
 * history has any. */
#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

static const char known[] = "messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields "
                            "promptVariables additionalModelResponseFieldPaths requestMetadata performanceConfig "
                            "serviceTier outputConfig";

/* How many blocks of `key` in `content` have this id; any id where `id.p` is NULL. */
static size_t blocks_with(struct sim_reader *rd, json_ref content, str key, str id)
{
    size_t count = 0;
    if (!content) return 0;
    for (json_ref it = json_first(rd->doc, content); it; it = json_next(rd->doc, content, it)) {
        json_ref block = sim_at(rd, it, key);
        if (block && (!id.p || sim_is(rd, block, S("toolUseId"), id))) count++;
    }
    return count;
}

/* Each block of `key` in `content` has one of `other_key` in `other`, and its id once. */
static bool are_paired(struct sim_reader *rd, json_ref content, str key, json_ref other, str other_key)
{
    if (!content) return true;
    for (json_ref it = json_first(rd->doc, content); it; it = json_next(rd->doc, content, it)) {
        json_ref block = sim_at(rd, it, key);
        if (!block) continue;
        str id = sim_reader_text(rd, sim_at(rd, block, S("toolUseId")));
        if (!id.n || blocks_with(rd, content, key, id) != 1 || blocks_with(rd, other, other_key, id) != 1) return false;
    }
    return true;
}

static bool starts_with_thoughts(struct sim_reader *rd, json_ref content)
{
    json_ref first = content ? json_first(rd->doc, content) : JSON_ABSENT;
    json_ref reasoning = sim_at(rd, first, S("reasoningContent"));
    json_ref text = sim_at(rd, reasoning, S("reasoningText"));
    return reasoning && (!text || sim_is(rd, text, S("signature"), S(SIM_SIGNATURE)));
}

/* "The text field in the ContentBlock object at messages.0.content.0 is blank." Also inside of results. */
static bool has_blank(struct sim_reader *rd, json_ref content)
{
    bool list = content && json_type(rd->doc, content) == JSON_ARRAY;
    for (json_ref it = list ? json_first(rd->doc, content) : JSON_ABSENT; it; it = json_next(rd->doc, content, it)) {
        json_ref text = sim_at(rd, it, S("text")), result = sim_at(rd, it, S("toolResult"));
        if (text && json_type(rd->doc, text) == JSON_STRING && !str_trim(sim_reader_text(rd, text)).n) return true;
        if (result && has_blank(rd, sim_at(rd, result, S("content")))) return true;
    }
    return false;
}

/* Claude goes on with it, and takes no white space there. */
static bool ends_blank(struct sim_reader *rd, json_ref role, json_ref content)
{
    json_ref last = JSON_ABSENT;
    if (!role || !json_string_is(rd->doc, role, S("assistant"))) return false;
    for (json_ref it = json_first(rd->doc, content); it; it = json_next(rd->doc, content, it)) last = it;
    str text = sim_reader_text(rd, sim_at(rd, last, S("text")));
    return text.n && str_trim(text).p + str_trim(text).n != text.p + text.n;
}

static bool read_turns(struct sim_reader *rd, json_ref list, bool *uses_tools)
{
    const str call = S("toolUse"), result = S("toolResult");
    json_ref before = JSON_ABSENT;
    int64_t count = 0;
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it), count++) {
        json_ref role = sim_at(rd, it, S("role")), content = sim_at(rd, it, S("content"));
        bool user = role && json_string_is(rd->doc, role, S("user"));
        if (!content || json_type(rd->doc, content) != JSON_ARRAY || !json_first(rd->doc, content))
            return sim_reader_refuse_field(rd, "messages", "The content field of a message is empty.");
        if (has_blank(rd, content))
            return sim_reader_refuse_field(rd, "messages", "The text field in a ContentBlock object is blank.");
        if (!json_next(rd->doc, list, it) && ends_blank(rd, role, content))
            return sim_reader_refuse_field(rd, "messages",
                                           "final assistant content cannot end with trailing whitespace");
        if (user != (count % 2 == 0))
            return sim_reader_refuse_field(rd, "messages",
                                           "A conversation must start with a user message and roles must alternate.");
        if (user && !(are_paired(rd, content, result, before, call) && are_paired(rd, before, call, content, result)))
            return sim_reader_refuse_field(rd, "messages",
                                           "The number of toolResult blocks exceeds or falls short of the toolUse "
                                           "blocks of the previous turn, or an id is there twice.");
        size_t results = blocks_with(rd, content, result, STR_NONE);
        if (results || blocks_with(rd, content, call, STR_NONE)) *uses_tools = true;
        rd->thoughtless = results > 0 && !starts_with_thoughts(rd, before);
        sim_reader_turn(rd, role, content, results > 0);
        sim_reader_count(rd, content, false);
        before = content;
    }
    rd->r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    return count > 0 || sim_reader_refuse_field(rd, "messages", "A conversation must have a message.");
}

static bool read_tools(struct sim_reader *rd, bool used)
{
    struct sim_request *r = rd->r;
    json_ref config = sim_top(rd, S("toolConfig")), list = sim_at(rd, config, S("tools"));
    json_ref choice = sim_at(rd, config, S("toolChoice")), named = sim_at(rd, choice, S("tool"));
    if (used && !list)
        return sim_reader_refuse_field(
            rd, "toolConfig", "The toolConfig field must be defined when using toolUse and toolResult content blocks.");
    if (!list || json_type(rd->doc, list) != JSON_ARRAY) return true;
    if (!json_first(rd->doc, list)) return sim_reader_refuse_field(rd, "toolConfig.tools", "must not be empty");
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it)) {
        json_ref spec = sim_at(rd, it, S("toolSpec"));
        sim_reader_add_tool(rd, sim_at(rd, spec, S("name")), sim_at(rd, sim_at(rd, spec, S("inputSchema")), S("json")));
    }
    r->tools.choice = named ? SIM_TOOLS_NAMED : sim_at(rd, choice, S("any")) ? SIM_TOOLS_REQUIRED : SIM_TOOLS_AUTO;
    if (named) r->tools.name = arena_str(rd->keep, sim_reader_text(rd, sim_at(rd, named, S("name"))));
    sim_reader_end_tools(rd, list);
    return true;
}

/* The schema stands there as a string of JSON. */
static bool read_format(struct sim_reader *rd)
{
    json_ref format = sim_at(rd, sim_top(rd, S("outputConfig")), S("textFormat"));
    if (!format) return true;
    json_ref schema = sim_at(rd, sim_at(rd, sim_at(rd, format, S("structure")), S("jsonSchema")), S("schema"));
    if (!sim_is(rd, format, S("type"), S("json_schema")) || !schema || json_type(rd->doc, schema) != JSON_STRING)
        return sim_reader_refuse_field(rd, "outputConfig.textFormat", "a JSON schema as a string is expected");
    rd->r->format.json = true;
    rd->r->format.schema_text = arena_str(rd->keep, sim_reader_text(rd, schema));
    rd->r->text_tokens += sim_count_tokens(rd->r->format.schema_text);
    return true;
}

static bool read_thinking(struct sim_reader *rd)
{
    json_ref more = sim_top(rd, S("additionalModelRequestFields"));
    json_ref thinking = sim_at(rd, more, S("thinking"));
    if (!thinking) thinking = sim_at(rd, more, S("reasoning_config"));
    if (!thinking) thinking = sim_at(rd, more, S("reasoningConfig"));
    rd->r->thinks = sim_is(rd, thinking, S("type"), S("enabled")) || sim_is(rd, thinking, S("type"), S("adaptive")) ||
                    sim_at(rd, more, S("reasoning_effort"));
    rd->r->shows = true;
    return !sim_is(rd, thinking, S("type"), S("enabled")) || !rd->thoughtless ||
           sim_reader_refuse_field(rd, "messages",
                                   "Expected `thinking` or `redacted_thinking`, signed by this model, but found "
                                   "`tool_use`.");
}

bool sim_request_read_converse(struct sim_reader *rd)
{
    bool uses_tools = false;
    json_ref counted = sim_at(rd, sim_top(rd, S("input")), S("converse")); /* of /count-tokens */
    if (counted) rd->root = counted;
    json_ref list = sim_top(rd, S("messages")), system = sim_top(rd, S("system"));
    str stranger;
    if (!sim_reader_known(rd, rd->root, known, &stranger))
        return sim_reader_refuse(rd, stranger,
                                 arena_printf(rd->keep, "extraneous key [%.*s] is not permitted", STR_ARG(stranger)));
    if (!list || json_type(rd->doc, list) != JSON_ARRAY)
        return sim_reader_refuse_field(rd, "messages", "A conversation must have a message.");
    if (!read_turns(rd, list, &uses_tools)) return false;
    if (system) {
        sim_reader_count(rd, system, false);
        rd->r->text_tokens += SIM_MESSAGE_TOKENS;
        if (!sim_reader_control(rd, system)) return false;
    }
    if (!sim_reader_control(rd, rd->last_user)) return false;
    if (!sim_reader_number(rd, sim_at(rd, sim_top(rd, S("inferenceConfig")), S("maxTokens")), "maxTokens", 1,
                           &rd->r->max_output))
        return false;
    return read_thinking(rd) && read_tools(rd, uses_tools) && read_format(rd);
}
