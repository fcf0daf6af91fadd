#include "provider/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"

enum { FILE_MAX = 256 * 1024 };
static const int64_t command_us = 10 * US_PER_SECOND;
static const int64_t look_us = 5 * US_PER_SECOND;     /* a file is looked at this often */
static const int64_t refused_us = 10 * US_PER_SECOND; /* ... and read anew for a refusal */
static const int64_t retry_least_us = 5 * US_PER_SECOND, retry_most_us = 5 * US_PER_MINUTE;
static const int64_t ahead_us = 5 * US_PER_MINUTE; /* before a token expires */

struct file_mark {
    int64_t changed_ns, size;
    uint64_t inode;
};

struct credential {
    struct credential_source source;
    bool refused; /* atomic */

    pthread_mutex_t lock; /* of what follows; only held to copy */
    struct arena arena;   /* of `secret` */
    struct provider_secret secret;
    bool there;
    int64_t expires_us, failures;
    char error[160];

    /* the refreshing thread's own */
    struct file_mark mark;
    int64_t tried_us, next_us, looked_us, retry_us;
};

struct credential *credential_new(const struct credential_source *source)
{
    struct credential *c = mem_zalloc(sizeof(*c));
    c->source = *source;
    pthread_mutex_init(&c->lock, NULL);
    arena_init(&c->arena);
    return c;
}

void credential_drop(struct credential *c)
{
    if (!c) return;
    arena_free(&c->arena);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const struct credential_source *credential_source(const struct credential *c)
{
    return &c->source;
}

/* ---- taking it out */

static struct provider_secret copy_secret(const struct provider_secret *s, struct arena *arena)
{
    return (struct provider_secret){
        .key = arena_str(arena, s->key),
        .token = s->token,
        .aws = {arena_str(arena, s->aws.id), arena_str(arena, s->aws.secret), arena_str(arena, s->aws.session)},
    };
}

static bool is_usable(const struct credential *c, int64_t now_us)
{
    return c->there && (!c->expires_us || now_us < c->expires_us);
}

bool credential_get(struct credential *c, int64_t now_us, struct arena *arena, struct provider_secret *out, str *why)
{
    pthread_mutex_lock(&c->lock);
    bool ok = is_usable(c, now_us);
    if (ok)
        *out = copy_secret(&c->secret, arena);
    else
        *why = arena_printf(arena, "%s%s%s", c->there ? "its token has expired" : "it has no token yet",
                            *c->error ? ": " : "", c->error);
    pthread_mutex_unlock(&c->lock);
    return ok;
}

void credential_refuse(struct credential *c)
{
    __atomic_store_n(&c->refused, true, __ATOMIC_RELEASE);
}

void credential_state(struct credential *c, int64_t now_us, struct arena *arena, struct credential_state *out)
{
    pthread_mutex_lock(&c->lock);
    *out = (struct credential_state){is_usable(c, now_us), c->expires_us, c->failures,
                                     arena_str(arena, str_from(c->error))};
    pthread_mutex_unlock(&c->lock);
}

static bool same_source(const struct credential_source *a, const struct credential_source *b)
{
    if (a->kind != b->kind || !str_eq(a->file, b->file) || !str_eq(a->profile, b->profile)) return false;
    if (!a->argv || !b->argv) return a->argv == b->argv;
    size_t i = 0;
    for (; a->argv[i] && b->argv[i]; i++) {
        if (strcmp(a->argv[i], b->argv[i]) != 0) return false;
    }
    return a->argv[i] == b->argv[i];
}

void credential_adopt(struct credential *c, struct credential *old)
{
    if (!same_source(&c->source, &old->source)) return;
    pthread_mutex_lock(&old->lock);
    if (old->there) {
        c->secret = copy_secret(&old->secret, &c->arena);
        c->there = true;
        c->expires_us = old->expires_us;
        c->failures = old->failures;
    }
    pthread_mutex_unlock(&old->lock);
}

/* ---- reading it anew */

static bool look(const struct credential *c, struct file_mark *mark)
{
    struct stat st;
    if (stat(c->source.file.p, &st) != 0) return false;
    *mark = (struct file_mark){st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec, st.st_size, st.st_ino};
    return true;
}

static bool is_changed(struct credential *c, int64_t now_us)
{
    struct file_mark mark = {0};
    if (c->source.kind == CREDENTIAL_COMMAND || now_us - c->looked_us < look_us) return false;
    c->looked_us = now_us;
    if (!look(c, &mark)) return false; /* being replaced, perhaps: the old one stays */
    return mark.changed_ns != c->mark.changed_ns || mark.size != c->mark.size || mark.inode != c->mark.inode;
}

static bool is_due(struct credential *c, int64_t now_us)
{
    if (!c->tried_us || now_us < c->tried_us) return true; /* the first time; the clock was set back */
    bool refused = __atomic_load_n(&c->refused, __ATOMIC_ACQUIRE) && now_us - c->tried_us >= refused_us;
    return refused || (c->next_us && now_us >= c->next_us) || is_changed(c, now_us);
}

static const char *read_file(const char *name, struct buf *out)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT ? "the file is not there" : "the file cannot be read";
    out->max = FILE_MAX;
    ssize_t n = 0;
    while (buf_reserve(out, 4096) && (n = read(fd, out->p + out->n, 4096)) > 0) out->n += (size_t)n;
    close(fd);
    return n < 0 ? "the file cannot be read" : n > 0 ? "the file is larger than 256 kB" : NULL;
}

