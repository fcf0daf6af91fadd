/* Responses through the canonical form and back, over recorded traffic: no field of a
 * call or an answer is lost, and a stream says what its whole response says. */
#include "recordings.h"

#include "dialect/canon_cite.h"

static const char *const providers[] = {"openai",   "azure", "azure-foundry", "bedrock",
                                        "deepseek", "groq",  "openrouter",    "xai"};

static struct {
    int calls, answers, streams, events, blocks;
} totals;

static void wrong(const struct recording *r, const char *what, str more)
{
    fail_msg("%.*s %.*s: %s %.*s", (int)r->provider.n, r->provider.p, (int)r->id.n, r->id.p, what, (int)more.n,
             more.n ? more.p : "");
}

/* ---- calls */

/* "text" is as good as [{"type":"input_text","text":"text"}]. */
static bool is_text_part(const struct json *doc, json_ref list, const struct json *other, json_ref text)
{
    json_ref part = json_type(doc, list) == JSON_ARRAY ? json_first(doc, list) : JSON_ABSENT;
    if (!part || json_next(doc, list, part)) return false;
    json_ref at = json_find(doc, part, S("text"), NULL);
    return at && str_eq(json_raw(doc, at), json_raw(other, text));
}

static bool same_call(const struct json_cover *c, json_ref want, json_ref got)
{
    bool array = json_type(c->want, want) == JSON_ARRAY;
    if (json_type(c->want, want) == JSON_STRING && json_type(c->got, got) == JSON_ARRAY) {
        json_ref item = json_first(c->got, got); /* `input` */
        json_ref content = item ? json_find(c->got, item, S("content"), NULL) : JSON_ABSENT;
        if (content && str_eq(json_raw(c->got, content), json_raw(c->want, want))) return true;
        return is_text_part(c->got, got, c->want, want);
    }
    return array && json_type(c->got, got) == JSON_STRING && is_text_part(c->want, want, c->got, got);
}

static void check_call(struct recording *r)
{
    struct json doc, again;
    struct json_fail why;
    struct canon_call call;
    struct canon_dropped dropped;
    struct call_problem problem = {0};
    struct buf out;
    json_init(&doc);
    json_init(&again);
    buf_init(&out, 0);
    if (!json_parse(&doc, r->request, &why)) wrong(r, why.why, S(""));
    canon_call_init(&call, DIALECT_RESPONSES, r->arena);
    if (!dialect_responses.decode_call(&doc, &call, &problem)) wrong(r, "is refused:", problem.message);
    if (!canon_check(&call, DIALECT_CHAT, true, &dropped, &problem)) wrong(r, "refused when lenient", S(""));
    struct canon_target target = {.model = call.model, .max_output = -1, .stream = call.stream};
    assert_true(dialect_responses.encode_call(&call, &target, &out, &problem));
    if (!json_parse(&again, buf_str(&out), &why)) wrong(r, why.why, buf_str(&out));
    struct json_cover cover = {.want = &doc, .got = &again, .alike = same_call};
    if (!json_covers(&cover, JSON_ROOT, JSON_ROOT, "")) wrong(r, "the call has lost", str_from(cover.lost));
    totals.calls++;
    buf_free(&out);
    json_free(&doc);
    json_free(&again);
}

/* ---- what an answer says, as text: from parts, and from deltas */

/* By its id: what is encrypted in it differs from event to event. */
static void say_opaque(struct buf *out, jraw value)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    assert_true(json_parse(&doc, value.json, &why));
    json_ref id = json_find(&doc, JSON_ROOT, S("id"), NULL);
    if (id) buf_add(out, json_raw(&doc, id));
    json_free(&doc);
}

static void say_head(struct buf *out, const struct canon_part *p)
{
    buf_printf(out, "%d %.*s %.*s", (int)p->kind, (int)p->tool.name.n, p->tool.name.p, (int)p->tool.id.n, p->tool.id.p);
    if (p->kind == PART_OPAQUE) say_opaque(out, p->value);
    buf_add_byte(out, ' ');
}

static void say_parts(struct buf *out, const struct canon_choice *choice)
{
    for (const struct canon_part *p = choice->parts; p; p = p->next) {
        struct buf arguments;
        buf_init(&arguments, 0);
        say_head(out, p);
        if (p->kind == PART_TOOL_CALL) {
            buf_add_json(&arguments, p->tool.arguments);
            buf_add(out, canon_inside((jraw){buf_str(&arguments)}));
        } else {
            buf_add(out, canon_inside(p->text));
        }
        if (p->signature.json.n > 2) buf_add(out, S(" signed"));
        for (const struct canon_citation *c = p->citations; c; c = c->next) buf_add(out, c->value.json);
        buf_add_byte(out, '\n');
        buf_free(&arguments);
    }
    buf_printf(out, "stop %d\n", (int)choice->stop);
}

