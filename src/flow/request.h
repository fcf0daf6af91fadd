/* A request and its attempt, from socket to ledger: one sub-struct a step.
 *
 * Only a step's own file writes its sub-struct; later steps may read it. There is
 * no error path beside: request_fail() notes what went wrong and jumps forward
 * to `answer`, and the steps after it run as always.
 *
 * Lifetimes: a request belongs to one worker for life and lies in its own arena.
 * The client's exchange may end before it (hung up, answered); what is needed
 * later is copied while the exchange lives. */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include "dialect/dialect.h"
#include "flow/idempotency.h"
#include "flow/paths.h"
#include "flow/tokens.h"
#include "flow/translate.h"
#include "flow/worker.h"
#include "ledger/ledger.h"
#include "net/http_client.h"
#include "net/sse.h"
#include "policy/burn.h"

enum request_step {
#define STEP(name, waits, text) REQUEST_##name,
#include "flow/request.def"
#undef STEP
    REQUEST_STEPS
};

enum attempt_step {
#define STEP(name, waits, text) ATTEMPT_##name,
#include "flow/attempt.def"
#undef STEP
    ATTEMPT_STEPS
};

/* What a step says when it returns. */
enum verdict {
    STEP_NEXT, /* done: on to the next */
    STEP_WAIT, /* woken again by an event */
    STEP_JUMP, /* `step` was set: go there */
    STEP_OVER, /* the request or attempt is over */
};

struct request;
struct trial;
struct repair;

/* A way to carry the call: a target, and what it is asked. Lifetime: the request. */
struct way {
    struct target *target;
    struct payer payer;              /* who pays, with this target's provider and model */
    enum call_kind kind;             /* what the target is asked */
    bool translated;                 /* it speaks another dialect than the client */
    bool lenient;                    /* what its dialect cannot say may be dropped */
    bool lowerable;                  /* the client set no output limit of its own */
    bool by_call;                    /* another path whose price knows no tokens */
    const struct setting_rung *rung; /* of the model's ladder; NULL: none */
    enum mishap only_for;            /* tried after such a mishap alone; MISHAP_COUNT: in its turn */
    str dropped;                     /* fields that were dropped, for the warning header */
    unsigned without;                /* left out to see whether the target takes the call then: enum target_field */
    int64_t input_tokens;            /* upper bound */
    struct price_bound_ask ask;
    int64_t max_output; /* tokens a choice, as far as the plan knows; -1: the kind has none */
};

struct attempt {
    struct request *request;
    const struct way *way;
    enum attempt_step step;
    enum attempt_reason reason;
    unsigned number;
    unsigned way_number; /* its place among the call's attempts at its way, from 1; 0: it has not begun */
    uint64_t id;
    enum err err;        /* how it ended */
    const char *err_why; /* for people; in the request's arena */
    bool over;           /* posted or void */
    bool began;          /* http_call_start() was called: the provider may have been reached */
    bool wire_done;      /* the connection is free again */
    struct deadline deadline;
    struct trial *trial;   /* its answer is tested (trial.c); NULL: it is not */
    struct repair *repair; /* what it is told beside the call (repair.c); NULL: nothing */

    struct {
        struct health_pass pass;
        struct health_waiter waiter;
        struct mail mail;
        bool asked;
    } enter;

    struct {
        struct hold hold;
        struct budget_waiter waiter;
        struct mail mail;
        struct budget_amounts amounts;
        int64_t max_output;                   /* tokens that the provider enforces; -1: the kind has none */
        int64_t input_tokens;                 /* bound of the text; lower than the plan's where it was counted */
        struct tokens_walk *walk;             /* that count */
        int64_t admitted_us;                  /* wall clock: decides windows */
        int64_t since_us, wait_us;            /* monotonic; how long it waited */
        int64_t until_us;                     /* monotonic: the end of waiting */
        uint64_t position;                    /* in the journal */
        const struct budget_rule *refused_by; /* for good; NULL: by none */
        const struct budget_rule *burning;    /* whose pace ended the attempt; NULL: none */
        struct burn_state burn;
        bool held, asked, journaled, lowered, counted;
    } hold;

