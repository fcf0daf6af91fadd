/* The hashes are OpenSSL's plain functions: through EVP and HMAC(), which look up and allocate for each,
 * a small request took 40 microseconds to sign, ten times what the hashing takes. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "provider/sigv4.h"
#include "base/hex.h"

#include "base/time.h"
#include "provider/endpoint.h"
#include <openssl/sha.h>
#include <stdlib.h>

enum { HASH_BYTES = 32 };

static void add_hex(const unsigned char hash[HASH_BYTES], char hex[SIGV4_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
}

void sigv4_date(int64_t now_us, char out[SIGV4_DATE_BYTES])
{
    char text[40];
    str s = time_format(now_us, text); /* 2026-11-25T12:15:30.123456Z */
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < SIGV4_DATE_BYTES - 1; i++) {
        if (s.p[i] != '-' && s.p[i] != ':') out[n++] = s.p[i];
    }
    while (n < SIGV4_DATE_BYTES - 1) out[n++] = '0';
    out[SIGV4_DATE_BYTES - 1] = 'Z';
}

void sigv4_hash(const struct iovec *pieces, size_t count, char hex[SIGV4_HASH_HEX])
{
    unsigned char hash[HASH_BYTES];
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < count; i++) SHA256_Update(&ctx, pieces[i].iov_base, pieces[i].iov_len);
    SHA256_Final(hash, &ctx);
    add_hex(hash, hex);
}

/* ---- the canonical request */

static void add_encoded_path(str path, struct buf *out)
{
    while (path.p) {
        str part = str_cut(&path, '/');
        buf_add_percent(out, part);
        if (path.p) buf_add_byte(out, '/');
    }
}

/* RFC 3986, 5.2.4, and no slash twice. `from` is where the path begins. */
static void add_path(str path, struct buf *out)
{
    size_t from = out->n;
    bool open = true; /* ends in a slash */
    buf_add_byte(out, '/');
    while (path.p) {
        str part = str_cut(&path, '/');
        bool last = !path.p;
        if (str_eq(part, S("..")) && out->n > from + 1) {
            out->n -= open;
            while (out->n > from + 1 && out->p[out->n - 1] != '/') out->n--;
        } else if (part.n && !str_eq(part, S(".")) && !str_eq(part, S(".."))) {
            buf_add_percent(out, part);
            if (!last) buf_add_byte(out, '/');
        }
        open = out->p[out->n - 1] == '/';
    }
}

struct pair {
    str name, value;
};

static int pair_cmp(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

/* What may be encoded already or not becomes so, in the one form. */
static str encode_again(str s, struct arena *arena)
{
    char *plain = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit_of(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit_of(s.p[i + 2]) : -1;
        plain[n++] = low >= 0 ? (char)(high << 4 | low) : s.p[i];
        if (low >= 0) i += 2;
    }
    struct buf out;
    buf_init(&out, 0);
    buf_add_percent(&out, str_of(plain, n));
    str encoded = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return encoded;
}

static bool add_query(str query, struct buf *out)
{
    struct pair pairs[SIGV4_QUERY_MAX];
    size_t count = 0;
    struct arena arena;
    arena_init(&arena);
    if (!query.n) query = STR_NONE;
    while (query.p && count < SIGV4_QUERY_MAX) {
        str value = str_cut(&query, '&');
        str name = str_cut(&value, '=');
        pairs[count++] = (struct pair){encode_again(name, &arena), encode_again(value.p ? value : S(""), &arena)};
    }
    if (count) qsort(pairs, count, sizeof(*pairs), pair_cmp);
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_byte(out, '&');
        buf_add(out, pairs[i].name);
        buf_add_byte(out, '=');
        buf_add(out, pairs[i].value);
    }
    arena_free(&arena);
    return !query.p;
}

static int name_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int x = (unsigned char)a.p[i] | 0x20, y = (unsigned char)b.p[i] | 0x20;
        /* '-' and digits are the same with the bit set; nothing else stands in names that matter */
        if (x != y) return x - y;
    }
    return (a.n > b.n) - (a.n < b.n);
}

/* The headers by name, those of one name in their own order. */
static bool sort_headers(const struct sigv4_request *r, const struct sigv4_header *sorted[SIGV4_HEADERS_MAX])
{
    if (r->header_count > SIGV4_HEADERS_MAX) return false;
    for (size_t i = 0; i < r->header_count; i++) {
        size_t at = i;
        for (; at && name_cmp(sorted[at - 1]->name, r->headers[i].name) > 0; at--) sorted[at] = sorted[at - 1];
        sorted[at] = &r->headers[i];
    }
    return true;
}

static void add_lower(str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) buf_add_byte(out, s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
}

