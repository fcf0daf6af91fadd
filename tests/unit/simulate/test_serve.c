/* The simulated provider over a socket: what each fault looks like on the wire,
 * and that the truth knows of it. */
#include "answers.h"

#include "base/time.h"
#include "simulate/sim_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
    struct sim *sim;
    pthread_t thread;
};

static void *serve(void *arg)
{
    sim_run(arg);
    return NULL;
}

static int start(void **state)
{
    static struct rig rig;
    struct sim_options o;
    struct buf why;
    buf_init(&why, 0);
    sim_options_default(&o);
    o.port = 0;
    o.threads = 2;
    o.keep_requests = true;
    o.require_key = "sk-simulate-1234";
    rig.sim = sim_new(&o, &why);
    if (!rig.sim) fail_msg("%.*s", STR_ARG(buf_str(&why)));
    assert_int_equal(pthread_create(&rig.thread, NULL, serve, rig.sim), 0);
    *state = &rig;
    return 0;
}

static int stop(void **state)
{
    struct rig *rig = *state;
    sim_stop(rig->sim);
    pthread_join(rig->thread, NULL);
    sim_drop(rig->sim);
    return 0;
}

/* ---- a client */

struct reply {
    struct buf bytes;
    int status;
    str head, body; /* the body as it came, chunks and all */
};

static int dial(struct rig *rig, const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(sim_port(rig->sim)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    size_t n = strlen(request);
    assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), (ssize_t)n);
    return fd;
}

/* Sends a request and reads until the server closes. */
static struct reply call(struct rig *rig, const char *line, const char *headers, const char *body)
{
    char request[4096];
    snprintf(request, sizeof request,
             "%s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-simulate-1234\r\nconnection: "
             "close\r\n%scontent-length: %zu\r\n\r\n%s",
             line, headers, strlen(body), body);
    int fd = dial(rig, request);
    struct reply r = {0};
    buf_init(&r.bytes, 0);
    char piece[4096];
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;) buf_add(&r.bytes, str_of(piece, (size_t)n));
    close(fd);
    str all = buf_str(&r.bytes);
    size_t end = str_find(all, S("\r\n\r\n"), 0);
    assert_true(end != SIZE_MAX);
    r.head = str_head(all, end + 2);
    r.body = str_from_at(all, end + 4);
    uint64_t status;
    assert_true(str_to_u64(str_of(all.p + 9, 3), &status));
    r.status = (int)status;
    return r;
}

static struct reply chat(struct rig *rig, bool stream, const char *words)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"model\":\"sim-small\",%s\"messages\":[{\"role\":\"user\",\"content\":\"[simulate %s]\"}]}",
             stream ? "\"stream\":true," : "", words);
    return call(rig, "POST /v1/chat/completions", "", body);
}

static bool has(str text, const char *part)
{
    return str_find(text, str_from(part), 0) != SIZE_MAX;
}

static int64_t declared_length(const struct reply *r)
{
    const str name = S("content-length: ");
    size_t at = str_find(r->head, name, 0);
    if (at == SIZE_MAX) return -1;
    str rest = str_from_at(r->head, at + name.n);
    uint64_t n;
    assert_true(str_to_u64(str_head(rest, str_find_byte(rest, '\r', 0)), &n));
    return (int64_t)n;
}

enum chunks { CHUNKS_WHOLE, CHUNKS_BETWEEN, CHUNKS_INSIDE };

/* Where a chunked body ends: properly, between two chunks, or inside one. */
static enum chunks chunks_end(str body)
{
    while (body.n) {
        size_t line = str_find(body, S("\r\n"), 0);
        if (line == SIZE_MAX) return CHUNKS_INSIDE;
        size_t size = strtoul(body.p, NULL, 16);
        body = str_from_at(body, line + 2);
        if (size == 0) return str_eq(body, S("\r\n")) ? CHUNKS_WHOLE : CHUNKS_INSIDE;
        if (body.n < size + 2) return CHUNKS_INSIDE;
        body = str_from_at(body, size + 2);
    }
    return CHUNKS_BETWEEN;
}

/* ---- the truth of the last call */

struct last {
    struct json doc;
    struct reply r;
    json_ref call;
};

