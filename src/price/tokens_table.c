/* The blob that tools/build-tokens.c wrote, put into the binary as it is. */
#include "price/tokens_table.h"

#include "base/embed.h"

EMBED(price_tokens_blob, "build/tokens/tokens.bin");

extern const struct tokens_blob price_tokens_blob;

static const void *blob_at(uint32_t offset)
{
    return (const char *)&price_tokens_blob + offset;
}

bool tokens_table_get(enum token_encoding e, struct tokens_table *out)
{
    const struct tokens_blob *head = &price_tokens_blob;
    const struct tokens_blob_encoding *found = &head->encoding[e];
    if (head->magic != TOKENS_MAGIC || !found->count) return false;
    *out = (struct tokens_table){
        .trie = blob_at(found->trie),
        .pairs = blob_at(found->pairs),
        .splits = blob_at(found->splits),
        .class_index = blob_at(head->class_index),
        .classes = blob_at(head->classes),
        .pair_bits = found->pair_bits,
    };
    return true;
}

bool token_encoding_known(enum token_encoding e)
{
    struct tokens_table table;
    return tokens_table_get(e, &table);
}
