/* A call for a Gemini target: roles alternate, what the system says stands above, model and
 * streaming in the path. Schemas go by the ...JsonSchema fields, which take JSON Schema as it
 * is; the older fields know a small part of OpenAPI. */
#include "dialect/gemini.h"
#include "dialect/schema_subset.h"

static bool is_system(const struct canon_message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* A table for the ids of all calls of the history. */
static void init_calls(struct gemini_writer *w, const struct canon_call *call)
{
    size_t count = 0;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        for (const struct canon_part *p = m->parts; p; p = p->next) count += p->kind == PART_TOOL_CALL;
    w->call_room = 1;
    while (w->call_room < count) w->call_room *= 2;
    w->calls = arena_zalloc(w->arena, w->call_room * sizeof(struct gemini_open_call *));
}

static void remember_calls(struct gemini_writer *w, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL) continue;
        struct gemini_open_call *c = arena_alloc(w->arena, sizeof(*c));
        struct gemini_open_call **chain = gemini_calls_of(w, p->tool.id);
        *c = (struct gemini_open_call){*chain, p->tool.id, p->tool.name};
        *chain = c;
    }
}

/* ---- contents */

/* Neighbours of one role become one content, in which results of functions stand first. True: it has parts. */
static bool put_turn(struct gemini_writer *w, const struct canon_message *from, const struct canon_message *end)
{
    bool any = false;
    w->signed_call = false;
    for (const struct canon_message *m = from; m != end; m = m->next) {
        if (is_system(m)) continue;
        remember_calls(w, m->parts);
        for (const struct canon_part *p = m->parts; p; p = p->next)
            if (w->own || p->kind == PART_TOOL_RESULT) any = gemini_put_part(w, p) || any;
    }
    for (const struct canon_message *m = from; m != end && !w->own; m = m->next)
        for (const struct canon_part *p = is_system(m) ? NULL : m->parts; p; p = p->next)
            if (p->kind != PART_TOOL_RESULT) any = gemini_put_part(w, p) || any;
    return any;
}

static void put_contents(struct gemini_writer *w, const struct canon_call *call)
{
    canon_key(w->out, S("contents"));
    buf_add_byte(w->out, '[');
    for (const struct canon_message *m = call->messages, *end; m; m = end) {
        end = m->next;
        if (is_system(m)) continue;
        bool model = m->role == ROLE_ASSISTANT;
        while (end && (is_system(end) || (end->role == ROLE_ASSISTANT) == model)) end = end->next;
        size_t before = w->out->n;
        canon_comma(w->out);
        buf_add(w->out, model ? S("{\"role\":\"model\",\"parts\":[") : S("{\"role\":\"user\",\"parts\":["));
        bool any = put_turn(w, m, end);
        buf_add(w->out, S("]}"));
        if (!any) w->out->n = before; /* Google refuses a content without parts */
    }
    buf_add_byte(w->out, ']');
}

/* A call that has nothing but a system message asks by it. `instruction`: ours, behind all others. */
static void put_system(struct gemini_writer *w, const struct canon_call *call, bool as_content, str instruction)
{
    size_t before = w->out->n;
    bool any = false;
    canon_key(w->out, as_content ? S("contents") : S("systemInstruction"));
    buf_add(w->out, as_content ? S("[{\"role\":\"user\",\"parts\":[") : S("{\"parts\":["));
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        if (!is_system(m)) continue;
        for (const struct canon_part *p = m->parts; p; p = p->next) any = gemini_put_part(w, p) || any;
    }
    if (instruction.n) {
        canon_comma(w->out);
        buf_add_byte(w->out, '{');
        canon_put_text(w->out, S("text"), instruction);
        buf_add_byte(w->out, '}');
        any = true;
    }
    buf_add(w->out, as_content ? S("]}]") : S("]}"));
    if (!any && !as_content) w->out->n = before;
}

/* ---- tools */

/* Another dialect's schema loses what Google refuses; one that cannot be cut down goes as it is,
 * since some models take it. */
static jraw schema_for(const struct canon_call *call, jraw schema)
{
    jraw less;
    bool cut = call->from != DIALECT_GEMINI && schema.json.p;
    return cut && schema_subset(schema, SCHEMA_GEMINI, call->arena, &less) ? less : schema;
}

static void put_function(struct buf *out, const struct canon_call *call, const struct canon_tool *tool)
{
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_text(out, S("name"), tool->name);
    canon_put_raw(out, S("description"), tool->description);
    canon_put_raw(out, S("parametersJsonSchema"), schema_for(call, tool->schema));
    canon_put_extras(out, &tool->extras, DIALECT_GEMINI);
    buf_add_byte(out, '}');
}

static bool has_tool(const struct canon_call *call, enum canon_tool_kind kind)
{
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        if (t->kind == kind) return true;
    return false;
}

