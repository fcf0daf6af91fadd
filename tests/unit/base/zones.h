/* Zones of the machine's time zone database (package tzdata), for tests. */
#ifndef TESTS_ZONES_H
#define TESTS_ZONES_H

#include "base/buf.h"
#include "base/time.h"

#include <stdio.h>

static inline bool read_whole(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) buf_add(out, str_of(piece, n));
    fclose(f);
    return true;
}

/* NULL, with a word about it, where the machine does not have the zone. */
static inline struct zone *zone_of_machine(const char *name)
{
    char path[256];
    struct buf b;
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    buf_init(&b, 0);
    struct zone *z = read_whole(path, &b) ? zone_new(buf_str(&b)) : NULL;
    if (!z) printf("skipped: no zone at %s (package tzdata)\n", path);
    buf_free(&b);
    return z;
}

#endif
