#include "dialect/dialect.h"

#include "dialect/chat.h"
#include "dialect/codec.h"
#include "dialect/media.h"
#include "dialect/messages.h"
#include "dialect/openai.h"
#include "dialect/responses.h"

/* A line here, and its files: that is a dialect. */
static const struct dialect *const dialects[DIALECT_COUNT] = {
    [DIALECT_CHAT] = &dialect_chat,         [DIALECT_RESPONSES] = &dialect_responses,
    [DIALECT_MESSAGES] = &dialect_messages, [DIALECT_CONVERSE] = &dialect_converse,
    [DIALECT_GEMINI] = &dialect_gemini,     [DIALECT_COHERE] = &dialect_cohere,
};

static const struct {
    str name, operation, path;
    enum dialect_id dialect;
} kinds[CALL_KIND_COUNT + 1] = {
#define KIND(constant, name, operation, dialect, path)                                                                 \
    [CALL_##constant] = {STR_INIT(name), STR_INIT(operation), STR_INIT(path), DIALECT_##dialect},
#include "dialect/kinds.def"
#undef KIND
    [CALL_PASSTHROUGH] = {STR_INIT("passthrough"), STR_INIT("passthrough"), STR_INIT(""), DIALECT_CHAT},
};

str call_path(enum call_kind kind)
{
    return kinds[kind].path;
}

str call_kind_name(enum call_kind kind)
{
    return kinds[kind].name;
}

str call_kind_operation(enum call_kind kind)
{
    return kinds[kind].operation;
}

enum dialect_id call_kind_dialect(enum call_kind kind)
{
    return kinds[kind].dialect;
}

bool call_kind_generates(enum call_kind kind)
{
    const struct dialect *d = kind < CALL_KIND_COUNT ? dialect_of(kind) : NULL;
    return d && d->kind == kind;
}

int64_t call_min_output(enum call_kind kind)
{
    return kind == CALL_RESPONSES ? 16 : 1;
}

int64_t call_output_of_all(const struct call *call, int64_t limit)
{
    int64_t all;
    if (__builtin_mul_overflow(limit, call->choices, &all)) return CALL_OUTPUT_MOST;
    if (__builtin_add_overflow(all, call->prediction_bytes, &all)) return CALL_OUTPUT_MOST;
    return all < CALL_OUTPUT_MOST ? all : CALL_OUTPUT_MOST;
}

int64_t call_least_output(const struct call *call, enum call_kind kind)
{
    int64_t least = call_min_output(kind);
    return call->min_output > least ? call->min_output : least;
}

const struct dialect *dialect_at(enum dialect_id id)
{
    return id < DIALECT_COUNT ? dialects[id] : NULL;
}

const struct dialect *dialect_of(enum call_kind kind)
{
    return dialects[kinds[kind].dialect];
}

enum dialect_id dialect_find(str name)
{
    for (enum dialect_id id = 0; id < DIALECT_COUNT; id++)
        if (dialects[id] && str_eq(dialects[id]->name, name)) return id;
    return DIALECT_COUNT;
}

bool call_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
               struct call_problem *problem)
{
    const struct codec *c = codec_of(kind);
    return (c && c->read ? c->read : dialect_of(kind)->read)(kind, doc, arena, out, problem);
}

size_t call_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                 struct json_edit edits[CALL_EDITS_MAX])
{
    if (call->media.form) return media_edit_form(call, changes, edits);
    return dialect_of(call->kind)->edit(call, doc, changes, edits);
}

void dialect_error(struct buf *out, enum call_kind kind, enum err e, str message, str param, str code)
{
    dialect_of(kind)->error(out, e, message, param, code);
}

void dialect_stream_error(struct buf *out, enum call_kind kind, enum err e, str message, int64_t sequence)
{
    struct sse_sink sse;
    sse_sink_init(&sse, out, call_kind_dialect(kind) == DIALECT_GEMINI);
    dialect_of(kind)->stream_error(&sse.sink, e, message, sequence);
}

/* ---- deltas and events */

void canon_give(struct canon_decoder *d, const struct canon_delta *delta)
{
    if (delta->kind != DELTA_START || delta->from == d->dialect) {
        d->sink->take(d->sink, delta);
        return;
    }
    struct canon_delta start = *delta;
    start.from = d->dialect;
    d->sink->take(d->sink, &start);
}

void canon_emit(struct canon_encoder *e, str name)
{
    if (e->json.overflow) e->broken = true;
    if (!e->broken) e->sink->emit(e->sink, name, buf_str(&e->json));
    buf_clear(&e->json);
}

void canon_encoder_free(struct canon_encoder *e)
{
    buf_free(&e->json);
}

static void emit_sse(struct event_sink *sink, str name, str data)
{
    struct sse_sink *s = CONTAINER_OF(sink, struct sse_sink, sink);
    if (name.n) {
        buf_add(s->out, S("event: "));
        buf_add(s->out, name);
        buf_add(s->out, s->line_end);
    }
    buf_add(s->out, S("data: "));
    buf_add(s->out, data);
    buf_add(s->out, s->line_end);
    buf_add(s->out, s->line_end);
}

void sse_sink_init(struct sse_sink *s, struct buf *out, bool crlf)
{
    *s = (struct sse_sink){{emit_sse, emit_sse}, out, crlf ? S("\r\n") : S("\n")};
}

/* ---- OpenAI's two */

const struct dialect dialect_chat = {
    .name = STR_INIT("chat"),
    .kind = CALL_CHAT,
    .id_header = STR_INIT("x-request-id"),
    .read = openai_read,
    .edit = openai_edit,
    .tap_event = openai_tap_event,
    .tap_frame = openai_tap_frame,
    .tap_body = openai_tap_body,
    .decode_call = chat_decode_call,
    .encode_call = chat_encode_call,
    .decode_answer = chat_decode_answer,
    .encode_answer = chat_encode_answer,
    .decode_event = chat_decode_event,
    .decode_end = chat_decode_end,
    .encode_delta = chat_encode_delta,
    .error = openai_render_error,
    .stream_error = chat_stream_error,
};

const struct dialect dialect_responses = {
    .name = STR_INIT("responses"),
    .kind = CALL_RESPONSES,
    .id_header = STR_INIT("x-request-id"),
    .read = openai_read,
    .edit = openai_edit,
    .tap_event = openai_tap_event,
    .tap_frame = responses_tap_frame,
    .tap_body = openai_tap_body,
    .decode_call = responses_decode_call,
    .encode_call = responses_encode_call,
    .decode_answer = responses_decode_answer,
    .encode_answer = responses_encode_answer,
    .decode_event = responses_decode_event,
    .decode_end = responses_decode_end,
    .encode_delta = responses_encode_delta,
    .echo = responses_echo,
    .error = openai_render_error,
    .stream_error = responses_stream_error,
};

/* ---- Anthropic's */

const struct dialect dialect_messages = {
    .name = STR_INIT("messages"),
    .kind = CALL_MESSAGES,
    .id_header = STR_INIT("request-id"),
    .read = messages_read,
    .edit = messages_edit,
    .tap_event = messages_tap_event,
    .tap_frame = messages_tap_frame,
    .tap_body = messages_tap_body,
    .decode_call = messages_decode_call,
    .encode_call = messages_encode_call,
    .decode_answer = messages_decode_answer,
    .encode_answer = messages_encode_answer,
    .decode_event = messages_decode_event,
    .decode_end = messages_decode_end,
    .encode_delta = messages_encode_delta,
    .error = messages_render_error,
    .stream_error = messages_stream_error,
};
