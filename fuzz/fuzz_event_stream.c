/* Event-stream frames: what is read lies within the bytes, what is written is read again,
 * and a frame that is not whole yet is never refused later for having been cut. */
#include "net/event_stream.h"

#include <stdlib.h>

static void check(bool ok)
{
    if (!ok) abort();
}

static bool inside(str whole, str part)
{
    return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void read_all(str bytes)
{
    struct event_stream_frame f;
    const char *why = NULL;
    size_t n;
    while ((n = event_stream_next(bytes, &f, &why)) && n != SIZE_MAX) {
        check(n <= bytes.n && f.raw.n == n);
        check(inside(f.raw, f.type) && inside(f.raw, f.payload));
        bytes = str_from_at(bytes, n);
    }
    check(n != SIZE_MAX || why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    struct event_stream_frame f;
    const char *why = NULL;
    str bytes = str_of((const char *)data, size);
    read_all(bytes);
    if (size < 2) return 0;
    str type = str_head(str_from_at(bytes, 1), data[0]), payload = str_from_at(bytes, 1 + type.n);
    buf_init(&out, 0);
    event_stream_write(&out, type, payload, data[0] & 1);
    for (size_t n = 0; n < out.n; n += 1 + n / 8) check(event_stream_next(str_head(buf_str(&out), n), &f, &why) == 0);
    check(event_stream_next(buf_str(&out), &f, &why) == out.n);
    check(str_eq(f.type, type) && str_eq(f.payload, payload) && f.exception == (data[0] & 1));
    buf_free(&out);
    return 0;
}
