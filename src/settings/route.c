/* Where a model's name leads. */
#include "settings/settings.h"
#include "settings/suggest.h"

#include <stdlib.h>

const struct setting_provider *settings_provider(const struct settings *s, str name)
{
    for (size_t i = 0; i < s->provider_count; i++) {
        if (str_eq(s->providers[i].name, name)) return &s->providers[i];
    }
    return NULL;
}

const struct setting_provider *settings_service(const struct settings *s, str name)
{
    const struct setting_provider *first = s->providers + s->provider_count;
    for (size_t i = 0; i < s->service_count; i++) {
        if (str_eq(first[i].name, name)) return &first[i];
    }
    return NULL;
}

static int feature_by_name(const void *name, const void *feature)
{
    return str_cmp(*(const str *)name, ((const struct setting_feature *)feature)->name);
}

const struct setting_feature *settings_feature(const struct settings *s, str name)
{
    if (!s->feature_count) return NULL;
    return bsearch(&name, s->features, s->feature_count, sizeof(*s->features), feature_by_name);
}

static int model_by_name(const void *name, const void *model)
{
    return str_cmp(*(const str *)name, ((const struct setting_model *)model)->name);
}

const struct setting_model *settings_model(const struct settings *s, str name)
{
    if (!s->model_count) return NULL;
    return bsearch(&name, s->models, s->model_count, sizeof(*s->models), model_by_name);
}

/* The client chose the name: cut, and nothing that a terminal would obey. */
static str show(str model, struct arena *arena)
{
    str cut = arena_str(arena, str_head(model, 100));
    char *p = (char *)(uintptr_t)cut.p;
    for (size_t i = 0; i < cut.n; i++) {
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f) p[i] = '?';
    }
    return cut;
}

static bool take(const struct setting_provider *p, str model, struct arena *arena, struct setting_target *out, str *why)
{
    if (p->off) {
        *why =
            arena_printf(arena, "the provider '%" STR_FMT "' is off: %" STR_FMT, STR_ARG(p->name), STR_ARG(p->why_off));
        return false;
    }
    *out = (struct setting_target){p, model};
    return true;
}

/* "openai/gpt-5-mini"; NULL where no provider is called like the part before the slash. */
static const struct setting_provider *split(const struct settings *s, str name, str *model)
{
    size_t slash = str_find_byte(name, '/', 0);
    if (slash == SIZE_MAX || slash + 1 >= name.n) return NULL;
    *model = str_from_at(name, slash + 1);
    return settings_provider(s, str_head(name, slash));
}

/* A seller's prices may stand for more than one of its faces. */
static bool may_have(const struct setting_provider *p, str model)
{
    return !p->protocols.count || vendor_protocols(p->vendor, &p->protocols, model).count;
}

/* The only provider, else the first whose prices carry the name. */
static const struct setting_provider *guess(const struct settings *s, str model, struct arena *arena)
{
    const struct setting_provider *only = NULL;
    size_t on = 0;
    for (size_t i = 0; i < s->provider_count; i++) {
        if (s->providers[i].off) continue;
        only = &s->providers[i];
        on++;
    }
    if (on == 1) return only;
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        if (p->off || !may_have(p, model)) continue;
        if (price_book_find(s->book, p->name, model, arena).count) return p;
        if (p->book.n && price_book_find(s->book, p->book, model, arena).count) return p;
    }
    return NULL;
}

/* "zzz/nope", where nothing is called zzz: is it a slip of a provider's name? */
static str unknown_provider(const struct settings *s, str model, struct arena *arena)
{
    size_t slash = str_find_byte(model, '/', 0);
    if (slash == SIZE_MAX || slash == 0 || slash + 1 >= model.n || !s->provider_count) return STR_NONE;
    struct suggest near;
    str wanted = str_head(model, slash), names = STR_NONE;
    suggest_init(&near, wanted);
    for (size_t i = 0; i < s->provider_count; i++) {
        names = arena_printf(arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(names), i ? ", " : "",
                             STR_ARG(s->providers[i].name));
        suggest_offer(&near, s->providers[i].name);
    }
    str hint = near.best.p ? arena_printf(arena, ", did you mean '%" STR_FMT "'?", STR_ARG(near.best)) : STR_NONE;
    return arena_printf(arena,
                        "no provider named '%" STR_FMT "' is set up in %" STR_FMT " (there are: %" STR_FMT ")%" STR_FMT
                        "; where it is part of a model's name, give the model a provider under `models:`",
                        STR_ARG(show(wanted, arena)), STR_ARG(s->file), STR_ARG(names), STR_ARG(hint));
}

bool settings_route(const struct settings *s, str model, struct arena *arena, struct setting_target *out, str *why)
{
    *out = (struct setting_target){NULL, STR_NONE};
    if (!model.p) model = S("");
    const struct setting_model *mapped = settings_model(s, model);
    if (mapped) return take(settings_provider(s, mapped->provider), mapped->model, arena, out, why);
    str rest;
    const struct setting_provider *p = split(s, model, &rest);
    if (p) return take(p, rest, arena, out, why);
    p = s->models_only ? NULL : guess(s, model, arena);
    if (p) return take(p, model, arena, out, why);
    *why = unknown_provider(s, model, arena);
    if (why->n) return false;
    str shown = show(model, arena);
    str example = s->provider_count ? s->providers[0].name : S("openai");
    *why = arena_printf(arena,
                        "no provider is known for the model '%" STR_FMT "'; add under `models:` in %" STR_FMT
                        ": \"%" STR_FMT "\": %" STR_FMT "/%" STR_FMT,
                        STR_ARG(shown), STR_ARG(s->file), STR_ARG(shown), STR_ARG(example), STR_ARG(shown));
    return false;
}
