/* body: the answer's bytes through the tap to the client.
 *
 * A streamed answer goes on event by event as it comes; only what must be changed
 * or withheld waits for its end: the usage chunk that purser asked for itself, the
 * protocol's end, and errors. An answer that is not streamed is gathered before its
 * head goes out, up to WHOLE_MAX; a larger one streams, its last bytes withheld. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/service.h"
#include "flow/trial.h"

enum {
    WHOLE_MAX = 256 * 1024,       /* gathered before the client's head goes out */
    SPILL_MAX = 64 * 1024 * 1024, /* of a larger one, kept for its usage */
    EVENT_MAX = 16 * 1024 * 1024, /* one event of a stream */
};

static bool is_error(const struct attempt *a);

/* Of another path, which only reads, nothing is wanted: its cost and what it names are known.
 * Sound, and text that is no JSON, tell nothing. */
static bool is_carried(const struct attempt *a)
{
    if (call_kind_makes_media(a->request->receive.kind)) return !a->head.json && !is_error(a);
    return a->request->receive.kind == CALL_PASSTHROUGH && (a->request->receive.reads || !a->head.json);
}

/* It came whole, and is to be a stream: whoever reads events would see none. */
static bool is_to_stream(const struct attempt *a)
{
    return a->request->attribute.call.stream && call_kind_generates(a->way->kind);
}

static bool is_error(const struct attempt *a)
{
    return a->head.status >= (a->request->receive.kind == CALL_PASSTHROUGH ? 400 : 300);
}

/* Read as a whole, and written anew. */
static bool is_remade(const struct attempt *a)
{
    return a->way->translated || is_to_stream(a);
}

/* ---- whole answers */

static void spill(struct attempt *a, str piece)
{
    if (!a->body.spilled) {
        a->body.spilled = true;
        client_begin_stream(a);
        if (a->body.kept.n) piece = buf_str(&a->body.kept); /* all of it so far, this piece included */
    }
    /* the last byte must not leave before the post: each piece goes when the next has come */
    if (a->body.withheld.n) client_send(a, buf_str(&a->body.withheld));
    buf_clear(&a->body.withheld);
    buf_add(&a->body.withheld, piece);
}

static void feed_whole(struct attempt *a, str bytes)
{
    int64_t now_us = time_mono_us();
    if (!a->body.first_us) a->body.first_us = now_us;
    a->body.last_us = now_us;
    a->body.kept.max = SPILL_MAX;
    if (is_carried(a) && !is_error(a) && (a->body.spilled || !a->head.json)) { /* files, sound: nothing is kept */
        spill(a, bytes);
        buf_free(&a->body.kept);
        return;
    }
    bool kept = !a->body.kept.overflow && buf_add(&a->body.kept, bytes);
    if (!kept && is_error(a)) {
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider's error is larger than 64 MB");
    } else if (!kept && (is_remade(a) || trial_holds(a))) {
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider's answer is larger than 64 MB");
    } else if (!is_error(a) && !is_remade(a) && !trial_holds(a) && (a->body.spilled || a->body.kept.n > WHOLE_MAX)) {
        spill(a, bytes);
    }
}

static str exact_cost(const struct attempt *a, char text[MONEY_TEXT_MAX]);

/* In the client's words, while the document is still there. */
static void translate_body(struct attempt *a)
{
    struct buf out;
    char text[MONEY_TEXT_MAX];
    bool streams = a->request->attribute.call.stream;
    buf_init(&out, 0);
    bool ok = streams ? translate_replay(a, exact_cost(a, text), &a->body.withheld) : translate_whole(a, &out);
    if (!ok || translate_broken(a)) {
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider's answer is none of its protocol");
        buf_free(&out);
        return;
    }
    buf_free(&a->body.kept);
    a->body.kept = out;
    a->body.whole = !streams;
    a->body.replayed = streams;
    a->body.complete = true;
}

/* What of an error goes on to the client is not to tell it purser's key. */
static void mask_error(struct attempt *a)
{
    str masked = mask_secrets(a, buf_str(&a->body.kept));
    if (masked.p == a->body.kept.p) return;
    buf_clear(&a->body.kept);
    buf_add(&a->body.kept, masked);
}

