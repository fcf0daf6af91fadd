/* mask: a provider that repeats purser's own key in its error must not hand it to the client. */
#include "flow/request.h"

#include "flow/purser.h"

enum { SECRET_BYTES_MIN = 8 }; /* shorter ones would hit words */

/* `text` itself where the secret is not in it. */
static str mask_one(str text, str secret, struct arena *arena)
{
    size_t at = secret.n < SECRET_BYTES_MIN ? SIZE_MAX : str_find(text, secret, 0);
    if (at == SIZE_MAX) return text;
    char *copy = arena_alloc(arena, text.n + 1);
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    for (; at != SIZE_MAX; at = str_find(text, secret, at + secret.n)) memset(copy + at, '*', secret.n);
    return str_of(copy, text.n);
}

/* Of the settings' own headers: what says that it is one. */
static bool is_secret(str header)
{
    static const char *const marks[] = {"auth", "key", "token", "secret"};
    char name[64];
    str low = str_of(name, header.n < sizeof(name) ? header.n : sizeof(name));
    for (size_t i = 0; i < low.n; i++) name[i] = (char)(header.p[i] | 0x20);
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (str_find(low, str_from(marks[i]), 0) != SIZE_MAX) return true;
    return false;
}

str mask_secrets(const struct attempt *a, str text)
{
    struct request *r = a->request;
    const struct setting_provider *p = a->way->target->provider;
    struct provider_secret secret;
    str why;
    if (settings_secret(p, r->at_us, &r->arena, &secret, &why)) {
        text = mask_one(text, secret.key, &r->arena);
        text = mask_one(text, secret.aws.secret, &r->arena);
        text = mask_one(text, secret.aws.session, &r->arena);
    }
    for (size_t i = 0; i < p->header_count; i++)
        if (is_secret(p->headers[i].name)) text = mask_one(text, p->headers[i].value, &r->arena);
    return text;
}
