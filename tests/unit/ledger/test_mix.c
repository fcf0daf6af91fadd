/* rollup_mix: what rows say, also of stores that are older than it. */
#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "ledger/mix.h"
#include "ledger/verify.h"

#define FIRST_US INT64_C(1790000000000000)

static struct store *must_store(const char *dir)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    if (!s) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return s;
}

static const char *const words[] = {"", "a", "b", "c", "a,b", "d'e"};

static str word(struct rng *r, size_t of)
{
    return str_from(words[rng_below(r, of)]);
}

/* One of everything: prompts change within an hour, units that are rare, rows without a price. */
static struct row row_random(struct rng *r, uint64_t id)
{
    struct row row = {0};
    row.n.attempt_id = row.n.call_id = id;
    row.n.at_us = FIRST_US + (int64_t)rng_below(r, 5) * US_PER_DAY / 2;
    row.n.number = (uint8_t)(1 + rng_below(r, 3));
    row.n.cost_state = (uint8_t)rng_below(r, COST_STATE_COUNT);
    row.n.wasted = rng_below(r, 4) == 0;
    row.n.err = row.n.wasted ? ERR_PROVIDER_CUT : ERR_NONE;
    row.n.saved_picousd = rng_below(r, 9) ? 0 : 17;
    row.n.prompt_bytes = (int64_t)rng_below(r, 9000);
    row.n.system_bytes = row.n.prompt_bytes / 5;
    row.n.history_bytes = row.n.prompt_bytes / 7;
    row.n.retrieved_bytes = row.n.prompt_bytes / 9;
    row.n.tools_bytes = row.n.prompt_bytes / 11;
    row.n.provider_cost_picousd = -1;
    for (int u = 0; u < UNIT_COUNT; u++) {
        if (u != UNIT_INPUT && rng_below(r, 10)) continue;
        row.n.units[u] = (int64_t)rng_below(r, 5000);
        row.n.cost_by_unit[u] = row.n.units[u] * 3000;
        row.n.cost_picousd += row.n.cost_by_unit[u];
    }
    row.n.cost_max_picousd = row.n.cost_picousd;
    row.text[ROW_FEATURE] = word(r, 4);
    row.text[ROW_PROMPT] = word(r, COUNT_OF(words));
    row.text[ROW_MODEL] = word(r, 3);
    row.text[ROW_PROVIDER] = S("openai");
    row.text[ROW_KEY] = word(r, 2);
    row.text[ROW_TEAM] = S("support");
    return row;
}

