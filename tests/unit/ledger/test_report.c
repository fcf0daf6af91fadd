/* Reports, against a plain model: rows are written through the store, questions are
 * drawn at random, and every sum and quantile is computed anew from the rows. */
#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "ledger/report_inside.h"
#include "ledger/store.h"

enum { ROWS = 4000, EPOCH_US_HOURS = 48 };
/* Under the thread sanitizer, which is slow, of so many questions one: they are many for the sums' sake. */
#if defined(__SANITIZE_THREAD__)
enum { ONE_OF = 4 };
#else
enum { ONE_OF = 1 };
#endif

static const int64_t begin_us = INT64_C(1790000000000000); /* 2026-09-21T14:13:20Z: inside an hour and a day */

static struct row rows[ROWS];

static const str users[] = {STR_INIT(""), STR_INIT("u1"), STR_INIT("u2"), STR_INIT("u3"), STR_INIT("\"odd\", user")};
static const str features[] = {STR_INIT(""), STR_INIT("support-bot"), STR_INIT("search")};
static const str models[] = {STR_INIT("small"), STR_INIT("large")};
static const str teams[] = {STR_INIT("a"), STR_INIT("b")};
static const str tags[] = {STR_INIT(""), STR_INIT("red"), STR_INIT("red,blue"), STR_INIT("blue, green")};
static const enum err errors[] = {ERR_NONE, ERR_NONE, ERR_NONE, ERR_BAD_REQUEST};

static void draw_row(struct row *row, struct rng *rng, uint64_t i)
{
    struct row_numbers *n = &row->n;
    *row = (struct row){0};
    n->attempt_id = n->call_id = ((i / 1500 + 1) << 43) + (i % 1500 << 8) + rng_below(rng, 2);
    n->at_us = begin_us + (int64_t)rng_below(rng, (uint64_t)(EPOCH_US_HOURS * US_PER_HOUR));
    n->number = (uint8_t)(1 + (rng_below(rng, 5) == 0));
    n->reason = n->number == 1 ? REASON_FIRST : REASON_RETRY;
    n->err = (uint16_t)errors[rng_below(rng, COUNT_OF(errors))];
    n->cost_state = (uint8_t)rng_below(rng, COST_STATE_COUNT);
    n->cost_picousd = n->cost_state == COST_FREE ? 0 : (int64_t)rng_below(rng, 1000000);
    n->cost_max_picousd = n->cost_picousd + (n->cost_state == COST_ESTIMATED ? 1000 : 0);
    n->saved_picousd = (int64_t)rng_below(rng, 100);
    n->wasted = rng_below(rng, 10) == 0;
    n->streamed = rng_below(rng, 2) == 0;
    n->total_us = (int64_t)rng_below(rng, 3000000);
    if (n->total_us % 16 == 0) n->total_us = 0; /* cut off by a crash: how long it took is not known */
    n->first_byte_us = rng_below(rng, 4) ? (int64_t)rng_below(rng, 500000) : 0;
    for (int u = 0; u < UNIT_COUNT; u++) n->units[u] = (int64_t)rng_below(rng, 1000);
    row->text[ROW_USER] = users[rng_below(rng, COUNT_OF(users))];
    row->text[ROW_FEATURE] = features[rng_below(rng, COUNT_OF(features))];
    row->text[ROW_MODEL] = models[rng_below(rng, COUNT_OF(models))];
    row->text[ROW_TEAM] = teams[rng_below(rng, COUNT_OF(teams))];
    row->text[ROW_TAGS] = tags[rng_below(rng, COUNT_OF(tags))];
    row->text[ROW_PROMPT] = row->n.at_us % 3 ? S("p@1") : S("p@2");
    row->text[ROW_OPERATION] = S("chat");
    row->text[ROW_PROVIDER] = S("lab");
    row->text[ROW_KEY] = S("alice");
}

static void store_rows(const char *dir, const struct row *from, size_t count)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (size_t i = 0; i < count; i++) assert_int_equal(store_post(s, &from[i]), STORE_DONE);
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
}

static char *drawn_folder(void)
{
    struct rng rng;
    char *dir = folder_new();
    rng_seed(&rng, 7);
    for (uint64_t i = 0; i < ROWS; i++) draw_row(&rows[i], &rng, i);
    store_rows(dir, rows, ROWS);
    return dir;
}

static struct report *must_run(const char *dir, const struct report_ask *ask)
{
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    if (!r) fail_msg("report_run: %.*s", (int)why.n, why.p);
    buf_free(&why);
    return r;
}

/* ---- the model */

static str value_of(const struct row *row, str name)
{
    if (str_eq(name, S("user"))) return row->text[ROW_USER];
    if (str_eq(name, S("feature"))) return row->text[ROW_FEATURE];
    if (str_eq(name, S("model"))) return row->text[ROW_MODEL];
    if (str_eq(name, S("task"))) return row->text[ROW_TASK];
    if (str_eq(name, S("team"))) return row->text[ROW_TEAM];
    if (str_eq(name, S("tags"))) return row->text[ROW_TAGS];
    if (str_eq(name, S("prompt"))) return row->text[ROW_PROMPT];
    if (str_eq(name, S("operation"))) return row->text[ROW_OPERATION];
    if (str_eq(name, S("status"))) return err_info(row->n.err)->name;
    if (str_eq(name, S("reason"))) return attempt_reason_name(row->n.reason);
    fail_msg("the model does not know %.*s", (int)name.n, name.p);
    return STR_NONE;
}

