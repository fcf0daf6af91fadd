/* Reading a request of any family: texts, what they count, control words, tools. */
#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

#include <inttypes.h>

bool sim_reader_refuse(struct sim_reader *rd, str param, str message)
{
    *rd->problem =
        (struct sim_problem){.status = 400, .message = message, .type = S("invalid_request_error"), .param = param};
    return false;
}

bool sim_reader_refuse_field(struct sim_reader *rd, const char *field, const char *what)
{
    return sim_reader_refuse(rd, arena_str(rd->keep, str_from(field)), arena_printf(rd->keep, "%s: %s", field, what));
}

json_ref sim_top(struct sim_reader *rd, str key)
{
    return json_find(rd->doc, rd->root, key, NULL);
}

json_ref sim_at(struct sim_reader *rd, json_ref object, str key)
{
    return object && json_type(rd->doc, object) == JSON_OBJECT ? json_find(rd->doc, object, key, NULL) : JSON_ABSENT;
}

static json_ref find_google(struct sim_reader *rd, json_ref object, str key)
{
    char snake[64];
    size_t n = 0;
    json_ref found = json_find(rd->doc, object, key, NULL);
    for (size_t i = 0; i < key.n && n + 2 < sizeof(snake); i++) {
        bool upper = key.p[i] >= 'A' && key.p[i] <= 'Z';
        if (upper) snake[n++] = '_';
        snake[n++] = upper ? (char)(key.p[i] - 'A' + 'a') : key.p[i];
    }
    return found ? found : json_find(rd->doc, object, str_of(snake, n), NULL);
}

json_ref sim_at_google(struct sim_reader *rd, json_ref object, str key)
{
    return object && json_type(rd->doc, object) == JSON_OBJECT ? find_google(rd, object, key) : JSON_ABSENT;
}

json_ref sim_top_google(struct sim_reader *rd, str key)
{
    return find_google(rd, rd->root, key);
}

bool sim_is(struct sim_reader *rd, json_ref object, str key, str value)
{
    json_ref found = sim_at(rd, object, key);
    return found && json_string_is(rd->doc, found, value);
}

/* ---- counting */

str sim_reader_text(struct sim_reader *rd, json_ref at)
{
    str s;
    return at && json_string(rd->doc, at, rd->scratch, &s) ? s : STR_NONE;
}

static int64_t base64_bytes(str data)
{
    size_t comma = str_starts(data, S("data:")) ? str_find_byte(data, ',', 0) : SIZE_MAX;
    return (int64_t)(comma == SIZE_MAX ? data.n : data.n - comma - 1) * 3 / 4;
}

static void count_image(struct sim_reader *rd)
{
    rd->r->images++;
    rd->r->text_tokens += SIM_IMAGE_TOKENS;
}

static void count_file(struct sim_reader *rd, json_ref data)
{
    rd->r->text_tokens += base64_bytes(sim_reader_text(rd, data)) / SIM_FILE_BYTES + 1;
}

/* Gemini's parts: {"inlineData":{"mimeType":..,"data":..}}, {"fileData":{..}}. */
static bool count_data_part(struct sim_reader *rd, json_ref part)
{
    const struct json *doc = rd->doc;
    json_ref data = sim_at_google(rd, part, S("inlineData"));
    if (!data) data = sim_at_google(rd, part, S("fileData"));
    if (!data || json_type(doc, data) != JSON_OBJECT) return false;
    str type = sim_reader_text(rd, sim_at_google(rd, data, S("mimeType")));
    json_ref bytes = sim_at_google(rd, data, S("data"));
    if (str_starts(type, S("audio/")))
        rd->r->audio_tokens += base64_bytes(sim_reader_text(rd, bytes)) / SIM_AUDIO_BYTES + 1;
    else if (str_starts(type, S("image/")))
        count_image(rd);
    else
        count_file(rd, bytes);
    return true;
}

