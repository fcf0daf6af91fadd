/* Counting a prompt: how many bytes of text, how much media, which part of it is
 * whose. The sum bounds the tokens from above, so that whatever is not known to
 * be something else counts as text.
 *
 * Messages, content parts and the items of /v1/responses are walked by the same
 * function: what a member means follows from its key wherever it stands. It is
 * not read from `type`, so that a part that lies about its type is counted by
 * all it carries. */
#include "dialect/openai.h"

enum member {
    MEMBER_TEXT,    /* counts by its bytes; so does every key that is not in the table */
    MEMBER_SKIP,    /* never part of a prompt, or within a turn's constant overhead */
    MEMBER_CONTENT, /* a string, a part, or parts */
    MEMBER_IMAGE,
    MEMBER_AUDIO,
    MEMBER_STORED, /* an id of something that lies at the provider */
    MEMBER_FILE,   /* a file's bytes */
    MEMBER_REMOTE, /* an address of a file */
    MEMBER_TOOLS,
    MEMBER_RESULT, /* what a tool at the provider made: an image, or text */
};

static const struct {
    str key;
    enum member member;
} members[] = {
    {STR_INIT("role"), MEMBER_SKIP},
    {STR_INIT("type"), MEMBER_SKIP},
    {STR_INIT("content"), MEMBER_CONTENT},
    {STR_INIT("text"), MEMBER_TEXT},
    {STR_INIT("id"), MEMBER_SKIP},
    {STR_INIT("status"), MEMBER_SKIP},
    {STR_INIT("detail"), MEMBER_SKIP},
    {STR_INIT("phase"), MEMBER_SKIP},
    {STR_INIT("format"), MEMBER_SKIP},
    {STR_INIT("cache_control"), MEMBER_SKIP},
    {STR_INIT("prompt_cache_breakpoint"), MEMBER_SKIP},
    {STR_INIT("annotations"), MEMBER_SKIP},
    {STR_INIT("logprobs"), MEMBER_SKIP},
    {STR_INIT("output"), MEMBER_CONTENT},
    {STR_INIT("file"), MEMBER_CONTENT},
    {STR_INIT("image_url"), MEMBER_IMAGE},
    {STR_INIT("input_audio"), MEMBER_AUDIO},
    {STR_INIT("audio_url"), MEMBER_AUDIO},
    {STR_INIT("audio"), MEMBER_STORED},
    {STR_INIT("file_id"), MEMBER_STORED},
    {STR_INIT("file_data"), MEMBER_FILE},
    {STR_INIT("file_url"), MEMBER_REMOTE},
    {STR_INIT("document_url"), MEMBER_REMOTE},
    {STR_INIT("video_url"), MEMBER_REMOTE},
    {STR_INIT("tools"), MEMBER_TOOLS},
    {STR_INIT("result"), MEMBER_RESULT},
};

struct tally {
    struct call_reader *r;
    const struct json *doc;
    struct call *call;
    int64_t *segment; /* where bytes go now */
};

static void add_text(struct tally *t, int64_t bytes)
{
    t->call->text_bytes += bytes;
    *t->segment += bytes;
}

static int64_t text_bytes(const struct json *doc, json_ref at)
{
    enum json_type type = json_type(doc, at);
    if (type == JSON_STRING) return openai_string_bytes(doc, at);
    return type == JSON_NULL || type == JSON_TRUE || type == JSON_FALSE ? 0 : openai_value_bytes(doc, at);
}

static enum member member_find(const struct json *doc, json_ref key)
{
    bool escaped = doc->nodes[key].escaped;
    size_t n = doc->nodes[key].end - doc->nodes[key].start - 2;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (!escaped && n != members[i].key.n) continue;
        if (json_string_is(doc, key, members[i].key)) return members[i].member;
    }
    return MEMBER_TEXT;
}

/* ---- tools */

/* Tools that the client runs itself, or that only arrange others. */
static bool tool_is_clients(const struct json *doc, json_ref type)
{
    static const str kinds[] = {STR_INIT("function"),    STR_INIT("custom"),    STR_INIT("local_shell"),
                                STR_INIT("apply_patch"), STR_INIT("namespace"), STR_INIT("tool_search")};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (json_string_is(doc, type, kinds[i])) return true;
    return false;
}

static void count_tool(struct tally *t, json_ref tool)
{
    t->call->tools++;
    bool typed = json_find(t->doc, tool, S("function"), NULL) != JSON_ABSENT; /* some leave the type out */
    for (json_ref key = json_first(t->doc, tool); key; key = json_next(t->doc, tool, key + 1)) {
        if (!json_string_is(t->doc, key, S("type"))) continue;
        typed = true;
        if (!tool_is_clients(t->doc, key + 1)) t->call->server_tools = true;
    }
    if (!typed) t->call->server_tools = true;
}

static void count_tools(struct tally *t, json_ref tools)
{
    int64_t *before = t->segment;
    t->segment = &t->call->segments.tools_bytes;
    add_text(t, text_bytes(t->doc, tools));
    t->segment = before;
    if (json_type(t->doc, tools) != JSON_ARRAY) return;
    for (json_ref tool = json_first(t->doc, tools); tool; tool = json_next(t->doc, tools, tool))
        if (json_type(t->doc, tool) == JSON_OBJECT) count_tool(t, tool);
}

/* ---- media */

/* The string itself, or the one under `key` in an object. */
static str media_string(const struct json *doc, json_ref at, str key)
{
    if (json_type(doc, at) == JSON_OBJECT) at = json_find(doc, at, key, NULL);
    if (json_type(doc, at) != JSON_STRING) return STR_NONE;
    str raw = json_raw(doc, at);
    return str_of(raw.p + 1, raw.n - 2);
}

