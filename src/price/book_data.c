/* The price book's bytes, put into the binary as they are in data/prices.csv. */
#include "price/book.h"

/* Relative to the project's root, where make runs. */
__asm__(".section .rodata\n"
        ".global price_book_csv\n"
        ".global price_book_csv_end\n"
        "price_book_csv:\n"
        ".incbin \"data/prices.csv\"\n"
        "price_book_csv_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char price_book_csv[], price_book_csv_end[];

str price_book_data(void)
{
    /* cppcheck-suppress comparePointers ; two labels of one object */
    return str_of(price_book_csv, (size_t)(price_book_csv_end - price_book_csv));
}
