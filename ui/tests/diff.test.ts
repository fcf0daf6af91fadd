import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes } from '../src/lib/diff.ts';

test('JSON is held against JSON name by name', () => {
    const got = changes('{"limit_usd":5,"window":"day","scope":{"team":"a"},"thresholds":[50,80]}', '{"limit_usd":7.5,"window":"day","scope":{"team":"a","user":"*"},"thresholds":[50,80]}');
    assert.deepEqual(got, { lines: [{ path: 'limit_usd', before: '5', after: '7.5' }, { path: 'scope.user', before: null, after: '*' }], same: 3 });
});

test('what is gone, and what is made or removed as a whole', () => {
    assert.deepEqual(changes('{"a":1,"b":{"c":2}}', '{"a":1}').lines, [{ path: 'b.c', before: '2', after: null }]);
    assert.deepEqual(changes('', '{"a":1}'), { lines: [{ path: 'a', before: null, after: '1' }], same: 0 });
    assert.deepEqual(changes('{"a":{}}', null).lines, [{ path: 'a', before: '{}', after: null }]);
});

test('lists are one value, long whole numbers keep their digits', () => {
    assert.deepEqual(changes('{"t":[50,80]}', '{"t":[80,50]}').lines, [{ path: 't', before: '[50,80]', after: '[80,50]' }]);
    assert.equal(changes('', '{"n":12345678901234567890}').lines[0]?.after, '12345678901234567890');
});

test('plain text, and what only looks like JSON, stays as it is', () => {
    assert.deepEqual(changes('on', 'off').lines, [{ path: '', before: 'on', after: 'off' }]);
    assert.deepEqual(changes('{not json', '{not json'), { lines: [], same: 1 });
    assert.deepEqual(changes('', '<img src=x onerror=alert(1)>').lines, [{ path: '', before: null, after: '<img src=x onerror=alert(1)>' }]);
});
