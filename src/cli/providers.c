/* purser providers: who is set up, and whether they can be reached. */
#include <stdlib.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/probe.h"
#include "cli/table.h"

/* Fails: NULL after complaining. */
static struct settings *load(const char *config)
{
    struct settings_report report = {0};
    struct settings *s = settings_load(config ? config : "", &report);
    if (!s && report.errors.n) fwrite(report.errors.p, 1, report.errors.n, stderr);
    settings_report_free(&report);
    return s;
}

static void print_table(const struct table *t, enum output_format format)
{
    if (format == OUTPUT_JSON) fputs("{\"rows\": ", stdout);
    table_print(t, format, stdout);
    if (format == OUTPUT_JSON) fputs("}\n", stdout);
}

static void add_protocols(struct table *t, const struct setting_provider *p)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < p->protocols.count; i++)
        buf_printf(&text, "%s%" STR_FMT, i ? ", " : "", STR_ARG(protocol_name(p->protocols.at[i])));
    table_add_both(t, text.n ? buf_str(&text) : S("-"), buf_str(&text));
    buf_free(&text);
}

/* ---- the list */

static size_t count_mapped(const struct settings *s, const struct setting_provider *p)
{
    size_t n = 0;
    for (size_t i = 0; i < s->model_count; i++) {
        const struct setting_model *m = &s->models[i];
        bool goes = false;
        for (size_t t = 0; t < m->target_count; t++) goes = goes || str_eq(m->targets[t].provider, p->name);
        n += goes;
    }
    return n;
}

/* How it is shown who calls; never with what. */
static str shown_by(const struct setting_provider *p)
{
    if (p->off) return S("off");
    if (p->credential) {
        enum credential_kind kind = credential_source(p->credential)->kind;
        return kind == CREDENTIAL_COMMAND ? S("token command")
               : kind == CREDENTIAL_FILE  ? S("token file")
                                          : S("AWS profile");
    }
    if (p->api_key.n) return S("key");
    return p->aws_key.id.n ? S("AWS keys") : S("none needed");
}

static void list(const struct settings *s, enum output_format format)
{
    static const struct table_column columns[] = {
        {"provider", "provider", false, false},
        {"kind", "kind", false, false},
        {"protocols", "protocols", false, false},
        {"address", "base_url", false, false},
        {"key", "key", false, false},
        {"models mapped", "models_mapped", true, true},
        {"prices of", "book", false, false},
        {"why off", "why_off", false, false},
    };
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        table_add(&t, p->name);
        table_add(&t, p->vendor->kind);
        add_protocols(&t, p);
        table_add(&t, p->base_url);
        table_add(&t, shown_by(p));
        table_addf(&t, "%zu", count_mapped(s, p));
        table_add_both(&t, p->book.n ? p->book : S("own alone"), p->book.n ? p->book : S(""));
        table_add(&t, p->off ? p->why_off : S(""));
    }
    if (s->provider_count || format != OUTPUT_TABLE)
        print_table(&t, format);
    else
        puts("No provider is set up: add some under 'providers' in the settings (purser init writes a start).");
    table_free(&t);
}

/* ---- the check */

static void add_answer(struct table *t, enum probe_answer answer)
{
    static const str words[] = {STR_INIT("?"), STR_INIT("no"), STR_INIT("yes")};
    static const str raw[] = {STR_INIT("null"), STR_INIT("false"), STR_INIT("true")};
    table_add_both(t, words[answer], raw[answer]);
}

