/* The official test suite of JSON Schema, draft 2020-12, which is not part of the project:
 * $PURSER_SHARED/suites/json-schema, else ../shared/suites/json-schema. Skipped without it. */
#include "base/schema.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

struct tally {
    int passed, failed;
};

struct shelf {
    char root[512];
    struct buf meta;
    struct arena arena;
};

static bool read_file(const char *path, struct arena *arena, str *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char *text = arena_alloc(arena, 1024 * 1024);
    *out = str_of(text, fread(text, 1, 1024 * 1024, f));
    fclose(f);
    return true;
}

/* http://localhost:1234/ is the folder of remote schemas; the meta-schema we write ourselves. */
static bool find_remote(void *ctx, str uri, str *text)
{
    struct shelf *shelf = ctx;
    if (str_eq(uri, S("https://json-schema.org/draft/2020-12/schema"))) {
        *text = buf_str(&shelf->meta);
        return true;
    }
    str base = S("http://localhost:1234/");
    if (!str_starts(uri, base)) return false;
    str path = arena_printf(&shelf->arena, "%s/remotes/%" STR_FMT, shelf->root, STR_ARG(str_from_at(uri, base.n)));
    return read_file(path.p, &shelf->arena, text);
}

/* A document that is accepted in full is open at each of its prefixes. */
static bool prefixes_agree(const struct schema *schema, str text, bool valid)
{
    for (size_t n = 0; valid && n <= text.n && n < 400; n++) {
        if (schema_prefix(schema, str_head(text, n)) == SCHEMA_OPEN) continue;
        print_message("  hopeless: %.*s\n", (int)n, text.p);
        return false;
    }
    return true;
}

static void run_one(const struct schema *schema, const struct json *file, json_ref test, const char *where,
                    struct tally *tally)
{
    struct json doc;
    struct json_fail why;
    struct schema_error error;
    struct arena arena;
    str text = json_raw(file, json_find(file, test, S("data"), NULL)), name = STR_NONE;
    bool valid = json_is_true(file, json_find(file, test, S("valid"), NULL));
    json_init(&doc);
    arena_init(&arena);
    assert_true(json_string(file, json_find(file, test, S("description"), NULL), &arena, &name));
    assert_true(json_parse(&doc, text, &why));
    bool got = schema_check(schema, &doc, JSON_ROOT, &error);
    bool ok = got == valid && prefixes_agree(schema, text, valid);
    if (!got) ok = ok && error.message[0] && !error.gave_up;
    tally->passed += ok;
    tally->failed += !ok;
    if (!ok) {
        print_message("  %s: %.*s: %.*s (%s)\n", where, STR_ARG(name), STR_ARG(str_head(text, 120)),
                      got ? "accepted" : error.message);
    }
    arena_free(&arena);
    json_free(&doc);
}

static void run_cases(struct shelf *shelf, const struct json *file, json_ref group, bool formats, const char *where,
                      struct tally *tally)
{
    struct schema_options options = {.formats = formats, .find = find_remote, .ctx = shelf};
    struct schema_fail why;
    struct schema *schema = schema_compile(json_raw(file, json_find(file, group, S("schema"), NULL)), &options, &why);
    json_ref tests = json_find(file, group, S("tests"), NULL);
    if (!schema) print_message("  %s: no schema: %s: %s\n", where, why.where, why.why);
    for (json_ref t = json_first(file, tests); t != JSON_ABSENT; t = json_next(file, tests, t)) {
        if (schema) run_one(schema, file, t, where, tally);
        tally->failed += !schema;
    }
    schema_drop(schema);
}

static void run_file(struct shelf *shelf, const char *path, const char *name, bool formats, struct tally *tally)
{
    struct json file;
    struct json_fail why;
    str text = STR_NONE;
    json_init(&file);
    assert_true(read_file(path, &shelf->arena, &text) && json_parse(&file, text, &why));
    for (json_ref g = json_first(&file, JSON_ROOT); g != JSON_ABSENT; g = json_next(&file, JSON_ROOT, g)) {
        run_cases(shelf, &file, g, formats, name, tally);
    }
    json_free(&file);
}

/* All files of a folder, not of those below it. False: it is not there. */
static bool run_folder(const char *folder, bool formats, struct tally *tally)
{
    const char *shared = getenv("PURSER_SHARED");
    struct shelf shelf;
    char path[1024];
    snprintf(shelf.root, sizeof(shelf.root), "%s/suites/json-schema", shared ? shared : "../shared");
    snprintf(path, sizeof(path), "%s/tests/%s", shelf.root, folder);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("no suite at %s: skipped\n", path);
        return false;
    }
    buf_init(&shelf.meta, 0);
    assert_true(schema_write_meta(&shelf.meta));
    for (struct dirent *e; (e = readdir(dir));) {
        if (!str_ends(str_from(e->d_name), S(".json"))) continue;
        arena_init(&shelf.arena);
        snprintf(path, sizeof(path), "%s/tests/%s/%s", shelf.root, folder, e->d_name);
        run_file(&shelf, path, e->d_name, formats, tally);
        arena_free(&shelf.arena);
    }
    closedir(dir);
    buf_free(&shelf.meta);
    print_message("%s: %d of %d passed\n", folder, tally->passed, tally->passed + tally->failed);
    return true;
}

static void all_required_tests_pass(void **state)
{
    (void)state;
    struct tally tally = {0};
    if (!run_folder("draft2020-12", false, &tally)) skip();
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 1000);
}

static void nearly_all_formats_pass(void **state)
{
    (void)state;
    struct tally tally = {0};
    if (!run_folder("draft2020-12/optional/format", true, &tally)) skip();
    assert_true(tally.passed * 100 >= (tally.passed + tally.failed) * 95);
}

static void nearly_all_optional_tests_pass(void **state)
{
    (void)state;
    struct tally tally = {0};
    if (!run_folder("draft2020-12/optional", false, &tally)) skip();
    assert_true(tally.passed * 100 >= (tally.passed + tally.failed) * 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_required_tests_pass),
        cmocka_unit_test(nearly_all_formats_pass),
        cmocka_unit_test(nearly_all_optional_tests_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
