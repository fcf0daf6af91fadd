/* Writing a call for a target that speaks chat. */
#include "dialect/chat.h"
#include "dialect/schema_subset.h"

static bool is_vendor(const struct canon_target *target, str kind)
{
    return str_eq(target->vendor, kind);
}

/* ---- tools */

/* The grammar of a free-text tool: Responses has it flat, chat one level down. */
static void write_custom_format(struct buf *out, const struct json *doc, json_ref custom)
{
    json_ref format = openai_find(doc, custom, S("format"));
    if (!format) return;
    json_ref type = openai_find(doc, format, S("type")), grammar = openai_find(doc, format, S("grammar"));
    if (!type || grammar || !json_string_is(doc, type, S("grammar"))) {
        canon_put_raw(out, S("format"), canon_raw(doc, format));
        return;
    }
    canon_key(out, S("format"));
    buf_add(out, S("{\"type\":\"grammar\",\"grammar\":{"));
    canon_put_raw(out, S("definition"), canon_raw_string(doc, format, S("definition")));
    canon_put_raw(out, S("syntax"), canon_raw_string(doc, format, S("syntax")));
    buf_add(out, S("}}"));
}

static void write_custom_tool(struct buf *out, const struct canon_tool *tool)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    canon_comma(out);
    buf_add(out, S("{\"type\":\"custom\",\"custom\":{"));
    canon_key(out, S("name"));
    buf_add_json(out, tool->name);
    canon_put_raw(out, S("description"), tool->description);
    if (tool->value.json.p && json_parse(&doc, tool->value.json, &why)) {
        json_ref inner = openai_find(&doc, JSON_ROOT, S("custom"));
        write_custom_format(out, &doc, inner);
    }
    buf_add(out, S("}}"));
    json_free(&doc);
}

static void write_function_tool(struct chat_writer *w, const struct canon_tool *tool)
{
    struct buf *out = w->out;
    jraw schema = tool->schema;
    int8_t strict = tool->strict;
    schema_for_openai(w->call, &schema, &strict);
    canon_comma(out);
    buf_add(out, S("{\"type\":\"function\",\"function\":{"));
    canon_key(out, S("name"));
    buf_add_json(out, tool->name);
    canon_put_raw(out, S("description"), tool->description);
    canon_put_raw(out, S("parameters"), schema);
    if (strict >= 0) canon_put_bool(out, S("strict"), strict);
    buf_add(out, S("}}"));
}

/* Only OpenAI's own models know `allowed_tools`; others get no other tool to choose. */
static bool is_written(const struct chat_writer *w, const struct canon_tool *tool)
{
    if (w->same) return tool->kind != TOOL_WEB_SEARCH; /* it stands among the extras */
    if (tool->kind != TOOL_FUNCTION && tool->kind != TOOL_CUSTOM) return false;
    return w->openai || canon_allows(&w->call->choice, tool->name);
}

static void write_allowed(struct buf *out, const struct canon_tool_choice *choice)
{
    canon_key(out, S("tool_choice"));
    buf_add(out, S("{\"type\":\"allowed_tools\",\"allowed_tools\":{"));
    canon_put_text(out, S("mode"), choice->mode == CHOICE_REQUIRED ? S("required") : S("auto"));
    canon_key(out, S("tools"));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < choice->allowed_count; i++) {
        canon_comma(out);
        buf_add(out, S("{\"type\":\"function\",\"function\":{"));
        canon_key(out, S("name"));
        buf_add_json(out, choice->allowed[i]);
        buf_add(out, S("}}"));
    }
    buf_add(out, S("]}}"));
}

static bool is_custom(const struct canon_call *call, str name)
{
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        if (t->kind == TOOL_CUSTOM && str_eq(t->name, name)) return true;
    return false;
}

static void write_tool_choice(struct chat_writer *w)
{
    const struct canon_tool_choice *choice = &w->call->choice;
    if (choice->parallel >= 0) canon_put_bool(w->out, S("parallel_tool_calls"), choice->parallel);
    if (choice->name.n) {
        str type = is_custom(w->call, choice->name) ? S("custom") : S("function");
        canon_key(w->out, S("tool_choice"));
        buf_add_byte(w->out, '{');
        canon_put_text(w->out, S("type"), type);
        canon_key(w->out, type);
        buf_add_byte(w->out, '{');
        canon_put_text(w->out, S("name"), choice->name);
        buf_add(w->out, S("}}"));
    } else if (choice->allowed_count && (w->openai || w->same) && choice->mode != CHOICE_NONE) {
        write_allowed(w->out, choice);
    } else if (choice->mode != CHOICE_UNSET) {
        canon_put_text(w->out, S("tool_choice"),
                       choice->mode == CHOICE_NONE       ? S("none")
                       : choice->mode == CHOICE_REQUIRED ? S("required")
                                                         : S("auto"));
    }
}

