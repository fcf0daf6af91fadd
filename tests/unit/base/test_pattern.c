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

/* ECMA-262 where it means something else than PCRE2, and what it does not have. */
static void ecma_patterns_mean_what_they_mean_there(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *subject;
        bool found;
    } cases[] = {
        {"a$", "a\n", false},
        {"^.$", "\xe2\x80\xa8", false},
        {"^[^]$", "\n", true},
        {"[]", "a", false},
        {"^\\s$", "\xef\xbb\xbf", true},
        {"^[\\s-_]+$", "- _", true},
        {"^[^\\S]$", "\xc2\xa0", true},
        {"^\\w$", "\xc3\xa9", false},
        {"^\\p{Uppercase_Letter}\\p{Script=Greek}$", "\xc3\x89\xce\xb1", true},
        {"^\\u{1f600}\\ud83d\\ude00\\u0041\\x42\\cJ$",
         "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
         "AB\n",
         true},
        {"^[[a]$", "[", true},
        {"^a{,3}$", "a{,3}", true},
        {"^(?<n>a)\\k<n>(b)?\\2$", "aa", true},
        {"^\\/\\-\\@$", "/-@", true},
        {"(?<!a)b", "ab", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        str why;
        arena_init(&arena);
        struct pattern *p = pattern_compile_ecma(str_from(cases[i].pattern), &arena, &why);
        assert_non_null(p);
        enum pattern_found found = pattern_find(p, str_from(cases[i].subject));
        if (found != (cases[i].found ? PATTERN_YES : PATTERN_NO)) fail_msg("%s", cases[i].pattern);
        pattern_drop(p);
        arena_free(&arena);
    }
}

static void what_ecma_does_not_have_is_refused(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "\\a",  "\\Z", "\\Qa\\E", "(?i)a",    "(?#a)",       "(?P<n>a)",    "(?>a)",   "(*UTF)a", "a++",
        "*a",   "a**", "^*",      "[a",       "a\\",         "\\u{110000}", "\\ud800", "\\x4",    "\\c1",
        "\\01", "(a",  "\\p{L",   "\\p{^Lu}", "\\p{Elvish}", "\\2(a)",      "\\k<n>",  "[b-a]",   "(?<n",
    };
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct arena arena;
        str why = STR_NONE;
        arena_init(&arena);
        if (pattern_compile_ecma(str_from(patterns[i]), &arena, &why)) fail_msg("%s is taken", patterns[i]);
        assert_true(why.n > 0);
        assert_false(pattern_is_ecma(str_from(patterns[i])));
        arena_free(&arena);
    }
    assert_true(pattern_is_ecma(S("(?<=a+)b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(broken_text),
        cmocka_unit_test(refused),
        cmocka_unit_test(on_a_leash),
        cmocka_unit_test(ecma_patterns_mean_what_they_mean_there),
        cmocka_unit_test(what_ecma_does_not_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
