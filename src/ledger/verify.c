#include "ledger/verify_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PROBLEMS_TOLD = 1000 };

void verify_result_init(struct verify_result *r)
{
    *r = (struct verify_result){0};
    buf_init(&r->problems, 0);
}

void verify_result_free(struct verify_result *r)
{
    buf_free(&r->problems);
}

void verify_problem(struct verifying *v, const char *fmt, ...)
{
    if (v->out->problem_count++ >= PROBLEMS_TOLD) return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    buf_printf(&v->out->problems, "%s\n", line);
}

bool verify_ask(struct verifying *v, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(v->db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        int rc = sqlite3_step(q);
        *out = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
        ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    }
    if (!ok) verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
    sqlite3_finalize(q);
    return ok;
}

/* SQLite's own look at its pages and indexes. */
static void verify_pages(struct verifying *v)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(v->db, "PRAGMA quick_check(20)", -1, &q, NULL) == SQLITE_OK) {
        while (sqlite3_step(q) == SQLITE_ROW) {
            str line = str_from((const char *)sqlite3_column_text(q, 0));
            if (!str_eq(line, S("ok"))) verify_problem(v, "purser.db: %" STR_FMT, STR_ARG(line));
        }
    }
    sqlite3_finalize(q);
}

static void audit_problem(void *ctx, const char *what, int64_t id)
{
    verify_problem(ctx, "audit row %" PRId64 ": %s", id, what);
}

/* The chain of who changed what. */
static void verify_audit(struct verifying *v)
{
    struct audit_walk walk = {.problem = audit_problem, .ctx = v};
    if (schema_version(v->db) < SCHEMA_SWITCHES) return;
    if (!audit_check(v->db, &walk)) verify_problem(v, "the audit cannot be read: %s", sqlite3_errmsg(v->db));
    v->out->audit_rows = walk.count;
    memcpy(v->out->audit_last, walk.last, sizeof(walk.last));
}

/* What the store thread met and noted. */
static void verify_noted(struct verifying *v)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(v->db, "SELECT what FROM damage ORDER BY id", -1, &q, NULL) == SQLITE_OK) {
        while (sqlite3_step(q) == SQLITE_ROW)
            verify_problem(v, "noted while storing: %s", (const char *)sqlite3_column_text(q, 0));
    }
    sqlite3_finalize(q);
}

bool ledger_verify(const char *dir, struct verify_result *out, void (*progress)(void *ctx, double done), void *ctx,
                   struct buf *why)
{
    struct verifying v = {.dir = dir, .out = out, .progress = progress, .ctx = ctx};
    struct verify_journals *journals = verify_journals_open(dir, why);
    if (!journals) return false;
    v.db = schema_open(dir, false, why);
    if (!v.db || sqlite3_exec(v.db, "BEGIN; SELECT count(*) FROM meta;", NULL, NULL, NULL) != SQLITE_OK) {
        if (v.db) buf_printf(why, "%s/purser.db: %s", dir, sqlite3_errmsg(v.db));
        verify_journals_drop(journals);
        sqlite3_close(v.db);
        return false;
    }
    amounts_init(&v.cells);
    verify_pages(&v);
    verify_journals(&v, journals);
    verify_rows(&v);
    verify_sums(&v);
    verify_packs(&v);
    verify_audit(&v);
    verify_noted(&v);
    amounts_free(&v.cells);
    verify_journals_drop(journals);
    sqlite3_close(v.db);
    return true;
}

static void add_hash(struct buf *out, const unsigned char hash[AUDIT_HASH_BYTES])
{
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) buf_printf(out, "%02x", hash[i]);
}

static void line(struct buf *out, const char *name, const struct verify_sum *sum)
{
    char money[MONEY_TEXT_MAX];
    str cost = money_format(sum->cost, money);
    buf_printf(out, "%-34s %12" PRIu64 "  $%" STR_FMT "\n", name, sum->count, STR_ARG(cost));
}

void verify_text(const struct verify_result *r, struct buf *out)
{
    struct verify_sum posted = {r->rows.count + r->retired.count, r->rows.cost + r->retired.cost};
    line(out, "posted and stored", &posted);
    line(out, "  of them deleted by retention", &r->retired);
    line(out, "  rows in the store", &r->rows);
    line(out, "posted, not stored yet", &r->pending);
    line(out, "holds without an end (cost: held)", &r->holds);
    buf_printf(out, "%-34s %12" PRIu64 "\n", "budget counters compared", r->cells);
    buf_printf(out, "%-34s %12" PRIu64 "  in %" PRIu64 " segments\n", "journal records read", r->records, r->segments);
    buf_printf(out, "%-34s %12" PRIu64, "audit rows, each bound to the last", r->audit_rows);
    if (r->audit_rows) {
        buf_add(out, S("  ending in "));
        add_hash(out, r->audit_last);
    }
    buf_add_byte(out, '\n');
    buf_add(out, buf_str(&r->problems));
    if (r->problem_count > PROBLEMS_TOLD) buf_printf(out, "and %" PRIu64 " more\n", r->problem_count - PROBLEMS_TOLD);
    if (r->problem_count)
        buf_printf(out, "%" PRIu64 " problems found\n", r->problem_count);
    else
        buf_add(out, S("the ledger adds up: nothing is missing, nothing is there twice, nothing was changed\n"));
}

static void json_sum(struct buf *out, const char *name, const struct verify_sum *sum)
{
    char money[MONEY_TEXT_MAX];
    str cost = money_format(sum->cost, money);
    buf_printf(out, "\"%s\":{\"count\":%" PRIu64 ",\"usd\":\"%" STR_FMT "\"},", name, sum->count, STR_ARG(cost));
}

void verify_json(const struct verify_result *r, struct buf *out)
{
    buf_printf(out, "{\"ok\":%s,", r->problem_count ? "false" : "true");
    json_sum(out, "rows", &r->rows);
    json_sum(out, "retired", &r->retired);
    json_sum(out, "pending", &r->pending);
    json_sum(out, "holds", &r->holds);
    buf_printf(out,
               "\"cells\":%" PRIu64 ",\"records\":%" PRIu64 ",\"segments\":%" PRIu64 ",\"audit_rows\":%" PRIu64
               ",\"audit_last\":\"",
               r->cells, r->records, r->segments, r->audit_rows);
    if (r->audit_rows) add_hash(out, r->audit_last);
    buf_printf(out, "\",\"problem_count\":%" PRIu64 ",\"problems\":[", r->problem_count);
    str rest = buf_str(&r->problems);
    for (bool first = true; rest.n; first = false) {
        str problem = str_cut(&rest, '\n');
        if (!problem.n) break;
        if (!first) buf_add_byte(out, ',');
        buf_add_json(out, problem);
    }
    buf_add(out, S("]}\n"));
}
