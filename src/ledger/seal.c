#include "ledger/seal.h"

#include "base/err.h"
#include "ledger/schema.h"

static inline void seal_text(struct seal *s, str text)
{
    seal_bytes(s, text.p, text.n);
}

int64_t row_checksum(const struct row *row)
{
    const struct row_numbers *n = &row->n;
    struct seal seal = {0};
#define INT(column, value, what)           seal_int(&seal, (int64_t)(value));
#define TEXT(column, id, what)             seal_text(&seal, row->text[id]);
#define NAME(column, value, what)          seal_text(&seal, value);
#define LATE(column, value, what)          seal_late(&seal, S(column), (int64_t)(value));
#define UNIT_COUNT_SEAL(unit, count, cost) seal_int(&seal, n->units[UNIT_##unit]);
#define UNIT_COST_SEAL(unit, count, cost)  seal_int(&seal, n->cost_by_unit[UNIT_##unit]);
#define UNITS()                            UNIT_COLUMNS(UNIT_COUNT_SEAL)
#define COSTS()                            UNIT_COLUMNS(UNIT_COST_SEAL)
#include "ledger/columns.def"
#undef INT
#undef TEXT
#undef NAME
#undef LATE
#undef UNITS
#undef COSTS
    seal_bytes(&seal, row->cells, row->cell_count * sizeof(*row->cells));
    seal_text(&seal, row->text[ROW_USAGE_RAW]);
    return seal_value(&seal);
}
