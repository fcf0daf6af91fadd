/* The verifier's inside: shared by verify*.c alone. */
#ifndef LEDGER_VERIFY_INSIDE_H
#define LEDGER_VERIFY_INSIDE_H

#include "ledger/amounts.h"
#include "ledger/schema.h"
#include "ledger/store.h"
#include "ledger/verify.h"

struct verifying {
    const char *dir;
    sqlite3 *db; /* in one read transaction */
    struct verify_result *out;
    void (*progress)(void *ctx, double done);
    void *ctx;
    struct amounts cells; /* amounts in rows, by cell; `wrap` counts */
};

void verify_problem(struct verifying *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The one integer of a question, modulo 2^64. Fails: false, a problem is noted. */
bool verify_ask(struct verifying *v, const char *sql, int64_t *out);

uint64_t verify_total(struct verifying *v, enum store_total t);

/* Journals: maps the segments that are there now; before the snapshot is taken, so
 * that none of those after its positions can be gone. */
struct verify_journals;
struct verify_journals *verify_journals_open(const char *dir, struct buf *why);
void verify_journals_drop(struct verify_journals *j);
void verify_journals(struct verifying *v, struct verify_journals *j);

void verify_rows(struct verifying *v);
void verify_sums(struct verifying *v);
void verify_packs(struct verifying *v);

#endif
