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
    } lanes[4];                  /* questions, changes, switches, reports of the command line */
    uv_timer_t teller;
};

void admin_refresh(struct admin *a);
bool admin_is_tls(const struct admin *a, const struct http_exchange *x);
void admin_error(struct http_exchange *x, int status, const char *message);

/* Lines of /metrics; `first`: whether no label stands yet. */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
void metric_label(struct buf *out, const char *name, str value, bool *first);
void metric_number(struct buf *out, bool first, double value);
void admin_write_targets(struct buf *out, struct healths *healths);
void admin_write_budgets(struct buf *out, struct admin *a);

void admin_serve_metrics(struct admin *a, struct http_exchange *x);

/* At most 500 characters of UTF-8, none of them control characters: what people read, and the audit keeps. */
bool admin_is_plain(str s);

#endif