/* Not even an end: {} is an answer of no protocol. */
static bool is_nothing(const struct attempt *a)
{
    const struct answer *answer = &a->body.answer;
    bool spoke = answer->output_events || answer->output_bytes || answer->tool_used;
    return call_kind_generates(a->way->kind) && !spoke && !answer->usage.known && !answer->finish.n;
}

/* Gemini's streaming endpoints tell an error in a list. */
static str answer_body(const struct attempt *a)
{
    str body = buf_str(&a->body.kept);
    struct json_array list = {0};
    struct json_element e;
    bool listed = is_error(a) && body.n && body.p[0] == '[';
    return listed && json_array_next(body, &list, &e) ? e.data : body;
}

static void end_whole(struct attempt *a)
{
    struct request *r = a->request;
    if (is_error(a)) mask_error(a);
    if (way_is_service(a->way) && !service_read(a)) return;
    /* then its usage is estimated */
    bool unread = r->receive.kind == CALL_PASSTHROUGH || a->body.kept.overflow || is_carried(a);
    bool json = !is_carried(a) && !a->body.kept.overflow &&
                answer_read(&a->body.answer, a->way->kind, a->way->target->provider->quirks, &r->worker->event_json,
                            answer_body(a));
    if (is_error(a)) {
        attempt_fail(a, ERR_PROVIDER_ERROR, "the provider answered with an error");
    } else if (!json && !unread) {
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider's answer is no valid JSON object");
    } else if (a->body.answer.failed) {
        str said = a->body.answer.provider_error;
        attempt_fail(a, ERR_PROVIDER_ERROR,
                     said.n ? mask_secrets(a, said).p : "the provider answered with an error under status 200");
    } else if (!unread && is_nothing(a)) {
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider's answer has nothing in it");
    } else if (is_remade(a)) {
        trial_read_whole(a);
        translate_body(a);
    } else {
        trial_read_whole(a);
        a->body.complete = true;
    }
}

/* ---- streams */

/* What the call has cost, where the usage that is known tells it for sure; else empty. */
static str exact_cost(const struct attempt *a, char text[MONEY_TEXT_MAX])
{
    const struct target *t = a->way->target;
    struct usage usage = a->body.answer.usage;
    enum price_tier tier = TIER_STANDARD;
    bool missing;
    if (!usage.known || t->provider->cost_per_hour != PRICE_UNSET) return STR_NONE;
    if (!price_tier_find(a->body.answer.service_tier, &tier)) return STR_NONE;
    const struct price *price =
        price_pick(&t->prices, tier, price_prompt_tokens(&usage), a->hold.admitted_us, &missing);
    struct cost cost = price_cost(price, &usage);
    if (price_is_ceiling(&t->prices, price)) return STR_NONE;
    return cost.state == COST_EXACT && !missing ? money_format(cost.total, text) : STR_NONE;
}

/* The usage chunk that the client asked for tells the cost, too: beside `usage`. */
static bool send_with_cost(struct attempt *a, const struct frame *e)
{
    char text[MONEY_TEXT_MAX];
    str cost = exact_cost(a, text);
    size_t brace = e->raw.n;
    while (brace > 0 && e->raw.p[brace - 1] != '}') brace--;
    if (brace == 0 || !cost.n) return client_send(a, e->raw);
    struct buf extra; /* not the arena's: each chunk may bring usage */
    buf_init(&extra, 0);
    buf_printf(&extra, ",\"purser\":{\"cost_usd\":\"%" STR_FMT "\",\"request_id\":\"%016llx\"}", STR_ARG(cost),
               (unsigned long long)a->request->id);
    bool room = client_send(a, str_head(e->raw, brace - 1));
    room = client_send(a, buf_str(&extra)) && room;
    buf_free(&extra);
    return client_send(a, str_from_at(e->raw, brace - 1)) && room;
}

/* May the first part of an event go on before its end has come? Only where what has
 * come rules out that it must be changed or withheld. Inside a JSON string a quote is
 * escaped, so these bytes can only be the key itself. */
