/* Inside of the admin thread: shared by its files only. */
#ifndef ADMIN_INSIDE_H
#define ADMIN_INSIDE_H

#include "admin/admin.h"
#include "admin/visitor.h"
#include "base/json.h"
#include "net/http_server.h"

struct admin {
    struct purser *purser;
    struct loop loop;
    struct http_server *port, *socket;
    struct snapshot *snapshot; /* refreshed at each request */
    pthread_t thread;
    bool running, stopping;
    bool has_token; /* made at the first start: only its hash is kept */
    unsigned char token_hash[KEY_HASH_BYTES];
    struct visitors *visitors;
    struct live *live;
    struct expecting *expecting;
    struct list running_calls; /* of struct api_call: api_run.c */
    struct lane {
        struct list waiting;     /* of struct api_call */
        unsigned running, count; /* that wait */
    } lanes[3];                  /* questions, changes, switches */
    uv_timer_t teller;
};

void admin_refresh(struct admin *a);
bool admin_is_tls(const struct admin *a, const struct http_exchange *x);
void admin_json(struct http_exchange *x, int status, struct buf *body);
void admin_error(struct http_exchange *x, int status, const char *message);

/* Lines of /metrics; `first`: whether no label stands yet. */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
void metric_label(struct buf *out, const char *name, str value, bool *first);
void metric_number(struct buf *out, bool first, double value);
void admin_write_targets(struct buf *out, struct healths *healths);
void admin_write_budgets(struct buf *out, struct admin *a);

void admin_serve_metrics(struct admin *a, struct http_exchange *x);
void admin_serve_runaway_lift(struct admin *a, struct http_exchange *x);

/* A text member of the body; `out` stays where it is missing. Fails: false where it is none, or what is_plain() refuses. */
bool admin_text(const struct json *doc, struct arena *arena, str name, str *out) MUST_CHECK;
/* At most 500 bytes of UTF-8 without control characters: what people read, and the audit keeps. */
bool admin_is_plain(str s);
/* Who asks, for the audit: whoever may open the socket is who they say; whoever has the token may name a person
 * besides. And whence. */
str admin_who(const struct admin *a, struct http_exchange *x, str who);
str admin_origin(const struct admin *a, const struct http_exchange *x);

#endif
