/* How fast reports are: a store of a month's rows, then questions that rollups
 * answer and questions that need the rows.
 *
 *   report_speed [--rows N] [--users N] [--days N] [--dir FOLDER]     prints one JSON line a figure
 *   report_speed --pages [--days N] ...      what the dashboard's pages ask, each with many beginnings
 *
 * A folder that has a ledger already gets no rows (tools/past makes richer ones); one of our own is removed. Days
 * that are over are packed before the questions, as a server does it. The time is that of the newest row. Bind it
 * to one core (taskset -c 0) to time what one core does. */
#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"
#include "ledger/report.h"
#include "ledger/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 50, FEATURES = 20, TEAMS = 10, PROMPTS = 40, COMMIT_EVERY = 20000, REPEATS = 5, BEGINNINGS = 40 };

struct names {
    char key[KEYS][16], feature[FEATURES][16], team[TEAMS][16], prompt[PROMPTS][24];
};

static int64_t users = 10000, days = 30, now_us;

static void name_all(struct names *n)
{
    for (int i = 0; i < KEYS; i++) snprintf(n->key[i], sizeof(n->key[i]), "key-%02d", i);
    for (int i = 0; i < FEATURES; i++) snprintf(n->feature[i], sizeof(n->feature[i]), "feature-%02d", i);
    for (int i = 0; i < TEAMS; i++) snprintf(n->team[i], sizeof(n->team[i]), "team-%02d", i);
    for (int i = 0; i < PROMPTS; i++) snprintf(n->prompt[i], sizeof(n->prompt[i]), "prompt-%02d@%d", i / 2, i % 2);
}

/* A key is of one team and used by two features, a feature uses two models, a user
 * has one key; one in thirty attempts fails and is made again. */
static void fill(struct row *row, struct rng *rng, const struct names *names, int64_t i, int64_t at_us)
{
    static const str models[] = {STR_INIT("gpt-5-mini"), STR_INIT("gpt-5"), STR_INIT("claude-sonnet-4-5"),
                                 STR_INIT("mistral-small")};
    static const str providers[] = {STR_INIT("openai"), STR_INIT("openai"), STR_INIT("anthropic"), STR_INIT("mistral")};
    uint64_t r = rng_next(rng);
    size_t key = r % KEYS, feature = (key + (r >> 8 & 1) * 7) % FEATURES, model = (feature + (r >> 9 & 1)) % 4;
    struct row_numbers *n = &row->n;
    *row = (struct row){0};
    n->attempt_id = n->call_id = (UINT64_C(1) << 43) + ((uint64_t)(i + 1) << 8);
    n->at_us = at_us;
    n->number = r >> 10 & 31 ? 1 : 2;
    n->reason = n->number == 1 ? REASON_FIRST : REASON_RETRY;
    n->err = r >> 15 & 31 ? ERR_NONE : ERR_BAD_REQUEST;
    n->wasted = n->err != ERR_NONE;
    n->units[UNIT_INPUT] = 800 + (int64_t)(r >> 20 & 1023);
    n->units[UNIT_CACHE_READ] = 256;
    n->units[UNIT_OUTPUT] = 100 + (int64_t)(r >> 30 & 255);
    n->cost_by_unit[UNIT_INPUT] = n->units[UNIT_INPUT] * 250000;
    n->cost_by_unit[UNIT_OUTPUT] = n->units[UNIT_OUTPUT] * 2000000;
    n->cost_picousd = n->cost_max_picousd = n->cost_by_unit[UNIT_INPUT] + n->cost_by_unit[UNIT_OUTPUT];
    n->total_us = 800000 + (int64_t)(r >> 40 & 0xfffff);
    n->ended_us = n->at_us + n->total_us;
    n->first_byte_us = 200000 + (int64_t)(r >> 40 & 0xffff);
    n->provider_cost_picousd = -1;
    n->http_status = 200;
    n->streamed = n->usage_known = 1;
    row->text[ROW_KEY] = str_from(names->key[key]);
    row->text[ROW_TEAM] = str_from(names->team[key % TEAMS]);
    row->text[ROW_FEATURE] = str_from(names->feature[feature]);
    static char user[32];
    uint64_t of_key = rng_below(rng, (uint64_t)users / KEYS);
    snprintf(user, sizeof(user), "user-%05llu", (unsigned long long)of_key * KEYS + key);
    row->text[ROW_USER] = str_from(user);
    row->text[ROW_PROMPT] = str_from(names->prompt[feature * 2]);
    row->text[ROW_MODEL] = row->text[ROW_MODEL_REQUESTED] = row->text[ROW_MODEL_ANSWERED] = models[model];
    row->text[ROW_PROVIDER] = providers[model];
    row->text[ROW_OPERATION] = r >> 60 ? S("chat") : S("embeddings");
    row->text[ROW_FINISH] = S("stop");
    row->text[ROW_PRICE_SOURCE] = S("book");
    row->text[ROW_PROVIDER_REQUEST] = S("req_0123456789abcdef0123456789abcdef");
    row->text[ROW_USAGE_RAW] = S("{\"prompt_tokens\":1200,\"completion_tokens\":200,\"total_tokens\":1400}");
    row->cells[0] = (struct ledger_cell){101, n->cost_picousd};
    row->cell_count = 1;
}

