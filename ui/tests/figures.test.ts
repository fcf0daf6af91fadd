import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventText } from '../src/lib/event_text';
import { change, count, countShort, latency, rate, share, times } from '../src/lib/figures';
import { parseJson } from '../src/lib/json';
import { addPico, money, moneyExact, moneyShort, readUsd, usd } from '../src/lib/money';

test('money has the digits of purser report: two decimals, below a dollar two digits that count', () => {
    const cases: [number | bigint, string][] = [
        [0, '$0.00'], [1, '$0.000000000001'], [31_500_000_000, '$0.032'], [31_499_999_999, '$0.031'], [3_150_000_000, '$0.0032'], [123, '$0.00000000012'],
        [999_600_000_000, '$1.00'], [123_456_000_000, '$0.12'], [1_234_567_000_000, '$1.23'], [1_235_000_000_000, '$1.24'],
        [1_234_567_890_000_000_000n, '$1,234,567.89'], [-2_500_000_000_000, '−$2.50'], [9_223_372_036_854_775_807n, '$9,223,372.04'],
    ];
    for (const [pico, text] of cases) assert.equal(money(pico), text, String(pico));
    assert.equal(money(null), '–');
    assert.equal(moneyExact(31_500_125_000), '$0.031500125');
    assert.equal(moneyExact(9_007_199_254_740_993n), '$9,007.199254740993');
    assert.equal(moneyExact(2_000_000_000_000), '$2.00');
    assert.equal(usd(1_500_000_000_000), 1.5);
});

test('sums keep every digit', () => {
    assert.equal(addPico(9_007_199_254_740_991, 2), 9_007_199_254_740_993n);
    assert.equal(addPico(1, 2), 3);
    assert.equal(addPico(9_007_199_254_740_993n, -3), 9_007_199_254_740_990);
});

test('axes have short money', () => {
    const cases: [number, string][] = [[0, '$0'], [0.02, '$0.02'], [0.00004, '$0.00004'], [1.5, '$1.5'], [999, '$999'], [4700, '$4,700'], [12_500, '$12.5k'], [3e6, '$3M'], [-12_500, '−$12.5k']];
    for (const [dollars, text] of cases) assert.equal(moneyShort(dollars), text);
});

test('a sum of dollars is read as typed', () => {
    assert.equal(readUsd('5'), 5_000_000_000_000n);
    assert.equal(readUsd('$1,250.50'), 1_250_500_000_000_000n);
    assert.equal(readUsd('0.000000000001'), 1n);
    for (const wrong of ['', '-1', '1e3', '1.2.3', 'ten', '0.0000000000001']) assert.equal(readUsd(wrong), null, wrong);
});

test('counts, shares and latencies read as in the report', () => {
    assert.deepEqual([0, 999, 1234, 9_999_999, 12_350_000, 12_359_999, 1_234_000_000].map(count), ['0', '999', '1,234', '9,999,999', '12.35M', '12.35M', '1.23G']);
    assert.equal(count(12_345_678_901_234_567n), '12.34P');
    assert.deepEqual([950, 1200, 3e6, 2.5e9].map(countShort), ['950', '1.2k', '3M', '2.5G']);
    assert.deepEqual([rate(0, 5), rate(1, 10_000), rate(1, 40), rate(1, 1), rate(1, 0)], ['0%', '<0.1%', '2.5%', '100.0%', '0%']);
    assert.equal(share(0.0251), '2.5%');
    assert.equal(times(1.254), '1.25x');
    const cases: [number, string][] = [[3.29, '3.2ms'], [850.9, '850ms'], [1259, '1.25s'], [59_999, '59.99s'], [125_000, '2m05s'], [11_220_000, '3h07m'], [187_200_000, '2d04h']];
    for (const [ms, text] of cases) assert.equal(latency(ms), text);
    assert.equal(latency(null), '–');
});

test('a change says how much and which way', () => {
    assert.deepEqual([change(112.5, 100), change(97, 100), change(5, 0), change(0, 0), change(1, null), change(5000, 100), change(100.01, 100)], ['+12.5%', '−3.0%', 'new', '0%', '', '+4,900%', '0%']);
});

test('JSON keeps whole numbers above 2^53 and touches no string', () => {
    assert.deepEqual(parseJson('{"a":9007199254740993,"b":"9007199254740993","c":1.5,"d":-9007199254740993,"e":"x\\"9007199254740993"}'), { a: 9007199254740993n, b: '9007199254740993', c: 1.5, d: -9007199254740993n, e: 'x"9007199254740993' });
    assert.deepEqual(parseJson('{"a":1234567890123456,"b":0.12345678901234567}'), { a: 1234567890123456, b: 0.12345678901234567 });
});

test('events come out of pieces, whole ones alone', () => {
    const events = new EventText();
    assert.deepEqual(events.feed('event: progress\ndata: {"done":0.5}\n\nevent: ans'), [{ name: 'progress', data: '{"done":0.5}' }]);
    assert.deepEqual(events.feed('wer\ndata: {"a":1,\ndata: "b":2}\n'), []);
    assert.deepEqual(events.feed('\n'), [{ name: 'answer', data: '{"a":1,\n"b":2}' }]);
});
