/* purser settings: what is set, in the file and at run time; export and removal of the latter. */
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/setting.h"
#include "cli/table.h"
#include "flow/runtime.h"

#include <stdlib.h>

/* The settings as they stand: of the file and the store, so that no server is needed. */
static struct settings *load(const struct options *o, const struct setting_wish *w)
{
    struct data_folder f;
    struct settings_report report = {0};
    if (!data_folder_find(o, w->config, w->dir, false, &f)) return NULL;
    struct settings *s = f.settings;
    f.settings = NULL;
    if (s)
        s = runtime_beside(s, f.dir, false, &report);
    else
        options_complain(o, "there are no settings (--config FILE)");
    if (report.error_count) fwrite(report.errors.p, 1, report.errors.n, stderr);
    settings_report_free(&report);
    data_folder_free(&f);
    return s;
}

/* ---- list */

static const struct table_column columns[] = {
    {"kind", "kind", false, false},   {"name", "name", false, false},           {"origin", "origin", false, false},
    {"state", "state", false, false}, {"set", "changed", false, false, 30},     {"by", "by", false, false, 40},
    {"why", "why", false, false, 20}, {"setting", "setting", false, false, 60},
};

static void add(struct table *t, const struct setting_entry *e)
{
    static const str states[] = {[ENTRY_HOLDS] = STR_INIT("holds"),
                                 [ENTRY_SHADOWED] = STR_INIT("shadowed"),
                                 [ENTRY_LEFT_OUT] = STR_INIT("left out")};
    char date[40], exact[40];
    table_add(t, e->kind);
    table_add(t, e->name);
    table_add(t, e->where);
    table_add(t, states[e->state]);
    if (e->at_us)
        table_add_both(t, time_format_date(e->at_us, date), time_format(e->at_us, exact));
    else
        table_add_both(t, S("-"), S(""));
    table_add_both(t, e->who.n ? e->who : S("-"), e->who);
    table_add_both(t, e->why.n ? e->why : S("-"), e->why);
    table_add(t, e->body);
}

static int settings_list(int argc, char **argv)
{
    enum { FORMAT, DATA, CONFIG };
    static const struct option table[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "settings",
        .usage = "[options] | settings export | settings remove KIND NAME",
        .summary =
            "List budgets, limits, features and prices as they were set: in the settings file, and at run time.\n"
            "What the file sets, too, is shadowed: the file wins. What does not hold any more is left out.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser settings\npurser settings export >> purser.yaml\npurser settings remove budget tight",
    };
    struct setting_wish w = {0};
    enum output_format format = OUTPUT_TABLE;
    struct options o;
    const struct option_to to[] = {
        [FORMAT] = {.format = &format}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct settings *s = load(&o, &w);
    if (!s) return EXIT_FAILED;
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    for (size_t i = 0; i < s->file_entry_count; i++) add(&t, &s->file_entries[i]);
    for (size_t i = 0; i < s->entry_count; i++) add(&t, &s->entries[i]);
    if (format == OUTPUT_JSON) fputs("{\"rows\": ", stdout);
    table_print(&t, format, stdout);
    if (format == OUTPUT_JSON) fputs("}\n", stdout);
    table_free(&t);
    settings_drop(s);
    return EXIT_OK;
}

/* ---- export */

static int settings_export_yaml(int argc, char **argv)
{
    enum { DATA, CONFIG };
    static const struct option table[] = {OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "settings export",
        .usage = "[options]",
        .summary =
            "Print what was set at run time as YAML for the settings file. Once it stands there and is reloaded, the\n"
            "file's hold, and what was set at run time is shadowed: 'purser settings remove' takes it away.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser settings export >> purser.yaml",
    };
    struct setting_wish w = {0};
    struct options o;
    const struct option_to to[] = {[DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct settings *s = load(&o, &w);
    if (!s) return EXIT_FAILED;
    struct buf yaml;
    buf_init(&yaml, 0);
    settings_export(s, &yaml);
    bool ok = !yaml.n || fwrite(yaml.p, 1, yaml.n, stdout) == yaml.n;
    ok = fflush(stdout) == 0 && ok;
    buf_free(&yaml);
    settings_drop(s);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- remove */

static int settings_remove(int argc, char **argv)
{
    static const char *const kinds[] = {"budget", "limit", "feature", "price"};
    enum { WHY, DATA, CONFIG };
    static const struct option table[] = {OPTION_WHY, OPTION_DATA, OPTION_CONFIG};
    static const struct command command = {
        .name = "settings remove",
        .usage = "KIND NAME [options]",
        .summary = "Remove a budget, limit, feature or price that was set at run time, shadowed and left out ones too.",
        .options = table,
        .option_count = COUNT_OF(table),
        .example = "purser settings remove limit slow",
    };
    struct setting_wish w = {0};
    struct options o;
    const char *kind = argc > 1 ? argv[1] : "";
    const struct option_to to[] = {[WHY] = {.text = &w.why}, [DATA] = {.text = &w.dir}, [CONFIG] = {.text = &w.config}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i], kind) != 0) continue;
        options_init(&o, &command, argc - 1, argv + 1);
        return options_read(&o, to, &w.name) ? setting_change(&o, &w, kinds[i], STR_NONE) : o.exit_code;
    }
    options_init(&o, &command, argc, argv);
    if (options_read(&o, to, &w.name)) {
        options_complain(&o, "of which kind? (purser settings remove budget|limit|feature|price NAME)");
        return EXIT_USAGE;
    }
    return o.exit_code;
}

int cmd_settings(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "export") == 0) return settings_export_yaml(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "remove") == 0) return settings_remove(argc - 1, argv + 1);
    return settings_list(argc, argv);
}
