#include "dialect/rate_header.h"

#include "base/text.h"
#include "base/time.h"

static const str kinds[RATE_KIND_COUNT] = {STR_INIT("requests"), STR_INIT("tokens"), STR_INIT("input-tokens"),
                                           STR_INIT("output-tokens")};
static const str whats[RATE_WHAT_COUNT] = {STR_INIT("limit"), STR_INIT("remaining"), STR_INIT("reset")};

static const str openai = STR_INIT("x-ratelimit-"), anthropic = STR_INIT("anthropic-ratelimit-");

/* ---- reading */

static bool find(const str *names, size_t count, str name, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(names[i], name)) continue;
        *out = i;
        return true;
    }
    return false;
}

/* Mistral counts by the minute in its names. */
static str usual_kind(str kind)
{
    if (str_eq_nocase(kind, S("req-minute"))) return kinds[RATE_REQUESTS];
    return str_eq_nocase(kind, S("tokens-minute")) ? kinds[RATE_TOKENS] : kind;
}

static bool read_name(str name, struct rate_figure *out)
{
    size_t kind, what, dash;
    if (name.n > openai.n && str_eq_nocase(str_head(name, openai.n), openai)) { /* what-kind */
        str rest = str_from_at(name, openai.n);
        dash = str_find_byte(rest, '-', 0);
        if (dash == SIZE_MAX || !find(whats, RATE_WHAT_COUNT, str_head(rest, dash), &what)) return false;
        if (!find(kinds, RATE_KIND_COUNT, usual_kind(str_from_at(rest, dash + 1)), &kind)) return false;
    } else if (name.n > anthropic.n && str_eq_nocase(str_head(name, anthropic.n), anthropic)) { /* kind-what */
        str rest = str_from_at(name, anthropic.n);
        for (dash = rest.n; dash > 0 && rest.p[dash - 1] != '-'; dash--) continue;
        if (!dash || !find(whats, RATE_WHAT_COUNT, str_from_at(rest, dash), &what)) return false;
        if (!find(kinds, RATE_KIND_COUNT, str_head(rest, dash - 1), &kind)) return false;
    } else {
        return false;
    }
    out->kind = (enum rate_kind)kind;
    out->what = (enum rate_what)what;
    return true;
}

/* "17.399999999s" has more digits than there are microseconds: the rest is cut off. */
static bool read_part(str number, str unit, int64_t *us)
{
    char text[40];
    size_t point = str_find_byte(number, '.', 0);
    if (point != SIZE_MAX && number.n > point + 4) number = str_head(number, point + 4);
    if (number.n + unit.n >= sizeof(text)) return false;
    memcpy(text, number.p, number.n);
    memcpy(text + number.n, unit.p, unit.n);
    return time_parse_duration(str_of(text, number.n + unit.n), us);
}

/* Go's durations: "12ms", "1.2s", "6m0s", "1h2m3.5s". */
static bool read_duration(str s, int64_t *us)
{
    int64_t sum = 0;
    while (s.n) {
        size_t digits = 0, n;
        while (digits < s.n && (s.p[digits] == '.' || (s.p[digits] >= '0' && s.p[digits] <= '9'))) digits++;
        for (n = digits; n < s.n && s.p[n] >= 'a' && s.p[n] <= 'z';) n++;
        int64_t part;
        if (!digits || n == digits || !read_part(str_head(s, digits), str_of(s.p + digits, n - digits), &part))
            return false;
        if (__builtin_add_overflow(sum, part, &sum)) return false;
        s = str_from_at(s, n);
    }
    *us = sum;
    return true;
}

/* Azure tells whole seconds, Anthropic the moment, the others a duration. */
static bool read_reset(str value, int64_t now_us, int64_t *us)
{
    int64_t at_us;
    if (str_to_i64(value, us)) return !__builtin_mul_overflow(*us, US_PER_SECOND, us);
    if (!time_parse(value, &at_us)) return read_duration(value, us);
    *us = at_us > now_us ? at_us - now_us : 0;
    return true;
}

bool rate_header_read(str name, str value, int64_t now_us, struct rate_figure *out)
{
    if (!read_name(name, out) || !value.n) return false;
    bool ok = out->what == RATE_RESET ? read_reset(value, now_us, &out->value) : str_to_i64(value, &out->value);
    return ok && out->value >= 0;
}

/* ---- writing */

static void add_name(struct buf *out, str prefix, str first, str second)
{
    buf_add(out, prefix);
    buf_add(out, first);
    buf_add_byte(out, '-');
    buf_add(out, second);
    buf_add(out, S(": "));
}

static void write_openai(const struct rate_figure *f, struct buf *out)
{
    char text[40];
    if (f->kind > RATE_TOKENS) return;
    add_name(out, openai, whats[f->what], kinds[f->kind]);
    if (f->what != RATE_RESET) {
        buf_add_i64(out, f->value);
    } else if (f->value < US_PER_SECOND) {
        buf_add_i64(out, (f->value + US_PER_MS - 1) / US_PER_MS);
        buf_add(out, S("ms"));
    } else {
        buf_add(out, time_format_duration(f->value / US_PER_MS * US_PER_MS, text));
    }
    buf_add(out, S("\r\n"));
}

static void write_anthropic(const struct rate_figure *f, int64_t now_us, struct buf *out)
{
    char text[40];
    add_name(out, anthropic, kinds[f->kind], whats[f->what]);
    if (f->what == RATE_RESET) {
        int64_t at_us = now_us + f->value;
        str moment = time_format(at_us - at_us % US_PER_SECOND, text);
        buf_add(out, str_head(moment, sizeof("2026-11-21T10:15:30") - 1)); /* whole seconds */
        buf_add_byte(out, 'Z');
    } else {
        buf_add_i64(out, f->value);
    }
    buf_add(out, S("\r\n"));
}

void rate_header_write(enum dialect_id client, const struct rate_figure *figure, int64_t now_us, struct buf *out)
{
    if (client == DIALECT_MESSAGES)
        write_anthropic(figure, now_us, out);
    else
        write_openai(figure, out);
}

void rate_header_convert(enum dialect_id client, str name, str value, int64_t now_us, struct buf *out)
{
    struct rate_figure figure;
    if (rate_header_read(name, value, now_us, &figure)) rate_header_write(client, &figure, now_us, out);
}
