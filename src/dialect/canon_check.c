/* What a target's dialect cannot say of a call: refused, or dropped and told. */
#include "dialect/dialect.h"

enum fit { YES, HINT, NO };

static const struct {
    str text;
    unsigned char fit[DIALECT_COUNT];
} features[FEATURE_COUNT] = {
#define FEATURE(constant, text, ...) [FEATURE_##constant] = {STR_INIT(text), {__VA_ARGS__}},
#include "dialect/features.def"
#undef FEATURE
};

/* Where a vendor's words are more or fewer than its dialect's. */
static const struct {
    str vendor;
    enum canon_feature feature;
    enum fit fit;
} exceptions[] = {
    {STR_INIT("voyage"), FEATURE_EMBED_TASK, YES},    {STR_INIT("voyage"), FEATURE_EMBED_TYPE, YES},
    {STR_INIT("voyage"), FEATURE_EMBED_CUT, YES},     {STR_INIT("voyage"), FEATURE_EMBED_TOKENS, NO},
    {STR_INIT("voyage"), FEATURE_EMBED_USER, HINT},   {STR_INIT("mistral"), FEATURE_EMBED_TYPE, YES},
    {STR_INIT("mistral"), FEATURE_EMBED_TOKENS, NO},  {STR_INIT("mistral"), FEATURE_EMBED_USER, HINT},
    {STR_INIT("together"), FEATURE_RANK_FIELDS, YES}, {STR_INIT("vertex"), FEATURE_EMBED_MIXED, NO},
};

static enum fit fit_of(enum canon_feature f, enum dialect_id to, str vendor)
{
    for (size_t i = 0; vendor.n && i < COUNT_OF(exceptions); i++)
        if (exceptions[i].feature == f && str_eq(exceptions[i].vendor, vendor)) return exceptions[i].fit;
    return (enum fit)features[f].fit[to];
}

str canon_feature_text(enum canon_feature f)
{
    return features[f].text;
}

static bool refuse(const struct canon_call *call, const struct canon_note *n, enum dialect_id to,
                   struct call_problem *problem)
{
    str target = dialect_at(to) ? dialect_at(to)->name : S("target's");
    *problem = (struct call_problem){
        ERR_BAD_FIELD,
        arena_printf(call->arena,
                     "`%" STR_FMT "` (%" STR_FMT ") cannot be said in the %" STR_FMT
                     " protocol that the model's provider speaks. Leave it out, or have it dropped: send the header "
                     "'x-purser-compat: lenient', or set `compat: lenient` for the provider.",
                     STR_ARG(n->field), STR_ARG(features[n->feature].text), STR_ARG(target)),
        n->field};
    return false;
}

/* Another protocol's provider would guess, or refuse without saying which field is meant. */
static bool refuse_effort(const struct canon_call *call, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("none"), STR_INIT("minimal"), STR_INIT("low"), STR_INIT("medium"),
                                STR_INIT("high"), STR_INIT("xhigh"),   STR_INIT("max")};
    str field = S("effort");
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (!call->reasoning.effort.n || str_eq(call->reasoning.effort, known[i])) return false;
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == FEATURE_REASONING) field = n->field;
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     arena_printf(call->arena,
                                                  "`%" STR_FMT "`: the effort must be none, minimal, low, medium, "
                                                  "high, xhigh or max.",
                                                  STR_ARG(field)),
                                     field};
    return true;
}

/* For a header: a field's name is the client's own text. */
static void add_field(struct buf *fields, str name)
{
    enum { FIELD_BYTES_MAX = 100 };
    if (fields->n) buf_add(fields, S(", "));
    for (size_t i = 0; i < name.n && i < FIELD_BYTES_MAX; i++)
        buf_add_byte(fields, name.p[i] >= ' ' && name.p[i] < 0x7f ? name.p[i] : '?');
}

void canon_leave_out(const struct canon_call *call, const struct canon_target *target, enum canon_feature f)
{
    for (const struct canon_note *n = call->notes; n && target->left_out; n = n->next)
        if (n->feature == f) add_field(target->left_out, n->field);
}

bool canon_check_at(const struct canon_call *call, enum dialect_id to, str vendor, bool lenient,
                    struct canon_dropped *dropped, struct call_problem *problem)
{
    struct buf fields;
    if (refuse_effort(call, problem) || !canon_check_names(call, to, vendor, problem)) return false;
    struct call_problem stops;
    bool few = canon_check_stops(call, to, vendor, &stops);
    if (!few && !lenient) {
        *problem = stops;
        return false;
    }
    buf_init(&fields, 4096);
    for (const struct canon_note *n = call->notes; n; n = n->next) {
        enum fit fit = fit_of(n->feature, to, vendor);
        if (!few && n->feature == FEATURE_STOP && fit == YES) add_field(&fields, n->field);
        bool kept = n->feature == FEATURE_UNKNOWN || n->feature == FEATURE_CITATION_HISTORY;
        bool goes_along = kept && call->from == to && !str_eq(vendor, S("vertex"));
        if (goes_along) continue; /* its own dialect's extras are written again */
        if (fit == YES) continue;
        if (fit == NO && !lenient) {
            buf_free(&fields);
            return refuse(call, n, to, problem);
        }
        add_field(&fields, n->field);
    }
    dropped->fields = fields.n ? arena_str(call->arena, buf_str(&fields)) : S("");
    buf_free(&fields);
    return true;
}

bool canon_check(const struct canon_call *call, enum dialect_id to, bool lenient, struct canon_dropped *dropped,
                 struct call_problem *problem)
{
    return canon_check_at(call, to, STR_NONE, lenient, dropped, problem);
}
