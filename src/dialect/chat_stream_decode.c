/* A chat stream as blocks: one open at a time for each choice, whatever the provider does.
 *
 * Servers differ in how they send calls of tools: with or without an index, whole or in
 * pieces, all under index 0, with an id in every piece. What tells one call from the next
 * is written at is_new_call(). */
#include "dialect/canon_cite.h"
#include "dialect/chat.h"

#include "base/hash.h"

struct call_slot {
    struct call_slot *next; /* the one before it: the last call is looked at first */
    int64_t index;          /* on the wire; -1: none was told */
    int64_t block;          /* -1: not begun, for want of a name */
    str id;
    bool arguments; /* some have come */
};

struct choice_state {
    int64_t block; /* the next one's index; the open one's is one less */
    enum canon_part_kind kind;
    bool open, tools, refused, over;
    int64_t before, length;   /* characters of the texts before the open one, and of its own */
    bool cited;               /* by annotations */
    struct canon_words words; /* the text in which numbers name sources */
    struct call_slot *calls;
    enum canon_stop stop;
    str stop_raw;
};

struct stream_state {
    struct chat_reader reader; /* for its helpers: nothing is noted in an answer */
    struct choice_state *choices[CANON_CHOICES_MAX];
    int64_t choice; /* under way */
    struct choice_state *c;
    struct canon_decoder *d;
};

/* ---- blocks */

static void give(struct stream_state *s, struct canon_delta delta)
{
    delta.choice = s->choice;
    delta.block = s->c->block - 1;
    canon_give(s->d, &delta);
}

static void close_block(struct stream_state *s)
{
    if (!s->c->open) return;
    s->c->open = false;
    if (s->c->kind == PART_TEXT) s->c->before += s->c->length;
    s->c->length = 0;
    give(s, (struct canon_delta){.kind = DELTA_BLOCK_STOP});
}

static bool open_block(struct stream_state *s, const struct canon_part *part)
{
    close_block(s);
    if (s->c->block >= CANON_BLOCKS_MAX) {
        s->d->broken = "the answer has too many parts";
        return false;
    }
    s->c->block++;
    s->c->kind = part->kind;
    s->c->open = true;
    give(s, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = part});
    return true;
}

/* A block of that kind, the open one or a new one. */
static bool want_block(struct stream_state *s, enum canon_part_kind kind)
{
    if (s->c->open && s->c->kind == kind) return true;
    return open_block(s, &(struct canon_part){.kind = kind});
}

static void give_text(struct stream_state *s, enum canon_part_kind kind, jraw piece)
{
    if (piece.json.n <= 2 || !want_block(s, kind)) return;
    if (kind == PART_TEXT) s->c->length += canon_length(piece);
    if (kind == PART_TEXT && s->reader.sources.count)
        canon_words_add(&s->c->words, s->reader.arena, canon_inside(piece));
    give(s, (struct canon_delta){.kind = DELTA_TEXT, .piece = piece});
}

/* ---- text and reasoning */

static void take_list(struct stream_state *s, json_ref list, enum canon_part_kind kind)
{
    const struct json *doc = s->reader.doc;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        json_ref thought = openai_find(doc, at, S("thinking"));
        give_text(s, kind, canon_raw_string(doc, at, S("text")));
        if (thought && json_type(doc, thought) == JSON_STRING)
            give_text(s, PART_REASONING, canon_raw(doc, thought));
        else if (thought && json_type(doc, thought) == JSON_ARRAY && kind == PART_TEXT)
            take_list(s, thought, PART_REASONING);
    }
}

static void take_content(struct stream_state *s, json_ref delta)
{
    json_ref content = openai_find(s->reader.doc, delta, S("content"));
    if (!content) return;
    if (json_type(s->reader.doc, content) == JSON_STRING)
        give_text(s, PART_TEXT, canon_raw(s->reader.doc, content));
    else if (json_type(s->reader.doc, content) == JSON_ARRAY)
        take_list(s, content, PART_TEXT);
}

static bool is_type(const struct json *doc, json_ref at, str type)
{
    json_ref is = openai_find(doc, at, S("type"));
    return is && json_string_is(doc, is, type);
}

/* It proves what came before: the next thought is another. */
static void give_proof(struct stream_state *s, const struct canon_part *part)
{
    give(s, (struct canon_delta){.kind = DELTA_SIGNATURE, .part = part, .piece = part->signature});
    close_block(s);
}