/* Text is compared decoded: the wire escapes as it likes. */
struct hearing {
    struct canon_sink sink;
    struct buf out;
    struct buf cited;      /* in the open block */
    struct buf signatures; /* apart: OpenAI encrypts them anew for the response that ends a stream */
    struct canon_encoder *encoder;
    struct arena *arena;
    bool tool;
};

static void hear(struct canon_sink *sink, const struct canon_delta *d)
{
    struct hearing *h = CONTAINER_OF(sink, struct hearing, sink);
    struct buf again;
    if (h->encoder) dialect_responses.encode_delta(h->encoder, d);
    switch (d->kind) {
    case DELTA_BLOCK_START:
        h->tool = d->part->kind == PART_TOOL_CALL;
        totals.blocks++;
        say_head(&h->out, d->part);
        break;
    case DELTA_TEXT:
        buf_add(&h->out, canon_inside(d->piece));
        break;
    case DELTA_ARGUMENTS:
        buf_init(&again, 0);
        buf_add_json(&again, canon_decode(h->arena, d->piece));
        buf_add(&h->out, canon_inside((jraw){buf_str(&again)}));
        buf_free(&again);
        break;
    case DELTA_SIGNATURE:
        buf_add(&h->out, S(" signed"));
        buf_add(&h->signatures, d->piece.json);
        break;
    case DELTA_CITATION:
        buf_add(&h->cited, d->part->citations->value.json);
        break;
    case DELTA_BLOCK_STOP:
        buf_add(&h->out, buf_str(&h->cited));
        buf_clear(&h->cited);
        buf_add_byte(&h->out, '\n');
        break;
    case DELTA_FINISH:
        buf_printf(&h->out, "stop %d\n", (int)d->stop);
        break;
    default:
        break;
    }
}

/* ---- answers */

static void check_answer(struct recording *r)
{
    struct json doc, again;
    struct json_fail why;
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("asked"), .seed = S("0123456789abcdef"), .created_s = 1700000000};
    struct buf out;
    json_init(&doc);
    json_init(&again);
    buf_init(&out, 0);
    answer_init(&tap, r->arena);
    assert_true(answer_read(&tap, CALL_RESPONSES, 0, &doc, r->response));
    canon_answer_init(&answer, DIALECT_RESPONSES, r->arena);
    if (!dialect_responses.decode_answer(&doc, &answer)) wrong(r, "is no answer", S(""));
    answer.usage = tap.usage;
    dialect_responses.encode_answer(&answer, &client, &out);
    if (!json_parse(&again, buf_str(&out), &why)) wrong(r, why.why, buf_str(&out));
    struct json_cover cover = {.want = &doc, .got = &again};
    if (!json_covers(&cover, JSON_ROOT, JSON_ROOT, "")) wrong(r, "the answer has lost", str_from(cover.lost));
    cover = (struct json_cover){.want = &again, .got = &doc};
    if (!json_covers(&cover, JSON_ROOT, JSON_ROOT, "")) wrong(r, "the answer has got", str_from(cover.lost));
    totals.answers++;
    buf_free(&out);
    json_free(&doc);
    json_free(&again);
}

/* ---- streams */

/* Decodes a stream into what was heard; `encoder` may listen. Gives the last event with a response in it. */
static str hear_stream(struct recording *r, str text, struct canon_encoder *encoder, struct buf *heard,
                       struct buf *signatures)
{
    struct json doc;
    struct answer tap;
    struct hearing h = {.sink = {hear}, .encoder = encoder, .arena = r->arena};
    struct canon_decoder d = {.dialect = DIALECT_RESPONSES, .arena = r->arena, .sink = &h.sink};
    str rest = text, event, data, last = STR_NONE;
    json_init(&doc);
    buf_init(&h.out, 0);
    buf_init(&h.signatures, 0);
    buf_init(&h.cited, 0);
    answer_init(&tap, r->arena);
    while (recording_event(&rest, r->arena, &event, &data)) {
        totals.events++;
        if (answer_feed(&tap, CALL_RESPONSES, 0, &doc, event, data) == TAP_ERROR) wrong(r, "fails", data);
        if (str_eq(data, S("[DONE]"))) continue;
        dialect_responses.decode_event(&d, &doc, event);
        if (json_find(&doc, JSON_ROOT, S("response"), NULL)) last = data;
    }
    dialect_responses.decode_end(&d, &tap);
    if (d.broken) wrong(r, d.broken, S(""));
    buf_free(&h.cited);
    *heard = h.out;
    *signatures = h.signatures;
    json_free(&doc);
    return last;
}

