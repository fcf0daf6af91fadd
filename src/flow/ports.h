/* Whether the ports that purser will listen on are free. Workers share each port with
 * one another (SO_REUSEPORT), so the kernel alone would let a second purser share them,
 * too, and give it every other call, past the budgets of the first. */
#ifndef FLOW_PORTS_H
#define FLOW_PORTS_H

#include "flow/purser.h"

/* Fails: false with the first port that is taken in `why`. */
bool ports_free(const struct purser *p, const struct settings *s, struct buf *why) MUST_CHECK;

#endif
