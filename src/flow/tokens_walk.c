/* The texts of a call as its provider will see them, and what each message, tool and image adds.
 *
 * What OpenAI wraps around a message is documented (its cookbook, "How to count tokens with tiktoken"): three tokens
 * and the role, one more for a name, three before the reply. What it makes of tools is known well enough
 * (tokens_tools.c). Other vendors' wrappings are near enough for
 * estimates, which learn from what is billed. */
#include "flow/tokens.h"

enum {
    PER_MESSAGE = 4, /* three, and the role's own */
    PER_NAME = 1,
    PER_REPLY = 3,
    PER_REPLY_THINKING = 2, /* o-series and gpt-5, as billed in recorded traffic */
    PER_TOOL = 8,
    PER_TOOL_CALL = 6,
    TOOLS_PREAMBLE = 9,
    /* Source: docs.claude.com, tool use: the system prompt for tools, `auto`, Claude 4. */
    TOOLS_PREAMBLE_CLAUDE = 346,
    AUDIO_BYTES_PER_TOKEN = 2000,
    DOCUMENT_TOKENS = 1500, /* a page or two; nobody knows before it is read */
};

struct gather {
    struct arena *arena;
    struct tokens_text *texts;
    size_t count, cap;
    int64_t fixed;
    str model;
    bool exact;
};

static void add(struct gather *g, str text, bool quoted)
{
    if (!text.n) return;
    if (g->count == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 32;
        struct tokens_text *texts = arena_alloc(g->arena, cap * sizeof(*texts));
        if (g->count) memcpy(texts, g->texts, g->count * sizeof(*texts));
        g->texts = texts;
        g->cap = cap;
    }
    g->texts[g->count++] = (struct tokens_text){text, quoted};
}

static void add_string(struct gather *g, jraw text)
{
    add(g, text.json, true);
}

/* Source: the vendors' guides to images: OpenAI 85 and 170 a tile of 512 pixels (four are usual), gpt-4o-mini 33 times
 * that; Anthropic pixels / 750, at most about 1,600; Gemini 258 a tile. */
static int64_t image_tokens(str model, str detail)
{
    bool low = str_eq(detail, S("low"));
    if (str_glob(S("*gpt-4o-mini*"), model)) return low ? 2833 : 25501;
    if (str_glob(S("*claude*"), model)) return 1600;
    if (str_glob(S("*gemini*"), model)) return 258;
    return low ? 85 : 765;
}

static void add_parts(struct gather *g, const struct canon_part *parts);

static void add_part(struct gather *g, const struct canon_part *p)
{
    switch (p->kind) {
    case PART_IMAGE:
        g->fixed += image_tokens(g->model, p->media.detail);
        break;
    case PART_AUDIO:
        g->fixed += p->media.size / AUDIO_BYTES_PER_TOKEN + 1;
        break;
    case PART_VIDEO:
        g->fixed += DOCUMENT_TOKENS;
        break;
    case PART_DOCUMENT:
        add_string(g, p->text);
        if (!p->text.json.p) g->fixed += DOCUMENT_TOKENS;
        break;
    case PART_TOOL_CALL:
        g->fixed += PER_TOOL_CALL;
        add(g, p->tool.name, false);
        add(g, p->tool.arguments, false);
        break;
    case PART_TOOL_RESULT:
        g->fixed += PER_MESSAGE;
        add_parts(g, p->tool.content);
        break;
    case PART_OPAQUE:
        add(g, p->value.json, false);
        break;
    case PART_REDACTED:
        add_string(g, p->signature);
        break;
    default:
        add_string(g, p->text);
        break;
    }
}

static void add_parts(struct gather *g, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) add_part(g, p);
}

static void add_tools(struct gather *g, const struct canon_call *call)
{
    if (!call->tools) return;
    if (g->exact) {
        g->fixed += TOOLS_PREAMBLE;
        add(g, tokens_render_tools(call->tools, g->arena), false);
        for (const struct canon_tool *t = call->tools; t; t = t->next)
            if (t->kind != TOOL_FUNCTION) add(g, t->value.json, false);
        return;
    }
    if (str_glob(S("*claude*"), g->model)) g->fixed += TOOLS_PREAMBLE_CLAUDE;
    for (const struct canon_tool *t = call->tools; t; t = t->next) {
        g->fixed += PER_TOOL;
        add(g, t->name, false);
        add_string(g, t->description);
        add(g, t->schema.json, false);
        if (t->kind != TOOL_FUNCTION) add(g, t->value.json, false);
    }
}

/* What stands around each message and before the reply. Gemini bills nothing for either. */
static void add_frame(struct gather *g, const struct canon_message *m)
{
    bool results = m->parts && m->parts->kind == PART_TOOL_RESULT; /* each is a message of its own */
    if (m->name.n) g->fixed += PER_NAME;
    if (!results && !str_glob(S("*gemini*"), g->model)) g->fixed += PER_MESSAGE;
}

static int64_t reply_tokens(str model)
{
    bool thinks =
        str_glob(S("*gpt-5*"), model) || (model.n > 1 && model.p[0] == 'o' && model.p[1] >= '1' && model.p[1] <= '9');
    return str_glob(S("*gemini*"), model) ? 0 : thinks ? PER_REPLY_THINKING : PER_REPLY;
}

struct tokens_walk *tokens_walk_new(const struct canon_call *call, str model, struct arena *arena)
{
    struct tokens_walk *w = arena_zalloc(arena, sizeof(*w));
    struct gather g = {.arena = arena, .model = model};
    w->exact = g.exact = token_encoding_of_model(model, &w->encoding) && token_encoding_known(w->encoding);
    g.fixed = reply_tokens(model);
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        add_frame(&g, m);
        add(&g, m->name, false);
        add_parts(&g, m->parts);
    }
    add_tools(&g, call);
    add(&g, call->output.schema.json, false);
    w->arena = arena;
    w->texts = g.texts;
    w->count = g.count;
    w->fixed = w->tokens = g.fixed;
    w->model = model;
    return w;
}

/* The next text, decoded where it has escapes. */
static str next_text(struct tokens_walk *w)
{
    const struct tokens_text *t = &w->texts[w->at];
    return t->quoted ? canon_decode(w->arena, (jraw){t->text}) : t->text;
}

static bool count_slice(struct tokens_walk *w, size_t *work)
{
    if (!w->begun) token_count_begin(&w->slice, w->encoding, next_text(w));
    w->begun = true;
    size_t from = w->slice.at;
    if (!token_count_step(&w->slice, *work)) {
        *work = 0;
        return false;
    }
    size_t done = w->slice.at - from;
    *work -= done < *work ? done : *work;
    w->tokens += w->slice.tokens;
    w->begun = false;
    return true;
}

bool tokens_walk_step(struct tokens_walk *w, size_t work)
{
    for (; w->at < w->count; w->at++) {
        if (!work) return false;
        if (w->exact) {
            if (!count_slice(w, &work)) return false;
            continue;
        }
        str text = next_text(w); /* looking at kinds of characters is quick: a text at once */
        token_features_add(&w->features, text);
        work -= text.n < work ? text.n : work;
    }
    if (!w->exact) w->tokens = w->fixed + token_estimate(w->model, &w->features);
    return true;
}
