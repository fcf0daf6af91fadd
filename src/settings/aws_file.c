/* AWS's own files, as far as purser needs them: who signs, and in which region. */
#include <fcntl.h>
#include <unistd.h>

#include "settings/load.h"

enum { AWS_FILE_MAX = 256 * 1024 };

str load_file(struct loader *l, str file)
{
    str name = arena_str(&l->scratch, file);
    int fd = open(name.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return STR_NONE;
    struct buf text;
    ssize_t n = 0;
    buf_init(&text, AWS_FILE_MAX);
    while (buf_reserve(&text, 4096) && (n = read(fd, text.p + text.n, 4096)) > 0) text.n += (size_t)n;
    close(fd);
    str out = n == 0 ? arena_str(&l->scratch, buf_str(&text)) : STR_NONE;
    buf_free(&text);
    return out;
}

static str env_of(struct loader *l, str name)
{
    return l->env ? str_trim(l->env(name)) : STR_NONE;
}

str load_aws_file(struct loader *l, str variable, const char *name)
{
    str set = env_of(l, variable);
    if (set.n) return arena_str(&l->s.arena, set);
    str home = env_of(l, S("HOME"));
    return home.n ? arena_printf(&l->s.arena, "%" STR_FMT "/.aws/%s", STR_ARG(home), name) : STR_NONE;
}

str load_aws_profile(struct loader *l, str set)
{
    if (!set.n) set = env_of(l, S("AWS_PROFILE"));
    return arena_str(&l->s.arena, set.n ? set : S("default"));
}

str load_aws_region(struct loader *l, str profile)
{
    str region = profile.n ? STR_NONE : env_of(l, S("AWS_REGION"));
    if (!region.n && !profile.n) region = env_of(l, S("AWS_DEFAULT_REGION"));
    if (region.n) return arena_str(&l->s.arena, region);
    str file = load_aws_file(l, S("AWS_CONFIG_FILE"), "config");
    str text = file.n ? load_file(l, file) : STR_NONE;
    str name = load_aws_profile(l, profile);
    if (!str_eq(name, S("default"))) name = arena_printf(&l->scratch, "profile %" STR_FMT, STR_ARG(name));
    if (text.p) region = ini_find(text, name, S("region"));
    if (!region.n) region = env_of(l, S("AWS_REGION")); /* a profile without a region of its own */
    return arena_str(&l->s.arena, region);
}
