#include "net/event_stream.h"

#include <zlib.h>

static uint32_t read_u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t crc_of(str bytes)
{
    return (uint32_t)crc32(0, (const unsigned char *)bytes.p, (unsigned)bytes.n);
}

/* Bytes of a header's value behind its type byte, the two of a length included; SIZE_MAX: unknown type. */
static size_t value_size(unsigned char type, str rest)
{
    static const unsigned char fixed[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16}; /* true, false, byte .. timestamp, uuid */
    if (type >= COUNT_OF(fixed)) return SIZE_MAX;
    if (type != 6 && type != 7) return fixed[type];
    if (rest.n < 2) return SIZE_MAX;
    return 2 + ((size_t)(unsigned char)rest.p[0] << 8 | (unsigned char)rest.p[1]);
}

static bool read_headers(str headers, struct event_stream_frame *out)
{
    enum { STRING = 7 };
    while (headers.n) {
        size_t name_n = (unsigned char)headers.p[0];
        if (headers.n < name_n + 2) return false;
        str name = str_of(headers.p + 1, name_n);
        unsigned char type = (unsigned char)headers.p[1 + name_n];
        str rest = str_from_at(headers, name_n + 2);
        size_t size = value_size(type, rest);
        if (size > rest.n) return false;
        if (type == STRING) {
            str value = str_of(rest.p + 2, size - 2);
            bool kind =
                str_eq(name, S(":event-type")) || str_eq(name, S(":exception-type")) || str_eq(name, S(":error-code"));
            if (kind) out->type = value;
            if (str_eq(name, S(":message-type")) && !str_eq(value, S("event"))) out->exception = true;
        }
        headers = str_from_at(rest, size);
    }
    return true;
}

size_t event_stream_next(str bytes, struct event_stream_frame *out, const char **why)
{
    if (bytes.n < EVENT_STREAM_PRELUDE) return 0;
    uint32_t total = read_u32(bytes.p), headers = read_u32(bytes.p + 4);
    *out = (struct event_stream_frame){0};
    if (crc_of(str_head(bytes, 8)) != read_u32(bytes.p + 8)) {
        *why = "a frame of the event stream has a wrong checksum in its prelude";
        return SIZE_MAX;
    }
    if (total > EVENT_STREAM_FRAME_MAX || total < EVENT_STREAM_PRELUDE + 4 ||
        headers > total - EVENT_STREAM_PRELUDE - 4) {
        *why = "a frame of the event stream has an impossible length";
        return SIZE_MAX;
    }
    if (bytes.n < total) return 0;
    if (crc_of(str_head(bytes, total - 4)) != read_u32(bytes.p + total - 4)) {
        *why = "a frame of the event stream has a wrong checksum";
        return SIZE_MAX;
    }
    out->raw = str_head(bytes, total);
    out->payload = str_of(bytes.p + EVENT_STREAM_PRELUDE + headers, total - EVENT_STREAM_PRELUDE - headers - 4);
    if (read_headers(str_of(bytes.p + EVENT_STREAM_PRELUDE, headers), out)) return total;
    *why = "a frame of the event stream has malformed headers";
    return SIZE_MAX;
}

static void add_u32(struct buf *out, uint32_t v)
{
    char b[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    buf_add(out, str_of(b, sizeof(b)));
}

static void add_header(struct buf *out, str name, str value)
{
    char type_and_length[3] = {7, (char)(value.n >> 8), (char)value.n};
    buf_add_byte(out, (char)name.n);
    buf_add(out, name);
    buf_add(out, str_of(type_and_length, sizeof(type_and_length)));
    buf_add(out, value);
}

void event_stream_write(struct buf *out, str type, str payload, bool exception)
{
    struct buf headers;
    buf_init(&headers, 0);
    add_header(&headers, exception ? S(":exception-type") : S(":event-type"), type);
    add_header(&headers, S(":content-type"), S("application/json"));
    add_header(&headers, S(":message-type"), exception ? S("exception") : S("event"));
    size_t from = out->n;
    add_u32(out, (uint32_t)(EVENT_STREAM_PRELUDE + headers.n + payload.n + 4));
    add_u32(out, (uint32_t)headers.n);
    add_u32(out, crc_of(str_of(out->p + from, 8)));
    buf_add(out, buf_str(&headers));
    buf_add(out, payload);
    add_u32(out, crc_of(str_of(out->p + from, out->n - from)));
    buf_free(&headers);
}
