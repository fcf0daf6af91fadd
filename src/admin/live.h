/* The live stream: server-sent events for as long as somebody listens. Thread: the admin thread's. */
#ifndef ADMIN_LIVE_H
#define ADMIN_LIVE_H

#include <stdbool.h>

struct admin;
struct api_call;
struct live;

struct live *live_new(struct admin *a);
/* Ends all streams. */
void live_drop(struct live *l);
/* The call becomes a listener; it is dropped when its client goes. False: there are too many. */
bool live_join(struct live *l, struct api_call *c);
void live_leave(struct live *l, struct api_call *c);

#endif
