/* purser prices show: everything that is known of a model's price. */
#include <stdlib.h>

#include "base/time.h"
#include "cli/prices.h"

/* A provider that knows the name, and what it has under it. */
struct sold {
    str provider;
    struct price_set set;
};

/* The settings' name for it where it has one, so that own prices are seen. */
static struct price_set find_at(const struct prices_source *source, str provider, str model, struct arena *arena)
{
    const struct setting_provider *p = source->settings ? settings_provider(source->settings, provider) : NULL;
    str vendor = p ? p->book : provider;
    return price_book_find_target(source->book, provider, vendor, model, arena);
}

/* What a provider sells under its own name, not what it falls back to. */
static bool is_sold_by(const struct price_set *set, str provider, bool configured)
{
    return set->count && (configured || set->own || str_eq(set->rows[0]->provider, provider));
}

static size_t add_sold(const struct prices_source *source, str provider, str model, struct arena *arena,
                       struct sold *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(out[i].provider, provider)) return n;
    }
    bool configured = source->settings && settings_provider(source->settings, provider);
    struct price_set set = find_at(source, provider, model, arena);
    if (is_sold_by(&set, provider, configured)) out[n++] = (struct sold){provider, set};
    return n;
}

/* "provider/model" where there is such a provider; a public name of the settings; else whoever knows the name. */
static size_t find_sold(const struct prices_source *source, str name, struct arena *arena, struct sold *out, size_t max)
{
    str model = name;
    str provider = str_cut(&model, '/');
    if (model.p && model.n) {
        struct price_set set = find_at(source, provider, model, arena);
        if (set.count) {
            out[0] = (struct sold){provider, set};
            return 1;
        }
    }
    size_t n = 0;
    for (size_t i = 0; source->settings && i < source->settings->model_count && n < max; i++) {
        const struct setting_model *m = &source->settings->models[i];
        for (size_t t = 0; str_eq(m->name, name) && t < m->target_count && n < max; t++) {
            n = add_sold(source, m->targets[t].provider, m->targets[t].model, arena, out, n);
        }
    }
    for (size_t i = 0; !n && source->settings && i < source->settings->provider_count && n < max; i++) {
        n = add_sold(source, source->settings->providers[i].name, name, arena, out, n);
    }
    str last = STR_NONE;
    str seller;
    for (size_t i = 0; n < max && (seller = price_book_seller(source->book, i)).n; i++) {
        if (str_eq(seller, last)) continue;
        last = seller;
        n = add_sold(source, seller, name, arena, out, n);
    }
    return n;
}

static void show_facts(const struct price_book *book, const struct sold *s)
{
    const struct price *row = s->set.rows[s->set.count - 1];
    printf("%" STR_FMT "/%" STR_FMT "\n", STR_ARG(s->provider), STR_ARG(row->model));
    if (!str_eq(row->provider, s->provider)) {
        printf("  prices of: %" STR_FMT "\n", STR_ARG(row->provider));
    }
    bool any = false;
    str name;
    for (size_t i = 0; (name = price_book_names(book, row, i)).n; i++) {
        printf("%s%" STR_FMT, any ? " " : "  names: ", STR_ARG(name));
        any = true;
    }
    if (any) printf("\n");
    if (s->set.facts.context_window) printf("  context window: %lld tokens\n", (long long)s->set.facts.context_window);
    if (s->set.facts.max_output) printf("  longest output: %lld tokens\n", (long long)s->set.facts.max_output);
    if (s->set.own) printf("  own prices stand in front of the book's while they are in force\n");
}

static void print_for_people(const struct price_book *book, const struct sold *sold, size_t n)
{
    char date[40];
    for (size_t i = 0; i < n; i++) {
        struct table t;
        show_facts(book, &sold[i]);
        prices_table_init(&t, OUTPUT_TABLE);
        for (size_t r = 0; r < sold[i].set.count; r++) prices_table_add(&t, OUTPUT_TABLE, sold[i].set.rows[r]);
        table_print(&t, OUTPUT_TABLE, stdout);
        table_free(&t);
        printf("\n");
    }
    if (n) printf("US dollars per million units. ");
    printf("Price book of %" STR_FMT ", %lld days old, from %" STR_FMT ".\n",
           STR_ARG(time_format_date(price_book_date(book), date)), (long long)book_age_days(book),
           STR_ARG(price_book_source(book)));
}

