#include "flow/accept.h"

#include "base/utf8.h"
#include "flow/mend.h"

#include <math.h>

enum { KEPT_MAX = 16 * 1024 * 1024 }; /* bytes of one choice */

/* ---- reading */

static void keep_logprobs(struct accept_choice *c, jraw value)
{
    if (c->logprobs.n) buf_add_byte(&c->logprobs, ',');
    buf_add(&c->logprobs, value.json);
}

static void look(const struct accept_terms *terms, struct accept_choice *c);

static void take_delta(struct canon_sink *sink, const struct canon_delta *d)
{
    struct accept_reading *reading = CONTAINER_OF(sink, struct accept_reading, sink);
    if (d->kind == DELTA_START || d->kind == DELTA_PING || d->kind == DELTA_END) return;
    if (d->choice < 0 || (uint64_t)d->choice >= reading->count) {
        reading->partial = true;
        return;
    }
    struct accept_choice *c = &reading->choices[d->choice];
    switch (d->kind) {
    case DELTA_BLOCK_START:
        c->in_text = d->part && d->part->kind == PART_TEXT;
        c->calls_tools = c->calls_tools || (d->part && d->part->kind == PART_TOOL_CALL);
        break;
    case DELTA_TEXT:
        if (c->in_text) buf_add(&c->text, canon_inside(d->piece));
        if (reading->watched) look(reading->watched, c);
        break;
    case DELTA_LOGPROBS:
        keep_logprobs(c, d->piece);
        break;
    case DELTA_FINISH:
        c->stop = d->stop;
        break;
    default:
        break;
    }
    reading->partial = reading->partial || c->text.overflow || c->logprobs.overflow;
}

void accept_init(struct accept_reading *reading, size_t choices, struct arena *arena)
{
    *reading = (struct accept_reading){.sink = {take_delta}, .count = choices};
    reading->choices = arena_zalloc(arena, (choices + 1) * sizeof(*reading->choices));
    for (size_t i = 0; i < choices; i++) {
        buf_init(&reading->choices[i].text, KEPT_MAX);
        buf_init(&reading->choices[i].logprobs, KEPT_MAX);
    }
}

void accept_free(struct accept_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        buf_free(&reading->choices[i].text);
        buf_free(&reading->choices[i].logprobs);
        schema_stream_free(&reading->choices[i].stream);
    }
}

void accept_read(struct accept_reading *reading, const struct canon_answer *answer)
{
    canon_replay(answer, &reading->sink);
    for (const struct canon_choice *c = answer->choices; c; c = c->next) { /* replaying leaves them out */
        bool there = c->index >= 0 && (uint64_t)c->index < reading->count && c->logprobs.json.p;
        if (there) keep_logprobs(&reading->choices[c->index], c->logprobs);
    }
}

/* ---- while it comes */

void accept_watch(struct accept_reading *reading, const struct accept_terms *terms)
{
    bool schema = terms->accept->json_schema && terms->schema;
    if (!schema && !terms->accept->max_length) return;
    reading->watched = terms;
    for (size_t i = 0; i < reading->count && schema; i++)
        schema_stream_init(&reading->choices[i].stream, terms->schema, !terms->accept->early);
}

/* Bytes up to half a surrogate pair at the end, whose other half may come with the next piece. */
static size_t whole_part(str inside)
{
    enum { ESCAPE = 6 }; /* \ud83d */
    size_t at = inside.n - ESCAPE, slashes = 0;
    if (inside.n < ESCAPE || inside.p[at] != '\\' || inside.p[at + 1] != 'u') return inside.n;
    while (slashes <= at && inside.p[at - slashes] == '\\') slashes++;
    bool high = (inside.p[at + 2] | 0x20) == 'd' && strchr("89abAB", inside.p[at + 3]);
    return high && slashes % 2 ? at : inside.n;
}

static const char *look_at_plain(const struct accept_terms *terms, struct accept_choice *c, str plain)
{
    if (!plain.p) return "text";
    c->characters += utf8_length(plain);
    if (terms->accept->max_length && c->characters > terms->accept->max_length) return "max_length";
    bool hopeless = c->stream.schema && schema_stream_feed(&c->stream, plain) == SCHEMA_HOPELESS;
    return hopeless ? "json_schema" : NULL;
}

