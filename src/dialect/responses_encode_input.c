/* Writing a call's prompt. Items follow the order of the parts: neighbours in one message
 * that are no text become items of their own. */
#include "dialect/responses.h"

enum { CUSTOM_MAX = 64 }; /* calls of custom tools whose results are known as such */

struct writer {
    struct buf *out;
    const struct canon_call *call;
    enum canon_role role;
    const struct canon_message *message;
    int64_t calls; /* tool calls, to name those without an id */
    str custom[CUSTOM_MAX];
    size_t custom_count;
};

static str role_name(enum canon_role role)
{
    static const str names[] = {[ROLE_SYSTEM] = STR_INIT("system"),
                                [ROLE_DEVELOPER] = STR_INIT("developer"),
                                [ROLE_USER] = STR_INIT("user"),
                                [ROLE_ASSISTANT] = STR_INIT("assistant")};
    return names[role];
}

/* ---- parts of messages */

/* "data:<type>;base64,<data>" under `key`: pieces of JSON strings are put together as they are. */
static void put_data_url(struct buf *out, str key, const struct canon_media *m, str fallback)
{
    canon_key(out, key);
    buf_add_byte(out, '"');
    str type = m->type.n ? m->type : fallback;
    if (type.n) {
        buf_add(out, S("data:"));
        buf_add(out, type);
        buf_add(out, S(";base64,"));
    }
    buf_add(out, m->data);
    buf_add_byte(out, '"');
}

static void put_image(struct buf *out, const struct canon_part *p)
{
    buf_add(out, S("{\"type\":\"input_image\""));
    if (p->media.file_id.n)
        canon_put_text(out, S("file_id"), p->media.file_id);
    else if (p->media.data.p)
        put_data_url(out, S("image_url"), &p->media, S("image/png"));
    else
        canon_put_raw(out, S("image_url"), p->media.url);
    canon_put_text(out, S("detail"), p->media.detail.n ? p->media.detail : S("auto"));
    canon_put_extras(out, &p->extras, DIALECT_RESPONSES);
    buf_add_byte(out, '}');
}

static void put_document(struct buf *out, struct arena *arena, const struct canon_part *p)
{
    bool own = p->extras.of == DIALECT_RESPONSES;
    if (p->text.json.p && !p->media.data.p) {
        buf_add(out, S("{\"type\":\"input_text\""));
        canon_put_raw(out, S("text"), p->text);
        buf_add_byte(out, '}');
        return;
    }
    buf_add(out, S("{\"type\":\"input_file\""));
    if (p->media.file_id.n) canon_put_text(out, S("file_id"), p->media.file_id);
    if (p->media.data.p) put_data_url(out, S("file_data"), &p->media, own ? S("") : S("application/pdf"));
    if (!p->media.data.p) canon_put_raw(out, S("file_url"), p->media.url);
    if (p->media.data.p && !own) /* demanded beside the bytes */
        canon_put_text(out, S("filename"), canon_file_name(arena, &p->media));
    else
        canon_put_text(out, S("filename"), p->media.name);
    canon_put_extras(out, &p->extras, DIALECT_RESPONSES);
    buf_add_byte(out, '}');
}

static void put_text(struct buf *out, struct arena *arena, const struct canon_part *p, str type)
{
    bool output = str_eq(type, S("output_text"));
    buf_add(out, S("{\"type\":\""));
    buf_add(out, type);
    buf_add_byte(out, '"');
    canon_put_raw(out, S("text"), p->text);
    if (output) {
        canon_key(out, S("annotations"));
        responses_put_citations(out, arena, p);
    }
    canon_put_extras(out, &p->extras, DIALECT_RESPONSES);
    buf_add_byte(out, '}');
}

/* A file that is stored at another provider is not. */
static bool is_here(const struct canon_part *p)
{
    return p->extras.of == DIALECT_RESPONSES || p->media.data.p || p->media.url.json.p || p->text.json.p;
}

