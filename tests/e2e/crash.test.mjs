// Promise 2: the ledger loses nothing. kill -9 at random moments under load, again and again
// over the same data folder; afterwards every call that reached the provider has its row,
// once, and what clients were told is what stands there. @sanitizers
//
//   PURSER_KILLS=1000  node --test tests/e2e/crash.test.mjs     (default 30)
//   PURSER_SEED=7      moments and calls of another seed
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliceKey, bobKey, labSettings, sanitized, sleep, startPurser, startSimulator, tempDir, until } from './helpers.mjs';
import { attemptOf, billOf, sum, truthSince } from './truth.mjs';
import { draws, Wire } from './wire.mjs';

const kills = Number(process.env.PURSER_KILLS ?? (sanitized ? 3 : 30));
const clients = 48;
const seed = Number(process.env.PURSER_SEED ?? 1);
const prices = [{ model: 'lab/sim-small', input: 3, output: 15, cache_read: 0.3, from: '2026-01-01' }];

/** Calls until the server is gone; notes every answer that came whole. */
async function caller(wire, draw, told, stop) {
    while (!stop.now) {
        const stream = draw.chance(0.6);
        const hangUp = draw.chance(0.03);
        const fault = draw.chance(0.05) ? ` fault=${['500', 'cut', 'end-early', '429'][draw.below(4)]}` : '';
        const answer = await wire.post('/v1/chat/completions', {
            model: 'cheap',
            stream,
            ...(draw.chance(0.5) ? { max_completion_tokens: 60 } : {}),
            messages: [{ role: 'user', content: `Call. [simulate usage=cached${fault}]` }],
        }, { key: draw.chance(0.5) ? aliceKey : bobKey, onBody: hangUp ? (_, a) => a.hangUp() : undefined });
        if (answer.status === 0) {
            if (stop.now) return;
            await sleep(1); // the server is going down
            continue;
        }
        const whole = answer.complete && answer.status === 200 && (!stream || answer.text.endsWith('data: [DONE]\n\n'));
        if (whole) told.push(answer.headers['x-purser-request-id']);
    }
}