static void add_time(struct table *t, int64_t us)
{
    char shown[40], raw[40];
    snprintf(shown, sizeof(shown), "%lld ms", (long long)((us + 500) / 1000));
    snprintf(raw, sizeof(raw), "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
    table_add_both(t, us < 0 ? S("-") : str_from(shown), us < 0 ? S("null") : str_from(raw));
}

static void add_models(struct table *t, const struct probe *p)
{
    char shown[40], raw[40];
    snprintf(raw, sizeof(raw), "%lld", (long long)p->models);
    snprintf(shown, sizeof(shown), "%lld%s", (long long)p->models, p->more_models ? "+" : "");
    table_add_both(t, p->models < 0 ? S("-") : str_from(shown), p->models < 0 ? S("null") : str_from(raw));
}

static void print_probes(const struct probe *probes, size_t count, enum output_format format)
{
    static const struct table_column columns[] = {
        {"provider", "provider", false, false},
        {"kind", "kind", false, false},
        {"ok", "ok", false, true},
        {"reachable", "reachable", false, true},
        {"authorised", "authorised", false, true},
        {"connected", "connect_ms", true, true},
        {"answered", "latency_ms", true, true},
        {"models", "models", true, true},
        {"status", "status", true, true},
        {"what", "what", false, false},
    };
    struct table t;
    table_init(&t, columns, COUNT_OF(columns));
    for (size_t i = 0; i < count; i++) {
        const struct probe *p = &probes[i];
        table_add(&t, p->provider->name);
        table_add(&t, p->provider->vendor->kind);
        add_answer(&t, probe_ok(p) ? PROBE_YES : p->asked ? PROBE_NO : PROBE_UNKNOWN);
        add_answer(&t, p->reachable);
        add_answer(&t, p->authorised);
        add_time(&t, p->connect_us);
        add_time(&t, p->latency_us);
        add_models(&t, p);
        if (p->status)
            table_addf(&t, "%d", p->status);
        else
            table_add_both(&t, S("-"), S("null"));
        table_add(&t, str_from(p->why));
    }
    print_table(&t, format);
    table_free(&t);
}

/* Those named, in their order; all where none is. Fails: false after complaining. */
static bool choose(const struct options *o, const struct settings *s, const char *const *names, size_t name_count,
                   struct probe *probes, size_t *count)
{
    *count = 0;
    for (size_t i = 0; !name_count && i < s->provider_count; i++) probes[(*count)++].provider = &s->providers[i];
    for (size_t i = 0; i < name_count; i++) {
        const struct setting_provider *p = settings_provider(s, str_from(names[i]));
        if (!p) {
            options_complain(o, "no provider is called '%s' (purser providers lists them)", names[i]);
            return false;
        }
        probes[(*count)++].provider = p;
    }
    return true;
}

/* Asked for by name, or on: what is off for want of a key fails only when somebody wants it. */
static bool has_failed(const struct probe *p, bool named)
{
    return p->asked ? !probe_ok(p) : named || (!p->provider->off && p->provider->vendor->serves & SERVES(MODELS));
}

static int check(const struct options *o, const struct settings *s, const struct probe_options *how,
                 const char *const *names, size_t name_count, enum output_format format)
{
    struct probe *probes = mem_zalloc((s->provider_count + name_count + 1) * sizeof(*probes));
    struct buf problems;
    size_t count = 0;
    bool ok = choose(o, s, names, name_count, probes, &count);
    if (ok) {
        buf_init(&problems, 0);
        settings_refresh(s, time_now_us(), NULL, &problems); /* what fails is told in the table */
        buf_free(&problems);
        probe_run(s, how, probes, count);
        if (count || format != OUTPUT_TABLE)
            print_probes(probes, count, format);
        else
            puts("No provider is set up: add some under 'providers' in the settings.");
        for (size_t i = 0; i < count; i++) ok = ok && !has_failed(&probes[i], name_count > 0);
    }
    free(probes);
    return ok ? EXIT_OK : EXIT_FAILED;
}

enum { NAMES_MAX = 256 };

static int providers_check(int argc, char **argv)
{
    enum { OPT_SPEND, OPT_TIMEOUT, OPT_FORMAT, OPT_CONFIG };
    static const struct option options[] = {
        {"spend", NULL, "where a provider lists no models, ask for one token of a mapped one"},
        {"timeout", "TIME", "how long to wait for each (15s)"},
        OPTION_FORMAT,
        OPTION_CONFIG,
    };
    static const struct command command = {
        .name = "providers check",
        .usage = "[options] [NAME...]",
        .summary = "Call each provider once, or those that are named, and tell whether it can be\n"
                   "reached, lets purser in, how fast it is and how many models it lists. The list of\n"
                   "models costs nothing; what --spend asks for stands in no ledger. Exit code 1 when\n"
                   "one fails.",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser providers check\npurser providers check openai bedrock --format json",
    };
    enum output_format format = OUTPUT_TABLE;
    struct probe_options how = {.timeout_us = 15 * US_PER_SECOND};
    const char *config = NULL, *names[NAMES_MAX];
    size_t name_count = 0;
    struct options o;
    options_init(&o, &command, argc, argv);
    for (int got; (got = options_next(&o)) != OPT_END;) {
        if (got == OPT_STOP) return o.exit_code;
        if (got == OPT_SPEND) how.spend = true;
        if (got == OPT_FORMAT && !options_format(&o, &format)) return EXIT_USAGE;
        if (got == OPT_CONFIG) config = o.value;
        if (got == OPT_TIMEOUT && (!time_parse_duration(str_from(o.value), &how.timeout_us) || how.timeout_us <= 0)) {
            options_complain(&o, "'%s' is no time; a number and a unit, such as 5s", o.value);
            return EXIT_USAGE;
        }
        if (got != OPT_ARGUMENT) continue;
        if (name_count == NAMES_MAX) {
            options_complain(&o, "at most %d names", NAMES_MAX);
            return EXIT_USAGE;
        }
        names[name_count++] = o.value;
    }
    struct settings *s = load(config);
    int code = s ? check(&o, s, &how, names, name_count, format) : EXIT_FAILED;
    settings_drop(s);
    return code;
}

int cmd_providers(int argc, char **argv)
{
    enum { OPT_FORMAT, OPT_CONFIG };
    static const struct option options[] = {OPTION_FORMAT, OPTION_CONFIG};
    static const struct command command = {
        .name = "providers",
        .usage = "[check] [options]",
        .summary = "List the providers of the settings: what kind they are, which protocols purser\n"
                   "speaks with them, where they are, how they are shown who calls, and why one is off.\n"
                   "  check  call each once: reachable, authorised, latency, models (see its --help)",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser providers\npurser providers check",
    };
    if (argc > 1 && strcmp(argv[1], "check") == 0) return providers_check(argc - 1, argv + 1);
    enum output_format format = OUTPUT_TABLE;
    const char *config = NULL;
    struct options o;
    const struct option_to to[] = {[OPT_FORMAT] = {.format = &format}, [OPT_CONFIG] = {.text = &config}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct settings *s = load(config);
    if (s) list(s, format);
    settings_drop(s);
    return s ? EXIT_OK : EXIT_FAILED;
}
