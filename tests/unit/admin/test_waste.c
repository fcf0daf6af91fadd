/* Waste: which kind an attempt is of, what is counted as a loop, what caches save. */
#include "admin/waste.h"
#include "base/err.h"
#include "ledger/row.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum waste_kind kind_of(enum attempt_reason reason, enum err status)
{
    struct waste_picture p = {.cost = 0};
    int kind = 0, others = 0;
    waste_add_kind(&p, attempt_reason_name(reason), err_info(status)->name, (struct waste_line){3, 1000});
    while (kind + 1 < WASTES && !p.waste[kind].attempts) kind++;
    assert_true(p.waste[kind].attempts == 3 && p.waste[kind].cost == 1000);
    for (int i = 0; i < WASTES; i++) others += p.waste[i].attempts || p.waste[i].cost;
    assert_int_equal(others, 1);
    return (enum waste_kind)kind;
}

static void test_kinds(void **state)
{
    static const enum err gone[] = {ERR_CLIENT_GONE, ERR_SWITCHED_OFF, ERR_SHUTTING_DOWN},
                          unused[] = {ERR_NONE, ERR_NOT_ACCEPTED, ERR_HEDGE_LOST},
                          failed[] = {ERR_PROVIDER_ERROR, ERR_PROVIDER_TIMEOUT, ERR_PROVIDER_CUT, ERR_CRASH};
    static const enum attempt_reason again[] = {REASON_RETRY, REASON_FALLBACK, REASON_ESCALATION, REASON_REPAIR,
                                                REASON_HEDGE};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(gone); i++) assert_int_equal(kind_of(REASON_RETRY, gone[i]), WASTE_ABANDONED);
    for (size_t i = 0; i < COUNT_OF(unused); i++) assert_int_equal(kind_of(REASON_HEDGE, unused[i]), WASTE_UNUSED);
    for (size_t i = 0; i < COUNT_OF(failed); i++) {
        assert_int_equal(kind_of(REASON_FIRST, failed[i]), WASTE_FAILED);
        for (size_t r = 0; r < COUNT_OF(again); r++) assert_int_equal(kind_of(again[r], failed[i]), WASTE_RETRIES);
    }
    assert_int_equal(kind_of(REASON_IDLE, ERR_NONE), WASTE_IDLE);
}

/* What a task's calls beyond the steps that its feature leaves to any add to. */
static void test_loops(void **state)
{
    struct setting_feature features[] = {{.name = S("patient")}, {.name = S("short")}, {.name = S("without")}};
    struct settings settings = {.features = features, .feature_count = COUNT_OF(features)};
    struct snapshot snapshot = {.settings = &settings};
    struct api_call call = {.snapshot = &snapshot};
    const struct {
        const char *task, *feature;
        int calls, used, attempts, cost;
    } cases[] = {
        {"t", "patient", 200, 1000, 100, 500}, {"t", "patient", 100, 1000, 0, 0}, {"t", "short", 3, 1000, 1, 333},
        {"t", "nobody's", 60, 600, 10, 100},   {"t", "", 60, 600, 10, 100},       {"t", "without", 999, 600, 0, 0},
        {"", "short", 999, 600, 0, 0},         {"t", "short", 999, 0, 0, 0},      {"t", "short", 999, -5, 0, 0},
    };
    (void)state;
    settings.runaway.limits.task_steps_floor = 50;
    features[0].runaway.limits.task_steps_floor = 100;
    features[1].runaway.limits.task_steps_floor = 2;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct waste_picture p = {.cost = 0};
        struct waste_task task = {str_from(cases[i].task), str_from(cases[i].feature), cases[i].calls, cases[i].used};
        waste_add_loop(&call, &p, &task);
        if (p.loops.attempts != cases[i].attempts || p.loops.cost != cases[i].cost) fail_msg("case %zu", i);
    }
}

/* Tokens that were read or written are counted at what a plain one cost, less what was paid for them. */
static void test_cache(void **state)
{
    struct mix_sums sums = {
        .units = {[UNIT_INPUT] = 10, [UNIT_CACHE_READ] = 100, [UNIT_CACHE_WRITE_5M] = 7, [UNIT_CACHE_WRITE_1H] = 3},
        .cost_by_unit = {
            [UNIT_INPUT] = 1000, [UNIT_CACHE_READ] = 900, [UNIT_CACHE_WRITE_5M] = 800, [UNIT_CACHE_WRITE_1H] = 500}};
    struct waste_picture p = {.cost = 0};
    (void)state;
    waste_add_cache(&p, &sums);
    assert_true(p.cache == 110 * 100 - 2200);
    sums.units[UNIT_INPUT] = 0; /* what a plain one costs is not known */
    waste_add_cache(&p, &sums);
    assert_true(p.cache == 110 * 100 - 2200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
