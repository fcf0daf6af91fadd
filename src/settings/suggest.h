/* "Did you mean ...?": the nearest of some words to one that is not known. */
#ifndef SETTINGS_SUGGEST_H
#define SETTINGS_SUGGEST_H

#include "base/str.h"

/* How many letters must be changed, added, dropped or swapped with their
 * neighbour to make `b` of `a`; words above 64 bytes are as far apart as can be.
 * Source: optimal string alignment distance. */
size_t suggest_distance(str a, str b);

/* Collects the best candidate: init, offer each word, read `best`. */
struct suggest {
    str word;
    str best; /* p == NULL: nothing is near enough */
    size_t distance;
};

void suggest_init(struct suggest *s, str word);
void suggest_offer(struct suggest *s, str candidate);

#endif
