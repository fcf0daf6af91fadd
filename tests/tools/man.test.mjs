// The man page names every option that a command has, and lists what `purser simulate` takes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/man/purser.1');
const plain = (text) => text.replaceAll('\\-', '-').replaceAll('\\fR', '').replaceAll('\\fP', '');
const entries = (text) => [...text.matchAll(/\{\s*"([\w-]+)",\s+(?:"[^"]+"|NULL),\s+"/g)].map(([, name]) => name);
const optionsOf = (file) => [...read(`src/cli/${file}`).matchAll(/struct option \w+\[\w*\] = \{([\s\S]*?)\};/g)].flatMap(([, list]) => entries(list));

test('the man page names every option', () => {
    const files = readdirSync(new URL('src/cli/', root)).filter((name) => /\.[ch]$/.test(name));
    const macros = [...read('src/cli/options.h').matchAll(/^#define OPTION_(\w+)/gm)].map(([, name]) => name.toLowerCase());
    const options = new Set([...files.flatMap(optionsOf), ...macros]);
    assert.ok(options.size > 30, `${[...options]}`);
    for (const name of options) assert.match(plain(page), new RegExp(`--${name}\\b(?!-)`), name);
});

test('the man page lists what simulate takes', () => {
    const from = page.indexOf('.SS purser simulate'), part = plain(page.slice(from, page.indexOf('.SS', from + 1)));
    const listed = [...part.matchAll(/^\.BI? --([\w-]+)/gm)].map(([, name]) => name);
    assert.deepEqual(listed, optionsOf('simulate.c'));
});
