/* What people thought of answers. */
#include "admin/told.h"

#include "admin/inside.h"

enum { COMMENT_BYTES_MAX = 4000 };
static const int64_t score_max = INT64_C(1000000) * 1000000; /* in millionths */

void told_put_feedback(struct api_rows *r, const struct feedback *f)
{
    api_put_id(r, "call", f->call_id);
    if (f->scored)
        api_put_number(r, "score", (double)f->score_ppm / 1e6);
    else
        api_put_null(r, "score");
    api_put_str(r, "label", f->label.n ? f->label : STR_NONE);
    api_put_str(r, "comment", f->comment.n ? f->comment : STR_NONE);
    api_put_time(r, "at", f->at_us);
    api_put_str(r, "feature", f->feature);
    api_put_str(r, "who", f->who);
}

static void add_row(void *rows, const struct feedback *f)
{
    api_row(rows);
    told_put_feedback(rows, f);
}

void serve_feedback_get(struct api_call *c)
{
    struct told_ask ask;
    struct calls_cursor cursor, next;
    struct api_rows r;
    struct buf why;
    bool more;
    if (!told_read_ask(c, &ask, &cursor)) return;
    ask.name = api_param(c, S("label"));
    buf_init(&why, 0);
    api_rows_begin(&r, c, API_RESOURCE_feedback);
    bool ok = feedback_each(c->dir, &ask, add_row, &r, &next, &more, &why);
    told_end(&r, ok, &next, more, &why);
    buf_free(&why);
}

/* Lines and tabs may be in it, other controls not. Fails: false. */
static bool read_comment(struct api_call *c, const struct json *doc, str *out)
{
    json_ref at = json_find(doc, JSON_ROOT, S("comment"), NULL);
    *out = STR_NONE;
    if (at == JSON_ABSENT || json_type(doc, at) == JSON_NULL) return true;
    if (json_type(doc, at) != JSON_STRING || !json_string(doc, at, &c->arena, out) || out->n > COMMENT_BYTES_MAX)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        unsigned char byte = (unsigned char)out->p[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) return false;
    }
    *out = arena_str(&c->arena, *out);
    return true;
}

/* Fails: false after api_fail(). */
static bool read_feedback(struct api_call *c, const struct json *doc, struct feedback *out)
{
    *out = (struct feedback){.at_us = c->now_us, .label = str_trim(api_member(c, doc, S("label"))), .who = api_who(c)};
    if (!told_read_call(c, doc, &out->call_id)) return false;
    if (!told_read_decimal(doc, S("score"), 6, &out->score_ppm, &out->scored) || out->score_ppm > score_max ||
        out->score_ppm < -score_max)
        api_fail(c, 422, "bad_member", "score: a number from -1000000 to 1000000");
    else if (!read_comment(c, doc, &out->comment))
        api_fail(c, 422, "bad_member", "comment: a text of at most %d bytes without control characters",
                 COMMENT_BYTES_MAX);
    else if (!out->scored && !out->label.n && !out->comment.n)
        api_fail(c, 422, "bad_member", "What was thought of it? Send score, label or comment.");
    return !api_failed(c);
}

struct finding {
    struct api_rows rows;
    const struct feedback *told;
};

static void add_same(void *ctx, const struct feedback *f)
{
    struct finding *find = ctx;
    const struct feedback *told = find->told;
    bool same = f->scored == told->scored && f->score_ppm == told->score_ppm && str_eq(f->label, told->label) &&
                str_eq(f->comment, told->comment) && str_eq(f->who, told->who);
    if (!same || find->rows.of) return;
    api_one_begin(&find->rows, find->rows.c, API_RESOURCE_feedback);
    told_put_feedback(&find->rows, f);
    api_one_end(&find->rows);
}

/* As it stands in the store then, with its feature. */
static void tell_stored(struct api_call *c, const struct feedback *f, struct buf *why)
{
    struct told_ask ask = {
        .since_us = INT64_MIN, .until_us = INT64_MAX, .call_id = f->call_id, .name = f->label, .limit = 10000};
    struct finding find = {.rows = {.c = c}, .told = f};
    struct calls_cursor next;
    bool more;
    if (!feedback_each(c->dir, &ask, add_same, &find, &next, &more, why) || !find.rows.of)
        api_fail(c, 500, "internal", "It is stored, but cannot be read back: %" STR_FMT, STR_ARG(buf_str(why)));
}

void serve_feedback_post(struct api_call *c)
{
    struct json doc;
    struct feedback f;
    struct buf why;
    buf_init(&why, 0);
    if (api_body(c, &doc) && read_feedback(c, &doc, &f)) {
        (void)ledger_flush(c->admin->purser->ledger); /* the call may have ended just now */
        enum err e = feedback_put(c->admin->purser->ledger, &f, 1, &why);
        if (e)
            told_fail(c, e, &why);
        else
            tell_stored(c, &f, &why);
    }
    json_free(&doc);
    buf_free(&why);
}
