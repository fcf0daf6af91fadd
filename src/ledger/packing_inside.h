/* The inside of packing.c and crowd_merge.c. */
#ifndef LEDGER_PACKING_INSIDE_H
#define LEDGER_PACKING_INSIDE_H

#include "ledger/histogram.h"
#include "ledger/packing.h"

struct crowd_merge;

struct packing {
    sqlite3 *db;
    enum pack_kind kind;
    int64_t day_us;
    struct hash_key key;
    bool done;
    /* of a rollup's rows */
    sqlite3_stmt *q;
    struct pack_maker *maker;  /* of hours and sums */
    struct crowd_maker *crowd; /* of users, prompts, tasks */
    struct buf values;
    /* PACK_SUM: the hours of one combination of names */
    bool summing;
    struct pack_row sum;
    struct arena names;
    struct histogram latency, first_token;
    struct buf blob[2];
    /* of several crowds; else NULL */
    struct crowd_merge *merge;
};

/* crowd_merge.c */
void crowd_merge_begin(struct packing *p);
void crowd_merge_end(struct packing *p);
enum packing_step crowd_merge_read(struct packing *p);
bool crowd_merge_write(struct packing *p, crowd_put *put, void *ctx);

#endif
