import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, href, readAddress } from '../src/lib/address';
import { apiUrl } from '../src/lib/api';
import { cascade } from '../src/lib/cascade';
import { below, drillHref, readBy } from '../src/lib/drill';
import { readRange, rangeQuery } from '../src/lib/range';
import { buckets, stackUp } from '../src/lib/stack';
import { agoText, momentText, readMoment } from '../src/lib/time';
import { addFilter, dropFilter, readWhere, setFilter, sumsBy, writeWhere } from '../src/lib/where';

const NOW = Date.parse('2026-11-26T17:20:31Z');

test('paths keep whatever a name has in it', () => {
    const name = 'a/b c&d=é?#';
    const to = href(['features', name], { tab: 'cost' }, new URLSearchParams('range=30d&where=team=a&other=1'));
    assert.deepEqual(readAddress(to).path, ['features', name]);
    assert.equal(readAddress(to).query.get('range'), '30d');
    assert.equal(readAddress(to).query.get('where'), 'team=a');
    assert.equal(readAddress(to).query.get('other'), null, 'only what every page shares goes along');
    assert.equal(readAddress(to).query.get('tab'), 'cost');
    assert.deepEqual(readAddress('/features/%E0%A4%A').path, ['features', '%E0%A4%A'], 'broken escapes stand as they are');
    assert.equal(changed(new URLSearchParams('a=1&b=2'), { a: null, c: '3' }).toString(), 'b=2&c=3');
});

test('filters are those of the API: commas in values are escaped, a typed one without name= belongs to the value', () => {
    assert.deepEqual(readWhere('feature=a,b,team=x'), [{ name: 'feature', value: 'a,b' }, { name: 'team', value: 'x' }]);
    assert.deepEqual(readWhere('user='), [{ name: 'user', value: '' }]);
    assert.deepEqual(readWhere('user=a=b'), [{ name: 'user', value: 'a=b' }]);
    assert.deepEqual(readWhere(null), []);
    // what is no filter here goes on to the server, which refuses it: never is all shown in its place
    for (const text of ['status!=ok', 'colour', 'colour,team=x', 'Feature=a']) assert.ok(readWhere(text).length, text);
    assert.equal(writeWhere(readWhere('status!=ok,team=x')), 'status!=ok,team=x');
    const one = readWhere('feature=a,b,team=x,user=');
    assert.deepEqual(readWhere(writeWhere(one)), one);
    assert.equal(addFilter(one, { name: 'team', value: 'x' }), one);
    assert.equal(writeWhere(setFilter(one, { name: 'feature', value: 'c' })), 'team=x,user=,feature=c');
    assert.equal(writeWhere(dropFilter(one, { name: 'user', value: '' })), 'feature=a\\,b,team=x');
    for (const value of ['x,team=b', 'c\\d', '\\', '\\,', ',', 'a,b"c\\d/e?f#g&h=i'])
        assert.deepEqual(readWhere(writeWhere([{ name: 'user', value }, { name: 'team', value: 't' }])), [{ name: 'user', value }, { name: 'team', value: 't' }], value);
});

test('sums are asked for where rollups have them', () => {
    assert.deepEqual(['', 'team=a', 'team=a,user=u', 'task=t'].map((where) => sumsBy(readWhere(where))), ['status', 'status', 'user', 'task']);
});

test('presets are whole buckets up to the end of the running one', () => {
    const week = readRange(new URLSearchParams('range=7d'), NOW);
    assert.deepEqual(rangeQuery(week), { since: '2026-11-20T00:00:00Z', until: '2026-11-27T00:00:00Z' });
    assert.deepEqual(rangeQuery(week.before), { since: '2026-11-13T00:00:00Z', until: '2026-11-19T17:00:00Z' });
    const day = readRange(new URLSearchParams('range=24h'), NOW);
    assert.deepEqual(rangeQuery(day), { since: '2026-11-25T18:00:00Z', until: '2026-11-26T18:00:00Z' });
    assert.equal(day.step, 'hour');
    assert.equal(readRange(new URLSearchParams('range=90d'), NOW).step, 'day');
    assert.equal(readRange(new URLSearchParams('range=1h'), NOW).until, Date.parse('2026-11-26T17:21:00Z'));
    assert.equal(readRange(new URLSearchParams('range=1h'), NOW).step, 'minute');
    assert.equal(readRange(new URLSearchParams('range=nonsense'), NOW).preset, '7d');
    assert.equal(readRange(new URLSearchParams(''), NOW, '1h').preset, '1h');
});