static bool may_go_early(const struct attempt *a, str part)
{
    enum { LOOKED_AT = 4096 }; /* each time that more of the event comes */
    if (a->way->translated || a->trial || a->head.framing != FRAMING_SSE) return false;
    part = str_head(part, LOOKED_AT);
    switch (a->way->kind) {
    case CALL_CHAT:
        return str_find(part, S("\"delta\":"), 0) != SIZE_MAX;
    case CALL_COMPLETIONS:
        return str_find(part, S("\"text\":"), 0) != SIZE_MAX;
    case CALL_RESPONSES: {
        size_t line = str_find_byte(part, '\n', 0);
        return str_starts(part, S("event: response.")) && line != SIZE_MAX &&
               str_ends(str_trim(str_head(part, line)), S(".delta"));
    }
    default:
        return false;
    }
}

struct run { /* consecutive events that go on as they are: one write */
    const char *from;
    size_t n;
};

static void flush(struct attempt *a, struct run *run)
{
    if (run->n) client_send(a, str_of(run->from, run->n));
    run->n = 0;
}

static void pass(struct attempt *a, struct run *run, str raw)
{
    if (run->n && run->from + run->n == raw.p) {
        run->n += raw.n;
        return;
    }
    flush(a, run);
    *run = (struct run){raw.p, raw.n};
}

static void note_output(struct attempt *a, int64_t events_before)
{
    if (a->body.answer.output_events == events_before) return;
    int64_t now_us = time_mono_us();
    if (!a->body.first_us) enter_first_token(a, now_us);
    if (!a->body.first_us) a->body.first_us = now_us;
    a->body.last_us = now_us;
}

/* The protocol's end in the client's words is withheld until the post. */
static void complete_translated(struct attempt *a)
{
    char text[MONEY_TEXT_MAX];
    translate_end(a, exact_cost(a, text), &a->body.withheld);
    a->body.complete = true;
}

static bool translate(struct attempt *a, const struct frame *e, enum tap_verdict v)
{
    if (!str_eq(str_trim(e->data), S("[DONE]"))) translate_event(a, e);
    if (v == TAP_END) complete_translated(a);
    const char *broken = translate_broken(a);
    if (broken) {
        translate_flush(a);
        a->body.complete = false;
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, broken);
    }
    if (broken || v == TAP_END) attempt_wake(a);
    return !broken && v != TAP_END;
}

/* One whole event. False: the stream is over, well or not. */
static bool take_event(struct attempt *a, const struct frame *e, struct run *run)
{
    struct request *r = a->request;
    struct answer *answer = &a->body.answer;
    int64_t events = answer->output_events;
    str rest = str_from_at(e->raw, a->body.passed); /* what of it has not gone on early */
    bool gone_early = a->body.passed > 0;
    a->body.passed = 0;
    if (!e->data.p || r->receive.reads) { /* comments: keep-alives pass, they are part of the stream */
        if (!a->way->translated) pass(a, run, rest);
        return true;
    }
    int64_t sequence = answer->sequence;
    enum tap_verdict v =
        answer_feed(answer, a->way->kind, a->way->target->provider->quirks, &r->worker->event_json, e->name, e->data);
    note_output(a, events);
    const char *refused = v != TAP_ERROR ? trial_read_event(a, e) : NULL;
    if (refused) {
        flush(a, run);
        translate_flush(a);
        answer->sequence = sequence;
        trial_refuse(a, refused);
        attempt_wake(a);
        return false;
    }
    if (a->way->translated && v != TAP_ERROR) return translate(a, e, v);
    switch (v) {
    case TAP_PASS:
        pass(a, run, rest);
        return true;
    case TAP_USAGE_ONLY:
        flush(a, run);
        if (gone_early)
            client_send(a, rest);
        else if (!a->wire.add_usage)
            send_with_cost(a, e);
        return true;
    case TAP_END:
        flush(a, run);
        buf_add(&a->body.withheld, rest);
        a->body.complete = true;
        attempt_wake(a);
        return false;
    case TAP_ERROR:
        flush(a, run);
        translate_flush(a);
        answer->sequence = sequence; /* the client sees our error event in its place */
        attempt_fail(a, ERR_PROVIDER_STREAM_ERROR,
                     answer->provider_error.n ? mask_secrets(a, answer->provider_error).p
                                              : "the provider sent an event that is no valid JSON");
        attempt_wake(a);
        return false;
    }
    return true;
}

