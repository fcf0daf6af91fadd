/* Gemini's generateContent, read as strictly as Google reads it: a name that its
 * protobuf does not have is a 400 there, in the request, the configuration and the
 * schemas of `parameters` and `responseSchema`. */
#include "simulate/sim_reader.h"

#include "simulate/sim_text.h"

static const char known[] = "contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent "
                            "labels model serviceTier store generateContentRequest";
static const char known_config[] =
    "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType responseSchema "
    "responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs responseModalities "
    "thinkingConfig speechConfig imageConfig mediaResolution audioTimestamp routingConfig modelSelectionConfig "
    "enableEnhancedCivicAnswers enableAffectiveDialog";
static const char known_schema[] =
    "type format title description nullable enum maxItems minItems properties required minProperties maxProperties "
    "minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum";

static bool refuse_name(struct sim_reader *rd, str name, const char *where)
{
    return sim_reader_refuse(
        rd, name,
        arena_printf(rd->keep, "Invalid JSON payload received. Unknown name \"%.*s\" at '%s': Cannot find field.",
                     STR_ARG(name), where));
}

static bool check(struct sim_reader *rd, json_ref object, const char *names, const char *where)
{
    for (json_ref key = json_first(rd->doc, object); key; key = json_next(rd->doc, object, key + 1)) {
        str name = sim_reader_text(rd, key), words = str_from(names);
        bool found = false;
        while (words.p && !found) {
            str word = str_cut(&words, ' ');
            found = (object == rd->root ? sim_top_google(rd, word) : sim_at_google(rd, object, word)) == key + 1;
        }
        if (!found) return refuse_name(rd, arena_str(rd->keep, name), where);
    }
    return true;
}

/* The parser's ceiling on depth bounds the recursion. */
static bool check_schema(struct sim_reader *rd, json_ref schema)
{
    if (!schema || json_type(rd->doc, schema) != JSON_OBJECT) return true;
    if (!check(rd, schema, known_schema, "tools[0].function_declarations[0].parameters")) return false;
    json_ref properties = sim_at_google(rd, schema, S("properties")), any = sim_at_google(rd, schema, S("anyOf"));
    for (json_ref key = properties ? json_first(rd->doc, properties) : JSON_ABSENT; key;) {
        json_ref value = json_next(rd->doc, properties, key);
        if (!check_schema(rd, value)) return false;
        key = json_next(rd->doc, properties, value);
    }
    for (json_ref it = any ? json_first(rd->doc, any) : JSON_ABSENT; it; it = json_next(rd->doc, any, it)) {
        if (!check_schema(rd, it)) return false;
    }
    return check_schema(rd, sim_at_google(rd, schema, S("items")));
}

/* ---- turns */

static int64_t parts_with(struct sim_reader *rd, json_ref parts, str key)
{
    int64_t count = 0;
    for (json_ref it = parts ? json_first(rd->doc, parts) : JSON_ABSENT; it; it = json_next(rd->doc, parts, it)) {
        count += sim_at_google(rd, it, key) != JSON_ABSENT;
    }
    return count;
}

/* Gemini 3 wants the signature of its thoughts back with the first call of a turn. */
static bool is_signed(struct sim_reader *rd, json_ref parts)
{
    for (json_ref it = json_first(rd->doc, parts); it; it = json_next(rd->doc, parts, it)) {
        if (sim_at_google(rd, it, S("functionCall")))
            return sim_at_google(rd, it, S("thoughtSignature")) != JSON_ABSENT;
    }
    return true;
}

