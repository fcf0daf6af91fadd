#include "cli/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/time.h"
#include "cli/probe_read.h"
#include "flow/trust.h"
#include "net/http_client.h"

/* A probe on its way. */
struct trip {
    struct probe *probe;
    struct run *run;
    struct arena arena;
    struct provider_secret secret;
    struct upstream *upstream;
    struct http_call call;
    struct deadline deadline;
    struct buf head, body, answer;
    int64_t began_us;
    bool over;
};

struct run {
    const struct settings *settings;
    const struct probe_options *options;
    struct trust *trust;
    struct loop loop;
    struct trip *trips;
    size_t count, left;
};

static void say(struct probe *p, const char *what)
{
    str_copy(p->why, sizeof(p->why), str_from(what));
}

bool probe_ok(const struct probe *p)
{
    return p->asked && p->reachable == PROBE_YES && p->authorised != PROBE_NO &&
           (p->status < 300 || p->status == 404 || p->status == 405 || p->status == 429);
}

/* ---- the request */

/* AWS lists its models elsewhere than it runs them. */
static str host_of(struct trip *t, enum endpoint e)
{
    const struct setting_provider *p = t->probe->provider;
    str runtime = S("bedrock-runtime");
    if (e != ENDPOINT_MODELS || !str_starts(p->host, runtime)) return p->host;
    return arena_printf(&t->arena, "bedrock%" STR_FMT, STR_ARG(str_from_at(p->host, runtime.n)));
}

/* As many of the list as one page holds. */
static str page_of(const struct setting_provider *p)
{
    switch (p->vendor->paths) {
    case FAMILY_ANTHROPIC:
        return S("limit=1000");
    case FAMILY_GEMINI:
        return S("pageSize=1000");
    case FAMILY_VERTEX:
        return S("pageSize=300");
    case FAMILY_COHERE:
        return S("page_size=1000");
    default:
        return STR_NONE;
    }
}

/* A model that the settings map to the provider; empty where they map none. */
static str mapped_model(const struct settings *s, const struct setting_provider *p)
{
    for (size_t i = 0; i < s->model_count; i++) {
        const struct setting_model *m = &s->models[i];
        for (size_t t = 0; t < m->target_count; t++) {
            if (str_eq(m->targets[t].provider, p->name)) return m->targets[t].model;
        }
    }
    return STR_NONE;
}

/* What to ask for. ENDPOINT_NONE: nothing, and why. */
static enum endpoint choose(struct trip *t, str *model)
{
    const struct setting_provider *p = t->probe->provider;
    *model = STR_NONE;
    if (p->vendor->serves & SERVES(MODELS)) return ENDPOINT_MODELS;
    if (!t->run->options->spend) {
        say(t->probe, "has no list of models: --spend asks for one token of a mapped model");
        return ENDPOINT_NONE;
    }
    *model = mapped_model(t->run->settings, p);
    if (!model->n) say(t->probe, "has no list of models, and none is mapped to it under 'models'");
    if (!model->n) return ENDPOINT_NONE;
    return protocols_have(&p->protocols, DIALECT_CHAT) ? ENDPOINT_CHAT : ENDPOINT_EMBEDDINGS;
}

static void write_body(struct trip *t, enum endpoint e, str model)
{
    if (e == ENDPOINT_MODELS) return;
    buf_add(&t->body, S("{\"model\":"));
    buf_add_json(&t->body, model);
    buf_add(&t->body, e == ENDPOINT_CHAT ? S(",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}")
                                         : S(",\"input\":[\"Hi\"]}"));
}

static void write_head(struct trip *t, str host, str method, str target)
{
    const struct setting_provider *p = t->probe->provider;
    bool usual = p->port == (p->tls ? 443 : 80);
    str shown = usual ? host : arena_printf(&t->arena, "%" STR_FMT ":%u", STR_ARG(host), p->port);
    struct iovec body = {t->body.p, t->body.n};
    struct sign_call call = {method, shown, target, &body, t->body.n ? 1 : 0, p->region, STR_NONE, time_now_us()};
    struct buf *out = &t->head;
    buf_printf(out, "%" STR_FMT " %" STR_FMT " HTTP/1.1\r\nhost: %" STR_FMT "\r\n", STR_ARG(method), STR_ARG(target),
               STR_ARG(shown));
    provider_sign(p->auth, &t->secret, &call, out);
    if (p->vendor->paths == FAMILY_VERTEX && p->paths.project.n)
        buf_printf(out, "x-goog-user-project: %" STR_FMT "\r\n", STR_ARG(p->paths.project));
    for (size_t i = 0; i < p->header_count; i++)
        buf_printf(out, "%" STR_FMT ": %" STR_FMT "\r\n", STR_ARG(p->headers[i].name), STR_ARG(p->headers[i].value));
    if (t->body.n) buf_printf(out, "content-type: application/json\r\ncontent-length: %zu\r\n", t->body.n);
    buf_add(out, S("accept: application/json\r\naccept-encoding: identity\r\nuser-agent: purser\r\n\r\n"));
}

/* ---- events */

static void finish(struct trip *t)
{
    if (t->over) return;
    t->over = true;
    deadline_clear(&t->deadline);
    if (--t->run->left == 0) loop_stop(&t->run->loop);
}

static struct trip *of(struct http_call *c)
{
    return CONTAINER_OF(c, struct trip, call);
}

static void on_head(struct http_call *c)
{
    struct trip *t = of(c);
    struct probe *p = t->probe;
    p->reachable = PROBE_YES;
    p->status = c->head.status;
    p->connect_us = c->connected_us - t->began_us;
    p->latency_us = time_mono_us() - c->connected_us;
}

