#include "cli/change.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/table.h"

#include <string.h>

bool change_in_store(const struct options *o, const struct data_folder *f, change_fn *fn, void *ctx, const char *reason)
{
    struct ledger_options options = {.dir = f->dir, .workers = 1, .sync_us = 10 * US_PER_MS};
    struct buf why, who;
    buf_init(&why, 0);
    buf_init(&who, 0);
    str user = control_user();
    buf_printf(&who, "local user %" STR_FMT, STR_ARG(user));
    struct audit_entry entry = {.at_us = time_now_us(),
                                .who = buf_str(&who),
                                .why = str_from(reason),
                                .origin = S("command line")};
    struct ledger *l = ledger_open(&options, &why); /* it says who holds the folder */
    if (why.n) options_complain(o, "%" STR_FMT, STR_ARG(str_trim(buf_str(&why))));
    buf_clear(&why);
    bool ok = l && fn(l, ctx, &entry, &why) == ERR_NONE;
    if (!ok && why.n) options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    buf_free(&who);
    if (l) ledger_close(l);
    return ok;
}

static bool read_secret(const struct options *o, str answer, char secret[CHANGE_SECRET_BYTES])
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    str got = STR_NONE;
    json_init(&doc);
    arena_init(&arena);
    bool ok = json_parse(&doc, answer, &fail) &&
              json_string(&doc, json_find(&doc, JSON_ROOT, S("secret"), NULL), &arena, &got) &&
              str_copy(secret, CHANGE_SECRET_BYTES, got);
    if (!ok) options_complain(o, "the server's answer is not what it should be");
    json_free(&doc);
    arena_free(&arena);
    return ok;
}

bool change_run(const struct options *o, const struct data_folder *f, const struct change *c)
{
    struct control_call call = {.dir = f->dir, .method = c->method, .path = c->path, .body = c->body};
    struct buf answer;
    buf_init(&answer, 0);
    enum control_result got = control_ask(o, &call, &answer);
    bool ok = got == CONTROL_ANSWERED    ? !c->secret || read_secret(o, buf_str(&answer), c->secret)
              : got == CONTROL_NO_SERVER ? change_in_store(o, f, c->in_store, c->ctx, c->why)
                                         : false;
    if (answer.p) explicit_bzero(answer.p, answer.n);
    buf_free(&answer);
    return ok;
}

bool change_print_secret(const char *what, const char *name, const char *role, const char *secret,
                         enum output_format format)
{
    static const struct table_column with_role[] = {{.title = "name", .key = "name"},
                                                    {.title = "role", .key = "role"},
                                                    {.title = "secret", .key = "secret"}};
    static const struct table_column without[] = {{.title = "name", .key = "name"},
                                                  {.title = "secret", .key = "secret"}};
    if (format == OUTPUT_TABLE) {
        fprintf(stderr, "The %s '%s'%s%s, shown this once (only its hash is stored):\n", what, name,
                role ? " of role " : "", role ? role : "");
        return printf("%s\n", secret) > 0 && fflush(stdout) == 0;
    }
    struct table t;
    table_init(&t, role ? with_role : without, role ? COUNT_OF(with_role) : COUNT_OF(without));
    table_add(&t, str_from(name));
    if (role) table_add(&t, str_from(role));
    table_add(&t, str_from(secret));
    table_print_rows(&t, format, stdout);
    explicit_bzero(t.text.p, t.text.n);
    table_free(&t);
    return fflush(stdout) == 0;
}
