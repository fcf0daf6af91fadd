/* Writing deltas as the events that Anthropic's clients expect: blocks with contiguous
 * indexes, one at a time, each closed. Nothing is written before the first block, so that
 * a provider that fails at once can still be answered with a status. */
#include "dialect/canon_cite.h"
#include "dialect/messages.h"

struct writing {
    enum dialect_id from;
    str id, model, tier;
    struct usage usage; /* as the start told it */
    bool began;
    int64_t index; /* of the open block, or the next */
    bool open;
    bool skips;   /* the block that comes has no form here */
    bool pending; /* redacted: it begins when its data is there */
    enum canon_part_kind kind;
    const struct canon_part *carrier; /* a signature that follows its block */
    enum canon_stop stop;
    str stop_raw;
    jraw stop_sequence;
};

static struct writing *writing_of(struct canon_encoder *e)
{
    if (!e->state) e->state = arena_zalloc(e->arena, sizeof(struct writing));
    return e->state;
}

static void begin_event(struct canon_encoder *e, str type)
{
    buf_add(&e->json, S("{\"type\":\""));
    buf_add(&e->json, type);
    buf_add_byte(&e->json, '"');
}

static void end_event(struct canon_encoder *e, str type)
{
    buf_add_byte(&e->json, '}');
    canon_emit(e, type);
}

