/* generationConfig: what a call asks of the answer. */
#include "dialect/gemini.h"

enum config_field {
    AT_STOP,
    AT_TEMPERATURE,
    AT_TOP_P,
    AT_TOP_K,
    AT_SEED,
    AT_PRESENCE,
    AT_FREQUENCY,
    AT_MAX_OUTPUT,
    AT_CANDIDATES,
    AT_MIME,
    AT_SCHEMA,
    AT_JSON_SCHEMA,
    AT_JSON_SCHEMA_OLD,
    AT_RESPONSE_LOGPROBS,
    AT_LOGPROBS,
    AT_THINKING,
    AT_MODALITIES,
};

static const struct gemini_field config_fields[] = {
    [AT_STOP] = {STR_INIT("stopSequences"), GEMINI_READ},
    [AT_TEMPERATURE] = {STR_INIT("temperature"), GEMINI_READ},
    [AT_TOP_P] = {STR_INIT("topP"), GEMINI_READ},
    [AT_TOP_K] = {STR_INIT("topK"), GEMINI_READ},
    [AT_SEED] = {STR_INIT("seed"), GEMINI_READ},
    [AT_PRESENCE] = {STR_INIT("presencePenalty"), GEMINI_READ},
    [AT_FREQUENCY] = {STR_INIT("frequencyPenalty"), GEMINI_READ},
    [AT_MAX_OUTPUT] = {STR_INIT("maxOutputTokens"), GEMINI_READ},
    [AT_CANDIDATES] = {STR_INIT("candidateCount"), GEMINI_READ},
    [AT_MIME] = {STR_INIT("responseMimeType"), GEMINI_READ},
    [AT_SCHEMA] = {STR_INIT("responseSchema"), GEMINI_READ},
    [AT_JSON_SCHEMA] = {STR_INIT("responseJsonSchema"), GEMINI_READ},
    [AT_JSON_SCHEMA_OLD] = {STR_INIT("_responseJsonSchema"), GEMINI_READ},
    [AT_RESPONSE_LOGPROBS] = {STR_INIT("responseLogprobs"), GEMINI_READ},
    [AT_LOGPROBS] = {STR_INIT("logprobs"), GEMINI_READ},
    [AT_THINKING] = {STR_INIT("thinkingConfig"), GEMINI_READ},
    [AT_MODALITIES] = {STR_INIT("responseModalities"), GEMINI_READ},
    {STR_INIT("speechConfig"), FEATURE_AUDIO_OUT},
    {STR_INIT("imageConfig"), FEATURE_IMAGE_OUT},
    {STR_INIT("mediaResolution"), FEATURE_IMAGE_DETAIL},
    {STR_INIT("audioTimestamp"), FEATURE_CLIENT_HINT},
    {STR_INIT("audioTranscriptionConfig"), FEATURE_CLIENT_HINT},
    {STR_INIT("enableAffectiveDialog"), FEATURE_CLIENT_HINT},
    {STR_INIT("enableEnhancedCivicAnswers"), FEATURE_SAFETY},
    {STR_INIT("routingConfig"), FEATURE_CLIENT_HINT},
    {STR_INIT("modelSelectionConfig"), FEATURE_CLIENT_HINT},
};

static str spelled(struct gemini_reader *r, enum config_field f)
{
    return arena_printf(r->arena, "generationConfig.%" STR_FMT, STR_ARG(config_fields[f].name));
}

/* ---- numbers */

static bool read_sampling(struct gemini_reader *r, const json_ref *at)
{
    struct canon_sampling *s = &r->call->sampling;
    const struct {
        enum config_field field;
        enum canon_feature feature;
        str *to;
    } numbers[] = {
        {AT_TEMPERATURE, FEATURE_TEMPERATURE, &s->temperature},
        {AT_TOP_P, FEATURE_TOP_P, &s->top_p},
        {AT_TOP_K, FEATURE_TOP_K, &s->top_k},
        {AT_SEED, FEATURE_SEED, &s->seed},
        {AT_PRESENCE, FEATURE_PRESENCE_PENALTY, &s->presence_penalty},
        {AT_FREQUENCY, FEATURE_FREQUENCY_PENALTY, &s->frequency_penalty},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_ref value = at[numbers[i].field];
        if (!value) continue;
        str name = spelled(r, numbers[i].field);
        if (json_type(r->doc, value) != JSON_NUMBER) return gemini_refuse(r, name, S("a number"));
        *numbers[i].to = json_raw(r->doc, value);
        bool penalty = numbers[i].field == AT_PRESENCE || numbers[i].field == AT_FREQUENCY;
        if (!penalty || !canon_is_zero(*numbers[i].to)) gemini_note(r, numbers[i].feature, name);
    }
    return true;
}