test('a range of one\'s own, and the one before it', () => {
    const range = readRange(new URLSearchParams('since=2026-11-01T00:00:00Z&until=2026-11-11T00:00:00Z'), NOW);
    assert.equal(range.preset, null);
    assert.equal(range.step, 'day');
    const ownStep = (until: string) => readRange(new URLSearchParams(`since=2026-11-11T09:00:00Z&until=${until}`), NOW).step;
    assert.deepEqual(['2026-11-11T12:00:00Z', '2026-11-11T12:01:00Z', '2026-11-19T09:00:00Z', '2026-11-19T09:01:00Z'].map(ownStep), ['minute', 'hour', 'hour', 'day']);
    assert.deepEqual(rangeQuery(range.before), { since: '2026-10-22T00:00:00Z', until: '2026-11-01T00:00:00Z' });
    assert.equal(readRange(new URLSearchParams('since=2026-11-11&until=2026-11-01'), NOW).preset, '7d', 'the wrong way round is none');
});

test('moments', () => {
    assert.equal(momentText('2026-11-26T17:20:31.5Z'), '26 Nov 17:20:31');
    assert.equal(momentText(null), '–');
    assert.deepEqual([agoText(NOW - 500, NOW), agoText(NOW - 12_400, NOW), agoText(NOW - 3 * 3600e3, NOW), agoText(NOW + 3 * 86400e3, NOW)], ['just now', '12 s ago', '3 h ago', 'in 3 days']);
    assert.equal(readMoment('2026-11-26T17:20'), Date.parse('2026-11-26T17:20Z'));
    assert.equal(readMoment('26.11.2026'), null);
});

test('what the API is asked has no empty parameters', () => {
    assert.equal(apiUrl('/report', { by: 'feature', where: '', limit: 5, csv: false, since: null }), '/api/v1/report?by=feature&limit=5');
});

test('stacks add up, without what is hidden, and gaps are nothing', () => {
    assert.deepEqual(stackUp([[1, 2], [3, null], [5, 6]], [true, true, true]), [[1, 2], [4, 2], [9, 8]]);
    assert.deepEqual(stackUp([[1, 2], [3, 4], [5, 6]], [true, false, true]), [[1, 2], [1, 2], [6, 8]]);
    assert.deepEqual(buckets(90, 250, 50), [50, 100, 150, 200]);
});

test('a row of the costs leads one step down, at last to the calls', () => {
    const query = new URLSearchParams('range=30d&where=team=a');
    const to = readAddress(drillHref('feature', 'x y', readWhere('team=a'), query));
    assert.deepEqual([to.path, to.query.get('where'), to.query.get('by'), to.query.get('range')], [['costs'], 'team=a,feature=x y', 'prompt', '30d']);
    assert.equal(below('team', readWhere('feature=b')), 'prompt');
    assert.equal(below('model', []), 'team');
    const last = readAddress(drillHref('task', 't1', readWhere('user=u'), query));
    assert.deepEqual([last.path, last.query.get('where')], [['calls'], 'user=u,task=t1']);
    assert.equal(readBy('nonsense'), 'team');
});

test('a waterfall\'s bars begin where the last one ended', () => {
    const steps = cascade(100e12, [{ name: 'volume', picousd: 60e12 }, { name: 'price', picousd: -110e12 }], 50e12);
    assert.deepEqual(steps.map((s) => [s.name, s.from, s.to]), [['before', 0, 0.625], ['volume', 0.625, 1], ['price', 1, 0.3125], ['after', 0, 0.3125]]);
    const below0 = cascade(10e12, [{ name: 'a', picousd: -30e12 }, { name: 'b', picousd: 40e12 }], 20e12);
    assert.deepEqual(below0.map((s) => s.from), [0.5, 0.75, 0, 0.5], 'what goes below nothing moves the rest to the right');
});
