/* Recorded traffic, for tests of dialects: streams in the plainest framing, and JSON held against JSON. */
#ifndef TESTS_DIALECT_RECORDINGS_H
#define TESTS_DIALECT_RECORDINGS_H

#include "../recordings.h"

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