static int64_t base64_bytes(str s)
{
    size_t comma = str_starts(s, S("data:")) ? str_find_byte(s, ',', 0) : SIZE_MAX;
    if (comma != SIZE_MAX) s = str_from_at(s, comma + 1);
    return (int64_t)(s.n / 4 * 3 + s.n % 4);
}

static bool is_address(str s)
{
    return str_starts(s, S("http:")) || str_starts(s, S("https:")) || str_starts(s, S("http:\\/")) ||
           str_starts(s, S("https:\\/"));
}

static void count_audio(struct tally *t, json_ref at)
{
    str data = media_string(t->doc, at, S("data"));
    if (!data.n) data = media_string(t->doc, at, S("url"));
    t->call->audio++;
    if (!data.n || is_address(data))
        t->call->references = true;
    else
        t->call->audio_bytes += base64_bytes(data);
}

/* Text counts by its bytes. Anything else may unpack to more than it weighs. */
static void count_file(struct tally *t, json_ref at)
{
    str data = media_string(t->doc, at, S("data"));
    int64_t *before = t->segment;
    t->segment = &t->call->segments.retrieved_bytes;
    add_text(t, base64_bytes(data));
    t->segment = before;
    t->call->files++;
    if (!str_starts(data, S("data:text/"))) t->call->references = true;
}

/* An image by id is bounded like any image; other files are not. */
static void count_stored(struct tally *t, json_ref object)
{
    bool twice;
    json_ref type = json_find(t->doc, object, S("type"), &twice);
    if (!twice && json_string_is(t->doc, type, S("input_image"))) {
        t->call->images++;
        return;
    }
    t->call->files++;
    t->call->references = true;
}

/* ---- messages, parts, items */

static void count_object(struct tally *t, json_ref object);

static void count_content(struct tally *t, json_ref at)
{
    if (json_type(t->doc, at) == JSON_OBJECT) {
        count_object(t, at);
    } else if (json_type(t->doc, at) == JSON_ARRAY) {
        for (json_ref part = json_first(t->doc, at); part; part = json_next(t->doc, at, part)) count_content(t, part);
    } else {
        add_text(t, text_bytes(t->doc, at));
    }
}

static void count_member(struct tally *t, json_ref object, enum member member, json_ref value)
{
    switch (member) {
    case MEMBER_SKIP:
        break;
    case MEMBER_TEXT:
        add_text(t, text_bytes(t->doc, value));
        break;
    case MEMBER_CONTENT:
        count_content(t, value);
        break;
    case MEMBER_IMAGE:
        t->call->images++;
        break;
    case MEMBER_AUDIO:
        count_audio(t, value);
        break;
    case MEMBER_STORED:
        count_stored(t, object);
        break;
    case MEMBER_FILE:
        count_file(t, value);
        break;
    case MEMBER_REMOTE:
        t->call->files++;
        t->call->references = true;
        break;
    case MEMBER_TOOLS:
        count_tools(t, value);
        break;
    case MEMBER_RESULT:
        if (json_string_is(t->doc, json_find(t->doc, object, S("type"), NULL), S("image_generation_call")))
            t->call->images++;
        else
            add_text(t, text_bytes(t->doc, value));
        break;
    }
}

static void count_object(struct tally *t, json_ref object)
{
    for (json_ref key = json_first(t->doc, object); key; key = json_next(t->doc, object, key + 1)) {
        if (json_type(t->doc, key + 1) == JSON_NULL) continue;
        count_member(t, object, member_find(t->doc, key), key + 1);
    }
}

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
        count_content(t, m);
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
    count_object(t, item);
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
            count_content(t, item);
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
        count_content(t, instructions);
    }
    json_ref prompt = call_field_value(t->r, FIELD_PROMPT);
    if (prompt) {
        call->references = true;
        count_content(t, prompt);
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
    count_content(t, input);
    return true;
}

/* ---- completions, embeddings, moderations */

/* Strings count by byte, token ids one each. */
static void count_input(struct tally *t, json_ref at)
{
    if (json_type(t->doc, at) == JSON_NUMBER) {
        add_text(t, 1);
    } else if (json_type(t->doc, at) == JSON_ARRAY) {
        for (json_ref part = json_first(t->doc, at); part; part = json_next(t->doc, at, part)) count_input(t, part);
    } else {
        count_content(t, at);
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
    add_text(t, openai_value_bytes(t->doc, schema));
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
    if (tools) count_tools(t, tools);
    if (functions) {
        t->segment = &t->call->segments.tools_bytes;
        add_text(t, openai_value_bytes(t->doc, functions));
        t->call->tools += input_count(t->doc, functions);
    }
    json_ref format = call_field_value(r, FIELD_RESPONSE_FORMAT), text = call_field_value(r, FIELD_TEXT);
    if (format) count_schema(t, format);
    if (text) count_schema(t, json_find(t->doc, text, S("format"), NULL));
    json_ref documents = call_field_value(r, FIELD_DOCUMENTS);
    if (documents) {
        t->segment = &t->call->segments.retrieved_bytes;
        add_text(t, openai_value_bytes(t->doc, documents));
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
        count_extras(&t);
        return count_responses(&t);
    case CALL_COMPLETIONS:
        if (!count_inputs(&t, FIELD_PROMPT, false)) return false;
        t.segment = &r->call->segments.user_bytes;
        add_text(&t, openai_string_bytes(r->doc, call_field_value(r, FIELD_SUFFIX)));
        return true;
    default:
        return count_inputs(&t, FIELD_INPUT, true);
    }
}
