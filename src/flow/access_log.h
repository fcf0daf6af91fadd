/* One JSON line a call, written by a thread of its own: a worker only copies the
 * line into a ring. Never a body, never a secret. */
#ifndef FLOW_ACCESS_LOG_H
#define FLOW_ACCESS_LOG_H

#include "base/buf.h"

struct access_log;

/* "stderr", "off" or a path (opened for appending; reopened on access_log_reopen()).
 * Fails: NULL with a sentence in `why`. */
struct access_log *access_log_open(str where, struct buf *why);
bool access_log_is_off(const struct access_log *log);
/* A whole line, its LF included. When the ring is full the line is dropped and counted. */
void access_log_write(struct access_log *log, str line);
uint64_t access_log_dropped(struct access_log *log);
/* After logrotate. */
void access_log_reopen(struct access_log *log);
void access_log_close(struct access_log *log);

#endif
