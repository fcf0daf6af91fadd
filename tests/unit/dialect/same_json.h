/* Is nothing of one JSON value missing in another? The order of members does not matter. */
#ifndef TESTS_DIALECT_SAME_JSON_H
#define TESTS_DIALECT_SAME_JSON_H

#include "base/arena.h"
#include "base/json.h"

/* Where two values may differ without a loss; `path` is "choices[].message.content". */
typedef bool json_forgive(const struct json *a, json_ref at, const struct json *b, json_ref bt, const char *path);

struct json_compare {
    const struct json *a, *b;
    json_forgive *forgive; /* NULL: nothing */
    struct arena arena;
    char path[512];
};

static inline bool json_strings_same(struct json_compare *c, json_ref at, json_ref bt)
{
    str s, t;
    if (str_eq(json_raw(c->a, at), json_raw(c->b, bt))) return true;
    return json_string(c->a, at, &c->arena, &s) && json_string(c->b, bt, &c->arena, &t) && str_eq(s, t);
}

static inline bool json_lost(struct json_compare *c, json_ref at, json_ref bt);

static inline bool json_members_lost(struct json_compare *c, json_ref at, json_ref bt)
{
    size_t n = strlen(c->path);
    for (json_ref key = json_first(c->a, at); key; key = json_next(c->a, at, key + 1)) {
        str name = STR_NONE;
        bool twice = false;
        if (!json_string(c->a, key, &c->arena, &name)) continue;
        (void)snprintf(c->path + n, sizeof(c->path) - n, "%s%.*s", n ? "." : "", (int)name.n, name.p);
        json_ref other = json_find(c->b, bt, name, &twice);
        if (twice || json_lost(c, key + 1, other)) return true;
    }
    c->path[n] = 0;
    return false;
}

static inline bool json_elements_lost(struct json_compare *c, json_ref at, json_ref bt)
{
    size_t n = strlen(c->path);
    (void)snprintf(c->path + n, sizeof(c->path) - n, "[]");
    json_ref b = json_first(c->b, bt);
    for (json_ref a = json_first(c->a, at); a; a = json_next(c->a, at, a)) {
        if (json_lost(c, a, b)) return true;
        b = json_next(c->b, bt, b);
    }
    c->path[n] = 0;
    return b != JSON_ABSENT;
}

/* `c->path` tells where. `bt` is JSON_ABSENT where there is no such value, or the root. */
static inline bool json_lost(struct json_compare *c, json_ref at, json_ref bt)
{
    bool missing = !bt && at;
    if (c->forgive && c->forgive(c->a, at, c->b, bt, c->path)) return false;
    if (missing || json_type(c->a, at) != json_type(c->b, bt)) return true;
    switch (json_type(c->a, at)) {
    case JSON_OBJECT:
        return json_members_lost(c, at, bt);
    case JSON_ARRAY:
        return json_elements_lost(c, at, bt);
    case JSON_STRING:
        return !json_strings_same(c, at, bt);
    default:
        return !str_eq(json_raw(c->a, at), json_raw(c->b, bt));
    }
}

/* Fails: false, with the first difference's path in `where`. */
static inline bool json_kept(const struct json *a, const struct json *b, json_forgive *forgive, char *where,
                             size_t room)
{
    struct json_compare c = {.a = a, .b = b, .forgive = forgive};
    arena_init(&c.arena);
    bool lost = json_lost(&c, JSON_ROOT, JSON_ROOT);
    (void)snprintf(where, room, "%s", c.path);
    arena_free(&c.arena);
    return !lost;
}

#endif
