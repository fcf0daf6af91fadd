/* Inside of the admin thread: shared by its files only. */
#ifndef ADMIN_INSIDE_H
#define ADMIN_INSIDE_H

#include "admin/admin.h"
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
};

void admin_refresh(struct admin *a);
bool admin_allowed(const struct admin *a, struct http_exchange *x);
void admin_json(struct http_exchange *x, int status, struct buf *body);
void admin_error(struct http_exchange *x, int status, const char *message);
void admin_gone(struct http_exchange *x);

/* Lines of /metrics; `first`: whether no label stands yet. */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
void metric_label(struct buf *out, const char *name, str value, bool *first);
void metric_number(struct buf *out, bool first, double value);
void admin_write_targets(struct buf *out, struct healths *healths);

void admin_serve_metrics(struct admin *a, struct http_exchange *x);
void admin_serve_report(struct admin *a, struct http_exchange *x);
void admin_serve_budgets(struct admin *a, struct http_exchange *x);
void admin_serve_key_add(struct admin *a, struct http_exchange *x);
void admin_serve_key_revoke(struct admin *a, struct http_exchange *x);
void admin_serve_switches(struct admin *a, struct http_exchange *x);
void admin_serve_switch(struct admin *a, struct http_exchange *x);
void admin_serve_runaway_lift(struct admin *a, struct http_exchange *x);
void admin_serve_events(struct admin *a, struct http_exchange *x);

/* "7d" ago, or a time as it stands. */
bool admin_read_time(str s, int64_t now_us, int64_t *out) MUST_CHECK;
/* The decoded value of `name` in a query string, in the exchange's arena; p == NULL where it is missing. */
str admin_query(struct http_exchange *x, const char *name);

#endif