/* False where the dialect has no word for it. */
static bool put_part(struct buf *out, struct arena *arena, const struct canon_part *p, str text_type)
{
    switch (p->kind) {
    case PART_TEXT:
        canon_comma(out);
        put_text(out, arena, p, text_type);
        return true;
    case PART_IMAGE:
        if (!is_here(p)) return false;
        canon_comma(out);
        put_image(out, p);
        return true;
    case PART_DOCUMENT:
        if (!is_here(p)) return false;
        canon_comma(out);
        put_document(out, arena, p);
        return true;
    case PART_REFUSAL:
        canon_comma(out);
        buf_add(out, S("{\"type\":\"refusal\""));
        canon_put_raw(out, S("refusal"), p->text);
        canon_put_extras(out, &p->extras, DIALECT_RESPONSES);
        buf_add_byte(out, '}');
        return true;
    case PART_OPAQUE:
        if (p->extras.of != DIALECT_RESPONSES || !p->inner) return false;
        canon_comma(out);
        buf_add(out, p->value.json);
        return true;
    default:
        return false;
    }
}

/* ---- messages */

static bool is_content(const struct canon_part *p)
{
    switch (p->kind) {
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT:
    case PART_REASONING:
    case PART_REDACTED:
        return false;
    case PART_OPAQUE:
        return p->inner;
    default:
        return true;
    }
}

static bool is_plain(const struct canon_part *p)
{
    return p->kind == PART_TEXT && !p->extras.members.n && !p->citations;
}

/* An assistant's words from elsewhere have no id, which a list of output parts must
 * have: they go as one string. */
static void put_joined(struct writer *w, const struct canon_part *from, const struct canon_part *end)
{
    canon_key(w->out, S("content"));
    buf_add_byte(w->out, '"');
    for (const struct canon_part *p = from; p != end; p = p->next)
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) buf_add(w->out, canon_inside(p->text));
    buf_add_byte(w->out, '"');
}

static void put_parts(struct writer *w, const struct canon_part *from, const struct canon_part *end)
{
    str type = w->role == ROLE_ASSISTANT ? S("output_text") : S("input_text");
    canon_key(w->out, S("content"));
    buf_add_byte(w->out, '[');
    for (const struct canon_part *p = from; p != end; p = p->next) put_part(w->out, w->call->arena, p, type);
    buf_add_byte(w->out, ']');
}

/* The content parts [from, end) of one message. */
static void put_message(struct writer *w, const struct canon_part *from, const struct canon_part *end)
{
    bool own = w->call->from == DIALECT_RESPONSES, assistant = w->role == ROLE_ASSISTANT;
    size_t start = w->out->n;
    canon_comma(w->out);
    buf_add(w->out, S("{\"type\":\"message\""));
    canon_put_text(w->out, S("id"), from->id);
    canon_put_text(w->out, S("role"), role_name(w->role));
    if (from->next == end && is_plain(from) && !(assistant && from->id.n)) {
        canon_put_raw(w->out, S("content"), from->text);
    } else if (assistant && !own) {
        put_joined(w, from, end);
    } else {
        put_parts(w, from, end);
    }
    if (!own && str_ends(buf_str(w->out), S("\"content\":[]"))) { /* nothing of it can be said */
        w->out->n = start;
        return;
    }
    canon_put_extras(w->out, &from->item, DIALECT_RESPONSES);
    buf_add_byte(w->out, '}');
}

/* ---- other items */

static void put_call(struct writer *w, const struct canon_part *p)
{
    struct canon_part named = *p;
    if (!named.tool.id.n) named.tool.id = arena_printf(w->call->arena, "call_%lld", (long long)w->calls);
    w->calls++;
    if (named.tool.custom && w->custom_count < CUSTOM_MAX) w->custom[w->custom_count++] = named.tool.id;
    canon_comma(w->out);
    responses_put_call(w->out, &named, p->id, S(""), S(""));
}

/* Chat does not tell whether a result is of a custom tool: the call does. */
static bool is_custom(const struct writer *w, const struct canon_part *result)
{
    for (size_t i = 0; i < w->custom_count; i++)
        if (str_eq(w->custom[i], result->tool.id)) return true;
    return result->tool.custom;
}

