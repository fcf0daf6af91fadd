/* How fast the ledger is: the append that a worker pays for, the store thread's
 * rows a second with everything on (details, rollups, cells, seals), the start
 * behind a kill -9 with a journal that is not stored, and what the ledger's two
 * threads take of the processor beside a steady load.
 *
 *   ledger_speed [rows] [folder]      prints one JSON line a figure */
#include "base/arena.h"
#include "base/rng.h"
#include "base/time.h"
#include "ledger/ledger.h"
#include "ledger/schema.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { USERS = 10000, FEATURES = 20, KEYS = 50, CELLS = 4 };

static char names[USERS][16];

static int64_t process_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

/* A typical attempt: about 400 bytes in the journal. */
static void fill(struct row *row, struct rng *rng, struct journal *j)
{
    static const char *const models[] = {"gpt-5-mini", "gpt-5", "claude-sonnet-4-5", "mistral-small"};
    uint64_t r = rng_next(rng);
    str user = str_from(names[r % USERS]);
    *row = (struct row){0};
    struct row_numbers *n = &row->n;
    n->attempt_id = n->call_id = journal_next_id(j);
    n->at_us = time_now_us();
    n->ended_us = n->at_us + 800000;
    n->units[UNIT_INPUT] = 800 + (int64_t)(r >> 20 & 1023);
    n->units[UNIT_CACHE_READ] = 256;
    n->units[UNIT_OUTPUT] = 100 + (int64_t)(r >> 30 & 255);
    n->cost_by_unit[UNIT_INPUT] = n->units[UNIT_INPUT] * 250000;
    n->cost_by_unit[UNIT_CACHE_READ] = 256 * 25000;
    n->cost_by_unit[UNIT_OUTPUT] = n->units[UNIT_OUTPUT] * 2000000;
    n->cost_picousd = n->cost_max_picousd =
        n->cost_by_unit[UNIT_INPUT] + n->cost_by_unit[UNIT_CACHE_READ] + n->cost_by_unit[UNIT_OUTPUT];
    n->held_picousd = 2 * n->cost_picousd;
    n->provider_cost_picousd = -1;
    n->connect_us = 300;
    n->first_byte_us = 200000 + (int64_t)(r >> 40 & 0xffff);
    n->total_us = 800000 + (int64_t)(r >> 40 & 0xfffff);
    n->overhead_us = 40;
    n->request_bytes = n->prompt_bytes = 4000;
    n->response_bytes = 2000;
    n->system_bytes = 1000;
    n->http_status = 200;
    n->number = n->streamed = n->usage_known = 1;
    row->text[ROW_KEY] = str_from(names[r % KEYS]);
    row->text[ROW_TEAM] = S("support");
    row->text[ROW_USER] = user;
    row->text[ROW_FEATURE] = str_from(names[r % FEATURES]);
    row->text[ROW_PROMPT] = S("answer@12");
    row->text[ROW_PROVIDER] = S("openai");
    row->text[ROW_MODEL] = row->text[ROW_MODEL_REQUESTED] = row->text[ROW_MODEL_ANSWERED] =
        str_from(models[r >> 50 & 3]);
    row->text[ROW_OPERATION] = S("chat");
    row->text[ROW_FINISH] = S("stop");
    row->text[ROW_PRICE_SOURCE] = S("genai-prices 2026-11-01");
    row->text[ROW_PROVIDER_REQUEST] = S("chatcmpl-BzX1kQ8mJ2vN5pR7tW9y");
    row->text[ROW_USAGE_RAW] = S("{\"prompt_tokens\":1056,\"completion_tokens\":180,\"total_tokens\":1236,"
                                 "\"prompt_tokens_details\":{\"cached_tokens\":256}}");
    row->cell_count = CELLS;
    for (uint32_t i = 0; i < CELLS; i++)
        row->cells[i] = (struct ledger_cell){i == 3 ? hash_fnv(user) : 1000 + i, n->cost_picousd};
}

static struct ledger *open_or_die(const char *dir)
{
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = 1};
    struct ledger *l = ledger_open(&options, &why);
    if (!l || why.n) fprintf(stderr, "%.*s\n", (int)why.n, why.p);
    if (!l) exit(1);
    buf_free(&why);
    return l;
}

static void wait_ready(struct journal *j)
{
    while (!journal_ready(j)) usleep(200);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Batches of 32, as a turn of a loop does them; single ones are below the clock's grain. */
static void bench_append(const char *dir)
{
    enum { BATCH = 32, ROUNDS = 3000 };
    struct ledger *l = open_or_die(dir);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct rng rng;
    rng_seed(&rng, 1);
    static struct row rows[BATCH];
    static int64_t ns[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) fill(&rows[i], &rng, j);
        wait_ready(j);
        int64_t from = now_ns();
        for (int i = 0; i < BATCH; i++) journal_append(j, JOURNAL_POST, &rows[i]);
        ns[round] = (now_ns() - from) / BATCH;
        usleep(500); /* 64,000 a second */
    }
    qsort(ns, ROUNDS, sizeof(*ns), compare);
    printf("{\"figure\":\"append_ns\",\"p50\":%lld,\"p90\":%lld,\"p99\":%lld}\n", (long long)ns[ROUNDS / 2],
           (long long)ns[ROUNDS * 9 / 10], (long long)ns[ROUNDS * 99 / 100]);
    ledger_close(l);
}

