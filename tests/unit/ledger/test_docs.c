#include "fixture.h"

/* docs/ledger.md must name every column: run from the project's root. */
static void test_every_column_is_documented(void **state)
{
    (void)state;
    FILE *f = fopen("docs/ledger.md", "r");
    if (!f) {
        print_message("docs/ledger.md is not here: skipped\n");
        skip();
    }
    static char text[128 * 1024];
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    for (size_t i = 0; i < schema_attempt_columns(); i++) {
        char name[80];
        snprintf(name, sizeof(name), "`%s`", schema_attempt_column(i));
        if (str_find(str_of(text, n), str_from(name), 0) == SIZE_MAX) fail_msg("docs/ledger.md does not name %s", name);
        assert_true(strlen(schema_attempt_column_text(i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_column_is_documented)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
