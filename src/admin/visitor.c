#include "admin/visitor.h"

#include "admin/guesses.h"
#include "admin/inside.h"
#include "base/time.h"
#include "ledger/access.h"
#include "net/http_server.h"
#include "policy/keys.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum role role;
    const char *name;
} roles[] = {{ROLE_OWNER, "owner"}, {ROLE_VIEWER, "viewer"}, {ROLE_OPERATOR, "operator"}, {ROLE_ADMIN, "admin"}};

const char *role_name(enum role role)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (roles[i].role == role) return roles[i].name;
    }
    return "none";
}

enum role role_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (str_eq(name, str_from(roles[i].name))) return roles[i].role;
    }
    return ROLE_NONE;
}

/* ---- tokens */

void visitor_make_secret(char out[64])
{
    key_make_secret(out);
    out[1] = 'a'; /* "pa-": it is none of the data port's, which begin with "pk-" */
}

enum { TOKENS_MAX = 10000 };

struct token {
    str name, owner;
    enum role role;
    int64_t expires_us;
    unsigned char hash[KEY_HASH_BYTES];
};

struct visitors {
    struct arena arena; /* of the tokens */
    struct token *tokens;
    size_t count, cap;
    struct sessions *sessions;
    struct guesses *signing_in, *asking; /* apart: who mistypes his own shuts no program out */
};

struct visitors *visitors_new(void)
{
    struct visitors *v = mem_zalloc(sizeof(*v));
    arena_init(&v->arena);
    v->sessions = sessions_new();
    v->signing_in = guesses_new();
    v->asking = guesses_new();
    return v;
}

void visitors_drop(struct visitors *v)
{
    if (!v) return;
    sessions_drop(v->sessions);
    guesses_drop(v->signing_in);
    guesses_drop(v->asking);
    arena_free(&v->arena);
    free(v->tokens);
    free(v);
}

static bool same(const unsigned char a[KEY_HASH_BYTES], const unsigned char b[KEY_HASH_BYTES])
{
    return secret_equal(str_of((const char *)a, KEY_HASH_BYTES), str_of((const char *)b, KEY_HASH_BYTES));
}

/* The settings' admin token, else the one made at the first start; then those of the store. */
static bool find_token(const struct admin *a, const unsigned char hash[KEY_HASH_BYTES], int64_t now_us,
                       struct visitor *out)
{
    unsigned char admins[KEY_HASH_BYTES];
    const struct settings *s = a->snapshot->settings;
    const struct visitors *v = a->visitors;
    bool has_admins = s->admin_token.n || a->has_token;
    if (s->admin_token.n)
        key_hash(s->admin_token, admins);
    else if (a->has_token)
        memcpy(admins, a->token_hash, sizeof(admins));
    *out = (struct visitor){.role = ROLE_NONE};
    if (has_admins && same(hash, admins)) {
        *out = (struct visitor){.role = ROLE_ADMIN, .name = S("admin token"), .guessable = s->admin_token.n > 0};
        return true;
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct token *t = &v->tokens[i];
        if (!same(hash, t->hash)) continue;
        if (t->expires_us && t->expires_us <= now_us) return false;
        *out = (struct visitor){.role = t->role, .name = t->name, .owner = t->owner};
        return true;
    }
    return false;
}

static bool find_secret(const struct admin *a, str secret, int64_t now_us, struct visitor *out)
{
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(secret, hash);
    return find_token(a, hash, now_us, out);
}

static void take(void *ctx, const struct ledger_access *from)
{
    struct visitors *v = ctx;
    enum role role = role_find(from->role);
    if (from->revoked_us || role == ROLE_NONE || v->count == TOKENS_MAX) return;
    if (v->count == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 16;
        v->tokens = mem_realloc(v->tokens, v->cap * sizeof(*v->tokens));
    }
    struct token *t = &v->tokens[v->count++];
    *t = (struct token){.name = arena_str(&v->arena, from->name),
                        .owner = arena_str(&v->arena, from->owner),
                        .role = role,
                        .expires_us = from->expires_us};
    memcpy(t->hash, from->hash, sizeof(t->hash));
}

void visitors_reload(struct admin *a)
{
    struct visitors *v = a->visitors;
    struct buf why;
    char *dir = str_dup(a->snapshot->settings->data);
    buf_init(&why, 0);
    arena_free(&v->arena);
    arena_init(&v->arena);
    v->count = 0;
    if (!ledger_access_each(dir, take, v, &why))
        fprintf(stderr, "purser: warning: %" STR_FMT "; until that is mended only the admin token is known\n",
                STR_ARG(buf_str(&why)));
    buf_free(&why);
    free(dir);
}

