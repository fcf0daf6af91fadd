#include "cli/report.h"

#include "base/json.h"
#include "base/time.h"
#include "base/utf8.h"

#include <unistd.h>

enum { API_GROUPS_MAX = 100000, FLUSH_US = 2 * US_PER_SECOND };

/* ---- progress */

struct progress {
    bool wanted; /* a terminal looks on */
    int64_t from_us;
    int shown; /* percent; -1: nothing yet */
};

static bool show_progress(void *ctx, double done)
{
    struct progress *p = ctx;
    int percent = (int)(done * 100);
    if (!p->wanted || percent == p->shown || time_mono_us() - p->from_us < 300 * US_PER_MS) return true;
    p->shown = percent;
    fprintf(stderr, "\rreading rows: %d%%", percent);
    fflush(stderr);
    return true;
}

static void clear_progress(struct progress *p)
{
    if (p->shown >= 0) fputs("\r\033[K", stderr);
    p->shown = -1;
}

static bool print(const struct options *o, str text)
{
    bool ok = fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
    if (!ok) options_complain(o, "the report cannot be written");
    return ok;
}

/* ---- of the server */

/* What its events have told. */
struct heard {
    const struct options *o;
    enum output_format format;
    struct progress *progress;
    struct buf text;  /* the report */
    struct buf wrong; /* what it refuses the question for */
    bool whole;
    bool too_large; /* for the server: the command reads the store itself */
};

/* The text `name` of the object. Returns whether there is one. */
static bool add_text(str data, const char *name, struct buf *out)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    str text;
    json_init(&doc);
    arena_init(&arena);
    bool ok = json_parse(&doc, data, &fail);
    json_ref at = ok ? json_find(&doc, JSON_ROOT, str_from(name), NULL) : JSON_ABSENT;
    ok = at != JSON_ABSENT && json_type(&doc, at) == JSON_STRING && json_string(&doc, at, &arena, &text) &&
         buf_add(out, text);
    json_free(&doc);
    arena_free(&arena);
    return ok;
}

static void hear_progress(struct heard *h, str data)
{
    struct json doc;
    struct json_fail fail;
    double done = 0;
    json_init(&doc);
    if (json_parse(&doc, data, &fail) && json_double(&doc, json_find(&doc, JSON_ROOT, S("done"), NULL), &done) &&
        done >= 0 && done <= 1)
        (void)show_progress(h->progress, done);
    json_free(&doc);
}

static void hear_warning(struct heard *h, str data)
{
    struct buf text, shown;
    buf_init(&text, 0);
    buf_init(&shown, 0);
    if (add_text(data, "detail", &text)) {
        buf_add_shown(&shown, buf_str(&text));
        clear_progress(h->progress);
        options_complain(h->o, "warning: %" STR_FMT, STR_ARG(buf_str(&shown)));
    }
    buf_free(&text);
    buf_free(&shown);
}

static void hear_problem(struct heard *h, str data)
{
    struct buf code, detail;
    buf_init(&code, 0);
    buf_init(&detail, 0);
    h->too_large = add_text(data, "code", &code) && str_eq(buf_str(&code), S("too_many_groups"));
    if (!h->too_large) buf_add_shown(&h->wrong, add_text(data, "detail", &detail) ? buf_str(&detail) : data);
    buf_free(&code);
    buf_free(&detail);
}

static bool on_event(void *ctx, str name, str data)
{
    struct heard *h = ctx;
    if (str_eq(name, S("answer"))) {
        bool json = h->format == OUTPUT_JSON;
        h->whole = json ? buf_add(&h->text, data) && buf_add_byte(&h->text, '\n') : add_text(data, "text", &h->text);
        return false;
    }
    if (str_eq(name, S("problem"))) {
        hear_problem(h, data);
        return false;
    }
    if (str_eq(name, S("progress"))) hear_progress(h, data);
    if (str_eq(name, S("warning"))) hear_warning(h, data);
    return true;
}

/* A comma in a filter's value does not end it. */
static void add_filter(struct buf *where, str column, str value)
{
    buf_printf(where, "%s%" STR_FMT "=", where->n ? "," : "", STR_ARG(column));
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == ',' || value.p[i] == '\\') buf_add_byte(where, '\\');
        buf_add_byte(where, value.p[i]);
    }
}

static void add_number(struct buf *path, const char *name, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);
    control_add_param(path, name, str_of(text, (size_t)n));
}

/* Returns whether the moment can be said to the API. */
static bool add_time(struct buf *path, const char *name, int64_t at_us)
{
    char text[40];
    int64_t back_us;
    str s = time_format(at_us, text);
    control_add_param(path, name, s);
    return time_parse(s, &back_us) && back_us == at_us;
}

static void add_names(struct buf *path, const struct report_ask *ask)
{
    struct buf by, where;
    buf_init(&by, 0);
    buf_init(&where, 0);
    for (size_t i = 0; i < ask->by_count; i++) buf_printf(&by, "%s%" STR_FMT, i ? "," : "", STR_ARG(ask->by[i]));
    for (size_t i = 0; i < ask->where_count; i++) add_filter(&where, ask->where[i].column, ask->where[i].equals);
    if (by.n) control_add_param(path, "by", buf_str(&by));
    if (where.n) control_add_param(path, "where", buf_str(&where));
    buf_free(&by);
    buf_free(&where);
}

