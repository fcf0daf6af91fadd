/* `purser simulate`: the provider to test against. */
#include "cli/cli.h"
#include "cli/options.h"

#include "base/buf.h"
#include "simulate/sim_server.h"

#include <signal.h>

enum {
    OPTION_LISTEN,
    OPTION_OUTPUT_TOKENS,
    OPTION_FIRST_TOKEN,
    OPTION_BETWEEN_TOKENS,
    OPTION_SEED,
    OPTION_USAGE,
    OPTION_FAULTS,
    OPTION_SERVICE_TIER,
    OPTION_REQUIRE_KEY,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_THREADS,
    OPTION_TRUTH_KEEP,
    OPTION_KEEP_REQUESTS,
};

static const struct option options[] = {
    [OPTION_LISTEN] = {"listen", "HOST:PORT", "where to listen; port 0 picks one (127.0.0.1:9100)"},
    [OPTION_OUTPUT_TOKENS] = {"output-tokens", "COUNT", "length of an answer: 32, 20..200, lognormal:80,0.5 (20..200)"},
    [OPTION_FIRST_TOKEN] = {"first-token", "TIME", "until the first token: 300ms, 100ms..2s, lognormal:300ms,0.6 (0)"},
    [OPTION_BETWEEN_TOKENS] = {"between-tokens", "TIME", "from token to token, as above (0)"},
    [OPTION_SEED] = {"seed", "N", "another seed draws other lengths, words and faults (0)"},
    [OPTION_USAGE] = {"usage", "SHAPE,...", "how usage is reported where the request does not say (as OpenAI does)"},
    [OPTION_FAULTS] = {"faults", "FAULT:SHARE,...", "what goes wrong by itself: 429:0.05,500:0.01,cut:0.02"},
    [OPTION_SERVICE_TIER] = {"service-tier", "TIER", "served whatever is asked for: flex, priority, default"},
    [OPTION_REQUIRE_KEY] = {"require-key", "KEY", "refuse calls without this API key"},
    [OPTION_TLS_CERT] = {"tls-cert", "FILE", "speak TLS with this certificate (PEM)"},
    [OPTION_TLS_KEY] = {"tls-key", "FILE", "and its private key (PEM)"},
    [OPTION_THREADS] = {"threads", "N", "event loops, a core each (1)"},
    [OPTION_TRUTH_KEEP] = {"truth-keep", "N", "calls that /simulate/truth remembers (200000)"},
    [OPTION_KEEP_REQUESTS] = {"keep-requests", NULL, "serve the last 100 requests as they came at /simulate/requests"},
};

static const struct command command = {
    "simulate",
    "[options]",
    "Be a provider without AI: OpenAI's chat, completions, responses, embeddings and\n"
    "moderations, Anthropic's messages, Gemini's generateContent, Bedrock's Converse,\n"
    "Cohere's chat; streamed or not; with tools, structured output, thoughts.\n"
    "It counts what it truly generated and tells it at /simulate/truth.\n"
    "\n"
    "A call says what it wants in headers (x-simulate-tokens: 50) or in its prompt:\n"
    "  [simulate tokens=50 usage=cached,finish]     [simulate fault=cut after=10]\n"
    "Words: tokens input-tokens usage fault after ms times key tools call arguments text\n"
    "latency between seed service_tier flagged. Faults: 429 500 503 400 401 slow-head\n"
    "slow-body stall cut cut-clean end-early malformed error-in-stream failed wrong-length\n"
    "close-delimited reject-stream-options reject-max-completion-tokens\n"
    "reject-max-tokens. Usage: plain cached cache_write reasoning audio all finish\n"
    "separate every absent x_groq deepseek flat_cached mistral_audio absurd cache_1h\n"
    "unattributed output_only changing searches tool_prompt duplicate inclusive.\n"
    "docs/simulate.md explains each.",
    options,
    COUNT_OF(options),
    "purser simulate\n"
    "purser simulate --first-token lognormal:300ms,0.5 --between-tokens 20ms --faults 429:0.05,cut:0.01\n"
    "curl -s http://127.0.0.1:9100/v1/chat/completions -d \\\n"
    "    '{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\"Ahoy! [simulate tokens=20]\"}]}'\n"
    "curl -s http://127.0.0.1:9100/simulate/truth",
};

