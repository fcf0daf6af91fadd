#include "net/json_array.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_open(char c)
{
    return c == '{' || c == '[';
}

/* One byte inside an element. True: the element ends behind it. A number or a word ends before
 * what separates it, which `*before` tells. */
static bool step(struct json_array *s, char c, bool *before)
{
    *before = false;
    if (s->in_string) {
        if (s->after_slash)
            s->after_slash = false;
        else if (c == '\\')
            s->after_slash = true;
        else if (c == '"')
            s->in_string = false;
        return !s->in_string && !s->depth;
    }
    if (!s->depth && (is_space(c) || c == ',' || c == ']')) return *before = true;
    if (c == '"') {
        s->in_string = true;
    } else if (is_open(c)) {
        s->wrong = ++s->depth > JSON_ARRAY_DEPTH_MAX;
    } else if (c == '}' || c == ']') {
        s->wrong = s->depth == 0;
        if (s->depth && --s->depth == 0) return true;
    }
    return false;
}

/* One byte between elements. */
static void skip(struct json_array *s, char c, size_t at)
{
    if (is_space(c) || (s->opened && c == ',')) return;
    if (s->closed || (!s->opened && !is_open(c))) {
        s->wrong = true; /* something follows the array, or this is none */
    } else if (!s->opened && c == '[') {
        s->opened = true;
    } else if (s->opened && c == ']') {
        s->closed = true;
    } else {
        s->closed = !s->opened; /* one object: nothing may follow */
        s->in_element = true;
        s->from = at;
    }
}

size_t json_array_next(str bytes, struct json_array *s, struct json_element *out)
{
    bool before = false;
    while (s->at < bytes.n && !s->wrong) {
        char c = bytes.p[s->at];
        if (!s->in_element) skip(s, c, s->at);
        if (s->in_element && step(s, c, &before)) {
            size_t end = s->at + (before ? 0 : 1);
            out->raw = str_head(bytes, end);
            out->data = str_of(bytes.p + s->from, end - s->from);
            s->at = s->from = 0;
            s->depth = 0;
            s->in_element = s->in_string = false;
            return end;
        }
        s->at++;
    }
    return 0;
}
