#include "admin/told.h"

#include "admin/inside.h"
#include "ledger/id.h"

bool told_read_ask(struct api_call *c, struct told_ask *out, struct calls_cursor *cursor)
{
    int64_t limit;
    str call = api_param(c, S("call")), at = api_param(c, S("cursor"));
    *out = (struct told_ask){.scoped = c->scope.restricted,
                             .features = c->scope.features,
                             .feature_count = c->scope.count,
                             .task = api_param(c, S("task")),
                             .feature = api_param(c, S("feature"))};
    if (!api_range(c, &out->since_us, &out->until_us) || !api_limit(c, &limit)) return false;
    out->limit = (size_t)limit;
    if (call.n && !id_parse(call, &out->call_id)) {
        api_fail(c, 400, "bad_parameter", "call: an id of 16 hexadecimal digits, as in the header x-purser-request-id");
        return false;
    }
    if (at.n && !calls_cursor_parse(at, cursor)) {
        api_fail(c, 400, "bad_parameter", "cursor: take `next` of the page before as it is");
        return false;
    }
    if (at.n) out->after = cursor;
    return true;
}

void told_end(struct api_rows *r, bool ok, const struct calls_cursor *next, bool more, const struct buf *why)
{
    char text[CALLS_CURSOR_TEXT + 1];
    if (ok)
        api_rows_end(r, more ? calls_cursor_format(next, text) : STR_NONE);
    else
        api_fail(r->c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(why)));
}

/* A JSON number as whole parts of 10^-decimals, the rest rounded: what languages print of a sum has stray digits. */
static bool scale(str s, int decimals, int64_t *out)
{
    __int128 value = 0;
    int64_t exponent = 0;
    bool below = str_starts(s, S("-")), behind_point = false;
    size_t i = below;
    for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        if (s.p[i] == '.') {
            behind_point = true;
            continue;
        }
        bool room = value < INT64_MAX; /* digits beyond nineteen matter by their number alone */
        if (room) value = value * 10 + (s.p[i] - '0');
        exponent += (room ? 0 : 1) - (behind_point ? 1 : 0);
    }
    if (i < s.n) {
        int64_t given;
        str rest = str_from_at(s, i + 1);
        if (!str_to_i64(str_starts(rest, S("+")) ? str_from_at(rest, 1) : rest, &given) || given > 1000 ||
            given < -1000)
            given = str_starts(rest, S("-")) ? -1000 : 1000; /* nothing, or beyond any amount */
        exponent += given;
    }
    for (exponent += decimals; exponent > 0 && value != 0; exponent--) {
        if (value > INT64_MAX) return false;
        value *= 10;
    }
    for (; exponent < -1 && value != 0; exponent++) value /= 10;
    if (exponent < 0) value = (value + 5) / 10;
    if (value > INT64_MAX) return false;
    *out = below ? -(int64_t)value : (int64_t)value;
    return true;
}

bool told_read_decimal(const struct json *doc, str name, int decimals, int64_t *out, bool *given)
{
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    *given = at != JSON_ABSENT && json_type(doc, at) != JSON_NULL;
    return !*given || scale(json_raw(doc, at), decimals, out);
}

void told_fail(struct api_call *c, enum err e, const struct buf *why)
{
    bool theirs = e == ERR_BAD_REQUEST;
    api_fail(c, theirs ? 422 : 500, theirs ? "bad_member" : "internal", "%" STR_FMT, STR_ARG(buf_str(why)));
}

bool told_read_call(struct api_call *c, const struct json *doc, uint64_t *out)
{
    str call = api_member(c, doc, S("call"));
    *out = 0;
    if (!call.n || (id_parse(call, out) && *out)) return true;
    api_fail(c, 422, "bad_member", "call: an id of 16 hexadecimal digits, as in the header x-purser-request-id");
    return false;
}

static void add_outcome(void *rows, const struct outcome *o)
{
    api_row(rows);
    told_put_outcome(rows, o);
}

static void add_feedback(void *rows, const struct feedback *f)
{
    api_row(rows);
    told_put_feedback(rows, f);
}

/* A task may have calls of several owners' features: each sees what was told of theirs. */
static struct told_ask of_all_time(const struct api_call *c)
{
    return (struct told_ask){.since_us = INT64_MIN,
                             .until_us = INT64_MAX,
                             .limit = API_LIMIT_STANDARD,
                             .scoped = c->scope.restricted,
                             .features = c->scope.features,
                             .feature_count = c->scope.count};
}

bool told_put_outcomes(struct api_rows *r, str task, uint64_t call_id)
{
    struct told_ask ask = of_all_time(r->c);
    struct calls_cursor next;
    struct api_rows inner;
    struct buf why;
    bool more, ok = true;
    ask.task = task;
    ask.call_id = call_id;
    buf_init(&why, 0);
    api_nest_begin(&inner, r, "outcomes", API_RESOURCE_outcome);
    if (task.n || call_id) ok = outcomes_each(r->c->dir, &ask, add_outcome, &inner, &next, &more, &why);
    if (ok)
        api_nest_end(&inner);
    else
        api_fail(r->c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return ok;
}

bool told_put_call(struct api_rows *r, uint64_t call_id)
{
    struct told_ask ask = of_all_time(r->c);
    struct calls_cursor next;
    struct api_rows inner;
    struct buf why;
    bool more;
    ask.call_id = call_id;
    if (!told_put_outcomes(r, STR_NONE, call_id)) return false;
    buf_init(&why, 0);
    api_nest_begin(&inner, r, "feedback", API_RESOURCE_feedback);
    bool ok = feedback_each(r->c->dir, &ask, add_feedback, &inner, &next, &more, &why);
    if (ok)
        api_nest_end(&inner);
    else
        api_fail(r->c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return ok;
}
