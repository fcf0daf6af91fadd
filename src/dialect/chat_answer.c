/* A chat answer that was not streamed, both ways. */
#include "dialect/canon_cite.h"
#include "dialect/chat.h"

#include "base/hash.h"

/* ---- reading */

/* Members that were read as a part, so that they need not be kept as they stand. */
struct taken {
    str names[8];
    size_t count;
};

static void take(struct taken *t, str name)
{
    t->names[t->count++] = name;
}

static void read_citations(struct chat_reader *r, json_ref message, struct canon_part *text, struct taken *taken)
{
    json_ref list = openai_find(r->doc, message, S("annotations"));
    struct canon_citation **tail = &text->citations;
    if (!list || json_type(r->doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        struct canon_citation *c = chat_read_citation(r, at);
        if (!c) return; /* a kind that is not known: all stay as they stand */
        *tail = c;
        tail = &c->next;
    }
    if (text->citations) take(taken, S("annotations"));
}

/* Text, or Mistral's list. */
static void read_content(struct chat_reader *r, json_ref message, struct canon_part ***tail, struct taken *taken)
{
    json_ref content = openai_find(r->doc, message, S("content"));
    struct canon_part **first = *tail;
    if (!content || json_string_is(r->doc, content, S(""))) return;
    (void)chat_read_content(r, content, tail, S(""));
    if (*first) take(taken, S("content"));
    for (struct canon_part *p = *first; p; p = p->next) {
        if (p->kind != PART_TEXT) continue;
        read_citations(r, message, p, taken);
        if (!p->citations && r->sources.count)
            p->citations = chat_cite_sources(&r->sources, canon_inside(p->text), r->arena);
        return;
    }
}

static void read_message(struct chat_reader *r, json_ref message, struct canon_choice *choice)
{
    struct canon_part **tail = &choice->parts, **before;
    struct taken taken = {{S("role")}, 1};
    chat_read_reasoning(r, message, &tail);
    read_content(r, message, &tail, &taken);
    jraw refusal = chat_full_string(r->doc, message, S("refusal"));
    if (refusal.json.p) {
        chat_append(r, &tail, PART_REFUSAL)->text = refusal;
        take(&taken, S("refusal"));
    }
    before = tail;
    (void)chat_read_tool_calls(r, message, &tail);
    if (*before) {
        take(&taken, S("function_call"));
        json_ref calls = openai_find(r->doc, message, S("tool_calls"));
        if (calls && json_first(r->doc, calls)) take(&taken, S("tool_calls"));
    }
    choice->message_extras = canon_extras_of(r->doc, message, taken.names, taken.count, DIALECT_CHAT, r->arena);
}

/* Some providers end with "stop" though tools are called, some with nothing though it is the end. */
static enum canon_stop stop_of(const struct canon_choice *choice)
{
    enum canon_stop stop = chat_stop(choice->stop_raw);
    if (stop == STOP_NONE) stop = STOP_END;
    if (stop != STOP_END) return stop;
    for (const struct canon_part *p = choice->parts; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL) return STOP_TOOL;
        if (p->kind == PART_REFUSAL) stop = STOP_REFUSAL;
    }
    return stop;
}

static void read_choice(struct chat_reader *r, json_ref at, struct canon_answer *out, int64_t place)
{
    struct taken taken = {{S("index")}, 1};
    json_ref index = openai_find(r->doc, at, S("index")), message = openai_find(r->doc, at, S("message"));
    struct canon_choice *choice = canon_add_choice(out, place);
    if (index && !json_i64(r->doc, index, &choice->index)) choice->index = place;
    if (message && json_type(r->doc, message) == JSON_OBJECT) {
        take(&taken, S("message"));
        read_message(r, message, choice);
    }
    choice->stop_raw = canon_text(r->doc, at, S("finish_reason"), r->arena);
    choice->stop = stop_of(choice);
    if (choice->stop_raw.p) take(&taken, S("finish_reason"));
    choice->logprobs = canon_raw(r->doc, json_find(r->doc, at, S("logprobs"), NULL));
    if (choice->logprobs.json.p) take(&taken, S("logprobs"));
    for (struct canon_part *p = choice->parts; p; p = p->next) choice->last_part = p;
    choice->extras = canon_extras_of(r->doc, at, taken.names, taken.count, DIALECT_CHAT, r->arena);
}

bool chat_decode_answer(const struct json *doc, struct canon_answer *out)
{
    struct taken taken = {{S("id"), S("object"), S("created"), S("model"), S("choices")}, 5};
    struct chat_reader r = {.doc = doc, .arena = out->arena};
    json_ref choices = openai_find(doc, JSON_ROOT, S("choices")), created = openai_find(doc, JSON_ROOT, S("created"));
    int64_t place = 0;
    if (!choices || json_type(doc, choices) != JSON_ARRAY) return false;
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    out->service_tier = canon_text(doc, JSON_ROOT, S("service_tier"), out->arena);
    if (!created || !json_i64(doc, created, &out->created_s)) out->created_s = 0;
    out->usage_value = canon_raw(doc, json_find(doc, JSON_ROOT, S("usage"), NULL));
    r.seed = hash_fnv(out->id);
    chat_read_sources(doc, out->arena, &r.sources);
    for (json_ref at = json_first(doc, choices); at; at = json_next(doc, choices, at), place++)
        if (json_type(doc, at) == JSON_OBJECT) read_choice(&r, at, out, place);
    if (out->service_tier.n) take(&taken, S("service_tier"));
    if (out->usage_value.json.p) take(&taken, S("usage"));
    out->extras = canon_extras_of(doc, JSON_ROOT, taken.names, taken.count, DIALECT_CHAT, out->arena);
    return true;
}

