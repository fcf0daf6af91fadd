#include "base/utf8.h"
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct table_column columns[] = {
    {"feature", "feature", .right = false},
    {"calls", "calls", .right = true, .number = true},
    {"cost", "cost_picousd", .right = true, .number = true},
};

static void fill(struct table *t)
{
    table_init(t, columns, COUNT_OF(columns));
    table_add(t, S("chat \"x\", y"));
    table_addf(t, "%d", 12);
    table_add_both(t, S("$1.50"), S("1500000000000"));
    table_add(t, S("\xe6\x97\xa5\xe6\x9c\xac"));
    table_add(t, S("3"));
    table_add_both(t, S("-"), S(""));
    table_total(t);
    table_add(t, S("total"));
    table_add(t, S("15"));
    table_add_both(t, S("$1.50"), S("1500000000000"));
}

static void expect(enum output_format format, bool colour, const char *expected)
{
    struct table t;
    struct buf out;
    buf_init(&out, 0);
    fill(&t);
    table_write(&t, format, &(struct table_paper){.colour = colour}, &out);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    buf_free(&out);
    table_free(&t);
}

static void people(void **state)
{
    (void)state;
    expect(OUTPUT_TABLE, false,
           "feature      calls   cost\n"
           "-----------  -----  -----\n"
           "chat \"x\", y     12  $1.50\n"
           "\xe6\x97\xa5\xe6\x9c\xac             3      -\n"
           "-----------  -----  -----\n"
           "total           15  $1.50\n");
}

static void colour(void **state)
{
    (void)state;
    struct table t;
    struct buf out;
    buf_init(&out, 0);
    fill(&t);
    table_write(&t, OUTPUT_TABLE, &(struct table_paper){.colour = true}, &out);
    assert_true(str_starts(buf_str(&out), S("\033[1mfeature")));
    assert_true(str_ends(buf_str(&out), S("\033[0m\n")));
    buf_free(&out);
    table_free(&t);
}

static void programs(void **state)
{
    (void)state;
    expect(OUTPUT_CSV, true,
           "feature,calls,cost_picousd\n\"chat \"\"x\"\", y\",12,1500000000000\n\xe6\x97\xa5\xe6\x9c\xac,3,\n");
    expect(OUTPUT_JSON, true,
           "[{\"feature\": \"chat \\\"x\\\", y\", \"calls\": 12, \"cost_picousd\": 1500000000000},\n"
           " {\"feature\": \"\xe6\x97\xa5\xe6\x9c\xac\", \"calls\": 3, \"cost_picousd\": null}]\n");
}

/* A name from a header must not steer the terminal. */
static void control(void **state)
{
    (void)state;
    struct table t;
    struct buf out;
    buf_init(&out, 0);
    table_init(&t, columns, 1);
    table_add(&t, S("\033[2Jx\n"));
    table_write(&t, OUTPUT_TABLE, &(struct table_paper){0}, &out);
    assert_true(str_find_byte(buf_str(&out), '\033', 0) == SIZE_MAX);
    assert_true(str_find(buf_str(&out), S("?[2Jx?"), 0) != SIZE_MAX);
    buf_free(&out);
    table_free(&t);
}

static void narrow(void **state)
{
    (void)state;
    static const struct table_column of[] = {{"name", "name", .leaves = 0},
                                             {"calls", "calls", .right = true, .leaves = 1},
                                             {"cost", "cost", .right = true},
                                             {"note", "note", .leaves = 2}};
    struct table t;
    struct buf out;
    buf_init(&out, 0);
    table_init(&t, of, COUNT_OF(of));
    table_add(&t, S("chat"));
    table_add(&t, S("12"));
    table_add(&t, S("$1.50"));
    table_add(&t, S("dear"));
    table_write(&t, OUTPUT_TABLE, &(struct table_paper){.width = 17}, &out);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, "name   cost\n----  -----\nchat  $1.50\n"
                               "left out in so narrow a terminal: calls, note (--format csv has all)\n");
    buf_free(&out);
    table_free(&t);
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(utf8_width(S("abc")), 3);
    assert_int_equal(utf8_width(S("\xc3\xbc")), 1);
    assert_int_equal(utf8_width(S("e\xcc\x81")), 1); /* e and a combining acute */
    assert_int_equal(utf8_width(S("\xe6\x97\xa5")), 2);
    assert_int_equal(utf8_width(S("\xf0\x9f\x9a\xa2")), 2); /* a ship */
    assert_int_equal(utf8_width(S("\xff\xfe")), 2);         /* no UTF-8: a column each */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people),  cmocka_unit_test(colour), cmocka_unit_test(programs),
        cmocka_unit_test(control), cmocka_unit_test(widths), cmocka_unit_test(narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
