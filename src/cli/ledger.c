/* purser ledger: proof of the account, and its rows. */
#include "base/time.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/table.h"
#include "ledger/export.h"
#include "ledger/schema.h"
#include "ledger/verify.h"
#include "settings/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define OPTION_DATA                                                                                                    \
    {                                                                                                                  \
        "data", "DIR", "the data folder, without reading any settings"                                                 \
    }

/* The data folder: as given, else as the settings say. Owns: the caller frees it.
 * Fails: NULL after complaining. */
static char *data_folder(const struct options *o, const char *data, const char *config)
{
    if (data) return str_dup(str_from(data));
    struct settings_report report = {0};
    struct settings *s = settings_load(config ? config : "", &report);
    char *dir = s ? str_dup(s->data) : NULL;
    if (!s) {
        if (report.errors.n) fwrite(report.errors.p, 1, report.errors.n, stderr);
        options_complain(o, "the settings do not say where the ledger is: mend them, or give --data DIR");
    }
    settings_report_free(&report);
    settings_drop(s);
    return dir;
}

static void complain(const struct options *o, const struct buf *why)
{
    options_complain(o, "%" STR_FMT, STR_ARG(buf_str(why)));
}

/* ---- verify */

static void show_progress(void *ctx, double done)
{
    (void)ctx;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%3d %%", (int)(done * 100));
}

static void add_sum(struct table *t, const char *figure, const struct verify_sum *sum)
{
    char money[MONEY_TEXT_MAX];
    table_add(t, str_from(figure));
    table_addf(t, "%llu", (unsigned long long)sum->count);
    table_add(t, money_format(sum->cost, money));
    table_add(t, STR_NONE);
}

static void add_count(struct table *t, const char *figure, uint64_t count)
{
    table_add(t, str_from(figure));
    table_addf(t, "%llu", (unsigned long long)count);
    table_add(t, STR_NONE);
    table_add(t, STR_NONE);
}

/* A line for each figure, under its name in the JSON, and one for each problem. */
static void verify_csv(const struct verify_result *r, struct buf *out)
{
    static const struct table_column columns[] = {{"", "figure", false, false},
                                                  {"", "count", true, true},
                                                  {"", "usd", true, true},
                                                  {"", "problem", false, false}};
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    add_sum(&t, "rows", &r->rows);
    add_sum(&t, "retired", &r->retired);
    add_sum(&t, "pending", &r->pending);
    add_sum(&t, "holds", &r->holds);
    add_count(&t, "cells", r->cells);
    add_count(&t, "records", r->records);
    add_count(&t, "segments", r->segments);
    add_count(&t, "audit_rows", r->audit_rows);
    add_count(&t, "problems", r->problem_count);
    for (str rest = buf_str(&r->problems); rest.n;) {
        table_add(&t, S("problem"));
        table_add(&t, STR_NONE);
        table_add(&t, STR_NONE);
        table_add(&t, str_cut(&rest, '\n'));
    }
    table_write(&t, OUTPUT_CSV, &(struct table_paper){0}, out);
    table_free(&t);
}

static int verify(const struct options *o, const char *dir, enum output_format format)
{
    struct verify_result result;
    struct buf why, out;
    verify_result_init(&result);
    buf_init(&why, 0);
    buf_init(&out, 0);
    int code = EXIT_FAILED;
    bool read = ledger_verify(dir, &result, show_progress, NULL, &why);
    if (isatty(STDERR_FILENO)) fputs("\r     \r", stderr);
    if (!read) {
        complain(o, &why);
    } else {
        if (format == OUTPUT_JSON)
            verify_json(&result, &out);
        else if (format == OUTPUT_CSV)
            verify_csv(&result, &out);
        else
            verify_text(&result, &out);
        fwrite(out.p, 1, out.n, stdout);
        code = result.problem_count ? EXIT_FAILED : EXIT_OK;
    }
    buf_free(&why);
    buf_free(&out);
    verify_result_free(&result);
    return code;
}

