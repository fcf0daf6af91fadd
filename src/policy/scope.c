#include "policy/scope.h"

#include <openssl/evp.h>

static const str dim_names[SCOPE_DIMS] = {
#define DIM(constant, name) STR_INIT(name),
    SCOPE_DIMENSIONS(DIM)
#undef DIM
};

str scope_dim_name(enum scope_dim d)
{
    return dim_names[d];
}

bool scope_dim_find(str name, enum scope_dim *out)
{
    for (int d = 0; d < SCOPE_DIMS; d++) {
        if (!str_eq(name, dim_names[d])) continue;
        *out = (enum scope_dim)d;
        return true;
    }
    return false;
}

bool scope_is_each(str want)
{
    return want.n == 1 && want.p[0] == '*';
}

bool scope_matches(const struct scope *s, const struct payer *who)
{
    for (int d = 0; d < SCOPE_DIMS; d++) {
        str want = s->want[d];
        if (!want.p || scope_is_each(want) || str_eq(want, who->is[d])) continue;
        if (d == SCOPE_MODEL && str_eq(want, who->model_requested)) continue;
        return false;
    }
    return true;
}

/* A long value keeps its beginning, for people, and is told apart by its SHA-256. */
static void add_cut(struct buf *out, str value)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * SCOPE_DIGEST_BYTES];
    size_t keep = SCOPE_VALUE_MAX - 1 - sizeof(text);
    while (keep && ((unsigned char)value.p[keep] & 0xc0) == 0x80) keep--; /* not within a UTF-8 character */
    if (!EVP_Digest(value.p, value.n, digest, NULL, EVP_sha256(), NULL)) memset(digest, 0, sizeof(digest));
    for (size_t i = 0; i < SCOPE_DIGEST_BYTES; i++) {
        text[2 * i] = hex[digest[i] >> 4];
        text[2 * i + 1] = hex[digest[i] & 15];
    }
    buf_add(out, str_head(value, keep));
    buf_add_byte(out, '~');
    buf_add(out, str_of(text, sizeof(text)));
}

/* `,` and `\` are escaped, so that no two lists of values make the same text. */
static void add_escaped(struct buf *out, str value)
{
    size_t from = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] != ',' && value.p[i] != '\\') continue;
        buf_add(out, str_of(value.p + from, i - from));
        buf_add_byte(out, '\\');
        from = i;
    }
    buf_add(out, str_from_at(value, from));
}

static void add_value(struct buf *out, str value)
{
    if (value.n <= SCOPE_VALUE_MAX) {
        add_escaped(out, value);
        return;
    }
    char bytes[SCOPE_VALUE_MAX];
    struct buf cut = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    add_cut(&cut, value);
    add_escaped(out, buf_str(&cut));
}

void scope_value(const struct scope *s, const struct payer *who, struct buf *out)
{
    bool first = true;
    for (int d = 0; d < SCOPE_DIMS; d++) {
        if (!scope_is_each(s->want[d])) continue;
        if (!first) buf_add_byte(out, ',');
        first = false;
        buf_add(out, dim_names[d]);
        buf_add_byte(out, '=');
        add_value(out, who->is[d]);
    }
}
