#include "flow/trust.h"

#include "base/arena.h"

#include <stdlib.h>

struct trust {
    size_t count;
    struct tls_roots *of[]; /* by the provider's number; several may be the same */
};

static bool is_checked(const struct setting_provider *p)
{
    return p->tls && p->tls_verify && !p->off;
}

static struct tls_roots *read_one(const struct setting_provider *p, struct buf *why)
{
    char *file = p->ca_file.n ? str_dup(p->ca_file) : NULL;
    struct buf reason;
    buf_init(&reason, 0);
    struct tls_roots *roots = tls_roots_read(file, &reason);
    if (!roots) {
        buf_printf(why, "the provider '%" STR_FMT "' cannot be checked: %" STR_FMT, STR_ARG(p->name),
                   STR_ARG(buf_str(&reason)));
    }
    buf_free(&reason);
    free(file);
    return roots;
}

struct trust *trust_read(const struct settings *s, struct buf *why)
{
    size_t count = s->provider_count + s->service_count;
    struct trust *t = mem_zalloc(sizeof(*t) + count * sizeof(t->of[0]));
    t->count = count;
    for (size_t i = 0; i < t->count; i++) {
        const struct setting_provider *p = &s->providers[i];
        if (!is_checked(p)) continue;
        for (size_t j = 0; j < i && !t->of[i]; j++) {
            if (t->of[j] && str_eq(s->providers[j].ca_file, p->ca_file)) t->of[i] = tls_roots_get(t->of[j]);
        }
        if (!t->of[i]) t->of[i] = read_one(p, why);
        if (t->of[i]) continue;
        trust_drop(t);
        return NULL;
    }
    return t;
}

void trust_drop(struct trust *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->count; i++) tls_roots_put(t->of[i]);
    free(t);
}

struct tls_roots *trust_of(const struct trust *t, const struct settings *s, const struct setting_provider *p)
{
    return t->of[p - s->providers];
}
