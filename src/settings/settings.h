/* purser.yaml as a snapshot: read, checked, immutable, swapped whole.
 *
 * src/settings/settings.def is the table of all settings: it drives the parser,
 * the checks, the defaults, `--help-settings` and docs/settings.md. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "policy/budgets.h"
#include "policy/health.h"
#include "policy/keys.h"
#include "policy/limits.h"
#include "policy/runaway.h"
#include "price/price.h"
#include "provider/credential.h"
#include "provider/provider.h"
#include "provider/sign.h"
#include "settings/model.h"

struct setting_listener {
    str host; /* "127.0.0.1", "::1", "unix:/path" */
    uint16_t port;
    str tls_cert, tls_key; /* paths; empty: plain */
};

struct setting_timeouts {
    int64_t connect_us, first_token_us, between_tokens_us, total_us;
};

/* What happens to a call that its target cannot do as it was asked. */
enum compat { COMPAT_DEFAULT, COMPAT_STRICT, COMPAT_LENIENT };

struct setting_provider {
    str name;
    const struct vendor *vendor;
    struct provider_paths paths;
    enum provider_auth auth;
    struct protocols protocols; /* the vendor's, or those that the settings leave it */
    str region;                 /* AWS */
    bool lenient;               /* what a target cannot do is dropped with a warning, not refused */
    str base_url;               /* without a slash at the end */
    bool tls;                   /* https */
    str host, path;             /* of base_url: "api.openai.com", "/v1" */
    uint16_t port;
    str api_key;                   /* secret; empty with key_required: off, with a warning */
    struct sigv4_key aws_key;      /* secret; where AWS keys are fixed */
    struct credential *credential; /* a secret that changes; NULL: the fixed ones hold */
    str *token_shown;              /* the words of its command, secrets masked */
    size_t token_words;
    str profile;                    /* of AWS's files, where that is whence it comes */
    struct setting_header *headers; /* sent with every call */
    size_t header_count;
    str api_version;
    bool off;
    struct setting_timeouts timeouts;
    struct health_rules health; /* of each of its targets */
    int64_t connections;        /* ceiling per worker */
    str ca_file;                /* own certificate authority; empty: the system's */
    bool tls_verify;
    picousd cost_per_hour;                 /* PRICE_UNSET: per token */
    int64_t concurrency_at_full;           /* calls at a time that fill the machine (cost_per_hour) */
    int64_t added_tokens;                  /* by it, to a call: template, hidden prompt; 0: not said */
    uint32_t quirks, flags;                /* vendor's and own */
    str book;                              /* whose prices of the book hold; empty: own prices alone */
    str why_off;                           /* "the environment variable GROQ_API_KEY is not set" */
    const struct setting_service *service; /* a rung's, which is no model; NULL: it is a provider */
};

enum on_disconnect { ON_DISCONNECT_DEFAULT, ON_DISCONNECT_CANCEL, ON_DISCONNECT_FINISH };

struct setting_runaway {
    struct runaway_limits limits;
    enum runaway_action most; /* the hardest thing that is done; RUNAWAY_NONE: nothing is looked at */
};

struct setting_ai {
    bool off; /* calls are answered without a provider */
    str why;
};

/* What is promised of a feature's answers. */
struct setting_slo {
    int64_t latency_us, first_token_us; /* 0: not promised */
    int64_t target_ppm; /* of them that must keep it: whole permilles, 1000 to 999000; 0: nothing is promised */
};

struct setting_feature {
    str name, owner;
    str where;                 /* "purser.yaml:12", or SETTINGS_RUNTIME */
    int64_t max_output_tokens; /* 0: not set */
    enum on_disconnect on_disconnect;
    enum feature_tier tier;
    struct setting_runaway runaway;
    struct setting_ai ai;
    struct setting_slo slo;
    struct setting_degraded degraded; /* where it is set it comes before the model's */
};

/* Answers kept for clients that send the same Idempotency-Key again. */
struct setting_idempotency {
    int64_t keep_us; /* 0: off */
    int64_t entries, bytes;
};

