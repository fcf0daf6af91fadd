/* purser access: tokens of the admin API and the dashboard, each with a role. */
#include "ledger/access.h"
#include "admin/visitor.h"
#include "base/time.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "policy/keys.h"
#include "provider/endpoint.h"

#include <stdlib.h>
#include <string.h>

struct wish {
    const char *name, *role, *owner, *expires, *why, *config, *dir;
    enum output_format format;
};

/* ---- add */

struct making {
    const struct wish *wish;
    char secret[CHANGE_SECRET_BYTES];
};

static enum err add_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    struct making *m = ctx;
    const struct wish *w = m->wish;
    struct ledger_access token = {.name = str_from(w->name),
                                  .role = str_from(w->role),
                                  .owner = w->owner ? str_from(w->owner) : S(""),
                                  .created_us = entry->at_us,
                                  .who = entry->who};
    int64_t in_us;
    str expires = str_from(w->expires);
    if (expires.n && time_parse_duration(expires, &in_us))
        token.expires_us = entry->at_us + in_us;
    else if (expires.n && !time_parse(expires, &token.expires_us))
        token.expires_us = -1;
    if (expires.n && token.expires_us <= entry->at_us) {
        buf_printf(why, "--expires %s is no time to come: say how long it holds (90d), or until when (2027-01-01)",
                   w->expires);
        return ERR_BAD_REQUEST;
    }
    visitor_make_secret(m->secret);
    key_hash(str_from(m->secret), token.hash);
    return ledger_access_add(l, &token, entry, why);
}

static bool make(const struct options *o, const struct data_folder *f, struct making *m)
{
    const struct wish *w = m->wish;
    struct buf body;
    buf_init(&body, 0);
    control_add_member(&body, "name", str_from(w->name));
    control_add_member(&body, "role", str_from(w->role));
    control_add_member(&body, "owner", str_from(w->owner));
    control_add_member(&body, "expires", str_from(w->expires));
    control_add_member(&body, "why", str_from(w->why));
    buf_add_byte(&body, '}');
    struct change c = {.method = "POST",
                       .path = "/api/v1/tokens",
                       .body = buf_str(&body),
                       .why = w->why,
                       .in_store = add_in_store,
                       .ctx = m,
                       .secret = m->secret};
    bool ok = change_run(o, f, &c);
    buf_free(&body);
    return ok;
}

static bool check_wish(const struct options *o, const struct wish *w)
{
    enum role role = role_find(str_from(w->role));
    if (!w->name || !settings_is_name(str_from(w->name)))
        options_complain(o, "which name? It takes %s", SETTINGS_NAME_RULE);
    else if (role == ROLE_NONE)
        options_complain(o, "which role? --role owner, viewer, operator or admin");
    else if ((role == ROLE_OWNER) != (w->owner != NULL && *w->owner))
        options_complain(o, role == ROLE_OWNER ? "whose features? --owner ana@example.com, as features have it"
                                               : "--owner goes with --role owner alone");
    else
        return true;
    return false;
}

