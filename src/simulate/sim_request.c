#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

#include <inttypes.h>

/* ---- fields */

static bool read_count(struct sim_reader *rd, str name, int64_t least, int64_t most, int64_t *out, bool *there)
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
        return sim_reader_refuse(rd, name, message);
    }
    *there = true;
    *out = v;
    return true;
}

static bool read_bool(struct sim_reader *rd, str name, bool *out)
{
    json_ref at = json_find(rd->doc, JSON_ROOT, name, NULL);
    *out = at && json_is_true(rd->doc, at);
    if (!at || *out || json_type(rd->doc, at) == JSON_FALSE || json_type(rd->doc, at) == JSON_NULL) return true;
    return sim_reader_refuse(rd, name,
                             arena_printf(rd->keep, "Invalid type for '%.*s': expected a boolean.", STR_ARG(name)));
}

static bool read_limits(struct sim_reader *rd)
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
        return sim_reader_refuse(rd, S("best_of"), S("You cannot use 'best_of' with 'stream'."));
    }
    return true;
}

/* Model and stream where the body says them: Gemini and Converse have them in the path. */
static bool read_common(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    const struct json *doc = rd->doc;
    if (sim_kind_family(r->kind) == SIM_GEMINI || r->kind == SIM_CONVERSE || r->model.n) return true;
    json_ref model = json_find(doc, JSON_ROOT, S("model"), NULL);
    str name;
    if (!model && r->kind == SIM_MODERATIONS) {
        name = S("omni-moderation-latest");
    } else if (!model || !json_string(doc, model, rd->scratch, &name) || name.n == 0) {
        return sim_reader_refuse(rd, S("model"), S("You must provide a model parameter."));
    }
    r->model = arena_str(rd->keep, name);
    r->service_tier = arena_str(rd->keep, sim_reader_text(rd, json_find(doc, JSON_ROOT, S("service_tier"), NULL)));
    if (!read_bool(rd, S("stream"), &r->stream)) return false;
    json_ref options = json_find(doc, JSON_ROOT, S("stream_options"), NULL);
    r->stream_options = options && json_type(doc, options) != JSON_NULL;
    if (r->stream_options && !r->stream) {
        return sim_reader_refuse(rd, S("stream_options"),
                                 S("The 'stream_options' parameter is only allowed when 'stream' is enabled."));
    }
    json_ref include = options ? json_find(doc, options, S("include_usage"), NULL) : JSON_ABSENT;
    r->include_usage = include && json_is_true(doc, include);
    return true;
}

static void read_tool_choice(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    const struct json *doc = rd->doc;
    json_ref choice = json_find(doc, JSON_ROOT, S("tool_choice"), NULL);
    r->tools.choice = SIM_TOOLS_AUTO;
    if (!choice) return;
    if (json_string_is(doc, choice, S("none"))) r->tools.choice = SIM_TOOLS_NONE;
    if (json_string_is(doc, choice, S("required"))) r->tools.choice = SIM_TOOLS_REQUIRED;
    if (json_type(doc, choice) != JSON_OBJECT) return;
    json_ref name = json_path(doc, choice, "function", "name", NULL);
    if (!name) name = json_find(doc, choice, S("name"), NULL);
    r->tools.choice = name ? SIM_TOOLS_NAMED : SIM_TOOLS_REQUIRED;
    r->tools.name = arena_str(rd->keep, sim_reader_text(rd, name));
}

static void read_tools(struct sim_reader *rd)
{
    const struct json *doc = rd->doc;
    json_ref list = json_find(doc, JSON_ROOT, S("tools"), NULL);
    bool flat = rd->r->kind == SIM_RESPONSES; /* name and parameters stand in the tool itself */
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref it = json_first(doc, list); it; it = json_next(doc, list, it)) {
        json_ref function = flat ? it : json_find(doc, it, S("function"), NULL);
        if (!function) continue;
        sim_reader_add_tool(rd, json_find(doc, function, S("name"), NULL),
                            json_find(doc, function, S("parameters"), NULL));
    }
    read_tool_choice(rd);
    sim_reader_end_tools(rd, list);
}

/* An effort that is more than none: the answer thinks. Only Responses can be asked to show a summary. */
static void read_reasoning(struct sim_reader *rd)
{
    static const str efforts[] = {STR_INIT("low"), STR_INIT("medium"), STR_INIT("high"), STR_INIT("xhigh")};
    bool responses = rd->r->kind == SIM_RESPONSES;
    json_ref reasoning = sim_top(rd, S("reasoning")), summary = sim_at(rd, reasoning, S("summary"));
    json_ref effort = responses ? sim_at(rd, reasoning, S("effort")) : sim_top(rd, S("reasoning_effort"));
    for (size_t i = 0; i < COUNT_OF(efforts) && effort; i++) {
        if (json_string_is(rd->doc, effort, efforts[i])) rd->r->thinks = true;
    }
    rd->r->shows = responses && summary && json_type(rd->doc, summary) == JSON_STRING;
}

static void read_format(struct sim_reader *rd)
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
    if (r->format.schema) sim_reader_count(rd, r->format.schema, true);
}

/* ---- conversations */