/* Text alone is a string; that it tells of an error, only the status can say. */
static void put_result(struct writer *w, const struct canon_part *p)
{
    const struct canon_part *content = p->tool.content;
    canon_comma(w->out);
    buf_add(w->out,
            is_custom(w, p) ? S("{\"type\":\"custom_tool_call_output\"") : S("{\"type\":\"function_call_output\""));
    canon_put_text(w->out, S("id"), p->id);
    canon_key(w->out, S("call_id"));
    buf_add_json(w->out, p->tool.id);
    canon_key(w->out, S("output"));
    if (!content) {
        buf_add(w->out, S("\"\""));
    } else if (!content->next && is_plain(content)) {
        buf_add(w->out, content->text.json.p ? content->text.json : S("\"\""));
    } else {
        buf_add_byte(w->out, '[');
        for (const struct canon_part *c = content; c; c = c->next) put_part(w->out, w->call->arena, c, S("input_text"));
        buf_add_byte(w->out, ']');
    }
    if (p->tool.is_error && w->call->from != DIALECT_RESPONSES) canon_put_text(w->out, S("status"), S("incomplete"));
    canon_put_extras(w->out, &p->item, DIALECT_RESPONSES);
    buf_add_byte(w->out, '}');
}

/* Only what OpenAI's protocol has signed can be sent back to it. */
static void put_reasoning(struct writer *w, const struct canon_part *p)
{
    jraw own = canon_signature(p, w->call->from, DIALECT_RESPONSES);
    bool whole = p->value.json.p && p->extras.of == DIALECT_RESPONSES;
    if (!whole && !own.json.p) return;
    canon_comma(w->out);
    if (whole)
        buf_add(w->out, p->value.json);
    else
        responses_put_reasoning(w->out, p->id, p->text, own, S(""));
}

static void put_item(struct writer *w, const struct canon_part *p)
{
    switch (p->kind) {
    case PART_TOOL_CALL:
        put_call(w, p);
        break;
    case PART_TOOL_RESULT:
        put_result(w, p);
        break;
    case PART_REASONING:
    case PART_REDACTED:
        put_reasoning(w, p);
        break;
    default:
        if (p->extras.of != DIALECT_RESPONSES || !p->value.json.p) break;
        canon_comma(w->out);
        buf_add(w->out, p->value.json);
        break;
    }
}

static bool same_message(const struct canon_part *a, const struct canon_part *b)
{
    return is_content(b) && str_eq(a->id, b->id);
}

static void put_items(struct writer *w, const struct canon_message *m)
{
    w->role = m->role;
    w->message = m;
    if (!m->parts && m->role == ROLE_USER) { /* it says nothing, and is there all the same */
        canon_comma(w->out);
        buf_add(w->out, S("{\"type\":\"message\",\"role\":\"user\",\"content\":\"\"}"));
    }
    for (const struct canon_part *p = m->parts; p;) {
        if (!is_content(p)) {
            put_item(w, p);
            p = p->next;
            continue;
        }
        const struct canon_part *end = p->next;
        while (end && same_message(p, end)) end = end->next;
        put_message(w, p, end);
        p = end;
    }
}

/* ---- the prompt */

static bool is_instructions(const struct canon_message *m)
{
    if (m->role != ROLE_SYSTEM || m->among || !m->parts) return false;
    for (const struct canon_part *p = m->parts; p; p = p->next)
        if (p->kind != PART_TEXT) return false;
    return true;
}

/* The system messages in front. */
static const struct canon_message *put_instructions(struct buf *out, const struct canon_call *call)
{
    const struct canon_message *m = call->messages, *rest = m;
    bool any = false;
    while (rest && is_instructions(rest)) rest = rest->next;
    bool alone = !rest && call->from != DIALECT_RESPONSES; /* they are the input, then: an empty one is refused */
    if (!m || !is_instructions(m) || alone) return m;
    canon_key(out, S("instructions"));
    buf_add_byte(out, '"');
    for (; m && is_instructions(m); m = m->next) {
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            if (any) buf_add(out, S("\\n\\n"));
            buf_add(out, canon_inside(p->text));
            any = true;
        }
    }
    buf_add_byte(out, '"');
    return m;
}

void responses_put_input(struct buf *out, const struct canon_call *call)
{
    struct writer w = {.out = out, .call = call};
    const struct canon_message *m = put_instructions(out, call);
    canon_key(out, S("input"));
    buf_add_byte(out, '[');
    for (; m; m = m->next) put_items(&w, m);
    buf_add_byte(out, ']');
}
