#include "base/json_index.h"

#include "base/hash.h"

#include <stdlib.h>

_Static_assert(JSON_NODES_MAX / (2 * JSON_INDEX_FROM_KEYS) <= UINT16_MAX, "an object's table has a number of 16 bits");
#define TWICE (UINT32_C(1) << 31)
_Static_assert(JSON_NODES_MAX < TWICE, "a slot is a key and whether it stands twice");

/* The slot that `key` has, or would have. */
static uint32_t *slot_of(const struct json *doc, const struct json_index *index, str key)
{
    uint32_t *slots = doc->slots + index->from;
    uint32_t at = (uint32_t)hash_sip((struct hash_key){doc->secret, ~doc->secret}, key.p, key.n) & index->mask;
    while (slots[at] && !json_string_is(doc, slots[at] & ~TWICE, key)) at = (at + 1) & index->mask;
    return &slots[at];
}

static uint32_t count_keys(const struct json *doc, uint32_t object)
{
    uint32_t count = 0;
    for (uint32_t k = object + 1; k < doc->nodes[object].next; k = doc->nodes[k + 1].next) count++;
    return count;
}

static bool grow_slots(struct json *doc, uint32_t more)
{
    uint32_t cap = doc->slot_cap ? doc->slot_cap : 1024;
    while (cap - doc->slot_count < more) cap *= 2;
    if (cap == doc->slot_cap) return true;
    uint32_t *slots = realloc(doc->slots, cap * sizeof(*slots));
    if (!slots) return false;
    doc->slots = slots;
    doc->slot_cap = cap;
    return true;
}

static struct json_index *add_index(struct json *doc, uint32_t keys)
{
    uint32_t room = 2 * JSON_INDEX_FROM_KEYS;
    while (room < 2 * keys) room *= 2;
    if (doc->index_count == doc->index_cap) {
        uint32_t cap = doc->index_cap ? 2 * doc->index_cap : 8;
        struct json_index *indexes = realloc(doc->indexes, cap * sizeof(*indexes));
        if (!indexes) return NULL;
        doc->indexes = indexes;
        doc->index_cap = cap;
    }
    if (!grow_slots(doc, room)) return NULL;
    struct json_index *index = &doc->indexes[doc->index_count];
    *index = (struct json_index){doc->slot_count, room - 1};
    memset(doc->slots + index->from, 0, room * sizeof(*doc->slots));
    return index;
}

void json_index_object(struct json *doc, uint32_t object)
{
    struct arena decoded;
    struct json_node *node = &doc->nodes[object];
    uint32_t keys = node->next - object > 2 * JSON_INDEX_FROM_KEYS ? count_keys(doc, object) : 0;
    struct json_index *index = keys >= JSON_INDEX_FROM_KEYS ? add_index(doc, keys) : NULL;
    if (!index) return;
    arena_init(&decoded);
    for (uint32_t k = object + 1; k < node->next; k = doc->nodes[k + 1].next) {
        str key;
        if (!json_string(doc, k, &decoded, &key)) continue; /* half a pair: nothing equals it */
        uint32_t *slot = slot_of(doc, index, key);
        *slot = *slot ? k | TWICE : k; /* the last one counts */
    }
    arena_free(&decoded);
    node->keys = (uint16_t)doc->index_count++;
    node->escaped = true;
    doc->slot_count += index->mask + 1;
}

json_ref json_index_find(const struct json *doc, json_ref object, str key, bool *twice)
{
    uint32_t slot = *slot_of(doc, &doc->indexes[doc->nodes[object].keys], key);
    if (twice) *twice = slot & TWICE;
    return slot ? (slot & ~TWICE) + 1 : JSON_ABSENT;
}
