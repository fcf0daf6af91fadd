/* The truth: bounded, never lost in the sums, gone after a reset. */
#include "answers.h"

#include "simulate/sim_truth.h"

#include <inttypes.h>

static uint64_t begin(struct sim_truth *t, int64_t input)
{
    struct sim_record r = {.model = "sim-small", .units = {.input = input}};
    return sim_truth_begin(t, &r);
}

static void end(struct sim_truth *t, uint64_t id, int64_t input, int64_t output, bool aborted)
{
    struct sim_record r = {.id = id,
                           .model = "sim-small",
                           .status = 200,
                           .units = {.input = input, .output = output},
                           .generated_tokens = output,
                           .finished = !aborted,
                           .aborted = aborted};
    sim_truth_end(t, &r);
}

struct page {
    struct json doc;
    struct buf b;
};

static void look(struct page *p, struct sim_truth *t, uint64_t since, uint64_t limit)
{
    struct json_fail why;
    json_init(&p->doc);
    buf_init(&p->b, 0);
    sim_truth_print(t, since, limit, &p->b);
    assert_true(json_parse(&p->doc, buf_str(&p->b), &why));
}

static void close_page(struct page *p)
{
    json_free(&p->doc);
    buf_free(&p->b);
}

static int calls_in(const struct page *p)
{
    int n = 0;
    json_ref calls = json_find(&p->doc, JSON_ROOT, S("calls"), NULL);
    for (json_ref it = json_first(&p->doc, calls); it; it = json_next(&p->doc, calls, it)) n++;
    return n;
}

static int64_t total(const struct page *p, const char *name)
{
    return number_at(&p->doc, json_path(&p->doc, JSON_ROOT, "totals", name, NULL));
}

static void test_a_call_is_known_before_it_ends(void **state)
{
    (void)state;
    struct sim_truth t;
    struct page p;
    sim_truth_init(&t, 10);
    uint64_t id = begin(&t, 7);
    look(&p, &t, 0, 100);
    assert_int_equal(calls_in(&p), 1);
    assert_int_equal(total(&p, "live"), 1);
    close_page(&p);
    end(&t, id, 7, 3, true);
    look(&p, &t, 0, 100);
    assert_int_equal(total(&p, "live"), 0);
    assert_int_equal(total(&p, "aborted"), 1);
    assert_int_equal(number_at(&p.doc, json_path(&p.doc, JSON_ROOT, "totals", "usage", "input", NULL)), 7);
    assert_int_equal(number_at(&p.doc, json_path(&p.doc, JSON_ROOT, "totals", "usage", "output", NULL)), 3);
    close_page(&p);
    sim_truth_free(&t);
}

static void test_ring_and_pages(void **state)
{
    (void)state;
    struct sim_truth t;
    struct page p;
    sim_truth_init(&t, 10);
    for (int i = 0; i < 25; i++) end(&t, begin(&t, 1), 1, 2, false);
    look(&p, &t, 0, 100);
    assert_int_equal(calls_in(&p), 10); /* the last ones */
    assert_int_equal(number_at(&p.doc, json_find(&p.doc, JSON_ROOT, S("dropped"), NULL)), 15);
    assert_int_equal(total(&p, "generated_tokens"), 50); /* the sums have all */
    close_page(&p);
    look(&p, &t, 16, 4);
    json_ref calls = json_find(&p.doc, JSON_ROOT, S("calls"), NULL);
    assert_int_equal(calls_in(&p), 4);
    assert_int_equal(number_at(&p.doc, json_find(&p.doc, json_first(&p.doc, calls), S("id"), NULL)), 17);
    assert_int_equal(number_at(&p.doc, json_find(&p.doc, JSON_ROOT, S("last"), NULL)), 20);
    assert_true(json_is_true(&p.doc, json_find(&p.doc, JSON_ROOT, S("more"), NULL)));
    close_page(&p);
    look(&p, &t, 25, 4);
    assert_int_equal(calls_in(&p), 0);
    assert_false(json_is_true(&p.doc, json_find(&p.doc, JSON_ROOT, S("more"), NULL)));
    close_page(&p);
    sim_truth_free(&t);
}

/* A call that a reset or the ring has forgotten may still end: it disturbs nothing. */
static void test_forgotten_calls_end_quietly(void **state)
{
    (void)state;
    struct sim_truth t;
    struct page p;
    sim_truth_init(&t, 4);
    uint64_t before = begin(&t, 5);
    sim_truth_reset(&t);
    uint64_t after = begin(&t, 1);
    assert_true(after > before); /* ids go on: they are joined on */
    end(&t, before, 5, 5, false);
    sim_truth_abort(&t, before);
    look(&p, &t, 0, 100);
    assert_int_equal(calls_in(&p), 1);
    assert_int_equal(total(&p, "calls"), 1);
    assert_int_equal(total(&p, "live"), 1);
    assert_int_equal(total(&p, "generated_tokens"), 0);
    assert_int_equal(total(&p, "aborted"), 0);
    close_page(&p);
    for (int i = 0; i < 9; i++) begin(&t, 1);
    end(&t, after, 1, 8, false); /* its place in the ring is another's by now */
    look(&p, &t, 0, 100);
    assert_int_equal(total(&p, "generated_tokens"), 8);
    json_ref calls = json_find(&p.doc, JSON_ROOT, S("calls"), NULL);
    for (json_ref it = json_first(&p.doc, calls); it; it = json_next(&p.doc, calls, it)) {
        assert_int_equal(number_at(&p.doc, json_find(&p.doc, it, S("generated_tokens"), NULL)), 0);
    }
    close_page(&p);
    sim_truth_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_is_known_before_it_ends),
        cmocka_unit_test(test_ring_and_pages),
        cmocka_unit_test(test_forgotten_calls_end_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
