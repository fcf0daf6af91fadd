/* recall: a call that comes again with its Idempotency-Key gets the answer of before, byte for byte,
 * or waits for the call that is making it. What is replayed costs nothing, and takes no limit.
 *
 * The one that makes the answer keeps a copy of what its client is sent, also when that client has gone:
 * its own second try is who asks for it. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/purser.h"

enum {
    KEY_BYTES_MAX = 255,
    SHARE_OF_ALL = 8, /* one answer takes at most this part of the memory for all */
    ROOM_FIRST = 4 * 1024,
};

static const struct setting_idempotency *rules_of(const struct request *r)
{
    return &r->lease->snapshot->settings->idempotency;
}

static struct idempotency *table_of(const struct request *r)
{
    return r->worker->purser->idempotency;
}

/* ---- asking */

static void wake_from_mail(struct mail *m)
{
    request_wake(CONTAINER_OF(m, struct request, recall.mail));
}

static void on_deadline(struct deadline *d)
{
    request_wake(CONTAINER_OF(d, struct request, recall.deadline));
}

/* On any thread: the call that it waited for is over. */
static void on_over(struct idempotency_waiter *w)
{
    struct request *r = CONTAINER_OF(w, struct request, recall.waiter);
    mail_send(r->worker, &r->recall.mail);
}

static void leave(struct request *r)
{
    if (!r->recall.waits) return;
    r->recall.waits = false;
    deadline_clear(&r->recall.deadline);
    idempotency_leave(table_of(r), &r->recall.id, &r->recall.waiter);
    mail_clear(r->worker, &r->recall.mail);
}

static enum verdict replay(struct request *r, struct kept_answer *kept)
{
    str headers = arena_printf(&r->arena, "%" STR_FMT "x-purser-replayed: true\r\nx-purser-cost-usd: 0\r\n",
                               STR_ARG(kept->headers));
    http_respond(r->x, kept->status, headers, kept->body);
    r->recall.replayed_status = kept->status;
    kept_answer_put(kept);
    metrics_replayed(&r->worker->metrics);
    r->answer.done = true;
    r->step = REQUEST_record;
    return STEP_JUMP;
}

static enum verdict ask(struct request *r)
{
    struct kept_answer *kept = NULL;
    switch (idempotency_ask(table_of(r), &r->recall.id, time_mono_us(), &r->recall.waiter, &kept)) {
    case IDEMPOTENCY_MINE:
        leave(r);
        r->recall.mine = true;
        return STEP_NEXT;
    case IDEMPOTENCY_KEPT:
        leave(r);
        return replay(r, kept);
    case IDEMPOTENCY_RUNNING:
        if (!r->recall.waits && r->answer.deadline_us)
            deadline_set(&r->worker->loop, &r->recall.deadline, r->answer.deadline_us);
        r->recall.waits = true;
        return STEP_WAIT;
    case IDEMPOTENCY_OTHER:
        break;
    }
    leave(r);
    return request_fail_param(r, ERR_IDEMPOTENCY_KEY_USED,
                              arena_printf(&r->arena,
                                           "The Idempotency-Key '%" STR_FMT
                                           "' came before with another call: send a new key with a new call.",
                                           STR_ARG(str_head(r->recall.key, 60))),
                              S("Idempotency-Key"));
}

static enum verdict begin(struct request *r, str key)
{
    const struct http_request *q = &r->x->request;
    if (!key.n || key.n > KEY_BYTES_MAX)
        return request_fail(r, ERR_BAD_HEADER, S("The header Idempotency-Key must have 1 to 255 bytes."));
    r->recall.key = arena_str(&r->arena, key);
    r->recall.id = idempotency_id(table_of(r), r->attribute.payer.is[SCOPE_KEY], key, q->target, r->receive.body);
    mail_init(&r->recall.mail, wake_from_mail);
    deadline_init(&r->recall.deadline, on_deadline);
    idempotency_waiter_init(&r->recall.waiter, on_over);
    return ask(r);
}

static enum verdict go_on(struct request *r)
{
    bool late = r->answer.deadline_us && time_mono_us() >= r->answer.deadline_us;
    if (r->x && !r->worker->drain_over && !late) return ask(r);
    leave(r);
    if (r->x && late)
        return request_fail(r, ERR_PROVIDER_TIMEOUT,
                            S("The call with the same Idempotency-Key is still being answered at your deadline."));
    if (!r->x) return request_fail(r, ERR_CLIENT_GONE, S("the client hung up"));
    return request_fail(r, ERR_SHUTTING_DOWN, S("purser is stopping."));
}

enum verdict step_recall(struct request *r)
{
    if (r->recall.waits) return go_on(r);
    /* another path's keys are its provider's affair; counting costs nothing */
    if (!rules_of(r)->keep_us || r->receive.kind == CALL_PASSTHROUGH || tokens_asked(r)) return STEP_NEXT;
    str key = http_header_find(&r->x->request, S("idempotency-key"));
    return key.p ? begin(r, key) : STEP_NEXT;
}

/* ---- the copy of what goes to the client */

/* What was true of that moment, or of the money, is not of a replay. */
static bool is_stale(str line)
{
    static const str names[] = {STR_INIT("x-purser-cost-usd:"), STR_INIT("x-ratelimit-"),
                                STR_INIT("anthropic-ratelimit-"), STR_INIT("retry-after")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (line.n >= names[i].n && str_eq_nocase(str_head(line, names[i].n), names[i])) return true;
    return false;
}

bool recall_listens(const struct request *r)
{
    return r->recall.mine && !r->recall.body.overflow;
}

/* Room is taken in steps that double: most answers take one. */
static bool has_room(struct request *r, size_t bytes)
{
    size_t need = r->recall.body.n + bytes, room = r->recall.room ? r->recall.room : ROOM_FIRST;
    size_t most = (size_t)rules_of(r)->bytes / SHARE_OF_ALL;
    if (need <= r->recall.room) return true;
    while (room < need) room *= 2;
    if (need > most || !idempotency_take_room(table_of(r), room - r->recall.room, rules_of(r))) return false;
    r->recall.room = room;
    return true;
}

void recall_begin(struct request *r, int status, str headers)
{
    if (!recall_listens(r)) return;
    r->recall.status = status;
    while (headers.n) {
        str line = str_cut(&headers, '\n');
        if (!line.n || is_stale(line)) continue;
        buf_add(&r->recall.headers, line);
        buf_add_byte(&r->recall.headers, '\n');
    }
}

void recall_add(struct request *r, str bytes)
{
    if (!recall_listens(r)) return;
    bool fits = has_room(r, bytes.n) && buf_add(&r->recall.body, bytes);
    if (!fits) r->recall.body.overflow = true; /* it goes to its client alone */
}

void recall_whole(struct request *r)
{
    r->recall.whole = recall_listens(r) && r->recall.status >= 200 && r->recall.status < 300;
}

void recall_end(struct request *r)
{
    leave(r);
    if (!r->recall.mine) return;
    r->recall.mine = false;
    if (r->recall.whole && !r->recall.body.overflow) {
        struct kept_answer answer = {.status = r->recall.status,
                                     .headers = buf_str(&r->recall.headers),
                                     .body = buf_str(&r->recall.body)};
        idempotency_keep(table_of(r), &r->recall.id, &answer, rules_of(r), time_mono_us());
    } else {
        idempotency_free(table_of(r), &r->recall.id);
    }
    buf_free(&r->recall.headers);
    buf_free(&r->recall.body);
    idempotency_give_room(table_of(r), r->recall.room);
}
