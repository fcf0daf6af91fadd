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
    static const struct option options[] = {OPTION_FORMAT};
    static const struct command command = {
        "version", "[options]",       "Prints the version, and those of the libraries and the price book.",
        options,   COUNT_OF(options), "purser version"};
    struct options o;
    enum output_format format = OUTPUT_TABLE;
    const struct option_to to[] = {{.format = &format}};
    options_init(&o, &command, argc, argv);
    if (!options_read(&o, to, NULL)) return o.exit_code;
    struct price_book *book = price_book_new();
    char text[40];
    const char *date = time_format_date(price_book_date(book), text).p, *uv = uv_version_string(),
               *openssl = OpenSSL_version(OPENSSL_VERSION), *sqlite = sqlite3_libversion();
    size_t prices = price_book_count(book);
    if (format == OUTPUT_JSON) {
        printf("{\"version\": \"%s\", \"price_book\": \"%s\", \"prices\": %zu, \"libuv\": \"%s\", \"openssl\": \"%s\", "
               "\"sqlite\": \"%s\"}\n",
               PURSER_VERSION, date, prices, uv, openssl, sqlite);
    } else if (format == OUTPUT_CSV) {
        printf("version,price_book,prices,libuv,openssl,sqlite\n%s,%s,%zu,%s,%s,%s\n", PURSER_VERSION, date, prices, uv,
               openssl, sqlite);
    } else {
        printf("purser %s\nprice book of %s, %zu prices\nlibuv %s, %s, SQLite %s\n", PURSER_VERSION, date, prices, uv,
               openssl, sqlite);
    }
    price_book_drop(book);
    return EXIT_OK;
}
