/* Keys over the control socket, and the secrets of the first start. */
#include "admin/inside.h"

#include "base/json.h"
#include "base/time.h"

#include <stdlib.h>

/* A list of names may be longer than what people read. */
static bool read_long(const struct json *doc, struct arena *arena, str name, str *out)
{
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    return at == JSON_ABSENT || json_string(doc, at, arena, out);
}

static bool parse(struct json *doc, struct http_exchange *x)
{
    struct json_fail fail;
    json_init(doc);
    if (json_parse(doc, x->request.body, &fail) && json_type(doc, JSON_ROOT) == JSON_OBJECT) return true;
    admin_error(x, 400, "The body must be a JSON object.");
    return false;
}

static void answer(struct admin *a, struct http_exchange *x, enum err e, struct buf *why)
{
    if (e) {
        buf_add_byte(why, '\0');
        admin_error(x, err_info(e)->status, why->p);
        return;
    }
    purser_refresh_keys(a->purser);
    http_respond(x, 200, S("content-type: application/json\r\n"), S("{\"ok\":true}\n"));
}

/* {"name","team","models","expires_us","hash"}: the secret itself never comes here. */
void admin_serve_key_add(struct admin *a, struct http_exchange *x)
{
    struct json doc;
    struct ledger_key key = {.created_us = time_now_us()};
    str hash = STR_NONE;
    struct buf why;
    buf_init(&why, 0);
    if (!parse(&doc, x)) {
        json_free(&doc);
        return;
    }
    bool ok = admin_text(&doc, &x->arena, S("name"), &key.name) && admin_text(&doc, &x->arena, S("team"), &key.team) &&
              read_long(&doc, &x->arena, S("models"), &key.models) && admin_text(&doc, &x->arena, S("hash"), &hash);
    json_ref expires = json_find(&doc, JSON_ROOT, S("expires_us"), NULL);
    if (expires != JSON_ABSENT) ok = json_i64(&doc, expires, &key.expires_us) && ok;
    if (!ok || !key.name.n || hash.n != 2 * KEY_HASH_BYTES) {
        admin_error(x, 400, "A key needs a name and the hash of its secret.");
    } else if (key_table_find_name(a->snapshot->keys, key.name)) {
        admin_error(x, 409, "There is a key of that name already.");
    } else {
        for (size_t i = 0; i < KEY_HASH_BYTES; i++) {
            char two[3] = {hash.p[2 * i], hash.p[2 * i + 1], 0};
            key.hash[i] = (unsigned char)strtoul(two, NULL, 16);
        }
        answer(a, x, ledger_key_add(a->purser->ledger, &key, &why), &why);
    }
    buf_free(&why);
    json_free(&doc);
}

void admin_serve_key_revoke(struct admin *a, struct http_exchange *x)
{
    struct json doc;
    str name = STR_NONE;
    struct buf why;
    buf_init(&why, 0);
    if (parse(&doc, x)) {
        if (!admin_text(&doc, &x->arena, S("name"), &name) || !name.n)
            admin_error(x, 400, "Which key? Send its name.");
        else
            answer(a, x, ledger_key_revoke(a->purser->ledger, name, time_now_us(), &why), &why);
    }
    buf_free(&why);
    json_free(&doc);
}

/* ---- the first start */

static const char token_name[] = "(admin token)";

static void find_token(void *ctx, const struct ledger_key *key)
{
    struct admin *a = ctx;
    if (!str_eq(key->name, S("(admin token)")) || key->revoked_us) return;
    memcpy(a->token_hash, key->hash, sizeof(a->token_hash));
    a->has_token = true;
}

static bool make(struct admin *a, const char *name, char secret[64])
{
    struct ledger_key key = {.name = str_from(name), .created_us = time_now_us()};
    struct buf why;
    buf_init(&why, 0);
    key_make_secret(secret);
    key_hash(str_from(secret), key.hash);
    enum err e = ledger_key_add(a->purser->ledger, &key, &why);
    if (e) {
        buf_add_byte(&why, '\0');
        fprintf(stderr, "purser: the key '%s' could not be stored: %s\n", name, why.p);
    }
    buf_free(&why);
    return !e;
}

void admin_first_start(struct admin *a, FILE *out)
{
    char secret[64];
    ledger_keys_each(a->purser->ledger, find_token, a);
    bool token_set = a->snapshot->settings->admin_token.n > 0;
    if (key_table_count(a->snapshot->keys) == 0 && make(a, "first", secret)) {
        purser_refresh_keys(a->purser);
        fprintf(out, "No key was set: made the key 'first'. It is shown this once:\n  %s\n", secret);
    }
    if (!token_set && !a->has_token && make(a, token_name, secret)) {
        ledger_keys_each(a->purser->ledger, find_token, a);
        fprintf(out, "No admin token was set: made one. It is shown this once:\n  %s\n", secret);
    }
    explicit_bzero(secret, sizeof(secret));
    fflush(out);
}
