// The separate pricing script against the cases that src/price is held to as well.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { findModel, findPrice, loadBook, picoPerUnit, priceUsage, promptTokens, withOwn } from './price.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const book = loadBook(`${root}data/prices.csv`);
const cases = (file) => fs.readFileSync(`${root}tests/cases/price/${file}`, 'utf8').split('\n')
    .filter((l) => l && l[0] !== '#').map((l) => l.split(' '));

test('prices are exact', () => {
    assert.equal(picoPerUnit('0.25'), 250000n);
    assert.equal(picoPerUnit(0.0028), 2800n);
    assert.equal(picoPerUnit(1e-6), 1n);
    assert.equal(picoPerUnit('.5'), 500000n);
    assert.throws(() => picoPerUnit('0.0000001'));
    assert.throws(() => picoPerUnit('-1'));
    assert.throws(() => picoPerUnit(''));
});

test('names', () => {
    for (const [provider, spelled, model] of cases('names.txt'))
        assert.equal(findModel(book, provider, spelled)?.model ?? '-', model, `${provider} ${spelled}`);
});

test('costs', () => {
    for (const [provider, model, tier, at, units, total, state, missing] of cases('costs.txt')) {
        const usage = Object.fromEntries(units.split(',').map((u) => u.split('=')));
        const price = findPrice(book, provider, model, { tier, promptTokens: promptTokens(usage), at });
        const cost = priceUsage({ unitPricesPerMillion: price?.unitPricesPerMillion, usage, free: price?.free });
        const what = `${provider} ${model} ${tier} ${at} ${units}`;
        assert.equal(cost.total, BigInt(total), what);
        assert.equal(cost.state, state, what);
        assert.equal(price?.tierMissing ?? false, missing === 'tier_missing', what);
    }
});

test('own prices stand in front, from their date on', () => {
    const own = withOwn(book, [{ model: 'lab/sim-small', input: 0.15, output: 0.6, cache_read: 0.075, from: '2026-01-01' },
        { model: 'openai/gpt-5-mini', input: 1, output: 1, from: '2026-09-01' }]);
    const usage = { input: 1000, cache_read: 1000, output: 100, reasoning: 100 };
    const cost = (provider, model, at) => {
        const price = findPrice(own, provider, model, { at, promptTokens: promptTokens(usage) });
        return priceUsage({ unitPricesPerMillion: price?.unitPricesPerMillion, usage });
    };
    assert.equal(cost('lab', 'sim-small', '2026-05-01').total, 150000000n + 75000000n + 120000000n);
    assert.equal(cost('lab', 'sim-small', '2025-12-31').state, 'unpriced');
    assert.equal(cost('openai', 'gpt-5-mini', '2026-08-31').total, 250000000n + 25000000n + 400000000n);
    assert.equal(cost('openai', 'GPT-5-mini-2025-08-07', '2026-09-01').total, 2200000000n);
});
