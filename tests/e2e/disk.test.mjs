// A disk that fills up under load: calls are refused before they cost anything, what was taken is
// kept, and when there is room again purser goes on by itself, with nothing lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { labSettings, post, sanitized, startPurser, startSimulator, tempDir, until } from './helpers.mjs';
import { attemptOf, billOf, sum, truthSince } from './truth.mjs';
import { Wire } from './wire.mjs';

const prices = [{ model: 'lab/sim-small', input: 3, output: 15, from: '2026-01-01' }];
const call = { model: 'cheap', messages: [{ role: 'user', content: 'Call. [simulate tokens=3 latency=0ms]' }] };
const MOST = 40000; // far more than fit

/** A small disk of its own at `dir`; null where this user may not mount one. */
function mountSmall(dir) {
    const mount = (options) => execFileSync('mount', [...options, dir], { stdio: 'pipe' });
    try {
        mount(['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs']);
    } catch {
        return null;
    }
    return { grow: () => mount(['-o', 'remount,size=100m']), gone: () => execFileSync('umount', ['-l', dir]) };
}

test('a full disk stops calls before they cost, loses nothing, and is over when there is room', async (t) => {
    if (sanitized) return t.skip('too slow to fill a disk under sanitizers');
    const dir = tempDir('purser-disk');
    const disk = mountSmall(dir);
    if (!disk) return t.skip('only root can mount a small disk');
    t.after(() => disk.gone());
    const sim = await startSimulator({ args: ['--truth-keep', '100000'] });
    t.after(() => sim.stop());
    const purser = await startPurser({ dir, settings: labSettings(sim, { prices, log: 'off' }) });

    let sent = 0, answered = 0, refused = null;
    await Promise.all(Array.from({ length: 32 }, async () => {
        const wire = new Wire(purser.port);
        while (sent++ < MOST && !refused) {
            const answer = await wire.post('/v1/chat/completions', call, { key: purser.key });
            if (answer.status === 200) answered++;
            else refused ??= answer;
        }
        wire.close();
    }));
    assert.ok(refused, `${answered} calls were answered, and the disk of 20 MB is not full`);
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.json.error.code, 'ledger_full');
    await until('a word to the operator', () => /the ledger in '.*' met errors .* MB free there/.test(purser.log));

    disk.grow();
    await until('every worker to have room', async () => (await fetch(`${purser.url}/readyz`)).status === 200);
    assert.equal((await post(purser, '/v1/chat/completions', call)).status, 200, 'ready, and a call is taken');
    answered++;
    await until('word that it is over', () => /the ledger writes again/.test(purser.log), { seconds: 30 });

    const calls = await truthSince(sim);
    const rows = await purser.rows(calls.length, { columns: 'attempt_id, status, cost_state, cost_picousd' });
    assert.equal(rows.filter((r) => r.status === 'ok').length, answered);
    assert.deepEqual(rows.map((r) => String(r.attempt_id)).sort(), calls.map(attemptOf).sort(), 'a row for every call that reached the provider, once');
    assert.equal(sum(rows, (r) => r.cost_picousd), sum(calls, (c) => billOf(c, { own: prices }).total));
    const verified = await purser.cli(['ledger', 'verify']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    await purser.stop();
});

test('a store that refuses rows: a report says that the latest are missing, and none is lost', async (t) => {
    const sim = await startSimulator();
    t.after(() => sim.stop());
    const purser = await startPurser({ settings: labSettings(sim, { prices, log: 'off' }) });
    const ask = () => post(purser, '/v1/chat/completions', call);
    const change = (sql) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', `${purser.data}/purser.db`, sql]);
    assert.equal((await ask()).status, 200);
    await purser.rows(1);
    change("CREATE TRIGGER refuse BEFORE INSERT ON positions BEGIN SELECT raise(ABORT, 'no'); END");
    assert.equal((await ask()).status, 200);
    const during = await purser.cli(['report', '--format', 'json']);
    assert.equal(during.code, 0, during.stderr);
    assert.match(during.stderr, /warning: the server's ledger refuses rows now/);
    assert.equal(JSON.parse(during.stdout).totals.attempts, 1);
    change('DROP TRIGGER refuse');
    await until('the other row', async () => JSON.parse((await purser.cli(['report', '--format', 'json'])).stdout).totals.attempts === 2);
    await purser.stop();
});
