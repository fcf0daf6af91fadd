/* Who is taken for a web page, and who is not. */
#include "help.h"

#include "net/http_origin.h"

static void who_is_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *host, *origin, *says, *target; /* says: NULL: not foreign; target: NULL: "/" */
    } cases[] = {
        {"127.0.0.1", "localhost:8400", NULL, NULL},
        {"127.0.0.1", "LOCALHOST", NULL, NULL},
        {"127.0.0.1", "gateway.localhost:8400", NULL, NULL},
        {"127.0.0.1", "127.0.0.1:8400", NULL, NULL},
        {"::1", "[::1]:8400", NULL, NULL},
        {"127.0.0.1", "evil.example:8400", NULL, "names another machine"},
        {"::1", "evil.example", NULL, "names another machine"},
        {"::ffff:127.0.0.1", "evil.example", NULL, "names another machine"}, /* a socket of both families */
        {"::ffff:127.0.0.1", "localhost:8400", NULL, NULL},
        {"::ffff:192.0.2.7", "gateway.example", NULL, NULL},
        {"127.0.0.1", "127.0.0.1.evil.example", NULL, "names another machine"},
        {"127.0.0.1", "localhost.evil.example", NULL, "names another machine"},
        {"192.0.2.7", "gateway.example", NULL, NULL}, /* by a name of its own, from elsewhere */
        {"127.0.0.1", "", NULL, NULL},
        {"192.0.2.7", "gateway.example", "https://gateway.example", NULL},
        {"192.0.2.7", "gateway.example", "https://evil.example", "another origin"},
        {"127.0.0.1", "localhost:8400", "http://localhost:3000", "another origin"},
        {"192.0.2.7", "gateway.example", "null", "another origin"},
        {"127.0.0.1", "localhost", NULL, "names another machine", "http://evil.example/v1"},
        {"127.0.0.1", "localhost", NULL, "names another machine", "http://evil.example"},
        {"127.0.0.1", "evil.example", NULL, NULL, "http://localhost:8400/v1"},
        {"127.0.0.1", "localhost", NULL, NULL, "/v1?to=http://evil.example/"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct http_head head;
        const char *why = NULL;
        arena_init(&arena);
        const char *origin = cases[i].origin;
        str text =
            arena_printf(&arena, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", cases[i].target ? cases[i].target : "/",
                         cases[i].host, origin ? "Origin: " : "", origin ? origin : "", origin ? "\r\n" : "");
        assert_int_equal(http1_read_request(text, &arena, &head, &why), ERR_NONE);
        struct http_request q = {.head = &head, .target = head.target, .peer = str_from(cases[i].peer)};
        str says = http_foreign(&q);
        if (!cases[i].says != !says.n || (says.n && str_find(says, str_from(cases[i].says), 0) == SIZE_MAX))
            fail_msg("case %zu: '%.*s'", i, STR_ARG(says));
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_foreign)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
