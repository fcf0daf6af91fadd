#include "dialect/multipart.h"

static bool fail(struct multipart *m, const char *why)
{
    m->why = why;
    m->over = true;
    return false;
}

static str media_type(str content_type)
{
    return str_trim(str_head(content_type, str_find_byte(content_type, ';', 0)));
}

bool multipart_is(str content_type)
{
    return str_eq_nocase(media_type(content_type), S("multipart/form-data"));
}

static str unquote(str s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? str_of(s.p + 1, s.n - 2) : s;
}

/* Of RFC 2046's characters; a space could end one, and nobody sends it. */
static bool is_boundary(str s)
{
    static const char marks[] = "'()+_,-./:=?";
    if (!s.n || s.n > MULTIPART_BOUNDARY_MAX) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (!c || !memchr(marks, c, sizeof(marks) - 1))) return false;
    }
    return true;
}

static bool find_boundary(str content_type, str *out)
{
    str rest = content_type;
    bool found = false;
    (void)str_cut(&rest, ';');
    while (rest.p) {
        str value = str_trim(str_cut(&rest, ';'));
        str key = str_trim(str_cut(&value, '='));
        if (!str_eq_nocase(key, S("boundary"))) continue;
        if (found) return false; /* two: which one counts? */
        found = true;
        *out = unquote(str_trim(value));
    }
    return found && is_boundary(*out);
}

bool multipart_init(struct multipart *m, str content_type, str body)
{
    str boundary = STR_NONE;
    *m = (struct multipart){.body = body};
    if (!multipart_is(content_type) || !find_boundary(content_type, &boundary))
        return fail(m, "the Content-Type has no usable boundary");
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_bytes = boundary.n + 4;
    if (!str_starts(body, str_of(m->delimiter + 2, m->delimiter_bytes - 2)))
        return fail(m, "the body does not begin with its boundary");
    m->at = m->delimiter_bytes - 2;
    return true;
}

/* ---- a part's head */

/* `name="model"; filename="a.mp3"`: a quote within a quoted text is escaped, or written as %22. */
static bool read_disposition(struct multipart *m, str value, struct multipart_part *out)
{
    bool named = false;
    if (!str_eq_nocase(media_type(value), S("form-data"))) return fail(m, "a part is no form-data");
    size_t at = str_find_byte(value, ';', 0);
    while (at < value.n) {
        str rest = str_trim(str_from_at(value, at + 1));
        size_t equals = str_find_byte(rest, '=', 0);
        if (!rest.n) break;
        if (equals == SIZE_MAX) return fail(m, "a part's Content-Disposition is malformed");
        str key = str_trim(str_head(rest, equals)), text = str_trim(str_from_at(rest, equals + 1));
        size_t end = 0;
        if (text.n && text.p[0] == '"') {
            for (end = 1; end < text.n && text.p[end] != '"'; end++) end += text.p[end] == '\\';
            if (end >= text.n) return fail(m, "a part's Content-Disposition is malformed");
            end++;
        } else {
            end = str_find_byte(text, ';', 0);
            if (end == SIZE_MAX) end = text.n;
        }
        str found = unquote(str_trim(str_head(text, end)));
        if (str_eq_nocase(key, S("name"))) {
            if (named) return fail(m, "a part has two names");
            named = true;
            out->name = found;
        }
        out->file = out->file || str_eq_nocase(key, S("filename")) || str_eq_nocase(key, S("filename*"));
        at = (size_t)(text.p - value.p) + end;
        while (at < value.n && value.p[at] != ';') at++;
    }
    return named && out->name.n ? true : fail(m, "a part has no name");
}

static bool read_head(struct multipart *m, str head, struct multipart_part *out)
{
    bool disposed = false;
    while (head.p && head.n) {
        size_t end = str_find(head, S("\r\n"), 0);
        str line = str_head(head, end);
        head = end == SIZE_MAX ? STR_NONE : str_from_at(head, end + 2);
        size_t colon = str_find_byte(line, ':', 0);
        if (colon == SIZE_MAX) return fail(m, "a part's header is malformed");
        if (!str_eq_nocase(str_head(line, colon), S("content-disposition"))) continue;
        if (disposed) return fail(m, "a part has two Content-Dispositions");
        disposed = true;
        if (!read_disposition(m, str_trim(str_from_at(line, colon + 1)), out)) return false;
    }
    return disposed ? true : fail(m, "a part has no Content-Disposition");
}

bool multipart_next(struct multipart *m, struct multipart_part *out)
{
    str rest = str_from_at(m->body, m->at);
    *out = (struct multipart_part){0};
    if (m->over) return false;
    if (str_starts(rest, S("--"))) { /* what follows the end is nobody's: white space alone may */
        m->over = true;
        return str_trim(str_from_at(rest, 2)).n ? fail(m, "something follows the last boundary") : false;
    }
    if (!str_starts(rest, S("\r\n"))) return fail(m, "a boundary is not followed by a line's end");
    if (++m->parts > MULTIPART_PARTS_MAX) return fail(m, "the body has too many parts");
    size_t head_at = m->at + 2;
    size_t head_end = str_find(str_head(m->body, head_at + MULTIPART_HEAD_MAX), S("\r\n\r\n"), head_at);
    if (head_end == SIZE_MAX) return fail(m, "a part's head has no end");
    if (!read_head(m, str_of(m->body.p + head_at, head_end - head_at), out)) return false;
    out->at = head_end + 4;
    /* an empty part's delimiter begins with the line's end of its head */
    size_t end = str_find(m->body, str_of(m->delimiter, m->delimiter_bytes), head_end + 2);
    if (end == SIZE_MAX) return fail(m, "the body ends without its last boundary");
    out->content = end < out->at ? S("") : str_of(m->body.p + out->at, end - out->at);
    m->at = end + m->delimiter_bytes;
    return true;
}
