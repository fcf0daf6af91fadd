/* purser report: what was spent, by whom and for what. */
#include "cli/report.h"
#include "base/time.h"
#include "cli/cli.h"
#include "settings/suggest.h"

enum { OPT_BY, OPT_LADDER, OPT_SINCE, OPT_UNTIL, OPT_WHERE, OPT_LIMIT, OPT_FORMAT, OPT_DATA, OPT_CONFIG };

static const struct option report_options[] = {
    {"by", "NAMES",
     "feature, model, user, team, key, provider, prompt, task, reason, day, hour, minute (feature,model)"},
    {"ladder", "MODEL", "in place of --by: the rungs of its ladder; share accepted, cost, and the cost of each alone"},
    {"since", "TIME", "how long ago (7d, 24h, 90m), or a date or time in UTC (7d)"},
    {"until", "TIME", "the same; what was admitted at that moment is not counted any more (now)"},
    {"where", "NAME=VALUE",
     "only these; again or behind a comma: another name must fit too, the same name may be either"},
    {"limit", "N", "at most so many groups; the total speaks of all (100)"},
    OPTION_FORMAT,
    OPTION_DATA,
    OPTION_CONFIG,
};

static const struct command report_command = {
    .name = "report",
    .usage = "[options]",
    .summary = "Print the bill: calls, attempts, tokens, cost, waste, latency, errors. The dearest group comes\n"
               "first; days and hours (UTC) come as time goes. status, operation, service_tier, session, tags,\n"
               "model_requested and more (docs/reports.md) can be grouped by and filtered on, too.",
    .options = report_options,
    .option_count = COUNT_OF(report_options),
    .example = "purser report --by feature,model --since 7d\n"
               "purser report --ladder triage --since 30d\n"
               "purser report --by day --where feature=support-bot --since 30d\n"
               "purser report --by user --where team=a,team=b --format csv > users.csv",
};

struct question {
    struct report_question asked;
    bool by; /* --by was given */
    const char *config, *dir;
};

/* ---- reading the question */

/* "'featrue' is nothing to group by; did you mean 'feature'? There are: ..." */
static bool is_known(const struct options *o, str name, str (*each)(size_t i), const char *what)
{
    struct suggest near;
    struct buf list;
    str known;
    suggest_init(&near, name);
    buf_init(&list, 0);
    bool found = false;
    for (size_t i = 0; (known = each(i)).p; i++) {
        found = found || str_eq(known, name);
        suggest_offer(&near, known);
        buf_printf(&list, "%s%" STR_FMT, i ? ", " : "", STR_ARG(known));
    }
    if (!found) {
        str best = near.best.p ? near.best : S("");
        options_complain(o, "'%" STR_FMT "' is nothing to %s%s%" STR_FMT "%s\nThere are: %" STR_FMT, STR_ARG(name),
                         what, best.n ? "; did you mean '" : "", STR_ARG(best), best.n ? "'?" : "",
                         STR_ARG(buf_str(&list)));
    }
    buf_free(&list);
    return found;
}

static bool read_by(const struct options *o, struct report_ask *ask)
{
    str rest = str_from(o->value);
    ask->by_count = 0;
    while (rest.p) {
        str name = str_trim(str_cut(&rest, ','));
        if (!name.n) continue;
        if (!is_known(o, name, report_by_name, "group by")) return false;
        for (size_t i = 0; i < ask->by_count; i++) {
            if (!str_eq(ask->by[i], name)) continue;
            options_complain(o, "--by has '%" STR_FMT "' twice", STR_ARG(name));
            return false;
        }
        if (ask->by_count == REPORT_BY_MAX) {
            options_complain(o, "--by takes at most %d names", REPORT_BY_MAX);
            return false;
        }
        ask->by[ask->by_count++] = name;
    }
    return true;
}

