/* tests/cases/settings: YAML, the environment, every problem word for word, and
 * lines of what purser understood. */
#include "help.h"

#include <glob.h>

static size_t wrong; /* cases that do not come out, each printed whole */

static void complain(const char *file, const char *what, str found, str expected)
{
    wrong++;
    fprintf(stderr, "%s: %s\n%" STR_FMT "but expected\n%" STR_FMT "\n", file, what, STR_ARG(found), STR_ARG(expected));
}

struct sections {
    str yaml, env, problems, settings, runtime;
    bool has_problems;
};

static struct sections split(str text)
{
    struct sections s = {0};
    str *into = NULL;
    for (str rest = text; rest.n;) {
        const char *from = rest.p;
        str line = str_cut(&rest, '\n');
        if (str_starts(line, S("== "))) {
            str name = str_from_at(line, 3);
            into = str_eq(name, S("yaml"))       ? &s.yaml
                   : str_eq(name, S("env"))      ? &s.env
                   : str_eq(name, S("problems")) ? &s.problems
                   : str_eq(name, S("settings")) ? &s.settings
                   : str_eq(name, S("runtime"))  ? &s.runtime
                                                 : NULL;
            if (!into) fail_msg("unknown section '%" STR_FMT "'", STR_ARG(name));
            if (into == &s.problems) s.has_problems = true;
            *into = str_of(line.p + line.n + 1, 0);
        } else if (into) {
            into->n = (size_t)(from - into->p) + line.n + 1;
        }
    }
    return s;
}

static void add_lines(struct buf *out, const char *what, const struct buf *lines)
{
    for (str rest = buf_str(lines); rest.n;) {
        str line = str_cut(&rest, '\n');
        buf_printf(out, "%s: %" STR_FMT "\n", what, STR_ARG(line));
    }
}

/* What stands in a variable whose name says that it is a secret is nowhere told. */
static void check_secrets(const char *file, str env, str text)
{
    for (str rest = env; rest.n;) {
        str value = str_cut(&rest, '\n');
        str name = str_cut(&value, '=');
        if (!str_ends(name, S("_KEY")) || !value.n) continue;
        if (str_find(text, value, 0) != SIZE_MAX) fail_msg("%s: the secret %" STR_FMT " is told", file, STR_ARG(name));
    }
    if (str_find(text, S("written-in-the-wrong-place"), 0) != SIZE_MAX) fail_msg("%s: a secret is told", file);
    if (str_find(text, S("hunter2"), 0) != SIZE_MAX) fail_msg("%s: a password is told", file);
}

/* Where it came from is a comment, which reads back as if all stood in the file. */
static str without_origin(const struct buf *printed, struct buf *out)
{
    str mark = S("  # made at run time");
    str rest = buf_str(printed);
    for (size_t at; (at = str_find(rest, mark, 0)) != SIZE_MAX; rest = str_from_at(rest, at + mark.n))
        buf_add(out, str_head(rest, at));
    buf_add(out, rest);
    return buf_str(out);
}

/* What was printed is settings again, and the same ones. */
static void check_again(const char *file, const struct settings *s, const struct buf *printed)
{
    if (s->key_count) return; /* their secrets are masked */
    for (size_t i = 0; i < s->provider_count + s->service_count; i++) {
        if (s->providers[i].api_key.n || s->providers[i].off) return;
    }
    struct settings_report report = {0};
    struct buf second, first;
    buf_init(&second, 0);
    buf_init(&first, 0);
    struct settings *again = settings_parse(buf_str(printed), S("purser.yaml"), NULL, &report);
    if (!again) fail_msg("%s: does not read back: %" STR_FMT, file, STR_ARG(buf_str(&report.errors)));
    settings_print(again, &second);
    assert_str(buf_str(&second), without_origin(printed, &first));
    settings_drop(again);
    buf_free(&second);
    buf_free(&first);
    settings_report_free(&report);
}

static void check_settings(const char *file, const struct settings *s, const struct sections *want)
{
    struct buf printed;
    buf_init(&printed, 0);
    settings_print(s, &printed);
    check_secrets(file, want->env, buf_str(&printed));
    for (str rest = want->settings; rest.n;) {
        str line = str_cut(&rest, '\n');
        if (str_find(buf_str(&printed), line, 0) != SIZE_MAX) continue;
        complain(file, "understood", buf_str(&printed), line);
    }
    check_again(file, s, &printed);
    buf_free(&printed);
}

enum { ENTRIES_MAX = 100 };

/* "budget cap {...}" lines. */
static size_t read_entries(str lines, struct setting_entry *out)
{
    size_t count = 0;
    for (str rest = lines; rest.n && count < ENTRIES_MAX;) {
        str body = str_cut(&rest, '\n');
        struct setting_entry *e = &out[count];
        *e = (struct setting_entry){.at_us = (int64_t)++count};
        e->kind = str_cut(&body, ' ');
        e->name = str_cut(&body, ' ');
        e->body = body;
    }
    return count;
}

/* With what was made at run time, where the case has it. */
static struct settings *read_case(const struct sections *want, struct settings_report *report)
{
    struct setting_entry entries[ENTRIES_MAX];
    struct settings_report first = {0};
    size_t count = read_entries(want->runtime, entries);
    struct settings *s = settings_parse(want->yaml, S("purser.yaml"), test_env, count ? &first : report);
    if (!count) return s;
    if (!s) fail_msg("the file alone does not hold: %" STR_FMT, STR_ARG(buf_str(&first.errors)));
    struct settings *with = settings_with(s, entries, count, report);
    settings_drop(s);
    settings_report_free(&first);
    return with;
}

static void run(const char *file)
{
    struct buf text, problems;
    struct settings_report report = {0};
    test_read_file(file, &text);
    buf_init(&problems, 0);
    struct sections want = split(buf_str(&text));
    if (!want.yaml.p || !want.has_problems) fail_msg("%s: needs '== yaml' and '== problems'", file);
    test_env_lines = want.env;
    struct settings *s = read_case(&want, &report);
    add_lines(&problems, "error", &report.errors);
    add_lines(&problems, "warning", &report.warnings);
    check_secrets(file, want.env, buf_str(&problems));
    if (!str_eq(buf_str(&problems), want.problems)) {
        complain(file, "found", buf_str(&problems), want.problems);
    }
    assert_int_equal(s == NULL, report.error_count > 0);
    if (s) check_settings(file, s, &want);
    settings_drop(s);
    settings_report_free(&report);
    buf_free(&problems);
    buf_free(&text);
}

static void every_case(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("tests/cases/settings/*.case", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) run(found.gl_pathv[i]);
    print_message("%zu cases\n", found.gl_pathc);
    assert_true(found.gl_pathc >= 30);
    assert_int_equal(wrong, 0);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