static int access_add(int argc, char **argv)
{
    enum { ROLE, OWNER, EXPIRES, WHY, FORMAT, DATA, CONFIG };
    static const struct option table[] = {
        {"role", "ROLE", "owner, viewer, operator or admin"},
        {"owner", "WHO", "of role owner: whose features, as `owner` has it in the settings"},
        {"expires", "TIME", "how long it holds (90d), or until when (never)"},
        OPTION_WHY,
        OPTION_FORMAT,
        OPTION_DATA,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "access add",
        .usage = "--role ROLE [options] NAME",
        .summary = "Make a token for the admin API and the dashboard, and print it this once: alone on standard\n"
                   "output. A running server takes it at once.\n"
                   "  viewer    sees everything\n"
                   "  operator  and switches AI off and on, lifts what is blocked, tells outcomes\n"
                   "  admin     and changes keys, budgets, limits, features, prices and tokens\n"
                   "  owner     sees and switches the features that it owns, nothing else",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser access add finance --role viewer --expires 90d\n"
                   "purser access add ana --role owner --owner ana@example.com",
    };
    struct wish w = {0};
    struct options o;
    const struct option_to to[] = {
        [ROLE] = {.text = &w.role},    [OWNER] = {.text = &w.owner},     [EXPIRES] = {.text = &w.expires},
        [WHY] = {.text = &w.why},      [FORMAT] = {.format = &w.format}, [DATA] = {.text = &w.dir},
        [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &w.name)) return o.exit_code;
    if (!check_wish(&o, &w)) return EXIT_USAGE;
    struct data_folder f;
    struct making m = {.wish = &w};
    if (!data_folder_find(&o, w.config, w.dir, false, &f)) return EXIT_FAILED;
    bool ok = make(&o, &f, &m) && change_print_secret("token", w.name, w.role, m.secret, w.format);
    explicit_bzero(m.secret, sizeof(m.secret));
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- revoke */

static enum err revoke_in_store(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why)
{
    const struct wish *w = ctx;
    return ledger_access_revoke(l, str_from(w->name), entry, why);
}

static int access_revoke(int argc, char **argv)
{
    enum { WHY, DATA, CONFIG };
    static const struct option table[] = {OPTION_WHY, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "access revoke",
        .usage = "[options] NAME",
        .summary = "End a token: at once, for good, and with it the sessions of browsers that signed in with it.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser access revoke finance --why \"left the company\"",
    };
    struct wish w = {0};
    struct options o;
    const struct option_to to[] = {[WHY] = {.text = &w.why}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &w.name)) return o.exit_code;
    if (!w.name || !settings_is_name(str_from(w.name))) {
        options_complain(&o, "which token? ('purser access list' shows them)");
        return EXIT_USAGE;
    }
    struct data_folder f;
    struct buf path;
    if (!data_folder_find(&o, w.config, w.dir, false, &f)) return EXIT_FAILED;
    buf_init(&path, 0);
    buf_add(&path, S("/api/v1/tokens/"));
    control_add_name(&path, str_from(w.name));
    if (w.why) {
        buf_add(&path, S("?why="));
        buf_add_percent(&path, str_from(w.why));
    }
    buf_add_byte(&path, '\0');
    struct change c = {.method = "DELETE", .path = path.p, .why = w.why, .in_store = revoke_in_store, .ctx = &w};
    bool ok = change_run(&o, &f, &c);
    if (ok) fprintf(stderr, "The token '%s' is revoked.\n", w.name);
    buf_free(&path);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- list */

static void add_listed(void *ctx, const struct ledger_access *a)
{
    struct table *t = ctx;
    char text[40], exact[40];
    int64_t now_us = time_now_us();
    bool expired = a->expires_us && a->expires_us <= now_us;
    table_add(t, a->name);
    table_add(t, a->role);
    table_add_both(t, a->owner.n ? a->owner : S("-"), a->owner);
    table_add(t, a->revoked_us ? S("revoked") : expired ? S("expired") : S("active"));
    table_add_both(t, time_format_date(a->created_us, text), time_format(a->created_us, exact));
    table_add_both(t, a->expires_us ? time_format_date(a->expires_us, text) : S("never"),
                   a->expires_us ? time_format(a->expires_us, exact) : S(""));
    table_add(t, a->who);
}

static void add_asked(struct table *t, struct listing_row *row, void *ctx)
{
    (void)ctx;
    struct ledger_access a = {.name = listing_str(row, "name"),
                              .role = listing_str(row, "role"),
                              .owner = listing_str(row, "owner"),
                              .created_us = listing_time(row, "created"),
                              .expires_us = listing_time(row, "expires"),
                              .revoked_us = listing_time(row, "revoked"),
                              .who = listing_str(row, "who")};
    add_listed(t, &a);
}

static bool read_store(const char *dir, struct table *t, void *ctx, struct buf *why)
{
    (void)ctx;
    return ledger_access_each(dir, add_listed, t, why);
}

static int access_list(int argc, char **argv)
{
    enum { FORMAT, DATA, CONFIG };
    static const struct option table[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "access list",
        .usage = "[options]",
        .summary = "List the tokens of the admin API: never a secret or a hash. The admin token of the settings, or\n"
                   "of the first start, comes on top.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser access list --format json",
    };
    static const struct table_column columns[] = {{"name", "name", false, false},
                                                  {"role", "role", false, false},
                                                  {"owner", "owner", false, false},
                                                  {"state", "state", false, false},
                                                  {"created", "created", false, false, 20},
                                                  {"expires", "expires", false, false},
                                                  {"made by", "who", false, false, 10}};
    struct wish w = {.format = OUTPUT_TABLE};
    struct options o;
    const struct option_to to[] = {
        [FORMAT] = {.format = &w.format}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct data_folder f;
    struct table t;
    if (!data_folder_find(&o, w.config, w.dir, true, &f)) return EXIT_FAILED;
    table_init(&t, columns, COUNT_OF(columns));
    struct listing l = {.dir = f.dir, .path = "/api/v1/tokens", .add = add_asked, .read_store = read_store};
    bool ok = listing_fill(&o, &l, &t);
    table_print_rows(&t, w.format, stdout);
    table_free(&t);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_access(int argc, char **argv)
{
    static const struct command command = {
        .name = "access",
        .usage = "{add,list,revoke} [options]",
        .summary = "Who may see and steer: tokens of the admin API and the dashboard.\n"
                   "  add     make a token with a role; it is shown once\n"
                   "  list    all tokens that were made\n"
                   "  revoke  end one",
        .example = "purser access add finance --role viewer\npurser access list\npurser access revoke finance",
    };
    static const struct subcommand commands[] = {{"add", access_add}, {"list", access_list}, {"revoke", access_revoke}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
