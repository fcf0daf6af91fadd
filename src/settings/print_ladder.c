/* The rungs of a ladder as purser understood them. */
#include "settings/print.h"

#include "dialect/canon.h"

void print_pattern(struct buf *out, const char *key, const struct setting_pattern *p)
{
    if (p->code) print_pair(out, key, p->text);
}

static void add_number(struct buf *out, const char *key, int64_t n)
{
    if (n) buf_printf(out, ", %s: %lld", key, (long long)n);
}

static void add_finish(struct buf *out, uint32_t finish)
{
    static const struct {
        const char *word;
        enum canon_stop stop;
    } words[] = {{"stop", STOP_END},
                 {"length", STOP_LENGTH},
                 {"tool_calls", STOP_TOOL},
                 {"content_filter", STOP_FILTER}};
    str names[COUNT_OF(words)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (finish >> words[i].stop & 1) names[count++] = str_from(words[i].word);
    }
    print_list(out, "finish", names, count);
}

static void add_accept(struct buf *out, const struct setting_accept *a)
{
    if (!a->set) return;
    buf_add(out, S(", accept: { "));
    size_t from = out->n;
    if (a->json_schema) buf_add(out, S(", json_schema: true"));
    add_finish(out, a->finish);
    if (a->min_confidence_ppm) {
        /* As an amount: an exact decimal. */
        print_money(out, "min_confidence", (__int128)a->min_confidence_ppm * (PICOUSD_PER_USD / 1000000));
    }
    print_pattern(out, "matching", &a->matching);
    print_pattern(out, "not_matching", &a->not_matching);
    add_number(out, "min_length", a->min_length);
    add_number(out, "max_length", a->max_length);
    if (a->early) buf_add(out, S(", early: true"));
    if (a->json_schema && !a->repair) buf_add(out, S(", repair: false"));
    print_close(out, from, "");
}

static void add_when(struct buf *out, const struct setting_when *w)
{
    if (!w->set) return;
    buf_add(out, S(", when: { "));
    size_t from = out->n;
    if (w->feature.n) print_pair(out, "feature", w->feature);
    if (w->header_count) {
        buf_add(out, S(", header: { "));
        size_t inner = out->n;
        for (size_t i = 0; i < w->header_count; i++) {
            buf_add(out, S(", "));
            print_text(out, w->headers[i].name);
            buf_add(out, S(": "));
            print_text(out, w->headers[i].pattern.text);
        }
        print_close(out, inner, "");
    }
    add_number(out, "longer_than", w->longer_than);
    add_number(out, "shorter_than", w->shorter_than);
    print_pattern(out, "matching", &w->matching);
    print_close(out, from, "");
}

static void add_service(struct buf *out, const struct setting_service *s)
{
    struct arena scratch;
    arena_init(&scratch);
    print_pair(out, "service", s->url);
    print_pair(out, "name", s->name);
    if (s->answer.n) print_pair(out, "answer", s->answer);
    if (s->api_key.n) print_pair(out, "api_key", settings_mask(s->api_key, &scratch));
    if (s->header_count) buf_add(out, S(", headers: { "));
    size_t from = out->n;
    for (size_t i = 0; i < s->header_count; i++) {
        buf_add(out, S(", "));
        print_text(out, s->headers[i].name);
        buf_add(out, S(": "));
        print_text(out, settings_mask(s->headers[i].value, &scratch));
    }
    if (s->header_count) print_close(out, from, "");
    if (s->price) print_money(out, "price_usd", s->price);
    print_duration(out, "timeout", s->timeout_us);
    if (s->ca_file.n) print_pair(out, "ca_file", s->ca_file);
    arena_free(&scratch);
}

static void add_rung(struct buf *out, const struct setting_rung *r)
{
    buf_add(out, S("{ "));
    size_t from = out->n;
    if (r->kind == RUNG_REPLY) print_pair(out, "reply", r->reply);
    print_pattern(out, "match", &r->match);
    if (r->kind == RUNG_SERVICE) add_service(out, &r->service);
    if (r->kind == RUNG_TARGET) {
        buf_add(out, S(", target: "));
        print_to(out, &r->to);
    }
    add_accept(out, &r->accept);
    add_when(out, &r->when);
    print_close(out, from, "");
}

void print_ladder(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("ladder: [ "));
    for (size_t i = 0; i < m->rung_count; i++) {
        if (i) buf_add(out, S(", "));
        add_rung(out, &m->rungs[i]);
    }
    buf_add(out, S(" ]"));
}
