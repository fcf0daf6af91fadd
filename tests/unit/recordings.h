/* Recorded traffic, which is not part of the project: $PURSER_SHARED/traffic, else
 * ../shared/traffic. */
#ifndef TESTS_RECORDINGS_H
#define TESTS_RECORDINGS_H

#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

struct recording {
    str provider, id, method, uri;
    str type;              /* Content-Type of the answer; where none was kept, as its first bytes say */
    str request, response; /* decoded; p == NULL: not kept */
    int64_t status;
    struct arena *arena; /* emptied behind each */
};

typedef void recording_fn(struct recording *r, void *ctx);

static inline str recording_text(const struct json *row, const char *key, struct arena *arena)
{
    str s = STR_NONE;
    json_ref at = json_find(row, JSON_ROOT, str_from(key), NULL);
    return at && json_string(row, at, arena, &s) ? s : STR_NONE;
}

static inline int recording_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static inline str recording_base64(str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = recording_digit(text.p[i]);
        if (digit < 0) continue;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (char)(bits >> have & 0xff);
    }
    return str_of(out, n);
}

/* Names of headers are as the recorder wrote them; a value may be a list. */
static inline str recording_header(const struct json *row, str name, struct arena *arena)
{
    json_ref headers = json_find(row, JSON_ROOT, S("response_headers"), NULL);
    for (json_ref key = json_first(row, headers); key; key = json_next(row, headers, key + 1)) {
        str raw = json_raw(row, key), value = STR_NONE;
        json_ref at = json_type(row, key + 1) == JSON_ARRAY ? json_first(row, key + 1) : key + 1;
        if (!str_eq_nocase(str_of(raw.p + 1, raw.n - 2), name)) continue;
        return at && json_string(row, at, arena, &value) ? value : STR_NONE;
    }
    return STR_NONE;
}

static inline str recording_type(const struct json *row, str body, struct arena *arena)
{
    static const str starts[] = {STR_INIT("data:"), STR_INIT("event:"), STR_INIT(":")};
    str type = recording_header(row, S("content-type"), arena);
    for (size_t i = 0; !type.n && i < COUNT_OF(starts); i++)
        if (str_starts(body, starts[i])) type = S("text/event-stream");
    return type.n ? type : S("application/json");
}

static inline void recording_line(str provider, str line, recording_fn *fn, void *ctx)
{
    struct json row;
    struct json_fail why;
    struct arena arena;
    struct recording r = {.provider = provider, .arena = &arena};
    json_init(&row);
    arena_init(&arena);
    if (!json_parse(&row, line, &why)) fail_msg("%.*s: a line is no JSON: %s", (int)provider.n, provider.p, why.why);
    r.id = recording_text(&row, "id", &arena);
    r.method = recording_text(&row, "method", &arena);
    r.uri = recording_text(&row, "uri", &arena);
    r.request = recording_text(&row, "request_body", &arena);
    r.response = recording_text(&row, "response_body", &arena);
    str coded = recording_text(&row, "response_body_b64", &arena);
    if (!r.response.p && coded.p) r.response = recording_base64(coded, &arena);
    r.type = recording_type(&row, r.response, &arena);
    if (!json_i64(&row, json_find(&row, JSON_ROOT, S("status"), NULL), &r.status)) r.status = 0;
    fn(&r, ctx);
    arena_free(&arena);
    json_free(&row);
}

/* Calls `fn` for each exchange of the provider's file. False: there is no such file. */
static inline bool recordings_each(const char *provider, recording_fn *fn, void *ctx)
{
    static char piece[64 * 1024];
    const char *shared = getenv("PURSER_SHARED");
    char path[4096];
    struct buf line;
    (void)snprintf(path, sizeof(path), "%s/traffic/%s.jsonl.gz", shared ? shared : "../shared", provider);
    gzFile file = gzopen(path, "rb");
    if (!file) return false;
    buf_init(&line, 0);
    for (int n; (n = gzread(file, piece, sizeof(piece))) > 0;) {
        buf_add(&line, str_of(piece, (size_t)n));
        for (size_t end; (end = str_find_byte(buf_str(&line), '\n', 0)) != SIZE_MAX;) {
            recording_line(str_from(provider), str_head(buf_str(&line), end), fn, ctx);
            buf_consume(&line, end + 1);
        }
    }
    buf_free(&line);
    gzclose(file);
    return true;
}

/* The same of several files; says how many there were. */
static inline int recordings_read(const char *const *providers, size_t count, recording_fn *fn, void *ctx)
{
    int found = 0;
    for (size_t i = 0; i < count; i++) found += recordings_each(providers[i], fn, ctx);
    return found;
}

/* Where no file was found the test is skipped, and says so. */
static inline void recordings_found(int files)
{
    if (files) return;
    print_message("skipped: no recorded traffic in $PURSER_SHARED/traffic or ../shared/traffic\n");
    skip();
}

/* The address without its query. */
static inline str recording_path(const struct recording *r)
{
    str path = str_head(r->uri, str_find_byte(r->uri, '?', 0));
    return str_head(path, str_find_byte(path, '#', 0));
}

/* ---- the same JSON, whatever the order of members: all that `a` has is in `b`, which may say more */

static inline bool json_alike(const struct json *a, json_ref x, const struct json *b, json_ref y, struct buf *where)
{
    size_t length = where->n;
    if (json_type(a, x) != json_type(b, y)) return false;
    if (json_type(a, x) == JSON_OBJECT) {
        for (json_ref k = json_first(a, x); k; k = json_next(a, x, k + 1)) {
            struct arena arena;
            str key = STR_NONE;
            arena_init(&arena);
            if (!json_string(a, k, &arena, &key)) key = json_raw(a, k);
            buf_printf(where, ".%.*s", (int)key.n, key.p);
            json_ref other = json_find(b, y, key, NULL);
            bool same = other && json_alike(a, k + 1, b, other, where);
            arena_free(&arena);
            if (!same) return false;
            where->n = length;
        }
        return true;
    }
    if (json_type(a, x) == JSON_ARRAY) {
        json_ref i = json_first(a, x), k = json_first(b, y);
        for (int index = 0; i && k; i = json_next(a, x, i), k = json_next(b, y, k), index++) {
            buf_printf(where, "[%d]", index);
            if (!json_alike(a, i, b, k, where)) return false;
            where->n = length;
        }
        return !i && !k;
    }
    if (json_type(a, x) == JSON_STRING) {
        struct arena arena;
        str s = STR_NONE, t = STR_NONE;
        arena_init(&arena);
        bool both = json_string(a, x, &arena, &s) && json_string(b, y, &arena, &t);
        bool same = both ? str_eq(s, t) : str_eq(json_raw(a, x), json_raw(b, y));
        arena_free(&arena);
        return same;
    }
    double v, w; /* "1.0" and "1": some recorders wrote numbers anew */
    return str_eq(json_raw(a, x), json_raw(b, y)) || (json_double(a, x, &v) && json_double(b, y, &w) && v == w);
}

#endif