/* ---- who asks */

static str bearer(const struct http_exchange *x)
{
    str value = http_header_find(&x->request, S("authorization"));
    if (value.n <= 7 || !str_eq_nocase(str_head(value, 7), S("bearer "))) return STR_NONE;
    return str_trim(str_from_at(value, 7));
}

/* The cookie's value; p == NULL: none came. */
static str cookie(const struct http_exchange *x)
{
    str all = http_header_find(&x->request, S("cookie"));
    while (all.p) {
        str value = str_trim(str_cut(&all, ';'));
        str name = str_cut(&value, '=');
        if (str_eq(name, S(SESSION_COOKIE))) return value;
    }
    return STR_NONE;
}

static struct visitor by_socket(struct http_exchange *x)
{
    str who = http_header_find(&x->request, S("x-purser-who"));
    bool plain = who.n && admin_is_plain(who);
    return (struct visitor){.role = ROLE_ADMIN,
                            .name =
                                plain ? arena_printf(&x->arena, "local user %" STR_FMT, STR_ARG(who)) : S("local user"),
                            .origin = S("control socket"),
                            .by_socket = true};
}

static struct visitor find(struct admin *a, struct http_exchange *x, const char **why)
{
    struct visitor v = {.role = ROLE_NONE};
    str token = bearer(x), id = cookie(x);
    int64_t now_us = time_now_us();
    if (x->server == a->socket) return by_socket(x);
    if (token.n) {
        if (!find_secret(a, token, now_us, &v)) *why = "This token is not known, or no longer holds.";
    } else if (id.n) {
        const struct session *s = sessions_find(a->visitors->sessions, id, now_us);
        if (!s || !find_token(a, session_token_hash(s), now_us, &v)) *why = "The session is over: sign in again.";
        v.by_session = true;
    } else {
        *why = "Send a token as 'Authorization: Bearer ...', or sign in at /.";
    }
    v.origin = x->request.peer;
    return v;
}

/* A right one that nobody can guess is let in at any time: behind one address there may be many programs. */
struct visitor visitor_of(struct admin *a, struct http_exchange *x, const char **why)
{
    struct guesses *g = a->visitors->asking;
    str token = x->server == a->socket ? STR_NONE : bearer(x), peer = x->request.peer;
    int64_t now_us = time_now_us();
    struct visitor v = find(a, x, why);
    bool sure = !token.n || (v.role != ROLE_NONE && !v.guessable);
    int64_t wait_us = sure ? 0 : guesses_wait_us(g, peer, now_us);
    if (wait_us) {
        *why = "Too many tokens from this address were wrong: wait as long as the header retry-after says.";
        return (struct visitor){.role = ROLE_NONE, .wait_us = wait_us};
    }
    if (token.n && v.role == ROLE_NONE) guesses_note(g, peer, token, now_us);
    return v;
}

struct visitor visitor_still(struct admin *a, struct http_exchange *x)
{
    const char *why = "";
    return find(a, x, &why);
}

long long visitor_wait_seconds(int64_t wait_us)
{
    return wait_us / US_PER_SECOND + 1;
}

bool visitor_proves(struct admin *a, struct http_exchange *x)
{
    if (x->server == a->socket || bearer(x).n) return true;
    const struct session *s = sessions_find(a->visitors->sessions, cookie(x), time_now_us());
    return s && secret_equal(http_header_find(&x->request, S("x-purser-csrf")), session_proof(s));
}

/* ---- signing in and out: session.c asks */

bool visitor_sign_in(struct admin *a, str token, str peer, struct visitor *out, int64_t *wait_us)
{
    int64_t now_us = time_now_us();
    *wait_us = guesses_wait_us(a->visitors->signing_in, peer, now_us);
    if (*wait_us) return false;
    if (find_secret(a, token, now_us, out)) return true;
    guesses_note(a->visitors->signing_in, peer, STR_NONE, now_us);
    return false;
}

const struct session *visitor_begin(struct admin *a, str token, char id[SESSION_ID_MAX])
{
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(token, hash);
    return sessions_begin(a->visitors->sessions, hash, time_now_us(), id);
}

const struct session *visitor_session(struct admin *a, struct http_exchange *x)
{
    return sessions_find(a->visitors->sessions, cookie(x), time_now_us());
}

void visitor_end(struct admin *a, struct http_exchange *x)
{
    sessions_end(a->visitors->sessions, cookie(x));
}
