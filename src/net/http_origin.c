#include "net/http_origin.h"

/* Is it a name or address of this machine itself? */
static bool is_loopback_host(str host)
{
    if (str_starts(host, S("["))) {
        size_t end = str_find_byte(host, ']', 0);
        return end != SIZE_MAX; /* an address literal: no name that somebody else could point here */
    }
    size_t colon = str_find_byte(host, ':', 0);
    if (colon != SIZE_MAX) host = str_head(host, colon);
    if (str_eq_nocase(host, S("localhost")) || str_ends(host, S(".localhost"))) return true;
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        if (c != '.' && (c < '0' || c > '9')) return false;
    }
    return host.n > 0;
}

/* RFC 9112, 3.2.2: where the target is a whole URL, its host counts and the Host header does not. */
static str host_asked(const struct http_request *q)
{
    size_t slashes = str_starts(q->target, S("/")) ? SIZE_MAX : str_find(q->target, S("://"), 0);
    if (slashes == SIZE_MAX) return http_header_find(q, S("host"));
    str rest = str_from_at(q->target, slashes + 3);
    return str_head(rest, str_find_byte(rest, '/', 0));
}

str http_foreign(const struct http_request *q)
{
    str host = host_asked(q), origin = http_header_find(q, S("origin"));
    bool loopback_peer =
        str_starts(q->peer, S("127.")) || str_starts(q->peer, S("::ffff:127.")) || str_eq(q->peer, S("::1"));
    if (loopback_peer && !is_loopback_host(host) && host.n)
        return S("The Host header names another machine; on a loopback address it must be localhost or an IP address.");
    if (!origin.n) return STR_NONE;
    size_t slashes = str_find(origin, S("://"), 0);
    str from = slashes == SIZE_MAX ? origin : str_from_at(origin, slashes + 3);
    if (str_eq_nocase(from, host)) return STR_NONE;
    return S("Requests from web pages of another origin are refused; call purser from your server.");
}
