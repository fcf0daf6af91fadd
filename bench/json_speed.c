/* How fast requests are indexed: nanoseconds per parse, the best of many rounds. */
#include "base/json.h"
#include "base/time.h"

#include <stdio.h>

enum { ROUNDS = 200, TIMES = 256 };

/* A chat request of about `size` bytes whose messages repeat `words`. */
static void make_chat(struct buf *b, size_t size, size_t message_bytes, str words)
{
    buf_clear(b);
    buf_printf(b, "{\"model\":\"gpt-5-mini\",\"stream\":true,\"temperature\":0.7,\"max_completion_tokens\":800,"
                  "\"user\":\"u-4711\",\"stream_options\":{\"include_usage\":true},\"messages\":["
                  "{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}");
    for (int turn = 0; b->n < size; turn++) {
        buf_printf(b, ",{\"role\":\"%s\",\"content\":\"", turn % 2 ? "assistant" : "user");
        size_t until = b->n + message_bytes;
        while (b->n < until && b->n < size) buf_add(b, words);
        buf_add(b, S("\"}"));
    }
    buf_add(b, S("]}"));
}

static int64_t best_ns(struct json *doc, str text, bool *ok)
{
    int64_t best = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        struct json_fail why;
        int64_t begun = time_mono_us();
        for (int i = 0; i < TIMES; i++) {
            __asm__ volatile("" ::: "memory"); /* each parse is a parse */
            if (!json_parse(doc, text, &why)) *ok = false;
        }
        int64_t ns = (time_mono_us() - begun) * 1000 / TIMES;
        if (ns < best) best = ns;
    }
    return best;
}

int main(void)
{
    const struct {
        const char *what;
        size_t size, message;
        str words;
    } rows[] = {
        {"1 KB chat, ASCII", 1024, 400, STR_INIT("The quick brown fox jumps over the lazy dog. ")},
        {"32 KB chat, ASCII", 32768, 4000, STR_INIT("The quick brown fox jumps over the lazy dog. ")},
        {"32 KB chat, a \\n each 90 bytes", 32768, 4000,
         STR_INIT("The quick brown fox jumps over the lazy dog, the lazy dog says nothing about it, and so on\\n")},
        {"32 KB chat, German", 32768, 4000,
         STR_INIT("Zw\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor quer \xc3\xbc"
                  "ber den gro\xc3\x9f"
                  "en Sylter Deich. ")},
        {"32 KB chat, Chinese", 32768, 4000,
         STR_INIT("\xe6\x95\x8f\xe6\x8d\xb7\xe7\x9a\x84\xe6\xa3\x95\xe8\x89\xb2\xe7\x8b\x90\xe7\x8b\xb8"
                  "\xe8\xb7\xb3\xe8\xbf\x87\xe4\xba\x86\xe6\x87\x92\xe7\x8b\x97\xe3\x80\x82")},
        {"32 KB chat, emoji", 32768, 4000,
         STR_INIT("\xf0\x9f\x98\x80\xf0\x9f\x9a\x80\xf0\x9f\x8e\x89\xf0\x9f\xa4\x96\xf0\x9f\x92\xa1")},
    };
    struct json doc;
    struct buf body;
    bool ok = true;
    json_init(&doc);
    buf_init(&body, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_chat(&body, rows[i].size, rows[i].message, rows[i].words);
        int64_t ns = best_ns(&doc, buf_str(&body), &ok);
        printf("%-32s %6zu bytes %4u nodes %8lld ns %8.0f MB/s\n", rows[i].what, body.n, doc.count, (long long)ns,
               (double)body.n * 1000.0 / (double)(ns ? ns : 1));
    }
    buf_free(&body);
    json_free(&doc);
    if (!ok) fprintf(stderr, "json_speed: a body was refused\n");
    return ok ? 0 : 1;
}