static void look(struct rig *rig, struct last *l)
{
    struct json_fail why;
    json_init(&l->doc);
    l->r = call(rig, "GET /simulate/truth", "", "");
    assert_true(json_parse(&l->doc, l->r.body, &why));
    l->call = JSON_ABSENT;
    json_ref calls = json_find(&l->doc, JSON_ROOT, S("calls"), NULL);
    for (json_ref it = json_first(&l->doc, calls); it; it = json_next(&l->doc, calls, it)) l->call = it;
    assert_true(l->call != JSON_ABSENT);
}

static void close_last(struct last *l)
{
    json_free(&l->doc);
    buf_free(&l->r.bytes);
}

static bool is_set(const struct last *l, const char *name)
{
    return json_is_true(&l->doc, json_find(&l->doc, l->call, str_from(name), NULL));
}

static int64_t number(const struct last *l, const char *name)
{
    return number_at(&l->doc, json_find(&l->doc, l->call, str_from(name), NULL));
}

/* ---- tests */

static void test_streams(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *words;
        enum chunks end;
        bool done, finish, told;
        int64_t generated;
    } cases[] = {
        {"tokens=20", CHUNKS_WHOLE, true, true, true, 20},
        {"tokens=20 fault=slow-head ms=1", CHUNKS_WHOLE, true, true, true, 20},
        {"tokens=20 fault=slow-body ms=1", CHUNKS_WHOLE, true, true, true, 20},
        {"tokens=20 fault=stall ms=1", CHUNKS_WHOLE, true, true, true, 20},
        {"tokens=20 fault=malformed", CHUNKS_WHOLE, true, true, true, 20},
        {"tokens=20 fault=error-in-stream after=7", CHUNKS_WHOLE, true, false, false, 7},
        {"tokens=20 fault=end-early after=7", CHUNKS_WHOLE, false, false, false, 7},
        {"tokens=20 fault=end-early after=99", CHUNKS_WHOLE, false, false, false, 20},
        {"tokens=20 fault=cut-clean after=7", CHUNKS_BETWEEN, false, false, false, 7},
        {"tokens=20 fault=cut after=7", CHUNKS_INSIDE, false, false, false, 8},
        {"tokens=20 fault=cut after=0", CHUNKS_INSIDE, false, false, false, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = chat(rig, true, cases[i].words);
        struct last l;
        assert_int_equal(r.status, 200);
        assert_true(has(r.head, "text/event-stream") && has(r.head, "x-request-id: sim-"));
        bool finish = has(r.body, "\"finish_reason\":\"stop\"");
        enum chunks end = chunks_end(r.body);
        if (end != cases[i].end || has(r.body, "[DONE]") != cases[i].done || finish != cases[i].finish) {
            fail_msg("%s: ends %d\n%.*s", cases[i].words, end, STR_ARG(r.body));
        }
        buf_free(&r.bytes);
        look(rig, &l);
        assert_int_equal(number(&l, "generated_tokens"), cases[i].generated);
        assert_int_equal(is_set(&l, "finished"), cases[i].told);
        assert_false(is_set(&l, "aborted"));
        close_last(&l);
    }
}

static void test_whole_answers(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *words;
        int64_t missing; /* bytes short of Content-Length; -1: some */
        bool json;
    } cases[] = {
        {"tokens=20", 0, true},
        {"tokens=20 fault=slow-body ms=1", 0, true},
        {"tokens=20 fault=stall ms=1", 0, true},
        {"tokens=20 fault=wrong-length", 64, true},
        {"tokens=20 fault=malformed", 0, false},
        {"tokens=20 fault=cut", -1, false},
        {"tokens=20 fault=cut-clean", -1, false},
        {"tokens=20 fault=error-in-stream", 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = chat(rig, false, cases[i].words);
        struct json doc;
        struct json_fail why;
        json_init(&doc);
        int64_t missing = declared_length(&r) - (int64_t)r.body.n;
        if (cases[i].missing >= 0 ? missing != cases[i].missing : missing <= 0) {
            fail_msg("%s: %lld bytes short", cases[i].words, (long long)missing);
        }
        assert_int_equal(json_parse(&doc, r.body, &why), cases[i].json);
        json_free(&doc);
        buf_free(&r.bytes);
    }
}

