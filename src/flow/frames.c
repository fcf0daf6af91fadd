#include "flow/frames.h"

#include "net/event_stream.h"

static size_t next_sse(str bytes, struct sse_place *resume, struct buf *joined, struct frame *out)
{
    struct sse_event e;
    size_t n = sse_next(bytes, resume, joined, &e);
    if (n) *out = (struct frame){e.raw, e.name, e.data};
    return n;
}

static size_t next_event_stream(str bytes, struct frame *out, const char **why)
{
    struct event_stream_frame f;
    size_t n = event_stream_next(bytes, &f, why);
    if (n && n != SIZE_MAX)
        *out = (struct frame){f.raw, f.exception && !str_ends(f.type, S("Exception")) ? S("error") : f.type, f.payload};
    return n;
}

static size_t next_element(struct json_array *state, str bytes, struct frame *out, const char **why)
{
    struct json_element e;
    size_t n = json_array_next(bytes, state, &e);
    if (n) *out = (struct frame){e.raw, STR_NONE, e.data};
    if (n || !state->wrong) return n;
    *why = "the provider's stream is no JSON array";
    return SIZE_MAX;
}

size_t frame_next(struct framer *f, str bytes, struct buf *joined, struct frame *out, const char **why)
{
    switch (f->framing) {
    case FRAMING_EVENT_STREAM:
        return next_event_stream(bytes, out, why);
    case FRAMING_JSON_ARRAY:
        return next_element(&f->array, bytes, out, why);
    case FRAMING_NONE:
    case FRAMING_SSE:
    case FRAMING_SSE_CRLF:
        break;
    }
    return next_sse(bytes, &f->resume, joined, out);
}

static bool starts_nocase(str s, str prefix)
{
    return s.n >= prefix.n && str_eq_nocase(str_head(s, prefix.n), prefix);
}

enum framing framing_of(str content_type, bool array)
{
    if (starts_nocase(content_type, S("text/event-stream"))) return FRAMING_SSE;
    if (starts_nocase(content_type, S("application/vnd.amazon.eventstream"))) return FRAMING_EVENT_STREAM;
    return array && starts_nocase(content_type, S("application/json")) ? FRAMING_JSON_ARRAY : FRAMING_NONE;
}

str framing_header(enum framing f)
{
    switch (f) {
    case FRAMING_EVENT_STREAM:
        return S("content-type: application/vnd.amazon.eventstream\r\n");
    case FRAMING_SSE:
    case FRAMING_SSE_CRLF:
        return S("content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n");
    case FRAMING_JSON_ARRAY:
    case FRAMING_NONE:
        break;
    }
    return S("content-type: application/json\r\n");
}

/* ---- writing */

static void add_sse(struct frame_writer *w, str name, str data)
{
    struct sse_sink sse;
    sse_sink_init(&sse, w->out, w->framing == FRAMING_SSE_CRLF);
    sse.sink.emit(&sse.sink, name, data);
}

static void write_frame(struct event_sink *sink, str name, str data, bool exception)
{
    struct frame_writer *w = CONTAINER_OF(sink, struct frame_writer, sink);
    switch (w->framing) {
    case FRAMING_EVENT_STREAM:
        event_stream_write(w->out, name, data, exception);
        break;
    case FRAMING_JSON_ARRAY:
        buf_add(w->out, w->any ? S(",\r\n") : S("["));
        buf_add(w->out, data);
        break;
    case FRAMING_NONE:
    case FRAMING_SSE:
    case FRAMING_SSE_CRLF:
        add_sse(w, name, data);
        break;
    }
    w->any = true;
}

static void emit(struct event_sink *sink, str name, str data)
{
    write_frame(sink, name, data, false);
}

static void fail(struct event_sink *sink, str name, str data)
{
    write_frame(sink, name, data, true);
}

void frame_writer_init(struct frame_writer *w, enum framing f, struct buf *out)
{
    *w = (struct frame_writer){.sink = {emit, fail}, .framing = f, .out = out};
}

void frame_writer_end(struct frame_writer *w)
{
    if (w->framing == FRAMING_JSON_ARRAY) buf_add(w->out, w->any ? S("]") : S("[]"));
}