/* A child appends and dies by SIGKILL. Another connection holds the store's write
 * lock meanwhile: nothing is stored, all of it is in the journal. */
static void make_unstored(const char *dir, int64_t rows)
{
    pid_t pid = fork();
    if (pid == 0) {
        char path[600];
        sqlite3 *other = NULL;
        struct ledger *l = open_or_die(dir);
        snprintf(path, sizeof(path), "%s/purser.db", dir);
        if (sqlite3_open(path, &other) != SQLITE_OK ||
            sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
            exit(1);
        ledger_start(l);
        struct journal *j = ledger_journal(l, 0);
        struct rng rng;
        struct row row;
        rng_seed(&rng, 2);
        for (int64_t i = 0; i < rows; i++) {
            fill(&row, &rng, j);
            wait_ready(j);
            journal_append(j, JOURNAL_POST, &row);
        }
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

static int64_t thread_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

/* A hold and a post for each call, as one worker writes them; `users` differ. */
static void bench_steady(const char *dir, int calls_per_ms, uint64_t users)
{
    enum { SECONDS = 4 };
    struct ledger *l = open_or_die(dir);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct rng rng;
    rng_seed(&rng, 3);
    struct row row;
    int64_t cpu = process_cpu_us() - thread_cpu_us(), begin_us = time_mono_us(), calls = 0;
    for (int ms = 0; ms < SECONDS * 1000; ms++) {
        for (int i = 0; i < calls_per_ms; i++, calls++) {
            fill(&row, &rng, j);
            if (users == 1) row.text[ROW_USER] = row.text[ROW_KEY] = row.text[ROW_FEATURE] = S("one");
            wait_ready(j);
            journal_append(j, JOURNAL_HOLD, &row);
            journal_append(j, JOURNAL_POST, &row);
        }
        int64_t left_us = begin_us + (ms + 1) * US_PER_MS - time_mono_us();
        if (left_us > 0) usleep((useconds_t)left_us);
    }
    cpu = process_cpu_us() - thread_cpu_us() - cpu;
    int64_t took_us = time_mono_us() - begin_us;
    ledger_flush(l);
    printf("{\"figure\":\"steady\",\"users\":%llu,\"calls_per_second\":%lld,\"cpu_us_per_call\":%.2f}\n",
           (unsigned long long)users, (long long)(calls * US_PER_SECOND / took_us), (double)cpu / (double)calls);
    ledger_close(l);
}

static void bench_store(const char *dir, int64_t rows)
{
    make_unstored(dir, rows);
    int64_t from = time_mono_us();
    struct ledger *l = open_or_die(dir);
    int64_t opened = time_mono_us();
    struct ledger_state state;
    ledger_state(l, &state);
    int64_t had = (int64_t)state.rows;
    int64_t cpu = process_cpu_us();
    ledger_start(l);
    int64_t started = time_mono_us();
    ledger_flush(l);
    int64_t stored = time_mono_us();
    cpu = process_cpu_us() - cpu;
    ledger_state(l, &state);
    int64_t done = (int64_t)state.rows - had;
    printf("{\"figure\":\"recovery\",\"records_not_stored\":%lld,\"open_ms\":%lld,\"start_ms\":%lld}\n",
           (long long)done, (long long)(opened - from) / 1000, (long long)(started - opened) / 1000);
    if (done > 0 && stored > started)
        printf("{\"figure\":\"store\",\"rows\":%lld,\"rows_per_second\":%lld,\"cpu_us_per_row\":%.2f}\n",
               (long long)done, (long long)(done * US_PER_SECOND / (stored - started)), (double)cpu / (double)done);
    ledger_close(l);
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? atoll(argv[1]) : 1000000;
    char dir[512];
    snprintf(dir, sizeof(dir), "%s/ledger-speed-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (rows <= 0 || !mkdtemp(dir)) {
        fprintf(stderr, "usage: ledger_speed [rows] [folder]\n");
        return 2;
    }
    for (int i = 0; i < USERS; i++) snprintf(names[i], sizeof(names[i]), "name-%d", i);
    bench_append(dir);
    bench_store(dir, rows);
    bench_steady(dir, 10, 1);
    bench_steady(dir, 10, USERS);
    bench_steady(dir, 1, 1);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"figure\":\"memory\",\"peak_kb\":%ld}\n", usage.ru_maxrss);
    fprintf(stderr, "the ledger is left in %s\n", dir);
    return 0;
}