/* Bodies that were made before the wait know the same faults. */
static void test_embeddings(void **state)
{
    struct rig *rig = *state;
    static const char *const words[] = {"key=x", "fault=stall ms=1", "fault=slow-body ms=1", "fault=cut"};
    size_t whole = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"model\":\"sim-embed\",\"dimensions\":64,\"input\":\"ship [simulate %s]\"}",
                 words[i]);
        struct reply r = call(rig, "POST /v1/embeddings", "", body);
        struct json doc;
        struct json_fail why;
        json_init(&doc);
        assert_int_equal(r.status, 200);
        if (i == 0) whole = r.body.n;
        bool cut = i == 3;
        assert_int_equal(json_parse(&doc, r.body, &why), !cut);
        assert_true(cut ? r.body.n < whole : declared_length(&r) == (int64_t)r.body.n);
        json_free(&doc);
        buf_free(&r.bytes);
    }
}

/* Google's embeddings: one, a batch, and Vertex's two forms; as many vectors as were asked for, of that length. */
static void test_google_embeddings(void **state)
{
    struct rig *rig = *state;
#define TEXT "{\"parts\":[{\"text\":\"A ship of old.\"}]}"
#define ONE  "{\"content\":" TEXT ",\"outputDimensionality\":3}"
    static const struct {
        const char *line, *body, *begins, *usage;
        size_t vectors;
    } cases[] = {
        {"POST /v1beta/models/gemini-embedding-2:embedContent", ONE, "{\"embedding\":{\"values\":[",
         "\"usageMetadata\":{\"promptTokenCount\":5,", 1},
        {"POST /v1beta/models/gemini-embedding-2:batchEmbedContents", "{\"requests\":[" ONE "," ONE "]}",
         "{\"embeddings\":[{\"values\":[", "\"usageMetadata\":{\"promptTokenCount\":10,", 2},
        {"POST /v1/projects/p/locations/l/publishers/google/models/gemini-embedding-2:embedContent", ONE,
         "{\"embedding\":{\"values\":[", "\"usageMetadata\":{\"promptTokenCount\":5,", 1},
        {"POST /v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict",
         "{\"instances\":[{\"content\":\"A ship of old.\"},{\"content\":\"A\"}],\"parameters\":{"
         "\"outputDimensionality\":3}}",
         "{\"predictions\":[{\"embeddings\":{\"values\":[", "\"statistics\":{\"truncated\":false,\"token_count\":3}",
         2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = call(rig, cases[i].line, "", cases[i].body);
        size_t vectors = 0, commas = 0;
        assert_int_equal(r.status, 200);
        if (!str_starts(r.body, str_from(cases[i].begins)) || !has(r.body, cases[i].usage))
            fail_msg("%s: %.*s", cases[i].line, STR_ARG(r.body));
        for (size_t at = 0; (at = str_find(r.body, S("\"values\":["), at)) != SIZE_MAX; vectors++) {
            str rest = str_from_at(r.body, at += 10), numbers = str_cut(&rest, ']');
            for (size_t k = 0; k < numbers.n; k++) commas += numbers.p[k] == ',';
        }
        assert_int_equal(vectors, cases[i].vectors);
        assert_int_equal(commas, 2 * vectors);
        buf_free(&r.bytes);
    }
#undef ONE
#undef TEXT
    struct reply r = call(rig, "POST /v1beta/models/m:batchEmbedContents", "", "{\"requests\":[]}");
    assert_int_equal(r.status, 400);
    assert_true(has(r.body, "INVALID_ARGUMENT") && has(r.body, "requests"));
    buf_free(&r.bytes);
}

/* Each family's list of models in its own form, Bedrock's among them. */
static void test_models(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *line, *headers, *part;
    } cases[] = {
        {"GET /v1/models", "", "{\"object\":\"list\",\"data\":[{\"id\":\""},
        {"GET /v1/models", "anthropic-version: 2023-06-01\r\n", "{\"has_more\":false,\"data\":[{\"id\":\""},
        {"GET /v1beta/models", "", "{\"models\":[{\"name\":\"models/"},
        {"GET /foundation-models", "", "{\"modelSummaries\":[{\"modelId\":\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = call(rig, cases[i].line, cases[i].headers, "");
        struct json doc;
        struct json_fail why;
        json_init(&doc);
        assert_int_equal(r.status, 200);
        if (!str_starts(r.body, str_from(cases[i].part))) fail_msg("%s: %.*s", cases[i].line, STR_ARG(r.body));
        assert_true(json_parse(&doc, r.body, &why));
        json_free(&doc);
        buf_free(&r.bytes);
    }
    struct reply r = call(rig, "POST /foundation-models", "", "{}");
    assert_int_equal(r.status, 404);
    buf_free(&r.bytes);
}

static void test_close_delimited(void **state)
{
    struct rig *rig = *state;
    for (int stream = 0; stream < 2; stream++) {
        struct reply r = chat(rig, stream, "tokens=3000 fault=close-delimited");
        assert_int_equal(declared_length(&r), -1);
        assert_false(has(r.head, "chunked"));
        assert_true(has(r.head, "connection: close"));
        assert_true(stream ? str_ends(r.body, S("data: [DONE]\n\n")) : str_ends(r.body, S("}}}")));
        buf_free(&r.bytes);
    }
}

static void test_refusals(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *words;
        int status;
        const char *said;
    } cases[] = {
        {"fault=429", 429, "rate_limit_exceeded"}, {"fault=500", 500, "server_error"},
        {"fault=503", 503, "overloaded"},          {"fault=400", 400, "invalid_request_error"},
        {"fault=401", 401, "invalid_api_key"},     {"fault=cats", 400, "fault=cats"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = chat(rig, true, cases[i].words);
        struct last l;
        assert_int_equal(r.status, cases[i].status);
        assert_true(has(r.body, cases[i].said));
        if (r.status == 429)
            assert_true(has(r.head, "retry-after: 1\r\n") && has(r.head, "x-ratelimit-remaining-requests: 0"));
        buf_free(&r.bytes);
        look(rig, &l);
        assert_int_equal(number(&l, "status"), cases[i].status);
        assert_int_equal(number_at(&l.doc, json_path(&l.doc, l.call, "usage", "input", NULL)), 0);
        close_last(&l);
    }
    struct reply r = call(rig, "POST /v1/chat/completions", "x-simulate-tokns: 5\r\n",
                          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    assert_int_equal(r.status, 400);
    assert_true(has(r.body, "x-simulate-tokns"));
    buf_free(&r.bytes);
    r = call(rig, "POST /v1/responses", "x-simulate-call: sail\r\n",
             "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"anchor\"}]}");
    assert_int_equal(r.status, 400);
    assert_true(has(r.body, "call=sail") && has(r.body, "'anchor'"));
    buf_free(&r.bytes);
    r = call(rig, "GET /v1/chat/completions", "", "");
    assert_int_equal(r.status, 404);
    buf_free(&r.bytes);
}

static void test_key(void **state)
{
    struct rig *rig = *state;
    static const char *const keys[] = {"", "authorization: Bearer sk-simulate-1235\r\n", "authorization: Bearer sk\r\n",
                                       "authorization: Bearer sk-simulate-12345\r\n"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char request[256], answer[64] = "";
        snprintf(request, sizeof request, "GET /v1/models HTTP/1.1\r\nhost: x\r\n%sconnection: close\r\n\r\n", keys[i]);
        int fd = dial(rig, request);
        assert_true(recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0);
        assert_true(strncmp(answer, "HTTP/1.1 401", 12) == 0);
        close(fd);
    }
}

static void test_optional_fields_can_be_refused(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *words, *fields;
        int status;
    } cases[] = {
        {"fault=reject-stream-options", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}", 400},
        {"fault=reject-stream-options", ",\"stream\":true", 200},
        {"fault=reject-max-completion-tokens", ",\"max_completion_tokens\":5", 400},
        {"fault=reject-max-completion-tokens", ",\"max_tokens\":5", 200},
        {"fault=reject-max-tokens", ",\"max_tokens\":5", 400},
        {"fault=reject-max-tokens", ",\"max_completion_tokens\":5", 200},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"model\":\"m\"%s,\"messages\":[{\"role\":\"user\",\"content\":\"[simulate %s]\"}]}",
                 cases[i].fields, cases[i].words);
        struct reply r = call(rig, "POST /v1/chat/completions", "", body);
        assert_int_equal(r.status, cases[i].status);
        buf_free(&r.bytes);
    }
}