static bool has_tag(str list, str tag)
{
    if (str_eq(list, tag)) return true;
    while (list.p) {
        if (str_eq(str_trim(str_cut(&list, ',')), tag)) return true;
    }
    return false;
}

static bool fits(const struct row *row, const struct report_ask *ask)
{
    if (row->n.at_us < ask->since_us || row->n.at_us >= ask->until_us) return false;
    for (size_t i = 0; i < ask->where_count; i++) {
        bool any = false;
        for (size_t j = 0; j < ask->where_count; j++) {
            if (!str_eq(ask->where[i].column, ask->where[j].column)) continue;
            str value = value_of(row, ask->where[j].column);
            bool tag = str_eq(ask->where[j].column, S("tags"));
            any = any || (tag ? has_tag(value, ask->where[j].equals) : str_eq(value, ask->where[j].equals));
        }
        if (!any) return false;
    }
    bool seen = !ask->scoped;
    for (size_t i = 0; i < ask->feature_count; i++) seen = seen || str_eq(row->text[ROW_FEATURE], ask->features[i]);
    return seen;
}

static bool is_in_group(const struct row *row, const struct report *r, const struct group *g)
{
    char text[40], own[40];
    for (size_t i = 0; i < r->by_count; i++) {
        str value = report_value(r, g, i, text), mine;
        if (r->by[i]->kind == DIM_DAY)
            mine = time_format_date(row->n.at_us, own);
        else if (r->by[i]->kind != DIM_TEXT) {
            mine = time_format(row->n.at_us - row->n.at_us % dim_step_us(r->by[i]), own);
            own[mine.n - 8] = 'Z';
            mine.n -= 7;
        } else
            mine = value_of(row, r->by[i]->name);
        if (!str_eq(value, mine)) return false;
    }
    return true;
}

struct model {
    __int128 sums[SUM_COUNT];
    struct histogram latency, first_token;
};

static void model_add(struct model *m, const struct row_numbers *n)
{
    bool priced = n->cost_state != COST_UNPRICED, estimated = n->cost_state == COST_ESTIMATED;
    m->sums[SUM_calls] += n->number == 1;
    m->sums[SUM_attempts]++;
    m->sums[SUM_errors] += n->err != ERR_NONE;
    m->sums[SUM_saved_cost] += n->saved_picousd;
    m->sums[SUM_wasted] += n->wasted;
    m->sums[SUM_estimated] += estimated;
    m->sums[SUM_unpriced] += !priced;
    if (priced) m->sums[SUM_cost] += n->cost_picousd;
    if (priced) m->sums[SUM_cost_max] += n->cost_max_picousd;
    if (priced && n->wasted) m->sums[SUM_wasted_cost] += n->cost_picousd;
    if (estimated) m->sums[SUM_estimated_cost] += n->cost_picousd;
    if (!priced) m->sums[SUM_unpriced_cost] += n->cost_picousd;
    for (int u = 0; u < UNIT_COUNT; u++) m->sums[SUM_UNITS + u] += n->units[u];
    if (n->total_us > 0) histogram_add(&m->latency, n->total_us);
    if (n->streamed && n->first_byte_us > 0) histogram_add(&m->first_token, n->first_byte_us);
}

static void assert_same(const struct group *g, struct model *m)
{
    for (int i = 0; i < SUM_COUNT; i++) {
        if (g->sums[i] != m->sums[i])
            fail_msg("sum %d is %lld, the rows make %lld", i, (long long)g->sums[i], (long long)m->sums[i]);
    }
    static const unsigned permilles[] = {500, 950, 990};
    assert_int_equal(g->latency.sparse.total, m->latency.total);
    assert_int_equal(g->first_token.sparse.total, m->first_token.total);
    for (size_t i = 0; i < COUNT_OF(permilles); i++) {
        assert_int_equal(histogram_quantile(&g->latency.sparse, permilles[i]),
                         histogram_quantile(&m->latency, permilles[i]));
        assert_int_equal(histogram_quantile(&g->first_token.sparse, permilles[i]),
                         histogram_quantile(&m->first_token, permilles[i]));
    }
    histogram_free(&m->latency);
    histogram_free(&m->first_token);
}

/* Every shown group and the totals. */
static void hold_against_model(const struct report *r, const struct report_ask *ask)
{
    struct model totals = {0};
    size_t grouped = 0, fitting = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!fits(&rows[i], ask)) continue;
        model_add(&totals, &rows[i].n);
        fitting++;
    }
    for (size_t g = 0; g < r->shown_count; g++) {
        struct model m = {0};
        for (size_t i = 0; i < ROWS; i++) {
            if (!fits(&rows[i], ask) || !is_in_group(&rows[i], r, r->shown[g])) continue;
            model_add(&m, &rows[i].n);
            grouped++;
        }
        assert_same(r->shown[g], &m);
        assert_true(m.sums[SUM_attempts] || r->by_count == 0);
    }
    if (r->shown_count == r->group_count) assert_int_equal(grouped, fitting);
    assert_same(&r->totals, &totals);
}

/* ---- random questions */

