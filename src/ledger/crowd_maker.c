#include "ledger/crowd.h"

#include "ledger/histogram.h"

#include <stdlib.h>

enum { VERSION = 1 };

struct item {
    uint64_t hash;
    size_t at; /* of the name, in `bytes`; the values follow */
    uint32_t name_bytes, value_bytes, feature;
    int64_t cost, attempts, unpriced;
};

struct crowd_maker {
    struct item *items;
    size_t count, cap;
    struct buf bytes;
    struct arena arena; /* the features */
    str *features;
    uint32_t feature_count, feature_cap, last_feature;
    uint32_t *place; /* of a feature in the head that is being written, from 1 */
};

struct crowd_maker *crowd_maker_new(void)
{
    struct crowd_maker *m = mem_zalloc(sizeof(*m));
    buf_init(&m->bytes, CROWD_BYTES_MAX);
    arena_init(&m->arena);
    return m;
}

void crowd_maker_drop(struct crowd_maker *m)
{
    if (!m) return;
    free(m->items);
    free(m->features);
    free(m->place);
    buf_free(&m->bytes);
    arena_free(&m->arena);
    free(m);
}

size_t crowd_maker_count(const struct crowd_maker *m)
{
    return m->count;
}

static uint32_t feature_of(struct crowd_maker *m, str name)
{
    if (m->feature_count && str_eq(m->features[m->last_feature], name)) return m->last_feature;
    uint32_t i = 0;
    while (i < m->feature_count && !str_eq(m->features[i], name)) i++;
    if (i == m->feature_count) {
        if (i == m->feature_cap) {
            m->feature_cap = m->feature_cap ? m->feature_cap * 2 : 16;
            m->features = mem_realloc(m->features, m->feature_cap * sizeof(*m->features));
        }
        m->features[m->feature_count++] = arena_str(&m->arena, name);
    }
    m->last_feature = i;
    return i;
}

bool crowd_maker_add(struct crowd_maker *m, const struct crowd_entry *e)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 256;
        m->items = mem_realloc(m->items, m->cap * sizeof(*m->items));
    }
    m->items[m->count++] = (struct item){
        .hash = e->hash,
        .at = m->bytes.n,
        .name_bytes = (uint32_t)e->name.n,
        .value_bytes = (uint32_t)e->values.n,
        .feature = feature_of(m, e->feature),
        .cost = e->cost,
        .attempts = e->attempts,
        .unpriced = e->unpriced,
    };
    return buf_add(&m->bytes, e->name) && buf_add(&m->bytes, e->values);
}

/* ---- in order, each once */

static str name_of(const struct crowd_maker *m, const struct item *i)
{
    return str_of(m->bytes.p + i->at, i->name_bytes);
}

static str values_of(const struct crowd_maker *m, const struct item *i)
{
    return str_of(m->bytes.p + i->at + i->name_bytes, i->value_bytes);
}

static int compare(const void *a, const void *b, void *maker)
{
    const struct item *x = a, *y = b;
    const struct crowd_maker *m = maker;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->feature == y->feature ? 0 : str_cmp(m->features[x->feature], m->features[y->feature]);
}

