/* Where a text is cut into pieces before tokens are looked for: what OpenAI's published patterns match, by hand.
 *
 * o200k, in order of preference (U: Lu Lt Lm Lo M; W: Ll Lm Lo M; ' : an English contraction's end):
 *   [^\r\n L N]? U* W+ (')?  |  [^\r\n L N]? U+ W* (')?  |  N{1,3}  |  ' '? [^\s L N]+ [\r\n/]*
 *   |  \s* [\r\n]+  |  \s+ (?!\S)  |  \s+
 * cl100k:
 *   '  |  [^\r\n L N]? L+  |  N{1,3}  |  ' '? [^\s L N]+ [\r\n]*  |  \s+$  |  \s* [\r\n]  |  \s+ (?!\S)  |  \s
 *
 * A pattern gives way backwards; here each place where one would is named instead. The runs that are looked
 * through more than once are consumed by the piece that follows, so that the whole stays linear. */
#include "price/tokens_table.h"

#define UPPER   CLASS_UPPER
#define LOWER   CLASS_LOWER
#define LETTER  CLASS_LETTER
#define NUMBER  CLASS_NUMBER
#define SPACE   CLASS_SPACE
#define NEWLINE CLASS_NEWLINE

struct reader {
    const struct tokens_table *table;
    const uint8_t *p;
    size_t n;
};

/* A character: what it is, and its bytes. A byte that begins no character is one of no class. */
struct seen {
    uint32_t is;
    uint32_t bytes; /* 0: the text is over */
};

static const uint8_t ascii[128] = {
    ['\t'] = SPACE,         ['\n'] = SPACE | NEWLINE,       ['\v'] = SPACE,
    ['\f'] = SPACE,         ['\r'] = SPACE | NEWLINE,       [' '] = SPACE,
    ['0' ... '9'] = NUMBER, ['A' ... 'Z'] = LETTER | UPPER, ['a' ... 'z'] = LETTER | LOWER,
};

