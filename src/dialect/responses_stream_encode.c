/* Writing a stream: the deltas' way into items, and the response around them. */
#include "dialect/responses_stream.h"

#include "dialect/canon_cite.h"

/* ---- the response itself */

static void emit_response(struct canon_encoder *e, str type, str status, const struct usage *usage)
{
    struct out_stream *s = out_stream(e);
    bool over = usage != NULL;
    struct response_frame f = {
        .id = s->id,
        .model = s->model,
        .service_tier = s->service_tier,
        .echo = e->echo,
        .created_s = s->created_s,
        .completed_s = str_eq(status, S("completed")) ? s->created_s : 0,
        .status = status,
        .reason = over ? responses_incomplete_reason(s->stop, s->refused) : S(""),
        .failed = over && s->stop == STOP_ERROR,
        .output = out_text(&s->output),
        .usage = usage,
        .cost_usd = over ? e->cost_usd : S(""),
    };
    struct buf *out = out_begin(e, type);
    canon_key(out, S("response"));
    responses_put_frame(out, &f);
    out_end(e, type);
}

static void start(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct out_stream *s = out_stream(e);
    bool own = delta->from == DIALECT_RESPONSES && delta->id.n;
    s->from = delta->from;
    s->id = own ? arena_str(e->arena, delta->id) : responses_id(e->arena, "resp_", e->seed, 0);
    s->model = arena_str(e->arena, delta->model.n ? delta->model : e->model);
    s->service_tier = arena_str(e->arena, canon_served_tier(delta->service_tier, s->from, DIALECT_RESPONSES));
    s->created_s = delta->created_s ? delta->created_s : e->created_s;
    s->groups = responses_groups(e->echo, e->arena);
    emit_response(e, S("response.created"), S("in_progress"), NULL);
    emit_response(e, S("response.in_progress"), S("in_progress"), NULL);
}

/* ---- blocks */

static void keep_part(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    s->part = (struct canon_part){.kind = part->kind, .signer = part->signer};
    s->part.tool.id = arena_str(e->arena, part->tool.id);
    s->part.tool.name = arena_str(e->arena, part->tool.name);
    s->part.tool.group = arena_str(e->arena, part->tool.group);
    s->part.tool.custom = part->tool.custom;
    s->piece.n = s->logprobs.n = s->citations.n = 0;
    s->citation_count = 0;
}

static void start_block(struct canon_encoder *e, const struct canon_part *part)
{
    struct out_stream *s = out_stream(e);
    bool reasoning = part->kind == PART_REASONING || part->kind == PART_REDACTED;
    bool text = part->kind == PART_TEXT || part->kind == PART_REFUSAL;
    s->skip = !reasoning && !text && part->kind != PART_TOOL_CALL;
    s->carried = !reasoning && !s->skip && part->signature.json.p;
    if (s->carried) out_carried(e, CARRY_NEXT, part);
    keep_part(e, part);
    if (reasoning && part->signature.json.p) s->part.signature.json = arena_str(e->arena, part->signature.json);
    if (text)
        out_start_text(e, part);
    else if (reasoning)
        out_start_reasoning(e, part);
    else if (part->kind == PART_TOOL_CALL)
        out_start_call(e, part);
    else if (part->kind == PART_OPAQUE && part->extras.of == DIALECT_RESPONSES && part->value.json.p && !part->inner)
        out_opaque(e, part);
}

static void stop_block(struct canon_encoder *e)
{
    struct out_stream *s = out_stream(e);
    bool late = s->part.signature.json.p && s->open != OPEN_REASONING;
    if (s->skip) return;
    if (s->open == OPEN_MESSAGE)
        out_stop_text(e);
    else if (s->open == OPEN_REASONING)
        out_stop_reasoning(e);
    else if (s->open == OPEN_CALL)
        out_stop_call(e);
    if (late) out_carried(e, CARRY_LAST, &s->part);
    s->part.signature = RAW_NONE;
}

static void add_piece(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct out_stream *s = out_stream(e);
    str inside = canon_inside(delta->piece);
    if (s->skip) return;
    if (s->open == OPEN_MESSAGE && inside.n)
        out_add_text(e, inside, S(""));
    else if (s->open == OPEN_REASONING)
        out_add_reasoning(e, inside);
    else if (s->open == OPEN_CALL)
        out_add_arguments(e, inside);
}

static void sign_block(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct out_stream *s = out_stream(e);
    if (s->carried) return;
    s->part.signature.json = arena_str(e->arena, delta->piece.json);
    if (delta->part) s->part.signer = delta->part->signer;
}

/* ---- the end */

static void finish(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct out_stream *s = out_stream(e);
    s->stop = delta->stop;
    out_close_message(e, responses_incomplete_reason(s->stop, s->refused).n ? S("incomplete") : S("completed"));
}

static void end_response(struct canon_encoder *e, const struct canon_delta *delta)
{
    static const struct usage unknown = {0};
    struct out_stream *s = out_stream(e);
    str status = responses_status(s->stop, s->refused);
    str tier = canon_served_tier(delta->service_tier, s->from, DIALECT_RESPONSES);
    if (tier.n) s->service_tier = arena_str(e->arena, tier);
    str type = s->stop == STOP_ERROR            ? S("response.failed")
               : str_eq(status, S("completed")) ? S("response.completed")
                                                : S("response.incomplete");
    emit_response(e, type, status, delta->usage ? delta->usage : &unknown);
}

static void encode(struct canon_encoder *e, const struct canon_delta *delta)
{
    if (e->broken || delta->choice > 0) return;
    switch (delta->kind) {
    case DELTA_START:
        start(e, delta);
        break;
    case DELTA_BLOCK_START:
        start_block(e, delta->part);
        break;
    case DELTA_TEXT:
    case DELTA_ARGUMENTS:
        add_piece(e, delta);
        break;
    case DELTA_SIGNATURE:
        sign_block(e, delta);
        break;
    case DELTA_CITATION:
        out_add_citation(e, delta->part);
        break;
    case DELTA_LOGPROBS:
        out_add_logprobs(e, delta->piece);
        break;
    case DELTA_BLOCK_STOP:
        stop_block(e);
        break;
    case DELTA_FINISH:
        finish(e, delta);
        break;
    case DELTA_PING:
        break;
    case DELTA_END:
        end_response(e, delta);
        break;
    }
}

void responses_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    canon_encode_placed(e, delta, PLACING_BLOCK, encode);
}
