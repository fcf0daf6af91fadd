#include "flow/runtime.h"

#include "base/time.h"
#include "flow/reload.h"

#include <stdlib.h>

/* ---- reading */

struct entries {
    struct arena arena;
    struct setting_entry *of;
    size_t count, cap;
};

static void init_entries(struct entries *e)
{
    *e = (struct entries){0};
    arena_init(&e->arena);
}

static void free_entries(struct entries *e)
{
    free(e->of);
    arena_free(&e->arena);
}

static struct setting_entry *grow(struct entries *e)
{
    if (e->count == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 16;
        e->of = mem_realloc(e->of, e->cap * sizeof(*e->of));
    }
    return &e->of[e->count++];
}

static void add(void *ctx, const struct ledger_runtime *r)
{
    struct entries *e = ctx;
    if (e->count > RUNTIME_ENTRIES_MAX) return;
    *grow(e) = (struct setting_entry){.kind = arena_str(&e->arena, r->kind),
                                      .name = arena_str(&e->arena, r->name),
                                      .body = arena_str(&e->arena, r->body),
                                      .at_us = r->at_us,
                                      .who = arena_str(&e->arena, r->who)};
}

static void cannot_read(struct settings_report *report, bool lenient, const struct buf *why)
{
    struct buf *to = lenient ? &report->warnings : &report->errors;
    buf_printf(to, "what was set at run time cannot be read: %" STR_FMT "\n", STR_ARG(buf_str(why)));
    if (lenient)
        report->warning_count++;
    else
        report->error_count++;
}

/* The file's settings again, with these beside them, where there are any. Takes `s` over. */
static struct settings *with(struct settings *s, const struct entries *e, struct settings_report *report)
{
    if (!e->count) return s;
    struct settings_report both = {0};
    struct settings *next = settings_with(s, e->of, e->count, &both);
    settings_drop(s);
    settings_report_free(report); /* it says the same */
    *report = both;
    return next;
}

struct settings *runtime_beside(struct settings *s, const char *dir, bool lenient, struct settings_report *report)
{
    struct entries e;
    struct buf why;
    init_entries(&e);
    buf_init(&why, 0);
    if (ledger_runtime_each(dir, add, &e, &why)) {
        s = with(s, &e, report);
    } else {
        cannot_read(report, lenient, &why);
        if (!lenient) settings_drop(s);
        if (!lenient) s = NULL;
    }
    buf_free(&why);
    free_entries(&e);
    return s;
}

struct settings *runtime_load(const char *file, bool lenient, struct settings_report *report)
{
    struct settings *s = settings_load(file, report);
    if (!s) return NULL;
    char *dir = str_dup(s->data);
    s = runtime_beside(s, dir, lenient, report);
    free(dir);
    return s;
}

struct settings *runtime_read_again(struct purser *p, struct settings_report *report)
{
    struct settings *s = settings_load(p->settings_file, report);
    if (!s) return NULL;
    struct entries e;
    struct buf why;
    init_entries(&e);
    buf_init(&why, 0);
    if (ledger_runtime_of(p->ledger, add, &e, &why)) {
        s = with(s, &e, report);
    } else {
        cannot_read(report, false, &why);
        settings_drop(s);
        s = NULL;
    }
    buf_free(&why);
    free_entries(&e);
    return s;
}

/* ---- changing */

struct changing {
    struct purser *p; /* NULL: no server runs */
    struct ledger *ledger;
    const struct runtime_change *change;
    struct setting_entry made; /* its name, and the body as it is kept */
    struct entries all;
    const struct settings *now;
    struct runtime_said *said;
    enum runtime_changed result;
};

static bool refuse(struct changing *c, enum runtime_changed result)
{
    c->result = result;
    return false;
}

/* As it stands in the store, with the change: sorted by kind and name. */
static bool apply(struct changing *c)
{
    struct entries *e = &c->all;
    size_t at = 0;
    int order = 1;
    while (at < e->count) {
        order = str_cmp(e->of[at].kind, c->made.kind);
        if (!order) order = str_cmp(e->of[at].name, c->made.name);
        if (order >= 0) break;
        at++;
    }
    bool there = at < e->count && order == 0;
    if (!c->change->body.n) {
        if (there) memmove(&e->of[at], &e->of[at + 1], (e->count - at - 1) * sizeof(*e->of));
        e->count -= there;
        return true; /* where there is none, the store says so */
    }
    if (!there) {
        grow(e);
        memmove(&e->of[at + 1], &e->of[at], (e->count - at - 1) * sizeof(*e->of));
    }
    e->of[at] = c->made;
    return true;
}

/* What holds now must hold then: an entry must not push another one out. */
static bool check_others(struct changing *c, const struct settings *next)
{
    for (size_t i = 0; i < next->entry_count; i++) {
        const struct setting_entry *e = &next->entries[i];
        const struct setting_entry *was = settings_entry(c->now, e->kind, e->name);
        if (e->state != ENTRY_LEFT_OUT || (was && was->state == ENTRY_LEFT_OUT)) continue;
        buf_printf(&c->said->why, "the %" STR_FMT " '%" STR_FMT "' would no longer hold: %" STR_FMT, STR_ARG(e->kind),
                   STR_ARG(e->name), STR_ARG(e->why));
        return refuse(c, RUNTIME_INVALID);
    }
    return true;
}

