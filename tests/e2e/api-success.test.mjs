// What success costs, on a made-up past: held against the rows in SQL, unit by unit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseBig, startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

const DAY = 86400000000n;
let purser, told;

const ask = (path) => fetch(`${purser.adminUrl}/api/v1/${path}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
const get = async (path) => {
    const answer = await ask(path), text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return parseBig(text);
};

before(async () => {
    const past = await makePast({ rows: 20000, days: 30 });
    purser = await startPurser({ dir: past.dir, settings: past.settings });
    await units();
});
after(() => purser?.stop());

/** Every outcome, with when its unit began and what that cost. */
async function units() {
    const cost = "sum(CASE cost_state WHEN 'unpriced' THEN 0 ELSE cost_picousd END) AS cost, min(at_us) AS began";
    const of = new Map();
    for (const r of await purser.sql(`SELECT task AS unit, ${cost} FROM attempts WHERE task != '' GROUP BY task`)) of.set(r.unit, r);
    for (const r of await purser.sql(`SELECT call_id AS unit, ${cost} FROM attempts GROUP BY call_id`)) of.set(String(r.unit), r);
    told = await purser.sql('SELECT task, call_id, name, success, value_picousd AS worth FROM outcomes');
    assert.ok(told.length > 100);
    return told.flatMap((o) => (of.has(o.task || String(o.call_id)) ? [{ ...o, ...of.get(o.task || String(o.call_id)) }] : []));
}

test('sums over all units are those of the rows', async () => {
    const all = await get('success?since=30d&mature=2d');
    const from = BigInt(Date.parse(all.from)) * 1000n, to = BigInt(Date.parse(all.to)) * 1000n;
    assert.equal((to - from) % DAY, 0n);
    const mature = (await units()).filter((u) => BigInt(u.began) >= from && BigInt(u.began) < to);
    assert.deepEqual(all.rows.map((r) => r.name).slice().sort(), [...new Set(mature.map((u) => u.name))].slice().sort());
    const [spend] = await purser.sql(`SELECT sum(CASE cost_state WHEN 'unpriced' THEN 0 ELSE cost_picousd END) AS cost FROM attempts WHERE at_us >= ${from} AND at_us < ${to}`);
    for (const row of all.rows) {
        const wanted = mature.filter((u) => u.name === row.name);
        const sum = (what) => wanted.reduce((a, u) => a + BigInt(u[what]), 0n);
        assert.deepEqual([row.value, BigInt(row.units), BigInt(row.successes), BigInt(row.cost_picousd), BigInt(row.worth_picousd)], [null, BigInt(wanted.length), sum('success'), sum('cost'), sum('worth')], row.name);
        assert.equal(row.spend_picousd, spend.cost);
        assert.ok(Math.abs(row.coverage - Number(row.cost_picousd) / Number(spend.cost)) < 1e-9);
        assert.equal(BigInt(row.cost_per_unit_picousd), BigInt(row.cost_picousd) / BigInt(row.units));
        assert.ok(row.success_rate_low < row.success_rate && row.success_rate < row.success_rate_high);
        if (!row.successes) continue;
        assert.ok(Math.abs(Number(row.cost_per_success_picousd) - Number(row.cost_picousd) / row.successes) <= 1);
        assert.ok(row.cost_per_success_low_picousd < row.cost_per_success_picousd && row.cost_per_success_picousd < row.cost_per_success_high_picousd, JSON.stringify(row));
    }
});

test('by any dimension each unit counts once', async () => {
    const all = (await get('success?since=30d&mature=2d')).rows;
    const whole = (what) => all.reduce((a, r) => a + BigInt(r[what]), 0n);
    for (const by of ['feature', 'prompt', 'model', 'user']) {
        const { rows } = await get(`success?since=30d&mature=2d&by=${by}&limit=1000`);
        const sum = (what) => rows.reduce((a, r) => a + BigInt(r[what]), 0n);
        assert.ok(rows.length > 1, by);
        assert.ok(rows.every((r) => r.value !== null), by);
        if (by === 'user' && rows.length === 1000) continue; // there are more of them than are shown
        for (const what of ['units', 'successes', 'cost_picousd', 'worth_picousd']) assert.equal(sum(what), whole(what), `${by} ${what}`);
    }
});

test('younger units, other names and wrong questions', async () => {
    assert.deepEqual((await get('success?since=1d&mature=7d')).rows, []);
    assert.deepEqual((await get('success?since=30d&name=other')).rows, []);
    assert.equal((await get(`success?since=30d&name=${told[0].name}`)).rows.length, 1);
    for (const [path, words] of [['success?by=key', /by: one of feature, prompt/], ['success?mature=soon', /mature: a duration/]]) {
        const answer = await ask(path), body = await answer.json();
        assert.equal(answer.status, 400);
        assert.match(body.detail, words);
    }
    const csv = await (await ask('success?since=30d&by=feature&format=csv')).text();
    assert.match(csv, /^name,value,units,successes,success_rate,/);
});
