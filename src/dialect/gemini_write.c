/* Parts, as Gemini's targets and clients read them. */
#include "dialect/gemini.h"

bool gemini_is_object(str text)
{
    struct json doc;
    struct json_fail why;
    text = str_trim(text);
    if (!text.n || text.p[0] != '{') return false;
    json_init(&doc);
    bool ok = json_parse(&doc, text, &why);
    json_free(&doc);
    return ok;
}

/* Members of `{...}`, behind those that stand. */
static void put_inner(struct buf *out, jraw object)
{
    if (!object.json.p || object.json.n <= 2) return;
    canon_comma(out);
    buf_add(out, canon_inside(object));
}

/* ---- media */

static void put_media(struct gemini_writer *w, const struct canon_part *part)
{
    const struct canon_media *m = &part->media;
    struct buf *out = w->out;
    bool data = m->data.p;
    if (!data && part->text.json.p) { /* a document that is plain text */
        canon_put_raw(out, S("text"), part->text);
        return;
    }
    canon_key(out, data ? S("inlineData") : S("fileData"));
    buf_add_byte(out, '{');
    if (m->type.n || data) canon_put_text(out, S("mimeType"), m->type.n ? m->type : S("application/octet-stream"));
    if (data) {
        canon_key(out, S("data"));
        buf_add_byte(out, '"');
        buf_add(out, m->data);
        buf_add_byte(out, '"');
    } else if (m->file_id.n) {
        canon_put_text(out, S("fileUri"), m->file_id);
    } else {
        canon_put_raw(out, S("fileUri"), m->url);
    }
    if (w->own) { /* the Gemini API knows no names of files */
        canon_put_text(out, S("displayName"), m->name);
        put_inner(out, part->value);
    }
    buf_add_byte(out, '}');
}

/* Files of other providers, and addresses that Google would not fetch, are left out. */
static bool has_media(const struct gemini_writer *w, const struct canon_part *part)
{
    bool document = part->kind == PART_DOCUMENT && part->media.data.p && !w->own;
    if (document && !canon_document_fits(part->media.type, DIALECT_GEMINI)) return false;
    return part->media.data.p || part->text.json.p || (w->own && (part->media.file_id.n || part->media.url.json.p));
}

/* ---- functions */

void gemini_put_args(struct buf *out, const struct canon_tool_use *tool)
{
    canon_key(out, S("args"));
    str text = str_trim(tool->arguments);
    if (!tool->custom && gemini_is_object(text)) {
        buf_add(out, text);
    } else if (!text.n) {
        buf_add(out, S("{}"));
    } else { /* free text, or what a model wrote instead of an object */
        buf_add(out, S("{\"input\":"));
        buf_add_json(out, tool->arguments);
        buf_add_byte(out, '}');
    }
}

/* An id of the wire's own, or another dialect's: those that were made up have no place there. */
static str id_for(const struct gemini_writer *w, const struct canon_part *part)
{
    return w->no_ids ? STR_NONE : w->own ? part->id : part->tool.id;
}

static void put_function_call(struct gemini_writer *w, const struct canon_part *part)
{
    canon_key(w->out, S("functionCall"));
    buf_add_byte(w->out, '{');
    canon_put_text(w->out, S("id"), id_for(w, part));
    canon_put_text(w->out, S("name"), part->tool.name);
    gemini_put_args(w->out, &part->tool);
    if (w->own) put_inner(w->out, part->value);
    buf_add_byte(w->out, '}');
}

/* The function's name, by the id of its call. */
static str name_for(const struct gemini_writer *w, const struct canon_part *part)
{
    for (const struct gemini_open_call *c = w->calls ? *gemini_calls_of(w, part->tool.id) : NULL; c; c = c->next)
        if (str_eq(c->id, part->tool.id)) return c->name;
    return part->tool.name.n ? part->tool.name : part->tool.id;
}

/* All text of a result, decoded. */
static str result_text(struct gemini_writer *w, const struct canon_part *content)
{
    struct buf all;
    bool any = false;
    buf_init(&all, 0);
    for (const struct canon_part *p = content; p; p = p->next) {
        if (!p->text.json.p) continue;
        if (any) buf_add_byte(&all, '\n');
        buf_add(&all, canon_decode(w->arena, p->text));
        any = true;
    }
    str text = any ? arena_str(w->arena, buf_str(&all)) : STR_NONE;
    buf_free(&all);
    return text;
}

