#include "base/schema_stream.h"

enum { GROWTH = 8 }; /* one part in so many is new at each look */

void schema_stream_init(struct schema_stream *s, const struct schema *schema, bool one_object)
{
    *s = (struct schema_stream){
        .schema = schema, .look_at = 1, .steps = SCHEMA_STREAM_STEPS, .one_object = one_object, .hope = SCHEMA_OPEN};
    buf_init(&s->text, SCHEMA_STREAM_TEXT_MAX);
}

void schema_stream_free(struct schema_stream *s)
{
    buf_free(&s->text);
}

static void look(struct schema_stream *s)
{
    s->hope = schema_prefix_paid(s->schema, buf_str(&s->text), &s->steps);
    s->over = s->over || s->hope == SCHEMA_HOPELESS || !s->steps;
    s->look_at = s->text.n + 1 + s->text.n / GROWTH;
}

/* One byte more of the first value. True: it ends with it, or is none that counts. */
static bool ends_with(struct schema_stream *s, char c)
{
    bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!s->begun && !blank) {
        s->begun = true;
        s->over = s->one_object && c != '{';
    }
    if (s->in_string) {
        s->in_string = c != '"' || s->escaped;
        s->escaped = c == '\\' && !s->escaped;
        return false;
    }
    s->in_string = c == '"';
    if (c == '{' || c == '[') s->depth++;
    if ((c == '}' || c == ']') && s->depth) s->depth--;
    return s->over || (s->begun && !s->depth);
}

/* How much of `piece` comes before the next look. */
static size_t next_part(struct schema_stream *s, str piece, bool *ends)
{
    size_t room = s->look_at - s->text.n, n = 0;
    *ends = false;
    while (n < piece.n && n < room && !*ends) *ends = ends_with(s, piece.p[n++]) && s->one_object;
    return n;
}

enum schema_hope schema_stream_feed(struct schema_stream *s, str piece)
{
    while (piece.n && !s->over) {
        bool ends;
        size_t n = next_part(s, piece, &ends);
        bool kept = !s->over && buf_add(&s->text, str_head(piece, n));
        piece = str_from_at(piece, n);
        s->over = ends || !kept;
        if (kept && (ends || s->text.n == s->look_at)) look(s);
    }
    if (s->over) buf_free(&s->text);
    return s->hope;
}
