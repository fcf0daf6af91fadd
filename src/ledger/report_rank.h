/* Who is dearest, among very many: shared by report_rank.c and report_top.c alone. */
#ifndef LEDGER_REPORT_RANK_H
#define LEDGER_REPORT_RANK_H

#include "ledger/report_inside.h"

/* What decides who is shown, of one name. */
struct rank {
    uint64_t hash;
    int64_t cost, unpriced, attempts;
};

/* What no crowd answers for: today, and the ends of the time that is asked for. */
struct loose_name {
    struct rank rank;
    str name;
};

struct loose_row {
    uint64_t hash;
    int64_t attempt_id;
    bool back; /* is taken off again */
};

struct loose {
    struct loose_name *names;
    uint32_t *slots; /* places in `names` from 1, by hash; 0: free */
    size_t count, cap;
    struct loose_row *rows;
    size_t row_count, row_cap;
    struct arena arena; /* the names */
};

/* Where somebody who may be shown stands in a crowd. */
struct rank_place {
    uint64_t hash;
    uint32_t crowd, head, entry; /* plan->crowds[crowd], its head's number, the entry there */
};

struct ranking {
    struct scanner *s;
    struct loose loose;
    struct rank *best; /* a heap whose first is the last of them; then sorted by hash */
    size_t best_count, best_max;
    struct rank_place *places;
    size_t place_count, place_cap;
    size_t names; /* different ones, of all */
};

/* Finds the dearest `most`, and where they stand. Leaves a read transaction open. Owns: ranking_free().
 * Fails: false, with a sentence in s->why or the connection's. */
bool ranking_make(struct ranking *r, struct scanner *s, size_t most) MUST_CHECK;
void ranking_free(struct ranking *r);
/* The place in `best` of this hash; SIZE_MAX: it is not among them. */
size_t ranking_find(const struct ranking *r, uint64_t hash);
const struct loose_name *loose_find(const struct loose *l, uint64_t hash); /* or NULL */

#endif