static bool read_messages(struct sim_reader *rd, json_ref list)
{
    const struct json *doc = rd->doc;
    struct sim_request *r = rd->r;
    json_ref user = JSON_ABSENT;
    int64_t count = 0;
    for (json_ref it = json_first(doc, list); it; it = json_next(doc, list, it), count++) {
        if (json_type(doc, it) != JSON_OBJECT)
            return sim_reader_refuse(rd, S("messages"), S("A message must be an object."));
        json_ref role = json_find(doc, it, S("role"), NULL), type = json_find(doc, it, S("type"), NULL);
        json_ref content = json_find(doc, it, S("content"), NULL);
        r->tools.answered = (role && json_string_is(doc, role, S("tool"))) ||
                            (type && json_string_is(doc, type, S("function_call_output")));
        if (role && (json_string_is(doc, role, S("system")) || json_string_is(doc, role, S("developer")))) {
            if (!sim_reader_control(rd, content)) return false;
        }
        if (role && json_string_is(doc, role, S("user"))) user = content;
        sim_reader_count(rd, it, false);
    }
    if (count == 0)
        return sim_reader_refuse(rd, S("messages"),
                                 S("Invalid 'messages': empty array. Expected one message or more."));
    r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    rd->last_user = user;
    return sim_reader_control(rd, user);
}

static bool read_chat(struct sim_reader *rd)
{
    json_ref messages = json_find(rd->doc, JSON_ROOT, S("messages"), NULL);
    if (!messages || json_type(rd->doc, messages) != JSON_ARRAY) {
        return sim_reader_refuse(rd, S("messages"), S("Missing required parameter: 'messages'."));
    }
    if (!read_messages(rd, messages)) return false;
    read_tools(rd);
    read_format(rd);
    read_reasoning(rd);
    return true;
}

static bool read_responses(struct sim_reader *rd)
{
    const struct json *doc = rd->doc;
    json_ref input = json_find(doc, JSON_ROOT, S("input"), NULL);
    json_ref instructions = json_find(doc, JSON_ROOT, S("instructions"), NULL);
    if (!input) return sim_reader_refuse(rd, S("input"), S("Missing required parameter: 'input'."));
    if (instructions) {
        sim_reader_count(rd, instructions, false);
        rd->r->text_tokens += SIM_MESSAGE_TOKENS;
        if (!sim_reader_control(rd, instructions)) return false;
    }
    if (json_type(doc, input) == JSON_STRING) {
        sim_reader_count(rd, input, false);
        rd->r->text_tokens += 2 * SIM_MESSAGE_TOKENS;
        rd->last_user = input;
        if (!sim_reader_control(rd, input)) return false;
    } else if (json_type(doc, input) == JSON_ARRAY) {
        if (!read_messages(rd, input)) return false;
    } else {
        return sim_reader_refuse(rd, S("input"), S("Invalid type for 'input': expected a string or an array."));
    }
    read_tools(rd);
    read_format(rd);
    read_reasoning(rd);
    return true;
}

/* ---- prompts and inputs: a string, strings, token ids, or lists of token ids */

static bool read_inputs(struct sim_reader *rd, json_ref input, str name, int64_t *count)
{
    const struct json *doc = rd->doc;
    *count = 1;
    if (input && json_type(doc, input) == JSON_STRING) {
        sim_reader_count(rd, input, false);
        return sim_reader_control(rd, input);
    }
    if (!input || json_type(doc, input) != JSON_ARRAY || !json_first(doc, input)) {
        return sim_reader_refuse(rd, name,
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
            sim_reader_count(rd, it, false);
            if (!sim_reader_control(rd, it)) return false;
        }
        ++*count;
    }
    if (json_type(doc, first) == JSON_NUMBER) *count = 1;
    if (*count <= SIM_INPUTS_MAX) return true;
    return sim_reader_refuse(rd, name,
                             arena_printf(rd->keep, "'%.*s' has more than %d items.", STR_ARG(name), SIM_INPUTS_MAX));
}

static bool read_completions(struct sim_reader *rd)
{
    int64_t prompts;
    json_ref prompt = json_find(rd->doc, JSON_ROOT, S("prompt"), NULL);
    if (!read_inputs(rd, prompt, S("prompt"), &prompts)) return false;
    rd->r->choices *= prompts;
    rd->r->generated *= prompts;
    if (rd->r->generated <= SIM_CHOICES_MAX) return true;
    return sim_reader_refuse(rd, S("n"), S("Too many choices: prompts x n may be 128 at most."));
}

static bool read_embeddings(struct sim_reader *rd)
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
    struct sim_reader rd = {
        .doc = doc, .root = JSON_ROOT, .keep = keep, .scratch = scratch, .r = out, .problem = problem};
    out->kind = kind;
    out->max_output = -1;
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        return sim_reader_refuse(&rd, STR_NONE,
                                 S("We could not parse the JSON body of your request: an object is expected."));
    }
    out->choices = out->generated = 1;
    if (!read_common(&rd)) return false;
    switch (kind) {
    case SIM_MESSAGES:
        return sim_request_read_messages(&rd);
    case SIM_GEMINI:
        return sim_request_read_gemini(&rd);
    case SIM_CONVERSE:
        return sim_request_read_converse(&rd);
    case SIM_COHERE:
        return sim_request_read_cohere(&rd);
    case SIM_CHAT:
        return read_limits(&rd) && read_chat(&rd);
    case SIM_COMPLETIONS:
        return read_limits(&rd) && read_completions(&rd);
    case SIM_RESPONSES:
        return read_limits(&rd) && read_responses(&rd);
    case SIM_EMBED_CONTENT:
    case SIM_EMBED_CONTENTS:
    case SIM_PREDICT:
    case SIM_COHERE_EMBED:
        return sim_request_read_embed(&rd);
    case SIM_RERANK:
    case SIM_COHERE_RERANK:
        return sim_request_read_rerank(&rd);
    case SIM_IMAGES:
    case SIM_SPEECH:
    case SIM_TRANSCRIPTIONS:
        return sim_request_read_media(&rd);
    default:
        return read_embeddings(&rd); /* moderations take the same input */
    }
}
