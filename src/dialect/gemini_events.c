/* A stream of GenerateContentResponses as blocks.
 *
 * Text and thoughts come in pieces: they are one block until something else comes. A function
 * call comes whole. The finish reason may come before, with or behind the last piece, on
 * some models with every chunk, and STOP also ends an answer with function calls: so it is
 * told at the end, with what was seen until then. */
#include "dialect/canon_cite.h"
#include "dialect/gemini.h"

#include "base/hash.h"

enum { KEPT_MAX = 256 * 1024, CITED_MAX = 1024 };

struct choice_state {
    bool open, tool, had_signature;
    enum canon_part_kind kind; /* of the open block */
    int64_t block;             /* of the open one, or the next */
    jraw signature;            /* of the open text: told when it ends */
    str reason;
    jraw extras;              /* of the candidate that brought the reason */
    size_t kept;              /* bytes of them copied so far */
    struct canon_words words; /* all text, decoded: places count in it */
    int64_t chars, base;      /* of it, and of it before the open block */
    uint64_t *cited;          /* citations that were told */
    size_t cited_count;
};

struct stream_state {
    struct gemini_reader reader;
    struct call_problem ignored; /* answers are taken as they are */
    int64_t choices;             /* index of the last one seen, plus 1 */
    bool blocked;
    str block_reason, tier;
    struct choice_state *choice[CANON_CHOICES_MAX]; /* NULL: not seen */
};

str gemini_id_seed(struct arena *arena, str id, const struct json *doc)
{
    bool fits = id.n > 0 && id.n <= 40;
    for (size_t i = 0; i < id.n && fits; i++) {
        char c = id.p[i];
        fits = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
    }
    if (fits) return arena_printf(arena, "%" STR_FMT "_", STR_ARG(id));
    return arena_printf(arena, "%016llx_", (unsigned long long)hash_fnv(json_raw(doc, JSON_ROOT)));
}

static void give(struct canon_decoder *d, int64_t choice, struct canon_delta delta)
{
    struct stream_state *s = d->state;
    delta.choice = choice;
    delta.block = s->choice[choice] ? s->choice[choice]->block : 0;
    canon_give(d, &delta);
}

static void open_block(struct canon_decoder *d, int64_t choice, const struct canon_part *part)
{
    struct stream_state *s = d->state;
    struct choice_state *c = s->choice[choice];
    if (c->block >= CANON_BLOCKS_MAX) d->broken = "the answer has too many parts";
    struct canon_part start = *part; /* its pieces follow */
    start.next = NULL;
    if (part->kind == PART_TEXT || part->kind == PART_REASONING || part->kind == PART_TOOL_CALL) {
        start.text = RAW_NONE;
        start.tool.arguments = STR_NONE;
        if (part->kind != PART_TOOL_CALL)
            start.signature = RAW_NONE; /* a call's is known: some clients need it first */
    }
    c->open = true;
    c->base = c->chars;
    c->had_signature = false;
    c->kind = part->kind;
    give(d, choice, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &start});
}

static void close_block(struct canon_decoder *d, int64_t choice)
{
    struct stream_state *s = d->state;
    struct choice_state *c = s->choice[choice];
    if (!c->open) return;
    if (c->signature.json.p) give(d, choice, (struct canon_delta){.kind = DELTA_SIGNATURE, .piece = c->signature});
    give(d, choice, (struct canon_delta){.kind = DELTA_BLOCK_STOP});
    c->signature = RAW_NONE;
    c->open = false;
    c->block++;
}

/* Text goes on in the open block: the signature may come with its first piece. Two signatures are two blocks; so
 * are thoughts behind one. */
static void take_text(struct canon_decoder *d, int64_t choice, const struct canon_part *part)
{
    struct stream_state *s = d->state;
    struct choice_state *c = s->choice[choice];
    bool text = part->text.json.n > 2;
    if (!text && !part->signature.json.p) return;
    bool goes_on = c->kind == part->kind && !(c->had_signature && (part->signature.json.p || c->kind != PART_TEXT));
    if (c->open && !goes_on) close_block(d, choice);
    if (!c->open) open_block(d, choice, part);
    if (text && part->kind == PART_TEXT) {
        if (!c->words.full) canon_words_add(&c->words, d->arena, canon_decode(d->arena, part->text));
        c->chars += canon_length(part->text);
    }
    if (text) give(d, choice, (struct canon_delta){.kind = DELTA_TEXT, .piece = part->text});
    if (!part->signature.json.p) return;
    c->had_signature = true;
    if (c->kind == PART_TEXT)
        c->signature = (jraw){arena_str(d->arena, part->signature.json)};
    else
        give(d, choice, (struct canon_delta){.kind = DELTA_SIGNATURE, .piece = part->signature});
}

