#include "admin/guesses.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/time.h"

#include <arpa/inet.h>

/* An address has one of the places that its hash leads to. Where others have all of them the one goes that failed longest
 * ago: what one address does makes no other wait. */
enum { SETS = 1024, WAYS = 4, FREE = 10 };
static const int64_t forget_us = 60 * US_PER_SECOND;

struct wrong {
    uint64_t token; /* hash */
    int64_t last_us;
};

struct failures {
    uint64_t who;   /* hash of the address */
    unsigned count; /* 0: nobody is here */
    int64_t last_us;
    struct wrong tokens[FREE];
};

struct guesses {
    struct failures of[SETS][WAYS];
};

struct guesses *guesses_new(void)
{
    return mem_map(sizeof(struct guesses));
}

void guesses_drop(struct guesses *g)
{
    mem_unmap(g, sizeof(*g));
}

static uint64_t hash_peer(const struct guesses *g, str peer)
{
    struct in6_addr a;
    char text[INET6_ADDRSTRLEN];
    str_copy(text, sizeof(text), peer);
    bool whole = inet_pton(AF_INET6, text, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a) || IN6_IS_ADDR_LINKLOCAL(&a);
    if (whole) return hash_in(g, peer);
    return hash_in(g, str_of((const char *)&a, 8));
}

static int64_t left_us(int64_t last_us, int64_t now_us)
{
    return now_us < last_us || now_us - last_us >= forget_us ? 0 : forget_us - (now_us - last_us);
}

static bool is_over(const struct failures *f, int64_t now_us)
{
    return !f->count || !left_us(f->last_us, now_us);
}

/* NULL: this address has none. */
static struct failures *find(struct guesses *g, uint64_t who, int64_t now_us)
{
    struct failures *set = g->of[who % SETS];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].who == who && !is_over(&set[i], now_us)) return &set[i];
    }
    return NULL;
}

static struct failures *make(struct guesses *g, uint64_t who, int64_t now_us)
{
    struct failures *set = g->of[who % SETS], *place = set;
    for (size_t i = 0; i < WAYS && !is_over(place, now_us); i++) {
        if (is_over(&set[i], now_us) || set[i].last_us < place->last_us) place = &set[i];
    }
    *place = (struct failures){.who = who};
    return place;
}

/* NULL: this address has not shown it. */
static struct wrong *find_token(struct failures *f, uint64_t token)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->tokens[i].token == token) return &f->tokens[i];
    }
    return NULL;
}

/* Of one whose minute is over, or a new one; NULL: there are FREE. */
static struct wrong *room(struct failures *f, int64_t now_us)
{
    for (size_t i = 0; i < f->count; i++) {
        if (!left_us(f->tokens[i].last_us, now_us)) return &f->tokens[i];
    }
    return f->count < FREE ? &f->tokens[f->count++] : NULL;
}

int64_t guesses_wait_us(struct guesses *g, str peer, int64_t now_us)
{
    const struct failures *f = find(g, hash_peer(g, peer), now_us);
    return f && f->count >= FREE ? left_us(f->last_us, now_us) : 0;
}

void guesses_note(struct guesses *g, str peer, str token, int64_t now_us)
{
    uint64_t who = hash_peer(g, peer);
    struct failures *f = find(g, who, now_us);
    if (!f) f = make(g, who, now_us);
    struct wrong *w = token.p ? find_token(f, hash_in(g, token)) : NULL;
    f->last_us = now_us;
    if (!w) w = room(f, now_us);
    if (w) *w = (struct wrong){token.p ? hash_in(g, token) : 0, now_us};
}
