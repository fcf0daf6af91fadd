/* Writing a call: what it asks for, around its prompt. */
#include "dialect/responses.h"
#include "dialect/schema_subset.h"

static void put_format(struct buf *out, const struct canon_call *call)
{
    const struct canon_output *o = &call->output;
    jraw schema = o->schema;
    int8_t strict = o->strict;
    if (o->format == FORMAT_TEXT && !o->verbosity.n) return;
    canon_key(out, S("text"));
    buf_add_byte(out, '{');
    if (o->format == FORMAT_JSON) {
        canon_key(out, S("format"));
        buf_add(out, S("{\"type\":\"json_object\"}"));
    } else if (o->format == FORMAT_SCHEMA) {
        canon_key(out, S("format"));
        buf_add(out, S("{\"type\":\"json_schema\""));
        canon_put_text(out, S("name"), o->name.n ? o->name : S("answer"));
        canon_put_raw(out, S("description"), o->description);
        canon_key(out, S("schema"));
        schema_for_openai(call, &schema, &strict);
        buf_add(out, schema.json.p ? schema.json : S("{}"));
        if (strict >= 0) canon_put_bool(out, S("strict"), strict == 1);
        buf_add_byte(out, '}');
    }
    canon_put_text(out, S("verbosity"), o->verbosity);
    buf_add_byte(out, '}');
}

/* Thoughts are shown as a summary here. */
static void put_reasoning_control(struct buf *out, const struct canon_reasoning *r)
{
    str effort = canon_effort(r), summary = r->summary.n ? r->summary : r->show ? S("auto") : S("");
    if (str_eq(effort, S("max"))) effort = S("xhigh"); /* OpenAI's highest */
    if (!effort.n && !summary.n) return;
    canon_key(out, S("reasoning"));
    buf_add_byte(out, '{');
    canon_put_text(out, S("effort"), effort);
    canon_put_text(out, S("summary"), summary);
    buf_add_byte(out, '}');
}

/* Nothing is stored at the provider for clients of other dialects: what reasoning needs comes back with them. */
static void put_include(struct buf *out, const struct canon_call *call)
{
    const struct canon_reasoning *r = &call->reasoning;
    str effort = canon_effort(r);
    bool thinks = r->encrypted || r->show || r->adaptive || (effort.n && !str_eq(effort, S("none")));
    if (!thinks && call->sampling.logprobs != 1) return;
    canon_key(out, S("include"));
    buf_add_byte(out, '[');
    if (thinks) buf_add(out, S("\"reasoning.encrypted_content\""));
    if (call->sampling.logprobs == 1) {
        canon_comma(out);
        buf_add(out, S("\"message.output_text.logprobs\""));
    }
    buf_add_byte(out, ']');
}

/* Other providers have tiers of their own. */
static void put_service_tier(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    static const str known[] = {STR_INIT("auto"), STR_INIT("default"), STR_INIT("flex"), STR_INIT("scale"),
                                STR_INIT("priority")};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(known[i], call->service_tier)) {
            canon_put_text(out, S("service_tier"), call->service_tier);
            return;
        }
    if (call->service_tier.n) canon_leave_out(call, target, FEATURE_SERVICE_TIER);
}

/* What each search of another protocol may be used for is the bound here of all together. */
static void put_max_uses(struct buf *out, const struct canon_call *call)
{
    int64_t most = -1;
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        if (t->kind != TOOL_WEB_SEARCH) continue;
        if (t->max_uses < 0) return;
        most = (most < 0 ? 0 : most) + (t->max_uses < INT32_MAX ? t->max_uses : INT32_MAX);
    }
    if (most >= 0) canon_put_i64(out, S("max_tool_calls"), most);
}

static void put_controls(struct buf *out, const struct canon_call *call, const struct canon_target *target)
{
    responses_put_tool_choice(out, call);
    if (call->choice.parallel >= 0) canon_put_bool(out, S("parallel_tool_calls"), call->choice.parallel == 1);
    put_max_uses(out, call);
    put_format(out, call);
    put_reasoning_control(out, &call->reasoning);
    put_include(out, call);
    canon_put_number(out, S("temperature"),
                     canon_ranged(call, target, DIALECT_RESPONSES, FEATURE_TEMPERATURE, call->sampling.temperature));
    canon_put_number(out, S("top_p"), call->sampling.top_p);
    if (call->sampling.top_logprobs > 0) canon_put_i64(out, S("top_logprobs"), call->sampling.top_logprobs);
    canon_put_raw(out, S("metadata"), call->metadata);
    canon_put_text(out, S("user"), call->user);
    put_service_tier(out, call, target);
    canon_put_text(out, S("prompt_cache_key"), call->cache_key);
    canon_put_bool(out, S("store"), false);
}

/* What the client wrote, as it stands; log-probabilities may be wanted that it did not ask for. */
static void put_own(struct buf *out, const struct canon_call *call)
{
    static const str logprobs = STR_INIT("\"message.output_text.logprobs\"");
    str members = call->extras.members;
    struct json doc;
    struct json_fail why;
    if (call->sampling.logprobs != 1 || str_find(members, logprobs, 0) != SIZE_MAX) {
        canon_put_extras(out, &call->extras, DIALECT_RESPONSES);
        return;
    }
    json_init(&doc);
    str object = arena_printf(call->arena, "{%" STR_FMT "}", STR_ARG(members));
    json_ref include = json_parse(&doc, object, &why) ? json_find(&doc, JSON_ROOT, S("include"), NULL) : JSON_ABSENT;
    if (include) {
        bool filled = json_type(&doc, include) == JSON_ARRAY && json_first(&doc, include);
        size_t start = doc.nodes[include].start, end = doc.nodes[include].end;
        canon_comma(out);
        buf_add(out, str_of(object.p + 1, (filled ? end - 1 : start) - 1));
        buf_add_byte(out, filled ? ',' : '[');
        buf_add(out, logprobs);
        buf_add_byte(out, ']');
        buf_add(out, str_of(object.p + end, object.n - 1 - end));
    } else {
        canon_put_extras(out, &call->extras, DIALECT_RESPONSES);
        canon_key(out, S("include"));
        buf_printf(out, "[%" STR_FMT "]", STR_ARG(logprobs));
    }
    json_free(&doc);
}

bool responses_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                           struct call_problem *problem)
{
    int64_t limit = target->max_output >= 0 ? target->max_output : call->max_output;
    (void)problem;
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model);
    responses_put_input(out, call);
    responses_put_tools(out, call);
    if (limit >= 0)
        canon_put_i64(out, S("max_output_tokens"), limit < RESPONSES_OUTPUT_MIN ? RESPONSES_OUTPUT_MIN : limit);
    if (call->from == DIALECT_RESPONSES)
        put_own(out, call);
    else
        put_controls(out, call, target);
    canon_put_bool(out, S("stream"), target->stream);
    buf_add_byte(out, '}');
    return true;
}
