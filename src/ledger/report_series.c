#include "ledger/report_series.h"

#include "base/err.h"
#include "ledger/report_inside.h"
#include "ledger/report_lines.h"
#include "ledger/tally.h"

#include <stdlib.h>
#include <sys/random.h>

struct reading {
    const struct series_ask *ask;
    const char *dir;
    sqlite3 *db;
    struct lines_form form;
    struct scan_passes passes;
    struct buf *why;
};

/* ---- as rows come in */

static void *open_lines(void *form)
{
    return lines_new(form);
}

static str add_row(void *lines, sqlite3_value **row)
{
    return lines_add_row(lines, row) ? STR_NONE : groups_too_many();
}

static str merge_lines(void *form, void *lines)
{
    const struct lines_form *f = form;
    return lines_merge(f->all, lines) ? STR_NONE : groups_too_many();
}

static void close_lines(void *lines)
{
    lines_drop(lines);
}

/* Fails: NULL. */
static struct lines *read_rows(struct reading *r, const struct plan *plan)
{
    struct scan_sink sink = {open_lines, add_row, merge_lines, close_lines, &r->form};
    struct scan scan = {.plan = plan, .dir = r->dir, .progress = {passes_tell, &r->passes}, .sink = &sink};
    r->form.all = lines_new(&r->form);
    if (scan_run_sink(&scan, r->db, r->why)) return r->form.all;
    lines_drop(r->form.all);
    return NULL;
}

/* ---- the dearest */

/* As reports order groups of one name (report.c), whose keys begin with the name's length. */
static bool comes_before(const struct line_rank *a, const struct line_rank *b)
{
    if (a->cost != b->cost) return a->cost > b->cost;
    if (a->unpriced_cost != b->unpriced_cost) return a->unpriced_cost > b->unpriced_cost;
    if (a->attempts != b->attempts) return a->attempts > b->attempts;
    uint32_t n[2] = {(uint32_t)a->head.name.n, (uint32_t)b->head.name.n};
    int order = memcmp(&n[0], &n[1], sizeof(n[0]));
    return order ? order < 0 : str_cmp(a->head.name, b->head.name) < 0;
}

/* Their places, the dearest first. Owns: free(). */
static size_t *choose(const struct lines *l, size_t top, size_t *count)
{
    size_t *first = mem_zalloc((top + 1) * sizeof(*first)), n = 0;
    for (size_t i = 0; i < lines_count(l); i++) {
        const struct line_rank *rank = lines_at(l, i);
        size_t at = n;
        while (at > 0 && comes_before(rank, lines_at(l, first[at - 1]))) at--;
        if (at == top) continue;
        if (n < top) n++;
        memmove(&first[at + 1], &first[at], (n - 1 - at) * sizeof(*first));
        first[at] = i;
    }
    *count = n;
    return first;
}

static void take(const struct reading *r, const struct lines *l, const size_t *first, struct series *out)
{
    size_t bytes = (r->ask->steps + 1) * sizeof(struct series_sums);
    out->lines = arena_zalloc(&out->arena, (out->count + 1) * sizeof(*out->lines));
    for (size_t i = 0; i < out->count; i++) {
        out->lines[i].name = arena_str(&out->arena, lines_at(l, first[i])->head.name);
        out->lines[i].at = arena_zalloc(&out->arena, bytes);
        lines_take(l, first[i], out->lines[i].at);
    }
    out->totals = arena_zalloc(&out->arena, bytes);
    memcpy(out->totals, lines_totals(l), r->ask->steps * sizeof(struct series_sums));
}

/* Once more, for the cells of those that are shown; the totals anew, so that both speak of the same rows. */
static bool read_again(struct reading *r, const struct plan *plan, const str *names, struct series *out)
{
    size_t *same = mem_zalloc((out->count + 1) * sizeof(*same));
    for (size_t i = 0; i < out->count; i++) same[i] = i;
    r->form.only = names;
    r->form.only_count = out->count;
    r->form.most = 0;
    r->form.cells_max = out->count * r->ask->steps + 1;
    r->passes.second = true;
    atomic_store(&r->form.crowded, false);
    struct lines *again = read_rows(r, plan);
    if (again) take(r, again, same, out);
    lines_drop(again);
    free(same);
    return again != NULL;
}

