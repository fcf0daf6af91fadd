/* Lifting by hand what blocks a session or task. */
#include "policy/runaway.h"
#include "admin/api.h"
#include "admin/inside.h"
#include "ledger/audit.h"

struct asked {
    str session, task; /* one of the two */
    str key, who, why;
};

static str name_of(const struct asked *asked)
{
    return asked->session.n ? asked->session : asked->task;
}

/* Fails: false after api_fail(). */
static bool read_asked(struct api_call *c, struct asked *out)
{
    struct json doc;
    bool ok = api_body(c, &doc);
    if (ok) {
        out->session = api_member(c, &doc, S("session"));
        out->task = api_member(c, &doc, S("task"));
        out->key = api_member(c, &doc, S("key"));
        out->why = api_member(c, &doc, S("why"));
        out->who = api_member(c, &doc, S("who"));
    }
    json_free(&doc);
    if (ok && !out->session.n == !out->task.n)
        api_fail(c, 400, "bad_member",
                 "Which session or task? Send its name as 'session' or as 'task', and if wanted the 'key' of purser "
                 "that it belongs to.");
    return ok && !api_failed(c);
}

/* Names belong to purser's keys: where none is said, those of all keys are meant. */
static size_t find_keys(struct api_call *c, const struct asked *asked, str *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < key_table_count(c->snapshot->keys); i++) {
        str key = key_table_at(c->snapshot->keys, i)->name;
        if (asked->key.n && !str_eq(asked->key, key)) continue;
        if (runaway_knows(c->admin->purser->runaways, key, name_of(asked))) keys[count++] = key;
    }
    return count;
}

static struct audit_entry entry_of(struct api_call *c, const struct asked *asked, str key)
{
    str object = arena_printf(&c->arena, "%s %" STR_FMT " of key %" STR_FMT, asked->session.n ? "session" : "task",
                              STR_ARG(name_of(asked)), STR_ARG(key));
    return (struct audit_entry){.at_us = c->now_us,
                                .who = api_who_for(c, asked->who),
                                .what = S("runaway lift"),
                                .object = object,
                                .before = S("watched"),
                                .after = S("forgotten"),
                                .why = str_trim(asked->why),
                                .origin = api_origin(c)};
}

/* What cannot be recorded is not lifted. */
static bool lift(struct api_call *c, const struct asked *asked, size_t *lifted, struct buf *why)
{
    size_t all = key_table_count(c->snapshot->keys) + 1;
    str *keys = arena_alloc(&c->arena, all * sizeof(*keys));
    size_t count = find_keys(c, asked, keys);
    struct audit_entry *entries = arena_alloc(&c->arena, all * sizeof(*entries));
    for (size_t i = 0; i < count; i++) entries[i] = entry_of(c, asked, keys[i]);
    if (count && !ledger_audit(c->admin->purser->ledger, entries, count, why)) return false;
    for (size_t i = 0; i < count; i++) *lifted += runaway_lift(c->admin->purser->runaways, keys[i], name_of(asked));
    return true;
}

/* Forgets the session or task of that name. */
void serve_runaway_lift_post(struct api_call *c)
{
    struct asked asked = {0};
    struct api_rows r;
    struct buf why;
    size_t lifted = 0;
    if (!read_asked(c, &asked)) return;
    buf_init(&why, 0);
    if (lift(c, &asked, &lifted, &why)) {
        api_one_begin(&r, c, API_RESOURCE_lifted);
        api_put_int(&r, "lifted", (int64_t)lifted);
        api_one_end(&r);
    } else {
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    }
    buf_free(&why);
}
