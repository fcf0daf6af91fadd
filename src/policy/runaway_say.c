/* What people are told: what was seen, and how to lift it. */
#include "policy/runaway_inner.h"

#include <stdio.h>

enum { NAME_SHOWN = 60, PLACE_MAX = 100 };

/* `session "x"`; a stream that has no name is its key's. */
static str place_of(const struct runaway_where *w, bool task, char out[PLACE_MAX])
{
    bool named_task = task || !w->session.n;
    str name = named_task ? w->task : w->session;
    const char *what = named_task ? "task" : "session";
    if (!name.n) {
        name = w->key;
        what = "the calls of key";
    }
    int n = snprintf(out, PLACE_MAX, "%s \"%" STR_FMT "\"", what, STR_ARG(str_head(name, NAME_SHOWN)));
    return str_of(out, (size_t)n < PLACE_MAX ? (size_t)n : PLACE_MAX - 1);
}

static void say_seen(const struct runaway_ask *ask, const struct finding *f, char out[RUNAWAY_TEXT_MAX])
{
    char place_text[PLACE_MAX], time_text[40];
    bool of_task = f->reason == RUNAWAY_TASK_STEPS || f->reason == RUNAWAY_TASK_COST;
    str place = place_of(&ask->where, of_task, place_text);
    str within = time_format_duration(ask->limits->within_us, time_text);
    long long seen = f->seen, limit = f->limit;
    switch (f->reason) {
    case RUNAWAY_REPEAT:
        snprintf(out, RUNAWAY_TEXT_MAX, "the same message came %lld times within %" STR_FMT " in %" STR_FMT, seen,
                 STR_ARG(within), STR_ARG(place));
        break;
    case RUNAWAY_PING_PONG:
        snprintf(out, RUNAWAY_TEXT_MAX, "two messages came in turn for %lld calls in %" STR_FMT, seen, STR_ARG(place));
        break;
    case RUNAWAY_NO_PROGRESS:
        snprintf(out, RUNAWAY_TEXT_MAX, "the last %lld answers in %" STR_FMT " were the same", seen, STR_ARG(place));
        break;
    case RUNAWAY_TASK_STEPS:
        snprintf(out, RUNAWAY_TEXT_MAX, "%" STR_FMT " is at call %lld; tasks of its feature need at most %lld",
                 STR_ARG(place), seen, limit);
        break;
    case RUNAWAY_TASK_COST:
        snprintf(out, RUNAWAY_TEXT_MAX, "%" STR_FMT " has cost $%.4f; tasks of its feature cost at most $%.4f",
                 STR_ARG(place), (double)seen / PICOUSD_PER_USD, (double)limit / PICOUSD_PER_USD);
        break;
    default:
        snprintf(out, RUNAWAY_TEXT_MAX, "%" STR_FMT " used %lld tokens within a minute; up to %lld is usual there",
                 STR_ARG(place), seen, limit);
    }
}

static const char *how_to_lift(enum runaway_reason reason)
{
    switch (reason) {
    case RUNAWAY_TASK_STEPS:
    case RUNAWAY_TASK_COST:
        return "check the task for a loop; a new task name or `purser runaway lift` starts anew, and the feature's "
               "`runaway` settings raise the limit";
    case RUNAWAY_PACE:
        return "send fewer calls, or raise the feature's `runaway` settings";
    default:
        return "check the caller for a loop; another message, a new session or `purser runaway lift` starts anew, and "
               "the feature's `runaway` settings raise the limit";
    }
}

void runaway_say(const struct runaway_ask *ask, const struct finding *found, char text[RUNAWAY_TEXT_MAX])
{
    say_seen(ask, found, text);
    size_t n = strlen(text);
    snprintf(text + n, RUNAWAY_TEXT_MAX - n, ": %s", how_to_lift(found->reason));
}
