/* Items of a stream other than messages: each begins and ends with its block. */
#include "dialect/responses_stream.h"

/* A signature that belongs to another block, as reasoning without words. */
void out_carried(struct canon_encoder *e, enum canon_carry use, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : s->from;
    jraw encrypted = canon_carry(e->arena, of, use, part->signature);
    static const struct canon_part none = {0};
    out_close_message(e, S("completed"));
    out_open_item(e, OPEN_REASONING, &none, "rs_");
    struct buf *out = out_begin_output(e, S("response.output_item.added"));
    responses_put_reasoning(out, s->item_id, RAW_NONE, RAW_NONE, S(""));
    out_end(e, S("response.output_item.added"));
    out = out_begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    responses_put_reasoning(out, s->item_id, RAW_NONE, encrypted, S(""));
    out_end_output(e, from);
}

/* ---- reasoning */

void out_start_reasoning(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    out_close_message(e, S("completed"));
    out_open_item(e, OPEN_REASONING, part, "rs_");
    s->spoken = false;
    struct buf *out = out_begin_output(e, S("response.output_item.added"));
    responses_put_reasoning(out, s->item_id, RAW_NONE, RAW_NONE, S(""));
    out_end(e, S("response.output_item.added"));
}

static void put_summary(struct buf *out, str text)
{
    canon_key(out, S("part"));
    buf_add(out, S("{\"type\":\"summary_text\""));
    out_string(out, S("text"), text);
    buf_add_byte(out, '}');
}

void out_add_reasoning(struct canon_encoder *e, str inside)
{
    struct out_stream *s = out_stream(e);
    struct buf *out;
    if (!inside.n) return;
    if (!s->spoken) {
        s->spoken = true;
        out = out_begin_part(e, S("response.reasoning_summary_part.added"));
        put_summary(out, S(""));
        out_end(e, S("response.reasoning_summary_part.added"));
    }
    out = out_begin_part(e, S("response.reasoning_summary_text.delta"));
    out_string(out, S("delta"), inside);
    out_end(e, S("response.reasoning_summary_text.delta"));
    out_keep(e, &s->piece, inside);
}

void out_stop_reasoning(struct canon_encoder *e)
{
    struct out_stream *s = out_stream(e);
    str text = out_text(&s->piece);
    struct buf *out;
    if (s->spoken) {
        out = out_begin_part(e, S("response.reasoning_summary_text.done"));
        out_string(out, S("text"), text);
        out_end(e, S("response.reasoning_summary_text.done"));
        out = out_begin_part(e, S("response.reasoning_summary_part.done"));
        put_summary(out, text);
        out_end(e, S("response.reasoning_summary_part.done"));
    }
    jraw quoted = text.n ? raw_of(arena_printf(e->arena, "\"%" STR_FMT "\"", STR_ARG(text))) : RAW_NONE;
    jraw encrypted = responses_encrypted(e->arena, &s->part, s->from);
    out = out_begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    responses_put_reasoning(out, s->item_id, quoted, encrypted, S(""));
    out_end_output(e, from);
}

/* ---- tool calls */

static void put_call(struct buf *out, const struct out_stream *s, str status, str inside)
{
    const struct canon_tool_use *t = &s->part.tool;
    buf_add(out, t->custom ? S("{\"type\":\"custom_tool_call\"") : S("{\"type\":\"function_call\""));
    canon_put_text(out, S("id"), s->item_id);
    canon_put_text(out, S("status"), status);
    canon_key(out, S("call_id"));
    buf_add_json(out, t->id);
    responses_put_name(out, t->name, t->group, s->groups);
    out_string(out, t->custom ? S("input") : S("arguments"), inside);
    buf_add_byte(out, '}');
}

void out_start_call(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    out_close_message(e, S("completed"));
    out_open_item(e, OPEN_CALL, part, part->tool.custom ? "ctc_" : "fc_");
    if (!s->part.tool.id.n) s->part.tool.id = responses_id(e->arena, "call_", e->seed, s->index);
    struct buf *out = out_begin_output(e, S("response.output_item.added"));
    put_call(out, s, S("in_progress"), S(""));
    out_end(e, S("response.output_item.added"));
}

void out_add_arguments(struct canon_encoder *e, str inside)
{
    struct out_stream *s = out_stream(e);
    str type =
        s->part.tool.custom ? S("response.custom_tool_call_input.delta") : S("response.function_call_arguments.delta");
    if (!inside.n) return;
    struct buf *out = out_begin_item(e, type);
    out_string(out, S("delta"), inside);
    out_end(e, type);
    out_keep(e, &s->piece, inside);
}

/* A call without arguments has an empty object of them. */
void out_stop_call(struct canon_encoder *e)
{
    struct out_stream *s = out_stream(e);
    bool custom = s->part.tool.custom;
    str type = custom ? S("response.custom_tool_call_input.done") : S("response.function_call_arguments.done");
    if (!s->piece.n && !custom) out_add_arguments(e, S("{}"));
    struct buf *out = out_begin_item(e, type);
    if (!custom) responses_put_name(out, s->part.tool.name, s->part.tool.group, s->groups);
    out_string(out, custom ? S("input") : S("arguments"), out_text(&s->piece));
    out_end(e, type);
    out = out_begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    put_call(out, s, S("completed"), out_text(&s->piece));
    out_end_output(e, from);
}

/* ---- what only this dialect knows */

void out_opaque(struct canon_encoder *e, const struct canon_part *part)
{
    out_close_message(e, S("completed"));
    struct buf *out = out_begin_output(e, S("response.output_item.added"));
    buf_add(out, part->value.json);
    out_end(e, S("response.output_item.added"));
    out = out_begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    buf_add(out, part->value.json);
    out_end_output(e, from);
}
