/* What the API takes of an entry of the settings is what the settings have: a new setting must not be unknown there. */
#include "admin/api.h"
#include "settings/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool has_field(const struct api_resource *of, str name)
{
    for (size_t i = 0; i < of->field_count; i++) {
        if (str_eq(of->fields[i].name, name)) return true;
    }
    return false;
}

static bool has_row(enum setting_group group, str name)
{
    const struct setting_row *row;
    for (size_t i = 0; (row = setting_row_at(i)); i++) {
        if (row->group == group && str_eq(row->key, name)) return true;
    }
    return false;
}

static void expect_same(enum api_resource_id id, enum setting_group group)
{
    const struct api_resource *of = api_resource(id);
    const struct setting_row *row;
    for (size_t i = 0; (row = setting_row_at(i)); i++) {
        if (row->group == group && !has_field(of, row->key))
            fail_msg("%.*s has no field '%.*s', which the settings have", STR_ARG(of->name), STR_ARG(row->key));
    }
    for (size_t i = 0; i < of->field_count; i++) {
        if (!has_row(group, of->fields[i].name))
            fail_msg("the settings have no '%.*s' for %.*s", STR_ARG(of->fields[i].name), STR_ARG(of->name));
    }
}

static void fields_are_those_of_the_settings(void **state)
{
    (void)state;
    expect_same(API_RESOURCE_budget_setting, GROUP_BUDGET);
    expect_same(API_RESOURCE_limit_setting, GROUP_LIMIT);
    expect_same(API_RESOURCE_feature_setting, GROUP_FEATURE);
    expect_same(API_RESOURCE_price_setting, GROUP_PRICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields_are_those_of_the_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
