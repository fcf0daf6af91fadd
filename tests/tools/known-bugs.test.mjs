// docs/known-bugs.md: a row for each bug, and every test that a row names exists.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

/** What is wrong with a reference: 'folder/case', 'unit/folder/file: function' or 'e2e/file: a part of a test's name'. */
function faultOf(reference) {
    const [, place, part] = /^([\w/-]+)(?:: (.+))?$/.exec(reference) ?? [];
    if (!place) return 'no reference';
    const file = place.startsWith('e2e/') ? `tests/${place}.test.mjs` : place.startsWith('unit/') ? `tests/${place}.c` : `tests/cases/${place}.case`;
    if (!existsSync(new URL(file, root))) return `there is no ${file}`;
    if (!part) return /^(e2e|unit)\//.test(place) ? 'names no test' : null;
    const text = read(file);
    const there = place.startsWith('e2e/') ? text.split('\n').some((line) => /\btest\(/.test(line) && line.includes(part)) : new RegExp(`\\b${part}\\(`).test(text);
    return there ? null : `${file} has no '${part}'`;
}

test('every known bug has a case', () => {
    const rows = [...read('docs/known-bugs.md').matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \| (.+) \|$/gm)];
    assert.deepEqual(rows.map((row) => Number(row[1])), Array.from({ length: 52 }, (_, i) => i + 1));
    const wrong = rows.flatMap(([, number, , , held]) => {
        const references = [...held.matchAll(/`([^`]+)`/g)].map((m) => m[1]);
        if (!references.length && number !== '48') return [`${number}: no case`];
        return references.flatMap((reference) => faultOf(reference) ? [`${number}: ${reference}: ${faultOf(reference)}`] : []);
    });
    assert.deepEqual(wrong, []);
});

test('the check can fail', () => {
    for (const reference of ['translate/no_such_case', 'unit/price/test_cost: no_such_function', 'e2e/cost: no such test', 'e2e/cost', 'a b']) assert.ok(faultOf(reference), reference);
});
