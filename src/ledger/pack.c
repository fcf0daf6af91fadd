#include "ledger/pack.h"

#include "base/time.h"
#include "ledger/histogram.h"
#include "ledger/varint.h"

#include <stdlib.h>

enum { VERSION = 1, HOURS = 24 };

static const struct {
    str name, dimension;
    int64_t days;
    enum pack_kind of;
} kinds[PACK_KINDS] = {
#define KIND(constant, name, days, dimension, of)                                                                      \
    [PACK_##constant] = {STR_INIT(name), STR_INIT(dimension), days, PACK_##of},
    PACK_KIND_LIST(KIND)
#undef KIND
};

str pack_kind_name(enum pack_kind k)
{
    return kinds[k].name;
}

str pack_kind_dimension(enum pack_kind k)
{
    return kinds[k].dimension;
}

int64_t pack_kind_days(enum pack_kind k)
{
    return kinds[k].days;
}

enum pack_kind pack_kind_of(enum pack_kind k)
{
    return kinds[k].of;
}

int64_t pack_kind_begin(enum pack_kind k, int64_t day_us)
{
    return time_floor_us(day_us, kinds[k].days * US_PER_DAY);
}

/* ---- making */

/* The different texts of one name, in the order in which they came. */
struct texts {
    str *text;
    uint32_t *slots; /* places in `text` from 1, by hash; 0: free */
    uint32_t count, cap;
};

struct part {
    struct texts names[PACK_NAMES_MAX];
    struct buf rows;
    uint64_t row_count;
    struct histogram latency, first_token;
};

struct pack_maker {
    enum pack_kind kind;
    uint32_t name_count;
    struct hash_key secret;
    struct arena arena; /* the texts */
    uint64_t rows, bytes;
    struct part part[PACK_PARTS];
};

struct pack_maker *pack_maker_new(enum pack_kind kind, struct hash_key secret)
{
    struct pack_maker *m = mem_zalloc(sizeof(*m));
    m->kind = kind;
    m->name_count = PACK_NAMES_MAX;
    m->secret = secret;
    arena_init(&m->arena);
    for (int i = 0; i < PACK_PARTS; i++) buf_init(&m->part[i].rows, 0);
    return m;
}

void pack_maker_drop(struct pack_maker *m)
{
    if (!m) return;
    for (int i = 0; i < PACK_PARTS; i++) {
        buf_free(&m->part[i].rows);
        histogram_free(&m->part[i].latency);
        histogram_free(&m->part[i].first_token);
        for (int k = 0; k < PACK_NAMES_MAX; k++) {
            free(m->part[i].names[k].text);
            free(m->part[i].names[k].slots);
        }
    }
    arena_free(&m->arena);
    free(m);
}

static uint32_t *slot_of(const struct pack_maker *m, const struct texts *t, str text)
{
    uint32_t mask = 2 * t->cap - 1;
    uint32_t at = (uint32_t)hash_sip(m->secret, text.p, text.n) & mask;
    while (t->slots[at] && !str_eq(t->text[t->slots[at] - 1], text)) at = (at + 1) & mask;
    return &t->slots[at];
}

static void grow(const struct pack_maker *m, struct texts *t)
{
    t->cap = t->cap ? t->cap * 2 : 16;
    t->text = mem_realloc(t->text, t->cap * sizeof(*t->text));
    free(t->slots);
    t->slots = mem_zalloc(2 * (size_t)t->cap * sizeof(*t->slots));
    for (uint32_t i = 0; i < t->count; i++) *slot_of(m, t, t->text[i]) = i + 1;
}

static uint32_t place_of(struct pack_maker *m, struct texts *t, str text)
{
    if (t->count && str_eq(t->text[t->count - 1], text)) return t->count - 1; /* rows come sorted */
    if (t->count == t->cap) grow(m, t);
    uint32_t *slot = slot_of(m, t, text);
    if (*slot) return *slot - 1;
    t->text[t->count++] = arena_str(&m->arena, text);
    m->bytes += text.n + VARINT_MAX;
    *slot = t->count;
    return t->count - 1;
}

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

void pack_put_values(struct buf *b, const struct pack_row *row)
{
    uint64_t value[PACK_SUMS];
    uint32_t present = 0;
    for (int i = 0; i < PACK_SUMS; i++) {
        value[i] = (uint64_t)row->sums[i];
        /* mostly the same */
        if (i == PACK_SUM_cost_max) value[i] -= (uint64_t)row->sums[PACK_SUM_cost];
        present |= (uint32_t)(value[i] != 0) << i;
    }
    put(b, present);
    for (int i = 0; i < PACK_SUMS; i++) {
        if (value[i]) put(b, varint_fold((int64_t)value[i]));
    }
    put_text(b, row->latency);
    buf_add(b, row->first_token);
}

static uint32_t part_of(const struct pack_maker *m, const struct pack_row *row)
{
    if (m->rows < PACK_SMALL_ROWS) return 0;
    if (m->kind == PACK_HOUR) return row->hour;
    /* not the secret's hash: a pack made anew is the same byte for byte */
    return hash_crc32c(0, row->name[0].p, row->name[0].n) % PACK_PARTS;
}

bool pack_maker_add(struct pack_maker *m, const struct pack_row *row)
{
    struct part *part = &m->part[part_of(m, row)];
    struct buf values;
    size_t before = part->rows.n;
    put(&part->rows, row->hour);
    for (uint32_t i = 0; i < m->name_count; i++) put(&part->rows, place_of(m, &part->names[i], row->name[i]));
    buf_init(&values, 0);
    pack_put_values(&values, row);
    put_text(&part->rows, buf_str(&values));
    buf_free(&values);
    m->rows++;
    part->row_count++;
    m->bytes += part->rows.n - before;
    return histogram_merge_encoded(&part->latency, row->latency) &&
           histogram_merge_encoded(&part->first_token, row->first_token) && m->bytes <= PACK_BYTES_MAX;
}

static void put_histogram(struct buf *b, const struct histogram *h)
{
    struct buf encoded;
    buf_init(&encoded, 0);
    histogram_encode(h, &encoded);
    put_text(b, buf_str(&encoded));
    buf_free(&encoded);
}

void pack_maker_body(const struct pack_maker *m, uint32_t part, struct buf *out)
{
    const struct part *p = &m->part[part];
    if (part && !p->row_count) return;
    put(out, VERSION);
    put(out, m->name_count);
    for (uint32_t i = 0; i < m->name_count; i++) {
        put(out, p->names[i].count);
        for (uint32_t t = 0; t < p->names[i].count; t++) put_text(out, p->names[i].text[t]);
    }
    put(out, p->row_count);
    put_histogram(out, &p->latency);
    put_histogram(out, &p->first_token);
    buf_add(out, buf_str(&p->rows));
}

/* ---- reading */

static bool get_small(str *from, uint64_t below, uint32_t *out)
{
    uint64_t v;
    if (!varint_get(from, &v) || v >= below) return false;
    *out = (uint32_t)v;
    return true;
}

static bool get_text(str *from, str *out)
{
    uint64_t n;
    if (!varint_get(from, &n) || n > from->n) return false;
    *out = str_of(from->p, n);
    *from = str_of(from->p + n, from->n - n);
    return true;
}

bool pack_open(struct pack *p, struct arena *arena, str body)
{
    uint32_t version;
    *p = (struct pack){.rest = body};
    if (!get_small(&p->rest, VERSION + 1, &version) || version != VERSION) return false;
    if (!get_small(&p->rest, PACK_NAMES_MAX + 1, &p->name_count)) return false;
    for (uint32_t i = 0; i < p->name_count; i++) {
        struct pack_names *names = &p->names[i];
        if (!get_small(&p->rest, UINT32_MAX, &names->count) || names->count > p->rest.n) return false;
        names->text = arena_alloc(arena, (names->count + 1) * sizeof(*names->text));
        for (uint32_t t = 0; t < names->count; t++) {
            if (!get_text(&p->rest, &names->text[t])) return false;
        }
    }
    return varint_get(&p->rest, &p->rows) && get_text(&p->rest, &p->latency) && get_text(&p->rest, &p->first_token);
}

enum pack_step pack_next(struct pack *p, struct pack_entry *out)
{
    if (p->rows == 0) return p->rest.n ? PACK_BAD : PACK_END;
    p->rows--;
    if (!get_small(&p->rest, HOURS, &out->hour)) return PACK_BAD;
    for (uint32_t i = 0; i < p->name_count; i++) {
        if (!get_small(&p->rest, p->names[i].count, &out->name[i])) return PACK_BAD;
    }
    return get_text(&p->rest, &out->values) ? PACK_ENTRY : PACK_BAD;
}

bool pack_histograms(str rest, str *latency, str *first_token)
{
    if (!get_text(&rest, latency)) return false;
    *first_token = rest;
    return true;
}

bool pack_values(str values, struct pack_values *out)
{
    uint64_t present, v;
    if (!varint_get(&values, &present) || present >> PACK_SUMS) return false;
    out->present = (uint32_t)present;
    out->sums[PACK_SUM_cost] = out->sums[PACK_SUM_cost_max] = 0;
    for (uint32_t bits = out->present; bits; bits &= bits - 1) {
        if (!varint_get(&values, &v)) return false;
        out->sums[__builtin_ctz(bits)] = varint_unfold(v);
    }
    out->sums[PACK_SUM_cost_max] =
        (int64_t)((uint64_t)out->sums[PACK_SUM_cost_max] + (uint64_t)out->sums[PACK_SUM_cost]);
    if (out->present & UINT32_C(1) << PACK_SUM_cost) out->present |= UINT32_C(1) << PACK_SUM_cost_max;
    return pack_histograms(values, &out->latency, &out->first_token);
}

/* Of millions of rows: without a str to keep up to date for each number, and where ten
 * bytes are left without a look at the end for each byte. */
static inline bool get_number(const char **at, const char *end, uint64_t *out)
{
    const unsigned char *p = (const unsigned char *)*at;
    if (end - *at < VARINT_MAX || p[0] & p[1] & p[2] & p[3] & p[4] & 0x80) {
        str rest = str_of(*at, (size_t)(end - *at));
        bool ok = varint_get(&rest, out);
        *at = rest.p;
        return ok;
    }
    uint64_t v = p[0] & 0x7f;
    size_t n = 1;
    if (p[0] & 0x80) v |= (uint64_t)(p[n++] & 0x7f) << 7;
    if (n == 2 && p[1] & 0x80) v |= (uint64_t)(p[n++] & 0x7f) << 14;
    if (n == 3 && p[2] & 0x80) v |= (uint64_t)(p[n++] & 0x7f) << 21;
    if (n == 4 && p[3] & 0x80) v |= (uint64_t)(p[n++] & 0x7f) << 28;
    *at += n;
    *out = v;
    return true;
}

bool pack_add_sums(str values, __int128 sums[PACK_SUMS], str *rest)
{
    const char *at = values.p, *end = values.p + values.n;
    uint64_t present, v;
    int64_t cost = 0;
    if (!get_number(&at, end, &present) || present >> PACK_SUMS) return false;
    for (uint64_t bits = present; bits; bits &= bits - 1) {
        int i = __builtin_ctzll(bits);
        if (!get_number(&at, end, &v)) return false;
        int64_t sum = varint_unfold(v);
        if (i == PACK_SUM_cost) cost = sum;
        if (i == PACK_SUM_cost_max) sum = (int64_t)((uint64_t)sum + (uint64_t)cost);
        sums[i] += sum;
    }
    if (!(present >> PACK_SUM_cost_max & 1)) sums[PACK_SUM_cost_max] += cost; /* the same, then */
    *rest = str_of(at, (size_t)(end - at));
    return true;
}
