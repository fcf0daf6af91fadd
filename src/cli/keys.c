/* purser keys: who may call. Secrets are shown once and stored as hashes. */
#include "policy/keys.h"
#include "base/time.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/keys.h"
#include "cli/table.h"
#include "ledger/keys.h"
#include "provider/endpoint.h"

#include <stdlib.h>

static bool in_settings(const struct data_folder *f, str name)
{
    for (size_t i = 0; f->settings && i < f->settings->key_count; i++) {
        if (str_eq(f->settings->keys[i].name, name)) return true;
    }
    return false;
}

/* ---- changes */

struct key_change {
    struct change change;
    struct buf path, body; /* path: with the query, as far as it is the change's own */
    struct ledger_key key; /* for the store */
    int64_t old_until_us;
    char secret[CHANGE_SECRET_BYTES];
};

static void init_change(struct key_change *c, const char *method, str name, const char *behind, const char *why)
{
    *c = (struct key_change){.change = {.method = method, .why = why}, .key = {.name = name}};
    buf_init(&c->path, 0);
    buf_init(&c->body, 0);
    buf_add(&c->path, S("/api/v1/keys"));
    if (behind) {
        buf_add_byte(&c->path, '/');
        control_add_name(&c->path, name);
        buf_add(&c->path, str_from(behind));
    }
    buf_add(&c->path, S("?who="));
    buf_add_percent(&c->path, control_user());
    buf_add(&c->path, S("&why="));
    if (why) buf_add_percent(&c->path, str_from(why));
    buf_add_byte(&c->path, '\0');
}

static void free_change(struct key_change *c)
{
    explicit_bzero(c->secret, sizeof(c->secret));
    buf_free(&c->path);
    buf_free(&c->body);
}

static bool run_change(const struct options *o, const struct data_folder *f, struct key_change *c, bool secret)
{
    c->change.path = c->path.p;
    c->change.body = buf_str(&c->body);
    c->change.ctx = c;
    if (secret) c->change.secret = c->secret;
    return change_run(o, f, &c->change);
}

static void make_secret(struct key_change *c)
{
    key_make_secret(c->secret);
    key_hash(str_from(c->secret), c->key.hash);
}

/* ---- add */

struct adding {
    const char *name, *team, *models, *expires, *why, *config, *dir;
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
    if (strcmp(a->name, KEYS_ADMIN_TOKEN) == 0) {
        options_complain(o, "'%s' is the server's own name for its admin token", KEYS_ADMIN_TOKEN);
        return false;
    }
    return check_name(o, "key", str_from(a->name)) && (!a->team || check_name(o, "team", str_from(a->team))) &&
           (!a->models || check_models(o, str_from(a->models))) && read_expiry(o, a, now_us);
}

static enum err add_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    struct key_change *c = ctx;
    make_secret(c);
    return ledger_key_add(l, &c->key, entry, why);
}

/* "a,b" as ["a","b"]. */
static void add_models(struct buf *body, str models)
{
    if (!models.n) return;
    buf_add(body, S(",\"models\":["));
    for (bool first = true; models.n; first = false) {
        if (!first) buf_add_byte(body, ',');
        buf_add_json(body, str_trim(str_cut(&models, ',')));
    }
    buf_add_byte(body, ']');
}

static int add(const struct options *o, const struct adding *a, const struct data_folder *f, int64_t now_us)
{
    char until[40];
    struct key_change c;
    init_change(&c, "POST", str_from(a->name), NULL, a->why);
    c.change.in_store = add_in_store;
    c.key = (struct ledger_key){.name = str_from(a->name),
                                .team = str_from(a->team),
                                .models = str_from(a->models),
                                .created_us = now_us,
                                .expires_us = a->expires_us};
    control_add_member(&c.body, "name", c.key.name);
    control_add_member(&c.body, "team", c.key.team);
    add_models(&c.body, c.key.models);
    if (a->expires_us) control_add_member(&c.body, "expires", time_format(a->expires_us, until));
    buf_add_byte(&c.body, '}');
    bool ok = run_change(o, f, &c, true) && change_print_secret("key", a->name, NULL, c.secret, a->format);
    free_change(&c);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int keys_add(int argc, char **argv)
{
    enum { TEAM, MODELS, EXPIRES, WHY, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"team", "TEAM", "whose it is, for budgets and reports"},
        {"models", "NAMES", "what it may use: \"cheap,openai/*\" (all)"},
        {"expires", "TIME", "how long it holds (90d), or until when (never)"},
        OPTION_WHY,
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
        [TEAM] = {.text = &a.team},    [MODELS] = {.text = &a.models},   [EXPIRES] = {.text = &a.expires},
        [WHY] = {.text = &a.why},      [FORMAT] = {.format = &a.format}, [DATA] = {.text = &a.dir},
        [CONFIG] = {.text = &a.config}};
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

/* ---- revoke, rotate */

/* Names a key that was made at run time. Fails: false after complaining, with the exit code. */
static bool find_key(const struct options *o, const char *name, const char *config, const char *dir,
                     struct data_folder *f, int *code)
{
    *code = EXIT_USAGE;
    if (!name || !*name) {
        options_complain(o, "which key? ('purser keys list' shows them)");
        return false;
    }
    *code = EXIT_FAILED;
    if (!data_folder_find(o, config, dir, false, f)) return false;
    if (!in_settings(f, str_from(name))) return true;
    options_complain(o, "the key '%s' stands in %" STR_FMT ": change it there, or take it out, then reload (SIGHUP)",
                     name, STR_ARG(f->settings->file));
    data_folder_free(f);
    return false;
}

static enum err revoke_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    const struct key_change *c = ctx;
    return ledger_key_revoke(l, c->key.name, entry, why);
}

