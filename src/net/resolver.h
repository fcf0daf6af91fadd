/* Host names to addresses, on libuv's threads, kept for a while. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/loop.h"

#include <sys/socket.h>

enum { RESOLVER_ADDRESSES_MAX = 8 };

struct resolver {
    struct loop *loop;
    char *host;
    uint16_t port;
    struct sockaddr_storage address[RESOLVER_ADDRESSES_MAX];
    socklen_t length[RESOLVER_ADDRESSES_MAX];
    unsigned count;
    int64_t expires_us; /* monotonic; INT64_MAX for literal addresses */
    int64_t rests_us;   /* monotonic: after a failure nobody is asked before */
    bool running;
    bool dropped;
    char why[80];
    void (*done)(struct resolver *r);
    void (*freed)(struct resolver *r);
    void *owner;
    uv_getaddrinfo_t query;
};

void resolver_init(struct resolver *r, struct loop *l, str host, uint16_t port, void (*done)(struct resolver *r),
                   void *owner);
/* True: `address` is usable now (it may be refreshed behind the scenes).
 * False: `done` follows if it is `running`, else it has failed just now; `count` 0
 * means failure, with `why`. */
bool resolver_ready(struct resolver *r);
/* The `i`th address was the first to answer: it stands in front until names are resolved anew. */
void resolver_prefer(struct resolver *r, unsigned i);
/* `freed` is called when no query is running any more, at once or later. */
void resolver_drop(struct resolver *r, void (*freed)(struct resolver *r));

#endif
