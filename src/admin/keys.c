/* Keys: who may call. The settings' and those made at run time; of the latter only hashes are kept. */
#include "admin/keys.h"

#include "admin/inside.h"
#include "base/time.h"
#include "ledger/keys.h"
#include "ledger/report.h"

#include <stdlib.h>

enum { KEYS_MAX = 100000 };

/* A key as rows have it; texts in the call's arena, or the snapshot's. */
struct listed {
    str name, team, models; /* models: JSON */
    str origin;
    int64_t created_us, expires_us, revoked_us, old_until_us;
};

struct keys {
    struct api_call *c;
    struct listed *of;
    size_t count, cap;
    struct report *spent; /* by key; NULL: nobody asked */
    bool secrets;         /* a row for each, not for each key */
};

/* ---- reading */

static struct listed *grow(struct keys *k)
{
    if (k->count == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 64;
        k->of = mem_realloc(k->of, k->cap * sizeof(*k->of));
    }
    return &k->of[k->count++];
}

static str json_list(struct api_call *c, const str *items, size_t count)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_byte(&out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_byte(&out, ',');
        buf_add_json(&out, items[i]);
    }
    buf_add_byte(&out, ']');
    str list = arena_str(&c->arena, buf_str(&out));
    buf_free(&out);
    return list;
}

static str split_models(struct api_call *c, str models)
{
    str items[KEY_MODELS_MAX];
    size_t n = 0;
    while (models.n && n < KEY_MODELS_MAX) items[n++] = str_trim(str_cut(&models, ','));
    return json_list(c, items, n);
}

static void add_stored(void *ctx, const struct ledger_key *from)
{
    struct keys *k = ctx;
    struct api_call *c = k->c;
    bool old = str_starts(from->name, S(LEDGER_KEY_OLD)), holds = !from->revoked_us && from->expires_us > c->now_us;
    str name = old ? str_from_at(from->name, sizeof(LEDGER_KEY_OLD) - 1) : from->name;
    bool own = str_starts(name, S("(")); /* purser's: the admin token */
    for (size_t i = k->count; old && holds && i--;) {
        if (str_eq(k->of[i].origin, S("runtime")) && str_eq(k->of[i].name, name))
            k->of[i].old_until_us = from->expires_us;
    }
    bool shown = old ? k->secrets && holds : k->secrets || !own;
    if (!shown || k->count >= KEYS_MAX) return;
    *grow(k) = (struct listed){.name = arena_str(&c->arena, name),
                               .team = arena_str(&c->arena, from->team),
                               .models = split_models(c, from->models),
                               .origin = old   ? S("old_secret")
                                         : own ? S("first_start")
                                               : S("runtime"),
                               .created_us = from->created_us,
                               .expires_us = from->expires_us,
                               .revoked_us = from->revoked_us};
}

/* Fails: false after api_fail(). */
static bool read_keys(struct api_call *c, struct keys *k)
{
    const struct settings *s = c->snapshot->settings;
    struct buf why;
    *k = (struct keys){.c = c};
    if (!api_param_bool(c, S("secrets"), &k->secrets)) return false;
    buf_init(&why, 0);
    for (size_t i = 0; i < s->key_count; i++) {
        const struct key *from = &s->keys[i];
        *grow(k) = (struct listed){.name = from->name,
                                   .team = from->team,
                                   .models = json_list(c, from->models, from->model_count),
                                   .origin = S("file"),
                                   .expires_us = from->expires_us};
    }
    bool ok = ledger_keys_in(c->dir, add_stored, k, &why);
    if (!ok) api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return ok;
}

static const struct listed *find(const struct keys *k, str name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (str_eq(k->of[i].name, name)) return &k->of[i];
    }
    return NULL;
}

/* ---- shown */

static str state_of(const struct listed *k, int64_t now_us)
{
    return k->revoked_us ? S("revoked") : k->expires_us && k->expires_us <= now_us ? S("expired") : S("active");
}

