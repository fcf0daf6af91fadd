/* The services of ladders: rungs that are no models. To whatever carries calls each is a provider of its own. */
#include "settings/load.h"

/* "ocr" of "http://host/v1/ocr", else "host". */
static str usual_name(const struct setting_provider *at)
{
    size_t from = at->path.n;
    while (from && at->path.p[from - 1] != '/') from--;
    str last = str_from_at(at->path, from);
    return load_is_plain(last) ? last : at->host;
}

/* RFC 6901: "/a/0/b", with ~0 and ~1 alone behind a tilde. */
static bool is_pointer(str s)
{
    if (s.n && s.p[0] != '/') return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '~' && (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1'))) return false;
    }
    return true;
}

static void take_key(struct loader *l, const struct secret *key, struct setting_service *s, str path, uint32_t line)
{
    s->api_key = key->text;
    if (!key->set || key->text.n) return;
    s->why_off = key->missing.p ? arena_printf(&l->s.arena, "the environment variable %" STR_FMT " is not set",
                                               STR_ARG(key->missing))
                                : S("its api_key is empty");
    load_warn(l, line, path, "is off: %" STR_FMT, STR_ARG(s->why_off));
}

bool load_service(struct loader *l, struct rung_draft *d, str path, uint32_t line)
{
    struct setting_service *s = &d->r.service;
    struct setting_provider at = {0};
    if (load_url(s->url, &at)) return false; /* said already */
    if (!s->name.n) s->name = usual_name(&at);
    s->headers = d->headers.items;
    s->header_count = d->headers.count;
    take_key(l, &d->api_key, s, path, line);
    if (!load_is_plain(s->name)) {
        load_error(l, line, path, "needs a name of 1 to 64 letters, digits, '-', '_' and '.': add 'name: ocr'");
        return false;
    }
    if (is_pointer(s->answer)) return true;
    load_error(l, line, load_path_key(l, path, S("answer")), "'%" STR_FMT "' is no JSON pointer: /result/text",
               STR_ARG(load_show(l, s->answer)));
    return false;
}

static struct setting_provider as_provider(struct loader *l, const struct setting_service *s)
{
    static const struct vendor vendor = {.kind = STR_INIT("service"), .flags = PROVIDER_KEY_OPTIONAL};
    enum { CONNECT_MOST_US = 10 * 1000 * 1000 };
    struct setting_provider p = {.name = s->name,
                                 .vendor = &vendor,
                                 .service = s,
                                 .ca_file = s->ca_file,
                                 .tls_verify = true,
                                 .api_key = s->api_key,
                                 .off = s->why_off.n > 0,
                                 .why_off = s->why_off,
                                 .headers = s->headers,
                                 .header_count = s->header_count,
                                 .health = l->s.health,
                                 .cost_per_hour = PRICE_UNSET};
    (void)load_url(s->url, &p); /* it is one: load_service() has seen it */
    int64_t us = s->timeout_us;
    p.timeouts = (struct setting_timeouts){us < CONNECT_MOST_US ? us : CONNECT_MOST_US, us, us, us};
    p.path = str_from_at(s->url, p.base_url.n - p.path.n); /* with the slash at its end */
    if (!p.path.n) p.path = S("/");
    return p;
}

static bool add(struct loader *l, const struct setting_model *m, const struct setting_rung *rung)
{
    str name = rung->service.name;
    if (settings_provider(&l->s, name) || settings_service(&l->s, name)) {
        load_error(l, 0, arena_printf(&l->scratch, "models.%" STR_FMT ".ladder", STR_ARG(load_show(l, m->name))),
                   "'%" STR_FMT "' is the name of a provider or of another service already: add 'name: ...' to it",
                   STR_ARG(name));
        return false;
    }
    l->s.providers[l->s.provider_count + l->s.service_count++] = as_provider(l, &rung->service);
    return true;
}

bool load_services(struct loader *l)
{
    size_t count = 0;
    bool ok = true;
    for (size_t i = 0; i < l->s.model_count; i++) {
        const struct setting_model *m = &l->s.models[i];
        for (size_t j = 0; j < m->rung_count; j++) count += m->rungs[j].kind == RUNG_SERVICE;
    }
    if (!count) return true;
    struct setting_provider *all = arena_zalloc(&l->s.arena, (l->s.provider_count + count) * sizeof(*all));
    memcpy(all, l->s.providers, l->s.provider_count * sizeof(*all));
    l->s.providers = all;
    for (size_t i = 0; i < l->s.model_count; i++) {
        const struct setting_model *m = &l->s.models[i];
        for (size_t j = 0; j < m->rung_count; j++)
            if (m->rungs[j].kind == RUNG_SERVICE) ok = add(l, m, &m->rungs[j]) && ok;
    }
    return ok;
}
