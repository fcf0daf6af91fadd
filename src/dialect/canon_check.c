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

/* What is asked of a target while its call is checked. */
struct checking {
    const struct canon_call *call;
    enum dialect_id to;
    str vendor;
    bool lenient;
    bool looked, text; /* whether all its documents are text, once somebody has looked */
    struct buf fields; /* what is dropped */
};

static bool are_text(struct checking *c)
{
    if (!c->looked) c->text = canon_documents_are_text(c->call);
    c->looked = true;
    return c->text;
}

static bool fits(struct checking *c, const struct canon_note *n)
{
    bool kept = n->feature == FEATURE_UNKNOWN || n->feature == FEATURE_CITATION_HISTORY;
    bool goes_along = kept && c->call->from == c->to && !str_eq(c->vendor, S("vertex"));
    if (goes_along) return true; /* its own dialect's extras are written again */
    if (fit_of(n->feature, c->to, c->vendor) == YES) return true;
    return n->feature == FEATURE_DOCUMENT_DATA && are_text(c); /* said as text */
}

/* Whether the call's own notes name the field of one by its shape. */
static bool is_named(const struct canon_call *call, const struct canon_note *notes, const struct canon_note *shape)
{
    if (notes == call->notes) return false;
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == shape->feature && str_eq(n->field, shape->field)) return true;
    return false;
}

/* A thread of Anthropic's: the client's next call sends only what is new, for what stands before was kept. */
static bool is_relied_on(const struct canon_call *call, const struct canon_note *n)
{
    return n->feature == FEATURE_STORED_CONTEXT && call->from == DIALECT_MESSAGES;
}

/* Adds what `notes` have no words for. NULL: nothing of it must be refused. */
static const struct canon_note *drop(struct checking *c, const struct canon_note *notes)
{
    for (const struct canon_note *n = notes; n; n = n->next) {
        if (fits(c, n)) continue;
        if (fit_of(n->feature, c->to, c->vendor) == NO && (!c->lenient || is_relied_on(c->call, n))) return n;
        if (!is_named(c->call, notes, n)) add_field(&c->fields, n->field);
    }
    return NULL;
}

bool canon_check_at(const struct canon_call *call, enum dialect_id to, const struct canon_target *target, bool lenient,
                    struct canon_dropped *dropped, struct call_problem *problem)
{
    struct checking c = {.call = call, .to = to, .vendor = target->vendor, .lenient = lenient};
    struct call_problem stops;
    if (refuse_effort(call, problem) || !canon_check_names(call, to, c.vendor, problem)) return false;
    bool few = canon_check_stops(call, to, c.vendor, &stops);
    if (!few && !lenient) {
        *problem = stops;
        return false;
    }
    buf_init(&c.fields, 4096);
    for (const struct canon_note *n = call->notes; n && !few; n = n->next)
        if (n->feature == FEATURE_STOP && fit_of(n->feature, to, c.vendor) == YES) add_field(&c.fields, n->field);
    const struct canon_note *no = drop(&c, call->notes);
    if (!no) no = drop(&c, canon_shape_notes(call, to, target->model));
    bool ok = no ? refuse(call, no, to, problem) : canon_check_shape(call, to, problem);
    if (ok) dropped->fields = c.fields.n ? arena_str(call->arena, buf_str(&c.fields)) : S("");
    buf_free(&c.fields);
    return ok;
}

bool canon_check(const struct canon_call *call, enum dialect_id to, bool lenient, struct canon_dropped *dropped,
                 struct call_problem *problem)
{
    return canon_check_at(call, to, &(struct canon_target){.max_output = -1}, lenient, dropped, problem);
}
