#include "ledger/name_table.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 2 << 20 /* a huge page */, SLOTS_LEAST = 1024 };

struct name_slot {
    uint32_t hash, entry; /* entry: its place, and one; 0: free */
};

/* Rows come in no order: each is looked for in memory that is cold, for which pages of 4 kB are one look more. What is
 * mapped goes back as a whole, too. */
static void *map(size_t bytes)
{
    return bytes < CHUNK_BYTES ? mem_zalloc(bytes) : mem_map_large(bytes);
}

static void unmap(void *p, size_t bytes)
{
    if (bytes < CHUNK_BYTES)
        free(p);
    else if (p)
        mem_unmap(p, bytes);
}

void *name_table_at(const struct name_table *t, size_t place)
{
    size_t in_chunk = CHUNK_BYTES / t->entry_bytes;
    return t->chunks[place / in_chunk] + place % in_chunk * t->entry_bytes;
}

static str name_at(const struct name_table *t, size_t place)
{
    const struct name_head *head = name_table_at(t, place);
    return head->name;
}

static void grow(struct name_table *t)
{
    size_t count = t->slot_count * 2;
    struct name_slot *slots = map(count * sizeof(*slots));
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->slots[i].entry) continue;
        size_t at = t->slots[i].hash & (count - 1);
        while (slots[at].entry) at = (at + 1) & (count - 1);
        slots[at] = t->slots[i];
    }
    unmap(t->slots, t->slot_count * sizeof(*slots));
    t->slots = slots;
    t->slot_count = count;
}

static void make(struct name_table *t, str name)
{
    if (t->count == t->chunk_count * (CHUNK_BYTES / t->entry_bytes)) {
        t->chunks = mem_realloc(t->chunks, (t->chunk_count + 1) * sizeof(*t->chunks));
        t->chunks[t->chunk_count++] = map(CHUNK_BYTES);
    }
    struct name_head *head = name_table_at(t, t->count++);
    if (name.n > sizeof(head->near)) {
        head->name = arena_str(&t->names, name);
        return;
    }
    if (name.n) memcpy(head->near, name.p, name.n);
    head->name = str_of(head->near, name.n);
}

static bool is_elsewhere(const struct name_table *t, uint64_t hash)
{
    return (hash >> 32 & ((UINT64_C(1) << t->bits) - 1)) != t->part;
}

size_t name_table_find(struct name_table *t, str name, bool made)
{
    if (t->last && str_eq(name_at(t, t->last - 1), name)) return t->last;
    uint64_t whole = hash_sip(t->secret, name.p, name.n);
    uint32_t hash = (uint32_t)whole;
    if (is_elsewhere(t, whole)) return NAME_ELSEWHERE;
    size_t at = hash & (t->slot_count - 1);
    for (; t->slots[at].entry; at = (at + 1) & (t->slot_count - 1)) {
        if (t->slots[at].hash != hash) continue;
        if (str_eq(name_at(t, t->slots[at].entry - 1), name)) return t->last = t->slots[at].entry;
    }
    if (!made || t->count == t->most) return 0;
    make(t, name);
    t->slots[at] = (struct name_slot){hash, (uint32_t)t->count};
    t->last = t->count;
    if (t->count * 4 >= t->slot_count * 3) grow(t);
    return t->last;
}

void name_table_init(struct name_table *t, struct hash_key secret, size_t entry_bytes, size_t most)
{
    *t = (struct name_table){.secret = secret, .entry_bytes = entry_bytes, .most = most, .slot_count = SLOTS_LEAST};
    t->slots = map(t->slot_count * sizeof(*t->slots));
    arena_init(&t->names);
}

void name_table_split(struct name_table *t, uint32_t bits)
{
    struct name_table kept;
    if (bits == t->bits) return;
    name_table_init(&kept, t->secret, t->entry_bytes, t->most);
    kept.part = t->part;
    kept.bits = bits;
    for (size_t i = 0; i < t->count; i++) {
        const char *entry = name_table_at(t, i);
        size_t place = name_table_find(&kept, name_at(t, i), true);
        if (place == NAME_ELSEWHERE) continue;
        memcpy((char *)name_table_at(&kept, place - 1) + sizeof(struct name_head), entry + sizeof(struct name_head),
               t->entry_bytes - sizeof(struct name_head));
    }
    name_table_free(t);
    *t = kept;
}

void name_table_free(struct name_table *t)
{
    for (size_t i = 0; i < t->chunk_count; i++) unmap(t->chunks[i], CHUNK_BYTES);
    free(t->chunks);
    if (t->slots) unmap(t->slots, t->slot_count * sizeof(*t->slots));
    arena_free(&t->names);
    *t = (struct name_table){0};
}