static void on_body(struct http_call *c, str bytes)
{
    struct trip *t = of(c);
    if (buf_add(&t->answer, bytes)) return;
    say(t->probe, "its answer is larger than 32 MB");
    http_call_cancel(c);
    finish(t);
}

static void on_end(struct http_call *c)
{
    struct trip *t = of(c);
    probe_read(t->probe, buf_str(&t->answer), &t->secret);
    finish(t);
}

static void on_fail(struct http_call *c, enum err e, const char *why)
{
    (void)e;
    struct trip *t = of(c);
    if (t->probe->reachable != PROBE_YES) t->probe->reachable = PROBE_NO;
    say(t->probe, why);
    finish(t);
}

static void on_late(struct deadline *d)
{
    struct trip *t = CONTAINER_OF(d, struct trip, deadline);
    char text[40];
    http_call_cancel(&t->call);
    if (t->probe->reachable != PROBE_YES) t->probe->reachable = PROBE_NO;
    snprintf(t->probe->why, sizeof(t->probe->why), "no answer within %.40s",
             time_format_duration(t->run->options->timeout_us, text).p);
    finish(t);
}

/* ---- all of them */

static bool prepare(struct trip *t, str *host)
{
    const struct setting_provider *p = t->probe->provider;
    str model, target, why = STR_NONE;
    if (p->off) {
        snprintf(t->probe->why, sizeof(t->probe->why), "off: %" STR_FMT, STR_ARG(p->why_off));
        return false;
    }
    enum endpoint e = choose(t, &model);
    if (e == ENDPOINT_NONE) return false;
    if (!settings_secret(p, time_now_us(), &t->arena, &t->secret, &why)) {
        snprintf(t->probe->why, sizeof(t->probe->why), "%" STR_FMT, STR_ARG(why));
        return false;
    }
    struct buf path;
    buf_init(&path, 0);
    bool there = provider_path(&p->paths, e, model, false, e == ENDPOINT_MODELS ? page_of(p) : STR_NONE, &path);
    target = arena_str(&t->arena, buf_str(&path));
    buf_free(&path);
    if (!there) return false;
    *host = host_of(t, e);
    write_body(t, e, model);
    write_head(t, *host, e == ENDPOINT_MODELS ? S("GET") : S("POST"), target);
    return true;
}

static void start(struct trip *t)
{
    static const struct http_call_events events = {NULL, on_head, on_body, on_end, on_fail, NULL};
    enum { ANSWER_MAX = 32 * 1024 * 1024 };
    const struct setting_provider *p = t->probe->provider;
    struct run *run = t->run;
    str host;
    arena_init(&t->arena);
    buf_init(&t->head, 0);
    buf_init(&t->body, 0);
    buf_init(&t->answer, ANSWER_MAX);
    deadline_init(&t->deadline, on_late);
    t->began_us = time_mono_us();
    t->probe->asked = prepare(t, &host);
    if (!t->probe->asked) {
        finish(t);
        return;
    }
    struct tls_roots *roots = p->tls ? trust_of(run->trust, run->settings, p) : NULL;
    struct upstream_options options = {
        .loop = &run->loop,
        .host = host,
        .port = p->port,
        .tls = p->tls ? tls_client_context(roots) : NULL,
        .connections = 1,
        .idle_us = US_PER_SECOND,
    };
    t->upstream = upstream_new(&options);
    deadline_set(&run->loop, &t->deadline, t->began_us + run->options->timeout_us);
    struct iovec pieces[] = {iov_of(buf_str(&t->head)), iov_of(buf_str(&t->body))};
    http_call_start(&t->call, t->upstream, &events, &t->arena, pieces, t->body.n ? 2 : 1);
}

static void end(struct trip *t)
{
    if (t->upstream) upstream_drop(t->upstream);
    if (t->head.p) explicit_bzero(t->head.p, t->head.n);
    buf_free(&t->head);
    buf_free(&t->body);
    buf_free(&t->answer);
}

static void on_mail(struct loop *l)
{
    struct run *run = l->owner;
    for (size_t i = 0; i < run->count; i++) start(&run->trips[i]);
}

void probe_run(const struct settings *s, const struct probe_options *options, struct probe *probes, size_t count)
{
    struct run run = {.settings = s, .options = options, .count = count, .left = count};
    struct buf why;
    buf_init(&why, 0);
    for (size_t i = 0; i < count; i++) {
        const struct setting_provider *p = probes[i].provider;
        probes[i] = (struct probe){.provider = p, .connect_us = -1, .latency_us = -1, .models = -1};
    }
    run.trust = trust_read(s, &why);
    if (!run.trust) {
        buf_add_byte(&why, '\0');
        for (size_t i = 0; i < count; i++) say(&probes[i], why.p);
    }
    if (run.trust && count) {
        run.trips = mem_zalloc(count * sizeof(*run.trips));
        for (size_t i = 0; i < count; i++) run.trips[i] = (struct trip){.probe = &probes[i], .run = &run};
        loop_init(&run.loop, &run);
        run.loop.on_mail = on_mail;
        loop_wake(&run.loop);
        loop_run(&run.loop);
        for (size_t i = 0; i < count; i++) end(&run.trips[i]);
        loop_free(&run.loop);
        for (size_t i = 0; i < count; i++) arena_free(&run.trips[i].arena);
        free(run.trips);
    }
    if (run.trust) trust_drop(run.trust);
    buf_free(&why);
}
