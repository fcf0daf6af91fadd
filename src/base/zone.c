/* TZif, RFC 8536: a table of jumps, and a rule for the time behind the last one. */
#include "base/zone.h"

#include "base/arena.h"

#include <stdlib.h>

enum {
    HEADER_BYTES = 44,
    FILE_BYTES_MAX = 256 * 1024, /* the largest there is has 4 kB */
    OFFSET_MIN_S = -89999,       /* RFC 8536, 3.2 */
    OFFSET_MAX_S = 93599,
};

/* The rule's jumps are written into the table up to here, so that a lookup in
 * any year that matters is a binary search. */
enum { RULE_TABLE_UNTIL_YEAR = 2100 };

struct jump {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

struct zone {
    int32_t first_offset_s; /* before the first jump */
    struct zone_rule rule;  /* behind the last one */
    uint32_t count, cap;
    struct jump *jumps;
};

/* Cuts n bytes off the head of `*s`. */
static bool take_bytes(str *s, uint64_t n, str *out)
{
    if (n > s->n || !s->p) return false;
    *out = str_head(*s, n);
    *s = str_from_at(*s, n);
    return true;
}

/* Two's complement, big endian. */
static int64_t read_int(const char *p, size_t bytes)
{
    uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) v = v << 8 | (unsigned char)p[i];
    return (int64_t)v;
}

struct header {
    char version;
    uint64_t isut, isstd, leap, time, type, chars; /* counts, in the order of the file */
};

static bool take_header(str *s, struct header *h)
{
    str b;
    if (!take_bytes(s, HEADER_BYTES, &b) || !str_starts(b, S("TZif"))) return false;
    uint64_t count[6];
    for (size_t i = 0; i < COUNT_OF(count); i++) count[i] = (uint32_t)read_int(b.p + 20 + 4 * i, 4);
    *h = (struct header){b.p[4], count[0], count[1], count[2], count[3], count[4], count[5]};
    return true;
}

static uint64_t block_bytes(const struct header *h, uint64_t time_bytes)
{
    return h->time * (time_bytes + 1) + h->type * 6 + h->chars + h->leap * (time_bytes + 4) + h->isstd + h->isut;
}

/* Many a jump changes only the zone's name. It is kept while it is the last one,
 * behind which the rule begins, and dropped when another follows. */
static bool last_is_no_jump(const struct zone *z)
{
    if (!z->count) return false;
    int32_t before_s = z->count > 1 ? z->jumps[z->count - 2].offset_s : z->first_offset_s;
    return z->jumps[z->count - 1].offset_s == before_s;
}

static void add_jump(struct zone *z, int64_t at_s, int32_t offset_s)
{
    if (last_is_no_jump(z)) z->count--;
    if (z->count == z->cap) {
        z->cap = z->cap ? z->cap * 2 : 64;
        z->jumps = mem_realloc(z->jumps, z->cap * sizeof(*z->jumps));
    }
    z->jumps[z->count++] = (struct jump){at_s, offset_s};
}

static int64_t type_offset(str types, size_t i)
{
    return read_int(types.p + 6 * i, 4);
}

/* Behind the second header: times, their types, the types' offsets; the rest is not needed. */
static bool read_block(struct zone *z, str block, const struct header *h)
{
    str times, indices, types;
    if (!take_bytes(&block, h->time * 8, &times) || !take_bytes(&block, h->time, &indices)) return false;
    if (!take_bytes(&block, h->type * 6, &types)) return false;
    for (size_t i = 0; i < h->type; i++) {
        int64_t offset = type_offset(types, i);
        if (offset < OFFSET_MIN_S || offset > OFFSET_MAX_S) return false;
    }
    z->first_offset_s = (int32_t)type_offset(types, 0);
    for (size_t i = 0; i < h->time; i++) {
        int64_t at_s = read_int(times.p + 8 * i, 8);
        unsigned char type = (unsigned char)indices.p[i];
        if (type >= h->type || (z->count && at_s <= z->jumps[z->count - 1].at_s)) return false;
        add_jump(z, at_s, (int32_t)type_offset(types, type));
    }
    return true;
}

/* The footer: the rule between two newlines. */
static bool read_footer(struct zone *z, str s)
{
    if (!s.n || s.p[0] != '\n') return false;
    size_t end = str_find_byte(s, '\n', 1);
    return end != SIZE_MAX && zone_rule_parse(str_of(s.p + 1, end - 1), &z->rule);
}

