/* /api/v1/report: the same questions as `purser report`. */
#include "ledger/report.h"
#include "admin/api.h"
#include "admin/inside.h"

enum { GROUPS_MAX = 100000, WIDTH_MAX = 100000 };

/* A command can read the store by itself: what would take much of the server's memory it does. */
static bool can_read_itself(const struct api_call *c)
{
    return c->streams && c->visitor.by_socket;
}

/* Fails: false after api_fail(). */
static bool read_question(struct api_call *c, struct report_ask *ask, int64_t *from)
{
    struct api_filter filters[REPORT_WHERE_MAX];
    str by = api_param(c, S("by")), ladder = api_param(c, S("ladder"));
    ask->limit = API_LIMIT_STANDARD;
    if (!api_range(c, &ask->since_us, &ask->until_us)) return false;
    if (!api_param_count(c, S("limit"), GROUPS_MAX, &ask->limit) || !api_param_count(c, S("cursor"), GROUPS_MAX, from))
        return false;
    ask->limit += *from;
    if (ask->limit > GROUPS_MAX) ask->limit = GROUPS_MAX;
    if (!api_filters_asked(c, filters, REPORT_WHERE_MAX, &ask->where_count)) return false;
    api_scope_report(&c->scope, ask);
    for (size_t i = 0; i < ask->where_count; i++) {
        ask->where[i].column = filters[i].column;
        ask->where[i].equals = filters[i].equals;
    }
    while (by.n && ask->by_count < REPORT_BY_MAX) ask->by[ask->by_count++] = str_trim(str_cut(&by, ','));
    const char *wrong = by.n                                          ? "by: too many names"
                        : ladder.n && ask->by_count                   ? "ladder: says what to group by, leave by out"
                        : ladder.n && !report_ask_ladder(ask, ladder) ? "where: too many filters beside ladder"
                                                                      : NULL;
    if (wrong) api_fail(c, 400, "bad_parameter", "%s", wrong);
    return !wrong;
}

/* Fails: false after api_fail(). */
static bool read_paper(struct api_call *c, struct report_paper *paper)
{
    int64_t width = 0;
    if (!api_param_count(c, S("width"), WIDTH_MAX, &width) || !api_param_bool(c, S("colour"), &paper->colour))
        return false;
    paper->width = (size_t)width;
    return true;
}

void serve_report_get(struct api_call *c)
{
    struct report_ask ask = {0};
    struct report_paper paper = {0};
    struct buf why;
    int64_t from = 0;
    if (!read_question(c, &ask, &from) || !read_paper(c, &paper)) return;
    if (can_read_itself(c)) ask.groups_max = GROUPS_MAX;
    buf_init(&why, 0);
    if (!ledger_flush(c->admin->purser->ledger)) /* what has ended is in the answer, unless the store refuses it */
        c->warning = S("the server's ledger refuses rows now (is its disk full?): the latest are missing");
    struct report *report = report_run(c->dir, &ask, api_progress, c, &why);
    if (report) report_turn(report, (size_t)from);
    if (!report && str_eq(buf_str(&why), report_too_many())) {
        api_fail(c, 422, "too_many_groups", "%" STR_FMT, STR_ARG(buf_str(&why)));
    } else if (!report) {
        api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(buf_str(&why)));
    } else if (str_eq(api_param(c, S("format")), S("table"))) {
        c->content_type = S("text/plain; charset=utf-8");
        report_table(report, &paper, &c->out);
    } else if (api_wants_csv(c)) {
        c->content_type = S("text/csv; charset=utf-8");
        report_csv(report, &c->out);
        if (report_next(report)) api_link_next(c, arena_printf(&c->arena, "%zu", report_next(report)));
    } else {
        report_json(report, &c->out);
    }
    report_drop(report);
    buf_free(&why);
}
