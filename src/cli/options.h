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
 *     struct options o;
 *     options_init(&o, &command, argc, argv);
 *     for (int got; (got = options_next(&o)) != OPT_END;) {
 *         switch (got) {
 *         case 0: since = o.value; break;
 *         case 1: config = o.value; break;
 *         case 2: if (!options_format(&o, &format)) return EXIT_USAGE; break;
 *         case OPT_ARGUMENT: options_unexpected(&o); return EXIT_USAGE;
 *         case OPT_STOP: return o.exit_code;
 *         }
 *     }
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
/* "purser report: " and the message, on standard error. */
void options_complain(const struct options *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Complains about `value`, which the command has no use for. */
void options_unexpected(const struct options *o);
/* Prints the help of the command on standard output. */
void options_help(const struct command *command);

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };
/* Reads `value`. Fails: false after complaining. */
bool options_format(const struct options *o, enum output_format *out) MUST_CHECK;
/* A whole number from `low` to `high`. Fails: false after complaining. */
bool options_count(const struct options *o, int64_t low, int64_t high, int64_t *out) MUST_CHECK;

/* A terminal that takes colours, and nobody who asked for none.
 * Source: no-color.org. */
bool colour_wanted(FILE *out);

#endif
