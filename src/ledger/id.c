#include "ledger/id.h"

#include "base/text.h"

str id_format(uint64_t id, char out[ID_TEXT + 1])
{
    size_t n = text_hex64(out, id);
    out[n] = '\0';
    return str_of(out, n);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool id_parse_prefix(str s, uint64_t *from, uint64_t *until)
{
    uint64_t id = 0;
    if (s.n == 0 || s.n > ID_TEXT) return false;
    for (size_t i = 0; i < s.n; i++) {
        int digit = digit_of(s.p[i]);
        if (digit < 0) return false;
        id = id << 4 | (uint64_t)digit;
    }
    unsigned open = 4 * (ID_TEXT - (unsigned)s.n); /* bits that the digits leave open: at most 60 */
    *from = id << open;
    *until = *from | ((UINT64_C(1) << open) - 1);
    return true;
}

bool id_parse(str s, uint64_t *out)
{
    uint64_t until;
    return s.n == ID_TEXT && id_parse_prefix(s, out, &until);
}
