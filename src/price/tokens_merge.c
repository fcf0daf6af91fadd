/* From a piece of text to its number of tokens.
 *
 * Most pieces are one token: the trie says so while it walks over them. The rest is cut from left to right,
 * without merging: a list of tokens is what merging would give exactly when each two neighbours are what merging
 * gives for their bytes alone. So the longest token goes first, a shorter one where it does not get on with its
 * neighbour, and back where none does, never twice to the same place. That is linear in the piece's length, where
 * merging itself is quadratic for words like "aaaa...". (The idea: H. van Antwerpen and A. Neubeck, "So many tokens,
 * so little time", github.blog, 2024.)
 *
 * A long piece is cut place by place instead: each place has exactly one last token when the piece is cut there. */
#include "price/tokens_table.h"

#include <assert.h>

_Static_assert(TOKENS_PIECE_MAX <= UINT16_MAX, "starts of tokens in a piece are 16 bits");

/* The longest token that `p` begins with, of at most `n` bytes; its length is at least 1. */
static uint32_t longest(const struct tokens_table *t, const uint8_t *p, size_t n, size_t *length)
{
    uint64_t cell = t->trie[0];
    uint32_t best = TOKENS_NONE;
    for (size_t i = 0; i < n; i++) {
        cell = t->trie[tokens_cell_base(cell) + p[i]];
        if (tokens_cell_label(cell) != p[i]) break;
        if (tokens_cell_token(cell) == TOKENS_NONE) continue;
        best = tokens_cell_token(cell);
        *length = i + 1;
    }
    return best;
}

/* What the two merge to; TOKENS_NONE: nothing. */
static uint32_t merged(const struct tokens_table *t, uint32_t left, uint32_t right)
{
    uint32_t mask = (1u << t->pair_bits) - 1;
    for (uint32_t slot = tokens_pair_hash(left, right, t->pair_bits);; slot = (slot + 1) & mask) {
        uint32_t token = t->pairs[slot];
        if (token == TOKENS_NONE) return TOKENS_NONE;
        if (t->splits[token].left == left && t->splits[token].right == right) return token;
    }
}

/* Whether merging leaves these two as they are, side by side: undoes their latest merges, the later one first, and
 * looks whether what then touches would have merged earlier. */
static bool get_on(const struct tokens_table *t, uint32_t left, uint32_t right)
{
    uint32_t before = TOKENS_NONE; /* merges below this rank came before the ones undone so far */
    for (;;) {
        uint32_t both = merged(t, left, right);
        if (both < before) return false;
        if (left > right) {
            before = left;
            left = t->splits[left].right;
            if (left != before) continue;
            /* a single byte: the other side */
            before = right + 1;
            right = t->splits[right].left;
            if (right + 1 == before) return true;
        } else {
            before = right + 1;
            right = t->splits[right].left;
            if (right + 1 != before) continue;
            before = left;
            left = t->splits[left].right;
            if (left == before) return true;
        }
    }
}

uint32_t tokens_of_piece(const struct tokens_table *t, const uint8_t *p, size_t n)
{
    uint32_t tokens[TOKENS_PIECE_MAX];
    uint16_t starts[TOKENS_PIECE_MAX];
    uint64_t barred[TOKENS_PIECE_MAX / 64 + 1]; /* places from where there was no way on */
    size_t at = 0, length = 0;
    uint32_t token = longest(t, p, n, &length), count = 0;
    if (length == n) return 1;
    memset(barred, 0, (n / 64 + 1) * sizeof(barred[0]));
    while (at < n) {
        size_t end = at + length;
        bool open = !(barred[end / 64] >> (end % 64) & 1);
        if (open && (!count || get_on(t, tokens[count - 1], token))) {
            tokens[count] = token;
            starts[count++] = (uint16_t)at;
            at = end;
            if (at < n) token = longest(t, p + at, n - at, &length);
        } else if (length > 1) {
            token = longest(t, p + at, length - 1, &length);
        } else { /* no token gets on from here */
            barred[at / 64] |= 1ull << (at % 64);
            assert(count); /* every byte is a token, so there is a way */
            token = tokens[--count];
            length = at - starts[count];
            at = starts[count];
        }
    }
    return count;
}

/* Enters the tokens that begin at the place; says how many bytes it looked at. */
static size_t enter_tokens(const struct tokens_table *t, struct token_count *c, const uint8_t *p, size_t left)
{
    size_t from = c->place % TOKENS_WINDOW, i = 0, work = 1;
    uint64_t cell = t->trie[0];
    for (; i < left; i++) {
        cell = t->trie[tokens_cell_base(cell) + p[i]];
        if (tokens_cell_label(cell) != p[i]) break;
        uint32_t token = tokens_cell_token(cell);
        size_t to = (c->place + i + 1) % TOKENS_WINDOW;
        if (token == TOKENS_NONE || c->last[to] != TOKENS_NONE) continue;
        work++;
        if (c->place && !get_on(t, c->last[from], token)) continue;
        c->last[to] = token;
        c->counts[to] = c->counts[from] + 1;
    }
    return work + i / 8;
}

bool tokens_of_long_piece(const struct tokens_table *t, struct token_count *c, size_t *work)
{
    size_t n = c->piece_end - c->at;
    const uint8_t *p = (const uint8_t *)c->text.p + c->at;
    if (!c->place) {
        for (size_t i = 0; i < TOKENS_WINDOW; i++) c->last[i] = TOKENS_NONE;
        c->counts[0] = 0;
    }
    while (c->place < n) {
        if (!*work) return false;
        assert(!c->place || c->last[c->place % TOKENS_WINDOW] != TOKENS_NONE); /* every byte is a token */
        size_t done = enter_tokens(t, c, p + c->place, n - c->place);
        *work -= done < *work ? done : *work;
        c->last[c->place % TOKENS_WINDOW] = TOKENS_NONE; /* free for a place further on */
        c->place++;
    }
    c->tokens += c->counts[n % TOKENS_WINDOW];
    return true;
}