static void test_times(void **state)
{
    struct rig *rig = *state;
    static const int expected[] = {503, 503, 200, 200};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        struct reply r = chat(rig, false, "fault=503 times=2 key=twice");
        assert_int_equal(r.status, expected[i]);
        buf_free(&r.bytes);
    }
}

/* The same seed, the same answer; headers say it as well as prompts. */
static void test_seeds(void **state)
{
    struct rig *rig = *state;
    const char *body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    str contents[3];
    struct reply replies[3];
    static const char *const headers[] = {"x-simulate-seed: 7\r\n", "X-Simulate: seed=7\r\n", "x-simulate-seed: 8\r\n"};
    for (int i = 0; i < 3; i++) {
        replies[i] = call(rig, "POST /v1/chat/completions", headers[i], body);
        size_t at = str_find(replies[i].body, S("\"message\""), 0);
        assert_true(at != SIZE_MAX);
        contents[i] = str_from_at(replies[i].body, at);
    }
    assert_true(str_eq(contents[0], contents[1]));
    assert_false(str_eq(contents[0], contents[2]));
    for (int i = 0; i < 3; i++) buf_free(&replies[i].bytes);
}

/* A client that hangs up: generation stops, and the truth has what was generated by then. */
static void test_hang_up(void **state)
{
    struct rig *rig = *state;
    const char *body = "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
                       "\"[simulate tokens=100000 between=1ms]\"}]}";
    char request[512], piece[1024];
    snprintf(request, sizeof request,
             "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer "
             "sk-simulate-1234\r\nx-purser-attempt: a-17\r\n"
             "content-length: %zu\r\n\r\n%s",
             strlen(body), body);
    int fd = dial(rig, request);
    assert_true(recv(fd, piece, sizeof piece, 0) > 0);
    close(fd);
    int64_t give_up_us = time_mono_us() + 60 * US_PER_SECOND;
    for (bool over = false; !over;) {
        struct last l;
        look(rig, &l);
        over = number_at(&l.doc, json_path(&l.doc, JSON_ROOT, "totals", "live", NULL)) == 0;
        if (over) {
            assert_true(is_set(&l, "aborted") && !is_set(&l, "finished") && !is_set(&l, "usage_sent"));
            assert_in_range(number(&l, "generated_tokens"), 1, 99999);
            assert_int_equal(number_at(&l.doc, json_path(&l.doc, l.call, "usage", "output", NULL)),
                             number(&l, "generated_tokens"));
            assert_true(json_string_is(&l.doc, json_find(&l.doc, l.call, S("attempt"), NULL), S("a-17")));
        }
        close_last(&l);
        if (time_mono_us() > give_up_us) fail_msg("the call never ended");
    }
}

