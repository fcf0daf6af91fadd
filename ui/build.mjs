// Makes the dashboard: one page, one script, one style sheet, gzipped into one blob that the binary embeds.
//
//   node ui/build.mjs OUT.bin       what `make` runs
//   import { bundle } from ...      what the tests and the development server use
//
// The blob is a table of lines, an empty line, then the files' bytes one after the other (src/admin/pages.c reads it):
//   purser-ui 1
//   page NAME                                a first part of a path at which index.html stands
//   file PATH TYPE GZIPPED PLAIN HASH        lengths in bytes
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
export const CEILING_BYTES = 150_000; // of everything that a first visit fetches, gzipped

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const TYPES = { html: 'text/html;charset=utf-8', js: 'text/javascript;charset=utf-8', css: 'text/css;charset=utf-8', svg: 'image/svg+xml' };

/** The names of the pages, from the one list of them. */
export function pageNames() {
    const names = [...readFileSync(`${here}src/pages/index.ts`, 'utf8').matchAll(/\bpath: '([a-z]*)'/g)].map(([, name]) => name);
    if (names.length < 2) throw new Error('ui/src/pages/index.ts lists no pages');
    return names.filter(Boolean);
}

/** [{ path, type, bytes }]; assets carry their hash in their name, so that they may be kept for ever. */
export async function bundle({ minify = true, sourcemap = false } = {}) {
    const made = await build({
        entryPoints: { app: `${here}src/main.tsx` }, outdir: '/', write: false, bundle: true, format: 'esm', target: 'es2022',
        minify, sourcemap: sourcemap ? 'inline' : false, jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none', charset: 'utf8', logLevel: 'warning',
    });
    const assets = made.outputFiles.map((file) => ({ ext: file.path.split('.').pop(), bytes: Buffer.from(file.contents) }));
    assets.push({ ext: 'svg', bytes: readFileSync(`${here}src/icon.svg`) });
    let html = readFileSync(`${here}index.html`, 'utf8');
    const files = assets.map(({ ext, bytes }) => {
        const name = ext === 'svg' ? 'icon' : 'app', path = `/assets/${name}-${hashOf(bytes).slice(0, 8)}.${ext}`;
        if (!html.includes(`/assets/${name}.${ext}`)) throw new Error(`ui/index.html does not use ${name}.${ext}`);
        html = html.replace(`/assets/${name}.${ext}`, path);
        return { path, type: TYPES[ext], bytes };
    });
    return [{ path: '/index.html', type: TYPES.html, bytes: Buffer.from(html) }, ...files];
}

export function pack(files) {
    const packed = files.map((file) => ({ ...file, gzipped: gzipSync(file.bytes, { level: 9 }) }));
    const table = [
        'purser-ui 1',
        ...pageNames().map((name) => `page ${name}`),
        ...packed.map(({ path, type, bytes, gzipped }) => `file ${path} ${type} ${gzipped.length} ${bytes.length} ${hashOf(bytes)}`),
    ];
    return { blob: Buffer.concat([Buffer.from(`${table.join('\n')}\n\n`), ...packed.map((file) => file.gzipped)]), packed };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const out = process.argv[2];
    const { blob, packed } = pack(await bundle());
    const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
    console.log(`  note\tdashboard: ${kilobytes(blob.length)} kB gzipped of at most ${CEILING_BYTES / 1000} (` +
        `${packed.map(({ path, gzipped }) => `${path.split('.').pop()} ${kilobytes(gzipped.length)}`).join(', ')})`);
    if (blob.length > CEILING_BYTES) throw new Error(`the dashboard has ${blob.length} bytes gzipped, more than ${CEILING_BYTES}`);
    writeFileSync(`${out}.new`, blob);
    renameSync(`${out}.new`, out); // other modes may be building beside this one
}