static bool check_it(struct changing *c, const struct settings *next)
{
    const struct setting_entry *e = settings_entry(next, c->made.kind, c->made.name);
    if (c->change->body.n && e->state == ENTRY_LEFT_OUT) {
        buf_add(&c->said->why, e->why);
        return refuse(c, RUNTIME_INVALID);
    }
    if (c->change->body.n && e->state == ENTRY_SHADOWED) {
        buf_printf(&c->said->why,
                   "the settings file sets the %" STR_FMT " '%" STR_FMT "' in %" STR_FMT
                   ", and the file wins: change it there, or choose another name",
                   STR_ARG(e->kind), STR_ARG(e->name), STR_ARG(e->why));
        return refuse(c, RUNTIME_TAKEN);
    }
    return true;
}

/* Warnings that speak of the entry alone, without saying so. */
static void tell_warnings(struct changing *c, const struct settings_report *report)
{
    struct buf mark;
    buf_init(&mark, 0);
    buf_printf(&mark, "runtime %" STR_FMT " '%" STR_FMT "': ", STR_ARG(c->made.kind), STR_ARG(c->made.name));
    for (str rest = buf_str(&report->warnings); rest.n;) {
        str line = str_cut(&rest, '\n');
        if (!str_starts(line, buf_str(&mark))) continue;
        buf_add(&c->said->warnings, str_from_at(line, mark.n));
        buf_add_byte(&c->said->warnings, '\n');
    }
    buf_free(&mark);
}

static bool store(void *ctx, struct buf *why)
{
    struct changing *c = ctx;
    struct ledger_runtime_change change = {.kind = c->made.kind,
                                           .name = c->made.name,
                                           .body = c->change->body.n ? c->made.body : STR_NONE,
                                           .expected = c->change->expected,
                                           .at_us = c->made.at_us,
                                           .who = c->change->who,
                                           .why = c->change->why,
                                           .origin = c->change->origin};
    switch (ledger_runtime_change(c->ledger, &change, why)) {
    case RUNTIME_CHANGED:
        return true;
    case RUNTIME_SAME:
        c->result = RUNTIME_DONE;
        return false;
    case RUNTIME_MISSING:
        return refuse(c, RUNTIME_ABSENT);
    case RUNTIME_STALE:
        return refuse(c, RUNTIME_MOVED);
    case RUNTIME_FAILED:
    default:
        return refuse(c, RUNTIME_UNABLE);
    }
}

static bool prepare(struct changing *c)
{
    str why;
    const struct runtime_change *change = c->change;
    str body = change->body.n ? change->body : S("{}");
    bool price = !change->body.n && str_eq(change->kind, S("price")); /* named by its body, and here there is none */
    if (!settings_make_entry(change->kind, change->name, body, &c->all.arena, &c->made, &why)) {
        buf_add(&c->said->why, why);
        return refuse(c, RUNTIME_INVALID);
    }
    if (price) c->made.name = change->name;
    c->made.at_us = time_now_us();
    c->made.who = change->who;
    if (ledger_runtime_of(c->ledger, add, &c->all, &c->said->why)) return apply(c);
    return refuse(c, RUNTIME_UNABLE);
}

static void change(struct changing *c)
{
    struct settings_report report = {0};
    if (!prepare(c)) return;
    struct settings *next = settings_with(c->now, c->all.of, c->all.count, &report);
    if (!next) {
        str first = buf_str(&report.errors);
        buf_printf(&c->said->why, "the settings file does not hold any more: %" STR_FMT,
                   STR_ARG(str_cut(&first, '\n')));
        c->result = RUNTIME_UNABLE;
    } else if (check_it(c, next) && check_others(c, next)) {
        tell_warnings(c, &report);
        c->result = RUNTIME_UNABLE; /* unless the store says otherwise */
        struct reload_store to = {store, c};
        bool ok = c->p ? reload_take_over(c->p, next, false, &to, &c->said->why) : store(c, &c->said->why);
        if (ok) c->result = RUNTIME_DONE;
        if (c->p) next = NULL;
    }
    settings_drop(next);
    settings_report_free(&report);
}

static void begin(struct changing *c)
{
    buf_init(&c->said->why, 0);
    buf_init(&c->said->warnings, 0);
    init_entries(&c->all);
}

static enum runtime_changed end(struct changing *c)
{
    struct buf *why = &c->said->why;
    free_entries(&c->all);
    while (why->n && why->p[why->n - 1] == '\n') why->n--;
    return c->result;
}

enum runtime_changed purser_change_runtime(struct purser *p, const struct runtime_change *asked,
                                           struct runtime_said *said)
{
    struct changing c = {.p = p, .ledger = p->ledger, .change = asked, .said = said, .result = RUNTIME_UNABLE};
    begin(&c);
    pthread_mutex_lock(&p->steering);
    pthread_mutex_lock(&p->control);
    struct snapshot *snapshot = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    c.now = snapshot->settings;
    change(&c);
    snapshot_put(snapshot);
    pthread_mutex_unlock(&p->steering);
    return end(&c);
}

enum runtime_changed runtime_change_in_store(struct ledger *l, const struct settings *file,
                                             const struct runtime_change *asked, struct runtime_said *said)
{
    struct changing c = {.ledger = l, .change = asked, .said = said, .result = RUNTIME_UNABLE};
    struct settings_report report = {0};
    struct entries before;
    struct settings *now = NULL;
    begin(&c);
    init_entries(&before);
    if (ledger_runtime_of(l, add, &before, &said->why)) now = settings_with(file, before.of, before.count, &report);
    c.now = now;
    if (now) change(&c);
    settings_drop(now);
    free_entries(&before);
    settings_report_free(&report);
    return end(&c);
}
