/* Counting a prompt: how many bytes of text, how much media, which part of it is
 * whose. The sum bounds the tokens from above. */
#include "dialect/openai.h"

/* The segment that a message's bytes belong to. The last user turn is only known
 * at the end: each one makes history of the one before. */
static int64_t *message_segment(struct tally *t, json_ref role)
{
    struct call_segments *s = &t->call->segments;
    if (json_string_is(t->doc, role, S("system")) || json_string_is(t->doc, role, S("developer")))
        return &s->system_bytes;
    if (json_string_is(t->doc, role, S("tool")) || json_string_is(t->doc, role, S("function")))
        return &s->retrieved_bytes;
    if (!json_string_is(t->doc, role, S("user"))) return &s->history_bytes;
    s->history_bytes += s->user_bytes;
    s->user_bytes = 0;
    return &s->user_bytes;
}

/* Role and content decide what is counted where: they may not be ambiguous. */
static bool check_once(struct tally *t, json_ref object, enum call_field list, int64_t index)
{
    static const str keys[] = {STR_INIT("role"), STR_INIT("content"), STR_INIT("type"), STR_INIT("tool_calls")};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bool twice;
        (void)json_find(t->doc, object, keys[i], &twice);
        if (!twice) continue;
        str name = call_field_name(list);
        str param = arena_printf(t->r->arena, "%" STR_FMT "[%lld].%" STR_FMT, STR_ARG(name), (long long)index,
                                 STR_ARG(keys[i]));
        return call_refuse(t->r, param,
                           arena_printf(t->r->arena, "`%" STR_FMT "` stands twice; send it once.", STR_ARG(param)));
    }
    return true;
}

static bool count_messages(struct tally *t)
{
    json_ref messages = call_field_value(t->r, FIELD_MESSAGES);
    if (json_type(t->doc, messages) != JSON_ARRAY || !messages)
        return call_refuse(t->r, S("messages"),
                           messages ? S("`messages` must be an array of messages.")
                                    : S("`messages` is missing: send an array of messages."));
    for (json_ref m = json_first(t->doc, messages); m; m = json_next(t->doc, messages, m)) {
        if (!check_once(t, m, FIELD_MESSAGES, t->call->messages)) return false;
        t->call->messages++;
        t->segment = message_segment(t, json_find(t->doc, m, S("role"), NULL));
        tally_content(t, m);
    }
    return true;
}

/* ---- /v1/responses */

static bool type_ends(const struct json *doc, json_ref type, str ending)
{
    if (json_type(doc, type) != JSON_STRING) return false;
    str raw = json_raw(doc, type);
    return str_ends(str_head(raw, raw.n - 1), ending);
}

static void count_item(struct tally *t, json_ref item)
{
    json_ref type = openai_find(t->doc, item, S("type")), role = openai_find(t->doc, item, S("role"));
    bool stored = openai_find(t->doc, item, S("id")) != JSON_ABSENT;
    bool carries = openai_find(t->doc, item, S("content")) || openai_find(t->doc, item, S("encrypted_content"));
    bool by_id = (!type && !role) || json_string_is(t->doc, type, S("item_reference")) ||
                 json_string_is(t->doc, type, S("reasoning"));
    if (by_id && stored && !carries) t->call->references = true;
    if (type_ends(t->doc, type, S("_output")))
        t->segment = &t->call->segments.retrieved_bytes;
    else if (!type || json_string_is(t->doc, type, S("message")))
        t->segment = message_segment(t, role);
    else
        t->segment = &t->call->segments.history_bytes;
    tally_object(t, item);
}

static bool count_items(struct tally *t, json_ref items)
{
    for (json_ref item = json_first(t->doc, items); item; item = json_next(t->doc, items, item)) {
        if (!check_once(t, item, FIELD_INPUT, t->call->messages)) return false;
        t->call->messages++;
        if (json_type(t->doc, item) == JSON_OBJECT) {
            count_item(t, item);
        } else {
            t->segment = &t->call->segments.user_bytes;
            tally_content(t, item);
        }
    }
    return true;
}

static bool count_responses(struct tally *t)
{
    struct call *call = t->call;
    t->segment = &call->segments.system_bytes;
    json_ref instructions = call_field_value(t->r, FIELD_INSTRUCTIONS);
    if (instructions) {
        call->messages++;
        tally_content(t, instructions);
    }
    json_ref prompt = call_field_value(t->r, FIELD_PROMPT);
    if (prompt) {
        call->references = true;
        tally_content(t, prompt);
    }
    if (call_field_value(t->r, FIELD_PREVIOUS_RESPONSE_ID) || call_field_value(t->r, FIELD_CONVERSATION))
        call->references = true;
    json_ref input = call_field_value(t->r, FIELD_INPUT);
    enum json_type type = json_type(t->doc, input);
    if (!input) return true; /* a stored prompt or conversation may be all of it */
    if (type == JSON_ARRAY) return count_items(t, input);
    if (type != JSON_STRING) return call_refuse(t->r, S("input"), S("`input` must be a string or an array of items."));
    call->messages++;
    t->segment = &call->segments.user_bytes;
    tally_content(t, input);
    return true;
}