static void begin_message(struct canon_encoder *e)
{
    struct writing *s = e->state;
    if (s->began) return;
    s->began = true;
    begin_event(e, S("message_start"));
    buf_add(&e->json, S(",\"message\":{"));
    canon_put_text(&e->json, S("id"), s->id.n ? s->id : arena_printf(e->arena, "msg_%" STR_FMT, STR_ARG(e->seed)));
    buf_add(&e->json, S(",\"type\":\"message\",\"role\":\"assistant\""));
    canon_put_text(&e->json, S("model"), s->model.n ? s->model : e->model);
    buf_add(&e->json, S(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null"));
    messages_put_usage(&e->json, &s->usage, s->tier, STR_NONE);
    buf_add_byte(&e->json, '}');
    end_event(e, S("message_start"));
}

/* ---- blocks */

static void begin_block(struct canon_encoder *e)
{
    struct writing *s = e->state;
    begin_message(e);
    begin_event(e, S("content_block_start"));
    canon_put_i64(&e->json, S("index"), s->index);
    canon_key(&e->json, S("content_block"));
    s->open = true;
}

static void end_block(struct canon_encoder *e)
{
    struct writing *s = e->state;
    begin_event(e, S("content_block_stop"));
    canon_put_i64(&e->json, S("index"), s->index);
    end_event(e, S("content_block_stop"));
    s->open = false;
    s->index++;
}

/* `head`: the delta up to its value. */
static void put_delta(struct canon_encoder *e, str head, jraw piece)
{
    struct writing *s = e->state;
    begin_event(e, S("content_block_delta"));
    canon_put_i64(&e->json, S("index"), s->index);
    buf_add(&e->json, S(",\"delta\":{\"type\":"));
    buf_add(&e->json, head);
    buf_add(&e->json, piece.json.p ? piece.json : S("\"\""));
    buf_add_byte(&e->json, '}');
    end_event(e, S("content_block_delta"));
}

/* The signature of the block just closed, in a block of its own. Not that of a text which ends the answer: Claude Code
 * takes the last block for its result, and Gemini insists on those of its function calls alone. */
static void put_carrier(struct canon_encoder *e)
{
    struct writing *s = e->state;
    jraw signature = s->carrier->signature;
    s->carrier = NULL;
    begin_block(e);
    buf_add(&e->json, S("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    end_event(e, S("content_block_start"));
    put_delta(e, S("\"signature_delta\",\"signature\":"), signature);
    end_block(e);
}

static void start_block(struct canon_encoder *e, const struct canon_part *part)
{
    struct writing *s = e->state;
    if (s->carrier) put_carrier(e);
    s->kind = part->kind;
    s->pending = part->kind == PART_REDACTED;
    bool opaque = part->kind == PART_OPAQUE && part->extras.of == DIALECT_MESSAGES && part->value.json.p;
    bool known = part->kind == PART_TEXT || part->kind == PART_REFUSAL || part->kind == PART_TOOL_CALL ||
                 part->kind == PART_REASONING || s->pending;
    s->skips = !known && !opaque;
    if (s->skips || s->pending) return;
    begin_block(e);
    if (opaque) {
        buf_add(&e->json, part->value.json);
    } else if (part->kind == PART_TOOL_CALL) {
        buf_add(&e->json, S("{\"type\":\"tool_use\""));
        messages_put_tool_id(&e->json, S("id"), part->tool.id);
        canon_put_text(&e->json, S("name"), part->tool.name);
        buf_add(&e->json, S(",\"input\":{}"));
        canon_put_extras(&e->json, &part->extras, DIALECT_MESSAGES);
        buf_add_byte(&e->json, '}');
    } else {
        buf_add(&e->json, part->kind == PART_REASONING
                              ? S("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
                              : S("{\"type\":\"text\",\"text\":\"\"}"));
    }
    end_event(e, S("content_block_start"));
}

static jraw wrapped(struct canon_encoder *e, const struct canon_part *part, jraw signature, enum canon_carry use)
{
    struct writing *s = e->state;
    struct canon_part signed_part = {.signature = signature, .signer = part ? part->signer : 0};
    struct messages_writer w = {&e->json, e->arena, s->from, true};
    return messages_signature(&w, &signed_part, use);
}

static void take_signature(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct writing *s = e->state;
    if (s->kind == PART_REASONING) {
        put_delta(e, S("\"signature_delta\",\"signature\":"), wrapped(e, delta->part, delta->piece, CARRY_REASONING));
    } else if (s->pending) {
        s->pending = false;
        begin_block(e);
        buf_add(&e->json, S("{\"type\":\"redacted_thinking\""));
        canon_put_raw(&e->json, S("data"), wrapped(e, delta->part, delta->piece, CARRY_REDACTED));
        buf_add_byte(&e->json, '}');
        end_event(e, S("content_block_start"));
    } else if (s->open && !s->carrier) {
        struct canon_part *carrier = arena_zalloc(e->arena, sizeof(*carrier));
        carrier->signature = (jraw){arena_str(e->arena, wrapped(e, delta->part, delta->piece, CARRY_LAST).json)};
        s->carrier = carrier;
    }
}

static void take_citations(struct canon_encoder *e, const struct canon_part *part)
{
    for (const struct canon_citation *c = part ? part->citations : NULL; c; c = c->next) {
        struct buf citation;
        buf_init(&citation, 0);
        messages_put_citation(&citation, e->arena, c);
        put_delta(e, S("\"citations_delta\",\"citation\":"), (jraw){buf_str(&citation)});
        buf_free(&citation);
    }
}

static void take_piece(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct writing *s = e->state;
    if (s->skips) return;
    if (delta->kind == DELTA_SIGNATURE) {
        if (delta->piece.json.n > 2) take_signature(e, delta);
        return;
    }
    if (!s->open) return;
    if (delta->kind == DELTA_CITATION) {
        if (s->kind == PART_TEXT) take_citations(e, delta->part);
        return;
    }
    if (delta->piece.json.n <= 2) return; /* nothing in it */
    if (delta->kind == DELTA_ARGUMENTS)
        put_delta(e, S("\"input_json_delta\",\"partial_json\":"), delta->piece);
    else if (s->kind == PART_REASONING)
        put_delta(e, S("\"thinking_delta\",\"thinking\":"), delta->piece);
    else if (s->kind == PART_TEXT || s->kind == PART_REFUSAL)
        put_delta(e, S("\"text_delta\",\"text\":"), delta->piece);
}

/* ---- the end */

static void end_message(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct writing *s = e->state;
    bool own = s->from == DIALECT_MESSAGES;
    str stop = own && s->stop_raw.n ? s->stop_raw : messages_stop_name(s->stop);
    begin_message(e);
    if (s->open) end_block(e);
    begin_event(e, S("message_delta"));
    buf_add(&e->json, S(",\"delta\":{\"stop_reason\":"));
    buf_add_json(&e->json, stop.n ? stop : S("end_turn"));
    buf_add(&e->json, S(",\"stop_sequence\":"));
    buf_add(&e->json, s->stop_sequence.json.p ? s->stop_sequence.json : S("null"));
    buf_add_byte(&e->json, '}');
    messages_put_usage(&e->json, delta->usage ? delta->usage : &s->usage,
                       delta->service_tier.n ? delta->service_tier : s->tier, e->cost_usd);
    end_event(e, S("message_delta"));
    begin_event(e, S("message_stop"));
    end_event(e, S("message_stop"));
}

static void take_start(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct writing *s = e->state;
    s->from = delta->from;
    s->id = arena_str(e->arena, delta->id);
    s->model = arena_str(e->arena, delta->model);
    s->tier = arena_str(e->arena, delta->service_tier);
    if (delta->usage) s->usage = *delta->usage;
}

void messages_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct writing *s = writing_of(e);
    if (delta->choice != 0) return; /* the protocol has one answer */
    switch (delta->kind) {
    case DELTA_START:
        take_start(e, delta);
        break;
    case DELTA_BLOCK_START:
        start_block(e, delta->part);
        break;
    case DELTA_BLOCK_STOP:
        if (s->open) end_block(e);
        if (s->carrier && s->kind == PART_TOOL_CALL) put_carrier(e);
        break;
    case DELTA_FINISH:
        s->stop = delta->stop;
        s->stop_raw = arena_str(e->arena, delta->stop_raw);
        if (delta->stop_sequence.json.p) s->stop_sequence = (jraw){arena_str(e->arena, delta->stop_sequence.json)};
        break;
    case DELTA_PING:
        if (!s->began) break;
        begin_event(e, S("ping"));
        end_event(e, S("ping"));
        break;
    case DELTA_END:
        end_message(e, delta);
        break;
    case DELTA_LOGPROBS:
        break;
    default:
        take_piece(e, delta);
    }
}
