/* What docs/api.md says of routes and resources is what the tables say. */
#include "admin/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    buf_init(out, 0);
    for (size_t n = 1; n;) {
        assert_true(buf_reserve(out, 65536));
        n = fread(out->p + out->n, 1, 65536, f);
        out->n += n;
    }
    fclose(f);
}

static void the_reference_is_the_tables(void **state)
{
    (void)state;
    struct buf file, made;
    buf_init(&made, 0);
    api_help(true, &made);
    read_file("docs/api.md", &file);
    size_t at = str_find(buf_str(&file), S("## Routes\n"), 0);
    assert_true(at != SIZE_MAX);
    if (!str_eq(str_from_at(buf_str(&file), at), buf_str(&made)))
        fail_msg(
            "docs/api.md is old from its '## Routes' on: there stands what purser check --help-api --markdown prints");
    buf_free(&file);
    buf_free(&made);
}

/* A route that takes a body says what it is; one that answers with rows or an object says of what. */
static void plain_text_names_each_route_once(void **state)
{
    (void)state;
    struct buf made;
    buf_init(&made, 0);
    api_help(false, &made);
    assert_true(str_find(buf_str(&made), S("GET    /api/v1/session  (owner)\n"), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&made), S("POST   /api/v1/switches  (operator, owner)\n"), 0) != SIZE_MAX);
    buf_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_the_tables),
        cmocka_unit_test(plain_text_names_each_route_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