static void post(struct store *s, struct rng *r, uint64_t from, uint64_t until)
{
    assert_true(store_begin(s));
    for (uint64_t id = from; id < until; id++) {
        struct row row = row_random(r, id);
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
}

#define MIX_OF(field, column, what) ", sum(" column ")"
#define UNIT_OF(unit, count, cost)  ", sum(" count "), sum(" cost ")"
#define UNIT_SQL(unit, count, cost) ", sum(" count "), sum(iif(cost_state = 'unpriced', 0, " cost "))"
#define DAY_OF                      "at_us - at_us % 86400000000"
static const char *const stored_sql = "SELECT day_us, " ROLLUP_MIX_KEYS MIX_MEASURES(MIX_OF)
    UNIT_COLUMNS(UNIT_OF) " FROM rollup_mix GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7";
static const char *const truth_sql =
    "SELECT " DAY_OF ", " ROLLUP_MIX_KEYS ", sum(number = 1), count(*),"
    " sum(iif(cost_state = 'unpriced', 0, cost_picousd)), sum(iif(cost_state = 'unpriced' OR NOT wasted, 0,"
    " cost_picousd)), sum(saved_picousd), sum(prompt_bytes), sum(system_bytes), sum(history_bytes),"
    " sum(retrieved_bytes), sum(tools_bytes)" UNIT_COLUMNS(
        UNIT_SQL) " FROM attempts GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7";

/* Both questions have the same rows. */
static void assert_same(const char *dir, const char *a, const char *b)
{
    struct buf why;
    sqlite3_stmt *x = NULL, *y = NULL;
    int rows = 0;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    assert_non_null(db);
    if (sqlite3_prepare_v2(db, a, -1, &x, NULL) != SQLITE_OK) fail_msg("%s: %s", a, sqlite3_errmsg(db));
    if (sqlite3_prepare_v2(db, b, -1, &y, NULL) != SQLITE_OK) fail_msg("%s: %s", b, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_column_count(x), sqlite3_column_count(y));
    for (;; rows++) {
        int rc = sqlite3_step(x);
        assert_int_equal(rc, sqlite3_step(y));
        if (rc != SQLITE_ROW) break;
        for (int i = 0; i < sqlite3_column_count(x); i++)
            assert_string_equal((const char *)sqlite3_column_text(x, i), (const char *)sqlite3_column_text(y, i));
    }
    assert_true(rows > 100);
    sqlite3_finalize(x);
    sqlite3_finalize(y);
    sqlite3_close(db);
    buf_free(&why);
}

static void assert_verified(const char *dir, const char *expect)
{
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    if (!ledger_verify(dir, &r, NULL, NULL, &why)) fail_msg("%.*s", (int)why.n, why.p);
    bool told = expect ? str_find(buf_str(&r.problems), str_from(expect), 0) != SIZE_MAX : !r.problem_count;
    if (!told) fail_msg("%s is not in:\n%.*s", expect ? expect : "nothing", (int)r.problems.n, r.problems.p);
    verify_result_free(&r);
    buf_free(&why);
}

static char *folder_with_journal(void)
{
    char *dir = folder_new();
    assert_int_equal(shell("mkdir \"$1/journal\"", dir, NULL), 0);
    return dir;
}

static void test_it_sums_what_rows_say(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_with_journal();
    rng_seed(&rng, 1);
    struct store *s = must_store(dir);
    for (uint64_t i = 0; i < 4; i++) post(s, &rng, 1 + i * 500, 1 + (i + 1) * 500); /* merged by the store */
    assert_true(store_begin(s));
    struct row row = row_random(&rng, 9999);
    assert_int_equal(store_post(s, &row), STORE_DONE);
    store_rollback(s);
    store_close(s);
    assert_same(dir, stored_sql, truth_sql);
    assert_verified(dir, NULL);
    run_sql(dir, "UPDATE rollup_mix SET attempts = attempts + 1 WHERE key = 'a' AND feature = 'b'");
    assert_verified(dir, "rollup_mix counts");
    run_sql(dir, "UPDATE rollup_mix SET attempts = attempts - 1 WHERE key = 'a' AND feature = 'b'");
    assert_verified(dir, NULL);
    run_sql(dir, "UPDATE rollup_mix SET cost_picousd = cost_picousd + 1 WHERE key = 'a' AND feature = 'b'");
    assert_verified(dir, "rollup_mix does not add up");
    folder_drop(dir);
}

/* An older store: its rows are added some at a time, others come meanwhile, one of them late. */
static void test_an_older_store_is_filled(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_with_journal();
    rng_seed(&rng, 2);
    struct store *s = must_store(dir);
    post(s, &rng, 1, 300);
    post(s, &rng, 301, 800); /* 300 is still in a journal */
    post(s, &rng, 950, 1000);
    store_close(s);
    make_older(dir, SCHEMA_STEERING - 1);
    s = must_store(dir);
    assert_false(store_mix_is_whole(s));
    bool whole = false;
    uint32_t deleted = 0;
    uint64_t next = 1000;
    for (int step = 0; !whole; step++) {
        assert_true(store_mix_fill(s, 100, &whole));
        if (whole) break;
        post(s, &rng, next, next + 7);
        next += 7;
        if (step == 3) post(s, &rng, 300, 301); /* of a stretch that is done */
        if (step == 4) post(s, &rng, 900, 901); /* of one that comes */
        if (step != 5) continue;
        store_close(s); /* and from there on after a stop */
        assert_verified(dir, NULL);
        s = must_store(dir);
        assert_true(store_begin(s)); /* nothing is deleted before it is summed */
        assert_true(store_retire(s, INT64_MAX, 1, 100, &deleted));
        assert_true(store_commit(s));
        assert_int_equal(deleted, 0);
    }
    post(s, &rng, next, next + 50);
    store_close(s);
    assert_same(dir, stored_sql, truth_sql);
    assert_verified(dir, NULL);
    run_sql(dir, "UPDATE rollup_mix SET attempts = attempts + 1 WHERE key = 'a' AND feature = 'b'");
    assert_verified(dir, "rollup_mix counts");
    folder_drop(dir);
}

/* What retention had deleted before stays unknown, and the proofs still hold. */
static void test_rows_that_are_gone_are_accounted_for(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_with_journal();
    rng_seed(&rng, 3);
    struct store *s = must_store(dir);
    uint32_t deleted = 0;
    bool whole = false;
    post(s, &rng, 1, 1001);
    assert_true(store_begin(s));
    assert_true(store_retire(s, INT64_MIN, 600, 512, &deleted));
    assert_true(store_commit(s));
    assert_int_equal(deleted, 400);
    store_close(s);
    make_older(dir, 1);
    s = must_store(dir);
    while (!whole) assert_true(store_mix_fill(s, 1000, &whole));
    post(s, &rng, 1001, 1100);
    store_close(s);
    assert_same(dir, stored_sql, truth_sql);
    assert_verified(dir, NULL);
    run_sql(dir, "UPDATE rollup_mix SET cost_picousd = cost_picousd + 1 WHERE key = 'a' AND feature = 'b'");
    assert_verified(dir, "rollup_mix does not add up");
    s = must_store(dir); /* all of them */
    assert_true(store_begin(s));
    for (int i = 0; i < 4; i++) assert_true(store_retire(s, INT64_MAX, 0, 512, &deleted));
    assert_true(store_commit(s));
    assert_int_equal(deleted, 0);
    store_close(s);
    make_older(dir, 3);
    s = must_store(dir);
    for (whole = false; !whole;) assert_true(store_mix_fill(s, 1000, &whole));
    store_close(s);
    assert_verified(dir, NULL);
    folder_drop(dir);
}

/* The server does it by itself, with nobody calling. */
static void test_a_ledger_fills_it(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_with_journal();
    rng_seed(&rng, 4);
    struct store *s = must_store(dir);
    post(s, &rng, 1, 20001);
    store_close(s);
    make_older(dir, SCHEMA_STEERING - 1);
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    const char *done = "SELECT count(*) FROM totals a, totals b WHERE a.name = 'mix_to_id' AND b.name = 'mix_until_id'"
                       " AND a.value = b.value";
    for (int i = 0; i < 3000 && !ask(dir, done); i++) usleep(10000);
    ledger_close(l);
    assert_same(dir, stored_sql, truth_sql);
    folder_drop(dir);
}

/* ---- reading */

static struct mix *must_read(const char *dir, const struct mix_ask *ask_for)
{
    struct buf why;
    buf_init(&why, 0);
    struct mix *m = mix_read(dir, ask_for, &why);
    if (!m) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return m;
}

static void assert_refused(const char *dir, const struct mix_ask *ask_for, const char *expect)
{
    struct buf why;
    buf_init(&why, 0);
    assert_null(mix_read(dir, ask_for, &why));
    if (str_find(buf_str(&why), str_from(expect), 0) == SIZE_MAX) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
}

static char *filled_folder(void)
{
    struct rng rng;
    char *dir = folder_with_journal();
    rng_seed(&rng, 5);
    struct store *s = must_store(dir);
    post(s, &rng, 1, 1501);
    store_close(s);
    return dir;
}

static void test_it_is_read_by_names(void **state)
{
    (void)state;
    char *dir = filled_folder();
    struct mix_ask by = {.by = {S("prompt"), S("day")}, .by_count = 2, .until_us = INT64_MAX};
    by.since_us = FIRST_US + US_PER_DAY; /* within a day: the whole of it */
    by.where[0].column = S("feature");
    by.where[0].equals = S("a");
    by.where[1].column = S("model");
    by.where[1].equals = S("b");
    by.where[2].column = S("feature");
    by.where[2].equals = S("c");
    by.where_count = 3;
    struct mix *m = must_read(dir, &by);
    char sql[512];
    const char *filter = "feature IN ('a', 'c') AND model = 'b' AND at_us >= 1790000000000000 + 86400000000 - "
                         "1790000000000000 % 86400000000";
    assert_true(m->whole);
    snprintf(sql, sizeof(sql), "SELECT count(DISTINCT prompt || (at_us / 86400000000)) FROM attempts WHERE %s", filter);
    assert_int_equal(m->count, ask(dir, sql));
    for (size_t i = 0; i < m->count; i++) {
        const struct mix_row *r = &m->rows[i];
        assert_int_equal(r->day_us % US_PER_DAY, 0);
        sqlite3_snprintf(sizeof(sql), sql,
                         "SELECT sum(reasoning_tokens * 7 + cost_output_picousd * (cost_state != 'unpriced')) FROM"
                         " attempts WHERE %s AND prompt = %.*Q AND at_us / 86400000000 = %lld",
                         filter, (int)r->by[0].n, r->by[0].p, (long long)(r->day_us / US_PER_DAY));
        assert_int_equal(r->sums.units[UNIT_REASONING] * 7 + r->sums.cost_by_unit[UNIT_OUTPUT], ask(dir, sql));
    }
    snprintf(sql, sizeof(sql), "SELECT sum(tools_bytes) FROM attempts WHERE %s", filter);
    assert_int_equal(m->totals.of[MIX_tools_bytes], ask(dir, sql));
    mix_drop(m);
    folder_drop(dir);
}

/* An owner sees her features, whatever the filters say; who owns none sees nothing. */
static void test_scopes(void **state)
{
    (void)state;
    char *dir = filled_folder();
    static const str own[] = {STR_INIT("a"), STR_INIT("d'e")};
    struct mix_ask all = {.by = {S("feature")}, .by_count = 1, .until_us = INT64_MAX};
    struct mix_ask scoped = all;
    scoped.scoped = true;
    scoped.features = own;
    scoped.feature_count = COUNT_OF(own);
    struct mix *m = must_read(dir, &scoped);
    assert_int_equal(m->count, 1);
    assert_true(str_eq(m->rows[0].by[0], S("a")));
    mix_drop(m);
    scoped.where[0].column = S("feature");
    scoped.where[0].equals = S("b");
    scoped.where_count = 1;
    m = must_read(dir, &scoped);
    assert_int_equal(m->count, 0);
    mix_drop(m);
    scoped.where_count = scoped.feature_count = 0;
    m = must_read(dir, &scoped);
    assert_true(m->count == 0 && m->totals.of[MIX_attempts] == 0);
    mix_drop(m);
    m = must_read(dir, &all);
    assert_int_equal(m->count, 4);
    assert_int_equal(m->totals.of[MIX_attempts], 1500);
    mix_drop(m);
    folder_drop(dir);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    char *dir = filled_folder();
    struct mix_ask wrong = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX};
    assert_refused(dir, &wrong, "'user' is nothing that the mix is kept by; there are: feature, prompt");
    wrong.by[0] = S("team");
    wrong.where[0].column = S("day");
    wrong.where_count = 1;
    assert_refused(dir, &wrong, "'day' is nothing");
    wrong.where_count = 0;
    make_older(dir, SCHEMA_STEERING - 1);
    struct mix *m = must_read(dir, &wrong); /* no server of now has opened it */
    assert_true(!m->whole && m->count == 0);
    mix_drop(m);
    folder_drop(dir);
}