    struct {
        struct http_call call;
        struct buf head; /* the request's head as sent; freed once it is */
        struct buf body; /* the same of a translated body */
        str left_out;    /* fields that did not fit beside what else a translated call says */
        bool add_usage;
        int64_t connect_us;   /* how long a connection took */
        int64_t first_by_us;  /* monotonic: its first token is due */
        int64_t give_up_us;   /* ... sooner, where another target could have its turn; INT64_MAX: not so */
        int64_t resumed_us;   /* monotonic: its client read again; 0: it has read all the time */
        bool give_up_clients; /* ... for the client's sake */
        bool given_up;        /* it was: another one has its turn */
    } wire;

    struct {
        int status;
        bool json;
        enum framing framing; /* of a stream */
        uint64_t length;      /* of a body of known length; 0: unknown */
    } head;

    struct {
        struct answer answer;
        struct translation *translation; /* NULL: none, or not begun */
        struct buf held;                 /* for the client, until there is content: another attempt may follow */
        struct buf kept;                 /* whole: the body so far; streamed: an event in parts */
        struct buf withheld;             /* the protocol's end, until it is posted */
        struct framer framer;
        size_t passed;             /* bytes of the event in `kept` that went on already */
        int64_t first_us, last_us; /* monotonic: first and latest output */
        int64_t bytes;             /* received */
        int64_t progress_us;       /* monotonic: last progress record */
        bool whole;                /* gather before the head goes out; false: the client's head is out */
        bool spilled;              /* a whole body above the ceiling: it streams */
        bool replayed;             /* it came whole, and goes to the client as a stream */
        bool complete;             /* by its protocol's own ending */
    } body;

    struct {
        struct cost cost;
        picousd cost_max;
        struct budget_amounts used;
        bool usage_exact;
        bool accepted;   /* by its rung's tests, or the rung has none */
        struct row *due; /* that is not written yet: see post_write_due(); NULL: none is */
        int64_t due_us;  /* monotonic: when it was posted */
    } post;
};

/* The targets of a name, or its rungs, and one for each mishap; `tried` has a bit for each. */
enum { PLAN_WAYS_MAX = MODEL_TARGETS_MAX + MISHAP_COUNT };
_Static_assert(PLAN_WAYS_MAX <= 32, "a bit each");

struct request {
    struct worker *worker;
    struct lease *lease;     /* the settings it runs under */
    struct http_exchange *x; /* NULL once the client is gone or answered */
    struct list link;        /* in the worker's list */
    struct task task;
    enum request_step step;
    struct arena arena;
    uint64_t id;
    int64_t started_us; /* monotonic */
    int64_t at_us;      /* wall clock */
    bool sampled;       /* its steps are timed */
    uint64_t inner_ns;  /* of the step that runs: spent in attempts' steps */

    enum err err; /* what the client is told */
    str err_message, err_param;
    str err_headers; /* raw lines: Retry-After and the like */

    struct {
        enum call_kind kind;
        struct call_path_found path;
        bool models;             /* asks which models there are: no call to a provider */
        enum dialect_id dialect; /* in whose shape the client is told errors */
        bool form;               /* the body is multipart/form-data */
        bool reads;              /* another path, GET, HEAD or DELETE: free, and nothing of its answer is read */
        str body;                /* borrowed from the exchange until it is sent */
        size_t body_bytes;
    } receive;

    struct {
        const struct key *key;
    } authenticate;

    struct {
        struct call call;
        struct payer payer;
        str task, session, prompt, tags;
        const struct setting_feature *feature;
        unsigned client_retries;
        struct budget_expected expected;
        bool finish_on_disconnect;
        bool unstored; /* Responses: `store: false`, its client sends items whole */
    } attribute;

    struct {
        struct idempotency_id id;
        str key;
        struct idempotency_waiter waiter;
        struct mail mail;
        struct deadline deadline; /* the client's, while it waits */
        struct buf headers, body; /* what the client was sent so far, where this call makes the answer */
        size_t room;              /* taken for them */
        int status;               /* of that */
        int replayed_status;      /* of an answer of before; 0: it was none */
        bool mine;                /* this call makes the answer */
        bool waits;               /* for the one that does */
        bool whole;               /* the answer is good, and all of it is there */
    } recall;

