/* What a call asks for by its shape, whatever its dialect: where its messages stand, which tools stand beside each
 * other, what is chosen among them. Checked and settled here once for all pairs. */
#include "dialect/dialect.h"
#include "dialect/gemini.h"

/* The client's word for its list of messages. */
static str list_of(const struct canon_call *call)
{
    return call->from == DIALECT_RESPONSES ? S("input") : call->from == DIALECT_GEMINI ? S("contents") : S("messages");
}

static str field_of(const struct canon_call *call, enum canon_feature f, str otherwise)
{
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == f) return n->field;
    return otherwise;
}

static bool is_system(const struct canon_message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* Anything that another dialect could say. */
static bool says(const struct canon_message *m)
{
    for (const struct canon_part *p = m->parts; p; p = p->next) {
        bool blank = p->kind == PART_TEXT && !p->signature.json.p && canon_is_blank(p->text);
        if (!blank && p->kind != PART_OPAQUE) return true;
    }
    return false;
}

/* ---- tools */

static const struct canon_tool *tool_named(const struct canon_call *call, str name)
{
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        if (str_eq(t->name, name)) return t;
    return NULL;
}

static bool is_function(const struct canon_tool *t)
{
    return t->kind == TOOL_FUNCTION || t->kind == TOOL_CUSTOM || t->at_client;
}

static size_t count_of(const struct canon_call *call, bool functions)
{
    size_t n = 0;
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        n += functions ? is_function(t) : t->kind == TOOL_WEB_SEARCH;
    return n;
}

static bool chooses_search(const struct canon_call *call)
{
    const struct canon_tool_choice *c = &call->choice;
    if (c->mode != CHOICE_REQUIRED) return false;
    const struct canon_tool *named = c->name.n ? tool_named(call, c->name) : NULL;
    return named ? named->kind == TOOL_WEB_SEARCH : count_of(call, false) && !count_of(call, true);
}

/* Google: "Tool use with function calling is unsupported" before Gemini 3. */
static bool excludes_search(const struct canon_call *call, enum dialect_id to, str model)
{
    int generation = gemini_generation(model);
    bool old = to == DIALECT_GEMINI && generation > 0 && generation < 30;
    return old && count_of(call, false) && count_of(call, true);
}

struct canon_tool_choice canon_choice(const struct canon_call *call, enum dialect_id to)
{
    struct canon_tool_choice c = call->choice;
    if (call->from == to) return c;
    bool searches = to == DIALECT_RESPONSES || to == DIALECT_MESSAGES;
    const struct canon_tool *named = c.name.n ? tool_named(call, c.name) : NULL;
    bool forced = !named || is_function(named) || (searches && named->kind == TOOL_WEB_SEARCH);
    if (!forced) {
        c.name = STR_NONE;
        c.mode = CHOICE_AUTO;
    }
    if (!count_of(call, true) && !(searches && count_of(call, false)))
        c = (struct canon_tool_choice){.parallel = -1}; /* a choice without tools is refused by most */
    return c;
}

static bool refuse_name(const struct canon_call *call, enum canon_feature f, str name, struct call_problem *problem)
{
    str field = field_of(call, f, S("tool_choice")), shown = str_head(name, 80);
    if (!name.n) return false;
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     arena_printf(call->arena,
                                                  "`%" STR_FMT "` names '%" STR_FMT
                                                  "', which is none of the call's tools: name one of them, or add it.",
                                                  STR_ARG(field), STR_ARG(shown)),
                                     field};
    return true;
}

/* Each of the allowed names is a tool's. */
static bool check_allowed(const struct canon_call *call, struct call_problem *problem)
{
    const struct canon_tool_choice *c = &call->choice;
    if (!c->allowed_count) return true;
    bool *there = arena_zalloc(call->arena, c->allowed_count * sizeof(*there));
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        size_t at = canon_allowed_at(c, t->name);
        if (at != SIZE_MAX) there[at] = true;
    }
    for (size_t i = 0; i < c->allowed_count; i++)
        if (!there[canon_allowed_at(c, c->allowed[i])] &&
            refuse_name(call, FEATURE_TOOL_CHOICE_ALLOWED, c->allowed[i], problem))
            return false;
    return true;
}

static bool check_choice(const struct canon_call *call, struct call_problem *problem)
{
    const struct canon_tool_choice *c = &call->choice;
    str field = field_of(call, FEATURE_TOOL_CHOICE_REQUIRED, S("tool_choice"));
    if (c->mode == CHOICE_REQUIRED && !call->tools) {
        *problem =
            (struct call_problem){ERR_BAD_FIELD,
                                  arena_printf(call->arena,
                                               "`%" STR_FMT "` wants a tool to be called, and the call has none: add "
                                               "tools, or leave it out.",
                                               STR_ARG(field)),
                                  field};
        return false;
    }
    if (c->mode == CHOICE_REQUIRED && c->name.n && !tool_named(call, c->name))
        return !refuse_name(call, FEATURE_TOOL_CHOICE_NAMED, c->name, problem);
    return check_allowed(call, problem);
}