static bool read_limits(struct gemini_reader *r, const json_ref *at)
{
    int64_t v;
    if (at[AT_MAX_OUTPUT]) {
        if (!gemini_count(r->doc, at[AT_MAX_OUTPUT], &v) || v < 0)
            return gemini_refuse(r, spelled(r, AT_MAX_OUTPUT), S("a whole number of at least 1"));
        r->call->max_output = v > 0 ? v : -1; /* what is zero counts as left out */
    }
    if (at[AT_CANDIDATES]) {
        if (!gemini_count(r->doc, at[AT_CANDIDATES], &v) || v < 0 || v > CANON_CHOICES_MAX)
            return gemini_refuse(r, spelled(r, AT_CANDIDATES), S("a whole number from 1 to 128"));
        r->call->choices = v > 0 ? v : 1;
        if (v > 1) gemini_note(r, FEATURE_CHOICES, spelled(r, AT_CANDIDATES));
    }
    if (at[AT_LOGPROBS]) {
        if (!gemini_count(r->doc, at[AT_LOGPROBS], &v) || v < 0)
            return gemini_refuse(r, spelled(r, AT_LOGPROBS), S("a whole number"));
        r->call->sampling.top_logprobs = v;
    }
    if (at[AT_RESPONSE_LOGPROBS]) {
        r->call->sampling.logprobs = json_is_true(r->doc, at[AT_RESPONSE_LOGPROBS]);
        if (r->call->sampling.logprobs) gemini_note(r, FEATURE_LOGPROBS, spelled(r, AT_RESPONSE_LOGPROBS));
    }
    return true;
}

static bool read_stop(struct gemini_reader *r, json_ref at)
{
    size_t count = 0;
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_ARRAY) return gemini_refuse(r, spelled(r, AT_STOP), S("a list of strings"));
    for (json_ref s = json_first(r->doc, at); s; s = json_next(r->doc, at, s)) count++;
    jraw *stop = arena_alloc(r->arena, (count + 1) * sizeof(*stop));
    r->call->stop = stop;
    for (json_ref s = json_first(r->doc, at); s; s = json_next(r->doc, at, s)) {
        if (json_type(r->doc, s) != JSON_STRING) return gemini_refuse(r, spelled(r, AT_STOP), S("a list of strings"));
        stop[r->call->stop_count++] = (jraw){json_raw(r->doc, s)};
    }
    if (count) gemini_note(r, FEATURE_STOP, spelled(r, AT_STOP));
    return true;
}

/* ---- the answer's form */

/* A schema implies JSON for Google's clients, which set both; the type alone asks for any JSON. */
static bool read_output(struct gemini_reader *r, const json_ref *at, struct buf *kept)
{
    struct canon_output *o = &r->call->output;
    json_ref json_schema = at[AT_JSON_SCHEMA] ? at[AT_JSON_SCHEMA] : at[AT_JSON_SCHEMA_OLD];
    str mime = gemini_string(r, at[AT_MIME]);
    if (at[AT_MIME] && json_type(r->doc, at[AT_MIME]) != JSON_STRING)
        return gemini_refuse(r, spelled(r, AT_MIME), S("a string"));
    if (mime.n && !str_eq(mime, S("application/json")) && !str_eq(mime, S("text/plain"))) { /* text/x.enum */
        gemini_note(r, FEATURE_UNKNOWN, spelled(r, AT_MIME));
        canon_put_raw(kept, S("responseMimeType"), (jraw){json_raw(r->doc, at[AT_MIME])});
        canon_put_raw(kept, S("responseSchema"), canon_raw(r->doc, at[AT_SCHEMA]));
        return true;
    }
    if (json_schema || at[AT_SCHEMA]) {
        o->format = FORMAT_SCHEMA;
        o->schema =
            json_schema ? raw_of(json_raw(r->doc, json_schema)) : gemini_schema(r->arena, r->doc, at[AT_SCHEMA]);
        gemini_note(r, FEATURE_JSON_SCHEMA, spelled(r, json_schema ? AT_JSON_SCHEMA : AT_SCHEMA));
    } else if (str_eq(mime, S("application/json"))) {
        o->format = FORMAT_JSON;
        gemini_note(r, FEATURE_JSON_OBJECT, spelled(r, AT_MIME));
    }
    return true;
}

