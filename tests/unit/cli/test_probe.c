/* purser providers check: what an answer says of a provider, in every family's shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/probe_read.h"

struct answer_row {
    int status;
    const char *body;
    enum probe_answer authorised;
    int64_t models;
    bool more, ok;
    const char *why;
};

static const struct answer_row rows[] = {
    {200, "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", PROBE_YES, 2, false, true, ""},
    {200, "{\"data\":[{}],\"has_more\":true,\"last_id\":\"x\"}", PROBE_YES, 1, true, true, ""},
    {200, "{\"models\":[{},{},{}],\"nextPageToken\":\"t\"}", PROBE_YES, 3, true, true, ""},
    {200, "{\"models\":[{}],\"next_page_token\":\"\"}", PROBE_YES, 1, false, true, ""},
    {200, "{\"modelSummaries\":[{},{}]}", PROBE_YES, 2, false, true, ""},
    {200, "{\"publisherModels\":[{}]}", PROBE_YES, 1, false, true, ""},
    {200, "[{},{}]", PROBE_YES, 2, false, true, ""},
    {200, "{\"choices\":[]}", PROBE_YES, -1, false, true, ""},
    {200, "<html>", PROBE_YES, -1, false, true, "its answer is no JSON: is that its address?"},
    {401, "{\"error\":{\"message\":\"Incorrect API key\"}}", PROBE_NO, -1, false, false, "HTTP 401: Incorrect API key"},
    {401, "{\"error\":{\"message\":\"key secret-of-mine is wrong\"}}", PROBE_NO, -1, false, false, "HTTP 401"},
    {401, "{\"detail\":\"Unauthorized\"}", PROBE_NO, -1, false, false, "HTTP 401: Unauthorized"},
    {403, "{\"message\":\"The security token is invalid\"}", PROBE_NO, -1, false, false,
     "HTTP 403: The security token is invalid"},
    {400, "[{\"error\":{\"code\":400,\"message\":\"API key not valid.\"}}]", PROBE_NO, -1, false, false,
     "HTTP 400: API key not valid."},
    {400, "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API key provided\"}", PROBE_NO, -1, false, false,
     "HTTP 400: Incorrect API key provided"},
    {400, "{\"error\":\"no such thing\"}", PROBE_UNKNOWN, -1, false, false, "HTTP 400: no such thing"},
    {404, "not here", PROBE_UNKNOWN, -1, false, true, "has no list of models at that address (HTTP 404)"},
    {429, "{}", PROBE_YES, -1, false, true, "HTTP 429"},
    {302, "", PROBE_UNKNOWN, -1, false, false, "HTTP 302"},
    {500, "", PROBE_UNKNOWN, -1, false, false, "HTTP 500"},
};

static void answers(void **state)
{
    (void)state;
    struct provider_secret secret = {.key = S("secret-of-mine")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe p = {.asked = true, .reachable = PROBE_YES, .status = rows[i].status, .models = -1};
        probe_read(&p, str_from(rows[i].body), &secret);
        assert_string_equal(p.why, rows[i].why);
        assert_int_equal(p.authorised, rows[i].authorised);
        assert_int_equal(p.models, rows[i].models);
        assert_int_equal(p.more_models, rows[i].more);
        assert_int_equal(probe_ok(&p), rows[i].ok);
    }
}

static void not_asked(void **state)
{
    (void)state;
    struct probe p = {.reachable = PROBE_YES, .status = 200};
    assert_false(probe_ok(&p));
    p.asked = true;
    assert_true(probe_ok(&p));
    p.reachable = PROBE_NO;
    assert_false(probe_ok(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
