#include "provider/provider.h"

#define SERVES_OPENAI                                                                                                  \
    (SERVES(COMPLETIONS) | SERVES(EMBEDDINGS) | SERVES(MODERATIONS) | SERVES(IMAGES) | SERVES(IMAGE_EDITS) |           \
     SERVES(IMAGE_VARIATIONS) | SERVES(SPEECH) | SERVES(TRANSCRIPTIONS) | SERVES(TRANSLATIONS) | SERVES(MODELS))
/* Who knows what such a server can do: it says so itself. */
#define SERVES_LOCAL (SERVES_OPENAI | SERVES(RERANK) | SERVES(COUNT_MESSAGES))

#define NONE                                                                                                           \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define ONE(a)                                                                                                         \
    {                                                                                                                  \
        1,                                                                                                             \
        {                                                                                                              \
            DIALECT_##a                                                                                                \
        }                                                                                                              \
    }
#define TWO(a, b)                                                                                                      \
    {                                                                                                                  \
        2,                                                                                                             \
        {                                                                                                              \
            DIALECT_##a, DIALECT_##b                                                                                   \
        }                                                                                                              \
    }
#define THREE(a, b, c)                                                                                                 \
    {                                                                                                                  \
        3,                                                                                                             \
        {                                                                                                              \
            DIALECT_##a, DIALECT_##b, DIALECT_##c                                                                      \
        }                                                                                                              \
    }

static const struct vendor vendors[] = {
#define VENDOR(kind, base_url, book, key_env, paths, auth, protocols, serves, quirks, flags)                           \
    {STR_INIT(kind), STR_INIT(base_url),                                                                               \
     STR_INIT(book), STR_INIT(key_env),                                                                                \
     FAMILY_##paths, AUTH_##auth,                                                                                      \
     protocols,      serves,                                                                                           \
     quirks,         flags},
#include "provider/vendors.def"
#undef VENDOR
};

static const struct {
    str kind, model;
    enum dialect_id only;
} only[] = {
#define ONLY(kind, model, protocol) {STR_INIT(kind), STR_INIT(model), DIALECT_##protocol},
#include "provider/models.def"
#undef ONLY
};

static const struct quirk quirks[] = {
#define QUIRK(name, quirks, flags, text) {STR_INIT(name), quirks, flags, STR_INIT(text)},
#include "provider/quirks.def"
#undef QUIRK
};

const struct vendor *vendor_at(size_t i)
{
    return i < COUNT_OF(vendors) ? &vendors[i] : NULL;
}

const struct vendor *vendor_find(str kind)
{
    for (size_t i = 0; i < COUNT_OF(vendors); i++) {
        if (str_eq(vendors[i].kind, kind)) return &vendors[i];
    }
    return NULL;
}

/* "https://api.groq.com/openai/v1" -> "api.groq.com"; a port stays. */
static str authority(str url)
{
    size_t at = str_find(url, S("://"), 0);
    if (at == SIZE_MAX) return STR_NONE;
    str rest = str_from_at(url, at + 3);
    return str_cut(&rest, '/');
}

const struct vendor *vendor_find_url(str base_url)
{
    str host = authority(base_url);
    if (!host.n) return NULL;
    /* Every resource has a host name of its own there. */
    if (str_glob(S("*.openai.azure.com"), host) || str_glob(S("*.cognitiveservices.azure.com"), host) ||
        str_glob(S("*.services.ai.azure.com"), host)) {
        return vendor_find(S("azure"));
    }
    if (str_glob(S("*bedrock-runtime*.amazonaws.com"), host) ||
        str_glob(S("*bedrock-runtime*.amazonaws.com.cn"), host)) {
        return vendor_find(S("bedrock"));
    }
    if (str_glob(S("*aiplatform.googleapis.com"), host)) return vendor_find(S("vertex"));
    for (size_t i = 0; i < COUNT_OF(vendors); i++) {
        /* The usual ports of one's own machines prove nothing. */
        if (vendors[i].flags & PROVIDER_KEY_OPTIONAL) continue;
        if (str_eq_nocase(authority(vendors[i].base_url), host)) return &vendors[i];
    }
    return NULL;
}

str vendor_key_env(const struct vendor *v, size_t i)
{
    str rest = v->key_env, name = STR_NONE;
    if (!rest.n) return STR_NONE;
    for (size_t at = 0; at <= i; at++) {
        if (!rest.p) return STR_NONE;
        name = str_cut(&rest, ' ');
    }
    return name;
}

static const str protocol_names[DIALECT_COUNT] = {
    [DIALECT_CHAT] = STR_INIT("chat"),         [DIALECT_RESPONSES] = STR_INIT("responses"),
    [DIALECT_MESSAGES] = STR_INIT("messages"), [DIALECT_GEMINI] = STR_INIT("gemini"),
    [DIALECT_CONVERSE] = STR_INIT("converse"), [DIALECT_COHERE] = STR_INIT("cohere"),
};

str protocol_name(enum dialect_id id)
{
    return id < DIALECT_COUNT ? protocol_names[id] : STR_NONE;
}

enum dialect_id protocol_find(str name)
{
    enum dialect_id id = 0;
    while (id < DIALECT_COUNT && !str_eq(protocol_names[id], name)) id++;
    return id;
}

bool protocols_have(const struct protocols *p, enum dialect_id id)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i] == id) return true;
    }
    return false;
}

struct protocols vendor_protocols(const struct vendor *v, const struct protocols *all, str model)
{
    for (size_t i = 0; i < COUNT_OF(only); i++) {
        if (!str_eq(only[i].kind, v->kind) || !str_glob(only[i].model, model)) continue;
        if (protocols_have(all, only[i].only)) return (struct protocols){1, {(uint8_t)only[i].only}};
        if (!protocols_have(&v->protocols, only[i].only)) return (struct protocols){0};
        break; /* the settings know better */
    }
    return *all;
}

const struct quirk *quirk_at(size_t i)
{
    return i < COUNT_OF(quirks) ? &quirks[i] : NULL;
}

const struct quirk *quirk_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(quirks); i++) {
        if (str_eq(quirks[i].name, name)) return &quirks[i];
    }
    return NULL;
}
