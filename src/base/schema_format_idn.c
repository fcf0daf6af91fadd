/* Names of hosts in all scripts: IDNA 2008 (RFC 5890 to 5893) and Punycode (RFC 3492).
 *
 * Which characters are letters, of which script and of which direction is what PCRE2's tables know, so the
 * rules are written as patterns. Two of its properties are not there and are approximated: viramas
 * by a list, the joining of letters by Arabic's. Compiled at each use: nobody's hot path. */
#include "base/schema_inside.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/utf8.h"
#include <pcre2.h>

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 1024 };

/* What a label may be made of, and how it may not begin. Source: RFC 5892, 2.6 to 2.9. */
static const char allowed[] = "^(?!\\p{M})(?:(?![\\x{640}\\x{7fa}\\x{302e}\\x{302f}\\x{3031}-\\x{3035}\\x{303b}"
                              "\\x{1100}-\\x{11ff}\\x{a960}-\\x{a97f}\\x{d7b0}-\\x{d7ff}\\x{ff00}-\\x{ffef}])"
                              "[\\p{Ll}\\p{Lo}\\p{Lm}\\p{Mn}\\p{Mc}\\p{Nd}A-Z\\-\\x{b7}\\x{375}\\x{5f3}\\x{5f4}"
                              "\\x{6fd}\\x{6fe}\\x{f0b}\\x{3007}\\x{30fb}\\x{200c}\\x{200d}])+$";

#define VIRAMAS                                                                                                        \
    "\\x{94d}\\x{9cd}\\x{a4d}\\x{acd}\\x{b4d}\\x{bcd}\\x{c4d}\\x{ccd}\\x{d3b}\\x{d3c}\\x{d4d}\\x{dca}\\x{e3a}"         \
    "\\x{eba}\\x{f84}\\x{1039}\\x{103a}\\x{1714}\\x{1734}\\x{17d2}\\x{1a60}\\x{1b44}\\x{1baa}\\x{1bab}\\x{1bf2}"       \
    "\\x{1bf3}\\x{2d7f}\\x{a806}\\x{a8c4}\\x{a953}\\x{a9c0}\\x{aaf6}\\x{abed}\\x{10a3f}\\x{11046}\\x{1107f}"
#define JOINS_BOTH "(?![\\x{622}-\\x{625}\\x{627}\\x{629}\\x{62f}-\\x{632}\\x{648}])[\\p{sc:Arabic}\\p{sc:Syriac}]"

/* What must not be, by its neighbours. Source: RFC 5892, appendix A. */
static const char misplaced[] =
    "^-|-$|(?<!l)\\x{b7}|\\x{b7}(?!l)|\\x{375}(?!\\p{sc:Greek})|(?<!\\p{sc:Hebrew})[\\x{5f3}\\x{5f4}]"
    "|^(?!.*[\\p{sc:Hiragana}\\p{sc:Katakana}\\p{sc:Han}]).*\\x{30fb}"
    "|[\\x{660}-\\x{669}].*[\\x{6f0}-\\x{6f9}]|[\\x{6f0}-\\x{6f9}].*[\\x{660}-\\x{669}]|(?<![" VIRAMAS "])\\x{200d}"
    "|(?<![" VIRAMAS "])\\x{200c}(?!\\p{Mn}*[\\p{sc:Arabic}\\p{sc:Syriac}])"
    "|(?:^|(?<![" VIRAMAS "\\p{Mn}])(?<!" JOINS_BOTH "))\\x{200c}";

static const char right_to_left[] = "[\\p{bc:R}\\p{bc:AL}\\p{bc:AN}]";
/* Source: RFC 5893, 2. */
static const char good_direction[] =
    "^(?:(?=[\\p{bc:R}\\p{bc:AL}])(?!.*\\p{bc:L})(?!(?=.*\\p{bc:EN}).*\\p{bc:AN})"
    ".*[\\p{bc:R}\\p{bc:AL}\\p{bc:EN}\\p{bc:AN}]\\p{bc:NSM}*"
    "|(?=\\p{bc:L})(?!.*[\\p{bc:R}\\p{bc:AL}\\p{bc:AN}]).*[\\p{bc:L}\\p{bc:EN}]\\p{bc:NSM}*)$";

