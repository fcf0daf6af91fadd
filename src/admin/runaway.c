/* Lifting by hand what blocks a session or task. */
#include "admin/inside.h"

#include "base/time.h"
#include "ledger/audit.h"
#include "policy/runaway.h"

struct asked {
    str session, task; /* one of the two */
    str key, who, why;
};

static str name_of(const struct asked *asked)
{
    return asked->session.n ? asked->session : asked->task;
}

static bool read_asked(const struct json *doc, struct arena *arena, struct asked *out)
{
    return admin_text(doc, arena, S("session"), &out->session) && admin_text(doc, arena, S("task"), &out->task) &&
           admin_text(doc, arena, S("key"), &out->key) && admin_text(doc, arena, S("who"), &out->who) &&
           admin_text(doc, arena, S("why"), &out->why) && !out->session.n != !out->task.n;
}

/* Names belong to purser's keys: where none is said, those of all keys are meant. */
static size_t find_keys(struct admin *a, const struct asked *asked, str *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < key_table_count(a->snapshot->keys); i++) {
        str key = key_table_at(a->snapshot->keys, i)->name;
        if (asked->key.n && !str_eq(asked->key, key)) continue;
        if (runaway_knows(a->purser->runaways, key, name_of(asked))) keys[count++] = key;
    }
    return count;
}

static struct audit_entry entry_of(struct admin *a, struct http_exchange *x, const struct asked *asked, str key)
{
    str object = arena_printf(&x->arena, "%s %" STR_FMT " of key %" STR_FMT, asked->session.n ? "session" : "task",
                              STR_ARG(name_of(asked)), STR_ARG(key));
    return (struct audit_entry){.at_us = time_now_us(),
                                .who = admin_who(a, x, asked->who),
                                .what = S("runaway lift"),
                                .object = object,
                                .before = S("watched"),
                                .after = S("forgotten"),
                                .why = str_trim(asked->why),
                                .origin = admin_origin(a, x)};
}

/* What cannot be recorded is not lifted. */
static bool lift(struct admin *a, struct http_exchange *x, const struct asked *asked, size_t *lifted, struct buf *why)
{
    size_t all = key_table_count(a->snapshot->keys) + 1;
    str *keys = arena_alloc(&x->arena, all * sizeof(*keys));
    size_t count = find_keys(a, asked, keys);
    struct audit_entry *entries = arena_alloc(&x->arena, all * sizeof(*entries));
    for (size_t i = 0; i < count; i++) entries[i] = entry_of(a, x, asked, keys[i]);
    if (count && !ledger_audit(a->purser->ledger, entries, count, why)) return false;
    for (size_t i = 0; i < count; i++) *lifted += runaway_lift(a->purser->runaways, keys[i], name_of(asked));
    return true;
}

/* {"session"|"task", "key", "why", "who"}: forgets the session or task of that name. Answers of how many keys there
 * was one. */
void admin_serve_runaway_lift(struct admin *a, struct http_exchange *x)
{
    struct json doc;
    struct json_fail fail;
    struct asked asked = {0};
    struct buf out, why;
    size_t lifted = 0;
    json_init(&doc);
    bool ok = json_parse(&doc, x->request.body, &fail) && json_type(&doc, JSON_ROOT) == JSON_OBJECT &&
              read_asked(&doc, &x->arena, &asked);
    json_free(&doc);
    if (!ok) {
        admin_error(x, 400,
                    "Which session or task? Send its name as 'session' or 'task', if wanted the 'key' of purser that "
                    "it belongs to, and 'why'.");
        return;
    }
    buf_init(&out, 0);
    buf_init(&why, 0);
    if (lift(a, x, &asked, &lifted, &why)) {
        buf_printf(&out, "{\"lifted\":%zu}\n", lifted);
        admin_json(x, 200, &out);
    } else {
        buf_add_byte(&why, '\0');
        admin_error(x, 500, why.p);
    }
    buf_free(&out);
    buf_free(&why);
}