static void add_model_json(struct buf *out, const struct price_book *book, const struct sold *s)
{
    const struct price *row = s->set.rows[s->set.count - 1];
    buf_add(out, S("{\"provider\": "));
    buf_add_json(out, s->provider);
    buf_add(out, S(", \"model\": "));
    buf_add_json(out, row->model);
    buf_add(out, S(", \"names\": ["));
    str name;
    for (size_t i = 0; (name = price_book_names(book, row, i)).n; i++) {
        if (i) buf_add(out, S(", "));
        buf_add_json(out, name);
    }
    buf_printf(out, "], \"context_window\": %lld, \"max_output\": %lld, \"own\": %s}",
               (long long)s->set.facts.context_window, (long long)s->set.facts.max_output,
               s->set.own ? "true" : "false");
}

static void print_for_programs(const struct price_book *book, const struct sold *sold, size_t n,
                               enum output_format format)
{
    struct table t;
    struct buf out;
    char date[40];
    prices_table_init(&t, format);
    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < sold[i].set.count; r++) prices_table_add(&t, format, sold[i].set.rows[r]);
    }
    if (format == OUTPUT_JSON) {
        buf_add(&out, S("{\"models\": ["));
        for (size_t i = 0; i < n; i++) {
            if (i) buf_add(&out, S(", "));
            add_model_json(&out, book, &sold[i]);
        }
        buf_printf(&out, "],\n \"book\": {\"made\": \"%" STR_FMT "\", \"age_days\": %lld, \"source\": ",
                   STR_ARG(time_format_date(price_book_date(book), date)), (long long)book_age_days(book));
        buf_add_json(&out, price_book_source(book));
        buf_add(&out, S("},\n \"rows\": "));
    }
    table_write(&t, format, &(struct table_paper){0}, &out);
    if (format == OUTPUT_JSON) buf_add(&out, S("}\n"));
    fwrite(out.p, 1, out.n, stdout);
    buf_free(&out);
    table_free(&t);
}

static int show(const struct options *o, const struct prices_source *source, str name, enum output_format format)
{
    enum { SELLERS_MAX = 64 };
    struct sold sold[SELLERS_MAX];
    struct arena arena;
    arena_init(&arena);
    size_t n = name.n ? find_sold(source, name, &arena, sold, SELLERS_MAX) : 0;
    bool found = n || !name.n; /* without a model it is the book alone */
    if (!found) {
        options_complain(o,
                         "'%" STR_FMT "' has no price: under `prices:` in the settings add\n"
                         "  - { model: \"<provider>/%" STR_FMT "\", input: 0.00, output: 0.00 }  # per million tokens",
                         STR_ARG(name), STR_ARG(name));
    } else if (format == OUTPUT_TABLE) {
        print_for_people(source->book, sold, n);
    } else {
        print_for_programs(source->book, sold, n, format);
    }
    warn_if_old(o, source->book);
    arena_free(&arena);
    return found ? EXIT_OK : EXIT_FAILED;
}

enum { SHOW_FORMAT, SHOW_CONFIG };

int prices_show(int argc, char **argv)
{
    static const struct option options[] = {OPTION_FORMAT, OPTION_CONFIG};
    static const struct command command = {
        .name = "prices show",
        .usage = "[options] [MODEL]",
        .summary = "Print everything known of a model's price, as `model` or `provider/model`: history,\n"
                   "context and service tiers, names, source, and how old the book is. Without a model:\n"
                   "the book's age and sources alone.",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser prices show openai/gpt-5-mini",
    };
    enum output_format format = OUTPUT_TABLE;
    const char *config = NULL, *name = NULL;
    struct options o;
    const struct option_to to[] = {[SHOW_FORMAT] = {.format = &format}, [SHOW_CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, &name)) return o.exit_code;
    struct prices_source source = prices_open(&o, config);
    if (!source.whole) return EXIT_FAILED;
    int code = show(&o, &source, str_from(name), format);
    prices_close(&source);
    return code;
}