enum test { ALLOWED, MISPLACED, RIGHT_TO_LEFT, GOOD_DIRECTION, TESTS };

struct tests {
    pcre2_code *codes[TESTS];
    pcre2_match_data *data;
};

static void tests_init(struct tests *t)
{
    static const char *const patterns[TESTS] = {allowed, misplaced, right_to_left, good_direction};
    for (int i = 0; i < TESTS; i++) {
        int error;
        PCRE2_SIZE at;
        t->codes[i] =
            pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_DOTALL, &error, &at, NULL);
    }
    t->data = pcre2_match_data_create(1, NULL);
}

static void tests_free(struct tests *t)
{
    for (int i = 0; i < TESTS; i++) pcre2_code_free(t->codes[i]);
    pcre2_match_data_free(t->data);
}

static bool matches(const struct tests *t, enum test test, str s)
{
    if (!t->codes[test] || !t->data) return false;
    return pcre2_match(t->codes[test], (PCRE2_SPTR)s.p, s.n, 0, 0, t->data, NULL) >= 0;
}

/* ---- Punycode. Source: RFC 3492, 5 and 6 */

enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST_WIDE = 0x80 };

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE) delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
    return k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
}

/* What `runes` are in Punycode; 0 bytes when it does not fit. */
static size_t puny_encode(const uint32_t *runes, size_t count, char *out, size_t size)
{
    size_t n = 0, done;
    for (size_t i = 0; i < count; i++) {
        if (runes[i] < FIRST_WIDE && n < size) out[n++] = (char)runes[i];
    }
    size_t plain = done = n;
    if (n && n < size) out[n++] = '-';
    uint32_t next = FIRST_WIDE, delta = 0, bias = BIAS;
    while (done < count) {
        uint32_t least = UINT32_MAX;
        for (size_t i = 0; i < count; i++) {
            if (runes[i] >= next && runes[i] < least) least = runes[i];
        }
        delta += (least - next) * (uint32_t)(done + 1); /* at most 63 x 0x10ffff */
        next = least;
        for (size_t i = 0; i < count; i++) {
            if (runes[i] < next) delta++;
            if (runes[i] != next) continue;
            uint32_t q = delta;
            for (uint32_t k = BASE;; k += BASE) {
                uint32_t t = threshold(k, bias), digit = q < t ? q : t + (q - t) % (BASE - t);
                if (n == size) return 0;
                out[n++] = (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);
                if (q < t) break;
                q = (q - t) / (BASE - t);
            }
            bias = adapt(delta, (uint32_t)done + 1, done == plain);
            done++;
            delta = 0;
        }
        delta++;
        next++;
    }
    return n;
}

static int puny_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0' + 26;
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

