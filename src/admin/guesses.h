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

/* How long this address must wait before it may show this token; 0: it need not. One wrong token shown over and over is no
 * guessing, but a program that nobody told: it alone waits then. `token` p == NULL: whichever it is, it counts. */
int64_t guesses_wait_us(struct guesses *g, str peer, str token, int64_t now_us);
void guesses_note(struct guesses *g, str peer, str token, int64_t now_us); /* it was wrong */

#endif
