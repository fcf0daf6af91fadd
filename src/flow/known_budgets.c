#include "flow/known_budgets.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

/* A line each: "since_us name". */
struct known_budgets {
    struct buf text;
};

static void path_in(str dir, const char *name, char out[4096])
{
    snprintf(out, 4096, "%" STR_FMT "/%s", STR_ARG(dir), name);
}

struct known_budgets *known_budgets_load(str dir)
{
    struct known_budgets *k = mem_zalloc(sizeof(*k));
    char path[4096];
    buf_init(&k->text, FILE_MAX);
    path_in(dir, "budgets.since", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return k;
    for (;;) {
        if (!buf_reserve(&k->text, 4096)) break;
        ssize_t n = read(fd, k->text.p + k->text.n, k->text.cap - k->text.n);
        if (n <= 0) break;
        k->text.n += (size_t)n;
    }
    close(fd);
    return k;
}

void known_budgets_drop(struct known_budgets *k)
{
    buf_free(&k->text);
    free(k);
}

int64_t known_budgets_since(const struct known_budgets *k, str cells)
{
    str rest = buf_str(&k->text);
    while (rest.n) {
        str name = str_cut(&rest, '\n');
        str since = str_cut(&name, ' ');
        int64_t since_us;
        if (name.p && str_eq(name, cells) && str_to_i64(since, &since_us)) return since_us;
    }
    return INT64_MAX;
}

bool known_budgets_trusted(const struct known_budgets *k, const struct budget_rule *rule, int64_t now_us)
{
    int64_t from_us = rule->window.kind == WINDOW_ROLLING
                          ? now_us - rule->window.rolling_us - window_step_us(&rule->window)
                          : window_start(&rule->window, now_us);
    return known_budgets_since(k, rule->cells) <= from_us;
}

bool known_budgets_store(struct known_budgets *k, str dir, const struct budget_rule *rules, size_t count,
                         int64_t now_us)
{
    struct buf text;
    char path[4096], temporary[4096];
    buf_init(&text, FILE_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t since_us = known_budgets_since(k, rules[i].cells);
        buf_printf(&text, "%lld %" STR_FMT "\n", (long long)(since_us == INT64_MAX ? now_us : since_us),
                   STR_ARG(rules[i].cells));
    }
    path_in(dir, "budgets.since", path);
    path_in(dir, "budgets.since.new", temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && !text.overflow && write(fd, text.p ? text.p : "", text.n) == (ssize_t)text.n;
    if (fd >= 0) ok = fdatasync(fd) == 0 && close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    buf_free(&k->text);
    k->text = text;
    return ok;
}
