/* purser prices: the price book, and one's own prices in front of it. */
#include "cli/prices.h"

#include <unistd.h>

#include "base/time.h"
#include "cli/cli.h"
#include "flow/runtime.h"

int64_t book_age_days(const struct price_book *book)
{
    return (time_now_us() - price_book_date(book)) / US_PER_DAY;
}

void warn_if_old(const struct options *o, const struct price_book *book)
{
    char date[40];
    int64_t days = book_age_days(book);
    if (days <= BOOK_OLD_DAYS) return;
    options_complain(o,
                     "warning: the price book is of %" STR_FMT ", %lld days old: look at your providers' price pages, "
                     "put what changed under `prices:` in the settings, or install a newer purser",
                     STR_ARG(time_format_date(price_book_date(book), date)), (long long)days);
}

void prices_print_problems(const struct buf *lines)
{
    if (lines->n) fwrite(lines->p, 1, lines->n, stderr);
}

struct prices_source prices_open(const struct options *o, const char *config)
{
    struct settings_report report = {0};
    struct prices_source source = {.whole = true};
    source.settings = runtime_load(config ? config : "", true, &report);
    if (source.settings) {
        source.book = source.settings->book;
    } else if (config) {
        source.whole = false;
        prices_print_problems(&report.errors);
    } else {
        source.book = price_book_new();
        if (access("purser.yaml", F_OK) == 0) {
            prices_print_problems(&report.errors);
            options_complain(o, "warning: purser.yaml cannot be used: this is the built-in book alone");
        }
    }
    settings_report_free(&report);
    return source;
}

void prices_close(struct prices_source *source)
{
    if (source->settings) {
        settings_drop(source->settings);
    } else {
        price_book_drop(source->book);
    }
}

static bool in_force(const struct price *p, int64_t at_us)
{
    return p->from_us <= at_us && at_us < p->until_us;
}

/* Own prices first: they are looked for first. */
static void list_rows(const struct options *o, const struct price_book *book, str provider, int64_t limit,
                      enum output_format format)
{
    struct table t;
    prices_table_init(&t, format);
    int64_t now = time_now_us(), rows = 0;
    for (int own = 1; own >= 0; own--) {
        for (size_t i = 0; i < price_book_count(book); i++) {
            struct price space;
            const struct price *p = price_book_at(book, i, &space);
            if (price_book_is_own(book, p) != (bool)own || !in_force(p, now)) continue;
            if (provider.n && !str_eq_nocase(p->provider, provider)) continue;
            if (rows++ < limit) prices_table_add(&t, format, p);
        }
    }
    table_print_rows(&t, format, stdout);
    table_free(&t);
    if (rows > limit) {
        options_complain(o, "%lld of %lld prices in force; --limit %lld prints all", (long long)limit, (long long)rows,
                         (long long)rows);
    }
    if (!rows && provider.n) {
        options_complain(o, "no prices of '%" STR_FMT "': `purser prices list --limit 10000` shows whose there are",
                         STR_ARG(provider));
    }
}

enum { LIST_PROVIDER, LIST_FORMAT, LIST_LIMIT, LIST_CONFIG };

int prices_list(int argc, char **argv)
{
    static const struct option options[] = {
        {"provider", "NAME", "only the prices of this provider"},
        OPTION_FORMAT,
        {"limit", "N", "at most so many rows (100)"},
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "prices list",
        .usage = "[options]",
        .summary =
            "Print the prices in force, in US dollars per million units: your own first, then\nthe built-in book's.",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser prices list --provider openai --format csv",
    };
    enum output_format format = OUTPUT_TABLE;
    const char *provider = NULL, *config = NULL;
    int64_t limit = 100;
    struct options o;
    const struct option_to to[] = {[LIST_PROVIDER] = {.text = &provider},
                                   [LIST_FORMAT] = {.format = &format},
                                   [LIST_LIMIT] = {.count = &limit, .low = 1, .high = INT32_MAX},
                                   [LIST_CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct prices_source source = prices_open(&o, config);
    if (!source.whole) return EXIT_FAILED;
    list_rows(&o, source.book, str_from(provider), limit, format);
    warn_if_old(&o, source.book);
    prices_close(&source);
    return EXIT_OK;
}

int cmd_prices(int argc, char **argv)
{
    static const struct command command = {
        .name = "prices",
        .usage = "{list,show,check} [options]",
        .summary = "What models cost: the built-in price book and your own prices in front of it.\n"
                   "  list   the prices in force\n"
                   "  show   everything known of a model: history, tiers, names, source\n"
                   "  check  your own prices against the book, and what has no price",
        .example =
            "purser prices show gpt-5-mini\npurser prices list --provider anthropic\npurser prices check --config "
            "purser.yaml",
    };
    static const struct subcommand commands[] = {{"list", prices_list}, {"show", prices_show}, {"check", prices_check}};
    return options_run(&command, commands, COUNT_OF(commands), argc, argv);
}
