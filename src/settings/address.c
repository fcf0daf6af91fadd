/* Addresses to listen on, base URLs, and the list forms of `listen:`. */
#include "settings/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool port_from(str s, uint16_t *out)
{
    uint64_t port;
    if (!str_to_u64(s, &port) || port > 65535) return false;
    *out = (uint16_t)port;
    return true;
}

static bool is_ip(int family, str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char raw[16];
    return str_copy(text, sizeof(text), s) && inet_pton(family, text, raw) == 1;
}

const char *load_address(struct loader *l, str address, struct setting_listener *out)
{
    enum { UNIX_PATH_MAX = 107 }; /* sun_path, with its NUL */
    if (str_starts(address, S("unix:"))) {
        out->host = address;
        size_t n = address.n - 5;
        return n == 0 ? "a path must follow 'unix:'" : n > UNIX_PATH_MAX ? "the path is longer than 107 bytes" : NULL;
    }
    size_t colon = address.n;
    while (colon && address.p[colon - 1] != ':') colon--;
    if (!colon) return "the port is missing";
    if (!port_from(str_from_at(address, colon), &out->port)) return "the port must be 0 to 65535";
    str host = str_head(address, colon - 1);
    if (host.n == 0 || str_eq(host, S("*"))) host = S("0.0.0.0");
    if (str_eq(host, S("localhost"))) host = S("127.0.0.1");
    if (host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = str_of(host.p + 1, host.n - 2);
        if (!is_ip(AF_INET6, host)) return "no IPv6 address stands in the brackets";
    } else if (str_find_byte(host, ':', 0) != SIZE_MAX) {
        return "an IPv6 address stands in brackets: \"[::1]:8400\"";
    } else if (!is_ip(AF_INET, host)) {
        return "the host must be an IP address";
    }
    out->host = arena_str(&l->s.arena, host);
    return NULL;
}

static bool take_address(struct loader *l, const struct value *v, str address, struct setting_listener *out)
{
    const char *why = load_address(l, address, out);
    if (!why) return true;
    load_error(l, v->line, v->path,
               "'%" STR_FMT "' is no address: %s (127.0.0.1:8400, \"[::1]:8400\", :8400, unix:/path)",
               STR_ARG(v->shown), why);
    return false;
}

/* A certificate that cannot be read is found now, not when it is first needed. */
static bool check_file(struct loader *l, uint32_t line, str path, str file)
{
    char *name = str_dup(file);
    bool ok = access(name, R_OK) == 0;
    if (!ok) load_error(l, line, path, "cannot be read: %s", strerror(errno));
    free(name);
    return ok;
}

bool read_tls(struct loader *l, const struct value *v, void *into)
{
    struct setting_listener *out = into;
    if (!v->node) return true;
    if (!load_group(l, v->node, v->path, GROUP_TLS, out)) return false;
    bool ok = check_file(l, v->line, load_path_key(l, v->path, S("cert")), out->tls_cert);
    return check_file(l, v->line, load_path_key(l, v->path, S("key")), out->tls_key) && ok;
}

static bool read_listener(struct loader *l, const struct tree_node *node, str path, struct setting_listener *out)
{
    struct value v;
    if (!load_value(l, node, path, false, &v)) return false;
    if (node->kind == TREE_SCALAR) return take_address(l, &v, v.text, out);
    struct listener_draft draft = {0};
    if (!load_group(l, node, path, GROUP_LISTENER, &draft)) return false;
    *out = draft.l;
    v.shown = load_show(l, draft.address);
    return take_address(l, &v, draft.address, out);
}

bool read_listen(struct loader *l, const struct value *v, void *into)
{
    struct listeners *out = into;
    bool list = v->node && v->node->kind == TREE_LIST;
    size_t count = list ? v->node->count : 1;
    out->items = arena_zalloc(&l->s.arena, (count + 1) * sizeof(*out->items));
    out->count = count;
    if (!v->node) return take_address(l, v, v->text, &out->items[0]);
    if (!list) return read_listener(l, v->node, v->path, &out->items[0]);
    if (!count) load_error(l, v->line, v->path, "must name an address at least");
    bool ok = count > 0;
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        ok = read_listener(l, it, load_path_index(l, v->path, i), &out->items[i]) && ok;
    }
    return ok;
}

const char *load_url(str url, struct setting_provider *out)
{
    out->tls = str_starts(url, S("https://"));
    if (!out->tls && !str_starts(url, S("http://"))) return "it begins with https:// or http://";
    while (url.n && url.p[url.n - 1] == '/') url.n--;
    str rest = str_from_at(url, out->tls ? 8 : 7);
    for (size_t i = 0; i < rest.n; i++) {
        unsigned char c = (unsigned char)rest.p[i];
        if (c <= 0x20 || c >= 0x7f) return "only ASCII, without blanks";
        if (c == '?' || c == '#') return "no query and no fragment";
        if (c == '@') return "no user and password: the key stands in api_key";
    }
    size_t slash = str_find_byte(rest, '/', 0);
    str authority = str_head(rest, slash);
    out->base_url = url;
    out->path = str_from_at(rest, slash == SIZE_MAX ? rest.n : slash);
    out->port = out->tls ? 443 : 80;
    size_t bracket = str_find_byte(authority, ']', 0);
    size_t colon = str_find_byte(authority, ':', bracket == SIZE_MAX ? 0 : bracket);
    out->host = str_head(authority, colon);
    if (colon != SIZE_MAX && (!port_from(str_from_at(authority, colon + 1), &out->port) || !out->port)) {
        return "the port must be 1 to 65535";
    }
    if (out->host.n && out->host.p[0] == '[') {
        if (out->host.n < 2 || out->host.p[out->host.n - 1] != ']') return "the bracket does not close";
        out->host = str_of(out->host.p + 1, out->host.n - 2);
        return is_ip(AF_INET6, out->host) ? NULL : "no IPv6 address stands in the brackets";
    }
    return out->host.n && out->host.n <= 253 ? NULL : "the host is missing";
}
