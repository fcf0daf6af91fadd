/* Forms: read in place, and refused where two readers could differ. */
#include "dialect/multipart.h"

#include "base/arena.h"
#include "dialect/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TYPE                "multipart/form-data; boundary=XX"
#define PART(name, content) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" content "\r\n"
#define FILE_PART                                                                                                      \
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.wav\"\r\nContent-Type: "                \
    "audio/wav\r\n\r\nRIFF\r\n--X\0\r\n\r\n"
#define END "--XX--\r\n"

static void reads(void **state)
{
    static const char body[] = PART("model", "whisper-1") FILE_PART PART("empty", "") END;
    struct multipart m;
    struct multipart_part p;
    (void)state;
    assert_true(
        multipart_init(&m, S("Multipart/Form-Data; charset=utf-8; Boundary=\"XX\""), str_of(body, sizeof(body) - 1)));
    assert_true(multipart_next(&m, &p));
    assert_true(str_eq(p.name, S("model")) && str_eq(p.content, S("whisper-1")) && !p.file);
    assert_true(str_eq(str_of(body + p.at, p.content.n), p.content));
    assert_true(multipart_next(&m, &p));
    assert_true(str_eq(p.name, S("file")) && p.file && p.content.n == 12);
    assert_true(multipart_next(&m, &p));
    assert_true(str_eq(p.name, S("empty")) && p.content.n == 0);
    assert_false(multipart_next(&m, &p));
    assert_null(m.why);
}

static void refuses(void **state)
{
    static const struct {
        const char *type, *body, *why;
    } rows[] = {
        {"application/json", "", "no usable boundary"},
        {"multipart/form-data", "", "no usable boundary"},
        {"multipart/form-data; boundary=a; boundary=b", "", "no usable boundary"},
        {"multipart/form-data; boundary=a b", "", "no usable boundary"},
        {TYPE, "preamble\r\n" PART("a", "b") END, "does not begin"},
        {TYPE, PART("a", "b"), "without its last boundary"},
        {TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\"", "no end"},
        {TYPE, "--XX\r\nContent-Type: a/b\r\n\r\nx\r\n" END, "no Content-Disposition"},
        {TYPE, "--XX\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n" END, "no name"},
        {TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n" END, "two names"},
        {TYPE, "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" END, "no form-data"},
        {TYPE, PART("a", "b") END "more", "follows the last boundary"},
        {TYPE, PART("a", "b") "--XXX\r\n", "not followed by"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct multipart m;
        struct multipart_part p;
        if (multipart_init(&m, str_from(rows[i].type), str_from(rows[i].body)))
            while (multipart_next(&m, &p)) continue;
        if (!m.why || str_find(str_from(m.why), str_from(rows[i].why), 0) == SIZE_MAX)
            fail_msg("%zu: %s, not %s", i, m.why ? m.why : "taken", rows[i].why);
    }
}

/* The model's place is where another name is spliced in. */
static void edits(void **state)
{
    static const char body[] = PART("model", "mine") PART("n", "2") PART("stream", "true") FILE_PART END;
    struct arena arena;
    struct call call;
    struct call_problem problem = {0};
    struct json_edit edit[CALL_EDITS_MAX];
    struct call_changes changes = {.model = S("whisper-1"), .max_output = -1};
    struct buf out;
    (void)state;
    arena_init(&arena);
    buf_init(&out, 0);
    str all = str_of(body, sizeof(body) - 1);
    assert_true(call_read_form(CALL_TRANSCRIPTIONS, S(TYPE), all, &arena, &call, &problem));
    assert_true(str_eq(call.model, S("mine")) && call.stream && call.media.seconds > 0);
    size_t count = call_edit(&call, NULL, &changes, edit);
    assert_int_equal(count, 1);
    assert_true(json_splice(all, edit, count, &out));
    assert_true(call_read_form(CALL_TRANSCRIPTIONS, S(TYPE), buf_str(&out), &arena, &call, &problem));
    assert_true(str_eq(call.model, S("whisper-1")));
    assert_int_equal(call_edit(&call, NULL, &changes, edit), 0);
    assert_false(call_read_form(CALL_TRANSCRIPTIONS, S(TYPE), S(PART("n", "1") END), &arena, &call, &problem));
    assert_true(str_eq(problem.param, S("model")));
    assert_false(
        call_read_form(CALL_IMAGE_EDITS, S(TYPE), S(PART("model", "m") PART("n", "1e3") END), &arena, &call, &problem));
    assert_true(str_eq(problem.param, S("n")));
    buf_free(&out);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(edits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
