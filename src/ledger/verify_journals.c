#include "ledger/verify_inside.h"

#include "base/arena.h"
#include "ledger/chain.h"
#include "ledger/holds.h"
#include "ledger/seal.h"
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct verify_journals {
    struct chain *chains;
    size_t count;
    uint64_t segments;
    struct buf faults; /* heads that are damaged, a line each */
};

/* ---- before the snapshot */

static void add_segment(struct verify_journals *j, struct segment *s)
{
    struct chain *c = j->count ? &j->chains[j->count - 1] : NULL;
    if (!c || c->epoch != s->id.epoch || c->worker != s->id.worker) {
        j->chains = mem_realloc(j->chains, (j->count + 1) * sizeof(*j->chains));
        c = &j->chains[j->count++];
        *c = (struct chain){.epoch = s->id.epoch, .worker = s->id.worker};
    }
    struct segment **last = &c->first;
    while (*last) last = &(*last)->next;
    *last = s;
    j->segments++;
}

struct verify_journals *verify_journals_open(const char *dir, struct buf *why)
{
    char path[4096];
    struct segment_id *ids = NULL;
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/journal", dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || !segments_list(fd, false, &ids, &count)) {
        buf_printf(why, "%s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return NULL;
    }
    struct verify_journals *j = mem_zalloc(sizeof(*j));
    buf_init(&j->faults, 0);
    for (size_t i = 0; i < count; i++) {
        size_t told = j->faults.n;
        errno = 0;
        struct segment *s = segment_open(fd, ids[i], &j->faults);
        if (s) add_segment(j, s);
        if (!s && errno == ENOENT)
            j->faults.n = told; /* stored and removed meanwhile */
        else if (j->faults.n > told)
            buf_add_byte(&j->faults, '\n');
    }
    free(ids);
    close(fd);
    return j;
}

void verify_journals_drop(struct verify_journals *j)
{
    for (size_t i = 0; i < j->count; i++) chain_free(&j->chains[i]);
    buf_free(&j->faults);
    free(j->chains);
    free(j);
}

/* ---- on the snapshot */

struct walk {
    struct verifying *v;
    struct holds holds;
    struct amounts posted; /* attempts posted in journals and not stored: 1 each */
    sqlite3_stmt *find;    /* a row's checksum by its id */
    int64_t retired_to_us; /* rows admitted up to then may have been deleted by retention */
    struct buf damage;
};

static bool position_of(struct verifying *v, struct chain *c)
{
    sqlite3_stmt *q = NULL;
    bool found = false;
    const char *sql = "SELECT position, seq, closed FROM positions WHERE epoch = ? AND worker = ?";
    if (sqlite3_prepare_v2(v->db, sql, -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, c->epoch);
        sqlite3_bind_int64(q, 2, c->worker);
        found = sqlite3_step(q) == SQLITE_ROW;
        if (found) {
            c->position = (uint64_t)sqlite3_column_int64(q, 0);
            c->seq = (uint64_t)sqlite3_column_int64(q, 1);
            c->closed = sqlite3_column_int(q, 2) != 0;
        }
    }
    sqlite3_finalize(q);
    return found;
}

static void tell_lines(struct verifying *v, struct buf *lines)
{
    str rest = buf_str(lines);
    while (rest.n) {
        str one = str_cut(&rest, '\n');
        if (one.n) verify_problem(v, "%" STR_FMT, STR_ARG(one));
    }
    buf_clear(lines);
}

static void check_post(struct walk *w, const struct record *r, bool stored)
{
    struct verifying *v = w->v;
    struct row row;
    if (!record_row(r, &row)) {
        verify_problem(v, "attempt %" PRIu64 ": its record cannot be read", record_attempt(r));
        return;
    }
    sqlite3_bind_int64(w->find, 1, (int64_t)row.n.attempt_id);
    bool there = sqlite3_step(w->find) == SQLITE_ROW;
    int64_t checksum = there ? sqlite3_column_int64(w->find, 0) : 0;
    sqlite3_reset(w->find);
    if (stored) {
        if (!there && row.n.at_us > w->retired_to_us)
            verify_problem(v, "attempt %" PRIu64 " was posted and stored, its row is missing", row.n.attempt_id);
        if (there && checksum != row_checksum(&row))
            verify_problem(v, "attempt %" PRIu64 ": its row is not what was posted", row.n.attempt_id);
        return;
    }
    v->out->pending.count++;
    v->out->pending.cost += row.n.cost_picousd;
    struct amount *posts = amounts_at(&w->posted, row.n.attempt_id);
    if (there || posts->sum++) verify_problem(v, "attempt %" PRIu64 " is posted twice", row.n.attempt_id);
}

