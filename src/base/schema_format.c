/* The formats by their names, and those that are a few lines. */
#include "base/hex.h"
#include "base/schema_inside.h"

bool schema_format_uuid(str s)
{
    if (s.n != 36) return false;
    for (size_t i = 0; i < s.n; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? s.p[i] != '-' : hex_digit_of(s.p[i]) < 0) return false;
    }
    return true;
}

/* RFC 6901. */
bool schema_format_json_pointer(str s)
{
    if (s.n && s.p[0] != '/') return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '~') continue;
        if (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')) return false;
    }
    return true;
}

static size_t digits_len(str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') n++;
    return n;
}

/* Levels up, then a pointer or #; no number begins with 0. */
bool schema_format_relative_json_pointer(str s)
{
    size_t n = digits_len(s);
    if (n == 0 || (n > 1 && s.p[0] == '0')) return false;
    str rest = str_from_at(s, n);
    return str_eq(rest, S("#")) || schema_format_json_pointer(rest);
}

/* One name of an expression of a URI template: a.b, v:3, v*. RFC 6570, 2.3 and 2.4. */
static bool is_template_variable(str s)
{
    size_t colon = str_find_byte(s, ':', 0);
    if (colon != SIZE_MAX) {
        str length = str_from_at(s, colon + 1);
        if (!length.n || length.n > 4 || length.p[0] == '0' || digits_len(length) != length.n) return false;
        s = str_head(s, colon);
    } else if (str_ends(s, S("*"))) {
        s = str_head(s, s.n - 1);
    }
    bool dot = true; /* none at either end, nor two in a row */
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        bool coded = c == '%' && s.n - i > 2 && hex_digit_of(s.p[i + 1]) >= 0 && hex_digit_of(s.p[i + 2]) >= 0;
        bool plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!plain && !coded && (c != '.' || dot)) return false;
        dot = c == '.';
        if (coded) i += 2;
    }
    return !dot;
}

static bool is_template_expression(str s)
{
    if (s.n && s.p[0] && strchr("+#./;?&", s.p[0])) s = str_from_at(s, 1);
    if (!s.n) return false;
    while (s.p) {
        if (!is_template_variable(str_cut(&s, ','))) return false;
    }
    return true;
}

bool schema_format_uri_template(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '{') {
            size_t end = str_find_byte(s, '}', i);
            if (end == SIZE_MAX || !is_template_expression(str_of(s.p + i + 1, end - i - 1))) return false;
            i = end;
        } else if (c == '%') {
            if (s.n - i < 3 || hex_digit_of(s.p[i + 1]) < 0 || hex_digit_of(s.p[i + 2]) < 0) return false;
        } else if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`|}", c)) {
            return false;
        }
    }
    return true;
}

/* What compiles patterns at each use costs much more than the others. */
enum { CHEAP = 0, DEAR = 500 };

static const struct schema_format formats[] = {
    {STR_INIT("date-time"), schema_format_date_time, CHEAP},
    {STR_INIT("date"), schema_format_date, CHEAP},
    {STR_INIT("time"), schema_format_time, CHEAP},
    {STR_INIT("duration"), schema_format_duration, CHEAP},
    {STR_INIT("email"), schema_format_email, DEAR},
    {STR_INIT("idn-email"), schema_format_idn_email, DEAR},
    {STR_INIT("hostname"), schema_format_hostname, DEAR},
    {STR_INIT("idn-hostname"), schema_format_idn_hostname, DEAR},
    {STR_INIT("ipv4"), schema_format_ipv4, CHEAP},
    {STR_INIT("ipv6"), schema_format_ipv6, CHEAP},
    {STR_INIT("uri"), schema_format_uri, CHEAP},
    {STR_INIT("uri-reference"), schema_format_uri_reference, CHEAP},
    {STR_INIT("iri"), schema_format_iri, CHEAP},
    {STR_INIT("iri-reference"), schema_format_iri_reference, CHEAP},
    {STR_INIT("uri-template"), schema_format_uri_template, CHEAP},
    {STR_INIT("uuid"), schema_format_uuid, CHEAP},
    {STR_INIT("json-pointer"), schema_format_json_pointer, CHEAP},
    {STR_INIT("relative-json-pointer"), schema_format_relative_json_pointer, CHEAP},
    {STR_INIT("regex"), pattern_is_ecma, DEAR},
};

const struct schema_format *schema_format_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (str_eq(formats[i].name, name)) return &formats[i];
    }
    return NULL;
}
