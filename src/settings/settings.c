#include "settings/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void settings_report_free(struct settings_report *report)
{
    buf_free(&report->errors);
    buf_free(&report->warnings);
}

static void drop_parts(struct settings *s)
{
    for (size_t i = 0; i < s->zone_count; i++) zone_drop(s->zones[i].zone);
    for (size_t i = 0; i < s->provider_count; i++) credential_drop(s->providers[i].credential);
    for (struct setting_code *it = s->compiled; it; it = it->next) {
        pattern_drop(it->pattern);
        schema_drop(it->schema);
    }
    if (s->book) price_book_drop(s->book);
    arena_free(&s->arena);
}

void settings_drop(struct settings *s)
{
    if (!s) return;
    drop_parts(s);
    free(s);
}

/* ---- what only all settings together show */

static bool same_address(const struct setting_listener *a, const struct setting_listener *b)
{
    bool any = str_eq(a->host, S("0.0.0.0")) || str_eq(b->host, S("0.0.0.0"));
    bool v6 = str_find_byte(a->host, ':', 0) != SIZE_MAX || str_find_byte(b->host, ':', 0) != SIZE_MAX;
    if (str_starts(a->host, S("unix:")) || str_starts(b->host, S("unix:"))) return str_eq(a->host, b->host);
    return a->port && a->port == b->port && (str_eq(a->host, b->host) || (any && !v6));
}

static void check_listeners(struct loader *l)
{
    const struct settings *s = &l->s;
    size_t all = s->listener_count + s->admin_listener_count;
    for (size_t i = 0; i < all; i++) {
        for (size_t j = i + 1; j < all; j++) {
            const struct setting_listener *a =
                i < s->listener_count ? &s->listeners[i] : &s->admin_listeners[i - s->listener_count];
            const struct setting_listener *b =
                j < s->listener_count ? &s->listeners[j] : &s->admin_listeners[j - s->listener_count];
            if (!same_address(a, b)) continue;
            load_error(l, 0, S("listen"), "'%" STR_FMT "' port %u is listened on twice", STR_ARG(b->host), b->port);
        }
    }
}

/* A rung for a feature that nobody set up is rather a typo than a wish. */
static void check_rung_features(struct loader *l, const struct setting_model *m)
{
    for (size_t i = 0; i < m->rung_count; i++) {
        str feature = m->rungs[i].when.feature;
        if (!feature.n || settings_feature(&l->s, feature)) continue;
        str path = arena_printf(&l->scratch, "models.%" STR_FMT ".ladder[%zu].when.feature",
                                STR_ARG(load_show(l, m->name)), i);
        load_warn(l, 0, path, "'%" STR_FMT "': no feature of that name stands under features",
                  STR_ARG(load_show(l, feature)));
    }
}

/* A test of what the target's protocol does not tell accepts nothing. */
static void check_confidence(struct loader *l, const struct setting_model *m)
{
    for (size_t i = 0; i < m->rung_count; i++) {
        const struct setting_rung *r = &m->rungs[i];
        const struct setting_provider *p = r->kind == RUNG_TARGET ? settings_provider(&l->s, r->to.provider) : NULL;
        if (!r->accept.min_confidence_ppm || (r->kind == RUNG_TARGET && !p)) continue;
        struct protocols spoken = p ? vendor_protocols(p->vendor, &p->protocols, r->to.model) : (struct protocols){0};
        if (protocols_have(&spoken, DIALECT_CHAT) || protocols_have(&spoken, DIALECT_RESPONSES) ||
            protocols_have(&spoken, DIALECT_GEMINI))
            continue;
        str path = arena_printf(&l->scratch, "models.%" STR_FMT ".ladder[%zu].accept.min_confidence",
                                STR_ARG(load_show(l, m->name)), i);
        load_warn(l, 0, path, "accepts nothing: no log-probabilities are told there");
    }
}

void load_check(struct loader *l)
{
    check_listeners(l);
    for (size_t i = 0; i < l->s.model_count; i++) {
        check_rung_features(l, &l->s.models[i]);
        check_confidence(l, &l->s.models[i]);
    }
    if (l->admin_token.missing.p && !l->admin_token.text.n) {
        load_warn(l, l->admin_token.line, S("admin.token"),
                  "the environment variable %" STR_FMT " is not set: the token made at the first start holds",
                  STR_ARG(l->admin_token.missing));
    }
    size_t on = 0;
    for (size_t i = 0; i < l->s.provider_count; i++) on += !l->s.providers[i].off;
    if (!l->s.provider_count) {
        load_warn(l, 0, S("providers"), "there is none: add 'providers: { openai: { api_key: ${OPENAI_API_KEY} } }'");
    } else if (!on) {
        load_warn(l, 0, S("providers"), "every provider is off: no call can be answered");
    }
}

/* ---- reading */

