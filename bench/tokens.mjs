// The figure `tokens`: how fast texts are counted, beside the npm tokenizer on the same text in the same run.
// As a program of its own (node bench/tokens.mjs ENCODING FILE) it is that tokenizer's turn.
import { readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const self = fileURLToPath(import.meta.url);
const MEGABYTES = 4;

/** Code, documents, and prose in many scripts, alternating, as much as MEGABYTES. */
function mixedText() {
    const list = (pattern) => execFileSync('git', ['ls-files', ...pattern], { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const read = (file) => readFileSync(join(root, file), 'utf8');
    const prose = read('tests/e2e/tokens.test.mjs').split('\n').filter((line) => /[^\x00-\x7f]{20}/.test(line)).join('\n');
    const code = list(['src/**/*.c', 'tests/**/*.mjs', 'docs/*.md', 'README.md', 'scripts/*', 'data/*.csv']).map(read);
    let text = '';
    for (let i = 0; text.length < MEGABYTES * 1e6; i++) text += code[i % code.length] + prose;
    return text;
}

async function npmSpeed(encoding, file) {
    const npm = await import(join(root, `tools/ranks/node_modules/gpt-tokenizer/esm/encoding/${encoding}_base.js`));
    const bytes = readFileSync(file);
    const text = bytes.toString('utf8');
    let best = Infinity, tokens = 0;
    for (let i = 0; i < 2; i++) {
        const began = process.cpuUsage().user;
        tokens = npm.countTokens(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() });
        best = Math.min(best, (process.cpuUsage().user - began) / 1000);
    }
    return { tokens, mb_s: bytes.length / 1000 / best };
}

/** `run(program, args)` gives a program's standard output. */
export async function measure(dir, rounds, run, tick) {
    const file = join(dir, 'mixed.txt');
    writeFileSync(file, mixedText());
    const found = {};
    for (const encoding of ['o200k', 'cl100k']) {
        found[encoding] = [];
        for (let i = 0; i < rounds; i++) {
            const own = JSON.parse(await run(join(root, 'build/bench/token_speed'), [encoding, file]));
            const npm = JSON.parse(await run(process.execPath, [self, encoding, file]));
            if (own.tokens !== npm.tokens) throw new Error(`${encoding}: ${own.tokens} tokens, npm counts ${npm.tokens}`);
            found[encoding].push({ own: own.mb_s, npm: npm.mb_s });
            tick();
        }
    }
    return found;
}

if (process.argv[1] === self) console.log(JSON.stringify(await npmSpeed(process.argv[2], process.argv[3])));
