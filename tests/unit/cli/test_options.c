#include "cli/options.h"

#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct option list[] = {{"since", "TIME", "only what is newer"}, {"force", NULL, "do it"}, OPTION_FORMAT};
static const struct command command = {"report", "[options] NAME", "Print.", list, COUNT_OF(list), "purser report a"};

/* What is written to descriptor `fd` while the next option is read. */
static void capture(int fd, struct options *o, int expected, char *text, size_t size)
{
    int ends[2], before = dup(fd);
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], fd);
    int got = options_next(o);
    fflush(NULL);
    dup2(before, fd);
    close(ends[1]);
    ssize_t n = read(ends[0], text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    close(before);
    assert_int_equal(got, expected);
}

#define WORDS(o, ...)                                                                                                  \
    struct options o;                                                                                                  \
    const char *words_##o[] = {"report", __VA_ARGS__};                                                                 \
    options_init(&o, &command, COUNT_OF(words_##o), (char **)(uintptr_t)words_##o)

static void reads(void **state)
{
    (void)state;
    WORDS(o, "--since", "7d", "a", "--force", "--since=", "--", "--since", "-");
    assert_int_equal(options_next(&o), 0);
    assert_string_equal(o.value, "7d");
    assert_int_equal(options_next(&o), OPT_ARGUMENT);
    assert_string_equal(o.value, "a");
    assert_int_equal(options_next(&o), 1);
    assert_null(o.value);
    assert_int_equal(options_next(&o), 0);
    assert_string_equal(o.value, "");
    assert_int_equal(options_next(&o), OPT_ARGUMENT);
    assert_string_equal(o.value, "--since");
    assert_int_equal(options_next(&o), OPT_ARGUMENT);
    assert_string_equal(o.value, "-");
    assert_int_equal(options_next(&o), OPT_END);
    assert_int_equal(options_next(&o), OPT_END);
}

static void expect_usage(const char *word, const char *message)
{
    char text[256];
    WORDS(o, word);
    capture(STDERR_FILENO, &o, OPT_STOP, text, sizeof(text));
    assert_string_equal(text, message);
    assert_int_equal(o.exit_code, EXIT_USAGE);
}

static void mistakes(void **state)
{
    (void)state;
    expect_usage("--sinc", "purser report: unknown option '--sinc' (did you mean '--since'?)\n");
    expect_usage("--sinc=7d", "purser report: unknown option '--sinc' (did you mean '--since'?)\n");
    expect_usage("--wibble", "purser report: unknown option '--wibble' (--help lists them)\n");
    expect_usage("--since", "purser report: --since needs a value: --since TIME\n");
    expect_usage("--force=1", "purser report: --force takes no value\n");
    expect_usage("-x", "purser report: unknown option '-x' (options are long: --help lists them)\n");
}

static void help(void **state)
{
    (void)state;
    char text[1024];
    WORDS(o, "--help");
    capture(STDOUT_FILENO, &o, OPT_STOP, text, sizeof(text));
    assert_int_equal(o.exit_code, EXIT_OK);
    assert_string_equal(text, "usage: purser report [options] NAME\n\nPrint.\n\noptions:\n"
                              "  --since TIME     only what is newer\n"
                              "  --force          do it\n"
                              "  --format FORMAT  table, json or csv (table)\n"
                              "  --help           print this\n\nexample:\n  purser report a\n");
}

static void values(void **state)
{
    (void)state;
    struct options o = {.command = &command, .value = "csv"};
    enum output_format format = OUTPUT_TABLE;
    int64_t n = 0;
    assert_true(options_format(&o, &format));
    assert_int_equal(format, OUTPUT_CSV);
    o.value = "12";
    assert_true(options_count(&o, 1, 12, &n));
    assert_int_equal(n, 12);
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_false(options_count(&o, 1, 11, &n));
    assert_false(options_format(&o, &format));
}

/* Standard error is at /dev/null since values(). */
static void whole_lines(void **state)
{
    (void)state;
    const char *since = "1d", *name = NULL;
    bool force = false;
    enum output_format format = OUTPUT_TABLE;
    const struct option_to to[] = {{.text = &since}, {.flag = &force}, {.format = &format}};
    WORDS(nothing, "--");
    assert_true(options_read(&nothing, to, NULL));
    assert_true(!force && format == OUTPUT_TABLE && strcmp(since, "1d") == 0);
    WORDS(all, "--since", "7d", "bob", "--force", "--format=json");
    assert_true(options_read(&all, to, &name));
    assert_true(force && format == OUTPUT_JSON && strcmp(since, "7d") == 0 && strcmp(name, "bob") == 0);
    WORDS(second, "eve"); /* `name` has one already */
    assert_false(options_read(&second, to, &name));
    assert_int_equal(second.exit_code, EXIT_USAGE);
    WORDS(wrong, "--format", "xml");
    assert_false(options_read(&wrong, to, &name));
    assert_int_equal(wrong.exit_code, EXIT_USAGE);
}

static void colours(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_false(colour_wanted(file)); /* no terminal */
    fclose(file);
}

static int count_words(int argc, char **argv)
{
    return 10 * argc + argv[0][0] - 'a';
}

static int never(int argc, char **argv)
{
    fail_msg("%d words, %s", argc, argv[0]);
    return 0;
}

static int run_words(int argc, const char *const *argv)
{
    static const struct command several = {.name = "keys", .usage = "{add,list}", .summary = "Keys.", .example = "x"};
    static const struct subcommand commands[] = {{"add", count_words}, {"list", never}};
    return options_run(&several, commands, COUNT_OF(commands), argc, (char **)(uintptr_t)argv);
}

static void several_commands(void **state)
{
    (void)state;
    assert_int_equal(run_words(4, (const char *const[]){"keys", "add", "x", "list"}), 30);
    assert_int_equal(run_words(1, (const char *const[]){"keys"}), EXIT_USAGE);
    assert_int_equal(run_words(2, (const char *const[]){"keys", "ad"}), EXIT_USAGE);
    assert_int_equal(run_words(2, (const char *const[]){"keys", "--nope"}), EXIT_USAGE);
    assert_int_equal(run_words(2, (const char *const[]){"keys", "--help"}), EXIT_OK);
}

/* What a terminal says of its width, COLUMNS above it; a file has none. */
static void width(void **state)
{
    (void)state;
    struct winsize size = {.ws_row = 24, .ws_col = 73};
    int master, slave;
    FILE *file = tmpfile();
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
    FILE *terminal = fdopen(slave, "w");
    assert_non_null(file);
    assert_non_null(terminal);
    unsetenv("COLUMNS");
    assert_int_equal(terminal_width(terminal), 73);
    assert_int_equal(terminal_width(file), 0);
    setenv("COLUMNS", "91", 1);
    assert_int_equal(terminal_width(terminal), 91);
    assert_int_equal(terminal_width(file), 0);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(terminal_width(terminal), 73);
    unsetenv("COLUMNS");
    fclose(terminal);
    fclose(file);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(help),
        cmocka_unit_test(colours),
        cmocka_unit_test(values),
        cmocka_unit_test(whole_lines),
        cmocka_unit_test(several_commands),
        cmocka_unit_test(width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
