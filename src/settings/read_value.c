/* Readers of single values. */
#include "base/hex.h"
#include "settings/load.h"

#include <unistd.h>

bool read_text(struct loader *l, const struct value *v, void *into)
{
    if (!v->text.n && !v->missing.p) {
        load_error(l, v->line, v->path, "must not be empty");
        return false;
    }
    *(str *)into = v->text;
    return true;
}

bool read_path(struct loader *l, const struct value *v, void *into)
{
    if (v->text.n) return read_text(l, v, into);
    load_error(l, v->line, v->path, "must not be empty");
    return false;
}

bool settings_is_name(str s)
{
    bool ok = s.n >= 1 && s.n <= 64;
    for (size_t i = 0; i < s.n && ok; i++) {
        unsigned char c = (unsigned char)s.p[i];
        ok = c >= 0x20 && c != 0x7f && !strchr(" ,=/*\"'{}", c);
    }
    return ok;
}

bool read_name(struct loader *l, const struct value *v, void *into)
{
    *(str *)into = v->text;
    return settings_is_name(v->text) || load_reject(l, v, "name", STR_NONE, SETTINGS_NAME_RULE);
}

bool read_secret(struct loader *l, const struct value *v, void *into)
{
    (void)l;
    *(struct secret *)into = (struct secret){v->text, v->missing, v->node != NULL, v->line};
    return true;
}

bool read_hash(struct loader *l, const struct value *v, void *into)
{
    struct hash_draft *h = into;
    h->set = true;
    bool ok = v->text.n == 2 * sizeof(h->bytes);
    for (size_t i = 0; i < sizeof(h->bytes) && ok; i++) {
        int high = hex_digit_of(v->text.p[2 * i]), low = hex_digit_of(v->text.p[2 * i + 1]);
        ok = high >= 0 && low >= 0;
        h->bytes[i] = (unsigned char)(high * 16 + low);
    }
    /* The value is not shown: somebody may have put the secret itself here. */
    if (!ok) load_error(l, v->line, v->path, "must be 64 hex digits: printf %%s SECRET | sha256sum");
    return ok;
}

bool read_bool(struct loader *l, const struct value *v, void *into)
{
    static const str yes[] = {STR_INIT("yes"), STR_INIT("on"), STR_INIT("1"),
                              STR_INIT("y"),   STR_INIT("t"),  STR_INIT("true")};
    static const str no[] = {STR_INIT("no"), STR_INIT("off"), STR_INIT("0"),
                             STR_INIT("n"),  STR_INIT("f"),   STR_INIT("false")};
    *(bool *)into = str_eq(v->text, S("true"));
    if (*(bool *)into || str_eq(v->text, S("false"))) return true;
    str meant = STR_NONE;
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (str_eq_nocase(v->text, yes[i])) meant = S("true");
        if (str_eq_nocase(v->text, no[i])) meant = S("false");
    }
    return load_reject(l, v, "truth value", meant, "true or false");
}

static bool count_from(struct loader *l, const struct value *v, int64_t low, int64_t high, int64_t *out)
{
    int64_t n;
    if (str_to_i64(v->text, &n)) {
        *out = n;
        if (n >= low && n <= high) return true;
        load_error(l, v->line, v->path, "'%" STR_FMT "' is too %s: at %s %lld", STR_ARG(v->shown),
                   n < low ? "small" : "large", n < low ? "least" : "most", (long long)(n < low ? low : high));
        return false;
    }
    return load_reject(l, v, "number", STR_NONE, "digits alone, such as 200000");
}

static const int64_t count_max = INT64_C(1000000000000000);

bool read_count(struct loader *l, const struct value *v, void *into)
{
    return count_from(l, v, 0, count_max, into);
}

bool read_positive(struct loader *l, const struct value *v, void *into)
{
    return count_from(l, v, 1, count_max, into);
}

bool read_times(struct loader *l, const struct value *v, void *into)
{
    return count_from(l, v, 1, MODEL_ATTEMPTS_MAX, into);
}

bool read_small(struct loader *l, const struct value *v, void *into)
{
    int64_t n = 1;
    bool ok = count_from(l, v, 1, 1000000, &n);
    *(uint32_t *)into = (uint32_t)n;
    return ok;
}

bool read_tally(struct loader *l, const struct value *v, void *into)
{
    int64_t n = 0;
    bool ok = count_from(l, v, 0, 1000000, &n);
    *(uint32_t *)into = (uint32_t)n;
    return ok;
}

bool read_counters(struct loader *l, const struct value *v, void *into)
{
    int64_t n = 1;
    bool ok = count_from(l, v, 1, 1000000000, &n);
    *(size_t *)into = (size_t)n;
    return ok;
}

bool read_workers(struct loader *l, const struct value *v, void *into)
{
    *(int64_t *)into = 0;
    if (str_eq(v->text, S("auto"))) return true;
    int64_t n;
    if (str_to_i64(v->text, &n)) return count_from(l, v, 1, 256, into);
    return load_reject(l, v, "number of workers", STR_NONE, "auto, or 1 to 256");
}

static const char duration_help[] = "a number and a unit: 250ms, 5s, 10m, 24h, 7d";

