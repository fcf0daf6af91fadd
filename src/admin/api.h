/* The admin API: what a route's handler sees and writes.
 *
 * Routes stand in api.def, the resources that they answer with in api_fields.def. From the two tables come
 * dispatch, who may ask, what parameters there are, JSON, CSV and the OpenAPI document. A handler reads its
 * `struct api_call` and writes an answer into it; how that reaches the asker is api_run.c's business.
 *
 * Times are microseconds since 1970 in UTC, money is pico-dollars. */
#ifndef ADMIN_API_H
#define ADMIN_API_H

#include "admin/visitor.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "flow/snapshot.h"

#include <stdatomic.h>
#include <uv.h>

struct admin;
struct http_exchange;

enum { API_PATH_ARGS_MAX = 2, API_LIMIT_MAX = 1000, API_LIMIT_STANDARD = 100 };

/* Where a handler runs. */
enum api_where {
    API_HERE,   /* on the admin thread: reads memory, never waits */
    API_ASK,    /* on a thread of the pool, for a question that may be long; few at a time */
    API_STEER,  /* on a thread of the pool: a change, never behind long questions; it may wait for others of its kind */
    API_SWITCH, /* on a thread of the pool: a change that waits for none that may take long */
    API_STAY    /* on the admin thread, and events follow for as long as the client stays (live.c) */
};

enum api_type { API_TEXT, API_INT, API_USD, API_NUMBER, API_BOOL, API_TIME, API_ID, API_JSON };

struct api_field {
    str name;
    enum api_type type;
    bool required; /* of a body: it must be there; of an answer: it is never null */
    str meaning;
};

/* What rows or objects of one kind have. */
struct api_resource {
    str name, meaning;
    const struct api_field *fields;
    size_t field_count;
};

enum api_resource_id {
#define RESOURCE(name, meaning) API_RESOURCE_##name,
#define FIELD(name, type, required, meaning)
#include "admin/api_fields.def"
#undef RESOURCE
#undef FIELD
    API_RESOURCES
};

const struct api_resource *api_resource(enum api_resource_id id);

struct api_param {
    str name;
    enum api_type type;
    str meaning;
    int64_t most;      /* of a number; 0: nothing is said */
    const char *words; /* what it may be: "latest, dearest"; NULL: nothing is said */
};

struct api_call;
typedef void api_handler(struct api_call *c);

enum api_answers { API_LIST, API_ONE, API_MADE, API_NOTHING, API_FREE };

struct api_route {
    str method, path; /* "/api/v1/features/{name}" */
    enum role least;
    bool owners; /* a token of role owner may ask, too: the handler keeps to c->scope */
    enum api_where where;
    api_handler *handler;
    enum api_answers answers;
    enum api_resource_id gives;
    enum api_resource_id takes; /* the body; API_RESOURCES: none */
    str summary;
    str operation; /* its name to programs: that of the handler */
    const struct api_param *params;
    size_t param_count;
};

const struct api_route *api_route_at(size_t i); /* NULL behind the last */
/* NULL: it has none of that name. */
const struct api_param *api_find_param(const struct api_route *r, str name);
/* Does it take format=table? Its width is a parameter then. */
bool api_prints_tables(const struct api_route *r);

/* An owner's features: what it may see. */
struct api_scope {
    bool restricted; /* false: everything */
    const str *features;
    size_t count;
};

/* One question and its answer. Lifetime: its own, since the asker may go before the work is done. Thread: the
 * handler's until it returns, but for what is atomic. */
struct api_call {
    struct admin *admin;
    const struct api_route *route;
    struct arena arena;
    struct snapshot *snapshot; /* counted */
    const char *dir;           /* the data folder */
    struct visitor visitor;
    struct api_scope scope;
    str path_args[API_PATH_ARGS_MAX]; /* decoded */
    str query, body, if_match;
    int64_t now_us;

    /* the answer: 200 with `out` as JSON where nothing is said */
    int status;
    str content_type;
    struct buf out, headers; /* headers: raw lines */
    str etag;                /* with its quotes; empty: made of `out` */
    str warning;             /* a sentence beside the answer; empty: none */
    bool access_changed;     /* tokens: the admin thread reads them anew behind the call */

