/* purser budgets: what is spent, held and left, and when it starts over. */
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/setting.h"
#include "flow/runtime.h"
#include "ledger/schema.h"

#include <stdlib.h>
#include <unistd.h>

enum { OPT_FORMAT, OPT_DATA, OPT_CONFIG };

static const struct option budgets_options[] = {OPTION_FORMAT, OPTION_DATA, OPTION_CONFIG};

static const struct command budgets_command = {
    .name = "budgets",
    .usage = "[options] | budgets set NAME [options] | budgets remove NAME",
    .summary = "Show each budget's counters in their current windows, as the running server has them:\n"
               "spent, held by calls in flight, left, calls that wait, when it resets. Without a server\n"
               "what is stored is shown; then nothing is held.",
    .options = budgets_options,
    .option_count = COUNT_OF(budgets_options),
    .example = "purser budgets\npurser budgets --format json\n"
               "purser budgets set tight --limit-usd 5 --window day --scope key=alice\npurser budgets remove tight",
};

/* One counter, as the server tells it or the store has it. */
struct counter {
    str budget, scope, measure, resets;
    int64_t limit, spent, held, left, waiting, window_start_us;
};

struct counters {
    struct arena arena; /* owns the texts */
    struct counter *of;
    size_t count, cap;
};

static const struct table_column columns[] = {
    {"budget", "budget", false, false},
    {"scope", "scope", false, false, 10},
    {"measure", "measure", false, false, 50},
    {"limit", "limit", true, true},
    {"spent", "spent", true, true},
    {"held", "held", true, true, 40},
    {"left", "left", true, true},
    {"used", "used_share", true, true},
    {"waiting", "waiting", true, true, 20},
    {"since", "window_start", false, false, 60},
    {"resets", "resets", false, false, 5},
};

static bool is_money(const struct counter *c)
{
    return str_eq(c->measure, S("usd"));
}

/* Money in dollars for people, in pico-dollars for programs. */
static void add_amount(struct table *t, const struct counter *c, int64_t amount)
{
    char money[MONEY_TEXT_MAX], raw[24];
    int n = snprintf(raw, sizeof(raw), "%lld", (long long)amount);
    str number = str_of(raw, (size_t)n);
    if (!is_money(c)) {
        table_add(t, number);
        return;
    }
    struct buf shown;
    buf_init(&shown, 0);
    buf_add_byte(&shown, '$');
    buf_add(&shown, money_format_short(amount, money));
    table_add_both(t, buf_str(&shown), number);
    buf_free(&shown);
}

/* "████▌     45%" on a terminal; what is held counts as used. */
static void add_share(struct table *t, const struct counter *c, bool bar)
{
    enum { BAR_WIDTH = 10 };
    __int128 used = (__int128)c->spent + c->held;
    int permille = c->limit > 0 && used > 0 ? (int)(used >= c->limit ? 1000 : used * 1000 / c->limit) : 0;
    if (c->limit <= 0) permille = 1000;
    struct buf shown, raw;
    buf_init(&shown, 0);
    buf_init(&raw, 0);
    for (int i = 0; bar && i < BAR_WIDTH; i++) buf_add(&shown, i * 100 + 50 <= permille ? S("█") : S("░"));
    buf_printf(&shown, "%s%3d%%", bar ? " " : "", permille / 10);
    buf_printf(&raw, "%d.%03d", permille / 1000, permille % 1000);
    table_add_both(t, buf_str(&shown), buf_str(&raw));
    buf_free(&shown);
    buf_free(&raw);
}

/* "2026-11-22 00:00 UTC" for people, as it is for programs. */
static void add_time(struct table *t, str time, str none)
{
    char shown[24];
    int n =
        snprintf(shown, sizeof(shown), "%.10s %.5s UTC", time.n >= 16 ? time.p : "", time.n >= 16 ? time.p + 11 : "");
    table_add_both(t, time.n >= 16 ? str_of(shown, (size_t)n) : none, time);
}