    struct {
        struct runaway_at at; /* where the call was counted; 0: nowhere */
        uint64_t message;     /* hash of what it is about */
        int64_t tokens;       /* as was told */
        struct deadline wait; /* it is slowed down */
        bool waits;
        str headers; /* a warning: raw lines */
    } watch;

    struct {
        struct limit_take take;
        bool taken;
        str headers; /* x-ratelimit-*: raw lines */
    } limit;

    struct request_plan {
        struct way *ways; /* in the order in which they are tried; they stay where they are */
        size_t count, room;
        const struct setting_model *model; /* NULL: a name that `models:` does not have */
        struct setting_attempts attempts;
        struct canon_call *canon;           /* the call, where a way leads to another dialect; else NULL */
        str echo;                           /* what the client's protocol repeats of the call */
        bool downgraded;                    /* a budget sent it to a cheaper model, or would have */
        const struct setting_model *before; /* `model` until then */
    } plan;

    struct {
        struct tokens_walk *walk;  /* a call that only counts, and is counted here; else NULL */
        int64_t expected;          /* input tokens that the first target is thought to bill; 0: not looked at */
        struct tokens_walk *bound; /* its texts as counted for an attempt's bound; NULL: they were not */
        int64_t rest;              /* bytes that are in none of them */
    } count;

    struct {
        bool begun;                  /* what an attempt answers is on its way to the client */
        bool opened;                 /* the client's head is out, and nothing behind it but signs of life */
        struct deadline sign;        /* the next sign of life */
        int64_t first_us;            /* monotonic: the first attempt began */
        int64_t deadline_us;         /* monotonic: the client waits no longer; 0: it did not say */
        uint32_t tried;              /* ways, a bit each */
        uint32_t repeats;            /* at a target that had failed */
        uint8_t met[PLAN_WAYS_MAX];  /* attempts that began, by way */
        struct deadline wait, hedge; /* until the next attempt; until the second one */
        bool waits;                  /* for `wait` */
        const struct way *next_way;  /* goes next; NULL: none is due */
        enum attempt_reason next_reason;
        int status;  /* that the client was told; 0: none, or its exchange still knows */
        bool done;   /* the client has its whole answer, or is gone */
        bool paused; /* the client reads too slowly: the provider's side rests */
    } answer;

    struct request_ladder {
        uint32_t replies;                      /* rungs that are rules and answer this call, a bit each */
        str schema;                            /* that the call asks for; empty: none */
        bool wants_object;                     /* it asks for a JSON object of any kind */
        bool no_model;                         /* none of its models is for this call */
        const struct way *next_way;            /* behind an answer that was not accepted */
        const struct setting_rung *next_reply; /* comes before that */
        struct repair *repair;                 /* comes before both */
        bool repairs;                          /* there would be one */
        uint32_t repaired;                     /* ways that were asked once more, a bit each */
    } ladder;

    struct {
        enum degrade_reason why; /* answered without a provider; DEGRADE_NONE: not so */
    } degrade;

    struct attempt *attempt; /* the one that answers, or would */
    struct attempt *rival;   /* a second one beside it: whichever has content first answers */
    struct attempt *refused; /* over; its answer is the call's should all that followed fail */
    unsigned attempts;
    picousd cost_so_far;   /* of attempts that are over */
    int64_t tokens_so_far; /* likewise */
};

/* ---- flow.c: the loop over the tables */
void request_start(struct worker *w, struct http_exchange *x);
/* Runs it at the end of this turn. */
void request_wake(struct request *r);
/* Notes the failure and jumps to `answer`. The first one stays. `message`, `param` and
 * `headers` must live in the request's arena or be static. */
