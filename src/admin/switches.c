/* AI off and on, over the socket and the port alike; what is off; events. */
#include "admin/inside.h"

#include "base/json.h"
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

/* {"off":[{feature, since, until, who, why}]}; feature "": all of them; until "": until it is switched on. */
static void answer_state(struct admin *a, struct http_exchange *x, bool known)
{
    struct switches *s = switching_current(a->purser);
    struct buf out;
    int64_t now_us = time_now_us();
    bool any = false;
    buf_init(&out, 0);
    buf_printf(&out, "{\"known\":%s,\"off\":[", known ? "true" : "false");
    for (size_t i = 0; i < switches_count(s); i++) {
        const struct ai_switch *one = switches_at(s, i);
        if (one->until_us && one->until_us <= now_us) continue;
        buf_add(&out, any ? S(",{") : S("{"));
        add_switch(&out, one);
        buf_add_byte(&out, '}');
        any = true;
    }
    buf_add(&out, S("]}\n"));
    admin_json(x, 200, &out);
    buf_free(&out);
    switches_put(s);
}

void admin_serve_switches(struct admin *a, struct http_exchange *x)
{
    answer_state(a, x, true);
}

/* ---- a change */

struct asked {
    str ai, feature, length, why, who;
    bool now;
};

/* A sentence where a member is unknown, or not what it should be; else NULL. */
static const char *read_asked(const struct json *doc, struct arena *arena, struct asked *out)
{
    const struct {
        str name;
        str *to;
    } texts[] = {{S("ai"), &out->ai},
                 {S("feature"), &out->feature},
                 {S("for"), &out->length},
                 {S("why"), &out->why},
                 {S("who"), &out->who}};
    for (json_ref key = json_first(doc, JSON_ROOT); key != JSON_ABSENT; key = json_next(doc, JSON_ROOT, key)) {
        json_ref value = json_next(doc, JSON_ROOT, key);
        bool known = json_string_is(doc, key, S("now"));
        if (known && json_type(doc, value) != JSON_TRUE && json_type(doc, value) != JSON_FALSE)
            return "'now' is true or false.";
        if (known) out->now = json_is_true(doc, value);
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
            if (!json_string_is(doc, key, texts[i].name)) continue;
            known = true;
            if (!json_string(doc, value, arena, texts[i].to) || !admin_is_plain(*texts[i].to))
                return "'ai', 'feature', 'for', 'why' and 'who' are texts of at most 500 bytes without control "
                       "characters.";
        }
        if (!known) return "A switch takes 'ai', 'feature', 'for', 'now', 'why' and 'who'.";
        key = value;
    }
    return NULL;
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

static bool is_known(const struct admin *a, str feature)
{
    const struct settings *s = a->snapshot->settings;
    return !feature.n || !s->feature_count || settings_feature(s, feature);
}

/* {"ai":"off"|"on", "feature", "for":"2h", "now":true, "why", "who"}. Answers what is off then; "known" is
 * false where settings with features do not have this one: a typo, perhaps. */
void admin_serve_switch(struct admin *a, struct http_exchange *x)
{
    struct json doc;
    struct asked asked = {0};
    struct ledger_switching change = {0};
    struct buf why;
    struct json_fail fail;
    buf_init(&why, 0);
    json_init(&doc);
    bool object = json_parse(&doc, x->request.body, &fail) && json_type(&doc, JSON_ROOT) == JSON_OBJECT;
    const char *wrong = object ? read_asked(&doc, &x->arena, &asked) : "The body must be a JSON object.";
    if (!wrong) wrong = make_change(&asked, time_now_us(), &change);
    if (wrong) {
        admin_error(x, 400, wrong);
    } else {
        change.who = admin_who(a, x, asked.who);
        change.origin = admin_origin(a, x);
        enum err e = switching_change(a->purser, &change, &why);
        buf_add_byte(&why, '\0');
        if (e)
            admin_error(x, err_info(e)->status, why.p);
        else
            answer_state(a, x, is_known(a, change.feature));
    }
    json_free(&doc);
    buf_free(&why);
}

/* ---- events */

struct listing {
    struct buf out;
    bool any;
};

static void add_event(void *ctx, const struct ledger_event *e)
{
    struct listing *l = ctx;
    char text[40];
    buf_add(&l->out, l->any ? S(",{") : S("{"));
    l->any = true;
    add_text(&l->out, "at", time_format(e->at_us, text));
    add_text(&l->out, "kind", e->kind);
    add_text(&l->out, "object", e->object);
    add_text(&l->out, "window", e->window_us ? time_format(e->window_us, text) : S(""));
    add_text(&l->out, "text", e->text);
    buf_printf(&l->out, "\"level\":%lld}", (long long)e->level);
}

/* since=7d  limit=100: the newest first. */
void admin_serve_events(struct admin *a, struct http_exchange *x)
{
    struct listing l = {0};
    struct buf why;
    int64_t since_us = 0;
    uint64_t count = 100;
    str since = admin_query(x, "since"), limit = admin_query(x, "limit");
    buf_init(&l.out, 0);
    buf_init(&why, 0);
    char *dir = str_dup(a->snapshot->settings->data);
    buf_add(&l.out, S("{\"rows\":["));
    if (since.n && !admin_read_time(since, time_now_us(), &since_us)) {
        admin_error(x, 400, "since: a duration such as 7d, or a date");
    } else if (limit.n && (!str_to_u64(limit, &count) || count == 0 || count > EVENTS_KEPT)) {
        admin_error(x, 400, "limit: a number from 1 to 100000");
    } else if (!ledger_events_each(dir, since_us, (int64_t)count, add_event, &l, &why)) {
        buf_add_byte(&why, '\0');
        admin_error(x, 500, why.p);
    } else {
        buf_add(&l.out, S("]}\n"));
        admin_json(x, 200, &l.out);
    }
    free(dir);
    buf_free(&l.out);
    buf_free(&why);
}