static void take_details(struct stream_state *s, json_ref list, bool with_text)
{
    const struct json *doc = s->reader.doc;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        if (is_type(doc, at, S("reasoning.encrypted"))) {
            struct canon_part hidden = {.kind = PART_REDACTED};
            chat_read_proof(doc, at, s->reader.arena, &hidden);
            hidden.id = canon_text(doc, at, S("id"), s->reader.arena);
            if (hidden.signature.json.p && open_block(s, &hidden)) give_proof(s, &hidden);
            continue;
        }
        if (with_text) {
            give_text(s, PART_REASONING, canon_raw_string(doc, at, S("text")));
            give_text(s, PART_REASONING, canon_raw_string(doc, at, S("summary")));
        }
        struct canon_part thought = {.kind = PART_REASONING};
        chat_read_proof(doc, at, s->reader.arena, &thought);
        if (thought.signature.json.p && want_block(s, PART_REASONING)) give_proof(s, &thought);
    }
}

/* Under either of two names, from some servers under both. */
static void take_reasoning(struct stream_state *s, json_ref delta)
{
    const struct json *doc = s->reader.doc;
    jraw text = chat_full_string(doc, delta, S("reasoning_content"));
    json_ref details = openai_find(doc, delta, S("reasoning_details"));
    if (!text.json.p) text = chat_full_string(doc, delta, S("reasoning"));
    give_text(s, PART_REASONING, text);
    if (details && json_type(doc, details) == JSON_ARRAY) take_details(s, details, !text.json.p);
}

/* ---- calls of tools */

struct piece {
    int64_t index; /* -1: not told */
    str id, name;
    jraw arguments; /* a JSON string; none: none came */
    struct canon_part proof;
    bool custom, whole; /* the arguments begin an object */
};

static struct call_slot *slot_find(struct choice_state *c, const struct piece *p)
{
    for (struct call_slot *slot = c->calls; slot; slot = slot->next)
        if (p->index >= 0 ? slot->index == p->index : p->id.n ? str_eq(slot->id, p->id) : true) return slot;
    return NULL;
}

/* Ollama and others send every call under index 0: another id with a name is another call. A name
 * without an id begins another call where the one before has its arguments and these begin anew. */
static bool is_new_call(const struct call_slot *slot, const struct piece *p)
{
    if (!slot) return true;
    if (!p->name.n) return false;
    if (p->id.n) return slot->id.n > 0 && !str_eq(slot->id, p->id);
    return slot->arguments && p->whole;
}

static bool begin_call(struct stream_state *s, struct call_slot *slot, const struct piece *p)
{
    struct canon_part part = p->proof;
    if (!slot->id.n) slot->id = chat_make_id(&s->reader);
    part.tool.id = slot->id;
    part.tool.name = p->name;
    part.tool.custom = p->custom;
    if (!open_block(s, &part)) return false;
    if (part.signature.json.p)
        give(s, (struct canon_delta){.kind = DELTA_SIGNATURE, .part = &part, .piece = part.signature});
    slot->block = s->c->block - 1;
    s->c->tools = true;
    return true;
}

static void take_piece(struct stream_state *s, const struct piece *p)
{
    struct call_slot *slot = slot_find(s->c, p);
    if (is_new_call(slot, p)) {
        slot = arena_zalloc(s->reader.arena, sizeof(*slot));
        *slot = (struct call_slot){.next = s->c->calls, .index = p->index, .block = -1};
        s->c->calls = slot;
    }
    if (!slot->id.n && p->id.n) slot->id = arena_str(s->reader.arena, p->id);
    bool more = p->arguments.json.n > 2;
    if (slot->block < 0) {
        if (!p->name.n && !more) return; /* its name is still to come */
        if (!begin_call(s, slot, p)) return;
    }
    if (!more) return;
    if (!s->c->open || slot->block != s->c->block - 1) {
        s->d->broken = "a piece of a tool call's arguments came after the call was over";
        return;
    }
    slot->arguments = true;
    give(s, (struct canon_delta){.kind = DELTA_ARGUMENTS, .piece = p->arguments});
}

/* Arguments as text, or as an object, which becomes text. */
static jraw arguments_of(struct stream_state *s, json_ref object, str key, bool *whole)
{
    json_ref at = object ? openai_find(s->reader.doc, object, key) : JSON_ABSENT;
    if (!at) return RAW_NONE;
    str raw = json_raw(s->reader.doc, at);
    *whole = json_type(s->reader.doc, at) == JSON_OBJECT || (raw.n > 2 && raw.p[1] == '{');
    if (json_type(s->reader.doc, at) == JSON_STRING) return (jraw){raw};
    return canon_quote(s->reader.arena, raw);
}

