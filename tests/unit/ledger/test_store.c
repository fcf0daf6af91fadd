#include "fixture.h"

#include "ledger/pack.h"

#include "ledger/export.h"
#include "ledger/histogram.h"
#include "ledger/record.h"
#include "ledger/report.h"
#include "ledger/seal.h"
#include "ledger/store.h"
#include "ledger/verify.h"

static uint64_t problems(const char *dir)
{
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    assert_true(ledger_verify(dir, &r, NULL, NULL, &why));
    uint64_t n = r.problem_count;
    if (n) print_error("%.*s", (int)r.problems.n, r.problems.p);
    verify_result_free(&r);
    buf_free(&why);
    return n;
}

/* ---- retention */

static void test_retention_keeps_the_newest_rows_and_the_rollups(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = 1, .sync_us = 1000, .keep_rows = 100};
    struct ledger *l = must_open_with(&options, &why);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    for (int i = 0; i < 3000; i++) {
        struct row hold = row_hold(j);
        hold.n.at_us += i;
        struct row post = row_post(&hold);
        journal_append(j, JOURNAL_POST, &post);
    }
    struct ledger_state s;
    do {
        ledger_flush(l);
        usleep(10000);
        append_pair(j); /* something to wake up for; the oldest of all, so it goes at once */
        ledger_state(l, &s);
    } while (s.rows > 110);
    ledger_close(l);
    assert_in_range(ask(dir, "SELECT count(*) FROM attempts"), 1, 120);
    assert_true(ask(dir, "SELECT min(at_us) FROM attempts WHERE at_us > 1790000000000000") >= 1790000000000000 + 2800);
    assert_int_equal(ask(dir, "SELECT count(*) FROM details"), ask(dir, "SELECT count(*) FROM attempts"));
    assert_true(ask(dir, "SELECT sum(attempts) FROM rollup_hour") >= 3000);
    assert_true(ask(dir, "SELECT spent FROM cells WHERE key = 101") >= 3000 * 700);
    assert_int_equal(problems(dir), 0); /* what was deleted is accounted for */
    buf_free(&why);
    folder_drop(dir);
}

static void test_rows_may_be_kept_for_a_time(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = 1, .sync_us = 1000, .keep_us = US_PER_DAY};
    struct ledger *l = must_open_with(&options, &why);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    for (int i = 0; i < 10; i++) {
        struct row hold = row_hold(j), post = row_post(&hold);
        post.n.at_us = time_now_us() - (i < 6 ? 2 * US_PER_DAY : 0);
        journal_append(j, JOURNAL_POST, &post);
    }
    struct ledger_state s;
    do {
        ledger_flush(l);
        struct row hold = row_hold(j), post = row_post(&hold);
        post.n.at_us = time_now_us() - 2 * US_PER_DAY;
        journal_append(j, JOURNAL_POST, &post);
        usleep(20000);
        ledger_state(l, &s);
    } while (ask(dir, "SELECT value FROM totals WHERE name = 'retired_rows' UNION ALL SELECT 0") < 6);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts WHERE at_us > (strftime('%s', 'now') - 86400) * 1000000"),
                     4);
    assert_int_equal(problems(dir), 0);
    buf_free(&why);
    folder_drop(dir);
}

/* ---- cells that are over */

static void test_forgotten_cells_stay_accounted_for(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    journal_append_cell(j, CELL_MONEY, S("daily"), S("key=alice"), 1000);
    journal_append_cell(j, CELL_TOKENS, S("daily"), S("key=alice"), 2000);
    append_pair(j);
    ledger_flush(l);
    ledger_forget_cells(l, S("daily"), 2000);
    while (ask(dir, "SELECT count(*) FROM cells") == 2) usleep(1000);
    assert_int_equal(ask(dir, "SELECT key FROM cells"), CELL_TOKENS);
    assert_int_equal(problems(dir), 0);
    append_pair(j); /* a late post: its counter comes back with what was posted since */
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT sum(spent) FROM cells WHERE key = 101"), 700);
    folder_drop(dir);
}

/* ---- a post that comes twice */

static void test_a_double_post_is_reported_and_counts_once(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct row hold = row_hold(j), post = row_post(&hold);
    journal_append(j, JOURNAL_POST, &post);
    journal_append(j, JOURNAL_POST, &post);
    ledger_flush(l);
    struct ledger_state s;
    ledger_state(l, &s);
    assert_int_equal(s.rows, 1);
    assert_int_equal(s.errors, 1);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101"), 700);
    assert_int_equal(ask(dir, "SELECT attempts FROM rollup_hour"), 1);
    assert_int_equal(ask(dir, "SELECT count(*) FROM damage WHERE what LIKE '%posted twice%'"), 1);
    assert_int_equal(problems(dir), 1);
    folder_drop(dir);
}

