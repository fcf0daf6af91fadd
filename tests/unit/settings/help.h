/* What the tests of settings share: an environment of their own, and files. */
#ifndef TESTS_SETTINGS_HELP_H
#define TESTS_SETTINGS_HELP_H

#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* "NAME=value" lines. */
static str test_env_lines;

static inline str test_env(str name)
{
    for (str rest = test_env_lines; rest.n;) {
        str value = str_cut(&rest, '\n');
        str key = str_cut(&value, '=');
        if (str_eq(key, name) && value.p) return value;
    }
    return STR_NONE;
}

static inline void test_read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s: cannot be opened; tests run from the project's root", path);
    buf_init(out, 0);
    for (size_t n = 1; n;) {
        assert_true(buf_reserve(out, 65536));
        n = fread(out->p + out->n, 1, 65536, f);
        out->n += n;
    }
    assert_false(ferror(f));
    fclose(f);
}

/* Settings that must hold. */
static inline struct settings *test_settings(const char *yaml, const char *env)
{
    struct settings_report report = {0};
    test_env_lines = str_from(env);
    struct settings *s = settings_parse(str_from(yaml), S("purser.yaml"), test_env, &report);
    if (!s) fail_msg("%" STR_FMT, STR_ARG(buf_str(&report.errors)));
    settings_report_free(&report);
    return s;
}

#define assert_str(got, expected)                                                                                      \
    do {                                                                                                               \
        str got_ = (got), expected_ = (expected);                                                                      \
        if (!str_eq(got_, expected_)) {                                                                                \
            fail_msg("'%" STR_FMT "' is not '%" STR_FMT "'", STR_ARG(got_), STR_ARG(expected_));                       \
        }                                                                                                              \
    } while (0)

#endif
