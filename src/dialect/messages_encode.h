/* What the files that write a call for a messages target share. Nobody else includes it. */
#ifndef DIALECT_MESSAGES_ENCODE_H
#define DIALECT_MESSAGES_ENCODE_H

#include "dialect/messages.h"

struct messages_encoder {
    const struct canon_call *call;
    const struct canon_target *target;
    struct buf *out;
    struct messages_writer writer;
    struct messages_model model;
    int64_t limit;
    /* thinking */
    bool adaptive; /* the model decides, guided by an effort */
    bool thinks, disabled;
    int64_t budget;
    str effort;
    /* output */
    jraw schema;     /* enforced by the provider */
    str instruction; /* asked for instead; empty: nothing */
};

void messages_put_system(struct messages_encoder *e);
void messages_put_messages(struct messages_encoder *e);
void messages_put_tools(struct messages_encoder *e);

#endif
