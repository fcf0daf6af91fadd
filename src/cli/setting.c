#include "cli/setting.h"

#include "base/json.h"
#include "flow/runtime.h"
#include "ledger/ledger.h"
#include "provider/endpoint.h"

void setting_path(const char *kind, str name, struct buf *out)
{
    buf_printf(out, "/api/v1/%ss/", kind);
    control_add_name(out, name);
    if (strcmp(kind, "feature") == 0) buf_add(out, S("/settings"));
}

/* ---- by the running server */

static void add_warnings(const struct options *o, str answer)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    str text;
    json_init(&doc);
    arena_init(&arena);
    json_ref all = json_parse(&doc, answer, &fail) ? json_find(&doc, JSON_ROOT, S("warnings"), NULL) : JSON_ABSENT;
    for (json_ref at = all ? json_first(&doc, all) : JSON_ABSENT; at != JSON_ABSENT; at = json_next(&doc, all, at)) {
        if (json_string(&doc, at, &arena, &text)) options_complain(o, "warning: %" STR_FMT, STR_ARG(text));
    }
    json_free(&doc);
    arena_free(&arena);
}

static enum control_result ask_server(const struct options *o, const struct data_folder *f,
                                      const struct setting_wish *w, const char *kind, str body)
{
    struct buf path, answer;
    buf_init(&path, 0);
    buf_init(&answer, 0);
    setting_path(kind, str_from(w->name), &path);
    buf_add(&path, S("?who="));
    buf_add_percent(&path, control_user());
    buf_add(&path, S("&why="));
    if (w->why) buf_add_percent(&path, str_from(w->why));
    buf_add_byte(&path, '\0');
    struct control_call call = {.dir = f->dir,
                                .method = body.n ? "PUT" : "DELETE",
                                .path = path.p,
                                .body = body,
                                .timeout_us = 60 * US_PER_SECOND};
    enum control_result got = control_ask(o, &call, &answer);
    if (got == CONTROL_ANSWERED && body.n) add_warnings(o, buf_str(&answer));
    buf_free(&path);
    buf_free(&answer);
    return got;
}

/* ---- in the store */

struct store_change {
    const struct options *o;
    const struct data_folder *f;
    struct runtime_change wanted;
};

static enum err put_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    const struct store_change *s = ctx;
    struct runtime_change wanted = s->wanted;
    struct runtime_said said;
    wanted.who = entry->who;
    wanted.why = entry->why;
    wanted.origin = entry->origin;
    enum runtime_changed r = runtime_change_in_store(l, s->f->settings, &wanted, &said);
    for (str rest = buf_str(&said.warnings); rest.n;)
        options_complain(s->o, "warning: %" STR_FMT, STR_ARG(str_cut(&rest, '\n')));
    if (r == RUNTIME_INVALID)
        buf_printf(why, "the %" STR_FMT " '%" STR_FMT "' does not hold: ", STR_ARG(wanted.kind), STR_ARG(wanted.name));
    if (r != RUNTIME_DONE)
        buf_add(why, buf_str(&said.why));
    else
        options_complain(s->o, "no server runs in %s: it holds from the next start on", s->f->dir);
    buf_free(&said.why);
    buf_free(&said.warnings);
    return r == RUNTIME_DONE ? ERR_NONE : ERR_BAD_REQUEST;
}

static bool set_in_store(const struct options *o, const struct data_folder *f, const struct setting_wish *w,
                         const char *kind, str body)
{
    if (!f->settings) {
        options_complain(o,
                         "no server runs in %s, and without the settings file (--config FILE) nothing can be checked",
                         f->dir);
        return false;
    }
    struct store_change change = {.o = o,
                                  .f = f,
                                  .wanted = {.kind = str_from(kind), .name = str_from(w->name), .body = body}};
    return change_in_store(o, f, put_in_store, &change, w->why);
}

/* ---- */

int setting_change(const struct options *o, const struct setting_wish *w, const char *kind, str body)
{
    struct data_folder f;
    if (!w->name || !*w->name) {
        options_complain(o, "which %s? ('purser settings' shows them)", kind);
        return EXIT_USAGE;
    }
    if (!data_folder_find(o, w->config, w->dir, false, &f)) return EXIT_FAILED;
    enum control_result got = ask_server(o, &f, w, kind, body);
    bool ok = got == CONTROL_ANSWERED || (got == CONTROL_NO_SERVER && set_in_store(o, &f, w, kind, body));
    if (ok) printf("The %s '%s' is %s.\n", kind, w->name, body.n ? "set" : "removed");
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}