/* ---- rollups */

static void test_rollups_sum_what_rows_say(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct row hold = row_hold(j), post = row_post(&hold);
    journal_append(j, JOURNAL_POST, &post);
    post.n.attempt_id = journal_next_id(j); /* a retry of the same call, wasted, estimated */
    post.n.number = 2;
    post.n.reason = REASON_RETRY;
    post.n.err = ERR_PROVIDER_CUT;
    post.n.wasted = 1;
    post.n.cost_state = COST_ESTIMATED;
    post.n.cost_max_picousd = 900;
    journal_append(j, JOURNAL_POST, &post);
    ledger_flush(l);
    post.n.attempt_id = journal_next_id(j); /* in a second transaction: merged by the store */
    post.n.cost_state = COST_UNPRICED;
    journal_append(j, JOURNAL_POST, &post);
    post.n.attempt_id = journal_next_id(j);
    post.n.at_us += US_PER_HOUR;
    post.n.cost_picousd = post.n.cost_max_picousd = INT64_MAX;
    post.n.cost_state = COST_EXACT;
    journal_append(j, JOURNAL_POST, &post);
    post.n.attempt_id = journal_next_id(j);
    journal_append(j, JOURNAL_POST, &post); /* above the top of a column: it stops there */
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT sum(calls) FROM rollup_hour"), 1);
    assert_int_equal(ask(dir, "SELECT sum(attempts) FROM rollup_hour"), 5);
    assert_int_equal(ask(dir, "SELECT errors FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 2);
    assert_int_equal(ask(dir, "SELECT cost_picousd FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 700);
    assert_int_equal(ask(dir, "SELECT cost_max_picousd FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 900);
    assert_int_equal(ask(dir, "SELECT wasted_picousd FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 700);
    assert_int_equal(ask(dir, "SELECT estimated_picousd FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"),
                     700);
    assert_int_equal(ask(dir, "SELECT unpriced_picousd FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 700);
    assert_int_equal(ask(dir, "SELECT unpriced FROM rollup_hour WHERE reason = 'retry' ORDER BY hour_us"), 1);
    assert_int_equal(ask(dir, "SELECT cost_picousd FROM rollup_hour ORDER BY hour_us DESC"), INT64_MAX);
    assert_int_equal(ask(dir, "SELECT hour_us % 3600000000 FROM rollup_hour"), 0);
    assert_int_equal(ask(dir, "SELECT day_us % 86400000000 FROM rollup_day"), 0);
    assert_int_equal(ask(dir, "SELECT attempts FROM rollup_day WHERE dimension = 'user' AND value = 'user-1'"), 5);
    struct buf why;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    sqlite3_stmt *q = NULL;
    sqlite3_prepare_v2(db, "SELECT latency FROM rollup_day WHERE dimension = 'task'", -1, &q, NULL);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    struct histogram h;
    histogram_init(&h);
    const char *blob = sqlite3_column_blob(q, 0);
    assert_true(histogram_merge_encoded(&h, str_of(blob, (size_t)sqlite3_column_bytes(q, 0))));
    assert_int_equal(h.total, 5);
    assert_in_range(histogram_quantile(&h, 500), 860000, 940000);
    histogram_free(&h);
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
    folder_drop(dir);
}

/* ---- spending of the past */

struct past {
    size_t count;
    int64_t total, first_step;
    bool alice;
};

static void visit_past(void *ctx, const str *values, int64_t step_start_us, int64_t amount)
{
    struct past *p = ctx;
    p->count++;
    p->total += amount;
    p->first_step = step_start_us;
    p->alice = str_eq(values[0], S("alice"));
}

static void test_past_spending_is_computed_for_a_new_budget(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    for (uint32_t generation = 1; generation <= 3; generation++) {
        struct row hold = row_hold(j), post = row_post(&hold);
        post.n.generation = generation;
        journal_append(j, JOURNAL_POST, &post);
    }
    struct past p = {0};
    struct ledger_past question = {
        .from_us = 0, .generation = 3, .amount_sql = "cost_picousd", .each = {S("key")}, .each_count = 1};
    assert_true(ledger_past(l, &question, visit_past, &p));
    assert_int_equal(p.count, 1);
    assert_int_equal(p.total, 1400); /* generations 1 and 2 */
    assert_true(p.alice);
    p = (struct past){0};
    question.amount_sql = "<tokens>";
    question.generation = 100;
    question.step_us = US_PER_HOUR;
    question.match[0].column = S("model");
    question.match[0].equals = S("gpt-5-mini");
    question.match_count = 1;
    assert_true(ledger_past(l, &question, visit_past, &p));
    assert_int_equal(p.total, 210);
    assert_int_equal(p.first_step, 1790000000000000 / US_PER_HOUR * US_PER_HOUR);
    question.match[0].equals = S("other");
    p = (struct past){0};
    assert_true(ledger_past(l, &question, visit_past, &p));
    assert_int_equal(p.count, 0);
    question.match[0].column = S("1=1; DROP TABLE attempts; --");
    assert_false(ledger_past(l, &question, visit_past, &p));
    question.match_count = 0;
    question.amount_sql = "1; DROP TABLE attempts";
    assert_false(ledger_past(l, &question, visit_past, &p));
    ledger_close(l);
    /* after a restart all of it is of an earlier boot */
    l = must_open(dir, 1);
    question.amount_sql = "1";
    question.generation = 0;
    p = (struct past){0};
    assert_true(ledger_past(l, &question, visit_past, &p));
    assert_int_equal(p.total, 3);
    ledger_close(l);
    folder_drop(dir);
}

/* ---- export */

static bool collect(void *ctx, str bytes)
{
    return buf_add(ctx, bytes);
}

static size_t count_byte(str s, char byte)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == byte;
    return n;
}

static void test_export_prints_every_row_and_column(void **state)
{
    (void)state;
    enum { ROWS = 12000 }; /* more than two slices */
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    for (int i = 0; i < ROWS; i++) {
        struct row hold = row_hold(j), post = row_post(&hold);
        if (i == 7) post.text[ROW_USER] = S("a \"quoted\", name");
        while (!journal_append(j, JOURNAL_POST, &post)) usleep(1000);
    }
    ledger_close(l);
    struct buf out, why;
    buf_init(&out, 0);
    buf_init(&why, 0);
    struct export_ask question = {.since_us = INT64_MIN, .until_us = INT64_MAX, .format = EXPORT_CSV};
    assert_true(ledger_export(dir, &question, collect, &out, &why));
    assert_int_equal(count_byte(buf_str(&out), '\n'), ROWS + 1);
    assert_true(str_starts(buf_str(&out), S("attempt_id,at_us,feature,")));
    assert_true(str_find(buf_str(&out), S("\"a \"\"quoted\"\", name\""), 0) != SIZE_MAX);
    str head = buf_str(&out);
    head = str_cut(&head, '\n');
    assert_int_equal(count_byte(head, ',') + 1, schema_attempt_columns() + 1);
    assert_true(str_ends(head, S(",usage_raw")));
    buf_clear(&out);
    question.format = EXPORT_JSONL;
    question.where[0].column = S("user");
    question.where[0].equals = S("a \"quoted\", name");
    question.where_count = 1;
    assert_true(ledger_export(dir, &question, collect, &out, &why));
    assert_int_equal(count_byte(buf_str(&out), '\n'), 1);
    assert_true(str_find(buf_str(&out), S("\"user\":\"a \\\"quoted\\\", name\""), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&out), S("\"cost_picousd\":700,"), 0) != SIZE_MAX);
    buf_clear(&out);
    question.format = EXPORT_JSON;
    question.where[0].column = S("cost_picousd");
    question.where[0].equals = S("1");
    assert_true(ledger_export(dir, &question, collect, &out, &why));
    assert_true(str_eq(buf_str(&out), S("{\"rows\":[\n\n]}\n")));
    question.where[0].column = S("colour");
    assert_false(ledger_export(dir, &question, collect, &out, &why));
    assert_true(str_find(buf_str(&why), S("'colour' is no column"), 0) != SIZE_MAX);
    buf_free(&out);
    buf_free(&why);
    folder_drop(dir);
}

/* ---- versions of the tables */

static char *folder_of_version(int version)
{
    char *dir = folder_new();
    make_older(dir, version);
    return dir;
}

static void test_a_store_of_version_1_is_read_and_brought_up_to_date(void **state)
{
    (void)state;
    char *dir = folder_of_version(1);
    struct buf why;
    assert_int_equal(shell("mkdir \"$1/journal\"", dir, NULL), 0);
    buf_init(&why, 0);
    struct report_ask question = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX};
    struct report *r = report_run(dir, &question, NULL, NULL, &why);
    assert_non_null(r);
    report_drop(r);
    assert_int_equal(problems(dir), 0);
    assert_int_equal(ask(dir, "PRAGMA user_version"), 1);
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    append_pair(ledger_journal(l, 0));
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "PRAGMA user_version"), SCHEMA_VERSION);
    pack_days(dir, INT64_MAX);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE part = 0"), PACK_KINDS);
    assert_int_equal(problems(dir), 0);
    buf_free(&why);
    folder_drop(dir);
}

static void assert_exported(const char *dir, str part)
{
    struct buf out, why;
    buf_init(&out, 0);
    buf_init(&why, 0);
    struct export_ask question = {.since_us = INT64_MIN,
                                  .until_us = INT64_MAX,
                                  .format = EXPORT_JSONL,
                                  .where = {{S("rung"), S("0")}},
                                  .where_count = 1};
    assert_true(ledger_export(dir, &question, collect, &out, &why));
    assert_int_equal(count_byte(buf_str(&out), '\n'), 3);
    assert_true(str_find(buf_str(&out), part, 0) != SIZE_MAX);
    buf_free(&out);
    buf_free(&why);
}

/* What purser made of this row before there were rungs: stored checksums must stay true. */
static void test_a_checksum_is_what_it_was(void **state)
{
    (void)state;
    struct row row = {.n = {.attempt_id = 1234567 << 8, .at_us = INT64_C(1790000000000000), .number = 1},
                      .cells = {{CELL_MONEY, 700}},
                      .cell_count = 1};
    row.n.cost_picousd = 700;
    row.n.units[UNIT_INPUT] = 50;
    row.text[ROW_KEY] = S("alice");
    row.text[ROW_MODEL] = S("gpt-5-mini");
    row.text[ROW_USAGE_RAW] = S("{}");
    assert_int_equal(row_checksum(&row), INT64_C(-8476015897762075428));
    row.n.accepted = 1;
    assert_int_not_equal(row_checksum(&row), INT64_C(-8476015897762075428));
}

/* A row that was stored before there were rungs is as true as it was: read, upgraded, beside one that has a rung. */
static void test_rows_from_before_rungs(void **state)
{
    (void)state;
    str at_none = S("\"rung\":0,\"rung_number\":0,\"accepted\":0,\"usage_raw\":\"{");
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    for (int i = 0; i < 3; i++) append_pair(ledger_journal(l, 0));
    ledger_close(l);
    make_older(dir, SCHEMA_RUNGS - 1);
    assert_int_equal(problems(dir), 0);
    assert_exported(dir, at_none);
    assert_int_equal(ask(dir, "PRAGMA user_version"), SCHEMA_RUNGS - 1);
    l = must_open(dir, 1);
    ledger_start(l);
    struct row hold = row_hold(ledger_journal(l, 0)), post = row_post(&hold);
    post.n.rung = 2;
    post.n.rung_number = post.n.accepted = 1;
    assert_true(journal_append(ledger_journal(l, 0), JOURNAL_POST, &post) > 0);
    ledger_close(l);
    assert_int_equal(ask(dir, "PRAGMA user_version"), SCHEMA_VERSION);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts WHERE rung = 0 AND rung_number = 0 AND accepted = 0"), 3);
    assert_int_equal(ask(dir, "SELECT rung * 100 + rung_number * 10 + accepted FROM attempts WHERE rung"), 211);
    assert_int_equal(problems(dir), 0);
    assert_exported(dir, at_none);
    folder_drop(dir);
}

static void test_a_store_of_a_later_version_is_refused(void **state)
{
    (void)state;
    char *dir = folder_of_version(SCHEMA_VERSION + 1);
    struct buf why;
    buf_init(&why, 0);
    assert_null(schema_open(dir, false, &why));
    assert_null(schema_open(dir, true, &why));
    assert_true(str_find(buf_str(&why), S("this purser knows"), 0) != SIZE_MAX);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention_keeps_the_newest_rows_and_the_rollups),
        cmocka_unit_test(test_rows_may_be_kept_for_a_time),
        cmocka_unit_test(test_forgotten_cells_stay_accounted_for),
        cmocka_unit_test(test_a_double_post_is_reported_and_counts_once),
        cmocka_unit_test(test_rollups_sum_what_rows_say),
        cmocka_unit_test(test_past_spending_is_computed_for_a_new_budget),
        cmocka_unit_test(test_export_prints_every_row_and_column),
        cmocka_unit_test(test_a_store_of_version_1_is_read_and_brought_up_to_date),
        cmocka_unit_test(test_a_checksum_is_what_it_was),
        cmocka_unit_test(test_rows_from_before_rungs),
        cmocka_unit_test(test_a_store_of_a_later_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