static void check_record(struct walk *w, struct segment *s, const struct record *r, bool stored)
{
    struct open_hold was;
    w->v->out->records++;
    if (r->kind == RECORD_CELL) return;
    if (r->kind == RECORD_HOLD || r->kind == RECORD_PROGRESS) {
        holds_put(&w->holds, record_attempt(r), s, r->offset);
        return;
    }
    holds_remove(&w->holds, record_attempt(r), &was);
    if (r->kind == RECORD_POST) check_post(w, r, stored);
}

static void check_chain(struct walk *w, struct chain *c)
{
    struct verifying *v = w->v;
    /* a journal that began behind the snapshot, or one that is stored to its end */
    if (!position_of(v, c) || c->closed) return;
    struct chain_cursor at = chain_begin(c);
    struct record r;
    bool passed = false;
    while (chain_next(&at, UINT64_MAX, &r, &w->damage) == CHAIN_RECORD) {
        bool stored = POSITION(at.segment->id.number, r.offset) < c->position;
        tell_lines(v, &w->damage);
        if (!stored && !passed) {
            passed = true;
            if (r.seq != c->seq + 1)
                verify_problem(v, "journal %u/%u: record %" PRIu64 " was stored last, %" PRIu64 " comes next", c->epoch,
                               c->worker, c->seq, r.seq);
        }
        check_record(w, at.segment, &r, stored);
    }
    tell_lines(v, &w->damage);
    if (!passed && at.seq_known && at.seq < c->seq)
        verify_problem(v, "journal %u/%u: record %" PRIu64 " was stored last, the journal ends with %" PRIu64, c->epoch,
                       c->worker, c->seq, at.seq);
}

static void read_kept_holds(struct walk *w)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(w->v->db, "SELECT attempt_id FROM open_holds", -1, &q, NULL) == SQLITE_OK) {
        while (sqlite3_step(q) == SQLITE_ROW) holds_put(&w->holds, (uint64_t)sqlite3_column_int64(q, 0), NULL, 0);
    }
    sqlite3_finalize(q);
}

static picousd held_by(struct walk *w, const struct open_hold *h)
{
    struct record r;
    struct row row;
    if (h->segment) {
        const struct segment *s = h->segment;
        bool ok = record_read(s->map, SEGMENT_BYTES, s->seed, h->offset, &r) == RECORD_FOUND && record_row(&r, &row);
        return ok ? row.n.held_picousd : 0;
    }
    sqlite3_stmt *q = NULL;
    picousd held = 0;
    if (sqlite3_prepare_v2(w->v->db, "SELECT record FROM open_holds WHERE attempt_id = ?", -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, (int64_t)h->attempt_id);
        if (sqlite3_step(q) == SQLITE_ROW) {
            r = record_view(sqlite3_column_blob(q, 0), (uint32_t)sqlite3_column_bytes(q, 0));
            if (record_row(&r, &row))
                held = row.n.held_picousd;
            else
                verify_problem(w->v, "attempt %" PRIu64 ": its kept hold cannot be read", h->attempt_id);
        }
    }
    sqlite3_finalize(q);
    return held;
}

void verify_journals(struct verifying *v, struct verify_journals *j)
{
    struct walk w = {.v = v};
    holds_init(&w.holds);
    amounts_init(&w.posted);
    buf_init(&w.damage, 0);
    v->out->segments = j->segments;
    tell_lines(v, &j->faults);
    w.retired_to_us = (int64_t)verify_total(v, TOTAL_RETIRED_TO);
    if (sqlite3_prepare_v2(v->db, "SELECT checksum FROM attempts WHERE attempt_id = ?", -1, &w.find, NULL) ==
        SQLITE_OK) {
        read_kept_holds(&w);
        for (size_t i = 0; i < j->count; i++) check_chain(&w, &j->chains[i]);
        size_t at = 0;
        for (const struct open_hold *h; (h = holds_next(&w.holds, &at));) {
            v->out->holds.count++;
            v->out->holds.cost += held_by(&w, h);
        }
    }
    sqlite3_finalize(w.find);
    buf_free(&w.damage);
    amounts_free(&w.posted);
    holds_free(&w.holds);
}