/* A seller that the book does not know would leave every model unpriced. */
static void check_seller(struct loader *l, const struct setting_provider *p)
{
    struct suggest near;
    suggest_init(&near, p->book);
    str seller;
    for (size_t i = 0; p->book.n && (seller = price_book_seller(l->s.book, i)).n; i++) {
        if (str_eq(seller, p->book)) return;
        suggest_offer(&near, seller);
    }
    if (!p->book.n) return;
    bool hint = near.best.p != NULL;
    str path = arena_printf(&l->scratch, "providers.%" STR_FMT ".book", STR_ARG(p->name));
    load_warn(l, 0, path, "the price book has nothing of that seller%s%" STR_FMT "%s (purser prices list)",
              hint ? "; did you mean '" : "", STR_ARG(hint ? near.best : S("")), hint ? "'?" : "");
}

/* The built-in book is large: read only for settings that hold. */
static void build_book(struct loader *l)
{
    l->s.book = price_book_new();
    for (size_t i = 0; i < l->price_count; i++) price_book_add(l->s.book, &l->prices[i]);
    price_book_seal(l->s.book);
    for (size_t i = 0; i < l->s.provider_count; i++) check_seller(l, &l->s.providers[i]);
}

struct settings *settings_parse(str yaml, str file_name, str (*env)(str name), struct settings_report *report)
{
    struct loader l = {.report = report, .env = env};
    size_t before = report->error_count;
    arena_init(&l.s.arena);
    arena_init(&l.scratch);
    l.s.file = arena_str(&l.s.arena, file_name);
    struct tree_fail fail;
    const struct tree_node *tree = tree_parse(yaml, &l.scratch, &fail);
    if (!tree) {
        load_error(&l, fail.line, STR_NONE, "%" STR_FMT, STR_ARG(fail.why));
    } else if (load_group(&l, tree, STR_NONE, GROUP_ROOT, &l)) {
        l.s.listeners = l.listen.items;
        l.s.listener_count = l.listen.count;
        l.s.admin_listeners = l.admin_listen.items;
        l.s.admin_listener_count = l.admin_listen.count;
        l.s.admin_token = l.admin_token.text;
        load_check(&l);
    }
    struct settings *s = NULL;
    if (report->error_count == before) {
        build_book(&l);
        s = mem_alloc(sizeof(*s));
        *s = l.s;
    } else {
        drop_parts(&l.s);
    }
    arena_free(&l.scratch);
    return s;
}

static str from_environment(str name)
{
    char text[128];
    return str_copy(text, sizeof(text), name) ? str_from(getenv(text)) : STR_NONE;
}

str settings_default_file(size_t i, struct arena *arena)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    switch (i) {
    case 0:
        return S("purser.yaml");
    case 1:
        if (xdg && *xdg) return arena_printf(arena, "%s/purser/purser.yaml", xdg);
        return arena_printf(arena, "%s/.config/purser/purser.yaml", home && *home ? home : "");
    case 2:
        return S("/etc/purser/purser.yaml");
    default:
        return STR_NONE;
    }
}

/* Fails: false with errno. */
static bool read_file(const char *file, struct buf *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = 0;
    do {
        out->n += (size_t)n;
        if (!buf_reserve(out, 65536)) break; /* tree_parse() says that it is too large */
        n = read(fd, out->p + out->n, 65536);
    } while (n > 0);
    int problem = errno;
    close(fd);
    errno = problem;
    return n >= 0;
}

static bool find_file(struct arena *arena, str *out)
{
    for (size_t i = 0; (*out = settings_default_file(i, arena)).p; i++) {
        char *name = str_dup(*out);
        bool there = access(name, F_OK) == 0;
        free(name);
        if (there) return true;
    }
    return false;
}

struct settings *settings_load(const char *file, struct settings_report *report)
{
    struct arena arena;
    struct buf text;
    struct settings *s = NULL;
    str name = str_from(file);
    arena_init(&arena);
    buf_init(&text, TREE_TEXT_MAX + 128 * 1024);
    if (!name.n && !find_file(&arena, &name)) {
        report->error_count++;
        buf_add(&report->errors, S("no settings: looked for"));
        for (size_t i = 0; (name = settings_default_file(i, &arena)).p; i++) {
            buf_printf(&report->errors, "%s %" STR_FMT, i ? "," : "", STR_ARG(name));
        }
        buf_add(&report->errors, S("; `purser init` writes ./purser.yaml, --config names another file\n"));
    } else {
        name = arena_str(&arena, name); /* with a NUL */
        if (read_file(name.p, &text)) {
            s = settings_parse(buf_str(&text), name, from_environment, report);
        } else {
            report->error_count++;
            buf_printf(&report->errors, "%s: cannot be read: %s\n", name.p, strerror(errno));
        }
    }
    buf_free(&text);
    arena_free(&arena);
    return s;
}
