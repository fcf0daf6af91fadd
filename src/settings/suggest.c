#include "settings/suggest.h"

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(str a, str b)
{
    if (a.n > WORD_MAX || b.n > WORD_MAX) return SIZE_MAX;
    size_t row[3][WORD_MAX + 1]; /* the one in work, the last, the one before */
    size_t *now = row[0], *last = row[1], *before = row[2];
    for (size_t j = 0; j <= b.n; j++) last[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = a.p[i - 1] == b.p[j - 1];
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped) now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.n];
}

void suggest_init(struct suggest *s, str word)
{
    *s = (struct suggest){.word = word, .distance = SIZE_MAX};
}

void suggest_offer(struct suggest *s, str candidate)
{
    size_t far = suggest_distance(s->word, candidate);
    /* A third of the letters may be wrong, else the guess confuses more than it helps. */
    size_t allowed = s->word.n < 3 ? 1 : s->word.n < 6 ? 2 : 3;
    if (far > allowed || far >= candidate.n || far >= s->distance) return;
    s->best = candidate;
    s->distance = far;
}
