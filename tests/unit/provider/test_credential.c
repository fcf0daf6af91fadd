/* Tokens that change: from a command, from a file, from AWS's profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/time.h"
#include "provider/credential.h"

static char folder[] = "/tmp/purser-test-XXXXXX";
static char path[64];
static const int64_t start_us = INT64_C(1800000000000000);

static void write_text(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* ---- what they look like */

struct token {
    const char *text, *key, *aws, *why;
    int64_t expires_s; /* from now; 0: unknown */
};

static void texts(void **state)
{
    (void)state;
    static const struct token rows[] = {
        {" ya29.token\n", "ya29.token", NULL, NULL, 0},
        {"{\"access_token\":\"t\",\"expires_in\":3599}", "t", NULL, NULL, 3599},
        {"{\"token\":\"t\",\"expiry\":\"2027-01-15T09:00:00Z\"}", "t", NULL, NULL, 3600},
        {"{\"token\":\"t\",\"expires_at\":1800000060}", "t", NULL, NULL, 60},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"x\",\"Expiration\":"
         "\"2027-01-15T08:01:00+00:00\"}",
         "", "A", NULL, 60},
        {"", NULL, NULL, "it is empty", 0},
        {"two words", NULL, NULL, "it is no token: one word, without blanks", 0},
        {"line\r\nx-evil: 1", NULL, NULL, "it is no token: one word, without blanks", 0},
        {"{\"access_token\":\"a\\nb\"}", NULL, NULL, "its token is none", 0},
        {"{\"id_token\":\"a\"}", NULL, NULL, "it is JSON without access_token, token or AccessKeyId", 0},
        {"{\"AccessKeyId\":\"A\"}", NULL, NULL, "AccessKeyId, SecretAccessKey or SessionToken is no key", 0},
        {"{", NULL, NULL, "it is no valid JSON", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct provider_secret secret;
        int64_t expires_us;
        arena_init(&arena);
        const char *why = credential_parse(str_from(rows[i].text), start_us, &arena, &secret, &expires_us);
        if (rows[i].why) {
            assert_non_null(why);
            assert_string_equal(why, rows[i].why);
        } else {
            assert_null(why);
            assert_true(str_eq(secret.key, str_from(rows[i].key)));
            assert_true(str_eq(secret.aws.id, rows[i].aws ? str_from(rows[i].aws) : S("")));
            assert_int_equal(secret.token, !rows[i].aws);
            assert_int_equal(expires_us, rows[i].expires_s ? start_us + rows[i].expires_s * US_PER_SECOND : 0);
        }
        arena_free(&arena);
    }
}

static void profiles(void **state)
{
    (void)state;
    str text = S("# a comment\n[default]\naws_access_key_id = A\naws_secret_access_key=s=1\n\n"
                 "[profile lab]\nregion = eu-west-1\ns3 =\n  region = wrong\n[ lab ]\nAWS_ACCESS_KEY_ID=B\r\n"
                 "aws_secret_access_key = t\naws_session_token = u\n[broken]\naws_access_key_id = C\n");
    struct arena arena;
    struct provider_secret secret;
    arena_init(&arena);
    assert_null(credential_parse_profile(text, S("default"), &arena, &secret));
    assert_true(str_eq(secret.aws.id, S("A")) && str_eq(secret.aws.secret, S("s=1")) && !secret.aws.session.n);
    assert_null(credential_parse_profile(text, S("lab"), &arena, &secret));
    assert_true(str_eq(secret.aws.id, S("B")) && str_eq(secret.aws.secret, S("t")));
    assert_true(str_eq(secret.aws.session, S("u")));
    assert_non_null(credential_parse_profile(text, S("broken"), &arena, &secret));
    assert_non_null(credential_parse_profile(text, S("none"), &arena, &secret));
    assert_true(str_eq(ini_find(text, S("profile lab"), S("region")), S("eu-west-1")));
    assert_null(ini_find(text, S("default"), S("region")).p);
    arena_free(&arena);
}

