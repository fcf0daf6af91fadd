/* A program that prints a secret: run without a shell, with a deadline and a ceiling. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "provider/credential.h"

extern char **environ;

enum { POLL_MS = 50, OUTPUT_MAX = 64 * 1024 };

/* stdin is empty, stderr is purser's own: what the program complains of stands in purser's log. */
static bool start(char *const *argv, int to, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, to, STDOUT_FILENO);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int problem = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return problem == 0;
}

static bool is_stopped(const bool *stop)
{
    return stop && __atomic_load_n(stop, __ATOMIC_ACQUIRE);
}

/* Reads to the end of the output. */
static const char *take(int from, int64_t until_us, const bool *stop, struct buf *out)
{
    for (;;) {
        if (is_stopped(stop)) return "purser stops";
        if (time_mono_us() > until_us) return "the command took too long";
        struct pollfd p = {.fd = from, .events = POLLIN};
        if (poll(&p, 1, POLL_MS) == 0) continue;
        if (!buf_reserve(out, 4096)) return "the command printed more than 64 kB";
        ssize_t n = read(from, out->p + out->n, 4096);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return NULL;
        out->n += (size_t)n;
    }
}

/* It may close its output and go on. */
static const char *reap(pid_t pid, int64_t until_us, const bool *stop, bool *gone)
{
    for (;;) {
        int status = 0;
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got < 0 && errno == EINTR) continue;
        *gone = got != 0;
        if (got < 0) return "the command's end was not seen";
        if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return NULL;
        if (got > 0) return WIFEXITED(status) ? "the command failed" : "the command was killed";
        if (is_stopped(stop)) return "purser stops";
        if (time_mono_us() > until_us) return "the command took too long";
        usleep(2000);
    }
}

const char *command_run(char *const *argv, int64_t timeout_us, const bool *stop, struct buf *out)
{
    int ends[2];
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe for the command";
    out->max = OUTPUT_MAX;
    bool started = start(argv, ends[1], &pid);
    close(ends[1]);
    if (!started) {
        close(ends[0]);
        return "the command cannot be started";
    }
    int64_t until_us = time_mono_us() + timeout_us;
    bool gone = false;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const char *why = take(ends[0], until_us, stop, out);
    if (!why) why = reap(pid, until_us, stop, &gone);
    close(ends[0]);
    if (!gone) {
        kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    return why;
}