struct setting_ceilings {
    int64_t header_bytes, body_bytes, connections, connections_per_ip; /* 0: off */
    int64_t values;                                                    /* JSON values in a body */
    int64_t request_us;                                                /* a client has this long to send its request */
    int64_t idle_us;                                                   /* a kept connection may idle this long */
    int64_t write_us;                                                  /* a client may stop reading this long */
    int64_t drain_us;                                                  /* graceful stop */
    int64_t tape_bytes;                                                /* kept for a client that reads slowly */
    int64_t requests;                                                  /* in flight, all workers */
};

/* A budget, limit, feature or price as it was set: in the file, or while purser ran. The file wins over an entry of the
 * same kind and name. */
enum entry_state {
    ENTRY_HOLDS,
    ENTRY_SHADOWED, /* the file sets it, too */
    ENTRY_LEFT_OUT, /* something is wrong with it: mostly that the file has changed since */
};

struct setting_entry {
    str kind; /* "budget", "limit", "feature" or "price" */
    str name;
    str body;  /* a JSON object with the keys that the file has for such an entry */
    str where; /* "purser.yaml:12", or SETTINGS_RUNTIME */
    int64_t at_us;
    str who;
    enum entry_state state; /* as it was read */
    str why;                /* shadowed: where the file sets it, "purser.yaml:12"; left out: what is wrong */
};

/* The origin of what was set while purser ran, where the file's is "purser.yaml:12". */
#define SETTINGS_RUNTIME "runtime"

struct setting_code {
    struct pattern *pattern; /* one of the two */
    struct schema *schema;
    struct setting_code *next;
};

struct setting_zone {
    str name;
    struct zone *zone;
};

struct settings {
    struct arena arena; /* owns everything below */
    str file;
    str text; /* of the file */
    str (*env)(str name);
    struct setting_entry *entries; /* made at run time; they stand among the budgets, limits ... below */
    size_t entry_count;
    struct setting_entry *file_entries; /* the file's own; variables as they stand there */
    size_t file_entry_count;
    uint32_t generation;

    struct setting_listener *listeners;
    size_t listener_count;
    struct setting_listener *admin_listeners;
    size_t admin_listener_count;
    str admin_token; /* secret; empty: the one made at first start */
    str data;
    int64_t workers; /* 0: auto */
    str log;         /* "stderr", "off", or a path */

    struct health_rules health; /* of providers that say nothing */
    struct setting_provider *providers;
    size_t provider_count;
    size_t service_count; /* behind the providers stand the services of ladders */
    struct setting_model *models;
    size_t model_count;
    bool models_only;
    enum compat compat;      /* of providers that say nothing */
    struct price_book *book; /* sealed */
    bool unpriced_refuse;
    struct price unpriced_ceiling; /* when not refused */
    int64_t default_max_output_tokens;

    struct key *keys; /* of the settings alone */
    size_t key_count;
    str *key_shown; /* the keys' secrets, masked */
    struct budget_rule *budgets;
    size_t budget_count;
    struct limit_rule *limits;
    size_t limit_count;
    struct setting_feature *features;
    size_t feature_count;
    struct setting_runaway runaway; /* of features that say nothing, and of calls without a feature */
    size_t max_counters;
    struct setting_idempotency idempotency;

    int64_t ledger_keep_rows, ledger_keep_us, ledger_sync_us;
    bool durability_disk;
    struct setting_ceilings ceilings;

    struct setting_code *compiled; /* patterns and schemas, to be dropped */

    struct setting_zone *zones; /* those that budgets name */
    size_t zone_count;
};

/* Problems found, each "purser.yaml:12: budgets[0].window: 'dya' is no window; did you mean 'day'?". */
struct settings_report {
    struct buf errors, warnings; /* a line each */
    size_t error_count, warning_count;
};

/* Reads and checks. `file` empty: the first of settings_default_file() that is there.
 * Owns: the caller drops it. Fails: NULL, with at least one error. */