static int cmd_verify(int argc, char **argv)
{
    static const struct option options[] = {OPTION_DATA, OPTION_CONFIG, OPTION_FORMAT};
    static const struct command command = {
        "ledger verify",
        "[options]",
        "Prove that the ledger adds up: posted and pending against rows and live holds, every\n"
        "checksum, every budget counter, nothing missing and nothing there twice. Works on a\n"
        "stopped server and beside a running one. Exit code 1 when something is wrong.",
        options,
        COUNT_OF(options),
        "purser ledger verify --data ./purser-data"};
    struct options o;
    const char *data = NULL, *config = NULL;
    enum output_format format = OUTPUT_TABLE;
    const struct option_to to[] = {{.text = &data}, {.text = &config}, {.format = &format}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    char *dir = data_folder(&o, data, config);
    int code = dir ? verify(&o, dir, format) : EXIT_FAILED;
    free(dir);
    return code;
}

/* ---- export */

static bool write_out(void *ctx, str bytes)
{
    return fwrite(bytes.p, 1, bytes.n, ctx) == bytes.n;
}

static bool read_where(const struct options *o, struct export_ask *ask)
{
    str rest = str_from(o->value);
    if (str_find_byte(rest, '=', 0) == SIZE_MAX || ask->where_count == EXPORT_WHERE_MAX) {
        options_complain(o, "--where takes column=value, at most %d of them", EXPORT_WHERE_MAX);
        return false;
    }
    str column = str_cut(&rest, '=');
    if (!schema_is_attempt_column(column)) {
        options_complain(o, "--where: '%" STR_FMT "' is no column of the ledger; docs/ledger.md lists them",
                         STR_ARG(column));
        return false;
    }
    ask->where[ask->where_count].column = column;
    ask->where[ask->where_count++].equals = rest;
    return true;
}

static bool read_format(const struct options *o, enum export_format *format)
{
    static const char *const names[] = {[EXPORT_CSV] = "csv", [EXPORT_JSON] = "json", [EXPORT_JSONL] = "jsonl"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(o->value, names[i]) != 0) continue;
        *format = (enum export_format)i;
        return true;
    }
    options_complain(o, "--format: '%s' is none of csv, json and jsonl", o->value);
    return false;
}

static int export_rows(const struct options *o, const char *dir, const struct export_ask *ask)
{
    struct buf why;
    buf_init(&why, 0);
    bool ok = ledger_export(dir, ask, write_out, stdout, &why) && fflush(stdout) == 0;
    if (!ok && why.n)
        complain(o, &why);
    else if (!ok && errno != EPIPE)
        options_complain(o, "standard output: %s", strerror(errno));
    buf_free(&why);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int cmd_export(int argc, char **argv)
{
    static const struct option options[] = {OPTION_DATA,
                                            OPTION_CONFIG,
                                            {"format", "FORMAT", "csv, json or jsonl (csv)"},
                                            {"since", "TIME", "admitted from then on: 7d, 24h, 2026-11-01 (all)"},
                                            {"until", "TIME", "admitted before (now)"},
                                            {"where", "COLUMN=VALUE", "only these rows; may be given again"}};
    static const struct command command = {
        "ledger export",
        "[options]",
        "Print every attempt with all its columns, oldest first. Money is pico-dollars, times are\n"
        "UTC microseconds; docs/ledger.md says what the columns mean. Texts are as they came: to a\n"
        "spreadsheet give them as text, not as formulas.",
        options,
        COUNT_OF(options),
        "purser ledger export --since 7d --where feature=support-bot --format csv > attempts.csv"};
    struct options o;
    const char *data = NULL, *config = NULL;
    struct export_ask ask = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    options_init(&o, &command, argc, argv);
    for (int got; (got = options_next(&o)) != OPT_END;) {
        bool ok = true;
        switch (got) {
        case 0:
            data = o.value;
            break;
        case 1:
            config = o.value;
            break;
        case 2:
            ok = read_format(&o, &ask.format);
            break;
        case 3:
            ok = options_time(&o, "since", o.value, time_now_us(), &ask.since_us);
            break;
        case 4:
            ok = options_time(&o, "until", o.value, time_now_us(), &ask.until_us);
            break;
        case 5:
            ok = read_where(&o, &ask);
            break;
        case OPT_ARGUMENT:
            options_unexpected(&o);
            return EXIT_USAGE;
        case OPT_STOP:
            return o.exit_code;
        }
        if (!ok) return EXIT_USAGE;
    }
    char *dir = data_folder(&o, data, config);
    int code = dir ? export_rows(&o, dir, &ask) : EXIT_FAILED;
    free(dir);
    return code;
}

int cmd_ledger(int argc, char **argv)
{
    static const struct command command = {
        "ledger",
        "verify|export [options]",
        "Prove that the ledger adds up, or print its rows.",
        NULL,
        0,
        "purser ledger verify --data ./purser-data\npurser ledger export --since 7d --format csv"};
    static const struct subcommand commands[] = {{"verify", cmd_verify}, {"export", cmd_export}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