static void add_row(struct table *t, const struct counter *c, bool bar)
{
    char text[40];
    table_add(t, c->budget);
    table_add_both(t, c->scope.n ? c->scope : S("-"), c->scope);
    table_add(t, c->measure);
    add_amount(t, c, c->limit);
    add_amount(t, c, c->spent);
    add_amount(t, c, c->held);
    add_amount(t, c, c->left);
    add_share(t, c, bar);
    table_addf(t, "%lld", (long long)c->waiting);
    add_time(t, c->window_start_us ? time_format(c->window_start_us, text) : S(""), S("ever"));
    add_time(t, c->resets, S("never"));
}

static void keep(struct counters *all, const struct counter *c)
{
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 64;
        all->of = mem_realloc(all->of, all->cap * sizeof(*all->of));
    }
    struct counter *to = &all->of[all->count++];
    *to = *c;
    to->budget = arena_str(&all->arena, c->budget);
    to->scope = arena_str(&all->arena, c->scope);
    to->measure = arena_str(&all->arena, c->measure);
    to->resets = arena_str(&all->arena, c->resets);
}

/* By name; of one budget the fullest counter first. */
static int compare(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;
    int order = str_cmp(x->budget, y->budget);
    if (!order && x->spent != y->spent) order = x->spent > y->spent ? -1 : 1;
    return order ? order : str_cmp(x->scope, y->scope);
}

/* ---- from the server */

static struct counter read_counter(struct listing_row *row)
{
    return (struct counter){.budget = listing_str(row, "budget"),
                            .scope = listing_str(row, "scope"),
                            .measure = listing_str(row, "measure"),
                            .resets = listing_str(row, "resets"),
                            .limit = listing_i64(row, "limit"),
                            .spent = listing_i64(row, "spent"),
                            .held = listing_i64(row, "held"),
                            .left = listing_i64(row, "left"),
                            .waiting = listing_i64(row, "waiting"),
                            .window_start_us = listing_i64(row, "window_start_us")};
}

static bool read_answer(str answer, struct counters *all)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    json_init(&doc);
    arena_init(&arena);
    bool ok = json_parse(&doc, answer, &fail);
    json_ref rows = ok ? json_find(&doc, JSON_ROOT, S("rows"), NULL) : JSON_ABSENT;
    ok = rows != JSON_ABSENT && json_type(&doc, rows) == JSON_ARRAY;
    for (json_ref at = ok ? json_first(&doc, rows) : JSON_ABSENT; ok && at != JSON_ABSENT;
         at = json_next(&doc, rows, at)) {
        struct listing_row row = {.doc = &doc, .at = at, .arena = &arena};
        struct counter c = read_counter(&row);
        ok = !row.wrong;
        if (ok) keep(all, &c);
    }
    arena_free(&arena);
    json_free(&doc);
    return ok;
}

/* ---- from the store */

/* A budget's cells are named "name", or "name#" and a digest of what it means: where it
 * changed its meaning, both are there, and the larger one is the newer count. */
static const char cells_sql[] =
    "SELECT value, max(spent), max(began) FROM ("
    " SELECT budget, value, sum(min(spent, 4611686018427387903)) AS spent, max(window_start_us) AS began FROM cells"
    " WHERE (budget = ?1 OR substr(budget, 1, length(?1) + 1) = ?1 || '#')"
    " AND window_start_us >= ?2 AND window_start_us <= ?3 GROUP BY budget, value)"
    " GROUP BY value ORDER BY 2 DESC, value LIMIT 10000";

static void fill_counter(struct counter *c, const struct budget_rule *rule, int64_t now_us, char text[40])
{
    static const char *const measures[BUDGET_MEASURES] = {"usd", "tokens", "requests"};
    int64_t resets_us = window_end(&rule->window, now_us);
    *c = (struct counter){.budget = rule->name, .measure = str_from(measures[rule->measure]), .limit = rule->limit};
    c->left = rule->limit;
    c->window_start_us = window_start(&rule->window, now_us);
    if (resets_us != INT64_MAX) c->resets = time_format(resets_us, text);
}

