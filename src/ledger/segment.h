/* Journal segments: files of 8 MB, written with zeros before use and then mapped,
 * so that an append can neither fault for want of disk nor change the file's size.
 *
 * data/journal/<epoch>-<worker>-<number>.seg; a header of 64 bytes, then records.
 *
 * Thread: the sync thread makes segments, the store thread drops them; before these are started
 * and after they have ended, whoever opened the ledger does. Nothing here locks. */
#ifndef LEDGER_SEGMENT_H
#define LEDGER_SEGMENT_H

#include "base/buf.h"

enum {
    SEGMENT_BYTES = 8 * 1024 * 1024,
    SEGMENT_HEAD_BYTES = 64,
    SEGMENT_END = SEGMENT_BYTES - 8,   /* records end here: a position behind the last one is still in its segment */
    SEGMENT_SLICE_BYTES = 1024 * 1024, /* zeros written at a time, so that a sync need not wait long */
};

/* A place in a journal: segment number and offset in one growing integer. */
#define POSITION(number, offset)  ((uint64_t)(number)*SEGMENT_BYTES + (offset))
#define POSITION_NUMBER(position) ((uint32_t)((position) / SEGMENT_BYTES))
#define POSITION_OFFSET(position) ((uint32_t)((position) % SEGMENT_BYTES))

struct segment_id {
    uint32_t epoch, worker, number; /* number: from 1 */
};

struct segment {
    struct segment *next; /* the journal's next one */
    struct segment_id id;
    uint32_t seed;       /* of its records' checksums */
    uint32_t open_holds; /* whose latest record lies here: the store thread's count */
    bool damaged;        /* kept as evidence when its turn to go comes */
    char *map;
    uint32_t size;      /* SEGMENT_BYTES, but for tests */
    uint32_t populated; /* pages up to here were touched ahead: the sync thread's */
};

/* A segment being made, slice by slice. */
struct segment_making {
    int dir_fd;
    int fd; /* -1: none is being made */
    uint32_t done;
    struct segment_id id;
};

/* Takes a left-over, empty segment instead of zeros where `spare` names one.
 * Fails: false, errno set. */
bool segment_make_begin(struct segment_making *m, int dir_fd, struct segment_id id, const struct segment_id *spare);
/* One slice, synced where `sync`. Fails: false, errno set; try again later. */
bool segment_make_go_on(struct segment_making *m, bool sync);
bool segment_make_done(const struct segment_making *m);
/* The finished segment, mapped for writing. Owns: segment_drop(). Fails: NULL, errno set. */
struct segment *segment_make_end(struct segment_making *m, bool sync);
void segment_make_cancel(struct segment_making *m);

/* Maps an existing one for reading; a damaged head is told in `why`, the records
 * are there all the same. Owns: segment_drop(). Fails: NULL with a sentence in `why` and errno,
 * 0 where the file has another size than a segment. */
struct segment *segment_open(int dir_fd, struct segment_id id, struct buf *why);
void segment_drop(struct segment *s);
/* Removes the file; a damaged one is renamed to .damaged and stays. Fails: false, errno set. */
bool segment_unlink(int dir_fd, struct segment_id id, bool damaged);
/* No byte but zeros behind the head: it was never written to. */
bool segment_unused(const struct segment *s);

/* All segments in the folder, sorted by epoch, worker and number; *out on the heap.
 * Unfinished ones are removed where `clean`. Fails: false, errno set. */
bool segments_list(int dir_fd, bool clean, struct segment_id **out, size_t *count);

#endif
