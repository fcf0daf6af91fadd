/* A stream for a Gemini client: GenerateContentResponses without event names. Text goes out as
 * it comes, a function call when it is whole, finish reasons and usage in one last chunk.
 * Google's clients take a chunk for valid only where each content has a part. */
#include "dialect/canon_cite.h"
#include "dialect/gemini.h"

enum { CITATIONS_MAX = 256 };

/* A JSON string under construction, in the arena: a stream may end at any time. */
struct pieces {
    char *p;
    size_t n, cap;
};

struct chunk_choice {
    bool open, finished;
    struct canon_part part; /* the open block */
    struct pieces arguments;
    jraw signature;
    enum canon_stop stop;
    str stop_raw;
    jraw extras;
    struct canon_citation *citations, *last_citation;
    int citation_count;
    bool grounded; /* what cites went out beside them, as Google said it */
};

struct chunk_state {
    str id, model;
    enum dialect_id from;
    int64_t choices;
    struct chunk_choice *choice[CANON_CHOICES_MAX]; /* NULL: not seen */
};

static struct chunk_choice *choice_at(struct canon_encoder *e, int64_t i)
{
    struct chunk_state *s = e->state;
    if (!s->choice[i]) s->choice[i] = arena_zalloc(e->arena, sizeof(*s->choice[i]));
    if (i >= s->choices) s->choices = i + 1;
    return s->choice[i];
}

/* ---- frames of a chunk */

static void begin(struct canon_encoder *e)
{
    buf_add(&e->json, S("{\"candidates\":["));
}

static void begin_candidate(struct canon_encoder *e)
{
    canon_comma(&e->json);
    buf_add(&e->json, S("{\"content\":{\"parts\":["));
}

static void end_content(struct canon_encoder *e)
{
    buf_add(&e->json, S("],\"role\":\"model\"}"));
}

static void emit(struct canon_encoder *e, const struct usage *usage)
{
    struct chunk_state *s = e->state;
    buf_add_byte(&e->json, ']');
    if (usage && usage->known) gemini_put_usage(&e->json, usage);
    canon_put_text(&e->json, S("modelVersion"), s->model.n ? s->model : e->model);
    canon_put_text(&e->json, S("responseId"), s->id.n ? s->id : e->seed);
    buf_add_byte(&e->json, '}');
    canon_emit(e, STR_NONE);
}

static void end_candidate(struct canon_encoder *e, int64_t choice)
{
    end_content(e);
    canon_put_i64(&e->json, S("index"), choice);
    buf_add_byte(&e->json, '}');
    emit(e, NULL);
}

/* ---- pieces */

static bool is_thought(const struct chunk_choice *c)
{
    return c->part.kind == PART_REASONING || c->part.kind == PART_REDACTED;
}

static void put_text(struct canon_encoder *e, const struct canon_delta *d, jraw text, jraw signature)
{
    begin(e);
    begin_candidate(e);
    buf_add_byte(&e->json, '{');
    canon_put_raw(&e->json, S("text"), text);
    if (is_thought(choice_at(e, d->choice))) canon_put_bool(&e->json, S("thought"), true);
    canon_put_raw(&e->json, S("thoughtSignature"), signature);
    buf_add_byte(&e->json, '}');
    end_candidate(e, d->choice);
}

/* Gemini's own goes as it is, another dialect's reasoning in a form that comes back to it. */
static jraw signature_for(struct canon_encoder *e, const struct chunk_choice *c, jraw signature)
{
    struct chunk_state *s = e->state;
    enum dialect_id of = c->part.signer ? (enum dialect_id)(c->part.signer - 1) : s->from;
    if (of == DIALECT_GEMINI) return signature;
    if (!is_thought(c)) return RAW_NONE;
    return canon_carry_bytes(e->arena, of, c->part.kind == PART_REDACTED ? CARRY_REDACTED : CARRY_REASONING, signature);
}

static void take_signature(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_choice *c = choice_at(e, d->choice);
    jraw signature = signature_for(e, c, d->piece);
    if (!signature.json.p) return;
    if (c->part.kind == PART_TOOL_CALL || c->part.kind == PART_REDACTED)
        c->signature = canon_keep(e->arena, d->piece);
    else
        put_text(e, d, (jraw){S("\"\"")}, signature);
}