static void die(const char *what, const struct buf *why)
{
    fprintf(stderr, "report_speed: %s: %.*s\n", what, (int)why->n, why->n ? why->p : "");
    exit(1);
}

static void make_rows(const char *dir, int64_t count)
{
    struct buf why;
    struct rng rng;
    buf_init(&why, 0);
    rng_seed(&rng, 1);
    struct names *names = mem_alloc(sizeof(*names));
    name_all(names);
    struct store *s = store_open(dir, &why);
    if (!s) die(dir, &why);
    int64_t from_us = time_now_us() - days * US_PER_DAY, begin_us = time_mono_us();
    for (int64_t i = 0; i < count;) {
        bool ok = store_begin(s);
        for (int64_t end = i + COMMIT_EVERY; ok && i < end && i < count; i++) {
            struct row row;
            fill(&row, &rng, names, i, from_us + days * US_PER_DAY / count * i);
            ok = store_post(s, &row) == STORE_DONE;
        }
        if (!ok || !store_commit(s)) die(store_fault(s), &why);
        if (isatty(STDERR_FILENO)) fprintf(stderr, "\rwriting rows: %lld%%", (long long)(i * 100 / count));
    }
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    store_close(s);
    printf("{\"figure\": \"rows written\", \"rows\": %lld, \"seconds\": %.1f}\n", (long long)count,
           (double)(time_mono_us() - begin_us) / 1e6);
    fflush(stdout);
    free(names);
    buf_free(&why);
}

static void pack_days(const char *dir)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    if (!s) die(dir, &why);
    int64_t begin_us = time_mono_us();
    enum store_packed step;
    do {
        step = store_pack(s, now_us, 4096);
    } while (step == STORE_PACK_MORE);
    if (step == STORE_PACK_FAILED) die(store_fault(s), &why);
    printf("{\"figure\": \"days packed\", \"seconds\": %.1f}\n", (double)(time_mono_us() - begin_us) / 1e6);
    fflush(stdout);
    store_close(s);
    buf_free(&why);
}

struct question {
    const char *name;
    struct report_ask ask;
    int64_t days, limit;
};

static void time_question(const char *dir, const struct question *q)
{
    struct report_ask ask = q->ask;
    struct buf why, out;
    int64_t first_us = 0, best_us = INT64_MAX;
    ask.since_us = now_us - q->days * US_PER_DAY;
    ask.until_us = INT64_MAX;
    ask.limit = 100;
    buf_init(&why, 0);
    buf_init(&out, 0);
    for (int i = 0; i < REPEATS; i++) {
        int64_t begin_us = time_mono_us();
        struct report *r = report_run(dir, &ask, NULL, NULL, &why);
        if (!r) die(q->name, &why);
        buf_clear(&out);
        report_json(r, &out);
        int64_t took_us = time_mono_us() - begin_us;
        report_drop(r);
        if (i == 0) first_us = took_us;
        if (took_us < best_us) best_us = took_us;
    }
    printf("{\"figure\": \"%s\", \"first_ms\": %.1f, \"best_ms\": %.1f}\n", q->name, (double)first_us / 1e3,
           (double)best_us / 1e3);
    fflush(stdout);
    buf_free(&out);
    buf_free(&why);
}

