/* Reports as people and programs read them: whole texts, to the letter. */
#include "fixture.h"

#include "base/err.h"
#include "ledger/report.h"
#include "ledger/store.h"

static const int64_t at_us = INT64_C(1790000000000000); /* 2026-09-21T14:13:20Z */

static struct row row_of(uint64_t id, const char *feature, const char *user, int64_t cost)
{
    struct row row = {0};
    row.n.attempt_id = row.n.call_id = id << 8;
    row.n.at_us = at_us + (int64_t)id;
    row.n.number = 1;
    row.n.cost_picousd = row.n.cost_max_picousd = cost;
    row.n.units[UNIT_INPUT] = 1200;
    row.n.units[UNIT_OUTPUT] = 30;
    row.n.total_us = 20;
    row.text[ROW_FEATURE] = str_from(feature);
    row.text[ROW_USER] = str_from(user);
    row.text[ROW_KEY] = S("alice");
    return row;
}

/* Three calls; the second one is estimated, failed and was wasted, the third has no price. */
static char *small_folder(void)
{
    struct buf why;
    buf_init(&why, 0);
    char *dir = folder_new();
    struct row rows[3] = {row_of(1, "chat", "bob", 1500000000000), row_of(2, "chat", "a,\"b\"\n\033[2J", 500000000000),
                          row_of(3, "", "", 7)};
    rows[0].n.streamed = 1;
    rows[0].n.first_byte_us = 8;
    rows[0].n.saved_picousd = 250000000000;
    rows[1].n.err = ERR_BAD_REQUEST;
    rows[1].n.wasted = 1;
    rows[1].n.cost_state = COST_ESTIMATED;
    rows[1].n.cost_max_picousd = 600000000000;
    rows[2].n.cost_state = COST_UNPRICED;
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_int_equal(store_post(s, &rows[i]), STORE_DONE);
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

typedef void writer(const struct report *r, struct buf *out);

static void plain_table(const struct report *r, struct buf *out)
{
    report_table(r, &(struct report_paper){.colour = false}, out);
}

static void colour_table(const struct report *r, struct buf *out)
{
    report_table(r, &(struct report_paper){.colour = true}, out);
}

static void assert_text(const char *dir, const struct report_ask *ask, writer *write, const char *expected)
{
    struct buf why, out;
    buf_init(&why, 0);
    buf_init(&out, 0);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    if (!r) fail_msg("%.*s", (int)why.n, why.p);
    write(r, &out);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    report_drop(r);
    buf_free(&why);
    buf_free(&out);
}

#define NO_UNITS "\"cache_read_tokens\":0,\"cache_write_5m_tokens\":0,\"cache_write_1h_tokens\":0,\"output_tokens\":"
#define MORE_UNITS                                                                                                     \
    ",\"reasoning_tokens\":0,\"audio_in_tokens\":0,\"audio_out_tokens\":0,\"image_tokens\":0,\"tool_calls\":0,"        \
    "\"searches\":0,\"seconds\":0,\"requests\":0,"
#define LATENCY  "\"p50_ms\":0.02,\"p95_ms\":0.02,\"p99_ms\":0.02,"
#define FIRST    "\"first_token_p50_ms\":0.008,\"first_token_p95_ms\":0.008,\"first_token_p99_ms\":0.008,"
#define NO_FIRST "\"first_token_p50_ms\":null,\"first_token_p95_ms\":null,\"first_token_p99_ms\":null,"

static const char json_text[] =
    "{\"rows\":[\n"
    "{\"feature\":\"chat\",\"calls\":2,\"attempts\":2,\"errors\":1,\"cost_picousd\":2000000000000,"
    "\"cost_max_picousd\":2100000000000,\"wasted\":1,\"wasted_cost_picousd\":500000000000,"
    "\"saved_cost_picousd\":250000000000,\"estimated\":1,\"estimated_cost_picousd\":500000000000,\"unpriced\":0,"
    "\"unpriced_cost_picousd\":0,\"input_tokens\":2400," NO_UNITS "60" MORE_UNITS LATENCY FIRST
    "\"error_rate\":0.5,\"estimated_share\":0.5,\"unpriced_share\":0,\"amplification\":1.333333},\n"
    "{\"feature\":\"\",\"calls\":1,\"attempts\":1,\"errors\":0,\"cost_picousd\":0,\"cost_max_picousd\":0,\"wasted\":0,"
    "\"wasted_cost_picousd\":0,\"saved_cost_picousd\":0,\"estimated\":0,\"estimated_cost_picousd\":0,\"unpriced\":1,"
    "\"unpriced_cost_picousd\":7,\"input_tokens\":1200," NO_UNITS "30" MORE_UNITS LATENCY NO_FIRST
    "\"error_rate\":0,\"estimated_share\":0,\"unpriced_share\":1,\"amplification\":null}],\n"
    "\"totals\":{\"calls\":3,\"attempts\":3,\"errors\":1,\"cost_picousd\":2000000000000,"
    "\"cost_max_picousd\":2100000000000,\"wasted\":1,\"wasted_cost_picousd\":500000000000,"
    "\"saved_cost_picousd\":250000000000,\"estimated\":1,\"estimated_cost_picousd\":500000000000,\"unpriced\":1,"
    "\"unpriced_cost_picousd\":7,\"input_tokens\":3600," NO_UNITS "90" MORE_UNITS LATENCY FIRST
    "\"error_rate\":0.333333,\"estimated_share\":0.333333,\"unpriced_share\":0.333333,\"amplification\":1.333333},\n"
    "\"groups\":2,\"since\":\"2026-09-21T14:00:00.000000Z\",\"until\":null}\n";

static const char csv_text[] =
    "user,calls,attempts,errors,cost_picousd,cost_max_picousd,wasted,wasted_cost_picousd,saved_cost_picousd,estimated,"
    "estimated_cost_picousd,unpriced,unpriced_cost_picousd,input_tokens,cache_read_tokens,cache_write_5m_tokens,"
    "cache_write_1h_tokens,output_tokens,reasoning_tokens,audio_in_tokens,audio_out_tokens,image_tokens,tool_calls,"
    "searches,seconds,requests,p50_ms,p95_ms,p99_ms,first_token_p50_ms,first_token_p95_ms,first_token_p99_ms,"
    "error_rate,estimated_share,unpriced_share,amplification\n"
    "bob,1,1,0,1500000000000,1500000000000,0,0,250000000000,0,0,0,0,1200,0,0,0,30,0,0,0,0,0,0,0,0,0.02,0.02,0.02,"
    "0.008,0.008,0.008,0,0,0,1\n"
    "\"a,\"\"b\"\"\n\033[2J\",1,1,1,500000000000,600000000000,1,500000000000,0,1,500000000000,0,0,1200,0,0,0,30,0,0,0,"
    "0,0,0,0,0,0.02,0.02,0.02,,,,1,1,0,\n"
    ",1,1,0,0,0,0,0,0,0,0,1,7,1200,0,0,0,30,0,0,0,0,0,0,0,0,0.02,0.02,0.02,,,,0,0,1,\n";

/* Control characters are shown as what they are not allowed to do. */
static const char table_text[] =
    "day         user        calls  attempts  cost $  up to $  wasted $  amplified  saved $  input  output    p50    "
    "p95    p99  first p50  first p95  errors  estimated  unpriced\n"
    "----------  ----------  -----  --------  ------  -------  --------  ---------  -------  -----  ------  -----  --"
    "---  -----  ---------  ---------  ------  ---------  --------\n"
    "2026-09-21  bob             1         1    1.50     1.50      0.00      1.00x     0.25  1,200      30  0.0ms  0."
    "0ms  0.0ms      0.0ms      0.0ms      0%         0%        0%\n"
    "2026-09-21  a,\"b\"??[2J      1         1    0.50     0.60      0.50          -     0.00  1,200      30  0.0ms "
    " 0.0ms  0.0ms          -          -  100.0%     100.0%        0%\n"
    "2026-09-21  (none)          1         1    0.00     0.00      0.00          -     0.00  1,200      30  0.0ms  0."
    "0ms  0.0ms          -          -      0%         0%    100.0%\n"
    "----------  ----------  -----  --------  ------  -------  --------  ---------  -------  -----  ------  -----  --"
    "---  -----  ---------  ---------  ------  ---------  --------\n"
    "total                       3         3    2.00     2.10      0.50      1.33x     0.25  3,600      90  0.0ms  0."
    "0ms  0.0ms      0.0ms      0.0ms   33.3%      33.3%     33.3%\n"
    "unpriced attempts are not in the cost: 'purser prices check' names the models\n";

static void test_texts(void **state)
{
    (void)state;
    char *dir = small_folder();
    struct report_ask ask = {.by = {S("feature")},
                             .by_count = 1,
                             .since_us = at_us - 800 * US_PER_SECOND,
                             .until_us = INT64_MAX};
    assert_text(dir, &ask, report_json, json_text);
    ask.by[0] = S("user");
    assert_text(dir, &ask, report_csv, csv_text);
    ask.by[0] = S("day");
    ask.by[1] = S("user");
    ask.by_count = 2;
    assert_text(dir, &ask, plain_table, table_text);
    folder_drop(dir);
}

static void narrow_table(const struct report *r, struct buf *out)
{
    report_table(r, &(struct report_paper){.width = 50}, out);
}

static void test_narrow(void **state)
{
    (void)state;
    char *dir = small_folder();
    struct report_ask ask = {.by = {S("feature")}, .by_count = 1, .until_us = INT64_MAX, .limit = 100};
    assert_text(
        dir, &ask, narrow_table,
        "feature  calls  cost $  wasted $  errors  unpriced\n"
        "-------  -----  ------  --------  ------  --------\n"
        "chat         2    2.00      0.50   50.0%        0%\n"
        "(none)       1    0.00      0.00      0%    100.0%\n"
        "-------  -----  ------  --------  ------  --------\n"
        "total        3    2.00      0.50   33.3%     33.3%\n"
        "left out in so narrow a terminal: attempts, up to $, amplified, saved $, input, output, p50, p95, p99, "
        "first p50, first p95, estimated (--format csv has all)\n"
        "unpriced attempts are not in the cost: 'purser prices check' names the models\n");
    folder_drop(dir);
}

static void test_limit_and_colour(void **state)
{
    (void)state;
    char *dir = small_folder();
    struct report_ask ask = {.by = {S("hour")},
                             .by_count = 1,
                             .where[0] = {S("status"), S("ok")},
                             .where[1] = {S("feature"), S("chat")},
                             .where_count = 2,
                             .until_us = INT64_MAX};
    assert_text(
        dir, &ask, colour_table,
        "\033[1mhour              calls  attempts  cost $  saved $  input  output    p50    p95    p99  first p50"
        "  first p95  errors\033[0m\n"
        "----------------  -----  --------  ------  -------  -----  ------  -----  -----  -----  ---------"
        "  ---------  ------\n"
        "2026-09-21 14:00      1         1    1.50     0.25  1,200      30  0.0ms  0.0ms  0.0ms      0.0ms"
        "      0.0ms      0%\n"
        "----------------  -----  --------  ------  -------  -----  ------  -----  -----  -----  ---------"
        "  ---------  ------\n"
        "\033[1mtotal                 1         1    1.50     0.25  1,200      30  0.0ms  0.0ms  0.0ms      0.0ms"
        "      0.0ms      0%\033[0m\n");
    ask.since_us = at_us + US_PER_DAY;
    assert_text(dir, &ask, colour_table, "No attempts in that time.\n");
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_limit_and_colour),
        cmocka_unit_test(test_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
