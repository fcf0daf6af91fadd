/* Tokens of this API: who may see and steer. */
#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "ledger/access.h"
#include "ledger/audit.h"

#include <string.h>

static void add_row(void *ctx, const struct ledger_access *a)
{
    struct api_rows *r = ctx;
    api_row(r);
    api_put_str(r, "name", a->name);
    api_put_str(r, "role", a->role);
    api_put_str(r, "owner", a->owner.n ? a->owner : STR_NONE);
    api_put_time(r, "created", a->created_us);
    api_put_time(r, "expires", a->expires_us);
    api_put_time(r, "revoked", a->revoked_us);
    api_put_str(r, "who", a->who);
}

void serve_tokens_get(struct api_call *c)
{
    struct api_rows r;
    struct buf why;
    api_rows_begin(&r, c, API_RESOURCE_token);
    if (!api_rows_page(&r)) return;
    buf_init(&why, 0);
    if (ledger_access_each(c->dir, add_row, &r, &why))
        api_rows_end(&r, STR_NONE);
    else
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
}

static struct audit_entry entry_of(struct api_call *c, str why)
{
    return (struct audit_entry){.at_us = c->now_us, .who = api_who(c), .why = why, .origin = api_origin(c)};
}

/* Fails: false after api_fail(). */
static bool read_token(struct api_call *c, const struct json *doc, struct ledger_access *out)
{
    str expires = api_member(c, doc, S("expires"));
    out->name = api_member(c, doc, S("name"));
    out->role = api_member(c, doc, S("role"));
    out->owner = api_member(c, doc, S("owner"));
    out->created_us = c->now_us;
    out->who = api_who(c);
    enum role role = role_find(out->role);
    if (!settings_is_name(out->name))
        api_fail(c, 422, "bad_member", "name: %s.", SETTINGS_NAME_RULE);
    else if (role == ROLE_NONE)
        api_fail(c, 422, "bad_member", "role: owner, viewer, operator or admin.");
    else if ((role == ROLE_OWNER) != (out->owner.n > 0))
        api_fail(c, 422, "bad_member",
                 "owner: a token of role owner needs it, as features have it in the settings; others take none.");
    else if (expires.n && !api_read_until(c, expires, &out->expires_us))
        api_fail(c, 422, "bad_member", "expires: a time to come such as 2027-01-01, or how long such as 90d.");
    return !api_failed(c);
}

void serve_tokens_post(struct api_call *c)
{
    struct json doc;
    struct ledger_access token = {.expires_us = 0};
    struct buf why;
    char secret[64];
    buf_init(&why, 0);
    if (api_body(c, &doc) && read_token(c, &doc, &token)) {
        visitor_make_secret(secret);
        key_hash(str_from(secret), token.hash);
        struct audit_entry entry = entry_of(c, api_member(c, &doc, S("why")));
        enum err e = ledger_access_add(c->admin->purser->ledger, &token, &entry, &why);
        if (e) {
            api_fail(c, e == ERR_BAD_REQUEST ? 409 : 500, e == ERR_BAD_REQUEST ? "exists" : "internal", "%" STR_FMT,
                     STR_ARG(buf_str(&why)));
        } else {
            struct api_rows r;
            c->access_changed = true;
            api_one_begin(&r, c, API_RESOURCE_token_made);
            api_put_str(&r, "name", token.name);
            api_put_str(&r, "role", token.role);
            api_put_str(&r, "secret", str_from(secret));
            api_one_end(&r);
        }
        explicit_bzero(secret, sizeof(secret));
    }
    json_free(&doc);
    buf_free(&why);
}

void serve_token_delete(struct api_call *c)
{
    struct buf why;
    buf_init(&why, 0);
    struct audit_entry entry = entry_of(c, api_param(c, S("why")));
    if (!admin_is_plain(entry.why)) {
        api_fail(c, 400, "bad_parameter", "why: at most 500 characters, none of them control characters");
        buf_free(&why);
        return;
    }
    enum err e = ledger_access_revoke(c->admin->purser->ledger, c->path_args[0], &entry, &why);
    if (e)
        api_fail(c, e == ERR_BAD_REQUEST ? 404 : 500, e == ERR_BAD_REQUEST ? "not_found" : "internal", "%" STR_FMT,
                 STR_ARG(buf_str(&why)));
    else
        c->access_changed = true;
    buf_free(&why);
}
