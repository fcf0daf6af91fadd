/* A whole response: read into one choice whose parts are its items, and written as
 * official clients and the Open Responses suite expect it: every member there. */
#include "dialect/responses.h"

/* ---- reading */

struct outcome {
    bool tool, refused;
};

static void read_item(struct item_reader *r, json_ref item, struct outcome *seen)
{
    switch (responses_item_kind(r->doc, item)) {
    case ITEM_MESSAGE:
        responses_read_message(r, item);
        break;
    case ITEM_CALL:
        responses_read_call(r, item);
        seen->tool = true;
        break;
    case ITEM_REASONING:
        responses_read_reasoning(r, item);
        break;
    default:
        responses_read_other(r, item);
        break;
    }
}

static void read_output(const struct json *doc, struct canon_answer *out, struct canon_choice *choice,
                        struct outcome *seen)
{
    struct item_reader r = {.doc = doc, .arena = out->arena, .end = &choice->parts};
    json_ref output = openai_find(doc, JSON_ROOT, S("output"));
    if (!output || json_type(doc, output) != JSON_ARRAY) return;
    for (json_ref item = json_first(doc, output); item; item = json_next(doc, output, item))
        if (json_type(doc, item) == JSON_OBJECT) read_item(&r, item, seen);
    choice->last_part = r.last;
    for (const struct canon_part *p = choice->parts; p; p = p->next) seen->refused |= p->kind == PART_REFUSAL;
}

/* The log probabilities of the first text that has some: there is one place for them elsewhere. */
static jraw find_logprobs(const struct json *doc)
{
    json_ref output = openai_find(doc, JSON_ROOT, S("output"));
    if (!output || json_type(doc, output) != JSON_ARRAY) return RAW_NONE;
    for (json_ref item = json_first(doc, output); item; item = json_next(doc, output, item)) {
        json_ref content = openai_find(doc, item, S("content"));
        if (!content || json_type(doc, content) != JSON_ARRAY) continue;
        for (json_ref part = json_first(doc, content); part; part = json_next(doc, content, part)) {
            json_ref list = openai_find(doc, part, S("logprobs"));
            if (list && json_type(doc, list) == JSON_ARRAY && json_first(doc, list)) return canon_raw(doc, list);
        }
    }
    return RAW_NONE;
}

/* Some write a fraction. */
int64_t responses_created(const struct json *doc, json_ref response)
{
    uint32_t flags = 0;
    int64_t created = usage_count(doc, openai_find(doc, response, S("created_at")), &flags);
    return created < 0 ? 0 : created;
}

bool responses_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {STR_INIT("id"),     STR_INIT("object"), STR_INIT("model"),
                                STR_INIT("output"), STR_INIT("status"), STR_INIT("usage")};
    struct outcome seen = {0};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return false;
    json_ref output = openai_find(doc, JSON_ROOT, S("output")), status = openai_find(doc, JSON_ROOT, S("status"));
    if (!output && !status) return false;
    out->from = DIALECT_RESPONSES;
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    out->service_tier = canon_text(doc, JSON_ROOT, S("service_tier"), out->arena);
    out->created_s = responses_created(doc, JSON_ROOT);
    out->usage_value = canon_raw(doc, json_find(doc, JSON_ROOT, S("usage"), NULL));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_RESPONSES, out->arena);

    struct canon_choice *choice = canon_add_choice(out, 0);
    read_output(doc, out, choice, &seen);
    json_ref details = openai_find(doc, JSON_ROOT, S("incomplete_details"));
    str reason = details ? canon_text(doc, details, S("reason"), out->arena) : STR_NONE;
    choice->stop_raw = canon_text(doc, JSON_ROOT, S("status"), out->arena);
    choice->stop = responses_stop(choice->stop_raw, reason, seen.tool, seen.refused);
    choice->logprobs = find_logprobs(doc);
    return true;
}

/* ---- writing items */

struct writer {
    struct buf *out;
    const struct canon_answer *answer;
    const struct canon_client *client;
    str groups;
    int64_t index; /* of the next item */
    jraw logprobs; /* for the first text */
};

static str id_of(struct writer *w, const struct canon_part *p, const char *prefix)
{
    return p->id.n ? p->id : responses_id(w->answer->arena, prefix, w->client->seed, w->index);
}

static bool is_content(const struct canon_part *p)
{
    return p->kind == PART_TEXT || p->kind == PART_REFUSAL || (p->kind == PART_OPAQUE && p->inner);
}

static bool says(const struct canon_extras *item, str key)
{
    return item->of == DIALECT_RESPONSES && str_find(item->members, key, 0) != SIZE_MAX;
}

/* Neighbouring texts make one message; returns what follows it. */
static const struct canon_part *put_message(struct writer *w, const struct canon_part *p, str status)
{
    const struct canon_part *first = p;
    buf_add(w->out, S("{\"type\":\"message\""));
    canon_put_text(w->out, S("id"), id_of(w, p, "msg_"));
    if (!says(&first->item, S("\"status\":"))) canon_put_text(w->out, S("status"), status);
    canon_put_text(w->out, S("role"), S("assistant"));
    canon_key(w->out, S("content"));
    buf_add_byte(w->out, '[');
    for (; p && is_content(p) && str_eq(p->id, first->id); p = p->next) {
        canon_comma(w->out);
        responses_put_output_part(w->out, w->answer->arena, p, w->logprobs);
        if (p->kind == PART_TEXT) w->logprobs = RAW_NONE;
    }
    buf_add_byte(w->out, ']');
    canon_put_extras(w->out, &first->item, DIALECT_RESPONSES);
    buf_add_byte(w->out, '}');
    return p;
}