/* Models before Gemini 3 take no search beside functions: these go first. */
static bool may_search(const struct canon_call *call, const struct canon_target *target)
{
    int generation = gemini_generation(target->model);
    return call->from == DIALECT_GEMINI || generation == 0 || generation >= 30 || !has_tool(call, TOOL_FUNCTION);
}

static bool is_written(const struct canon_tool *tool, bool searches)
{
    return tool->kind == TOOL_FUNCTION || (tool->kind == TOOL_WEB_SEARCH && searches) ||
           (tool->kind == TOOL_OPAQUE && tool->extras.of == DIALECT_GEMINI);
}

static void put_tools(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    bool any = false, functions = has_tool(call, TOOL_FUNCTION), searches = may_search(call, target);
    for (const struct canon_tool *t = call->tools; t; t = t->next) any = any || is_written(t, searches);
    if (!any) return;
    canon_key(out, S("tools"));
    buf_add_byte(out, '[');
    if (functions) {
        buf_add(out, S("{\"functionDeclarations\":["));
        for (const struct canon_tool *t = call->tools; t; t = t->next)
            if (t->kind == TOOL_FUNCTION) put_function(out, call, t);
        buf_add(out, S("]}"));
    }
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        if (t->kind == TOOL_FUNCTION || !is_written(t, searches)) continue;
        canon_comma(out);
        buf_add(out, t->extras.of == DIALECT_GEMINI && t->value.json.p ? t->value.json : S("{\"googleSearch\":{}}"));
    }
    buf_add_byte(out, ']');
}

/* "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function calling"; Vertex
 * does not know the word, and needs none. */
static bool tells_searches(const struct canon_call *call, const struct canon_target *target)
{
    bool both = has_tool(call, TOOL_FUNCTION) && has_tool(call, TOOL_WEB_SEARCH) && may_search(call, target);
    return both && !str_eq(target->vendor, S("vertex"));
}

/* Names restrict ANY and VALIDATED only; the latter leaves the model free to answer in text. */
static void put_calling(struct buf *out, const struct canon_call *call)
{
    const struct canon_tool_choice *c = &call->choice;
    if (c->mode == CHOICE_UNSET && !c->allowed_count) return;
    str mode = c->mode == CHOICE_REQUIRED ? S("ANY")
               : c->mode == CHOICE_NONE   ? S("NONE")
               : c->allowed_count         ? S("VALIDATED")
                                          : S("AUTO");
    canon_key(out, S("functionCallingConfig"));
    buf_add_byte(out, '{');
    canon_put_text(out, S("mode"), mode);
    if (c->mode != CHOICE_NONE && (c->name.n || c->allowed_count)) {
        canon_key(out, S("allowedFunctionNames"));
        buf_add_byte(out, '[');
        if (c->name.n) buf_add_json(out, c->name);
        for (size_t i = 0; i < c->allowed_count && !c->name.n; i++) {
            canon_comma(out);
            buf_add_json(out, c->allowed[i]);
        }
        buf_add_byte(out, ']');
    }
    buf_add_byte(out, '}');
}

static void put_choice(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    size_t before = out->n;
    canon_key(out, S("toolConfig"));
    buf_add_byte(out, '{');
    size_t empty = out->n;
    put_calling(out, call);
    if (tells_searches(call, target)) canon_put_bool(out, S("includeServerSideToolInvocations"), true);
    buf_add_byte(out, '}');
    if (out->n == empty + 1) out->n = before;
}

/* ---- generationConfig */

/* Before Gemini 3 a call with tools may have no format: "Function calling with a response mime type:
 * 'application/json' is unsupported". */
static bool takes_format(const struct canon_call *call, const struct canon_target *target)
{
    int generation = gemini_generation(target->model);
    return call->from == DIALECT_GEMINI || !call->tools || generation == 0 || generation >= 30;
}

static void put_output(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    const struct canon_output *o = &call->output;
    if (o->format == FORMAT_TEXT || !takes_format(call, target)) return;
    canon_put_text(out, S("responseMimeType"), S("application/json"));
    if (o->format == FORMAT_SCHEMA) canon_put_raw(out, S("responseJsonSchema"), schema_for(call, o->schema));
}

static void put_stop(struct buf *out, const struct canon_call *call)
{
    size_t stops = canon_stops(call, DIALECT_GEMINI, STR_NONE);
    if (!stops) return;
    canon_key(out, S("stopSequences"));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < stops; i++) {
        canon_comma(out);
        buf_add(out, call->stop[i].json);
    }
    buf_add_byte(out, ']');
}

static str ranged(const struct canon_call *call, const struct canon_target *target, enum canon_feature f, str number)
{
    return canon_ranged(call, target, DIALECT_GEMINI, f, number);
}

