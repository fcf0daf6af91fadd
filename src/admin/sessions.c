#include "admin/sessions.h"

#include "base/arena.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

/* A session ends half a day after it was last used, and after a week in any case. */
enum { SESSIONS_MAX = 1000, OF_A_TOKEN_MAX = 50 };
static const int64_t idle_us = 12 * US_PER_HOUR, most_us = 7 * US_PER_DAY;

struct session {
    unsigned char hash[KEY_HASH_BYTES]; /* of the cookie */
    unsigned char token_hash[KEY_HASH_BYTES];
    char proof[SESSION_ID_MAX];
    int64_t began_us, used_us; /* began 0: free */
};

struct sessions {
    struct session of[SESSIONS_MAX];
};

struct sessions *sessions_new(void)
{
    return mem_map(sizeof(struct sessions));
}

void sessions_drop(struct sessions *s)
{
    explicit_bzero(s, sizeof(*s));
    mem_unmap(s, sizeof(*s));
}

static bool is_over(const struct session *s, int64_t now_us)
{
    return !s->began_us || now_us - s->used_us > idle_us || now_us - s->began_us > most_us;
}

static struct session *find(struct sessions *s, str id, int64_t now_us)
{
    unsigned char hash[KEY_HASH_BYTES];
    if (!id.n || id.n >= SESSION_ID_MAX) return NULL;
    key_hash(id, hash);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->of[i];
        if (is_over(one, now_us)) continue;
        if (secret_equal(str_of((char *)hash, sizeof(hash)), str_of((char *)one->hash, sizeof(hash)))) return one;
    }
    return NULL;
}

/* Whoever signs in again and again puts out his own sessions, not others'. */
static struct session *find_free(struct sessions *s, const unsigned char token_hash[KEY_HASH_BYTES], int64_t now_us)
{
    struct session *free_one = NULL, *oldest = &s->of[0], *own = NULL;
    size_t of_token = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->of[i];
        if (is_over(one, now_us)) {
            free_one = free_one ? free_one : one;
            continue;
        }
        if (is_over(oldest, now_us) || one->used_us < oldest->used_us) oldest = one;
        if (memcmp(one->token_hash, token_hash, KEY_HASH_BYTES) != 0) continue;
        of_token++;
        if (!own || one->used_us < own->used_us) own = one;
    }
    return of_token >= OF_A_TOKEN_MAX ? own : free_one ? free_one : oldest;
}

const struct session *sessions_begin(struct sessions *s, const unsigned char token_hash[KEY_HASH_BYTES], int64_t now_us,
                                     char id[SESSION_ID_MAX])
{
    struct session *free_one = find_free(s, token_hash, now_us);
    *free_one = (struct session){.began_us = now_us, .used_us = now_us};
    key_make_secret(id);
    key_make_secret(free_one->proof);
    key_hash(str_from(id), free_one->hash);
    memcpy(free_one->token_hash, token_hash, KEY_HASH_BYTES);
    return free_one;
}

const struct session *sessions_find(struct sessions *s, str id, int64_t now_us)
{
    struct session *one = find(s, id, now_us);
    if (one) one->used_us = now_us;
    return one;
}

void sessions_end(struct sessions *s, str id)
{
    struct session *one = find(s, id, time_now_us());
    if (one) explicit_bzero(one, sizeof(*one));
}

const unsigned char *session_token_hash(const struct session *s)
{
    return s->token_hash;
}

str session_proof(const struct session *s)
{
    return str_from(s->proof);
}

int64_t session_expires_us(const struct session *s)
{
    int64_t idle_end_us = s->used_us + idle_us, end_us = s->began_us + most_us;
    return idle_end_us < end_us ? idle_end_us : end_us;
}