/* "127.0.0.1:9100", "[::1]:9100", ":9100". */
static bool read_listen(const char *value, struct sim_options *o, char *host, size_t host_size)
{
    const char *colon = strrchr(value, ':');
    uint64_t port;
    if (!colon || !str_to_u64(str_from(colon + 1), &port) || port > UINT16_MAX) return false;
    str name = str_of(value, (size_t)(colon - value));
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']') name = str_of(name.p + 1, name.n - 2);
    if (!str_copy(host, host_size, name.n ? name : S("0.0.0.0"))) return false;
    o->host = host;
    o->port = (uint16_t)port;
    return true;
}

/* One option's value into `o`. Fails: false after complaining. */
static bool read_option(const struct options *line, int which, struct sim_options *o)
{
    int64_t n;
    str value = str_from(line->value);
    const char *expected = NULL;
    switch (which) {
    case OPTION_OUTPUT_TOKENS:
        if (!dist_parse_count(value, &o->output_tokens)) expected = "a count such as 32, 20..200 or lognormal:80,0.5";
        break;
    case OPTION_FIRST_TOKEN:
        if (!dist_parse_duration(value, &o->first_token))
            expected = "a time such as 300ms, 100ms..2s or lognormal:300ms,0.6";
        break;
    case OPTION_BETWEEN_TOKENS:
        if (!dist_parse_duration(value, &o->between_tokens))
            expected = "a time such as 20ms, 5ms..40ms or exponential:20ms";
        break;
    case OPTION_SEED:
        if (!str_to_u64(value, &o->seed)) expected = "a whole number";
        break;
    case OPTION_USAGE:
        if (!sim_usage_parse(value, &o->usage)) expected = "shapes such as cached,finish (see --help)";
        break;
    case OPTION_FAULTS:
        if (!sim_rates_parse(value, &o->rates)) expected = "faults and shares such as 429:0.05,cut:0.02 (see --help)";
        break;
    case OPTION_THREADS:
        if (!options_count(line, 1, SIM_THREADS_MAX, &n)) return false;
        o->threads = (unsigned)n;
        break;
    case OPTION_TRUTH_KEEP:
        if (!options_count(line, 1, 100 * 1000 * 1000, &n)) return false;
        o->truth_keep = (uint64_t)n;
        break;
    case OPTION_KEEP_REQUESTS:
        o->keep_requests = true;
        break;
    case OPTION_SERVICE_TIER:
        o->service_tier = line->value;
        break;
    case OPTION_REQUIRE_KEY:
        o->require_key = line->value;
        break;
    case OPTION_TLS_CERT:
        o->tls_cert = line->value;
        break;
    case OPTION_TLS_KEY:
        o->tls_key = line->value;
        break;
    default:
        break;
    }
    if (!expected) return true;
    options_complain(line, "'%s' is not what --%s takes; expected %s", line->value, options[which].name, expected);
    return false;
}

static int serve(const struct sim_options *o)
{
    struct buf why;
    buf_init(&why, 0);
    struct sim *s = sim_new(o, &why);
    if (!s) {
        fprintf(stderr, "purser simulate: %.*s\n", STR_ARG(buf_str(&why)));
        buf_free(&why);
        return EXIT_FAILED;
    }
    buf_free(&why);
    bool six = strchr(o->host, ':') != NULL;
    printf("simulated provider on %s://%s%s%s:%u/v1 (truth at /simulate/truth)\n", o->tls_cert ? "https" : "http",
           six ? "[" : "", o->host, six ? "]" : "", sim_port(s));
    fflush(stdout);
    sim_run(s);
    sim_drop(s);
    return EXIT_OK;
}

int cmd_simulate(int argc, char **argv)
{
    struct sim_options o;
    struct options line;
    char host[64];
    sim_options_default(&o);
    options_init(&line, &command, argc, argv);
    for (int got; (got = options_next(&line)) != OPT_END;) {
        if (got == OPT_STOP) return line.exit_code;
        if (got == OPT_ARGUMENT) {
            options_unexpected(&line);
            return EXIT_USAGE;
        }
        if (got == OPTION_LISTEN) {
            if (read_listen(line.value, &o, host, sizeof host)) continue;
            options_complain(&line, "'%s' is no address to listen on; expected HOST:PORT, such as 127.0.0.1:9100",
                             line.value);
            return EXIT_USAGE;
        }
        if (!read_option(&line, got, &o)) return EXIT_USAGE;
    }
    if (!o.tls_cert != !o.tls_key) {
        options_complain(&line, "--tls-cert and --tls-key belong together: give both or none");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    return serve(&o);
}
