#include "ledger/segment.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "PURSERJ1";

struct segment_head {
    char magic[8];
    uint32_t version, epoch, worker, number;
    int64_t made_us;
    uint32_t size;
    uint32_t zero[6];
    uint32_t crc; /* of all before it */
};
_Static_assert(sizeof(struct segment_head) == SEGMENT_HEAD_BYTES, "the head's size is part of the format");

enum { NAME_MAX_BYTES = 64, FORMAT_VERSION = 1 };

static void name_of(struct segment_id id, const char *end, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%08x-%02x-%08x.%s", id.epoch, id.worker, id.number, end);
}

static bool name_read(const char *name, struct segment_id *id, bool *unfinished)
{
    int n = 0;
    if (sscanf(name, "%8x-%2x-%8x.%n", &id->epoch, &id->worker, &id->number, &n) != 3 || n == 0) return false;
    *unfinished = strcmp(name + n, "new") == 0;
    return *unfinished || strcmp(name + n, "seg") == 0;
}

/* Different for every segment: a record copied elsewhere does not check. */
static uint32_t seed_of(struct segment_id id)
{
    return hash_crc32c(0, &id, sizeof(id));
}

static bool write_head(int fd, struct segment_id id)
{
    struct segment_head head = {.version = FORMAT_VERSION,
                                .epoch = id.epoch,
                                .worker = id.worker,
                                .number = id.number,
                                .made_us = time_now_us(),
                                .size = SEGMENT_BYTES};
    memcpy(head.magic, magic, sizeof(magic));
    head.crc = hash_crc32c(0, &head, offsetof(struct segment_head, crc));
    return pwrite(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head);
}

bool segment_make_begin(struct segment_making *m, int dir_fd, struct segment_id id, const struct segment_id *spare)
{
    char name[NAME_MAX_BYTES], old[NAME_MAX_BYTES];
    *m = (struct segment_making){.dir_fd = dir_fd, .fd = -1, .id = id};
    name_of(id, "new", name);
    if (spare) {
        name_of(*spare, "seg", old);
        if (renameat(dir_fd, old, dir_fd, name) != 0) return false;
        m->done = SEGMENT_BYTES;
    }
    m->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | (spare ? 0 : O_TRUNC), 0600);
    return m->fd >= 0;
}

bool segment_make_go_on(struct segment_making *m, bool sync)
{
    static const char zeros[16 * 1024];
    uint32_t to = m->done + SEGMENT_SLICE_BYTES;
    if (to > SEGMENT_BYTES) to = SEGMENT_BYTES;
    while (m->done < to) {
        size_t left = to - m->done; /* no byte too many, were a write cut short before */
        ssize_t n = pwrite(m->fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), m->done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        m->done += (uint32_t)n;
    }
    return !sync || fdatasync(m->fd) == 0;
}

bool segment_make_done(const struct segment_making *m)
{
    return m->fd >= 0 && m->done == SEGMENT_BYTES;
}

static struct segment *map_segment(int fd, struct segment_id id, int protection)
{
    void *map = mmap(NULL, SEGMENT_BYTES, protection, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) return NULL;
    struct segment *s = mem_zalloc(sizeof(*s));
    s->id = id;
    s->seed = seed_of(id);
    s->map = map;
    s->size = SEGMENT_BYTES;
    return s;
}

struct segment *segment_make_end(struct segment_making *m, bool sync)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    name_of(m->id, "new", from);
    name_of(m->id, "seg", to);
    if (!write_head(m->fd, m->id) || (sync && fdatasync(m->fd) != 0)) return NULL;
    if (renameat(m->dir_fd, from, m->dir_fd, to) != 0) return NULL;
    if (sync && fsync(m->dir_fd) != 0) return NULL;
    struct segment *s = map_segment(m->fd, m->id, PROT_READ | PROT_WRITE);
    if (!s) return NULL;
    close(m->fd);
    m->fd = -1;
    return s;
}