static void take_arguments(struct canon_encoder *e, struct chunk_choice *c, jraw piece)
{
    struct pieces *a = &c->arguments;
    str more = canon_inside(piece);
    if (a->n + more.n + 2 > CANON_ARGUMENTS_MAX) {
        e->broken = true;
        return;
    }
    if (a->n + more.n + 2 > a->cap) { /* room for the quotes, too */
        size_t cap = (a->n + more.n + 2) * 2;
        char *p = arena_alloc(e->arena, cap);
        if (a->n) memcpy(p, a->p, a->n);
        a->p = p;
        a->cap = cap;
    }
    if (!a->n) a->p[a->n++] = '"';
    if (more.n) memcpy(a->p + a->n, more.p, more.n);
    a->n += more.n;
}

/* ---- blocks */

static void start_block(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = e->state;
    struct chunk_choice *c = choice_at(e, d->choice);
    c->open = true;
    c->signature = RAW_NONE;
    c->part = d->part ? *d->part : (struct canon_part){.kind = PART_TEXT};
    c->part.next = NULL;
    c->part.tool.id = arena_str(e->arena, c->part.tool.id);
    c->part.id = arena_str(e->arena, c->part.id);
    c->part.tool.name = arena_str(e->arena, c->part.tool.name);
    c->arguments.n = 0;
    if (c->part.kind == PART_REDACTED) c->signature = canon_keep(e->arena, c->part.signature);
    if (c->part.kind == PART_TOOL_CALL && !c->part.tool.id.n && s->from != DIALECT_GEMINI)
        c->part.tool.id = arena_printf(e->arena, "call_%" STR_FMT "_%lld_%lld", STR_ARG(e->seed), (long long)d->choice,
                                       (long long)d->block);
}

static void put_function_call(struct canon_encoder *e, const struct canon_delta *d, struct chunk_choice *c)
{
    struct chunk_state *s = e->state;
    struct gemini_writer w = {
        .out = &e->json, .arena = e->arena, .from = s->from, .own = s->from == DIALECT_GEMINI, .to_client = true};
    c->part.tool.arguments = STR_NONE;
    if (c->arguments.n) {
        c->arguments.p[c->arguments.n++] = '"';
        c->part.tool.arguments = canon_decode(e->arena, (jraw){str_of(c->arguments.p, c->arguments.n)});
    }
    c->part.signature = c->signature;
    c->part.extras = (struct canon_extras){0};
    c->part.value = RAW_NONE;
    begin(e);
    begin_candidate(e);
    (void)gemini_put_part(&w, &c->part);
    end_candidate(e, d->choice);
}

/* Images, code that ran ...: whole as they began. */
static void put_whole(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = e->state;
    struct gemini_writer w = {
        .out = &e->json, .arena = e->arena, .from = s->from, .own = s->from == DIALECT_GEMINI, .to_client = true};
    begin(e);
    begin_candidate(e);
    if (gemini_put_part(&w, d->part))
        end_candidate(e, d->choice);
    else
        buf_clear(&e->json);
}

static bool comes_whole(enum canon_part_kind kind)
{
    return kind == PART_IMAGE || kind == PART_AUDIO || kind == PART_VIDEO || kind == PART_DOCUMENT ||
           kind == PART_OPAQUE;
}

static void stop_block(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_choice *c = choice_at(e, d->choice);
    if (c->open && c->part.kind == PART_TOOL_CALL && !e->broken) put_function_call(e, d, c);
    if (c->open && c->part.kind == PART_REDACTED) put_text(e, d, (jraw){S("\"\"")}, signature_for(e, c, c->signature));
    c->open = false;
}

/* ---- the end */

/* Google's own, in the chunk that they came in. */
static void put_grounding(struct canon_encoder *e, const struct canon_delta *d)
{
    begin(e);
    begin_candidate(e);
    buf_add(&e->json, S("{\"text\":\"\"}"));
    end_content(e);
    canon_put_i64(&e->json, S("index"), d->choice);
    canon_comma(&e->json);
    buf_add(&e->json, d->part->extras.members);
    buf_add_byte(&e->json, '}');
    emit(e, NULL);
}

