#include "policy/switches.h"

#include <stdlib.h>

struct switches {
    unsigned uses; /* atomic */
    uint32_t generation;
    struct arena arena;
    bool ends; /* what runs of `ended` */
    str ended;
    size_t count;
    struct ai_switch of[]; /* by feature */
};

static int by_feature(const void *a, const void *b)
{
    const struct ai_switch *x = a, *y = b;
    return str_cmp(x->feature, y->feature);
}

struct switches *switches_new(const struct ai_switch *of, size_t count, uint32_t generation)
{
    struct switches *s = mem_zalloc(sizeof(*s) + count * sizeof(s->of[0]));
    s->uses = 1;
    s->generation = generation;
    s->count = count;
    arena_init(&s->arena);
    for (size_t i = 0; i < count; i++) {
        s->of[i] = of[i];
        s->of[i].feature = arena_str(&s->arena, of[i].feature);
        s->of[i].who = arena_str(&s->arena, of[i].who);
        s->of[i].why = arena_str(&s->arena, of[i].why);
    }
    if (count) qsort(s->of, count, sizeof(s->of[0]), by_feature);
    return s;
}

struct switches *switches_get(struct switches *s)
{
    if (s) __atomic_fetch_add(&s->uses, 1, __ATOMIC_RELAXED);
    return s;
}

void switches_put(struct switches *s)
{
    if (!s || __atomic_sub_fetch(&s->uses, 1, __ATOMIC_ACQ_REL) != 0) return;
    arena_free(&s->arena);
    free(s);
}

uint32_t switches_generation(const struct switches *s)
{
    return s ? s->generation : 0;
}

size_t switches_count(const struct switches *s)
{
    return s ? s->count : 0;
}

const struct ai_switch *switches_at(const struct switches *s, size_t i)
{
    return i < switches_count(s) ? &s->of[i] : NULL;
}

static const struct ai_switch *look(const struct switches *s, str feature, int64_t now_us)
{
    const struct ai_switch wanted = {.feature = feature};
    const struct ai_switch *found = bsearch(&wanted, s->of, s->count, sizeof(s->of[0]), by_feature);
    return found && (!found->until_us || now_us < found->until_us) ? found : NULL;
}

const struct ai_switch *switches_find(const struct switches *s, str feature, int64_t now_us)
{
    if (!switches_count(s)) return NULL;
    const struct ai_switch *own = feature.n ? look(s, feature, now_us) : NULL;
    return own ? own : look(s, S(""), now_us);
}

void switches_end_running(struct switches *s, str feature)
{
    s->ends = true;
    s->ended = arena_str(&s->arena, feature);
}

bool switches_ends(const struct switches *s, str feature)
{
    return s->ends && (!s->ended.n || str_eq(s->ended, feature));
}
