// /api/v1/providers: who answers calls, how they do, and what they cost; never with what they are shown who calls.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aliceKey, labSettings, post, sql, startPurser, startSimulator, until } from './helpers.mjs';

let sim, purser;
const settings = () => {
    const usual = labSettings(sim);
    return {
        ...usual,
        providers: {
            ...usual.providers,
            second: { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-another-secret' },
            off: { kind: 'groq', api_key: '${NOBODY_SETS_THIS}' },
        },
        prices: [...usual.prices, { model: 'second/sim-small', input: 0.3, output: 1.2, from: '2026-01-01' }],
        models: { ...usual.models, both: { targets: ['lab/sim-small', 'second/sim-small'] } },
    };
};
const chat = (model, text = 'Hello') => post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: text }] });
const ask = async (query = '', token = purser.adminToken) =>
    fetch(`${purser.adminUrl}/api/v1/providers${query}`, { headers: { authorization: `Bearer ${token}` } });
const rows = async (query) => {
    const answer = await ask(query);
    assert.equal(answer.status, 200);
    return Object.fromEntries((await answer.json()).rows.map((row) => [row.name, row]));
};

before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: settings() });
    for (const model of ['cheap', 'both', 'second/sim-small', 'cheap']) assert.equal((await chat(model)).status, 200);
    assert.equal((await chat('cheap', 'Hello [simulate fault=500]')).status, 500);
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

test('each provider of the settings is there, on or off with the reason, and the models that lead to it', async () => {
    const got = await rows();
    assert.deepEqual(Object.keys(got).sort(), ['lab', 'off', 'second']);
    assert.deepEqual([got.lab.on, got.lab.why_off, got.lab.shown_by], [true, null, 'key']);
    assert.equal(got.lab.base_url, `${sim.url}/v1`);
    assert.deepEqual(got.lab.protocols[0], 'chat');
    assert.deepEqual(got.second.models, [{ name: 'both', model: 'sim-small', place: 2, of: 2 }]);
    assert.deepEqual(got.lab.models.map((m) => m.name).sort(), ['both', 'cheap', 'embed', 'moderate']);
    assert.equal(got.off.on, false);
    assert.match(got.off.why_off, /NOBODY_SETS_THIS/);
    assert.equal(got.off.shown_by, 'nothing');
});

test('what they cost is what stands in the ledger, by provider and by target', async () => {
    const got = await rows();
    const sums = await purser.sql('SELECT provider, sum(cost_picousd) AS cost, count(*) AS attempts FROM attempts GROUP BY provider');
    assert.equal(sums.length, 2);
    for (const { provider, cost, attempts } of sums) {
        assert.equal(got[provider].cost_picousd, Number(cost));
        assert.equal(got[provider].attempts, Number(attempts));
        assert.equal(got[provider].targets.reduce((sum, t) => sum + t.cost_picousd, 0), Number(cost));
    }
    assert.equal(got.lab.attempts, 4);
    assert.equal(got.lab.errors, 1);
    assert.ok(got.lab.p95_ms > 0);
    const before = await rows('?since=2020-01-01&until=2020-01-02');
    assert.deepEqual([before.lab.attempts, before.lab.cost_picousd, before.lab.p95_ms], [0, 0, null]);
});

test('a target that is guarded tells its breaker', async () => {
    const { lab, second } = await rows();
    const [target] = lab.targets;
    assert.deepEqual([target.model, target.state, target.in_flight], ['sim-small', 'closed', 0]);
    assert.ok(target.limit > 0 && target.ok >= 1);
    assert.deepEqual(second.targets.map((t) => t.model), ['sim-small']);
});

test('no secret is in it, as JSON or as CSV', async () => {
    for (const query of ['', '?format=csv']) {
        const text = await (await ask(query)).text();
        for (const secret of ['sk-simulated', 'sk-another-secret', aliceKey]) assert.ok(!text.includes(secret), query);
    }
    const lines = (await (await ask('?format=csv')).text()).trim().split('\n');
    assert.equal(lines.length, 4);
    assert.match(lines[0], /^name,kind,base_url,on,why_off,/);
});

test('money that went to a provider which is no longer set up is still told', async () => {
    await purser.reload(labSettings(sim));
    const got = await until('the settings without it', async () => {
        const all = await rows();
        return all.second.kind === null && all;
    });
    const [{ cost }] = await sql(purser.data, "SELECT sum(cost_picousd) AS cost FROM attempts WHERE provider = 'second'");
    assert.deepEqual([got.second.kind, got.second.on, got.second.cost_picousd], [null, false, Number(cost)]);
    assert.match(got.second.why_off, /settings/);
});
