#include "flow/stored_keys.h"

#include "ledger/keys.h"

#include <stdio.h>
#include <stdlib.h>

enum { STORED_KEYS_MAX = 100000 };

/* NULL: there is room for no more. */
static struct key *grow(struct stored_keys *s)
{
    if (s->count == s->cap) {
        if (s->cap == STORED_KEYS_MAX) return NULL;
        s->cap = s->cap ? s->cap * 2 : 64;
        s->keys = mem_realloc(s->keys, s->cap * sizeof(*s->keys));
    }
    return &s->keys[s->count++];
}

static void add(void *ctx, const struct ledger_key *from)
{
    struct stored_keys *s = ctx;
    bool old = str_starts(from->name, S(LEDGER_KEY_OLD));
    str name = old ? str_from_at(from->name, sizeof(LEDGER_KEY_OLD) - 1) : from->name;
    if (str_starts(name, S("("))) return; /* purser's own: the admin token */
    struct key *k = grow(s);
    if (!k) return;
    *k = (struct key){.name = arena_str(&s->arena, name),
                      .team = arena_str(&s->arena, from->team),
                      .created_us = from->created_us,
                      .expires_us = from->expires_us,
                      .revoked = from->revoked_us != 0,
                      .stored = true};
    memcpy(k->hash, from->hash, sizeof(k->hash));
    if (!from->models.n) return;
    str *models = arena_alloc(&s->arena, KEY_MODELS_MAX * sizeof(*models));
    str rest = arena_str(&s->arena, from->models);
    while (rest.p && k->model_count < KEY_MODELS_MAX) models[k->model_count++] = str_trim(str_cut(&rest, ','));
    k->models = models;
}

static void keep(const struct purser *p, struct stored_keys *s)
{
    const struct key_table *now = p->current ? p->current->keys : NULL;
    s->count = 0;
    for (size_t i = 0; now && i < key_table_count(now); i++) {
        const struct key *one = key_table_at(now, i);
        struct key *k = one->stored ? grow(s) : NULL;
        if (k) *k = *one;
    }
}

/* Once when it begins, once when it is over. */
static void tell(struct purser *p, bool read, str why)
{
    bool was_read = !__atomic_load_n(&p->keys_unread, __ATOMIC_ACQUIRE);
    __atomic_store_n(&p->keys_unread, !read, __ATOMIC_RELEASE);
    if (read && !was_read) fprintf(stderr, "purser: the store's keys can be read again\n");
    if (!read && was_read)
        fprintf(stderr,
                "purser: warning: %" STR_FMT
                "; keys made at run time hold as they were last read, and it is tried again every second\n",
                STR_ARG(why));
}

bool stored_keys_load(struct purser *p, struct stored_keys *s)
{
    struct buf why;
    *s = (struct stored_keys){0};
    arena_init(&s->arena);
    buf_init(&why, 0);
    bool read = ledger_keys_each(p->ledger, add, s, &why);
    if (!read) keep(p, s);
    tell(p, read, buf_str(&why));
    buf_free(&why);
    return read;
}

void stored_keys_free(struct stored_keys *s)
{
    free(s->keys);
    arena_free(&s->arena);
}
