/* The table of answers that are kept by Idempotency-Key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/idempotency.h"

#include "base/time.h"

#include <pthread.h>
#include <stdio.h>

static const struct hash_key secret = {1, 2};
static const struct setting_idempotency ceilings = {.keep_us = 100, .entries = 3, .bytes = 64 * 1024};

static int woken;
static void wake(struct idempotency_waiter *w)
{
    (void)w;
    __atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
}

static struct idempotency_id id_of(struct idempotency *t, unsigned i)
{
    char text[32];
    return idempotency_id(t, S("web"), str_of(text, (size_t)snprintf(text, sizeof(text), "key-%u", i)), S("/v1"),
                          S("{}"));
}

static enum idempotency_verdict ask(struct idempotency *t, unsigned i, int64_t now_us, str *body)
{
    struct idempotency_waiter waiter;
    struct kept_answer *kept = NULL;
    struct idempotency_id id = id_of(t, i);
    idempotency_waiter_init(&waiter, wake);
    enum idempotency_verdict v = idempotency_ask(t, &id, now_us, &waiter, &kept);
    if (v == IDEMPOTENCY_RUNNING) idempotency_leave(t, &id, &waiter);
    if (kept && body) assert_true(str_eq(kept->body, *body));
    if (kept) kept_answer_put(kept);
    return v;
}

static void keep(struct idempotency *t, unsigned i, int64_t now_us, str body)
{
    struct kept_answer a = {.status = 200, .headers = S("a: b\r\n"), .body = body};
    struct idempotency_id id = id_of(t, i);
    idempotency_keep(t, &id, &a, &ceilings, now_us);
}

static void test_an_answer_is_kept_for_a_time(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    struct idempotency_view seen;
    str body = S("answer");
    assert_int_equal(ask(t, 1, 0, NULL), IDEMPOTENCY_MINE);
    assert_int_equal(ask(t, 1, 0, NULL), IDEMPOTENCY_RUNNING);
    keep(t, 1, 10, body);
    assert_int_equal(ask(t, 1, 109, &body), IDEMPOTENCY_KEPT);
    idempotency_see(t, &seen);
    assert_int_equal(seen.entries, 1);
    assert_int_equal(ask(t, 1, 110, NULL), IDEMPOTENCY_MINE);
    idempotency_see(t, &seen);
    assert_int_equal(seen.entries, 0);
    assert_int_equal(seen.bytes, 0);
    struct idempotency_id id = id_of(t, 1);
    idempotency_free(t, &id);
    assert_int_equal(ask(t, 1, 110, NULL), IDEMPOTENCY_MINE);
    idempotency_free(t, &id);
    idempotency_drop(t);
}

static void test_whoever_waits_is_woken_once(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    struct idempotency_waiter waiter;
    struct kept_answer *kept = NULL;
    struct idempotency_id id = id_of(t, 1);
    woken = 0;
    idempotency_waiter_init(&waiter, wake);
    assert_int_equal(ask(t, 1, 0, NULL), IDEMPOTENCY_MINE);
    assert_int_equal(idempotency_ask(t, &id, 0, &waiter, &kept), IDEMPOTENCY_RUNNING);
    assert_int_equal(idempotency_ask(t, &id, 0, &waiter, &kept), IDEMPOTENCY_RUNNING);
    idempotency_free(t, &id);
    assert_int_equal(woken, 1);
    assert_int_equal(idempotency_ask(t, &id, 0, &waiter, &kept), IDEMPOTENCY_MINE);
    keep(t, 1, 0, S("x"));
    assert_int_equal(woken, 1);
    idempotency_drop(t);
}

static void test_keys_calls_and_owners_are_apart(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    struct idempotency_waiter waiter;
    struct kept_answer *kept = NULL;
    idempotency_waiter_init(&waiter, wake);
    struct idempotency_id a = idempotency_id(t, S("web"), S("k"), S("/v1"), S("{}"));
    struct idempotency_id body = idempotency_id(t, S("web"), S("k"), S("/v1"), S("{ }"));
    struct idempotency_id target = idempotency_id(t, S("web"), S("k"), S("/v2"), S("{}"));
    struct idempotency_id owner = idempotency_id(t, S("mobile"), S("k"), S("/v1"), S("{}"));
    struct idempotency_id joined = idempotency_id(t, S("we"), S("bk"), S("/v1"), S("{}"));
    assert_int_equal(idempotency_ask(t, &a, 0, &waiter, &kept), IDEMPOTENCY_MINE);
    assert_int_equal(idempotency_ask(t, &body, 0, &waiter, &kept), IDEMPOTENCY_OTHER);
    assert_int_equal(idempotency_ask(t, &target, 0, &waiter, &kept), IDEMPOTENCY_OTHER);
    assert_int_equal(idempotency_ask(t, &owner, 0, &waiter, &kept), IDEMPOTENCY_MINE);
    assert_int_equal(idempotency_ask(t, &joined, 0, &waiter, &kept), IDEMPOTENCY_MINE);
    idempotency_free(t, &a);
    idempotency_free(t, &owner);
    idempotency_free(t, &joined);
    idempotency_drop(t);
}

static void test_the_oldest_go_first(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    struct idempotency_view seen;
    static char large[60 * 1024];
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(ask(t, i, i, NULL), IDEMPOTENCY_MINE);
        keep(t, i, i, S("x"));
    }
    for (unsigned i = 2; i < 5; i++) assert_int_equal(ask(t, i, 5, NULL), IDEMPOTENCY_KEPT);
    assert_int_equal(ask(t, 9, 5, NULL), IDEMPOTENCY_MINE);
    keep(t, 9, 5, str_of(large, sizeof(large)));
    idempotency_see(t, &seen);
    assert_true(seen.entries <= 3 && seen.bytes <= (size_t)ceilings.bytes);
    assert_int_equal(ask(t, 9, 6, NULL), IDEMPOTENCY_KEPT);
    idempotency_sweep(t, 1000);
    idempotency_see(t, &seen);
    assert_int_equal(seen.entries, 0);
    assert_int_equal(seen.bytes, 0);
    idempotency_drop(t);
}

static void test_room_has_a_ceiling(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    assert_true(idempotency_take_room(t, 40 * 1024, &ceilings));
    assert_false(idempotency_take_room(t, 40 * 1024, &ceilings));
    assert_true(idempotency_take_room(t, 24 * 1024, &ceilings));
    idempotency_give_room(t, 64 * 1024);
    assert_true(idempotency_take_room(t, 64 * 1024, &ceilings));
    idempotency_drop(t);
}

/* Eight threads and a few keys: one makes, the others read or wait; nothing is lost. */
static void *hammer(void *arg)
{
    struct idempotency *t = arg;
    str body = S("answer");
    for (unsigned i = 0; i < 20000; i++) {
        struct idempotency_id id = id_of(t, i % 7);
        if (ask(t, i % 7, i, &body) != IDEMPOTENCY_MINE) continue;
        if (i % 3)
            keep(t, i % 7, i, body);
        else
            idempotency_free(t, &id);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct idempotency *t = idempotency_new(secret);
    struct idempotency_view seen;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT_OF(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, t), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    idempotency_see(t, &seen);
    assert_true(seen.entries <= 3);
    idempotency_sweep(t, INT64_MAX);
    idempotency_see(t, &seen);
    assert_int_equal(seen.entries, 0);
    assert_int_equal(seen.bytes, 0);
    idempotency_drop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_kept_for_a_time),
        cmocka_unit_test(test_whoever_waits_is_woken_once),
        cmocka_unit_test(test_keys_calls_and_owners_are_apart),
        cmocka_unit_test(test_the_oldest_go_first),
        cmocka_unit_test(test_room_has_a_ceiling),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