static void draw_ask(struct report_ask *ask, struct rng *rng)
{
    static const str bys[] = {STR_INIT("feature"), STR_INIT("model"),  STR_INIT("user"),      STR_INIT("day"),
                              STR_INIT("hour"),    STR_INIT("status"), STR_INIT("tags"),      STR_INIT("prompt"),
                              STR_INIT("team"),    STR_INIT("reason"), STR_INIT("operation"), STR_INIT("minute")};
    static const str owned[] = {STR_INIT("search"), STR_INIT("nothing"), STR_INIT("support-bot")};
    static const struct {
        str column, equals;
    } wheres[] = {{STR_INIT("feature"), STR_INIT("support-bot")},
                  {STR_INIT("feature"), STR_INIT("")},
                  {STR_INIT("feature"), STR_INIT("search")},
                  {STR_INIT("team"), STR_INIT("a")},
                  {STR_INIT("user"), STR_INIT("u1")},
                  {STR_INIT("user"), STR_INIT("\"odd\", user")},
                  {STR_INIT("status"), STR_INIT("ok")},
                  {STR_INIT("tags"), STR_INIT("blue")},
                  {STR_INIT("tags"), STR_INIT("red,blue")},
                  {STR_INIT("prompt"), STR_INIT("p@2")}};
    *ask = (struct report_ask){.limit = 10000};
    size_t first = rng_below(rng, COUNT_OF(bys));
    ask->by_count = rng_below(rng, 4);
    for (size_t i = 0; i < ask->by_count; i++) ask->by[i] = bys[(first + i * (1 + first % 3)) % COUNT_OF(bys)];
    ask->where_count = rng_below(rng, 2) ? 0 : 1 + rng_below(rng, 2);
    for (size_t i = 0; i < ask->where_count; i++) {
        size_t at = rng_below(rng, COUNT_OF(wheres));
        ask->where[i].column = wheres[at].column;
        ask->where[i].equals = wheres[at].equals;
    }
    ask->scoped = rng_below(rng, 5) == 0;
    ask->features = owned;
    if (ask->scoped) ask->feature_count = rng_below(rng, COUNT_OF(owned) + 1);
    int64_t span = (EPOCH_US_HOURS + 8) * US_PER_HOUR;
    ask->since_us = begin_us - 4 * US_PER_HOUR + (int64_t)rng_below(rng, (uint64_t)span);
    ask->until_us = ask->since_us + 1 + (int64_t)rng_below(rng, (uint64_t)span);
    if (rng_below(rng, 3) == 0) ask->until_us = INT64_MAX;
    if (rng_below(rng, 4) == 0) ask->since_us = INT64_MIN;
    if (rng_below(rng, 4) == 0 && ask->since_us > 0) ask->since_us -= ask->since_us % US_PER_HOUR;
    /* the model is asked of each group and each row: of minutes there would be very many */
    for (size_t i = 0; i < ask->by_count; i++) {
        if (!str_eq(ask->by[i], S("minute"))) continue;
        if (ask->since_us < begin_us) ask->since_us = begin_us;
        ask->until_us = ask->since_us + 2 * US_PER_HOUR;
    }
}

static void test_random_questions(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = drawn_folder();
    int by_source[SOURCE_COUNT] = {0};
    rng_seed(&rng, 11);
    for (int i = 0; i < 400 / ONE_OF; i++) {
        struct report_ask ask;
        draw_ask(&ask, &rng);
        struct report *r = must_run(dir, &ask);
        by_source[r->main]++;
        hold_against_model(r, &ask);
        report_drop(r);
    }
    for (int i = 0; i < SOURCE_PACK; i++) {
        if (by_source[i] <= 5 / ONE_OF) fail_msg("source %d answered %d", i, by_source[i]);
    }
    folder_drop(dir);
}

/* ---- packed days */

static void ask_at_random(const char *dir, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed);
    for (int i = 0; i < 150 / ONE_OF; i++) {
        struct report_ask ask;
        draw_ask(&ask, &rng);
        if (rng_below(&rng, 2)) ask.limit = 1 + (int64_t)rng_below(&rng, 5);
        struct report *r = must_run(dir, &ask);
        hold_against_model(r, &ask);
        report_drop(r);
    }
}

/* Days are packed, rows come late and take packs away, days are packed anew. */
static void test_packed_days(void **state)
{
    (void)state;
    enum { EARLY = ROWS - 20, DAY_KINDS = PACK_USER_8 - 1 }; /* packs of outcomes do not go */
    struct rng rng;
    char *dir = folder_new();
    int64_t last_day_us = begin_us + 24 * US_PER_HOUR;
    last_day_us -= last_day_us % US_PER_DAY;
    rng_seed(&rng, 7);
    for (uint64_t i = 0; i < ROWS; i++) draw_row(&rows[i], &rng, i);
    for (size_t i = EARLY; i < ROWS; i++) rows[i].n.at_us = last_day_us + (int64_t)i;
    store_rows(dir, rows, EARLY);
    pack_days(dir, INT64_MAX);
    assert_int_equal(ask(dir, "SELECT count(DISTINCT day_us) FROM packs WHERE kind LIKE '%.1'"), 3);
    assert_int_equal(ask(dir,
                         "SELECT count(*) FROM packs WHERE part = 0 AND kind NOT IN ('told', 'user.8', 'user.32')"),
                     3 * DAY_KINDS);
    store_rows(dir, rows + EARLY, ROWS - EARLY);
    assert_int_equal(ask(dir,
                         "SELECT count(*) FROM packs WHERE part = 0 AND kind NOT IN ('told', 'user.8', 'user.32')"),
                     2 * DAY_KINDS);
    assert_int_equal(ask(dir, "SELECT value FROM totals WHERE name = 'packs_dropped'"), 1);
    ask_at_random(dir, 21);
    pack_days(dir, last_day_us + US_PER_DAY);
    assert_int_equal(ask(dir,
                         "SELECT count(*) FROM packs WHERE part = 0 AND kind NOT IN ('told', 'user.8', 'user.32')"),
                     3 * DAY_KINDS);
    ask_at_random(dir, 22);
    folder_drop(dir);
}

