/* TLS by OpenSSL, on the descriptor itself. Both sides: ALPN http/1.1, TLS 1.2 or
 * newer, sessions resumed. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

#include <sys/types.h>

struct tls_context; /* certificates and settings. Thread: one loop's */
struct tls_roots;   /* certificate authorities. Counted; thread: any */
struct tls;         /* one connection's */

/* `ca_file` NULL: the system's (a megabyte, and 25 ms to read: share them).
 * Fails: NULL with a sentence in `why`. */
struct tls_roots *tls_roots_read(const char *ca_file, struct buf *why);
struct tls_roots *tls_roots_get(struct tls_roots *roots);
void tls_roots_put(struct tls_roots *roots);

/* For listening. Fails: NULL with a sentence in `why`. Owns: the caller drops it. */
struct tls_context *tls_server_context(const char *cert, const char *key, struct buf *why);
/* For connecting. `roots` NULL: whoever answers is taken for the right one. */
struct tls_context *tls_client_context(struct tls_roots *roots);
void tls_context_drop(struct tls_context *t);

struct tls *tls_accept(struct tls_context *context, int fd);
/* `host` is checked against the certificate and sent as SNI (unless it is an address).
 * Resumes the context's last session with that host where there is one. */
struct tls *tls_connect(struct tls_context *context, int fd, const char *host);
/* Says that no more comes (close_notify); waits for nothing. */
void tls_shutdown(struct tls *t);
/* Lets tls_drop() end without close_notify: the peer must see that it was cut. */
void tls_abandon(struct tls *t);
void tls_drop(struct tls *t);

enum { TLS_WANTS_READ = -1, TLS_BROKEN = -2, TLS_WANTS_WRITE = -3 };

/* 1 when done, else TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_BROKEN. */
int tls_handshake(struct tls *t);
/* Bytes, 0 at the peer's close_notify, or one of the above. */
ssize_t tls_read(struct tls *t, char *to, size_t size);
/* It holds bytes that came from the socket already: no poll will tell of them. */
bool tls_pending(const struct tls *t);
ssize_t tls_write(struct tls *t, const char *from, size_t size);
/* Why it broke, for people: "certificate has expired". Static or `t`'s. */
const char *tls_error(const struct tls *t);
/* Whether it was for the other side's certificate. */
bool tls_is_distrusted(const struct tls *t);
bool tls_resumed(const struct tls *t);

#endif
