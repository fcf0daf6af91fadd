#include "flow/ports.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bound without SO_REUSEPORT: that fails where anybody listens, whatever they allow.
 * Other failures are the listening itself to report. */
static bool taken(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    bool is = bind(fd, at->ai_addr, at->ai_addrlen) != 0 && errno == EADDRINUSE;
    close(fd);
    return is;
}

static bool port_free(const struct setting_listener *l, struct buf *why)
{
    if (l->port == 0 || str_starts(l->host, S("unix:"))) return true;
    char *host = str_dup(l->host), port[8];
    snprintf(port, sizeof(port), "%u", l->port);
    bool any = !*host || strcmp(host, "*") == 0;
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    bool is = getaddrinfo(any ? "0.0.0.0" : host, port, &numeric, &at) == 0 && taken(at);
    if (is)
        buf_printf(why, "%s port %s: %s; stop what listens there, or set another `listen`", host, port,
                   strerror(EADDRINUSE));
    if (at) freeaddrinfo(at);
    free(host);
    return !is;
}

bool ports_free(const struct purser *p, const struct settings *s, struct buf *why)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        if (purser_inherited_socket(p, i) < 0 && !port_free(&s->listeners[i], why)) return false;
    }
    return true;
}
