#include "base/pool.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Whatever is taken is whole and nobody else's; what rests has a ceiling. */
static void takes_and_gives(void **state)
{
    (void)state;
    enum { PIECES = 3 * POOL_SPARE_MAX, BYTES = 100 };
    unsigned char *taken[PIECES];
    struct pool p;
    pool_init(&p, BYTES);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PIECES; i++) {
            taken[i] = pool_ztake(&p);
            for (size_t k = 0; k < BYTES; k++) assert_int_equal(taken[i][k], 0);
            memset(taken[i], i + 1, BYTES);
        }
        for (int i = 0; i < PIECES; i++) {
            for (size_t k = 0; k < BYTES; k++) assert_int_equal(taken[i][k], i + 1);
            pool_give(&p, taken[i]);
        }
        assert_true(p.count <= POOL_SPARE_MAX);
    }
    pool_free(&p);
    assert_int_equal(p.count, 0);
}

/* An arena gives back its blocks, and frees what was too large for one. */
static void lends_blocks_to_arenas(void **state)
{
    (void)state;
    struct pool p;
    struct arena a;
    pool_init(&p, ARENA_BLOCK_BYTES);
    arena_init_in(&a, &p);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) memset(arena_alloc(&a, 100), i, 100);
        memset(arena_alloc(&a, 5000), 1, 5000);
        arena_free(&a);
        assert_int_equal(a.total, 0);
        assert_ptr_equal(a.blocks, &p);
        assert_true(p.count <= POOL_SPARE_MAX);
    }
    pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_gives),
        cmocka_unit_test(lends_blocks_to_arenas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
