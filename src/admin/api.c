/* Dispatch: which route an exchange asks for, and whether the asker may. What follows is api_run.c. */
#include "admin/api.h"

#include "admin/inside.h"
#include "base/time.h"
#include "base/utf8.h"
#include "flow/purser.h"
#include "net/http_origin.h"

#include <stdlib.h>

/* ---- the table */

/* All parameters in one array, an empty name in front of each route's. */
static const struct api_param params[] = {
#define ROUTE(method, path, least, owners, where, handler, answers, gives, takes, summary) {.name = {NULL, 0}},
#define PARAM(param, type, text)                                                           {STR_INIT(param), API_##type, STR_INIT(text)},
#define WORDS(param, list, text)                                                           {STR_INIT(param), API_TEXT, STR_INIT(text), 0, list},
#define COUNT(param, most, text)                                                           {STR_INIT(param), API_INT, STR_INIT(text), most},
#include "admin/api.def"
#undef ROUTE
#undef PARAM
#undef COUNT
#undef WORDS
#undef LISTING
#undef RANGE
#undef CHANGE
#undef PAGE
};

#define API_RESOURCE_NONE API_RESOURCES
static struct api_route routes[] = {
#define ROUTE(method, path, least, owners, where, handler, answers, gives, takes, summary)                             \
    {STR_INIT(#method),    STR_INIT(path),    ROLE_##least,      owners,                                               \
     API_##where,          serve_##handler,   API_##answers,     API_RESOURCE_##gives,                                 \
     API_RESOURCE_##takes, STR_INIT(summary), STR_INIT(#handler)},
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
};

static void find_params(void)
{
    size_t r = 0;
    for (size_t i = 0; i < COUNT_OF(params); i++) {
        if (!params[i].name.p) {
            routes[r++].params = &params[i + 1];
            continue;
        }
        routes[r - 1].param_count++;
    }
}

const struct api_route *api_route_at(size_t i)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_params);
    return i < COUNT_OF(routes) ? &routes[i] : NULL;
}

/* ---- finding the route */

static bool matches(const struct api_route *r, str path, str args[API_PATH_ARGS_MAX])
{
    str pattern = r->path;
    size_t count = 0;
    while (pattern.p && path.p) {
        str want = str_cut(&pattern, '/'), got = str_cut(&path, '/');
        bool any = str_starts(want, S("{"));
        if (any && got.n && count < API_PATH_ARGS_MAX)
            args[count++] = got;
        else if (!str_eq(want, got))
            return false;
    }
    return !pattern.p && !path.p;
}

/* NULL: none; `methods` then has what the path takes, empty where there is no such path. A path that a route has word for
 * word is no name to another; one that has braces in it names something that is called so. */
static const struct api_route *find(str method, str path, str args[API_PATH_ARGS_MAX], struct buf *methods)
{
    bool literal = false, braces = str_find(path, S("{"), 0) != SIZE_MAX;
    for (size_t i = 0; api_route_at(i) && !literal && !braces; i++) literal = str_eq(api_route_at(i)->path, path);
    for (size_t i = 0; api_route_at(i); i++) {
        const struct api_route *r = api_route_at(i);
        if (literal ? !str_eq(r->path, path) : !matches(r, path, args)) continue;
        if (str_eq(r->method, method)) return r;
        buf_printf(methods, "%s%" STR_FMT, methods->n ? ", " : "", STR_ARG(r->method));
    }
    return NULL;
}

/* ---- who may */

void api_find_scope(struct api_call *c)
{
    if (c->visitor.role != ROLE_OWNER) return;
    const struct settings *s = c->snapshot->settings;
    str *names = arena_alloc(&c->arena, (s->feature_count + 1) * sizeof(*names));
    for (size_t i = 0; i < s->feature_count; i++) {
        if (s->features[i].owner.n && str_eq_nocase(s->features[i].owner, c->visitor.owner))
            names[c->scope.count++] = s->features[i].name;
    }
    c->scope.features = names;
    c->scope.restricted = true;
}

