/* The published vectors are $PURSER_SHARED/suites/sigv4, else ../shared/suites/sigv4: without them that test skips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/json.h"
#include "base/time.h"
#include "provider/sign.h"

static const char folder_name[] = "suites/sigv4/tests/aws-signing-test-suite/v4";

/* Owns: the arena. An absent file is an empty text. */
static str read_file(struct arena *arena, const char *folder, const char *name, const char *file)
{
    char path[1024], piece[4096];
    snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
    FILE *f = fopen(path, "r");
    struct buf text;
    buf_init(&text, 0);
    for (size_t n; f && (n = fread(piece, 1, sizeof(piece), f)) > 0;) buf_add(&text, str_of(piece, n));
    if (f) fclose(f);
    str out = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return out;
}

struct vector {
    struct arena arena;
    struct json context;
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct sigv4_request r;
    struct sigv4_key key;
    char hash[SIGV4_HASH_HEX], date[SIGV4_DATE_BYTES];
};

static str member(struct vector *v, const char *group, const char *name)
{
    str out = STR_NONE;
    json_ref at = *group ? json_path(&v->context, JSON_ROOT, group, name, NULL)
                         : json_find(&v->context, JSON_ROOT, str_from(name), NULL);
    if (at && !json_string(&v->context, at, &v->arena, &out)) fail_msg("%s is no string", name);
    return out;
}

static bool is_set(struct vector *v, str name)
{
    json_ref at = json_find(&v->context, JSON_ROOT, name, NULL);
    return at && json_is_true(&v->context, at);
}

static void add_header(struct vector *v, str name, str value)
{
    assert_true(v->r.header_count < COUNT_OF(v->headers));
    v->headers[v->r.header_count++] = (struct sigv4_header){name, value};
}

/* A header's value goes on in lines that begin with a blank. */
static void read_request(struct vector *v, str text)
{
    str head = str_cut(&text, '\n');
    v->r.method = str_cut(&head, ' ');
    size_t http = str_find(head, S(" HTTP/1.1"), 0);
    str target = str_head(head, http);
    size_t question = str_find_byte(target, '?', 0);
    v->r.path = str_head(target, question);
    if (question != SIZE_MAX) v->r.query = str_from_at(target, question + 1);
    while (text.p && text.n && text.p[0] != '\n') {
        size_t end = 0;
        do end = str_find_byte(text, '\n', end ? end + 1 : 0);
        while (end != SIZE_MAX && end + 1 < text.n && text.p[end + 1] == ' ');
        str line = str_head(text, end);
        text = end == SIZE_MAX ? STR_NONE : str_from_at(text, end + 1);
        str name = str_cut(&line, ':');
        add_header(v, name, line);
    }
    str body = text.n ? str_from_at(text, 1) : S("");
    struct iovec halves[] = {{(void *)(uintptr_t)body.p, body.n / 2},
                             {(void *)(uintptr_t)(body.p + body.n / 2), body.n - body.n / 2}};
    sigv4_hash(halves, 2, v->hash);
    v->r.body_hash = str_of(v->hash, sizeof(v->hash));
}

static void read_vector(struct vector *v, const char *folder, const char *name)
{
    struct json_fail why;
    *v = (struct vector){0};
    arena_init(&v->arena);
    json_init(&v->context);
    assert_true(json_parse(&v->context, read_file(&v->arena, folder, name, "context.json"), &why));
    v->r.headers = v->headers;
    read_request(v, read_file(&v->arena, folder, name, "request.txt"));
    v->r.plain_path = !is_set(v, S("normalize"));
    v->r.region = member(v, "", "region");
    v->r.service = member(v, "", "service");
    assert_true(time_parse(member(v, "", "timestamp"), &v->r.now_us));
    v->key = (struct sigv4_key){member(v, "credentials", "access_key_id"),
                                member(v, "credentials", "secret_access_key"), member(v, "credentials", "token")};
    sigv4_date(v->r.now_us, v->date);
    add_header(v, S("X-Amz-Date"), str_of(v->date, sizeof(v->date)));
    bool late = is_set(v, S("omit_session_token"));
    if (v->key.session.n && !late) add_header(v, S("X-Amz-Security-Token"), v->key.session);
    if (is_set(v, S("sign_body"))) add_header(v, S("x-amz-content-sha256"), v->r.body_hash);
}

static bool check_vector(const char *folder, const char *name)
{
    struct vector v;
    struct buf made;
    buf_init(&made, 0);
    read_vector(&v, folder, name);
    str canonical = read_file(&v.arena, folder, name, "header-canonical-request.txt");
    bool ok = sigv4_canonical(&v.r, &made) && str_eq(buf_str(&made), canonical);
    if (!ok)
        print_error("%s: canonical request:\n%.*s\nnot\n%.*s\n", name, STR_ARG(buf_str(&made)), STR_ARG(canonical));
    buf_clear(&made);
    bool signed_well = sigv4_authorization(&v.key, &v.r, &made);
    str signature = read_file(&v.arena, folder, name, "header-signature.txt");
    str request = read_file(&v.arena, folder, name, "header-signed-request.txt");
    signed_well = signed_well && signature.n == SIGV4_HASH_HEX && str_ends(buf_str(&made), signature) &&
                  str_find(request, buf_str(&made), 0) != SIZE_MAX;
    if (!signed_well) print_error("%s: %.*s\n", name, STR_ARG(buf_str(&made)));
    buf_free(&made);
    json_free(&v.context);
    arena_free(&v.arena);
    return ok && signed_well;
}

