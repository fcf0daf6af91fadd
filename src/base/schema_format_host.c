/* Addresses, names of hosts in ASCII, and of mailboxes. */
#include "base/schema_inside.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool schema_format_ipv4(str s)
{
    int parts = 0;
    while (s.p) {
        str part = str_cut(&s, '.');
        uint64_t v;
        if (part.n > 3 || (part.n > 1 && part.p[0] == '0') || !str_to_u64(part, &v) || v > 255) return false;
        parts++;
    }
    return parts == 4;
}

static bool is_group(str s)
{
    if (!s.n || s.n > 4) return false;
    for (size_t i = 0; i < s.n; i++) {
        char low = (char)(s.p[i] | 0x20);
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(low >= 'a' && low <= 'f')) return false;
    }
    return true;
}

/* Groups of 16 bits in "a:b:c"; -1 where it is wrong. The last may be an IPv4 address, which counts for two. */
static int count_groups(str s, bool ipv4)
{
    int n = 0;
    if (!s.n) return 0;
    while (s.p) {
        str group = str_cut(&s, ':');
        if (is_group(group)) {
            n++;
        } else if (!s.p && ipv4 && schema_format_ipv4(group)) {
            n += 2;
        } else {
            return -1;
        }
    }
    return n;
}

bool schema_format_ipv6(str s)
{
    size_t gap = str_find(s, S("::"), 0);
    if (gap == SIZE_MAX) return count_groups(s, true) == 8;
    int head = count_groups(str_head(s, gap), false), tail = count_groups(str_from_at(s, gap + 2), true);
    return head >= 0 && tail >= 0 && head + tail <= 7;
}

/* A name with A-labels in it is held to the rules for what these stand for. */
bool schema_format_hostname(str s)
{
    if (!s.n || s.n > 253) return false;
    str rest = s;
    bool coded = false;
    while (rest.p) {
        str label = str_cut(&rest, '.');
        if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-') return false;
        for (size_t i = 0; i < label.n; i++) {
            if (!is_alnum(label.p[i]) && label.p[i] != '-') return false;
        }
        if (label.n >= 4 && label.p[2] == '-' && label.p[3] == '-') {
            if (!str_eq_nocase(str_head(label, 4), S("xn--"))) return false;
            coded = true;
        }
    }
    return !coded || schema_format_idn_hostname(s);
}

/* Source: RFC 5321, 4.1.2; atext of RFC 5322, 3.2.3. */
static bool is_local_part(str s, bool wide)
{
    if (!s.n || s.n > 64) return false;
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    if (quoted) s = str_of(s.p + 1, s.n - 2);
    bool dot = true;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80 ? !wide : c < ' ' || c == 0x7f) return false;
        if (quoted) {
            if (c == '"' || (c == '\\' && ++i == s.n)) return false;
            continue;
        }
        if (c < 0x80 && c != '.' && !is_alnum((char)c) && !strchr("!#$%&'*+-/=?^_`{|}~", c)) return false;
        if (c == '.' && dot) return false;
        dot = c == '.';
    }
    return quoted || !dot;
}

static bool is_mailbox(str s, bool wide)
{
    size_t at = s.n;
    while (at && s.p[at - 1] != '@') at--;
    if (!at || !is_local_part(str_head(s, at - 1), wide)) return false;
    str host = str_from_at(s, at);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        str address = str_of(host.p + 1, host.n - 2);
        if (address.n > 5 && str_eq_nocase(str_head(address, 5), S("IPv6:"))) {
            return schema_format_ipv6(str_from_at(address, 5));
        }
        return schema_format_ipv4(address);
    }
    return wide ? schema_format_idn_hostname(host) : schema_format_hostname(host);
}

bool schema_format_email(str s)
{
    return is_mailbox(s, false);
}

bool schema_format_idn_email(str s)
{
    return is_mailbox(s, true);
}
