/* Writing a call for a target that speaks messages.
 *
 * What other protocols say and this one says otherwise:
 *   - Thinking fixes the sampling: temperature, top_p and top_k are left out beside it. A tool that
 *     must be used excludes it: then the call goes without thinking. So does a call that is in the
 *     middle of a tool's turn whose thoughts, with their signatures, are not there to be replayed.
 *   - Newer models decide themselves how much they think (adaptive) and take an effort; older ones
 *     take a budget of tokens.
 *   - Temperature and top_p exclude each other: temperature goes first, unless it is 1.
 *   - "JSON" without a schema, and a schema that cannot be enforced here, become an instruction. */
#include "dialect/messages_encode.h"
#include "dialect/messages.h"

#include "dialect/schema_subset.h"

static const str efforts[] = {STR_INIT("none"), STR_INIT("minimal"), STR_INIT("low"), STR_INIT("medium"),
                              STR_INIT("high"), STR_INIT("xhigh"),   STR_INIT("max")};

/* ---- thinking */

static bool check_effort(const struct canon_call *call, struct call_problem *problem)
{
    str field = S("reasoning_effort");
    for (size_t i = 0; i < COUNT_OF(efforts); i++)
        if (str_eq(call->reasoning.effort, efforts[i])) return true;
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == FEATURE_REASONING) field = n->field;
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     arena_printf(call->arena,
                                                  "`%" STR_FMT "` must be none, minimal, low, medium, high, xhigh or "
                                                  "max; it is \"%" STR_FMT "\".",
                                                  STR_ARG(field), STR_ARG(str_head(call->reasoning.effort, 64))),
                                     field};
    return false;
}

static str effort_for(const struct messages_model *model, str effort)
{
    if (str_eq(effort, S("minimal"))) return S("low");
    bool xhigh = model->major > 4 || (model->major == 4 && model->minor >= 7);
    return str_eq(effort, S("xhigh")) && !xhigh ? S("high") : effort;
}

static void plan_thinking(struct messages_encoder *e)
{
    struct canon_reasoning r = e->call->reasoning;
    const struct canon_tool_choice *choice = &e->call->choice;
    if (!r.effort.n && r.budget_tokens < 0 && !r.adaptive) return;
    bool off = r.budget_tokens == 0 || str_eq(r.effort, S("none"));
    bool forced = choice->mode == CHOICE_REQUIRED && e->call->tools;
    if (e->adaptive) {
        e->disabled = off;
        if (off) return;
        e->effort = effort_for(&e->model, canon_effort(&r));
        e->thinks = !forced;
        return;
    }
    if (off) return;
    if (r.adaptive && !r.effort.n) r.effort = S("medium");
    e->budget = canon_thinking_budget(&r, e->limit);
    e->thinks = e->budget >= MESSAGES_BUDGET_MIN && !forced && !canon_thoughts_lost(e->call, DIALECT_MESSAGES);
    if (!e->thinks) canon_leave_out(e->call, e->target, FEATURE_REASONING);
}

static void put_thinking(struct messages_encoder *e)
{
    const struct canon_reasoning *r = &e->call->reasoning;
    if (e->disabled) {
        canon_put_raw(e->out, S("thinking"), (jraw){S("{\"type\":\"disabled\"}")});
        return;
    }
    if (!e->thinks) return;
    canon_key(e->out, S("thinking"));
    if (e->adaptive) {
        bool show = r->show || (r->summary.n && !str_eq(r->summary, S("none")));
        buf_add(e->out, show ? S("{\"type\":\"adaptive\",\"display\":\"summarized\"}") : S("{\"type\":\"adaptive\"}"));
        return;
    }
    buf_add(e->out, S("{\"type\":\"enabled\""));
    canon_put_i64(e->out, S("budget_tokens"), e->budget);
    buf_add_byte(e->out, '}');
}

/* ---- output */

static void plan_output(struct messages_encoder *e)
{
    const struct canon_output *output = &e->call->output;
    bool knows = !e->model.claude || e->model.major > 4 || (e->model.major == 4 && e->model.minor >= 5);
    if (output->format == FORMAT_TEXT) return;
    bool fits = output->format == FORMAT_SCHEMA && output->schema.json.p && knows;
    if (fits && schema_subset(output->schema, SCHEMA_ANTHROPIC, e->call->arena, &e->schema)) return;
    e->schema = RAW_NONE;
    e->instruction = canon_format_instruction(e->call);
    if (output->format == FORMAT_SCHEMA)
        canon_leave_out(e->call, e->target, FEATURE_JSON_SCHEMA); /* nothing enforces it */
}

static void put_output(struct messages_encoder *e)
{
    if (!e->schema.json.p && !e->effort.n) return;
    canon_key(e->out, S("output_config"));
    buf_add_byte(e->out, '{');
    canon_put_text(e->out, S("effort"), e->effort);
    if (e->schema.json.p) {
        canon_key(e->out, S("format"));
        buf_add(e->out, S("{\"type\":\"json_schema\""));
        canon_put_raw(e->out, S("schema"), e->schema);
        buf_add_byte(e->out, '}');
    }
    buf_add_byte(e->out, '}');
}

