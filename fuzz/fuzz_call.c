/* Calls: a body that is read can be edited, the edited body is JSON that reads as
 * was asked, is about the same, and a second edit finds nothing to do. */
#include "dialect/call_latest.h"
#include "dialect/dialect.h"

#include <stdlib.h>

enum { INPUT_MAX = 64 * 1024 };

static const struct hash_key latest_key = {1, 2};

static void check(bool holds)
{
    if (!holds) abort();
}

static void check_call(const struct call *c, const struct json *doc)
{
    const struct call_segments *s = &c->segments;
    check(c->text_bytes >= 0 && c->messages >= 0 && c->tools >= 0 && c->choices >= c->choices_returned);
    check(c->choices_returned >= 1 && c->max_output >= -1 && c->max_tool_calls >= -1);
    check(s->system_bytes >= 0 && s->history_bytes >= 0 && s->retrieved_bytes >= 0 && s->tools_bytes >= 0);
    int64_t sum = s->system_bytes + s->history_bytes + s->retrieved_bytes + s->tools_bytes + s->user_bytes;
    bool in_path = str_find_byte(call_path(c->kind), '*', 0) != SIZE_MAX; /* the model: the body has none */
    check(sum == c->text_bytes && (c->model.n > 0 || in_path) && c->model.n <= 256);
    /* each value counts at most its own bytes and three more, in at most two places (items and tools) */
    check(c->text_bytes <= 2 * ((int64_t)doc->text.n + 3 * (int64_t)doc->count));
    check(!(c->include_usage && c->include_usage_false));
}

static void check_problem(const struct call_problem *p)
{
    check(p->err != ERR_NONE && err_info(p->err)->status == 400 && p->message.n > 0);
}

static bool splice(const struct call *call, const struct json *doc, const struct call_changes *changes, struct buf *out,
                   size_t *count)
{
    struct json_edit edits[CALL_EDITS_MAX];
    *count = call_edit(call, doc, changes, edits);
    check(*count <= CALL_EDITS_MAX);
    return json_splice(doc->text, edits, *count, out);
}

static void check_edit(const struct call *call, const struct json *doc, const struct call_changes *changes)
{
    struct json again;
    struct json_fail why;
    struct call reread;
    struct call_problem problem;
    struct buf out, twice;
    size_t count;
    json_init(&again);
    buf_init(&out, 0);
    buf_init(&twice, 0);
    check(splice(call, doc, changes, &out, &count));
    check(json_parse(&again, buf_str(&out), &why));
    check(call_read(call->kind, &again, call->arena, &reread, &problem));
    if (call->model.n) check(str_eq(reread.model, changes->model.p ? changes->model : call->model));
    check(reread.stream == call->stream && reread.choices == call->choices);
    check(reread.text_bytes == call->text_bytes);
    check(call_latest(&again, latest_key) == call_latest(doc, latest_key));
    bool chat = call->kind == CALL_CHAT || call->kind == CALL_COMPLETIONS;
    if (chat && call->stream && changes->add_usage) check(reread.include_usage);
    if ((chat || call->kind == CALL_RESPONSES) && changes->max_output >= 0) {
        int64_t limit = changes->max_output, least = call_min_output(call->kind);
        if (limit < least) limit = least;
        if (call->max_output >= 0 && call->max_output < limit) limit = call->max_output;
        check(reread.max_output == limit);
    }
    if (call->kind == CALL_GENERATE && changes->max_output >= 0)
        check(reread.max_output >= 0 && reread.max_output <= changes->max_output);
    check(splice(&reread, &again, changes, &twice, &count) && count == 0);
    json_free(&again);
    buf_free(&out);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX) return 0;
    struct call_changes changes = {
        .model = data[1] & 1 ? S("vendor/\"m\"") : STR_NONE,
        .add_usage = data[1] & 2,
        .use_max_tokens = data[1] & 4,
        .max_output = data[1] & 8 ? data[2] : -1,
    };
    struct json doc;
    struct json_fail why;
    struct arena arena;
    struct call call;
    struct call_problem problem = {0};
    json_init(&doc);
    arena_init(&arena);
    if (json_parse(&doc, str_of((const char *)data + 3, size - 3), &why)) {
        enum call_kind kind = data[0] % CALL_KIND_COUNT;
        if (!dialect_of(kind)) kind = CALL_CHAT;
        if (call_read(kind, &doc, &arena, &call, &problem)) {
            check_call(&call, &doc);
            check_edit(&call, &doc, &changes);
        } else {
            check_problem(&problem);
            (void)call_latest(&doc, latest_key); /* of any JSON it says something, or nothing */
        }
    }
    arena_free(&arena);
    json_free(&doc);
    return 0;
}
