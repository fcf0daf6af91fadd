/* purser init: what it writes holds, keeps secrets out, and is never overwritten. */
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/purser-test-XXXXXX";
static char file[64], output[64];

static int run(int (*command)(int, char **), const char *name, const char *option)
{
    const char *words[] = {name, "--config", file, option};
    int before = dup(STDOUT_FILENO);
    fflush(NULL);
    assert_non_null(freopen(output, "w", stdout));
    int code = command(option ? 4 : 3, (char **)(uintptr_t)words);
    fflush(NULL);
    dup2(before, STDOUT_FILENO);
    close(before);
    return code;
}

static void read_text(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    buf_init(out, 0);
    assert_true(buf_reserve(out, 65536));
    out->n = fread(out->p, 1, 65536, f);
    fclose(f);
}

/* The key that was shown, and that its hash alone stands in the file. */
static void check_key(const struct settings *s)
{
    struct buf shown, written;
    unsigned char hash[KEY_HASH_BYTES];
    read_text(output, &shown);
    read_text(file, &written);
    size_t at = str_find(buf_str(&shown), S("pk-"), 0);
    assert_true(at != SIZE_MAX);
    str secret = str_from_at(buf_str(&shown), at);
    secret.n = str_find_byte(secret, '\n', 0);
    key_hash(secret, hash);
    assert_int_equal(s->key_count, 1);
    assert_memory_equal(s->keys[0].hash, hash, sizeof(hash));
    assert_true(str_find(buf_str(&written), secret, 0) == SIZE_MAX);
    assert_true(str_find(buf_str(&written), S("secret-of-openai"), 0) == SIZE_MAX);
    buf_free(&shown);
    buf_free(&written);
}

static void writes(const char *provider)
{
    struct settings_report report = {0};
    struct stat st;
    struct settings *s = settings_load(file, &report);
    if (!s || report.warning_count) {
        fail_msg("%" STR_FMT "%" STR_FMT, STR_ARG(buf_str(&report.errors)), STR_ARG(buf_str(&report.warnings)));
        return;
    }
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(s->provider_count, 1);
    assert_true(str_eq(s->providers[0].name, str_from(provider)));
    assert_false(s->providers[0].off);
    check_key(s);
    assert_int_equal(run(cmd_check, "check", NULL), EXIT_OK);
    settings_drop(s);
    settings_report_free(&report);
}

static void without_keys(void **state)
{
    (void)state;
    for (size_t i = 0; vendor_at(i); i++) {
        for (size_t j = 0; vendor_key_env(vendor_at(i), j).p; j++) {
            char *name = str_dup(vendor_key_env(vendor_at(i), j));
            unsetenv(name);
            free(name);
        }
    }
    static const char *const clouds[] = {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GOOGLE_CLOUD_PROJECT"};
    for (size_t i = 0; i < COUNT_OF(clouds); i++) unsetenv(clouds[i]);
    unsetenv("PURSER_ADMIN_TOKEN");
    assert_int_equal(run(cmd_init, "init", NULL), EXIT_OK);
    writes("lab"); /* the simulated one */
}

static void with_a_key(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "sk-secret-of-openai", 1);
    setenv("PURSER_ADMIN_TOKEN", "token-token-token", 1);
    setenv("AZURE_OPENAI_API_KEY", "secret-of-azure", 1); /* no address follows from it */
    assert_int_equal(run(cmd_init, "init", "--force"), EXIT_OK);
    struct buf shown;
    read_text(output, &shown);
    assert_true(str_find(buf_str(&shown), S("AZURE_OPENAI_API_KEY is set, too: write your resource"), 0) != SIZE_MAX);
    buf_free(&shown);
    unsetenv("AZURE_OPENAI_API_KEY");
    writes("openai");
}

/* Each family's key is found, the second name of one, too. */
static void with_families(void **state)
{
    (void)state;
    static const char *const lines[] = {"openai", "anthropic", "gemini", "cohere", "mistral", "bedrock"};
    static const char *const values[][2] = {
        {"OPENAI_API_KEY", "sk-secret-of-openai"}, {"ANTHROPIC_API_KEY", "sk-ant-secret"},
        {"GOOGLE_API_KEY", "AIza-secret"},         {"COHERE_API_KEY", "co-secret"},
        {"MISTRAL_API_KEY", "mi-secret"},          {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY", "aws-secret"},   {"AWS_DEFAULT_REGION", "eu-central-1"}};
    for (size_t i = 0; i < COUNT_OF(values); i++) setenv(values[i][0], values[i][1], 1);
    unsetenv("AWS_REGION");
    assert_int_equal(run(cmd_init, "init", "--force"), EXIT_OK);
    struct settings_report report = {0};
    struct settings *s = settings_load(file, &report);
    if (!s || report.warning_count) {
        fail_msg("%" STR_FMT "%" STR_FMT, STR_ARG(buf_str(&report.errors)), STR_ARG(buf_str(&report.warnings)));
        return;
    }
    assert_int_equal(s->provider_count, COUNT_OF(lines));
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const struct setting_provider *p = settings_provider(s, str_from(lines[i]));
        assert_non_null(p);
        assert_false(p->off);
    }
    assert_true(str_eq(settings_provider(s, S("gemini"))->api_key, S("AIza-secret")));
    assert_true(str_eq(settings_provider(s, S("bedrock"))->aws_key.secret, S("aws-secret")));
    assert_true(str_eq(settings_provider(s, S("bedrock"))->region, S("eu-central-1")));
    settings_drop(s);
    settings_report_free(&report);
    struct buf written;
    read_text(file, &written);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_true(str_find(buf_str(&written), str_from(values[i][1]), 0) == SIZE_MAX);
    buf_free(&written);
}

static void refuses(void **state)
{
    (void)state;
    struct buf before, after;
    read_text(file, &before);
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_int_equal(run(cmd_init, "init", NULL), EXIT_FAILED);
    read_text(file, &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    assert_int_equal(run(cmd_init, "init", "--wrong"), EXIT_USAGE);
    buf_free(&before);
    buf_free(&after);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(file, sizeof(file), "%s/purser.yaml", folder);
    snprintf(output, sizeof(output), "%s/output", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(file);
    unlink(output);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys),
        cmocka_unit_test(with_a_key),
        cmocka_unit_test(with_families),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