static bool hang_up(void *ctx, double done)
{
    int *left = ctx;
    assert_true(done >= 0 && done <= 1);
    return (*left)-- > 0;
}

/* A filter that the mix is not kept by: the rows answer, as long as somebody waits. */
static void test_rows_answer_until_nobody_waits(void **state)
{
    (void)state;
    char *dir = filled_folder();
    int patience = INT32_MAX;
    struct mix_ask all = {.by = {S("prompt"), S("day")}, .by_count = 2, .until_us = INT64_MAX};
    struct mix_ask ask = all;
    ask.where[0].column = S("wasted"), ask.where[0].equals = S("0");
    ask.where[1].column = S("wasted"), ask.where[1].equals = S("1");
    ask.where_count = 2;
    ask.go_on = hang_up;
    ask.ctx = &patience;
    struct mix *rollup = must_read(dir, &all), *rows = must_read(dir, &ask);
    assert_true(patience < INT32_MAX);
    assert_true(rows->whole);
    assert_int_equal(rows->count, rollup->count);
    assert_true(rows->rows_from_us == INT64_MIN);
    assert_memory_equal(&rows->totals, &rollup->totals, sizeof(rows->totals));
    mix_drop(rollup);
    mix_drop(rows);
    for (int asked = 0; asked < 2; asked++) {
        struct buf why;
        patience = asked;
        buf_init(&why, 0);
        assert_null(mix_read(dir, &ask, &why));
        assert_int_equal(why.n, 0);
        buf_free(&why);
    }
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_sums_what_rows_say),
        cmocka_unit_test(test_an_older_store_is_filled),
        cmocka_unit_test(test_rows_that_are_gone_are_accounted_for),
        cmocka_unit_test(test_a_ledger_fills_it),
        cmocka_unit_test(test_it_is_read_by_names),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_rows_answer_until_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