static void put_sampling(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    const struct canon_sampling *s = &call->sampling;
    canon_put_number(out, S("temperature"), ranged(call, target, FEATURE_TEMPERATURE, s->temperature));
    canon_put_number(out, S("topP"), s->top_p);
    canon_put_number(out, S("topK"), s->top_k);
    canon_put_number(out, S("seed"), s->seed);
    canon_put_number(out, S("presencePenalty"), ranged(call, target, FEATURE_PRESENCE_PENALTY, s->presence_penalty));
    canon_put_number(out, S("frequencyPenalty"), ranged(call, target, FEATURE_FREQUENCY_PENALTY, s->frequency_penalty));
    if (s->logprobs >= 0) canon_put_bool(out, S("responseLogprobs"), s->logprobs);
    if (s->top_logprobs >= 0) canon_put_i64(out, S("logprobs"), s->top_logprobs);
}

/* Of what the call kept of its own dialect: a member that is an object. */
static jraw kept_object(const struct json *kept, str key)
{
    json_ref at = kept->count ? json_find(kept, JSON_ROOT, key, NULL) : JSON_ABSENT;
    return at && json_type(kept, at) == JSON_OBJECT ? raw_of(json_raw(kept, at)) : RAW_NONE;
}

static void put_config(const struct canon_call *call, const struct canon_target *target, const struct json *kept,
                       struct buf *out)
{
    size_t before = out->n;
    int64_t limit = target->max_output >= 0 ? target->max_output : call->max_output;
    canon_key(out, S("generationConfig"));
    size_t empty = out->n + 1;
    buf_add_byte(out, '{');
    put_sampling(out, call, target);
    put_stop(out, call);
    if (limit >= 0) canon_put_i64(out, S("maxOutputTokens"), limit ? limit : 1); /* 0 would be none */
    if (call->choices > 1) canon_put_i64(out, S("candidateCount"), call->choices);
    put_output(out, call, target);
    json_ref config = kept->count ? json_find(kept, JSON_ROOT, S("generationConfig"), NULL) : JSON_ABSENT;
    json_ref thinking = config ? json_find(kept, config, S("thinkingConfig"), NULL) : JSON_ABSENT;
    gemini_put_thinking(call, target, limit, thinking ? raw_of(json_raw(kept, thinking)) : RAW_NONE, out);
    for (json_ref key = config ? json_first(kept, config) : JSON_ABSENT; key; key = json_next(kept, config, key + 1)) {
        if (key + 1 == thinking) continue;
        canon_comma(out);
        buf_add(out, json_raw(kept, key));
        buf_add_byte(out, ':');
        buf_add(out, json_raw(kept, key + 1));
    }
    buf_add_byte(out, '}');
    if (out->n == empty + 1) out->n = before;
}

static void put_kept(const struct json *kept, struct buf *out)
{
    for (json_ref key = kept->count ? json_first(kept, JSON_ROOT) : JSON_ABSENT; key;
         key = json_next(kept, JSON_ROOT, key + 1)) {
        if (json_string_is(kept, key, S("generationConfig")) || json_string_is(kept, key, S("toolConfig"))) continue;
        canon_comma(out);
        buf_add(out, json_raw(kept, key));
        buf_add_byte(out, ':');
        buf_add(out, json_raw(kept, key + 1));
    }
}

bool gemini_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem)
{
    bool own = call->from == DIALECT_GEMINI, turns = false;
    struct gemini_writer w = {.out = out,
                              .arena = call->arena,
                              .from = call->from,
                              .own = own,
                              .no_ids = str_eq(target->vendor, S("vertex")),
                              .generation = gemini_generation(target->model)};
    struct json kept;
    struct json_fail why;
    (void)problem;
    init_calls(&w, call);
    json_init(&kept);
    if (own && call->extras.members.n) {
        str text = arena_printf(call->arena, "{%" STR_FMT "}", STR_ARG(call->extras.members));
        if (!json_parse(&kept, text, &why)) kept.count = 0;
    }
    for (const struct canon_message *m = call->messages; m; m = m->next) turns = turns || !is_system(m);
    buf_add_byte(out, '{');
    bool asks = call->output.format != FORMAT_TEXT && !takes_format(call, target);
    put_system(&w, call, !turns, asks ? canon_format_instruction(call) : STR_NONE);
    if (asks)
        canon_leave_out(call, target, call->output.format == FORMAT_SCHEMA ? FEATURE_JSON_SCHEMA : FEATURE_JSON_OBJECT);
    if (turns) put_contents(&w, call);
    put_tools(out, call, target);
    jraw choice = kept_object(&kept, S("toolConfig"));
    canon_put_raw(out, S("toolConfig"), choice);
    if (!choice.json.p) put_choice(out, call, target);
    put_config(call, target, &kept, out);
    if (own) {
        canon_put_raw(out, S("labels"), call->metadata);
        canon_put_text(out, S("serviceTier"), call->service_tier);
    }
    put_kept(&kept, out);
    buf_add_byte(out, '}');
    json_free(&kept);
    return true;
}
