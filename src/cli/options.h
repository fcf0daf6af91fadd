/* Options of a command: long ones, with or without a value, and what every
 * command shares: --help, the hint after a typo, --format, colour.
 *
 *     static const struct option options[] = {
 *         {"since", "TIME", "only what is newer"},
 *         OPTION_CONFIG,
 *         OPTION_FORMAT,
 *     };
 *     static const struct command command = {"report", "[options]", "Print the bill.", options, COUNT_OF(options),
 *                                            "purser report --by feature --since 7d"};
 *     const struct option_to to[] = {{.text = &since}, {.text = &config}, {.format = &format}};
 *     struct options o;
 *     options_init(&o, &command, argc, argv);
 *     if (!options_read(&o, to, NULL)) return o.exit_code;
 *
 * A command whose options need more than that walks them by itself with options_next().
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/str.h"

#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct option {
    const char *name;  /* "since" */
    const char *value; /* what it takes, as the help shows it: "TIME"; NULL: nothing */
    const char *text;
};

#define OPTION_CONFIG                                                                                                  \
    {                                                                                                                  \
        "config", "FILE", "the settings (./purser.yaml, then XDG, then /etc/purser/purser.yaml)"                       \
    }
#define OPTION_FORMAT                                                                                                  \
    {                                                                                                                  \
        "format", "FORMAT", "table, json or csv (table)"                                                               \
    }

struct command {
    const char *name;    /* "report", or "keys add" */
    const char *usage;   /* behind the name: "[options] NAME" */
    const char *summary; /* sentences, with line breaks where they are long */
    const struct option *options;
    size_t option_count;
    const char *example; /* a line or more, each a command */
};

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

struct options {
    const struct command *command;
    int argc, at;
    char **argv;
    const char *value;   /* of the option or argument last returned */
    int exit_code;       /* after OPT_STOP */
    bool only_arguments; /* "--" was seen */
};

enum { OPT_ARGUMENT = -1, OPT_END = -2, OPT_STOP = -3 };

void options_init(struct options *o, const struct command *command, int argc, char **argv);
/* The index of the next option, OPT_ARGUMENT for a word that is none, OPT_END,
 * or OPT_STOP: help was printed (exit_code 0), or a mistake named (2). */
int options_next(struct options *o);
/* Where the value of an option goes: one of these. */
struct option_to {
    const char **text;
    bool *flag;
    enum output_format *format;
    int64_t *count; /* from `low` to `high` */
    int64_t low, high;
};
/* Reads the whole line, `to[i]` being for the command's option i. `argument`: where its
 * only argument goes; NULL: it takes none. False: leave with `exit_code`. */
bool options_read(struct options *o, const struct option_to *to, const char **argument) MUST_CHECK;
/* Of a command that is several: runs the one that the line begins with. Returns its exit code, or complains. */
struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
};
int options_run(const struct command *command, const struct subcommand *list, size_t count, int argc, char **argv);
/* "purser report: " and the message, on standard error. */
void options_complain(const struct options *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Complains about `value`, which the command has no use for. */
void options_unexpected(const struct options *o);
/* Prints the help of the command on standard output. */
void options_help(const struct command *command);

/* Reads `value`. Fails: false after complaining. */
bool options_format(const struct options *o, enum output_format *out) MUST_CHECK;
/* A whole number from `low` to `high`. Fails: false after complaining. */
bool options_count(const struct options *o, int64_t low, int64_t high, int64_t *out) MUST_CHECK;
/* How long ago, before `now_us`, or a time. Fails: false after complaining of the option so named. */
bool options_time(const struct options *o, const char *name, const char *given, int64_t now_us,
                  int64_t *out) MUST_CHECK;

/* A terminal that takes colours, and nobody who asked for none.
 * Source: no-color.org. */
bool colour_wanted(FILE *out);
/* Columns of the terminal that `out` is, by COLUMNS (POSIX, environment variables) or else as it says; 0: it is none,
 * or does not say. */
size_t terminal_width(FILE *out);

#endif
