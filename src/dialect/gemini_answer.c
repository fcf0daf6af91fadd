/* A whole GenerateContentResponse, both ways. */
#include "dialect/canon_cite.h"
#include "dialect/gemini.h"

/* ---- reading */

/* Marks the candidate of a blocked prompt: by its address, since a provider may send these words. */
static const char blocked_mark[] = "\"blocked\":true";

/* A blocked prompt has no candidates: one without content stands for them. */
static void add_blocked(const struct json *doc, struct canon_answer *out)
{
    json_ref reason = json_path(doc, JSON_ROOT, "promptFeedback", "blockReason", NULL);
    if (out->choices || !reason) return;
    struct canon_choice *choice = canon_add_choice(out, 0);
    str text = STR_NONE;
    if (json_type(doc, reason) != JSON_STRING || !json_string(doc, reason, out->arena, &text))
        text = json_raw(doc, reason);
    choice->stop = STOP_FILTER;
    choice->stop_raw = text;
    choice->message_extras = (struct canon_extras){DIALECT_GEMINI, str_from(blocked_mark)};
}

static void add_extra(struct arena *arena, struct canon_extras *extras, str member)
{
    extras->of = DIALECT_GEMINI;
    extras->members = extras->members.n
                          ? arena_printf(arena, "%" STR_FMT ",%" STR_FMT, STR_ARG(extras->members), STR_ARG(member))
                          : member;
}

static bool is_empty(const struct json *doc, json_ref at)
{
    return !json_first(doc, at);
}