struct fresh {
    struct arena arena;
    struct provider_secret secret;
    int64_t expires_us;
};

static const char *fetch(struct credential *c, int64_t now_us, const bool *stop, struct fresh *out)
{
    const struct credential_source *s = &c->source;
    struct buf text;
    buf_init(&text, 0);
    const char *why;
    if (s->kind == CREDENTIAL_COMMAND) {
        why = command_run(s->argv, command_us, stop, &text);
    } else {
        if (!look(c, &c->mark)) c->mark = (struct file_mark){0};
        why = read_file(s->file.p, &text);
    }
    if (!why) {
        why = s->kind == CREDENTIAL_PROFILE
                  ? credential_parse_profile(buf_str(&text), s->profile, &out->arena, &out->secret)
                  : credential_parse(buf_str(&text), now_us, &out->arena, &out->secret, &out->expires_us);
    }
    if (!why && out->expires_us && out->expires_us <= now_us) why = "the token has expired already";
    if (text.p) explicit_bzero(text.p, text.cap);
    buf_free(&text);
    return why;
}

/* When the next one is fetched, whatever happens to the file. */
static int64_t next_after(const struct credential *c, int64_t now_us)
{
    int64_t next_us = c->source.kind == CREDENTIAL_COMMAND ? now_us + c->source.ttl_us : 0;
    if (!c->expires_us) return next_us;
    int64_t left_us = c->expires_us - now_us;
    int64_t before_us = c->expires_us - (left_us > 2 * ahead_us ? ahead_us : left_us / 2);
    if (before_us < now_us + retry_least_us) before_us = now_us + retry_least_us;
    return next_us && next_us < before_us ? next_us : before_us;
}

static void take(struct credential *c, struct fresh *f, int64_t now_us)
{
    pthread_mutex_lock(&c->lock);
    struct arena old = c->arena;
    c->arena = f->arena;
    c->secret = f->secret;
    c->expires_us = f->expires_us;
    c->there = true;
    *c->error = '\0';
    pthread_mutex_unlock(&c->lock);
    arena_free(&old);
    c->retry_us = 0;
    c->next_us = next_after(c, now_us);
}

static void fail(struct credential *c, const char *why, int64_t now_us)
{
    pthread_mutex_lock(&c->lock);
    c->failures++;
    str_copy(c->error, sizeof(c->error), str_from(why));
    pthread_mutex_unlock(&c->lock);
    c->retry_us = c->retry_us ? c->retry_us * 2 : retry_least_us;
    if (c->retry_us > retry_most_us) c->retry_us = retry_most_us;
    c->next_us = now_us + c->retry_us;
}

bool credential_refresh(struct credential *c, int64_t now_us, const bool *stop)
{
    if (!is_due(c, now_us)) return true;
    struct fresh f = {0};
    arena_init(&f.arena);
    c->tried_us = c->looked_us = now_us;
    __atomic_store_n(&c->refused, false, __ATOMIC_RELEASE);
    const char *why = fetch(c, now_us, stop, &f);
    if (!why) {
        take(c, &f, now_us);
        return true;
    }
    arena_free(&f.arena);
    fail(c, why, now_us);
    return false;
}
