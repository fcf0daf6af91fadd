#include "flow/translate.h"

#include "base/text.h"
#include "base/time.h"
#include "dialect/codec.h"
#include "flow/purser.h"
#include "flow/repair.h"
#include "flow/service.h"

enum {
    GATHERED_MAX = 64 * 1024 * 1024,
    LEFT_MAX =
        128 * 1024 * 1024, /* of the call's arena, for what events leave there: names, citations, a whole response */
};

/* The way back of one attempt's stream. */
struct translation {
    struct canon_sink sink;
    struct canon_decoder decoder;
    struct canon_encoder encoder;
    struct frame_writer writer;
    struct buf gathered;
    size_t arena_before; /* bytes that the call's arena had taken when the stream began */
    char seed[TEXT_NUMBER_MAX];
};

/* ---- the call */

static bool refuse(struct request *r, const struct call_problem *problem)
{
    request_fail_param(r, problem->err, problem->message, problem->param);
    return false;
}

bool translate_read(struct request *r)
{
    const struct dialect *from = dialect_of(r->receive.kind);
    struct call_problem problem = {0};
    if (r->plan.canon) return true;
    struct canon_call *call = arena_alloc(&r->arena, sizeof(*call));
    canon_call_init(call, call_kind_dialect(r->receive.kind), &r->arena);
    if (!kind_decode_call(r->receive.kind, &r->worker->json, call, &problem)) return refuse(r, &problem);
    if (r->receive.path.model.p) {
        call->model = r->attribute.call.model;
        call->stream = r->attribute.call.stream;
    }
    r->plan.canon = call;
    if (from->echo && call_kind_generates(r->receive.kind)) r->plan.echo = from->echo(call);
    return true;
}

static bool refuse_kind(struct request *r, const struct way *way)
{
    request_fail_param(r, ERR_BAD_FIELD,
                       arena_printf(&r->arena,
                                    "The provider '%" STR_FMT "' of the model '%" STR_FMT
                                    "' has nothing that answers %" STR_FMT ".",
                                    STR_ARG(way->target->provider->name),
                                    STR_ARG(str_head(r->attribute.call.model, 100)),
                                    STR_ARG(call_kind_name(r->receive.kind))),
                       S("model"));
    return false;
}

static bool serves(const struct target *t, enum call_kind kind)
{
    enum endpoint e = endpoint_of(kind);
    const struct vendor *v = t->provider->vendor;
    return e != ENDPOINT_NONE && (v->serves & 1u << e) && kind_takes(kind, v->kind, t->model);
}

/* Does it answer such calls as they come? */
static bool speaks(const struct target *t, const struct call *call)
{
    if (call_kind_generates(call->kind)) return protocols_have(&t->protocols, call_kind_dialect(call->kind));
    return serves(t, call->kind) && kind_goes_as_it_came(call, t->provider->vendor->kind, t->model);
}

/* How the target is asked for the same in other words; CALL_KIND_COUNT: not at all. */
static enum call_kind other_kind(const struct target *t, enum call_kind own)
{
    enum operation wanted = kind_operation(own);
    if (wanted == OPERATION_GENERATE) {
        const struct dialect *to = t->protocols.count ? dialect_at(t->protocols.at[0]) : NULL;
        bool both = to && to->encode_call && dialect_of(own)->decode_call;
        return both ? to->kind : CALL_KIND_COUNT;
    }
    for (enum call_kind k = 0; wanted != OPERATION_OWN && k < CALL_KIND_COUNT; k++)
        if (kind_operation(k) == wanted && serves(t, k)) return k;
    return CALL_KIND_COUNT;
}

bool translate_plan(struct request *r, struct way *way)
{
    const struct target *t = way->target;
    enum call_kind own = r->receive.kind;
    if (speaks(t, &r->attribute.call)) return true;
    enum call_kind to = other_kind(t, own);
    if (to == CALL_KIND_COUNT) return refuse_kind(r, way);
    str asked = http_header_find(&r->x->request, S("x-purser-compat"));
    struct canon_dropped dropped = {STR_NONE};
    struct call_problem problem = {0};
    way->translated = true;
    way->kind = to;
    way->lenient = asked.n ? str_eq_nocase(asked, S("lenient")) : t->provider->lenient;
    if (!translate_read(r)) return false;
    struct canon_target target = {.model = t->model, .vendor = t->provider->vendor->kind, .max_output = -1};
    if (!canon_check_at(r->plan.canon, call_kind_dialect(to), &target, way->lenient, &dropped, &problem))
        return refuse(r, &problem);
    way->dropped = dropped.fields;
    return true;
}

bool translate_call(struct attempt *a, struct buf *out)
{
    struct request *r = a->request;
    const struct target *t = a->way->target;
    struct call_problem problem = {0};
    struct buf left_out;
    struct canon_target target = {
        .model = t->model,
        .max_output = a->hold.max_output,
        .stream = r->attribute.call.stream,
        .max_tokens = wire_left_out(a->way) & TARGET_MAX_COMPLETION_TOKENS,
        .no_stream_options = wire_left_out(a->way) & TARGET_STREAM_OPTIONS,
        .body_version = provider_body_version(&t->provider->paths, endpoint_of(a->way->kind)),
        .vendor = t->provider->vendor->kind,
        .flags = t->provider->flags,
        .left_out = &left_out,
    };
    if (way_is_service(a->way)) {
        service_write(r, out);
        return true;
    }
    buf_init(&left_out, 4096);
    const struct canon_call *call = a->repair ? &a->repair->call : r->plan.canon;
    struct canon_call asking = *call;
    if (wire_asks_logprobs(a)) asking.sampling.logprobs = 1;
    bool ok = kind_encode_call(a->way->kind, &asking, &target, out, &problem);
    if (left_out.n) a->wire.left_out = arena_str(&r->arena, buf_str(&left_out));
    buf_free(&left_out);
    if (ok) return true;
    request_fail_param(r, problem.err, problem.message, problem.param);
    attempt_fail(a, problem.err, "the call cannot be said in the target's protocol");
    return false;
}

