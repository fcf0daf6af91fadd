/* Budgets' counters, posted to as purser posts to them: company, each team and the support bot by the month; each user
 * of today, whose window is still open. Earlier days of users are over: purser would have forgotten them. */
#include "past.h"

#include <stdio.h>
#include <stdlib.h>

enum { MONTHS = 40, COMPANY = PAST_KEYS, BOT };

struct past_cells {
    uint64_t key[MONTHS][BOT + 1]; /* by month, then team (its first key's place), company, bot; 0: not named yet */
    __int128 spent[MONTHS][BOT + 1];
    int64_t start_us[MONTHS];
    size_t months;
    int64_t today_us;
    unsigned char *users; /* a bit for each whose counter of today is named */
};

struct past_cells *past_cells_new(void)
{
    return mem_zalloc(sizeof(struct past_cells));
}

void past_cells_drop(struct past_cells *c)
{
    if (c) free(c->users);
    free(c);
}

static bool name_cell(struct past *p, const char *budget, str value, int64_t start_us, uint64_t *key)
{
    *key = budgets_cell_key(p->budgets, str_from(budget), value, start_us);
    const struct record_cell cell = {.key = *key,
                                     .window_start_us = start_us,
                                     .budget = str_from(budget),
                                     .value = value};
    return store_cell(p->store, &cell);
}

static size_t month_of(struct past_cells *c, int64_t at_us)
{
    const struct window month = {.kind = WINDOW_MONTH};
    size_t last = c->months - 1;
    if (c->months && at_us >= c->start_us[last]) {
        if (at_us < c->start_us[last] + 28 * US_PER_DAY || window_start(&month, at_us) == c->start_us[last])
            return last;
    } else {
        for (size_t i = c->months; i-- > 0;) /* an attempt of before, written late */
            if (at_us >= c->start_us[i]) return i;
    }
    if (c->months < MONTHS) c->start_us[c->months++] = window_start(&month, at_us);
    return c->months - 1;
}

static size_t team_of(str team)
{
    size_t i = 0;
    while (i + 1 < PAST_KEYS && !str_eq(team, str_from(past_keys[i].team))) i++;
    return i;
}

static bool add_month(struct past *p, struct row *row, const char *budget, str value, size_t which)
{
    struct past_cells *c = p->cells;
    size_t month = month_of(c, row->n.at_us);
    uint64_t *key = &c->key[month][which];
    if (!*key && !name_cell(p, budget, value, c->start_us[month], key)) return false;
    row->cells[row->cell_count++] = (struct ledger_cell){*key, row->n.cost_picousd};
    c->spent[month][which] += row->n.cost_picousd;
    return true;
}

/* Of users with a plain name, "customer-000123", whose number is a bit's. */
static bool add_user(struct past *p, struct row *row)
{
    struct past_cells *c = p->cells;
    str user = row->text[ROW_USER];
    uint64_t number, key;
    char value[64];
    if (row->n.at_us < c->today_us || !str_starts(user, S("customer-")) || !str_to_u64(str_from_at(user, 9), &number))
        return true;
    int n = snprintf(value, sizeof(value), "user=%.*s", (int)user.n, user.p);
    key = budgets_cell_key(p->budgets, S("each-user"), str_of(value, (size_t)n), c->today_us);
    unsigned char *bits = &c->users[number / 8], bit = (unsigned char)(1 << number % 8);
    if (!(*bits & bit) && !name_cell(p, "each-user", str_of(value, (size_t)n), c->today_us, &key)) return false;
    *bits |= bit;
    row->cells[row->cell_count++] = (struct ledger_cell){key, row->n.cost_picousd};
    return true;
}

bool past_cells_fill(struct past *p, struct row *row)
{
    struct past_cells *c = p->cells;
    char value[64];
    str team = row->text[ROW_TEAM];
    if (!c->users) {
        c->users = mem_zalloc((size_t)p->ask.users / 8 + 2);
        c->today_us = time_floor_us(p->ask.until_us, US_PER_DAY);
    }
    int n = snprintf(value, sizeof(value), "team=%.*s", (int)team.n, team.p);
    bool bot = str_eq(row->text[ROW_FEATURE], S("support-bot"));
    return add_month(p, row, "company", S(""), COMPANY) &&
           add_month(p, row, "each-team", str_of(value, (size_t)n), team_of(team)) &&
           (!bot || add_month(p, row, "support-bot", S(""), BOT)) && add_user(p, row);
}

__int128 past_cells_spent(const struct past *p, const char *team)
{
    const struct past_cells *c = p->cells;
    if (!c->months) return 0;
    const __int128 *spent = c->spent[c->months - 1];
    return strcmp(team, "company") == 0 ? spent[COMPANY] : *team ? spent[team_of(str_from(team))] : spent[BOT];
}
