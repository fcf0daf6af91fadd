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

static bool is_valid(str text, const struct accept_terms *terms, struct json *doc)
{
    struct json_fail fail;
    if (!terms->wants_schema && !terms->wants_object) return true;
    if (!json_parse(doc, text, &fail)) return false;
    if (terms->wants_object) return json_type(doc, JSON_ROOT) == JSON_OBJECT;
    return terms->schema && schema_check(terms->schema, doc, JSON_ROOT, NULL);
}

/* Those of the text: NULL where all hold. A pattern that gives up has told nothing: the test does not hold. */
static const char *test_text(str text, const struct accept_terms *terms, struct json *doc)
{
    const struct setting_accept *a = terms->accept;
    int64_t length = a->min_length || a->max_length ? utf8_length(text) : 0;
    if (length < a->min_length) return "min_length";
    if (a->max_length && length > a->max_length) return "max_length";
    if (a->matching.code && pattern_find(a->matching.code, text) != PATTERN_YES) return "matching";
    if (a->not_matching.code && pattern_find(a->not_matching.code, text) != PATTERN_NO) return "not_matching";
    return a->json_schema && !is_valid(text, terms, doc) ? "json_schema" : NULL;
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
    return text.p ? test_text(text, terms, doc) : "text";
}

const char *accept_test(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                        struct arena *arena)
{
    const char *failed = reading->partial ? "length" : NULL;
    for (size_t i = 0; i < reading->count && !failed; i++)
        failed = test_choice(&reading->choices[i], terms, doc, arena);
    return failed;
}

str accept_mend(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                struct arena *arena)
{
    enum { TRIES_MAX = 16 };
    const struct accept_choice *c = reading->choices;
    if (reading->count != 1 || c->calls_tools || c->stop == STOP_FILTER || c->stop == STOP_REFUSAL) return STR_NONE;
    str text = text_of(c, arena), found;
    size_t at = 0;
    bool cut = c->stop != STOP_END && c->stop != STOP_SEQUENCE;
    for (int i = 0; i < TRIES_MAX && (found = mend_next(text, &at, !cut, arena)).p; i++)
        if (!test_text(found, terms, doc)) return found;
    return STR_NONE;
}
