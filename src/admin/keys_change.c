/* Keys made, changed, rotated and revoked while purser runs. */
#include "admin/keys.h"

#include "admin/inside.h"
#include "admin/settings.h"
#include "base/time.h"
#include "base/utf8.h"
#include "ledger/audit.h"
#include "ledger/keys.h"

enum { MODEL_BYTES_MAX = 200, GRACE_DAYS_MAX = 365 };

static bool is_filed(const struct api_call *c, str name)
{
    const struct settings *s = c->snapshot->settings;
    for (size_t i = 0; i < s->key_count; i++) {
        if (str_eq(s->keys[i].name, name)) return true;
    }
    return false;
}

/* One that was made at run time: nobody else's, and not purser's own. Fails: false after api_fail(). */
static bool check_own(struct api_call *c, str name)
{
    if (is_filed(c, name)) {
        api_fail(c, 409, "set_in_file", "The settings file sets the key '%" STR_FMT "': change it there, then reload.",
                 STR_ARG(str_head(name, 64)));
        return false;
    }
    if (settings_is_name(name) && utf8_valid(name) && !str_starts(name, S("("))) return true;
    keys_none(c, name);
    return false;
}

static bool begin_entry(struct api_call *c, struct audit_entry *entry)
{
    *entry = (struct audit_entry){.at_us = c->now_us, .origin = api_origin(c)};
    return setting_asker(c, &entry->who, &entry->why);
}

/* Has it taken over, or tells why not. */
static bool finish(struct api_call *c, enum err e, const struct buf *why)
{
    bool ok = e == ERR_NONE;
    if (ok)
        purser_refresh_keys(c->admin->purser);
    else
        api_fail(c,
                 e == ERR_BAD_REQUEST ? 409
                 : e == ERR_NOT_FOUND ? 404
                                      : 500,
                 e == ERR_BAD_REQUEST ? "conflict"
                 : e == ERR_NOT_FOUND ? "not_found"
                                      : "internal",
                 "%" STR_FMT, STR_ARG(buf_str(why)));
    return ok;
}

/* A list of names as the store has it. Fails: false after api_fail(). */
static bool read_models(struct api_call *c, const struct json *doc, json_ref at, str *out)
{
    struct buf list;
    size_t n = 0;
    bool ok = at == JSON_ABSENT || json_type(doc, at) == JSON_NULL || json_type(doc, at) == JSON_ARRAY;
    buf_init(&list, 0);
    json_ref it = ok && at != JSON_ABSENT && json_type(doc, at) == JSON_ARRAY ? json_first(doc, at) : JSON_ABSENT;
    for (; ok && it != JSON_ABSENT; it = json_next(doc, at, it), n++) {
        str one = STR_NONE;
        ok = n < KEY_MODELS_MAX && json_string(doc, it, &c->arena, &one) && admin_is_plain(one) && str_trim(one).n &&
             one.n <= MODEL_BYTES_MAX && str_find_byte(one, ',', 0) == SIZE_MAX;
        buf_printf(&list, "%s%" STR_FMT, n ? "," : "", STR_ARG(ok ? str_trim(one) : S("")));
    }
    *out = arena_str(&c->arena, buf_str(&list));
    buf_free(&list);
    if (ok) return true;
    api_fail(
        c, 422, "bad_member",
        "models: a list of at most %d names without commas, `*` for any run of letters: [\"cheap\", \"openai/*\"].",
        KEY_MODELS_MAX);
    return false;
}

static bool read_team(struct api_call *c, const struct json *doc, str *out)
{
    *out = api_member(c, doc, S("team"));
    if (!out->n || settings_is_name(*out)) return true;
    api_fail(c, 422, "bad_member", "team: %s.", SETTINGS_NAME_RULE);
    return false;
}

static bool read_expires(struct api_call *c, const struct json *doc, int64_t *out)
{
    str text = api_member(c, doc, S("expires"));
    *out = 0;
    if (!text.n || api_read_until(c, text, out)) return true;
    api_fail(c, 422, "bad_member", "expires: a time to come such as 2027-01-01, or how long such as 90d.");
    return false;
}

static bool read_new(struct api_call *c, const struct json *doc, struct ledger_key *key)
{
    *key = (struct ledger_key){.name = api_member(c, doc, S("name")), .created_us = c->now_us};
    if (!settings_is_name(key->name) || str_starts(key->name, S("("))) {
        api_fail(c, 422, "bad_member", "name: %s, and not '(' in front.", SETTINGS_NAME_RULE);
        return false;
    }
    if (is_filed(c, key->name)) {
        api_fail(c, 409, "set_in_file", "A key named '%" STR_FMT "' stands in the settings file: choose another name.",
                 STR_ARG(key->name));
        return false;
    }
    return read_team(c, doc, &key->team) &&
           read_models(c, doc, json_find(doc, JSON_ROOT, S("models"), NULL), &key->models) &&
           read_expires(c, doc, &key->expires_us);
}

