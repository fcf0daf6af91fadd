/* Fills a data folder with a past that looks like one: see past.h.
 *
 *   past [--rows N] [--days N] [--users N] [--seed N] [--until TIME] [--hostile]
 *        [--settings FILE [--upstream URL] [--secret TEXT]] DIR
 *
 * DIR must have no ledger yet. The last line says what was written. */
#include "past.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMIT_EVERY = 20000 };

static const char usage[] = "usage: past [options] DIR\n"
                            "  --rows N         attempts, about (20000)\n"
                            "  --days N         over so many days, until now (60)\n"
                            "  --users N        users there are; most of them call seldom (3000)\n"
                            "  --seed N         another past (1)\n"
                            "  --until TIME     it ends then, not now\n"
                            "  --hostile        some clients give things names that are meant to do harm\n"
                            "  --settings FILE  writes settings that fit it\n"
                            "  --upstream URL   with all providers at that address, a simulator's\n"
                            "  --secret TEXT    keys' secrets are sk-NAME-TEXT (made-up)\n";

static int fail(const char *what, struct buf *why)
{
    fprintf(stderr, "past: %s%s%.*s\n", what, why->n ? ": " : "", (int)why->n, why->n ? why->p : "");
    buf_free(why);
    return 1;
}

bool past_write(struct past *p, const struct row *row)
{
    struct row mine = *row;
    if (mine.n.ended_us > p->ask.until_us) return true; /* it would still be running */
    if (!past_cells_fill(p, &mine) || store_post(p->store, &mine) != STORE_DONE) return false;
    if (str_eq(mine.text[ROW_USER], S("nightly-build")))
        p->loop_written++;
    else
        p->rows++;
    return true;
}

/* ---- beginning and end */

static bool open_all(struct past *p, struct buf *why)
{
    p->store = store_open(p->ask.dir, why);
    if (!p->store) return false;
    arena_init(&p->arena);
    rng_seed(&p->rng, p->ask.seed);
    rhythm_init(&p->rhythm, &p->ask, &p->rng);
    p->budgets = budgets_new(store_key(p->store), 1000);
    p->cells = past_cells_new();
    p->book = price_book_new();
    settings_prices(p);
    price_book_seal(p->book);
    static const struct price ceiling = {.until_us = INT64_MAX, .from_us = INT64_MIN, .per_hour = PRICE_UNSET};
    struct price *unpriced = arena_alloc(&p->arena, sizeof(*unpriced));
    *unpriced = ceiling;
    for (int u = 0; u < UNIT_COUNT; u++) unpriced->unit[u] = PRICE_UNSET;
    unpriced->unit[UNIT_INPUT] = 600000;
    unpriced->unit[UNIT_OUTPUT] = 900000;
    for (size_t i = 0; i < PAST_MODELS; i++) {
        const struct past_model *m = &past_models[i];
        p->prices[i] =
            price_book_find_target(p->book, str_from(m->provider), str_from(m->seller), str_from(m->name), &p->arena);
        p->prices[i].ceiling = unpriced;
        if (p->prices[i].count > 0 || m->unpriced) continue;
        buf_printf(why, "the price book does not know %s of %s", m->name, m->seller);
        return false;
    }
    p->user_step = 2654435761U % (uint64_t)p->ask.users | 1;
    while (p->ask.users % (int64_t)p->user_step == 0 && p->user_step > 1) p->user_step += 2;
    if (p->rhythm.loop_from_us != INT64_MAX) p->loop_rows = p->ask.rows / 80;
    if (after_prepare(p)) return true;
    buf_printf(why, "%s", sqlite3_errmsg(store_db(p->store)));
    return false;
}

static void close_all(struct past *p)
{
    after_free(p);
    rhythm_free(&p->rhythm);
    price_book_drop(p->book);
    if (p->budgets) budgets_drop(p->budgets);
    past_cells_drop(p->cells);
    free(p->heap);
    arena_free(&p->arena);
    store_close(p->store);
}

