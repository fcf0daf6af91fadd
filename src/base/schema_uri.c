/* References: which document does "../types.json#/a" mean, seen from here? RFC 3986, 3 and 5. */
#include "base/hex.h"
#include "base/schema_inside.h"

static bool is_scheme(str s)
{
    if (!s.n || !((s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z')) return false;
    for (size_t i = 1; i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')) return false;
    }
    return true;
}

/* Cuts what stands behind the first `mark` off `*s`. */
static str cut_tail(str *s, char mark)
{
    size_t at = str_find_byte(*s, mark, 0);
    if (at == SIZE_MAX) return STR_NONE;
    str tail = str_from_at(*s, at + 1);
    *s = str_head(*s, at);
    return tail;
}

struct schema_uri schema_uri_split(str s)
{
    struct schema_uri u = {0};
    if (!s.p) s = S("");
    u.fragment = cut_tail(&s, '#');
    u.query = cut_tail(&s, '?');
    size_t colon = str_find_byte(s, ':', 0);
    if (colon != SIZE_MAX && is_scheme(str_head(s, colon))) {
        u.scheme = str_head(s, colon);
        s = str_from_at(s, colon + 1);
    }
    if (str_starts(s, S("//"))) {
        s = str_from_at(s, 2);
        size_t slash = str_find_byte(s, '/', 0);
        u.authority = slash == SIZE_MAX ? s : str_head(s, slash);
        s = str_from_at(s, u.authority.n);
    }
    u.path = s;
    return u;
}

/* Section 5.2.4, on a path that begins with a slash; others have no dots to go by. */
static str without_dots(struct arena *arena, str path)
{
    if (!path.n || path.p[0] != '/') return path;
    char *out = arena_alloc(arena, path.n + 1);
    size_t n = 0;
    str rest = str_from_at(path, 1);
    while (rest.p) {
        str part = str_cut(&rest, '/');
        bool up = str_eq(part, S("..")), stay = str_eq(part, S("."));
        if (up) {
            while (n && out[n - 1] != '/') n--;
            if (n) n--;
        }
        if (up || stay) {
            if (!rest.p) out[n++] = '/';
            continue;
        }
        out[n++] = '/';
        if (part.n) memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    return str_of(out, n);
}

/* Section 5.2.3. */
static str merged(struct arena *arena, const struct schema_uri *base, str path)
{
    if (base->authority.p && !base->path.n) return arena_printf(arena, "/%" STR_FMT, STR_ARG(path));
    size_t n = base->path.n;
    while (n && base->path.p[n - 1] != '/') n--;
    return arena_printf(arena, "%" STR_FMT "%" STR_FMT, (int)n, base->path.p, STR_ARG(path));
}

static str joined(struct arena *arena, const struct schema_uri *u)
{
    return arena_printf(arena, "%" STR_FMT "%s%s%" STR_FMT "%" STR_FMT "%s%" STR_FMT, STR_ARG(u->scheme),
                        u->scheme.p ? ":" : "", u->authority.p ? "//" : "", STR_ARG(u->authority), STR_ARG(u->path),
                        u->query.p ? "?" : "", STR_ARG(u->query));
}

str schema_uri_resolve(struct arena *arena, str base, str ref)
{
    struct schema_uri b = schema_uri_split(base), u = schema_uri_split(ref);
    if (!u.scheme.p) {
        u.scheme = b.scheme;
        if (!u.authority.p) {
            u.authority = b.authority;
            if (!u.path.n) {
                u.path = b.path;
                if (!u.query.p) u.query = b.query;
            } else if (u.path.p[0] != '/') {
                u.path = merged(arena, &b, u.path);
            }
        }
    }
    u.path = without_dots(arena, u.path);
    return joined(arena, &u);
}

str schema_uri_decode(struct arena *arena, str s)
{
    if (str_find_byte(s, '%', 0) == SIZE_MAX) return s;
    char *out = arena_alloc(arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool coded = s.p[i] == '%' && s.n - i > 2 && hex_digit_of(s.p[i + 1]) >= 0 && hex_digit_of(s.p[i + 2]) >= 0;
        out[n++] = coded ? (char)(hex_digit_of(s.p[i + 1]) << 4 | hex_digit_of(s.p[i + 2])) : s.p[i];
        if (coded) i += 2;
    }
    return str_of(out, n);
}
