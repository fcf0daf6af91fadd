/* How fast tokens are counted: MB per second of CPU over the given files, best of several rounds.
 *
 *   token_speed [o200k|cl100k] FILE... */
#include "price/tokens.h"

#include "base/buf.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 5 };

/* Of this thread: what else the machine does is none of our business. */
static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void read_file(struct buf *out, const char *path)
{
    char chunk[65536];
    FILE *f = fopen(path, "rb");
    size_t n;
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0) buf_add(out, str_of(chunk, n));
    if (f) fclose(f);
}

int main(int argc, char **argv)
{
    enum token_encoding e = TOKENS_O200K;
    struct buf text;
    buf_init(&text, 0);
    for (int i = 1; i < argc; i++) {
        if (i > 1 || !token_encoding_find(str_from(argv[i]), &e)) read_file(&text, argv[i]);
    }
    int64_t best_us = INT64_MAX, tokens = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began_us = cpu_us();
        tokens = tokens_of_text(e, buf_str(&text));
        int64_t took_us = cpu_us() - began_us;
        if (took_us < best_us) best_us = took_us;
    }
    printf("{\"encoding\":\"%" STR_FMT "\",\"bytes\":%zu,\"tokens\":%lld,\"mb_s\":%.1f}\n",
           STR_ARG(token_encoding_name(e)), text.n, (long long)tokens, (double)text.n / (double)best_us);
    buf_free(&text);
    return 0;
}
