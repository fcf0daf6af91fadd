/* AWS's own files: which keys sign, in which region, in the order of AWS's tools. */
#include "help.h"

#include "base/time.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/purser-test-XXXXXX";
static char credentials[96], config[96];
static const int64_t now_us = INT64_C(1800000000000000);

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Settings with `env` on top of HOME; warnings into `warnings`, where not NULL. */
static struct settings *load(const char *yaml, const char *env, struct buf *warnings)
{
    struct settings_report report = {0};
    static char lines[512];
    snprintf(lines, sizeof(lines), "HOME=%s\n%s", folder, env);
    test_env_lines = str_from(lines);
    struct settings *s = settings_parse(str_from(yaml), S("purser.yaml"), test_env, &report);
    if (!s) fail_msg("%" STR_FMT, STR_ARG(buf_str(&report.errors)));
    if (warnings) {
        buf_init(warnings, 0);
        buf_add(warnings, buf_str(&report.warnings));
    }
    settings_report_free(&report);
    return s;
}

/* Who signs, after the first refresh. */
static void expect(const char *yaml, const char *env, const char *id, const char *region)
{
    struct settings *s = load(yaml, env, NULL);
    const struct setting_provider *p = &s->providers[0];
    struct provider_secret secret;
    struct arena arena;
    struct buf problems;
    str why = STR_NONE;
    arena_init(&arena);
    buf_init(&problems, 0);
    settings_refresh(s, now_us, NULL, &problems);
    assert_false(p->off);
    assert_true(settings_secret(p, now_us, &arena, &secret, &why));
    assert_str(secret.aws.id.n ? secret.aws.id : secret.key, str_from(id));
    assert_str(p->region, str_from(region));
    assert_int_equal(problems.n, 0);
    buf_free(&problems);
    arena_free(&arena);
    settings_drop(s);
}

static void order(void **state)
{
    (void)state;
    const char *plain = "providers: { bedrock: {} }";
    const char *lab = "providers: { bedrock: { profile: lab } }";
    expect(plain, "", "ADEFAULT", "us-east-2");
    expect(plain, "AWS_REGION=eu-west-1\n", "ADEFAULT", "eu-west-1");
    expect(plain, "AWS_PROFILE=lab\n", "ALAB", "eu-central-1");
    expect(plain, "AWS_ACCESS_KEY_ID=AENV\nAWS_SECRET_ACCESS_KEY=s\n", "AENV", "us-east-2");
    expect(plain, "AWS_BEARER_TOKEN_BEDROCK=bearer\nAWS_ACCESS_KEY_ID=AENV\nAWS_SECRET_ACCESS_KEY=s\n", "bearer",
           "us-east-2");
    /* What the settings name goes before the environment. */
    expect(lab, "AWS_ACCESS_KEY_ID=AENV\nAWS_SECRET_ACCESS_KEY=s\nAWS_REGION=eu-west-1\n", "ALAB", "eu-central-1");
    expect("providers: { bedrock: { profile: lab, region: sa-east-1 } }", "", "ALAB", "sa-east-1");
    expect("providers: { bedrock: { access_key_id: AOWN, secret_access_key: s } }", "AWS_PROFILE=lab\n", "AOWN",
           "eu-central-1");
}

static void off(const char *yaml, const char *env, const char *why)
{
    struct buf warnings;
    struct settings *s = load(yaml, env, &warnings);
    assert_true(s->providers[0].off);
    if (str_find(buf_str(&warnings), str_from(why), 0) == SIZE_MAX) fail_msg("%" STR_FMT, STR_ARG(buf_str(&warnings)));
    buf_free(&warnings);
    settings_drop(s);
}

static void without_keys(void **state)
{
    (void)state;
    off("providers: { bedrock: { profile: sso, region: us-east-1 } }", "", "export-credentials --format process");
    off("providers: { bedrock: { region: us-east-1 } }", "AWS_SHARED_CREDENTIALS_FILE=/nowhere\n",
        "there is no ~/.aws/credentials");
}

/* A key that was rotated is taken over without a reload, and a reload keeps what there is. */
static void rotated(void **state)
{
    (void)state;
    struct settings *s = load("providers: { bedrock: { profile: lab } }", "", NULL);
    struct settings *next = load("providers: { bedrock: { profile: lab } }", "", NULL);
    struct provider_secret secret;
    struct arena arena;
    struct buf problems;
    str why = STR_NONE;
    arena_init(&arena);
    buf_init(&problems, 0);
    assert_false(settings_secret(&s->providers[0], now_us, &arena, &secret, &why));
    settings_refresh(s, now_us, NULL, &problems);
    settings_adopt(next, s);
    assert_true(settings_secret(&next->providers[0], now_us, &arena, &secret, &why));
    assert_str(secret.aws.id, S("ALAB"));
    write_text(credentials, "[lab]\naws_access_key_id = ANEWER\naws_secret_access_key = s\n");
    settings_refresh(s, now_us + 10 * US_PER_SECOND, NULL, &problems);
    assert_true(settings_secret(&s->providers[0], now_us, &arena, &secret, &why));
    assert_str(secret.aws.id, S("ANEWER"));
    write_text(credentials, "");
    settings_refresh(s, now_us + 20 * US_PER_SECOND, NULL, &problems);
    assert_true(str_find(buf_str(&problems), S("the old one still holds"), 0) != SIZE_MAX);
    assert_true(settings_secret(&s->providers[0], now_us, &arena, &secret, &why));
    buf_free(&problems);
    arena_free(&arena);
    settings_drop(next);
    settings_drop(s);
}

static int begin(void **state)
{
    (void)state;
    char dir[64];
    if (!mkdtemp(folder)) return 1;
    snprintf(dir, sizeof(dir), "%s/.aws", folder);
    if (mkdir(dir, 0700) != 0) return 1;
    snprintf(credentials, sizeof(credentials), "%s/credentials", dir);
    snprintf(config, sizeof(config), "%s/config", dir);
    write_text(credentials, "[default]\naws_access_key_id=ADEFAULT\naws_secret_access_key=s\n"
                            "[lab]\naws_access_key_id=ALAB\naws_secret_access_key=s\naws_session_token=t\n");
    write_text(config, "[default]\nregion=us-east-2\n[profile lab]\nregion = eu-central-1\n[profile sso]\nsso_x=1\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    char dir[64];
    snprintf(dir, sizeof(dir), "%s/.aws", folder);
    unlink(credentials);
    unlink(config);
    return rmdir(dir) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order), cmocka_unit_test(without_keys),
        cmocka_unit_test(rotated), /* last: it changes the files */
    };
    return cmocka_run_group_tests(tests, begin, end);
}
