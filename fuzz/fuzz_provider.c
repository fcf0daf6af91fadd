/* What a provider's side gets from others: models and queries that clients choose, tokens that
 * programs print, AWS's files. A path stays one path, a signed request has the lines it must have,
 * a token never holds what could end a header. */
#include <stdlib.h>

#include "provider/credential.h"
#include "provider/provider.h"

static void check(bool ok)
{
    if (!ok) abort();
}

/* The model is one part of the path: whatever it is called, no slash, question mark or line break of it is left. */
static void check_path(const struct vendor *v, enum endpoint e, str model, bool stream, str query)
{
    struct provider_paths p = {.project = S("proj"), .location = S("eu")};
    struct buf plain, out;
    buf_init(&plain, 0);
    buf_init(&out, 0);
    provider_paths_init(&p, v->paths, S("/base/v1"), STR_NONE);
    bool there = provider_path(&p, e, S("m"), stream, STR_NONE, &plain);
    check(provider_path(&p, e, model, stream, query, &out) == there);
    size_t slashes = 0;
    str path = str_head(buf_str(&out), str_find_byte(buf_str(&out), '?', 0));
    for (size_t i = 0; i < path.n; i++) slashes += path.p[i] == '/';
    for (size_t i = 0; i < plain.n; i++) slashes -= plain.p[i] == '/';
    check(slashes == 0);
    for (size_t i = 0; i < path.n; i++) check((unsigned char)path.p[i] > 0x20 && (unsigned char)path.p[i] < 0x7f);
    buf_free(&plain);
    buf_free(&out);
}

static void check_canonical(str path, str query)
{
    struct sigv4_header headers[] = {{S("host"), S("h")}, {S("x-a"), query}};
    struct sigv4_request r = {
        .method = S("GET"), .path = path, .query = query, .headers = headers, .header_count = 2, .body_hash = S("x")};
    struct buf out;
    buf_init(&out, 0);
    if (sigv4_canonical(&r, &out)) {
        size_t lines = 0;
        for (size_t i = 0; i < out.n; i++) lines += out.p[i] == '\n';
        check(lines == 7);
    }
    buf_free(&out);
}

static void check_token(str text)
{
    struct arena arena;
    struct provider_secret s;
    int64_t expires_us;
    arena_init(&arena);
    if (!credential_parse(text, INT64_C(1800000000000000), &arena, &s, &expires_us)) {
        check(s.key.n || (s.aws.id.n && s.aws.secret.n));
        const str parts[] = {s.key, s.aws.id, s.aws.secret, s.aws.session};
        for (size_t i = 0; i < COUNT_OF(parts); i++)
            for (size_t j = 0; j < parts[i].n; j++) check((unsigned char)parts[i].p[j] > 0x20);
    }
    if (!credential_parse_profile(text, S("p"), &arena, &s)) check(s.aws.id.n && s.aws.secret.n);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    size_t count = 1;
    while (vendor_at(count)) count++;
    const struct vendor *v = vendor_at(data[0] % count);
    str rest = str_of((const char *)data + 3, size - 3), model = str_cut(&rest, '\n');
    check_path(v, (enum endpoint)(data[1] % ENDPOINT_COUNT), model, data[2] & 1, STR_NONE);
    check_path(v, (enum endpoint)(data[1] % ENDPOINT_COUNT), S("m"), data[2] & 1, rest);
    check_canonical(model, rest);
    check_token(rest);
    vendor_find_url(rest);
    return 0;
}
