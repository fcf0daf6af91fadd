// `purser tokens` against the npm tokenizer: equal counts on ten thousand mixed texts, made from a seed, in both
// encodings. TOKENS_SEED=n makes others, TOKENS_TEXTS=n more or fewer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { bin, root, sanitized, tempDir } from './helpers.mjs';

const ranks = join(root, 'tools/ranks/node_modules/gpt-tokenizer');
const skip = existsSync(ranks) ? false : 'no rank files (scripts/install fetches them)';
const seed = Number(process.env.TOKENS_SEED ?? 20250101);
const wanted = Number(process.env.TOKENS_TEXTS ?? (sanitized ? 1000 : 10000));
const ordinary = { allowedSpecial: new Set(), disallowedSpecial: new Set() };

function tokens(args, input) {
    const r = spawnSync(bin, ['tokens', ...args], { input, encoding: 'utf8', maxBuffer: 1 << 28, env: { PATH: process.env.PATH } });
    return { ...r, rows: r.status === 0 && args.includes('json') ? JSON.parse(r.stdout) : undefined };
}

// ---- texts

/** xorshift32 */
function random(state) {
    return (below) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % below;
    };
}

const sources = ['src/base/json_parse.c', 'src/flow/hold.c', 'README.md', 'scripts/install', 'tests/e2e/helpers.mjs'];
const prose = [
    'Don’t you think it’s odd that WE\'LL, we\'ve and they\'RE all end alike? I\'d say I\'M not sure; she\'s, SHE\'S.',
    'Le cœur a ses raisons que la raison ne connaît point. Übermäßig größer, naïve façade, Ærøskøbing, Łódź, İstanbul.',
    'Съешь же ещё этих мягких французских булок, да выпей чаю. Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία.',
    '我能吞下玻璃而不伤身体。私はガラスを食べられます。それは私を傷つけません。나는 유리를 먹을 수 있어요. 그래도 아프지 않아요',
    'أنا قادر على أكل الزجاج و هذا لا يؤلمني. אני יכול לאכול זכוכית וזה לא מזיק לי. من می توانم بدونِ احساس درد شيشه بخورم',
    'मैं काँच खा सकता हूँ और मुझे उससे कोई चोट नहीं पहुंचती. ฉันกินกระจกได้ แต่มันไม่ทำให้ฉันเจ็บ Tôi có thể ăn thủy tinh mà không hại gì.',
];
const emoji = ['👩‍👩‍👧‍👦', '👍🏽', '🏳️‍🌈', '❤️', '🇩🇪🇫🇷', '😀', '🧑🏿‍🚀', '1️⃣', '☕', '🫠'];
const spaces = [' ', '  ', '\t', '\n', '\r\n', '\r', '\u00a0', '\u2003', '\u3000', '\u2028', '\u0085', '\v', '\f', ' \n ', '\u200b'];
const marks = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'.split('');
const special = ['<|endoftext|>', '<|im_start|>', '<|fim_prefix|>', '<|endofprompt|>'];
const endings = ["'s", "'S", "'ll", "'LL", "'lL", "'ve", "'Re", "'d", "'M", "'t", "'x", "''s", '’s', "'ſ"];
const mixed = ['HTMLParser', 'camelCaseName', 'SCREAMING_CASE', 'ǅungla', 'ʰʷA', 'aʰB', 'A\u0301e\u0301', '\u0301\u0301x', 'ªº', '中A文a', 'ßẞ', 'ⅣⅤ', '٣٤٥٦', '½²'];

/** Until Node and we know the same Unicode: only what its version has, and not what changed its category. And no byte
 * order marks: the npm package loses the tokens that begin with one while it reads the ranks (its TextDecoder eats it),
 * where OpenAI's own file has, say, 5574 for a mark alone. */
const known = (text) => text.replace(/[\p{Cn}\u0295\ufeff]/gu, '?');

