/* Settings from any bytes: never a crash, no value of the environment in a
 * message, and what is printed reads back as the same settings. */
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET "0Secret0Of0The0Environment0"

static str env(str name)
{
    if (name.n && name.p[0] == 'N') return STR_NONE; /* some are not set */
    return S(SECRET);
}

static void fail(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%" STR_FMT "\n", what, STR_ARG(buf_str(text)));
    abort();
}

/* Secrets are masked, so that such settings cannot read back. */
static bool has_secrets(const struct settings *s)
{
    bool any = s->key_count || s->admin_token.n;
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        any = any || p->api_key.n || p->aws_key.id.n || p->header_count || p->token_words;
    }
    return any;
}

static void check_print(const struct settings *s)
{
    struct buf first, second;
    struct settings_report report = {0};
    buf_init(&first, 0);
    buf_init(&second, 0);
    settings_print(s, &first);
    if (!has_secrets(s)) {
        struct settings *again = settings_parse(buf_str(&first), s->file, NULL, &report);
        if (!again) fail("what was printed does not read back", &report.errors);
        settings_print(again, &second);
        if (!str_eq(buf_str(&first), buf_str(&second))) fail("what was printed reads back differently", &first);
        settings_drop(again);
    }
    buf_free(&first);
    buf_free(&second);
    settings_report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings_report report = {0};
    /* The fuzzer learns the value from comparisons and writes it down itself. */
    if (str_find(str_of((const char *)data, size), S(SECRET), 0) != SIZE_MAX) return 0;
    struct settings *s = settings_parse(str_of((const char *)data, size), S("purser.yaml"), env, &report);
    if (!s && !report.error_count) fail("refused without a reason", &report.warnings);
    if (str_find(buf_str(&report.errors), S(SECRET), 0) != SIZE_MAX) fail("a secret in an error", &report.errors);
    if (str_find(buf_str(&report.warnings), S(SECRET), 0) != SIZE_MAX) fail("a secret in a warning", &report.warnings);
    if (s) check_print(s);
    settings_drop(s);
    settings_report_free(&report);
    return 0;
}
