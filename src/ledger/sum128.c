#include "ledger/sum128.h"

#include <stdlib.h>

/* SQLite's memory is aligned to 8 bytes only, an __int128 wants 16: it is kept as bytes. */
struct sum {
    unsigned char total[sizeof(__int128)];
};

static void sum_step(sqlite3_context *ctx, int n, sqlite3_value **value)
{
    (void)n;
    if (sqlite3_value_type(value[0]) == SQLITE_NULL) return;
    struct sum *s = sqlite3_aggregate_context(ctx, sizeof(*s));
    if (!s) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    if (sqlite3_value_type(value[0]) != SQLITE_INTEGER) {
        sqlite3_result_error(ctx, "sum128() adds integers only", -1);
        return;
    }
    __int128 total;
    memcpy(&total, s->total, sizeof(total));
    total += sqlite3_value_int64(value[0]);
    memcpy(s->total, &total, sizeof(total));
}

enum { DIGITS_MAX = 48 };

/* Writes from the end of `out`; returns where the text begins. */
static const char *format128(__int128 v, char out[DIGITS_MAX])
{
    unsigned __int128 rest = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    size_t at = DIGITS_MAX - 1;
    out[at] = '\0';
    do {
        out[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (v < 0) out[--at] = '-';
    return out + at;
}

static void sum_final(sqlite3_context *ctx)
{
    const struct sum *s = sqlite3_aggregate_context(ctx, 0);
    char text[DIGITS_MAX] = {0};
    __int128 total = 0;
    if (s) memcpy(&total, s->total, sizeof(total));
    sqlite3_result_text(ctx, format128(total, text), -1, SQLITE_TRANSIENT);
}

static void sat_add(sqlite3_context *ctx, int n, sqlite3_value **value)
{
    (void)n;
    int64_t a = sqlite3_value_int64(value[0]), b = sqlite3_value_int64(value[1]), sum;
    if (__builtin_add_overflow(a, b, &sum)) sum = b < 0 ? INT64_MIN : INT64_MAX;
    sqlite3_result_int64(ctx, sum);
}

int sum128_register(sqlite3 *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int rc = sqlite3_create_function_v2(db, "sum128", 1, flags, NULL, NULL, sum_step, sum_final, NULL);
    if (rc != SQLITE_OK) return rc;
    return sqlite3_create_function_v2(db, "sat_add", 2, flags, NULL, sat_add, NULL, NULL, NULL);
}

bool sum128_parse(str s, __int128 *out)
{
    bool minus = s.n && s.p[0] == '-';
    if (minus) s = str_from_at(s, 1);
    if (s.n == 0 || s.n > 39) return false;
    __int128 v = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');
        if (digit > 9) return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, (int)digit, &v)) return false;
    }
    /* counted downwards: the negative range is the larger one */
    if (!minus && __builtin_sub_overflow((__int128)0, v, &v)) return false;
    *out = v;
    return true;
}