/* What the response that ends a stream says. */
static void hear_whole(struct recording *r, str last, struct buf *heard)
{
    struct json event, doc;
    struct json_fail why;
    struct canon_answer answer;
    json_init(&event);
    json_init(&doc);
    buf_init(heard, 0);
    assert_true(json_parse(&event, last, &why));
    assert_true(json_parse(&doc, json_raw(&event, json_find(&event, JSON_ROOT, S("response"), NULL)), &why));
    canon_answer_init(&answer, DIALECT_RESPONSES, r->arena);
    assert_true(dialect_responses.decode_answer(&doc, &answer));
    say_parts(heard, answer.choices);
    json_free(&event);
    json_free(&doc);
}

/* Long: what is shown is around the first difference. */
static void same(struct recording *r, const char *what, const struct buf *want, const struct buf *got)
{
    size_t at = 0;
    if (str_eq(buf_str(want), buf_str(got))) return;
    while (at < want->n && at < got->n && want->p[at] == got->p[at]) at++;
    size_t from = at > 100 ? at - 100 : 0;
    str a = str_head(str_from_at(buf_str(want), from), 300), b = str_head(str_from_at(buf_str(got), from), 300);
    fail_msg("%.*s %.*s: %s: expected\n%.*s\ngot\n%.*s", (int)r->provider.n, r->provider.p, (int)r->id.n, r->id.p, what,
             (int)a.n, a.p, (int)b.n, b.n ? b.p : "");
}

static void check_sequence(struct recording *r, str text)
{
    struct json doc;
    struct json_fail why;
    str rest = text, event, data;
    json_init(&doc);
    for (int64_t next = 0, v; recording_event(&rest, r->arena, &event, &data); next++) {
        if (!json_parse(&doc, data, &why)) wrong(r, why.why, data);
        if (!json_i64(&doc, json_find(&doc, JSON_ROOT, S("sequence_number"), NULL), &v) || v != next)
            wrong(r, "a number is missing before", data);
        if (!json_string_is(&doc, json_find(&doc, JSON_ROOT, S("type"), NULL), event)) wrong(r, "two names", event);
    }
    json_free(&doc);
}

static void check_stream(struct recording *r)
{
    struct buf sent, first, second, whole, again, signed_first, signed_second;
    struct sse_sink sse;
    buf_init(&sent, 0);
    sse_sink_init(&sse, &sent, false);
    struct canon_encoder encoder = {.dialect = DIALECT_RESPONSES,
                                    .sink = &sse.sink,
                                    .arena = r->arena,
                                    .model = S("asked"),
                                    .seed = S("0123456789abcdef"),
                                    .created_s = 1700000000,
                                    .sequence = -1};
    str last = hear_stream(r, r->response, &encoder, &first, &signed_first);
    if (encoder.broken) wrong(r, "a ceiling was met", S(""));
    hear_whole(r, last, &whole);
    same(r, "the stream and its response", &whole, &first);
    last = hear_stream(r, buf_str(&sent), NULL, &second, &signed_second);
    same(r, "decoded, encoded, decoded", &first, &second);
    same(r, "signatures", &signed_first, &signed_second);
    hear_whole(r, last, &again);
    same(r, "the response that was encoded", &whole, &again);
    check_sequence(r, buf_str(&sent));
    totals.streams++;
    canon_encoder_free(&encoder);
    buf_free(&sent);
    buf_free(&first);
    buf_free(&second);
    buf_free(&whole);
    buf_free(&again);
    buf_free(&signed_first);
    buf_free(&signed_second);
}

static void take(struct recording *r, void *ctx)
{
    str path = recording_path(r);
    (void)ctx;
    if (str_find(path, S("/responses"), 0) == SIZE_MAX || str_ends(path, S("/input_tokens")) || r->status != 200)
        return;
    if (str_ends(path, S("/responses")) && r->request.n) check_call(r);
    if (!r->response.n || str_ends(path, S("/compact"))) return;
    if (recording_is_stream(r->response))
        check_stream(r);
    else
        check_answer(r);
}

static void loses_nothing(void **state)
{
    (void)state;
    recordings_found(recordings_read(providers, COUNT_OF(providers), take, NULL));
    print_message("%d calls and %d answers without a loss, %d streams (%d events, %d blocks) said twice\n",
                  totals.calls, totals.answers, totals.streams, totals.events, totals.blocks);
    assert_true(totals.calls > 200 && totals.answers > 150 && totals.streams > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
