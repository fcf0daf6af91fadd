/* /api/v1/report: the same questions as `purser report`, on libuv's threads, so that
 * a long one delays nothing else. */
#include "admin/inside.h"

#include "base/time.h"
#include "ledger/report.h"

#include <stdlib.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static str decode(struct arena *arena, str s)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n + 0 ? hex(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex(s.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    out[n] = '\0';
    return str_of(out, n);
}

str admin_query(struct http_exchange *x, const char *name)
{
    str rest = x->request.query;
    while (rest.p) {
        str value = str_cut(&rest, '&');
        str key = str_cut(&value, '=');
        if (str_eq(key, str_from(name))) return decode(&x->arena, value);
    }
    return STR_NONE;
}

struct question {
    uv_work_t work;
    struct admin *admin;
    struct http_exchange *x; /* NULL once the asker is gone */
    struct arena arena;
    struct report_ask ask;
    char *dir;
    struct buf answer, why;
    bool ok, csv;
};

static void run(uv_work_t *work)
{
    struct question *q = CONTAINER_OF(work, struct question, work);
    (void)ledger_flush(q->admin->purser->ledger); /* what has ended is in the answer, unless the store refuses it */
    struct report *report = report_run(q->dir, &q->ask, NULL, NULL, &q->why);
    q->ok = report != NULL;
    if (!report) return;
    if (q->csv)
        report_csv(report, &q->answer);
    else
        report_json(report, &q->answer);
    report_drop(report);
}

static void done(uv_work_t *work, int status)
{
    struct question *q = CONTAINER_OF(work, struct question, work);
    struct loop *l = &q->admin->loop;
    (void)status;
    if (q->x) {
        q->x->user = NULL;
        buf_add_byte(&q->why, '\0');
        if (!q->ok)
            admin_error(q->x, 400, q->why.p);
        else if (q->csv)
            http_respond(q->x, 200, S("content-type: text/csv; charset=utf-8\r\n"), buf_str(&q->answer));
        else
            admin_json(q->x, 200, &q->answer);
    }
    buf_free(&q->answer);
    buf_free(&q->why);
    arena_free(&q->arena);
    free(q->dir);
    free(q);
    loop_turn(l);
}

void admin_gone(struct http_exchange *x)
{
    struct question *q = x->user;
    if (q) q->x = NULL;
}

bool admin_read_time(str s, int64_t now_us, int64_t *out)
{
    int64_t ago_us;
    if (time_parse_duration(s, &ago_us)) {
        *out = now_us - ago_us;
        return true;
    }
    return time_parse(s, out);
}

/* by=feature,model or ladder=triage  since=7d  until=...  where=feature=support-bot,team=a  limit=100  format=json|csv */
static const char *read_question(struct http_exchange *x, struct question *q)
{
    int64_t now_us = time_now_us();
    str by = admin_query(x, "by"), where = admin_query(x, "where"), since = admin_query(x, "since"),
        until = admin_query(x, "until");
    str limit = admin_query(x, "limit");
    uint64_t count = 100;
    q->ask.since_us = now_us - 7 * US_PER_DAY;
    q->ask.until_us = INT64_MAX;
    by = arena_str(&q->arena, by);
    where = arena_str(&q->arena, where);
    if (since.n && !admin_read_time(since, now_us, &q->ask.since_us)) return "since: a duration such as 7d, or a date";
    if (until.n && !admin_read_time(until, now_us, &q->ask.until_us)) return "until: a duration such as 1d, or a date";
    if (limit.n && (!str_to_u64(limit, &count) || count == 0 || count > 100000))
        return "limit: a number from 1 to 100000";
    q->ask.limit = (int64_t)count;
    while (by.n) {
        if (q->ask.by_count == REPORT_BY_MAX) return "by: too many names";
        q->ask.by[q->ask.by_count++] = str_trim(str_cut(&by, ','));
    }
    while (where.n) {
        if (q->ask.where_count == REPORT_WHERE_MAX) return "where: too many filters";
        str value = str_cut(&where, ',');
        str column = str_cut(&value, '=');
        if (!value.p) return "where: name=value, separated by commas";
        q->ask.where[q->ask.where_count].column = str_trim(column);
        q->ask.where[q->ask.where_count++].equals = value;
    }
    str ladder = arena_str(&q->arena, admin_query(x, "ladder"));
    if (ladder.n && q->ask.by_count) return "ladder: says what to group by, leave by out";
    if (ladder.n && !report_ask_ladder(&q->ask, ladder)) return "where: too many filters beside ladder";
    q->csv = str_eq(admin_query(x, "format"), S("csv"));
    return NULL;
}

void admin_serve_report(struct admin *a, struct http_exchange *x)
{
    struct question *q = mem_zalloc(sizeof(*q));
    arena_init(&q->arena);
    q->admin = a;
    q->x = x;
    const char *wrong = read_question(x, q);
    if (wrong) {
        admin_error(x, 400, wrong);
        arena_free(&q->arena);
        free(q);
        return;
    }
    q->dir = str_dup(a->snapshot->settings->data);
    x->user = q;
    uv_queue_work(&a->loop.uv, &q->work, run, done);
}
