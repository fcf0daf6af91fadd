#include "flow/metrics.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

#define SERIES_BYTES ((METRIC_SERIES_MAX + 1) * sizeof(struct metric_series))

void metrics_init(struct metrics *m)
{
    *m = (struct metrics){0};
    pthread_mutex_init(&m->lock, NULL);
    m->series = mem_map(SERIES_BYTES);
    struct metric_labels *other = &m->series[METRIC_SERIES_MAX].labels;
    other->operation = other->provider = other->vendor = other->model = other->key = other->feature = S("(other)");
}

static str *each_label(struct metric_labels *l, size_t i)
{
    str *const all[] = {&l->operation, &l->provider, &l->vendor, &l->model, &l->key, &l->feature};
    return i < COUNT_OF(all) ? all[i] : NULL;
}

void metrics_free(struct metrics *m)
{
    for (size_t s = 0; s < m->count; s++) {
        str *label;
        for (size_t i = 0; (label = each_label(&m->series[s].labels, i)); i++) free((void *)(uintptr_t)label->p);
    }
    mem_unmap(m->series, SERIES_BYTES);
    pthread_mutex_destroy(&m->lock);
}

static uint64_t hash_labels(const struct metric_labels *l)
{
    uint64_t h = 0;
    str *label;
    for (size_t i = 0; (label = each_label((struct metric_labels *)(uintptr_t)l, i)); i++)
        h = h * 31 + hash_fnv(*label);
    return h;
}

static bool same_labels(const struct metric_labels *a, const struct metric_labels *b)
{
    return str_eq(a->operation, b->operation) && str_eq(a->provider, b->provider) && str_eq(a->model, b->model) &&
           str_eq(a->key, b->key) && str_eq(a->feature, b->feature) && str_eq(a->vendor, b->vendor);
}

/* The series with these labels; made where there is room, else "other". */
static struct metric_series *find(struct metrics *m, const struct metric_labels *labels)
{
    uint64_t hash = hash_labels(labels);
    for (size_t i = hash % COUNT_OF(m->slots);; i = (i + 1) % COUNT_OF(m->slots)) {
        if (m->slots[i]) {
            struct metric_series *s = &m->series[m->slots[i] - 1];
            if (s->hash == hash && same_labels(&s->labels, labels)) return s;
            continue;
        }
        if (m->count == METRIC_SERIES_MAX) return &m->series[METRIC_SERIES_MAX];
        struct metric_series *s = &m->series[m->count++];
        m->slots[i] = (uint16_t)m->count;
        s->hash = hash;
        s->labels = *labels;
        str *label;
        for (size_t k = 0; (label = each_label(&s->labels, k)); k++) *label = str_of(str_dup(*label), label->n);
        return s;
    }
}

static size_t duration_bucket(int64_t us)
{
    int64_t edge = 10 * 1000; /* 0.01 s */
    size_t i = 0;
    for (; i < METRIC_BUCKETS && us > edge; i++) edge *= 2;
    return i;
}

static size_t token_bucket(int64_t tokens)
{
    int64_t edge = 1;
    size_t i = 0;
    for (; i < METRIC_TOKEN_BUCKETS && tokens > edge; i++) edge *= 4;
    return i;
}

