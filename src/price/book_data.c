/* The price book's bytes, put into the binary as they are in data/prices.csv. */
#include "price/book.h"

#include "base/embed.h"

EMBED(price_book_csv, "data/prices.csv");

extern const char price_book_csv[], price_book_csv_end[];

str price_book_data(void)
{
    /* cppcheck-suppress comparePointers ; two labels of one object */
    return str_of(price_book_csv, (size_t)(price_book_csv_end - price_book_csv));
}
