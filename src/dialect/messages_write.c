/* Parts as content blocks. */
#include "dialect/canon_cite.h"
#include "dialect/messages.h"

#include "base/hash.h"

enum { TOOL_ID_MAX = 64 };

/* ---- ids and arguments */

static bool id_fits(str id)
{
    if (!id.n) return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!fits) return false;
    }
    return true;
}

/* Other protocols' ids may hold anything: the same one becomes the same one, always. */
void messages_put_tool_id(struct buf *out, str key, str id)
{
    if (id_fits(id)) {
        canon_put_text(out, key, id);
        return;
    }
    canon_key(out, key);
    buf_add(out, S("\"toolu_"));
    for (size_t i = 0; i < id.n && i < TOOL_ID_MAX; i++)
        buf_add(out, id_fits(str_of(id.p + i, 1)) ? str_of(id.p + i, 1) : S("_"));
    buf_printf(out, "_%016llx\"", (unsigned long long)hash_fnv(id));
}

void messages_put_input(struct buf *out, str arguments)
{
    struct json doc;
    struct json_fail why;
    arguments = str_trim(arguments);
    canon_key(out, S("input"));
    if (!arguments.n || str_eq(arguments, S("{}"))) {
        buf_add(out, S("{}"));
        return;
    }
    json_init(&doc);
    if (json_parse(&doc, arguments, &why) && json_type(&doc, JSON_ROOT) == JSON_OBJECT) {
        buf_add(out, arguments);
    } else { /* free text, or what a model wrote that was no object */
        buf_add(out, S("{\"input\":"));
        buf_add_json(out, arguments);
        buf_add_byte(out, '}');
    }
    json_free(&doc);
}

/* ---- reasoning */

jraw messages_signature(const struct messages_writer *w, const struct canon_part *part, enum canon_carry use)
{
    jraw own = canon_signature(part, w->from, DIALECT_MESSAGES);
    if (own.json.p || !w->answer) return own;
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : w->from;
    return canon_carry(w->arena, of, use, part->signature);
}

void messages_put_carrier(struct messages_writer *w, const struct canon_part *part)
{
    jraw signature = messages_signature(w, part, CARRY_LAST);
    if (!w->answer || !signature.json.p) return;
    canon_comma(w->out);
    buf_add(w->out, S("{\"type\":\"thinking\",\"thinking\":\"\""));
    canon_put_raw(w->out, S("signature"), signature);
    buf_add_byte(w->out, '}');
}

static bool reasoning_has_form(const struct messages_writer *w, const struct canon_part *part)
{
    if (w->answer || w->from == DIALECT_MESSAGES) return true;
    jraw own = canon_signature(part, w->from, DIALECT_MESSAGES); /* unsigned thoughts are rejected */
    return own.json.n > 2;
}

static void put_reasoning(struct messages_writer *w, const struct canon_part *part)
{
    jraw signature = messages_signature(w, part, CARRY_REASONING);
    buf_add(w->out, S("{\"type\":\"thinking\""));
    canon_put_raw(w->out, S("thinking"), part->text.json.p ? part->text : (jraw){S("\"\"")});
    canon_put_raw(w->out, S("signature"), signature.json.p ? signature : (jraw){S("\"\"")});
}

/* ---- text and media */

static void put_text(struct messages_writer *w, const struct canon_part *part)
{
    buf_add(w->out, S("{\"type\":\"text\""));
    canon_put_raw(w->out, S("text"), part->text.json.p ? part->text : (jraw){S("\"\"")});
    bool own = w->answer || w->from == DIALECT_MESSAGES; /* a call's foreign citations have no proof */
    if (!part->citations || !own) return;
    canon_key(w->out, S("citations"));
    buf_add_byte(w->out, '[');
    for (const struct canon_citation *c = part->citations; c; c = c->next) messages_put_citation(w->out, w->arena, c);
    buf_add_byte(w->out, ']');
}

/* By the first bytes, where nobody told. */
static str image_type(const struct canon_media *m)
{
    static const struct {
        str begins, type;
    } types[] = {{STR_INIT("/9j/"), STR_INIT("image/jpeg")},
                 {STR_INIT("R0lG"), STR_INIT("image/gif")},
                 {STR_INIT("UklG"), STR_INIT("image/webp")}};
    if (m->type.n) return str_eq(m->type, S("image/jpg")) ? S("image/jpeg") : m->type;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_starts(m->data, types[i].begins)) return types[i].type;
    return S("image/png");
}