static void put_reasoning(struct writer *w, const struct canon_part *p)
{
    bool whole = p->extras.of == DIALECT_RESPONSES && p->value.json.p;
    if (whole)
        buf_add(w->out, p->value.json);
    else
        responses_put_reasoning(w->out, id_of(w, p, "rs_"), p->text,
                                responses_encrypted(w->answer->arena, p, w->answer->from), S(""));
}

/* What signs a text or a call of another dialect comes before it, as reasoning of its own. */
static void put_carried(struct writer *w, const struct canon_part *p)
{
    jraw encrypted = canon_carry(w->answer->arena, p->signer ? (enum dialect_id)(p->signer - 1) : w->answer->from,
                                 CARRY_NEXT, p->signature);
    canon_comma(w->out);
    responses_put_reasoning(w->out, responses_id(w->answer->arena, "rs_", w->client->seed, w->index), RAW_NONE,
                            encrypted, S(""));
    w->index++;
}

static bool is_shown(const struct canon_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
    case PART_TOOL_CALL:
    case PART_REASONING:
    case PART_REDACTED:
        return true;
    case PART_OPAQUE:
        return p->extras.of == DIALECT_RESPONSES;
    default:
        return false;
    }
}

static void put_call(struct writer *w, const struct canon_part *p)
{
    struct canon_part named = *p;
    if (!named.tool.id.n) named.tool.id = responses_id(w->answer->arena, "call_", w->client->seed, w->index);
    responses_put_call(w->out, &named, id_of(w, p, p->tool.custom ? "ctc_" : "fc_"), S("completed"), w->groups);
}

static void put_items(struct writer *w, const struct canon_choice *choice, str status)
{
    for (const struct canon_part *p = choice->parts; p;) {
        if (!is_shown(p)) {
            p = p->next;
            continue;
        }
        bool reasoning = p->kind == PART_REASONING || p->kind == PART_REDACTED;
        if (!reasoning && p->signature.json.p) put_carried(w, p);
        canon_comma(w->out);
        if (is_content(p)) {
            p = put_message(w, p, status);
        } else {
            if (reasoning)
                put_reasoning(w, p);
            else if (p->kind == PART_TOOL_CALL)
                put_call(w, p);
            else
                buf_add(w->out, p->value.json);
            p = p->next;
        }
        w->index++;
    }
}

/* ---- writing the response */

/* As it came: what the provider said is not said again. */
static void put_own(struct writer *w, const struct canon_choice *choice)
{
    const struct canon_answer *a = w->answer;
    buf_add_byte(w->out, '{');
    canon_put_text(w->out, S("id"), a->id);
    canon_put_text(w->out, S("object"), S("response"));
    if (!says(&a->extras, S("\"created_at\":"))) canon_put_i64(w->out, S("created_at"), w->client->created_s);
    canon_put_text(w->out, S("status"), choice->stop_raw.n ? choice->stop_raw : responses_status(choice->stop, true));
    canon_put_text(w->out, S("model"), a->model.n ? a->model : w->client->model);
    canon_key(w->out, S("output"));
    buf_add_byte(w->out, '[');
    put_items(w, choice, S("completed"));
    buf_add_byte(w->out, ']');
    canon_key(w->out, S("usage"));
    if (a->usage_value.json.p)
        buf_add(w->out, a->usage_value.json);
    else if (a->usage.known)
        responses_put_usage(w->out, &a->usage);
    else
        buf_add(w->out, S("null"));
    canon_put_extras(w->out, &a->extras, DIALECT_RESPONSES);
    buf_add_byte(w->out, '}');
}

void responses_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    static const struct canon_choice none = {0};
    const struct canon_choice *choice = answer->choices ? answer->choices : &none;
    struct writer w = {out, answer, client, responses_groups(client->echo, answer->arena), 0, choice->logprobs};
    if (answer->from == DIALECT_RESPONSES) {
        put_own(&w, choice);
        return;
    }
    struct buf items;
    bool refused = false;
    for (const struct canon_part *p = choice->parts; p; p = p->next) refused |= p->kind == PART_REFUSAL;
    str reason = responses_incomplete_reason(choice->stop, refused);
    buf_init(&items, 0);
    w.out = &items;
    put_items(&w, choice, reason.n ? S("incomplete") : S("completed"));
    struct response_frame f = {
        .id = responses_id(answer->arena, "resp_", client->seed, 0),
        .model = answer->model.n ? answer->model : client->model,
        .service_tier = canon_served_tier(answer->service_tier, answer->from, DIALECT_RESPONSES),
        .echo = client->echo,
        .created_s = answer->created_s ? answer->created_s : client->created_s,
        .status = responses_status(choice->stop, refused),
        .reason = reason,
        .failed = choice->stop == STOP_ERROR,
        .output = buf_str(&items),
        .usage = &answer->usage,
    };
    if (str_eq(f.status, S("completed")))
        f.completed_s = client->created_s > f.created_s ? client->created_s : f.created_s;
    responses_put_frame(out, &f);
    buf_free(&items);
}