/* ---- messages */

static const struct canon_message *last_said(const struct canon_call *call)
{
    const struct canon_message *last = NULL;
    for (const struct canon_message *m = call->messages; m; m = m->next)
        if (!is_system(m) && says(m)) last = m;
    return last;
}

/* In these protocols a model goes on with a last message of its own; in OpenAI's and Cohere's it answers anew. */
static bool begins_answer(const struct canon_call *call)
{
    bool goes_on = call->from == DIALECT_MESSAGES || call->from == DIALECT_GEMINI || call->from == DIALECT_CONVERSE;
    const struct canon_message *m = goes_on ? last_said(call) : NULL;
    const struct canon_part *last = m && m->role == ROLE_ASSISTANT ? m->parts : NULL;
    while (last && last->next) last = last->next;
    return last && last->kind == PART_TEXT;
}

static bool has_system_among(const struct canon_call *call)
{
    bool others = false;
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        if (is_system(m) && others && says(m)) return true;
        others = others || (!is_system(m) && says(m));
    }
    return false;
}

bool canon_lacks_user(const struct canon_call *call)
{
    const struct canon_message *m = call->messages;
    while (m && (is_system(m) || !says(m))) m = m->next;
    return !m || m->role != ROLE_USER;
}

/* Anthropic, Google and Bedrock take no message without words; OpenAI and Cohere do, but not none at all. */
static bool check_words(const struct canon_call *call, enum dialect_id to, struct call_problem *problem)
{
    bool strict = to == DIALECT_MESSAGES || to == DIALECT_GEMINI || to == DIALECT_CONVERSE;
    if (to == DIALECT_CHAT && call->messages) return true; /* its encoder knows what is left, vendor by vendor */
    for (const struct canon_message *m = call->messages; m; m = m->next)
        if (says(m) || (!strict && (!m->parts || m->parts->kind != PART_OPAQUE))) return true;
    str field = list_of(call);
    *problem =
        (struct call_problem){ERR_BAD_FIELD,
                              arena_printf(call->arena,
                                           "`%" STR_FMT "` says nothing, or nothing but empty text, which the model's "
                                           "provider does not take: say something.",
                                           STR_ARG(field)),
                              field};
    return false;
}

bool canon_check_shape(const struct canon_call *call, enum dialect_id to, struct call_problem *problem)
{
    if (call->from == to || call->embed || call->rank) return true;
    return check_choice(call, problem) && check_words(call, to, problem);
}

/* ---- notes */

static struct canon_note *add(const struct canon_call *call, struct canon_note *list, bool uses, enum canon_feature f,
                              str field)
{
    if (!uses) return list;
    struct canon_note *n = arena_alloc(call->arena, sizeof(*n));
    *n = (struct canon_note){list, f, field};
    return n;
}

struct canon_note *canon_shape_notes(const struct canon_call *call, enum dialect_id to, str model)
{
    struct canon_note *list = NULL;
    if (call->from == to || call->embed || call->rank) return NULL;
    str messages = list_of(call), search = field_of(call, FEATURE_WEB_SEARCH, S("tools"));
    str chosen = call->from == DIALECT_GEMINI ? S("toolConfig") : S("tool_choice");
    str type = field_of(call, FEATURE_DOCUMENT_DATA, messages);
    list = add(call, list, !canon_documents_fit(call, to), FEATURE_DOCUMENT_TYPE, type);
    list = add(call, list, excludes_search(call, to, model), FEATURE_WEB_SEARCH_BESIDE, search);
    list = add(call, list, chooses_search(call), FEATURE_WEB_SEARCH_CHOSEN, chosen);
    bool silent = !last_said(call); /* nobody but the system: Google is asked by that */
    list = add(call, list, to == DIALECT_GEMINI ? silent : canon_lacks_user(call), FEATURE_USER_FIRST,
               arena_printf(call->arena, "%" STR_FMT "[0]", STR_ARG(messages)));
    list = add(call, list, begins_answer(call), FEATURE_ANSWER_BEGUN,
               arena_printf(call->arena, "%" STR_FMT ".assistant", STR_ARG(messages)));
    return add(call, list, has_system_among(call), FEATURE_SYSTEM_AMONG,
               arena_printf(call->arena, "%" STR_FMT ".system", STR_ARG(messages)));
}
