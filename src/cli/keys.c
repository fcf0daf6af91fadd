/* purser keys: who may call. Secrets are shown once and stored as hashes. */
#include "policy/keys.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/table.h"
#include "ledger/ledger.h"
#include "ledger/schema.h"
#include "ledger/sql.h"

#include <stdlib.h>
#include <unistd.h>

static const char admin_token[] = "(admin token)"; /* the name under which the server keeps its token */

static bool in_settings(const struct data_folder *f, str name)
{
    for (size_t i = 0; f->settings && i < f->settings->key_count; i++) {
        if (str_eq(f->settings->keys[i].name, name)) return true;
    }
    return false;
}

/* ---- changes: by the running server, else in the store */

/* Fails: NULL after complaining; it says who holds the folder. */
static struct ledger *open_store(const struct options *o, const struct data_folder *f)
{
    struct ledger_options options = {.dir = f->dir, .workers = 1, .sync_us = 10 * US_PER_MS};
    struct buf why;
    buf_init(&why, 0);
    struct ledger *l = ledger_open(&options, &why);
    if (why.n) options_complain(o, "%" STR_FMT, STR_ARG(str_trim(buf_str(&why))));
    buf_free(&why);
    return l;
}

struct change {
    const char *path;
    struct buf body;
    enum err (*in_store)(struct ledger *l, const struct ledger_key *key, struct buf *why);
    struct ledger_key key;
};

static bool change_in_store(const struct options *o, const struct data_folder *f, const struct change *c)
{
    struct ledger *l = open_store(o, f);
    if (!l) return false;
    struct buf why;
    buf_init(&why, 0);
    bool ok = c->in_store(l, &c->key, &why) == ERR_NONE;
    if (!ok) options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    ledger_close(l);
    return ok;
}

static bool change(const struct options *o, const struct data_folder *f, const struct change *c)
{
    struct control_call call = {.dir = f->dir, .method = "POST", .path = c->path, .body = buf_str(&c->body)};
    struct buf answer;
    buf_init(&answer, 0);
    enum control_result got = control_ask(o, &call, &answer);
    buf_free(&answer);
    return got == CONTROL_ANSWERED || (got == CONTROL_NO_SERVER && change_in_store(o, f, c));
}

/* ---- add */

struct adding {
    const char *name, *team, *models, *expires, *config, *dir;
    int64_t expires_us;
    enum output_format format;
};

/* As in the settings: a key or team whose name no scope could say is of no use. */
static bool check_name(const struct options *o, const char *what, str s)
{
    if (settings_is_name(s)) return true;
    options_complain(o, "'%" STR_FMT "' is no name of a %s: %s", STR_ARG(s), what, SETTINGS_NAME_RULE);
    return false;
}

static bool check_models(const struct options *o, str models)
{
    size_t n = 0;
    for (str rest = models; rest.p; n++) {
        str one = str_trim(str_cut(&rest, ','));
        if (!one.n) {
            options_complain(o, "--models takes names separated by commas, such as \"cheap,openai/*\"");
            return false;
        }
    }
    if (n <= KEY_MODELS_MAX) return true;
    options_complain(o, "--models takes at most %d names: use '*', such as \"openai/*\"", KEY_MODELS_MAX);
    return false;
}

static bool read_expiry(const struct options *o, struct adding *a, int64_t now_us)
{
    int64_t in_us;
    str s = str_from(a->expires);
    if (!s.p) return true;
    if (time_parse_duration(s, &in_us))
        a->expires_us = in_us > INT64_MAX - now_us ? INT64_MAX : now_us + in_us;
    else if (!time_parse(s, &a->expires_us)) {
        options_complain(o, "'%s' is no time: say how long it holds (90d), or until when (2027-01-01)", a->expires);
        return false;
    }
    if (a->expires_us > now_us) return true;
    options_complain(o, "--expires %s is over already", a->expires);
    return false;
}

static bool check_adding(const struct options *o, struct adding *a, int64_t now_us)
{
    if (!a->name || !*a->name) {
        options_complain(o, "which name? (purser keys add alice --team support)");
        return false;
    }
    if (strcmp(a->name, admin_token) == 0) {
        options_complain(o, "'%s' is the server's own name for its admin token", admin_token);
        return false;
    }
    return check_name(o, "key", str_from(a->name)) && (!a->team || check_name(o, "team", str_from(a->team))) &&
           (!a->models || check_models(o, str_from(a->models))) && read_expiry(o, a, now_us);
}

static bool print_secret(const char *name, const char *secret, enum output_format format)
{
    static const struct table_column columns[] = {{.title = "name", .key = "name"},
                                                  {.title = "secret", .key = "secret"}};
    if (format == OUTPUT_TABLE) {
        fprintf(stderr, "The key '%s', shown this once (only its hash is stored):\n", name);
        return printf("%s\n", secret) > 0 && fflush(stdout) == 0;
    }
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    table_add(&t, str_from(name));
    table_add(&t, str_from(secret));
    table_print_rows(&t, format, stdout);
    explicit_bzero(t.text.p, t.text.n);
    table_free(&t);
    return fflush(stdout) == 0;
}