static void read_modalities(struct gemini_reader *r, json_ref at, struct buf *kept)
{
    if (!at) return;
    canon_put_raw(kept, S("responseModalities"), (jraw){json_raw(r->doc, at)});
    if (json_type(r->doc, at) != JSON_ARRAY) return;
    for (json_ref m = json_first(r->doc, at); m; m = json_next(r->doc, at, m)) {
        int64_t number = 0;
        str name = json_type(r->doc, m) == JSON_STRING ? gemini_string(r, m) : STR_NONE;
        bool numbered = json_i64(r->doc, m, &number);
        if (str_eq_nocase(name, S("AUDIO")) || (numbered && number == 3))
            gemini_note(r, FEATURE_AUDIO_OUT, spelled(r, AT_MODALITIES));
        if (str_eq_nocase(name, S("IMAGE")) || (numbered && number == 2))
            gemini_note(r, FEATURE_IMAGE_OUT, spelled(r, AT_MODALITIES));
    }
}

static str level_name(struct gemini_reader *r, json_ref at)
{
    static const str levels[] = {STR_INIT(""), STR_INIT("low"), STR_INIT("medium"), STR_INIT("high"),
                                 STR_INIT("minimal")}; /* by protobuf's number */
    int64_t number;
    if (!at) return STR_NONE;
    if (json_i64(r->doc, at, &number))
        return number > 0 && number < (int64_t)COUNT_OF(levels) ? levels[number] : STR_NONE;
    str name = gemini_string(r, at);
    for (size_t i = 1; i < COUNT_OF(levels); i++)
        if (str_eq_nocase(name, levels[i])) return levels[i];
    return STR_NONE;
}

static bool read_thinking(struct gemini_reader *r, json_ref at, struct buf *kept)
{
    static const struct gemini_field fields[] = {{STR_INIT("thinkingBudget"), GEMINI_READ},
                                                 {STR_INIT("thinkingLevel"), GEMINI_READ},
                                                 {STR_INIT("includeThoughts"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    struct canon_reasoning *c = &r->call->reasoning;
    str where = spelled(r, AT_THINKING);
    int64_t budget = -1;
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_OBJECT) return gemini_refuse(r, where, S("an object"));
    if (!gemini_fields(r, at, where, fields, COUNT_OF(fields), found, &extras)) return false;
    if (found[0] && !json_i64(r->doc, found[0], &budget) && !gemini_count(r->doc, found[0], &budget))
        return gemini_refuse(r, S("generationConfig.thinkingConfig.thinkingBudget"), S("a whole number"));
    if (found[0] && budget < 0) c->adaptive = true;
    if (found[0] && budget >= 0) c->budget_tokens = budget;
    c->effort = level_name(r, found[1]);
    c->show = found[2] && json_is_true(r->doc, found[2]);
    if (found[0] || c->effort.n) gemini_note(r, FEATURE_REASONING, where);
    if (c->show) gemini_note(r, FEATURE_REASONING_SUMMARY, S("generationConfig.thinkingConfig.includeThoughts"));
    if (extras.members.n)
        canon_put_raw(kept, S("thinkingConfig"),
                      (jraw){arena_printf(r->arena, "{%" STR_FMT "}", STR_ARG(extras.members))});
    return true;
}

bool gemini_read_config(struct gemini_reader *r, json_ref at, struct canon_extras *extras)
{
    json_ref found[COUNT_OF(config_fields)];
    struct buf kept;
    if (json_type(r->doc, at) != JSON_OBJECT) return gemini_refuse(r, S("generationConfig"), S("an object"));
    if (!gemini_fields(r, at, S("generationConfig"), config_fields, COUNT_OF(config_fields), found, extras))
        return false;
    buf_init(&kept, 0);
    buf_add(&kept, extras->members);
    bool ok = read_sampling(r, found) && read_limits(r, found) && read_stop(r, found[AT_STOP]) &&
              read_output(r, found, &kept) && read_thinking(r, found[AT_THINKING], &kept);
    read_modalities(r, found[AT_MODALITIES], &kept);
    if (kept.n) extras->members = arena_str(r->arena, buf_str(&kept));
    buf_free(&kept);
    return ok;
}