static void take_call(struct stream_state *s, json_ref at)
{
    const struct json *doc = s->reader.doc;
    json_ref function = openai_find(doc, at, S("function")), custom = openai_find(doc, at, S("custom"));
    json_ref index = openai_find(doc, at, S("index")), inner = custom ? custom : function;
    struct piece p = {.index = -1, .proof.kind = PART_TOOL_CALL, .custom = custom != JSON_ABSENT};
    if (index && (!json_i64(doc, index, &p.index) || p.index < 0)) p.index = -1;
    p.id = canon_text(doc, at, S("id"), s->reader.arena);
    p.name = inner ? canon_text(doc, inner, S("name"), s->reader.arena) : STR_NONE;
    p.arguments = arguments_of(s, inner, custom ? S("input") : S("arguments"), &p.whole);
    chat_read_thought_signature(doc, at, &p.proof);
    take_piece(s, &p);
}

static void take_calls(struct stream_state *s, json_ref delta)
{
    const struct json *doc = s->reader.doc;
    json_ref calls = openai_find(doc, delta, S("tool_calls")), old = openai_find(doc, delta, S("function_call"));
    if (calls && json_type(doc, calls) == JSON_ARRAY)
        for (json_ref at = json_first(doc, calls); at; at = json_next(doc, calls, at))
            if (json_type(doc, at) == JSON_OBJECT) take_call(s, at);
    if (!old || json_type(doc, old) != JSON_OBJECT) return;
    struct piece p = {.proof.kind = PART_TOOL_CALL, .name = canon_text(doc, old, S("name"), s->reader.arena)};
    p.arguments = arguments_of(s, old, S("arguments"), &p.whole);
    take_piece(s, &p);
}

/* ---- chunks */

/* Wire places count in all text, ours in the block. What belongs to a block before can only be named. */
static void give_citation(struct stream_state *s, struct canon_citation *c)
{
    if (c->start >= 0) {
        c->start = c->start > s->c->before ? c->start - s->c->before : 0;
        c->end = c->end > s->c->before ? c->end - s->c->before : 0;
    }
    give(s,
         (struct canon_delta){.kind = DELTA_CITATION, .part = &(struct canon_part){.kind = PART_TEXT, .citations = c}});
}

static void take_annotations(struct stream_state *s, json_ref delta)
{
    const struct json *doc = s->reader.doc;
    json_ref list = openai_find(doc, delta, S("annotations"));
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        struct canon_citation *c = chat_read_citation(&s->reader, at);
        if (!c || !want_block(s, PART_TEXT)) continue;
        s->c->cited = true;
        give_citation(s, c);
    }
}

/* The sources that a search engine named: in full when the text is. Those of a text whose beginning came before them
 * have no place in it. */
static void give_sources(struct stream_state *s)
{
    struct choice_state *c = s->c;
    if (!s->reader.sources.count || c->cited || c->before + c->length == 0 || !want_block(s, PART_TEXT)) return;
    str words = c->words.p && !c->words.full ? str_of(c->words.p, c->words.n) : S("");
    jraw all = {arena_printf(s->reader.arena, "\"%" STR_FMT "\"", STR_ARG(words))};
    bool whole = canon_length(all) == c->before + c->length;
    struct canon_citation *list = chat_cite_sources(&s->reader.sources, whole ? words : S(""), s->reader.arena);
    for (struct canon_citation *next; list; list = next) {
        next = list->next;
        list->next = NULL;
        give_citation(s, list);
    }
}

static void take_delta(struct stream_state *s, json_ref delta)
{
    const struct json *doc = s->reader.doc;
    if (json_type(doc, delta) != JSON_OBJECT) return;
    take_reasoning(s, delta);
    take_content(s, delta);
    jraw refusal = chat_full_string(doc, delta, S("refusal"));
    if (refusal.json.p) s->c->refused = true;
    give_text(s, PART_REFUSAL, refusal);
    take_annotations(s, delta);
    take_calls(s, delta);
}

static bool choose(struct stream_state *s, json_ref at, int64_t place)
{
    json_ref index = openai_find(s->reader.doc, at, S("index"));
    s->choice = place;
    if (index && !json_i64(s->reader.doc, index, &s->choice)) s->choice = place;
    if (s->choice < 0 || s->choice >= CANON_CHOICES_MAX) {
        s->d->broken = "the answer has too many choices";
        return false;
    }
    if (!s->choices[s->choice]) s->choices[s->choice] = arena_zalloc(s->reader.arena, sizeof(struct choice_state));
    s->c = s->choices[s->choice];
    return true;
}

