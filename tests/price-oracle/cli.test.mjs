// `purser prices` as people and programs use it. Skipped where the binary is not built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadBook } from './price.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = process.env.PURSER_BIN ?? path.join(root, 'build/purser');
const skip = fs.existsSync(bin) ? false : `${bin} is not built`;
let folder;

before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'purser-prices-'))));
after(() => fs.rmSync(folder, { recursive: true }));

function purser(...args) {
    const env = { PATH: process.env.PATH, HOME: folder, TERM: 'xterm' };
    return spawnSync(bin, ['prices', ...args], { cwd: folder, env, encoding: 'utf8' });
}

const SETTINGS = (models, prices) => `listen: 127.0.0.1:8400
data: ./data
providers:
  openai: { kind: openai, base_url: https://api.openai.com/v1, api_key: sk-test-0123456789 }
  lab: { kind: openai, base_url: http://127.0.0.1:9100/v1 }
models:
${models}
prices:
${prices}
keys:
  - { name: alice, secret: test-key-0123456789abcdef }
`;

test('list prints the prices in force, plainly', { skip }, () => {
    const r = purser('list', '--provider', 'deepseek');
    assert.equal(r.status, 0, r.stderr);
    assert.match(r.stdout, /^deepseek +deepseek-v4-flash +standard +0\.14 +0\.0028 +0\.28 /m);
    assert.doesNotMatch(r.stdout, /\x1b/);
    const few = purser('list', '--limit', '3', '--format', 'json');
    assert.equal(JSON.parse(few.stdout).rows.length, 3);
    assert.match(few.stderr, /3 of \d+ prices in force/);
    const csv = purser('list', '--provider', 'openai', '--format', 'csv', '--limit', '1000').stdout.split('\n');
    assert.match(csv[0], /^provider,model,tier,context_from,from,until,input,/);
    assert.ok(csv.some((l) => l.startsWith('openai,gpt-5-mini,flex,0,,,0.125,0.0125,')));
});

test('show tells history, tiers, names and the age of the book', { skip }, () => {
    const r = purser('show', 'openai/gpt-5.6-luna', '--format', 'json');
    assert.equal(r.status, 0, r.stderr);
    const { models, rows, book } = JSON.parse(r.stdout);
    assert.deepEqual(models.map((m) => `${m.provider}/${m.model}`), ['openai/gpt-5.6-luna']);
    assert.ok(models[0].names.includes('gpt-5-6-luna'));
    assert.equal(models[0].max_output, 128000);
    assert.equal(rows.find((x) => x.tier === 'standard' && x.until === '2026-07-30' && !x.context_from).input, 1);
    assert.equal(rows.find((x) => x.tier === 'standard' && x.from === '2026-07-30' && x.context_from === 272001).output, 1.8);
    assert.equal(book.made, loadBook(`${root}data/prices.csv`).made);
    assert.equal(book.age_days, Math.floor((Date.now() - Date.parse(book.made)) / 86400000));
    const alone = purser('show', '--format', 'json');
    assert.deepEqual([alone.status, JSON.parse(alone.stdout)], [0, { models: [], book, rows: [] }], alone.stderr);
    assert.match(purser('show').stdout, new RegExp(`^Price book of ${book.made}, ${book.age_days} days old, from `));
    const all = spawnSync(bin, ['version', '--format', 'json'], { encoding: 'utf8' });
    assert.equal(JSON.parse(all.stdout).price_book, book.made);
    assert.match(spawnSync(bin, ['--help-settings'], { encoding: 'utf8' }).stdout, /^ *listen /m);
    assert.equal(/warning: the price book is of/.test(r.stderr), book.age_days > 60);
    assert.match(purser('show', 'GPT-5-mini-2025-08-07').stdout, /^openai\/gpt-5-mini$/m);
    const unknown = purser('show', 'gpt-4o-audio-preview-xyz');
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /has no price.*prices:/);
});

test('check holds own prices against the book', { skip }, () => {
    const file = path.join(folder, 'own.yaml');
    const own = '  - { model: lab/sim-small, input: 0.15, output: 0.60, from: 2026-01-01 }\n' +
        '  - { model: openai/gpt-5-mini, input: 0.2, output: 1.5, from: 2026-01-01 }';
    fs.writeFileSync(file, SETTINGS('  cheap: lab/sim-small', own));
    const good = purser('check', '--config', file);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /own +lab\/sim-small: input 0\.15, output 0\.6; not in the book/);
    assert.match(good.stdout, /own +openai\/gpt-5-mini: .*the book: input 0\.25, cache_read 0\.025, output 2; not set here: cache_read/);
    fs.writeFileSync(file, SETTINGS('  cheap: lab/sim-small\n  odd: lab/sim-odd', own));
    const bad = purser('check', '--config', file);
    assert.equal(bad.status, 1);
    assert.match(bad.stdout, /unpriced +odd -> lab\/sim-odd: .*refused/);
    const rows = JSON.parse(purser('check', '--format', 'json', '--config', file).stdout).rows;
    assert.deepEqual(rows.map((r) => [r.finding, r.target]), [['own', 'lab/sim-small'], ['own', 'openai/gpt-5-mini'], ['unpriced', 'odd -> lab/sim-odd']]);
    assert.match(purser('show', 'cheap', '--config', file).stdout, /^lab\/sim-small$/m);
});

test('--config and --format may stand before the command', { skip }, () => {
    const file = path.join(folder, 'before.yaml');
    fs.writeFileSync(file, SETTINGS('  cheap: lab/sim-small', '  - { model: lab/sim-small, input: 0.15, output: 0.60 }'));
    const run = (...args) => spawnSync(bin, args, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, encoding: 'utf8' });
    const behind = run('prices', 'check', '--config', file, '--format', 'csv'), before = run('--config', file, '--format=csv', 'prices', 'check');
    assert.equal(behind.status, 0, behind.stderr);
    assert.match(behind.stdout, /^finding,target,says\nown,lab\/sim-small,/);
    assert.deepEqual([before.status, before.stdout], [behind.status, behind.stdout]);
    fs.appendFileSync(file, 'listne: 1\n');
    const wrong = run('--format', 'json', '--config', file, 'check');
    assert.equal(wrong.status, 1);
    assert.match(JSON.parse(wrong.stdout).rows[0].problem, /listne/);
    assert.equal(run('--config', file).status, 2);
});

test('wrong usage is 2, help is 0 and has an example', { skip }, () => {
    for (const args of [[], ['lst'], ['list', '--limit', 'x'], ['list', '--format', 'xml'], ['show', 'a', 'b'], ['check', '--colour']])
        assert.equal(purser(...args).status, 2, args.join(' '));
    for (const args of [['--help'], ['list', '--help'], ['show', '--help'], ['check', '--help']]) {
        const r = purser(...args);
        assert.equal(r.status, 0);
        assert.match(r.stdout, /example:\n +purser prices/);
    }
    assert.equal(purser('check', '--config', path.join(folder, 'none.yaml')).status, 1);
    assert.equal(purser('list', '--config', path.join(folder, 'none.yaml')).status, 1);
});
