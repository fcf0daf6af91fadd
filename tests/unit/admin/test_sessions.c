/* Sessions of browsers: who signs in very often ends none but his own. */
#include "admin/sessions.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const int64_t begin_us = 1000 * US_PER_DAY;

static void token(unsigned char out[KEY_HASH_BYTES], unsigned char n)
{
    memset(out, n, KEY_HASH_BYTES);
}

static void test_own_alone(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    unsigned char boss[KEY_HASH_BYTES], viewer[KEY_HASH_BYTES];
    char kept[SESSION_ID_MAX], first[SESSION_ID_MAX], last[SESSION_ID_MAX];
    token(boss, 1);
    token(viewer, 2);
    (void)sessions_begin(s, boss, begin_us, kept);
    (void)sessions_begin(s, viewer, begin_us + 1, first);
    for (int i = 0; i < 3000; i++) (void)sessions_begin(s, viewer, begin_us + 2 + i, last);
    assert_non_null(sessions_find(s, str_from(kept), begin_us + 4000));
    assert_null(sessions_find(s, str_from(first), begin_us + 4000));
    assert_non_null(sessions_find(s, str_from(last), begin_us + 4000));
    sessions_drop(s);
}

/* Of very many tokens the one that was unused longest. */
static void test_full(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    unsigned char hash[KEY_HASH_BYTES] = {0};
    char first[SESSION_ID_MAX], second[SESSION_ID_MAX], last[SESSION_ID_MAX];
    (void)sessions_begin(s, hash, begin_us, first);
    hash[0] = 1;
    (void)sessions_begin(s, hash, begin_us + 1, second);
    assert_non_null(sessions_find(s, str_from(first), begin_us + 2));
    for (int i = 0; i < 999; i++) {
        memcpy(hash + 1, &i, sizeof(i));
        (void)sessions_begin(s, hash, begin_us + 3 + i, last);
    }
    assert_null(sessions_find(s, str_from(second), begin_us + 2000));
    assert_non_null(sessions_find(s, str_from(first), begin_us + 2000));
    assert_non_null(sessions_find(s, str_from(last), begin_us + 2000));
    sessions_drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_alone), cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
