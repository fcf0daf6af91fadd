/* Packs of outcomes: all of a day comes back, and damaged bytes are refused, or read within their ends. */
#include "fixture.h"

#include "base/rng.h"
#include "ledger/told.h"

#define DAY_US (INT64_C(1790000000000000) / US_PER_DAY * US_PER_DAY)

enum { CALLS = 30, TASKS = 40, PARTS = 2 };

static const struct hash_key key = {5, 6};

struct parts {
    struct buf body[PARTS];
};

static bool put(void *ctx, int64_t number, str body)
{
    struct parts *p = ctx;
    assert_true(number >= 0 && number < PARTS && !p->body[number].n);
    buf_add(&p->body[number], body);
    return true;
}

/* Of calls some began on the day, some two days before, some are not in the ledger. */
static char *folder_with_outcomes(void)
{
    char *dir = folder_new();
    struct buf why, sql;
    buf_init(&why, 0);
    buf_init(&sql, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (uint64_t i = 1; i <= CALLS; i++) {
        struct row row = {.n = {.attempt_id = i << 8, .call_id = i << 8, .number = 1, .cost_picousd = (int64_t)i * 7}};
        row.n.at_us = DAY_US - (i % 3 ? 0 : 2 * US_PER_DAY) + (int64_t)i;
        row.text[ROW_FEATURE] = i % 2 ? S("chat") : S("mail");
        if (i % 5) assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_add(&sql, S("INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
                    " VALUES "));
    for (int i = 1; i <= CALLS + TASKS; i++) {
        bool call = i <= CALLS;
        buf_printf(&sql, "%s(%lld, 0, '%s%d', %d, '%s', %d, %d, '%s', 'app')", i > 1 ? ", " : "",
                   (long long)(DAY_US + i), call ? "" : "t", i, call ? i << 8 : 0, i % 4 ? "done" : "kept", i % 3 == 0,
                   (i % 7 - 2) * 1000,
                   !call   ? ""
                   : i % 2 ? "chat"
                           : "mail");
    }
    buf_add_byte(&sql, '\0');
    run_sql(dir, sql.p);
    run_sql(dir, "UPDATE outcomes SET task = '' WHERE call_id > 0");
    buf_free(&why);
    buf_free(&sql);
    return dir;
}

static void pack(const char *dir, struct parts *out)
{
    char path[512];
    sqlite3 *db = NULL;
    for (int i = 0; i < PARTS; i++) buf_init(&out->body[i], 0);
    snprintf(path, sizeof(path), "%s/purser.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(told_pack(db, DAY_US, key, put, out));
    sqlite3_close(db);
}

struct found {
    uint64_t tasks, summed, calls, weighed, units;
    __int128 worth;
};

static bool read_calls(struct told_pack *p, struct found *f)
{
    struct told_call call;
    enum pack_step step;
    while ((step = told_next_call(p, &call)) == PACK_ENTRY) {
        f->calls++;
        f->weighed += call.weighed;
        f->worth += call.worth;
    }
    return step == PACK_END;
}

/* Copied, so that a byte behind the end is nobody's. False: it is damaged. */
static bool reads(str part_0, str part_1, struct found *f)
{
    struct told_pack p;
    struct told_task task;
    struct told_sum sum;
    struct arena arena;
    enum pack_step step = PACK_BAD;
    char *copy[PARTS] = {mem_alloc(part_0.n + !part_0.n), mem_alloc(part_1.n + !part_1.n)};
    memcpy(copy[0], part_0.p, part_0.n);
    memcpy(copy[1], part_1.p, part_1.n);
    *f = (struct found){0};
    arena_init(&arena);
    bool ok = told_open(&p, &arena, str_of(copy[0], part_0.n), DAY_US);
    while (ok && (step = told_next_task(&p, &task)) == PACK_ENTRY) {
        f->tasks++;
        f->worth += task.worth;
        assert_true(task.name < p.name_count);
    }
    ok = ok && step == PACK_END;
    while (ok && (step = told_next_sum(&p, &sum)) == PACK_ENTRY) {
        f->units += sum.units;
        assert_true(sum.name < p.name_count && sum.feature < p.feature_count);
        __int128 most = (__int128)TOLD_OUTCOMES_MAX * TOLD_COST_MAX; /* else sums of sums have no room */
        assert_true(sum.units <= TOLD_OUTCOMES_MAX && sum.cost <= most && sum.cost >= -most);
        assert_true(sum.squares >= 0 && sum.squares <= most * TOLD_COST_MAX && sum.worth >> 90 == sum.worth >> 126);
    }
    ok = ok && step == PACK_END && read_calls(&p, f);
    f->summed = p.summed;
    ok = ok && (!p.summed || (told_open_summed(&p, str_of(copy[1], part_1.n)) && read_calls(&p, f)));
    arena_free(&arena);
    for (int i = 0; i < PARTS; i++) free(copy[i]);
    return ok;
}

static void test_a_day_comes_back(void **state)
{
    struct parts parts;
    struct found f;
    char sql[256];
    (void)state;
    char *dir = folder_with_outcomes();
    pack(dir, &parts);
    assert_true(reads(buf_str(&parts.body[0]), buf_str(&parts.body[1]), &f));
    assert_int_equal(f.tasks, TASKS);
    assert_int_equal(f.calls, CALLS);
    assert_int_equal(f.weighed, CALLS - CALLS / 5);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM outcomes JOIN attempts USING (call_id) WHERE attempts.at_us >= %lld",
             (long long)DAY_US);
    assert_int_equal(f.summed, ask(dir, sql));
    assert_int_equal(f.units, f.summed);
    assert_true(f.worth == ask(dir, "SELECT sum(value_picousd) FROM outcomes"));
    for (int i = 0; i < PARTS; i++) buf_free(&parts.body[i]);
    folder_drop(dir);
}

static void test_damaged_bytes(void **state)
{
    struct parts parts;
    struct found f;
    struct rng rng;
    (void)state;
    char *dir = folder_with_outcomes();
    pack(dir, &parts);
    rng_seed(&rng, 8);
    for (int at = 0; at < PARTS; at++) {
        struct buf *b = &parts.body[at], *other = &parts.body[1 - at];
        for (size_t n = 0; n < b->n; n++)
            assert_false(reads(at ? buf_str(other) : str_of(b->p, n), at ? str_of(b->p, n) : buf_str(other), &f));
        buf_add_byte(b, '\0');
        assert_false(reads(buf_str(&parts.body[0]), buf_str(&parts.body[1]), &f));
        b->n--;
        for (int i = 0; i < 5000; i++) { /* whatever comes of it, within its bytes */
            size_t place = rng_below(&rng, b->n);
            char was = b->p[place];
            b->p[place] = (char)rng_next(&rng);
            (void)reads(buf_str(&parts.body[0]), buf_str(&parts.body[1]), &f);
            b->p[place] = was;
        }
    }
    for (int i = 0; i < PARTS; i++) buf_free(&parts.body[i]);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_comes_back),
        cmocka_unit_test(test_damaged_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