enum verdict request_fail(struct request *r, enum err e, str message);
enum verdict request_fail_param(struct request *r, enum err e, str message, str param);
/* The failure is none: something else works, and the step that runs goes on. */
void request_forgive(struct request *r, enum request_step step);
/* The same in an attempt: it jumps to `post`. */
enum verdict attempt_fail(struct attempt *a, enum err e, const char *why);
/* Owns: whoever keeps it frees it. */
struct attempt *attempt_new(struct request *r, const struct way *way, enum attempt_reason reason);
void attempt_free(struct attempt *a);
/* The row that was put off, by what has become of the answer: used, where the attempt has no error. */
void post_write_due(struct attempt *a);
void attempt_wake(struct attempt *a);
/* Runs it as far as it goes. True: it is over. */
bool attempt_run(struct attempt *a);
/* The exchange goes on without it, or is over. */
void request_leave_client(struct request *r);
/* The client went away: `finish_on_disconnect` decides. */
void request_client_gone(struct request *r);
void request_cancel(struct request *r, enum err e, const char *why);
/* Timing of what an attempt does between its steps: 0 where the request is no sample. */
uint64_t attempt_clock(const struct attempt *a);
void attempt_time(struct attempt *a, enum attempt_step step, uint64_t from_ns);
const char *request_step_name(enum request_step s);
const char *attempt_step_name(enum attempt_step s);

/* ---- the steps */
#define STEP(name, waits, text) enum verdict step_##name(struct request *r);
#include "flow/request.def"
#undef STEP
#define STEP(name, waits, text) enum verdict attempt_##name(struct attempt *a);
#include "flow/attempt.def"
#undef STEP

/* Gives its limits back and notes what it was, once: before the end goes out, so that a client's next call, which
 * another worker may take at once, finds it over. */
void record_settle(struct request *r);
/* A call that waits to be repeated goes on now. */
void answer_end_wait(struct request *r);

/* ---- between steps */
/* ways.c: all that `name` leads to becomes the plan's model, attempts and ways. Fails: false with the request failed. */
bool ways_find(struct request *r, str name) MUST_CHECK;
/* How many ways its model can have. */
size_t ways_most(const struct request *r);
/* plan.c: one more way, behind the others: at most PLAN_WAYS_MAX. */
struct way *plan_add_way(struct request *r, struct target *target);
/* Makes the plan anew for this name, once a call, with nothing under way. Fails: false with the request failed
 * and the old plan in place. */
bool plan_downgrade(struct request *r, str name) MUST_CHECK;
/* receive.c: what is served, for a path that is not. */
str receive_not_found(struct request *r);
/* plan.c: the most that providers bill for the call's input where its text is so many tokens. */
int64_t plan_input_bound(const struct call *call, const struct target *target, int64_t text_tokens);
/* passthrough.c: a path of the provider's that could be carried, if a key may; what a call
 * to it is for and where it goes (fails: false with the request failed); its bound. */
bool passthrough_may_be(const struct http_request *q);
bool passthrough_reads(str method);
bool passthrough_attribute(struct request *r) MUST_CHECK;
void passthrough_plan(struct request *r, struct way *way);
/* labels.c: user, feature, task, session, prompt and tags, from the headers; then what is
 * still missing from the body that was read. Fails: false with the request failed. */
bool labels_read(struct request *r) MUST_CHECK;
void labels_read_body(struct request *r);
/* stored.c: is what a call names its key's own? `*at` becomes the provider that stores
 * it, or must be it already. Fails: false with the request failed. */
struct stored_id {
    str text;
    str what;  /* "File" */
    str param; /* the body's field, if any */
};
bool stored_check(struct request *r, const struct stored_id *id, const struct setting_provider **at) MUST_CHECK;
/* deployment.c: the path names the model, and the body is one that names it, too: it is made to say the same. True: the
 * body is another. Of JSON after parsing, of a form after its reading. */
bool deployment_spell_out(struct request *r);
bool deployment_spell_form(struct request *r);
/* Responses: what purser itself answered is named by its id; then it stands in the body. True: the body is another. */
bool references_spell_out(struct request *r);
/* An answer is whole: keeps what later calls may name. The worker's document is another one afterwards. */
void references_keep(struct request *r);
bool stored_check_body(struct request *r, const struct json *doc, const struct setting_provider **at) MUST_CHECK;
/* recall.c: is a copy kept of what goes to the client? Its head, its bytes, its end; what
 * becomes of it when the call is over. */
