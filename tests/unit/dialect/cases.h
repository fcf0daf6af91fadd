/* Case files: headers up to the first `--- name` line, then sections. */
#ifndef TESTS_DIALECT_CASES_H
#define TESTS_DIALECT_CASES_H

#include "base/buf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CASES_MAX = 2000, SECTIONS_MAX = 12 };

struct section {
    str name, text;
};

struct case_file {
    const char *path;
    char *memory;
    str headers;
    struct section sections[SECTIONS_MAX];
    size_t count;
};

static inline void case_open(struct case_file *c, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("cannot open %s", path);
    struct buf b;
    char room[4096];
    buf_init(&b, 0);
    for (size_t n; (n = fread(room, 1, sizeof(room), f)) > 0;) buf_add(&b, str_of(room, n));
    fclose(f);
    *c = (struct case_file){.path = path, .memory = b.p};
    for (str rest = buf_str(&b); rest.p;) {
        str line = str_cut(&rest, '\n');
        if (!str_starts(line, S("--- "))) {
            str *to = c->count ? &c->sections[c->count - 1].text : &c->headers;
            if (!to->p) *to = str_of(line.p, 0);
            to->n = (size_t)(line.p + line.n - to->p);
            continue;
        }
        assert_true(c->count < SECTIONS_MAX);
        c->sections[c->count++] = (struct section){str_trim(str_from_at(line, 4)), {NULL, 0}};
    }
}

static inline void case_close(struct case_file *c)
{
    free(c->memory);
}

static inline bool case_section(const struct case_file *c, const char *name, str *out)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!str_eq(c->sections[i].name, str_from(name))) continue;
        *out = str_trim(c->sections[i].text);
        return true;
    }
    return false;
}

/* The value of "name: value" among lines; p == NULL where there is none. */
static inline str case_value(str lines, str name)
{
    for (str rest = lines; rest.p;) {
        str line = str_trim(str_cut(&rest, '\n'));
        if (!str_starts(line, name) || line.n <= name.n || line.p[name.n] != ':') continue;
        return str_trim(str_from_at(line, name.n + 1));
    }
    return STR_NONE;
}

static inline int cases_by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

/* Runs `test` for each *.case of a folder, its path as the state. Fewer than `least` is a failure. */
static inline int cases_run(const char *title, const char *folder, CMUnitTestFunction test, size_t least)
{
    static struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "cannot open %s: run this from the project's root\n", folder);
        return 1;
    }
    for (struct dirent *e; (e = readdir(dir)) && count < CASES_MAX;) {
        if (!str_ends(str_from(e->d_name), S(".case"))) continue;
        char *path;
        if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) abort();
        tests[count++] = (struct CMUnitTest){path, test, NULL, NULL, path};
    }
    closedir(dir);
    qsort(tests, count, sizeof(tests[0]), cases_by_name);
    int failed = _cmocka_run_group_tests(title, tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) free((char *)tests[i].name);
    return failed || count < least;
}

#endif
