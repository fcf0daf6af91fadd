/* purser: dispatch to a command. */
#include "cli/cli.h"
#include "cli/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct entry {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
};

static const struct entry entries[] = {
    {"init", cmd_init, "write a first settings file and make a first key"},
    {"serve", cmd_serve, "run the gateway"},
    {"check", cmd_check, "read the settings, say what is wrong with them"},
    {"simulate", cmd_simulate, "run a simulated provider to test against"},
    {"report", cmd_report, "print what was spent, by whom and for what"},
    {"keys", cmd_keys, "add, list, rotate and revoke keys"},
    {"access", cmd_access, "add, list and revoke tokens of the admin API and the dashboard"},
    {"audit", cmd_audit, "list who changed what, verify that it is what was written"},
    {"budgets", cmd_budgets, "show budgets: spent, held, left, when they reset; set and remove them"},
    {"settings", cmd_settings, "list what is set in the file and at run time, export the latter"},
    {"ai", cmd_ai, "switch AI off and on, show what is off"},
    {"runaway", cmd_runaway, "lift what blocks a session or task that looped"},
    {"events", cmd_events, "list what somebody should know: budgets nearly spent"},
    {"prices", cmd_prices, "look into the price book"},
    {"providers", cmd_providers, "list who answers, check whether they can be reached"},
    {"ledger", cmd_ledger, "verify the ledger, export its rows"},
    {"tokens", cmd_tokens, "count the tokens of a text"},
    {"version", cmd_version, "print the version"},
};

static const size_t entry_count = sizeof(entries) / sizeof(entries[0]);

static void help(FILE *out)
{
    fputs("purser carries calls to AI providers and keeps the account of them.\n\n"
          "usage: purser COMMAND [options]\n\ncommands:\n",
          out);
    for (const struct entry *e = entries; e < entries + entry_count; e++) fprintf(out, "  %-9s %s\n", e->name, e->text);
    fputs("\n'purser COMMAND --help' tells more, with an example; 'purser --help-settings' explains every\n"
          "setting, 'purser --help-api' every route of the admin API.\n\nexample:\n"
          "  purser init && purser serve\n",
          out);
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* `purser --config FILE report` means `purser report --config FILE`, and so for --format. */
static void move_options_behind(int argc, char **argv)
{
    int n = 0;
    char *moved[4] = {0};
    while (n + 1 < argc && n < (int)(sizeof(moved) / sizeof(moved[0]))) {
        const char *word = argv[1 + n];
        bool pair = is(word, "--config") || is(word, "--format");
        bool one = strncmp(word, "--config=", 9) == 0 || strncmp(word, "--format=", 9) == 0;
        int words = pair ? 2 : one ? 1 : 0;
        if (!words || 1 + n + words >= argc || n + words > (int)(sizeof(moved) / sizeof(moved[0]))) break;
        for (int end = n + words; n < end; n++) moved[n] = argv[1 + n];
    }
    int left = argc - 1 - n;
    memmove(argv + 1, argv + 1 + n, (size_t)left * sizeof(*argv));
    memcpy(argv + 1 + left, moved, (size_t)n * sizeof(*argv));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    move_options_behind(argc, argv);
    const char *name = argv[1];
    if (is(name, "--help") || is(name, "-h") || is(name, "help")) {
        help(stdout);
        return EXIT_OK;
    }
    if (is(name, "--help-settings") || is(name, "--help-api")) return cmd_check(argc, argv);
    if (is(name, "--version") || is(name, "-V")) name = "version";
    for (const struct entry *e = entries; e < entries + entry_count; e++) {
        if (is(name, e->name)) return e->run(argc - 1, argv + 1);
    }
    fprintf(stderr, "purser: there is no command '%s'; 'purser --help' lists them\n", argv[1]);
    return EXIT_USAGE;
}
