/* purser budgets set, purser budgets remove: budgets made at run time. */
#include "base/buf.h"
#include "cli/setting.h"

struct budget_wish {
    struct setting_wish w;
    const char *usd, *tokens, *requests, *window, *scope, *timezone, *wait, *on_exceed, *thresholds;
    bool clamp;
};

/* A number stands as it is: what is none is refused by whoever reads it, with its reason. */
static void add_number(struct buf *body, const char *name, const char *value)
{
    uint64_t n;
    str s = str_from(value);
    if (!value) return;
    if (str_to_u64(s, &n) && (s.n == 1 || s.p[0] != '0'))
        buf_printf(body, "%s\"%s\":%" STR_FMT, body->n ? "," : "{", name, STR_ARG(s));
    else
        control_add_member(body, name, s);
}

/* "key=alice,user=*". */
static bool add_scope(const struct options *o, const char *scope, struct buf *body)
{
    if (!scope) return true;
    struct buf inner;
    buf_init(&inner, 0);
    for (str rest = str_from(scope); rest.n;) {
        str value = str_cut(&rest, ',');
        str name = str_trim(str_cut(&value, '='));
        if (!value.p || !name.n) {
            options_complain(o,
                             "--scope takes key=alice, or several such pairs separated by commas: team=support,user=*");
            buf_free(&inner);
            return false;
        }
        buf_add(&inner, inner.n ? S(",") : S("{"));
        buf_add_json(&inner, name);
        buf_add_byte(&inner, ':');
        buf_add_json(&inner, str_trim(value));
    }
    buf_printf(body, "%s\"scope\":%" STR_FMT "}", body->n ? "," : "{", STR_ARG(inner.n ? buf_str(&inner) : S("{")));
    buf_free(&inner);
    return true;
}

/* "80,100". */
static void add_thresholds(const char *thresholds, struct buf *body)
{
    if (!thresholds) return;
    buf_printf(body, "%s\"thresholds\":[", body->n ? "," : "{");
    bool any = false;
    for (str rest = str_from(thresholds); rest.n; any = true) {
        if (any) buf_add_byte(body, ',');
        buf_add_json(body, str_trim(str_cut(&rest, ',')));
    }
    buf_add_byte(body, ']');
}

static bool write_body(const struct options *o, const struct budget_wish *b, struct buf *body)
{
    control_add_member(body, "limit_usd", str_from(b->usd));
    add_number(body, "limit_tokens", b->tokens);
    add_number(body, "limit_requests", b->requests);
    control_add_member(body, "window", str_from(b->window ? b->window : "month"));
    if (!add_scope(o, b->scope, body)) return false;
    control_add_member(body, "timezone", str_from(b->timezone));
    control_add_member(body, "wait", str_from(b->wait));
    if (b->clamp) buf_add(body, S(",\"clamp\":true"));
    control_add_member(body, "on_exceed", str_from(b->on_exceed));
    add_thresholds(b->thresholds, body);
    buf_add_byte(body, '}');
    return true;
}

int budgets_set(int argc, char **argv)
{
    enum { USD, TOKENS, REQUESTS, WINDOW, SCOPE, TIMEZONE, WAIT, CLAMP, ON_EXCEED, THRESHOLDS, WHY, DATA, CONFIG };
    static const struct option table[] = {
        {"limit-usd", "DOLLARS", "the limit; one of the three"},
        {"limit-tokens", "N", "in and out"},
        {"limit-requests", "N", "calls"},
        {"window", "WINDOW", "minute, hour, day, week, month, total, or one that rolls: 24h (month)"},
        {"scope", "PAIRS", "what it counts: key=alice; team=support,user=* (every call)"},
        {"timezone", "NAME", "whose midnight and Monday: Europe/Berlin (UTC)"},
        {"wait", "TIME", "how long a call may wait for what others only hold (5s)"},
        {"clamp", NULL, "lower the output limit that a client set itself"},
        {"on-exceed", "WHAT", "block, degrade, downgrade:MODEL or alert (block)"},
        {"thresholds", "PERCENT", "where events are raised (50,80,100)"},
        OPTION_WHY,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "budgets set",
        .usage = "[options] NAME",
        .summary = "Set a budget, or change one that was set so: it is hard at once, knows what was spent in its\n"
                   "window already, and stays over a restart. One that stands in the settings file is changed there.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser budgets set tight --limit-usd 5 --window day --scope key=alice",
    };
    struct budget_wish b = {0};
    struct options o;
    struct buf body;
    const struct option_to to[] = {[USD] = {.text = &b.usd},
                                   [TOKENS] = {.text = &b.tokens},
                                   [REQUESTS] = {.text = &b.requests},
                                   [WINDOW] = {.text = &b.window},
                                   [SCOPE] = {.text = &b.scope},
                                   [TIMEZONE] = {.text = &b.timezone},
                                   [WAIT] = {.text = &b.wait},
                                   [CLAMP] = {.flag = &b.clamp},
                                   [ON_EXCEED] = {.text = &b.on_exceed},
                                   [THRESHOLDS] = {.text = &b.thresholds},
                                   [WHY] = {.text = &b.w.why},
                                   [DATA] = {.text = &b.w.dir},
                                   [CONFIG] = {.text = &b.w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &b.w.name)) return o.exit_code;
    buf_init(&body, 0);
    int code = write_body(&o, &b, &body) ? setting_change(&o, &b.w, "budget", buf_str(&body)) : EXIT_USAGE;
    buf_free(&body);
    return code;
}

int budgets_remove(int argc, char **argv)
{
    enum { WHY, DATA, CONFIG };
    static const struct option table[] = {OPTION_WHY, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "budgets remove",
        .usage = "[options] NAME",
        .summary = "Remove a budget that was set at run time. One that stands in the settings file is taken out there.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser budgets remove tight",
    };
    struct setting_wish w = {0};
    struct options o;
    const struct option_to to[] = {[WHY] = {.text = &w.why}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &w.name)) return o.exit_code;
    return setting_change(&o, &w, "budget", STR_NONE);
}
