/* Settings made at run time, from any bytes: never a crash, never the end of a file that holds, no value of the
 * environment, and what holds means the same once it is pasted into the file. */
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET "0Secret0Of0The0Environment0"

static const char file[] = "providers: { desk: { kind: ollama } }\n"
                           "models: { cheap: desk/small }\n";
static const char lists[] = "budgets: [ { name: all, limit_usd: 5, window: month } ]\n"
                            "limits: [ { name: all, concurrency: 5 } ]\n"
                            "features: { all: { tier: critical } }\n"
                            "prices: [ { model: desk/small, input: 1, output: 2 } ]\n";

static str env(str name)
{
    (void)name;
    return S(SECRET);
}

static void fail(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%" STR_FMT "\n", what, STR_ARG(buf_str(text)));
    abort();
}

static struct settings *must_parse(str yaml, const struct buf *shown)
{
    struct settings_report report = {0};
    struct settings *s = settings_parse(yaml, S("purser.yaml"), env, &report);
    if (!s) {
        fprintf(stderr, "%" STR_FMT "\n", STR_ARG(buf_str(&report.errors)));
        fail("does not hold", shown);
    }
    settings_report_free(&report);
    return s;
}

static void print_plain(const struct settings *s, struct buf *out)
{
    struct buf all;
    buf_init(&all, 0);
    settings_print(s, &all);
    str mark = S("  # made at run time\n"), rest = buf_str(&all);
    for (size_t at; (at = str_find(rest, mark, 0)) != SIZE_MAX; rest = str_from_at(rest, at + mark.n - 1))
        buf_add(out, str_head(rest, at));
    buf_add(out, rest);
    buf_free(&all);
}

static void check_export(const struct settings *s)
{
    struct buf yaml, first, second;
    buf_init(&yaml, 0);
    buf_init(&first, 0);
    buf_init(&second, 0);
    buf_add(&yaml, str_from(file));
    settings_export(s, &yaml);
    struct settings *pasted = must_parse(buf_str(&yaml), &yaml);
    print_plain(s, &first);
    print_plain(pasted, &second);
    if (!str_eq(buf_str(&first), buf_str(&second))) fail("pasted it means something else", &yaml);
    settings_drop(pasted);
    buf_free(&yaml);
    buf_free(&first);
    buf_free(&second);
}

static struct settings *read_with(const struct settings *s, const struct setting_entry *entries, size_t count)
{
    struct settings_report report = {0};
    struct settings *with = settings_with(s, entries, count, &report);
    if (!with) fail("an entry ends a file that holds", &report.errors);
    if (report.error_count) fail("an entry makes an error", &report.errors);
    if (str_find(buf_str(&report.warnings), S(SECRET), 0) != SIZE_MAX) fail("a secret in a warning", &report.warnings);
    struct buf printed;
    buf_init(&printed, 0);
    settings_print(with, &printed);
    if (str_find(buf_str(&printed), S(SECRET), 0) != SIZE_MAX) fail("a secret in the settings", &printed);
    buf_free(&printed);
    settings_report_free(&report);
    return with;
}

/* The store has each kind and name once. */
static bool is_there(const struct setting_entry *entries, size_t count)
{
    const struct setting_entry *e = &entries[count];
    for (size_t i = 0; i < count; i++) {
        if (str_eq(entries[i].kind, e->kind) && str_eq(entries[i].name, e->name)) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line each: kind, blank, name, blank, body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ENTRIES_MAX = 8 };
    struct setting_entry entries[ENTRIES_MAX];
    size_t count = 0;
    struct buf none;
    struct arena arena;
    str all = str_of((const char *)data, size);
    if (str_find(all, S(SECRET), 0) != SIZE_MAX) return 0; /* it learns the value and writes it down itself */
    arena_init(&arena);
    buf_init(&none, 0);
    for (str rest = all; rest.n && count < ENTRIES_MAX;) {
        str body = str_cut(&rest, '\n'), why;
        str kind = str_cut(&body, ' '), name = str_cut(&body, ' ');
        struct setting_entry *e = &entries[count], made;
        *e = (struct setting_entry){.kind = kind, .name = name, .body = body, .at_us = (int64_t)count};
        if (settings_make_entry(kind, name, body, &arena, &made, &why)) *e = made;
        count += !is_there(entries, count);
    }
    static struct settings *bare, *filled; /* each reading builds a price book, which takes longest */
    if (!bare) bare = must_parse(str_from(file), &none);
    if (!filled) {
        buf_printf(&none, "%s%s", file, lists);
        filled = must_parse(buf_str(&none), &none);
    }
    struct settings *with = read_with(size & 1 ? filled : bare, entries, count);
    if (!(size & 1)) check_export(with);
    settings_drop(with);
    buf_free(&none);
    arena_free(&arena);
    return 0;
}