static void take_citation(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = e->state;
    struct chunk_choice *c = choice_at(e, d->choice);
    if (s->from == DIALECT_GEMINI && d->part && d->part->extras.members.n) {
        put_grounding(e, d);
        c->grounded = true;
    }
    const struct canon_citation *given = d->part ? d->part->citations : NULL;
    if (!given || c->citation_count >= CITATIONS_MAX) return;
    struct canon_citation plain = *given, *own;
    plain.value = RAW_NONE; /* never a chunk's own: those go on as they came */
    own = canon_cite_keep(e->arena, &plain);
    if (c->last_citation)
        c->last_citation->next = own;
    else
        c->citations = own;
    c->last_citation = own;
    c->citation_count++;
}

static void take_logprobs(struct canon_encoder *e, const struct canon_delta *d)
{
    begin(e);
    begin_candidate(e);
    buf_add(&e->json, S("{\"text\":\"\"}"));
    end_content(e);
    gemini_put_logprobs(&e->json, d->piece);
    canon_put_i64(&e->json, S("index"), d->choice);
    buf_add_byte(&e->json, '}');
    emit(e, NULL);
}

static void take_finish(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = e->state;
    struct chunk_choice *c = choice_at(e, d->choice);
    c->finished = true;
    c->stop = d->stop;
    c->stop_raw = arena_str(e->arena, d->stop_raw);
    if (s->from == DIALECT_GEMINI) c->extras = canon_keep(e->arena, d->extras);
}

static void put_last(struct canon_encoder *e, const struct usage *usage)
{
    struct chunk_state *s = e->state;
    begin(e);
    for (int64_t i = 0; i < s->choices; i++) {
        const struct chunk_choice *c = s->choice[i];
        if (!c || !c->finished) continue;
        begin_candidate(e);
        buf_add(&e->json, S("{\"text\":\"\"}"));
        end_content(e);
        if (s->from == DIALECT_GEMINI || c->stop != STOP_NONE)
            gemini_put_reason(&e->json, s->from, c->stop, c->stop_raw);
        canon_put_i64(&e->json, S("index"), i);
        if (c->extras.json.n > 2) {
            canon_comma(&e->json);
            buf_add(&e->json, canon_inside(c->extras));
        } else if (c->citations && !c->grounded) {
            str words = canon_placing_words(e, i);
            jraw text = {arena_printf(e->arena, "\"%" STR_FMT "\"", STR_ARG(words))};
            struct gemini_cited all = {c->citations, words.p ? canon_decode(e->arena, text) : STR_NONE, 0};
            gemini_put_citations(&e->json, &all, 1);
        }
        buf_add_byte(&e->json, '}');
    }
    emit(e, usage);
}

static void take_start(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = arena_zalloc(e->arena, sizeof(*s));
    s->id = arena_str(e->arena, d->id);
    s->model = arena_str(e->arena, d->model);
    s->from = d->from;
    e->state = s;
}

static void encode(struct canon_encoder *e, const struct canon_delta *d)
{
    struct chunk_state *s = e->state;
    if (d->kind == DELTA_START && !s) take_start(e, d);
    if (!s || d->choice < 0 || d->choice >= CANON_CHOICES_MAX) return;
    switch (d->kind) {
    case DELTA_BLOCK_START:
        start_block(e, d);
        if (d->part && comes_whole(d->part->kind)) put_whole(e, d);
        break;
    case DELTA_TEXT:
        put_text(e, d, d->piece, RAW_NONE);
        break;
    case DELTA_ARGUMENTS:
        take_arguments(e, choice_at(e, d->choice), d->piece);
        break;
    case DELTA_SIGNATURE:
        if (!comes_whole(choice_at(e, d->choice)->part.kind)) take_signature(e, d);
        break;
    case DELTA_CITATION:
        take_citation(e, d);
        break;
    case DELTA_LOGPROBS:
        take_logprobs(e, d);
        break;
    case DELTA_BLOCK_STOP:
        stop_block(e, d);
        break;
    case DELTA_FINISH:
        take_finish(e, d);
        break;
    case DELTA_END:
        put_last(e, d->usage);
        break;
    default:
        break;
    }
}

/* Google's clients join the chunks' texts: places count in all of it. */
void gemini_encode_delta(struct canon_encoder *e, const struct canon_delta *d)
{
    canon_encode_placed(e, d, PLACING_ALL | PLACING_WORDS, encode);
}
