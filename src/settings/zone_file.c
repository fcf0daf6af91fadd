/* Time zones of the machine's database, read once a name. */
#include "settings/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"
enum { ZONE_NAME_MAX = 64, ZONE_FILE_MAX = 64 * 1024, ZONE_LIST_MAX = 64 * 1024 };

/* A name, not a way out of the folder. */
static bool name_is_safe(str name)
{
    if (!name.n || name.n > ZONE_NAME_MAX || name.p[0] == '/' || str_find(name, S(".."), 0) != SIZE_MAX) return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("/_+-", c)) return false;
    }
    return true;
}

/* The file's bytes, at most `max`; false where it is no file that can be read. */
static bool read_zone_file(str name, size_t max, struct buf *out)
{
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX];
    snprintf(path, sizeof(path), ZONE_FOLDER "%" STR_FMT, STR_ARG(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    ssize_t n = -1;
    if (buf_reserve(out, max)) n = read(fd, out->p, max);
    close(fd);
    if (n <= 0) return false;
    out->n = (size_t)n;
    return true;
}

static struct zone *zone_open(str name)
{
    struct buf bytes;
    buf_init(&bytes, ZONE_FILE_MAX);
    struct zone *zone = read_zone_file(name, ZONE_FILE_MAX, &bytes) ? zone_new(buf_str(&bytes)) : NULL;
    buf_free(&bytes);
    return zone;
}

bool load_zone(struct loader *l, str name, const struct zone **out)
{
    struct settings *s = &l->s;
    *out = NULL;
    if (str_eq(name, S("UTC"))) return true;
    for (size_t i = 0; i < s->zone_count; i++) {
        if (!str_eq(s->zones[i].name, name)) continue;
        *out = s->zones[i].zone;
        return true;
    }
    struct zone *zone = name_is_safe(name) ? zone_open(name) : NULL;
    if (!zone) return false;
    if ((s->zone_count & (s->zone_count - 1)) == 0) { /* full: twice the room */
        struct setting_zone *zones = arena_alloc(&s->arena, (s->zone_count * 2 + 1) * sizeof(*zones));
        if (s->zone_count) memcpy(zones, s->zones, s->zone_count * sizeof(*zones));
        s->zones = zones;
    }
    s->zones[s->zone_count++] = (struct setting_zone){name, zone};
    *out = zone;
    return true;
}

str load_zone_suggestion(struct loader *l, str name)
{
    struct buf list; /* lines of country, coordinates, name, remark */
    buf_init(&list, ZONE_LIST_MAX);
    struct suggest near;
    suggest_init(&near, name);
    if (read_zone_file(S("zone1970.tab"), ZONE_LIST_MAX, &list)) {
        for (str rest = buf_str(&list); rest.p;) {
            str line = str_cut(&rest, '\n');
            if (line.n && line.p[0] == '#') continue;
            str_cut(&line, '\t');
            str_cut(&line, '\t');
            suggest_offer(&near, str_cut(&line, '\t'));
        }
    }
    str best = near.best.p ? arena_str(&l->scratch, near.best) : STR_NONE;
    buf_free(&list);
    return best;
}
