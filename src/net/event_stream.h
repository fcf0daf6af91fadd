/* AWS event-stream frames (application/vnd.amazon.eventstream) as a pure function of
 * bytes: total length, headers' length, CRC of both, headers, payload, CRC of it all.
 * Source: smithy.io, "Amazon Event Stream specification". */
#ifndef NET_EVENT_STREAM_H
#define NET_EVENT_STREAM_H

#include "base/buf.h"

enum {
    EVENT_STREAM_FRAME_MAX = 16 * 1024 * 1024, /* the specification's ceiling for a payload is 16 MB, too */
    EVENT_STREAM_PRELUDE = 12,
};

struct event_stream_frame {
    str raw;        /* all its bytes */
    str type;       /* `:event-type`, or `:exception-type` */
    str payload;    /* JSON, for Bedrock */
    bool exception; /* `:message-type` is exception or error */
};

/* The first whole frame in `bytes`: its length, or 0 when more bytes are needed.
 * Fails: SIZE_MAX with a sentence in `*why` (static) where the bytes are no frame. */
size_t event_stream_next(str bytes, struct event_stream_frame *out, const char **why);
/* Appends a frame with `:event-type` (or `:exception-type`), `:content-type` application/json
 * and `:message-type`. */
void event_stream_write(struct buf *out, str type, str payload, bool exception);

#endif