/* At what is new of its text. */
static void look(const struct accept_terms *terms, struct accept_choice *c)
{
    struct arena scratch;
    str fresh = str_from_at(buf_str(&c->text), c->told);
    fresh = str_head(fresh, whole_part(fresh));
    if (c->hopeless || !fresh.n || c->text.overflow) return;
    c->told += fresh.n;
    if (str_find_byte(fresh, '\\', 0) == SIZE_MAX) {
        c->hopeless = look_at_plain(terms, c, fresh);
        return;
    }
    arena_init(&scratch);
    str quoted = arena_printf(&scratch, "\"%" STR_FMT "\"", STR_ARG(fresh));
    c->hopeless = look_at_plain(terms, c, canon_decode(&scratch, (jraw){quoted}));
    arena_free(&scratch);
}

const char *accept_hopeless(const struct accept_reading *reading)
{
    const char *failed = NULL;
    for (size_t i = 0; i < reading->count && !failed; i++) failed = reading->choices[i].hopeless;
    return failed;
}

bool accept_has_spoken(const struct accept_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct accept_choice *c = &reading->choices[i];
        if (c->calls_tools || (c->stream.schema ? c->stream.begun : c->characters > 0)) return true;
    }
    return false;
}

/* ---- confidence */

struct tally {
    double sum;
    int64_t count;
};

/* A list of tokens, each with its "logprob". */
static void add_tokens(const struct json *doc, json_ref list, struct tally *t)
{
    double logprob;
    if (json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at != JSON_ABSENT; at = json_next(doc, list, at)) {
        if (!json_double(doc, json_find(doc, at, S("logprob"), NULL), &logprob)) continue;
        t->sum += exp(logprob < 0 ? logprob : 0);
        t->count++;
    }
}

/* Chat tells { content: [ ... ] }, responses the list alone. False where nothing is told. */
static bool is_confident(const struct accept_choice *c, int64_t least_ppm, struct json *doc)
{
    struct buf all;
    struct tally t = {0};
    struct json_fail fail;
    buf_init(&all, 0);
    buf_add_byte(&all, '[');
    buf_add(&all, buf_str(&c->logprobs));
    buf_add_byte(&all, ']');
    bool read = json_parse(doc, buf_str(&all), &fail);
    for (json_ref at = read ? json_first(doc, JSON_ROOT) : JSON_ABSENT; at != JSON_ABSENT;
         at = json_next(doc, JSON_ROOT, at)) {
        json_ref content = json_find(doc, at, S("content"), NULL);
        add_tokens(doc, content ? content : at, &t);
    }
    buf_free(&all);
    return t.count && t.sum / (double)t.count * 1e6 >= (double)least_ppm - 1e-3;
}

/* ---- the other tests */

static bool is_valid(str text, const struct accept_terms *terms, struct json *doc, bool *gave_up)
{
    struct json_fail fail;
    struct schema_error error = {0};
    if (!terms->wants_schema && !terms->wants_object) return true;
    if (!json_parse(doc, text, &fail)) return false;
    if (terms->wants_object) return json_type(doc, JSON_ROOT) == JSON_OBJECT;
    bool valid = terms->schema && schema_check(terms->schema, doc, JSON_ROOT, &error);
    *gave_up = *gave_up || error.gave_up;
    return valid;
}

static bool finds(const struct pattern *pattern, str text, enum pattern_found wanted, bool *gave_up)
{
    enum pattern_found found = pattern_find(pattern, text);
    *gave_up = *gave_up || found == PATTERN_GAVE_UP;
    return found == wanted;
}

/* Those of the text: NULL where all hold. What gives up has told nothing: the test does not hold. */
static const char *test_text(str text, const struct accept_terms *terms, struct json *doc, bool *gave_up)
{
    const struct setting_accept *a = terms->accept;
    int64_t length = a->min_length || a->max_length ? utf8_length(text) : 0;
    if (length < a->min_length) return "min_length";
    if (a->max_length && length > a->max_length) return "max_length";
    if (a->matching.code && !finds(a->matching.code, text, PATTERN_YES, gave_up)) return "matching";
    if (a->not_matching.code && !finds(a->not_matching.code, text, PATTERN_NO, gave_up)) return "not_matching";
    return a->json_schema && !is_valid(text, terms, doc, gave_up) ? "json_schema" : NULL;
}

