#include "dialect/call_latest.h"

/* Turns looked at from the end: more tools are hardly called at a time. */
enum { TURNS = 64 };

/* Of a long text its ends and its length do: what differs in the middle alone is rare, and a loop all the same. */
enum { WHOLE_MAX = 64 * 1024 };

struct latest {
    const struct json *doc;
    struct hash_key key;
    uint64_t hash; /* 0: nothing yet */
};

static void fold(struct latest *l, str s)
{
    struct hash_key key = {l->key.k0 ^ l->hash, l->key.k1 + s.n};
    bool whole = s.n <= WHOLE_MAX;
    l->hash = hash_text(key, s.p, whole ? s.n : WHOLE_MAX / 2);
    key.k0 ^= l->hash;
    if (!whole) l->hash = hash_text(key, s.p + s.n - WHOLE_MAX / 2, WHOLE_MAX / 2);
    if (!l->hash) l->hash = 1;
}

static bool fold_member(struct latest *l, json_ref object, str name)
{
    json_ref value = json_find(l->doc, object, name, NULL);
    if (value) fold(l, json_raw(l->doc, value));
    return value != JSON_ABSENT;
}

/* ---- tool calls */

/* {"name":...,"arguments"|"input"|"args":...} */
static void fold_call(struct latest *l, json_ref call)
{
    fold_member(l, call, S("name"));
    if (!fold_member(l, call, S("arguments")) && !fold_member(l, call, S("input"))) fold_member(l, call, S("args"));
}

/* The call where it is wrapped under one of these names. */
static bool fold_wrapped(struct latest *l, json_ref item)
{
    static const str names[] = {STR_INIT("function"), STR_INIT("custom"), STR_INIT("function_call"),
                                STR_INIT("toolUse"), STR_INIT("functionCall")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_ref call = json_find(l->doc, item, names[i], NULL);
        if (json_type(l->doc, call) != JSON_OBJECT || !call) continue;
        fold_call(l, call);
        return true;
    }
    return false;
}

static bool type_ends(const struct latest *l, json_ref item, str end)
{
    json_ref type = json_find(l->doc, item, S("type"), NULL);
    str raw = type ? json_raw(l->doc, type) : STR_NONE;
    return raw.n > end.n + 1 && str_eq(str_of(raw.p + raw.n - 1 - end.n, end.n), end);
}

/* True: the block, or the item, is a call. */
static bool fold_block(struct latest *l, json_ref item)
{
    if (json_type(l->doc, item) != JSON_OBJECT) return false;
    if (fold_wrapped(l, item)) return true;
    bool call = type_ends(l, item, S("tool_use")) || type_ends(l, item, S("_call"));
    if (call) fold_call(l, item);
    return call;
}

/* Those that the model made in this turn. */
static bool fold_calls(struct latest *l, json_ref turn)
{
    static const str lists[] = {STR_INIT("tool_calls"), STR_INIT("content"), STR_INIT("parts")};
    bool any = fold_block(l, turn);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        json_ref list = json_find(l->doc, turn, lists[i], NULL);
        if (!list || json_type(l->doc, list) != JSON_ARRAY) continue;
        for (json_ref b = json_first(l->doc, list); b; b = json_next(l->doc, list, b)) any = fold_block(l, b) || any;
    }
    return any;
}

/* ---- turns */

enum turn { TURN_OTHER, TURN_USER, TURN_RESULT };

static bool is_result_block(const struct latest *l, json_ref block)
{
    return type_ends(l, block, S("tool_result")) || json_find(l->doc, block, S("toolResult"), NULL) ||
           json_find(l->doc, block, S("functionResponse"), NULL);
}

static bool has_results(const struct latest *l, json_ref turn)
{
    json_ref list = json_find(l->doc, turn, S("content"), NULL);
    if (!list) list = json_find(l->doc, turn, S("parts"), NULL);
    if (!list || json_type(l->doc, list) != JSON_ARRAY) return false;
    for (json_ref b = json_first(l->doc, list); b; b = json_next(l->doc, list, b))
        if (is_result_block(l, b)) return true;
    return false;
}

static enum turn turn_of(const struct latest *l, json_ref turn)
{
    if (json_type(l->doc, turn) == JSON_STRING) return TURN_USER;
    json_ref role = json_find(l->doc, turn, S("role"), NULL);
    bool tool = role && (json_string_is(l->doc, role, S("tool")) || json_string_is(l->doc, role, S("function")));
    if (tool || type_ends(l, turn, S("_output")) || has_results(l, turn)) return TURN_RESULT;
    bool gemini = !role && json_find(l->doc, turn, S("parts"), NULL); /* where it is left out it is the user's */
    return gemini || (role && json_string_is(l->doc, role, S("user"))) ? TURN_USER : TURN_OTHER;
}

static void fold_content(struct latest *l, json_ref turn)
{
    if (json_type(l->doc, turn) == JSON_STRING)
        fold(l, json_raw(l->doc, turn));
    else if (!fold_member(l, turn, S("content")) && !fold_member(l, turn, S("parts")))
        fold_member(l, turn, S("output"));
}

/* The calls before these results: all that stand together. Where they are not told, as in a conversation
 * that the provider stores, the results speak for them. */
static void fold_calls_before(struct latest *l, const json_ref *turns, size_t count)
{
    size_t last = count - 1;
    for (size_t i = last; i-- > 0;) {
        bool any = turn_of(l, turns[i]) != TURN_RESULT && fold_calls(l, turns[i]);
        if (!any && (l->hash || turn_of(l, turns[i]) == TURN_USER)) break;
    }
    if (!l->hash) fold_content(l, turns[last]);
}

static void fold_list(struct latest *l, json_ref list)
{
    json_ref ring[TURNS], turns[TURNS];
    size_t n = 0, count;
    for (json_ref t = json_first(l->doc, list); t; t = json_next(l->doc, list, t)) ring[n++ % TURNS] = t;
    count = n < TURNS ? n : TURNS;
    for (size_t i = 0; i < count; i++) turns[i] = ring[(n - count + i) % TURNS];
    for (; count > 0; count--) { /* what the model said, or the system, is not the question */
        enum turn kind = turn_of(l, turns[count - 1]);
        if (kind == TURN_USER) fold_content(l, turns[count - 1]);
        if (kind == TURN_RESULT) fold_calls_before(l, turns, count);
        if (kind != TURN_OTHER) return;
    }
}

uint64_t call_latest(const struct json *doc, struct hash_key key)
{
    static const str names[] = {STR_INIT("messages"), STR_INIT("contents"), STR_INIT("input"), STR_INIT("prompt")};
    struct latest l = {.doc = doc, .key = key};
    json_ref list = JSON_ABSENT;
    for (size_t i = 0; i < COUNT_OF(names) && !list; i++) list = json_find(doc, JSON_ROOT, names[i], NULL);
    if (!list) return 0;
    if (json_type(doc, list) == JSON_ARRAY)
        fold_list(&l, list);
    else
        fold(&l, json_raw(doc, list));
    return l.hash;
}