static int add(const struct options *o, const struct adding *a, const struct data_folder *f, int64_t now_us)
{
    char secret[64];
    struct change c = {.path = "/control/keys", .in_store = ledger_key_add};
    c.key = (struct ledger_key){.name = str_from(a->name),
                                .team = str_from(a->team),
                                .models = str_from(a->models),
                                .created_us = now_us,
                                .expires_us = a->expires_us};
    key_make_secret(secret);
    key_hash(str_from(secret), c.key.hash);
    buf_init(&c.body, 0);
    control_add_member(&c.body, "name", c.key.name);
    control_add_member(&c.body, "team", c.key.team);
    control_add_member(&c.body, "models", c.key.models);
    buf_printf(&c.body, ",\"expires_us\":%lld,\"hash\":\"", (long long)c.key.expires_us);
    for (size_t i = 0; i < sizeof(c.key.hash); i++) buf_printf(&c.body, "%02x", c.key.hash[i]);
    buf_add(&c.body, S("\"}"));
    bool ok = change(o, f, &c);
    if (ok) ok = print_secret(a->name, secret, a->format);
    explicit_bzero(secret, sizeof(secret));
    buf_free(&c.body);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int keys_add(int argc, char **argv)
{
    enum { TEAM, MODELS, EXPIRES, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"team", "TEAM", "whose it is, for budgets and reports"},
        {"models", "NAMES", "what it may use: \"cheap,openai/*\" (all)"},
        {"expires", "TIME", "how long it holds (90d), or until when (never)"},
        OPTION_FORMAT,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "keys add",
        .usage = "[options] NAME",
        .summary = "Make a key and print its secret, this once: alone on standard output, so that\n"
                   "KEY=$(purser keys add ci) works. A running server takes it at once.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser keys add alice --team support --models \"cheap,openai/*\" --expires 90d",
    };
    struct adding a = {0};
    struct options o;
    const struct option_to to[] = {
        [TEAM] = {.text = &a.team},       [MODELS] = {.text = &a.models}, [EXPIRES] = {.text = &a.expires},
        [FORMAT] = {.format = &a.format}, [DATA] = {.text = &a.dir},      [CONFIG] = {.text = &a.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &a.name)) return o.exit_code;
    int64_t now_us = time_now_us();
    struct data_folder f;
    if (!check_adding(&o, &a, now_us)) return EXIT_USAGE;
    if (!data_folder_find(&o, a.config, a.dir, false, &f)) return EXIT_FAILED;
    int code = EXIT_FAILED;
    if (in_settings(&f, str_from(a.name)))
        options_complain(&o, "a key named '%s' stands in %" STR_FMT ": choose another name", a.name,
                         STR_ARG(f.settings->file));
    else
        code = add(&o, &a, &f, now_us);
    data_folder_free(&f);
    return code;
}

/* ---- revoke */

static enum err revoke_in_store(struct ledger *l, const struct ledger_key *key, struct buf *why)
{
    return ledger_key_revoke(l, key->name, time_now_us(), why);
}