static bool answer_lines(struct reading *r, const struct plan *plan, const struct lines *l, struct series *out)
{
    size_t *first = choose(l, r->ask->top, &out->count);
    bool ok = true;
    out->other = lines_count(l) > out->count;
    if (atomic_load(&r->form.crowded)) {
        str *names = arena_zalloc(&out->arena, (out->count + 1) * sizeof(*names));
        for (size_t i = 0; i < out->count; i++) names[i] = arena_str(&out->arena, lines_at(l, first[i])->head.name);
        ok = read_again(r, plan, names, out);
    } else {
        take(r, l, first, out);
    }
    free(first);
    return ok;
}

/* Of more values than lines the dearest are tallied. */
static bool answer_many(struct reading *r, const struct plan *plan, struct series *out)
{
    static const enum tally_sum sums[] = {TALLY_cost, TALLY_unpriced_cost, TALLY_attempts};
    const struct report_ask *rows = &r->ask->rows;
    struct tally_ask ask = {.by = {rows->by[0]},
                            .by_count = 1,
                            .sums = sums,
                            .sum_count = COUNT_OF(sums),
                            .since_us = rows->since_us,
                            .until_us = rows->until_us,
                            .limit = r->ask->top,
                            .most = rows->names_most};
    r->passes.second = true;
    struct tallies *t = tallies_run(r->dir, rows, &ask, 1, passes_tell, &r->passes, r->why);
    if (!t) return false;
    out->count = tally_rows(t->of[0]);
    out->other = tally_names(t->of[0]) > out->count;
    str *names = arena_zalloc(&out->arena, (out->count + 1) * sizeof(*names));
    for (size_t i = 0; i < out->count; i++) names[i] = arena_str(&out->arena, tally_name(t->of[0], i, 0));
    tallies_drop(t);
    return read_again(r, plan, names, out);
}

static bool answer(struct reading *r, const struct plan *plan, struct series *out)
{
    struct lines *l = read_rows(r, plan);
    bool ok = l && answer_lines(r, plan, l, out);
    lines_drop(l);
    if (l || !atomic_load(&r->form.full) || !r->ask->top) return ok;
    buf_clear(r->why);
    return answer_many(r, plan, out);
}

bool series_run(const char *dir, const struct series_ask *ask, size_t cells_max, bool (*go_on)(void *ctx, double done),
                void *ctx, struct series *out, struct buf *why)
{
    struct reading r = {.ask = ask, .dir = dir, .why = why};
    struct plan plan;
    *out = (struct series){0};
    arena_init(&out->arena);
    r.form = (struct lines_form){.from_us = ask->from_us,
                                 .step_us = ask->step_us,
                                 .steps = ask->steps,
                                 .cells_max = cells_max / 2 + 1,
                                 .most = ask->rows.names_most};
    r.passes = (struct scan_passes){.progress = {go_on, ctx}, .more = &r.form.crowded};
    if (getrandom(&r.form.secret, sizeof(r.form.secret), 0) != sizeof(r.form.secret)) {
        buf_printf(why, "the kernel gives no random numbers");
        return false;
    }
    r.db = report_open(dir, why);
    if (!r.db) return false;
    bool ok = plan_make_rows(&plan, r.db, &ask->rows, LINES_COLUMNS, why);
    if (ok && (ask->rows.by_count != 1 || plan.by[0]->kind != DIM_TEXT)) {
        buf_printf(why, "lines are the values of one name that is no time");
        ok = false;
    }
    ok = ok && answer(&r, &plan, out);
    plan_free(&plan);
    sqlite3_close(r.db);
    return ok;
}

void series_free(struct series *s)
{
    arena_free(&s->arena);
    *s = (struct series){0};
}
