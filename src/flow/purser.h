/* The running server: what all threads share, and its start, reload and stop.
 *
 * Shared, each with its rule: the settings snapshot and the switches (immutable, swapped whole),
 * budget and limit cells (atomics), journals (one writer, one reader), one mailbox a
 * worker, the access log (a ring under a mutex). Nothing else. */
#ifndef FLOW_PURSER_H
#define FLOW_PURSER_H

#include "flow/access_log.h"
#include "flow/idempotency.h"
#include "flow/items.h"
#include "flow/known_budgets.h"
#include "flow/machine.h"
#include "flow/objects.h"
#include "flow/snapshot.h"
#include "flow/thresholds.h"
#include "flow/worker.h"
#include "policy/sticky.h"

struct purser {
    struct ledger *ledger;
    struct budgets *budgets;
    struct limits *limits;
    struct access_log *log;
    struct worker **workers;
    unsigned worker_count;
    pthread_mutex_t steering; /* one change of settings at a time, from reading them to their taking over */
    pthread_mutex_t control;  /* one change of what workers see at a time; behind `steering` */
    struct snapshot *current; /* under `control` */
    pthread_mutex_t showing;  /* for a moment only */
    struct snapshot *shown; /* what people are told of: no change under way, which may take seconds; under `showing` */
    pthread_mutex_t switching; /* one switch at a time, whatever else changes */
    struct switches *switches; /* what is off; changed under `switching`, swapped under `showing` */
    uint32_t generation;
    const char *settings_file; /* for reloads */
    int64_t started_us;
    bool stopping;         /* atomic */
    int64_t request_count; /* in flight, atomic */
    pthread_t clockwork;
    pthread_mutex_t clock_lock;
    pthread_cond_t clock_wake;
    bool clock_stop; /* under `clock_lock` */
    struct peers *peers;
    struct machines *machines;
    struct healths *healths;
    struct stickies *stickies;
    struct items *items;
    struct hash_key secret; /* for hashes of what clients name */
    struct objects *objects;
    struct runaways *runaways;
    struct idempotency *idempotency;
    struct thresholds *thresholds;
    struct burns *burns;
    struct known_budgets *known; /* under `control` */
    bool keys_unread;            /* the store's: it failed, and those of before hold; atomic */
    unsigned inherited;          /* sockets from systemd */
    bool running;
};

/* Everything up to and without listening. `why` gets the sentence where it fails. */
struct purser *purser_open(struct settings *settings, const char *settings_file, struct buf *why);
/* Listens and starts the threads. */
bool purser_start(struct purser *p, struct buf *why);
/* Reads the settings anew and swaps them, or changes nothing and says why. `why` may hold warnings where it succeeds. */
bool purser_reload(struct purser *p, struct buf *why);
/* What is in force, counted. Never waits for a change under way. Thread: control threads. */
struct snapshot *purser_shown(struct purser *p);
/* `control` is held, or nothing runs yet: what is current is what is in force. */
void purser_show(struct purser *p);
/* After a change of stored keys: takes them over within a moment, or as soon as the store can be read. */
void purser_refresh_keys(struct purser *p);
/* Graceful: drains with the settings' deadline, posts everything, closes. */
void purser_stop(struct purser *p);
void purser_drop(struct purser *p);
/* The descriptor that systemd passed for the `i`th listener (LISTEN_FDS); -1: none. */
int purser_inherited_socket(const struct purser *p, size_t i);
bool purser_ready(const struct purser *p);
/* Can each worker take a call, as far as its journal goes? Which of them gets a connection is the kernel's choice. */
bool purser_has_room(const struct purser *p);

/* clockwork.c */
void clockwork_start(struct purser *p);
void clockwork_stop(struct purser *p);

#endif
