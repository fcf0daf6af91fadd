#include "settings/load.h"
#include "settings/print.h"

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
    if (l->admin_token.text.n && l->admin_token.text.n < 16)
        load_warn(l, l->admin_token.line, S("admin.token"), "has less than 16 bytes: easy to guess");
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

struct parsing {
    str yaml, file;
    str (*env)(str name);
    struct entry_draft *entries;
    size_t entry_count;
};

static struct settings *parse(const struct parsing *p, struct settings_report *report)
{
    struct loader l = {.report = report, .env = p->env, .entries = p->entries, .entry_count = p->entry_count};
    size_t before = report->error_count;
    arena_init(&l.s.arena);
    arena_init(&l.scratch);
    l.s.file = arena_str(&l.s.arena, p->file);
    struct tree_fail fail;
    struct tree_node *tree = tree_parse(p->yaml, &l.scratch, &fail);
    if (tree) load_entries(&l, tree);
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
        load_file_entries(&l, tree);
        build_book(&l);
        s = mem_alloc(sizeof(*s));
        *s = l.s;
        s->text = arena_str(&s->arena, p->yaml);
        s->env = p->env;
    } else {
        drop_parts(&l.s);
    }
    arena_free(&l.scratch);
    return s;
}

struct settings *settings_parse(str yaml, str file_name, str (*env)(str name), struct settings_report *report)
{
    return parse(&(struct parsing){.yaml = yaml, .file = file_name, .env = env}, report);
}

/* ---- with entries made at run time */

/* Those that something is wrong with: the next reading goes without them. Whether there is one more. */
static bool leave_out(struct entry_draft *entries, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct entry_draft *d = &entries[i];
        any = any || (d->problems.n && d->e.state != ENTRY_LEFT_OUT);
        d->e.state = d->problems.n ? ENTRY_LEFT_OUT : ENTRY_HOLDS;
    }
    return any;
}

static void keep_entries(struct settings *s, const struct parsing *p, struct settings_report *report)
{
    s->entries = arena_zalloc(&s->arena, (p->entry_count + 1) * sizeof(*s->entries));
    s->entry_count = p->entry_count;
    for (size_t i = 0; i < p->entry_count; i++) {
        const struct entry_draft *d = &p->entries[i];
        struct setting_entry *e = &s->entries[i];
        *e = d->e;
        e->kind = arena_str(&s->arena, d->e.kind);
        e->name = arena_str(&s->arena, d->e.name);
        e->body = arena_str(&s->arena, d->e.body);
        e->who = arena_str(&s->arena, d->e.who);
        e->where = S(SETTINGS_RUNTIME);
        e->why = arena_str(&s->arena, e->state == ENTRY_LEFT_OUT ? buf_str(&d->problems) : d->e.why);
        if (e->state == ENTRY_HOLDS) continue;
        report->warning_count++;
        buf_add(&report->warnings, S("runtime "));
        print_shown(&report->warnings, e->kind);
        buf_add(&report->warnings, S(" '"));
        print_shown(&report->warnings, e->name);
        buf_printf(&report->warnings, "' is %s%" STR_FMT "\n",
                   e->state == ENTRY_SHADOWED ? "shadowed: the file sets it in " : "left out: ", STR_ARG(e->why));
    }
}

static void add_report(struct settings_report *to, const struct settings_report *from)
{
    buf_add(&to->errors, buf_str(&from->errors));
    buf_add(&to->warnings, buf_str(&from->warnings));
    to->error_count += from->error_count;
    to->warning_count += from->warning_count;
}

struct settings *settings_with(const struct settings *s, const struct setting_entry *entries, size_t count,
                               struct settings_report *report)
{
    struct parsing p = {.yaml = s->text, .file = s->file, .env = s->env, .entry_count = count};
    p.entries = mem_zalloc((count + 1) * sizeof(*p.entries));
    for (size_t i = 0; i < count; i++) {
        p.entries[i].e = entries[i];
        p.entries[i].e.state = ENTRY_HOLDS;
        buf_init(&p.entries[i].problems, 0);
    }
    struct settings *next = NULL;
    for (bool again = true; again;) { /* at most once for each entry */
        struct settings_report once = {0};
        next = parse(&p, &once);
        again = !next && leave_out(p.entries, count);
        if (next) keep_entries(next, &p, &once);
        if (!again) add_report(report, &once);
        settings_report_free(&once);
    }
    for (size_t i = 0; i < count; i++) buf_free(&p.entries[i].problems);
    free(p.entries);
    return next;
}

static int by_kind_and_name(const void *a, const void *b)
{
    const struct setting_entry *x = a, *y = b;
    int order = str_cmp(x->kind, y->kind);
    return order ? order : str_cmp(x->name, y->name);
}

const struct setting_entry *settings_entry(const struct settings *s, str kind, str name)
{
    const struct setting_entry key = {.kind = kind, .name = name};
    if (!s->entry_count) return NULL;
    return bsearch(&key, s->entries, s->entry_count, sizeof(*s->entries), by_kind_and_name);
}

const struct setting_entry *settings_file_entry(const struct settings *s, str kind, str name)
{
    for (size_t i = 0; i < s->file_entry_count; i++) {
        const struct setting_entry *e = &s->file_entries[i];
        if (str_eq(e->kind, kind) && str_eq(e->name, name)) return e;
    }
    return NULL;
}

/* ---- the file */

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
