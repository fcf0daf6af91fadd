/* One tool call at a time: what is passed on of an answer that has several, whole and streamed. */
#include "dialect/canon_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What came: a letter for each delta, with its choice and block. */
struct seen {
    struct canon_sink sink;
    struct buf text;
};

static void note(struct canon_sink *sink, const struct canon_delta *d)
{
    static const char letters[] = {
        [DELTA_START] = 'S',     [DELTA_BLOCK_START] = '<', [DELTA_TEXT] = 't',     [DELTA_ARGUMENTS] = 'a',
        [DELTA_SIGNATURE] = 's', [DELTA_CITATION] = 'c',    [DELTA_LOGPROBS] = 'l', [DELTA_BLOCK_STOP] = '>',
        [DELTA_FINISH] = 'F',    [DELTA_PING] = 'p',        [DELTA_END] = 'E'};
    struct seen *s = CONTAINER_OF(sink, struct seen, sink);
    bool of_block = d->kind != DELTA_START && d->kind != DELTA_FINISH && d->kind != DELTA_PING && d->kind != DELTA_END;
    buf_add_byte(&s->text, letters[d->kind]);
    if (of_block) buf_printf(&s->text, "%d.%d ", (int)d->choice, (int)d->block);
}

static struct canon_part *add(struct canon_choice *c, struct arena *arena, enum canon_part_kind kind, const char *id)
{
    struct canon_part *p = canon_add_part(arena, &c->parts, kind);
    c->last_part = p;
    if (kind == PART_TOOL_CALL) {
        p->tool.id = str_from(id);
        p->tool.arguments = S("{}");
        p->signature = (jraw){S("\"proof\"")};
    } else {
        p->text = (jraw){S("\"text\"")};
    }
    return p;
}

/* Two choices: text, two calls, text again; and a call alone. */
static void build(struct canon_answer *a, struct arena *arena)
{
    canon_answer_init(a, DIALECT_GEMINI, arena);
    struct canon_choice *first = canon_add_choice(a, 0), *second = canon_add_choice(a, 1);
    add(first, arena, PART_TEXT, NULL);
    add(first, arena, PART_TOOL_CALL, "one");
    add(first, arena, PART_TOOL_CALL, "two");
    add(first, arena, PART_TEXT, NULL);
    add(first, arena, PART_TOOL_CALL, "three");
    add(second, arena, PART_TOOL_CALL, "other");
}

static void test_stream(void **state)
{
    (void)state;
    struct arena arena;
    struct canon_answer a;
    struct seen seen = {.sink.take = note};
    arena_init(&arena);
    buf_init(&seen.text, 0);
    build(&a, &arena);
    canon_replay(&a, canon_first_call_sink(&seen.sink, &arena));
    str want = S("S<0.0 t0.0 >0.0 <0.1 a0.1 s0.1 >0.1 <0.2 t0.2 >0.2 F<1.0 a1.0 s1.0 >1.0 FE");
    if (!str_eq(buf_str(&seen.text), want)) fail_msg("%.*s", (int)seen.text.n, seen.text.p);
    buf_free(&seen.text);
    arena_free(&arena);
}

static void test_whole(void **state)
{
    (void)state;
    struct arena arena;
    struct canon_answer a;
    arena_init(&arena);
    build(&a, &arena);
    canon_keep_first_call(&a);
    struct canon_part *p = a.choices->parts;
    assert_int_equal(p->kind, PART_TEXT);
    assert_true(str_eq(p->next->tool.id, S("one")));
    assert_int_equal(p->next->next->kind, PART_TEXT);
    assert_ptr_equal(a.choices->last_part, p->next->next);
    assert_null(p->next->next->next);
    assert_true(str_eq(a.choices->next->parts->tool.id, S("other")));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stream), cmocka_unit_test(test_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
