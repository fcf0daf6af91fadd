/* Loops of one session: the same message, two in turn, the same answer.
 *
 * A session remembers its last 16 different messages, so that a loop of up to 16
 * steps is seen whole. How often one came is kept by fifths of the time that counts: what is
 * older goes a fifth at a time. */
#include "policy/runaway_inner.h"

/* ---- the same message */

static struct repeat *find_repeat(struct loops_seen *l, uint64_t message)
{
    struct repeat *oldest = &l->repeat[0];
    for (int i = 0; i < REPEATS; i++) {
        struct repeat *r = &l->repeat[i];
        if (r->message == message) return r;
        if (r->used < oldest->used) oldest = r;
    }
    *oldest = (struct repeat){.message = message};
    return oldest;
}

/* How often it came, this time included. */
static uint32_t count_repeat(struct repeat *r, int64_t now_us, int64_t within_us)
{
    int64_t part_us = within_us / REPEAT_SLOTS, slot = now_us / (part_us > 0 ? part_us : 1);
    int64_t over = slot - r->slot;
    if (over < 0) over = 0; /* threads' clocks may cross */
    for (int64_t i = 0; i < over && i < REPEAT_SLOTS; i++) r->count[(r->slot + 1 + i) % REPEAT_SLOTS] = 0;
    if (over > 0) r->slot = slot;
    uint32_t *now = &r->count[r->slot % REPEAT_SLOTS], sum = 0;
    if (*now < UINT32_MAX / REPEAT_SLOTS) ++*now;
    for (int i = 0; i < REPEAT_SLOTS; i++) sum += r->count[i];
    return sum;
}

static int64_t growing_delay(const struct runaway_limits *l, uint32_t over)
{
    int64_t delay_us = l->delay_us;
    if (delay_us <= 0) return 0;
    for (uint32_t i = 0; i < over && delay_us < l->delay_max_us; i++) delay_us *= 2;
    return delay_us < l->delay_max_us ? delay_us : l->delay_max_us;
}

static bool reached(uint32_t n, uint32_t limit)
{
    return limit && n >= limit;
}

/* The steps that repeats and turns share: `n` calls that brought nothing new. */
static struct finding judge(const struct runaway_limits *l, enum runaway_reason reason, uint32_t n, bool warns)
{
    struct finding f = {.reason = reason, .seen = n};
    if (reached(n, l->repeat_block)) {
        f.action = RUNAWAY_BLOCK;
        f.limit = l->repeat_block;
    } else if (reached(n, l->repeat_slow)) {
        f.action = RUNAWAY_SLOW;
        f.limit = l->repeat_slow;
        f.delay_us = growing_delay(l, n - l->repeat_slow);
    } else if (warns) {
        f.action = RUNAWAY_WARN;
        f.limit = l->repeat_warn;
    }
    return f;
}

static void check_repeat(struct loops_seen *l, const struct runaway_ask *ask, struct finding *out)
{
    const struct runaway_limits *limits = ask->limits;
    struct repeat *r = find_repeat(l, ask->message);
    r->used = ++l->calls;
    uint32_t n = count_repeat(r, ask->now_us, limits->within_us);
    struct finding f = judge(limits, RUNAWAY_REPEAT, n, reached(n, limits->repeat_warn));
    finding_add(out, &f);
    /* Asked again although the answer was always the same. */
    if (n > 1 && reached(r->same_answers, limits->same_answers)) {
        f = (struct finding){RUNAWAY_SLOW, RUNAWAY_NO_PROGRESS, 0, r->same_answers, limits->same_answers};
        f.delay_us = growing_delay(limits, r->same_answers - limits->same_answers);
        finding_add(out, &f);
    }
}

/* ---- two in turn */

static void check_turns(struct loops_seen *l, const struct runaway_ask *ask, struct finding *out)
{
    const struct runaway_limits *limits = ask->limits;
    bool lately = ask->now_us - l->last_us < limits->within_us;
    bool turn = lately && l->last[1] == ask->message && l->last[0] != ask->message;
    l->swings = turn ? l->swings + 1 : 0;
    l->last[1] = l->last[0];
    l->last[0] = ask->message;
    l->last_us = ask->now_us;
    if (!turn || !limits->swings_warn) return;
    uint32_t calls = l->swings + 2;
    if (calls < 2 * limits->swings_warn) return;
    struct finding f = judge(limits, RUNAWAY_PING_PONG, calls, true);
    if (f.action == RUNAWAY_WARN) f.limit = 2 * (int64_t)limits->swings_warn;
    finding_add(out, &f);
}

void loops_check(struct loops_seen *l, const struct runaway_ask *ask, struct finding *out)
{
    if (!ask->message) return;
    check_repeat(l, ask, out);
    check_turns(l, ask, out);
    /* Different questions may have one answer, honestly: this alone goes no further. */
    if (!reached(l->same_answers, ask->limits->same_answers)) return;
    finding_add(out,
                &(struct finding){RUNAWAY_WARN, RUNAWAY_NO_PROGRESS, 0, l->same_answers, ask->limits->same_answers});
}

/* ---- answers */

static void note_answer(uint64_t *last, uint32_t *run, uint64_t answer)
{
    *run = *last == answer ? *run + 1 : 1;
    *last = answer;
}

void loops_note(struct loops_seen *l, const struct runaway_end *end)
{
    if (!end->answer) return;
    note_answer(&l->answer, &l->same_answers, end->answer);
    for (int i = 0; i < REPEATS; i++) {
        struct repeat *r = &l->repeat[i];
        if (r->message == end->message && r->used) note_answer(&r->answer, &r->same_answers, end->answer);
    }
}
