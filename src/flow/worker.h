/* One worker: a thread with its own loop, listener, connections and journal.
 * It shares with the others only what purser.h lists. */
#ifndef FLOW_WORKER_H
#define FLOW_WORKER_H

#include "base/json.h"
#include "base/rng.h"
#include "flow/metrics.h"
#include "flow/snapshot.h"
#include "ledger/ledger.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "policy/health.h"
#include "policy/switches.h"
#include "price/tokens_estimate.h"

#include <pthread.h>

struct purser;

/* A message to a worker, delivered on its thread. Embedded in what it speaks of. */
struct mail {
    struct list link;
    void (*deliver)(struct mail *m);
};

enum target_field { TARGET_STREAM_OPTIONS = 1, TARGET_MAX_COMPLETION_TOKENS = 2, TARGET_LOGPROBS = 4 };

/* Where a model name leads, with everything that a call needs to know of it:
 * found once for each name and settings generation. Worker's own. */
struct target {
    struct list link;
    str requested; /* the client's name */
    str model;     /* the target's */
    str name;      /* "provider/model" */
    const struct setting_provider *provider;
    struct healths *healths;
    struct health *health;      /* NULL: nobody has asked for it; see target_health() */
    struct protocols protocols; /* that it speaks for this model */
    struct upstream *upstream;
    struct price_set prices;
    bool rejects_stream_options;      /* learned from its answers */
    bool rejects_logprobs;            /* likewise */
    bool wants_max_tokens;            /* learned, or its vendor's way */
    unsigned accepts;                 /* fields that it has been seen to accept: enum target_field */
    bool counts_exactly;              /* its model's encoding is public */
    struct token_calibration counted; /* learned: input as billed against as counted here */
    struct token_calibration weighed; /* ... against what its bytes alone let one think */
    unsigned looks;                   /* at calls, for the former */
    double fastest_tokens_per_us;     /* output rate, the fastest seen: bounds what an unseen second can cost */
};

/* What hedges of a model have cost, beside all that its calls have. */
struct hedge_spend {
    picousd all,
        lost; /* of it for attempts that lost to another one, or were hedges in vain: without hedges they would not be */
    uint64_t calls, losers, running; /* attempts that are posted; those that lost; hedges that are not posted */
};

/* One settings generation as this worker uses it: counted by its requests. */
struct lease {
    struct snapshot *snapshot;
    unsigned uses;
    bool current;
    struct arena arena;
    struct list *buckets; /* of struct target, by name */
    size_t target_count;
    struct target **services;    /* by their place behind the providers; NULL: not asked yet */
    struct upstream **upstreams; /* by provider's place in the settings */
    struct hedge_spend *hedges;  /* by model's place in the settings */
    struct key_cache *keys;
};

/* A pool of connections that outlives reloads. */
struct worker_upstream {
    struct list link;
    str key; /* host, port, TLS settings */
    struct upstream *upstream;
    bool used;
};

struct worker {
    struct purser *purser;
    unsigned index;
    pthread_t thread;
    struct loop loop;
    struct http_server *server;
    struct journal *journal;
    struct lease *lease;   /* the current one */
    struct list upstreams; /* of struct worker_upstream */
    struct list requests;  /* of struct request */
    struct pool spare_requests, spare_attempts;
    unsigned request_count;
    struct json json, event_json; /* scratch: bodies; events and answers */
    uint64_t json_of;             /* the request whose body `json` holds */
    struct buf scratch;           /* for texts made within one step */
    struct buf joined;            /* scratch: events of several data lines */
    struct metrics metrics;
    struct rng rng; /* back-off, balance */
    pthread_mutex_t mail_lock;
    struct list mail;          /* of struct mail, under the lock */
    struct snapshot *offered;  /* a new generation to take over, under the lock */
    struct switches *switches; /* what is off; counted */
    struct {
        struct switches *offered; /* to take over, under the lock */
        uint32_t adopted;         /* atomic: the generation in use */
    } switching;
    uint32_t adopted; /* generation in use: read by others, atomically */
    bool synced;      /* atomic: the journal reached the disk, or has room again */
    bool stop_asked;  /* atomic */
    bool stopping, drain_over;
    struct deadline drain, pulse;
};

enum { WORKER_TARGETS_MAX = 4096 };

struct worker *worker_new(struct purser *p, unsigned index);
/* On the worker's own loop, before it runs. Fails: false with a sentence in `why`. */
bool worker_listen(struct worker *w, struct buf *why);
void worker_start(struct worker *w);
/* Thread: any. */
void worker_offer(struct worker *w, struct snapshot *s);
void worker_synced(struct worker *w);
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
void worker_drop(struct worker *w);

void mail_init(struct mail *m, void (*deliver)(struct mail *m));
/* Thread: any. Sending twice before it is delivered is once. */
void mail_send(struct worker *w, struct mail *m);
/* Thread: the worker's. After it, `m` may be freed. */
void mail_clear(struct worker *w, struct mail *m);

/* Takes a snapshot's count over and makes it the current lease. Thread: the worker's,
 * or before it runs. */
void lease_adopt(struct worker *w, struct snapshot *s);
/* The last one, when the worker ends. */
void lease_end(struct worker *w);
struct lease *lease_take(struct worker *w);
void lease_give(struct worker *w, struct lease *l);
/* A ladder's service; there is one of that name. */
struct target *lease_service(struct worker *w, struct lease *l, str name);
/* NULL with `why` where the name leads nowhere. */
/* Its record, made when it is first asked for: names that clients make up, which nothing guards, have none, so that
 * they do not fill the table. */
struct health *target_health(struct target *t) __attribute__((returns_nonnull));
struct target *lease_target(struct worker *w, struct lease *l, str model, struct arena *arena, str *why);

#endif