static void add_format(struct buf *path, enum output_format format)
{
    static const char *const names[] = {[OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json", [OUTPUT_CSV] = "csv"};
    size_t width = terminal_width(stdout);
    control_add_param(path, "format", str_from(names[format]));
    if (format != OUTPUT_TABLE) return;
    if (width) add_number(path, "width", (int64_t)width);
    if (colour_wanted(stdout)) control_add_param(path, "colour", S("true"));
}

/* Names that are no UTF-8 cannot be said to the API. */
static bool can_be_said(const struct report_question *q)
{
    bool ok = !q->ladder || utf8_valid(str_from(q->ladder));
    for (size_t i = 0; i < q->ask.where_count; i++) ok = ok && utf8_valid(q->ask.where[i].equals);
    return ok;
}

/* Returns whether the API can be asked that. */
static bool write_path(const struct report_question *q, struct buf *path)
{
    struct report_ask ask = q->ask;
    if (q->ladder) ask.by_count = 0;
    buf_add(path, S("/api/v1/report"));
    add_names(path, &ask);
    if (q->ladder) control_add_param(path, "ladder", str_from(q->ladder));
    bool ok = add_time(path, "since", ask.since_us);
    if (ask.until_us != INT64_MAX) ok = add_time(path, "until", ask.until_us) && ok;
    add_number(path, "limit", ask.limit);
    add_format(path, q->format);
    buf_add_byte(path, '\0');
    return ok && ask.limit <= API_GROUPS_MAX && can_be_said(q);
}

enum heard_of { HEARD, HEARD_NOTHING, HEARD_REFUSAL };

/* What is heard is in `h`. HEARD_NOTHING: the store must be read; a server that runs and does not answer as it should has
 * been complained of. */
static enum heard_of ask_server(struct heard *h, const char *dir, const char *path)
{
    struct control_call call = {.dir = dir, .method = "GET", .path = path, .on_event = on_event, .ctx = h};
    struct buf answer, why;
    buf_init(&answer, 0);
    buf_init(&why, 0);
    enum control_result got = control_get(&call, &answer, &why);
    clear_progress(h->progress);
    if (got == CONTROL_ANSWERED && !h->whole && !h->wrong.n && !h->too_large) {
        buf_add(&why, S("the server's answer is not what it should be"));
        got = CONTROL_FAILED;
    }
    if (got == CONTROL_FAILED)
        options_complain(h->o, "warning: %" STR_FMT "; this is what is stored", STR_ARG(buf_str(&why)));
    if (h->wrong.n) options_complain(h->o, "%" STR_FMT, STR_ARG(buf_str(&h->wrong)));
    buf_free(&answer);
    buf_free(&why);
    return h->wrong.n ? HEARD_REFUSAL : h->whole && got == CONTROL_ANSWERED ? HEARD : HEARD_NOTHING;
}

/* ---- of the store */

/* A running server stores what has ended, so that it is in the report. */
static void flush_server(const struct options *o, const char *dir)
{
    struct control_call call = {.dir = dir, .method = "POST", .path = "/control/flush", .timeout_us = FLUSH_US};
    struct buf answer, why;
    int status = 0;
    buf_init(&answer, 0);
    buf_init(&why, 0);
    if (control_run(&call, &status, &answer, &why) == CONTROL_ANSWERED && status == 503)
        options_complain(o,
                         "warning: the server's ledger refuses rows now (is its disk full?): the latest are missing");
    buf_free(&answer);
    buf_free(&why);
}

static bool read_store(const struct options *o, const struct report_question *q, const char *dir,
                       struct progress *progress)
{
    struct report_ask ask = q->ask;
    struct buf why, out;
    buf_init(&why, 0);
    buf_init(&out, 0);
    struct report *r = NULL;
    if (!q->ladder || report_ask_ladder(&ask, str_from(q->ladder)))
        r = report_run(dir, &ask, progress->wanted ? show_progress : NULL, progress, &why);
    clear_progress(progress);
    if (r) report_turn(r, 0);
    if (!r)
        options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    else if (q->format == OUTPUT_JSON)
        report_json(r, &out);
    else if (q->format == OUTPUT_CSV)
        report_csv(r, &out);
    else
        report_table(r, &(struct report_paper){colour_wanted(stdout), terminal_width(stdout)}, &out);
    bool ok = r && print(o, buf_str(&out));
    report_drop(r);
    buf_free(&why);
    buf_free(&out);
    return ok;
}

bool report_answer(const struct options *o, const struct report_question *q, const char *dir)
{
    struct progress progress = {.wanted = isatty(STDERR_FILENO), .from_us = time_mono_us(), .shown = -1};
    struct heard h = {.o = o, .format = q->format, .progress = &progress};
    struct buf path;
    enum heard_of got = HEARD_NOTHING;
    buf_init(&h.text, 0);
    buf_init(&h.wrong, 0);
    buf_init(&path, 0);
    if (write_path(q, &path))
        got = ask_server(&h, dir, path.p);
    else
        flush_server(o, dir);
    bool ok = got == HEARD ? print(o, buf_str(&h.text)) : got == HEARD_NOTHING && read_store(o, q, dir, &progress);
    buf_free(&h.text);
    buf_free(&h.wrong);
    buf_free(&path);
    return ok;
}