static void read_content(struct gemini_reader *r, json_ref at, struct canon_choice *choice)
{
    static const struct gemini_field fields[] = {{STR_INIT("role"), GEMINI_KEPT}, {STR_INIT("parts"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct gemini_parts parts = {0};
    if (!at || json_type(r->doc, at) != JSON_OBJECT) return;
    (void)!gemini_fields(r, at, S(""), fields, COUNT_OF(fields), found, &choice->message_extras);
    if (is_empty(r->doc, at)) add_extra(r->arena, &choice->extras, S("\"content\":{}"));
    if (!found[1] || json_type(r->doc, found[1]) != JSON_ARRAY) return;
    if (is_empty(r->doc, found[1])) add_extra(r->arena, &choice->message_extras, S("\"parts\":[]"));
    for (json_ref p = json_first(r->doc, found[1]); p; p = json_next(r->doc, found[1], p))
        (void)!gemini_read_part(r, p, &parts);
    choice->parts = parts.first;
    choice->last_part = parts.last;
}

str gemini_reason_text(const struct gemini_reader *r, json_ref at)
{
    str text = gemini_string(r, at);
    return at && !text.p ? json_raw(r->doc, at) : text;
}

enum { PARTS_MAX = 1024 };

struct text_place {
    struct canon_part *part;
    int64_t before, length; /* characters */
};

/* To the text that each is of, where it counts from then on. Without a place: to the first one. */
static void distribute(const struct text_place *texts, int64_t count, struct canon_citation *list)
{
    struct canon_citation **ends[PARTS_MAX];
    for (int64_t i = 0; i < count; i++) ends[i] = &texts[i].part->citations;
    for (struct canon_citation *next; list && count; list = next) {
        int64_t of = 0;
        next = list->next;
        list->next = NULL;
        while (list->start >= 0 && of + 1 < count && list->start >= texts[of + 1].before) of++;
        if (list->start >= 0) {
            list->start -= texts[of].before;
            list->end -= texts[of].before;
            if (list->end > texts[of].length) list->end = texts[of].length;
        }
        *ends[of] = list;
        ends[of] = &list->next;
    }
}

static void attach_citations(struct gemini_reader *r, json_ref candidate, struct canon_choice *choice)
{
    int64_t starts[PARTS_MAX], count = 0, before = 0;
    struct text_place texts[PARTS_MAX];
    struct canon_words words = {0};
    struct gemini_text text = {.parts = starts};
    if (!gemini_cites(r->doc, candidate)) return;
    for (struct canon_part *p = choice->parts; p && text.part_count < PARTS_MAX; p = p->next) {
        starts[text.part_count++] = (int64_t)words.n;
        if (p->kind != PART_TEXT || !p->text.json.p) continue;
        texts[count] = (struct text_place){p, before, canon_length(p->text)};
        before += texts[count++].length;
        canon_words_add(&words, r->arena, canon_decode(r->arena, p->text));
    }
    if (!words.full) text.all = words.p ? str_of(words.p, words.n) : S("");
    distribute(texts, count, gemini_read_citations(r->arena, r->doc, candidate, &text));
}

static void read_candidate(struct gemini_reader *r, json_ref at, int64_t place, struct canon_answer *out)
{
    static const struct gemini_field fields[] = {{STR_INIT("content"), GEMINI_READ},
                                                 {STR_INIT("finishReason"), GEMINI_READ},
                                                 {STR_INIT("index"), GEMINI_KEPT}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    bool tool = false;
    int64_t index = place;
    json_ref said = json_find(r->doc, at, S("index"), NULL),
             logprobs = json_find(r->doc, at, S("logprobsResult"), NULL);
    if (said && (!json_i64(r->doc, said, &index) || index < 0)) index = place;
    (void)!gemini_fields(r, at, S(""), fields, COUNT_OF(fields), found, &extras);
    struct canon_choice *choice = canon_add_choice(out, index);
    choice->extras = extras;
    read_content(r, found[0], choice);
    for (const struct canon_part *p = choice->parts; p; p = p->next) tool = tool || p->kind == PART_TOOL_CALL;
    choice->stop_raw = gemini_reason_text(r, found[1]);
    choice->stop = gemini_stop(choice->stop_raw, tool);
    if (logprobs) choice->logprobs = gemini_read_logprobs(r->arena, r->doc, logprobs);
    attach_citations(r, at, choice);
}

static bool member_is(const struct json *doc, str key, enum json_type type)
{
    json_ref at = json_find(doc, JSON_ROOT, key, NULL);
    return at && json_type(doc, at) == type;
}

bool gemini_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const struct gemini_field fields[] = {{STR_INIT("candidates"), GEMINI_READ},
                                                 {STR_INIT("usageMetadata"), GEMINI_READ},
                                                 {STR_INIT("modelVersion"), GEMINI_READ},
                                                 {STR_INIT("responseId"), GEMINI_READ}};
    json_ref at[COUNT_OF(fields)];
    struct call_problem ignored;
    struct gemini_reader r = {.doc = doc, .arena = out->arena, .problem = &ignored};
    int64_t place = 0;
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return false;
    if (!member_is(doc, S("candidates"), JSON_ARRAY) && !member_is(doc, S("promptFeedback"), JSON_OBJECT) &&
        !member_is(doc, S("usageMetadata"), JSON_OBJECT))
        return false;
    (void)!gemini_fields(&r, JSON_ROOT, S(""), fields, COUNT_OF(fields), at, &out->extras);
    out->id = gemini_string(&r, at[3]);
    out->model = gemini_string(&r, at[2]);
    r.id_seed = gemini_id_seed(out->arena, out->id, doc);
    if (at[1] && json_type(doc, at[1]) == JSON_OBJECT) {
        json_ref tier = json_find(doc, at[1], S("serviceTier"), NULL);
        out->usage_value = (jraw){json_raw(doc, at[1])};
        out->service_tier = gemini_string(&r, tier);
        str traffic = gemini_traffic_tier(doc, at[1]);
        if (traffic.n) out->service_tier = traffic;
    }
    bool list = at[0] && json_type(doc, at[0]) == JSON_ARRAY;
    for (json_ref c = list ? json_first(doc, at[0]) : JSON_ABSENT; c && place < CANON_CHOICES_MAX;
         c = json_next(doc, at[0], c), place++)
        if (json_type(doc, c) == JSON_OBJECT) read_candidate(&r, c, place, out);
    if (list && is_empty(doc, at[0])) add_extra(out->arena, &out->extras, S("\"candidates\":[]"));
    add_blocked(doc, out);
    return true;
}

/* ---- writing */

static void put_i64_or_none(struct buf *out, str key, int64_t v)
{
    if (v > 0) canon_put_i64(out, key, v); /* zero is left out, as protobuf does */
}

void gemini_put_usage(struct buf *out, const struct usage *u)
{
    const int64_t *n = u->units;
    int64_t prompt = canon_prompt_tokens(u), shown = n[UNIT_OUTPUT] + n[UNIT_AUDIO_OUT];
    canon_key(out, S("usageMetadata"));
    buf_add_byte(out, '{');
    canon_put_i64(out, S("promptTokenCount"), prompt);
    canon_put_i64(out, S("candidatesTokenCount"), shown);
    canon_put_i64(out, S("totalTokenCount"), prompt + shown + n[UNIT_REASONING]);
    put_i64_or_none(out, S("cachedContentTokenCount"), n[UNIT_CACHE_READ]);
    put_i64_or_none(out, S("thoughtsTokenCount"), n[UNIT_REASONING]);
    buf_add_byte(out, '}');
}

/* Google's places count in their part. */
static void put_all_citations(struct gemini_writer *w, const struct canon_choice *choice)
{
    size_t count = 0;
    int64_t part = 0;
    for (const struct canon_part *p = choice->parts; p; p = p->next) count += p->citations != NULL;
    if (!count) return;
    struct gemini_cited *lists = arena_alloc(w->arena, count * sizeof(*lists));
    count = 0;
    for (const struct canon_part *p = choice->parts; p; p = p->next) {
        if (p->citations && p->kind == PART_TEXT) {
            struct canon_citation *placed = NULL, **end = &placed;
            int64_t length = canon_length(p->text);
            for (const struct canon_citation *c = p->citations; c; c = c->next) {
                *end = arena_alloc(w->arena, sizeof(**end));
                **end = canon_placed(c, length, 0);
                end = &(*end)->next;
            }
            *end = NULL;
            lists[count++] = (struct gemini_cited){placed, canon_decode(w->arena, p->text), part};
        }
        part += gemini_has_form(w, p);
    }
    gemini_put_citations(w->out, lists, count);
}

static void put_choice(struct gemini_writer *w, const struct canon_choice *choice)
{
    struct buf *out = w->out;
    canon_comma(out);
    buf_add_byte(out, '{');
    if (!w->own || choice->parts || choice->message_extras.members.n) {
        canon_key(out, S("content"));
        buf_add_byte(out, '{');
        if (choice->parts || !w->own) {
            buf_add(out, S("\"parts\":["));
            for (const struct canon_part *p = choice->parts; p; p = p->next) (void)gemini_put_part(w, p);
            buf_add_byte(out, ']');
        }
        if (!w->own) canon_put_text(out, S("role"), S("model"));
        canon_put_extras(out, &choice->message_extras, DIALECT_GEMINI);
        buf_add_byte(out, '}');
    }
    if (w->own || choice->stop != STOP_NONE) gemini_put_reason(out, w->from, choice->stop, choice->stop_raw);
    if (!w->own) {
        canon_put_i64(out, S("index"), choice->index);
        put_all_citations(w, choice);
        gemini_put_logprobs(out, choice->logprobs);
    }
    canon_put_extras(out, &choice->extras, DIALECT_GEMINI);
    buf_add_byte(out, '}');
}

static bool is_blocked(const struct canon_choice *choice)
{
    return choice && choice->message_extras.members.p == blocked_mark;
}

void gemini_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    bool own = answer->from == DIALECT_GEMINI;
    struct gemini_writer w = {.out = out, .arena = answer->arena, .from = answer->from, .own = own, .to_client = true};
    buf_add_byte(out, '{');
    if (answer->choices && !(own && is_blocked(answer->choices))) {
        canon_key(out, S("candidates"));
        buf_add_byte(out, '[');
        for (const struct canon_choice *c = answer->choices; c; c = c->next) put_choice(&w, c);
        buf_add_byte(out, ']');
    }
    if (own)
        canon_put_raw(out, S("usageMetadata"), answer->usage_value);
    else if (answer->usage.known)
        gemini_put_usage(out, &answer->usage);
    canon_put_text(out, S("modelVersion"), own || answer->model.n ? answer->model : client->model);
    canon_put_text(out, S("responseId"), own || answer->id.n ? answer->id : client->seed);
    canon_put_extras(out, &answer->extras, DIALECT_GEMINI);
    buf_add_byte(out, '}');
}