static bool read_turns(struct sim_reader *rd, json_ref list)
{
    int64_t count = 0, calls = 0;
    json_ref before = JSON_ABSENT;
    for (json_ref it = json_first(rd->doc, list); it; it = json_next(rd->doc, list, it), count++) {
        json_ref role = sim_at_google(rd, it, S("role")), parts = sim_at_google(rd, it, S("parts"));
        if (!parts || json_type(rd->doc, parts) != JSON_ARRAY || !json_first(rd->doc, parts))
            return sim_reader_refuse_field(rd, "contents", "contents.parts must not be empty.");
        if (role && !json_string_is(rd->doc, role, S("user")) && !json_string_is(rd->doc, role, S("model")))
            return sim_reader_refuse_field(rd, "contents", "Please use a valid role: user, model.");
        int64_t responses = parts_with(rd, parts, S("functionResponse"));
        bool goes_on = before && role && json_string_is(rd->doc, role, S("model")) &&
                       json_string_is(rd->doc, before, S("model")); /* a turn in parts, as a stream gave it */
        before = role;
        if (goes_on) {
            calls += parts_with(rd, parts, S("functionCall"));
            sim_reader_turn(rd, role, parts, false);
            sim_reader_count(rd, parts, false);
            continue;
        }
        if (responses != calls)
            return sim_reader_refuse_field(rd, "contents",
                                           "Please ensure that the number of function response parts is equal to the "
                                           "number of function call parts of the function call turn.");
        calls = parts_with(rd, parts, S("functionCall"));
        if (calls && str_find(rd->r->model, S("gemini-3"), 0) != SIZE_MAX && !is_signed(rd, parts))
            return sim_reader_refuse_field(rd, "contents",
                                           "Function call is missing a thought_signature in functionCall parts.");
        sim_reader_turn(rd, role, parts, responses > 0);
        sim_reader_count(rd, parts, false);
    }
    rd->r->text_tokens += SIM_MESSAGE_TOKENS * (count + 1);
    return count > 0 || sim_reader_refuse_field(rd, "contents", "contents is not specified");
}

/* ---- tools */

/* Gemini 1 and 2 take less beside functions than later ones. */
static bool is_before_3(str model)
{
    return str_find(model, S("gemini-1"), 0) != SIZE_MAX || str_find(model, S("gemini-2"), 0) != SIZE_MAX;
}

static void read_mode(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref config = sim_at_google(rd, sim_top_google(rd, S("toolConfig")), S("functionCallingConfig"));
    json_ref mode = sim_at_google(rd, config, S("mode")),
             allowed = sim_at_google(rd, config, S("allowedFunctionNames"));
    json_ref first = allowed ? json_first(rd->doc, allowed) : JSON_ABSENT;
    r->tools.choice = SIM_TOOLS_AUTO;
    if (mode && json_string_is(rd->doc, mode, S("NONE"))) r->tools.choice = SIM_TOOLS_NONE;
    if (!mode || !json_string_is(rd->doc, mode, S("ANY"))) return;
    r->tools.choice = first ? SIM_TOOLS_NAMED : SIM_TOOLS_REQUIRED;
    if (first) r->tools.name = arena_str(rd->keep, sim_reader_text(rd, first));
}

/* `functions`, `others`: there are some, or tools that Google runs itself. */
static bool add_tools(struct sim_reader *rd, json_ref group, bool *any, bool *others)
{
    json_ref functions = sim_at_google(rd, group, S("functionDeclarations"));
    *any = *any || functions;
    *others = *others || sim_at_google(rd, group, S("googleSearch")) || sim_at_google(rd, group, S("codeExecution"));
    for (json_ref f = functions ? json_first(rd->doc, functions) : JSON_ABSENT; f;
         f = json_next(rd->doc, functions, f)) {
        json_ref parameters = sim_at_google(rd, f, S("parameters"));
        if (!check_schema(rd, parameters)) return false;
        sim_reader_add_tool(rd, sim_at_google(rd, f, S("name")),
                            parameters ? parameters : sim_at_google(rd, f, S("parametersJsonSchema")));
    }
    return true;
}

/* What Google runs itself stands not beside functions before Gemini 3, and no choice of functions where there are
 * none. */
static bool check_tools(struct sim_reader *rd, bool functions, bool others)
{
    json_ref config = sim_at_google(rd, sim_top_google(rd, S("toolConfig")), S("functionCallingConfig"));
    if (functions && others && is_before_3(rd->r->model))
        return sim_reader_refuse_field(rd, "tools", "Tool use with function calling is unsupported");
    return functions || !config ||
           sim_reader_refuse_field(rd, "toolConfig", "Function calling config is set without function_declarations.");
}

