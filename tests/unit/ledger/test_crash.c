#include "fixture.h"

#include "base/rng.h"
#include "ledger/verify.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* kill -9 at random moments, again and again, on one folder. The children tell what
 * they held and posted through shared memory; every attempt must end as one row. */

enum { ROUNDS = 15, WORKERS = 2, PER_ROUND = 20000 };

struct truth {
    _Atomic uint32_t held[ROUNDS][WORKERS];   /* holds appended */
    _Atomic uint32_t posted[ROUNDS][WORKERS]; /* of them: the first so many were posted */
};

static void work(const char *dir, struct truth *truth, int round)
{
    struct ledger *l = must_open(dir, WORKERS);
    ledger_start(l);
    for (uint32_t i = 0; i < PER_ROUND; i++) {
        for (unsigned w = 0; w < WORKERS; w++) {
            struct journal *j = ledger_journal(l, w);
            while (!journal_ready(j)) usleep(200);
            /* one call is always open: its post comes with the next one's hold */
            static struct row before[WORKERS];
            struct row hold = row_hold(j);
            hold.n.call_id = (uint64_t)round * 1000000 + w * 500000 + i;
            assert_true(journal_append(j, JOURNAL_HOLD, &hold) > 0);
            atomic_store(&truth->held[round][w], i + 1);
            if (i) {
                struct row post = row_post(&before[w]);
                assert_true(journal_append(j, JOURNAL_POST, &post) > 0);
                atomic_store(&truth->posted[round][w], i);
            }
            before[w] = hold;
        }
        if (i % 50 == 0) usleep(1000);
    }
    pause();
}

static void must_verify(const char *dir)
{
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    assert_true(ledger_verify(dir, &r, NULL, NULL, &why));
    if (r.problem_count) fail_msg("%.*s", (int)r.problems.n, r.problems.p);
    verify_result_free(&r);
    buf_free(&why);
}

static void test_killed_at_random_moments(void **state)
{
    (void)state;
    char *dir = folder_new(), sql[256];
    struct rng rng;
    struct truth *truth = mmap(NULL, sizeof(*truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(truth, MAP_FAILED);
    rng_seed(&rng, (uint64_t)time_now_us());
    ledger_close(must_open(dir, WORKERS)); /* so that there is something to verify, however early the kills come */
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid = fork();
        if (pid == 0) work(dir, truth, round);
        /* one in four at any moment, so in its recovery, too; the others at work */
        for (int i = 0; round % 4 && i < 10000 && !atomic_load(&truth->held[round][0]); i++) usleep(1000);
        usleep((useconds_t)rng_below(&rng, 100000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        if (round % 5 == 4) must_verify(dir);
    }
    struct ledger *l = must_open(dir, WORKERS);
    ledger_start(l);
    ledger_flush(l);
    ledger_close(l);
    must_verify(dir);
    uint64_t open = 0, all = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned w = 0; w < WORKERS; w++) {
            uint32_t held = atomic_load(&truth->held[round][w]), posted = atomic_load(&truth->posted[round][w]);
            /* what was counted is there; what was appended an instant before the kill may be */
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM attempts WHERE call_id BETWEEN %lld AND %lld",
                     round * 1000000LL + w * 500000, round * 1000000LL + w * 500000 + held - 1);
            assert_int_equal(ask(dir, sql), held);
            snprintf(sql, sizeof(sql),
                     "SELECT count(*) FROM attempts WHERE status = 'ok' AND call_id BETWEEN %lld AND %lld",
                     round * 1000000LL + w * 500000, round * 1000000LL + w * 500000 + posted - 1);
            assert_int_equal(ask(dir, sql), posted);
            open += held > posted;
            all += held;
        }
    }
    print_message("%d kills, %llu attempts, %llu journals with a hold open\n", ROUNDS, (unsigned long long)all,
                  (unsigned long long)open);
    assert_int_equal(ask(dir, "SELECT count(*) - count(DISTINCT call_id) FROM attempts"), 0);
    munmap(truth, sizeof(*truth));
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_at_random_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
