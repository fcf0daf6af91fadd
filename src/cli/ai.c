/* purser ai: switch AI off and on, show what is off. */
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "ledger/ledger.h"
#include "ledger/switches.h"

#include <stdio.h>
#include <string.h>

enum { WHY_BYTES_MAX = 500 };

struct wish {
    bool off, now;
    const char *feature, *length, *why, *dir, *config;
    int64_t for_us; /* 0: until it is switched on */
};

/* ---- by the running server, else in the store */

static void write_body(const struct wish *w, struct buf *body)
{
    control_add_member(body, "ai", w->off ? S("off") : S("on"));
    control_add_member(body, "who", control_user());
    control_add_member(body, "feature", str_from(w->feature));
    control_add_member(body, "for", str_from(w->length));
    control_add_member(body, "why", str_from(w->why));
    if (w->now) buf_add(body, S(",\"now\":true"));
    buf_add_byte(body, '}');
}

/* No server: it will find the switch at its start. */
static bool switch_in_store(const struct options *o, const struct data_folder *f, const struct wish *w)
{
    struct ledger_options options = {.dir = f->dir, .workers = 1, .sync_us = 10 * US_PER_MS};
    struct buf why, who;
    int64_t now_us = time_now_us();
    buf_init(&why, 0);
    buf_init(&who, 0);
    struct ledger *l = ledger_open(&options, &why);
    bool ok = false;
    if (l) {
        buf_clear(&why);
        buf_printf(&who, "local user %" STR_FMT, STR_ARG(control_user()));
        struct ledger_switching change = {.off = w->off,
                                          .feature = str_from(w->feature),
                                          .at_us = now_us,
                                          .until_us = w->for_us ? now_us + w->for_us : 0,
                                          .who = buf_str(&who),
                                          .why = str_from(w->why),
                                          .origin = S("the store, while no server ran")};
        ok = ledger_switch(l, &change, &why) == ERR_NONE;
        ledger_close(l);
    }
    if (!ok) options_complain(o, "%" STR_FMT, STR_ARG(str_trim(buf_str(&why))));
    if (ok) options_complain(o, "no server runs in %s: it holds from the next start on", f->dir);
    buf_free(&why);
    buf_free(&who);
    return ok;
}

static void warn_unknown(const struct options *o, const struct wish *w, str answer)
{
    struct json doc;
    struct json_fail fail;
    json_init(&doc);
    if (w->off && json_parse(&doc, answer, &fail) &&
        json_type(&doc, json_find(&doc, JSON_ROOT, S("known"), NULL)) == JSON_FALSE)
        options_complain(o, "note: the settings have no feature '%s'; calls that name it are meant all the same",
                         w->feature);
    json_free(&doc);
}

static bool change(const struct options *o, const struct data_folder *f, const struct wish *w)
{
    struct buf body, answer;
    buf_init(&body, 0);
    buf_init(&answer, 0);
    write_body(w, &body);
    struct control_call call = {.dir = f->dir, .method = "POST", .path = "/api/v1/switches", .body = buf_str(&body)};
    enum control_result got = control_ask(o, &call, &answer);
    if (got == CONTROL_ANSWERED) warn_unknown(o, w, buf_str(&answer));
    bool ok = got == CONTROL_ANSWERED || (got == CONTROL_NO_SERVER && switch_in_store(o, f, w));
    buf_free(&body);
    buf_free(&answer);
    return ok;
}