/* ---- writing */

static bool has_proof(const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if ((p->kind == PART_REASONING || p->kind == PART_REDACTED) && p->signature.json.p) return true;
    return false;
}

/* As most clients read it; the details where there is something to be sent back untouched. */
static void write_reasoning(struct buf *out, const struct canon_part *parts, enum dialect_id from)
{
    int64_t index = 0;
    (void)chat_write_joined(out, S("reasoning_content"), parts, PART_REASONING, S("\\n\\n"));
    if (!has_proof(parts)) return;
    canon_key(out, S("reasoning_details"));
    buf_add_byte(out, '[');
    for (const struct canon_part *p = parts; p; p = p->next)
        if (p->kind == PART_REASONING || p->kind == PART_REDACTED) chat_write_reasoning_detail(out, p, from, index++);
    buf_add_byte(out, ']');
}

static void write_calls(struct buf *out, const struct canon_part *parts, enum dialect_id from)
{
    bool same = from == DIALECT_CHAT;
    bool any = false;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL) continue;
        if (same && p->extras.members.n) { /* function_call: what it was before it had ids */
            canon_put_extras(out, &p->extras, DIALECT_CHAT);
            continue;
        }
        if (!any) {
            canon_key(out, S("tool_calls"));
            buf_add_byte(out, '[');
            any = true;
        }
        canon_comma(out);
        if (same && p->value.json.p) {
            buf_add(out, p->value.json);
            continue;
        }
        buf_add_byte(out, '{');
        chat_write_tool_call(out, p, p->tool.id);
        chat_write_thought_signature(out, p, from);
        buf_add_byte(out, '}');
    }
    if (any) buf_add_byte(out, ']');
}

/* Mistral's list, whose parts stand as they came. */
static bool write_list(struct buf *out, const struct canon_part *parts)
{
    bool list = false;
    for (const struct canon_part *p = parts; p; p = p->next)
        list = list || (p->value.json.p && p->kind != PART_TOOL_CALL);
    if (!list) return false;
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL || p->kind == PART_REFUSAL) continue;
        if (p->value.json.p) {
            canon_comma(out);
            buf_add(out, p->value.json);
        } else if (p->kind == PART_TEXT) {
            canon_comma(out);
            buf_add(out, S("{\"type\":\"text\""));
            canon_put_raw(out, S("text"), p->text);
            buf_add_byte(out, '}');
        }
    }
    buf_add_byte(out, ']');
    return true;
}

/* Those of a search engine's list are written with the answer's extras. */
static bool has_own(const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if (p->citations && p->citations->value.json.p) return true;
    return false;
}

static void write_message(struct buf *out, const struct canon_choice *choice, enum dialect_id from)
{
    bool same = from == DIALECT_CHAT;
    canon_key(out, S("message"));
    buf_add(out, S("{\"role\":\"assistant\""));
    bool text = (same && write_list(out, choice->parts)) ||
                chat_write_joined(out, S("content"), choice->parts, PART_TEXT, S(""));
    bool refused = chat_write_joined(out, S("refusal"), choice->parts, PART_REFUSAL, S(""));
    if (!same) {
        if (!text) canon_put_raw(out, S("content"), (jraw){S("null")});
        if (!refused) canon_put_raw(out, S("refusal"), (jraw){S("null")});
        write_reasoning(out, choice->parts, from);
    }
    if (!same || has_own(choice->parts)) chat_write_annotations(out, choice->parts);
    write_calls(out, choice->parts, from);
    canon_put_extras(out, &choice->message_extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
}

static bool is_refused(const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        if (p->kind == PART_REFUSAL) return true;
    return false;
}

static void write_choice(struct buf *out, const struct canon_choice *choice, enum dialect_id from)
{
    bool same = from == DIALECT_CHAT;
    canon_comma(out);
    buf_add_byte(out, '{');
    canon_put_i64(out, S("index"), choice->index);
    write_message(out, choice, from);
    if (choice->logprobs.json.p || !same) {
        canon_key(out, S("logprobs"));
        chat_write_logprobs(out, choice->logprobs);
    }
    str finish = same ? choice->stop_raw : chat_finish(choice->stop, is_refused(choice->parts));
    if (finish.p) {
        canon_key(out, S("finish_reason"));
        buf_add_json(out, finish);
    }
    canon_put_extras(out, &choice->extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
}

void chat_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    bool same = answer->from == DIALECT_CHAT;
    buf_add_byte(out, '{');
    if (answer->id.n || !same) {
        canon_key(out, S("id"));
        if (answer->id.n)
            buf_add_json(out, answer->id);
        else
            buf_printf(out, "\"chatcmpl-%" STR_FMT "\"", STR_ARG(client->seed));
    }
    canon_put_text(out, S("object"), S("chat.completion"));
    canon_put_i64(out, S("created"), answer->created_s ? answer->created_s : client->created_s);
    canon_put_text(out, S("model"), answer->model.n ? answer->model : client->model);
    canon_key(out, S("choices"));
    buf_add_byte(out, '[');
    for (const struct canon_choice *c = answer->choices; c; c = c->next) write_choice(out, c, answer->from);
    buf_add_byte(out, ']');
    if (same) {
        canon_put_raw(out, S("usage"), answer->usage_value);
    } else if (answer->usage.known) {
        canon_key(out, S("usage"));
        chat_write_usage(out, &answer->usage);
    }
    canon_put_text(out, S("service_tier"), canon_served_tier(answer->service_tier, answer->from, DIALECT_CHAT));
    canon_put_extras(out, &answer->extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
}
