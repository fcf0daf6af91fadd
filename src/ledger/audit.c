#include "ledger/audit.h"

#include "base/arena.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <openssl/evp.h>
#include <string.h>

/* What `meta` remembers of the chain under "audit_head". */
struct head {
    int64_t count;
    unsigned char last[AUDIT_HASH_BYTES];
};

static bool read_head(sqlite3 *db, struct head *out)
{
    sqlite3_stmt *q = NULL;
    *out = (struct head){0};
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'audit_head'", -1, &q, NULL) != SQLITE_OK)
        return false;
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == (int)sizeof(*out))
        memcpy(out, sqlite3_column_blob(q, 0), sizeof(*out));
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool write_head(sqlite3 *db, const struct head *head)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('audit_head', ?)";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_blob(q, 1, head, sizeof(*head), SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

/* ---- the hash: SHA-256 over the hash before, the numbers, and each text behind its length */

static bool add_int(EVP_MD_CTX *h, int64_t v)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)v >> (8 * i));
    return EVP_DigestUpdate(h, bytes, sizeof(bytes)) == 1;
}

static bool add_text(EVP_MD_CTX *h, str s)
{
    return add_int(h, (int64_t)s.n) && (!s.n || EVP_DigestUpdate(h, s.p, s.n) == 1);
}

static bool hash_entry(const unsigned char before[AUDIT_HASH_BYTES], int64_t id, const struct audit_entry *e,
                       unsigned char out[AUDIT_HASH_BYTES])
{
    const str texts[] = {e->who, e->what, e->object, e->before, e->after, e->why, e->origin};
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool ok = h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(h, before, AUDIT_HASH_BYTES) == 1 && add_int(h, id) && add_int(h, e->at_us);
    for (size_t i = 0; ok && i < COUNT_OF(texts); i++) ok = add_text(h, texts[i]);
    ok = ok && EVP_DigestFinal_ex(h, out, NULL) == 1;
    EVP_MD_CTX_free(h);
    return ok;
}

/* ---- writing */

static bool insert(sqlite3 *db, int64_t id, const struct audit_entry *e, const unsigned char hash[AUDIT_HASH_BYTES])
{
    sqlite3_stmt *q = NULL;
    const char *sql = "INSERT INTO audit (id, at_us, who, what, object, before, after, why, origin, hash)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        const str texts[] = {e->who, e->what, e->object, e->before, e->after, e->why, e->origin};
        sqlite3_bind_int64(q, 1, id);
        sqlite3_bind_int64(q, 2, e->at_us);
        for (size_t i = 0; i < COUNT_OF(texts); i++) sql_bind(q, 3 + (int)i, texts[i]);
        sqlite3_bind_blob(q, 10, hash, AUDIT_HASH_BYTES, SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

bool audit_append(sqlite3 *db, const struct audit_entry *entry)
{
    struct head head;
    if (!read_head(db, &head)) return false;
    int64_t id = ++head.count;
    unsigned char hash[AUDIT_HASH_BYTES];
    if (!hash_entry(head.last, id, entry, hash) || !insert(db, id, entry, hash)) return false;
    memcpy(head.last, hash, sizeof(hash));
    return write_head(db, &head);
}

static bool append_all(sqlite3 *db, const struct audit_entry *entries, size_t count)
{
    bool ok = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && i < count; i++) ok = audit_append(db, &entries[i]);
    return ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

bool ledger_audit(struct ledger *l, const struct audit_entry *entries, size_t count, struct buf *why)
{
    sqlite3 *db = schema_open(l->dir, true, why);
    bool ok = db && append_all(db, entries, count);
    if (db && !ok) buf_printf(why, "the audit cannot be written: %s", sqlite3_errmsg(db));
    sqlite3_close(db); /* rolls back what was not committed */
    return ok;
}

/* ---- checking */

/* A time that is a text sorts behind every number: the row would be as it was written, and in no list. */
static bool has_types(sqlite3_stmt *q)
{
    static const int types[] = {SQLITE_INTEGER, SQLITE_INTEGER, SQLITE_TEXT, SQLITE_TEXT, SQLITE_TEXT,
                                SQLITE_TEXT,    SQLITE_TEXT,    SQLITE_TEXT, SQLITE_TEXT, SQLITE_BLOB};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (sqlite3_column_type(q, (int)i) != types[i]) return false;
    }
    return true;
}

static void check_row(sqlite3_stmt *q, struct audit_walk *walk)
{
    bool same = has_types(q); /* asked first: reading may convert */
    int64_t id = sqlite3_column_int64(q, 0);
    struct audit_entry e = {.at_us = sqlite3_column_int64(q, 1),
                            .who = sql_text(q, 2),
                            .what = sql_text(q, 3),
                            .object = sql_text(q, 4),
                            .before = sql_text(q, 5),
                            .after = sql_text(q, 6),
                            .why = sql_text(q, 7),
                            .origin = sql_text(q, 8)};
    unsigned char hash[AUDIT_HASH_BYTES];
    if (id != (int64_t)walk->count + 1) walk->problem(walk->ctx, "rows of the audit are missing before this one", id);
    same = same && hash_entry(walk->last, id, &e, hash) && sqlite3_column_bytes(q, 9) == AUDIT_HASH_BYTES &&
           memcmp(hash, sqlite3_column_blob(q, 9), AUDIT_HASH_BYTES) == 0;
    if (!same) walk->problem(walk->ctx, "the row of the audit, or the one before it, is not what was written", id);
    walk->count = (uint64_t)id;
    /* on from what stands there: one broken link is one problem, not one for each row behind it */
    if (sqlite3_column_bytes(q, 9) == AUDIT_HASH_BYTES) memcpy(walk->last, sqlite3_column_blob(q, 9), AUDIT_HASH_BYTES);
}

bool audit_check(sqlite3 *db, struct audit_walk *walk)
{
    struct head head;
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT id, at_us, who, what, object, before, after, why, origin, hash FROM audit ORDER BY id";
    walk->count = 0;
    memset(walk->last, 0, sizeof(walk->last));
    if (!read_head(db, &head) || sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) check_row(q, walk);
    sqlite3_finalize(q);
    if (rc != SQLITE_DONE) return false;
    if ((uint64_t)head.count != walk->count || memcmp(head.last, walk->last, AUDIT_HASH_BYTES) != 0)
        walk->problem(walk->ctx, "the audit does not end where it should: behind this row", (int64_t)walk->count);
    return true;
}