static int revoke_key(const struct options *o, const struct data_folder *f, str name)
{
    struct change c = {.path = "/control/keys/revoke", .in_store = revoke_in_store, .key = {.name = name}};
    buf_init(&c.body, 0);
    control_add_member(&c.body, "name", name);
    buf_add_byte(&c.body, '}');
    bool ok = change(o, f, &c);
    if (ok) fprintf(stderr, "The key '%" STR_FMT "' is revoked.\n", STR_ARG(name));
    buf_free(&c.body);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int keys_revoke(int argc, char **argv)
{
    enum { DATA, CONFIG };
    static const struct option table[] = {OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "keys revoke",
        .usage = "[options] NAME",
        .summary = "End a key that 'purser keys add' made: at once, and for good. Its name stays taken,\n"
                   "since the ledger speaks of it. A key that stands in the settings is taken out there.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser keys revoke alice",
    };
    const char *name = NULL, *dir = NULL, *config = NULL;
    struct options o;
    const struct option_to to[] = {[DATA] = {.text = &dir}, [CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &name)) return o.exit_code;
    if (!name || !*name) {
        options_complain(&o, "which key? ('purser keys list' shows them)");
        return EXIT_USAGE;
    }
    struct data_folder f;
    if (!data_folder_find(&o, config, dir, false, &f)) return EXIT_FAILED;
    int code = EXIT_FAILED;
    if (in_settings(&f, str_from(name)))
        options_complain(&o, "the key '%s' stands in %" STR_FMT ": take it out there, then reload (SIGHUP)", name,
                         STR_ARG(f.settings->file));
    else
        code = revoke_key(&o, &f, str_from(name));
    data_folder_free(&f);
    return code;
}

/* ---- list */

static const struct table_column list_columns[] = {
    {"name", "name", false, false},     {"team", "team", false, false},           {"models", "models", false, false},
    {"state", "state", false, false},   {"created", "created", false, false, 20}, {"expires", "expires", false, false},
    {"from", "from", false, false, 10},
};

struct listed {
    str name, team, models, from;
    int64_t created_us, expires_us, revoked_us;
};

static void add_listed(struct table *t, const struct listed *k, int64_t now_us)
{
    char text[40];
    bool expired = k->expires_us && k->expires_us <= now_us;
    table_add(t, k->name);
    table_add_both(t, k->team.n ? k->team : S("-"), k->team);
    table_add_both(t, k->models.n ? k->models : S("all"), k->models);
    table_add(t, k->revoked_us ? S("revoked") : expired ? S("expired") : S("active"));
    str date = k->created_us ? time_format_date(k->created_us, text) : S("-");
    char exact[40];
    table_add_both(t, date, k->created_us ? time_format(k->created_us, exact) : S(""));
    date = k->expires_us ? time_format_date(k->expires_us, text) : S("never");
    table_add_both(t, date, k->expires_us ? time_format(k->expires_us, exact) : S(""));
    table_add(t, k->from);
}

static void list_settings(struct table *t, const struct settings *s, int64_t now_us)
{
    for (size_t i = 0; s && i < s->key_count; i++) {
        const struct key *k = &s->keys[i];
        struct buf models;
        buf_init(&models, 0);
        for (size_t m = 0; m < k->model_count; m++)
            buf_printf(&models, "%s%" STR_FMT, m ? "," : "", STR_ARG(k->models[m]));
        struct listed row = {k->name, k->team, buf_str(&models), s->file, 0, k->expires_us, k->revoked};
        add_listed(t, &row, now_us);
        buf_free(&models);
    }
}

/* Beside a running server, which holds the folder: a look, no lock. */
static bool list_stored(const struct options *o, struct table *t, const char *dir, int64_t now_us)
{
    struct buf why, path;
    buf_init(&why, 0);
    buf_init(&path, 0);
    buf_printf(&path, "%s/purser.db", dir);
    buf_add_byte(&path, '\0');
    bool none = access(path.p, F_OK) != 0; /* no server has run yet: no stored keys */
    sqlite3 *db = none ? NULL : schema_open(dir, false, &why);
    sqlite3_stmt *q = NULL;
    int rc = SQLITE_ERROR;
    if (db && sqlite3_prepare_v2(db,
                                 "SELECT name, team, models, created_us, expires_us, revoked_us FROM keys"
                                 " ORDER BY created_us, name",
                                 -1, &q, NULL) == SQLITE_OK) {
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
            str name = sql_text(q, 0);
            struct listed row = {.name = name,
                                 .team = sql_text(q, 1),
                                 .models = sql_text(q, 2),
                                 .from = str_eq(name, str_from(admin_token)) ? S("first start") : S("keys add"),
                                 .created_us = sqlite3_column_int64(q, 3),
                                 .expires_us = sqlite3_column_int64(q, 4),
                                 .revoked_us = sqlite3_column_int64(q, 5)};
            add_listed(t, &row, now_us);
        }
    }
    bool ok = none || rc == SQLITE_DONE;
    if (!ok) options_complain(o, "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : str_from(sqlite3_errmsg(db))));
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&path);
    buf_free(&why);
    return ok;
}

static int keys_list(int argc, char **argv)
{
    enum { FORMAT, DATA, CONFIG };
    static const struct option table[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "keys list",
        .usage = "[options]",
        .summary = "List the settings' keys and those that 'purser keys add' made: never a secret or a hash.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser keys list --format json",
    };
    enum output_format format = OUTPUT_TABLE;
    const char *dir = NULL, *config = NULL;
    struct options o;
    const struct option_to to[] = {
        [FORMAT] = {.format = &format}, [DATA] = {.text = &dir}, [CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct data_folder f;
    if (!data_folder_find(&o, config, dir, true, &f)) return EXIT_FAILED;
    struct table t;
    int64_t now_us = time_now_us();
    table_init(&t, list_columns, COUNT_OF(list_columns));
    list_settings(&t, f.settings, now_us);
    bool ok = list_stored(&o, &t, f.dir, now_us);
    if (format == OUTPUT_JSON) fputs("{\"rows\": ", stdout);
    table_print(&t, format, stdout);
    if (format == OUTPUT_JSON) fputs("}\n", stdout);
    table_free(&t);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_keys(int argc, char **argv)
{
    static const struct command command = {
        .name = "keys",
        .usage = "{add,list,revoke} [options]",
        .summary = "Who may call.\n"
                   "  add     make a key; its secret is shown once\n"
                   "  list    all keys: the settings' and those that were added\n"
                   "  revoke  end one that was added",
        .example = "purser keys add alice --team support --expires 90d\npurser keys list\npurser keys revoke alice",
    };
    static const struct subcommand commands[] = {{"add", keys_add}, {"list", keys_list}, {"revoke", keys_revoke}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