bool api_in_scope(const struct api_scope *s, str feature)
{
    if (!s->restricted) return true;
    for (size_t i = 0; i < s->count; i++) {
        if (str_eq(s->features[i], feature)) return true;
    }
    return false;
}

bool api_sees(const struct api_call *c, str feature)
{
    return api_in_scope(&c->scope, feature);
}

/* Fails: false after api_fail(). */
static bool check_visitor(struct api_call *c)
{
    const struct api_route *r = c->route;
    if (r->least == ROLE_NONE) return true;
    const char *why = "";
    c->visitor = visitor_of(c->admin, c->x, &why);
    if (c->visitor.wait_us) {
        api_header(c, "retry-after", arena_printf(&c->arena, "%lld", visitor_wait_seconds(c->visitor.wait_us)));
        api_fail(c, 429, "too_many", "%s", why);
        return false;
    }
    if (c->visitor.role == ROLE_NONE) {
        api_header(c, "www-authenticate", S("Bearer realm=\"purser\""));
        api_fail(c, 401, "unauthorized", "%s", why);
        return false;
    }
    c->visitor.name = arena_str(&c->arena, c->visitor.name);
    c->visitor.owner = arena_str(&c->arena, c->visitor.owner);
    c->visitor.origin = arena_str(&c->arena, c->visitor.origin);
    if (!str_eq(r->method, S("GET")) && !visitor_proves(c->admin, c->x)) {
        api_fail(c, 403, "no_proof",
                 "A browser's session must bring the header x-purser-csrf with every change: GET /api/v1/session "
                 "tells its value.");
        return false;
    }
    if (c->visitor.role < r->least && !(c->visitor.role == ROLE_OWNER && r->owners)) {
        api_fail(c, 403, "forbidden", "This takes the role %s; yours is %s.", role_name(r->least),
                 role_name(c->visitor.role));
        return false;
    }
    api_find_scope(c);
    return true;
}

bool api_may_stay(struct api_call *c)
{
    struct visitor now = visitor_still(c->admin, c->x);
    bool same = now.role == c->visitor.role && str_eq(now.owner, c->visitor.owner);
    if (!same || !c->scope.restricted) return same;
    struct snapshot *shown = purser_shown(c->admin->purser); /* what an owner may see stands in the settings */
    same = shown->settings == c->snapshot->settings;
    snapshot_put(shown);
    return same;
}

const struct api_param *api_find_param(const struct api_route *r, str name)
{
    for (size_t i = 0; i < r->param_count; i++) {
        if (str_eq(r->params[i].name, name)) return &r->params[i];
    }
    return NULL;
}

bool api_prints_tables(const struct api_route *r)
{
    return api_find_param(r, S("width"));
}

/* What is no UTF-8 is in no answer, and must not get into the audit. Fails: false after api_fail(). */
static bool is_text(struct api_call *c, const struct api_param *p, str value)
{
    if (p->type != API_TEXT || utf8_valid(api_decode(&c->arena, value, true))) return true;
    api_fail(c, 400, "bad_parameter", "%" STR_FMT ": it is no UTF-8.", STR_ARG(p->name));
    return false;
}

