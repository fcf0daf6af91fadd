/* Embeddings and ranks: whatever is decoded can be written for every kind of the same
 * operation, as JSON, and read again as the same number of things. */
#include "dialect/codec.h"
#include "dialect/embed.h"
#include "dialect/rerank.h"

#include <stdlib.h>

enum { INPUT_MAX = 32 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

struct bench {
    struct json doc, again;
    struct arena arena;
};

static void write_call(struct bench *b, enum call_kind to, const struct canon_call *call)
{
    struct canon_target target = {.model = S("m"), .max_output = -1};
    struct canon_dropped dropped;
    struct call_problem problem = {0};
    struct json_fail why;
    struct canon_call reread;
    struct buf out;
    buf_init(&out, 0);
    check(canon_check(call, call_kind_dialect(to), true, &dropped, &problem));
    if (kind_encode_call(to, call, &target, &out, &problem)) {
        check(json_parse(&b->again, buf_str(&out), &why));
        canon_call_init(&reread, call_kind_dialect(to), &b->arena);
        if (kind_decode_call(to, &b->again, &reread, &problem)) {
            check(!call->embed || reread.embed->count == call->embed->count);
            check(!call->rank || reread.rank->count == call->rank->count);
        }
    } else {
        check(problem.message.n > 0);
    }
    buf_free(&out);
}

static void write_answer(struct bench *b, enum call_kind to, const struct canon_answer *answer)
{
    struct canon_client client = {.model = S("m"), .seed = S("0123456789abcdef")};
    struct json_fail why;
    struct buf out;
    buf_init(&out, 0);
    kind_encode_answer(to, answer, &client, &out);
    check(json_parse(&b->again, buf_str(&out), &why));
    buf_free(&out);
}

static void run(struct bench *b, enum call_kind kind)
{
    struct canon_call call;
    struct canon_answer answer;
    struct call_problem problem = {0};
    struct call read;
    struct answer tap;
    enum operation operation = kind_operation(kind);
    canon_call_init(&call, call_kind_dialect(kind), &b->arena);
    canon_answer_init(&answer, call_kind_dialect(kind), &b->arena);
    if (json_type(&b->doc, JSON_ROOT) != JSON_OBJECT) return;
    bool is_call = kind_decode_call(kind, &b->doc, &call, &problem);
    bool is_answer = kind_decode_answer(kind, &b->doc, &answer);
    check(is_call || problem.message.n > 0);
    if (call_read(kind, &b->doc, &b->arena, &read, &problem)) check(read.text_bytes >= 0 && read.max_tool_calls >= -1);
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        if (kind_operation(k) != operation) continue;
        if (is_call) write_call(b, k, &call);
        if (is_answer) write_answer(b, k, &answer);
    }
    answer_init(&tap, &b->arena);
    (void)answer_read(&tap, kind, 0, &b->again, b->doc.text);
    for (enum unit u = 0; u < UNIT_COUNT; u++) check(tap.usage.units[u] >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum call_kind kinds[] = {CALL_EMBEDDINGS,   CALL_EMBED_CONTENTS, CALL_EMBED_CONTENT, CALL_PREDICT,
                                           CALL_COHERE_EMBED, CALL_RERANK,         CALL_COHERE_RERANK};
    struct bench b = {0};
    struct json_fail why;
    if (size < 2 || size > INPUT_MAX) return 0;
    json_init(&b.doc);
    json_init(&b.again);
    arena_init(&b.arena);
    if (json_parse(&b.doc, str_of((const char *)data + 1, size - 1), &why)) run(&b, kinds[data[0] % COUNT_OF(kinds)]);
    arena_free(&b.arena);
    json_free(&b.doc);
    json_free(&b.again);
    return 0;
}