/* ---- the answer */

static void take_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct translation *t = CONTAINER_OF(sink, struct translation, sink);
    dialect_at(t->encoder.dialect)->encode_delta(&t->encoder, delta);
}

struct canon_encoder translate_encoder(struct request *r, char seed[TEXT_NUMBER_MAX], struct event_sink *sink)
{
    return (struct canon_encoder){.dialect = call_kind_dialect(r->receive.kind),
                                  .sink = sink,
                                  .arena = &r->arena,
                                  .model = r->attribute.call.model,
                                  .seed = str_of(seed, text_hex(seed, r->id)),
                                  .created_s = r->at_us / US_PER_SECOND,
                                  .include_usage = r->attribute.call.include_usage,
                                  .echo = r->plan.echo,
                                  .sequence = -1};
}

struct canon_client translate_client(const struct request *r, char seed[TEXT_NUMBER_MAX])
{
    return (struct canon_client){.model = r->attribute.call.model,
                                 .seed = str_of(seed, text_hex(seed, r->id)),
                                 .created_s = r->at_us / US_PER_SECOND,
                                 .echo = r->plan.echo,
                                 .call = r->plan.canon};
}

static bool one_call(const struct request *r)
{
    return r->plan.canon && r->plan.canon->choice.parallel == 0;
}

static struct translation *begin(struct attempt *a)
{
    struct request *r = a->request;
    if (a->body.translation) return a->body.translation;
    size_t arena_before = r->arena.total;
    struct translation *t = arena_zalloc(&r->arena, sizeof(*t));
    t->arena_before = arena_before;
    buf_init(&t->gathered, GATHERED_MAX);
    frame_writer_init(&t->writer, r->receive.path.framing, &t->gathered);
    t->sink.take = take_delta;
    t->decoder = (struct canon_decoder){.dialect = call_kind_dialect(a->way->kind),
                                        .quirks = a->way->target->provider->quirks,
                                        .arena = &r->arena,
                                        .sink = one_call(r) ? canon_first_call_sink(&t->sink, &r->arena) : &t->sink};
    t->encoder = translate_encoder(r, t->seed, &t->writer.sink);
    a->body.translation = t;
    return t;
}

void translate_event(struct attempt *a, const struct frame *e)
{
    struct translation *t = begin(a);
    dialect_at(t->decoder.dialect)->decode_event(&t->decoder, &a->request->worker->event_json, e->name);
}

void translate_flush(struct attempt *a)
{
    struct translation *t = a->body.translation;
    if (!t || !t->gathered.n) return;
    client_send(a, buf_str(&t->gathered));
    buf_clear(&t->gathered);
}

void translate_end(struct attempt *a, str cost_usd, struct buf *withheld)
{
    struct translation *t = begin(a);
    translate_flush(a);
    t->encoder.cost_usd = cost_usd;
    dialect_at(t->decoder.dialect)->decode_end(&t->decoder, &a->body.answer);
    frame_writer_end(&t->writer);
    buf_add(withheld, buf_str(&t->gathered));
    buf_clear(&t->gathered);
}

static bool decode_whole(struct attempt *a, struct canon_answer *answer)
{
    struct request *r = a->request;
    canon_answer_init(answer, call_kind_dialect(a->way->kind), &r->arena);
    if (!kind_decode_answer(a->way->kind, &r->worker->event_json, answer)) return false;
    if (one_call(r)) canon_keep_first_call(answer);
    answer->usage = a->body.answer.usage;
    if (!answer->usage.known && !call_kind_generates(a->way->kind)) { /* what the ledger will say, too */
        struct estimate guess;
        estimate_blind(a, time_mono_us(), &guess);
        memcpy(answer->usage.units, guess.usage.units, sizeof(guess.usage.units));
    }
    return true;
}

bool translate_whole(struct attempt *a, struct buf *out)
{
    struct request *r = a->request;
    struct canon_answer answer;
    char seed[TEXT_NUMBER_MAX];
    if (!decode_whole(a, &answer)) return false;
    struct canon_client client = translate_client(r, seed);
    kind_encode_answer(r->receive.kind, &answer, &client, out);
    return true;
}

bool translate_replay(struct attempt *a, str cost_usd, struct buf *out)
{
    struct canon_answer answer;
    if (!decode_whole(a, &answer)) return false;
    struct translation *t = begin(a);
    t->encoder.cost_usd = cost_usd;
    canon_replay(&answer, &t->sink);
    frame_writer_end(&t->writer);
    buf_add(out, buf_str(&t->gathered));
    buf_clear(&t->gathered);
    return true;
}

const char *translate_broken(const struct attempt *a)
{
    const struct translation *t = a->body.translation;
    if (!t) return NULL;
    bool full = a->request->arena.total - t->arena_before > LEFT_MAX;
    if (t->encoder.broken || t->gathered.overflow || full) return "the provider's answer is too large to be translated";
    return t->decoder.broken;
}

int64_t translate_sequence(const struct attempt *a)
{
    const struct translation *t = a->body.translation;
    return t ? t->encoder.sequence + 1 : a->body.answer.sequence + 1;
}

void translate_free(struct attempt *a)
{
    struct translation *t = a->body.translation;
    if (!t) return;
    canon_encoder_free(&t->encoder);
    buf_free(&t->gathered);
    a->body.translation = NULL;
}