static bool follows(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

static uint32_t class_of(const struct tokens_table *t, uint32_t code_point)
{
    return t->classes[t->class_index[code_point >> 7]][code_point & 127];
}

/* Strict UTF-8: no overlong forms, no surrogates. */
static struct seen see_wide(const struct reader *r, size_t at)
{
    const uint8_t *p = r->p + at;
    size_t left = r->n - at;
    uint32_t c;
    if (p[0] >= 0xc2 && p[0] < 0xe0 && left > 1 && follows(p[1])) {
        c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        return (struct seen){class_of(r->table, c), 2};
    }
    if ((p[0] & 0xf0) == 0xe0 && left > 2 && follows(p[1]) && follows(p[2])) {
        c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        if (c >= 0x800 && (c < 0xd800 || c > 0xdfff)) return (struct seen){class_of(r->table, c), 3};
    }
    if ((p[0] & 0xf8) == 0xf0 && left > 3 && follows(p[1]) && follows(p[2]) && follows(p[3])) {
        c = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        if (c >= 0x10000 && c < 0x110000) return (struct seen){class_of(r->table, c), 4};
    }
    return (struct seen){0, 1};
}

static inline struct seen see(const struct reader *r, size_t at)
{
    if (at >= r->n) return (struct seen){0, 0};
    if (r->p[at] < 0x80) return (struct seen){ascii[r->p[at]], 1};
    return see_wide(r, at);
}

/* Behind the run of characters that are one of `wanted`. */
static inline size_t run_of(const struct reader *r, size_t at, uint32_t wanted)
{
    for (;;) {
        while (at < r->n && r->p[at] < 0x80 && (ascii[r->p[at]] & wanted)) at++;
        if (at >= r->n || r->p[at] < 0x80) return at;
        struct seen c = see_wide(r, at);
        if (!(c.is & wanted)) return at;
        at += c.bytes;
    }
}

/* The same of characters that are none of `unwanted`. */
static size_t run_of_others(const struct reader *r, size_t at, uint32_t unwanted)
{
    struct seen c = see(r, at);
    while (c.bytes && !(c.is & unwanted)) {
        at += c.bytes;
        c = see(r, at);
    }
    return at;
}

/* Bytes of 's, 'd, 'm, 't, 'll, 've or 're, in any case, at `at`; 0: none. */
static size_t contraction(const struct reader *r, size_t at)
{
    if (r->n - at < 2 || r->p[at] != '\'') return 0;
    uint8_t a = r->p[at + 1] | 0x20;
    if (a == 's' || a == 'd' || a == 'm' || a == 't') return 2;
    if (r->n - at < 3) return 0;
    uint8_t b = r->p[at + 2] | 0x20;
    return (a == 'l' && b == 'l') || ((a == 'v' || a == 'r') && b == 'e') ? 3 : 0;
}

/* ---- o200k's words */

/* U* W+ from `at`: its end; 0 where it does not match. U* takes all that it can, and gives back as far as the
 * last character that is W, too. */
static size_t lower_word(const struct reader *r, size_t at)
{
    size_t upper = at, both = 0; /* behind the last that is U and W */
    for (;;) {
        struct seen c = see(r, upper);
        if (!c.bytes || !(c.is & UPPER)) break;
        upper += c.bytes;
        if (c.is & LOWER) both = upper;
    }
    size_t end = run_of(r, upper, LOWER);
    return end > upper ? end : both;
}

/* U+ W* from `at`, where no U* W+ is: its end; 0 where it does not match. */
static size_t upper_word(const struct reader *r, size_t at)
{
    size_t upper = run_of(r, at, UPPER);
    return upper > at ? upper : 0;
}

static size_t word_o200k(const struct reader *r, size_t at, struct seen c)
{
    bool may_lead = !(c.is & (LETTER | NUMBER | NEWLINE));
    size_t behind = at + c.bytes, end = 0;
    if (may_lead) end = lower_word(r, behind);
    if (!end && (c.is & (UPPER | LOWER))) end = lower_word(r, at);
    if (!end && may_lead) end = upper_word(r, behind);
    if (!end && (c.is & UPPER)) end = upper_word(r, at);
    return end ? end + contraction(r, end) : 0;
}

/* ---- cl100k's */

static size_t word_cl100k(const struct reader *r, size_t at, struct seen c)
{
    size_t letters = at;
    if (c.is & LETTER) return run_of(r, at, LETTER);
    if (!(c.is & (NUMBER | NEWLINE))) letters += c.bytes;
    if (letters == at) return 0;
    size_t end = run_of(r, letters, LETTER);
    return end > letters ? end : 0;
}

/* ---- what both share */

static size_t number(const struct reader *r, size_t at)
{
    for (int digits = 0; digits < 3; digits++) {
        struct seen c = see(r, at);
        if (!(c.is & NUMBER)) break;
        at += c.bytes;
    }
    return at;
}

static size_t marks(const struct reader *r, size_t at, bool slashes)
{
    size_t begin = at < r->n && r->p[at] == ' ' ? at + 1 : at;
    size_t end = run_of_others(r, begin, SPACE | LETTER | NUMBER);
    if (end == begin) return 0;
    while (end < r->n && (r->p[end] == '\r' || r->p[end] == '\n' || (slashes && r->p[end] == '/'))) end++;
    return end;
}

static size_t spaces(const struct reader *r, size_t at, enum token_encoding e)
{
    size_t end = at, last = at, newline = 0;
    for (;;) {
        struct seen c = see(r, end);
        if (!c.bytes || !(c.is & SPACE)) break;
        last = end;
        end += c.bytes;
        if (c.is & NEWLINE) newline = end;
    }
    if (e == TOKENS_CL100K && end == r->n) return end;
    if (newline) return newline;
    if (end == r->n || last == at) return end; /* nothing behind it, or one alone */
    return last;                               /* the last goes with what follows */
}

size_t tokens_piece_end(const struct tokens_table *t, enum token_encoding e, str text, size_t at)
{
    struct reader r = {t, (const uint8_t *)text.p, text.n};
    struct seen c = see(&r, at);
    size_t end;
    if (e == TOKENS_CL100K && (end = contraction(&r, at))) return at + end;
    if (c.is & NUMBER) return number(&r, at);
    end = e == TOKENS_CL100K ? word_cl100k(&r, at, c) : word_o200k(&r, at, c);
    if (!end) end = marks(&r, at, e == TOKENS_O200K);
    if (!end) end = spaces(&r, at, e);
    return end;
}
