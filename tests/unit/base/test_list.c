#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

/* The list holds these numbers in this order, forwards and backwards. */
static void expect_numbers(const struct list *l, const int *numbers, size_t count)
{
    size_t i = 0;
    LIST_EACH (it, l) {
        assert_true(i < count);
        assert_int_equal(LIST_ENTRY(it, struct item, link)->number, numbers[i++]);
    }
    assert_int_equal(i, count);
    for (const struct list *it = l->prev; it != l; it = it->prev) {
        assert_int_equal(CONTAINER_OF((struct list *)it, struct item, link)->number, numbers[--i]);
    }
    assert_int_equal(i, 0);
    assert_int_equal(list_empty(l), count == 0);
}

static void links(void **state)
{
    (void)state;
    struct list l;
    struct item items[] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
    list_init(&l);
    expect_numbers(&l, (int[]){0}, 0);
    list_add_last(&l, &items[1].link);
    list_add_last(&l, &items[2].link);
    list_add_first(&l, &items[0].link);
    expect_numbers(&l, (int[]){1, 2, 3}, 3);
    list_insert_before(&items[2].link, &items[3].link);
    expect_numbers(&l, (int[]){1, 2, 4, 3}, 4);
    list_remove(&items[1].link);
    expect_numbers(&l, (int[]){1, 4, 3}, 3);
    list_remove(&items[1].link); /* again: harmless */
    list_remove(&items[0].link);
    list_remove(&items[2].link);
    expect_numbers(&l, (int[]){4}, 1);
    list_add_last(&l, &items[0].link); /* a node that was removed may come back */
    expect_numbers(&l, (int[]){4, 1}, 2);
}

static void may_be_emptied_while_walked(void **state)
{
    (void)state;
    struct list l;
    struct item items[5];
    list_init(&l);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_add_last(&l, &items[i].link);
    }
    int seen = 0;
    LIST_EACH (it, &l) {
        struct item *item = LIST_ENTRY(it, struct item, link);
        assert_int_equal(item->number, seen++);
        if (item->number % 2) list_remove(it);
    }
    assert_int_equal(seen, 5);
    expect_numbers(&l, (int[]){0, 2, 4}, 3);
    LIST_EACH (it, &l) list_remove(it);
    assert_true(list_empty(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(may_be_emptied_while_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
