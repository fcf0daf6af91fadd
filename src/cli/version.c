#include "cli/version.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "price/price.h"

#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <uv.h>

int cmd_version(int argc, char **argv)
{
    static const struct command command = {
        "version", "", "Prints the version, and those of the libraries and the price book.", NULL, 0, "purser version"};
    struct options o;
    options_init(&o, &command, argc, argv);
    for (int got; (got = options_next(&o)) != OPT_END;) {
        if (got == OPT_STOP) return o.exit_code;
        options_unexpected(&o);
        return EXIT_USAGE;
    }
    struct price_book *book = price_book_new();
    char date[40];
    printf("purser %s\nprice book of %s, %zu prices\nlibuv %s, %s, SQLite %s\n", PURSER_VERSION,
           time_format_date(price_book_date(book), date).p, price_book_count(book), uv_version_string(),
           OpenSSL_version(OPENSSL_VERSION), sqlite3_libversion());
    price_book_drop(book);
    return EXIT_OK;
}