static void feed_stream(struct attempt *a, str bytes)
{
    struct buf *kept = &a->body.kept;
    bool joined = kept->n > 0;
    if (joined) {
        kept->max = EVENT_MAX;
        if (!buf_add(kept, bytes)) {
            attempt_fail(a, ERR_PROVIDER_PROTOCOL, "an event of the provider's stream is larger than 16 MB");
            attempt_wake(a);
            return;
        }
        bytes = buf_str(kept);
    }
    struct run run = {0};
    struct frame e;
    const char *why = NULL;
    size_t used = 0, n;
    while ((n = frame_next(&a->body.framer, str_from_at(bytes, used), &a->request->worker->joined, &e, &why))) {
        if (n == SIZE_MAX) {
            flush(a, &run);
            translate_flush(a);
            attempt_fail(a, ERR_PROVIDER_PROTOCOL, why);
            attempt_wake(a);
            return;
        }
        used += n;
        if (!take_event(a, &e, &run)) return; /* what follows the end is nobody's */
    }
    flush(a, &run);
    translate_flush(a);
    str part = str_from_at(bytes, used);
    if (part.n > a->body.passed && may_go_early(a, part)) {
        client_send(a, str_from_at(part, a->body.passed));
        a->body.passed = part.n;
    }
    if (joined)
        buf_consume(kept, used);
    else if (part.n)
        buf_add(kept, part);
    if (kept->n == 0 && kept->cap) buf_free(kept); /* a waiting stream keeps little */
}

void body_take_part(struct attempt *a)
{
    struct buf *kept = &a->body.kept;
    struct json *doc = &a->request->worker->event_json;
    struct json_fail fail;
    struct frame e;
    const char *why = NULL;
    if (!a->err || !a->body.passed) return;
    buf_add(kept, S("\n\n"));
    size_t n = frame_next(&a->body.framer, buf_str(kept), &a->request->worker->joined, &e, &why);
    if (n && n != SIZE_MAX && e.data.p && json_parse(doc, e.data, &fail))
        (void)answer_feed(&a->body.answer, a->way->kind, a->way->target->provider->quirks, doc, e.name, e.data);
}

static void end_stream(struct attempt *a)
{
    if (a->body.complete) return;
    if (a->request->receive.kind == CALL_PASSTHROUGH) { /* its own end is not known: the message's does */
        buf_add(&a->body.withheld, buf_str(&a->body.kept));
        a->body.complete = true;
    } else if (answer_complete(&a->body.answer) && a->way->translated) {
        complete_translated(a);
    } else if (answer_complete(&a->body.answer)) {
        /* a JSON array's last bracket */
        if (a->head.framing == FRAMING_JSON_ARRAY) buf_add(&a->body.withheld, buf_str(&a->body.kept));
        a->body.complete = true; /* some send no [DONE] behind the last finish reason */
    } else {
        attempt_fail(a, ERR_PROVIDER_CUT, "the provider ended its stream without finishing the answer");
    }
}

/* ---- from the wire */

void body_feed(struct attempt *a, str bytes)
{
    if (a->body.complete) return;
    if (a->body.whole)
        feed_whole(a, bytes);
    else
        feed_stream(a, bytes);
}

bool body_has_all(const struct attempt *a)
{
    bool events = a->head.framing == FRAMING_SSE;
    return !a->body.whole && events && a->way->kind == CALL_GENERATE && answer_complete(&a->body.answer);
}

void body_end(struct attempt *a)
{
    if (a->body.whole)
        end_whole(a);
    else
        end_stream(a);
}

enum verdict attempt_body(struct attempt *a)
{
    if (a->body.complete || a->err) return STEP_NEXT;
    return STEP_WAIT;
}
