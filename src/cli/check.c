/* purser check: what is wrong with the settings, and what purser understands them to be. */
#include "admin/admin.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/table.h"
#include "flow/runtime.h"
#include "flow/trust.h"
#include "settings/settings.h"

enum { OPT_CONFIG, OPT_FORMAT, OPT_QUIET, OPT_HELP_SETTINGS, OPT_HELP_API, OPT_MARKDOWN };

static const struct option check_options[] = {
    OPTION_CONFIG,
    {"format", "FORMAT", "table; json or csv: the problems alone, on standard output"},
    {"quiet", NULL, "print problems alone"},
    {"help-settings", NULL, "print the reference of all settings"},
    {"help-api", NULL, "print the routes of the admin API"},
    {"markdown", NULL, "with one of these: as docs/settings.md or docs/api.md has it"},
};

static const struct command check_command = {
    .name = "check",
    .usage = "[options]",
    .summary = "Read the settings, name every problem with its line, and print what they mean:\n"
               "defaults written out, secrets masked. Fails where purser would refuse to start.",
    .options = check_options,
    .option_count = COUNT_OF(check_options),
    .example = "purser check --config ./purser.yaml\npurser check --help-settings | less",
};

static void print(const struct buf *text, FILE *to)
{
    if (text->n) fwrite(text->p, 1, text->n, to);
}

/* Each line with what it is in front. */
static void print_problems(const struct buf *lines, const char *what, const char *colour)
{
    bool coloured = colour_wanted(stderr);
    for (str rest = buf_str(lines); rest.n;) {
        str line = str_cut(&rest, '\n');
        fprintf(stderr, "%s%s%s: %" STR_FMT "\n", coloured ? colour : "", what, coloured ? "\033[0m" : "",
                STR_ARG(line));
    }
}

static void add_problems(struct table *t, const struct buf *lines, const char *what)
{
    for (str rest = buf_str(lines); rest.n;) {
        table_add(t, str_from(what));
        table_add(t, str_cut(&rest, '\n'));
    }
}

/* For programs. */
static void write_problems(const struct settings_report *report, enum output_format format)
{
    static const struct table_column columns[] = {{.title = "level", .key = "level"},
                                                  {.title = "problem", .key = "problem"}};
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    add_problems(&t, &report->errors, "error");
    add_problems(&t, &report->warnings, "warning");
    table_print_rows(&t, format, stdout);
    table_free(&t);
}

static int check(const char *config, bool quiet, enum output_format format)
{
    struct settings_report report = {0};
    struct settings *s = runtime_load(config, true, &report);
    struct buf out;
    buf_init(&out, 0);
    struct trust *trust = s ? trust_read(s, &report.errors) : NULL;
    if (s && !trust) {
        report.error_count++;
        settings_drop(s);
        s = NULL;
    }
    if (format == OUTPUT_TABLE) {
        print_problems(&report.errors, "error", "\033[31m");
        print_problems(&report.warnings, "warning", "\033[33m");
    } else {
        write_problems(&report, format);
    }
    if (!s) {
        fprintf(stderr, "%zu error%s: purser would not start with these settings\n", report.error_count,
                report.error_count == 1 ? "" : "s");
    } else if (!quiet && format == OUTPUT_TABLE) {
        buf_printf(&out, "# %" STR_FMT ": ", STR_ARG(s->file));
        settings_summary(s, &out);
        settings_print(s, &out);
        print(&out, stdout);
    }
    int code = s ? EXIT_OK : EXIT_FAILED;
    buf_free(&out);
    settings_drop(s);
    trust_drop(trust);
    settings_report_free(&report);
    return code;
}

int cmd_check(int argc, char **argv)
{
    struct options o;
    const char *config = NULL;
    bool quiet = false, help = false, help_api = false, markdown = false;
    enum output_format format = OUTPUT_TABLE;
    const struct option_to to[] = {[OPT_CONFIG] = {.text = &config},     [OPT_FORMAT] = {.format = &format},
                                   [OPT_QUIET] = {.flag = &quiet},       [OPT_HELP_SETTINGS] = {.flag = &help},
                                   [OPT_HELP_API] = {.flag = &help_api}, [OPT_MARKDOWN] = {.flag = &markdown}};
    options_init(&o, &check_command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    if (!help && !help_api) return check(config, quiet, format);
    struct buf out;
    buf_init(&out, 0);
    if (help) settings_help(markdown, &out);
    if (help_api) api_help(markdown, &out);
    print(&out, stdout);
    buf_free(&out);
    return EXIT_OK;
}
