/* Which calls a scope speaks of, and which counter each of them has. */
#include "help.h"

#include "policy/scope.h"

#include <stdio.h>

/* "key=alice,user=*": the settings' scope in a line. */
static void read_dims(str text, str out[SCOPE_DIMS])
{
    for (str rest = text; rest.p && rest.n;) {
        str value = str_cut(&rest, ',');
        str name = str_cut(&value, '=');
        enum scope_dim d;
        assert_true(scope_dim_find(name, &d));
        out[d] = value;
    }
}

static const struct {
    const char *scope, *payer;
    const char *value; /* NULL: does not match */
} cases[] = {
    {"", "", ""},
    {"", "key=alice,user=bob", ""},
    {"key=alice", "key=alice", ""},
    {"key=alice", "key=alic", NULL},
    {"key=alice", "key=alicee", NULL},
    {"key=alice", "", NULL},
    {"key=alice,team=support", "key=alice,team=support,user=u", ""},
    {"key=alice,team=support", "key=alice", NULL},
    {"user=*", "user=bob", "user=bob"},
    {"user=*", "", "user="}, /* not known is a value like any other */
    {"user=*,feature=*", "feature=chat,user=bob", "user=bob,feature=chat"},
    {"team=support,user=*", "team=support,user=bob", "user=bob"},
    {"team=support,user=*", "team=sales,user=bob", NULL},
    {"model=gpt-5-mini", "model=gpt-5-mini", ""},
    {"model=cheap", "model=gpt-5-mini", ""}, /* the name that the client used */
    {"model=dear", "model=gpt-5-mini", NULL},
    {"model=*", "model=gpt-5-mini", "model=gpt-5-mini"},
    {"provider=openai,model=*", "provider=openai,model=m", "model=m"},
    {"provider=openai", "provider=lab", NULL},
    {"user=", "", ""}, /* only those who say nothing */
    {"user=", "user=bob", NULL},
    {"key=*", "key=*", "key=*"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scope scope = {0};
        struct payer who = {.model_requested = S("cheap")};
        read_dims(str_from(cases[i].scope), scope.want);
        read_dims(str_from(cases[i].payer), who.is);
        bool matches = scope_matches(&scope, &who);
        if (matches != (cases[i].value != NULL)) fail_msg("case %zu: '%s' and '%s'", i, cases[i].scope, cases[i].payer);
        if (!matches) continue;
        struct buf text;
        buf_init(&text, SCOPE_TEXT_MAX);
        scope_value(&scope, &who, &text);
        if (!str_eq(buf_str(&text), str_from(cases[i].value)))
            fail_msg("case %zu: '%.*s', not '%s'", i, STR_ARG(buf_str(&text)), cases[i].value);
        buf_free(&text);
    }
}

static str value_of(str user, str feature, struct buf *out)
{
    struct scope scope = {0};
    struct payer who = {0};
    scope.want[SCOPE_USER] = scope.want[SCOPE_FEATURE] = S("*");
    who.is[SCOPE_USER] = user;
    who.is[SCOPE_FEATURE] = feature;
    buf_clear(out);
    scope_value(&scope, &who, out);
    assert_false(out->overflow);
    return buf_str(out);
}

static void test_nobody_takes_the_place_of_another(void **state)
{
    (void)state;
    struct buf a, b;
    buf_init(&a, SCOPE_TEXT_MAX);
    buf_init(&b, SCOPE_TEXT_MAX);
    assert_false(str_eq(value_of(S("a,feature=b"), S("c"), &a), value_of(S("a"), S("b,feature=c"), &b)));
    assert_false(str_eq(value_of(S("a\\"), S("b"), &a), value_of(S("a"), S("\\b"), &b)));
    assert_true(str_eq(value_of(S("a,b\\c"), S("d"), &a), S("user=a\\,b\\\\c,feature=d")));
    buf_free(&a);
    buf_free(&b);
}

static void test_long_values_are_cut_and_told_apart(void **state)
{
    (void)state;
    char one[4000], two[4000];
    memset(one, ',', sizeof(one));
    memset(two, ',', sizeof(two));
    two[3999] = '.';
    struct buf a, b;
    buf_init(&a, SCOPE_TEXT_MAX);
    buf_init(&b, SCOPE_TEXT_MAX);
    assert_false(str_eq(value_of(str_of(one, 4000), S("f"), &a), value_of(str_of(two, 4000), S("f"), &b)));
    assert_true(str_eq(value_of(str_of(one, 4000), S("f"), &a), value_of(str_of(one, 4000), S("f"), &b)));
    assert_true(
        str_eq(value_of(str_of(one, SCOPE_VALUE_MAX), S(""), &a), value_of(str_of(one, SCOPE_VALUE_MAX), S(""), &b)));
    assert_true(a.n > 2 * SCOPE_VALUE_MAX); /* whole, each byte escaped */
    /* Never within a character. */
    for (int i = 0; i < 4000; i++) one[i] = i % 2 ? '\xa9' : '\xc3';
    for (size_t from = 0; from < 2; from++) {
        str text = value_of(str_from_at(str_of(one, 4000), from), S(""), &a);
        size_t cut = str_find_byte(text, '~', 0);
        assert_true(cut != SIZE_MAX && (cut - strlen("user=") - from) % 2 == 0);
    }
    buf_free(&a);
    buf_free(&b);
}

static void test_every_dimension_at_its_longest_fits(void **state)
{
    (void)state;
    char bytes[1000];
    memset(bytes, ',', sizeof(bytes));
    struct scope scope;
    struct payer who = {0};
    for (int d = 0; d < SCOPE_DIMS; d++) {
        scope.want[d] = S("*");
        who.is[d] = str_of(bytes, SCOPE_VALUE_MAX);
    }
    struct buf text;
    buf_init(&text, SCOPE_TEXT_MAX);
    scope_value(&scope, &who, &text);
    assert_false(text.overflow);
    buf_free(&text);
}

static void test_names(void **state)
{
    (void)state;
    enum scope_dim d;
    for (int i = 0; i < SCOPE_DIMS; i++) {
        assert_true(scope_dim_find(scope_dim_name((enum scope_dim)i), &d));
        assert_int_equal(d, i);
    }
    assert_false(scope_dim_find(S("users"), &d));
    assert_true(scope_is_each(S("*")));
    assert_false(scope_is_each(S("**")));
    assert_false(scope_is_each(STR_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nobody_takes_the_place_of_another),
        cmocka_unit_test(test_long_values_are_cut_and_told_apart),
        cmocka_unit_test(test_every_dimension_at_its_longest_fits),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