/* ---- programs */

static const char *run(const char *script, int64_t timeout_us, const bool *stop, struct buf *out)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    buf_init(out, 0);
    return command_run((char *const *)(uintptr_t)argv, timeout_us, stop, out);
}

static void commands(void **state)
{
    (void)state;
    struct buf out;
    bool stop = true;
    assert_null(run("printf a; sleep 0.05; printf b", US_PER_MINUTE, NULL, &out));
    assert_true(str_eq(buf_str(&out), S("ab")));
    buf_free(&out);
    assert_string_equal(run("exit 3", US_PER_MINUTE, NULL, &out), "the command failed");
    buf_free(&out);
    assert_string_equal(run("kill -9 $$", US_PER_MINUTE, NULL, &out), "the command was killed");
    buf_free(&out);
    /* What it started goes with it: the pipe would stay open else. */
    int64_t before_us = time_mono_us();
    assert_string_equal(run("sleep 60 & sleep 60", 200 * US_PER_MS, NULL, &out), "the command took too long");
    buf_free(&out);
    assert_string_equal(run("exec >&-; sleep 60", 200 * US_PER_MS, NULL, &out), "the command took too long");
    buf_free(&out);
    assert_string_equal(run("sleep 60", US_PER_MINUTE, &stop, &out), "purser stops");
    buf_free(&out);
    assert_true(time_mono_us() - before_us < 20 * US_PER_SECOND);
    assert_string_equal(run("yes", US_PER_MINUTE, NULL, &out), "the command printed more than 64 kB");
    buf_free(&out);
    const char *absent[] = {"/nowhere/at/all", NULL};
    buf_init(&out, 0);
    assert_string_equal(command_run((char *const *)(uintptr_t)absent, US_PER_SECOND, NULL, &out),
                        "the command cannot be started");
    buf_free(&out);
}

/* ---- over time */

static bool holds(struct credential *c, int64_t now_us, const char *key)
{
    struct arena arena;
    struct provider_secret secret;
    str why = STR_NONE;
    arena_init(&arena);
    bool ok = credential_get(c, now_us, &arena, &secret, &why);
    if (ok)
        ok = str_eq(secret.aws.id.n ? secret.aws.id : secret.key, str_from(key));
    else if (why.n == 0 || why.p[why.n] != '\0')
        fail_msg("no reason");
    arena_free(&arena);
    return ok;
}

static void from_a_command(void **state)
{
    (void)state;
    char script[128];
    snprintf(script, sizeof(script), "cat %s", path);
    const char *argv[] = {"sh", "-c", script, NULL};
    struct credential_source source = {.kind = CREDENTIAL_COMMAND,
                                       .argv = (char *const *)(uintptr_t)argv,
                                       .ttl_us = 45 * US_PER_MINUTE};
    struct credential *c = credential_new(&source);
    int64_t now_us = start_us;
    assert_false(holds(c, now_us, "one"));
    write_text("{\"access_token\":\"one\",\"expires_in\":3600}");
    assert_true(credential_refresh(c, now_us, NULL));
    assert_true(holds(c, now_us, "one"));
    write_text("two");
    assert_true(credential_refresh(c, now_us += 44 * US_PER_MINUTE, NULL));
    assert_true(holds(c, now_us, "one")); /* not yet */
    unlink(path);
    assert_false(credential_refresh(c, now_us += US_PER_MINUTE, NULL));
    assert_true(holds(c, now_us, "one"));                             /* a failure leaves it */
    assert_true(credential_refresh(c, now_us + US_PER_SECOND, NULL)); /* and is not tried again at once */
    assert_false(holds(c, now_us + 15 * US_PER_MINUTE, "one"));
    struct credential_state s;
    struct arena arena;
    arena_init(&arena);
    credential_state(c, now_us, &arena, &s);
    assert_true(s.usable && s.failures == 1 && str_eq(s.error, S("the command failed")));
    write_text("two");
    assert_true(credential_refresh(c, now_us += 10 * US_PER_SECOND, NULL));
    assert_true(holds(c, now_us + US_PER_DAY, "two")); /* its end is unknown: until it is refused */
    credential_state(c, now_us, &arena, &s);
    assert_true(s.usable && s.expires_us == 0 && !s.error.n);
    arena_free(&arena);
    credential_drop(c);
}

