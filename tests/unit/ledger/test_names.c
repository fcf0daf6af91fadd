/* Names by how they begin: of the days and features that are asked for, in order, the first of many. */
#include "fixture.h"

#include "ledger/names.h"

#define DAY_US (INT64_C(1790000000000000) / US_PER_DAY * US_PER_DAY)

enum { MANY = 2 * NAMES_MAX + 2 };

static const struct {
    const char *user, *feature;
    int day;
} given[] = {
    {"anna", "chat", 0}, {"anna", "chat", 2},       {"ann", "mail", 1}, {"Ann", "chat", 1},
    {"bob", "mail", 2},  {"an\xc3\xa9", "chat", 1}, {"an%", "chat", 1}, {"", "chat", 1},
};

static void store_row(struct store *s, uint64_t id, const char *user, const char *feature, int64_t at_us)
{
    struct row row = {.n = {.attempt_id = id, .call_id = id, .number = 1, .at_us = at_us}};
    row.text[ROW_USER] = str_from(user);
    row.text[ROW_FEATURE] = str_from(feature);
    assert_int_equal(store_post(s, &row), STORE_DONE);
}

static char *folder_with_names(void)
{
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (size_t i = 0; i < COUNT_OF(given); i++)
        store_row(s, 0x100 * (i + 1), given[i].user, given[i].feature, DAY_US + given[i].day * US_PER_DAY);
    for (int i = MANY; i-- > 0;) { /* on two days, by turns */
        char name[16];
        snprintf(name, sizeof(name), "m%03d", i);
        store_row(s, 0x100 * (100 + (uint64_t)i), name, "many", DAY_US + (5 + i % 2) * US_PER_DAY + 7);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

static void expect(const char *dir, struct names_ask ask, const char *names)
{
    struct names out;
    struct arena arena;
    struct buf why, got;
    buf_init(&why, 0);
    buf_init(&got, 0);
    arena_init(&arena);
    ask.dimension = S("user");
    if (!names_find(dir, &ask, &arena, &out, &why)) fail_msg("%.*s", (int)why.n, why.p);
    for (size_t i = 0; i < out.count; i++) buf_printf(&got, "%s%" STR_FMT, i ? " " : "", STR_ARG(out.of[i]));
    if (out.more) buf_add(&got, S(" ..."));
    buf_add_byte(&got, '\0');
    assert_string_equal(got.p, names);
    arena_free(&arena);
    buf_free(&got);
    buf_free(&why);
}

static void test_how_they_begin(void **state)
{
    (void)state;
    char *dir = folder_with_names();
    expect(dir, (struct names_ask){.prefix = S("an"), .until_us = INT64_MAX}, "an% ann anna an\xc3\xa9");
    expect(dir, (struct names_ask){.prefix = S("an%"), .until_us = INT64_MAX}, "an%");
    expect(dir, (struct names_ask){.prefix = S("A"), .until_us = INT64_MAX}, "Ann");
    expect(dir, (struct names_ask){.prefix = S("anna "), .until_us = INT64_MAX}, "");
    folder_drop(dir);
}

/* Days that the time touches, and no others. */
static void test_when(void **state)
{
    (void)state;
    char *dir = folder_with_names();
    const int64_t day = US_PER_DAY;
    const struct names_ask a = {.prefix = S("a")};
    const struct {
        int64_t since_us, until_us;
        const char *names;
    } asks[] = {
        {DAY_US, DAY_US + day, "anna"},
        {DAY_US + day, DAY_US + 2 * day, "an% ann an\xc3\xa9"},
        {DAY_US + 2 * day - 1, DAY_US + 2 * day, "an% ann an\xc3\xa9"},
        {DAY_US + 2 * day - 1, DAY_US + 2 * day + 1, "an% ann anna an\xc3\xa9"},
        {DAY_US + 3 * day, INT64_MAX, ""},
        {INT64_MIN, DAY_US, ""},
        {DAY_US + 2 * day, DAY_US + day, ""},
    };
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        struct names_ask ask = a;
        ask.since_us = asks[i].since_us;
        ask.until_us = asks[i].until_us;
        expect(dir, ask, asks[i].names);
    }
    folder_drop(dir);
}

static void test_of_features(void **state)
{
    static const str features[] = {STR_INIT("mail"), STR_INIT("other"), STR_INIT("chat")};
    (void)state;
    char *dir = folder_with_names();
    struct names_ask ask = {.prefix = S("a"), .until_us = INT64_MAX, .scoped = true, .features = features};
    expect(dir, ask, "");
    ask.feature_count = 2;
    expect(dir, ask, "ann");
    ask.feature_count = 3;
    expect(dir, ask, "an% ann anna an\xc3\xa9");
    folder_drop(dir);
}

static void test_the_first_of_many(void **state)
{
    (void)state;
    char *dir = folder_with_names();
    struct buf want;
    buf_init(&want, 0);
    for (int step = 1; step <= 2; step++) { /* of both days; of one */
        struct names_ask ask = {.prefix = S("m"), .until_us = step == 1 ? INT64_MAX : DAY_US + 6 * US_PER_DAY};
        buf_clear(&want);
        for (int i = 0; i < NAMES_MAX; i++) buf_printf(&want, "%sm%03d", i ? " " : "", step * i);
        buf_add(&want, S(" ..."));
        buf_add_byte(&want, '\0');
        expect(dir, ask, want.p);
    }
    expect(dir, (struct names_ask){.prefix = S("m11"), .until_us = INT64_MAX},
           "m110 m111 m112 m113 m114 m115 m116 m117 m118 m119");
    buf_free(&want);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_they_begin),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_of_features),
        cmocka_unit_test(test_the_first_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
