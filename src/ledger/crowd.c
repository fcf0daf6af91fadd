#include "ledger/crowd.h"

enum { VERSION = 1 };

uint64_t crowd_hash(struct hash_key key, str name)
{
    uint64_t hash = hash_sip(key, name.p, name.n);
    return hash ? hash : 1;
}

static bool get_text(str *from, str *out)
{
    uint64_t n;
    if (!varint_get(from, &n) || n > from->n) return false;
    *out = str_of(from->p, n);
    *from = str_from_at(*from, n);
    return true;
}

static bool get_small(str *from, uint64_t most, uint32_t *out)
{
    uint64_t v;
    if (!varint_get(from, &v) || v > most) return false;
    *out = (uint32_t)v;
    return true;
}

static bool get_features(struct crowd_head *h, struct arena *arena, str *rest)
{
    if (!get_small(rest, rest->n, &h->feature_count)) return false;
    h->features = arena_alloc(arena, (h->feature_count + 1) * sizeof(*h->features));
    for (uint32_t i = 0; i < h->feature_count; i++) {
        if (!get_text(rest, &h->features[i])) return false;
    }
    return true;
}

bool crowd_open(struct crowd_head *h, struct arena *arena, str body)
{
    uint32_t version;
    str hashes;
    *h = (struct crowd_head){0};
    if (!get_small(&body, VERSION, &version) || version != VERSION) return false;
    if (!get_small(&body, CROWD_PARTS, &h->heads) || (h->heads != 1 && h->heads != CROWD_PARTS)) return false;
    if (!get_features(h, arena, &body) || !get_small(&body, UINT32_MAX, &h->count)) return false;
    str *const columns[] = {&hashes, &h->feature_places, &h->costs, &h->attempts, &h->unpriced};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (!get_text(&body, columns[i])) return false;
    }
    h->hashes = hashes.p;
    return body.n == 0 && hashes.n == 8 * (size_t)h->count && (!h->count || h->feature_count);
}

uint32_t crowd_find(const struct crowd_head *h, uint64_t hash)
{
    uint32_t low = 0, high = h->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (crowd_hash_at(h, middle) < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool next_of(str *chunk, str *name, str *values)
{
    return get_text(chunk, name) && get_text(chunk, values);
}

bool crowd_chunk_find(str chunk, uint32_t at, str *name, str *values)
{
    for (uint32_t i = 0; i < at; i++) {
        if (!next_of(&chunk, name, values)) return false;
    }
    return next_of(&chunk, name, values);
}

void crowd_walk_begin(struct crowd_walk *w, const struct crowd_head *head, uint32_t number)
{
    *w = (struct crowd_walk){.head = head, .number = number, .places = head->feature_places};
}

enum crowd_step crowd_walk_next(struct crowd_walk *w)
{
    uint64_t place;
    if (w->next == w->head->count) return w->places.n ? CROWD_BAD : CROWD_END;
    if (!crowd_next(&w->places, !w->head->feature_places.n, &place) || place >= w->head->feature_count)
        return CROWD_BAD;
    w->hash = crowd_hash_at(w->head, w->next++);
    w->place = (uint32_t)place;
    return CROWD_ENTRY;
}

enum crowd_step crowd_walk_detail(struct crowd_walk *w, crowd_read *read, void *ctx, str *name, str *values)
{
    uint32_t at = w->next - 1, first = at - at % CROWD_CHUNK;
    if (!w->chunk.p || w->chunk_first != first) {
        if (!read(ctx, crowd_chunk(w->number, at / CROWD_CHUNK), &w->chunk)) return CROWD_UNREAD;
        w->chunk_at = w->chunk_first = first;
    }
    for (; w->chunk_at <= at; w->chunk_at++) {
        if (!next_of(&w->chunk, name, values)) return CROWD_BAD;
    }
    return CROWD_ENTRY;
}
