/* A ladder's rungs in reports. What is expected was reckoned by hand; the sums stand beside it. */
#include "fixture.h"

#include "base/err.h"
#include "ledger/export.h"
#include "ledger/report.h"
#include "ledger/store.h"

static const int64_t at_us = INT64_C(1790000000000000); /* 2026-09-21T14:13:20Z */

enum { MICRO = 1000000 }; /* pico-dollars of a micro-dollar */

/* What one attempt was: tokens, and micro-dollars for them. */
struct told {
    uint64_t call;
    int rung, number; /* of the attempt at the rung */
    enum attempt_reason reason;
    enum err err;
    bool accepted;
    int input, cached, output, input_cost, cached_cost, output_cost;
    enum cost_state state;
};

/* Rung 1 takes a micro-dollar for a token of input, half of one for a cached token and two for one of output;
 * rung 3 ten times that; what stands beside the ladder ten for a token of input. */
static const struct told ladder[] = {
    {1, 1, 1, REASON_FIRST, ERR_NONE, true, 80, 20, 10, 80, 10, 20},
    {2, 1, 1, REASON_FIRST, ERR_NOT_ACCEPTED, false, 200, 0, 20, 200, 0, 40},
    {2, 3, 1, REASON_ESCALATION, ERR_NONE, true, 210, 0, 30, 2100, 0, 600},
    {3, 1, 1, REASON_FIRST, ERR_PROVIDER_ERROR, false, 0, 0, 0, 0, 0, 0, COST_FREE},
    {3, 1, 2, REASON_RETRY, ERR_NONE, true, 50, 0, 5, 50, 0, 10},
    {4, 1, 1, REASON_FIRST, ERR_NOT_ACCEPTED, false, 300, 0, 10, 300, 0, 20},
    {4, 3, 1, REASON_ESCALATION, ERR_NONE, false, 310, 0, 50, 3100, 0, 1000}, /* better than nothing */
    {5, 1, 1, REASON_FIRST, ERR_NOT_ACCEPTED, false, 1000, 0, 10, 1000, 0, 7, COST_UNPRICED},
    {5, 0, 0, REASON_FALLBACK, ERR_NONE, false, 44, 0, 0, 400, 0, 0},
    {6, 1, 1, REASON_FIRST, ERR_PROVIDER_TIMEOUT, false, 0, 0, 0, 0, 0, 0, COST_FREE},
    {6, 10, 1, REASON_FALLBACK, ERR_PROVIDER_ERROR, false, 0, 0, 0, 0, 0, 0, COST_FREE}, /* never answered */
};

static struct row row_of(const struct told *t, uint64_t id, str requested)
{
    static const str providers[] = {
        [0] = STR_INIT("beside"), [1] = STR_INIT("lab"), [3] = STR_INIT("big"), [10] = STR_INIT("last")};
    struct row row = {0};
    struct row_numbers *n = &row.n;
    n->attempt_id = id << 8;
    n->call_id = t->call << 20;
    n->at_us = at_us + (int64_t)id;
    n->number = (uint8_t)(t->reason == REASON_FIRST ? 1 : 2);
    n->rung = (uint8_t)t->rung;
    n->rung_number = (uint8_t)t->number;
    n->accepted = t->accepted;
    n->reason = (uint8_t)t->reason;
    n->err = (uint16_t)t->err;
    n->wasted = t->err != ERR_NONE;
    n->cost_state = (uint8_t)t->state;
    n->units[UNIT_INPUT] = t->input;
    n->units[UNIT_CACHE_READ] = t->cached;
    n->units[UNIT_OUTPUT] = t->output;
    n->cost_by_unit[UNIT_INPUT] = t->input_cost * (int64_t)MICRO;
    n->cost_by_unit[UNIT_CACHE_READ] = t->cached_cost * (int64_t)MICRO;
    n->cost_by_unit[UNIT_OUTPUT] = t->output_cost * (int64_t)MICRO;
    n->cost_picousd = n->cost_max_picousd = (t->input_cost + t->cached_cost + t->output_cost) * (int64_t)MICRO;
    row.text[ROW_MODEL_REQUESTED] = requested;
    row.text[ROW_PROVIDER] = providers[t->rung];
    row.text[ROW_MODEL] = S("m");
    row.text[ROW_FEATURE] = t->call == 2 ? S("mail") : S("chat");
    return row;
}

