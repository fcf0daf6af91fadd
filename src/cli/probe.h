/* One cheap request to each provider, all at the same time: is it there, does it let purser in? */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include "settings/settings.h"

enum probe_answer { PROBE_UNKNOWN, PROBE_NO, PROBE_YES };

struct probe {
    const struct setting_provider *provider;
    bool asked; /* else `why` says why not */
    enum probe_answer reachable, authorised;
    int status;                     /* HTTP; 0: none came */
    int64_t connect_us, latency_us; /* to a connection; from there to the answer's head. -1: not reached */
    int64_t models;                 /* of the list's first page; -1: no list came */
    bool more_models;
    char why[240]; /* what is wrong, or what was done instead; empty: nothing to say */
};

struct probe_options {
    bool spend;         /* where there is no list of models, one token of a mapped model is asked for */
    int64_t timeout_us; /* for each */
};

/* Fills in all but `provider`. */
void probe_run(const struct settings *s, const struct probe_options *options, struct probe *probes, size_t count);
/* Nothing is wrong with it, as far as could be seen. */
bool probe_ok(const struct probe *p);

#endif