struct settings *settings_load(const char *file, struct settings_report *report);
/* The same from bytes: for tests and fuzzing. `env` finds ${NAME}s. */
struct settings *settings_parse(str yaml, str file_name, str (*env)(str name), struct settings_report *report);
/* The same file's text again, as it was read, with these entries beside it (sorted by kind and name, each once). One
 * that is wrong fails nothing: it is left out, which is a warning. Fails: NULL only where a file that it names is gone. */
struct settings *settings_with(const struct settings *s, const struct setting_entry *entries, size_t count,
                               struct settings_report *report);
/* An entry from what somebody sends: its body on one line, with its name in front where the file has one there. A
 * price is named by what it is for, whatever `name` says. In `arena`. Fails: false with a sentence in `why`. */
bool settings_make_entry(str kind, str name, str body, struct arena *arena, struct setting_entry *out,
                         str *why) MUST_CHECK;
/* Those that hold, as YAML to paste into the file; the others as comments that say why not. */
void settings_export(const struct settings *s, struct buf *out);
/* One made at run time; NULL where there is none. */
const struct setting_entry *settings_entry(const struct settings *s, str kind, str name);
const struct setting_entry *settings_file_entry(const struct settings *s, str kind, str name);
static inline bool settings_is_runtime(str where)
{
    return str_eq(where, S(SETTINGS_RUNTIME));
}
void settings_drop(struct settings *s);
void settings_report_free(struct settings_report *report);

/* What a key, team, budget or feature may be called: it can stand in scopes, filters and lists. */
#define SETTINGS_NAME_RULE "1 to 64 bytes, none of them a blank or one of , = / * \" ' { }"
bool settings_is_name(str s);
const struct setting_provider *settings_provider(const struct settings *s, str name);
/* A rung's service, as the provider that it is to whatever carries calls. */
const struct setting_provider *settings_service(const struct settings *s, str name);
const struct setting_feature *settings_feature(const struct settings *s, str name);
/* The entry of `models:` with this public name; NULL where there is none. */
const struct setting_model *settings_model(const struct settings *s, str name);

/* What to show to the provider now: its key, or the last token. Thread: any; never blocks for long.
 * Fails: false where there is none in force; `why` then says so. Where none is needed, `out` is empty. */
bool settings_secret(const struct setting_provider *p, int64_t now_us, struct arena *arena, struct provider_secret *out,
                     str *why) MUST_CHECK;
/* Fetches tokens that are due; blocks. `*stop` ends it early (NULL: never). A line in `problems` for each that failed.
 * Thread: one at a time, no worker. */
void settings_refresh(const struct settings *s, int64_t now_us, const bool *stop, struct buf *problems);
/* Takes over tokens that `old` fetched already. Before `next` is shared. */
void settings_adopt(struct settings *next, const struct settings *old);

/* Where a model name leads. `why` gets the sentence for the client where it leads
 * nowhere, with the line of YAML to add. Thread: any. Fails: false. */
struct setting_target {
    const struct setting_provider *provider;
    str model; /* the target's name for it */
};
bool settings_route(const struct settings *s, str model, struct arena *arena, struct setting_target *out,
                    str *why) MUST_CHECK;

/* The files that settings_load() looks for where none is named, best first: ./purser.yaml,
 * purser/purser.yaml in $XDG_CONFIG_HOME or else ~/.config, /etc/purser/purser.yaml; p == NULL behind
 * the last. In `arena`, or constant. Thread: any, as long as none changes the environment. */
str settings_default_file(size_t i, struct arena *arena);

/* "sk-...f3a2" of a secret longer than 12 bytes, else "***". */
str settings_mask(str secret, struct arena *arena);

/* The settings as purser understood them, secrets masked. */
void settings_print(const struct settings *s, struct buf *out);
/* A line or two for people: how many of what. */
void settings_summary(const struct settings *s, struct buf *out);
/* All settings with type, default and meaning: plain text, or Markdown for docs/settings.md. */
void settings_help(bool markdown, struct buf *out);

#endif
