/* A rung that is no model: an HTTP service (OCR, a search) is posted what is asked, as plain JSON, and tells a text. To
 * all else it is a target like any other: an attempt, a hold, a row, a breaker. Its text is put down as the answer of
 * a chat, and takes the way of every answer from there. */
#ifndef FLOW_SERVICE_H
#define FLOW_SERVICE_H

#include "flow/request.h"

static inline bool way_is_service(const struct way *way)
{
    return way->target->provider->service != NULL;
}

/* Whether a text could be the answer, and the call says all that is asked. It must have been read. */
bool service_fits(const struct request *r);
void service_plan(struct way *way);
/* The body that it is posted. */
void service_write(struct request *r, struct buf *out);
/* Its answer, whole, becomes a chat's in `body.kept`. Fails: false with the attempt failed, where it found nothing, or
 * told what is none of what was asked. */
bool service_read(struct attempt *a) MUST_CHECK;

#endif