static void put_source(struct messages_writer *w, const struct canon_part *part)
{
    const struct canon_media *m = &part->media;
    struct buf *out = w->out;
    jraw text = part->kind == PART_DOCUMENT ? canon_document_text(w->arena, part) : RAW_NONE;
    canon_key(out, S("source"));
    if (text.json.p) { /* bytes are taken of PDF alone */
        buf_add(out, S("{\"type\":\"text\",\"media_type\":\"text/plain\""));
        canon_put_raw(out, S("data"), text);
        buf_add_byte(out, '}');
    } else if (m->data.p) {
        buf_add(out, S("{\"type\":\"base64\""));
        canon_put_text(out, S("media_type"),
                       part->kind == PART_IMAGE ? image_type(m)
                       : m->type.n              ? m->type
                                                : S("application/pdf"));
        canon_key(out, S("data"));
        buf_add_byte(out, '"');
        buf_add(out, m->data);
        buf_add(out, S("\"}"));
    } else if (m->url.json.p) {
        buf_add(out, S("{\"type\":\"url\""));
        canon_put_raw(out, S("url"), m->url);
        buf_add_byte(out, '}');
    } else if (m->file_id.n) {
        buf_add(out, S("{\"type\":\"file\""));
        canon_put_text(out, S("file_id"), m->file_id);
        buf_add_byte(out, '}');
    } else {
        buf_add(out, S("{\"type\":\"text\",\"media_type\":\"text/plain\""));
        canon_put_raw(out, S("data"), part->text.json.p ? part->text : (jraw){S("\"\"")});
        buf_add_byte(out, '}');
    }
}

static void put_document(struct messages_writer *w, const struct canon_part *part)
{
    buf_add(w->out, S("{\"type\":\"document\""));
    bool kept = w->from == DIALECT_MESSAGES && str_find(part->extras.members, S("\"source\":"), 0) != SIZE_MAX;
    if (!kept) put_source(w, part);
    canon_put_text(w->out, S("title"), part->media.name);
}

/* ---- tools */

static void put_result(struct messages_writer *w, const struct canon_part *part)
{
    const struct canon_part *first = part->tool.content;
    buf_add(w->out, S("{\"type\":\"tool_result\""));
    messages_put_tool_id(w->out, S("tool_use_id"), part->tool.id);
    bool plain = first && !first->next && first->kind == PART_TEXT && !first->extras.members.n && !first->citations &&
                 !first->cache_ttl;
    if (plain) {
        canon_put_raw(w->out, S("content"), first->text.json.p ? first->text : (jraw){S("\"\"")});
    } else if (first) {
        canon_key(w->out, S("content"));
        buf_add_byte(w->out, '[');
        for (const struct canon_part *p = first; p; p = p->next) messages_put_part(w, p);
        buf_add_byte(w->out, ']');
    }
    if (part->tool.is_error) canon_put_bool(w->out, S("is_error"), true);
}

static void put_tool_use(struct messages_writer *w, const struct canon_part *part)
{
    buf_add(w->out, S("{\"type\":\"tool_use\""));
    messages_put_tool_id(w->out, S("id"), part->tool.id);
    canon_put_text(w->out, S("name"), part->tool.name);
    messages_put_input(w->out, part->tool.arguments);
}

/* ---- any part */

static bool document_has_form(const struct canon_part *part)
{
    if (part->media.data.p) return canon_document_fits(part->media.type, DIALECT_MESSAGES);
    return part->media.url.json.p || part->text.json.p;
}

bool messages_has_form(const struct messages_writer *w, const struct canon_part *part)
{
    bool own = w->from == DIALECT_MESSAGES;
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL: /* the API rejects blank text, and gives none */
        return own || !canon_is_blank(part->text);
    case PART_IMAGE:
        return !w->answer && (part->media.data.p || part->media.url.json.p || (own && part->media.file_id.n));
    case PART_DOCUMENT:
        return own || (!w->answer && document_has_form(part));
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT:
        return true;
    case PART_REASONING:
    case PART_REDACTED:
        return reasoning_has_form(w, part);
    case PART_OPAQUE:
        return part->extras.of == DIALECT_MESSAGES && part->value.json.p;
    default:
        return false;
    }
}

void messages_put_part(struct messages_writer *w, const struct canon_part *part)
{
    struct buf *out = w->out;
    if (!messages_has_form(w, part)) return;
    canon_comma(out);
    switch (part->kind) {
    case PART_OPAQUE:
        buf_add(out, part->value.json);
        return;
    case PART_IMAGE:
        buf_add(out, S("{\"type\":\"image\""));
        put_source(w, part);
        break;
    case PART_DOCUMENT:
        put_document(w, part);
        break;
    case PART_TOOL_CALL:
        put_tool_use(w, part);
        break;
    case PART_TOOL_RESULT:
        put_result(w, part);
        break;
    case PART_REASONING:
        put_reasoning(w, part);
        break;
    case PART_REDACTED:
        buf_add(out, S("{\"type\":\"redacted_thinking\""));
        canon_put_raw(out, S("data"), messages_signature(w, part, CARRY_REDACTED));
        break;
    default:
        put_text(w, part);
        break;
    }
    if (w->from == DIALECT_MESSAGES)
        canon_put_extras(out, &part->extras, DIALECT_MESSAGES);
    else if (part->cache_ttl && !w->answer)
        canon_put_raw(out, S("cache_control"),
                      (jraw){part->cache_ttl > 300 ? S("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
                                                   : S("{\"type\":\"ephemeral\"}")});
    buf_add_byte(out, '}');
    bool signs = part->kind == PART_TOOL_CALL || part->kind == PART_TEXT;
    bool ends = part->kind == PART_TEXT && !part->next && w->answer; /* the answer: see messages_stream_out.c */
    if (signs && part->signature.json.p && !ends) messages_put_carrier(w, part);
}
