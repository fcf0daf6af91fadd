/* Who changed what, and whether that is what was written. */
#include "ledger/audit.h"
#include "admin/api.h"
#include "admin/inside.h"

struct listing {
    struct api_rows rows;
    size_t count;
    int64_t last_id;
};

static str write_hash(const unsigned char hash[AUDIT_HASH_BYTES], char out[2 * AUDIT_HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return str_of(out, 2 * AUDIT_HASH_BYTES);
}

static void add_row(void *ctx, const struct audit_row *row)
{
    struct listing *l = ctx;
    struct api_rows *r = &l->rows;
    char hash[2 * AUDIT_HASH_BYTES];
    l->count++;
    l->last_id = row->id;
    api_row(r);
    api_put_int(r, "id", row->id);
    api_put_time(r, "at", row->entry.at_us);
    api_put_str(r, "who", row->entry.who);
    api_put_str(r, "what", row->entry.what);
    api_put_str(r, "object", row->entry.object);
    api_put_str(r, "before", row->entry.before);
    api_put_str(r, "after", row->entry.after);
    api_put_str(r, "why", row->entry.why);
    api_put_str(r, "origin", row->entry.origin);
    api_put_str(r, "hash", write_hash(row->hash, hash));
}

void serve_audit_get(struct api_call *c)
{
    struct audit_ask ask = {.since_us = INT64_MIN,
                            .until_us = INT64_MAX,
                            .who = api_param(c, S("who")),
                            .what = api_param(c, S("what")),
                            .object = api_param(c, S("object"))};
    int64_t limit;
    str cursor = api_param(c, S("cursor"));
    if (!api_param_time(c, S("since"), &ask.since_us) || !api_param_time(c, S("until"), &ask.until_us) ||
        !api_limit(c, &limit))
        return;
    if (cursor.n && (!str_to_i64(cursor, &ask.before_id) || ask.before_id < 1)) {
        api_fail(c, 400, "bad_parameter", "cursor: take `next` of the page before as it is");
        return;
    }
    ask.limit = (size_t)limit;
    struct listing l = {.count = 0};
    struct buf why;
    buf_init(&why, 0);
    api_rows_begin(&l.rows, c, API_RESOURCE_audit);
    if (audit_each(c->dir, &ask, add_row, &l, &why))
        api_rows_end(&l.rows, l.count == ask.limit ? arena_printf(&c->arena, "%lld", (long long)l.last_id) : STR_NONE);
    else
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
}

/* ---- the chain */

enum { PROBLEMS_MAX = 1000 };

struct checking {
    struct buf problems;
    size_t count;
};

static void add_problem(void *ctx, const char *what, int64_t id)
{
    struct checking *k = ctx;
    if (++k->count > PROBLEMS_MAX) return;
    buf_printf(&k->problems, "%s{\"id\":%lld,\"what\":", k->count > 1 ? "," : "", (long long)id);
    buf_add_json(&k->problems, str_from(what));
    buf_add_byte(&k->problems, '}');
}

void serve_audit_verify_get(struct api_call *c)
{
    struct checking k = {.count = 0};
    struct audit_walk walk = {.problem = add_problem, .ctx = &k};
    struct api_rows r;
    struct buf why;
    char hash[2 * AUDIT_HASH_BYTES];
    buf_init(&why, 0);
    buf_init(&k.problems, 0);
    buf_add_byte(&k.problems, '[');
    if (audit_check_folder(c->dir, &walk, &why)) {
        buf_add_byte(&k.problems, ']');
        api_one_begin(&r, c, API_RESOURCE_audit_check);
        api_put_bool(&r, "sound", k.count == 0);
        api_put_int(&r, "rows", (int64_t)walk.count);
        api_put_str(&r, "last", write_hash(walk.last, hash));
        api_put_json(&r, "problems", buf_str(&k.problems));
        api_one_end(&r);
    } else {
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    }
    buf_free(&k.problems);
    buf_free(&why);
}
