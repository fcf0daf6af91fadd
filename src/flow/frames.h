/* How the events of a stream are framed on the wire, in both directions. */
#ifndef FLOW_FRAMES_H
#define FLOW_FRAMES_H

#include "dialect/dialect.h"
#include "net/json_array.h"
#include "net/sse.h"

enum framing {
    FRAMING_NONE,         /* no stream */
    FRAMING_SSE,          /* server-sent events */
    FRAMING_SSE_CRLF,     /* the same with Gemini's line ends: towards clients */
    FRAMING_EVENT_STREAM, /* Bedrock's frames */
    FRAMING_JSON_ARRAY,   /* Gemini without alt=sse: an element is an event */
};

struct frame {
    str raw;  /* all its bytes */
    str name; /* may be empty; "error" for an exception */
    str data; /* p == NULL: nothing but a comment */
};

/* Where the search in a frame that is not whole yet stands. */
struct framer {
    enum framing framing;
    struct sse_place resume; /* FRAMING_SSE */
    struct json_array array; /* FRAMING_JSON_ARRAY */
};

/* The first whole frame in `bytes`: its length, or 0 when more bytes are needed. `joined` as for sse_next().
 * Fails: SIZE_MAX with a sentence in `*why` where the bytes cannot be framed. */
size_t frame_next(struct framer *f, str bytes, struct buf *joined, struct frame *out, const char **why);

/* By the Content-Type of an answer; `array`: a JSON array is a stream here. */
enum framing framing_of(str content_type, bool array);
/* "text/event-stream" ... as a header line. */
str framing_header(enum framing f);

/* Writes events as frames into a buffer. */
struct frame_writer {
    struct event_sink sink;
    enum framing framing;
    struct buf *out;
    bool any; /* FRAMING_JSON_ARRAY: an element went out */
};

void frame_writer_init(struct frame_writer *w, enum framing f, struct buf *out);
/* What stands behind the last event: the array's bracket. */
void frame_writer_end(struct frame_writer *w);

#endif
