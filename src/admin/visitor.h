/* Who asks the admin port, and what that one may: tokens, sessions of browsers, roles.
 *
 * A token is shown as `Authorization: Bearer TOKEN`, or once to sign in: then a cookie stands for it, and every
 * change must bring the session's `x-purser-csrf`. Of tokens only hashes are kept, of sessions too.
 * Thread: the admin thread's. */
#ifndef ADMIN_VISITOR_H
#define ADMIN_VISITOR_H

#include "admin/sessions.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

struct admin;
struct http_exchange;

/* What may be done, each with all in front of it. An owner stands beside them: it may see and switch its own features,
 * where a route says so. */
enum role { ROLE_NONE, ROLE_OWNER, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

const char *role_name(enum role role);
/* ROLE_NONE: there is none of that name. */
enum role role_find(str name);

/* A new token's secret: "pa-" and 43 letters and digits, 256 bits from the kernel. */
void visitor_make_secret(char out[64]);

struct visitor {
    enum role role;
    str name;  /* the token's: for people and the audit */
    str owner; /* whose features, of ROLE_OWNER */
    str origin;
    bool by_socket;  /* whoever may open the control socket */
    bool by_session; /* a browser */
    bool guessable;  /* by the settings' token: somebody chose it, others are 256 random bits */
    int64_t wait_us; /* not 0: its address showed too many wrong tokens, and must wait so long */
};

/* Texts live as long as the exchange. Fails: role ROLE_NONE, with a sentence in `why` (static). */
struct visitor visitor_of(struct admin *a, struct http_exchange *x, const char **why);
/* Of an exchange that goes on: who was let in is never made to wait. */
struct visitor visitor_still(struct admin *a, struct http_exchange *x);
/* What a header says of a wait: whole seconds, rounded up. */
long long visitor_wait_seconds(int64_t wait_us);
/* Is the change that a browser asks for one that its page asked for? Others need no such proof. */
bool visitor_proves(struct admin *a, struct http_exchange *x);

/* The token's visitor. Fails: false; `wait_us` is not 0 where that address must wait before it may try again. */
bool visitor_sign_in(struct admin *a, str token, str peer, struct visitor *out, int64_t *wait_us) MUST_CHECK;
/* A session for it; `id` is what the cookie holds. */
const struct session *visitor_begin(struct admin *a, str token, char id[SESSION_ID_MAX]);
const struct session *visitor_session(struct admin *a, struct http_exchange *x); /* NULL: none */
void visitor_end(struct admin *a, struct http_exchange *x);

struct visitors;
struct visitors *visitors_new(void);
void visitors_drop(struct visitors *v);
/* Reads the tokens of the store anew; sessions of those that are gone end. */
void visitors_reload(struct admin *a);

#endif