static void put_response(struct gemini_writer *w, const struct canon_part *part)
{
    str text = result_text(w, part->tool.content);
    canon_key(w->out, S("response"));
    if (!part->tool.is_error && gemini_is_object(text)) {
        buf_add(w->out, str_trim(text));
        return;
    }
    buf_add(w->out, part->tool.is_error ? S("{\"error\":") : S("{\"output\":"));
    buf_add_json(w->out, text.p ? text : S(""));
    buf_add_byte(w->out, '}');
}

static bool is_media(const struct canon_part *p)
{
    return p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_VIDEO ||
           (p->kind == PART_DOCUMENT && (p->media.data.p || !p->text.json.p)); /* else its text is the result's */
}

static void put_function_response(struct gemini_writer *w, const struct canon_part *part)
{
    bool inside = w->generation >= 30 || w->own, first = true;
    canon_key(w->out, S("functionResponse"));
    buf_add_byte(w->out, '{');
    canon_put_text(w->out, S("id"), id_for(w, part));
    canon_put_text(w->out, S("name"), name_for(w, part));
    put_response(w, part);
    for (const struct canon_part *p = part->tool.content; p && inside; p = p->next) {
        if (!is_media(p) || !has_media(w, p)) continue;
        if (first) canon_key(w->out, S("parts"));
        buf_add(w->out, first ? S("[{") : S(",{"));
        put_media(w, p);
        buf_add_byte(w->out, '}');
        first = false;
    }
    if (!first) buf_add_byte(w->out, ']');
    if (w->own) put_inner(w->out, part->value);
    buf_add_byte(w->out, '}');
    /* older models see media beside the result */
    for (const struct canon_part *p = part->tool.content; p && !inside; p = p->next) {
        if (!is_media(p) || !has_media(w, p)) continue;
        buf_add(w->out, S("},{"));
        put_media(w, p);
    }
}

/* ---- a part */

/* Gemini 3 refuses a turn whose first function call has no signature. Google's own word for one
 * that another model made, "skip_thought_signature_validator", as its Python client writes it. */
#define UNSIGNED "\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\""

/* Signatures of another dialect travel through a Gemini client in a form that tells whose they are. */
static jraw signature_for(const struct gemini_writer *w, const struct canon_part *part)
{
    jraw own = canon_signature(part, w->from, DIALECT_GEMINI);
    bool carries = part->kind == PART_REASONING || part->kind == PART_REDACTED;
    if (own.json.p || !w->to_client || !carries || !part->signature.json.p) return own;
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : w->from;
    return canon_carry_bytes(w->arena, of, part->kind == PART_REDACTED ? CARRY_REDACTED : CARRY_REASONING,
                             part->signature);
}

static bool is_written(const struct gemini_writer *w, const struct canon_part *part, jraw signature)
{
    switch (part->kind) {
    case PART_OPAQUE:
        return part->extras.of == DIALECT_GEMINI && part->value.json.n > 2;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_DOCUMENT:
        return has_media(w, part);
    case PART_REASONING:
    case PART_REDACTED:
        return w->own || w->to_client || signature.json.p; /* others' thoughts mean nothing to Gemini */
    case PART_TEXT:
    case PART_REFUSAL:
        return part->text.json.n > 2 || signature.json.p || w->own;
    default:
        return true;
    }
}

bool gemini_has_form(const struct gemini_writer *w, const struct canon_part *part)
{
    return is_written(w, part, signature_for(w, part));
}

bool gemini_put_part(struct gemini_writer *w, const struct canon_part *part)
{
    jraw signature = signature_for(w, part);
    if (!is_written(w, part, signature)) return false;
    canon_comma(w->out);
    if (part->kind == PART_OPAQUE) {
        buf_add(w->out, part->value.json);
        return true;
    }
    buf_add_byte(w->out, '{');
    if (part->kind == PART_TOOL_CALL) {
        put_function_call(w, part);
        if (w->generation >= 30 && !w->own && !w->to_client && !w->signed_call && !signature.json.p)
            signature = (jraw){S(UNSIGNED)};
        w->signed_call = true;
    } else if (part->kind == PART_TOOL_RESULT) {
        put_function_response(w, part);
    } else if (part->kind == PART_REASONING || part->kind == PART_REDACTED) {
        if (!w->own && !part->text.json.p) canon_put_raw(w->out, S("text"), (jraw){S("\"\"")});
        canon_put_raw(w->out, S("text"), part->text);
        canon_put_bool(w->out, S("thought"), true);
    } else if (is_media(part) || part->kind == PART_DOCUMENT) {
        put_media(w, part);
    } else {
        canon_put_raw(w->out, S("text"), part->text);
    }
    canon_put_raw(w->out, S("thoughtSignature"), signature);
    canon_put_extras(w->out, &part->extras, DIALECT_GEMINI);
    buf_add_byte(w->out, '}');
    return true;
}