static bool add_budget(struct counters *all, sqlite3 *db, const struct budget_rule *rule, int64_t now_us)
{
    struct counter c;
    sqlite3_stmt *q = NULL;
    char text[40];
    int64_t began_us = window_start(&rule->window, now_us), from_us = began_us;
    if (rule->window.kind == WINDOW_ROLLING) from_us -= rule->window.rolling_us;
    fill_counter(&c, rule, now_us, text);
    bool any = false, ok = !db || sqlite3_prepare_v2(db, cells_sql, -1, &q, NULL) == SQLITE_OK;
    int rc = SQLITE_DONE;
    if (q) {
        sqlite3_bind_text(q, 1, rule->name.p, (int)rule->name.n, SQLITE_STATIC);
        sqlite3_bind_int64(q, 2, from_us);
        sqlite3_bind_int64(q, 3, began_us);
    }
    while (ok && q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        c.scope = str_of((const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
        c.spent = sqlite3_column_int64(q, 1);
        c.left = rule->limit > c.spent ? rule->limit - c.spent : 0;
        keep(all, &c);
        any = true;
    }
    sqlite3_finalize(q);
    if (!any) keep(all, &c);
    return ok && rc == SQLITE_DONE;
}

static bool read_store(const struct options *o, struct data_folder *f, struct counters *all)
{
    struct settings_report report = {0};
    if (f->settings) f->settings = runtime_beside(f->settings, f->dir, true, &report);
    settings_report_free(&report);
    if (!f->settings) {
        options_complain(o,
                         "no server runs in %s, and there are no settings that would tell the budgets (--config FILE)",
                         f->dir);
        return false;
    }
    struct buf why, path;
    buf_init(&why, 0);
    buf_init(&path, 0);
    buf_printf(&path, "%s/purser.db", f->dir);
    buf_add_byte(&path, '\0');
    bool none = access(path.p, F_OK) != 0;
    sqlite3 *db = none ? NULL : schema_open(f->dir, false, &why);
    bool ok = none || db;
    int64_t now_us = time_now_us();
    for (size_t i = 0; ok && i < f->settings->budget_count; i++)
        ok = add_budget(all, db, &f->settings->budgets[i], now_us);
    if (!ok)
        options_complain(o, "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : str_from(sqlite3_errmsg(db))));
    else
        options_complain(o, "no server runs in %s: this is what is stored, nothing is held", f->dir);
    sqlite3_close(db);
    buf_free(&path);
    buf_free(&why);
    return ok;
}

/* ---- the command */

static bool read_budgets(const struct options *o, struct data_folder *f, struct counters *all)
{
    struct control_call call = {.dir = f->dir, .method = "GET", .path = "/api/v1/budgets"};
    struct buf answer;
    buf_init(&answer, 0);
    enum control_result got = control_ask(o, &call, &answer);
    bool ok = got == CONTROL_ANSWERED && read_answer(buf_str(&answer), all);
    if (got == CONTROL_ANSWERED && !ok) options_complain(o, "the server's answer is not what it should be");
    if (got == CONTROL_NO_SERVER) ok = read_store(o, f, all);
    buf_free(&answer);
    return ok;
}

static void print(struct counters *all, enum output_format format)
{
    if (!all->count && format == OUTPUT_TABLE) {
        puts("No budget has been used yet, or none is set ('budgets' in the settings).");
        return;
    }
    struct table t;
    bool bar = colour_wanted(stdout);
    if (all->count) qsort(all->of, all->count, sizeof(*all->of), compare);
    table_init(&t, columns, COUNT_OF(columns));
    for (size_t i = 0; i < all->count; i++) add_row(&t, &all->of[i], bar);
    table_print_rows(&t, format, stdout);
    table_free(&t);
}

int cmd_budgets(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "set") == 0) return budgets_set(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "remove") == 0) return budgets_remove(argc - 1, argv + 1);
    enum output_format format = OUTPUT_TABLE;
    const char *dir = NULL, *config = NULL;
    struct options o;
    const struct option_to to[] = {
        [OPT_FORMAT] = {.format = &format}, [OPT_DATA] = {.text = &dir}, [OPT_CONFIG] = {.text = &config}};
    options_init(&o, &budgets_command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct data_folder f;
    if (!data_folder_find(&o, config, dir, true, &f)) return EXIT_FAILED;
    struct counters all = {0};
    arena_init(&all.arena);
    bool ok = read_budgets(&o, &f, &all);
    if (ok) print(&all, format);
    arena_free(&all.arena);
    free(all.of);
    data_folder_free(&f);
    return ok ? EXIT_OK : EXIT_FAILED;
}