/* The end is told when the stream is over: some servers name it twice, or send more behind it. */
static void take_finish(struct stream_state *s, json_ref choice)
{
    json_ref finish = openai_find(s->reader.doc, choice, S("finish_reason"));
    str word;
    if (!finish || !json_string(s->reader.doc, finish, s->reader.arena, &word) || !word.n) return;
    if (word.n > 256 || (s->c->stop_raw.p && str_eq(s->c->stop_raw, word))) return;
    s->c->stop_raw = arena_str(s->reader.arena, word);
    s->c->stop = chat_stop(word);
}

static void take_choice(struct stream_state *s, json_ref at, int64_t place)
{
    if (json_type(s->reader.doc, at) != JSON_OBJECT || !choose(s, at, place)) return;
    json_ref delta = openai_find(s->reader.doc, at, S("delta"));
    if (!delta && !s->c->block) delta = openai_find(s->reader.doc, at, S("message")); /* whole, in one event */
    if (delta) take_delta(s, delta);
    jraw logprobs = canon_raw(s->reader.doc, json_find(s->reader.doc, at, S("logprobs"), NULL));
    if (logprobs.json.p && s->c->open) give(s, (struct canon_delta){.kind = DELTA_LOGPROBS, .piece = logprobs});
    take_finish(s, at);
}

static struct stream_state *state_of(struct canon_decoder *d, const struct json *doc)
{
    struct stream_state *s = d->state;
    if (!s) {
        d->state = s = arena_zalloc(d->arena, sizeof(*s));
        s->reader.arena = d->arena;
        s->d = d;
    }
    s->reader.doc = doc;
    return s;
}

static void start(struct stream_state *s)
{
    const struct json *doc = s->reader.doc;
    struct canon_delta delta = {.kind = DELTA_START};
    if (s->d->started) return;
    s->d->started = true;
    if (doc) {
        json_ref created = openai_find(doc, JSON_ROOT, S("created"));
        delta.id = canon_text(doc, JSON_ROOT, S("id"), s->reader.arena);
        delta.model = canon_text(doc, JSON_ROOT, S("model"), s->reader.arena);
        delta.service_tier = canon_text(doc, JSON_ROOT, S("service_tier"), s->reader.arena);
        if (!created || !json_i64(doc, created, &delta.created_s)) delta.created_s = 0;
    }
    s->reader.seed = hash_fnv(delta.id);
    canon_give(s->d, &delta);
}

/* Perplexity repeats them in every chunk: read once, and again where there are more of them. */
static void take_sources(struct stream_state *s)
{
    size_t count = chat_count_sources(s->reader.doc);
    if (count <= s->reader.sources.count) return;
    chat_read_sources(s->reader.doc, s->reader.arena, &s->reader.sources);
    chat_keep_sources(&s->reader.sources, s->reader.arena);
}

/* A chunk without choices tells nothing yet: Azure's first one has neither id nor model. */
void chat_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    struct stream_state *s = state_of(d, doc);
    json_ref choices = openai_find(doc, JSON_ROOT, S("choices"));
    int64_t place = 0;
    (void)event;
    if (d->ended || !choices || json_type(doc, choices) != JSON_ARRAY || !json_first(doc, choices)) return;
    start(s);
    take_sources(s);
    for (json_ref at = json_first(doc, choices); at && !d->broken; at = json_next(doc, choices, at))
        take_choice(s, at, place++);
}

static enum canon_stop stop_of(const struct choice_state *c)
{
    if (c->stop != STOP_END && c->stop != STOP_NONE) return c->stop;
    return c->tools ? STOP_TOOL : c->refused ? STOP_REFUSAL : STOP_END;
}

void chat_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    struct stream_state *s = state_of(d, NULL);
    if (d->ended) return;
    start(s);
    if (!s->choices[0]) s->choices[0] = arena_zalloc(d->arena, sizeof(struct choice_state));
    for (int64_t i = 0; i < CANON_CHOICES_MAX; i++) {
        if (!s->choices[i]) continue;
        s->choice = i;
        s->c = s->choices[i];
        give_sources(s);
        close_block(s);
        canon_give(d, &(struct canon_delta){
                          .kind = DELTA_FINISH, .choice = i, .stop = stop_of(s->c), .stop_raw = s->c->stop_raw});
    }
    d->ended = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_END,
                                        .usage = tap && tap->usage.known ? &tap->usage : NULL,
                                        .service_tier = tap ? tap->service_tier : STR_NONE});
}
