/* Who shows wrong tokens, by address: after ten different ones that address waits a minute. Of IPv6 an address is the
 * first 64 bits, as whoever has one has all behind them; but for neighbours, whose are all alike.
 * Thread: the admin thread's. Times are microseconds since 1970. */
#ifndef ADMIN_GUESSES_H
#define ADMIN_GUESSES_H

#include "base/str.h"

#include <stdint.h>

struct guesses;
struct guesses *guesses_new(void);
void guesses_drop(struct guesses *g);

/* How long this address must wait before it may show a token; 0: it need not. */
int64_t guesses_wait_us(struct guesses *g, str peer, int64_t now_us);
/* It was wrong. One shown over and over counts once: it is no guess, but a program that nobody told of the new one.
 * `token` p == NULL: whichever it is, it counts. */
void guesses_note(struct guesses *g, str peer, str token, int64_t now_us);

#endif
