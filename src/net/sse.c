#include "net/sse.h"

/* The line that begins at `at`: its text, and in `*next` where the following one
 * begins. False: its end has not come (a CR at the very end may be half of CRLF). */
static bool next_line(str bytes, size_t at, str *text, size_t *next)
{
    if (at >= bytes.n) return false;
    const char *from = bytes.p + at;
    size_t rest = bytes.n - at;
    const char *lf = memchr(from, '\n', rest);
    size_t span = lf ? (size_t)(lf - from) : rest;
    const char *cr = memchr(from, '\r', span);
    if (cr) {
        size_t n = (size_t)(cr - from);
        *text = str_of(from, n);
        if (at + n + 1 == bytes.n) return false;
        *next = at + n + (from[n + 1] == '\n' ? 2 : 1);
        return true;
    }
    if (!lf) return false;
    *text = str_of(from, span);
    *next = at + span + 1;
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
    size_t at = 0, next = 0;
    str line;
    unsigned lines = 0;
    out->name = out->data = STR_NONE;
    while (next_line(raw, at, &line, &next)) {
        at = next;
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

size_t sse_next(str bytes, size_t *resume, struct buf *joined, struct sse_event *out)
{
    size_t at = resume ? *resume : 0, next = 0;
    str line;
    while (next_line(bytes, at, &line, &next)) {
        at = next;
        if (line.n) continue;
        out->raw = str_head(bytes, at);
        read_fields(out->raw, joined, out);
        if (resume) *resume = 0;
        return at;
    }
    if (resume) *resume = at;
    return 0;
}
