#include "simulate/sim_request.h"

#include "simulate/sim_text.h"

#include <inttypes.h>

struct reader {
    const struct json *doc;
    struct arena *keep, *scratch;
    struct sim_request *r;
    struct sim_problem *problem;
};

static bool refuse(struct reader *rd, str param, str message)
{
    *rd->problem =
        (struct sim_problem){.status = 400, .message = message, .type = S("invalid_request_error"), .param = param};
    return false;
}

/* ---- counting */

static str text_of(struct reader *rd, json_ref at)
{
    str s;
    return at && json_string(rd->doc, at, rd->scratch, &s) ? s : STR_NONE;
}

static int64_t base64_bytes(str data)
{
    size_t comma = str_starts(data, S("data:")) ? str_find_byte(data, ',', 0) : SIZE_MAX;
    return (int64_t)(comma == SIZE_MAX ? data.n : data.n - comma - 1) * 3 / 4;
}

/* A part that is no text: true when it was one. */
static bool count_medium(struct reader *rd, json_ref part)
{
    const struct json *doc = rd->doc;
    json_ref type = json_find(doc, part, S("type"), NULL);
    if (!type || json_type(doc, type) != JSON_STRING) return false;
    if (json_string_is(doc, type, S("image_url")) || json_string_is(doc, type, S("input_image"))) {
        rd->r->images++;
        rd->r->text_tokens += SIM_IMAGE_TOKENS;
        return true;
    }
    if (json_string_is(doc, type, S("input_audio"))) {
        str data = text_of(rd, json_path(doc, part, "input_audio", "data", NULL));
        rd->r->audio_tokens += base64_bytes(data) / SIM_AUDIO_BYTES + 1;
        return true;
    }
    if (json_string_is(doc, type, S("file")) || json_string_is(doc, type, S("input_file"))) {
        json_ref data = json_path(doc, part, "file", "file_data", NULL);
        if (!data) data = json_find(doc, part, S("file_data"), NULL);
        rd->r->text_tokens += base64_bytes(text_of(rd, data)) / SIM_FILE_BYTES + 1;
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
                                 STR_INIT("encrypted_content")};
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        if (json_string_is(doc, key, labels[i])) return true;
    }
    return false;
}

/* The tokens of every string value under `at`; in schemas of the keys too. The
 * parser's ceiling on depth bounds the recursion. */
static void count_text(struct reader *rd, json_ref at, bool keys_too)
{
    const struct json *doc = rd->doc;
    switch (json_type(doc, at)) {
    case JSON_STRING:
        rd->r->text_tokens += sim_count_tokens(text_of(rd, at));
        return;
    case JSON_ARRAY:
        for (json_ref it = json_first(doc, at); it; it = json_next(doc, at, it)) count_text(rd, it, keys_too);
        return;
    case JSON_OBJECT:
        if (!keys_too && count_medium(rd, at)) return;
        for (json_ref key = json_first(doc, at); key;) {
            json_ref value = json_next(doc, at, key);
            if (keys_too) rd->r->text_tokens += sim_count_tokens(text_of(rd, key));
            if (keys_too || !is_label(doc, key)) count_text(rd, value, keys_too);
            key = json_next(doc, at, value);
        }
        return;
    default:
        return;
    }
}

/* ---- control words */

static bool read_control(struct reader *rd, json_ref content)
{
    const struct json *doc = rd->doc;
    if (!content) return true;
    if (json_type(doc, content) == JSON_STRING) {
        str bad = STR_NONE;
        if (sim_control_text(&rd->r->control, text_of(rd, content), &bad)) return true;
        return refuse(rd, S("messages"),
                      arena_printf(rd->keep,
                                   "The control word '%.*s' is not one that `purser simulate` knows; "
                                   "docs/simulate.md lists them.",
                                   STR_ARG(bad)));
    }
    if (json_type(doc, content) == JSON_OBJECT) return read_control(rd, json_find(doc, content, S("text"), NULL));
    if (json_type(doc, content) != JSON_ARRAY) return true;
    for (json_ref it = json_first(doc, content); it; it = json_next(doc, content, it)) {
        if (!read_control(rd, it)) return false;
    }
    return true;
}

/* ---- fields */

static bool read_count(struct reader *rd, str name, int64_t least, int64_t most, int64_t *out, bool *there)
{
    json_ref at = json_find(rd->doc, JSON_ROOT, name, NULL);
    *there = false;
    if (!at || json_type(rd->doc, at) == JSON_NULL) return true;
    int64_t v;
    if (!json_i64(rd->doc, at, &v) || v < least || v > most) {
        str message =
            arena_printf(rd->keep,
                         "Invalid value for '%.*s': a whole number from %" PRId64 " to %" PRId64 " is expected.",
                         STR_ARG(name), least, most);
        return refuse(rd, name, message);
    }
    *there = true;
    *out = v;
    return true;
}

