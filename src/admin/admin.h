/* The second listener and the control socket: metrics, reports, keys, switches.
 * A thread of its own, so that nothing here can delay a call. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "flow/purser.h"

#include <stdio.h>

struct admin;

/* Of libuv's pool, which is the process's: the admin port's questions and changes never take all of it. */
enum { ADMIN_POOL_THREADS = 14 };

/* Listens on the settings' `admin.listen` and on data/purser.sock (0600).
 * Fails: NULL with a sentence in `why`. */
struct admin *admin_new(struct purser *p, struct buf *why);
/* There is always a key and an admin token: makes what is missing, stores hashes,
 * prints the secrets this once. */
void admin_first_start(struct admin *a, FILE *out);
void admin_start(struct admin *a);
void admin_drop(struct admin *a);

/* The routes of the API, for people: plain text, or Markdown with the resources as docs/api.md has it. Thread: any. */
void api_help(bool markdown, struct buf *out);

#endif