bool recall_listens(const struct request *r);
void recall_begin(struct request *r, int status, str headers);
void recall_add(struct request *r, str bytes);
void recall_whole(struct request *r);
void recall_end(struct request *r);
/* watch.c: how a call ended that was looked at. */
void watch_end(struct request *r);
/* models.c: does it ask which models there are? The answer. */
bool models_asked(const struct http_request *q);
enum verdict models_answer(struct request *r);
/* enter.c: is the target guarded for this call? The first content came; the attempt is over (harmless twice). */
bool enter_guards(const struct request *r);
void enter_first_token(struct attempt *a, int64_t now_us);
void enter_leave(struct attempt *a);
/* head.c: the head of the request to the provider, for this body. Fails: false where the provider has no
 * such endpoint. */
bool head_write(struct attempt *a, const struct iovec *body, size_t body_count) MUST_CHECK;
/* wire.c: builds the request's head and pieces and begins. Fails: false with the attempt failed. */
bool wire_start(struct attempt *a) MUST_CHECK;
/* The worker's document becomes this call's body again. Fails: false where the body is gone. */
bool wire_read_body(struct request *r) MUST_CHECK;
/* Does an attempt of the call still send it, or may one? */
bool wire_needs_request(const struct request *r);
/* Fields that purser does not write there: the target does not know them, or that is being found out.
 * Sets of enum target_field, as below. */
unsigned wire_left_out(const struct way *way);
/* It is to tell log-probabilities for its rung, which the call does not ask for. */
bool wire_asks_logprobs(const struct attempt *a);
/* Fields that purser wrote into this attempt's call, or would write under another name. */
unsigned wire_fields(const struct attempt *a);
/* Nobody needs the client's request any more. */
void wire_drop_request(struct attempt *a);
const struct http_call_events *wire_events(void);
/* mask.c: `text` without what purser shows the provider to be let in; a copy in the request's arena where it is there. */
str mask_secrets(const struct attempt *a, str text);
/* body.c: bytes from the provider. */
void body_feed(struct attempt *a, str bytes);
void body_end(struct attempt *a);
/* All has come of a stream that has no end of its own but that of its connection (Gemini's): it lacks nothing
 * where that breaks. */
bool body_has_all(const struct attempt *a);
/* Before a stream that broke is settled: what of an event went on early may be all of it but its empty line.
 * The client takes it as an event, so it counts as one. */
void body_take_part(struct attempt *a);
/* client.c: towards the client. All do nothing when it is gone. What an attempt sends first claims the client for it. */
bool client_send(struct attempt *a, str bytes);
void client_begin_stream(struct attempt *a);
void client_finish_stream(struct request *r, str last);
void client_stream_error(struct request *r, enum err e, str message);
void client_respond_whole(struct request *r);
/* Header lines with purser's id of the call: as x-purser-request-id, and by the name that the client's family has for
 * it, unless `passed_on`: then the provider's own stands there. */
void client_name_call(const struct request *r, bool passed_on, struct buf *out);
/* The body alone; a wait that the header lines tell stands in it, too, where the protocol has a place for it. */
void client_write_error(const struct request *r, enum err e, str message, str param, str headers, struct buf *body);
void client_respond_error(struct request *r, enum err e, str message, str param, str headers);
/* In the provider's own words, where they are the client's business. */
void client_respond_provider_error(struct request *r);
/* What the client is told of an attempt that failed: what the provider itself said in band comes first. */
enum err client_err_of(const struct attempt *a);
/* post.c: the id of what the provider keeps of an answer, for later calls; empty: nothing. Of Anthropic's messages those
 * in a thread alone. */
str attempt_object(const struct attempt *a);
/* row.c: the ledger's view of an attempt. */
void row_fill(const struct attempt *a, int64_t now_us, struct row *row);
/* ... and of what it may cost, while it runs: what a crash would leave. */
void row_guess(const struct attempt *a, int64_t now_us, struct row *row);
/* late.c: budgets that a reload added while the attempt ran. */
void late_post(struct attempt *a, const struct budget_amounts *used, struct row *row);
/* estimate.c: what an attempt cost whose usage nobody told. */
struct estimate {
    struct usage usage;
    struct cost cost;
    picousd cost_max;
};
int64_t estimate_input_blind(const struct call *call);
void estimate_blind(const struct attempt *a, int64_t now_us, struct estimate *out);

#endif
