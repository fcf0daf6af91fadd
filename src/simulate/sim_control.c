#include "simulate/sim_control.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "simulate/sim_text.h"

static const struct {
    str name, text;
} faults[SIM_FAULT_COUNT] = {
#define FAULT(constant, word, text) {STR_INIT(word), STR_INIT(text)},
    SIM_FAULTS(FAULT)
#undef FAULT
};

static const struct {
    str name;
    uint32_t bits;
} shapes[] = {
#define SHAPE(constant, bit, word, text) {STR_INIT(word), SIM_USAGE_##constant},
    SIM_SHAPES(SHAPE)
#undef SHAPE
        {STR_INIT("all"), SIM_USAGE_ALL},
    {STR_INIT("none"), SIM_USAGE_ABSENT},
};

str sim_fault_name(enum sim_fault f)
{
    return faults[f].name;
}

str sim_fault_text(enum sim_fault f)
{
    return faults[f].text;
}

bool sim_fault_find(str name, enum sim_fault *out)
{
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (str_eq(faults[i].name, name)) {
            *out = (enum sim_fault)i;
            return true;
        }
    }
    return false;
}

static uint32_t find_shape(str name)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (str_eq(shapes[i].name, name)) return shapes[i].bits;
    }
    return 0;
}

bool sim_usage_parse(str s, uint32_t *out)
{
    *out = 0;
    while (s.p) {
        uint32_t bits = find_shape(str_trim(str_cut(&s, ',')));
        if (!bits) return false;
        *out |= bits;
    }
    return true;
}

void sim_control_init(struct sim_control *c)
{
    *c = (struct sim_control){
        .tokens = -1, .input_tokens = -1, .after = -1, .ms = -1, .times = -1, .tools = -1, .citations = -1};
}

enum { CONTROL_COUNT_MAX = 100 * 1000 * 1000 };

static bool read_count(str value, int64_t *out)
{
    uint64_t n;
    if (!str_to_u64(value, &n) || n > CONTROL_COUNT_MAX) return false;
    *out = (int64_t)n;
    return true;
}

/* What cannot stand in a word (blanks, brackets, line breaks) comes percent-encoded. */
static bool read_text(str value, char out[SIM_WORD_MAX])
{
    if (value.n == 0 || value.n >= SIM_WORD_MAX) return false;
    size_t n = sim_unescape(value, out);
    out[n] = '\0';
    return strlen(out) == n && utf8_valid(str_of(out, n));
}

/* An object in one line: it goes into events. */
static bool read_arguments(str value, char out[SIM_WORD_MAX])
{
    struct json doc;
    struct json_fail why;
    if (!read_text(value, out) || strpbrk(out, "\r\n")) return false;
    json_init(&doc);
    bool good = json_parse(&doc, str_from(out), &why) && json_type(&doc, JSON_ROOT) == JSON_OBJECT;
    json_free(&doc);
    return good;
}

bool sim_control_set(struct sim_control *c, str name, str value)
{
    const struct {
        str name;
        int64_t *count;
    } counts[] = {
        {S("tokens"), &c->tokens},       {S("input-tokens"), &c->input_tokens},
        {S("after"), &c->after},         {S("ms"), &c->ms},
        {S("times"), &c->times},         {S("tools"), &c->tools},
        {S("citations"), &c->citations},
    };
    c->words_hash = sim_mix(c->words_hash ^ hash_fnv(name)) ^ hash_fnv(value);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        if (str_eq(counts[i].name, name)) return read_count(value, counts[i].count);
    }
    if (str_eq(name, S("usage"))) return c->usage_given = sim_usage_parse(value, &c->usage);
    if (str_eq(name, S("fault"))) return c->fault_given = sim_fault_find(value, &c->fault);
    if (str_eq(name, S("seed"))) return c->seed_given = str_to_u64(value, &c->seed);
    if (str_eq(name, S("latency"))) return c->first_token_given = dist_parse_duration(value, &c->first_token);
    if (str_eq(name, S("between"))) return c->between_tokens_given = dist_parse_duration(value, &c->between_tokens);
    if (str_eq(name, S("service_tier")) || str_eq(name, S("service-tier"))) {
        return value.n > 0 && str_copy(c->service_tier, sizeof c->service_tier, value);
    }
    if (str_eq(name, S("call"))) return value.n > 0 && str_copy(c->call, sizeof c->call, value);
    if (str_eq(name, S("arguments"))) return read_arguments(value, c->arguments);
    if (str_eq(name, S("text"))) return read_text(value, c->text);
    if (str_eq(name, S("flagged"))) {
        c->flagged = str_eq(value, S("1")) || str_eq(value, S("true"));
        return c->flagged || str_eq(value, S("0")) || str_eq(value, S("false"));
    }
    return str_eq(name, S("key")); /* means nothing by itself: sets apart what `times` counts */
}

bool sim_control_words(struct sim_control *c, str words, str *bad)
{
    while (words.p) {
        str word = str_trim(str_cut(&words, ' '));
        if (word.n == 0) continue;
        str value = word;
        str name = str_cut(&value, '=');
        if (!value.p || !sim_control_set(c, name, value)) {
            *bad = word;
            return false;
        }
    }
    return true;
}

bool sim_control_text(struct sim_control *c, str text, str *bad)
{
    const str open = S("[simulate ");
    for (size_t at = 0; (at = str_find(text, open, at)) != SIZE_MAX;) {
        at += open.n;
        size_t end = str_find_byte(text, ']', at);
        if (end == SIZE_MAX) return true; /* no control after all: somebody's prose */
        if (!sim_control_words(c, str_of(text.p + at, end - at), bad)) return false;
        at = end;
    }
    return true;
}
