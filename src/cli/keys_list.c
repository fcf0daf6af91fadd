/* purser keys list: the settings' keys and those that were added. */
#include "cli/keys.h"

#include "base/time.h"
#include "cli/listing.h"
#include "ledger/keys.h"

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

struct keys_ask {
    const struct settings *settings; /* NULL: none were found */
    int64_t now_us;
};

struct reading {
    struct table *t;
    const struct keys_ask *ask;
};

/* ---- of the server */

static void add_asked(struct table *t, struct listing_row *row, void *ctx)
{
    const struct keys_ask *ask = ctx;
    str origin = listing_str(row, "origin");
    struct listed k = {.name = listing_str(row, "name"),
                       .team = listing_str(row, "team"),
                       .models = listing_names(row, "models"),
                       .from = str_eq(origin, S("file"))          ? ask->settings ? ask->settings->file : S("settings")
                                        : str_eq(origin, S("old_secret")) ? S("old secret")
                               : str_eq(origin, S("first_start")) ? S("first start")
                                                                  : S("keys add"),
                       .created_us = listing_time(row, "created"),
                       .expires_us = listing_time(row, "expires"),
                       .revoked_us = listing_time(row, "revoked")};
    add_listed(t, &k, ask->now_us);
}

/* ---- of the settings and the store */

static void add_settings(struct table *t, const struct settings *s, int64_t now_us)
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

static void add_stored(void *ctx, const struct ledger_key *k)
{
    struct reading *r = ctx;
    bool old = str_starts(k->name, S(LEDGER_KEY_OLD));
    struct buf models;
    if (old && (k->revoked_us || k->expires_us <= r->ask->now_us)) return;
    buf_init(&models, 0);
    for (str rest = k->models; rest.n;) {
        str one = str_trim(str_cut(&rest, ','));
        buf_printf(&models, "%s%" STR_FMT, models.n ? "," : "", STR_ARG(one));
    }
    struct listed row = {.name = old ? str_from_at(k->name, sizeof(LEDGER_KEY_OLD) - 1) : k->name,
                         .team = k->team,
                         .models = buf_str(&models),
                         .from = old                                    ? S("old secret")
                                 : str_eq(k->name, S(KEYS_ADMIN_TOKEN)) ? S("first start")
                                                                        : S("keys add"),
                         .created_us = k->created_us,
                         .expires_us = k->expires_us,
                         .revoked_us = k->revoked_us};
    add_listed(r->t, &row, r->ask->now_us);
    buf_free(&models);
}

static bool read_store(const char *dir, struct table *t, void *ctx, struct buf *why)
{
    struct reading r = {t, ctx};
    add_settings(t, r.ask->settings, r.ask->now_us);
    return ledger_keys_in(dir, add_stored, &r, why);
}

int keys_list(int argc, char **argv)
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
    struct keys_ask ask = {f.settings, time_now_us()};
    table_init(&t, list_columns, COUNT_OF(list_columns));
    struct listing l = {.dir = f.dir,
                        .path = "/api/v1/keys?secrets=true",
                        .page = LISTING_PAGE,
                        .add = add_asked,
                        .read_store = read_store,
                        .ctx = &ask};
    bool ok = listing_fill(&o, &l, &t);
    table_print_rows(&t, format, stdout);
    table_free(&t);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}