/* Users by the thousand, of whom few are shown: a day is in parts, and who is shown has histograms of its own. */
static void test_many_users(void **state)
{
    (void)state;
    enum { USERS = 1600 };
    static char names[USERS][16];
    struct rng rng;
    char *dir = folder_new();
    int64_t day_us = begin_us - begin_us % US_PER_DAY;
    rng_seed(&rng, 31);
    for (int i = 0; i < USERS; i++) snprintf(names[i], sizeof(names[i]), "u%d", i);
    for (uint64_t i = 0; i < ROWS; i++) {
        draw_row(&rows[i], &rng, i);
        rows[i].text[ROW_USER] = str_from(names[rng_below(&rng, i % 10 ? USERS : 2)]); /* some often */
        rows[i].n.at_us =
            day_us + (i < 3600 ? 0 : (int64_t)(i % 3) * US_PER_DAY) + (int64_t)rng_below(&rng, US_PER_DAY);
    }
    store_rows(dir, rows, ROWS);
    pack_days(dir, day_us + 2 * US_PER_DAY);
    assert_true(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.1' AND part < 64") > 10);
    struct report_ask asks[] = {
        {.by = {S("user")}, .by_count = 1},
        {.by = {S("feature"), S("user")}, .by_count = 2},
        {.by = {S("day"), S("user")}, .by_count = 2},
        {.by = {S("user")}, .by_count = 1, .where[0] = {S("feature"), S("search")}, .where_count = 1},
        {.by = {S("user"), S("day"), S("feature")}, .by_count = 3, .since_us = day_us + 1},
        {.by = {S("user")}, .by_count = 1, .where = {{S("user"), S("u7")}, {S("user"), S("u1599")}}, .where_count = 2},
        /* the morning is taken off a packed day again, and with it who was there in the morning alone */
        {.by = {S("user")}, .by_count = 1, .since_us = day_us + 6 * US_PER_HOUR},
        {.by = {S("feature"), S("user")}, .by_count = 2, .since_us = day_us + 11 * US_PER_HOUR},
        {.where[0] = {S("user"), S("u0")}, .where_count = 1, .since_us = day_us + 6 * US_PER_HOUR},
    };
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        asks[i].until_us = INT64_MAX;
        const int64_t limits[] = {5, asks[i].since_us > day_us + 1 ? 2000 : 300}; /* by seeks; from packs */
        for (size_t l = 0; l < COUNT_OF(limits); l++) {
            asks[i].limit = limits[l];
            struct report *r = must_run(dir, &asks[i]);
            hold_against_model(r, &asks[i]);
            report_drop(r);
        }
    }
    folder_drop(dir);
}

/* ---- the dearest of many, over many days */

enum { NAMES = 3000, OFTEN = 300, MANY_DAYS = 100 };

static char many_names[NAMES][16];

/* Of the names of all rows that fit: what each has, as the order of reports looks at it. */
struct sum_of {
    int64_t cost, unpriced, attempts;
};

static int compare_sums_of(const void *a, const void *b)
{
    const struct sum_of *x = a, *y = b;
    if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
    if (x->unpriced != y->unpriced) return x->unpriced > y->unpriced ? -1 : 1;
    return (x->attempts < y->attempts) - (x->attempts > y->attempts);
}

static void hold_order(const struct report *r, const struct report_ask *ask)
{
    static struct sum_of all[NAMES + 1];
    size_t count = 0;
    memset(all, 0, sizeof(all));
    for (size_t i = 0; i < ROWS; i++) {
        if (!fits(&rows[i], ask)) continue;
        str name = value_of(&rows[i], ask->by[0]);
        struct sum_of *s = &all[name.n ? (size_t)atoi(name.p + 1) : NAMES];
        *(rows[i].n.cost_state == COST_UNPRICED ? &s->unpriced : &s->cost) += rows[i].n.cost_picousd;
        count += !s->attempts++;
    }
    assert_int_equal(r->group_count, count);
    assert_int_equal(r->shown_count, (int64_t)count < ask->limit ? (int64_t)count : ask->limit);
    qsort(all, NAMES + 1, sizeof(*all), compare_sums_of);
    for (size_t i = 0, at = 0; i < r->shown_count; i++, at++) {
        while (!all[at].attempts) at++;
        assert_true(r->shown[i]->sums[SUM_cost] == all[at].cost);
        assert_true(r->shown[i]->sums[SUM_unpriced_cost] == all[at].unpriced);
        assert_true(r->shown[i]->sums[SUM_attempts] == all[at].attempts);
    }
}

