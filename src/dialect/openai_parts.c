/* Counting what messages, content parts and the items of /v1/responses carry. One
 * function walks them all: what a member means follows from its key wherever it
 * stands. It is not read from `type`, so that a part that lies about its type is
 * counted by all it carries; and what is not known to be something else counts
 * as text. */
#include "dialect/openai.h"

enum { SKIP_BYTES_MAX = 64 };

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

void tally_text(struct tally *t, int64_t bytes)
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

void tally_tools(struct tally *t, json_ref tools)
{
    int64_t *before = t->segment;
    t->segment = &t->call->segments.tools_bytes;
    tally_text(t, text_bytes(t->doc, tools));
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
    tally_text(t, base64_bytes(data));
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

void tally_content(struct tally *t, json_ref at)
{
    if (json_type(t->doc, at) == JSON_OBJECT) {
        tally_object(t, at);
    } else if (json_type(t->doc, at) == JSON_ARRAY) {
        for (json_ref part = json_first(t->doc, at); part; part = json_next(t->doc, at, part)) tally_content(t, part);
    } else {
        tally_text(t, text_bytes(t->doc, at));
    }
}

static void count_member(struct tally *t, json_ref object, enum member member, json_ref value)
{
    switch (member) {
    case MEMBER_SKIP: /* a template may paste a role as it is: a long one is text */
        if (openai_string_bytes(t->doc, value) > SKIP_BYTES_MAX) tally_text(t, text_bytes(t->doc, value));
        break;
    case MEMBER_TEXT:
        tally_text(t, text_bytes(t->doc, value));
        break;
    case MEMBER_CONTENT:
        tally_content(t, value);
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
        tally_tools(t, value);
        break;
    case MEMBER_RESULT:
        if (json_string_is(t->doc, json_find(t->doc, object, S("type"), NULL), S("image_generation_call")))
            t->call->images++;
        else
            tally_text(t, text_bytes(t->doc, value));
        break;
    }
}

void tally_object(struct tally *t, json_ref object)
{
    for (json_ref key = json_first(t->doc, object); key; key = json_next(t->doc, object, key + 1)) {
        if (json_type(t->doc, key + 1) == JSON_NULL) continue;
        count_member(t, object, member_find(t->doc, key), key + 1);
    }
}
