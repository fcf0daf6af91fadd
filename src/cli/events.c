/* purser events: what somebody should know, such as a budget that is nearly spent. */
#include "ledger/events.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/table.h"

static const struct table_column columns[] = {
    {"at", "at", false, false},     {"kind", "kind", false, false},     {"object", "object", false, false},
    {"level", "level", true, true}, {"window", "window", false, false}, {"what", "text", false, false},
};

struct shown {
    struct table table;
    size_t count;
};

static void add_row(void *ctx, const struct ledger_event *e)
{
    struct shown *to = ctx;
    char text[40];
    to->count++;
    table_add(&to->table, time_format(e->at_us, text));
    table_add(&to->table, e->kind);
    table_add(&to->table, e->object);
    table_addf(&to->table, "%lld", (long long)e->level);
    table_add_both(&to->table, e->window_us ? time_format(e->window_us, text) : S("-"),
                   e->window_us ? time_format(e->window_us, text) : S(""));
    table_add(&to->table, e->text);
}

struct events_ask {
    const char *since, *dir, *config;
    int64_t limit, since_us;
    enum output_format format;
};

static int show(const struct options *o, const struct events_ask *ask, const char *dir)
{
    struct shown shown = {.count = 0};
    struct buf why;
    buf_init(&why, 0);
    table_init(&shown.table, columns, COUNT_OF(columns));
    bool ok = ledger_events_each(dir, ask->since_us, ask->limit, add_row, &shown, &why);
    if (!ok)
        options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    else if (!shown.count && ask->format == OUTPUT_TABLE)
        puts("There are no events in this time.");
    else
        table_print(&shown.table, ask->format, stdout);
    table_free(&shown.table);
    buf_free(&why);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static bool read_since(const struct options *o, struct events_ask *ask)
{
    int64_t ago_us;
    str s = str_from(ask->since);
    if (!ask->since || time_parse(s, &ask->since_us)) return true;
    if (time_parse_duration(s, &ago_us)) {
        ask->since_us = time_now_us() - ago_us;
        return true;
    }
    options_complain(o, "--since: '%s' is no time; write 7d, 24h, 2026-11-01 or 2026-11-01T12:00:00Z", ask->since);
    return false;
}

int cmd_events(int argc, char **argv)
{
    enum { SINCE, LIMIT, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"since", "TIME", "how long ago (7d), or a time in UTC (ever)"},
        {"limit", "N", "at most so many, the newest (100)"},
        OPTION_FORMAT,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "events",
        .usage = "[options]",
        .summary = "List what happened that somebody should know, the newest first: a budget that reached 50, 80\n"
                   "or 100 percent of its limit, once in each of its windows.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser events --since 7d",
    };
    struct events_ask ask = {.limit = 100};
    struct options o;
    const struct option_to to[] = {[SINCE] = {.text = &ask.since},
                                   [LIMIT] = {.count = &ask.limit, .low = 1, .high = EVENTS_KEPT},
                                   [FORMAT] = {.format = &ask.format},
                                   [DATA] = {.text = &ask.dir},
                                   [CONFIG] = {.text = &ask.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    if (!read_since(&o, &ask)) return EXIT_USAGE;
    struct data_folder f;
    if (!data_folder_find(&o, ask.config, ask.dir, true, &f)) return EXIT_FAILED;
    int code = show(&o, &ask, f.dir);
    data_folder_free(&f);
    return code;
}
