/* Usage and streams: whatever a provider sends, units are disjoint, never negative
 * and never more than it said; a stream's events lead to a state that holds together. */
#include "dialect/dialect.h"

#include <stdlib.h>

enum { INPUT_MAX = 64 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static int64_t count_at(const struct json *doc, json_ref usage, str key, str other)
{
    int64_t v;
    json_ref at = json_find(doc, usage, key, NULL);
    if (!at || json_type(doc, at) == JSON_NULL) at = json_find(doc, usage, other, NULL);
    return json_i64(doc, at, &v) && v >= 0 ? v : -1;
}

static bool has(const struct json *doc, json_ref usage, str key)
{
    return json_find(doc, usage, key, NULL) != JSON_ABSENT;
}

/* Where prompt and completion are plain counts and nothing stands outside of them, the parts make the wholes. */
static void check_usage(const struct json *doc, json_ref usage, uint32_t quirks)
{
    struct usage u, again;
    usage_read_openai(doc, usage, quirks, &u);
    usage_read_openai(doc, usage, quirks, &again);
    check(u.flags == again.flags && u.known == again.known);
    for (enum unit i = 0; i < UNIT_COUNT; i++)
        check(u.units[i] >= 0 && (u.known || u.units[i] == 0) && u.units[i] == again.units[i]);
    check(!(u.flags & (USAGE_OVERFLOW | USAGE_ABOVE_BOUND | USAGE_TIER_DIFFERS)));
    int64_t prompt = count_at(doc, usage, S("prompt_tokens"), S("input_tokens"));
    int64_t completion = count_at(doc, usage, S("completion_tokens"), S("output_tokens"));
    int64_t total = count_at(doc, usage, S("total_tokens"), S("total_tokens"));
    bool beside = has(doc, usage, S("citation_tokens")) || has(doc, usage, S("num_search_queries"));
    int64_t sum;
    bool adds_up = !__builtin_add_overflow(prompt, completion, &sum) && total == sum;
    bool plain = prompt >= 0 && completion >= 0 && adds_up && !beside;
    if (!plain || !u.known || u.flags & USAGE_NOT_A_COUNT) return;
    const int64_t *n = u.units;
    check(n[UNIT_INPUT] + n[UNIT_CACHE_READ] + n[UNIT_CACHE_WRITE_5M] + n[UNIT_AUDIO_IN] == prompt);
    check(n[UNIT_OUTPUT] + n[UNIT_REASONING] + n[UNIT_AUDIO_OUT] == completion);
}

/* Pictures and sound are output without text. */
static bool is_media(enum call_kind kind)
{
    return kind >= CALL_IMAGES && kind <= CALL_TRANSLATIONS;
}

static void check_answer(const struct answer *a, enum call_kind kind)
{
    check(a->choices_finished <= a->choices_seen && a->choices_seen <= 128);
    check(!a->failed || !answer_complete(a));
    check(!a->usage_raw.n || a->usage.known);
    check(a->provider_cost >= -1 && a->output_bytes >= 0);
    check(is_media(kind) || a->output_events <= a->output_bytes);
    check(a->provider_error.n <= 4096 && a->model.n <= 256 && a->service_tier.n <= 256 && a->finish.n <= 256);
}

static str pad(struct arena *arena, str s)
{
    char *room = arena_alloc(arena, s.n + 2);
    room[0] = ' ';
    if (s.n) memcpy(room + 1, s.p, s.n);
    room[s.n + 1] = '\r';
    return str_of(room, s.n + 2);
}

/* Lines are events: "name data". What an event means does not depend on white space around it. */
static void feed_lines(enum call_kind kind, uint32_t quirks, struct json *doc, str text)
{
    struct arena arena;
    struct answer a, padded;
    arena_init(&arena);
    answer_init(&a, &arena);
    answer_init(&padded, &arena);
    for (str rest = text; rest.p;) {
        str data = str_cut(&rest, '\n'), event = S("");
        if (str_starts(data, S("error "))) event = str_cut(&data, ' ');
        enum tap_verdict v = answer_feed(&a, kind, quirks, doc, event, data);
        check(answer_feed(&padded, kind, quirks, doc, event, pad(&arena, data)) == v);
        check(v != TAP_ERROR || a.failed);
        check(v != TAP_END || a.ended);
        check(v != TAP_USAGE_ONLY || kind != CALL_RESPONSES);
        check_answer(&a, kind);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX) return 0;
    enum call_kind kind = data[0] % CALL_KIND_COUNT;
    if (!dialect_of(kind)) kind = CALL_CHAT;
    uint32_t quirks = data[1];
    str text = str_of((const char *)data + 2, size - 2);
    struct json doc;
    struct json_fail why;
    struct arena arena;
    struct answer a;
    json_init(&doc);
    if (json_parse(&doc, text, &why)) {
        check_usage(&doc, JSON_ROOT, quirks);
        json_ref usage = json_find(&doc, JSON_ROOT, S("usage"), NULL);
        if (usage) check_usage(&doc, usage, quirks);
    }
    arena_init(&arena);
    answer_init(&a, &arena);
    if (answer_read(&a, kind, quirks, &doc, text)) check_answer(&a, kind);
    arena_free(&arena);
    feed_lines(kind, quirks, &doc, text);
    json_free(&doc);
    return 0;
}