/* STR_NONE: it holds half a character. */
static str text_of(const struct accept_choice *c, struct arena *arena)
{
    if (!c->text.n) return S("");
    str raw = arena_printf(arena, "\"%" STR_FMT "\"", STR_ARG(buf_str(&c->text)));
    return canon_decode(arena, (jraw){raw});
}

static const char *test_choice(const struct accept_choice *c, const struct accept_terms *terms, struct json *doc,
                               struct arena *arena)
{
    const struct setting_accept *a = terms->accept;
    if (a->finish && !(a->finish & UINT32_C(1) << c->stop)) return "finish";
    if (a->min_confidence_ppm && !is_confident(c, a->min_confidence_ppm, doc)) return "min_confidence";
    if (c->calls_tools && !c->text.n) return NULL; /* it has not answered yet */
    str text = text_of(c, arena);
    bool gave_up = false;
    return text.p ? test_text(text, terms, doc, &gave_up) : "text";
}

const char *accept_test(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                        struct arena *arena)
{
    const char *failed = reading->partial ? "length" : NULL;
    for (size_t i = 0; i < reading->count && !failed; i++)
        failed = test_choice(&reading->choices[i], terms, doc, arena);
    return failed;
}

/* Where its first byte that is no blank is; SIZE_MAX where that is no brace. */
static size_t brace_of(str text)
{
    size_t at = 0;
    while (at < text.n && strchr(" \t\r\n", text.p[at])) at++;
    return at < text.n && text.p[at] == '{' ? at : SIZE_MAX;
}

str accept_mend(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                struct arena *arena)
{
    enum { TRIES_MAX = 16 };
    const struct accept_choice *c = reading->choices;
    if (reading->count != 1 || c->calls_tools || c->stop == STOP_FILTER || c->stop == STOP_REFUSAL) return STR_NONE;
    str text = text_of(c, arena), found;
    size_t at = 0, brace = brace_of(text);
    bool cut = c->stop != STOP_END && c->stop != STOP_SEQUENCE, gave_up = false; /* it would with the others, too */
    for (int i = 0; i < TRIES_MAX && !gave_up && (found = mend_next(text, &at, !cut, arena)).p; i++) {
        if (brace != SIZE_MAX && at != brace + 1) break;
        if (!test_text(found, terms, doc, &gave_up)) return found;
    }
    return STR_NONE;
}

/* ---- asking once more */

bool accept_may_repair(const struct accept_reading *reading)
{
    const struct accept_choice *c = reading->choices;
    bool cut_off = c->stop != STOP_NONE && c->stop != STOP_END && c->stop != STOP_SEQUENCE;
    return reading->count == 1 && !reading->partial && !c->calls_tools && c->text.n && !cut_off;
}

str accept_text(const struct accept_reading *reading, struct arena *arena)
{
    str text = text_of(reading->choices, arena);
    return text.p ? text : S("");
}

static str sentence(const struct schema_error *error, const char *more, struct arena *arena)
{
    return arena_printf(arena, "%s%s%s%s.%s", error->message, *error->keyword ? " (" : "", error->keyword,
                        *error->keyword ? ")" : "", more);
}

str accept_explain(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                   struct arena *arena)
{
    str text = accept_text(reading, arena);
    const char *more = "";
    struct schema_error error;
    struct json_fail fail;
    size_t at = 0;
    if (!terms->schema) return S("it is not the JSON that was asked for.");
    if (reading->choices->stop == STOP_NONE && schema_prefix_error(terms->schema, text, &error))
        return sentence(&error, "", arena);
    if (!json_parse(doc, text, &fail)) { /* is there any in it? */
        const char *why = fail.why;
        size_t where = fail.at;
        str found = mend_next(text, &at, false, arena);
        if (!found.p || !json_parse(doc, found, &fail))
            return arena_printf(arena, "it is no JSON: %s, at byte %zu.", why, where);
        more = " And the JSON must be all there is.";
    }
    if (schema_check(terms->schema, doc, JSON_ROOT, &error)) return S("there must be nothing but the JSON.");
    return sentence(&error, more, arena);
}
