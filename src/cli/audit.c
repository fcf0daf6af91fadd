/* purser audit: who changed what, and the proof that this is what was written. */
#include "ledger/audit.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"

struct audit_wish {
    const char *since, *until, *who, *what, *object, *dir, *config;
    int64_t limit;
    enum output_format format;
};

/* ---- list */

static const struct table_column columns[] = {
    {"at", "at", false, false, 20},         {"who", "who", false, false},           {"what", "what", false, false},
    {"object", "object", false, false, 15}, {"before", "before", false, false},     {"after", "after", false, false},
    {"why", "why", false, false},           {"origin", "origin", false, false, 10},
};

static void add_row(void *ctx, const struct audit_row *row)
{
    struct table *t = ctx;
    const struct audit_entry *e = &row->entry;
    char text[40], exact[40];
    str at = time_format(e->at_us, exact);
    memcpy(text, exact, at.n);
    text[19] = 'Z'; /* people need no microseconds */
    table_add_both(t, str_of(text, 20), at);
    const str rest[] = {e->who, e->what, e->object, e->before, e->after, e->why, e->origin};
    for (size_t i = 0; i < COUNT_OF(rest); i++) table_add(t, rest[i]);
}

static void add_asked(struct table *t, struct listing_row *from, void *ctx)
{
    (void)ctx;
    struct audit_row row = {.entry = {.at_us = listing_time(from, "at"),
                                      .who = listing_str(from, "who"),
                                      .what = listing_str(from, "what"),
                                      .object = listing_str(from, "object"),
                                      .before = listing_str(from, "before"),
                                      .after = listing_str(from, "after"),
                                      .why = listing_str(from, "why"),
                                      .origin = listing_str(from, "origin")}};
    add_row(t, &row);
}

static bool read_store(const char *dir, struct table *t, void *ask, struct buf *why)
{
    return audit_each(dir, ask, add_row, t, why);
}

static void write_path(const struct audit_ask *ask, struct buf *path)
{
    char text[40];
    buf_add(path, S("/api/v1/audit"));
    int64_t until_us = ask->until_us < 0 ? 0 : ask->until_us; /* no row is older than 1970 */
    if (ask->since_us > 0) control_add_param(path, "since", time_format(ask->since_us, text));
    if (until_us != INT64_MAX) control_add_param(path, "until", time_format(until_us, text));
    if (ask->who.n) control_add_param(path, "who", ask->who);
    if (ask->what.n) control_add_param(path, "what", ask->what);
    if (ask->object.n) control_add_param(path, "object", ask->object);
    buf_add_byte(path, '\0');
}

static int show(const struct options *o, const struct audit_wish *w, struct audit_ask *ask, const char *dir)
{
    struct table t;
    struct buf path;
    buf_init(&path, 0);
    write_path(ask, &path);
    table_init(&t, columns, COUNT_OF(columns));
    struct listing l = {.dir = dir,
                        .path = path.p,
                        .page = LISTING_PAGE,
                        .most = w->limit,
                        .add = add_asked,
                        .read_store = read_store,
                        .ctx = ask};
    bool ok = listing_fill(o, &l, &t);
    if (ok && !t.cell_count && w->format == OUTPUT_TABLE)
        puts("The audit has no such row.");
    else if (ok)
        table_print_rows(&t, w->format, stdout);
    table_free(&t);
    buf_free(&path);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int audit_list(int argc, char **argv)
{
    enum { SINCE, UNTIL, WHO, WHAT, OBJECT, LIMIT, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"since", "TIME", "how long ago (7d), or a time in UTC (ever)"},
        {"until", "TIME", "until then (now)"},
        {"who", "TEXT", "who has this in it"},
        {"what", "TEXT", "what was done has this in it"},
        {"object", "TEXT", "what it was done to has this in it"},
        {"limit", "N", "at most so many, the newest (100)"},
        OPTION_FORMAT,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "audit list",
        .usage = "[options]",
        .summary = "List who changed what, when and from where, with how it was and how it became: the newest first.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser audit list --since 7d --object \"feature support-bot\"",
    };
    struct audit_wish w = {.limit = 100};
    struct audit_ask ask = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    struct options o;
    const struct option_to to[] = {
        [SINCE] = {.text = &w.since},     [UNTIL] = {.text = &w.until},
        [WHO] = {.text = &w.who},         [WHAT] = {.text = &w.what},
        [OBJECT] = {.text = &w.object},   [LIMIT] = {.count = &w.limit, .low = 1, .high = 1000000},
        [FORMAT] = {.format = &w.format}, [DATA] = {.text = &w.dir},
        [CONFIG] = {.text = &w.config},
    };
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    int64_t now_us = time_now_us();
    if ((w.since && !options_time(&o, "since", w.since, now_us, &ask.since_us)) ||
        (w.until && !options_time(&o, "until", w.until, now_us, &ask.until_us)))
        return EXIT_USAGE;
    ask.who = str_from(w.who);
    ask.what = str_from(w.what);
    ask.object = str_from(w.object);
    ask.limit = (size_t)w.limit;
    struct data_folder f;
    if (!data_folder_find(&o, w.config, w.dir, true, &f)) return EXIT_FAILED;
    int code = show(&o, &w, &ask, f.dir);
    data_folder_free(&f);
    return code;
}

