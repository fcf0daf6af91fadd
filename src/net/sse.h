/* Server-sent events as a pure function of bytes (WHATWG HTML, 9.2.6): finds
 * whole events, however their lines end (LF, CRLF, CR) and however they are cut. */
#ifndef NET_SSE_H
#define NET_SSE_H

#include "base/buf.h"

struct sse_event {
    str raw;  /* all its bytes, the empty line included */
    str name; /* of its `event:` line; empty where there is none */
    str data; /* of its `data:` lines, joined by LF; p == NULL where there is none (comments only) */
};

/* How far an incomplete event was searched: each byte is looked at once, however small the pieces are it comes in. */
struct sse_place {
    size_t line;     /* the line that has no end yet begins here */
    size_t searched; /* no end of it stands before this */
};

/* The first whole event in `bytes`: its length, or 0 when more bytes are needed.
 * `resume` may be NULL; set it to 0 for each new event. `joined` takes data of several lines.
 * `name` and `data` borrow from `bytes` or `joined`. */
size_t sse_next(str bytes, struct sse_place *resume, struct buf *joined, struct sse_event *out);

#endif
