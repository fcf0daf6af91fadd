/* purser init: a first settings file, from the provider keys in the environment. */
#include "base/arena.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "policy/keys.h"
#include "settings/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPT_CONFIG, OPT_FORCE };

static const struct option init_options[] = {
    {"config", "FILE", "where to write (./purser.yaml)"},
    {"force", NULL, "replace a file that is there"},
};

static const struct command init_command = {
    .name = "init",
    .usage = "[options]",
    .summary = "Write a commented settings file from the provider keys found in the environment, and\n"
               "make a first key, which is shown once. The file names variables, never what is in them.",
    .options = init_options,
    .option_count = COUNT_OF(init_options),
    .example = "OPENAI_API_KEY=sk-... purser init && purser check && purser serve",
};

static bool in_environment(str name)
{
    char text[64];
    if (!name.n || !str_copy(text, sizeof(text), name)) return false;
    const char *value = getenv(text);
    return value && *value;
}

/* The variable that is set, of those that may hold the vendor's key; else the first, else none. */
static str key_variable(const struct vendor *v, bool *set)
{
    *set = false;
    for (size_t i = 0; vendor_key_env(v, i).p; i++) {
        *set = in_environment(vendor_key_env(v, i));
        if (*set) return vendor_key_env(v, i);
    }
    return vendor_key_env(v, 0);
}

/* AWS's keys are not in one variable, and Vertex has tokens alone. */
static bool is_found(const struct vendor *v)
{
    bool set;
    key_variable(v, &set);
    if (v->paths == FAMILY_BEDROCK)
        return set || in_environment(S("AWS_ACCESS_KEY_ID")) || in_environment(S("AWS_PROFILE"));
    if (v->paths == FAMILY_VERTEX) return in_environment(S("GOOGLE_CLOUD_PROJECT"));
    return set && v->base_url.n;
}

static size_t count_found(void)
{
    size_t found = 0;
    for (size_t i = 0; vendor_at(i); i++) found += is_found(vendor_at(i));
    return found;
}

static str region_variable(void)
{
    return in_environment(S("AWS_DEFAULT_REGION")) && !in_environment(S("AWS_REGION")) ? S("AWS_DEFAULT_REGION")
                                                                                       : S("AWS_REGION");
}

/* A vendor whose address follows from where it is: what is set is named, the rest purser finds as their tools do. */
static void write_cloud(struct buf *out, const struct vendor *v)
{
    bool on = is_found(v), key;
    buf_printf(out, "  %s%" STR_FMT ": { kind: %" STR_FMT, on ? "" : "# ", STR_ARG(v->kind), STR_ARG(v->kind));
    if (v->paths == FAMILY_VERTEX) {
        buf_add(out, S(", project: ${GOOGLE_CLOUD_PROJECT}, location: global, token_command: [gcloud, auth, "
                       "print-access-token] }\n"));
        return;
    }
    bool region = in_environment(region_variable());
    if (region || !on) buf_printf(out, ", region: ${%" STR_FMT "}", STR_ARG(region_variable()));
    str variable = key_variable(v, &key);
    if (key) buf_printf(out, ", api_key: ${%" STR_FMT "}", STR_ARG(variable));
    if (!key && in_environment(S("AWS_PROFILE"))) buf_add(out, S(", profile: ${AWS_PROFILE}"));
    buf_add(out, S(" }   # else AWS_ACCESS_KEY_ID ..., else ~/.aws/credentials\n"));
}

static void write_providers(struct buf *out, bool any)
{
    buf_add(out, S("# Who answers. A key is taken from the environment and stays out of this file.\nproviders:\n"));
    for (size_t i = 0; vendor_at(i); i++) {
        const struct vendor *v = vendor_at(i);
        if (v->paths == FAMILY_BEDROCK || v->paths == FAMILY_VERTEX) write_cloud(out, v);
        if (!v->base_url.n) continue;
        bool on;
        str variable = key_variable(v, &on);
        buf_printf(out, "  %s%" STR_FMT ": { kind: %" STR_FMT ", base_url: %" STR_FMT, on ? "" : "# ", STR_ARG(v->kind),
                   STR_ARG(v->kind), STR_ARG(v->base_url));
        if (variable.n) buf_printf(out, ", api_key: ${%" STR_FMT "}", STR_ARG(variable));
        buf_add(out, S(" }\n"));
    }
    buf_add(out, S("  # azure: { kind: azure, base_url: https://RESOURCE.openai.azure.com/openai/v1, api_key: "
                   "${AZURE_OPENAI_API_KEY} }\n"));
    buf_printf(out,
               "  %slab: { kind: openai, base_url: http://127.0.0.1:9100/v1 }   # `purser simulate`: costs nothing\n\n",
               any ? "# " : "");
}

static void write_key(struct buf *out, const char *secret)
{
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(str_from(secret), hash);
    buf_add(out, S("# Who may call. purser knows the hash of a key alone; `purser keys add` makes more.\n"
                   "keys:\n  - { name: first, secret_hash: "));
    for (size_t i = 0; i < sizeof(hash); i++) buf_printf(out, "%02x", hash[i]);
    buf_add(out, S(" }\n"
                   "  # - { name: alice, secret: ${ALICE_KEY}, team: support, models: [ cheap, \"openai/*\" ] }\n\n"));
}

