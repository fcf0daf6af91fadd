#include "policy/runaway_inner.h"

#include "base/arena.h"

#define SESSION_IDLE_US US_PER_HOUR
#define TASK_IDLE_US    (10 * US_PER_MINUTE)

struct runaways {
    struct hash_key key;
    struct recents sessions, tasks;
    struct task_types types;
    struct stopped_list stopped;
    _Atomic uint64_t counts[RUNAWAY_REASONS][RUNAWAY_ACTIONS];
};

static const str action_names[RUNAWAY_ACTIONS] = {STR_INIT("none"), STR_INIT("warn"), STR_INIT("slow"),
                                                  STR_INIT("block")};
static const str reason_names[RUNAWAY_REASONS] = {STR_INIT("repeat"),      STR_INIT("ping_pong"),
                                                  STR_INIT("no_progress"), STR_INIT("task_steps"),
                                                  STR_INIT("task_cost"),   STR_INIT("pace")};

str runaway_action_name(enum runaway_action a)
{
    return action_names[a];
}

str runaway_reason_name(enum runaway_reason r)
{
    return reason_names[r];
}

void runaway_limits_default(struct runaway_limits *l)
{
    *l = (struct runaway_limits){
        .within_us = 10 * US_PER_MINUTE,
        .repeat_warn = 3,
        .repeat_slow = 10,
        .repeat_block = 20,
        .swings_warn = 3,
        .same_answers = 3,
        .pace_factor = 10,
        .pace_floor = 100000,
        .task_factor = 3,
        .task_steps_floor = 50,
        .task_cost_floor = PICOUSD_PER_USD,
        .delay_us = 250 * US_PER_MS,
        .delay_max_us = 8 * US_PER_SECOND,
    };
}

static void end_task(void *ctx, struct recent *r)
{
    (void)ctx;
    task_seen_end(CONTAINER_OF(r, struct task_seen, recent));
}

struct runaways *runaways_new(struct hash_key key, const struct runaways_ceilings *max)
{
    struct runaways *r = mem_map(sizeof(*r)); /* aligned to cache lines */
    r->key = key;
    recents_init(&r->sessions, sizeof(struct session_seen), max->sessions, NULL, NULL);
    recents_init(&r->tasks, sizeof(struct task_seen), max->tasks, end_task, NULL);
    task_types_init(&r->types, max->features);
    stopped_init(&r->stopped);
    return r;
}

void runaways_drop(struct runaways *r)
{
    if (!r) return;
    recents_free(&r->sessions);
    recents_free(&r->tasks);
    task_types_free(&r->types);
    stopped_free(&r->stopped);
    mem_unmap(r, sizeof(*r));
}

/* ---- which records a call belongs to */

enum place { PLACE_SESSION, PLACE_TASK, PLACE_STREAM, PLACE_TYPE };

/* A name belongs to its key: what one client calls its session is nobody else's. Never 0. */
static uint64_t id_of(const struct runaways *r, enum place place, str key, str name)
{
    struct hash_key of_key = {r->key.k0 ^ hash_sip(r->key, key.p, key.n), r->key.k1 + place};
    uint64_t id = hash_sip(of_key, name.p, name.n);
    return id ? id : 1;
}

static bool is_named(const struct runaway_where *w)
{
    return w->session.n || w->task.n;
}

/* Loops are looked for in the session; without one in the task; else in the key's stream. */
static struct runaway_at place_of(const struct runaways *r, const struct runaway_where *w)
{
    struct runaway_at at = {0};
    if (w->task.n) at.task = id_of(r, PLACE_TASK, w->key, w->task);
    if (w->session.n) {
        at.session = id_of(r, PLACE_SESSION, w->key, w->session);
    } else {
        at.session = w->task.n ? at.task : id_of(r, PLACE_STREAM, w->key, w->feature);
    }
    return at;
}

/* ---- before a call */

/* Repeats in a stream that nobody named: worth a word once they are many, no more. */
static void soften(struct finding *f)
{
    if (f->action < RUNAWAY_SLOW || f->reason == RUNAWAY_NO_PROGRESS) f->action = RUNAWAY_NONE;
    if (f->action > RUNAWAY_WARN) f->action = RUNAWAY_WARN;
    f->delay_us = 0;
}

/* What is not done is not counted either. What would be refused waits as long as any call does. */
static void cap(struct finding *f, const struct runaway_ask *ask)
{
    if (ask->most == RUNAWAY_NONE || f->action <= ask->most) return;
    f->action = ask->most;
    f->delay_us = ask->most == RUNAWAY_SLOW ? ask->limits->delay_max_us : 0;
}

static void check_session(struct runaways *r, uint64_t id, const struct runaway_ask *ask, struct finding *out)
{
    bool named = is_named(&ask->where);
    struct session_seen *s =
        CONTAINER_OF(recents_take(&r->sessions, id, ask->now_us, true), struct session_seen, recent);
    struct finding loop = {0};
    loops_check(&s->loop, ask, &loop);
    if (!named) soften(&loop);
    finding_add(out, &loop);
    pace_check(&s->pace, ask, named, out);
    cap(out, ask);
    if (out->action == RUNAWAY_BLOCK) pace_correct(&s->pace, ask->now_us, ask->tokens, 0);
    recents_give(&r->sessions, id);
}