static int run(const struct options *o, const struct wish *w)
{
    struct data_folder f;
    if (!data_folder_find(o, w->config, w->dir, true, &f)) return EXIT_FAILED;
    bool ok = change(o, &f, w);
    if (ok)
        printf("AI is %s for %s%s%s%s%s%s.\n", w->off ? "off" : "on", w->feature ? "the feature '" : "all features",
               w->feature ? w->feature : "", w->feature ? "'" : "", w->length ? " for " : "",
               w->length ? w->length : "", w->now ? "; what ran was ended" : "");
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- off */

static bool check_off(const struct options *o, struct wish *w)
{
    if (w->feature && !*w->feature) {
        options_complain(o, "--feature needs a name; without the option AI is off for all");
        return false;
    }
    if (!w->why || !str_trim(str_from(w->why)).n) {
        options_complain(o, "why? (--why \"...\": clients are told, and the audit keeps it)");
        return false;
    }
    if (strlen(w->why) > WHY_BYTES_MAX) {
        options_complain(o, "--why takes at most %d bytes", WHY_BYTES_MAX);
        return false;
    }
    if (!w->length || (time_parse_duration(str_from(w->length), &w->for_us) && w->for_us > 0)) return true;
    options_complain(o, "'%s' is no time: say how long, such as --for 2h or --for 30m", w->length);
    return false;
}

static int ai_off(int argc, char **argv)
{
    enum { FEATURE, FOR, NOW, WHY, DATA, CONFIG };
    static const struct option table[] = {
        {"feature", "NAME", "this feature alone (all)"},
        {"for", "TIME", "how long: 2h, 30m (until `purser ai on`)"},
        {"now", NULL, "also end calls that run, with an error event"},
        {"why", "TEXT", "the reason: clients are told, and the audit keeps it"},
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "ai off",
        .usage = "[options] --why TEXT",
        .summary = "Ask no provider any more, from now on: calls are answered with the reply that is set for their\n"
                   "model or feature (`degraded` in the settings), else with a clean 503. Running calls end by\n"
                   "themselves, with --now at once. It stays so over a restart.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser ai off --feature support-bot --for 2h --why \"it loops\"",
    };
    struct wish w = {.off = true};
    struct options o;
    const struct option_to to[] = {
        [FEATURE] = {.text = &w.feature}, [FOR] = {.text = &w.length}, [NOW] = {.flag = &w.now},
        [WHY] = {.text = &w.why},         [DATA] = {.text = &w.dir},   [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    return check_off(&o, &w) ? run(&o, &w) : EXIT_USAGE;
}

/* ---- on */

static int ai_on(int argc, char **argv)
{
    enum { FEATURE, WHY, DATA, CONFIG };
    static const struct option table[] = {
        {"feature", "NAME", "this feature, which was switched off by itself"},
        {"why", "TEXT", "for the audit"},
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "ai on",
        .usage = "[options]",
        .summary = "Ask providers again. Without --feature the switch for all goes; features that were switched\n"
                   "off by themselves stay off (`purser ai` shows them).",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser ai on\npurser ai on --feature support-bot",
    };
    struct wish w = {.off = false};
    struct options o;
    const struct option_to to[] = {[FEATURE] = {.text = &w.feature},
                                   [WHY] = {.text = &w.why},
                                   [DATA] = {.text = &w.dir},
                                   [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    return run(&o, &w);
}

/* ---- what is off */

static const struct table_column columns[] = {
    {"feature", "feature", false, false}, {"since", "since", false, false}, {"until", "until", false, false},
    {"who", "who", false, false},         {"why", "why", false, false},
};

static void add_row(void *ctx, const struct ledger_switch *s)
{
    struct table *t = ctx;
    char text[40];
    table_add_both(t, s->feature.n ? s->feature : S("(all)"), s->feature);
    table_add(t, time_format(s->since_us, text));
    table_add_both(t, s->until_us ? time_format(s->until_us, text) : S("switched on"),
                   s->until_us ? time_format(s->until_us, text) : S(""));
    table_add(t, s->who);
    table_add(t, s->why);
}

static void add_asked(struct table *t, struct listing_row *row, void *ctx)
{
    (void)ctx;
    struct ledger_switch s = {.feature = listing_str(row, "feature"),
                              .since_us = listing_time(row, "since"),
                              .until_us = listing_time(row, "until"),
                              .who = listing_str(row, "who"),
                              .why = listing_str(row, "why")};
    add_row(t, &s);
}

static bool read_store(const char *dir, struct table *t, void *ctx, struct buf *why)
{
    (void)ctx;
    return ledger_switches_each(dir, time_now_us(), add_row, t, why);
}

static int show(const struct options *o, const struct data_folder *f, enum output_format format)
{
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    struct listing l = {
        .dir = f->dir, .path = "/api/v1/switches", .member = "off", .add = add_asked, .read_store = read_store};
    bool ok = listing_fill(o, &l, &t);
    if (ok && !t.cell_count && format == OUTPUT_TABLE)
        puts("AI is on for all features.");
    else if (ok)
        table_print(&t, format, stdout);
    table_free(&t);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int ai_show(int argc, char **argv)
{
    enum { FORMAT, DATA, CONFIG };
    static const struct option table[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "ai",
        .usage = "[off|on] [options]",
        .summary = "Show what is switched off: since when, until when, by whom and why.\n"
                   "  off  ask no provider, for a feature or for all\n"
                   "  on   ask them again",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser ai\npurser ai off --for 2h --why \"a loop burns money\"\npurser ai on",
    };
    enum output_format format = OUTPUT_TABLE;
    const char *dir = NULL, *config = NULL, *argument = NULL;
    struct options o;
    const struct option_to to[] = {
        [FORMAT] = {.format = &format}, [DATA] = {.text = &dir}, [CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &argument)) return o.exit_code;
    if (argument) {
        options_complain(&o, "'%s' is neither off nor on", argument);
        return EXIT_USAGE;
    }
    struct data_folder f;
    if (!data_folder_find(&o, config, dir, true, &f)) return EXIT_FAILED;
    int code = show(&o, &f, format);
    data_folder_free(&f);
    return code;
}

int cmd_ai(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "off") == 0) return ai_off(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "on") == 0) return ai_on(argc - 1, argv + 1);
    return ai_show(argc, argv);
}
