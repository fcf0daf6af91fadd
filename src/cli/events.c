/* purser events: what somebody should know, such as a budget that is nearly spent. */
#include "ledger/events.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"

static const struct table_column columns[] = {
    {"at", "at", false, false},     {"kind", "kind", false, false},     {"object", "object", false, false},
    {"level", "level", true, true}, {"window", "window", false, false}, {"what", "text", false, false},
};

static void add_row(void *ctx, const struct ledger_event *e)
{
    struct table *t = ctx;
    char text[40];
    table_add(t, time_format(e->at_us, text));
    table_add(t, e->kind);
    table_add(t, e->object);
    table_addf(t, "%lld", (long long)e->level);
    table_add_both(t, e->window_us ? time_format(e->window_us, text) : S("-"),
                   e->window_us ? time_format(e->window_us, text) : S(""));
    table_add(t, e->text);
}

struct events_ask {
    const char *since, *dir, *config;
    int64_t limit, since_us;
    enum output_format format;
};

static void add_asked(struct table *t, struct listing_row *row, void *ctx)
{
    (void)ctx;
    struct ledger_event e = {.at_us = listing_time(row, "at"),
                             .kind = listing_str(row, "kind"),
                             .object = listing_str(row, "object"),
                             .level = listing_i64(row, "level"),
                             .window_us = listing_time(row, "window"),
                             .text = listing_str(row, "text")};
    add_row(t, &e);
}

static bool read_store(const char *dir, struct table *t, void *ctx, struct buf *why)
{
    const struct events_ask *ask = ctx;
    return ledger_events_each(dir, ask->since_us, ask->limit, add_row, t, why);
}

static int show(const struct options *o, struct events_ask *ask, const char *dir)
{
    struct table t;
    struct buf path;
    char text[40];
    buf_init(&path, 0);
    buf_add(&path, S("/api/v1/events"));
    if (ask->since_us > 0) control_add_param(&path, "since", time_format(ask->since_us, text));
    buf_add_byte(&path, '\0');
    table_init(&t, columns, COUNT_OF(columns));
    struct listing l = {
        .dir = dir, .path = path.p, .most = ask->limit, .add = add_asked, .read_store = read_store, .ctx = ask};
    bool ok = listing_fill(o, &l, &t);
    if (ok && !t.cell_count && ask->format == OUTPUT_TABLE)
        puts("There are no events in this time.");
    else if (ok)
        table_print(&t, ask->format, stdout);
    table_free(&t);
    buf_free(&path);
    return ok ? EXIT_OK : EXIT_FAILED;
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
    if (ask.since && !options_time(&o, "since", ask.since, time_now_us(), &ask.since_us)) return EXIT_USAGE;
    struct data_folder f;
    if (!data_folder_find(&o, ask.config, ask.dir, true, &f)) return EXIT_FAILED;
    int code = show(&o, &ask, f.dir);
    data_folder_free(&f);
    return code;
}