/* One number of variable length. */
static bool read_delta(str s, size_t *at, uint32_t bias, uint32_t *out)
{
    uint64_t w = 1, v = 0;
    for (uint32_t k = BASE;; k += BASE) {
        int digit = *at < s.n ? puny_digit(s.p[(*at)++]) : -1;
        if (digit < 0) return false;
        v += (uint64_t)digit * w;
        if (v > INT32_MAX) return false;
        uint32_t t = threshold(k, bias);
        if ((uint32_t)digit < t) break;
        w *= BASE - t;
        if (w > INT32_MAX) return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool puny_decode(str s, uint32_t *runes, size_t *count)
{
    size_t n = 0, at = 0, dash = s.n;
    while (dash && s.p[dash - 1] != '-') dash--;
    for (; dash && at < dash - 1; at++) runes[n++] = (unsigned char)s.p[at];
    at = dash;
    uint32_t rune = FIRST_WIDE, place = 0, bias = BIAS;
    while (at < s.n) {
        uint32_t delta;
        if (!read_delta(s, &at, bias, &delta) || n == LABEL_MAX) return false;
        uint64_t sum = (uint64_t)place + delta;
        bias = adapt(delta, (uint32_t)n + 1, n == (dash ? dash - 1 : 0));
        if (sum / (n + 1) > 0x10ffff - rune) return false;
        rune += (uint32_t)(sum / (n + 1));
        place = (uint32_t)(sum % (n + 1));
        if (rune >= 0xd800 && rune <= 0xdfff) return false;
        memmove(runes + place + 1, runes + place, (n - place) * sizeof(*runes));
        runes[place++] = rune;
        n++;
    }
    *count = n;
    return true;
}

/* ---- labels */

static size_t read_runes(str s, uint32_t *runes, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; n++) {
        size_t len = utf8_char_len(str_from_at(s, i));
        if (!len || n == max) return 0;
        const unsigned char *b = (const unsigned char *)s.p + i;
        uint32_t rune = len == 1 ? b[0] : b[0] & (0xffu >> (len + 1));
        for (size_t k = 1; k < len; k++) rune = rune << 6 | (b[k] & 0x3fu);
        runes[n] = rune;
        i += len;
    }
    return n;
}

/* The label as people read it, into `out`; false where it cannot be one. */
static bool read_label(str label, char out[4 * LABEL_MAX], str *readable)
{
    uint32_t runes[LABEL_MAX + 1];
    char code[LABEL_MAX];
    size_t count = 0, n = 0;
    bool coded = label.n >= 4 && str_eq_nocase(str_head(label, 4), S("xn--"));
    if (coded) {
        str puny = str_from_at(label, 4);
        if (label.n > LABEL_MAX || !puny_decode(puny, runes, &count)) return false;
        size_t again = puny_encode(runes, count, code, sizeof(code));
        if (!str_eq_nocase(str_of(code, again), puny)) return false;
    } else {
        count = read_runes(label, runes, LABEL_MAX);
    }
    bool wide = false;
    for (size_t i = 0; i < count; i++) {
        n += utf8_encode(runes[i], out + n);
        wide |= runes[i] >= FIRST_WIDE;
    }
    *readable = str_of(out, n);
    if (!count || coded != (coded && wide)) return false;
    if (count >= 4 && runes[2] == '-' && runes[3] == '-') return false;
    return !wide || puny_encode(runes, count, code, LABEL_MAX - 4) > 0;
}

/* The next label and what separates it: a full stop, or one of three that stand for it. */
static str cut_label(str *rest)
{
    static const str stops[] = {STR_INIT("."), STR_INIT("\xe3\x80\x82"), STR_INIT("\xef\xbc\x8e"),
                                STR_INIT("\xef\xbd\xa1")};
    for (size_t i = 0; i < rest->n; i++) {
        for (size_t k = 0; k < COUNT_OF(stops); k++) {
            if (!str_starts(str_from_at(*rest, i), stops[k])) continue;
            str label = str_head(*rest, i);
            *rest = str_from_at(*rest, i + stops[k].n);
            return label;
        }
    }
    str label = *rest;
    *rest = STR_NONE;
    return label;
}

static bool is_name(const struct tests *t, str s)
{
    char room[4 * LABEL_MAX];
    bool bidi = false;
    size_t length = 0;
    str label;
    for (str rest = s; rest.p;) {
        if (!read_label(cut_label(&rest), room, &label)) return false;
        if (!matches(t, ALLOWED, label) || matches(t, MISPLACED, label)) return false;
        bidi |= matches(t, RIGHT_TO_LEFT, label);
        length += label.n + 1;
    }
    if (length - 1 > 253 && s.n > 253) return false;
    for (str rest = s; bidi && rest.p;) {
        if (!read_label(cut_label(&rest), room, &label) || !matches(t, GOOD_DIRECTION, label)) return false;
    }
    return true;
}

bool schema_format_idn_hostname(str s)
{
    if (!s.n || s.n > NAME_MAX_BYTES) return false;
    struct tests t;
    tests_init(&t);
    bool ok = is_name(&t, s);
    tests_free(&t);
    return ok;
}
