#include "net/resolver.h"

#include "base/arena.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEEP_US = 30 * 1000 * 1000, REST_US = 1000 * 1000 };

static void add_address(struct resolver *r, const struct sockaddr *address, socklen_t length)
{
    if (r->count == RESOLVER_ADDRESSES_MAX || length > sizeof(r->address[0])) return;
    memcpy(&r->address[r->count], address, length);
    r->length[r->count++] = length;
}

/* Always this machine, whether or not it has a hosts file to say so. Source: RFC 6761, 6.3. */
static bool is_localhost(str host)
{
    str last = S(".localhost");
    return str_eq_nocase(host, S("localhost")) ||
           (host.n > last.n && str_eq_nocase(str_from_at(host, host.n - last.n), last));
}

/* Addresses that nobody need be asked for. */
static bool literal(struct resolver *r)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(r->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(r->port)};
    if (inet_pton(AF_INET, r->host, &v4.sin_addr) == 1)
        add_address(r, (struct sockaddr *)&v4, sizeof(v4));
    else if (inet_pton(AF_INET6, r->host, &v6.sin6_addr) == 1)
        add_address(r, (struct sockaddr *)&v6, sizeof(v6));
    if (is_localhost(str_from(r->host))) {
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v6.sin6_addr = in6addr_loopback;
        add_address(r, (struct sockaddr *)&v4, sizeof(v4));
        add_address(r, (struct sockaddr *)&v6, sizeof(v6));
    }
    return r->count > 0;
}

void resolver_init(struct resolver *r, struct loop *l, str host, uint16_t port, void (*done)(struct resolver *r),
                   void *owner)
{
    *r = (struct resolver){.loop = l, .host = str_dup(host), .port = port, .done = done, .owner = owner};
    r->query.data = r;
    if (literal(r)) r->expires_us = INT64_MAX;
}

static void on_resolved(uv_getaddrinfo_t *query, int status, struct addrinfo *found)
{
    struct resolver *r = query->data;
    struct loop *l = r->loop;
    r->running = false;
    if (status == 0 && found) {
        r->count = 0;
        for (struct addrinfo *a = found; a; a = a->ai_next) add_address(r, a->ai_addr, a->ai_addrlen);
        r->expires_us = time_mono_us() + KEEP_US;
    } else {
        snprintf(r->why, sizeof(r->why), "%s", status ? uv_strerror(status) : "no address");
        r->rests_us = time_mono_us() + REST_US;
    }
    uv_freeaddrinfo(found);
    if (r->dropped) {
        free(r->host);
        if (r->freed) r->freed(r);
    } else {
        r->done(r);
    }
    loop_turn(l);
}

static void start(struct resolver *r)
{
    if (r->running || time_mono_us() < r->rests_us) return;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    char service[8];
    snprintf(service, sizeof(service), "%u", r->port);
    int status = uv_getaddrinfo(&r->loop->uv, &r->query, on_resolved, r->host, service, &hints);
    r->running = status == 0;
    if (status) snprintf(r->why, sizeof(r->why), "%s", uv_strerror(status));
}

bool resolver_ready(struct resolver *r)
{
    bool fresh = r->expires_us == INT64_MAX || time_mono_us() < r->expires_us;
    if (r->count && fresh) return true;
    start(r);
    return r->count > 0; /* an old address is better than a wait */
}

void resolver_prefer(struct resolver *r, unsigned i)
{
    if (i == 0 || i >= r->count) return; /* resolved anew since it was tried */
    struct sockaddr_storage address = r->address[i];
    socklen_t length = r->length[i];
    memmove(&r->address[1], &r->address[0], i * sizeof(r->address[0]));
    memmove(&r->length[1], &r->length[0], i * sizeof(r->length[0]));
    r->address[0] = address;
    r->length[0] = length;
}

void resolver_drop(struct resolver *r, void (*freed)(struct resolver *r))
{
    r->dropped = true;
    r->freed = freed;
    if (r->running) {
        uv_cancel((uv_req_t *)&r->query);
        return;
    }
    free(r->host);
    if (freed) freed(r);
}