static void put_spent(struct api_rows *r, const struct report *spent, str name)
{
    char text[40];
    size_t row = REPORT_TOTALS;
    for (size_t i = 0; spent && i < report_rows(spent) && row == REPORT_TOTALS; i++) {
        if (str_eq(report_key(spent, i, 0, text), name)) row = i;
    }
    if (!spent) {
        api_put_null(r, "calls");
        api_put_null(r, "cost_picousd");
        return;
    }
    bool any = row != REPORT_TOTALS;
    api_put_big(r, "calls", any ? report_sum(spent, row, REPORT_calls) : 0);
    api_put_big(r, "cost_picousd", any ? report_sum(spent, row, REPORT_cost) : 0);
}

static void put_key(struct api_rows *r, const struct listed *k, const struct report *spent)
{
    api_put_str(r, "name", k->name);
    api_put_str(r, "team", k->team.n ? k->team : STR_NONE);
    api_put_json(r, "models", k->models);
    api_put_str(r, "origin", k->origin);
    api_put_str(r, "state", state_of(k, r->c->now_us));
    api_put_time(r, "created", k->created_us);
    api_put_time(r, "expires", k->expires_us);
    api_put_time(r, "revoked", k->revoked_us);
    api_put_time(r, "old_secret_until", k->old_until_us);
    put_spent(r, spent, k->name);
}

/* Fails: false after api_fail(). */
static bool read_spent(struct api_call *c, struct keys *k)
{
    struct report_ask ask = {.by = {S("key")}, .by_count = 1, .limit = KEYS_MAX};
    struct buf why;
    bool wanted = false;
    if (!api_param_bool(c, S("spend"), &wanted) || !api_range(c, &ask.since_us, &ask.until_us)) return false;
    if (!wanted) return true;
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger);
    k->spent = report_run(c->dir, &ask, NULL, NULL, &why);
    if (!k->spent) api_fail(c, 500, "internal", "The ledger cannot be read: %" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return k->spent != NULL;
}

static void free_keys(struct keys *k)
{
    free(k->of);
    if (k->spent) report_drop(k->spent);
}

void serve_keys_get(struct api_call *c)
{
    struct keys k;
    struct api_rows r;
    int64_t from = 0, most, seen = 0, shown = 0;
    str team = api_param(c, S("team")), state = STR_NONE;
    bool more = false;
    if (!api_param_word(c, S("state"), &state)) return;
    if (read_keys(c, &k) && api_limit(c, &most) && api_param_count(c, S("cursor"), INT32_MAX, &from) &&
        read_spent(c, &k)) {
        api_rows_begin(&r, c, API_RESOURCE_key);
        for (size_t i = 0; i < k.count && !more; i++) {
            const struct listed *one = &k.of[i];
            if ((team.n && !str_eq(team, one->team)) || (state.n && !str_eq(state, state_of(one, c->now_us)))) continue;
            if (seen++ < from) continue;
            more = shown == most;
            if (more) break;
            shown++;
            api_row(&r);
            put_key(&r, one, k.spent);
        }
        api_rows_end(&r, more ? arena_printf(&c->arena, "%lld", (long long)from + (long long)shown) : STR_NONE);
    }
    free_keys(&k);
}

void keys_none(struct api_call *c, str name)
{
    bool text = admin_is_plain(name);
    api_fail(c, 404, "not_found", "There is no key '%" STR_FMT "': GET /api/v1/keys tells those that there are.",
             STR_ARG(text ? str_head(name, 64) : S("?")));
}

void keys_answer(struct api_call *c, str name)
{
    struct keys k;
    struct api_rows r;
    if (read_keys(c, &k) && read_spent(c, &k)) {
        const struct listed *one = find(&k, name);
        if (one) {
            api_one_begin(&r, c, API_RESOURCE_key);
            put_key(&r, one, k.spent);
            api_one_end(&r);
        } else {
            keys_none(c, name);
        }
    }
    free_keys(&k);
}

void serve_key_get(struct api_call *c)
{
    keys_answer(c, c->path_args[0]);
}
