import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addsUp, flagTexts, isIdPrefix, micros, priceOf, statusTone, stepsOf, type Attempt, type Call } from '../src/lib/calls';
import { bytes } from '../src/lib/figures';
import { inOrder, listOf, stateOf, wrongName } from '../src/lib/keys';
import { axisOf, rowsOf, ticks, treeOf } from '../src/lib/trace';

test('a moment keeps its microseconds', () => {
    assert.equal(micros('2026-11-26T17:05:09.123456Z'), 1_795_712_709_123_456);
    assert.equal(micros('2026-11-26T17:05:09Z'), 1_795_712_709_000_000);
    assert.equal(micros('2026-11-26T17:05:09.5Z') - micros('2026-11-26T17:05:09Z'), 500_000);
});

test("an attempt's steps follow each other and add up to its time, whatever the columns say", () => {
    const cases = [
        { total_us: 1000, wait_us: 100, connect_us: 50, first_byte_us: 400 }, { total_us: 1000, wait_us: 0, connect_us: 0, first_byte_us: 0 },
        { total_us: 300, wait_us: 500, connect_us: 50, first_byte_us: 400 }, { total_us: 1000, wait_us: 0, connect_us: 900, first_byte_us: 400 },
    ];
    for (const one of cases) {
        const steps = stepsOf(one);
        assert.equal(steps.reduce((sum, step) => sum + step.us, 0), one.total_us);
        steps.reduce((at, step) => (assert.equal(step.from_us, at), at + step.us), 0);
    }
    assert.deepEqual(stepsOf(cases[0]!).map((step) => [step.kind, step.us]), [['budget', 100], ['connect', 50], ['wait', 250], ['answer', 600]]);
    assert.deepEqual(stepsOf(cases[1]!).map((step) => step.kind), ['wait'], 'no byte came: all of it was waiting');
    assert.deepEqual(stepsOf({ total_us: 0, wait_us: 0, connect_us: 0, first_byte_us: 0 }), []);
});

test('price lines add up to the last digit, or it is said', () => {
    const lines = [{ unit: 'input', count: 5032, cost_picousd: 503_200_000, each_picousd: 100_000 }, { unit: 'output', count: 227, cost_picousd: 90_800_000, each_picousd: 400_000 }];
    assert.ok(addsUp({ lines, rest_picousd: 0, cost_picousd: 594_000_000 }));
    assert.ok(addsUp({ lines, rest_picousd: 7, cost_picousd: 594_000_007 }));
    assert.ok(!addsUp({ lines, rest_picousd: 0, cost_picousd: 594_000_001 }), 'the sum');
    assert.ok(!addsUp({ lines: [{ ...lines[0]!, each_picousd: 100_001 }], rest_picousd: 0, cost_picousd: 503_200_000 }), 'a product');
    assert.ok(addsUp({ lines: [{ ...lines[0]!, each_picousd: null }], rest_picousd: 0, cost_picousd: 503_200_000 }), 'several prices: no product to hold');
    assert.ok(addsUp({ lines: [{ unit: 'input', count: 3n, cost_picousd: 27_021_597_764_222_973n, each_picousd: 9_007_199_254_740_991 }], rest_picousd: 0, cost_picousd: 27_021_597_764_222_973n }), 'above 2^53');
    assert.deepEqual(priceOf(lines[0]!), { per: '1M', picousd: 100_000_000_000n });
    assert.deepEqual(priceOf({ unit: 'searches', count: 1, cost_picousd: 5, each_picousd: 5 }), { per: 'search', picousd: 5 });
    assert.equal(priceOf({ unit: 'input', count: 1, cost_picousd: 5, each_picousd: null }), null);
});

test('words for what ended, for odd usage, for sizes', () => {
    assert.deepEqual(['ok', 'hedge_lost', 'client_gone', 'provider_error', 'new_name'].map(statusTone), ['good', undefined, 'warn', 'bad', 'bad']);
    assert.equal(flagTexts(0).length, 0);
    assert.deepEqual(flagTexts(2 | 64).map((text) => text.split(' ')[0]), ['the', 'a']);
    assert.deepEqual([812, 4096, 12_345, 2_300_000].map(bytes), ['812 B', '4.1 kB', '12 kB', '2.3 MB']);
    assert.ok(isIdPrefix('0019Af') && !isIdPrefix('xyz') && !isIdPrefix('0'.repeat(17)));
});