static void write_settings(struct buf *out, const char *secret)
{
    bool any = count_found() > 0;
    buf_add(out, S("# Settings of purser. `purser check` reads them and names what is wrong;\n"
                   "# `purser check --help-settings` explains every one.\n\n"
                   "listen: 127.0.0.1:8400      # applications; \":8400\" for the whole network\n"));
    if (in_environment(S("PURSER_ADMIN_TOKEN"))) {
        buf_add(out, S("admin: { listen: 127.0.0.1:8401, token: ${PURSER_ADMIN_TOKEN} }\n"));
    } else {
        buf_add(out, S("admin: { listen: 127.0.0.1:8401 }   # token: ${PURSER_ADMIN_TOKEN}; else one is made at the "
                       "first start\n"));
    }
    buf_add(out, S("data: ./purser-data         # journal and ledger\n\n"));
    write_providers(out, any);
    buf_add(out, S("# Public model names. `provider/model` always works; a name that the price book knows, too.\n"));
    buf_add(out, any ? S("# models:\n#   cheap: openai/gpt-5-mini\n\n") : S("models:\n  cheap: lab/sim-small\n\n"));
    buf_add(out, S("# Own prices, in dollars per million units, in front of the built-in book.\n"));
    buf_add(out, any ? S("# prices:\n#   - { model: openai/my-fine-tune, input: 0.30, output: 1.20 }\n\n")
                     : S("prices:\n  - { model: lab/sim-small, input: 0.15, output: 0.60, cache_read: 0.075 }\n\n"));
    buf_add(out, S("unpriced: refuse            # a model without a known price is not called\n\n"));
    write_key(out, secret);
    buf_add(out, S("# Hard budgets: each call's worst case is held before it starts.\n"
                   "budgets:\n"
                   "  - { name: everything, scope: {}, limit_usd: 50, window: month, timezone: UTC }\n"
                   "  # - { name: each-user-daily, scope: { user: \"*\" }, limit_usd: 1.00, window: day }\n\n"
                   "# limits:\n"
                   "#   - { scope: { key: first }, requests_per_minute: 600, concurrency: 50 }\n\n"
                   "# What calls are made for: the header x-purser-feature.\n"
                   "# features:\n"
                   "#   support-bot: { owner: ana@example.com, max_output_tokens: 800 }\n"));
}

static bool write_all(int fd, str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        s = str_from_at(s, (size_t)n);
    }
    return true;
}

/* Only the owner may read it; never through a link that somebody put there. */
static bool write_file(const struct options *o, const char *file, str text, bool force)
{
    struct arena arena;
    arena_init(&arena);
    const char *into = force ? arena_printf(&arena, "%s.new", file).p : file;
    if (force) unlink(into);
    int fd = open(into, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    if (!ok && errno == EEXIST && !force) {
        options_complain(o, "%s is there already; --force replaces it, --config names another file", file);
        arena_free(&arena);
        return false;
    }
    if (ok) ok = write_all(fd, text) && fsync(fd) == 0;
    int problem = errno;
    if (fd >= 0 && close(fd) != 0 && ok) ok = false, problem = errno;
    if (ok && force && rename(into, file) != 0) ok = false, problem = errno;
    if (!ok) {
        options_complain(o, "cannot write %s: %s", file, strerror(problem));
        if (fd >= 0) unlink(into);
    }
    arena_free(&arena);
    return ok;
}

static void print_next(const char *file, const char *secret)
{
    bool own = strcmp(file, "purser.yaml") != 0;
    const char *option = own ? " --config " : "", *name = own ? file : "";
    printf("wrote %s\n\nproviders:", file);
    size_t found = 0;
    for (size_t i = 0; vendor_at(i); i++) {
        const struct vendor *v = vendor_at(i);
        if (!is_found(v)) continue;
        bool key;
        str variable = key_variable(v, &key);
        if (!key) variable = v->paths == FAMILY_VERTEX ? S("GOOGLE_CLOUD_PROJECT") : S("AWS's keys");
        printf("%s %" STR_FMT " (%" STR_FMT ")", found++ ? "," : "", STR_ARG(v->kind), STR_ARG(variable));
    }
    if (!found) {
        printf(
            " no key found (OPENAI_API_KEY, GROQ_API_KEY ...); set up for the simulated one:\n\n    purser simulate");
    }
    if (in_environment(S("AZURE_OPENAI_API_KEY")))
        printf("\nAZURE_OPENAI_API_KEY is set, too: write your resource into the line of azure in %s", file);
    printf("\n\nyour first key, shown this once:\n\n    %s\n\nnext:\n\n    purser check%s%s\n    purser serve%s%s\n\n",
           secret, option, name, option, name);
}

int cmd_init(int argc, char **argv)
{
    struct options o;
    const char *file = "purser.yaml";
    bool force = false;
    const struct option_to to[] = {[OPT_CONFIG] = {.text = &file}, [OPT_FORCE] = {.flag = &force}};
    options_init(&o, &init_command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    char secret[64];
    struct buf text;
    buf_init(&text, 0);
    key_make_secret(secret);
    write_settings(&text, secret);
    bool ok = write_file(&o, file, buf_str(&text), force);
    if (ok) print_next(file, secret);
    explicit_bzero(secret, sizeof(secret));
    buf_free(&text);
    return ok ? EXIT_OK : EXIT_FAILED;
}