bool read_duration(struct loader *l, const struct value *v, void *into)
{
    uint64_t bare;
    bool naked = str_to_u64(v->text, &bare) && bare != 0;
    if (!naked && time_parse_duration(v->text, into) && *(int64_t *)into >= 0) return true;
    if (!naked) return load_reject(l, v, "duration", STR_NONE, duration_help);
    load_error(l, v->line, v->path, "'%" STR_FMT "' has no unit (%s)", STR_ARG(v->shown), duration_help);
    return false;
}

bool read_wait(struct loader *l, const struct value *v, void *into)
{
    if (!read_duration(l, v, into)) return false;
    if (*(int64_t *)into > 0) return true;
    load_error(l, v->line, v->path, "must be more than 0");
    return false;
}

bool read_sync_ms(struct loader *l, const struct value *v, void *into)
{
    int64_t ms = 0;
    if (!count_from(l, v, 1, 10000, &ms)) return false;
    *(int64_t *)into = ms * US_PER_MS;
    return true;
}

bool read_bytes(struct loader *l, const struct value *v, void *into)
{
    int64_t n;
    if (!size_parse(v->text, &n) || n < 0)
        return load_reject(l, v, "size", STR_NONE, "a number and a unit: 32kB, 64MB, 1GB");
    *(int64_t *)into = n;
    if (n >= 1024 && n <= INT64_C(1) << 40) return true;
    load_error(l, v->line, v->path, "'%" STR_FMT "' is out of range: 1kB to 1TB", STR_ARG(v->shown));
    return false;
}

/* Why an amount was not taken: the parser itself only says no. */
static bool reject_money(struct loader *l, const struct value *v, int decimals)
{
    str s = v->text;
    const char *why = "is no amount; write digits, with a point where it has a fraction: 12.50";
    size_t point = str_find_byte(s, '.', 0), digits = 0;
    for (size_t i = 0; i < s.n; i++) digits += s.p[i] >= '0' && s.p[i] <= '9';
    if (s.n && digits == s.n - (point != SIZE_MAX)) {
        size_t fraction = point == SIZE_MAX ? 0 : s.n - point - 1;
        why = fraction > (size_t)decimals
                  ? "is finer than what is counted: at most twelve decimals of a dollar, six of a price"
                  : "is too much: an amount ends at $9,223,372";
    } else if (s.n && s.p[0] == '-') {
        why = "is negative";
    } else if (s.n && (s.p[0] == '$' || str_find_byte(s, ',', 0) != SIZE_MAX)) {
        why = "is no amount; write it without a dollar sign and without separators: 1500.00";
    }
    load_error(l, v->line, v->path, "'%" STR_FMT "' %s", STR_ARG(v->shown), why);
    return false;
}

bool read_usd(struct loader *l, const struct value *v, void *into)
{
    return money_parse_usd(v->text, into) || reject_money(l, v, 12);
}

bool read_per_million(struct loader *l, const struct value *v, void *into)
{
    return money_parse_per_million(v->text, into) || reject_money(l, v, 6);
}

/* "5%" in millionths: the sign says that 0.05 is not meant. */
bool read_percent(struct loader *l, const struct value *v, void *into)
{
    picousd percent = 0; /* any exact decimal: a percent has a million millionths of one */
    bool sign = str_ends(v->text, S("%"));
    str digits = sign ? str_trim(str_head(v->text, v->text.n - 1)) : v->text;
    bool number = money_parse_per_million(digits, &percent);
    if (!sign || !number) return load_reject(l, v, "percentage", STR_NONE, "a number and a percent sign, such as 5%");
    *(int64_t *)into = percent / 100;
    if (percent <= INT64_C(100000000) && percent % 100 == 0) return true;
    load_error(l, v->line, v->path, "'%" STR_FMT "' is %s", STR_ARG(v->shown),
               percent % 100 ? "finer than what is counted: at most four decimals" : "too large: at most 100%");
    return false;
}

bool read_date(struct loader *l, const struct value *v, void *into)
{
    return time_parse(v->text, into) || load_reject(l, v, "date", STR_NONE, "2026-01-31, or 2026-01-31T12:00:00Z");
}

int load_one_of(struct loader *l, const struct value *v, const str *words, size_t count, const char *what,
                const char *expected)
{
    struct suggest near;
    suggest_init(&near, v->text);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(v->text, words[i])) return (int)i;
        suggest_offer(&near, words[i]);
    }
    load_reject(l, v, what, near.best, expected);
    return -1;
}

bool read_window(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("minute"), STR_INIT("hour"),  STR_INIT("day"),
                                STR_INIT("week"),   STR_INIT("month"), STR_INIT("total")};
    static const char expected[] = "minute, hour, day, week, month, total, or a duration such as 24h";
    struct window w = {0}, *out = into;
    if (!window_parse(v->text, &w)) {
        struct suggest near;
        suggest_init(&near, v->text);
        for (size_t i = 0; i < COUNT_OF(words); i++) suggest_offer(&near, words[i]);
        return load_reject(l, v, "window", near.best, expected);
    }
    out->kind = w.kind; /* the zone is another row's */
    out->rolling_us = w.rolling_us;
    if (w.kind != WINDOW_ROLLING || (w.rolling_us >= US_PER_MINUTE && w.rolling_us <= 366 * US_PER_DAY)) return true;
    return load_reject(l, v, "window", STR_NONE, "a rolling one is 1m to 366d long");
}