static void ask_for_the_dearest(const char *dir, uint64_t seed, int questions)
{
    static const str owned[] = {STR_INIT("search"), STR_INIT("support-bot")};
    static const str bys[] = {STR_INIT("user"), STR_INIT("task"), STR_INIT("user")};
    struct rng rng;
    rng_seed(&rng, seed);
    for (int i = 0; i < questions / ONE_OF; i++) {
        struct report_ask ask = {.by = {bys[i % 3]}, .by_count = 1, .until_us = INT64_MAX};
        ask.limit = 1 + (int64_t)rng_below(&rng, i % 4 ? 12 : NAMES);
        ask.since_us = begin_us + (int64_t)rng_below(&rng, MANY_DAYS * US_PER_DAY);
        if (i % 2) ask.since_us = begin_us - US_PER_DAY + (int64_t)rng_below(&rng, 20 * US_PER_DAY);
        if (i % 5 == 0) ask.until_us = ask.since_us + (int64_t)rng_below(&rng, 80 * US_PER_DAY);
        if (i % 7 == 0) ask.since_us -= ask.since_us % US_PER_DAY;
        if (i % 3 == 1) ask.where[ask.where_count].column = S("feature"), ask.where[ask.where_count++].equals = S("");
        if (i % 6 == 1)
            ask.where[ask.where_count].column = S("feature"), ask.where[ask.where_count++].equals = S("search");
        ask.scoped = i % 8 == 2;
        ask.features = owned;
        ask.feature_count = ask.scoped ? rng_below(&rng, 3) : 0;
        struct report *r = must_run(dir, &ask);
        hold_against_model(r, &ask);
        hold_order(r, &ask);
        report_drop(r);
    }
}

static void retire_all(const char *dir)
{
    struct buf why;
    uint32_t deleted = 1;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    while (deleted) {
        assert_true(store_begin(s));
        assert_true(store_retire(s, INT64_MAX, 0, 512, &deleted));
        assert_true(store_commit(s));
    }
    store_close(s);
    buf_free(&why);
}

/* All that is shown is the total. */
static void hold_sums(const char *dir, int64_t since_us)
{
    struct report_ask ask = {
        .by = {S("user")}, .by_count = 1, .since_us = since_us, .until_us = INT64_MAX, .limit = NAMES + 1};
    struct report *r = must_run(dir, &ask);
    __int128 sums[SUM_COUNT] = {0};
    uint64_t samples = 0;
    for (size_t i = 0; i < r->shown_count; i++) {
        for (int s = 0; s < SUM_COUNT; s++) sums[s] += r->shown[i]->sums[s];
        samples += r->shown[i]->latency.sparse.total;
    }
    assert_true(r->shown_count == r->group_count && samples > 1000);
    assert_int_equal(samples, r->totals.latency.sparse.total);
    for (int s = 0; s < SUM_COUNT; s++) assert_true(sums[s] == r->totals.sums[s]);
    report_drop(r);
}

/* Users by the hundred over a hundred days, in crowds of one, eight and thirty-two: small ones, and one that is not; a day
 * that is not packed, and one that is packed anew for a late row. */
static void test_the_dearest_of_many_days(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_new();
    int64_t day_us = begin_us - begin_us % US_PER_DAY;
    rng_seed(&rng, 41);
    for (int i = 0; i < NAMES; i++) snprintf(many_names[i], sizeof(many_names[i]), "u%d", i);
    for (uint64_t i = 0; i < ROWS; i++) {
        draw_row(&rows[i], &rng, i);
        bool crowded = i % 3 != 0; /* of these there are more in a day than a small crowd has */
        uint64_t name = rng_below(&rng, crowded ? NAMES : OFTEN), task = rng_below(&rng, NAMES);
        rows[i].text[ROW_USER] = i % 50 ? str_from(many_names[name]) : S("");
        rows[i].text[ROW_TASK] = str_from(many_names[task]);
        rows[i].n.at_us = day_us + (int64_t)rng_below(&rng, MANY_DAYS * US_PER_DAY);
        if (crowded) rows[i].n.at_us = day_us + 40 * US_PER_DAY + (int64_t)rng_below(&rng, US_PER_DAY);
        if (i % 11 == 0) rows[i].n.cost_picousd = 0, rows[i].n.cost_max_picousd = 0; /* alike */
    }
    rows[ROWS - 1].n.at_us = day_us + 41 * US_PER_DAY + 7;
    store_rows(dir, rows, ROWS - 1);
    pack_days(dir, day_us + (MANY_DAYS - 1) * US_PER_DAY);
    int64_t eights = ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.8' AND part = 0");
    const char *parted = "SELECT count(DISTINCT kind) FROM packs WHERE kind LIKE 'user.%' AND part = 63";
    assert_int_equal(ask(dir, parted), 3);
    assert_true(eights >= 10 && ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.32' AND part = 0") >= 2);
    store_rows(dir, &rows[ROWS - 1], 1);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.8' AND part = 0"), eights - 1);
    ask_for_the_dearest(dir, 42, 40);
    pack_days(dir, day_us + (MANY_DAYS - 1) * US_PER_DAY);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.8' AND part = 0"), eights);
    ask_for_the_dearest(dir, 43, 120);
    retire_all(dir);
    hold_sums(dir, day_us + 5 * US_PER_DAY + 17 * US_PER_HOUR + 5); /* a day that counts as a whole */
    hold_sums(dir, day_us + 5 * US_PER_DAY + 5 * US_PER_HOUR + 5);
    folder_drop(dir);
}

/* All rows of eight days are of the first one: one that comes for another of them, to a store that is opened anew,
 * takes their crowd away all the same. */
static void test_late_in_a_crowd_of_many_days(void **state)
{
    (void)state;
    struct rng rng;
    char *dir = folder_new();
    int64_t first_us = pack_kind_begin(PACK_USER_8, begin_us);
    rng_seed(&rng, 51);
    for (uint64_t i = 0; i < 20; i++) {
        draw_row(&rows[i], &rng, i);
        rows[i].n.at_us = first_us + (int64_t)i;
    }
    rows[18].n.at_us = first_us + 9 * US_PER_DAY; /* today's */
    rows[19].n.at_us = first_us + 5 * US_PER_DAY;
    store_rows(dir, rows, 19);
    pack_days(dir, first_us + 9 * US_PER_DAY);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.8'"), 2);
    store_rows(dir, &rows[19], 1);
    pack_days(dir, first_us + 9 * US_PER_DAY);
    struct report_ask asked = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX, .limit = 100};
    struct report *r = must_run(dir, &asked);
    __int128 attempts = 0;
    for (size_t i = 0; i < r->shown_count; i++) attempts += r->shown[i]->sums[SUM_attempts];
    assert_true(attempts == 20);
    report_drop(r);
    folder_drop(dir);
}