static void from_a_file(void **state)
{
    (void)state;
    struct credential_source source = {.kind = CREDENTIAL_FILE, .file = str_from(path)};
    struct credential *c = credential_new(&source);
    int64_t now_us = start_us;
    write_text("one");
    assert_true(credential_refresh(c, now_us, NULL));
    assert_true(holds(c, now_us, "one"));
    write_text("longer");
    assert_true(credential_refresh(c, now_us += US_PER_SECOND, NULL));
    assert_true(holds(c, now_us, "one")); /* it was looked at a moment ago */
    assert_true(credential_refresh(c, now_us += 6 * US_PER_SECOND, NULL));
    assert_true(holds(c, now_us, "longer"));
    unlink(path); /* as if it were being replaced */
    assert_true(credential_refresh(c, now_us += 6 * US_PER_SECOND, NULL));
    assert_true(holds(c, now_us, "longer"));
    /* A refusal reads it anew, but not all the time. */
    write_text("longer");
    credential_refuse(c);
    assert_true(credential_refresh(c, now_us += US_PER_MINUTE, NULL));
    struct credential *next = credential_new(&source);
    credential_adopt(next, c);
    assert_true(holds(next, now_us, "longer"));
    source.file = S("/other");
    struct credential *other = credential_new(&source);
    credential_adopt(other, c);
    assert_false(holds(other, now_us, "longer"));
    credential_drop(other);
    credential_drop(next);
    credential_drop(c);
}

static void refused(void **state)
{
    (void)state;
    struct credential_source source = {.kind = CREDENTIAL_PROFILE, .file = str_from(path), .profile = S("p")};
    struct credential *c = credential_new(&source);
    write_text("[p]\naws_access_key_id=A\naws_secret_access_key=s\n");
    assert_true(credential_refresh(c, start_us, NULL));
    assert_true(holds(c, start_us, "A"));
    unlink(path);
    credential_refuse(c);
    assert_true(credential_refresh(c, start_us + US_PER_SECOND, NULL)); /* too early */
    assert_false(credential_refresh(c, start_us + 31 * US_PER_SECOND, NULL));
    assert_true(holds(c, start_us + 31 * US_PER_SECOND, "A")); /* better than none */
    credential_drop(c);
}

/* ---- side by side */

static bool done, torn;

static void *reader(void *arg)
{
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        struct arena arena;
        struct provider_secret secret;
        str why;
        arena_init(&arena);
        bool whole = credential_get(arg, start_us, &arena, &secret, &why) &&
                     (str_eq(secret.key, S("aaaaaaaaaaaaaaaa")) || str_eq(secret.key, S("bbbb")));
        if (!whole) __atomic_store_n(&torn, true, __ATOMIC_RELEASE);
        arena_free(&arena);
        credential_refuse(arg);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct credential_source source = {.kind = CREDENTIAL_FILE, .file = str_from(path)};
    struct credential *c = credential_new(&source);
    pthread_t t[2];
    write_text("aaaaaaaaaaaaaaaa");
    assert_true(credential_refresh(c, start_us, NULL));
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&t[i], NULL, reader, c), 0);
    for (int i = 1; i < 200; i++) {
        write_text(i % 2 ? "bbbb" : "aaaaaaaaaaaaaaaa");
        assert_true(credential_refresh(c, start_us + i * US_PER_MINUTE, NULL));
    }
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 2; i++) pthread_join(t[i], NULL);
    assert_false(torn);
    credential_drop(c);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof(path), "%s/token", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),          cmocka_unit_test(profiles),    cmocka_unit_test(commands),
        cmocka_unit_test(from_a_command), cmocka_unit_test(from_a_file), cmocka_unit_test(refused),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
