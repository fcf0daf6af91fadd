/* What people are told: what was seen, and how to lift it. Each call of a loop is told, so it is not printf() that
 * writes it. */
#include "base/money.h"
#include "base/text.h"
#include "policy/runaway_inner.h"

enum { NAME_SHOWN = 60 };

/* `session "x"`; a stream that has no name is its key's. */
static void add_place(struct buf *out, const struct runaway_where *w, bool task)
{
    bool named_task = task || !w->session.n;
    str name = named_task ? w->task : w->session;
    str what = named_task ? S("task") : S("session");
    if (!name.n) {
        name = w->key;
        what = S("the calls of key");
    }
    buf_add(out, what);
    buf_add(out, S(" \""));
    buf_add(out, str_head(name, NAME_SHOWN));
    buf_add_byte(out, '"');
}

static void add_count(struct buf *out, str before, int64_t n, str behind)
{
    buf_add(out, before);
    buf_add_i64(out, n);
    buf_add(out, behind);
}

static void add_seen(const struct runaway_ask *ask, const struct finding *f, struct buf *out)
{
    char within[40], money[MONEY_TEXT_MAX];
    switch (f->reason) {
    case RUNAWAY_REPEAT:
        add_count(out, S("the same message came "), f->seen, S(" times within "));
        buf_add(out, time_format_duration(ask->limits->within_us, within));
        buf_add(out, S(" in "));
        add_place(out, &ask->where, false);
        break;
    case RUNAWAY_PING_PONG:
        add_count(out, S("two messages came in turn for "), f->seen, S(" calls in "));
        add_place(out, &ask->where, false);
        break;
    case RUNAWAY_NO_PROGRESS:
        add_count(out, S("the last "), f->seen, S(" answers in "));
        add_place(out, &ask->where, false);
        buf_add(out, S(" were the same"));
        break;
    case RUNAWAY_TASK_STEPS:
        add_place(out, &ask->where, true);
        add_count(out, S(" is at call "), f->seen, S("; tasks of its feature need at most "));
        buf_add_i64(out, f->limit);
        break;
    case RUNAWAY_TASK_COST:
        add_place(out, &ask->where, true);
        buf_add(out, S(" has cost $"));
        buf_add(out, money_format_short(f->seen, money));
        buf_add(out, S("; tasks of its feature cost at most $"));
        buf_add(out, money_format_short(f->limit, money));
        break;
    default:
        add_place(out, &ask->where, false);
        add_count(out, S(" used "), f->seen, S(" tokens within a minute; up to "));
        add_count(out, S(""), f->limit, S(" is usual there"));
    }
}

static str how_to_lift(enum runaway_reason reason)
{
    switch (reason) {
    case RUNAWAY_TASK_STEPS:
    case RUNAWAY_TASK_COST:
        return S("check the task for a loop; a new task name or `purser runaway lift` starts anew, and the feature's "
                 "`runaway` settings raise the limit");
    case RUNAWAY_PACE:
        return S("send fewer calls, or raise the feature's `runaway` settings");
    default:
        return S("check the caller for a loop; another message, a new session or `purser runaway lift` starts anew, "
                 "and the feature's `runaway` settings raise the limit");
    }
}

enum { MOST = RUNAWAY_TEXT_MAX - 1 };

void runaway_say_seen(const struct runaway_ask *ask, const struct finding *found, char text[RUNAWAY_TEXT_MAX])
{
    struct buf out = {.p = text, .cap = MOST, .max = MOST};
    add_seen(ask, found, &out);
    text[out.n] = '\0';
}

void runaway_say(const struct runaway_ask *ask, const struct finding *found, char text[RUNAWAY_TEXT_MAX])
{
    struct buf out = {.p = text, .cap = MOST, .max = MOST}; /* all of it fits: names are cut */
    add_seen(ask, found, &out);
    buf_add(&out, S(": "));
    buf_add(&out, how_to_lift(found->reason));
    text[out.n] = '\0';
}
