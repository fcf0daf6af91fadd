// Features as their owners look at them: sums equal the report's and the rows', what is promised and what grows too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { labSettings, post, sql, startPurser, startSimulator } from './helpers.mjs';
import { makePast } from './past.mjs';

let purser;
before(async () => {
    const past = await makePast({ rows: 8000, days: 40, users: 200 });
    past.settings = past.settings.replace(/ slo: \{[^}]*\},?/g, '').replace(/^( {2}support-bot: \{)/m, '$1 slo: { latency: 3s, first_token: 700ms, target: 95% },');
    past.settings = past.settings.replace(/^budgets:\n/m, 'budgets:\n  - { name: bot-month, scope: { feature: support-bot }, limit_usd: 900, window: month }\n');
    purser = await startPurser(past);
});
after(() => purser?.stop());

const ask = async (query) => {
    const got = await fetch(`${purser.adminUrl}/api/v1/${query}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    return { status: got.status, body: await got.json() };
};
const begun = Date.now(), day = (back) => new Date(begun - back * 86400e3).toISOString().slice(0, 10); // the same also past midnight
const us = (date) => `${Date.parse(date)}000`;

test('sums are those of the report, in its order; what had no calls comes last', async () => {
    const { body } = await ask(`features?since=${day(20)}&until=${day(0)}`);
    const { body: report } = await ask(`report?by=feature&since=${day(20)}&until=${day(0)}`);
    const called = body.rows.filter((f) => f.calls);
    assert.deepEqual(called.map((f) => f.name), report.rows.map((r) => r.feature));
    for (const [i, f] of called.entries()) {
        const r = report.rows[i];
        for (const name of ['calls', 'attempts', 'errors', 'cost_picousd', 'wasted_cost_picousd']) assert.equal(f[name], r[name], `${f.name} ${name}`);
        assert.equal(f.call_picousd, Math.floor(r.cost_picousd / r.calls));
        assert.ok(Math.abs(f.p95_ms - r.p95_ms) < 1);
    }
    const unset = body.rows.find((f) => !f.set);
    assert.ok(unset && unset.owner === null && unset.tier === null);
});

test('what is promised is held against the rows', async () => {
    const { body } = await ask(`features/support-bot?since=${day(20)}&until=${day(0)}`);
    const [row] = await sql(purser.data, `SELECT count(*) FILTER (WHERE total_us > 0) AS n, count(*) FILTER (WHERE total_us > 3200000) AS least, count(*) FILTER (WHERE total_us > 2800000) AS most FROM attempts WHERE feature = 'support-bot' AND at_us >= ${us(day(20))} AND at_us < ${us(day(0))}`);
    const { latency, first_token: first } = body.slo;
    assert.deepEqual([latency.within_ms, latency.target, latency.counted], [3000, 0.95, row.n]);
    assert.ok(latency.over >= row.least && latency.over <= row.most, `${row.least} ${latency.over} ${row.most}`); // a bucket is a thirtieth wide
    assert.ok(latency.over > 0 && latency.over_low < latency.over_share && latency.over_share < latency.over_high);
    assert.equal(latency.met, latency.over_share <= 0.05);
    assert.ok(Math.abs(latency.error_budget_left - (1 - latency.over_share / 0.05)) < 1e-3);
    assert.ok(first.counted > 0 && first.counted < latency.counted); // streams alone have one
    const { body: other } = await ask(`features/shop-search?since=${day(20)}`);
    assert.equal(other.slo, null);
});

test('what of a prompt grows is told by segment, a call', async () => {
    const { body } = await ask(`features/support-bot?since=${day(10)}&until=${day(0)}`);
    const means = async (from, until) => (await sql(purser.data, `SELECT avg(system_bytes) AS system, avg(history_bytes) AS history, avg(retrieved_bytes) AS retrieved, avg(tools_bytes) AS tools, avg(prompt_bytes - system_bytes - history_bytes - retrieved_bytes - tools_bytes) AS rest, avg(output_tokens + reasoning_tokens) AS output FROM attempts WHERE feature = 'support-bot' AND at_us >= ${us(from)} AND at_us < ${us(until)}`))[0];
    const [were, are] = [await means(day(20), day(10)), await means(day(10), day(0))];
    assert.deepEqual(body.growth.map((g) => g.segment), ['system', 'history', 'retrieved', 'tools', 'rest', 'output']);
    for (const g of body.growth) {
        assert.ok(Math.abs(g.before - were[g.segment]) < 0.1 && Math.abs(g.after - are[g.segment]) < 0.1, JSON.stringify([g, were, are]));
        if (were[g.segment]) assert.ok(Math.abs(g.change - (are[g.segment] / were[g.segment] - 1)) < 1e-3);
        else assert.equal(g.change, null);
    }
    assert.ok(body.trend.some((t) => t.segment === 'output' && t.days === 10), JSON.stringify(body.trend));
});

test('the cost of a task leaves out what is in no task', async () => {
    const { body } = await ask(`features/support-bot?since=${day(20)}&until=${day(0)}`);
    const [row] = await sql(purser.data, `SELECT count(DISTINCT task) AS tasks, sum(iif(cost_state = 'unpriced', 0, cost_picousd)) AS cost FROM attempts WHERE feature = 'support-bot' AND task != '' AND at_us >= ${us(day(20))} AND at_us < ${us(day(0))}`);
    assert.equal(body.tasks, row.tasks);
    assert.equal(body.task_picousd, Number(BigInt(row.cost) / BigInt(row.tasks)));
});

test('budgets of the feature come with how they go on', async () => {
    const { body } = await ask('features/support-bot');
    const own = body.budgets.find((b) => b.budget === 'bot-month');
    const month = `${new Date().toISOString().slice(0, 8)}01`;
    const [row] = await sql(purser.data, `SELECT count(*) AS n, sum(cost_picousd) AS cost FROM attempts WHERE feature = 'support-bot' AND at_us >= ${us(month)}`);
    if (row.n) {
        assert.deepEqual([own.limit_picousd, own.spent_picousd], [900e12, Number(row.cost)]);
        assert.ok(own.end_picousd >= own.spent_picousd && own.run_out === null);
    } else {
        assert.equal(own, undefined, 'in the first hours of a month no call may have met it');
    }
    assert.equal((await ask('features/no-such-feature')).status, 404);
});

test('nor is what is in no task counted as one where a thousand tasks are dearer', async () => {
    const sim = await startSimulator();
    const lab = await startPurser({ settings: labSettings(sim) });
    const call = (tokens, headers) => post(lab, '/v1/chat/completions', { model: 'cheap', max_tokens: tokens, messages: [{ role: 'user', content: 'Hi' }] }, { headers: { 'x-purser-feature': 'many', ...headers } });
    assert.equal((await call(1)).status, 200);
    for (let i = 0; i < 1020; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => call(20, { 'x-purser-task': `t${i + k}` })));
    const rows = await lab.sql("SELECT count(*) AS n, sum(cost_picousd) AS cost FROM attempts WHERE task != ''");
    const got = await fetch(`${lab.adminUrl}/api/v1/features/many?since=${day(1)}`, { headers: { authorization: `Bearer ${lab.adminToken}` } });
    const { tasks, calls, task_picousd: each } = await got.json();
    assert.deepEqual([rows[0].n, calls, tasks, each], [1020, 1021, 1020, Math.floor(rows[0].cost / 1020)]);
    await lab.stop();
    await sim.stop();
});
