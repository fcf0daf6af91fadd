/* The dashboard's files, embedded gzipped. They hold no data and are anybody's: what they show comes from the API,
 * which asks for a session. */
#ifndef ADMIN_PAGES_H
#define ADMIN_PAGES_H

#include "net/http_server.h"

/* Answers a GET or HEAD of a file or of a page of the dashboard. Fails: false, not answered: the path is none of these.
 * Where the build had no npm, the pages say how to get the dashboard. */
bool admin_serve_page(struct http_exchange *x) MUST_CHECK;

/* What ui/build.mjs packed; empty where the build had no npm. */
str pages_data(void);

#endif