static bool read_bool(struct reader *rd, str name, bool *out)
{
    json_ref at = json_find(rd->doc, JSON_ROOT, name, NULL);
    *out = at && json_is_true(rd->doc, at);
    if (!at || *out || json_type(rd->doc, at) == JSON_FALSE || json_type(rd->doc, at) == JSON_NULL) return true;
    return refuse(rd, name, arena_printf(rd->keep, "Invalid type for '%.*s': expected a boolean.", STR_ARG(name)));
}

static bool read_limits(struct reader *rd)
{
    struct sim_request *r = rd->r;
    int64_t a = -1, b = -1, c = -1;
    bool responses = r->kind == SIM_RESPONSES, there;
    if (!read_count(rd, S("max_tokens"), 0, INT64_MAX, &a, &r->has_max_tokens)) return false;
    if (!read_count(rd, S("max_completion_tokens"), 0, INT64_MAX, &b, &r->has_max_completion_tokens)) return false;
    if (responses && !read_count(rd, S("max_output_tokens"), 1, INT64_MAX, &c, &there)) return false;
    if (responses) {
        a = b = -1;
        r->has_max_tokens = r->has_max_completion_tokens = false;
    }
    r->max_output = b >= 0 ? b : a >= 0 ? a : c;
    int64_t n = 1, best_of = 1;
    if (!responses && !read_count(rd, S("n"), 1, SIM_CHOICES_MAX, &n, &there)) return false;
    if (r->kind == SIM_COMPLETIONS && !read_count(rd, S("best_of"), 1, 20, &best_of, &there)) return false;
    r->choices = n;
    r->generated = best_of > n ? best_of : n;
    if (r->stream && r->generated > r->choices) {
        return refuse(rd, S("best_of"), S("You cannot use 'best_of' with 'stream'."));
    }
    return true;
}

static bool read_common(struct reader *rd)
{
    struct sim_request *r = rd->r;
    const struct json *doc = rd->doc;
    json_ref model = json_find(doc, JSON_ROOT, S("model"), NULL);
    str name;
    if (!model && r->kind == SIM_MODERATIONS) {
        name = S("omni-moderation-latest");
    } else if (!model || !json_string(doc, model, rd->scratch, &name) || name.n == 0) {
        return refuse(rd, S("model"), S("You must provide a model parameter."));
    }
    r->model = arena_str(rd->keep, name);
    r->service_tier = arena_str(rd->keep, text_of(rd, json_find(doc, JSON_ROOT, S("service_tier"), NULL)));
    if (!read_bool(rd, S("stream"), &r->stream)) return false;
    json_ref options = json_find(doc, JSON_ROOT, S("stream_options"), NULL);
    r->stream_options = options && json_type(doc, options) != JSON_NULL;
    if (r->stream_options && !r->stream) {
        return refuse(rd, S("stream_options"),
                      S("The 'stream_options' parameter is only allowed when 'stream' is enabled."));
    }
    json_ref include = options ? json_find(doc, options, S("include_usage"), NULL) : JSON_ABSENT;
    r->include_usage = include && json_is_true(doc, include);
    return true;
}

static void read_tools(struct reader *rd, str last_user)
{
    struct sim_request *r = rd->r;
    const struct json *doc = rd->doc;
    json_ref list = json_find(doc, JSON_ROOT, S("tools"), NULL);
    r->tools.flat = r->kind == SIM_RESPONSES;
    r->tools.choice = SIM_TOOLS_NONE;
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    count_text(rd, list, true);
    r->tools.list = list;
    json_ref first = sim_tool_at(doc, r, 0);
    if (!first) {
        r->tools.list = JSON_ABSENT;
        return;
    }
    r->tools.choice = SIM_TOOLS_AUTO;
    json_ref choice = json_find(doc, JSON_ROOT, S("tool_choice"), NULL);
    if (choice && json_string_is(doc, choice, S("none"))) r->tools.choice = SIM_TOOLS_NONE;
    if (choice && json_string_is(doc, choice, S("required"))) r->tools.choice = SIM_TOOLS_REQUIRED;
    if (choice && json_type(doc, choice) == JSON_OBJECT) {
        json_ref name = json_path(doc, choice, "function", "name", NULL);
        if (!name) name = json_find(doc, choice, S("name"), NULL);
        r->tools.choice = name ? SIM_TOOLS_NAMED : SIM_TOOLS_REQUIRED;
        r->tools.name = text_of(rd, name);
    }
    json_ref tool = first;
    for (size_t i = 0; i < SIM_TOOL_CALLS_MAX && last_user.n; i++, tool = sim_tool_at(doc, r, i)) {
        str name = text_of(rd, json_find(doc, tool, S("name"), NULL));
        if (name.n && str_find(last_user, name, 0) != SIZE_MAX) r->tools.mentioned = true;
        if (i && tool == first) break;
    }
}