test(`kill -9 ${kills} times under load: every call has its row, once`, async (t) => {
    const sim = await startSimulator({
        args: ['--output-tokens', '5..60', '--first-token', '1ms..30ms', '--between-tokens', '100us..2ms', '--seed', String(seed), '--truth-keep', '5000000'],
    });
    t.after(() => sim.stop());
    const dir = tempDir('purser-crash');
    const settings = labSettings(sim, {
        prices,
        log: 'off',
        budgets: [
            { name: 'all', scope: {}, limit_usd: 100000, window: 'total' },
            { name: 'each-key', scope: { key: '*' }, limit_usd: 100000, window: 'total' },
            { name: 'calls', scope: { team: 'support' }, limit_requests: 1000000000, window: 'total' },
        ],
    });
    const told = [];
    const draw = draws(seed);
    let withHolds = 0, openHolds = 0, crashRows = 0;
    for (let n = 0; n < kills; n++) {
        const purser = await startPurser({ settings, dir });
        const stop = { now: false };
        const wires = Array.from({ length: clients }, () => new Wire(purser.port));
        const callers = wires.map((wire, i) => caller(wire, draws(seed + 1000 * n + i), told, stop));
        await sleep(30 + draw.below(400)); // the moment is random, nothing is measured by it
        await purser.kill9();
        stop.now = true;
        for (const wire of wires) wire.close();
        await Promise.all(callers);
    }

    // one start more: what was in flight last is settled too
    const purser = await startPurser({ settings, dir });
    const calls = await truthSince(sim);
    await until('the journals stored', async () => {
        const text = await purser.metrics();
        return /^purser_ledger_waiting_bytes 0$/m.test(text) && /^purser_ledger_open_holds 0$/m.test(text);
    }, { seconds: 60 });
    const columns = 'attempt_id, key, status, cost_state, cost_picousd, cost_max_picousd, provider_request_id';
    const rows = await purser.rows(0, { columns, seconds: 60 });
    const byId = new Map(rows.map((r) => [String(r.attempt_id), r]));
    assert.equal(byId.size, rows.length, 'an attempt has two rows');

    // nothing lost
    const lost = calls.filter((c) => !byId.has(attemptOf(c)));
    assert.deepEqual(lost, [], `${lost.length} of ${calls.length} calls that reached the provider have no row`);
    // nothing twice: neither in the rows nor at the provider
    assert.equal(new Set(calls.map(attemptOf)).size, calls.length, 'an attempt was sent twice');
    const ids = rows.map((r) => r.provider_request_id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length, 'two rows carry the same request id of the provider');

    // and what it says is right
    const byAttempt = new Map(calls.map((c) => [attemptOf(c), c]));
    for (const row of rows) {
        const call = byAttempt.get(String(row.attempt_id));
        const bill = call ? billOf(call, { own: prices }).total : 0n;
        const what = `row ${row.attempt_id} (${row.status}) of ${call?.request_id}`;
        if (row.provider_request_id) assert.equal(row.provider_request_id, call.request_id, what);
        if (row.cost_state === 'exact') assert.equal(BigInt(row.cost_picousd), bill, what);
        assert.ok(bill <= BigInt(row.cost_max_picousd), `${what}: cost ${bill}, but at most ${row.cost_max_picousd} by the ledger`);
        assert.ok(BigInt(row.cost_picousd) <= BigInt(row.cost_max_picousd), what);
        if (row.status === 'crash') assert.equal(row.cost_state, 'estimated', what);
    }
    for (const id of told) {
        const row = byId.get(BigInt(`0x${id}`).toString());
        assert.ok(row, `call ${id} was answered in full, but has no row`);
        assert.equal(`${row.status} ${row.cost_state}`, 'ok exact', `call ${id} was answered in full`);
    }

    // holds that were open when it died: rows with the status crash, by boot epoch
    const epochs = new Set(rows.filter((r) => r.status === 'crash').map((r) => String(BigInt(r.attempt_id) >> 43n)));
    withHolds = epochs.size;
    crashRows = rows.filter((r) => r.status === 'crash').length;
    openHolds = crashRows;
    t.diagnostic(`${kills} kills (seed ${seed}), ${withHolds} of them with holds open (${openHolds} holds); ${rows.length} rows, ${calls.length} calls at the provider, ${told.length} answered in full`);
    assert.ok(withHolds * 2 >= kills, `only ${withHolds} of ${kills} kills met open holds`);
    assert.ok(rows.length > kills * 20, `only ${rows.length} calls in ${kills} rounds`);

    // the sums that hang on the rows
    const spent = sum(rows, (r) => r.cost_picousd);
    const cells = await purser.sql('SELECT budget, value, spent FROM cells');
    const of = (name, value = '') => cells.filter((c) => c.budget.startsWith(`${name}#`) && c.value.includes(value));
    assert.equal(sum(of('all'), (c) => c.spent), spent, 'budget all');
    for (const key of ['alice', 'bob']) {
        assert.equal(sum(of('each-key', key), (c) => c.spent), sum(rows.filter((r) => r.key === key), (r) => r.cost_picousd), `budget of ${key}`);
    }
    const [rollup] = await purser.sql('SELECT sum(attempts) AS attempts, sum(cost_picousd) AS cost FROM rollup_hour');
    assert.equal(Number(rollup.attempts), rows.length, 'the rollup counts otherwise');
    assert.equal(BigInt(rollup.cost), spent, 'the rollup adds otherwise');
    const states = await (await fetch(`${purser.adminUrl}/api/v1/budgets`, { headers: { authorization: `Bearer ${purser.adminToken}` } })).json();
    const all = states.rows.find((s) => s.budget === 'all');
    assert.equal(BigInt(all.spent), spent, 'the budget itself, after the last start');
    assert.equal(all.held, 0);
    await purser.stop();

    const verify = await purser.cli(['ledger', 'verify']);
    assert.equal(verify.code, 0, `purser ledger verify: ${verify.stdout}${verify.stderr}`);
    assert.equal((await purser.sql('SELECT count(*) AS n FROM damage'))[0].n, 0, 'the journals were damaged');
});
