#include "flow/reply.h"

#include "base/schema.h"
#include "base/time.h"
#include "flow/purser.h"

/* ---- what is asked */

str reply_question(struct request *r)
{
    const struct canon_message *last = NULL;
    struct buf text;
    for (const struct canon_message *m = r->plan.canon->messages; m; m = m->next)
        if (m->role == ROLE_USER) last = m;
    buf_init(&text, 0);
    for (const struct canon_part *p = last ? last->parts : NULL; p; p = p->next) {
        if (p->kind != PART_TEXT) continue;
        if (text.n) buf_add_byte(&text, '\n');
        buf_add(&text, canon_decode(&r->arena, p->text));
    }
    str out = arena_str(&r->arena, buf_str(&text));
    buf_free(&text);
    return out;
}

/* ---- does it fit? */

/* A schema that is no schema, or takes too long, is not met. */
static bool meets(str schema, const struct json *doc)
{
    const struct schema_options options = {.formats = true};
    struct schema_fail why;
    struct schema *compiled = schema_compile(schema, &options, &why);
    bool met = compiled && schema_check(compiled, doc, JSON_ROOT, NULL);
    schema_drop(compiled);
    return met;
}

static bool is_json(const struct request *r, str text)
{
    const struct canon_output *output = &r->plan.canon->output;
    struct json *doc = &r->worker->event_json;
    struct json_fail fail;
    if (!json_parse(doc, text, &fail)) return false;
    if (output->format == FORMAT_JSON) return json_type(doc, JSON_ROOT) == JSON_OBJECT;
    return !output->schema.json.p || meets(output->schema.json, doc);
}

bool reply_fits(const struct request *r, str text)
{
    const struct canon_call *call = r->plan.canon;
    if (call->choice.mode == CHOICE_REQUIRED) return false;
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == FEATURE_AUDIO_OUT || n->feature == FEATURE_IMAGE_OUT) return false;
    return call->output.format == FORMAT_TEXT || is_json(r, text);
}

/* ---- writing it */

/* Said to come from another family than the client's: so all of it, the usage above all, is written from its
 * canonical form, and nothing from bytes of a provider. */
static void build(struct request *r, str reply, struct canon_answer *answer)
{
    bool chat = call_kind_dialect(r->receive.kind) == DIALECT_CHAT;
    canon_answer_init(answer, chat ? DIALECT_MESSAGES : DIALECT_CHAT, &r->arena);
    answer->model = r->attribute.call.model;
    answer->created_s = r->at_us / US_PER_SECOND;
    answer->usage.known = true; /* nothing was used, and that is known */
    int64_t choices = r->plan.canon->choices;
    for (int64_t i = 0; i < choices && i < CANON_CHOICES_MAX; i++) {
        struct canon_choice *c = canon_add_choice(answer, i);
        c->stop = STOP_END;
        c->last_part = canon_add_part(&r->arena, &c->parts, PART_TEXT);
        c->last_part->text = canon_quote(&r->arena, reply);
    }
}

struct replaying {
    struct canon_sink sink;
    struct canon_encoder encoder;
    struct frame_writer writer;
};

static void take_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct replaying *to = CONTAINER_OF(sink, struct replaying, sink);
    dialect_at(to->encoder.dialect)->encode_delta(&to->encoder, delta);
}

static void write_stream(struct request *r, const struct canon_answer *answer, str cost_usd, struct buf *out)
{
    struct replaying to = {.sink = {take_delta}};
    char seed[TEXT_NUMBER_MAX];
    frame_writer_init(&to.writer, r->receive.path.framing, out);
    to.encoder = translate_encoder(r, seed, &to.writer.sink);
    to.encoder.cost_usd = cost_usd;
    canon_replay(answer, &to.sink);
    frame_writer_end(&to.writer);
    canon_encoder_free(&to.encoder);
}

static void write_answer(struct request *r, const struct canon_answer *answer, str cost_usd, struct buf *out)
{
    char seed[TEXT_NUMBER_MAX];
    if (r->attribute.call.stream) {
        write_stream(r, answer, cost_usd, out);
        return;
    }
    struct canon_client client = translate_client(r, seed);
    dialect_of(r->receive.kind)->encode_answer(answer, &client, out);
}

void reply_write(struct request *r, str text, struct buf *out)
{
    struct canon_answer answer;
    build(r, text, &answer);
    write_answer(r, &answer, S("0"), out);
}

void reply_write_mended(const struct attempt *a, str text, struct buf *out)
{
    struct canon_answer answer;
    char cost[MONEY_TEXT_MAX];
    build(a->request, text, &answer);
    if (a->body.answer.model.n) answer.model = a->body.answer.model;
    answer.usage = a->body.answer.usage;
    bool exact = a->post.cost.state == COST_EXACT;
    write_answer(a->request, &answer, exact ? money_format(a->post.cost.total, cost) : STR_NONE, out);
}

str reply_type(const struct request *r)
{
    return framing_header(r->attribute.call.stream ? r->receive.path.framing : FRAMING_NONE);
}
