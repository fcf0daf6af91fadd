/* What dialects say in different words and mean alike. */
#include "dialect/dialect.h"

/* Anthropic's least budget; the others' efforts as fractions of the output that may be
 * generated are what OpenRouter and LiteLLM settled on, so that users meet no surprise. */
enum { LEAST_BUDGET = 1024, MOST_BUDGET = 128 * 1024, USUAL_OUTPUT = 16384 };

static const struct {
    str effort;
    int64_t percent; /* of the output limit */
    int64_t up_to;   /* a budget of at most so many tokens is this effort */
} efforts[] = {
    {STR_INIT("minimal"), 10, 1024}, {STR_INIT("low"), 20, 4096},    {STR_INIT("medium"), 50, 16384},
    {STR_INIT("high"), 80, 32768},   {STR_INIT("xhigh"), 95, 65536}, {STR_INIT("max"), 95, INT64_MAX},
};

str canon_effort(const struct canon_reasoning *r)
{
    if (r->effort.n) return r->effort;
    if (r->budget_tokens == 0) return S("none");
    if (r->budget_tokens < 0) return STR_NONE;
    for (size_t i = 0; i < COUNT_OF(efforts); i++)
        if (r->budget_tokens <= efforts[i].up_to) return efforts[i].effort;
    return S("max");
}

int64_t canon_thinking_budget(const struct canon_reasoning *r, int64_t max_output)
{
    int64_t budget = r->budget_tokens, most = max_output > 0 ? max_output : USUAL_OUTPUT;
    if (budget < 0 && !r->effort.n) return -1;
    if (budget == 0 || str_eq(r->effort, S("none"))) return 0;
    for (size_t i = 0; i < COUNT_OF(efforts) && budget < 0; i++)
        if (str_eq(efforts[i].effort, r->effort)) budget = most / 100 * efforts[i].percent;
    if (budget < 0) return -1;
    if (budget < LEAST_BUDGET) budget = LEAST_BUDGET;
    if (budget > MOST_BUDGET) budget = MOST_BUDGET;
    /* it must leave room for an answer; a limit too small for both means: do not think */
    if (budget >= most) budget = most > LEAST_BUDGET + 1 ? most - 1 : 0;
    return budget;
}

/* By what a tier is: the usual one; cheaper and later (OpenAI's flex costs what a batch costs); before others; bought
 * beforehand, which Anthropic calls priority. */
static const struct {
    str tier, openai, anthropic;
} tiers[] = {
    {STR_INIT("default"), STR_INIT("default"), STR_INIT("standard")},
    {STR_INIT("standard"), STR_INIT("default"), STR_INIT("standard")},
    {STR_INIT("unspecified"), STR_INIT("default"), STR_INIT("standard")},
    {STR_INIT("on_demand"), STR_INIT("default"), STR_INIT("standard")},
    {STR_INIT("auto"), STR_INIT("auto"), STR_INIT("standard")},
    {STR_INIT("flex"), STR_INIT("flex"), STR_INIT("batch")},
    {STR_INIT("batch"), STR_INIT("flex"), STR_INIT("batch")},
    {STR_INIT("priority"), STR_INIT("priority"), STR_INIT("priority")},
    {STR_INIT("fast"), STR_INIT("priority"), STR_INIT("priority")},
    {STR_INIT("performance"), STR_INIT("priority"), STR_INIT("priority")},
    {STR_INIT("scale"), STR_INIT("scale"), STR_INIT("priority")},
    {STR_INIT("reserved"), STR_INIT("scale"), STR_INIT("priority")},
    {STR_INIT("provisioned"), STR_INIT("scale"), STR_INIT("priority")},
};

str canon_served_tier(str tier, enum dialect_id from, enum dialect_id client)
{
    if (from == client) return tier;
    for (size_t i = 0; i < COUNT_OF(tiers); i++)
        if (str_eq_nocase(tiers[i].tier, tier))
            return client == DIALECT_MESSAGES ? tiers[i].anthropic : tiers[i].openai;
    return STR_NONE;
}

size_t canon_called_tools(const struct canon_call *call, str *names, size_t max)
{
    size_t count = 0;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        for (const struct canon_part *p = m->parts; p && count < max; p = p->next) {
            size_t i = 0;
            if (p->kind != PART_TOOL_CALL) continue;
            while (i < count && !str_eq(names[i], p->tool.name)) i++;
            if (i == count) names[count++] = p->tool.name;
        }
    return count;
}

str canon_format_instruction(const struct canon_call *call)
{
    const struct canon_output *o = &call->output;
    str first = call->tools ? S("Unless you call a tool, answer") : S("Answer");
    if (o->format != FORMAT_SCHEMA || !o->schema.json.n)
        return arena_printf(call->arena, "%" STR_FMT " with one JSON object, and with nothing before or after it.",
                            STR_ARG(first));
    return arena_printf(call->arena,
                        "%" STR_FMT " with one JSON value that is valid against this JSON Schema, and with nothing "
                        "before or after it: %" STR_FMT,
                        STR_ARG(first), STR_ARG(o->schema.json));
}

int64_t canon_prompt_tokens(const struct usage *u)
{
    return u->units[UNIT_INPUT] + u->units[UNIT_CACHE_READ] + u->units[UNIT_CACHE_WRITE_5M] +
           u->units[UNIT_CACHE_WRITE_1H] + u->units[UNIT_AUDIO_IN] + u->units[UNIT_IMAGE];
}

int64_t canon_completion_tokens(const struct usage *u)
{
    return u->units[UNIT_OUTPUT] + u->units[UNIT_REASONING] + u->units[UNIT_AUDIO_OUT];
}

