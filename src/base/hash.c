#include "base/hash.h"

static inline uint64_t rotl(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v; /* little-endian machines only; main() checks */
}

#define SIP_ROUND(v)                                                                                                   \
    do {                                                                                                               \
        v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);                                             \
        v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];                                                                    \
        v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];                                                                    \
        v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);                                             \
    } while (0)

uint64_t hash_sip(struct hash_key key, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t v[4] = {
        key.k0 ^ 0x736f6d6570736575u,
        key.k1 ^ 0x646f72616e646f6du,
        key.k0 ^ 0x6c7967656e657261u,
        key.k1 ^ 0x7465646279746573u,
    };
    size_t whole = n & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t m = load64(p + i);
        v[3] ^= m;
        SIP_ROUND(v);
        SIP_ROUND(v);
        v[0] ^= m;
    }
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = whole; i < n; i++) last |= (uint64_t)p[i] << (8 * (i - whole));
    v[3] ^= last;
    SIP_ROUND(v);
    SIP_ROUND(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) SIP_ROUND(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_in(const void *table, str s)
{
    uint64_t secret = (uint64_t)(uintptr_t)table;
    return hash_sip((struct hash_key){secret, ~secret}, s.p, s.n);
}

static inline uint64_t fold_product(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two runs side by side: neither waits for the other's product. */
static inline void take_block(struct hash_key key, const unsigned char *p, uint64_t run[2])
{
    run[0] = fold_product(load64(p) ^ key.k0, load64(p + 8) ^ run[0]);
    run[1] = fold_product(load64(p + 16) ^ key.k1, load64(p + 24) ^ run[1]);
}

uint64_t hash_text(struct hash_key key, const void *data, size_t n)
{
    enum { BLOCK = 32 };
    const unsigned char *p = data, *end = p + n;
    uint64_t run[2] = {key.k1 ^ n, key.k0 ^ 0x9e3779b97f4a7c15u};
    for (; end - p >= BLOCK; p += BLOCK) take_block(key, p, run);
    unsigned char last[BLOCK] = {0}; /* the length tells padding from text */
    if (p < end) memcpy(last, p, (size_t)(end - p));
    take_block(key, last, run);
    return fold_product(run[0] ^ key.k0, run[1] ^ key.k1);
}

static uint32_t crc32c_bytes(uint32_t crc, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & -(crc & 1));
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8) c = __builtin_ia32_crc32di(c, load64(p));
    for (; n; p++, n--) c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return (uint32_t)c;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_hardware(crc, p, n);
#endif
    return ~crc32c_bytes(crc, p, n);
}

uint64_t hash_fnv(str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h;
}
