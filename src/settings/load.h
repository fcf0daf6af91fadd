/* How settings are read: the table's rows, the loader's state, and the readers
 * that turn a YAML node into a field. Only for the files of this folder. */
#ifndef SETTINGS_LOAD_H
#define SETTINGS_LOAD_H

#include "settings/settings.h"
#include "settings/suggest.h"
#include "settings/tree.h"

/* ---- what rows are read into before they are settings */

struct secret {
    str text;
    str missing; /* the variable that is not set */
    bool set;    /* it stands in the file */
    uint32_t line;
};

struct texts {
    str *items;
    str *shown; /* each as it stands in the file */
    size_t count;
};

struct listeners {
    struct setting_listener *items;
    size_t count;
};

struct listener_draft {
    str address;
    struct setting_listener l;
};

struct target_draft {
    str name, provider, model; /* "provider/model" and its two parts */
};

static inline struct setting_to to_of(const struct target_draft *t, int64_t weight)
{
    return (struct setting_to){t->provider, t->model, t->name, weight};
}

struct hash_draft {
    unsigned char bytes[KEY_HASH_BYTES];
    bool set;
};

struct headers {
    struct setting_header *items;
    size_t count;
};

struct provider_draft {
    struct setting_provider p;
    str kind, base_url;
    enum compat compat;
    struct protocols protocols; /* none: the vendor's */
    struct headers headers;
    struct secret api_key;
    struct secret access_key_id, secret_access_key, session_token;
    str profile;
    struct texts token_command;
    str token_file;
    int64_t token_ttl_us;
    struct quirk quirks; /* all of them together */
};

struct targets_draft {
    struct setting_to *items;
    size_t count;
};

struct to_draft {
    struct target_draft target;
    int64_t weight;
};

struct finish_draft {
    uint32_t stops; /* as in struct setting_accept */
};

struct accept_draft {
    struct setting_accept a;
    struct finish_draft finish;
};

struct when_headers {
    struct setting_when_header *items;
    size_t count;
};

struct when_draft {
    struct setting_when w;
    struct when_headers headers;
};

struct rung_draft {
    struct setting_rung r;
    struct target_draft target;
    struct headers headers; /* of the service */
    struct secret api_key;
};

struct ladder_draft {
    struct setting_rung *items;
    size_t count;
};

struct model_draft {
    struct setting_model m;
    struct ladder_draft ladder;
    struct target_draft target; /* one of the three */
    struct targets_draft targets;
};

struct price_draft {
    struct price p;
    struct target_draft model;
    picousd cache_write;
};

struct key_draft {
    struct key k;
    struct secret secret;
    struct hash_draft hash;
    struct texts models, passthrough;
};

struct budget_draft {
    struct budget_rule b;
    int64_t usd, tokens, requests; /* -1: not set */
};

/* ---- the loader */

/* An entry made at run time, on its way to a node of the file's tree. */
struct entry_draft {
    struct setting_entry e;
    struct buf problems; /* what is wrong with it: it is left out, and all is read again */
};

struct loader {
    struct settings s; /* grows here, moves to the heap at the end */
    struct entry_draft *entries;
    size_t entry_count;
    struct settings_report *report;
    struct arena scratch; /* the tree, paths, messages */
    str (*env)(str name);
    struct listeners listen, admin_listen;
    struct secret admin_token;
    struct price *prices; /* go into the book at the end */
    size_t price_count;
    str *key_names; /* of keys that are off, too */
    size_t key_name_count;
};

/* A setting on its way to its field. */
struct value {
    const struct tree_node *node; /* NULL: the default */
    uint32_t line;
    str path;    /* "budgets[0].window" */
    str text;    /* a scalar, variables put in */
    str shown;   /* the same for messages: as it stands in the file, keys masked */
    str missing; /* the variable that is not set */
};

/* Fails: false after load_error(). */
typedef bool setting_reader(struct loader *l, const struct value *v, void *into);

enum setting_type {
#define TYPE(constant, ...) TYPE_##constant,
#include "settings/types.def"
#undef TYPE
};

enum setting_group {
#define GROUP(constant, ...) GROUP_##constant,
#define SETTING(...)
#include "settings/settings.def"
#undef GROUP
#undef SETTING
    GROUP_COUNT
};

struct setting_row {
    enum setting_group group;
    enum setting_type type;
    str key;
    size_t offset;
    const char *standard; /* the default; NULL: required */
    const char *meaning, *example;
};

struct group_row {
    const char *path, *meaning, *example;
};

#define REQUIRED NULL

extern const struct group_row setting_groups[GROUP_COUNT];
const struct setting_row *setting_row_at(size_t i); /* NULL behind the last */
const char *setting_type_name(enum setting_type t);

/* ---- problems; `line` 0 names the file alone. What is said of an entry's line is its own problem, not the file's. */

