/* purser prices check: own prices against the book, and which models have none. */
#include "base/time.h"
#include "cli/prices.h"
#include "flow/runtime.h"

struct findings {
    const struct settings *s;
    struct arena arena;
    int64_t now_us;
    size_t targets, unpriced;
    struct buf says; /* of one finding */
    struct table table;
    enum output_format format;
};

/* The finding is said: a row for programs, a line for people. */
static void end_finding(struct findings *f, const char *what, str target)
{
    if (f->format == OUTPUT_TABLE)
        printf("%-8s  %" STR_FMT ": %" STR_FMT "\n", what, STR_ARG(target), STR_ARG(buf_str(&f->says)));
    table_add(&f->table, str_from(what));
    table_add(&f->table, target);
    table_add(&f->table, buf_str(&f->says));
    buf_clear(&f->says);
}

static void print_price(struct buf *out, const char *what, const struct price *p)
{
    char money[MONEY_TEXT_MAX];
    buf_add(out, str_from(what));
    if (p->free) buf_add(out, S(" free"));
    bool any = p->free;
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (p->unit[u] == PRICE_UNSET) continue;
        buf_printf(out, "%s%s%" STR_FMT " %" STR_FMT, any ? "," : "", any || *what ? " " : "", STR_ARG(unit_name(u)),
                   STR_ARG(price_text(p->unit[u], money)));
        any = true;
    }
}

/* What the book tells apart and the own price does not: it costs what it is a part of. */
static void print_unset(struct buf *out, const struct price *own, const struct price *book)
{
    bool any = false;
    for (enum unit u = 0; u < UNIT_COUNT && !own->free; u++) {
        if (own->unit[u] != PRICE_UNSET || book->unit[u] == PRICE_UNSET) continue;
        buf_printf(out, "%s %" STR_FMT, any ? "," : "; not set here:", STR_ARG(unit_name(u)));
        any = true;
    }
}

/* "own   openai/gpt-5-mini  input 0.2, output 1.5  (purser.yaml:9), instead of input 0.25, ..." */
static void check_own(struct findings *f, const struct price *own)
{
    const struct setting_provider *p = settings_provider(f->s, own->provider);
    struct price_set book = {0};
    if (p && p->book.n) book = price_book_find(f->s->book, p->book, own->model, &f->arena);
    /* Where the provider is called as its vendor, the set begins with own prices: only the book's are asked for. */
    struct price_set others = {book.rows + book.own_count, book.count - book.own_count, book.facts, false, 0};
    bool missing;
    const struct price *instead = price_pick(&others, own->tier, own->context_from, f->now_us, &missing);
    struct buf *out = &f->says, name;
    buf_init(&name, 0);
    buf_printf(&name, "%" STR_FMT "/%" STR_FMT, STR_ARG(own->provider), STR_ARG(own->model));
    if (own->tier != TIER_STANDARD) buf_printf(&name, " (%" STR_FMT ")", STR_ARG(price_tier_name(own->tier)));
    if (own->context_from) buf_printf(&name, " from %lld tokens on", (long long)own->context_from);
    print_price(out, "", own);
    char date[40];
    if (own->from_us > f->now_us) buf_printf(out, ", from %" STR_FMT, STR_ARG(time_format_date(own->from_us, date)));
    if (own->until_us <= f->now_us)
        buf_printf(out, ", ended %" STR_FMT, STR_ARG(time_format_date(own->until_us, date)));
    if (instead && !missing) {
        print_price(out, "; the book:", instead);
        print_unset(out, own, instead);
    } else {
        buf_add(out, S("; not in the book"));
    }
    buf_printf(out, "  [%" STR_FMT "]", STR_ARG(own->source));
    end_finding(f, "own", buf_str(&name));
    buf_free(&name);
}