    /* between the threads */
    atomic_bool gone;    /* nobody waits for the answer any more: stop */
    atomic_int progress; /* in thousandths */

    /* api_run.c's own */
    uv_work_t work;
    struct http_exchange *x; /* NULL once the asker is gone */
    bool streams;            /* progress is told as server-sent events */
    int64_t said_us;         /* when it was sent something last */
    bool running;
    struct tail_wish *wish; /* of a call that stays: calls are told as they end; NULL: they are not */
    int told;
    struct list link;
};

/* ---- reading */

/* The decoded parameter; p == NULL where it is missing. */
str api_param(struct api_call *c, str name);
/* %41 as A; of a form `+` is a blank. */
str api_decode(struct arena *arena, str s, bool form);
/* They fail: false, after api_fail(). A missing parameter leaves `out` as it is. */
bool api_param_time(struct api_call *c, str name, int64_t *out) MUST_CHECK;
bool api_param_count(struct api_call *c, str name, int64_t most, int64_t *out) MUST_CHECK;
bool api_param_bool(struct api_call *c, str name, bool *out) MUST_CHECK;
/* One of the WORDS of its parameter. */
bool api_param_word(struct api_call *c, str name, str *out) MUST_CHECK;
/* `since` and `until`; the last seven days where nothing is said. */
bool api_range(struct api_call *c, int64_t *since_us, int64_t *until_us) MUST_CHECK;
/* `limit`. */
bool api_limit(struct api_call *c, int64_t *out) MUST_CHECK;
bool api_wants_csv(struct api_call *c);

struct api_filter {
    str column, equals;
};
/* `where=feature=support-bot,team=a`; a comma in a value is written `\,`. A column may end in `!`: name!=value. Several
 * on one column mean any of them. To an owner's are added those that keep to its own features: what it may not see it
 * does not find. */
bool api_filters(struct api_call *c, struct api_filter *out, size_t most, size_t *count) MUST_CHECK;
/* The same without what keeps owners to theirs: for who sees to that himself. */
bool api_filters_asked(struct api_call *c, struct api_filter *out, size_t most, size_t *count) MUST_CHECK;

/* Adds what keeps a report to those features. */
struct report_ask;
void api_scope_report(const struct api_scope *scope, struct report_ask *ask);

/* The body, an object that has the members of the route's `takes` and no others, each of its type.
 * Fails: false after api_fail(), which names the member. Owns: the caller calls json_free() in any case. */
bool api_body(struct api_call *c, struct json *doc) MUST_CHECK;
/* Members of that body; what is missing leaves `out` as it is. Texts: as admin_is_plain() has them. */
str api_member(struct api_call *c, const struct json *doc, str name);
bool api_member_i64(const struct json *doc, str name, int64_t *out);

/* What the visitor may see; api.c calls it in front of every handler. */
void api_find_scope(struct api_call *c);
bool api_in_scope(const struct api_scope *s, str feature);
/* Would an owner see this feature? Everybody else would. */
bool api_sees(const struct api_call *c, str feature);
/* A time to come, as it stands or from now on ("90d"). Fails: false, with nothing said. */
bool api_read_until(const struct api_call *c, str s, int64_t *out) MUST_CHECK;
/* For the audit. */
str api_who(struct api_call *c);
/* The same, with the name of the person who asks by it; empty: none is said. */
str api_who_for(struct api_call *c, str person);
str api_origin(struct api_call *c);

/* ---- answering */