/* ---- sampling and labels */

static bool is_one(str number)
{
    return str_eq(number, S("1")) || str_eq(number, S("1.0"));
}

static void put_number(struct messages_encoder *e, str key, str number, enum canon_feature f, bool fits)
{
    if (fits)
        canon_put_number(e->out, key, canon_ranged(e->call, e->target, DIALECT_MESSAGES, f, number));
    else if (number.n)
        canon_leave_out(e->call, e->target, f);
}

static void put_sampling(struct messages_encoder *e)
{
    const struct canon_sampling *s = &e->call->sampling;
    bool own = e->call->from == DIALECT_MESSAGES, free = own || !e->thinks;
    bool both = s->temperature.n && s->top_p.n && !own, neutral = is_one(s->temperature);
    put_number(e, S("temperature"), s->temperature, FEATURE_TEMPERATURE, free && !(both && neutral));
    put_number(e, S("top_p"), s->top_p, FEATURE_TOP_P, free && (!both || neutral));
    put_number(e, S("top_k"), s->top_k, FEATURE_TOP_K, free);
}

static void put_stop(struct messages_encoder *e)
{
    bool own = e->call->from == DIALECT_MESSAGES, any = false, blank = false;
    for (size_t i = 0; i < e->call->stop_count; i++) {
        if (!own && canon_is_blank(e->call->stop[i])) { /* rejected */
            blank = true;
            continue;
        }
        if (!any) {
            canon_key(e->out, S("stop_sequences"));
            buf_add_byte(e->out, '[');
        }
        any = true;
        canon_comma(e->out);
        buf_add(e->out, e->call->stop[i].json);
    }
    if (any) buf_add_byte(e->out, ']');
    if (blank) canon_leave_out(e->call, e->target, FEATURE_STOP);
}

static void put_labels(struct messages_encoder *e)
{
    str tier = e->call->service_tier;
    if (e->call->user.n) {
        canon_key(e->out, S("metadata"));
        buf_add_byte(e->out, '{');
        canon_put_text(e->out, S("user_id"), e->call->user);
        buf_add_byte(e->out, '}');
    }
    if (str_eq(tier, S("default")) || str_eq(tier, S("standard")))
        canon_put_text(e->out, S("service_tier"), S("standard_only"));
    else if (str_eq(tier, S("auto")) || str_eq(tier, S("priority")))
        canon_put_text(e->out, S("service_tier"), S("auto"));
    else if (tier.n)
        canon_leave_out(e->call, e->target, FEATURE_SERVICE_TIER);
}

struct messages_model messages_model_of(str name)
{
    struct messages_model m = {0};
    size_t at = str_find(name, S("claude"), 0);
    if (at == SIZE_MAX) return m;
    m.claude = true;
    bool first = true;
    for (str rest = str_from_at(name, at + 6); rest.p;) {
        size_t end = 0;
        while (end < rest.n && str_find_byte(S("-.@:/_"), rest.p[end], 0) == SIZE_MAX) end++;
        str step = str_head(rest, end);
        rest = end < rest.n ? str_from_at(rest, end + 1) : STR_NONE;
        int64_t v;
        if (!step.n || step.n > 2 || !str_to_i64(step, &v)) {
            if (!first) break;
            continue;
        }
        if (!first) {
            m.minor = v;
            break;
        }
        m.major = v;
        first = false;
    }
    return m;
}

bool messages_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                          struct call_problem *problem)
{
    bool own = call->from == DIALECT_MESSAGES;
    struct messages_encoder e = {.call = call,
                                 .target = target,
                                 .out = out,
                                 .writer = {out, call->arena, call->from, false}};
    e.model = messages_model_of(target->model.n ? target->model : call->model);
    e.adaptive = e.model.major > 4 || (e.model.major == 4 && e.model.minor >= 6);
    e.limit = target->max_output >= 0 ? target->max_output : call->max_output;
    if (e.limit < 0) {
        *problem =
            (struct call_problem){ERR_BAD_FIELD, S("The provider's protocol asks for a limit of the output: send one."),
                                  S("max_tokens")};
        return false;
    }
    if (!own && call->reasoning.effort.n && !check_effort(call, problem)) return false;
    if (!own) plan_thinking(&e);
    if (!own) plan_output(&e);
    buf_add_byte(out, '{');
    if (target->body_version.n)
        canon_put_text(out, S("anthropic_version"), target->body_version);
    else
        canon_put_text(out, S("model"), target->model.n ? target->model : call->model);
    canon_put_i64(out, S("max_tokens"), e.limit);
    messages_put_system(&e);
    messages_put_messages(&e);
    messages_put_tools(&e);
    if (!own) put_thinking(&e);
    if (!own) put_output(&e);
    put_sampling(&e);
    put_stop(&e);
    if (!own) put_labels(&e);
    canon_put_extras(out, &call->own, DIALECT_MESSAGES);
    canon_put_extras(out, &call->extras, DIALECT_MESSAGES);
    if (target->stream) canon_put_bool(out, S("stream"), true);
    buf_add_byte(out, '}');
    return true;
}