/* ---- verify */

struct checked {
    struct audit_walk walk;
    struct table problems;
    size_t count;
};

static void add_problem(void *ctx, const char *what, int64_t id)
{
    struct checked *c = ctx;
    c->count++;
    table_addf(&c->problems, "%lld", (long long)id);
    table_add(&c->problems, str_from(what));
}

static void print_hash(const unsigned char *hash)
{
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) printf("%02x", hash[i]);
}

static void print_checked(const struct checked *c, enum output_format format)
{
    bool sound = c->count == 0;
    if (format == OUTPUT_JSON) {
        printf("{\"sound\": %s, \"rows\": %llu, \"last\": \"", sound ? "true" : "false",
               (unsigned long long)c->walk.count);
        print_hash(c->walk.last);
        fputs("\", \"problems\": ", stdout);
        table_print(&c->problems, format, stdout);
        puts("}");
        return;
    }
    if (format == OUTPUT_CSV || !sound) table_print(&c->problems, format, stdout);
    if (format == OUTPUT_CSV) return;
    printf("%llu rows, the last one's hash is ", (unsigned long long)c->walk.count);
    print_hash(c->walk.last);
    puts(sound ? "\nThe audit is what was written." : "\nThe audit is NOT what was written.");
}

static bool verify(const struct options *o, enum output_format format, const char *dir)
{
    static const struct table_column columns_of_problems[] = {{"row", "id", true, true},
                                                              {"problem", "what", false, false}};
    struct checked c = {.walk = {.problem = add_problem, .ctx = &c}};
    struct buf why;
    buf_init(&why, 0);
    table_init(&c.problems, columns_of_problems, COUNT_OF(columns_of_problems));
    bool read = audit_check_folder(dir, &c.walk, &why);
    if (read)
        print_checked(&c, format);
    else
        options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    table_free(&c.problems);
    buf_free(&why);
    return read && c.count == 0;
}

static int audit_verify(int argc, char **argv)
{
    enum { FORMAT, DATA, CONFIG };
    static const struct option table[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "audit verify",
        .usage = "[options]",
        .summary = "Check the audit's chain from its first row to its last: no row was changed, left out or cut\n"
                   "off. Prints the last row's hash: note it elsewhere, for whoever may write the whole file can\n"
                   "forge the whole chain. csv lists what is wrong. Exit code 1 where something is.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser audit verify",
    };
    struct audit_wish w = {0};
    struct options o;
    const struct option_to to[] = {
        [FORMAT] = {.format = &w.format}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct data_folder f;
    if (!data_folder_find(&o, w.config, w.dir, true, &f)) return EXIT_FAILED;
    bool sound = verify(&o, w.format, f.dir);
    data_folder_free(&f);
    return sound ? EXIT_OK : EXIT_FAILED;
}

int cmd_audit(int argc, char **argv)
{
    static const struct command command = {
        .name = "audit",
        .usage = "{list,verify} [options]",
        .summary = "Who changed what in purser, when and from where. Rows are only ever added, each bound to the\n"
                   "one before it.\n"
                   "  list    the changes, the newest first\n"
                   "  verify  whether they are what was written",
        .example = "purser audit list --since 7d\npurser audit verify",
    };
    static const struct subcommand commands[] = {{"list", audit_list}, {"verify", audit_verify}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