/* Pages of users who are all alike: each stands on one of them. */
static void test_pages_of_alike(void **state)
{
    enum { ALIKE = 95, PAGE = 20 };
    static char names[ALIKE][16];
    struct rng rng;
    char *dir = folder_new();
    (void)state;
    rng_seed(&rng, 52);
    for (uint64_t i = 0; i < ALIKE; i++) {
        draw_row(&rows[i], &rng, i);
        snprintf(names[i], sizeof(names[i]), "u%llu", (unsigned long long)i);
        rows[i].text[ROW_USER] = str_from(names[i]);
        rows[i].n.cost_state = COST_EXACT;
        rows[i].n.cost_picousd = rows[i].n.cost_max_picousd = i == 7 ? 200 : 100;
        rows[i].n.at_us = begin_us + (int64_t)i;
    }
    store_rows(dir, rows, ALIKE);
    for (int packed = 0; packed < 2; packed++) {
        bool seen[ALIKE] = {false};
        size_t count = 0, from = 0;
        do {
            struct report_ask asked = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX};
            asked.limit = (int64_t)from + PAGE;
            struct report *r = must_run(dir, &asked);
            report_turn(r, from);
            for (size_t i = 0; i < report_rows(r); i++) {
                char text[40];
                int at = atoi(report_key(r, i, 0, text).p + 1);
                assert_true(!seen[at]);
                seen[at] = true;
                if (!from && !i) assert_int_equal(at, 7);
            }
            count += report_rows(r);
            from = report_next(r);
            report_drop(r);
        } while (from);
        assert_int_equal(count, ALIKE);
        if (!packed) pack_days(dir, begin_us + 2 * US_PER_DAY);
    }
    folder_drop(dir);
}

/* Of users with an attempt each, the shown ones have their own latency. */
static void hold_lone_users(const char *dir, uint64_t users_there, size_t shown)
{
    struct report_ask ask = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX, .limit = (int64_t)shown};
    struct report *r = must_run(dir, &ask);
    assert_int_equal(r->group_count, users_there);
    assert_int_equal(r->shown_count, shown);
    for (size_t i = 0; i < shown; i++) {
        struct histogram one = {0};
        histogram_add(&one, 1000 + atoi(r->shown[i]->key.p + 5)); /* behind the length and the "u" */
        assert_int_equal(r->shown[i]->latency.sparse.total, 1);
        assert_int_equal(histogram_quantile(&r->shown[i]->latency.sparse, 500), histogram_quantile(&one, 500));
        histogram_free(&one);
    }
    assert_int_equal(r->totals.latency.sparse.total, users_there);
    assert_true(r->totals.sums[SUM_attempts] == users_there);
    report_drop(r);
}

