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

static pcre2_code *compile(str text, uint32_t more_options, int *error, size_t *at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    *error = PCRE2_ERROR_NOMEMORY;
    *at = 0;
    if (!context) return NULL;
    pcre2_set_parens_nest_limit(context, NEST_MAX);
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)(text.n ? text.p : ""), text.n, options | more_options, error, at, context);
    pcre2_compile_context_free(context);
    return code;
}

static struct pattern *new_pattern(pcre2_code *code)
{
    struct pattern *p = mem_alloc(sizeof(*p));
    p->code = code;
    return p;
}

static void *refuse(int error, struct arena *arena, str *why)
{
    char message[160] = "";
    pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
    *why = arena_str(arena, str_from(message));
    return NULL;
}

static bool is_short(str text, struct arena *arena, str *why)
{
    if (text.n <= PATTERN_BYTES_MAX) return true;
    *why = arena_printf(arena, "longer than %d bytes", PATTERN_BYTES_MAX);
    return false;
}

struct pattern *pattern_compile(str text, struct arena *arena, str *why)
{
    int error;
    size_t at;
    if (!is_short(text, arena, why)) return NULL;
    pcre2_code *code = compile(text, 0, &error, &at);
    if (code) return new_pattern(code);
    refuse(error, arena, why);
    *why = arena_printf(arena, "%" STR_FMT " at character %zu", STR_ARG(*why), at);
    return NULL;
}

/* What is spelled out is longer than what was written: a place in it would tell nobody anything. */
static pcre2_code *compile_ecma(str text, int *error, const char **why)
{
    struct buf words;
    size_t at;
    buf_init(&words, 16 * PATTERN_BYTES_MAX);
    bool ok = pattern_from_ecma(text, &words, why);
    pcre2_code *code =
        ok ? compile(buf_str(&words), PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF, error, &at) : NULL;
    buf_free(&words);
    return code;
}

struct pattern *pattern_compile_ecma(str text, struct arena *arena, str *why)
{
    int error = 0;
    const char *reason = NULL;
    if (!is_short(text, arena, why)) return NULL;
    pcre2_code *code = compile_ecma(text, &error, &reason);
    if (code) return new_pattern(code);
    if (!error) *why = str_from(reason);
    return error ? refuse(error, arena, why) : NULL;
}

bool pattern_is_ecma(str text)
{
    int error = 0;
    const char *why;
    pcre2_code *code = text.n <= PATTERN_BYTES_MAX ? compile_ecma(text, &error, &why) : NULL;
    if (code) pcre2_code_free(code);
    return code || error == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH;
}

size_t pattern_size(const struct pattern *p)
{
    size_t size = 0;
    return pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &size) == 0 ? size : 0;
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
    uint64_t steps = PATTERN_STEPS_MAX;
    return pattern_find_paid(p, subject, &steps);
}

enum pattern_found pattern_find_paid(const struct pattern *p, str subject, uint64_t *steps)
{
    struct purse purse = {.steps = *steps};
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
    *steps = purse.steps;
    return rc >= 0 ? PATTERN_YES : rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GAVE_UP;
}