static bool read_tools(struct sim_reader *rd)
{
    json_ref list = sim_top_google(rd, S("tools"));
    bool any = false, others = false;
    if (!list) return check_tools(rd, false, false);
    bool one = json_type(rd->doc, list) == JSON_OBJECT; /* in place of a list: Google takes it, the AI SDK 4 sends it */
    if (!one && json_type(rd->doc, list) != JSON_ARRAY) return check_tools(rd, false, false);
    if (one && !add_tools(rd, list, &any, &others)) return false;
    for (json_ref it = one ? JSON_ABSENT : json_first(rd->doc, list); it; it = json_next(rd->doc, list, it))
        if (!add_tools(rd, it, &any, &others)) return false;
    read_mode(rd);
    sim_reader_end_tools(rd, list);
    return check_tools(rd, any, others);
}

/* ---- configuration */

static bool read_config(struct sim_reader *rd)
{
    struct sim_request *r = rd->r;
    json_ref config = sim_top_google(rd, S("generationConfig")),
             type = sim_at_google(rd, config, S("responseMimeType"));
    json_ref thinking = sim_at_google(rd, config, S("thinkingConfig")),
             shows = sim_at_google(rd, thinking, S("includeThoughts"));
    int64_t budget = -1, candidates = 1;
    if (config && !check(rd, config, known_config, "generation_config")) return false;
    if (!sim_reader_number(rd, sim_at_google(rd, config, S("maxOutputTokens")), "maxOutputTokens", 1, &r->max_output))
        return false;
    if (!sim_reader_number(rd, sim_at_google(rd, config, S("candidateCount")), "candidateCount", 1, &candidates))
        return false;
    if (!sim_reader_number(rd, sim_at_google(rd, thinking, S("thinkingBudget")), "thinkingBudget", -1, &budget))
        return false;
    if (candidates > 8) return sim_reader_refuse_field(rd, "candidateCount", "must be 8 at most");
    r->choices = r->generated = candidates;
    r->shows = shows && json_is_true(rd->doc, shows);
    json_ref level = sim_at_google(rd, thinking, S("thinkingLevel"));
    r->thinks = thinking && (budget > 0 || level || r->shows) && budget != 0;
    json_ref schema = sim_at_google(rd, config, S("responseSchema"));
    if (!check_schema(rd, schema)) return false;
    if (!schema) schema = sim_at_google(rd, config, S("responseJsonSchema"));
    r->format.json = type && json_string_is(rd->doc, type, S("application/json"));
    if (schema && !r->format.json)
        return sim_reader_refuse_field(rd, "generationConfig.responseSchema",
                                       "only application/json is a response MIME type with a schema");
    if (r->format.json && r->tools.count && is_before_3(r->model))
        return sim_reader_refuse_field(rd, "generationConfig.responseMimeType",
                                       "Function calling with a response mime type: 'application/json' is unsupported");
    r->format.schema = schema;
    if (schema) sim_reader_count(rd, schema, true);
    return true;
}

bool sim_request_read_gemini(struct sim_reader *rd)
{
    json_ref inner = sim_top_google(rd, S("generateContentRequest")); /* of :countTokens */
    if (inner) rd->root = inner;
    json_ref list = sim_top_google(rd, S("contents")), system = sim_top_google(rd, S("systemInstruction"));
    if (!check(rd, rd->root, known, "")) return false;
    if (!list || json_type(rd->doc, list) != JSON_ARRAY)
        return sim_reader_refuse_field(rd, "contents", "contents is not specified");
    if (!read_turns(rd, list)) return false;
    if (system) {
        json_ref parts = sim_at_google(rd, system, S("parts"));
        sim_reader_count(rd, system, false);
        rd->r->text_tokens += SIM_MESSAGE_TOKENS;
        if (parts && !sim_reader_control(rd, parts)) return false;
    }
    if (!sim_reader_control(rd, rd->last_user)) return false;
    return read_tools(rd) && read_config(rd);
}
