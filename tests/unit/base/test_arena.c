#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Pieces of every size are aligned, apart from one another, and keep what is written to them. */
static void keeps_pieces_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 0, 15, 16, 17, 100, 495, 496, 497, 1000, 1983, 1984, 5000, 3, 100000, 8};
    enum { ROUNDS = 20 };
    struct arena a;
    arena_init(&a);
    unsigned char *pieces[ROUNDS * COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t n = sizes[i % COUNT_OF(sizes)];
        pieces[i] = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xff), n);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t k = 0; k < sizes[i % COUNT_OF(sizes)]; k++) assert_int_equal(pieces[i][k], i & 0xff);
    }
    arena_free(&a);
    assert_null(a.block);
    assert_int_equal(a.total, 0);
}

/* A waiting stream keeps one small block, and a large piece does not waste it. */
static void stays_small(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(a.total, 0);
    for (int i = 0; i < 60; i++) arena_alloc(&a, 16);
    assert_true(a.total <= 2048);
    size_t before = a.total;
    char *at = a.at;
    arena_alloc(&a, 10000);
    assert_ptr_equal(a.at, at);
    assert_true(a.total - before < 10100);
    arena_alloc(&a, 16);
    assert_true(a.total - before < 10100);
    arena_free(&a);
}

static void zeroes(void **state)
{
    (void)state;
    struct arena a;
    for (int round = 0; round < 2; round++) { /* the second meets what the first left behind */
        arena_init(&a);
        memset(arena_alloc(&a, 300), 0xff, 300);
        const unsigned char *z = arena_zalloc(&a, 300);
        for (size_t i = 0; i < 300; i++) assert_int_equal(z[i], 0);
        arena_free(&a);
    }
}

static void writes_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char origin[] = "abc";
    str copy = arena_str(&a, str_from(origin));
    origin[0] = 'x';
    assert_int_equal(copy.n, 3);
    assert_string_equal(copy.p, "abc"); /* with its NUL */
    assert_string_equal(arena_str(&a, STR_NONE).p, "");
    str text = arena_printf(&a, "%d-%s", 42, "x");
    assert_int_equal(text.n, 4);
    assert_string_equal(text.p, "42-x");
    text = arena_printf(&a, "%05000d", 7);
    assert_int_equal(text.n, 5000);
    assert_int_equal(text.p[4999], '7');
    assert_int_equal(text.p[5000], '\0');
    arena_free(&a);
}

/* Through many ends of a block, with every length: whole, terminated, and nothing before it is touched. */
static void writes_text_across_blocks(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    str before = S("");
    for (int length = 1; length < 700; length++) {
        str text = arena_printf(&a, "%0*d", length, length % 10);
        if (text.n != (size_t)length || text.p[length - 1] != '0' + length % 10 || text.p[length] != '\0')
            fail_msg("%d bytes: '%s'", length, text.p);
        for (int i = 0; i < length - 1; i++) assert_int_equal(text.p[i], '0');
        for (size_t i = 0; i + 1 < before.n; i++) assert_int_equal(before.p[i], '0');
        if (before.n) assert_int_equal(before.p[before.n - 1], '0' + (length - 1) % 10);
        before = text;
    }
    arena_free(&a);
}

static void never_returns_null_for_nothing(void **state)
{
    (void)state;
    free(mem_alloc(0));
    free(mem_zalloc(0));
    void *p = mem_realloc(NULL, 0);
    assert_non_null(p);
    free(p);
    p = mem_try_alloc(16);
    assert_non_null(p);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_pieces_apart),
        cmocka_unit_test(stays_small),
        cmocka_unit_test(zeroes),
        cmocka_unit_test(writes_text),
        cmocka_unit_test(writes_text_across_blocks),
        cmocka_unit_test(never_returns_null_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