void metrics_attempt(struct metrics *m, const struct metric_call *c)
{
    int64_t input = 0, output = 0, all = 0;
    for (enum unit u = 0; u <= UNIT_IMAGE; u++) {
        bool out = u == UNIT_OUTPUT || u == UNIT_REASONING || u == UNIT_AUDIO_OUT;
        if (out)
            output += c->usage->units[u];
        else
            input += c->usage->units[u];
    }
    all = input + output;
    pthread_mutex_lock(&m->lock);
    struct metric_series *s = find(m, &c->labels);
    s->attempts++;
    s->wasted += c->wasted;
    s->by_err[c->err]++;
    for (enum unit u = 0; u < UNIT_COUNT; u++) s->units[u] += c->usage->units[u];
    if (c->state == COST_UNPRICED)
        s->unpriced_tokens += all;
    else
        s->cost += c->cost;
    if (c->state == COST_ESTIMATED) s->cost_estimated += c->cost;
    s->duration[duration_bucket(c->total_us)]++;
    s->duration_sum += (double)c->total_us / 1e6;
    if (c->first_token_us) {
        s->first_token[duration_bucket(c->first_token_us)]++;
        s->first_token_sum += (double)c->first_token_us / 1e6;
        s->first_token_count++;
    }
    if (c->chunks > 0) { /* each counts, at their mean: a clock for each of them would cost more than it tells */
        s->chunk[duration_bucket(c->chunks_us / c->chunks)] += (uint64_t)c->chunks;
        s->chunk_sum += (double)c->chunks_us / 1e6;
        s->chunk_count += (uint64_t)c->chunks;
    }
    s->input[token_bucket(input)]++;
    s->output[token_bucket(output)]++;
    s->input_sum += input;
    s->output_sum += output;
    m->overhead_us += (uint64_t)c->overhead_us;
    m->overhead_count++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_refused(struct metrics *m, enum err e)
{
    pthread_mutex_lock(&m->lock);
    m->refused[e]++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_degraded(struct metrics *m, enum degrade_reason why)
{
    pthread_mutex_lock(&m->lock);
    m->degraded[why]++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_replayed(struct metrics *m)
{
    pthread_mutex_lock(&m->lock);
    m->replayed++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_step(struct metrics *m, unsigned step, uint64_t ns)
{
    pthread_mutex_lock(&m->lock);
    m->steps[step].ns += ns;
    m->steps[step].count++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_wait(struct metrics *m, int64_t wait_us)
{
    pthread_mutex_lock(&m->lock);
    m->waits++;
    m->wait_us += (uint64_t)wait_us;
    pthread_mutex_unlock(&m->lock);
}

static void add_series(struct metric_series *into, const struct metric_series *from)
{
    into->attempts += from->attempts;
    into->wasted += from->wasted;
    for (size_t i = 0; i < ERR_COUNT; i++) into->by_err[i] += from->by_err[i];
    for (size_t i = 0; i < UNIT_COUNT; i++) into->units[i] += from->units[i];
    into->cost += from->cost;
    into->cost_estimated += from->cost_estimated;
    into->unpriced_tokens += from->unpriced_tokens;
    for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
        into->duration[i] += from->duration[i];
        into->first_token[i] += from->first_token[i];
        into->chunk[i] += from->chunk[i];
    }
    for (size_t i = 0; i <= METRIC_TOKEN_BUCKETS; i++) {
        into->input[i] += from->input[i];
        into->output[i] += from->output[i];
    }
    into->duration_sum += from->duration_sum;
    into->first_token_sum += from->first_token_sum;
    into->first_token_count += from->first_token_count;
    into->chunk_sum += from->chunk_sum;
    into->chunk_count += from->chunk_count;
    into->input_sum += from->input_sum;
    into->output_sum += from->output_sum;
}

void metrics_merge(struct metrics *into, struct metrics *from)
{
    pthread_mutex_lock(&from->lock);
    for (size_t i = 0; i < from->count; i++) add_series(find(into, &from->series[i].labels), &from->series[i]);
    add_series(&into->series[METRIC_SERIES_MAX], &from->series[METRIC_SERIES_MAX]);
    for (size_t i = 0; i < ERR_COUNT; i++) into->refused[i] += from->refused[i];
    for (size_t i = 0; i < DEGRADE_COUNT; i++) into->degraded[i] += from->degraded[i];
    into->replayed += from->replayed;
    into->overhead_us += from->overhead_us;
    into->overhead_count += from->overhead_count;
    for (size_t i = 0; i < METRIC_STEPS; i++) {
        into->steps[i].ns += from->steps[i].ns;
        into->steps[i].count += from->steps[i].count;
    }
    into->waits += from->waits;
    into->wait_us += from->wait_us;
    pthread_mutex_unlock(&from->lock);
}
