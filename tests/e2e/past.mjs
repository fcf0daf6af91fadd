// A past of its own for a test: a data folder that tools/past fills within a second, and the settings that fit it.
// What a test says of it must hold of any: PURSER_SEED=7 makes up another one.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, tempDir } from './helpers.mjs';

export const pastBin = join(root, 'build/past');

/** { dir, data, settings }: for startPurser({ dir, settings }), as `dir/data` is where it looks. `upstream`: a
 *  simulator's address, behind all providers; `args`: more options of tools/past. */
export async function makePast({ rows = 20000, days = 60, users = 3000, seed = Number(process.env.PURSER_SEED ?? 1), hostile = false, upstream, args = [] } = {}) {
    const dir = tempDir('purser-past');
    const data = join(dir, 'data'), file = join(dir, 'past.yaml');
    mkdirSync(data, { mode: 0o700 });
    const options = ['--rows', `${rows}`, '--days', `${days}`, '--users', `${users}`, '--seed', `${seed}`, '--settings', file, '--secret', 'test-0123456789abcdef'];
    if (hostile) options.push('--hostile');
    if (upstream) options.push('--upstream', upstream);
    const got = await run(pastBin, [...options, ...args, data], { seconds: 120 });
    assert.equal(got.code, 0, `tools/past: ${got.stderr}`);
    return { dir, data, settings: readFileSync(file, 'utf8'), said: got.stdout };
}

/** The secret of one of its keys. */
export const pastKey = (name) => `sk-${name}-test-0123456789abcdef`;
