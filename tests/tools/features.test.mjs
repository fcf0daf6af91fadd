// docs/providers.md has the tables that decide: what a call may use in which protocol (features.def), within
// which ranges (ranges.def), and the oddities of providers (quirks.def). UPDATE_TABLES=1 writes them.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const SIGNS = { YES: '✓', HINT: 'dropped', NO: 'refused' };

function features() {
    const rows = [...read('src/dialect/features.def').matchAll(/^FEATURE\((\w+), "([^"]+)", ([^)]+)\)/gm)];
    assert.ok(rows.length > 40);
    const lines = rows.map(([, , what, cells]) => `| ${what} | ${cells.split(',').map((c) => SIGNS[c.trim()]).join(' | ')} |`);
    return ['| | chat | responses | messages | gemini | converse | cohere |', '|---|---|---|---|---|---|---|', ...lines].join('\n');
}

function quirks() {
    const rows = [...read('src/provider/quirks.def').matchAll(/^QUIRK\("(\w+)", [^"]+"([^"]+)"\)/gm)];
    assert.ok(rows.length >= 10);
    return ['| quirk | |', '|---|---|', ...rows.map(([, name, what]) => `| \`${name}\` | ${what} |`)].join('\n');
}

function ranges() {
    const text = read('src/dialect/ranges.def');
    const numbers = [...text.matchAll(/^RANGE\((\w+), \w+, "([^"]+)", ([^,]+), ([^)]+)\)/gm)].map(([, d, field, low, high]) => [d, `${field}: ${low} to ${high}`]);
    const stops = [...text.matchAll(/^STOPS\((\w+), (\d+)\)/gm)].map(([, d, most]) => [d, `stop sequences: ${most}`]);
    const names = [...text.matchAll(/^NAMES\((\w+), (\d+), "([^"]+)", (\w+)\)/gm)].map(([, d, most, others, first]) => [d, `names of functions: ${most} of \`A-Za-z0-9${others}\`${first === 'LETTER' ? ', a letter or `_` first' : ''}`]);
    assert.ok(numbers.length >= 10 && stops.length >= 3 && names.length >= 5);
    const dialects = [...new Set([...numbers, ...stops, ...names].map(([d]) => d))];
    const lines = dialects.map((d) => `| ${d.toLowerCase()} | ${[numbers, stops, names].map((list) => list.filter(([of]) => of === d).map(([, what]) => what).join('; ') || '-').join(' | ')} |`);
    return ['| target | brought to the nearer end | refused, or cut when lenient | refused |', '|---|---|---|---|', ...lines].join('\n');
}

test('the tables in docs/providers.md are those of the code', () => {
    let text = read('docs/providers.md');
    for (const [name, table] of [['features', features()], ['ranges', ranges()], ['quirks', quirks()]]) {
        const begin = `<!-- ${name}: from the code, kept by tests/tools/features.test.mjs -->`, end = `<!-- end of ${name} -->`;
        const from = text.indexOf(begin), to = text.indexOf(end);
        assert.ok(from >= 0 && to > from, `${name}: no place for its table`);
        const wanted = `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}`;
        if (process.env.UPDATE_TABLES) writeFileSync(new URL('docs/providers.md', root), wanted);
        else assert.ok(wanted === text, `${name}: the table is old: UPDATE_TABLES=1 node --test tests/tools/features.test.mjs`);
        text = wanted;
    }
});
