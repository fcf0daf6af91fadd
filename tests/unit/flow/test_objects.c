/* The table of who owns what providers store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/objects.h"

#include <pthread.h>
#include <stdio.h>

static const struct hash_key secret = {1, 2};

static str name(char out[32], const char *what, unsigned i)
{
    return str_of(out, (size_t)snprintf(out, 32, "%s_%u", what, i));
}

static void test_an_id_has_one_owner_and_one_place(void **state)
{
    (void)state;
    struct objects *o = objects_new(secret, 1000);
    struct object_owner owner;
    assert_false(objects_find(o, S("resp_1"), &owner));
    objects_put(o, S("resp_1"), S("alice"), S("openai"));
    assert_true(objects_find(o, S("resp_1"), &owner));
    assert_true(objects_is_owner(o, &owner, S("alice")));
    assert_false(objects_is_owner(o, &owner, S("bob")));
    assert_true(objects_is_at(o, &owner, S("openai")));
    assert_false(objects_is_at(o, &owner, S("lab")));
    assert_false(objects_find(o, S("resp_2"), &owner));
    objects_put(o, STR_NONE, S("alice"), S("openai"));
    assert_int_equal(objects_count(o), 1);
    objects_drop(o);
}

static void test_the_first_owner_stays(void **state)
{
    (void)state;
    struct objects *o = objects_new(secret, 1000);
    struct object_owner owner;
    objects_put(o, S("file-1"), S("alice"), S("openai"));
    objects_put(o, S("file-1"), S("bob"), S("lab"));
    assert_true(objects_find(o, S("file-1"), &owner));
    assert_true(objects_is_owner(o, &owner, S("alice")));
    assert_true(objects_is_at(o, &owner, S("openai")));
    assert_int_equal(objects_count(o), 1);
    objects_drop(o);
}

static void test_it_grows_and_finds_all(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    struct objects *o = objects_new(secret, 4 * MANY);
    struct object_owner owner;
    char id[32], key[32];
    for (unsigned i = 0; i < MANY; i++) objects_put(o, name(id, "resp", i), name(key, "key", i % 7), S("lab"));
    assert_int_equal(objects_count(o), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(objects_find(o, name(id, "resp", i), &owner));
        assert_true(objects_is_owner(o, &owner, name(key, "key", i % 7)));
    }
    objects_drop(o);
}

/* Whichever shard: the newest of each stay, the oldest go, the sum stays below the ceiling. */
static void test_the_oldest_go_at_the_ceiling(void **state)
{
    (void)state;
    enum { ROOM = 6400, MANY = 5 * ROOM };
    struct objects *o = objects_new(secret, ROOM);
    struct object_owner owner;
    char id[32];
    for (unsigned i = 0; i < MANY; i++) {
        objects_put(o, name(id, "resp", i), S("alice"), S("lab"));
        assert_true(objects_find(o, name(id, "resp", i), &owner));
    }
    assert_int_equal(objects_count(o), ROOM);
    for (unsigned i = MANY - ROOM / 2; i < MANY; i++) assert_true(objects_find(o, name(id, "resp", i), &owner));
    for (unsigned i = 0; i < ROOM; i++) assert_false(objects_find(o, name(id, "resp", i), &owner));
    objects_put_old(o, S("resp_of_the_past"), S("alice"), S("lab"));
    assert_false(objects_find(o, S("resp_of_the_past"), &owner));
    objects_drop(o);
}

static void test_the_past_fills_what_is_free(void **state)
{
    (void)state;
    struct objects *o = objects_new(secret, 1000);
    struct object_owner owner;
    assert_false(objects_loaded(o));
    objects_put(o, S("resp_1"), S("alice"), S("lab"));
    objects_put_old(o, S("resp_1"), S("bob"), S("lab"));
    objects_put_old(o, S("resp_0"), S("bob"), S("lab"));
    objects_set_loaded(o);
    assert_true(objects_loaded(o));
    assert_true(objects_find(o, S("resp_1"), &owner));
    assert_true(objects_is_owner(o, &owner, S("alice")));
    assert_true(objects_find(o, S("resp_0"), &owner));
    assert_true(objects_is_owner(o, &owner, S("bob")));
    objects_drop(o);
}

struct writer {
    struct objects *objects;
    unsigned number;
};

static void *write_some(void *arg)
{
    struct writer *w = arg;
    struct object_owner owner;
    char id[32], key[32];
    for (unsigned i = 0; i < 5000; i++) {
        objects_put(w->objects, name(id, "resp", i), name(key, "key", w->number), S("lab"));
        if (!objects_find(w->objects, name(id, "resp", i), &owner)) return w;
    }
    return NULL;
}

static void test_threads_agree_on_the_owner(void **state)
{
    (void)state;
    struct objects *o = objects_new(secret, 100000);
    pthread_t threads[4];
    struct writer writers[4];
    for (unsigned i = 0; i < 4; i++) {
        writers[i] = (struct writer){o, i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(objects_count(o), 5000);
    objects_drop(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_has_one_owner_and_one_place),
        cmocka_unit_test(test_the_first_owner_stays),
        cmocka_unit_test(test_it_grows_and_finds_all),
        cmocka_unit_test(test_the_oldest_go_at_the_ceiling),
        cmocka_unit_test(test_the_past_fills_what_is_free),
        cmocka_unit_test(test_threads_agree_on_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
