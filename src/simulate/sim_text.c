#include "simulate/sim_text.h"

#include "base/utf8.h"
#include "simulate/sim_random.h"

enum byte_class { OTHER, BLANK, WORD };

static inline enum byte_class class_of(char c)
{
    static const unsigned char classes[256] = {
        ['0' ... '9'] = WORD, ['a' ... 'z'] = WORD, ['A' ... 'Z'] = WORD, [0x80 ... 0xff] = WORD,
        [' '] = BLANK,        ['\n'] = BLANK,       ['\t'] = BLANK,       ['\r'] = BLANK,
    };
    return classes[(unsigned char)c];
}

int64_t sim_count_tokens(str text)
{
    int64_t tokens = 0;
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        switch (class_of(text.p[i])) {
        case OTHER:
            i++;
            tokens++;
            break;
        case WORD:
            while (i < text.n && class_of(text.p[i]) == WORD) i++;
            tokens += (int64_t)((i - from + SIM_WORD_BYTES - 1) / SIM_WORD_BYTES);
            break;
        case BLANK:
            while (i < text.n && class_of(text.p[i]) == BLANK) i++;
            bool belongs = i - from == 1 && text.p[from] == ' ' && i < text.n && class_of(text.p[i]) == WORD;
            tokens += !belongs;
            break;
        }
    }
    return tokens;
}

/* No word has more than SIM_WORD_BYTES letters. */
static const str words[] = {
#define W(word) STR_INIT(" " word)
    W("the"),   W("ship"),   W("sails"),  W("at"),    W("dawn"),  W("and"),    W("every"),  W("crate"),
    W("is"),    W("noted"),  W("before"), W("it"),    W("goes"),  W("below"),  W("purser"), W("keeps"),
    W("a"),     W("ledger"), W("of"),     W("all"),   W("that"),  W("was"),    W("taken"),  W("on"),
    W("board"), W("rope"),   W("tar"),    W("flour"), W("salt"),  W("rum"),    W("water"),  W("coal"),
    W("wind"),  W("from"),   W("north"),  W("west"),  W("tide"),  W("turns"),  W("slowly"), W("near"),
    W("quay"),  W("crew"),   W("counts"), W("coins"), W("twice"), W("then"),   W("signs"),  W("one"),
    W("page"),  W("in"),     W("ink"),    W("so"),    W("no"),    W("debt"),   W("hides"),  W("under"),
    W("deck"),  W("bill"),   W("comes"),  W("due"),   W("when"),  W("harbor"), W("lights"), W("appear"),
#undef W
};

str sim_word(uint64_t seed, int64_t i, int64_t last)
{
    if (i == last && i > 0) return S(".");
    str word = words[sim_mix(seed + (uint64_t)i) % COUNT_OF(words)];
    return i == 0 ? str_from_at(word, 1) : word;
}

size_t sim_piece_len(str text, size_t at)
{
    size_t n = 0;
    while (at + n < text.n && n < SIM_PIECE_BYTES) {
        size_t len = utf8_char_len(str_from_at(text, at + n));
        if (len == 0) len = 1;
        if (n && n + len > SIM_PIECE_BYTES) break;
        n += len;
    }
    return n;
}

int64_t sim_count_pieces(str text)
{
    int64_t pieces = 0;
    for (size_t at = 0; at < text.n; at += sim_piece_len(text, at)) pieces++;
    return pieces;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t sim_unescape(str text, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool code = text.p[i] == '%' && i + 2 < text.n && digit_of(text.p[i + 1]) >= 0 && digit_of(text.p[i + 2]) >= 0;
        out[n++] = code ? (char)(digit_of(text.p[i + 1]) * 16 + digit_of(text.p[i + 2])) : text.p[i];
        if (code) i += 2;
    }
    return n;
}