static void answer_secret(struct api_call *c, str name, const char *secret, int64_t old_until_us)
{
    struct api_rows r;
    api_one_begin(&r, c, API_RESOURCE_key_made);
    api_put_str(&r, "name", name);
    api_put_str(&r, "secret", str_from(secret));
    api_put_time(&r, "old_secret_until", old_until_us);
    api_one_end(&r);
}

void serve_keys_post(struct api_call *c)
{
    struct json doc;
    struct ledger_key key;
    struct audit_entry entry;
    struct buf why;
    char secret[64];
    buf_init(&why, 0);
    if (api_body(c, &doc) && read_new(c, &doc, &key) && begin_entry(c, &entry)) {
        key_make_secret(secret);
        key_hash(str_from(secret), key.hash);
        if (finish(c, ledger_key_add(c->admin->purser->ledger, &key, &entry, &why), &why))
            answer_secret(c, key.name, secret, 0);
        explicit_bzero(secret, sizeof(secret));
    }
    json_free(&doc);
    buf_free(&why);
}

void serve_key_delete(struct api_call *c)
{
    struct audit_entry entry;
    struct buf why;
    buf_init(&why, 0);
    if (check_own(c, c->path_args[0]) && begin_entry(c, &entry))
        (void)finish(c, ledger_key_revoke(c->admin->purser->ledger, c->path_args[0], &entry, &why), &why);
    buf_free(&why);
}

static bool read_grace(struct api_call *c, const struct json *doc, int64_t *until_us)
{
    int64_t for_us = 0;
    str grace = api_member(c, doc, S("grace"));
    *until_us = 0;
    if (!grace.n) return true;
    if (time_parse_duration(grace, &for_us) && for_us >= 0 && for_us <= GRACE_DAYS_MAX * US_PER_DAY) {
        if (for_us) *until_us = c->now_us + for_us;
        return true;
    }
    api_fail(c, 422, "bad_member", "grace: how long the old secret still holds, such as 24h; at most %dd.",
             GRACE_DAYS_MAX);
    return false;
}

void serve_key_rotate(struct api_call *c)
{
    struct json doc;
    struct audit_entry entry;
    struct buf why;
    unsigned char hash[KEY_HASH_BYTES];
    char secret[64];
    int64_t until_us;
    buf_init(&why, 0);
    if (api_body(c, &doc) && check_own(c, c->path_args[0]) && read_grace(c, &doc, &until_us) &&
        begin_entry(c, &entry)) {
        key_make_secret(secret);
        key_hash(str_from(secret), hash);
        enum err e = ledger_key_rotate(c->admin->purser->ledger, c->path_args[0], hash, until_us, &entry, &why);
        if (finish(c, e, &why)) answer_secret(c, c->path_args[0], secret, until_us);
        explicit_bzero(secret, sizeof(secret));
    }
    json_free(&doc);
    buf_free(&why);
}

/* What is missing stays, what is null goes. */
void serve_key_patch(struct api_call *c)
{
    struct json doc;
    struct audit_entry entry;
    struct buf why;
    struct ledger_key_change change = {0};
    str team, models;
    int64_t expires_us;
    buf_init(&why, 0);
    if (api_body(c, &doc) && check_own(c, c->path_args[0]) && read_team(c, &doc, &team) &&
        read_models(c, &doc, json_find(&doc, JSON_ROOT, S("models"), NULL), &models) &&
        read_expires(c, &doc, &expires_us) && begin_entry(c, &entry)) {
        if (json_find(&doc, JSON_ROOT, S("team"), NULL) != JSON_ABSENT) change.team = &team;
        if (json_find(&doc, JSON_ROOT, S("models"), NULL) != JSON_ABSENT) change.models = &models;
        if (json_find(&doc, JSON_ROOT, S("expires"), NULL) != JSON_ABSENT) change.expires_us = &expires_us;
        enum err e = ledger_key_change(c->admin->purser->ledger, c->path_args[0], &change, &entry, &why);
        if (finish(c, e, &why)) keys_answer(c, c->path_args[0]);
    }
    json_free(&doc);
    buf_free(&why);
}

/* ---- the limit of a key: a limit whose scope it is */

static str limit_name(struct api_call *c)
{
    return arena_printf(&c->arena, "key:%" STR_FMT, STR_ARG(c->path_args[0]));
}

void serve_key_limit_put(struct api_call *c)
{
    struct json doc;
    struct buf body;
    if (!key_table_find_name(c->snapshot->keys, c->path_args[0])) {
        keys_none(c, c->path_args[0]);
        return;
    }
    buf_init(&body, 0);
    if (api_body(c, &doc)) {
        str members = str_trim(c->body); /* an object: api_body() has seen it */
        bool none = json_first(&doc, JSON_ROOT) == JSON_ABSENT;
        buf_add(&body, S("{\"scope\":{\"key\":"));
        buf_add_json(&body, c->path_args[0]);
        buf_printf(&body, "}%s%" STR_FMT, none ? "" : ",", STR_ARG(str_from_at(members, 1)));
        setting_put_body(c, "limit", limit_name(c), buf_str(&body));
    }
    json_free(&doc);
    buf_free(&body);
}

void serve_key_limit_delete(struct api_call *c)
{
    setting_delete(c, "limit", limit_name(c));
}