test('idle stretches are cut out of the axis, and only those', () => {
    const axis = axisOf([{ from: 0, to: 100 }, { from: 1_000_000, to: 1_000_100 }, { from: 1_000_110, to: 1_000_200 }]);
    assert.equal(axis.gaps.length, 1);
    assert.equal(axis.gaps[0]!.us, 999_900);
    assert.equal(axis.at(0), 0);
    assert.ok(Math.abs(axis.at(1_000_200) - 1) < 1e-9);
    assert.ok(axis.at(100) > 0.3 && axis.at(1_000_000) > axis.at(100) && axis.at(500_000) <= axis.at(1_000_000), 'moments stay in their order');
    const close = axisOf([{ from: 0, to: 100 }, { from: 110, to: 200 }]);
    assert.deepEqual(close.gaps, []);
    assert.equal(close.at(100), 0.5);
    const over = axisOf([{ from: 0, to: 200 }, { from: 50, to: 100 }]);
    assert.equal(over.at(100), 0.5, 'what runs beside another takes no room of its own');
    const many = axisOf(Array.from({ length: 500 }, (_, i) => ({ from: i * 1000, to: i * 1000 + 10 })));
    assert.equal(many.gaps.length, 499);
    assert.ok(many.at(10) > 1 / 1000, 'what happens takes most of the axis, however many the stretches are');
    assert.equal(axisOf([]).at(5), 0);
});

test('ticks are round and few', () => {
    assert.deepEqual(ticks(2_090_000), [0, 500_000, 1_000_000, 1_500_000, 2_000_000]);
    assert.deepEqual(ticks(0), [0]);
    for (const length of [1, 7, 999, 12_345_678]) assert.ok(ticks(length).length <= 8, String(length));
});

const attempt = (number: number, reason: string) => ({ attempt_id: `a${number}`, number, reason, at: '2026-11-26T10:00:00Z', total_us: 1 }) as unknown as Attempt;
const call = (id: string, at: string, task: string, rows: Attempt[]) => ({ id, at, task, attempts: rows.length, rows, total_us: 10 }) as unknown as Call;

test('calls become a tree: by time, by task, attempts only where there are several', () => {
    const calls = [call('c', '2026-11-26T10:00:02Z', 't1', [attempt(1, 'first'), attempt(2, 'retry')]), call('a', '2026-11-26T10:00:00Z', 't1', [attempt(1, 'first')]), call('b', '2026-11-26T10:00:01Z', '', [attempt(1, 'first')])];
    assert.deepEqual(treeOf(calls, false).map((node) => node.id), ['a', 'b', 'c']);
    const tree = treeOf(calls, true);
    assert.deepEqual(tree.map((node) => [node.kind, node.children.length]), [['task', 2], ['call', 0]]);
    const open = rowsOf(tree, () => true);
    assert.deepEqual(open.map((row) => [row.node.kind, row.level, row.place, row.siblings]), [['task', 1, 1, 2], ['call', 2, 1, 2], ['call', 2, 2, 2], ['attempt', 3, 1, 2], ['attempt', 3, 2, 2], ['call', 1, 2, 2]]);
    assert.equal(rowsOf(tree, () => false).length, 2);
    assert.equal(new Set(open.map((row) => row.node.id)).size, open.length, 'every row has a key of its own');
});

test("keys' states and names", () => {
    const now = Date.parse('2026-11-26T12:00:00Z');
    const rows = [
        { name: 'z', expires: null }, { name: 'b', expires: '2026-11-30T00:00:00Z' }, { name: 'c', expires: '2026-11-20T00:00:00Z' }, { name: 'a', revoked: '2026-11-01T00:00:00Z', expires: '2026-11-02T00:00:00Z' },
    ];
    assert.deepEqual(rows.map((one) => stateOf(one, now)), ['active', 'expires soon', 'expired', 'revoked']);
    assert.deepEqual(inOrder(rows, now).map((one) => one.name), ['b', 'z', 'c', 'a']);
    assert.equal(wrongName('support-web', ['other']), '');
    assert.match(wrongName('support-web', ['support-web']), /twice/);
    for (const bad of ['a b', 'a,b', 'a=b', 'a"b', "a'b", '{a}', 'x'.repeat(65), 'é'.repeat(33)]) assert.ok(wrongName(bad, []), bad);
    assert.deepEqual(listOf(' gpt-5, openai/* \n claude '), ['gpt-5', 'openai/*', 'claude']);
});
