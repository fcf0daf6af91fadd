/* A request's body in, an answer's bytes out: what the tests of requests,
 * usage and answers share. */
#ifndef TESTS_SIMULATE_ANSWERS_H
#define TESTS_SIMULATE_ANSWERS_H

#include "base/usage.h"
#include "simulate/sim_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct asked {
    struct json doc;
    struct arena arena;
    struct sim_request request;
    struct sim_problem problem;
    bool good;
};

/* `model`: in the path, where Gemini and Converse have it. */
static inline struct asked *ask_model(enum sim_kind kind, const char *model, const char *body)
{
    struct asked *a = calloc(1, sizeof *a);
    struct json_fail why;
    assert_non_null(a);
    json_init(&a->doc);
    arena_init(&a->arena);
    sim_control_init(&a->request.control);
    assert_true(json_parse(&a->doc, arena_str(&a->arena, str_from(body)), &why));
    if (kind == SIM_GEMINI || kind == SIM_CONVERSE) a->request.model = str_from(model);
    a->good = sim_request_read(kind, &a->doc, &a->arena, &a->arena, &a->request, &a->problem);
    return a;
}

static inline struct asked *ask(enum sim_kind kind, const char *body)
{
    return ask_model(kind, "m", body);
}

static inline void forget(struct asked *a)
{
    json_free(&a->doc);
    arena_free(&a->arena);
    free(a);
}

static inline struct sim_answer *plan(struct asked *a)
{
    struct sim_draw draw = {.id = 9,
                            .seed = 1234,
                            .tokens = a->request.control.tokens >= 0 ? a->request.control.tokens : 10};
    assert_true(a->good);
    return sim_answer_new(&a->arena, &a->doc, &a->request, &a->request.control, &draw);
}

/* The whole stream, events and all. The caller frees it. */
static inline struct buf stream_of(struct sim_answer *answer)
{
    struct buf b;
    buf_init(&b, 0);
    sim_answer_open(answer, &b);
    while (sim_answer_step(answer, &b)) continue;
    sim_answer_close(answer, &b);
    return b;
}

/* Takes the next event off `*rest`: false at the end. Lines end in LF or CRLF. */
static inline bool next_event(str *rest, str *name, str *data)
{
    size_t crlf = str_find(*rest, S("\r\n\r\n"), 0);
    if (crlf != SIZE_MAX && str_starts(*rest, S("data: "))) { /* Gemini's have no names */
        *name = S("");
        *data = str_of(rest->p + 6, crlf - 6);
        *rest = str_from_at(*rest, crlf + 4);
        return true;
    }
    size_t end = str_find(*rest, S("\n\n"), 0);
    if (end == SIZE_MAX) {
        assert_int_equal(rest->n, 0);
        return false;
    }
    str event = str_head(*rest, end);
    *rest = str_from_at(*rest, end + 2);
    *name = *data = STR_NONE;
    while (event.p) {
        str line = str_cut(&event, '\n');
        if (str_starts(line, S("event: ")))
            *name = str_from_at(line, 7);
        else if (str_starts(line, S("data: ")))
            *data = str_from_at(line, 6);
        else
            fail_msg("an odd line: %.*s", STR_ARG(line));
    }
    return true;
}

static inline int64_t number_at(const struct json *doc, json_ref at)
{
    int64_t v = -1;
    assert_true(at && json_i64(doc, at, &v));
    return v;
}

/* What was truly used against what was read. */
static inline void compare_units(const struct sim_units *truth, const struct usage *read, const char *what)
{
    const struct {
        const char *name;
        int64_t truth, read;
    } units[] = {
        {"input", truth->input, read->units[UNIT_INPUT]},
        {"cache_read", truth->cache_read, read->units[UNIT_CACHE_READ]},
        {"cache_write", truth->cache_write, read->units[UNIT_CACHE_WRITE_5M]},
        {"cache_write_1h", truth->cache_write_1h, read->units[UNIT_CACHE_WRITE_1H]},
        {"output", truth->output, read->units[UNIT_OUTPUT]},
        {"reasoning", truth->reasoning, read->units[UNIT_REASONING]},
        {"audio_in", truth->audio_in, read->units[UNIT_AUDIO_IN]},
        {"audio_out", truth->audio_out, read->units[UNIT_AUDIO_OUT]},
        {"searches", truth->searches, read->units[UNIT_SEARCHES]},
    };
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].truth != units[i].read) {
            fail_msg("%s: %s is %lld, read as %lld", what, units[i].name, (long long)units[i].truth,
                     (long long)units[i].read);
        }
    }
}

#endif