static void published_vectors(void **state)
{
    (void)state;
    const char *shared = getenv("PURSER_SHARED");
    char folder[512];
    snprintf(folder, sizeof(folder), "%s/%s", shared ? shared : "../shared", folder_name);
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: there is no %s\n", folder);
        skip();
        return;
    }
    size_t count = 0, wrong = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        count++;
        wrong += !check_vector(folder, e->d_name);
    }
    closedir(dir);
    print_message("%zu vectors\n", count);
    assert_true(count >= 37);
    assert_int_equal(wrong, 0);
}

/* ---- what a call to a provider carries */

static struct buf sign(enum provider_auth auth, const struct provider_secret *secret, str target, str version)
{
    struct iovec body = {(void *)(uintptr_t) "{}", 2};
    struct sign_call call = {S("POST"), S("h.example:8443"), target, &body, 1, S("us-east-1"), version, 0};
    assert_true(time_parse(S("2026-11-25T12:15:30.999Z"), &call.now_us));
    struct buf out;
    buf_init(&out, 0);
    provider_sign(auth, secret, &call, &out);
    return out;
}

static void expect(enum provider_auth auth, bool token, str target, str want)
{
    struct provider_secret secret = {.key = S("k"), .token = token};
    struct buf out = sign(auth, &secret, target, STR_NONE);
    if (!str_eq(buf_str(&out), want)) fail_msg("%.*s", STR_ARG(buf_str(&out)));
    buf_free(&out);
}

static void keys(void **state)
{
    (void)state;
    str path = S("/v1/x");
    expect(AUTH_BEARER, false, path, S("authorization: Bearer k\r\n"));
    expect(AUTH_API_KEY, false, path, S("api-key: k\r\n"));
    expect(AUTH_API_KEY, true, path, S("authorization: Bearer k\r\n"));
    expect(AUTH_ANTHROPIC, false, path, S("anthropic-version: 2023-06-01\r\nx-api-key: k\r\n"));
    expect(AUTH_ANTHROPIC, true, path, S("anthropic-version: 2023-06-01\r\nauthorization: Bearer k\r\n"));
    expect(AUTH_GOOGLE, false, path, S("x-goog-api-key: k\r\n"));
    expect(AUTH_GOOGLE, true, path, S("authorization: Bearer k\r\n"));
    expect(AUTH_GOOGLE, false, S("/v1beta/openai/chat/completions"), S("authorization: Bearer k\r\n"));
    expect(AUTH_AWS, false, path, S("authorization: Bearer k\r\n"));
    struct provider_secret none = {0};
    struct buf out = sign(AUTH_BEARER, &none, path, STR_NONE);
    assert_int_equal(out.n, 0);
    buf_free(&out);
    struct provider_secret key = {.key = S("k")};
    out = sign(AUTH_ANTHROPIC, &key, path, S("2030-01-01"));
    assert_true(str_starts(buf_str(&out), S("anthropic-version: 2030-01-01\r\n")));
    buf_free(&out);
}

/* The path that is signed is the one that is sent, encoded once more: %3A in it becomes %253A. */
static void aws(void **state)
{
    (void)state;
    struct provider_secret secret = {.aws = {S("AKID"), S("secret"), S("session")}};
    str target = S("/model/us.anthropic.c-v1%3A0/converse");
    struct buf out = sign(AUTH_AWS, &secret, target, STR_NONE);
    str got = buf_str(&out);
    assert_true(str_starts(got, S("x-amz-content-sha256: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61ca"
                                  "aff8a\r\nx-amz-date: 20261125T121530Z\r\nx-amz-security-token: session\r\n"
                                  "authorization: AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/bedrock/"
                                  "aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                                  "x-amz-security-token, Signature=")));
    struct sigv4_request r = {.method = S("POST"), .path = target, .body_hash = S("x")};
    struct buf canonical;
    buf_init(&canonical, 0);
    assert_true(sigv4_canonical(&r, &canonical));
    assert_true(str_starts(buf_str(&canonical), S("POST\n/model/us.anthropic.c-v1%253A0/converse\n\n")));
    buf_free(&canonical);
    buf_free(&out);
    secret.aws.session = STR_NONE;
    out = sign(AUTH_AWS, &secret, target, STR_NONE);
    assert_true(str_find(buf_str(&out), S("security-token"), 0) == SIZE_MAX);
    buf_free(&out);
}

static void ceilings(void **state)
{
    (void)state;
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1] = {{S("host"), S("h")}};
    struct sigv4_request r = {.method = S("GET"), .path = S("/"), .headers = headers, .header_count = 1};
    struct buf query, out;
    buf_init(&query, 0);
    buf_init(&out, 0);
    for (size_t i = 0; i < SIGV4_QUERY_MAX; i++) buf_printf(&query, "&a%zu", i);
    r.query = str_from_at(buf_str(&query), 1);
    assert_true(sigv4_canonical(&r, &out));
    r.query = buf_str(&query);
    assert_false(sigv4_canonical(&r, &out));
    r.query = S("%&%4&=&a=%41&a=%");
    buf_clear(&out);
    assert_true(sigv4_canonical(&r, &out));
    assert_true(str_starts(buf_str(&out), S("GET\n/\n=&%25=&%254=&a=%25&a=A\nhost:h\n")));
    r.header_count = COUNT_OF(headers);
    assert_false(sigv4_canonical(&r, &out));
    buf_free(&query);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(keys),
        cmocka_unit_test(aws),
        cmocka_unit_test(ceilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
