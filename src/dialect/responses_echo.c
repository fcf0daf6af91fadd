/* What a response repeats of its call. */
#include "dialect/responses.h"

struct echo {
    struct buf *out;
    const struct canon_call *call;
    struct json doc; /* the members that the call is known by only here */
};

/* The client's own member, else the protocol's default. */
static void put(struct echo *e, str key, str otherwise)
{
    jraw own = e->doc.count ? canon_raw(&e->doc, json_find(&e->doc, JSON_ROOT, key, NULL)) : RAW_NONE;
    canon_key(e->out, key);
    buf_add(e->out, own.json.p ? own.json : otherwise);
}

static void put_instructions(struct echo *e)
{
    const struct canon_message *m = e->call->messages;
    bool told = m && m->role == ROLE_SYSTEM && !m->among && m->parts && m->parts->text.json.p;
    canon_key(e->out, S("instructions"));
    buf_add(e->out, told ? m->parts->text.json : S("null"));
}

static void put_text_or_null(struct buf *out, str key, str text)
{
    canon_key(out, key);
    if (text.n)
        buf_add_json(out, text);
    else
        buf_add(out, S("null"));
}

static void put_format(struct echo *e)
{
    const struct canon_output *o = &e->call->output;
    struct buf *out = e->out;
    canon_key(out, S("text"));
    buf_add(out, S("{\"format\":"));
    if (o->format == FORMAT_TEXT) {
        buf_add(out, S("{\"type\":\"text\"}"));
    } else if (o->format == FORMAT_JSON) {
        buf_add(out, S("{\"type\":\"json_object\"}"));
    } else {
        buf_add(out, S("{\"type\":\"json_schema\""));
        canon_key(out, S("name"));
        buf_add_json(out, o->name);
        canon_key(out, S("description"));
        buf_add(out, o->description.json.p ? o->description.json : S("null"));
        canon_key(out, S("schema"));
        buf_add(out, o->schema.json.p ? o->schema.json : S("null"));
        canon_put_bool(out, S("strict"), o->strict == 1);
        buf_add_byte(out, '}');
    }
    canon_put_text(out, S("verbosity"), o->verbosity.n ? o->verbosity : S("medium"));
    buf_add_byte(out, '}');
}

static void put_reasoning(struct echo *e)
{
    canon_key(e->out, S("reasoning"));
    buf_add_byte(e->out, '{');
    put_text_or_null(e->out, S("effort"), e->call->reasoning.effort);
    put_text_or_null(e->out, S("summary"), e->call->reasoning.summary);
    buf_add_byte(e->out, '}');
}

static void put_tools(struct echo *e)
{
    canon_key(e->out, S("tools"));
    buf_add_byte(e->out, '[');
    for (const struct canon_tool *t = e->call->tools; t; t = t->next) responses_put_tool_echo(e->out, t);
    buf_add_byte(e->out, ']');
}

static void put_members(struct echo *e)
{
    put_instructions(e);
    canon_key(e->out, S("max_output_tokens"));
    if (e->call->max_output >= 0)
        buf_printf(e->out, "%lld", (long long)e->call->max_output);
    else
        buf_add(e->out, S("null"));
    put(e, S("max_tool_calls"), S("null"));
    put(e, S("metadata"), S("{}"));
    put(e, S("parallel_tool_calls"), S("true"));
    put(e, S("previous_response_id"), S("null"));
    put(e, S("prompt_cache_key"), S("null"));
    put_reasoning(e);
    put(e, S("safety_identifier"), S("null"));
    put(e, S("temperature"), S("1"));
    put_format(e);
    put(e, S("tool_choice"), S("\"auto\""));
    put_tools(e);
    put(e, S("top_logprobs"), S("0"));
    put(e, S("top_p"), S("1"));
    put(e, S("presence_penalty"), S("0"));
    put(e, S("frequency_penalty"), S("0"));
    put(e, S("truncation"), S("\"disabled\""));
    put(e, S("user"), S("null"));
}

str responses_echo(const struct canon_call *call)
{
    struct json_fail why;
    struct buf out, members;
    struct echo e = {.out = &out, .call = call};
    buf_init(&out, 0);
    buf_init(&members, 0);
    json_init(&e.doc);
    if (call->extras.of == DIALECT_RESPONSES && call->extras.members.n) {
        buf_add_byte(&members, '{');
        buf_add(&members, call->extras.members);
        buf_add_byte(&members, '}');
        if (!json_parse(&e.doc, buf_str(&members), &why)) e.doc.count = 0;
    }
    buf_add_byte(&out, '{'); /* so that commas fall into place */
    put_members(&e);
    str echo = arena_str(call->arena, str_from_at(buf_str(&out), 1));
    json_free(&e.doc);
    buf_free(&members);
    buf_free(&out);
    return echo;
}

/* ---- namespaces: the names by which tools are grouped, "a,b,c" */

str responses_groups(str echo, struct arena *arena)
{
    struct json doc;
    struct json_fail why;
    struct buf all, groups;
    str out = S("");
    if (str_find(echo, S("\"namespace\""), 0) == SIZE_MAX) return out;
    buf_init(&all, 0);
    buf_init(&groups, 0);
    json_init(&doc);
    buf_add_byte(&all, '{');
    buf_add(&all, echo);
    buf_add_byte(&all, '}');
    json_ref tools = json_parse(&doc, buf_str(&all), &why) ? openai_find(&doc, JSON_ROOT, S("tools")) : JSON_ABSENT;
    for (json_ref t = tools ? json_first(&doc, tools) : JSON_ABSENT; t; t = json_next(&doc, tools, t)) {
        if (!json_string_is(&doc, openai_find(&doc, t, S("type")), S("namespace"))) continue;
        str name = canon_text(&doc, t, S("name"), arena);
        if (groups.n) buf_add_byte(&groups, ',');
        buf_add(&groups, name);
    }
    if (groups.n) out = arena_str(arena, buf_str(&groups));
    json_free(&doc);
    buf_free(&all);
    buf_free(&groups);
    return out;
}