void load_error(struct loader *l, uint32_t line, str path, const char *fmt, ...) PRINTF_LIKE(4, 5);
void load_warn(struct loader *l, uint32_t line, str path, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* "'dya' is no window; did you mean 'day'? (minute, hour ...)". Always false. */
bool load_reject(struct loader *l, const struct value *v, const char *what, str suggestion, const char *expected);
/* Which of a few words it is; -1 after complaining. */
int load_one_of(struct loader *l, const struct value *v, const str *words, size_t count, const char *what,
                const char *expected);
/* For a message: control characters out, keys masked, cut. */
str load_show(struct loader *l, str text);

/* ---- reading */

/* Reads a map into the struct of its group: unknown and repeated keys, types,
 * defaults. `node` NULL: the defaults alone. */
bool load_group(struct loader *l, const struct tree_node *node, str path, enum setting_group group, void *into);
/* Fills in `v` for one node: variables, text for messages. Fails: false after load_error(). */
bool load_value(struct loader *l, const struct tree_node *node, str path, bool secret, struct value *v);
/* "path.key" and "path[i]". */
str load_path_key(struct loader *l, str path, str key);
str load_path_index(struct loader *l, str path, size_t i);
/* The path of an entry of a list, or of a map: empty where it was made at run time, since its name says it all. */
str load_path_entry(struct loader *l, const struct value *v, const struct tree_node *it, size_t i);
/* Where something is set, for people and for settings_is_runtime(): "purser.yaml:12". In the settings' arena. */
str load_where(struct loader *l, uint32_t line);
/* Complains that the file, or the body, has the key again. */
void load_twice(struct loader *l, const struct tree_node *it, str path);
/* No line breaks, escapes for terminals, or characters that YAML takes for them. */
bool load_has_control(str s);
bool load_want(struct loader *l, const struct value *v, enum tree_kind kind, const char *what);

#define TYPE(constant, name, ctype, reader) setting_reader reader;
#include "settings/types.def"
#undef TYPE

/* ---- parts */

/* A key of a map of things: once, and of the right form; `plain`: letters, digits, - _ and . alone. */
bool load_name(struct loader *l, const struct tree_node *it, str path, bool plain);

/* Things that must differ in `id`, and how to name them in an error. */
struct unique {
    str id;
    uint32_t line;
    str path;
};
/* Complains about each that is there already: "%s line 12". Sorts. What was made at run time is behind the file's. */
bool load_unique(struct loader *l, struct unique *all, size_t count, const char *complaint);

/* Letters, digits, '-', '_' and '.', at most 64. */
bool load_is_plain(str name);
/* What of a rung makes it a service: its name, its address. Fails: false after load_error(). */
bool load_service(struct loader *l, struct rung_draft *d, str path, uint32_t line);
/* Once all ladders are read: their services stand behind the providers. Fails: as above. */
bool load_services(struct loader *l);
/* Has what was compiled dropped with the settings. */
void load_keep(struct loader *l, struct setting_code code);
/* A name of a header: letters, digits, - _ and . */
bool load_is_header(str name);

/* A zone by name, from the time zone database, kept in the settings. NULL: UTC.
 * Fails: false where there is none of that name. */
bool load_zone(struct loader *l, str name, const struct zone **out) MUST_CHECK;
/* The nearest name that the database knows. */
str load_zone_suggestion(struct loader *l, str name);
/* Splits an address into host and port. Fails: NULL when well, else what is wrong. */
const char *load_address(struct loader *l, str address, struct setting_listener *out);
/* Splits a base URL. Fails: NULL when well, else what is wrong. */
const char *load_url(str url, struct setting_provider *out);
/* Works out what is left open: vendor, address, paths. `path` and `line` are the provider's.
 * Fails: false after load_error(). */
bool load_provider(struct loader *l, struct provider_draft *d, str path, uint32_t line);
/* Finds its key, token or AWS keys. Without one it is off, with a warning, unless it needs none.
 * `foreign`: the address is not the vendor's, so nothing of the environment is shown to it. Fails: as above. */
bool load_provider_key(struct loader *l, struct provider_draft *d, str path, uint32_t line, bool foreign);
/* A small file of somebody else's, with a NUL behind it in `scratch`; p == NULL where it cannot be read. */
str load_file(struct loader *l, str file);
/* Where AWS's tools keep `credentials` and `config`, and the profile that they would take. */
str load_aws_file(struct loader *l, str variable, const char *name);
str load_aws_profile(struct loader *l, str set);
/* The region that AWS's tools would take; empty where they know none. */
str load_aws_region(struct loader *l, str profile);
/* How many of the scopes one call may match at most; counts no further than `ceiling` + 1. */
size_t scope_overlap(const struct scope *const *scopes, size_t count, size_t ceiling);
/* What only all settings together show. */
void load_check(struct loader *l);

/* ---- entries made at run time (entries.c) */

struct entry_kind {
    str kind, group; /* "budget", "budgets" */
    enum tree_kind container;
    bool named; /* its body has its name */
};
/* Each kind, those that others name first; NULL behind the last. */
const struct entry_kind *load_entry_kind(size_t i);
const struct entry_kind *load_find_kind(str kind);
/* NULL: a line of the file. */
struct entry_draft *load_entry(struct loader *l, uint32_t line);
/* Puts each into the list or map where it belongs, behind the file's; the shadowed ones are marked. */
void load_entries(struct loader *l, struct tree_node *root);
/* What the file itself sets, once all is read. */
void load_file_entries(struct loader *l, const struct tree_node *root);
/* One of those in force is set in the file, too: `line`. */
void load_shadowed(struct loader *l, struct entry_draft *d, uint32_t line);
/* More rules than one call may match: the newest entry is to blame, else the list. Always false. */
bool load_overlaps(struct loader *l, const struct value *v, const char *what, int ceiling);

#endif