static void ask_all(const char *dir)
{
    const struct question questions[] = {
        {"rollup: by feature,model, 7 days", {.by = {S("feature"), S("model")}, .by_count = 2}, 7},
        {"rollup: by feature,model, 31 days", {.by = {S("feature"), S("model")}, .by_count = 2}, 31},
        {"rollup: by day where feature=feature-03, 31 days",
         {.by = {S("day")}, .by_count = 1, .where[0] = {S("feature"), S("feature-03")}, .where_count = 1},
         31},
        {"rollup: by user, 7 days", {.by = {S("user")}, .by_count = 1}, 7},
        {"rollup: by user, 31 days", {.by = {S("user")}, .by_count = 1}, 31},
        {"rollup: by prompt, 31 days", {.by = {S("prompt")}, .by_count = 1}, 31},
        {"rollup: by key,team,provider,reason,status, 31 days",
         {.by = {S("key"), S("team"), S("provider"), S("reason"), S("status")}, .by_count = 5},
         31},
        {"rollup: by hour, 31 days", {.by = {S("hour")}, .by_count = 1}, 31},
        {"rollup: by day,feature,task, 31 days", {.by = {S("day"), S("feature"), S("task")}, .by_count = 3}, 31},
        {"rows: by model where user=user-00042, 7 days",
         {.by = {S("model")}, .by_count = 1, .where[0] = {S("user"), S("user-00042")}, .where_count = 1},
         7},
        {"rows: by model where user=user-00042, 31 days",
         {.by = {S("model")}, .by_count = 1, .where[0] = {S("user"), S("user-00042")}, .where_count = 1},
         31},
        {"rows: by operation, 7 days", {.by = {S("operation")}, .by_count = 1}, 7},
        {"rows: by operation,model where team=team-03, 31 days",
         {.by = {S("operation"), S("model")},
          .by_count = 2,
          .where[0] = {S("team"), S("team-03")},
          .where[1] = {S("operation"), S("chat")},
          .where_count = 2},
         31},
        {"rows: by user,model, 31 days", {.by = {S("user"), S("model")}, .by_count = 2}, 31},
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) time_question(dir, &questions[i]);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The pages' ranges begin at any moment of a day: some find many rows of that day beside its rollups. */
static void time_page(const char *dir, const struct question *q)
{
    struct report_ask ask = q->ask;
    struct buf why, out;
    struct rng rng;
    int64_t took_us[BEGINNINGS];
    buf_init(&why, 0);
    buf_init(&out, 0);
    rng_seed(&rng, 9);
    for (int i = 0; i < BEGINNINGS; i++) {
        ask.since_us = now_us - q->days * US_PER_DAY - (int64_t)rng_below(&rng, US_PER_DAY);
        ask.until_us = INT64_MAX;
        ask.limit = q->limit;
        int64_t begin_us = time_mono_us();
        struct report *r = report_run(dir, &ask, NULL, NULL, &why);
        if (!r) die(q->name, &why);
        buf_clear(&out);
        report_json(r, &out);
        took_us[i] = time_mono_us() - begin_us;
        report_drop(r);
    }
    qsort(took_us, BEGINNINGS, sizeof(*took_us), compare);
    int64_t p50_us = took_us[BEGINNINGS / 2], p95_us = took_us[BEGINNINGS * 95 / 100];
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"figure\": \"page: %s\", \"p50_ms\": %.1f, \"p95_ms\": %.1f, \"peak_mb\": %.1f}\n", q->name,
           (double)p50_us / 1e3, (double)p95_us / 1e3, (double)usage.ru_maxrss / 1024);
    fflush(stdout);
    buf_free(&out);
    buf_free(&why);
}

/* A feature that has most of the calls, to filter on. */
static str feature_of(const char *dir)
{
    struct report_ask ask = {.by = {S("feature")}, .by_count = 1, .until_us = INT64_MAX, .limit = 1};
    static char name[256];
    char text[40];
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    if (!r || !report_rows(r)) die("no rows", &why);
    (void)str_copy(name, sizeof(name), report_key(r, 0, 0, text));
    report_drop(r);
    buf_free(&why);
    return str_from(name);
}

