/* Which encoding, or which family: by the model's name. */
#include "price/tokens_estimate.h"

static const struct {
    str pattern;
    enum token_encoding encoding;
} models[] = {
#define MODEL(pattern, encoding) {STR_INIT(pattern), TOKENS_##encoding},
#include "price/tokens_model.def"
#undef MODEL
};

static const struct {
    str pattern;
    int64_t permille;
} families[] = {
#define FAMILY(pattern, permille) {STR_INIT(pattern), permille},
#include "price/tokens_family.def"
#undef FAMILY
};

enum { FAMILY_UNKNOWN = 1100 };

/* Without a provider's prefix and without what fine-tuning adds: "openai/gpt-4o", "ft:gpt-4o:acme::x". */
static str bare_name(str model)
{
    for (size_t i = model.n; i-- > 0;) {
        if (model.p[i] != '/') continue;
        model = str_from_at(model, i + 1);
        break;
    }
    if (str_starts(model, S("ft:"))) {
        model = str_from_at(model, 3);
        model = str_head(model, str_find_byte(model, ':', 0));
    }
    return model;
}

bool token_encoding_of_model(str model, enum token_encoding *out)
{
    str name = bare_name(model);
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        if (!str_glob(models[i].pattern, name)) continue;
        *out = models[i].encoding;
        return true;
    }
    return false;
}

int64_t token_family_permille(str model)
{
    enum token_encoding same;
    if (token_encoding_of_model(model, &same)) return 1000;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        if (str_glob(families[i].pattern, model)) return families[i].permille;
    }
    return FAMILY_UNKNOWN;
}
