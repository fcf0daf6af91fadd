// The dashboard's own tests (ui/tests), bundled as its build bundles it; and what the build makes.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(root);
const skip = existsSync(join(root, 'ui/node_modules/esbuild')) ? false : 'no npm packages in ui: scripts/install fetches them';

if (!skip) {
    const { build } = await import(join(root, 'ui/node_modules/esbuild/lib/main.js'));
    const out = join(root, 'build/ui/tests');
    mkdirSync(out, { recursive: true });
    const files = readdirSync(join(root, 'ui/tests')).filter((name) => name.endsWith('.test.ts'));
    assert.ok(files.length >= 3);
    await build({
        entryPoints: files.map((name) => join(root, 'ui/tests', name)), outdir: out, outExtension: { '.js': '.mjs' },
        bundle: true, platform: 'node', format: 'esm', jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning',
    });
    for (const name of files) await import(join(out, name.replace(/\.ts$/, '.mjs')));
}

test('the build keeps to its ceiling, makes no request elsewhere, and what it packs is what it made', { skip }, async () => {
    const { bundle, pack, pageNames, CEILING_BYTES } = await import(join(root, 'ui/build.mjs'));
    const files = await bundle();
    const { blob } = pack(files);
    assert.ok(blob.length <= CEILING_BYTES && CEILING_BYTES <= 150_000, `${blob.length} bytes`);
    const end = blob.indexOf('\n\n');
    const table = blob.subarray(0, end).toString().split('\n');
    assert.equal(table[0], 'purser-ui 1');
    assert.deepEqual(table.filter((line) => line.startsWith('page ')), pageNames().map((name) => `page ${name}`));
    let at = end + 2;
    for (const [i, line] of table.filter((one) => one.startsWith('file ')).entries()) {
        const [, path, , gzipped, plain] = line.split(' ');
        const bytes = gunzipSync(blob.subarray(at, at + Number(gzipped)));
        at += Number(gzipped);
        assert.equal(path, files[i].path);
        assert.equal(bytes.length, Number(plain));
        assert.ok(bytes.equals(files[i].bytes));
    }
    assert.equal(at, blob.length);
    const html = files[0].bytes.toString();
    assert.ok(!/<style|\sstyle=|<script>|\son\w+=/.test(html), 'no inline script or style: the policy forbids them');
    for (const file of files) {
        const addresses = file.bytes.toString().match(/https?:\/\/[\w.-]+/g) ?? [];
        assert.deepEqual(addresses.filter((one) => !['http://www.w3.org', 'http://x'].includes(one)), [], file.path);
    }
});

test('every page of the dashboard is in its list', { skip }, () => {
    const index = readFileSync('ui/src/pages/index.ts', 'utf8');
    for (const name of readdirSync('ui/src/pages').filter((one) => one.endsWith('.tsx') && !one.includes('_'))) {
        if (name !== 'missing.tsx') assert.ok(index.includes(`'./${name.replace('.tsx', '')}'`), name);
    }
});
