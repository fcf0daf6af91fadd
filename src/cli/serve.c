/* purser serve: the gateway itself. */
#include "admin/admin.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "flow/purser.h"
#include "flow/runtime.h"

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct option options_table[] = {
    OPTION_CONFIG,
    {"help-settings", NULL, "print all settings with their defaults and meanings"},
};

static const struct command command = {
    "serve",
    "[options]",
    "Runs the gateway until SIGTERM or SIGINT (calls in flight are finished first).\n"
    "SIGHUP reads the settings anew, all or nothing.",
    options_table,
    COUNT_OF(options_table),
    "purser serve --config purser.yaml",
};

static void print_report(const struct settings_report *report)
{
    if (report->warnings.n) fwrite(report->warnings.p, 1, report->warnings.n, stderr);
    if (report->errors.n) fwrite(report->errors.p, 1, report->errors.n, stderr);
}

static void complain(struct buf *why)
{
    buf_add_byte(why, '\0');
    fprintf(stderr, "purser serve: %s\n", why->n > 1 ? why->p : "cannot start");
}

/* Thousands of streams want thousands of descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before any other thread runs. What somebody has set himself stays. */
static void widen_pool(void)
{
    char count[16];
    snprintf(count, sizeof(count), "%d", ADMIN_POOL_THREADS);
    setenv("UV_THREADPOOL_SIZE", count, 0);
}

static void announce(const struct settings *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        const struct setting_listener *l = &s->listeners[i];
        if (str_starts(l->host, S("unix:"))) {
            printf("purser listens on %" STR_FMT "\n", STR_ARG(l->host));
            continue;
        }
        bool v6 = str_find_byte(l->host, ':', 0) != SIZE_MAX;
        printf("purser listens on %s%s%" STR_FMT "%s:%u\n", l->tls_cert.n ? "https://" : "http://", v6 ? "[" : "",
               STR_ARG(l->host), v6 ? "]" : "", l->port);
    }
    fflush(stdout);
}

/* Segments are made ahead by the ledger's own thread: a moment later there is one, or never. */
static void warn_if_not_ready(const struct purser *p, const struct settings *s)
{
    for (int i = 0; i < 200 && !purser_ready(p); i++) usleep(10 * 1000);
    if (purser_ready(p)) return;
    fprintf(stderr,
            "purser: the journal in '%" STR_FMT "' has no room, so calls are refused until it has: is its disk full? "
            "It needs 16 MB for each worker.\n",
            STR_ARG(s->data));
}

static void reload(struct purser *p)
{
    struct buf why;
    buf_init(&why, 0);
    if (purser_reload(p, &why)) {
        if (why.n) fwrite(why.p, 1, why.n, stderr);
        fprintf(stderr, "purser: settings reloaded\n");
    } else {
        buf_add_byte(&why, '\0');
        fprintf(stderr, "purser: settings NOT reloaded, the old ones stay:\n%s", why.p);
    }
    buf_free(&why);
}

static void wait_for_signals(struct purser *p, const sigset_t *signals)
{
    for (;;) {
        int got = 0;
        if (sigwait(signals, &got) != 0) continue;
        if (got == SIGHUP) {
            reload(p);
            continue;
        }
        fprintf(stderr, "purser: stopping; calls in flight are finished first (again to cut them off)\n");
        return;
    }
}

/* Of the binary and its libraries: relocations, names of symbols, the price book's text.
 * Lets their pages go, two of ten megabytes; one that is read again comes back by itself
 * from the file. Not code: breakpoints and probes are changes to it that would be lost. */
static int forget_read_only(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || part->p_flags != PF_R) continue;
        uintptr_t from = (object->dlpi_addr + part->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t to = (object->dlpi_addr + part->p_vaddr + part->p_filesz) & ~(page - 1);
        if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
    }
    (void)arg;
    return 0;
}

/* What only the start needed. */
static void forget_start(void)
{
    mem_trim(); /* reading the settings */
    dl_iterate_phdr(forget_read_only, NULL);
}

static int run(struct settings *settings, const char *file)
{
    struct buf why;
    buf_init(&why, 0);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by every thread: only this one takes them */
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    widen_pool();
    struct purser *p = purser_open(settings, file, &why);
    struct admin *admin = p ? admin_new(p, &why) : NULL;
    if (!admin || !purser_start(p, &why)) {
        complain(&why);
        buf_free(&why);
        if (admin) admin_drop(admin);
        if (p)
            purser_drop(p);
        else
            settings_drop(settings);
        return EXIT_FAILED;
    }
    admin_first_start(admin, stdout);
    announce(settings);
    admin_start(admin);
    warn_if_not_ready(p, settings);
    forget_start();
    wait_for_signals(p, &signals);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* a second signal ends it at once: the journal makes that safe */
    purser_stop(p);
    admin_drop(admin);
    purser_drop(p);
    buf_free(&why);
    return EXIT_OK;
}

int cmd_serve(int argc, char **argv)
{
    const char *file = NULL;
    bool help = false;
    struct options o;
    const struct option_to to[] = {{.text = &file}, {.flag = &help}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    if (help) {
        struct buf out;
        buf_init(&out, 0);
        settings_help(false, &out);
        fwrite(out.p, 1, out.n, stdout);
        buf_free(&out);
        return EXIT_OK;
    }
    struct settings_report report = {0};
    struct settings *settings = runtime_load(file, false, &report);
    print_report(&report);
    settings_report_free(&report);
    if (!settings) return EXIT_FAILED;
    return run(settings, file);
}