static void read_format(struct reader *rd)
{
    struct sim_request *r = rd->r;
    const struct json *doc = rd->doc;
    json_ref format = r->kind == SIM_RESPONSES ? json_path(doc, JSON_ROOT, "text", "format", NULL)
                                               : json_find(doc, JSON_ROOT, S("response_format"), NULL);
    json_ref type = format ? json_find(doc, format, S("type"), NULL) : JSON_ABSENT;
    if (!type) return;
    r->format.json = json_string_is(doc, type, S("json_object")) || json_string_is(doc, type, S("json_schema"));
    if (!json_string_is(doc, type, S("json_schema"))) return;
    r->format.schema = r->kind == SIM_RESPONSES ? json_find(doc, format, S("schema"), NULL)
                                                : json_path(doc, format, "json_schema", "schema", NULL);
    if (r->format.schema) count_text(rd, r->format.schema, true);
}

/* ---- conversations */

/* All of a message's text in one piece, for the search of a tool's name. */
static str joined_text(struct reader *rd, json_ref content)
{
    const struct json *doc = rd->doc;
    if (!content || json_type(doc, content) != JSON_ARRAY) return text_of(rd, content);
    str all = STR_NONE;
    for (json_ref it = json_first(doc, content); it; it = json_next(doc, content, it)) {
        str part = text_of(rd, json_find(doc, it, S("text"), NULL));
        if (part.n) all = arena_printf(rd->scratch, "%.*s %.*s", STR_ARG(all), STR_ARG(part));
    }
    return all;
}

static bool read_messages(struct reader *rd, json_ref list, str *last_user)
{
    const struct json *doc = rd->doc;
    struct sim_request *r = rd->r;
    json_ref user = JSON_ABSENT;
    int64_t count = 0;
    for (json_ref it = json_first(doc, list); it; it = json_next(doc, list, it), count++) {
        if (json_type(doc, it) != JSON_OBJECT) return refuse(rd, S("messages"), S("A message must be an object."));
        json_ref role = json_find(doc, it, S("role"), NULL), type = json_find(doc, it, S("type"), NULL);
        json_ref content = json_find(doc, it, S("content"), NULL);
        r->tools.answered = (role && json_string_is(doc, role, S("tool"))) ||
                            (type && json_string_is(doc, type, S("function_call_output")));
        if (role && (json_string_is(doc, role, S("system")) || json_string_is(doc, role, S("developer")))) {
            if (!read_control(rd, content)) return false;
        }
        if (role && json_string_is(doc, role, S("user"))) user = content;
        count_text(rd, it, false);
    }
    if (count == 0)
        return refuse(rd, S("messages"), S("Invalid 'messages': empty array. Expected one message or more."));
    r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    *last_user = joined_text(rd, user);
    return read_control(rd, user);
}

static bool read_chat(struct reader *rd)
{
    json_ref messages = json_find(rd->doc, JSON_ROOT, S("messages"), NULL);
    str last_user = STR_NONE;
    if (!messages || json_type(rd->doc, messages) != JSON_ARRAY) {
        return refuse(rd, S("messages"), S("Missing required parameter: 'messages'."));
    }
    if (!read_messages(rd, messages, &last_user)) return false;
    read_tools(rd, last_user);
    read_format(rd);
    return true;
}

static bool read_responses(struct reader *rd)
{
    const struct json *doc = rd->doc;
    json_ref input = json_find(doc, JSON_ROOT, S("input"), NULL);
    json_ref instructions = json_find(doc, JSON_ROOT, S("instructions"), NULL);
    str last_user = STR_NONE;
    if (!input) return refuse(rd, S("input"), S("Missing required parameter: 'input'."));
    if (instructions) {
        count_text(rd, instructions, false);
        rd->r->text_tokens += SIM_MESSAGE_TOKENS;
        if (!read_control(rd, instructions)) return false;
    }
    if (json_type(doc, input) == JSON_STRING) {
        count_text(rd, input, false);
        rd->r->text_tokens += 2 * SIM_MESSAGE_TOKENS;
        last_user = text_of(rd, input);
        if (!read_control(rd, input)) return false;
    } else if (json_type(doc, input) == JSON_ARRAY) {
        if (!read_messages(rd, input, &last_user)) return false;
    } else {
        return refuse(rd, S("input"), S("Invalid type for 'input': expected a string or an array."));
    }
    read_tools(rd, last_user);
    read_format(rd);
    return true;
}

/* ---- prompts and inputs: a string, strings, token ids, or lists of token ids */