void chat_write_tools(struct chat_writer *w)
{
    bool any = false;
    for (const struct canon_tool *t = w->call->tools; t; t = t->next) {
        if (!is_written(w, t)) continue;
        if (!any) {
            canon_key(w->out, S("tools"));
            buf_add_byte(w->out, '[');
            any = true;
        }
        if (w->same && t->value.json.p) {
            canon_comma(w->out);
            buf_add(w->out, t->value.json);
        } else if (t->kind == TOOL_CUSTOM) {
            write_custom_tool(w->out, t);
        } else {
            write_function_tool(w, t);
        }
    }
    if (any) buf_add_byte(w->out, ']');
    /* without tools neither the choice nor its parallels are taken */
    if (any || w->same) write_tool_choice(w);
}

/* ---- how to answer */

static void write_format(struct chat_writer *w)
{
    const struct canon_output *output = &w->call->output;
    if (output->format == FORMAT_TEXT) return;
    canon_key(w->out, S("response_format"));
    if (output->format == FORMAT_JSON || !output->schema.json.p) {
        buf_add(w->out, S("{\"type\":\"json_object\"}"));
        return;
    }
    buf_add(w->out, S("{\"type\":\"json_schema\",\"json_schema\":{"));
    canon_put_text(w->out, S("name"), output->name.n ? output->name : S("response"));
    canon_put_raw(w->out, S("description"), output->description);
    jraw schema = output->schema;
    int8_t strict = output->strict;
    schema_for_openai(w->call, &schema, &strict);
    canon_put_raw(w->out, S("schema"), schema);
    if (strict >= 0) canon_put_bool(w->out, S("strict"), strict);
    buf_add(w->out, S("}}"));
}

static str ranged(struct chat_writer *w, enum canon_feature f, str number)
{
    return canon_ranged(w->call, w->target, DIALECT_CHAT, f, number);
}

static void write_sampling(struct chat_writer *w)
{
    const struct canon_sampling *s = &w->call->sampling;
    struct buf *out = w->out;
    canon_put_number(out, S("temperature"), ranged(w, FEATURE_TEMPERATURE, s->temperature));
    canon_put_number(out, S("top_p"), s->top_p);
    if (w->same) canon_put_number(out, S("top_k"), s->top_k);
    if (w->same) canon_put_number(out, S("min_p"), s->min_p);
    canon_put_number(out, S("frequency_penalty"), ranged(w, FEATURE_FREQUENCY_PENALTY, s->frequency_penalty));
    canon_put_number(out, S("presence_penalty"), ranged(w, FEATURE_PRESENCE_PENALTY, s->presence_penalty));
    canon_put_number(out, w->mistral ? S("random_seed") : S("seed"), s->seed);
    canon_put_raw(out, S("logit_bias"), s->logit_bias);
    if (s->logprobs >= 0) canon_put_bool(out, S("logprobs"), s->logprobs);
    if (s->top_logprobs >= 0) canon_put_i64(out, S("top_logprobs"), s->top_logprobs);
    if (w->call->choices > 1) canon_put_i64(out, S("n"), w->call->choices);
    size_t stops = canon_stops(w->call, DIALECT_CHAT, w->target->vendor);
    if (!stops) return;
    canon_key(out, S("stop"));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < stops; i++) {
        canon_comma(out);
        buf_add(out, w->call->stop[i].json);
    }
    buf_add_byte(out, ']');
}

/* OpenRouter has an object of its own, in which all its providers' ways can be said. */
static void write_router_reasoning(struct buf *out, const struct canon_reasoning *r)
{
    canon_key(out, S("reasoning"));
    buf_add_byte(out, '{');
    if (r->effort.n)
        canon_put_text(out, S("effort"), r->effort);
    else if (r->budget_tokens > 0)
        canon_put_i64(out, S("max_tokens"), r->budget_tokens);
    else
        canon_put_bool(out, S("enabled"), r->budget_tokens < 0);
    buf_add_byte(out, '}');
}

