/* The last requests as they came, so that a test can see what a gateway really
 * sent. Credentials are masked. Off unless asked for: it copies every body. */
#ifndef SIMULATE_SIM_CAPTURE_H
#define SIMULATE_SIM_CAPTURE_H

#include "base/buf.h"
#include "net/http_server.h"

#include <pthread.h>

enum { SIM_CAPTURE_KEEP = 100, SIM_CAPTURE_BODY = 64 * 1024 };

struct sim_capture {
    pthread_mutex_t lock;
    uint64_t count;
    struct buf kept[SIM_CAPTURE_KEEP]; /* each a JSON object */
};

void sim_capture_init(struct sim_capture *c);
void sim_capture_free(struct sim_capture *c);
void sim_capture_clear(struct sim_capture *c);
void sim_capture_add(struct sim_capture *c, uint64_t id, const struct http_request *r);
/* {"requests":[...]}: the last `last`, oldest first. */
void sim_capture_print(struct sim_capture *c, uint64_t last, struct buf *out);

#endif
