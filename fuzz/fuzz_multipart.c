/* Forms: what is read lies within the body, where it is said to lie; a form whose model is
 * replaced reads as the same form with that model. */
#include "dialect/dialect.h"
#include "dialect/multipart.h"

#include <stdlib.h>

enum { INPUT_MAX = 64 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static void check_parts(str body)
{
    struct multipart m;
    struct multipart_part p;
    size_t before = 0;
    if (!multipart_init(&m, S("multipart/form-data; boundary=b"), body)) return;
    while (multipart_next(&m, &p)) {
        check(p.name.n > 0 && p.name.p >= body.p && p.name.p + p.name.n <= body.p + body.n);
        check(p.at >= before && p.at + p.content.n <= body.n);
        check(!p.content.n || p.content.p == body.p + p.at);
        check(str_find(p.content, S("\r\n--b"), 0) == SIZE_MAX);
        before = p.at + p.content.n;
    }
    check(m.over && !multipart_next(&m, &p));
}

static void check_call(str body, struct arena *arena)
{
    struct call call, again;
    struct call_problem problem = {0};
    struct json_edit edits[CALL_EDITS_MAX];
    struct call_changes changes = {.model = S("another-model"), .max_output = -1};
    struct buf out;
    str type = S("multipart/form-data; boundary=b");
    if (!call_read_form(CALL_IMAGE_EDITS, type, body, arena, &call, &problem)) {
        check(problem.err != ERR_NONE && problem.message.n > 0);
        return;
    }
    buf_init(&out, 0);
    size_t count = call_edit(&call, NULL, &changes, edits);
    check(count <= 1 && json_splice(body, edits, count, &out));
    check(call_read_form(CALL_IMAGE_EDITS, type, buf_str(&out), arena, &again, &problem));
    check(str_eq(again.model, changes.model) && again.stream == call.stream);
    check(again.media.pieces == call.media.pieces && again.text_bytes == call.text_bytes);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size > INPUT_MAX) return 0;
    str body = str_of((const char *)data, size);
    arena_init(&arena);
    check_parts(body);
    check_call(body, &arena);
    arena_free(&arena);
    return 0;
}
