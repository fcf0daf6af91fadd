/* ECMA-262 patterns (with the flag u) in the words of PCRE2. What means the same is copied,
 * what means something else is spelled out, what ECMA-262 does not have is refused. Punctuation
 * may be escaped anywhere, as people do. */
#include "base/hex.h"
#include "base/pattern.h"
#include "base/utf8.h"

/* What \s stands for, and what it does not, as ranges of a class. */
#define SPACES                                                                                                         \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                                      \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"                \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

struct reader {
    str s;
    size_t at;
    struct buf *out;
    const char *why;
    bool in_class;
    bool atom; /* a quantifier may follow */
};

static bool refuse(struct reader *x, const char *why)
{
    x->why = why;
    return false;
}

static char peek(const struct reader *x, size_t ahead)
{
    return x->s.n - x->at > ahead ? x->s.p[x->at + ahead] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* `digits` of them from `at` on; -1 where they are not there. */
static int32_t read_hex(const struct reader *x, size_t at, size_t digits)
{
    int32_t v = 0;
    if (x->s.n < digits || at > x->s.n - digits) return -1;
    for (size_t i = 0; i < digits; i++) {
        int d = hex_digit_of(x->s.p[at + i]);
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

static bool put_rune(struct reader *x, int32_t rune)
{
    if (rune >= 0xd800 && rune <= 0xdfff) return refuse(x, "has half of a surrogate pair");
    return buf_printf(x->out, "\\x{%x}", (unsigned)rune);
}

/* \u0041, \u{1f600}, or two halves; `at` stands on the backslash. */
static bool read_unicode(struct reader *x)
{
    if (peek(x, 2) == '{') {
        size_t end = str_find_byte(x->s, '}', x->at);
        size_t digits = end == SIZE_MAX ? 0 : end - x->at - 3;
        int32_t rune = digits && digits <= 6 ? read_hex(x, x->at + 3, digits) : -1;
        if (rune < 0 || rune > 0x10ffff) return refuse(x, "has a \\u{...} that is no character");
        x->at = end + 1;
        return put_rune(x, rune);
    }
    int32_t unit = read_hex(x, x->at + 2, 4);
    if (unit < 0) return refuse(x, "has a \\u without four hexadecimal digits");
    x->at += 6;
    bool high = unit >= 0xd800 && unit <= 0xdbff;
    int32_t low = high && peek(x, 0) == '\\' && peek(x, 1) == 'u' ? read_hex(x, x->at + 2, 4) : -1;
    if (low < 0xdc00 || low > 0xdfff) return put_rune(x, unit);
    x->at += 6;
    return put_rune(x, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
}

/* ECMA-262's long names of categories; PCRE2 knows the short ones and the scripts. */
static const struct {
    str name, category;
} categories[] = {
    {STR_INIT("Letter"), STR_INIT("L")},
    {STR_INIT("Uppercase_Letter"), STR_INIT("Lu")},
    {STR_INIT("Lowercase_Letter"), STR_INIT("Ll")},
    {STR_INIT("Titlecase_Letter"), STR_INIT("Lt")},
    {STR_INIT("Cased_Letter"), STR_INIT("L&")},
    {STR_INIT("Modifier_Letter"), STR_INIT("Lm")},
    {STR_INIT("Other_Letter"), STR_INIT("Lo")},
    {STR_INIT("Mark"), STR_INIT("M")},
    {STR_INIT("Combining_Mark"), STR_INIT("M")},
    {STR_INIT("Nonspacing_Mark"), STR_INIT("Mn")},
    {STR_INIT("Spacing_Mark"), STR_INIT("Mc")},
    {STR_INIT("Enclosing_Mark"), STR_INIT("Me")},
    {STR_INIT("Number"), STR_INIT("N")},
    {STR_INIT("Decimal_Number"), STR_INIT("Nd")},
    {STR_INIT("digit"), STR_INIT("Nd")},
    {STR_INIT("Letter_Number"), STR_INIT("Nl")},
    {STR_INIT("Other_Number"), STR_INIT("No")},
    {STR_INIT("Punctuation"), STR_INIT("P")},
    {STR_INIT("punct"), STR_INIT("P")},
    {STR_INIT("Connector_Punctuation"), STR_INIT("Pc")},
    {STR_INIT("Dash_Punctuation"), STR_INIT("Pd")},
    {STR_INIT("Open_Punctuation"), STR_INIT("Ps")},
    {STR_INIT("Close_Punctuation"), STR_INIT("Pe")},
    {STR_INIT("Initial_Punctuation"), STR_INIT("Pi")},
    {STR_INIT("Final_Punctuation"), STR_INIT("Pf")},
    {STR_INIT("Other_Punctuation"), STR_INIT("Po")},
    {STR_INIT("Symbol"), STR_INIT("S")},
    {STR_INIT("Math_Symbol"), STR_INIT("Sm")},
    {STR_INIT("Currency_Symbol"), STR_INIT("Sc")},
    {STR_INIT("Modifier_Symbol"), STR_INIT("Sk")},
    {STR_INIT("Other_Symbol"), STR_INIT("So")},
    {STR_INIT("Separator"), STR_INIT("Z")},
    {STR_INIT("Space_Separator"), STR_INIT("Zs")},
    {STR_INIT("Line_Separator"), STR_INIT("Zl")},
    {STR_INIT("Paragraph_Separator"), STR_INIT("Zp")},
    {STR_INIT("Other"), STR_INIT("C")},
    {STR_INIT("Control"), STR_INIT("Cc")},
    {STR_INIT("Format"), STR_INIT("Cf")},
    {STR_INIT("Surrogate"), STR_INIT("Cs")},
    {STR_INIT("Private_Use"), STR_INIT("Co")},
    {STR_INIT("Unassigned"), STR_INIT("Cn")},
};

/* \p{Letter}, \p{Script=Greek}, \P{...}; PCRE2 refuses a name that it does not know. */
static bool read_property(struct reader *x)
{
    size_t end = str_find_byte(x->s, '}', x->at);
    if (peek(x, 2) != '{' || end == SIZE_MAX) return refuse(x, "has a \\p without {...}");
    str name = str_of(x->s.p + x->at + 3, end - x->at - 3), rest = name;
    str kind = str_cut(&rest, '=');
    const char *prefix = "";
    if (rest.p) {
        name = rest;
        if (str_eq(kind, S("Script")) || str_eq(kind, S("sc"))) prefix = "sc:";
        if (str_eq(kind, S("Script_Extensions")) || str_eq(kind, S("scx"))) prefix = "scx:";
    }
    for (size_t i = 0; i < COUNT_OF(categories); i++) {
        if (str_eq(name, categories[i].name)) name = categories[i].category;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!is_letter(c) && !is_digit(c) && c != '_' && c != '&') return refuse(x, "has a \\p{...} that is no name");
    }
    char p = peek(x, 1);
    x->at = end + 1;
    return buf_printf(x->out, "\\%c{%s%" STR_FMT "}", p, prefix, STR_ARG(name));
}

static bool read_back_reference(struct reader *x)
{
    if (peek(x, 1) == 'k') {
        size_t end = str_find_byte(x->s, '>', x->at);
        if (peek(x, 2) != '<' || end == SIZE_MAX) return refuse(x, "has a \\k without <name>");
        str name = str_of(x->s.p + x->at + 3, end - x->at - 3);
        x->at = end + 1;
        return buf_printf(x->out, "\\k<%" STR_FMT ">", STR_ARG(name));
    }
    size_t n = 1;
    while (is_digit(peek(x, n))) n++;
    str digits = str_of(x->s.p + x->at + 1, n - 1);
    x->at += n;
    return buf_printf(x->out, "\\g{%" STR_FMT "}", STR_ARG(digits));
}

static bool put(struct reader *x, str s, size_t used)
{
    x->at += used;
    return buf_add(x->out, s);
}

/* \s and \S mean more than PCRE2's. */
static bool put_spaces(struct reader *x, bool spaces)
{
    str set = spaces ? S(SPACES) : S(NO_SPACES);
    if (x->in_class) return put(x, set, 2);
    return buf_add_byte(x->out, '[') && put(x, set, 2) && buf_add_byte(x->out, ']');
}

static bool read_letter_escape(struct reader *x, char c)
{
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 't':
    case 'n':
    case 'r':
    case 'f':
        return put(x, str_of(x->s.p + x->at, 2), 2);
    case 'v':
        return put(x, S("\\x{b}"), 2);
    case 'b':
    case 'B':
        if (x->in_class) return c == 'b' ? put(x, S("\\x{8}"), 2) : refuse(x, "has a \\B in a class");
        x->atom = false;
        return put(x, str_of(x->s.p + x->at, 2), 2);
    case 's':
    case 'S':
        return put_spaces(x, c == 's');
    case 'c':
        if (!is_letter(peek(x, 2))) return refuse(x, "has a \\c without a letter");
        x->at += 3;
        return put_rune(x, x->s.p[x->at - 1] & 0x1f);
    case 'x': {
        int32_t rune = read_hex(x, x->at + 2, 2);
        if (rune < 0) return refuse(x, "has a \\x without two hexadecimal digits");
        x->at += 4;
        return put_rune(x, rune);
    }
    case 'u':
        return read_unicode(x);
    case 'p':
    case 'P':
        return read_property(x);
    case 'k':
        if (!x->in_class) return read_back_reference(x);
        /* fall through */
    default:
        return refuse(x, "has an escape that ECMA-262 does not know");
    }
}

static bool read_escape(struct reader *x)
{
    if (x->s.n - x->at < 2) return refuse(x, "ends in a backslash");
    char c = peek(x, 1);
    x->atom = true;
    if (is_letter(c)) return read_letter_escape(x, c);
    if (c == '0' && !is_digit(peek(x, 2))) return put(x, S("\\x{0}"), 2);
    if (is_digit(c)) return c != '0' && !x->in_class ? read_back_reference(x) : refuse(x, "has an octal escape");
    if ((unsigned char)c >= 0x80) return put(x, STR_NONE, 1); /* the character itself follows */
    if ((unsigned char)c < 0x20) return put_rune(x, c) && put(x, STR_NONE, 2);
    return put(x, str_of(x->s.p + x->at, 2), 2);
}

/* Inside [...]: a bracket in it is nothing special to ECMA-262, but to PCRE2. */
static bool read_class(struct reader *x)
{
    bool negated = peek(x, 1) == '^';
    size_t head = negated ? 2 : 1;
    x->atom = true;
    if (peek(x, head) == ']') return put(x, negated ? S("[\\x{0}-\\x{10ffff}]") : S("(?!)"), head + 1);
    if (!put(x, negated ? S("[^") : S("["), head)) return false;
    x->in_class = true;
    bool spaces = false; /* the last piece is a set spelled out: a hyphen behind it is no range */
    while (x->at < x->s.n && x->s.p[x->at] != ']') {
        char c = x->s.p[x->at];
        bool ok = c == '\\'            ? read_escape(x)
                  : c == '['           ? put(x, S("\\["), 1)
                  : c == '-' && spaces ? put(x, S("\\-"), 1)
                                       : put(x, str_of(&x->s.p[x->at], 1), 1);
        spaces = ok && c == '\\' && (x->s.p[x->at - 1] | 0x20) == 's';
        if (!ok) return false;
    }
    x->in_class = false;
    return x->at < x->s.n ? put(x, S("]"), 1) : refuse(x, "has a [ without ]");
}

/* What may stand behind "(?": groups that do not capture, assertions, names. */
static bool read_group(struct reader *x)
{
    x->atom = false;
    if (peek(x, 1) == '*') return refuse(x, "has a quantifier with nothing before it");
    if (peek(x, 1) != '?') return put(x, S("("), 1);
    str rest = str_from_at(x->s, x->at);
    static const str heads[] = {STR_INIT("(?:"), STR_INIT("(?="), STR_INIT("(?!"), STR_INIT("(?<="), STR_INIT("(?<!")};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        if (str_starts(rest, heads[i])) return put(x, heads[i], heads[i].n);
    }
    size_t end = str_find_byte(rest, '>', 0);
    if (!str_starts(rest, S("(?<")) || end == SIZE_MAX) return refuse(x, "has a (? that ECMA-262 does not know");
    return put(x, str_head(rest, end + 1), end + 1);
}

/* Bytes of "{2}", "{2,}" or "{2,3}" at the place reached; 0: it is only a brace. */
static size_t counts_len(const struct reader *x)
{
    size_t n = 1, digits = 0;
    for (; is_digit(peek(x, n)); n++) digits++;
    if (!digits) return 0;
    if (peek(x, n) == ',') {
        for (n++; is_digit(peek(x, n)); n++) {}
    }
    return peek(x, n) == '}' ? n + 1 : 0;
}

static bool read_quantifier(struct reader *x, size_t len)
{
    if (!x->atom) return refuse(x, "has a quantifier with nothing before it");
    x->atom = false;
    if (x->at + len < x->s.n && x->s.p[x->at + len] == '?') len++;
    return put(x, str_of(x->s.p + x->at, len), len);
}

static bool read_piece(struct reader *x)
{
    char c = x->s.p[x->at];
    size_t counts;
    switch (c) {
    case '\\':
        return read_escape(x);
    case '[':
        return read_class(x);
    case '(':
        return read_group(x);
    case '*':
    case '+':
    case '?':
        return read_quantifier(x, 1);
    case '{':
        counts = counts_len(x);
        if (counts) return read_quantifier(x, counts);
        x->atom = true;
        return put(x, S("\\{"), 1);
    case '.':
        x->atom = true;
        return put(x, S("[^\\n\\r\\x{2028}\\x{2029}]"), 1);
    case '^':
    case '$':
    case '|':
        x->atom = false;
        return put(x, str_of(&x->s.p[x->at], 1), 1);
    default:
        x->atom = true;
        return put(x, str_of(&x->s.p[x->at], 1), 1);
    }
}

bool pattern_from_ecma(str ecma, struct buf *out, const char **why)
{
    struct reader x = {.s = ecma, .out = out};
    *why = "is no text in UTF-8";
    if (!utf8_valid(ecma)) return false;
    while (x.at < x.s.n) {
        if (read_piece(&x)) continue;
        *why = x.why ? x.why : "is too long";
        return false;
    }
    return true;
}