static void check_target(struct findings *f, const struct setting_model *m, const struct setting_to *to)
{
    const struct setting_provider *p = settings_provider(f->s, to->provider);
    str vendor = p ? p->book : STR_NONE;
    f->targets++;
    if (p && p->cost_per_hour != PRICE_UNSET) return; /* priced by the hour */
    struct price_set set = price_book_find_target(f->s->book, to->provider, vendor, to->model, &f->arena);
    bool missing;
    if (price_pick(&set, TIER_STANDARD, 0, f->now_us, &missing)) return;
    f->unpriced++;
    const char *why = set.count ? "has prices, but none in force today" : "is in no price book";
    const char *between = f->format == OUTPUT_TABLE ? "\n            " : " ";
    buf_printf(&f->says,
               "%s; calls are %s. Under `prices:` add%s- { model: \"%" STR_FMT "/%" STR_FMT
               "\", input: 0.00, output: 0.00 }  # per million tokens",
               why, f->s->unpriced_refuse ? "refused" : "priced at the ceiling", between, STR_ARG(to->provider),
               STR_ARG(to->model));
    if (p && !p->book.n)
        buf_printf(&f->says,
                   "%sor, where it passes calls on to a seller of the book, `book: openai` to provider '%" STR_FMT "'",
                   between, STR_ARG(to->provider));
    struct buf name;
    buf_init(&name, 0);
    buf_printf(&name, "%" STR_FMT " -> %" STR_FMT "/%" STR_FMT, STR_ARG(m->name), STR_ARG(to->provider),
               STR_ARG(to->model));
    end_finding(f, "unpriced", buf_str(&name));
    buf_free(&name);
}

/* Wherever its calls may go. */
static void check_model(struct findings *f, const struct setting_model *m)
{
    for (size_t i = 0; i < m->target_count; i++) check_target(f, m, &m->targets[i]);
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) {
        if (m->on[i].what == REACTION_TARGET) check_target(f, m, &m->on[i].to);
    }
}

static int check(const struct options *o, const struct settings *s, enum output_format format)
{
    static const struct table_column columns[] = {{.title = "finding", .key = "finding"},
                                                  {.title = "target", .key = "target"},
                                                  {.title = "says", .key = "says"}};
    struct findings f = {.s = s, .now_us = time_now_us(), .format = format};
    char date[40];
    arena_init(&f.arena);
    buf_init(&f.says, 0);
    table_init(&f.table, columns, COUNT_OF(columns));
    size_t own_from = price_book_first_own(s->book), own = price_book_count(s->book) - own_from;
    for (size_t i = 0; i < own; i++) check_own(&f, price_book_at(s->book, own_from + i, NULL));
    for (size_t i = 0; i < s->model_count; i++) check_model(&f, &s->models[i]);
    if (format != OUTPUT_TABLE) table_print_rows(&f.table, format, stdout);
    fprintf(format == OUTPUT_TABLE ? stdout : stderr,
            "%zu own price%s, %zu of %zu targets of models unpriced; price book of %" STR_FMT ", %lld days old\n", own,
            own == 1 ? "" : "s", f.unpriced, f.targets, STR_ARG(time_format_date(price_book_date(s->book), date)),
            (long long)book_age_days(s->book));
    warn_if_old(o, s->book);
    arena_free(&f.arena);
    buf_free(&f.says);
    table_free(&f.table);
    return f.unpriced && s->unpriced_refuse ? EXIT_FAILED : EXIT_OK;
}

enum { CHECK_FORMAT, CHECK_CONFIG };

int prices_check(int argc, char **argv)
{
    static const struct option options[] = {OPTION_FORMAT, OPTION_CONFIG};
    static const struct command command = {
        .name = "prices check",
        .usage = "[options]",
        .summary = "Hold your own prices against the book and name the models that have no price.\n"
                   "Fails when one has none and such calls are refused.",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser prices check --config purser.yaml",
    };
    enum output_format format = OUTPUT_TABLE;
    const char *config = NULL;
    struct options o;
    const struct option_to to[] = {[CHECK_FORMAT] = {.format = &format}, [CHECK_CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct settings_report report = {0};
    struct settings *s = runtime_load(config ? config : "", true, &report);
    prices_print_problems(&report.errors);
    settings_report_free(&report);
    if (!s) return EXIT_FAILED;
    int code = check(&o, s, format);
    settings_drop(s);
    return code;
}
