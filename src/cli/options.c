#include "cli/options.h"

#include "base/time.h"
#include "settings/suggest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

void options_init(struct options *o, const struct command *command, int argc, char **argv)
{
    *o = (struct options){.command = command, .argc = argc, .argv = argv, .at = 1};
}

void options_complain(const struct options *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "purser %s: ", o->command->name);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

void options_help(const struct command *c)
{
    printf("usage: purser %s %s\n\n%s\n", c->name, c->usage, c->summary);
    size_t width = strlen("--help");
    for (size_t i = 0; i < c->option_count; i++) {
        const struct option *it = &c->options[i];
        size_t n = 2 + strlen(it->name) + (it->value ? 1 + strlen(it->value) : 0);
        if (n > width) width = n;
    }
    printf("\noptions:\n");
    for (size_t i = 0; i < c->option_count; i++) {
        const struct option *it = &c->options[i];
        int n = printf("  --%s%s%s", it->name, it->value ? " " : "", it->value ? it->value : "") - 2;
        printf("%*s  %s\n", (int)width - n, "", it->text);
    }
    printf("  %-*s  print this\n\nexample:\n", (int)width, "--help");
    for (str rest = str_from(c->example); rest.p;) {
        str line = str_cut(&rest, '\n');
        printf("  %" STR_FMT "\n", STR_ARG(line));
    }
}

static int stop(struct options *o, int exit_code)
{
    o->exit_code = exit_code;
    return OPT_STOP;
}

static int unknown(struct options *o, str name)
{
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < o->command->option_count; i++) suggest_offer(&near, str_from(o->command->options[i].name));
    suggest_offer(&near, S("help"));
    if (near.best.p) {
        options_complain(o, "unknown option '--%" STR_FMT "' (did you mean '--%" STR_FMT "'?)", STR_ARG(name),
                         STR_ARG(near.best));
    } else {
        options_complain(o, "unknown option '--%" STR_FMT "' (--help lists them)", STR_ARG(name));
    }
    return stop(o, EXIT_USAGE);
}

/* The value of option `i`: behind "=", else the next word. */
static int take_value(struct options *o, int i, str rest)
{
    const struct option *it = &o->command->options[i];
    o->value = NULL;
    if (!it->value) {
        if (!rest.p) return i;
        options_complain(o, "--%s takes no value", it->name);
        return stop(o, EXIT_USAGE);
    }
    if (rest.p) {
        o->value = rest.p; /* the end of an argv word: NUL-terminated */
        return i;
    }
    if (o->at >= o->argc) {
        options_complain(o, "--%s needs a value: --%s %s", it->name, it->name, it->value);
        return stop(o, EXIT_USAGE);
    }
    o->value = o->argv[o->at++];
    return i;
}

int options_next(struct options *o)
{
    if (o->at >= o->argc) return OPT_END;
    str word = str_from(o->argv[o->at++]);
    if (!o->only_arguments && str_eq(word, S("--"))) {
        o->only_arguments = true;
        return options_next(o);
    }
    if (!o->only_arguments && (str_eq(word, S("--help")) || str_eq(word, S("-h")))) {
        options_help(o->command);
        return stop(o, EXIT_OK);
    }
    if (o->only_arguments || word.n < 2 || word.p[0] != '-') {
        o->value = word.p;
        return OPT_ARGUMENT;
    }
    if (word.p[1] != '-') {
        options_complain(o, "unknown option '%" STR_FMT "' (options are long: --help lists them)", STR_ARG(word));
        return stop(o, EXIT_USAGE);
    }
    str rest = str_from_at(word, 2);
    str name = str_cut(&rest, '=');
    for (size_t i = 0; i < o->command->option_count; i++) {
        if (str_eq(name, str_from(o->command->options[i].name))) return take_value(o, (int)i, rest);
    }
    return unknown(o, name);
}

void options_unexpected(const struct options *o)
{
    options_complain(o, "'%s' is not expected here (--help shows the usage)", o->value);
}

bool options_format(const struct options *o, enum output_format *out)
{
    static const char *const names[] = {[OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json", [OUTPUT_CSV] = "csv"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(o->value, names[i]) != 0) continue;
        *out = (enum output_format)i;
        return true;
    }
    options_complain(o, "'%s' is no format; it is table, json or csv", o->value);
    return false;
}

bool options_count(const struct options *o, int64_t low, int64_t high, int64_t *out)
{
    if (str_to_i64(str_from(o->value), out) && *out >= low && *out <= high) return true;
    options_complain(o, "'%s' is no whole number from %lld to %lld", o->value, (long long)low, (long long)high);
    return false;
}

bool options_time(const struct options *o, const char *name, const char *given, int64_t now_us, int64_t *out)
{
    int64_t ago_us;
    str s = str_from(given);
    if (time_parse(s, out)) return true;
    if (time_parse_duration(s, &ago_us)) {
        *out = now_us - ago_us;
        return true;
    }
    options_complain(o, "--%s: '%s' is no time; write 7d, 24h, 2026-11-01 or 2026-11-01T12:00:00Z", name, given);
    return false;
}

bool colour_wanted(FILE *out)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no && *no) return false;
    return term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

size_t terminal_width(FILE *out)
{
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    if (!isatty(fileno(out))) return 0;
    if (width > 0) return (size_t)width;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool put(const struct options *o, const struct option_to *to)
{
    if (to->flag) {
        *to->flag = true;
        return true;
    }
    assert(o->value); /* options_next() saw to it */
    if (to->format) return options_format(o, to->format);
    if (to->count) return options_count(o, to->low, to->high, to->count);
    if (to->text) *to->text = o->value;
    return true;
}

bool options_read(struct options *o, const struct option_to *to, const char **argument)
{
    for (int got; (got = options_next(o)) != OPT_END;) {
        if (got == OPT_STOP) return false;
        bool ok = true;
        if (got != OPT_ARGUMENT) {
            ok = put(o, &to[got]);
        } else if (argument && !*argument) {
            *argument = o->value;
        } else {
            options_unexpected(o);
            ok = false;
        }
        if (ok) continue;
        o->exit_code = EXIT_USAGE;
        return false;
    }
    return true;
}

int options_run(const struct command *command, const struct subcommand *list, size_t count, int argc, char **argv)
{
    struct options o;
    char names[100];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], list[i].name) == 0) return list[i].run(argc - 1, argv + 1);
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", list[i].name);
        assert(n < sizeof(names));
    }
    options_init(&o, command, argc, argv);
    int got = options_next(&o);
    if (got == OPT_STOP) return o.exit_code;
    if (got == OPT_ARGUMENT)
        options_complain(&o, "'%s' is none of %s", o.value, names);
    else
        options_complain(&o, "say what to do: %s (--help explains)", names);
    return EXIT_USAGE;
}
