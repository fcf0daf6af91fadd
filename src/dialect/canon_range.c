/* What a target takes of numbers, stop sequences and names (ranges.def). */
#include "dialect/dialect.h"

static const struct {
    enum dialect_id dialect;
    enum canon_feature feature;
    str low, high;
} ranges[] = {
#define RANGE(d, f, field, low, high) {DIALECT_##d, FEATURE_##f, STR_INIT(#low), STR_INIT(#high)},
#define STOPS(d, most)
#define NAMES(d, most, others, first)
#include "dialect/ranges.def"
#undef RANGE
#undef STOPS
#undef NAMES
};

/* What a name may begin with. */
enum first { ANY, LETTER };

static const struct limits {
    enum dialect_id dialect;
    size_t stops, name;
    str others;
    enum first first;
} limits[] = {
#define RANGE(d, f, field, low, high)
#define STOPS(d, most)                {DIALECT_##d, most, 0, {NULL, 0}, ANY},
#define NAMES(d, most, others, first) {DIALECT_##d, 0, most, STR_INIT(others), first},
#include "dialect/ranges.def"
#undef RANGE
#undef STOPS
#undef NAMES
};

static double value_of(struct arena *arena, str number)
{
    char room[64]; /* strtod() wants a NUL */
    return strtod(str_copy(room, sizeof(room), number) ? room : arena_str(arena, number).p, NULL);
}

str canon_ranged(const struct canon_call *call, const struct canon_target *target, enum dialect_id to,
                 enum canon_feature f, str number)
{
    if (!number.n || call->from == to) return number;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (ranges[i].dialect != to || ranges[i].feature != f) continue;
        double v = value_of(call->arena, number);
        bool low = v<strtod(ranges[i].low.p, NULL), high = v> strtod(ranges[i].high.p, NULL);
        if (!low && !high) return number;
        canon_leave_out(call, target, f);
        return low ? ranges[i].low : ranges[i].high;
    }
    return number;
}

static bool is_bound(enum dialect_id to, str vendor)
{
    return to != DIALECT_CHAT || str_eq(vendor, S("openai")) || str_eq(vendor, S("azure"));
}

size_t canon_stops(const struct canon_call *call, enum dialect_id to, str vendor)
{
    for (size_t i = 0; i < COUNT_OF(limits) && call->from != to && is_bound(to, vendor); i++)
        if (limits[i].dialect == to && limits[i].stops && call->stop_count > limits[i].stops) return limits[i].stops;
    return call->stop_count;
}

static bool fits(str name, const struct limits *l)
{
    bool number = name.n && name.p[0] >= '0' && name.p[0] <= '9';
    if (l->first == LETTER && name.n &&
        (number || (name.p[0] != '_' && str_find_byte(l->others, name.p[0], 0) != SIZE_MAX)))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && str_find_byte(l->others, c, 0) == SIZE_MAX) return false;
    }
    return name.n && name.n <= l->name;
}

static str field_of(const struct canon_call *call, enum canon_feature f, str otherwise)
{
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == f) return n->field;
    return otherwise;
}

bool canon_check_names(const struct canon_call *call, enum dialect_id to, str vendor, struct call_problem *problem)
{
    for (size_t i = 0; i < COUNT_OF(limits) && call->from != to && is_bound(to, vendor); i++) {
        if (limits[i].dialect != to || !limits[i].name) continue;
        for (const struct canon_tool *t = call->tools; t; t = t->next) {
            bool named = t->kind == TOOL_FUNCTION || t->kind == TOOL_CUSTOM;
            if (!named || fits(t->name, &limits[i])) continue;
            str field = field_of(call, FEATURE_TOOLS, S("tools")), shown = str_head(t->name, 80);
            *problem = (struct call_problem){ERR_BAD_FIELD,
                                             arena_printf(call->arena,
                                                          "`%" STR_FMT "`: the name '%" STR_FMT
                                                          "' is none that the model's provider takes: use 1 to "
                                                          "%zu letters, digits and '%" STR_FMT "'%s.",
                                                          STR_ARG(field), STR_ARG(shown), limits[i].name,
                                                          STR_ARG(limits[i].others),
                                                          limits[i].first == LETTER ? ", a letter or '_' first" : ""),
                                             field};
            return false;
        }
    }
    return true;
}

bool canon_check_stops(const struct canon_call *call, enum dialect_id to, str vendor, struct call_problem *problem)
{
    size_t most = canon_stops(call, to, vendor);
    if (most == call->stop_count) return true;
    str field = field_of(call, FEATURE_STOP, S("stop"));
    *problem = (struct call_problem){
        ERR_BAD_FIELD,
        arena_printf(call->arena,
                     "`%" STR_FMT "`: the model's provider takes %zu stop sequences, and these are %zu. Send fewer, or "
                     "have those beyond left out: send the header 'x-purser-compat: lenient', or set `compat: lenient` "
                     "for the provider.",
                     STR_ARG(field), most, call->stop_count),
        field};
    return false;
}