/* Trimmed, every run of white space one blank. */
static void add_value(str s, struct buf *out)
{
    s = str_trim(s);
    for (size_t i = 0; i < s.n; i++) {
        bool blank = strchr(" \t\r\n", s.p[i]) != NULL, before = i && strchr(" \t\r\n", s.p[i - 1]) != NULL;
        if (!blank)
            buf_add_byte(out, s.p[i]);
        else if (!before)
            buf_add_byte(out, ' ');
    }
}

static bool is_first_of_name(const struct sigv4_header *const *sorted, size_t i)
{
    return i == 0 || name_cmp(sorted[i - 1]->name, sorted[i]->name) != 0;
}

static void add_names(const struct sigv4_header *const *sorted, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_name(sorted, i)) continue;
        if (i) buf_add_byte(out, ';');
        add_lower(sorted[i]->name, out);
    }
}

bool sigv4_canonical(const struct sigv4_request *r, struct buf *out)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    if (!sort_headers(r, sorted)) return false;
    buf_add(out, r->method);
    buf_add_byte(out, '\n');
    if (r->plain_path)
        add_encoded_path(r->path, out);
    else
        add_path(r->path, out);
    buf_add_byte(out, '\n');
    if (!add_query(r->query, out)) return false;
    for (size_t i = 0; i < r->header_count; i++) {
        if (is_first_of_name(sorted, i)) {
            buf_add_byte(out, '\n');
            add_lower(sorted[i]->name, out);
            buf_add_byte(out, ':');
        } else {
            buf_add_byte(out, ',');
        }
        add_value(sorted[i]->value, out);
    }
    buf_add(out, S("\n\n"));
    add_names(sorted, r->header_count, out);
    buf_add_byte(out, '\n');
    buf_add(out, r->body_hash);
    return true;
}

/* ---- the signature */

/* Source: RFC 2104. */
static void hmac(str key, str text, unsigned char out[HASH_BYTES])
{
    unsigned char inner[SHA256_CBLOCK] = {0}, outer[SHA256_CBLOCK];
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    if (key.n > sizeof(inner)) {
        SHA256_Update(&ctx, key.p, key.n);
        SHA256_Final(inner, &ctx);
        SHA256_Init(&ctx);
    } else {
        memcpy(inner, key.p, key.n);
    }
    for (size_t i = 0; i < sizeof(inner); i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    SHA256_Update(&ctx, inner, sizeof(inner));
    SHA256_Update(&ctx, text.p, text.n);
    SHA256_Final(out, &ctx);
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, outer, sizeof(outer));
    SHA256_Update(&ctx, out, HASH_BYTES);
    SHA256_Final(out, &ctx);
    explicit_bzero(inner, sizeof(inner));
    explicit_bzero(outer, sizeof(outer));
}

static str bytes(const unsigned char hash[HASH_BYTES])
{
    return str_of((const char *)hash, HASH_BYTES);
}

static void sign(str secret, const struct sigv4_request *r, str date, str text, char hex[SIGV4_HASH_HEX])
{
    struct buf first;
    unsigned char hash[HASH_BYTES];
    buf_init(&first, 0);
    buf_add(&first, S("AWS4"));
    buf_add(&first, secret);
    hmac(buf_str(&first), str_head(date, 8), hash);
    explicit_bzero(first.p, first.n);
    buf_free(&first);
    hmac(bytes(hash), r->region, hash);
    hmac(bytes(hash), r->service, hash);
    hmac(bytes(hash), S("aws4_request"), hash);
    hmac(bytes(hash), text, hash);
    add_hex(hash, hex);
}

static void add_scope(const struct sigv4_request *r, str date, struct buf *out)
{
    buf_printf(out, "%.8s/%" STR_FMT "/%" STR_FMT "/aws4_request", date.p, STR_ARG(r->region), STR_ARG(r->service));
}

bool sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *r, struct buf *out)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    char date_text[SIGV4_DATE_BYTES], hash[SIGV4_HASH_HEX];
    struct buf text;
    sigv4_date(r->now_us, date_text);
    str date = str_of(date_text, sizeof(date_text));
    buf_init(&text, 0);
    bool ok = sigv4_canonical(r, &text) && sort_headers(r, sorted);
    if (ok) {
        struct iovec canonical = {text.p, text.n};
        sigv4_hash(&canonical, 1, hash);
        buf_clear(&text);
        buf_printf(&text, "AWS4-HMAC-SHA256\n%" STR_FMT "\n", STR_ARG(date));
        add_scope(r, date, &text);
        buf_add_byte(&text, '\n');
        buf_add(&text, str_of(hash, sizeof(hash)));
        sign(key->secret, r, date, buf_str(&text), hash);
        buf_printf(out, "AWS4-HMAC-SHA256 Credential=%" STR_FMT "/", STR_ARG(key->id));
        add_scope(r, date, out);
        buf_add(out, S(", SignedHeaders="));
        add_names(sorted, r->header_count, out);
        buf_add(out, S(", Signature="));
        buf_add(out, str_of(hash, sizeof(hash)));
    }
    buf_free(&text);
    return ok;
}
