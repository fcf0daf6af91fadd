/* Items by their ids: whose they are, and what goes when there is no more room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/items.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hash_key secret = {1, 2};

static void test_an_item_is_its_owners(void **state)
{
    (void)state;
    struct items *t = items_new(secret);
    struct arena arena;
    str got = STR_NONE;
    arena_init(&arena);
    assert_false(items_any(t));
    items_put(t, S("alice"), S("msg_1"), S("{\"a\":1}"));
    assert_true(items_any(t));
    assert_true(items_find(t, S("alice"), S("msg_1"), &arena, &got));
    assert_true(str_eq(got, S("{\"a\":1}")));
    assert_false(items_find(t, S("bob"), S("msg_1"), &arena, &got));
    assert_false(items_find(t, S("alice"), S("msg_2"), &arena, &got));
    items_put(t, S("alice"), S("msg_1"), S("{\"a\":2}"));
    assert_true(items_find(t, S("alice"), S("msg_1"), &arena, &got));
    assert_true(str_eq(got, S("{\"a\":2}")));
    arena_free(&arena);
    items_drop(t);
}

static void test_the_oldest_go_first(void **state)
{
    (void)state;
    enum { SIZE = 1000 * 1000, COUNT = 40 };
    struct items *t = items_new(secret);
    struct arena arena;
    char *big = calloc(1, SIZE + 1000 * 1000), id[32];
    str got;
    arena_init(&arena);
    items_put(t, S("a"), S("too big"), str_of(big, SIZE + 1000 * 1000));
    assert_false(items_any(t));
    for (int i = 0; i < COUNT; i++)
        items_put(t, S("a"), str_of(id, (size_t)snprintf(id, sizeof(id), "i%d", i)), str_of(big, SIZE));
    int kept = 0, first = -1;
    for (int i = 0; i < COUNT; i++) {
        if (!items_find(t, S("a"), str_of(id, (size_t)snprintf(id, sizeof(id), "i%d", i)), &arena, &got)) continue;
        if (first < 0) first = i;
        kept++;
    }
    assert_int_equal(kept, COUNT - first); /* the latest, without a gap */
    assert_in_range(kept, 15, 16);
    free(big);
    arena_free(&arena);
    items_drop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_item_is_its_owners),
        cmocka_unit_test(test_the_oldest_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