/* The end of the filter that `rest` begins with: a comma belongs to the value unless "name=" follows it. */
static str cut_filter(str *rest)
{
    for (size_t at = 0; (at = str_find_byte(*rest, ',', at)) != SIZE_MAX; at++) {
        str behind = str_from_at(*rest, at + 1);
        size_t equals = str_find_byte(behind, '=', 0);
        if (equals == SIZE_MAX || str_find_byte(behind, ',', 0) < equals) continue;
        str filter = str_head(*rest, at);
        *rest = behind;
        return filter;
    }
    str filter = *rest;
    *rest = STR_NONE;
    return filter;
}

static bool read_where(const struct options *o, struct report_ask *ask)
{
    str rest = str_from(o->value);
    while (rest.p) {
        str value = cut_filter(&rest);
        str name = str_trim(str_cut(&value, '='));
        if (!value.p) {
            options_complain(o, "--where takes NAME=VALUE, such as feature=support-bot, not '%s'", o->value);
            return false;
        }
        if (str_eq(name, S("day")) || str_eq(name, S("hour"))) {
            options_complain(o, "a stretch of time is chosen with --since and --until, not with --where");
            return false;
        }
        if (!is_known(o, name, report_where_name, "filter on")) return false;
        if (ask->where_count == REPORT_WHERE_MAX) {
            options_complain(o, "--where takes at most %d filters", REPORT_WHERE_MAX);
            return false;
        }
        ask->where[ask->where_count].column = name;
        ask->where[ask->where_count++].equals = value;
    }
    return true;
}

static bool read_option(const struct options *o, int got, int64_t now_us, struct question *q)
{
    switch (got) {
    case OPT_BY:
        q->by = true;
        return read_by(o, &q->asked.ask);
    case OPT_LADDER:
        q->asked.ladder = o->value;
        return true;
    case OPT_SINCE:
        return options_time(o, "since", o->value, now_us, &q->asked.ask.since_us);
    case OPT_UNTIL:
        return options_time(o, "until", o->value, now_us, &q->asked.ask.until_us);
    case OPT_WHERE:
        return read_where(o, &q->asked.ask);
    case OPT_LIMIT:
        return options_count(o, 1, INT32_MAX, &q->asked.ask.limit);
    case OPT_FORMAT:
        return options_format(o, &q->asked.format);
    case OPT_DATA:
        q->dir = o->value;
        return true;
    case OPT_CONFIG:
        q->config = o->value;
        return true;
    default:
        options_unexpected(o);
        return false;
    }
}

static bool check_ladder(const struct options *o, const struct question *q)
{
    struct report_ask ask = q->asked.ask;
    if (!q->asked.ladder) return true;
    if (q->by) {
        options_complain(o, "--ladder says what to group by: leave --by out");
        return false;
    }
    if (report_ask_ladder(&ask, str_from(q->asked.ladder))) return true;
    options_complain(o, "--ladder and --where are at most %d filters together", REPORT_WHERE_MAX);
    return false;
}

int cmd_report(int argc, char **argv)
{
    int64_t now_us = time_now_us();
    struct question q = {.asked = {.format = OUTPUT_TABLE}};
    struct report_ask *ask = &q.asked.ask;
    *ask = (struct report_ask){.since_us = now_us - 7 * US_PER_DAY, .until_us = INT64_MAX, .limit = 100};
    ask->by[ask->by_count++] = S("feature");
    ask->by[ask->by_count++] = S("model");
    struct options o;
    options_init(&o, &report_command, argc, argv);
    for (int got; (got = options_next(&o)) != OPT_END;) {
        if (got == OPT_STOP) return o.exit_code;
        if (!read_option(&o, got, now_us, &q)) return EXIT_USAGE;
    }
    if (!check_ladder(&o, &q)) return EXIT_USAGE;
    if (ask->since_us >= ask->until_us) {
        options_complain(&o, "--since must be before --until");
        return EXIT_USAGE;
    }
    struct data_folder folder = {0};
    if (q.dir && !q.config)
        folder.dir = str_dup(str_from(q.dir)); /* settings, even wrong ones, do not matter then */
    else if (!data_folder_find(&o, q.config, q.dir, true, &folder))
        return EXIT_FAILED;
    bool ok = report_answer(&o, &q.asked, folder.dir);
    data_folder_free(&folder);
    return ok ? EXIT_OK : EXIT_FAILED;
}