/* Converse's: {"image":{"source":{"bytes":..}}}, {"document":{..}}. */
static bool count_source_part(struct sim_reader *rd, json_ref part)
{
    const struct json *doc = rd->doc;
    if (json_path(doc, part, "image", "source", NULL)) {
        count_image(rd);
        return true;
    }
    json_ref source = json_path(doc, part, "document", "source", NULL);
    if (!source) return false;
    count_file(rd, json_find(doc, source, S("bytes"), NULL));
    return true;
}

/* Anthropic's: {"type":"image","source":{..}}, {"type":"document","source":{..}}. */
static bool count_block(struct sim_reader *rd, json_ref part, json_ref type)
{
    const struct json *doc = rd->doc;
    json_ref source = json_find(doc, part, S("source"), NULL);
    if (!source || json_type(doc, source) != JSON_OBJECT) return false;
    if (json_string_is(doc, type, S("image"))) {
        count_image(rd);
        return true;
    }
    if (!json_string_is(doc, type, S("document")) ||
        !json_string_is(doc, json_find(doc, source, S("type"), NULL), S("base64")))
        return false;
    count_file(rd, json_find(doc, source, S("data"), NULL));
    return true;
}

/* A part that is no text: true when it was one. */
static bool count_medium(struct sim_reader *rd, json_ref part)
{
    const struct json *doc = rd->doc;
    if (count_data_part(rd, part) || count_source_part(rd, part)) return true;
    json_ref type = json_find(doc, part, S("type"), NULL);
    if (!type || json_type(doc, type) != JSON_STRING) return false;
    if (count_block(rd, part, type)) return true;
    if (json_string_is(doc, type, S("image_url")) || json_string_is(doc, type, S("input_image"))) {
        count_image(rd);
        return true;
    }
    if (json_string_is(doc, type, S("input_audio"))) {
        str data = sim_reader_text(rd, json_path(doc, part, "input_audio", "data", NULL));
        rd->r->audio_tokens += base64_bytes(data) / SIM_AUDIO_BYTES + 1;
        return true;
    }
    if (json_string_is(doc, type, S("file")) || json_string_is(doc, type, S("input_file"))) {
        json_ref data = json_path(doc, part, "file", "file_data", NULL);
        if (!data) data = json_find(doc, part, S("file_data"), NULL);
        count_file(rd, data);
        return true;
    }
    return false;
}

/* Keys whose strings say what a part is, not what it says. */
static bool is_label(const struct json *doc, json_ref key)
{
    static const str labels[] = {STR_INIT("role"),
                                 STR_INIT("type"),
                                 STR_INIT("id"),
                                 STR_INIT("tool_call_id"),
                                 STR_INIT("call_id"),
                                 STR_INIT("status"),
                                 STR_INIT("encrypted_content"),
                                 STR_INIT("cache_control"),
                                 STR_INIT("cachePoint"),
                                 STR_INIT("tool_use_id"),
                                 STR_INIT("toolUseId"),
                                 STR_INIT("signature"),
                                 STR_INIT("thoughtSignature"),
                                 STR_INIT("redactedContent")};
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        if (json_string_is(doc, key, labels[i])) return true;
    }
    return false;
}

/* The tokens of every string value under `at`; in schemas of the keys too. The
 * parser's ceiling on depth bounds the recursion. */
void sim_reader_count(struct sim_reader *rd, json_ref at, bool keys_too)
{
    const struct json *doc = rd->doc;
    switch (json_type(doc, at)) {
    case JSON_STRING:
        rd->r->text_tokens += sim_count_tokens(sim_reader_text(rd, at));
        return;
    case JSON_ARRAY:
        for (json_ref it = json_first(doc, at); it; it = json_next(doc, at, it)) sim_reader_count(rd, it, keys_too);
        return;
    case JSON_OBJECT:
        if (!keys_too && count_medium(rd, at)) return;
        for (json_ref key = json_first(doc, at); key;) {
            json_ref value = json_next(doc, at, key);
            if (keys_too) rd->r->text_tokens += sim_count_tokens(sim_reader_text(rd, key));
            if (keys_too || !is_label(doc, key)) sim_reader_count(rd, value, keys_too);
            key = json_next(doc, at, value);
        }
        return;
    default:
        return;
    }
}

/* ---- control words */

