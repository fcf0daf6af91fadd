#include "net/peers.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 64, SHARD_CHAINS = 16 };

struct peer {
    struct peer *next;
    unsigned count;
    char address[46];
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct peer *chain[SHARD_CHAINS];
};

struct peers {
    struct hash_key key;
    struct shard shard[SHARDS];
};

struct peers *peers_new(struct hash_key key)
{
    struct peers *p = mem_map(sizeof(*p));
    p->key = key;
    for (size_t i = 0; i < SHARDS; i++) pthread_mutex_init(&p->shard[i].lock, NULL);
    return p;
}

void peers_drop(struct peers *p)
{
    if (!p) return;
    for (size_t i = 0; i < SHARDS; i++) {
        for (size_t c = 0; c < SHARD_CHAINS; c++) {
            for (struct peer *at = p->shard[i].chain[c], *next; at; at = next) {
                next = at->next;
                free(at);
            }
        }
        pthread_mutex_destroy(&p->shard[i].lock);
    }
    mem_unmap(p, sizeof(*p));
}

/* Locks the shard; `*at` is the link to the peer's entry, or to where it would stand. */
static struct shard *find(struct peers *p, const char *address, struct peer ***at)
{
    uint64_t hash = hash_sip(p->key, address, strlen(address));
    struct shard *s = &p->shard[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    *at = &s->chain[hash / SHARDS % SHARD_CHAINS];
    while (**at && strcmp((**at)->address, address) != 0) *at = &(**at)->next;
    return s;
}

bool peers_enter(struct peers *p, const char *address, unsigned most)
{
    struct peer **at;
    struct shard *s = find(p, address, &at);
    bool room = most > (*at ? (*at)->count : 0);
    if (room && !*at) {
        *at = mem_zalloc(sizeof(**at));
        str_copy((*at)->address, sizeof((*at)->address), str_from(address));
    }
    if (room) (*at)->count++;
    pthread_mutex_unlock(&s->lock);
    return room;
}

void peers_leave(struct peers *p, const char *address)
{
    struct peer **at;
    struct shard *s = find(p, address, &at);
    struct peer *entry = *at;
    if (entry && --entry->count == 0) {
        *at = entry->next;
        free(entry);
    }
    pthread_mutex_unlock(&s->lock);
}
