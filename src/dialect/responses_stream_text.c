/* Messages of a stream: texts and refusals, with what belongs to them. */
#include "dialect/canon_cite.h"
#include "dialect/responses_stream.h"

static void put_open_part(struct buf *out, const struct out_stream *s, str text)
{
    bool refusal = s->part.kind == PART_REFUSAL;
    buf_add(out, refusal ? S("{\"type\":\"refusal\"") : S("{\"type\":\"output_text\""));
    if (!refusal) {
        canon_key(out, S("annotations"));
        buf_add_byte(out, '[');
        buf_add(out, out_text(&s->citations));
        buf_add_byte(out, ']');
        canon_key(out, S("logprobs"));
        buf_add_byte(out, '[');
        buf_add(out, out_text(&s->logprobs));
        buf_add_byte(out, ']');
    }
    out_string(out, refusal ? S("refusal") : S("text"), text);
    buf_add_byte(out, '}');
}

void out_start_text(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    struct buf *out;
    if (s->open == OPEN_MESSAGE && part->id.n && !str_eq(part->id, s->item_id)) out_close_message(e, S("completed"));
    if (s->open != OPEN_MESSAGE) {
        s->content.n = 0;
        s->content_index = 0;
        out_open_item(e, OPEN_MESSAGE, part, "msg_");
        out = out_begin_output(e, S("response.output_item.added"));
        out_message(out, s, S("in_progress"));
        out_end(e, S("response.output_item.added"));
    }
    if (part->kind == PART_REFUSAL) s->refused = true;
    out = out_begin_part(e, S("response.content_part.added"));
    canon_key(out, S("part"));
    put_open_part(out, s, S(""));
    out_end(e, S("response.content_part.added"));
}

static void put_logprobs_inside(struct buf *out, str key, str inside)
{
    canon_key(out, key);
    buf_add_byte(out, '[');
    buf_add(out, inside);
    buf_add_byte(out, ']');
}

void out_add_text(struct canon_encoder *e, str inside, str logprobs)
{
    struct out_stream *s = out_stream(e);
    bool refusal = s->part.kind == PART_REFUSAL;
    str type = refusal ? S("response.refusal.delta") : S("response.output_text.delta");
    struct buf *out = out_begin_part(e, type);
    out_string(out, S("delta"), inside);
    if (!refusal) put_logprobs_inside(out, S("logprobs"), logprobs);
    out_end(e, type);
    out_keep(e, &s->piece, inside);
}

void out_stop_text(struct canon_encoder *e)
{
    struct out_stream *s = out_stream(e);
    bool refusal = s->part.kind == PART_REFUSAL;
    str type = refusal ? S("response.refusal.done") : S("response.output_text.done");
    struct buf *out = out_begin_part(e, type);
    out_string(out, refusal ? S("refusal") : S("text"), out_text(&s->piece));
    if (!refusal) put_logprobs_inside(out, S("logprobs"), out_text(&s->logprobs));
    out_end(e, type);
    out = out_begin_part(e, S("response.content_part.done"));
    canon_key(out, S("part"));
    size_t from = out->n;
    put_open_part(out, s, out_text(&s->piece));
    if (s->content.n) out_keep(e, &s->content, S(","));
    out_keep(e, &s->content, str_from_at(buf_str(out), from));
    out_end(e, S("response.content_part.done"));
    s->content_index++;
}

/* They come behind their text: a delta without text brings them. */
void out_add_logprobs(struct canon_encoder *e, jraw logprobs)
{
    struct out_stream *s = out_stream(e);
    struct buf list;
    if (s->open != OPEN_MESSAGE || s->part.kind != PART_TEXT) return;
    buf_init(&list, 0);
    responses_put_logprobs(&list, logprobs);
    if (list.n > 2) {
        str inside = str_of(list.p + 1, list.n - 2);
        out_add_text(e, S(""), inside);
        if (s->logprobs.n) out_keep(e, &s->logprobs, S(","));
        out_keep(e, &s->logprobs, inside);
    }
    buf_free(&list);
}

void out_add_citation(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    struct buf one;
    if (s->open != OPEN_MESSAGE || s->part.kind != PART_TEXT || !part) return;
    buf_init(&one, 0);
    for (const struct canon_citation *c = part->citations; c; c = c->next) {
        buf_clear(&one);
        responses_put_citation(&one, e->arena, c);
        struct buf *out = out_begin_part(e, S("response.output_text.annotation.added"));
        canon_put_i64(out, S("annotation_index"), s->citation_count++);
        canon_put_raw(out, S("annotation"), (jraw){buf_str(&one)});
        out_end(e, S("response.output_text.annotation.added"));
        if (s->citations.n) out_keep(e, &s->citations, S(","));
        out_keep(e, &s->citations, buf_str(&one));
    }
    buf_free(&one);
}
