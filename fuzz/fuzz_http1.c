/* Heads, requests and answers: where one ends does not depend on how it is cut,
 * everything read lies inside it, and what is taken is framed in one way only. */
#include "net/http1.h"

#include <stdlib.h>

enum { INPUT_MAX = 16 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static bool inside(str part, str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* The end as found byte by byte, each time told how much was seen. */
static size_t end_in_pieces(str all, size_t step)
{
    size_t end = 0, seen = 0;
    for (size_t n = step; !end; n += step) {
        str got = str_head(all, n);
        end = http1_head_end(got, seen);
        seen = got.n;
        if (got.n == all.n) break;
    }
    return end;
}

static bool has_header(const struct http_head *h, str name, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < h->header_count; i++) *count += str_eq_nocase(h->headers[i].name, name);
    return *count > 0;
}

/* The headers stand in order, each a line of its own: "name:value". */
static void check_headers(str head, const struct http_head *h)
{
    size_t lines = 0, at = 0, next;
    for (; (next = str_find(head, S("\r\n"), at)) != SIZE_MAX; at = next + 2) lines += next > at;
    check(h->header_count + 1 == lines); /* no line is lost, or given to another header */
    for (size_t i = 0; i < h->header_count; i++) {
        str name = h->headers[i].name, value = h->headers[i].value;
        check(inside(name, head) && inside(value, head) && name.n);
        check(name.p[-1] == '\n' && name.p[name.n] == ':');
        check(!memchr(name.p, ' ', name.n) && !memchr(name.p, '\t', name.n));
        check(value.n == 0 || (value.p > name.p && !memchr(value.p, '\r', value.n) && !memchr(value.p, '\n', value.n)));
    }
}

static void check_framing(const struct http_head *h)
{
    size_t lengths, codings;
    bool length = has_header(h, S("content-length"), &lengths),
         coding = has_header(h, S("transfer-encoding"), &codings);
    check(lengths <= 1 && codings <= 1 && !(length && coding));
    check((h->framing == HTTP_CHUNKED) == coding);
    if (h->framing == HTTP_LENGTH) check(length && h->length > 0);
}

static void try_request(str head)
{
    struct arena arena;
    struct http_head h;
    const char *why = NULL;
    arena_init(&arena);
    if (http1_read_request(head, &arena, &h, &why) == ERR_NONE) {
        check(inside(h.target, head) && h.target.n && h.method.n);
        check_headers(head, &h);
        check_framing(&h);
        check(h.framing != HTTP_UNTIL_CLOSE);
        check(h.version_minor == 0 || h.version_minor == 1);
    } else {
        check(why && *why);
    }
    arena_free(&arena);
}

static void try_answer(str head, bool head_request)
{
    struct arena arena;
    struct http_head h;
    const char *why = NULL;
    arena_init(&arena);
    if (http1_read_response(head, head_request, &arena, &h, &why) == ERR_NONE) {
        check(h.status >= 100 && h.status <= 599);
        check_headers(head, &h);
        if (head_request) check(h.framing == HTTP_NO_BODY);
        if (h.framing != HTTP_NO_BODY) check_framing(&h);
        if (h.framing == HTTP_UNTIL_CLOSE) check(!h.keep_alive);
    } else {
        check(why && *why);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    str all = str_of((const char *)data, size);
    size_t end = http1_head_end(all, 0);
    check(end == 0 || end == SIZE_MAX || end <= all.n);
    size_t steps[] = {1, 2, 3, 7, 1000};
    for (size_t i = 0; i < COUNT_OF(steps) && size; i++) check(end_in_pieces(all, steps[i]) == end);
    if (end == 0 || end == SIZE_MAX) return 0;
    char *copy = malloc(end); /* of exactly its size: reading behind it is found */
    if (!copy) return 0;
    memcpy(copy, all.p, end);
    try_request(str_of(copy, end));
    try_answer(str_of(copy, end), false);
    try_answer(str_of(copy, end), true);
    free(copy);
    return 0;
}
