#include "ledger/inside.h"

#include "ledger/sql.h"
#include "ledger/sum128.h"

#include <inttypes.h>

/* What a budget that a reload adds has already spent: one question to the rows. */

static const char tokens_sql[] =
    "(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens"
    " + output_tokens + reasoning_tokens + audio_in_tokens + audio_out_tokens + image_tokens)";

/* NULL for a word that is none of the three. */
static const char *amount_of(const char *word)
{
    if (!word) return NULL;
    if (strcmp(word, "cost_picousd") == 0 || strcmp(word, "1") == 0) return word;
    return strcmp(word, "<tokens>") == 0 ? tokens_sql : NULL;
}

/* Only columns of ours go into the text.
 * Parameters: 1 from_us, 2 the first id of this boot, 3 the generation, 4 the step, then the matches. */
static bool write_question(const struct ledger_past *ask, struct buf *sql)
{
    const char *amount = amount_of(ask->amount_sql);
    if (!amount || ask->match_count > COUNT_OF(ask->match) || ask->each_count > COUNT_OF(ask->each)) return false;
    buf_printf(sql, "SELECT sum128(%s), %s", amount, ask->step_us > 0 ? "at_us - at_us % ?4 AS step" : "?4 AS step");
    for (size_t i = 0; i < ask->each_count; i++) {
        if (!schema_is_attempt_column(ask->each[i])) return false;
        buf_printf(sql, ", %" STR_FMT, STR_ARG(ask->each[i]));
    }
    buf_add(sql, S(" FROM attempts WHERE at_us >= ?1 AND (attempt_id < ?2 OR generation < ?3)"));
    for (size_t i = 0; i < ask->match_count; i++) {
        if (!schema_is_attempt_column(ask->match[i].column)) return false;
        int at = (int)i + 5;
        if (str_eq(ask->match[i].column, S("model"))) {
            /* a rule's model may be the target's name or the client's */
            buf_printf(sql, " AND (model = ?%d OR model_requested = ?%d)", at, at);
        } else {
            buf_printf(sql, " AND %" STR_FMT " = ?%d", STR_ARG(ask->match[i].column), at);
        }
    }
    buf_add(sql, S(" GROUP BY step"));
    for (size_t i = 0; i < ask->each_count; i++) buf_printf(sql, ", %" STR_FMT, STR_ARG(ask->each[i]));
    return true;
}

static int64_t saturated(str sum)
{
    __int128 v = 0;
    if (!sum128_parse(sum, &v)) return 0;
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static bool answer(const struct ledger *l, sqlite3 *db, const struct ledger_past *ask, str sql,
                   ledger_past_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, ask->from_us);
    sqlite3_bind_int64(q, 2, (int64_t)((uint64_t)l->epoch << ID_EPOCH_SHIFT));
    sqlite3_bind_int64(q, 3, ask->generation);
    sqlite3_bind_int64(q, 4, ask->step_us);
    for (size_t i = 0; i < ask->match_count; i++) {
        str s = ask->match[i].equals;
        sqlite3_bind_text(q, (int)i + 5, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
    }
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        str values[COUNT_OF(ask->each)];
        for (size_t i = 0; i < ask->each_count; i++) values[i] = sql_text(q, (int)i + 2);
        visit(ctx, values, sqlite3_column_int64(q, 1), saturated(sql_text(q, 0)));
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_past(struct ledger *l, const struct ledger_past *ask, ledger_past_visit *visit, void *ctx)
{
    struct buf sql, why;
    buf_init(&sql, 0);
    buf_init(&why, 0);
    bool ok = ledger_flush(l) && write_question(ask, &sql); /* else rows would be missing */
    sqlite3 *db = ok ? schema_open(l->dir, false, &why) : NULL;
    ok = db && answer(l, db, ask, buf_str(&sql), visit, ctx);
    sqlite3_close(db);
    buf_free(&sql);
    buf_free(&why);
    return ok;
}