bool sim_reader_control(struct sim_reader *rd, json_ref content)
{
    const struct json *doc = rd->doc;
    if (!content) return true;
    if (json_type(doc, content) == JSON_STRING) {
        str bad = STR_NONE;
        if (sim_control_text(&rd->r->control, sim_reader_text(rd, content), &bad)) return true;
        return sim_reader_refuse(rd, S("messages"),
                                 arena_printf(rd->keep,
                                              "The control word '%.*s' is not one that `purser simulate` knows; "
                                              "docs/simulate.md lists them.",
                                              STR_ARG(bad)));
    }
    if (json_type(doc, content) == JSON_OBJECT) return sim_reader_control(rd, json_find(doc, content, S("text"), NULL));
    if (json_type(doc, content) != JSON_ARRAY) return true;
    for (json_ref it = json_first(doc, content); it; it = json_next(doc, content, it)) {
        if (!sim_reader_control(rd, it)) return false;
    }
    return true;
}

/* All of a message's text in one piece, for the search of a tool's name. */
str sim_reader_joined(struct sim_reader *rd, json_ref content)
{
    const struct json *doc = rd->doc;
    if (!content || json_type(doc, content) != JSON_ARRAY) return sim_reader_text(rd, content);
    str all = STR_NONE;
    for (json_ref it = json_first(doc, content); it; it = json_next(doc, content, it)) {
        str part = sim_reader_text(rd, json_find(doc, it, S("text"), NULL));
        if (part.n) all = arena_printf(rd->scratch, "%.*s %.*s", STR_ARG(all), STR_ARG(part));
    }
    return all;
}

bool sim_reader_number(struct sim_reader *rd, json_ref at, const char *name, int64_t least, int64_t *out)
{
    if (!at || json_type(rd->doc, at) == JSON_NULL) return true;
    if (json_i64(rd->doc, at, out) && *out >= least) return true;
    return sim_reader_refuse_field(rd, name, "Input should be a whole number that is large enough");
}

bool sim_reader_known(struct sim_reader *rd, json_ref object, const char *known, str *stranger)
{
    for (json_ref key = json_first(rd->doc, object); key;) {
        str name = sim_reader_text(rd, key), words = str_from(known);
        bool found = false;
        while (words.p && !found) found = str_eq(str_cut(&words, ' '), name);
        *stranger = arena_str(rd->keep, name);
        if (!found) return false;
        key = json_next(rd->doc, object, json_next(rd->doc, object, key));
    }
    return true;
}

/* ---- turns and tools */

void sim_reader_turn(struct sim_reader *rd, json_ref role, json_ref content, bool answered)
{
    rd->r->tools.answered = answered;
    if (!content || (role && !json_string_is(rd->doc, role, S("user")))) return;
    if (sim_reader_joined(rd, content).n) rd->last_user = content;
}

void sim_reader_add_tool(struct sim_reader *rd, json_ref name, json_ref parameters)
{
    struct sim_request *r = rd->r;
    str text = sim_reader_text(rd, name);
    if (!text.n || r->tools.count == SIM_TOOLS_MAX) return;
    if (!r->tools.list) r->tools.list = arena_alloc(rd->keep, SIM_TOOLS_MAX * sizeof *r->tools.list);
    r->tools.list[r->tools.count++] = (struct sim_tool){.name = arena_str(rd->keep, text), .parameters = parameters};
}

void sim_reader_end_tools(struct sim_reader *rd, json_ref list)
{
    struct sim_request *r = rd->r;
    sim_reader_count(rd, list, true);
    if (!r->tools.count) {
        r->tools.choice = SIM_TOOLS_NONE;
        return;
    }
    str last_user = sim_reader_joined(rd, rd->last_user);
    for (size_t i = 0; i < r->tools.count && last_user.n; i++) {
        if (str_find(last_user, r->tools.list[i].name, 0) != SIZE_MAX) r->tools.mentioned = true;
    }
}

const struct sim_tool *sim_request_tool(const struct sim_request *r, str name)
{
    for (size_t i = 0; i < r->tools.count; i++) {
        if (str_eq(r->tools.list[i].name, name)) return &r->tools.list[i];
    }
    return NULL;
}
