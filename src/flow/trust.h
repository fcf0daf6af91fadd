/* The certificate authorities by which providers are known: each file is read once for
 * all workers, and before its settings are taken, so that a provider is never spoken to
 * without the check that was asked for. */
#ifndef FLOW_TRUST_H
#define FLOW_TRUST_H

#include "net/tls.h"
#include "settings/settings.h"

struct trust; /* one load's of the settings; immutable */

/* Fails: NULL with a sentence in `why`. Owns: the caller drops it. */
struct trust *trust_read(const struct settings *s, struct buf *why);
void trust_drop(struct trust *t);
/* NULL where the provider is not checked. */
struct tls_roots *trust_of(const struct trust *t, const struct settings *s, const struct setting_provider *p);

#endif