static void tell(const char *what, int64_t part, int64_t whole)
{
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%s: %.0f%% ", what, (double)part * 100 / (double)(whole ? whole : 1));
}

static bool write_rows(struct past *p)
{
    for (size_t h = 0; h < p->rhythm.hours;) {
        int64_t from = p->rows;
        bool ok = store_begin(p->store);
        for (; ok && h < p->rhythm.hours && p->rows - from < COMMIT_EVERY; h++) {
            int more = 1;
            tasks_begin_hour(p, h);
            while (more > 0) more = tasks_step(p, p->rhythm.from_us + (int64_t)(h + 1) * US_PER_HOUR);
            ok = more == 0;
        }
        if (!ok || !store_commit(p->store)) return false;
        tell("writing a past", p->rows, p->ask.rows);
    }
    return after_all(p);
}

static bool pack_days(struct past *p)
{
    enum store_packed step;
    do step = store_pack(p->store, p->ask.until_us, 4096);
    while (step == STORE_PACK_MORE);
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    return step != STORE_PACK_FAILED;
}

static bool claim_epoch(struct past *p)
{
    return sqlite3_exec(store_db(p->store), "INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', 1)", NULL, NULL,
                        NULL) == SQLITE_OK;
}

/* ---- the command line */

static bool read_options(int argc, char **argv, struct past_ask *ask)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        uint64_t seed;
        if (strcmp(name, "--hostile") == 0) {
            ask->hostile = true;
            continue;
        }
        if (*name != '-' && !ask->dir) {
            ask->dir = name;
            continue;
        }
        i++;
        if (strcmp(name, "--rows") == 0 && str_to_i64(str_from(value), &ask->rows) && ask->rows > 0) continue;
        if (strcmp(name, "--days") == 0 && str_to_i64(str_from(value), &ask->days) && ask->days > 0 &&
            ask->days <= 1100)
            continue;
        if (strcmp(name, "--users") == 0 && str_to_i64(str_from(value), &ask->users) && ask->users > 1) continue;
        if (strcmp(name, "--seed") == 0 && str_to_u64(str_from(value), &seed)) {
            ask->seed = seed;
            continue;
        }
        if (strcmp(name, "--until") == 0 && time_parse(str_from(value), &ask->until_us)) continue;
        if (strcmp(name, "--settings") == 0 && *value && (ask->settings = value)) continue;
        if (strcmp(name, "--upstream") == 0 && *value && (ask->upstream = value)) continue;
        if (strcmp(name, "--secret") == 0 && *value && (ask->secret = value)) continue;
        return false;
    }
    return ask->dir != NULL;
}

int main(int argc, char **argv)
{
    struct buf why;
    struct past p = {
        .ask = {.rows = 20000, .days = 60, .users = 3000, .seed = 1, .until_us = time_now_us(), .secret = "made-up"}};
    char path[4096];
    buf_init(&why, 0);
    if (!read_options(argc, argv, &p.ask)) {
        fputs(usage, stderr);
        return 2;
    }
    mkdir(p.ask.dir, 0700);
    snprintf(path, sizeof(path), "%s/purser.db", p.ask.dir);
    if (access(path, F_OK) == 0) return fail("there is a ledger already in that folder", &why);
    snprintf(path, sizeof(path), "%s/journal", p.ask.dir);
    mkdir(path, 0700);
    int64_t began_us = time_mono_us();
    if (!open_all(&p, &why)) return fail(p.ask.dir, &why);
    bool ok = claim_epoch(&p) && write_rows(&p) && pack_days(&p);
    if (!ok) buf_printf(&why, "%s", *store_fault(p.store) ? store_fault(p.store) : sqlite3_errmsg(store_db(p.store)));
    if (ok && p.ask.settings) ok = settings_write(&p, &why);
    if (!ok) return fail(p.ask.dir, &why);
    long long written = p.rows + p.loop_written;
    printf("%lld attempts of %lld tasks over %lld days, made up in %.1f s\n", written, (long long)p.task_count,
           (long long)p.ask.days, (double)(time_mono_us() - began_us) / 1e6);
    close_all(&p);
    return 0;
}
