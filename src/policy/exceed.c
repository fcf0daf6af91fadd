#include "policy/exceed.h"

static const str names[] = {[ON_EXCEED_BLOCK] = STR_INIT("block"),
                            [ON_EXCEED_DEGRADE] = STR_INIT("degrade"),
                            [ON_EXCEED_DOWNGRADE] = STR_INIT("downgrade"),
                            [ON_EXCEED_ALERT] = STR_INIT("alert")};

str on_exceed_name(enum on_exceed e)
{
    return names[e];
}

bool on_exceed_find(str text, enum on_exceed *out, str *model)
{
    *model = text;
    str word = str_cut(model, ':');
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq(word, names[i])) continue;
        *out = (enum on_exceed)i;
        *model = str_trim(*model);
        /* A model stands behind this one word, and it must. */
        return i == ON_EXCEED_DOWNGRADE ? model->n > 0 : str_find_byte(text, ':', 0) == SIZE_MAX;
    }
    return false;
}

/* A limit of nothing is reached by whatever is spent. */
static bool reaches(int64_t spent, int64_t limit, uint16_t percent)
{
    return spent > 0 && (__int128)spent * 100 >= (__int128)limit * percent;
}

uint16_t budget_threshold_reached(const struct budget_thresholds *t, int64_t limit, int64_t before, int64_t after)
{
    for (size_t i = t->count; i-- > 0;) {
        if (reaches(after, limit, t->percent[i])) return reaches(before, limit, t->percent[i]) ? 0 : t->percent[i];
    }
    return 0;
}