bool read_zone(struct loader *l, const struct value *v, void *into)
{
    if (load_zone(l, v->text, &((struct window *)into)->zone)) return true;
    return load_reject(l, v, "time zone", load_zone_suggestion(l, v->text),
                       "a name of the time zone database, such as Europe/Berlin; Debian's package tzdata");
}

bool read_tier(struct loader *l, const struct value *v, void *into)
{
    if (v->text.n && price_tier_find(v->text, into)) return true;
    return load_reject(l, v, "tier", STR_NONE, "standard, batch, flex or priority");
}

bool read_disconnect(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("cancel"), STR_INIT("finish")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "answer to a hang-up", "cancel or finish");
    if (i >= 0) *(enum on_disconnect *)into = i == 0 ? ON_DISCONNECT_CANCEL : ON_DISCONNECT_FINISH;
    return i >= 0;
}

bool read_durability(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("process"), STR_INIT("disk")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "durability", "process or disk");
    *(bool *)into = i == 1;
    return i >= 0;
}

bool read_compat(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("strict"), STR_INIT("lenient")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "way to take what a target cannot do", "strict or lenient");
    if (i >= 0) *(enum compat *)into = i == 0 ? COMPAT_STRICT : COMPAT_LENIENT;
    return i >= 0;
}

bool read_log(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("stderr"), STR_INIT("off")};
    *(str *)into = v->text;
    /* A bare word is rather a typo than a file in the working directory. */
    if (str_find_byte(v->text, '/', 0) != SIZE_MAX || str_find_byte(v->text, '.', 0) != SIZE_MAX) return true;
    return load_one_of(l, v, words, COUNT_OF(words), "place for the log",
                       "stderr, off, or a file such as ./access.log") >= 0;
}

bool read_keep(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    l->s.ledger_keep_rows = l->s.ledger_keep_us = 0;
    int64_t n;
    if (str_to_i64(v->text, &n)) return count_from(l, v, 1000, count_max, &l->s.ledger_keep_rows);
    if (!time_parse_duration(v->text, &n)) {
        return load_reject(l, v, "way to keep rows", STR_NONE,
                           "a number of rows such as 2000000, or a duration such as 400d");
    }
    l->s.ledger_keep_us = n;
    if (n >= US_PER_HOUR) return true;
    load_error(l, v->line, v->path, "'%" STR_FMT "' is too short: at least 1h", STR_ARG(v->shown));
    return false;
}

bool read_vendor(struct loader *l, const struct value *v, void *into)
{
    *(str *)into = v->text;
    if (vendor_find(v->text)) return true;
    struct suggest near;
    struct buf known;
    suggest_init(&near, v->text);
    buf_init(&known, 0);
    for (size_t i = 0; vendor_at(i); i++) {
        suggest_offer(&near, vendor_at(i)->kind);
        buf_printf(&known, "%s%" STR_FMT, i ? ", " : "", STR_ARG(vendor_at(i)->kind));
    }
    buf_add_byte(&known, '\0');
    load_reject(l, v, "kind of provider", near.best, known.p);
    buf_free(&known);
    return false;
}

bool read_url(struct loader *l, const struct value *v, void *into)
{
    *(str *)into = v->text;
    if (!v->text.n) return read_text(l, v, into);
    struct setting_provider scratch = {0};
    const char *why = load_url(v->text, &scratch);
    if (!why) return true;
    /* Shown only where no password can stand in it. */
    str shown = str_find_byte(v->text, '@', 0) == SIZE_MAX ? v->shown : S("...");
    load_error(l, v->line, v->path, "'%" STR_FMT "' is no base URL: %s (https://api.openai.com/v1)", STR_ARG(shown),
               why);
    return false;
}

bool read_target(struct loader *l, const struct value *v, void *into)
{
    struct target_draft *t = into;
    size_t slash = str_find_byte(v->text, '/', 0);
    if (slash == SIZE_MAX || slash == 0 || slash + 1 == v->text.n) {
        return load_reject(l, v, "target", STR_NONE, "provider/model, such as openai/gpt-5-mini");
    }
    t->name = v->text;
    t->provider = str_head(v->text, slash);
    t->model = str_from_at(v->text, slash + 1);
    if (settings_provider(&l->s, t->provider)) return true;
    struct suggest near;
    suggest_init(&near, t->provider);
    for (size_t i = 0; i < l->s.provider_count; i++) suggest_offer(&near, l->s.providers[i].name);
    bool hint = near.best.p != NULL;
    load_error(l, v->line, v->path,
               "'%" STR_FMT "': no provider of that name stands under providers%s%" STR_FMT "%s (provider/model)",
               STR_ARG(v->shown), hint ? "; did you mean '" : "", STR_ARG(hint ? near.best : S("")), hint ? "'?" : "");
    return false;
}