/* A misspelt parameter would be a wrong answer that looks right, and so would one of two. */
static bool check_query(struct api_call *c)
{
    uint64_t seen = 0;
    for (str rest = c->query; rest.p && rest.n;) {
        str value = str_cut(&rest, '&');
        str name = str_cut(&value, '=');
        const struct api_param *param = api_find_param(c->route, name);
        size_t at = param ? (size_t)(param - c->route->params) : 64;
        if (!name.n) continue;
        if (at < 64 && seen >> at & 1) {
            api_fail(c, 400, "bad_parameter", "%" STR_FMT ": it stands there twice%s.", STR_ARG(name),
                     str_eq(name, S("where")) ? ", and takes several filters, separated by commas" : "");
            return false;
        }
        if (at < 64) seen |= UINT64_C(1) << at;
        if (param && is_text(c, param, value)) continue;
        if (param) return false;
        struct buf known;
        buf_init(&known, 0);
        for (size_t i = 0; i < c->route->param_count; i++)
            buf_printf(&known, "%s%" STR_FMT, i ? ", " : "", STR_ARG(c->route->params[i].name));
        api_fail(c, 400, "unknown_parameter", "There is no parameter '%" STR_FMT "' here. There %s %" STR_FMT ".",
                 STR_ARG(str_head(name, 64)), known.n ? "are:" : "are", STR_ARG(known.n ? buf_str(&known) : S("none")));
        buf_free(&known);
        return false;
    }
    bool table = api_prints_tables(c->route);
    str format = api_param(c, S("format"));
    if (!format.n || str_eq(format, S("json")) || str_eq(format, S("csv")) || (table && str_eq(format, S("table"))))
        return true;
    api_fail(c, 400, "bad_parameter", table ? "format: json, csv or table" : "format: json or csv");
    return false;
}

static bool check(struct api_call *c, bool known, str methods)
{
    struct http_exchange *x = c->x;
    str foreign = x->server == c->admin->socket ? STR_NONE : http_foreign(&x->request);
    if (foreign.n) {
        api_fail(c, 403, "foreign", "%s", foreign.p);
        return false;
    }
    if (!known && methods.n) {
        api_header(c, "allow", methods);
        api_fail(c, 405, "bad_method", "This path takes %" STR_FMT ".", STR_ARG(methods));
        return false;
    }
    if (!known) {
        api_fail(c, 404, "not_found", "There is nothing at this path: /api/v1/openapi.json tells what there is.");
        return false;
    }
    return check_visitor(c) && check_query(c);
}

/* What goes through a browser cannot end in `.` or `..`, which mean folders: names that are these are written with `~` in
 * front, and those that look so with one more. */
static str path_name(str s)
{
    size_t waves = 0;
    while (waves < s.n && s.p[waves] == '~') waves++;
    str rest = str_from_at(s, waves);
    return waves && (str_eq(rest, S(".")) || str_eq(rest, S(".."))) ? str_from_at(s, 1) : s;
}

bool api_serve(struct admin *a, struct http_exchange *x)
{
    static const struct api_route nowhere = {.method = STR_INIT("GET"), .where = API_HERE, .answers = API_FREE};
    const struct http_request *q = &x->request;
    if (!str_starts(q->path, S("/api/"))) return false;
    struct api_call *c = mem_zalloc(sizeof(*c));
    struct buf methods;
    str args[API_PATH_ARGS_MAX] = {{NULL, 0}};
    buf_init(&methods, 0);
    arena_init(&c->arena);
    const struct api_route *r = find(q->method, q->path, args, &methods);
    c->route = r ? r : &nowhere;
    c->admin = a;
    c->x = x;
    c->snapshot = snapshot_get(a->snapshot);
    c->dir = arena_str(&c->arena, a->snapshot->settings->data).p;
    c->now_us = time_now_us();
    c->query = arena_str(&c->arena, q->query);
    c->body = arena_str(&c->arena, q->body);
    c->if_match = arena_str(&c->arena, http_header_find(q, S("if-match")));
    for (size_t i = 0; i < API_PATH_ARGS_MAX; i++) c->path_args[i] = path_name(api_decode(&c->arena, args[i], false));
    if (check(c, r != NULL, buf_str(&methods))) {
        c->streams = c->route->where == API_ASK &&
                     str_find(http_header_find(q, S("accept")), S("text/event-stream"), 0) != SIZE_MAX;
        api_run(c);
    } else {
        api_answer(c);
    }
    buf_free(&methods);
    return true;
}