function makers(r) {
    const pick = (list) => list[r(list.length)];
    const code = sources.map((file) => readFileSync(join(root, file), 'utf8'));
    const cut = (text, most) => [...text.slice(r(text.length), undefined)].slice(0, r(most)).join('');
    const many = (make, most) => Array.from({ length: r(most) + 1 }, make).join('');
    const point = () => {
        const c = r(3) ? r(0x3000) : r(2) ? r(0x10000) : r(0x20000);
        return c >= 0xd800 && c < 0xe000 ? '\ufffd' : String.fromCodePoint(c);
    };
    const bytes = () => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from({ length: r(200) }, () => r(256)));
    const word = () => many(() => String.fromCharCode((r(4) ? 97 : 65) + r(26)), 9);
    const all = [
        () => cut(pick(code), 800),
        () => cut(pick(prose), 120),
        () => many(() => pick(emoji) + (r(3) ? '' : ' '), 20),
        () => many(() => pick(spaces), 30),
        () => many(() => pick(marks), 30),
        () => many(() => word() + pick(endings) + pick(spaces), 20),
        () => many(() => pick(mixed) + (r(2) ? pick(spaces) : ''), 15),
        () => many(() => String(r(10 ** (1 + r(9)))) + pick(marks), 10),
        () => many(point, 60),
        bytes,
        () => pick(special),
        () => pick(['a', ' ', 'ab', 'A', '中', '\n', '=', '0', 'aA', ' a', '\u0301', '👍']).repeat(r(r(10) ? 60 : 700) + 1),
        () => many(word, 40),
        () => many(() => word() + ' ', 40),
        () => JSON.stringify({ [word()]: word(), list: [r(1000), r(2) > 0, null, word()] }, null, r(3)),
    ];
    return () => known(many(() => pick(all)(), 6));
}

function makeTexts() {
    const make = makers(random(seed));
    const texts = ['', ' ', '\n', "'", '\ufffd', 'a'.repeat(3000), ' '.repeat(3000), '中'.repeat(1000), 'ab'.repeat(2000), 'aB'.repeat(9000)];
    while (texts.length < wanted) texts.push(make());
    return texts;
}

test('counts are those of the npm tokenizer', { skip, timeout: 300_000 }, async () => {
    const dir = tempDir('purser-tokens');
    const texts = makeTexts();
    const files = texts.map((text, i) => (writeFileSync(join(dir, `${i}`), text), join(dir, `${i}`)));
    for (const encoding of ['o200k', 'cl100k']) {
        const npm = await import(join(ranks, `esm/encoding/${encoding}_base.js`));
        for (let from = 0; from < files.length; from += 1000) {
            const r = tokens(['--encoding', encoding, '--format', 'json', ...files.slice(from, from + 1000)]);
            assert.equal(r.status, 0, r.stderr);
            r.rows.forEach((row, k) => {
                const text = texts[from + k];
                assert.equal(row.count, 'exact');
                assert.equal(row.tokens, npm.countTokens(text, ordinary), `${encoding}, text ${from + k}: ${JSON.stringify(text.slice(0, 2000))}`);
            });
        }
    }
});

test('byte order marks are those of the rank file', { skip }, () => {
    assert.equal(tokens(['--format', 'json'], '\ufeff').rows[0].tokens, 1);
    assert.equal(tokens(['--format', 'json'], '\ufeffusing').rows[0].tokens, 1);
});

test('a word of a megabyte is counted in linear time', { skip }, () => {
    // under a second each on a machine at rest; merging without care would take hours
    for (const unit of ['a', ' ', 'ab', 'A', '中', '=', '\u0301', 'aB', 'é', '\n', '0']) {
        const input = unit.repeat(Math.ceil(1_000_000 / Buffer.byteLength(unit)));
        const began = Date.now();
        const [row] = tokens(['--format', 'json'], input).rows;
        assert.ok(row.tokens > 0 && row.tokens <= row.bytes);
        assert.ok(Date.now() - began < 60_000, `${JSON.stringify(unit)} took ${Date.now() - began} ms`);
    }
});

test('says whether it is exact, and takes its text from anywhere', { skip }, () => {
    const json = ['--format', 'json'];
    assert.deepEqual(tokens(json, 'hello').rows, [
        { file: '(standard input)', model: '', encoding: 'o200k_base', bytes: 5, tokens: 1, count: 'exact' },
    ]);
    assert.equal(tokens(['--model', 'gpt-4', ...json], 'hello').rows[0].encoding, 'cl100k_base');
    assert.equal(tokens(['--model', 'openai/gpt-5-mini', ...json], 'hello').rows[0].encoding, 'o200k_base');
    const claude = tokens(['--model', 'claude-sonnet-4-5', ...json], 'hello there').rows[0];
    assert.equal(claude.count, 'estimate');
    assert.ok(claude.tokens >= 2 && claude.tokens <= 4);
    assert.equal(tokens(['--format', 'csv'], 'hi').stdout, 'file,model,encoding,bytes,tokens,count\n(standard input),,o200k_base,2,1,exact\n');
    assert.match(tokens(['--encoding', 'p50k'], '').stderr, /no encoding/);
    assert.equal(tokens(['--encoding', 'o200k', '--model', 'gpt-4'], '').status, 2);
    assert.equal(tokens(['/nowhere/at/all'], '').status, 1);
    assert.equal(tokens(json, Buffer.from([0xff, 0xc0, 0xe2, 0x82, 0x61, 0xed, 0xa0, 0x80])).status, 0);
});