void segment_make_cancel(struct segment_making *m)
{
    if (m->fd < 0) return;
    char name[NAME_MAX_BYTES];
    name_of(m->id, "new", name);
    unlinkat(m->dir_fd, name, 0);
    close(m->fd);
    m->fd = -1;
}

/* What is wrong with a mapped file's head; NULL: nothing. */
static const char *head_fault(const char *map, struct segment_id id)
{
    struct segment_head head;
    memcpy(&head, map, sizeof(head));
    if (memcmp(head.magic, magic, sizeof(magic)) != 0) return "is no journal segment";
    if (head.crc != hash_crc32c(0, &head, offsetof(struct segment_head, crc))) return "has a damaged head";
    if (head.version != FORMAT_VERSION || head.size != SEGMENT_BYTES) return "is of another format";
    if (head.epoch != id.epoch || head.worker != id.worker || head.number != id.number)
        return "is not the segment that its name says";
    return NULL;
}

struct segment *segment_open(int dir_fd, struct segment_id id, struct buf *why)
{
    char name[NAME_MAX_BYTES];
    struct stat st;
    struct segment *s = NULL;
    name_of(id, "seg", name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC), refused = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        refused = errno;
        buf_printf(why, "journal/%s: %s", name, strerror(refused));
    } else if (st.st_size != SEGMENT_BYTES) {
        buf_printf(why, "journal/%s: has %lld bytes instead of %d", name, (long long)st.st_size, SEGMENT_BYTES);
    } else if (!(s = map_segment(fd, id, PROT_READ))) {
        refused = errno;
        buf_printf(why, "journal/%s: cannot be mapped: %s", name, strerror(refused));
    } else if (head_fault(s->map, id)) {
        buf_printf(why, "journal/%s: %s", name, head_fault(s->map, id));
        s->damaged = true;
    }
    if (fd >= 0) close(fd);
    errno = refused;
    return s;
}

void segment_drop(struct segment *s)
{
    if (!s) return;
    munmap(s->map, SEGMENT_BYTES);
    free(s);
}

bool segment_unlink(int dir_fd, struct segment_id id, bool damaged)
{
    char name[NAME_MAX_BYTES], evidence[NAME_MAX_BYTES];
    name_of(id, "seg", name);
    name_of(id, "damaged", evidence);
    return damaged ? renameat(dir_fd, name, dir_fd, evidence) == 0 : unlinkat(dir_fd, name, 0) == 0;
}

bool segment_unused(const struct segment *s)
{
    const char *p = s->map + SEGMENT_HEAD_BYTES;
    /* all equal to their neighbour, and the first one zero */
    return *p == 0 && memcmp(p, p + 1, SEGMENT_BYTES - SEGMENT_HEAD_BYTES - 1) == 0;
}

static int compare(const void *x, const void *y)
{
    const struct segment_id *a = x, *b = y;
    if (a->epoch != b->epoch) return a->epoch < b->epoch ? -1 : 1;
    if (a->worker != b->worker) return a->worker < b->worker ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

bool segments_list(int dir_fd, bool clean, struct segment_id **out, size_t *count)
{
    struct segment_id *ids = NULL;
    size_t n = 0, cap = 0;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0) close(fd);
        return false;
    }
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        struct segment_id id;
        bool unfinished;
        if (!name_read(entry->d_name, &id, &unfinished)) continue;
        if (unfinished) {
            if (clean) unlinkat(dir_fd, entry->d_name, 0);
            continue;
        }
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            ids = mem_realloc(ids, cap * sizeof(*ids));
        }
        ids[n++] = id;
    }
    int refused = errno; /* part of a list would be taken for lost segments */
    closedir(dir);
    if (refused) {
        free(ids);
        errno = refused;
        return false;
    }
    if (n) qsort(ids, n, sizeof(*ids), compare);
    *out = ids;
    *count = n;
    return true;
}