static void take_part(struct canon_decoder *d, int64_t choice, const struct canon_part *part)
{
    struct stream_state *s = d->state;
    if (part->kind == PART_TEXT || part->kind == PART_REASONING) {
        take_text(d, choice, part);
        return;
    }
    close_block(d, choice);
    open_block(d, choice, part);
    if (part->kind == PART_TOOL_CALL) {
        s->choice[choice]->tool = true;
        jraw arguments = canon_quote(d->arena, part->tool.arguments);
        give(d, choice, (struct canon_delta){.kind = DELTA_ARGUMENTS, .piece = arguments});
        if (part->signature.json.p)
            give(d, choice, (struct canon_delta){.kind = DELTA_SIGNATURE, .piece = part->signature});
    }
    close_block(d, choice);
}

/* {"text"} and {"text","thought"}, nearly all that comes: nothing is kept of them. */
static bool take_plain(struct canon_decoder *d, int64_t choice, const struct json *doc, json_ref at)
{
    json_ref key = json_type(doc, at) == JSON_OBJECT ? json_first(doc, at) : JSON_ABSENT;
    if (!key || json_type(doc, key + 1) != JSON_STRING || !json_string_is(doc, key, S("text"))) return false;
    json_ref next = json_next(doc, at, key + 1);
    bool thought = next && json_string_is(doc, next, S("thought")) && json_is_true(doc, next + 1);
    if (next && (!thought || json_next(doc, at, next + 1))) return false;
    struct canon_part part = {.kind = thought ? PART_REASONING : PART_TEXT, .text = {json_raw(doc, key + 1)}};
    take_text(d, choice, &part);
    return true;
}

/* Google repeats in later chunks what it found before. Beyond CITED_MAX nothing is told any more. */
static bool is_new(struct canon_decoder *d, struct choice_state *c, const struct canon_citation *given)
{
    if (!c->cited) c->cited = arena_alloc(d->arena, CITED_MAX * sizeof(*c->cited));
    const int64_t place[] = {given->start, given->end};
    uint64_t id = hash_in(c, given->url.json) ^ hash_in(c, given->id.json) * 3 ^ hash_in(c, given->title.json) * 5 ^
                  hash_in(c, str_of((const char *)place, sizeof(place))) * 7;
    for (size_t i = 0; i < c->cited_count; i++)
        if (c->cited[i] == id) return false;
    if (c->cited_count == CITED_MAX) return false;
    c->cited[c->cited_count++] = id;
    return true;
}

/* `extras`: what stands beside them in their chunk, for Google's own clients; NULL in the last one (keep_extras()). */
static void take_citations(struct canon_decoder *d, int64_t choice, json_ref candidate,
                           const struct canon_extras *extras)
{
    struct stream_state *s = d->state;
    struct choice_state *c = s->choice[choice];
    const struct json *doc = s->reader.doc;
    struct gemini_text text = {0};
    if (!gemini_cites(doc, candidate)) return;
    if (!c->words.full) text.all = c->words.p ? str_of(c->words.p, c->words.n) : S("");
    struct canon_citation *list = gemini_read_citations(d->arena, doc, candidate, &text);
    struct canon_part part = {.kind = PART_TEXT};
    if (extras) part.extras = *extras;
    for (struct canon_citation *next; list; list = next) {
        next = list->next;
        list->next = NULL;
        if (!is_new(d, c, list)) continue;
        if (c->open && c->kind != PART_TEXT) close_block(d, choice);
        if (!c->open) open_block(d, choice, &(struct canon_part){.kind = PART_TEXT});
        if (list->start >= 0) { /* what belongs to a block before can only be named */
            list->start = list->start > c->base ? list->start - c->base : 0;
            list->end = list->end > c->base ? list->end - c->base : 0;
        }
        part.citations = list;
        give(d, choice, (struct canon_delta){.kind = DELTA_CITATION, .part = &part});
        part.extras = (struct canon_extras){0};
    }
}

/* What only Gemini's own clients understand, of the chunk that ends the candidate. */
static void keep_extras(struct canon_decoder *d, struct choice_state *c, const struct canon_extras *extras)
{
    if (!extras->members.n || c->kept + extras->members.n > KEPT_MAX) return;
    c->kept += extras->members.n;
    c->extras = (jraw){arena_printf(d->arena, "{%" STR_FMT "}", STR_ARG(extras->members))};
}

