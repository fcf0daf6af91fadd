/* Is a request somebody's who sits in a web page? A page must not reach a server behind
 * its user's back: neither from another origin, nor by a name that was pointed at this
 * machine (DNS rebinding). */
#ifndef NET_HTTP_ORIGIN_H
#define NET_HTTP_ORIGIN_H

#include "net/http_server.h"

/* A sentence for people, static; empty: it is not. */
str http_foreign(const struct http_request *q);

#endif