/* One that comes back after a long rest is a new one of that name. */
static void renew_task(struct runaways *r, struct task_seen *t, const struct runaway_ask *ask)
{
    if (t->type && ask->now_us - t->heard_us < TASK_IDLE_US) return;
    task_seen_end(t);
    *t = (struct task_seen){.recent = t->recent};
    t->type = task_type_find(&r->types, id_of(r, PLACE_TYPE, S(""), ask->where.feature));
}

static void check_task(struct runaways *r, uint64_t id, const struct runaway_ask *ask, struct finding *out)
{
    struct task_seen *t = CONTAINER_OF(recents_take(&r->tasks, id, ask->now_us, true), struct task_seen, recent);
    renew_task(r, t, ask);
    t->heard_us = ask->now_us;
    task_seen_check(t, ask, out);
    recents_give(&r->tasks, id);
}

static int64_t retry_after(const struct runaway_ask *ask, enum runaway_reason reason)
{
    switch (reason) {
    case RUNAWAY_REPEAT:
    case RUNAWAY_PING_PONG:
        return ask->limits->within_us;
    case RUNAWAY_PACE:
        return US_PER_MINUTE;
    default:
        return 0;
    }
}

void runaway_check(struct runaways *r, const struct runaway_ask *ask, struct runaway_verdict *out)
{
    struct finding found = {0};
    *out = (struct runaway_verdict){.at = place_of(r, &ask->where)};
    if (out->at.task) check_task(r, out->at.task, ask, &found);
    check_session(r, out->at.session, ask, &found);
    out->action = found.action;
    out->reason = found.reason;
    if (found.action == RUNAWAY_NONE) return;
    atomic_fetch_add_explicit(&r->counts[found.reason][found.action], 1, memory_order_relaxed);
    out->seen = found.seen;
    out->limit = found.limit;
    if (found.action == RUNAWAY_SLOW) out->delay_us = found.delay_us;
    runaway_say(ask, &found, out->text);
    if (found.action != RUNAWAY_BLOCK) return;
    out->retry_after_us = retry_after(ask, found.reason);
    stopped_add(&r->stopped, out->at, ask, &found);
}

/* ---- after it */

static void note_session(struct runaways *r, const struct runaway_end *end)
{
    struct recent *recent = recents_take(&r->sessions, end->at.session, end->now_us, false);
    if (recent) {
        struct session_seen *s = CONTAINER_OF(recent, struct session_seen, recent);
        loops_note(&s->loop, end);
        pace_correct(&s->pace, end->now_us, end->tokens_asked, end->tokens);
    }
    recents_give(&r->sessions, end->at.session);
}

static void note_task(struct runaways *r, const struct runaway_end *end)
{
    struct recent *recent = recents_take(&r->tasks, end->at.task, end->now_us, false);
    if (recent) {
        struct task_seen *t = CONTAINER_OF(recent, struct task_seen, recent);
        task_seen_note(t, end);
        t->heard_us = end->now_us;
    }
    recents_give(&r->tasks, end->at.task);
}

void runaway_note(struct runaways *r, const struct runaway_end *end)
{
    if (end->at.session) note_session(r, end);
    if (end->at.task) note_task(r, end);
}

/* ---- by hand, and now and then */

static bool knows(struct recents *t, uint64_t id)
{
    bool known = recents_take(t, id, 0, false) != NULL;
    recents_give(t, id);
    return known;
}

bool runaway_knows(struct runaways *r, str key, str session_or_task)
{
    uint64_t task = id_of(r, PLACE_TASK, key, session_or_task);
    return knows(&r->sessions, id_of(r, PLACE_SESSION, key, session_or_task)) || knows(&r->sessions, task) ||
           knows(&r->tasks, task);
}

static bool forget(struct recents *t, uint64_t id)
{
    struct recent *recent = recents_take(t, id, 0, false);
    if (recent) recents_remove(t, recent);
    recents_give(t, id);
    return recent != NULL;
}

bool runaway_lift(struct runaways *r, str key, str session_or_task)
{
    uint64_t session_id = id_of(r, PLACE_SESSION, key, session_or_task),
             task_id = id_of(r, PLACE_TASK, key, session_or_task);
    bool session = forget(&r->sessions, session_id);
    bool task_loops = forget(&r->sessions, task_id);
    bool task = forget(&r->tasks, task_id);
    stopped_lift(&r->stopped, session_id);
    stopped_lift(&r->stopped, task_id);
    return session || task_loops || task;
}

void runaways_sweep(struct runaways *r, int64_t now_us)
{
    recents_sweep(&r->sessions, now_us - SESSION_IDLE_US);
    recents_sweep(&r->tasks, now_us - TASK_IDLE_US);
    stopped_sweep(&r->stopped, &r->sessions, &r->tasks);
}

void runaways_each_stopped(struct runaways *r, int64_t since_us, runaway_stopped_visit *visit, void *ctx)
{
    stopped_each(&r->stopped, since_us, visit, ctx);
}

void runaways_see(struct runaways *r, struct runaways_view *out)
{
    *out = (struct runaways_view){
        .sessions = recents_count(&r->sessions),
        .tasks = recents_count(&r->tasks),
        .features = atomic_load(&r->types.count) - 1,
    };
    for (int i = 0; i < RUNAWAY_REASONS; i++) {
        for (int k = 0; k < RUNAWAY_ACTIONS; k++) out->counts[i][k] = atomic_load(&r->counts[i][k]);
    }
}
