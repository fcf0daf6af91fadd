#include "net/sse.h"

/* The first LF or CR at or behind `at`; SIZE_MAX where there is none. In blocks: a stream that knows only one of the
 * two must not be searched to its end for the other, line by line. */
static size_t find_end(str bytes, size_t at)
{
    enum { BLOCK = 1024 };
    for (; at < bytes.n; at += BLOCK) {
        size_t span = bytes.n - at < BLOCK ? bytes.n - at : BLOCK;
        const char *lf = memchr(bytes.p + at, '\n', span);
        const char *cr = memchr(bytes.p + at, '\r', lf ? (size_t)(lf - bytes.p) - at : span);
        if (cr || lf) return (size_t)((cr ? cr : lf) - bytes.p);
    }
    return SIZE_MAX;
}

/* The line at `place->line`: its text, and the place of the following one. False: its end has not come (a CR at the
 * very end may be half of CRLF). */
static bool next_line(str bytes, struct sse_place *place, str *text)
{
    size_t end = find_end(bytes, place->searched);
    if (end == SIZE_MAX || (bytes.p[end] == '\r' && end + 1 == bytes.n)) {
        place->searched = end == SIZE_MAX ? bytes.n : end;
        return false;
    }
    *text = str_of(bytes.p + place->line, end - place->line);
    place->line = end + (bytes.p[end] == '\r' && bytes.p[end + 1] == '\n' ? 2 : 1);
    place->searched = place->line;
    return true;
}

/* Is the line this field's? Without a colon its value is empty. */
static bool is_field(str line, str name)
{
    return str_starts(line, name) && (line.n == name.n || line.p[name.n] == ':');
}

static str field_value(str line, size_t name)
{
    str value = str_from_at(line, name + 1);
    return value.n && value.p[0] == ' ' ? str_from_at(value, 1) : value;
}

static void read_fields(str raw, struct buf *joined, struct sse_event *out)
{
    struct sse_place at = {0};
    str line;
    unsigned lines = 0;
    out->name = out->data = STR_NONE;
    while (next_line(raw, &at, &line)) {
        if (is_field(line, S("data"))) {
            str value = field_value(line, 4);
            if (++lines == 1) {
                out->data = value;
                continue;
            }
            if (lines == 2) {
                buf_clear(joined);
                buf_add(joined, out->data);
            }
            buf_add_byte(joined, '\n');
            buf_add(joined, value);
        } else if (is_field(line, S("event"))) {
            out->name = field_value(line, 5);
        }
    }
    if (lines > 1) out->data = buf_str(joined);
}

size_t sse_next(str bytes, struct sse_place *resume, struct buf *joined, struct sse_event *out)
{
    struct sse_place at = resume ? *resume : (struct sse_place){0};
    str line;
    while (next_line(bytes, &at, &line)) {
        if (line.n) continue;
        out->raw = str_head(bytes, at.line);
        read_fields(out->raw, joined, out);
        if (resume) *resume = (struct sse_place){0};
        return at.line;
    }
    if (resume) *resume = at;
    return 0;
}
