#include "ledger/histogram.h"

#include "base/arena.h"
#include "ledger/varint.h"

#include <stdlib.h>

/* Below 32 each value has a bucket; above, the five leading bits name it: 16
 * buckets an octave, each 1/16 to 1/32 of its value wide. */
enum { EXACT = 32, STEPS = 16, INDEX_MAX = EXACT + (36 - 5) * STEPS };

static uint32_t index_of(int64_t value)
{
    if (value < 0) value = 0;
    if (value > HISTOGRAM_TOP) value = HISTOGRAM_TOP;
    if (value < EXACT) return (uint32_t)value;
    unsigned octave = 63 - (unsigned)__builtin_clzll((uint64_t)value); /* >= 5 */
    return EXACT + (octave - 5) * STEPS + (uint32_t)((uint64_t)value >> (octave - 4)) - STEPS;
}

/* The middle of a bucket. */
static int64_t value_of(uint32_t index)
{
    if (index < EXACT) return index;
    unsigned octave = (index - EXACT) / STEPS + 5;
    int64_t low = (int64_t)((index - EXACT) % STEPS + STEPS) << (octave - 4);
    return low + ((INT64_C(1) << (octave - 4)) - 1) / 2;
}

void histogram_init(struct histogram *h)
{
    *h = (struct histogram){0};
}

void histogram_free(struct histogram *h)
{
    free(h->buckets);
    histogram_init(h);
}

void histogram_clear(struct histogram *h)
{
    h->n = 0;
    h->total = 0;
}

/* Where `index` is or belongs. */
static uint32_t place_of(const struct histogram *h, uint32_t index)
{
    uint32_t low = 0, high = h->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (h->buckets[middle].index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add(struct histogram *h, uint32_t index, uint64_t count)
{
    uint32_t at = h->n && h->buckets[h->n - 1].index < index ? h->n : place_of(h, index);
    h->total += count;
    if (at < h->n && h->buckets[at].index == index) {
        h->buckets[at].count += count;
        return;
    }
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 4;
        h->buckets = mem_realloc(h->buckets, h->cap * sizeof(*h->buckets));
    }
    memmove(h->buckets + at + 1, h->buckets + at, (h->n - at) * sizeof(*h->buckets));
    h->buckets[at] = (struct histogram_bucket){index, count};
    h->n++;
}

void histogram_add(struct histogram *h, int64_t value)
{
    add(h, index_of(value), 1);
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    for (uint32_t i = 0; i < other->n; i++) add(h, other->buckets[i].index, other->buckets[i].count);
}

int64_t histogram_quantile(const struct histogram *h, unsigned permille)
{
    if (!h->total) return 0;
    /* the rank of the sample asked for, from 1: the nearest-rank definition */
    uint64_t rank = (uint64_t)(((unsigned __int128)h->total * permille + 999) / 1000);
    if (rank == 0) rank = 1;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        seen += h->buckets[i].count;
        if (seen >= rank) return value_of(h->buckets[i].index);
    }
    return value_of(h->buckets[h->n - 1].index);
}

bool histogram_encode(const struct histogram *h, struct buf *out)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        char pair[20];
        size_t n = varint_put(pair, h->buckets[i].index - before);
        n += varint_put(pair + n, h->buckets[i].count);
        if (!buf_add(out, str_of(pair, n))) return false;
        before = h->buckets[i].index;
    }
    return true;
}

/* One pair; `first` may lie at index 0, the others strictly behind the last one. */
static bool next_pair(str *blob, bool first, uint64_t *index, uint64_t *count)
{
    uint64_t step;
    if (!varint_get(blob, &step) || !varint_get(blob, count)) return false;
    if (step > INDEX_MAX || *count == 0 || (!first && step == 0)) return false;
    *index += step;
    return *index <= INDEX_MAX;
}

bool histogram_merge_encoded(struct histogram *h, str blob)
{
    uint64_t index = 0, count, total = h->total;
    str check = blob;
    for (bool first = true; check.n; first = false) {
        if (!next_pair(&check, first, &index, &count) || __builtin_add_overflow(total, count, &total)) return false;
    }
    index = 0;
    for (bool first = true; blob.n; first = false) {
        if (!next_pair(&blob, first, &index, &count)) return false;
        add(h, (uint32_t)index, count);
    }
    return true;
}

void histogram_subtract(struct histogram *h, const struct histogram *other)
{
    uint32_t kept = 0, at = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        struct histogram_bucket b = h->buckets[i];
        while (at < other->n && other->buckets[at].index < b.index) at++;
        uint64_t less = at < other->n && other->buckets[at].index == b.index ? other->buckets[at].count : 0;
        if (less > b.count) less = b.count;
        h->total -= less;
        b.count -= less;
        if (b.count) h->buckets[kept++] = b;
    }
    h->n = kept;
}

uint64_t histogram_count_over(const struct histogram *h, int64_t value)
{
    uint64_t count = 0;
    for (uint32_t i = place_of(h, index_of(value) + 1); i < h->n; i++) count += h->buckets[i].count;
    return count;
}
