#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Every scalar value there is, written and read back. */
static void encodes_every_rune(void **state)
{
    (void)state;
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        if (rune >= 0xd800 && rune <= 0xdfff) continue;
        char out[5] = {0};
        size_t n = utf8_encode(rune, out);
        size_t expected = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
        if (n != expected || utf8_char_len(str_of(out, n)) != n) fail_msg("U+%04X", rune);
        for (size_t cut = 0; cut < n; cut++) {
            if (utf8_char_len(str_of(out, cut)) != 0) fail_msg("U+%04X cut off at %zu", rune, cut);
        }
        uint32_t back = n == 1 ? (unsigned char)out[0] : (unsigned char)out[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) back = back << 6 | ((unsigned char)out[i] & 0x3f);
        if (back != rune) fail_msg("U+%04X came back as U+%04X", rune, back);
    }
}

/* Every sequence of four bytes out of those at which the rules turn: valid exactly
 * where decoding it by arithmetic gives a scalar value in its shortest form. */
static size_t judge(const unsigned char *b)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (b[0] < 0x80) return 1;
    size_t n = b[0] >= 0xf8 ? 0 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc0 ? 2 : 0;
    if (!n) return 0;
    uint32_t rune = b[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (b[i] >> 6 != 2) return 0;
        rune = rune << 6 | (b[i] & 0x3f);
    }
    return rune < least[n] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff) ? 0 : n;
}

static void judges_every_turn(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned lead = 0; lead < 256; lead++) {
        for (size_t i = 0; i < COUNT_OF(tails) * COUNT_OF(tails) * COUNT_OF(tails); i++) {
            unsigned char b[4] = {(unsigned char)lead, tails[i % COUNT_OF(tails)],
                                  tails[i / COUNT_OF(tails) % COUNT_OF(tails)],
                                  tails[i / COUNT_OF(tails) / COUNT_OF(tails)]};
            size_t n = utf8_char_len(str_of((const char *)b, 4));
            if (n != judge(b)) fail_msg("%02x %02x %02x %02x: %zu", b[0], b[1], b[2], b[3], n);
        }
    }
    assert_int_equal(utf8_char_len(STR_NONE), 0);
}

static void validates_texts(void **state)
{
    (void)state;
    assert_true(utf8_valid(S("")));
    assert_true(utf8_valid(S("plain, \xc3\xa9, \xe4\xb8\xad, \xf0\x9f\x98\x80, \0, \x7f")));
    assert_false(utf8_valid(S("\xe4\xb8\xad\xe4\xb8")));
    assert_false(utf8_valid(S("a\x80")));
    assert_false(utf8_valid(S("\xc3\xa9\xed\xa0\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_every_rune),
        cmocka_unit_test(judges_every_turn),
        cmocka_unit_test(validates_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
