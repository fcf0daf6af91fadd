/* What is written about settings is true: the reference is the table's, the
 * examples hold, and every example and default in the table reads. */
#include "help.h"

#include <glob.h>

/* Every variable is set, each to something else. */
static str long_name(str name)
{
    static char text[8][128];
    static unsigned at;
    char *out = text[at++ % 8];
    snprintf(out, 128, "%" STR_FMT "-0123456789abcdef", STR_ARG(name));
    return str_from(out);
}

static void reference(void **state)
{
    (void)state;
    struct buf file, made;
    buf_init(&made, 0);
    settings_help(true, &made);
    test_read_file("docs/settings.md", &file);
    if (!str_eq(buf_str(&file), buf_str(&made))) {
        fail_msg("docs/settings.md is old: purser check --help-settings --markdown > docs/settings.md");
    }
    buf_free(&file);
    buf_free(&made);
}

/* A ladder that tests answers says of itself that it holds them back: that is meant. */
static size_t meant(str warnings)
{
    size_t count = 0;
    str text = S("first token comes late");
    for (size_t at = 0; (at = str_find(warnings, text, at)) != SIZE_MAX; at += text.n) count++;
    return count;
}

static void expect_clean(const char *name, str yaml)
{
    struct settings_report report = {0};
    struct settings *s = settings_parse(yaml, str_from(name), long_name, &report);
    if (!s || report.warning_count != meant(buf_str(&report.warnings))) {
        fail_msg("%" STR_FMT "%" STR_FMT, STR_ARG(buf_str(&report.errors)), STR_ARG(buf_str(&report.warnings)));
    }
    settings_drop(s);
    settings_report_free(&report);
}

static void examples(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("examples/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 4);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf text;
        test_read_file(found.gl_pathv[i], &text);
        expect_clean(found.gl_pathv[i], buf_str(&text));
        buf_free(&text);
    }
    globfree(&found);
}

/* The YAML in the reference: no block of it may be wrong in itself. */
static void reference_examples(void **state)
{
    (void)state;
    struct buf made;
    buf_init(&made, 0);
    settings_help(true, &made);
    size_t blocks = 0;
    for (size_t at = 0; (at = str_find(buf_str(&made), S("```yaml\n"), at)) != SIZE_MAX; blocks++) {
        at += 8;
        size_t end = str_find(buf_str(&made), S("```"), at);
        str yaml = str_head(str_from_at(buf_str(&made), at), end - at);
        at = end;
        if (!yaml.p) break;
        if (str_find(yaml, S("cert.pem"), 0) != SIZE_MAX) continue; /* files that are not there */
        struct buf text;
        struct settings_report report = {0};
        buf_init(&text, 0);
        if (!str_starts(yaml, S("providers")) && str_find(yaml, S("\nproviders"), 0) == SIZE_MAX) {
            buf_add(&text, S("providers: { lab: { kind: ollama }, gpu: { kind: vllm }, openai: {} }\n"));
        }
        buf_add(&text, yaml);
        struct settings *s = settings_parse(buf_str(&text), S("example"), long_name, &report);
        if (!s) fail_msg("%" STR_FMT "%" STR_FMT, STR_ARG(yaml), STR_ARG(buf_str(&report.errors)));
        settings_drop(s);
        settings_report_free(&report);
        buf_free(&text);
    }
    assert_true(blocks >= 10);
    buf_free(&made);
}

static void plain(void **state)
{
    (void)state;
    struct buf made;
    buf_init(&made, 0);
    settings_help(false, &made);
    assert_true(str_find(buf_str(&made), S("budgets[].window  (window; required)"), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&made), S("ceilings.body  (size; default 32MB)"), 0) != SIZE_MAX);
    buf_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference),
        cmocka_unit_test(examples),
        cmocka_unit_test(reference_examples),
        cmocka_unit_test(plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