static int keys_revoke(int argc, char **argv)
{
    enum { WHY, DATA, CONFIG };
    static const struct option table[] = {OPTION_WHY, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "keys revoke",
        .usage = "[options] NAME",
        .summary = "End a key that 'purser keys add' made: at once, and for good. Its name stays taken,\n"
                   "since the ledger speaks of it. A key that stands in the settings is taken out there.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser keys revoke alice",
    };
    const char *name = NULL, *dir = NULL, *config = NULL, *why = NULL;
    struct options o;
    struct data_folder f;
    int code;
    const struct option_to to[] = {[WHY] = {.text = &why}, [DATA] = {.text = &dir}, [CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &name)) return o.exit_code;
    if (!find_key(&o, name, config, dir, &f, &code)) return code;
    struct key_change c;
    init_change(&c, "DELETE", str_from(name), "", why);
    c.change.in_store = revoke_in_store;
    bool ok = run_change(&o, &f, &c, false);
    if (ok) fprintf(stderr, "The key '%s' is revoked.\n", name);
    free_change(&c);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static enum err rotate_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    struct key_change *c = ctx;
    make_secret(c);
    return ledger_key_rotate(l, c->key.name, c->key.hash, c->old_until_us, entry, why);
}

static int keys_rotate(int argc, char **argv)
{
    enum { GRACE, WHY, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"grace", "TIME", "how long the old secret still holds: 24h (it ends at once)"},
        OPTION_WHY,
        OPTION_FORMAT,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "keys rotate",
        .usage = "[options] NAME",
        .summary = "Give a key that 'purser keys add' made a new secret, printed this once: alone on standard output.\n"
                   "Its name, its budgets and what it spent stay.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser keys rotate alice --grace 24h",
    };
    const char *name = NULL, *dir = NULL, *config = NULL, *why = NULL, *grace = NULL;
    enum output_format format = OUTPUT_TABLE;
    struct options o;
    struct data_folder f;
    int code;
    int64_t grace_us = 0;
    const struct option_to to[] = {[GRACE] = {.text = &grace},
                                   [WHY] = {.text = &why},
                                   [FORMAT] = {.format = &format},
                                   [DATA] = {.text = &dir},
                                   [CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &name)) return o.exit_code;
    if (grace && (!time_parse_duration(str_from(grace), &grace_us) || grace_us < 0)) {
        options_complain(&o, "'%s' is no time: say how long the old secret still holds, such as --grace 24h", grace);
        return EXIT_USAGE;
    }
    if (!find_key(&o, name, config, dir, &f, &code)) return code;
    struct key_change c;
    init_change(&c, "POST", str_from(name), "/rotate", why);
    c.change.in_store = rotate_in_store;
    c.old_until_us = grace_us ? time_now_us() + grace_us : 0;
    if (grace) control_add_member(&c.body, "grace", str_from(grace));
    buf_add(&c.body, c.body.n ? S("}") : S("{}"));
    bool ok = run_change(&o, &f, &c, true) && change_print_secret("key", name, NULL, c.secret, format);
    free_change(&c);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_keys(int argc, char **argv)
{
    static const struct command command = {
        .name = "keys",
        .usage = "{add,list,rotate,revoke} [options]",
        .summary = "Who may call.\n"
                   "  add     make a key; its secret is shown once\n"
                   "  list    all keys: the settings' and those that were added\n"
                   "  rotate  give one that was added a new secret\n"
                   "  revoke  end one that was added",
        .example = "purser keys add alice --team support --expires 90d\npurser keys list\npurser keys revoke alice",
    };
    static const struct subcommand commands[] = {{"add", keys_add},
                                                 {"list", keys_list},
                                                 {"rotate", keys_rotate},
                                                 {"revoke", keys_revoke}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