static int64_t add_up(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static bool merge_histograms(str a, str b, struct buf *out)
{
    struct histogram h;
    histogram_init(&h);
    buf_clear(out);
    bool ok = histogram_merge_encoded(&h, a) && histogram_merge_encoded(&h, b) && histogram_encode(&h, out);
    histogram_free(&h);
    return ok;
}

/* Takes `from` into `to`. Fails: false, one of them is malformed or there is no room. */
static bool merge(struct crowd_maker *m, struct item *to, const struct item *from)
{
    struct pack_values x, y;
    struct pack_row sum = {0};
    struct buf blob[2], values;
    if (!pack_values(values_of(m, to), &x) || !pack_values(values_of(m, from), &y)) return false;
    for (int i = 0; i < PACK_SUMS; i++)
        sum.sums[i] = add_up(x.present >> i & 1 ? x.sums[i] : 0, y.present >> i & 1 ? y.sums[i] : 0);
    for (int i = 0; i < 2; i++) buf_init(&blob[i], 0);
    buf_init(&values, 0);
    bool ok =
        merge_histograms(x.latency, y.latency, &blob[0]) && merge_histograms(x.first_token, y.first_token, &blob[1]);
    sum.latency = buf_str(&blob[0]);
    sum.first_token = buf_str(&blob[1]);
    if (ok) pack_put_values(&values, &sum);
    size_t at = m->bytes.n;
    ok = ok && buf_reserve(&m->bytes, to->name_bytes + values.n); /* the name moves along */
    if (ok) {
        buf_add(&m->bytes, name_of(m, to));
        buf_add(&m->bytes, buf_str(&values));
        to->at = at;
        to->value_bytes = (uint32_t)values.n;
        to->cost = add_up(to->cost, from->cost);
        to->attempts = add_up(to->attempts, from->attempts);
        to->unpriced = add_up(to->unpriced, from->unpriced);
    }
    for (int i = 0; i < 2; i++) buf_free(&blob[i]);
    buf_free(&values);
    return ok;
}

bool crowd_maker_sort(struct crowd_maker *m)
{
    size_t kept = 0;
    if (m->count) qsort_r(m->items, m->count, sizeof(*m->items), compare, m);
    for (size_t i = 0; i < m->count; i++) {
        if (kept && compare(&m->items[kept - 1], &m->items[i], m) == 0) {
            if (!merge(m, &m->items[kept - 1], &m->items[i])) return false;
        } else {
            m->items[kept++] = m->items[i];
        }
    }
    m->count = kept;
    return true;
}

/* ---- writing */

static void put(struct buf *b, uint64_t v)
{
    char bytes[VARINT_MAX];
    buf_add(b, str_of(bytes, varint_put(bytes, v)));
}

static void put_text(struct buf *b, str s)
{
    put(b, s.n);
    buf_add(b, s);
}

/* The features that these items have, in their order. */
static void put_features(struct crowd_maker *m, const struct item *items, size_t count, struct buf *out)
{
    struct buf names;
    uint32_t n = 0;
    buf_init(&names, 0);
    m->place = mem_realloc(m->place, (m->feature_count + 1) * sizeof(*m->place));
    memset(m->place, 0, m->feature_count * sizeof(*m->place));
    for (size_t i = 0; i < count; i++) {
        uint32_t *place = &m->place[items[i].feature];
        if (*place) continue;
        *place = ++n;
        put_text(&names, m->features[items[i].feature]);
    }
    put(out, n);
    buf_add(out, buf_str(&names));
    buf_free(&names);
}

static void put_column(const struct item *items, size_t count, int64_t (*value)(const struct item *i), struct buf *out)
{
    struct buf column;
    bool any = false;
    buf_init(&column, 0);
    for (size_t i = 0; i < count; i++) {
        int64_t v = value(&items[i]);
        any = any || v;
        put(&column, varint_fold(v));
    }
    put_text(out, any ? buf_str(&column) : STR_NONE);
    buf_free(&column);
}

static int64_t cost_of(const struct item *i)
{
    return i->cost;
}

static int64_t attempts_of(const struct item *i)
{
    return i->attempts;
}

static int64_t unpriced_of(const struct item *i)
{
    return i->unpriced;
}

static void write_head(struct crowd_maker *m, uint32_t heads, const struct item *items, size_t count, struct buf *out)
{
    struct buf places;
    buf_init(&places, 0);
    put(out, VERSION);
    put(out, heads);
    put_features(m, items, count, out);
    put(out, count);
    put(out, 8 * count);
    for (size_t i = 0; i < count; i++) buf_add(out, str_of((const char *)&items[i].hash, 8));
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || m->place[items[i].feature] > 1;
        put(&places, m->place[items[i].feature] - 1);
    }
    put_text(out, any ? buf_str(&places) : STR_NONE);
    put_column(items, count, cost_of, out);
    put_column(items, count, attempts_of, out);
    put_column(items, count, unpriced_of, out);
    buf_free(&places);
}

static bool write_chunks(const struct crowd_maker *m, uint32_t head, const struct item *items, size_t count,
                         crowd_put *give, void *ctx)
{
    struct buf body;
    bool ok = (count + CROWD_CHUNK - 1) / CROWD_CHUNK <= CROWD_CHUNKS_MAX;
    buf_init(&body, 0);
    for (size_t at = 0; ok && at < count;) {
        uint32_t chunk = (uint32_t)(at / CROWD_CHUNK);
        buf_clear(&body);
        for (size_t end = at + CROWD_CHUNK; at < end && at < count; at++) {
            put_text(&body, name_of(m, &items[at]));
            put_text(&body, values_of(m, &items[at]));
        }
        ok = give(ctx, crowd_chunk(head, chunk), buf_str(&body));
    }
    buf_free(&body);
    return ok;
}

bool crowd_maker_write(struct crowd_maker *m, uint32_t heads, uint32_t from, uint32_t until, crowd_put *give, void *ctx)
{
    struct buf body;
    if (!crowd_maker_sort(m)) return false;
    if (!heads) heads = m->count <= CROWD_SMALL ? 1 : CROWD_PARTS;
    if (until > heads) until = heads;
    bool ok = true;
    buf_init(&body, 0);
    for (size_t head = until, end = m->count, begin; ok && head-- > from; end = begin) {
        begin = end;
        while (begin > 0 && (heads == 1 || crowd_part(m->items[begin - 1].hash) == head)) begin--;
        if (begin == end && head) continue; /* but for head 0, with which the crowd is there */
        ok = write_chunks(m, (uint32_t)head, m->items + begin, end - begin, give, ctx);
        buf_clear(&body);
        write_head(m, heads, m->items + begin, end - begin, &body);
        ok = ok && give(ctx, (int64_t)head, buf_str(&body));
    }
    buf_free(&body);
    return ok;
}
