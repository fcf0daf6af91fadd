/* purser tokens: how many tokens a text has. */
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "price/tokens_estimate.h"

#include <errno.h>

enum { TOKENS_MODEL, TOKENS_ENCODING, TOKENS_FORMAT };
enum { FILE_MAX_BYTES = 1024 * 1024 * 1024 };

/* How the counting goes. */
struct way {
    str model;
    enum token_encoding encoding;
    bool exact;
};

static bool find_way(const struct options *o, const char *model, const char *encoding, struct way *out)
{
    *out = (struct way){.model = str_from(model), .exact = true};
    if (model && encoding) {
        options_complain(o, "--model or --encoding, not both: a model has its encoding");
        return false;
    }
    if (encoding && !token_encoding_find(str_from(encoding), &out->encoding)) {
        options_complain(o, "'%s' is no encoding; it is o200k or cl100k", encoding);
        return false;
    }
    if (model && !token_encoding_of_model(out->model, &out->encoding)) out->exact = false;
    if (out->exact && !token_encoding_known(out->encoding)) {
        out->exact = false;
        options_complain(o, "warning: this binary was built without rank files: what follows are estimates");
    }
    return true;
}

static bool read_text(const struct options *o, const char *path, struct buf *out)
{
    char chunk[65536];
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "rb");
    size_t n;
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        if (!buf_add(out, str_of(chunk, n))) break;
    }
    const char *why = !f || ferror(f) ? strerror(errno) : out->overflow ? "larger than 1 GiB" : NULL;
    if (f && !standard) fclose(f);
    if (why) options_complain(o, "%s: %s", path, why);
    return !why;
}

static int64_t count(const struct way *way, str text)
{
    if (way->exact) return tokens_of_text(way->encoding, text);
    struct token_features features = {0};
    token_features_add(&features, text);
    return token_estimate(way->model, &features);
}

static void add_row(struct table *t, const struct way *way, const char *path, str text)
{
    table_add(t, str_from(strcmp(path, "-") == 0 ? "(standard input)" : path));
    table_add(t, way->model);
    table_add(t, way->exact ? token_encoding_name(way->encoding) : STR_NONE);
    table_addf(t, "%zu", text.n);
    table_addf(t, "%lld", (long long)count(way, text));
    table_add(t, way->exact ? S("exact") : S("estimate"));
}

static bool add_file(const struct options *o, struct table *t, const struct way *way, const char *path)
{
    struct buf text;
    buf_init(&text, FILE_MAX_BYTES);
    bool ok = read_text(o, path, &text);
    if (ok) add_row(t, way, path, buf_str(&text));
    buf_free(&text);
    return ok;
}

/* Options go before files: what they say is known when the first file comes. */
static int run(struct options *o, struct table *t, enum output_format *format)
{
    const char *model = NULL, *encoding = NULL;
    struct way way;
    bool begun = false, ok = true;
    for (int got; (got = options_next(o)) != OPT_END;) {
        if (got == OPT_STOP) return o->exit_code;
        if (got == TOKENS_FORMAT && !options_format(o, format)) return EXIT_USAGE;
        if (got == TOKENS_MODEL || got == TOKENS_ENCODING) {
            *(got == TOKENS_MODEL ? &model : &encoding) = o->value;
            if (begun) {
                options_complain(o, "--model and --encoding stand before the files");
                return EXIT_USAGE;
            }
        }
        if (got != OPT_ARGUMENT) continue;
        if (!begun && !find_way(o, model, encoding, &way)) return EXIT_USAGE;
        begun = true;
        ok = add_file(o, t, &way, o->value) && ok;
    }
    if (!begun) {
        if (!find_way(o, model, encoding, &way)) return EXIT_USAGE;
        ok = add_file(o, t, &way, "-");
    }
    if (t->cell_count) table_print(t, *format, stdout);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_tokens(int argc, char **argv)
{
    static const struct option options[] = {
        {"model", "MODEL", "as this model counts; where its tokenizer is not public, an estimate"},
        {"encoding", "ENCODING", "o200k or cl100k (o200k)"},
        OPTION_FORMAT,
    };
    static const struct command command = {
        .name = "tokens",
        .usage = "[options] [FILE...]",
        .summary = "Count the tokens of texts: of files, or of standard input (-). Exact for OpenAI's models,\n"
                   "an estimate, and marked so, for others.",
        .options = options,
        .option_count = COUNT_OF(options),
        .example = "purser tokens --model gpt-5-mini prompt.txt\necho -n hello | purser tokens --format json",
    };
    static const struct table_column columns[] = {
        {"file", "file", false, false}, {"model", "model", false, false}, {"encoding", "encoding", false, false},
        {"bytes", "bytes", true, true}, {"tokens", "tokens", true, true}, {"count", "count", false, false},
    };
    struct options o;
    struct table t;
    enum output_format format = OUTPUT_TABLE;
    options_init(&o, &command, argc, argv);
    table_init(&t, columns, COUNT_OF(columns));
    int code = run(&o, &t, &format);
    table_free(&t);
    return code;
}
