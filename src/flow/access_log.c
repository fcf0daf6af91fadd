#include "flow/access_log.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { RING_BYTES = 1024 * 1024 };

struct access_log {
    bool off, to_stderr;
    char *path;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct buf filling; /* under the lock, at most RING_BYTES */
    uint64_t dropped;
    bool closing, reopen;
};

static int open_file(const struct access_log *log)
{
    return log->to_stderr ? STDERR_FILENO : open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void write_all(int fd, str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* a log that cannot be written must not stop the calls */
        s = str_from_at(s, (size_t)n);
    }
}

static void *writer(void *arg)
{
    struct access_log *log = arg;
    struct buf mine;
    buf_init(&mine, RING_BYTES);
    pthread_mutex_lock(&log->lock);
    for (;;) {
        while (!log->filling.n && !log->closing && !log->reopen) pthread_cond_wait(&log->work, &log->lock);
        if (log->reopen && !log->to_stderr) {
            int fd = open_file(log);
            if (fd >= 0) {
                close(log->fd);
                log->fd = fd;
            }
        }
        log->reopen = false;
        if (!log->filling.n && log->closing) break;
        struct buf full = log->filling;
        log->filling = mine;
        pthread_mutex_unlock(&log->lock);
        write_all(log->fd, buf_str(&full));
        buf_clear(&full);
        mine = full;
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    buf_free(&mine);
    return NULL;
}

struct access_log *access_log_open(str where, struct buf *why)
{
    struct access_log *log = mem_zalloc(sizeof(*log));
    log->off = str_eq(where, S("off"));
    log->to_stderr = str_eq(where, S("stderr")) || !where.n;
    if (log->off) return log;
    log->path = str_dup(where);
    log->fd = open_file(log);
    if (log->fd < 0) {
        buf_printf(why, "log: cannot open '%s': %s", log->path, strerror(errno));
        free(log->path);
        free(log);
        return NULL;
    }
    buf_init(&log->filling, RING_BYTES);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->work, NULL);
    if (pthread_create(&log->thread, NULL, writer, log) != 0) abort();
    return log;
}

bool access_log_is_off(const struct access_log *log)
{
    return log->off;
}

void access_log_write(struct access_log *log, str line)
{
    if (log->off) return;
    pthread_mutex_lock(&log->lock);
    bool idle = log->filling.n == 0;
    if (!buf_add(&log->filling, line)) log->dropped++;
    if (idle) pthread_cond_signal(&log->work);
    pthread_mutex_unlock(&log->lock);
}

uint64_t access_log_dropped(struct access_log *log)
{
    if (log->off) return 0;
    pthread_mutex_lock(&log->lock);
    uint64_t n = log->dropped;
    pthread_mutex_unlock(&log->lock);
    return n;
}

void access_log_reopen(struct access_log *log)
{
    if (log->off) return;
    pthread_mutex_lock(&log->lock);
    log->reopen = true;
    pthread_cond_signal(&log->work);
    pthread_mutex_unlock(&log->lock);
}

void access_log_close(struct access_log *log)
{
    if (!log->off) {
        pthread_mutex_lock(&log->lock);
        log->closing = true;
        pthread_cond_signal(&log->work);
        pthread_mutex_unlock(&log->lock);
        pthread_join(log->thread, NULL);
        buf_free(&log->filling);
        if (!log->to_stderr) close(log->fd);
    }
    free(log->path);
    free(log);
}
