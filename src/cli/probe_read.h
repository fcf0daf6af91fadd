/* What a provider's answer to a probe says. Pure: for tests. */
#ifndef CLI_PROBE_READ_H
#define CLI_PROBE_READ_H

#include "cli/probe.h"

/* `p->status` is filled in; fills in `authorised`, `models` and `why`. What would tell `secret` is not shown. */
void probe_read(struct probe *p, str body, const struct provider_secret *secret);

#endif
