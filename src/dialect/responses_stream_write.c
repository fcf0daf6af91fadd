/* Events of a stream, and the items that they open and close. */
#include "dialect/responses_stream.h"

struct out_stream *out_stream(struct canon_encoder *e)
{
    if (!e->state) e->state = arena_zalloc(e->arena, sizeof(struct out_stream));
    return e->state;
}

/* ---- texts */

void out_keep(struct canon_encoder *e, struct out_text *t, str more)
{
    struct out_stream *s = out_stream(e);
    s->kept += more.n;
    if (s->kept > CANON_ARGUMENTS_MAX) {
        e->broken = true;
        return;
    }
    if (more.n > t->cap - t->n) {
        size_t cap = t->cap ? t->cap : 256;
        while (cap < t->n + more.n) cap *= 2;
        char *p = arena_alloc(e->arena, cap);
        if (t->n) memcpy(p, t->p, t->n);
        t->p = p;
        t->cap = cap;
    }
    if (more.n) memcpy(t->p + t->n, more.p, more.n);
    t->n += more.n;
}

str out_text(const struct out_text *t)
{
    return t->n ? str_of(t->p, t->n) : S("");
}

/* ---- events */

struct buf *out_begin(struct canon_encoder *e, str type)
{
    struct buf *out = &e->json;
    buf_add(out, S("{\"type\":\""));
    buf_add(out, type);
    buf_printf(out, "\",\"sequence_number\":%lld", (long long)++e->sequence);
    return out;
}

void out_end(struct canon_encoder *e, str type)
{
    buf_add_byte(&e->json, '}');
    canon_emit(e, type);
}

/* ... of the open item. */
struct buf *out_begin_item(struct canon_encoder *e, str type)
{
    struct out_stream *s = out_stream(e);
    struct buf *out = out_begin(e, type);
    canon_put_text(out, S("item_id"), s->item_id);
    canon_put_i64(out, S("output_index"), s->index);
    return out;
}

/* ... of the open part of it. */
struct buf *out_begin_part(struct canon_encoder *e, str type)
{
    struct out_stream *s = out_stream(e);
    struct buf *out = out_begin_item(e, type);
    canon_put_i64(out, s->open == OPEN_REASONING ? S("summary_index") : S("content_index"),
                  s->open == OPEN_REASONING ? 0 : s->content_index);
    return out;
}

void out_string(struct buf *out, str key, str inside)
{
    canon_key(out, key);
    buf_add_byte(out, '"');
    buf_add(out, inside);
    buf_add_byte(out, '"');
}

/* ---- items */

/* An item as `put` writes it, in an event. */
struct buf *out_begin_output(struct canon_encoder *e, str type)
{
    struct buf *out = out_begin(e, type);
    canon_put_i64(out, S("output_index"), out_stream(e)->index);
    canon_key(out, S("item"));
    return out;
}

/* Ends an `output_item.done` whose item stands in the event from `from` on: it belongs to the response, too. */
void out_end_output(struct canon_encoder *e, size_t from)
{
    struct out_stream *s = out_stream(e);
    if (s->output.n) out_keep(e, &s->output, S(","));
    out_keep(e, &s->output, str_from_at(buf_str(&e->json), from));
    out_end(e, S("response.output_item.done"));
    s->index++;
    s->open = OPEN_NONE;
}

void out_message(struct buf *out, const struct out_stream *s, str status)
{
    buf_add(out, S("{\"type\":\"message\""));
    canon_put_text(out, S("id"), s->item_id);
    canon_put_text(out, S("status"), status);
    canon_put_text(out, S("role"), S("assistant"));
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    buf_add(out, out_text(&s->content));
    buf_add(out, S("]}"));
}

/* Only a message outlives its last block. */
void out_close_message(struct canon_encoder *e, str status)
{
    struct out_stream *s = out_stream(e);
    if (s->open != OPEN_MESSAGE) return;
    struct buf *out = out_begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    out_message(out, s, status);
    out_end_output(e, from);
}

void out_open_item(struct canon_encoder *e, enum open_item open, const struct canon_part *part, const char *prefix)
{
    struct out_stream *s = out_stream(e);
    s->open = open;
    s->item_id = part->id.n ? arena_str(e->arena, part->id) : responses_id(e->arena, prefix, e->seed, s->index);
}