/* ---- signatures: "purser.1.<dialect>.<use>.<signature>", escaped as it came */

#define CARRIED S("\"purser.1.")

static const str uses[] = {
    [CARRY_REASONING] = STR_INIT("reasoning"),
    [CARRY_REDACTED] = STR_INIT("redacted"),
    [CARRY_NEXT] = STR_INIT("next"),
    [CARRY_LAST] = STR_INIT("last"),
};

jraw canon_carry(struct arena *arena, enum dialect_id of, enum canon_carry use, jraw signature)
{
    if (!signature.json.p || !dialect_at(of)) return RAW_NONE;
    str name = dialect_at(of)->name, inside = canon_inside(signature);
    return (jraw){arena_printf(arena, "%" STR_FMT "%" STR_FMT ".%" STR_FMT ".%" STR_FMT "\"", STR_ARG(CARRIED),
                               STR_ARG(name), STR_ARG(uses[use]), STR_ARG(inside))};
}

#define CARRIED_BYTES S("\"cHVyc2VyLjEu") /* "purser.1." in base64: three times three bytes, with no rest */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

jraw canon_carry_bytes(struct arena *arena, enum dialect_id of, enum canon_carry use, jraw signature)
{
    str in = canon_inside(canon_carry(arena, of, use, signature));
    if (!in.n) return RAW_NONE;
    char *out = arena_alloc(arena, (in.n + 2) / 3 * 4 + 2);
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < in.n; i += 3) {
        size_t left = in.n - i;
        unsigned b = (unsigned)(unsigned char)in.p[i] << 16;
        if (left > 1) b |= (unsigned)(unsigned char)in.p[i + 1] << 8;
        if (left > 2) b |= (unsigned char)in.p[i + 2];
        out[n++] = digits[b >> 18];
        out[n++] = digits[b >> 12 & 63];
        out[n++] = left > 1 ? digits[b >> 6 & 63] : '=';
        out[n++] = left > 2 ? digits[b & 63] : '=';
    }
    out[n++] = '"';
    return (jraw){str_of(out, n)};
}

/* A string of base64, in either alphabet, as the string that it holds. RAW_NONE: it is none, or holds what no string may. */
static jraw from_bytes(struct arena *arena, jraw text)
{
    str in = canon_inside(text);
    char *out = arena_alloc(arena, in.n / 4 * 3 + 5);
    size_t n = 0, bits = 0;
    unsigned held = 0;
    while (in.n && in.p[in.n - 1] == '=') in.n--;
    out[n++] = '"';
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i] == '-' ? '+' : in.p[i] == '_' ? '/' : in.p[i];
        const char *at = c ? strchr(digits, c) : NULL;
        if (!at) return RAW_NONE;
        held = held << 6 | (unsigned)(at - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out[n++] = (char)(held >> bits & 255);
    }
    out[n++] = '"';
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    bool ok = json_parse(&doc, str_of(out, n), &why) && json_type(&doc, JSON_ROOT) == JSON_STRING;
    json_free(&doc);
    return ok ? raw_of(str_of(out, n)) : RAW_NONE;
}

bool canon_carried(struct arena *arena, jraw text, enum dialect_id *of, enum canon_carry *use, jraw *signature)
{
    if (str_starts(text.json, CARRIED_BYTES)) text = from_bytes(arena, text);
    if (!str_starts(text.json, CARRIED)) return false;
    str rest = str_from_at(text.json, CARRIED.n), name = str_cut(&rest, '.'), how = str_cut(&rest, '.');
    *of = dialect_find(name);
    if (!rest.p || *of == DIALECT_COUNT) return false;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        if (!str_eq(uses[i], how)) continue;
        *use = (enum canon_carry)i;
        signature->json = arena_printf(arena, "\"%" STR_FMT, STR_ARG(rest));
        return true;
    }
    return false;
}

jraw canon_signature(const struct canon_part *part, enum dialect_id from, enum dialect_id to)
{
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : from;
    return of == to ? part->signature : RAW_NONE;
}

bool canon_thoughts_lost(const struct canon_call *call, enum dialect_id to)
{
    bool tools = false, thoughts = false;
    enum canon_role before = ROLE_USER;
    for (const struct canon_message *m = call->messages; m; before = m->role, m = m->next) {
        if (m->role == ROLE_ASSISTANT && before != ROLE_ASSISTANT) tools = thoughts = false;
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            bool text = m->role == ROLE_USER && p->kind == PART_TEXT;
            if (text) tools = false; /* a new turn */
            if (m->role != ROLE_ASSISTANT) continue;
            tools = tools || p->kind == PART_TOOL_CALL;
            if (p->kind == PART_REASONING || p->kind == PART_REDACTED)
                thoughts = thoughts || canon_signature(p, call->from, to).json.n > 2;
        }
    }
    return tools && !thoughts;
}

void canon_put_place(struct buf *out, const struct json *doc, json_ref place)
{
    json_ref inner = json_find(doc, place, S("approximate"), NULL);
    if (!inner || json_type(doc, inner) != JSON_OBJECT) {
        canon_put_raw(out, S("user_location"), canon_raw(doc, place));
        return;
    }
    canon_key(out, S("user_location"));
    buf_add(out, S("{\"type\":\"approximate\""));
    for (json_ref key = json_first(doc, inner); key; key = json_next(doc, inner, key + 1)) {
        buf_add_byte(out, ',');
        buf_add(out, json_raw(doc, key));
        buf_add_byte(out, ':');
        buf_add(out, json_raw(doc, key + 1));
    }
    buf_add_byte(out, '}');
}