/* A problem (RFC 9457). `code`: a word for programs, "bad_parameter". What `out` held is dropped. */
void api_fail(struct api_call *c, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
static inline bool api_failed(const struct api_call *c)
{
    return c->status >= 400;
}
void api_header(struct api_call *c, const char *name, str value);
/* A server-sent event to a call that stays. Thread: the admin thread's. */
void api_send_event(struct api_call *c, const char *name, str data);
/* Of a call that stays: is whoever asked still who they were? A token ends, or its owner's features change. */
bool api_may_stay(struct api_call *c);
/* Ends its answer, and drops it. */
void api_end(struct api_call *c);
/* For a callback of long work: tells how far it is, and whether to go on. `ctx`: the call. */
bool api_progress(void *ctx, double done);
/* The same for one of several pieces of such work: from this share of the whole to that one. */
struct api_part {
    struct api_call *c;
    double from, to;
};
bool api_part_progress(void *part, double done);
/* Of CSV: where the next page is (RFC 8288). */
void api_link_next(struct api_call *c, str next);

/* ---- rows: put each field of the resource, in its order */

struct api_rows {
    struct api_call *c;
    const struct api_resource *of;
    size_t field, count;
    bool csv, one, open;

    /* a page of them */
    int64_t from, most, seen; /* most == 0: all */
    size_t row_at;            /* where the row began; it goes again where it is of another page */
    bool skips, more;
};

void api_rows_begin(struct api_rows *r, struct api_call *c, enum api_resource_id of);
/* Behind api_rows_begin(): of all rows, which the handler writes, those of the page that `limit` and `cursor` say; all
 * where neither is said. api_rows_end() tells the next page then. For lists that are not long. */
bool api_rows_page(struct api_rows *r) MUST_CHECK;
/* The same of a list that is written by hand: its rows from `from` on, `most` of them (0: all). */
bool api_page(struct api_call *c, int64_t *from, int64_t *most) MUST_CHECK;
void api_row(struct api_rows *r); /* the next row begins; the last one has all its fields */
/* `next`: the cursor of the page behind this one; p == NULL: this is the last. */
void api_rows_end(struct api_rows *r, str next);
/* More members beside "rows", after api_rows_end_open(): write them into c->out with a comma in front, then a brace. */
void api_rows_end_open(struct api_rows *r, str next);
/* One of these members as an object with a row's fields. */
void api_member_begin(struct api_rows *inner, const struct api_rows *r);
void api_member_end(struct api_rows *inner);
/* One object in place of a list. */
void api_one_begin(struct api_rows *r, struct api_call *c, enum api_resource_id of);
void api_one_end(struct api_rows *r);

/* Rows in a field of an object (JSON alone): api_row() and its fields for each go to `inner`. */
void api_nest_begin(struct api_rows *inner, struct api_rows *r, const char *name, enum api_resource_id of);
void api_nest_end(struct api_rows *inner);

void api_put_str(struct api_rows *r, const char *name, str value); /* p == NULL: null */
void api_put_int(struct api_rows *r, const char *name, int64_t value);
void api_put_big(struct api_rows *r, const char *name, __int128 value);
void api_put_number(struct api_rows *r, const char *name, double value); /* NaN: null */
void api_put_bool(struct api_rows *r, const char *name, bool value);
void api_put_time(struct api_rows *r, const char *name, int64_t at_us); /* 0: null */
void api_put_id(struct api_rows *r, const char *name, uint64_t id);     /* 0: null */
void api_put_json(struct api_rows *r, const char *name, str json);      /* as it is */
void api_put_null(struct api_rows *r, const char *name);

/* A whole number as JSON has it. */
void api_add_big(struct buf *out, __int128 value);
/* A time as JSON has it; INT64_MIN: null. */
void api_add_time(struct buf *out, int64_t at_us);

/* ---- life; thread: the admin thread's */

void api_init(struct admin *a);
/* Takes the exchange where its path is the API's. */
bool api_serve(struct admin *a, struct http_exchange *x);
/* Runs the handler where its route says, and answers. The call is gone then, or goes later. */
void api_run(struct api_call *c);
/* Sends what was written, and drops the call. */
void api_answer(struct api_call *c);
/* The asker is gone. */
void api_gone(struct api_call *c);
/* Ends what runs: nobody waits any more. */
void api_stop(struct admin *a);

/* The handlers. */
#define ROUTE(method, path, least, owners, where, handler, answers, gives, takes, summary)                             \
    void serve_##handler(struct api_call *c);
#define PARAM(name, type, meaning)
#define COUNT(name, most, meaning)
#define WORDS(name, words, meaning)
#include "admin/api.def"
#undef ROUTE
#undef PARAM
#undef COUNT
#undef WORDS
#undef LISTING
#undef RANGE
#undef CHANGE
#undef PAGE

/* The OpenAPI 3.1 document of all routes. */
void openapi_write(struct buf *out);

#endif
