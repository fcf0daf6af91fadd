/* A whole message, both ways, and what streams share with it. */
#include "dialect/canon_cite.h"
#include "dialect/messages.h"

/* ---- stop reasons */

static const struct {
    str name;
    enum canon_stop stop;
} stops[] = {
    {STR_INIT("end_turn"), STOP_END},      {STR_INIT("stop_sequence"), STOP_SEQUENCE},
    {STR_INIT("max_tokens"), STOP_LENGTH}, {STR_INIT("model_context_window_exceeded"), STOP_CONTEXT},
    {STR_INIT("tool_use"), STOP_TOOL},     {STR_INIT("refusal"), STOP_REFUSAL},
    {STR_INIT("refusal"), STOP_FILTER},    {STR_INIT("pause_turn"), STOP_PAUSE},
};

enum canon_stop messages_stop(str name)
{
    for (size_t i = 0; i < COUNT_OF(stops); i++)
        if (str_eq(stops[i].name, name)) return stops[i].stop;
    return name.n ? STOP_END : STOP_NONE; /* a reason of a later day is an end */
}

str messages_stop_name(enum canon_stop stop)
{
    for (size_t i = 0; i < COUNT_OF(stops); i++)
        if (stops[i].stop == stop) return stops[i].name;
    return stop == STOP_NONE ? STR_NONE : S("end_turn");
}

/* ---- reading */

bool messages_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {
        STR_INIT("id"),      STR_INIT("type"),        STR_INIT("role"),          STR_INIT("model"),
        STR_INIT("content"), STR_INIT("stop_reason"), STR_INIT("stop_sequence"), STR_INIT("usage")};
    struct call_problem problem;
    struct messages_reader r = {.doc = doc, .arena = out->arena, .problem = &problem};
    json_ref content = openai_find(doc, JSON_ROOT, S("content"));
    if (!content || json_type(doc, content) != JSON_ARRAY) return false;
    struct canon_choice *choice = canon_add_choice(out, 0);
    if (!messages_read_blocks(&r, content, S("content"), &choice->parts)) return false;
    for (struct canon_part *p = choice->parts; p; p = p->next) choice->last_part = p;
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    choice->stop_raw = canon_text(doc, JSON_ROOT, S("stop_reason"), out->arena);
    choice->stop = messages_stop(choice->stop_raw);
    choice->stop_sequence = canon_raw_string(doc, JSON_ROOT, S("stop_sequence"));
    out->usage_value = canon_raw(doc, json_find(doc, JSON_ROOT, S("usage"), NULL));
    json_ref usage = openai_find(doc, JSON_ROOT, S("usage"));
    if (usage) out->service_tier = canon_text(doc, usage, S("service_tier"), out->arena);
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_MESSAGES, out->arena);
    return true;
}

/* ---- writing */

void messages_put_usage(struct buf *out, const struct usage *u, str tier, str cost_usd)
{
    const int64_t *n = u->units;
    int64_t minutes = n[UNIT_CACHE_WRITE_5M], hour = n[UNIT_CACHE_WRITE_1H];
    canon_key(out, S("usage"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("input_tokens"), n[UNIT_INPUT] + n[UNIT_AUDIO_IN] + n[UNIT_IMAGE]);
    canon_put_i64(out, S("cache_creation_input_tokens"), minutes + hour);
    canon_put_i64(out, S("cache_read_input_tokens"), n[UNIT_CACHE_READ]);
    canon_key(out, S("cache_creation"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("ephemeral_5m_input_tokens"), minutes);
    canon_put_i64(out, S("ephemeral_1h_input_tokens"), hour);
    buf_add_byte(out, '}');
    canon_put_i64(out, S("output_tokens"), canon_completion_tokens(u));
    if (n[UNIT_REASONING]) {
        canon_key(out, S("output_tokens_details"));
        buf_add_byte(out, '{');
        canon_put_i64(out, S("thinking_tokens"), n[UNIT_REASONING]);
        buf_add_byte(out, '}');
    }
    if (n[UNIT_SEARCHES]) {
        canon_key(out, S("server_tool_use"));
        buf_add_byte(out, '{');
        canon_put_i64(out, S("web_search_requests"), n[UNIT_SEARCHES]);
        canon_put_i64(out, S("web_fetch_requests"), 0);
        buf_add_byte(out, '}');
    } else {
        canon_put_raw(out, S("server_tool_use"), (jraw){S("null")});
    }
    str served = canon_served_tier(tier, DIALECT_COUNT, DIALECT_MESSAGES);
    canon_put_text(out, S("service_tier"), served.n ? served : S("standard"));
    canon_put_text(out, S("cost_usd"), cost_usd);
    buf_add_byte(out, '}');
}

static void put_stop(struct buf *out, const struct canon_choice *choice, bool own)
{
    str name = choice ? messages_stop_name(choice->stop) : S("end_turn");
    if (own && choice && choice->stop_raw.n) name = choice->stop_raw;
    canon_key(out, S("stop_reason"));
    if (name.n)
        buf_add_json(out, name);
    else
        buf_add(out, S("null"));
    canon_key(out, S("stop_sequence"));
    buf_add(out, choice && choice->stop_sequence.json.p ? choice->stop_sequence.json : S("null"));
}

void messages_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    bool own = answer->from == DIALECT_MESSAGES;
    const struct canon_choice *choice = answer->choices;
    struct messages_writer w = {out, answer->arena, answer->from, true};
    buf_add_byte(out, '{');
    canon_put_text(out, S("id"),
                   answer->id.n ? answer->id : arena_printf(answer->arena, "msg_%" STR_FMT, STR_ARG(client->seed)));
    canon_put_text(out, S("type"), S("message"));
    canon_put_text(out, S("role"), S("assistant"));
    canon_put_text(out, S("model"), answer->model.n ? answer->model : client->model);
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    const struct canon_part *parts = choice ? choice->parts : NULL;
    if (choice && !own) parts = canon_cut_cited(answer->arena, choice->parts);
    for (const struct canon_part *p = parts; p; p = p->next) messages_put_part(&w, p);
    buf_add_byte(out, ']');
    put_stop(out, choice, own);
    if (own && answer->usage_value.json.p)
        canon_put_raw(out, S("usage"), answer->usage_value);
    else
        messages_put_usage(out, &answer->usage, answer->service_tier, STR_NONE);
    canon_put_extras(out, &answer->extras, DIALECT_MESSAGES);
    buf_add_byte(out, '}');
}