/* The ladder's attempts, and as many of another model. */
static char *ladder_folder(void)
{
    struct buf why;
    buf_init(&why, 0);
    char *dir = folder_new();
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (uint64_t i = 0; i < COUNT_OF(ladder); i++) {
        struct row row = row_of(&ladder[i], 2 * i + 1, S("triage")), other = row_of(&ladder[i], 2 * i + 2, S("other"));
        assert_int_equal(store_post(s, &row), STORE_DONE);
        assert_int_equal(store_post(s, &other), STORE_DONE);
    }
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

static struct report_ask rungs_of(str model)
{
    struct report_ask ask = {.until_us = INT64_MAX, .limit = 100};
    assert_true(report_ask_ladder(&ask, model));
    return ask;
}

/* A service's answer has no tokens, one that was ended early is no whole one, one with nothing in it is no answer. */
static void test_services_and_cuts(void **state)
{
    (void)state;
    static const struct told some[] = {
        {1, 1, 1, REASON_FIRST, ERR_NONE, true, 0, 0, 0, 0, 0, 5},          /* the service's price */
        {2, 1, 1, REASON_FIRST, ERR_NOT_ACCEPTED, false, 0, 0, 0, 0, 0, 5}, /* it found nothing */
        {2, 3, 1, REASON_ESCALATION, ERR_NOT_ACCEPTED, false, 9, 0, 1, 9, 0, 1, COST_ESTIMATED}, /* ended early */
        {2, 10, 1, REASON_ESCALATION, ERR_NONE, true, 40, 0, 4, 400, 0, 80},
        {3, 3, 1, REASON_FIRST, ERR_NONE, false, 7, 0, 0, 7, 0, 0}, /* nothing in it */
        {3, 10, 1, REASON_FALLBACK, ERR_NONE, true, 21, 0, 2, 210, 0, 40},
    };
    char *dir = folder_new();
    struct buf why, out;
    buf_init(&why, 0);
    buf_init(&out, 0);
    struct store *s = store_open(dir, &why);
    assert_true(store_begin(s));
    for (uint64_t i = 0; i < COUNT_OF(some); i++) {
        struct row row = row_of(&some[i], i + 1, S("triage"));
        if (i == 4) row.n.wasted = 1;
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    struct report_ask ask = rungs_of(S("triage"));
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    assert_non_null(r);
    report_csv(r, &out);
    buf_add_byte(&out, '\0');
    /* Three calls were answered, two of them with 61 tokens together: 91.5 for all, 92.
     *   rung 1: 3 * 10 / 2 = 15, rung 3: no whole answer, rung 10: 92 * 610 / 61 + 3 * 120 / 2 = 1100 */
    assert_non_null(strstr(out.p, "\n1,lab,m,2,1,0.5,1,2,1,10000000,10000000,5000000,0,0,15000000\n"));
    assert_non_null(strstr(out.p, "\n3,big,m,2,0,0,0,2,1,17000000,17000000,17000000,1,0,\n"));
    assert_non_null(strstr(out.p, "\n10,last,m,2,2,1,2,2,0,730000000,730000000,0,0,0,1100000000\n"));
    report_drop(r);
    buf_free(&why);
    buf_free(&out);
    folder_drop(dir);
}

/* Rung 1: 110 + 240 + 60 + 320 = 730 micro-dollars, 240 + 320 of them wasted; the unpriced answer is no cost.
 * Five calls were answered, with prompts of 100 + 210 + 50 + 310 + 44 = 714 tokens.
 *   rung 1: 640 for 650 tokens of prompts, 90 for 4 answers: 714 * 640 / 650 + 5 * 90 / 4 = 815.515385
 *   rung 3: 5200 for 520 tokens, 1600 for 2 answers: 714 * 10 + 5 * 800 = 11140
 *   rung 10: it never answered */
static const char json_text[] =
    "{\"rows\":[\n"
    "{\"rung\":\"1\",\"provider\":\"lab\",\"model\":\"m\",\"reached\":6,\"accepted\":2,\"accepted_share\":0.333333,"
    "\"answered\":2,\"attempts\":7,\"errors\":5,\"cost_picousd\":730000000,\"cost_max_picousd\":730000000,"
    "\"wasted_cost_picousd\":560000000,\"estimated\":0,\"unpriced\":1,\"estimated_alone_cost_picousd\":815515385},\n"
    "{\"rung\":\"3\",\"provider\":\"big\",\"model\":\"m\",\"reached\":2,\"accepted\":1,\"accepted_share\":0.5,"
    "\"answered\":2,\"attempts\":2,\"errors\":0,\"cost_picousd\":6800000000,\"cost_max_picousd\":6800000000,"
    "\"wasted_cost_picousd\":0,\"estimated\":0,\"unpriced\":0,\"estimated_alone_cost_picousd\":11140000000},\n"
    "{\"rung\":\"10\",\"provider\":\"last\",\"model\":\"m\",\"reached\":1,\"accepted\":0,\"accepted_share\":0,"
    "\"answered\":0,\"attempts\":1,\"errors\":1,\"cost_picousd\":0,\"cost_max_picousd\":0,"
    "\"wasted_cost_picousd\":0,\"estimated\":0,\"unpriced\":0,\"estimated_alone_cost_picousd\":null},\n"
    "{\"rung\":\"\",\"provider\":\"beside\",\"model\":\"m\",\"reached\":0,\"accepted\":0,\"accepted_share\":0,"
    "\"answered\":1,\"attempts\":1,\"errors\":0,\"cost_picousd\":400000000,\"cost_max_picousd\":400000000,"
    "\"wasted_cost_picousd\":0,\"estimated\":0,\"unpriced\":0,\"estimated_alone_cost_picousd\":null}],\n"
    "\"totals\":{\"reached\":6,\"accepted\":3,\"accepted_share\":0.5,\"answered\":5,\"attempts\":11,\"errors\":6,"
    "\"cost_picousd\":7930000000,\"cost_max_picousd\":7930000000,\"wasted_cost_picousd\":560000000,\"estimated\":0,"
    "\"unpriced\":1,\"estimated_alone_cost_picousd\":null},\n"
    "\"groups\":4,\"since\":\"1970-01-01T00:00:00.000000Z\",\"until\":null}\n";

/* Of the mail alone, call 2: a prompt of 210 tokens, one answer.
 *   rung 1: 210 * 200 / 200 + 40 = 250, rung 3: what it cost, 2700 */
static const char csv_text[] =
    "rung,provider,model,reached,accepted,accepted_share,answered,attempts,errors,cost_picousd,cost_max_picousd,"
    "wasted_cost_picousd,estimated,unpriced,estimated_alone_cost_picousd\n"
    "1,lab,m,1,0,0,0,1,1,240000000,240000000,240000000,0,0,250000000\n"
    "3,big,m,1,1,1,1,1,0,2700000000,2700000000,0,0,0,2700000000\n";

static const char table_text[] =
    "rung    provider  model  reached  accepted  attempts   cost $  wasted $   alone $  ladder saves  errors  unprice"
    "d\n"
    "------  --------  -----  -------  --------  --------  -------  --------  --------  ------------  ------  -------"
    "-\n"
    "1       lab       m            6     33.3%         7  0.00073   0.00056  ~0.00082       -872.4%   71.4%     14.3"
    "%\n"
    "3       big       m            2     50.0%         2   0.0068      0.00    ~0.011         28.8%      0%        0"
    "%\n"
    "10      last      m            1        0%         1     0.00      0.00         -             -  100.0%        0"
    "%\n"
    "(none)  beside    m            0        0%         1   0.0004      0.00         -             -      0%        0"
    "%\n"
    "------  --------  -----  -------  --------  --------  -------  --------  --------  ------------  ------  -------"
    "-\n"
    "total                          6     50.0%        11   0.0079   0.00056                           54.5%      9.1"
    "%\n"
    "alone $: estimated, had each answered call gone to that rung alone (docs/reports.md)\n"
    "unpriced attempts are not in the cost: 'purser prices check' names the models\n";
static const char colour_text[] =
    "\033[1mrung    provider  model  reached  accepted        attempts   cost $  wasted $   alone $            ladder"
    " saves  errors  unpriced\033[0m\n"
    "------  --------  -----  -------  --------  ----  --------  -------  --------  --------  --------  ------------ "
    " ------  --------\n"
    "1       lab       m            6     33.3%  ██▋          7  0.00073   0.00056  ~0.00082  ▋              -872.4% "
    "  71.4%     14.3%\n"
    "3       big       m            2     50.0%  ████         2   0.0068      0.00    ~0.011  ████████         28.8% "
    "     0%        0%\n"
    "10      last      m            1        0%               1     0.00      0.00         -                       - "
    " 100.0%        0%\n"
    "(none)  beside    m            0        0%               1   0.0004      0.00         -                       - "
    "     0%        0%\n"
    "------  --------  -----  -------  --------  ----  --------  -------  --------  --------  --------  ------------ "
    " ------  --------\n"
    "\033[1mtotal                          6     50.0%              11   0.0079   0.00056            █████▊          "
    "         54.5%      9.1%\033[0m\n"
    "alone $: estimated, had each answered call gone to that rung alone (docs/reports.md)\n"
    "unpriced attempts are not in the cost: 'purser prices check' names the models\n";

static void test_rungs(void **state)
{
    (void)state;
    char *dir = ladder_folder();
    struct report_ask ask = rungs_of(S("triage"));
    assert_text(dir, &ask, report_json, json_text);
    assert_text(dir, &ask, plain_table, table_text);
    assert_text(dir, &ask, colour_table, colour_text);
    ask.where[ask.where_count].column = S("feature");
    ask.where[ask.where_count++].equals = S("mail");
    assert_text(dir, &ask, report_csv, csv_text);
    folder_drop(dir);
}

static void test_no_ladder(void **state)
{
    (void)state;
    char *dir = ladder_folder();
    struct report_ask ask = rungs_of(S("nobody"));
    assert_text(dir, &ask, plain_table, "No attempts in that time.\n");
    ask = rungs_of(S("triage"));
    ask.where[ask.where_count].column = S("rung");
    ask.where[ask.where_count++].equals = S("");
    assert_text(
        dir, &ask, plain_table,
        "rung    provider  model  reached  accepted  attempts  cost $  wasted $  alone $  ladder saves  errors\n"
        "------  --------  -----  -------  --------  --------  ------  --------  -------  ------------  ------\n"
        "(none)  beside    m            0        0%         1  0.0004      0.00        -             -      0%\n"
        "------  --------  -----  -------  --------  --------  ------  --------  -------  ------------  ------\n"
        "total                          0        0%         1  0.0004      0.00                             0%\n"
        "none of these attempts was at a rung: is it the name of a model with a ladder?\n");
    folder_drop(dir);
}

/* Rungs are names like others, and filters. */
static void test_by_rung(void **state)
{
    (void)state;
    char *dir = ladder_folder();
    struct buf why, out;
    buf_init(&why, 0);
    buf_init(&out, 0);
    struct report_ask ask = {.by = {S("rung")},
                             .by_count = 1,
                             .until_us = INT64_MAX,
                             .where = {{S("model_requested"), S("triage")},
                                       {S("rung"), S("1")},
                                       {S("rung"), S("10")},
                                       {S("accepted"), S("0")}},
                             .where_count = 4};
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    if (!r) fail_msg("%.*s", (int)why.n, why.p);
    report_csv(r, &out);
    buf_add_byte(&out, '\0');
    assert_non_null(strstr(out.p, "\n1,5,5,5,560000000,560000000,5,560000000,"));
    assert_non_null(strstr(out.p, "\n10,0,1,1,0,0,1,0,"));
    report_drop(r);
    buf_free(&why);
    buf_free(&out);
    folder_drop(dir);
}

/* Where one rung answered every call, it alone costs what it did. */
static void test_one_rung_is_what_it_was(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct buf why, out;
    buf_init(&why, 0);
    buf_init(&out, 0);
    struct store *s = store_open(dir, &why);
    assert_true(store_begin(s));
    int64_t cost = 0;
    for (uint64_t i = 1; i <= 97; i++) {
        struct told t = {i, 1, 1, REASON_FIRST, ERR_NONE, true, (int)(i * 37 % 101), (int)(i % 3), (int)(i * i % 53),
                         0, 0, 0};
        t.input_cost = t.input * 3;
        t.cached_cost = t.cached;
        t.output_cost = t.output * 11;
        struct row row = row_of(&t, i, S("triage"));
        cost += row.n.cost_picousd;
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    struct report_ask ask = rungs_of(S("triage"));
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    assert_non_null(r);
    report_csv(r, &out);
    buf_add_byte(&out, '\0');
    char line[256];
    snprintf(line, sizeof(line), "\n1,lab,m,97,97,1,97,97,0,%lld,%lld,0,0,0,%lld\n", (long long)cost, (long long)cost,
             (long long)cost);
    assert_non_null(strstr(out.p, line));
    report_drop(r);
    buf_free(&why);
    buf_free(&out);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rungs),
        cmocka_unit_test(test_no_ladder),
        cmocka_unit_test(test_by_rung),
        cmocka_unit_test(test_services_and_cuts),
        cmocka_unit_test(test_one_rung_is_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
