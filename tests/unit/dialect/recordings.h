/* Recorded traffic, for tests: each line of each file of a list, and JSON held against JSON.
 * The recordings are not part of the project: $PURSER_SHARED/traffic, else ../shared/traffic. */
#ifndef TESTS_DIALECT_RECORDINGS_H
#define TESTS_DIALECT_RECORDINGS_H

#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

struct recording {
    str provider, id, uri;
    int64_t status;
    str request, response; /* p == NULL: not kept */
    struct arena *arena;   /* emptied behind each */
};

static inline str recording_text(const struct json *row, const char *key, struct arena *arena)
{
    str s = STR_NONE;
    json_ref at = json_find(row, JSON_ROOT, str_from(key), NULL);
    return at && json_string(row, at, arena, &s) ? s : STR_NONE;
}

static inline void recording_line(const char *provider, str line, void (*take)(struct recording *))
{
    struct json row;
    struct json_fail why;
    struct arena arena;
    struct recording r = {.provider = str_from(provider), .arena = &arena};
    json_init(&row);
    arena_init(&arena);
    if (!json_parse(&row, line, &why)) fail_msg("%s: a line is no JSON: %s", provider, why.why);
    r.id = recording_text(&row, "id", &arena);
    r.uri = recording_text(&row, "uri", &arena);
    r.uri = str_head(r.uri, str_find_byte(r.uri, '?', 0));
    r.request = recording_text(&row, "request_body", &arena);
    r.response = recording_text(&row, "response_body", &arena);
    if (!json_i64(&row, json_find(&row, JSON_ROOT, S("status"), NULL), &r.status)) r.status = 0;
    take(&r);
    arena_free(&arena);
    json_free(&row);
}

/* Gives each exchange to `take`; says how many files there were. */
static inline int recordings_read(const char *const *providers, size_t count, void (*take)(struct recording *))
{
    static char piece[64 * 1024];
    const char *shared = getenv("PURSER_SHARED");
    int files = 0;
    for (size_t i = 0; i < count; i++) {
        char path[4096];
        struct buf line;
        (void)snprintf(path, sizeof(path), "%s/traffic/%s.jsonl.gz", shared ? shared : "../shared", providers[i]);
        gzFile file = gzopen(path, "rb");
        if (!file) continue;
        files++;
        buf_init(&line, 0);
        for (int n; (n = gzread(file, piece, sizeof(piece))) > 0;) {
            buf_add(&line, str_of(piece, (size_t)n));
            for (size_t end; (end = str_find_byte(buf_str(&line), '\n', 0)) != SIZE_MAX;) {
                recording_line(providers[i], str_head(buf_str(&line), end), take);
                buf_consume(&line, end + 1);
            }
        }
        buf_free(&line);
        gzclose(file);
    }
    return files;
}

/* Framing in its plainest form: good enough for recordings, tested elsewhere. */
static inline bool recording_event(str *rest, struct arena *arena, str *event, str *data)
{
    *event = *data = STR_NONE;
    while (rest->p) {
        str line = str_cut(rest, '\n');
        if (line.n && line.p[line.n - 1] == '\r') line.n--;
        if (!line.n && data->p) return true;
        if (str_starts(line, S("event:"))) *event = str_trim(str_from_at(line, 6));
        if (!str_starts(line, S("data:"))) continue;
        str more = str_trim(str_from_at(line, 5));
        *data = data->p ? arena_printf(arena, "%.*s\n%.*s", (int)data->n, data->p, (int)more.n, more.p) : more;
    }
    return data->p != NULL;
}

static inline bool recording_is_stream(str body)
{
    body = str_trim(body);
    return str_starts(body, S("data:")) || str_starts(body, S("event:")) || str_starts(body, S(":"));
}

/* Whether everything in `want` is in `got`, order of members ignored. Where they differ, `lost` is the path.
 * `alike`: may excuse a difference. */
struct json_cover {
    const struct json *want, *got;
    bool (*alike)(const struct json_cover *c, json_ref want, json_ref got);
    char lost[512];
};

static inline bool json_covers(struct json_cover *c, json_ref want, json_ref got, const char *path);

static inline bool cover_members(struct json_cover *c, json_ref want, json_ref got, const char *path)
{
    for (json_ref key = json_first(c->want, want); key; key = json_next(c->want, want, key + 1)) {
        char inner[512];
        str name = json_raw(c->want, key);
        struct arena arena;
        str plain;
        arena_init(&arena);
        json_ref at = json_string(c->want, key, &arena, &plain) ? json_find(c->got, got, plain, NULL) : JSON_ABSENT;
        arena_free(&arena);
        (void)snprintf(inner, sizeof(inner), "%s.%.*s", path, (int)name.n, name.p);
        if (!at && json_type(c->want, key + 1) == JSON_NULL) continue;
        if (!at) {
            (void)snprintf(c->lost, sizeof(c->lost), "%s", inner);
            return false;
        }
        if (!json_covers(c, key + 1, at, inner)) return false;
    }
    return true;
}

static inline bool cover_values(struct json_cover *c, json_ref want, json_ref got, const char *path)
{
    char inner[512];
    int index = 0;
    json_ref g = json_first(c->got, got);
    for (json_ref w = json_first(c->want, want); w; w = json_next(c->want, want, w), index++) {
        (void)snprintf(inner, sizeof(inner), "%s[%d]", path, index);
        if (!g) {
            (void)snprintf(c->lost, sizeof(c->lost), "%s", inner);
            return false;
        }
        if (!json_covers(c, w, g, inner)) return false;
        g = json_next(c->got, got, g);
    }
    if (g) (void)snprintf(c->lost, sizeof(c->lost), "%s: more than there were", path);
    return !g;
}

static inline bool json_covers(struct json_cover *c, json_ref want, json_ref got, const char *path)
{
    enum json_type type = json_type(c->want, want);
    struct arena arena;
    bool same;
    if (c->alike && c->alike(c, want, got)) return true;
    if (type == json_type(c->got, got)) {
        if (type == JSON_OBJECT) return cover_members(c, want, got, path);
        if (type == JSON_ARRAY) return cover_values(c, want, got, path);
        arena_init(&arena);
        str a = json_raw(c->want, want), b = json_raw(c->got, got);
        if (type == JSON_STRING && !(json_string(c->want, want, &arena, &a) && json_string(c->got, got, &arena, &b)))
            a = json_raw(c->want, want), b = json_raw(c->got, got);
        same = str_eq(a, b);
        arena_free(&arena);
        if (same) return true;
    }
    (void)snprintf(c->lost, sizeof(c->lost), "%s", path);
    return false;
}

#endif
