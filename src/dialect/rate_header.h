/* Headers that tell rate limits, between the protocols' families: OpenAI's x-ratelimit-*
 * (which most copy) and Anthropic's anthropic-ratelimit-*. Pure functions of bytes. */
#ifndef DIALECT_RATE_HEADER_H
#define DIALECT_RATE_HEADER_H

#include "base/buf.h"
#include "dialect/call.h"

enum rate_kind { RATE_REQUESTS, RATE_TOKENS, RATE_INPUT_TOKENS, RATE_OUTPUT_TOKENS, RATE_KIND_COUNT };
enum rate_what { RATE_LIMIT, RATE_REMAINING, RATE_RESET, RATE_WHAT_COUNT };

struct rate_figure {
    enum rate_kind kind;
    enum rate_what what;
    int64_t value; /* a count; of RATE_RESET microseconds from now */
};

/* What a provider's header tells. False: nothing of the kind. `now_us` is wall clock. */
bool rate_header_read(str name, str value, int64_t now_us, struct rate_figure *out) MUST_CHECK;
/* The figure as a line of the client's family, or nothing where that has no name for it. */
void rate_header_write(enum dialect_id client, const struct rate_figure *figure, int64_t now_us, struct buf *out);
/* The one as the other. */
void rate_header_convert(enum dialect_id client, str name, str value, int64_t now_us, struct buf *out);

#endif