static void test_requests_are_kept_masked(void **state)
{
    struct rig *rig = *state;
    struct reply r = chat(rig, false, "tokens=3 key=kept");
    buf_free(&r.bytes);
    r = call(rig, "GET /simulate/requests?last=1", "", "");
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    assert_true(json_parse(&doc, r.body, &why));
    assert_true(has(r.body, "key=kept"));
    assert_true(has(r.body, "***1234"));
    assert_false(has(r.body, "sk-simulate"));
    json_free(&doc);
    buf_free(&r.bytes);
}

/* A second simulator on the port would take half of the calls, unnoticed. */
static void test_a_taken_port_is_refused(void **state)
{
    struct rig *rig = *state;
    struct sim_options o;
    struct buf why;
    buf_init(&why, 0);
    sim_options_default(&o);
    o.port = sim_port(rig->sim);
    assert_null(sim_new(&o, &why));
    assert_true(has(buf_str(&why), "is taken"));
    buf_clear(&why);
    o.host = "nowhere";
    assert_null(sim_new(&o, &why));
    assert_true(has(buf_str(&why), "nowhere"));
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_google_embeddings),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_close_delimited),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_a_taken_port_is_refused),
        cmocka_unit_test(test_optional_fields_can_be_refused),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_requests_are_kept_masked),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
