/* What a provider is like: protocols, oddities, headers, programs that print its token. */
#include "settings/load.h"

bool read_quirks(struct loader *l, const struct value *v, void *into)
{
    struct texts names = {0};
    if (!v->node) return true;
    if (!read_texts(l, v, &names)) return false;
    struct quirk *sum = into;
    for (size_t i = 0; i < names.count; i++) {
        const struct quirk *q = quirk_find(names.items[i]);
        if (q) {
            sum->quirks |= q->quirks;
            sum->flags |= q->flags;
            continue;
        }
        struct suggest near;
        suggest_init(&near, names.items[i]);
        for (size_t j = 0; quirk_at(j); j++) suggest_offer(&near, quirk_at(j)->name);
        struct value it = *v;
        it.shown = names.shown[i];
        return load_reject(l, &it, "quirk", near.best, "purser check --help-settings lists them");
    }
    return true;
}

bool read_protocols(struct loader *l, const struct value *v, void *into)
{
    struct texts names = {0};
    if (!v->node) return true;
    if (!read_texts(l, v, &names)) return false;
    struct protocols *out = into;
    for (size_t i = 0; i < names.count; i++) {
        struct value it = *v;
        it.shown = names.shown[i];
        enum dialect_id id = protocol_find(names.items[i]);
        if (id < DIALECT_COUNT && !protocols_have(out, id)) {
            out->at[out->count++] = (uint8_t)id;
            continue;
        }
        if (id < DIALECT_COUNT) {
            load_error(l, v->line, v->path, "'%" STR_FMT "' stands there twice", STR_ARG(it.shown));
            return false;
        }
        struct suggest near;
        suggest_init(&near, names.items[i]);
        for (id = 0; id < DIALECT_COUNT; id++) suggest_offer(&near, protocol_name(id));
        return load_reject(l, &it, "protocol", near.best, "chat, responses, messages, gemini, converse, cohere");
    }
    if (out->count) return true;
    load_error(l, v->line, v->path, "must name a protocol at least");
    return false;
}

static size_t split_words(struct loader *l, str text, size_t room, str **words)
{
    size_t count = 0;
    *words = arena_alloc(&l->s.arena, (room + 1) * sizeof(str));
    for (str rest = text; rest.p;) {
        str word = str_trim(str_cut(&rest, ' '));
        if (word.n && count < room) (*words)[count++] = word;
    }
    return count;
}

/* A list, or words between blanks. */
bool read_args(struct loader *l, const struct value *v, void *into)
{
    struct texts *out = into;
    if (!v->node) return true;
    if (v->node->kind != TREE_SCALAR) {
        if (!read_texts(l, v, out)) return false;
    } else {
        out->count = split_words(l, v->text, v->text.n, &out->items);
        size_t shown = split_words(l, v->shown, out->count, &out->shown);
        for (; shown < out->count; shown++) out->shown[shown] = STR_NONE; /* a variable that held blanks, or was cut */
    }
    if (out->count || v->missing.p) return true;
    load_error(l, v->line, v->path, "must name a program");
    return false;
}

/* Those that purser writes itself, or that say how the message is framed. */
static bool is_own_header(str name)
{
    static const str own[] = {STR_INIT("host"),
                              STR_INIT("content-length"),
                              STR_INIT("transfer-encoding"),
                              STR_INIT("connection"),
                              STR_INIT("content-type"),
                              STR_INIT("content-encoding"),
                              STR_INIT("accept-encoding"),
                              STR_INIT("authorization"),
                              STR_INIT("expect"),
                              STR_INIT("upgrade"),
                              STR_INIT("te"),
                              STR_INIT("trailer"),
                              STR_INIT("user-agent"),
                              STR_INIT("anthropic-version")};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (str_eq_nocase(own[i], name)) return true;
    }
    return false;
}

bool load_is_header(str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("-_.", c)) return false;
    }
    return name.n >= 1 && name.n <= 64;
}

bool read_headers(struct loader *l, const struct value *v, void *into)
{
    enum { HEADERS_MAX = 32 };
    struct headers *out = into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_MAP, "NAME: value")) return false;
    if (v->node->count > HEADERS_MAX) {
        load_error(l, v->line, v->path, "has more than %d headers", HEADERS_MAX);
        return false;
    }
    out->items = arena_alloc(&l->s.arena, (v->node->count + 1) * sizeof(*out->items));
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        str path = load_path_key(l, v->path, load_show(l, it->key));
        struct value value;
        if (!load_name(l, it, path, false)) return false;
        if (!load_is_header(it->key) || is_own_header(it->key)) {
            load_error(l, it->key_line, path,
                       load_is_header(it->key) ? "is a header that purser writes itself" : "is no name of a header");
            return false;
        }
        if (!load_value(l, it, path, true, &value) || !load_want(l, &value, TREE_SCALAR, "text")) return false;
        if (!value.text.n) {
            load_warn(l, value.line, path, "has no value: it is not sent");
            continue;
        }
        out->items[out->count++] = (struct setting_header){arena_str(&l->s.arena, it->key), value.text};
    }
    return true;
}
