/* URIs and IRIs: RFC 3986, appendix A, and RFC 3987, 2.2. */
#include "base/hex.h"
#include "base/schema_inside.h"

/* The code point at the head of valid UTF-8 above ASCII, and its length. */
static uint32_t rune_at(str s, size_t *len)
{
    const unsigned char *b = (const unsigned char *)s.p;
    *len = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (*len > s.n) return 0; /* not of a JSON string */
    if (*len == 2) return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
    if (*len == 3) return (b[0] & 0xfu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
    return (b[0] & 7u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 | (b[3] & 0x3fu);
}

/* ucschar, and in a query iprivate. */
static bool is_wide(uint32_t rune, bool query)
{
    if (rune >= 0xe000 && rune <= 0xf8ff) return query;
    if (rune >= 0xf0000) return query && (rune & 0xffff) <= 0xfffd;
    if (rune >= 0xfdd0 && rune <= 0xfdef) return false;
    if (rune >= 0xfff0 && rune <= 0xffff) return false;
    if (rune >= 0xe0000 && rune < 0xe1000) return false;
    return rune >= 0xa0 && (rune & 0xffff) <= 0xfffd;
}

/* Letters, digits, -._~, the sub-delimiters, %41, and what is in `more`. */
static bool is_made_of(str s, const char *more, bool iri, bool query)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i], low = c | 0x20;
        if (c >= 0x80) {
            size_t len;
            uint32_t rune = rune_at(str_from_at(s, i), &len);
            if (!iri || !is_wide(rune, query)) return false;
            i += len - 1;
        } else if (c == '%') {
            if (s.n - i < 3 || hex_digit_of(s.p[i + 1]) < 0 || hex_digit_of(s.p[i + 2]) < 0) return false;
            i += 2;
        } else if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9')) {
            if (!c || (!strchr("-._~!$&'()*+,;=", c) && !strchr(more, c))) return false;
        }
    }
    return true;
}

/* [::1], or of the future: [v1.x]. */
static bool is_ip_literal(str s)
{
    if (!s.n || (s.p[0] | 0x20) != 'v') return schema_format_ipv6(s);
    size_t dot = str_find_byte(s, '.', 0);
    if (dot == SIZE_MAX || dot < 2 || dot + 1 == s.n) return false;
    for (size_t i = 1; i < dot; i++) {
        if (hex_digit_of(s.p[i]) < 0) return false;
    }
    str rest = str_from_at(s, dot + 1);
    return str_find_byte(rest, '%', 0) == SIZE_MAX && is_made_of(rest, ":", false, false);
}

static bool is_port(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    }
    return true;
}

static bool is_authority(str s, bool iri)
{
    size_t at = str_find_byte(s, '@', 0);
    if (at != SIZE_MAX) {
        if (!is_made_of(str_head(s, at), ":", iri, false)) return false;
        s = str_from_at(s, at + 1);
    }
    if (str_starts(s, S("["))) {
        size_t end = str_find_byte(s, ']', 0);
        if (end == SIZE_MAX || !is_ip_literal(str_of(s.p + 1, end - 1))) return false;
        str port = str_from_at(s, end + 1);
        return !port.n || (port.p[0] == ':' && is_port(str_from_at(port, 1)));
    }
    size_t colon = str_find_byte(s, ':', 0);
    if (colon != SIZE_MAX && !is_port(str_from_at(s, colon + 1))) return false;
    return is_made_of(colon == SIZE_MAX ? s : str_head(s, colon), "", iri, false);
}

static bool is_reference(str s, bool iri, bool absolute)
{
    struct schema_uri u = schema_uri_split(s);
    if (absolute && !u.scheme.p) return false;
    if (u.authority.p && !is_authority(u.authority, iri)) return false;
    if (!is_made_of(u.path, ":@/", iri, false)) return false;
    if (!u.scheme.p && !u.authority.p) { /* "a:b" would be a scheme, if a good one */
        size_t slash = str_find_byte(u.path, '/', 0), colon = str_find_byte(u.path, ':', 0);
        if (colon < slash) return false;
    }
    return is_made_of(u.query, ":@/?", iri, true) && is_made_of(u.fragment, ":@/?", iri, false);
}

bool schema_format_uri(str s)
{
    return is_reference(s, false, true);
}

bool schema_format_uri_reference(str s)
{
    return is_reference(s, false, false);
}

bool schema_format_iri(str s)
{
    return is_reference(s, true, true);
}

bool schema_format_iri_reference(str s)
{
    return is_reference(s, true, false);
}