static bool read_inputs(struct reader *rd, json_ref input, str name, int64_t *count)
{
    const struct json *doc = rd->doc;
    *count = 1;
    if (input && json_type(doc, input) == JSON_STRING) {
        count_text(rd, input, false);
        return read_control(rd, input);
    }
    if (!input || json_type(doc, input) != JSON_ARRAY || !json_first(doc, input)) {
        return refuse(rd, name,
                      arena_printf(rd->keep,
                                   "Missing required parameter: '%.*s': a string or an array that "
                                   "is not empty is expected.",
                                   STR_ARG(name)));
    }
    json_ref first = json_first(doc, input);
    *count = 0;
    for (json_ref it = first; it; it = json_next(doc, input, it)) {
        if (json_type(doc, it) == JSON_NUMBER) {
            rd->r->text_tokens++;
        } else if (json_type(doc, it) == JSON_ARRAY) {
            for (json_ref id = json_first(doc, it); id; id = json_next(doc, it, id)) rd->r->text_tokens++;
        } else {
            count_text(rd, it, false);
            if (!read_control(rd, it)) return false;
        }
        ++*count;
    }
    if (json_type(doc, first) == JSON_NUMBER) *count = 1;
    if (*count <= SIM_INPUTS_MAX) return true;
    return refuse(rd, name, arena_printf(rd->keep, "'%.*s' has more than %d items.", STR_ARG(name), SIM_INPUTS_MAX));
}

static bool read_completions(struct reader *rd)
{
    int64_t prompts;
    json_ref prompt = json_find(rd->doc, JSON_ROOT, S("prompt"), NULL);
    if (!read_inputs(rd, prompt, S("prompt"), &prompts)) return false;
    rd->r->choices *= prompts;
    rd->r->generated *= prompts;
    if (rd->r->generated <= SIM_CHOICES_MAX) return true;
    return refuse(rd, S("n"), S("Too many choices: prompts x n may be 128 at most."));
}

static bool read_embeddings(struct reader *rd)
{
    struct sim_request *r = rd->r;
    bool there;
    r->stream = false;
    r->embed.dimensions = SIM_DIMENSIONS;
    r->embed.input = json_find(rd->doc, JSON_ROOT, S("input"), NULL);
    if (!read_count(rd, S("dimensions"), 1, SIM_DIMENSIONS_MAX, &r->embed.dimensions, &there)) return false;
    json_ref format = json_find(rd->doc, JSON_ROOT, S("encoding_format"), NULL);
    r->embed.base64 = format && json_string_is(rd->doc, format, S("base64"));
    return read_inputs(rd, r->embed.input, S("input"), &r->embed.count);
}

bool sim_request_read(enum sim_kind kind, const struct json *doc, struct arena *keep, struct arena *scratch,
                      struct sim_request *out, struct sim_problem *problem)
{
    struct reader rd = {.doc = doc, .keep = keep, .scratch = scratch, .r = out, .problem = problem};
    out->kind = kind;
    out->max_output = -1;
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        return refuse(&rd, STR_NONE, S("We could not parse the JSON body of your request: an object is expected."));
    }
    if (!read_common(&rd)) return false;
    switch (kind) {
    case SIM_CHAT:
        return read_limits(&rd) && read_chat(&rd);
    case SIM_COMPLETIONS:
        return read_limits(&rd) && read_completions(&rd);
    case SIM_RESPONSES:
        return read_limits(&rd) && read_responses(&rd);
    default:
        return read_embeddings(&rd); /* moderations take the same input */
    }
}

json_ref sim_tool_at(const struct json *doc, const struct sim_request *r, size_t i)
{
    size_t count = 0;
    for (int round = 0; round < 2; round++) {
        size_t at = 0;
        for (json_ref it = json_first(doc, r->tools.list); it; it = json_next(doc, r->tools.list, it)) {
            json_ref function = r->tools.flat ? it : json_find(doc, it, S("function"), NULL);
            if (!function || !json_find(doc, function, S("name"), NULL)) continue;
            if (round && at == i % count) return function;
            at++;
        }
        count = at;
        if (count == 0) break;
    }
    return JSON_ABSENT;
}

void sim_problem_print(const struct sim_problem *p, struct buf *out)
{
    buf_add(out, S("{\"error\":{\"message\":"));
    buf_add_json(out, p->message);
    buf_add(out, S(",\"type\":"));
    buf_add_json(out, p->type);
    buf_add(out, S(",\"param\":"));
    p->param.n ? buf_add_json(out, p->param) : buf_add(out, S("null"));
    buf_add(out, S(",\"code\":"));
    p->code.n ? buf_add_json(out, p->code) : buf_add(out, S("null"));
    buf_add(out, S("}}"));
}