static void take_candidate(struct canon_decoder *d, const struct json *doc, json_ref at, int64_t place)
{
    static const struct gemini_field fields[] = {{STR_INIT("content"), GEMINI_READ},
                                                 {STR_INIT("finishReason"), GEMINI_READ},
                                                 {STR_INIT("index"), GEMINI_READ}};
    struct stream_state *s = d->state;
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    int64_t index = place;
    (void)!gemini_fields(&s->reader, at, S(""), fields, COUNT_OF(fields), found, &extras);
    if (found[2] && (!json_i64(doc, found[2], &index) || index < 0 || index >= CANON_CHOICES_MAX)) index = place;
    if (!s->choice[index]) s->choice[index] = arena_zalloc(d->arena, sizeof(*s->choice[index]));
    struct choice_state *c = s->choice[index];
    if (index >= s->choices) s->choices = index + 1;
    json_ref list = found[0] ? openai_find(doc, found[0], S("parts")) : JSON_ABSENT;
    bool array = list && json_type(doc, list) == JSON_ARRAY;
    for (json_ref p = array ? json_first(doc, list) : JSON_ABSENT; p; p = json_next(doc, list, p)) {
        struct gemini_parts parts = {0};
        if (take_plain(d, index, doc, p)) continue;
        (void)!gemini_read_part(&s->reader, p, &parts);
        if (parts.first) take_part(d, index, parts.first);
    }
    json_ref logprobs = openai_find(doc, at, S("logprobsResult"));
    jraw tokens = logprobs ? gemini_read_logprobs(d->arena, doc, logprobs) : RAW_NONE;
    if (tokens.json.p && c->open && c->kind == PART_TEXT)
        give(d, index, (struct canon_delta){.kind = DELTA_LOGPROBS, .piece = tokens});
    str reason = gemini_reason_text(&s->reader, found[1]);
    bool goes_on = !reason.n || str_eq(reason, S("FINISH_REASON_UNSPECIFIED"));
    take_citations(d, index, at, goes_on ? &extras : NULL);
    if (goes_on) return;
    if (!str_eq(reason, c->reason)) c->reason = arena_str(d->arena, str_head(reason, 64));
    keep_extras(d, c, &extras);
}

static void start(struct canon_decoder *d, const struct json *doc)
{
    struct stream_state *s = d->state;
    str id = gemini_string(&s->reader, openai_find(doc, JSON_ROOT, S("responseId")));
    str model = gemini_string(&s->reader, openai_find(doc, JSON_ROOT, S("modelVersion")));
    struct usage usage; /* the prompt's, as far as it is counted; the last chunk has the last word */
    gemini_usage(doc, openai_find(doc, JSON_ROOT, S("usageMetadata")), &usage);
    struct canon_delta delta = {.kind = DELTA_START, .id = id, .model = model, .usage = usage.known ? &usage : NULL};
    s->reader.id_seed = gemini_id_seed(d->arena, id, doc);
    d->started = true;
    canon_give(d, &delta);
}

static struct stream_state *state_of(struct canon_decoder *d)
{
    if (d->state) return d->state;
    struct stream_state *s = arena_zalloc(d->arena, sizeof(*s));
    s->reader = (struct gemini_reader){.arena = d->arena, .problem = &s->ignored};
    d->state = s;
    return s;
}

void gemini_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    struct stream_state *s = state_of(d);
    int64_t place = 0;
    (void)event;
    if (d->broken || d->ended) return;
    s->reader.doc = doc;
    if (!d->started) start(d, doc);
    json_ref list = openai_find(doc, JSON_ROOT, S("candidates"));
    bool array = list && json_type(doc, list) == JSON_ARRAY;
    for (json_ref c = array ? json_first(doc, list) : JSON_ABSENT; c && place < CANON_CHOICES_MAX;
         c = json_next(doc, list, c), place++)
        if (json_type(doc, c) == JSON_OBJECT) take_candidate(d, doc, c, place);
    json_ref blocked = openai_find_in(doc, JSON_ROOT, S("promptFeedback"), S("blockReason"));
    if (!blocked || s->choices || s->blocked) return;
    s->blocked = true;
    s->block_reason = arena_str(d->arena, gemini_reason_text(&s->reader, blocked));
    if (!s->block_reason.n) s->block_reason = S("OTHER");
}

void gemini_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    struct stream_state *s = state_of(d);
    if (d->ended) return;
    if (!d->started) {
        struct canon_delta nothing = {.kind = DELTA_START};
        d->started = true;
        canon_give(d, &nothing);
    }
    for (int64_t i = 0; i < s->choices; i++) {
        struct choice_state *c = s->choice[i];
        if (!c) continue;
        close_block(d, i);
        give(d, i,
             (struct canon_delta){.kind = DELTA_FINISH,
                                  .stop = gemini_stop(c->reason, c->tool),
                                  .stop_raw = c->reason,
                                  .extras = c->extras});
    }
    if (!s->choices) /* encoders wait for an end */
        give(d, 0,
             (struct canon_delta){.kind = DELTA_FINISH,
                                  .stop = s->blocked ? STOP_FILTER : STOP_END,
                                  .stop_raw = s->block_reason});
    struct canon_delta end = {.kind = DELTA_END,
                              .usage = tap && tap->usage.known ? &tap->usage : NULL,
                              .service_tier = tap ? tap->service_tier : STR_NONE};
    d->ended = true;
    canon_give(d, &end);
}