/* More are shown than a day has parts, each found by itself; more are there than one piece of memory is made for. */
static void test_many_are_shown(void **state)
{
    (void)state;
    enum { USERS = 17000, SHOWN = PACK_PARTS + 2 };
    char *dir = folder_new(), name[16];
    struct buf why;
    struct rng rng;
    struct row row;
    buf_init(&why, 0);
    rng_seed(&rng, 5);
    struct store *s = store_open(dir, &why);
    assert_true(store_begin(s));
    for (uint64_t i = 0; i < USERS; i++) {
        draw_row(&row, &rng, i);
        snprintf(name, sizeof(name), "u%05u", (unsigned)i);
        row.text[ROW_USER] = str_from(name);
        row.n.at_us = begin_us + (int64_t)(i % 2) * US_PER_DAY;
        row.n.total_us = 1000 + (int64_t)i;
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    for (int packed = 0; packed < 2; packed++) {
        if (packed) pack_days(dir, INT64_MAX);
        hold_lone_users(dir, USERS, SHOWN);
    }
    buf_free(&why);
    folder_drop(dir);
}

/* A question that nobody waits for any more ends, wherever it reads. */
static bool go_on_until(void *ctx, double done)
{
    double *until = ctx;
    assert_true(done >= 0 && done <= 1);
    return done < *until;
}

static void test_ended(void **state)
{
    (void)state;
    static const str names[] = {STR_INIT("feature"), STR_INIT("user"), STR_INIT("tags")};
    char *dir = drawn_folder();
    for (int packed = 0; packed < 2; packed++) {
        if (packed) pack_days(dir, INT64_MAX);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            struct report_ask ask = {.by = {names[i]}, .by_count = 1, .until_us = INT64_MAX, .limit = 10};
            struct buf why;
            double until = 0,
                   never = 2; /* the other thread may be at the end by the time this one tells for the second time */
            buf_init(&why, 0);
            assert_null(report_run(dir, &ask, go_on_until, &until, &why));
            assert_int_equal(why.n, 0);
            struct report *r = report_run(dir, &ask, go_on_until, &never, &why);
            assert_non_null(r);
            report_drop(r);
            buf_free(&why);
        }
    }
    folder_drop(dir);
}

/* A pack that is damaged is no answer. */
static void test_damaged_pack(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    pack_days(dir, INT64_MAX);
    struct buf why;
    buf_init(&why, 0);
    run_sql(dir, "UPDATE packs SET body = substr(body, 1, length(body) - 1)");
    struct report_ask ask = {.by = {S("user")}, .by_count = 1, .until_us = INT64_MAX, .limit = 10};
    assert_null(report_run(dir, &ask, NULL, NULL, &why));
    assert_true(str_find(buf_str(&why), S("a packed day is damaged"), 0) != SIZE_MAX);
    buf_free(&why);
    folder_drop(dir);
}

/* Sixteen days of one user each, of which the first three are packed. */
static char *folder_of_two_eights(void)
{
    struct rng rng;
    char *dir = folder_new();
    int64_t first_us = pack_kind_begin(PACK_USER_8, begin_us);
    rng_seed(&rng, 53);
    for (uint64_t i = 0; i < 64; i++) {
        draw_row(&rows[i], &rng, i);
        rows[i].text[ROW_USER] = S("u1");
        rows[i].text[ROW_FEATURE] = S("search");
        rows[i].n.streamed = 1;
        rows[i].n.first_byte_us = rows[i].n.total_us = 5000;
        rows[i].n.at_us = first_us + (int64_t)(i % 16) * US_PER_DAY;
    }
    store_rows(dir, rows, 64);
    pack_days(dir, first_us + 3 * US_PER_DAY);
    return dir;
}

/* A crowd of many days is not made where one of its days is damaged, or was too large for one; others are. */
static void test_crowds_that_cannot_be(void **state)
{
    static const struct {
        const char *sql;
        int64_t days;
    } cases[] = {
        {"UPDATE packs SET body = substr(body, 1, length(body) - 1) WHERE kind = 'user.1' AND part = 0", 16},
        {"UPDATE packs SET body = substr(body, 1, length(body) - 1) WHERE kind = 'user.1' AND part = 64", 16},
        /* the last entry's latency: a bucket without samples */
        {"UPDATE packs SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)"
         " WHERE kind = 'user.1' AND part = 64",
         16},
        {"UPDATE rollup_day SET value = hex(zeroblob(34000000)) WHERE dimension = 'user' AND day_us ="
         " (SELECT max(day_us) FROM rollup_day)",
         15},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *dir = folder_of_two_eights();
        run_sql(dir, cases[i].sql);
        pack_days(dir, pack_kind_begin(PACK_USER_8, begin_us) + 16 * US_PER_DAY);
        assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.1' AND part = 0"), cases[i].days);
        assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'user.8' AND part = 0"), 1);
        folder_drop(dir);
    }
}

/* ---- order and limit */

static void test_order_and_limit(void **state)
{
    (void)state;
    char *dir = drawn_folder(), text[40];
    struct report_ask ask = {.by = {S("user"), S("feature")}, .by_count = 2, .until_us = INT64_MAX, .limit = 3};
    struct report *r = must_run(dir, &ask);
    assert_int_equal(r->shown_count, 3);
    assert_int_equal(r->group_count, COUNT_OF(users) * COUNT_OF(features));
    assert_true(r->shown[0]->sums[SUM_cost] >= r->shown[1]->sums[SUM_cost]);
    assert_true(r->shown[1]->sums[SUM_cost] >= r->shown[2]->sums[SUM_cost]);
    assert_true(r->totals.sums[SUM_attempts] == ROWS);
    report_drop(r);

    /* of days and hours the newest, as time goes */
    ask = (struct report_ask){.by = {S("hour")}, .by_count = 1, .until_us = INT64_MAX, .limit = 2};
    r = must_run(dir, &ask);
    assert_int_equal(r->shown_count, 2);
    str first = report_value(r, r->shown[0], 0, text);
    assert_memory_equal(first.p, "2026-09-23T13:00:00Z", first.n);
    str second = report_value(r, r->shown[1], 0, text);
    assert_memory_equal(second.p, "2026-09-23T14:00:00Z", second.n);
    report_drop(r);
    folder_drop(dir);
}

