/* Patterns: what they match, what is refused, and that none runs for long. */
#include "base/pattern.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static enum pattern_found find(const char *pattern, str subject)
{
    struct arena arena;
    str why = STR_NONE;
    arena_init(&arena);
    struct pattern *p = pattern_compile(str_from(pattern), &arena, &why);
    if (!p) fail_msg("%s: %" STR_FMT, pattern, STR_ARG(why));
    enum pattern_found found = pattern_find(p, subject);
    pattern_drop(p);
    arena_free(&arena);
    return found;
}

static void matches(void **state)
{
    (void)state;
    assert_int_equal(find("(?i)i don't know", S("Sorry, I DON'T know.")), PATTERN_YES);
    assert_int_equal(find("(?i)i don't know", S("I know")), PATTERN_NO);
    assert_int_equal(find("^x$", S("x")), PATTERN_YES);
    assert_int_equal(find("^x$", S("xy")), PATTERN_NO);
    assert_int_equal(find("", S("")), PATTERN_YES);
    assert_int_equal(find("^\\p{L}{3}$", S("\xc3\xa4\xc3\xb6\xc3\xbc")), PATTERN_YES);
    assert_int_equal(find("a\xe2\x82\xac", S("a\xe2\x82\xac")), PATTERN_YES);
}

/* A subject is whatever came: broken text does not break the search. */
static void broken_text(void **state)
{
    (void)state;
    assert_int_equal(find("know", S("\xff\xfe know \xc3")), PATTERN_YES);
    assert_int_equal(find("\\x{ff}", S("\xff")), PATTERN_NO);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"(", "[a", "a{2,1}", "(?<n", "\\C", "*a", "(?P>none)"};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        str why = STR_NONE;
        assert_null(pattern_compile(str_from(bad[i]), &arena, &why));
        assert_true(str_find(why, S(" at character "), 0) != SIZE_MAX);
    }
    str why = STR_NONE;
    struct buf deep;
    buf_init(&deep, 0);
    for (int i = 0; i < 200; i++) buf_add_byte(&deep, '(');
    for (int i = 0; i < 200; i++) buf_add_byte(&deep, ')');
    assert_null(pattern_compile(buf_str(&deep), &arena, &why));
    buf_clear(&deep);
    for (int i = 0; i <= PATTERN_BYTES_MAX; i++) buf_add_byte(&deep, 'a');
    assert_null(pattern_compile(buf_str(&deep), &arena, &why));
    buf_free(&deep);
    arena_free(&arena);
}

/* Exponential, and quadratic over a long text: PCRE2's own limits would let the second go on for minutes. */
static void on_a_leash(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 0);
    for (int i = 0; i < 400000; i++) buf_add_byte(&text, 'a');
    assert_int_equal(find("(a+)+$", S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")), PATTERN_GAVE_UP);
    assert_int_equal(find("a+[xz]", buf_str(&text)), PATTERN_GAVE_UP);
    assert_int_equal(find("(?s)(.)*[yz].*[xw]", buf_str(&text)), PATTERN_GAVE_UP);
    assert_int_equal(find("aaax", S("aaaaaaaaaa")), PATTERN_NO);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(broken_text),
        cmocka_unit_test(refused),
        cmocka_unit_test(on_a_leash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
