// tools/build-prices: exact figures, history, context, names; and that data/prices.csv is what it builds.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { findModel, findPrice, loadBook } from './price.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tool = `${root}tools/build-prices`;
const shared = process.env.PURSER_SHARED ?? path.join(root, '../shared');

const HAND = {
    'corrections.csv': 'provider,model,tier,context_from,from,input,output,free,names,source,checked,why\n' +
        'shop,fixed,standard,,,7,8,,,us,2026-01-02,because\nshop,split,standard,,,5,6,,taken-name,us,2026-01-02,because\n',
    'tiers.csv': 'provider,model,tier,context_from,from,input,output,source,checked\nshop,fixed,flex,,,3.5,4,us,2026-01-02\n',
    'model-limits.csv': 'provider,model,context_window,max_output,source,checked\nshop,fixed,2000,500,us,2026-01-02\n',
};

function build(models, hand = HAND) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'prices-'));
    for (const [name, text] of Object.entries(hand)) fs.writeFileSync(path.join(folder, name), text);
    const source = path.join(folder, 'test-2026-01-01.json');
    fs.writeFileSync(source, typeof models === 'string' ? models : JSON.stringify([{ id: 'shop', models }]));
    const run = spawnSync(tool, [source, '--data', folder], { encoding: 'utf8' });
    const file = path.join(folder, 'prices.csv');
    const made = run.status === 0 ? loadBook(file) : null;
    fs.rmSync(folder, { recursive: true });
    return { ...run, book: made };
}

const model = (id, prices, match = { equals: id }, more = {}) => ({ id, match, prices, ...more });
const FIXED = model('fixed', { input_mtok: 1, output_mtok: 2 }, { or: [{ equals: 'fixed' }, { equals: 'taken-name' }] }, { context_window: 1000 });

test('figures are exact, whatever a float would make of them', () => {
    const source = '[{"id":"shop","models":[{"id":"fixed","match":{"equals":"fixed"},"prices":{"input_mtok":1}},' +
        '{"id":"a","match":{"equals":"a"},"prices":{"input_mtok":0.123456,"output_mtok":9007199254.740993,"cache_read_mtok":1e-6,' +
        '"web_searches_kcount":10,"cache_write_mtok":0.0833333333333334,"cache_write_1h_mtok":3.0}}]}]';
    const { book, stderr } = build(source);
    const { unitPricesPerMillion: p } = findPrice(book, 'shop', 'a');
    assert.deepEqual(p, { input: '0.123456', output: '9007199254.740993', cache_read: '0.000001', searches: '10000',
        cache_write_5m: '0.083333', cache_write_1h: '3' });
    assert.match(stderr, /cache_write_mtok .* rounded to 0.083333/);
});

test('history, context and hours', () => {
    const tiered = { input_mtok: { base: 1, tiers: [{ start: 1000, price: 2 }] }, output_mtok: 3 };
    const { book } = build([FIXED,
        model('a', [{ prices: tiered }, { constraint: { start_date: '2026-02-01' }, prices: { input_mtok: 9 } }]),
        model('b', [{ prices: { input_mtok: 1 } }, { constraint: { start_time: '00:30:00Z', end_time: '16:30:00Z' }, prices: { input_mtok: 2 } }])]);
    const input = (m, promptTokens, at) => findPrice(book, 'shop', m, { promptTokens, at })?.unitPricesPerMillion.input;
    assert.equal(input('a', 1000, '2026-01-01'), '1');
    assert.equal(input('a', 1001, '2026-01-01'), '2');
    assert.equal(findPrice(book, 'shop', 'a', { promptTokens: 1001, at: '2026-01-01' }).unitPricesPerMillion.output, '3');
    assert.equal(input('a', 1001, '2026-02-01'), '9');
    assert.equal(input('b', 1, '2026-01-01'), '2');
});

test('what is kept by hand wins', () => {
    const { book } = build([FIXED]);
    assert.equal(findPrice(book, 'shop', 'fixed').unitPricesPerMillion.input, '7');
    assert.equal(findPrice(book, 'shop', 'fixed', { tier: 'flex' }).unitPricesPerMillion.input, '3.5');
    assert.equal(findModel(book, 'shop', 'taken-name').model, 'split');
    assert.equal(findModel(book, 'shop', 'fixed').rows[0].context_window, '2000');
    assert.equal(findModel(book, 'shop', 'fixed').rows[0].max_output, '500');
});

test('wide rules are narrowed, empty prices are no price', () => {
    const { book } = build([FIXED, model('m', { input_mtok: 1 }, { starts_with: 'm-1' }), model('c', { input_mtok: 1 }, { contains: 'mid' }),
        model('r', { input_mtok: 1 }, { regex: '^r\\.1-\\d{8}$' }), model('none', {}), model('zero', { input_mtok: 0, output_mtok: 0 })]);
    const found = (name) => findModel(book, 'shop', name)?.model;
    assert.equal(found('m-1-20260101'), 'm');
    assert.equal(found('m-1-latest'), 'm');
    assert.equal(found('m-1-large'), undefined);
    assert.equal(found('m-12'), undefined);
    assert.equal(found('us.mid-v1:0'), 'c');
    assert.equal(found('pyramid'), undefined);
    assert.equal(found('r.1-20260101'), 'r');
    assert.equal(found('none'), undefined);
    assert.equal(found('zero'), undefined);
});

test('a source that cannot be trusted is refused', () => {
    assert.notEqual(build([FIXED, model('a', { input_mtok: 1 }), model('b', { input_mtok: 1 }, { equals: 'a' })]).status, 0);
    assert.match(build([FIXED, model('a', { novel_mtok: 1 })]).stderr, /unknown price novel_mtok/);
    const nowhere = { ...HAND, 'tiers.csv': 'provider,model,tier,context_from,from,names,input,source,checked\nshop,ghost,flex,,,,1,us,2026-01-02\n' };
    assert.match(build([FIXED], nowhere).stderr, /ghost is no model/);
    const undated = { ...HAND, 'tiers.csv': 'provider,model,tier,context_from,from,names,input,source,checked\nshop,fixed,flex,,,,1,us,soon\n' };
    assert.match(build([FIXED], undated).stderr, /without source or date/);
});

test('data/prices.csv is what its sources give', (t) => {
    const folder = path.join(shared, 'prices');
    const source = fs.existsSync(folder) && fs.readdirSync(folder).filter((f) => /^genai-prices-.*\.json$/.test(f)).sort().at(-1);
    if (!source) return t.skip(`no ${folder}/genai-prices-*.json`);
    const run = spawnSync(tool, [path.join(folder, source), '--check'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
});
