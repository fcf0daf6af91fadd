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

/* TZif files of our own making, so that odd ones can be tried. */
static inline void put_int(struct buf *b, int64_t v, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) buf_add_byte(b, (char)((uint64_t)v >> shift));
}

static inline void put_tzif_header(struct buf *b, char version, int leap, int times, int types)
{
    buf_add(b, S("TZif"));
    buf_add_byte(b, version);
    for (int i = 0; i < 15; i++) buf_add_byte(b, 0);
    const int counts[] = {0, 0, leap, times, types, 4};
    for (size_t i = 0; i < COUNT_OF(counts); i++) put_int(b, counts[i], 4);
}

struct tzif_jump {
    int64_t at_s;
    int type; /* 0: an hour to the east, 1: two */
};

static inline void put_tzif_jumps(struct buf *b, const struct tzif_jump *jumps, int count, str footer)
{
    put_tzif_header(b, '2', 0, 0, 1);
    buf_add(b, S("\0\0\0\0\0\0AAA\0"));
    put_tzif_header(b, '2', 0, count, 2);
    for (int i = 0; i < count; i++) put_int(b, jumps[i].at_s, 8);
    for (int i = 0; i < count; i++) buf_add_byte(b, (char)jumps[i].type);
    put_int(b, 3600, 4);
    buf_add(b, S("\0\0"));
    put_int(b, 7200, 4);
    buf_add(b, S("\1\0AAA\0"));
    buf_add_byte(b, '\n');
    buf_add(b, footer);
    buf_add_byte(b, '\n');
}

/* One jump, at 1,000,000,000 s, and a footer. */
static inline void put_tzif(struct buf *b, str footer)
{
    put_tzif_jumps(b, &(struct tzif_jump){1000000000, 1}, 1, footer);
}

#endif