static void ask_pages(const char *dir)
{
    enum { ALL = 100000 };
    str feature = feature_of(dir);
    const struct question questions[] = {
        {"sum, 89 days", {.limit = 1}, 89, 1},
        {"by feature, 89 days", {.by = {S("feature")}, .by_count = 1}, 89, 1000},
        {"by team,feature,model, 89 days", {.by = {S("team"), S("feature"), S("model")}, .by_count = 3}, 89, 1000},
        {"by provider,model,status, 89 days",
         {.by = {S("provider"), S("model"), S("status")}, .by_count = 3},
         89,
         1000},
        {"by day, 89 days", {.by = {S("day")}, .by_count = 1}, 89, ALL},
        {"by day,feature, 89 days", {.by = {S("day"), S("feature")}, .by_count = 2}, 89, ALL},
        {"by hour, 7 days", {.by = {S("hour")}, .by_count = 1}, 7, ALL},
        {"by hour,feature, 7 days", {.by = {S("hour"), S("feature")}, .by_count = 2}, 7, ALL},
        {"by hour, 56 days", {.by = {S("hour")}, .by_count = 1}, 56, ALL},
        {"by key, 89 days", {.by = {S("key")}, .by_count = 1}, 89, 1000},
        {"by prompt, 89 days", {.by = {S("prompt")}, .by_count = 1}, 89, 1000},
        {"by day,prompt, 89 days", {.by = {S("day"), S("prompt")}, .by_count = 2}, 89, ALL},
        {"by user, 1 day", {.by = {S("user")}, .by_count = 1}, 1, 1000},
        {"by user, 7 days", {.by = {S("user")}, .by_count = 1}, 7, 1000},
        {"by user, 30 days", {.by = {S("user")}, .by_count = 1}, 30, 1000},
        {"by user, 89 days", {.by = {S("user")}, .by_count = 1}, 89, 1000},
        {"by user of a feature, 89 days",
         {.by = {S("user")}, .by_count = 1, .where[0] = {S("feature"), feature}, .where_count = 1},
         89,
         1000},
        {"by day of a user, 89 days",
         {.by = {S("day")}, .by_count = 1, .where[0] = {S("user"), S("user-00042")}, .where_count = 1},
         89,
         ALL},
        {"by task, 7 days", {.by = {S("task")}, .by_count = 1}, 7, 100},
        {"by task, 89 days", {.by = {S("task")}, .by_count = 1}, 89, 100},
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) time_page(dir, &questions[i]);
}

static int64_t newest_row(const char *dir)
{
    struct buf why;
    sqlite3_stmt *q = NULL;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    if (!db) die(dir, &why);
    int64_t at_us = 0;
    if (sqlite3_prepare_v2(db, "SELECT max(at_us) FROM attempts", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        at_us = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
    return at_us;
}

int main(int argc, char **argv)
{
    int64_t rows = 1000000;
    const char *dir = NULL;
    char own[] = "/tmp/report-speed-XXXXXX", command[256];
    bool pages = argc > 1 && strcmp(argv[1], "--pages") == 0;
    for (int i = 1 + pages; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rows") == 0 && str_to_i64(str_from(argv[i + 1]), &rows) && rows > 0) continue;
        if (strcmp(argv[i], "--users") == 0 && str_to_i64(str_from(argv[i + 1]), &users) && users >= KEYS) continue;
        if (strcmp(argv[i], "--days") == 0 && str_to_i64(str_from(argv[i + 1]), &days) && days > 0) continue;
        if (strcmp(argv[i], "--dir") == 0) {
            dir = argv[i + 1];
            continue;
        }
        fprintf(stderr, "usage: report_speed [--pages] [--rows N] [--users N] [--days N] [--dir FOLDER]\n");
        return 2;
    }
    bool ours = !dir;
    if (ours) dir = mkdtemp(own);
    if (!dir) return 1;
    mkdir(dir, 0700);
    snprintf(command, sizeof(command), "%s/purser.db", dir);
    if (access(command, F_OK) != 0) make_rows(dir, rows);
    now_us = newest_row(dir);
    pack_days(dir);
    if (pages)
        ask_pages(dir);
    else
        ask_all(dir);
    if (!ours) return 0;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) != 0;
}
