/* What depends on the model, told by its name. */
#include "dialect/gemini.h"

/* "gemini-3-pro-preview" is 30, "gemini-live-2.5-flash" 25; names without a number
 * ("gemini-flash-latest") stand for the newest. 0: no Gemini. */
int gemini_generation(str model)
{
    size_t at = str_find(model, S("gemini-"), 0);
    if (at == SIZE_MAX) return 0;
    str rest = str_from_at(model, at + 7);
    while (rest.n && (rest.p[0] < '0' || rest.p[0] > '9')) rest = str_from_at(rest, 1);
    if (!rest.n) return 99;
    int generation = (rest.p[0] - '0') * 10;
    if (rest.n > 2 && rest.p[1] == '.' && rest.p[2] >= '0' && rest.p[2] <= '9') generation += rest.p[2] - '0';
    return generation;
}

static bool has(str model, str word)
{
    return str_find(model, word, 0) != SIZE_MAX;
}

/* Gemini 3 takes levels and cannot be kept from thinking. The first Pro knows low and high only,
 * no Pro knows minimal. */
static str level(str effort, str model)
{
    bool pro = has(model, S("-pro")), first = has(model, S("gemini-3-pro"));
    if (str_eq(effort, S("none")) || str_eq(effort, S("minimal"))) return pro ? S("LOW") : S("MINIMAL");
    if (str_eq(effort, S("low"))) return S("LOW");
    if (str_eq(effort, S("medium"))) return first ? S("HIGH") : S("MEDIUM");
    return S("HIGH");
}

/* Gemini 2.5 takes budgets: Pro from 128 to 32768 tokens, the others up to 24576 and 0. */
static int64_t budget(const struct canon_reasoning *r, int64_t max_output, str model)
{
    bool pro = has(model, S("-pro"));
    int64_t tokens = canon_thinking_budget(r, max_output), most = pro ? 32768 : 24576;
    return tokens > most ? most : pro && tokens < 128 ? 128 : tokens;
}

void gemini_put_thinking(const struct canon_call *call, const struct canon_target *target, int64_t max_output,
                         jraw rest, struct buf *out)
{
    const struct canon_reasoning *r = &call->reasoning;
    int generation = gemini_generation(target->model);
    bool own = call->from == DIALECT_GEMINI, said = r->effort.n || r->budget_tokens >= 0 || r->adaptive;
    if (!said && !r->show && !rest.json.p) return;
    canon_key(out, S("thinkingConfig"));
    buf_add_byte(out, '{');
    if (own) {
        char upper[16];
        size_t n = 0;
        for (; n < r->effort.n && n < sizeof(upper); n++) upper[n] = (char)(r->effort.p[n] & ~0x20);
        canon_put_text(out, S("thinkingLevel"), str_of(upper, n));
        if (r->budget_tokens >= 0 || r->adaptive)
            canon_put_i64(out, S("thinkingBudget"), r->adaptive ? -1 : r->budget_tokens);
    } else if (said && generation >= 30) {
        if (canon_effort(r).n) canon_put_text(out, S("thinkingLevel"), level(canon_effort(r), target->model));
    } else if (said) {
        int64_t tokens =
            r->adaptive && !r->effort.n && r->budget_tokens < 0 ? -1 : budget(r, max_output, target->model);
        canon_put_i64(out, S("thinkingBudget"), tokens);
    }
    if (r->show) canon_put_bool(out, S("includeThoughts"), true);
    if (rest.json.p && rest.json.n > 2) {
        canon_comma(out);
        buf_add(out, canon_inside(rest));
    }
    buf_add_byte(out, '}');
}