/* ---- completions, embeddings, moderations */

/* Strings count by byte, token ids one each. */
static void count_input(struct tally *t, json_ref at)
{
    if (json_type(t->doc, at) == JSON_NUMBER) {
        tally_text(t, 1);
    } else if (json_type(t->doc, at) == JSON_ARRAY) {
        for (json_ref part = json_first(t->doc, at); part; part = json_next(t->doc, at, part)) count_input(t, part);
    } else {
        tally_content(t, at);
    }
}

/* Each string, part or array of tokens is a turn; an array of tokens itself is one. */
static int64_t input_count(const struct json *doc, json_ref at)
{
    int64_t count = 0;
    if (json_type(doc, at) == JSON_ARRAY)
        for (json_ref part = json_first(doc, at); part; part = json_next(doc, at, part))
            count += json_type(doc, part) != JSON_NUMBER;
    return count ? count : 1;
}

static bool count_inputs(struct tally *t, enum call_field f, bool required)
{
    json_ref input = call_field_value(t->r, f);
    str name = call_field_name(f);
    enum json_type type = json_type(t->doc, input);
    bool wrong = input ? type != JSON_STRING && type != JSON_ARRAY : required;
    if (wrong)
        return call_refuse(t->r, name,
                           arena_printf(t->r->arena, "`%" STR_FMT "` %s", STR_ARG(name),
                                        input ? "must be a string or an array."
                                              : "is missing: send a string or an array of strings."));
    t->call->messages = 1;
    if (!input) return true;
    t->call->messages = input_count(t->doc, input);
    t->segment = &t->call->segments.user_bytes;
    count_input(t, input);
    return true;
}

/* ---- what stands beside the turns */

static void count_schema(struct tally *t, json_ref format)
{
    if (!format) return;
    json_ref schema = openai_find(t->doc, format, S("json_schema"));
    if (!schema && openai_find(t->doc, format, S("schema"))) schema = format;
    if (!schema) return;
    t->segment = &t->call->segments.tools_bytes;
    tally_text(t, openai_value_bytes(t->doc, schema));
}

/* Searches and the like that are not in `tools`: OpenAI's, xAI's, Qwen's, OpenRouter's. */
static bool asks_for_search(const struct call_reader *r)
{
    json_ref enable = call_field_value(r, FIELD_ENABLE_SEARCH), mode = call_field_value(r, FIELD_SEARCH_PARAMETERS);
    if (mode && !json_string_is(r->doc, json_find(r->doc, mode, S("mode"), NULL), S("off"))) return true;
    json_ref plugins = call_field_value(r, FIELD_PLUGINS);
    if (plugins && json_first(r->doc, plugins)) return true;
    return call_field_value(r, FIELD_WEB_SEARCH_OPTIONS) || json_is_true(r->doc, enable);
}

static void count_extras(struct tally *t)
{
    struct call_reader *r = t->r;
    json_ref tools = call_field_value(r, FIELD_TOOLS), functions = call_field_value(r, FIELD_FUNCTIONS);
    if (tools) tally_tools(t, tools);
    if (functions) {
        t->segment = &t->call->segments.tools_bytes;
        tally_text(t, openai_value_bytes(t->doc, functions));
        t->call->tools += input_count(t->doc, functions);
    }
    json_ref format = call_field_value(r, FIELD_RESPONSE_FORMAT), text = call_field_value(r, FIELD_TEXT);
    if (format) count_schema(t, format);
    if (text) count_schema(t, json_find(t->doc, text, S("format"), NULL));
    json_ref documents = call_field_value(r, FIELD_DOCUMENTS);
    if (documents) {
        t->segment = &t->call->segments.retrieved_bytes;
        tally_text(t, openai_value_bytes(t->doc, documents));
    }
    json_ref prediction = call_field_value(r, FIELD_PREDICTION);
    if (prediction) t->call->prediction_bytes = openai_value_bytes(t->doc, prediction);
    if (asks_for_search(r)) t->call->server_tools = true;
}

bool call_count(struct call_reader *r)
{
    struct tally t = {.r = r, .doc = r->doc, .call = r->call, .segment = &r->call->segments.user_bytes};
    switch (r->call->kind) {
    case CALL_CHAT:
        count_extras(&t);
        return count_messages(&t);
    case CALL_RESPONSES:
    case CALL_COUNT_RESPONSES:
        count_extras(&t);
        return count_responses(&t);
    case CALL_COMPLETIONS:
        if (!count_inputs(&t, FIELD_PROMPT, false)) return false;
        t.segment = &r->call->segments.user_bytes;
        tally_text(&t, openai_string_bytes(r->doc, call_field_value(r, FIELD_SUFFIX)));
        return true;
    case CALL_EMBEDDINGS:
    case CALL_MODERATIONS:
        return count_inputs(&t, FIELD_INPUT, true);
    default: /* others count by themselves: codec.c */
        return true;
    }
}