/* Thinking that another protocol switches off is off by default here: models that
 * cannot think reject the very word, so it is only written where an effort was named. */
static void write_reasoning(struct chat_writer *w)
{
    const struct canon_reasoning *r = &w->call->reasoning;
    if (!r->effort.n && r->budget_tokens < 0 && !r->adaptive) return;
    if (is_vendor(w->target, S("openrouter"))) {
        write_router_reasoning(w->out, r);
        return;
    }
    if (is_vendor(w->target, S("deepseek")) && (r->budget_tokens == 0 || str_eq(r->effort, S("none")))) {
        canon_put_raw(w->out, S("thinking"), (jraw){S("{\"type\":\"disabled\"}")}); /* it thinks by default */
        return;
    }
    str effort = r->effort.n || r->budget_tokens > 0 ? canon_effort(r) : STR_NONE;
    if (w->openai && str_eq(effort, S("max"))) effort = S("xhigh");
    canon_put_text(w->out, S("reasoning_effort"), effort);
}

/* Other protocols have words of their own for the same two tiers. */
static str service_tier(const struct canon_call *call)
{
    static const str known[] = {STR_INIT("auto"), STR_INIT("default"), STR_INIT("flex"), STR_INIT("priority"),
                                STR_INIT("scale")};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(call->service_tier, known[i])) return known[i];
    return str_starts(call->service_tier, S("standard")) ? S("default") : STR_NONE;
}

/* What only some vendors take. */
static void write_label(struct chat_writer *w, str key, str value, enum canon_feature f, bool fits)
{
    if (fits)
        canon_put_text(w->out, key, value);
    else if (value.n)
        canon_leave_out(w->call, w->target, f);
}

static void write_context(struct chat_writer *w)
{
    const struct canon_call *call = w->call;
    write_label(w, S("user"), call->user, FEATURE_USER, !w->mistral || w->same);
    if (w->same) {
        canon_put_text(w->out, S("service_tier"), call->service_tier);
        canon_put_text(w->out, S("prompt_cache_key"), call->cache_key);
        canon_put_text(w->out, S("verbosity"), call->output.verbosity);
        canon_put_raw(w->out, S("metadata"), call->metadata);
        return;
    }
    str tier = service_tier(call);
    bool stranger = is_vendor(w->target, S("openai-compatible")); /* asked for by name: it may know them */
    bool tiers = w->openai || stranger || is_vendor(w->target, S("groq"));
    write_label(w, S("service_tier"), tier.n ? tier : call->service_tier, FEATURE_SERVICE_TIER, tiers && tier.n);
    write_label(w, S("prompt_cache_key"), call->cache_key, FEATURE_CACHE_KEY, w->openai || w->mistral);
    write_label(w, S("verbosity"), call->output.verbosity, FEATURE_VERBOSITY, w->openai || stranger);
    write_reasoning(w);
}

static void write_stream(struct chat_writer *w)
{
    if (!w->target->stream) return;
    canon_put_bool(w->out, S("stream"), true);
    if (w->target->no_stream_options) return;
    canon_key(w->out, S("stream_options"));
    buf_add(w->out, S("{\"include_usage\":true}"));
}

bool chat_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                      struct call_problem *problem)
{
    struct chat_writer w = {
        .call = call,
        .target = target,
        .out = out,
        .same = call->from == DIALECT_CHAT,
        .openai = !target->vendor.n || is_vendor(target, S("openai")) || is_vendor(target, S("azure")),
        .mistral = is_vendor(target, S("mistral")),
    };
    int64_t limit = target->max_output >= 0 ? target->max_output : call->max_output;
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model.n ? target->model : call->model);
    size_t before = out->n;
    chat_write_messages(&w);
    if (call->messages && str_ends(str_from_at(buf_str(out), before), S(":[]"))) {
        *problem = (struct call_problem){ERR_BAD_FIELD,
                                         S("The target's protocol has no words for what the messages hold: leaving it "
                                           "out leaves nothing."),
                                         S("messages")};
        return false;
    }
    chat_write_tools(&w);
    write_format(&w);
    if (limit >= 0) canon_put_i64(out, target->max_tokens ? S("max_tokens") : S("max_completion_tokens"), limit);
    write_sampling(&w);
    write_context(&w);
    canon_put_extras(out, &call->extras, DIALECT_CHAT);
    write_stream(&w);
    buf_add_byte(out, '}');
    return true;
}
