#include "base/pattern.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* PCRE2's own limit of a match begins anew at each byte where one may start, so that a long
 * text has no limit at all. Here each part of the pattern that is tried is paid for, over the
 * whole text, and so is the way between two of them. No JIT: the service runs without memory
 * that is both writable and executable. */
enum { NEST_MAX = 100, MATCH_MAX = 10000000, DEPTH_MAX = 100000, HEAP_MAX_KB = 16 * 1024, BYTES_PER_STEP = 32 };

struct pattern {
    pcre2_code *code;
};

struct pattern *pattern_compile(str text, struct arena *arena, str *why)
{
    if (text.n > PATTERN_BYTES_MAX) {
        *why = arena_printf(arena, "longer than %d bytes", PATTERN_BYTES_MAX);
        return NULL;
    }
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    int error = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE at = 0;
    pcre2_code *code = NULL;
    if (context) {
        pcre2_set_parens_nest_limit(context, NEST_MAX);
        uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
        code = pcre2_compile((PCRE2_SPTR)(text.n ? text.p : ""), text.n, options, &error, &at, context);
    }
    pcre2_compile_context_free(context);
    if (!code) {
        char message[160] = "";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
        *why = arena_printf(arena, "%s at character %zu", message, (size_t)at);
        return NULL;
    }
    struct pattern *p = mem_alloc(sizeof(*p));
    p->code = code;
    return p;
}

void pattern_drop(struct pattern *p)
{
    if (!p) return;
    pcre2_code_free(p->code);
    free(p);
}

struct purse {
    uint64_t steps;
    size_t at;
};

static int pay(pcre2_callout_block *block, void *ctx)
{
    struct purse *purse = ctx;
    size_t now = block->current_position;
    uint64_t way = now > purse->at ? now - purse->at : purse->at - now, cost = 1 + way / BYTES_PER_STEP;
    purse->at = now;
    if (cost > purse->steps) return PCRE2_ERROR_CALLOUT;
    purse->steps -= cost;
    return 0;
}

enum pattern_found pattern_find(const struct pattern *p, str subject)
{
    struct purse purse = {.steps = PATTERN_STEPS_MAX};
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc = PCRE2_ERROR_NOMEMORY;
    if (context && data) {
        pcre2_set_callout(context, pay, &purse);
        pcre2_set_match_limit(context, MATCH_MAX);
        pcre2_set_depth_limit(context, DEPTH_MAX);
        pcre2_set_heap_limit(context, HEAP_MAX_KB);
        rc = pcre2_match(p->code, (PCRE2_SPTR)(subject.n ? subject.p : ""), subject.n, 0, 0, data, context);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return rc >= 0 ? PATTERN_YES : rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GAVE_UP;
}
