/* Machines that cost by the hour, used or not (`cost_per_hour`): what calls use is
 * their cost, what nobody used is a line of its own, reason `idle`. */
#ifndef FLOW_MACHINE_H
#define FLOW_MACHINE_H

#include "base/money.h"
#include "settings/settings.h"

#include <pthread.h>

struct machines;

struct machines *machines_new(void);
void machines_drop(struct machines *m);
/* A call begins or ends there (`change` is 1 or -1). Thread: any. */
void machine_use(struct machines *m, const struct setting_provider *p, int change, int64_t mono_us);
/* What was idle since the last time it was asked; adds the provider's machine where it is new. */
int64_t machine_take_idle_us(struct machines *m, const struct setting_provider *p, int64_t mono_us, int64_t *since_us);

#endif
