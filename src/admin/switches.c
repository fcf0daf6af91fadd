/* AI off and on, over the socket and the port alike; what is off; events. */
#include "admin/api.h"
#include "admin/inside.h"

#include "base/time.h"
#include "flow/switching.h"
#include "ledger/events.h"

#include <stdlib.h>

/* ---- what is off */

static void add_text(struct buf *out, const char *name, str value)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, value);
    buf_add_byte(out, ',');
}

static void add_switch(struct buf *out, const struct ai_switch *s)
{
    char text[40];
    add_text(out, "feature", s->feature);
    add_text(out, "since", time_format(s->since_us, text));
    add_text(out, "until", s->until_us ? time_format(s->until_us, text) : S(""));
    add_text(out, "who", s->who);
    add_text(out, "why", s->why);
    out->n--; /* the last comma */
}

static bool is_shown(struct api_call *c, const struct ai_switch *s)
{
    str feature = api_param(c, S("feature"));
    if (s->until_us && s->until_us <= c->now_us) return false;
    return (!feature.p || str_eq(s->feature, feature)) && (!s->feature.n || api_sees(c, s->feature));
}

/* {"off":[{feature, since, until, who, why}]}; feature "": all of them; until "": until it is switched on. Of all the rows
 * from `from` on, `most` of them (0: all). */
static void answer_state(struct api_call *c, bool known, int64_t from, int64_t most)
{
    struct switches *s = switching_current(c->admin->purser);
    struct buf *out = &c->out;
    int64_t seen = 0;
    bool more = false;
    buf_printf(out, "{\"known\":%s,\"off\":[", known ? "true" : "false");
    for (size_t i = 0; i < switches_count(s); i++) {
        const struct ai_switch *one = switches_at(s, i);
        if (!is_shown(c, one) || seen++ < from) continue;
        more = most && seen - from > most;
        if (more) break;
        buf_add(out, seen - from > 1 ? S(",{") : S("{"));
        add_switch(out, one);
        buf_add_byte(out, '}');
    }
    if (more)
        buf_printf(out, "],\"next\":\"%lld\"}\n", (long long)from + (long long)most);
    else
        buf_add(out, S("],\"next\":null}\n"));
    switches_put(s);
}

static void answer_csv(struct api_call *c)
{
    struct api_rows r;
    api_rows_begin(&r, c, API_RESOURCE_switch_off);
    if (!api_rows_page(&r)) return;
    struct switches *s = switching_current(c->admin->purser);
    for (size_t i = 0; i < switches_count(s); i++) {
        const struct ai_switch *one = switches_at(s, i);
        if (!is_shown(c, one)) continue;
        api_row(&r);
        api_put_str(&r, "feature", one->feature);
        api_put_time(&r, "since", one->since_us);
        api_put_time(&r, "until", one->until_us);
        api_put_str(&r, "who", one->who);
        api_put_str(&r, "why", one->why);
    }
    api_rows_end(&r, STR_NONE);
    switches_put(s);
}

void serve_switches_get(struct api_call *c)
{
    int64_t from = 0, most = 0;
    if (api_wants_csv(c))
        answer_csv(c);
    else if (api_page(c, &from, &most))
        answer_state(c, true, from, most);
}

/* ---- a change */

struct asked {
    str ai, feature, length, why, who;
    bool now;
};

static bool read_asked(struct api_call *c, struct asked *out)
{
    struct json doc;
    bool ok = api_body(c, &doc);
    if (ok) {
        out->ai = api_member(c, &doc, S("ai"));
        out->feature = api_member(c, &doc, S("feature"));
        out->length = api_member(c, &doc, S("for"));
        out->why = api_member(c, &doc, S("why"));
        out->who = api_member(c, &doc, S("who"));
        out->now = json_is_true(&doc, json_find(&doc, JSON_ROOT, S("now"), NULL));
    }
    json_free(&doc);
    return ok;
}

static const char *make_change(const struct asked *asked, int64_t now_us, struct ledger_switching *out)
{
    int64_t for_us = 0;
    out->off = str_eq(asked->ai, S("off"));
    if (!out->off && !str_eq(asked->ai, S("on"))) return "Which way? Send 'ai' as \"off\" or \"on\".";
    if (out->off && !str_trim(asked->why).n)
        return "Why? Send 'why': it is what clients are told, and what the audit keeps.";
    if (!out->off && (asked->length.n || asked->now)) return "'for' and 'now' go with \"off\" alone.";
    if (asked->length.n && (!time_parse_duration(asked->length, &for_us) || for_us <= 0))
        return "'for' is how long, such as \"2h\" or \"30m\".";
    out->until_us = !for_us ? 0 : for_us > INT64_MAX - now_us ? INT64_MAX : now_us + for_us;
    out->ends_running = asked->now;
    out->feature = asked->feature;
    out->why = str_trim(asked->why);
    out->at_us = now_us;
    return NULL;
}

static bool is_known(const struct api_call *c, str feature)
{
    const struct settings *s = c->snapshot->settings;
    return !feature.n || !s->feature_count || settings_feature(s, feature);
}

/* Answers what is off then; "known" is false where settings with features do not have this one: a typo, perhaps. */
void serve_switches_post(struct api_call *c)
{
    struct asked asked = {0};
    struct ledger_switching change = {0};
    struct buf why;
    if (!read_asked(c, &asked)) return;
    const char *wrong = make_change(&asked, c->now_us, &change);
    if (wrong) {
        api_fail(c, 400, "bad_member", "%s", wrong);
        return;
    }
    if (!api_sees(c, change.feature)) {
        api_fail(c, 403, "forbidden", "You may switch your own features only.");
        return;
    }
    buf_init(&why, 0);
    change.who = api_who_for(c, asked.who);
    change.origin = api_origin(c);
    enum err e = switching_change(c->admin->purser, &change, &why);
    if (e)
        api_fail(c, err_info(e)->status, "refused", "%" STR_FMT, STR_ARG(buf_str(&why)));
    else
        answer_state(c, is_known(c, change.feature), 0, 0);
    buf_free(&why);
}

/* ---- events */

static void add_event(void *ctx, const struct ledger_event *e)
{
    struct api_rows *r = ctx;
    api_row(r);
    api_put_time(r, "at", e->at_us);
    api_put_str(r, "kind", e->kind);
    api_put_str(r, "object", e->object);
    api_put_time(r, "window", e->window_us);
    api_put_str(r, "text", e->text);
    api_put_int(r, "level", e->level);
}

/* The newest first. */
void serve_events_get(struct api_call *c)
{
    struct api_rows r;
    struct buf why;
    int64_t since_us = 0, limit = API_LIMIT_STANDARD;
    if (!api_param_time(c, S("since"), &since_us) || !api_param_count(c, S("limit"), EVENTS_KEPT, &limit)) return;
    buf_init(&why, 0);
    api_rows_begin(&r, c, API_RESOURCE_event);
    if (ledger_events_each(c->dir, since_us, limit, add_event, &r, &why))
        api_rows_end(&r, STR_NONE);
    else
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
}