/* ---- sums beyond 64 bits */

static void test_wide_sums(void **state)
{
    (void)state;
    struct row big[3];
    struct rng rng;
    struct buf out;
    char *dir = folder_new();
    buf_init(&out, 0);
    rng_seed(&rng, 3);
    for (uint64_t i = 0; i < 3; i++) {
        draw_row(&big[i], &rng, i);
        big[i].n.at_us = begin_us + (int64_t)i * US_PER_HOUR; /* a rollup's own sum stops at the end of 64 bits */
        big[i].n.cost_state = COST_EXACT;
        big[i].n.cost_picousd = big[i].n.cost_max_picousd = INT64_MAX;
    }
    store_rows(dir, big, 3);
    const struct report_ask asks[] = {{.until_us = INT64_MAX}, /* from the rollup, and from rows */
                                      {.where[0] = {S("operation"), S("chat")},
                                       .where_count = 1,
                                       .until_us = INT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        struct report *r = must_run(dir, &asks[i]);
        buf_clear(&out);
        report_json(r, &out);
        assert_true(str_find(buf_str(&out), S("\"cost_picousd\":27670116110564327421,"), 0) != SIZE_MAX);
        report_drop(r);
    }
    buf_free(&out);
    folder_drop(dir);
}

/* ---- retention */

static void test_deleted_rows(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    uint32_t deleted;
    int64_t cut_us = begin_us + 20 * US_PER_HOUR; /* in the middle of an hour */
    for (deleted = 1; deleted;) {
        assert_true(store_begin(s));
        assert_true(store_retire(s, cut_us, 0, 500, &deleted));
        assert_true(store_commit(s));
    }
    store_close(s);
    /* rollups stay whole */
    struct report_ask ask = {.by = {S("model")}, .by_count = 1, .until_us = INT64_MAX};
    struct report *r = must_run(dir, &ask);
    hold_against_model(r, &ask);
    assert_true(r->rows_from_us == INT64_MIN);
    report_drop(r);
    /* an end inside an hour whose rows are gone: the hour counts as a whole */
    ask.since_us = begin_us + 5 * US_PER_HOUR;
    ask.until_us = begin_us + 10 * US_PER_HOUR;
    r = must_run(dir, &ask);
    ask.since_us -= ask.since_us % US_PER_HOUR;
    ask.until_us += US_PER_HOUR - ask.until_us % US_PER_HOUR;
    hold_against_model(r, &ask);
    report_drop(r);
    /* rows speak of what is left, and say so */
    ask = (struct report_ask){.by = {S("operation")}, .by_count = 1, .until_us = INT64_MAX};
    r = must_run(dir, &ask);
    assert_true(r->rows_from_us > cut_us - US_PER_HOUR && r->rows_from_us <= cut_us);
    ask.since_us = cut_us;
    hold_against_model(r, &ask);
    report_drop(r);
    buf_free(&why);
    folder_drop(dir);
}

/* ---- what cannot be answered */

static void assert_refused(const char *dir, const struct report_ask *ask, const char *why_part)
{
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    assert_null(r);
    if (str_find(buf_str(&why), str_from(why_part), 0) == SIZE_MAX)
        fail_msg("'%s' is not in: %.*s", why_part, (int)why.n, why.p);
    buf_free(&why);
}

static void test_refusals(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct report_ask ask = {.by = {S("feature")}, .by_count = 1, .until_us = INT64_MAX};
    assert_refused(dir, &ask, "there is no ledger in");
    char path[256];
    snprintf(path, sizeof(path), "%s/purser.db", dir);
    assert_int_equal(symlink(path, path), 0); /* it may well be there: it is not known */
    assert_refused(dir, &ask, "Too many levels of symbolic links");
    assert_int_equal(unlink(path), 0);
    draw_row(&rows[0], &(struct rng){{1, 2, 3, 4}}, 0);
    store_rows(dir, rows, 1);
    ask.by[0] = S("featrue");
    assert_refused(dir, &ask, "'featrue' is nothing to group by; there are: feature, model");
    ask.by[0] = S("http_status");
    assert_refused(dir, &ask, "is nothing to group by");
    ask = (struct report_ask){.by = {S("user"), S("user")}, .by_count = 2, .until_us = INT64_MAX};
    assert_refused(dir, &ask, "twice");
    ask = (struct report_ask){.where[0] = {S("attempts; DROP TABLE attempts"), S("1")}, .where_count = 1};
    assert_refused(dir, &ask, "is nothing to filter on");
    ask.where[0].column = S("hour");
    assert_refused(dir, &ask, "since and until");
    ask.where[0].column = S("http_status");
    ask.where[0].equals = S("many");
    assert_refused(dir, &ask, "'many' is none");
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_questions),
        cmocka_unit_test(test_order_and_limit),
        cmocka_unit_test(test_wide_sums),
        cmocka_unit_test(test_deleted_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_packed_days),
        cmocka_unit_test(test_many_are_shown),
        cmocka_unit_test(test_many_users),
        cmocka_unit_test(test_the_dearest_of_many_days),
        cmocka_unit_test(test_late_in_a_crowd_of_many_days),
        cmocka_unit_test(test_pages_of_alike),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_damaged_pack),
        cmocka_unit_test(test_crowds_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