static void write_rule_into_table(struct zone *z)
{
    int64_t until_s = time_from_civil(RULE_TABLE_UNTIL_YEAR, 1, 1, 0, 0, 0) / US_PER_SECOND;
    int64_t at_s = z->count ? z->jumps[z->count - 1].at_s : -1;
    if (!z->rule.has_dst || at_s < 0) return; /* from before 1970 the table would grow long */
    for (;;) {
        int64_t next_s = zone_rule_at(&z->rule, at_s).until_s;
        if (next_s >= until_s) return;
        add_jump(z, next_s, zone_rule_at(&z->rule, next_s).offset_s);
        at_s = next_s;
    }
}

static bool read_file(struct zone *z, str s)
{
    struct header first, second;
    str skipped, block;
    if (s.n > FILE_BYTES_MAX || !take_header(&s, &first) || first.version < '2') return false;
    if (!take_bytes(&s, block_bytes(&first, 4), &skipped)) return false;
    if (!take_header(&s, &second) || second.version != first.version) return false;
    /* A table with leap seconds ("right/...") counts other seconds than UTC microseconds do. */
    if (second.type == 0 || second.leap != 0) return false;
    if (!take_bytes(&s, block_bytes(&second, 8), &block)) return false;
    return read_block(z, block, &second) && read_footer(z, s);
}

struct zone *zone_new(str tzif)
{
    struct zone *z = zone_new_utc();
    if (!read_file(z, tzif)) {
        zone_drop(z);
        return NULL;
    }
    write_rule_into_table(z);
    return z;
}

struct zone *zone_new_utc(void)
{
    return mem_zalloc(sizeof(struct zone));
}

void zone_drop(struct zone *z)
{
    if (!z) return;
    free(z->jumps);
    free(z);
}

/* How many jumps lie at or before `at_s`. */
static uint32_t jumps_until(const struct zone *z, int64_t at_s)
{
    uint32_t low = 0, high = z->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (z->jumps[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t to_us(int64_t s)
{
    int64_t us;
    if (__builtin_mul_overflow(s, US_PER_SECOND, &us)) return s < 0 ? INT64_MIN : INT64_MAX;
    return us;
}

/* An offset by the rule without DST, or the last known one. */
static int64_t last_offset(const struct zone *z)
{
    if (z->rule.present) return z->rule.std_offset_s;
    return z->count ? z->jumps[z->count - 1].offset_s : z->first_offset_s;
}

struct zone_span zone_span_at(const struct zone *z, int64_t at_us)
{
    if (!z) return (struct zone_span){INT64_MIN, INT64_MAX, 0};
    int64_t at_s = at_us / US_PER_SECOND - (at_us % US_PER_SECOND < 0);
    uint32_t i = jumps_until(z, at_s);
    int64_t from_us = i ? to_us(z->jumps[i - 1].at_s) : INT64_MIN;
    if (i < z->count) {
        int64_t offset_s = i ? z->jumps[i - 1].offset_s : z->first_offset_s;
        return (struct zone_span){from_us, to_us(z->jumps[i].at_s), offset_s};
    }
    if (!z->rule.has_dst) return (struct zone_span){from_us, INT64_MAX, last_offset(z)};
    struct zone_rule_span r = zone_rule_at(&z->rule, at_s);
    int64_t rule_from_us = to_us(r.from_s);
    return (struct zone_span){rule_from_us > from_us ? rule_from_us : from_us, to_us(r.until_s), r.offset_s};
}

int64_t zone_offset_s(const struct zone *z, int64_t at_us)
{
    return zone_span_at(z, at_us).offset_s;
}

int64_t zone_from_civil(const struct zone *z, int64_t year, int month, int day, int hour, int minute)
{
    int64_t local_us = time_from_civil(year, month, day, hour, minute, 0);
    /* From before any moment that could be it, stretch by stretch: the first one
     * that does not end before its clocks show the time is the one. When they had
     * passed that time already as it began, the jump left it out. */
    int64_t earliest_us;
    if (__builtin_sub_overflow(local_us, OFFSET_MAX_S * US_PER_SECOND, &earliest_us)) return INT64_MIN;
    for (struct zone_span span = zone_span_at(z, earliest_us);; span = zone_span_at(z, span.until_us)) {
        int64_t at_us;
        if (__builtin_sub_overflow(local_us, span.offset_s * US_PER_SECOND, &at_us)) return INT64_MAX;
        if (at_us < span.until_us || span.until_us == INT64_MAX) return at_us > span.from_us ? at_us : span.from_us;
    }
}
