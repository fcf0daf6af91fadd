/* From a name to a connection: names that are looked up, addresses that hang or refuse. */
#include "client_rig.h"

#include "net/client_conn.h"

static void nobody_listens(void **state)
{
    (void)state;
    enum { CALLS = 3000 }; /* failing together they must not use up the stack */
    struct turner t;
    turner_init(&t);
    struct caller *a = calloc(CALLS, sizeof(*a));
    struct upstream *u = upstream_to(&t, "127.0.0.1", 1, 2);
    for (int i = 0; i < CALLS; i++) caller_get(&a[i], u);
    upstream_drop(u); /* while they run and wait */
    for (int i = 0; i < CALLS; i++) {
        TURN_UNTIL(&t, caller_over(&a[i]));
        assert_int_equal(a[i].err, ERR_PROVIDER_CONNECT);
        if (!strstr(a[i].why, "refused")) fail_msg("%s", a[i].why);
        caller_free(&a[i]);
    }
    free(a);
    turner_free(&t);
}

static void names(void **state)
{
    (void)state;
    struct provider p = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    struct turner t;
    provider_start(&p);
    turner_init(&t);
    struct upstream *u = upstream_to(&t, "localhost", p.port, 4); /* ::1 first, maybe: then the second address */
    struct caller a[2] = {0};
    for (int i = 0; i < 2; i++) {
        caller_get(&a[i], u);
        TURN_UNTIL(&t, caller_over(&a[i]));
        assert_int_equal(a[i].err, ERR_NONE);
        caller_free(&a[i]);
    }
    upstream_drop(u);
    u = upstream_to(&t, "no-such-host.invalid", p.port, 4);
    struct caller b[3] = {0};
    for (int i = 0; i < 3; i++) caller_get(&b[i], u);
    for (int i = 0; i < 3; i++) {
        TURN_UNTIL(&t, caller_over(&b[i]));
        assert_int_equal(b[i].err, ERR_PROVIDER_CONNECT);
        if (!strstr(b[i].why, "no-such-host.invalid")) fail_msg("%s", b[i].why);
        caller_free(&b[i]);
    }
    struct caller c = {0}; /* cancelled while its name is looked up */
    caller_get(&c, u);
    caller_free(&c);
    upstream_drop(u);
    turner_free(&t);
    provider_stop(&p);
}

/* ---- several addresses */

/* 127.0.0.`last`, where a connection hangs (`hang`) or is refused. */
struct nobody {
    int fd[8];
    size_t count;
    struct sockaddr_in at;
};

static void nobody_init(struct nobody *n, uint8_t last, bool hang)
{
    *n = (struct nobody){.at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last)}};
    socklen_t size = sizeof(n->at);
    int fd = n->fd[n->count++] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&n->at, size), 0);
    getsockname(fd, (struct sockaddr *)&n->at, &size);
    if (!hang) return;
    assert_int_equal(listen(fd, 0), 0);
    while (n->count < COUNT_OF(n->fd)) { /* its queue is full: what comes now is not answered */
        fd = n->fd[n->count++] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fd, (struct sockaddr *)&n->at, size);
    }
}

static void nobody_free(struct nobody *n)
{
    for (size_t i = 0; i < n->count; i++) close(n->fd[i]);
}

static void add_nobody(struct upstream *u, const struct nobody *n)
{
    struct resolver *r = &u->resolver;
    memcpy(&r->address[r->count], &n->at, sizeof(n->at));
    r->length[r->count++] = sizeof(n->at);
}

/* Addresses that hang (h) or refuse (r) stand in front of, or behind, the one that answers (a). */
static void other_addresses_are_tried(void **state)
{
    (void)state;
    static const struct {
        const char *addresses;
        bool works;
    } cases[] = {{"ra", true}, {"ha", true}, {"rha", true}, {"hra", true}, {"hhra", true}, {"rr", false}, {"ah", true}};
    struct nobody hang, refuse;
    nobody_init(&hang, 2, true);
    nobody_init(&refuse, 3, false);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rig r = {.provider = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"}};
        rig_begin(&r, 4);
        struct nobody answers;
        memcpy(&answers.at, &r.upstream->resolver.address[0], sizeof(answers.at));
        r.upstream->resolver.count = 0;
        for (const char *at = cases[i].addresses; *at; at++)
            add_nobody(r.upstream, *at == 'h' ? &hang : *at == 'r' ? &refuse : &answers);
        for (int n = 0; n < 2; n++) {
            struct caller a = {0};
            caller_get(&a, r.upstream);
            TURN_UNTIL(&r.turner, caller_over(&a));
            assert_int_equal(a.err, cases[i].works ? ERR_NONE : ERR_PROVIDER_CONNECT);
            caller_free(&a);
            struct sockaddr_in first; /* from then on without a detour */
            memcpy(&first, &r.upstream->resolver.address[0], sizeof(first));
            assert_true(!cases[i].works || first.sin_port == htons(r.provider.port));
        }
        struct caller gone = {0}; /* cancelled while several are tried */
        r.upstream->resolver.count = 0;
        add_nobody(r.upstream, &hang);
        add_nobody(r.upstream, &hang);
        add_nobody(r.upstream, &hang);
        caller_get(&gone, r.upstream);
        unsigned open = 0, idle;
        if (i == 0) TURN_UNTIL(&r.turner, (upstream_counts(r.upstream, &open, &idle), open == 3));
        caller_free(&gone);
        TURN_UNTIL(&r.turner, (upstream_counts(r.upstream, &open, &idle), open == 0));
        rig_end(&r);
    }
    nobody_free(&hang);
    nobody_free(&refuse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(names),
        cmocka_unit_test(other_addresses_are_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
