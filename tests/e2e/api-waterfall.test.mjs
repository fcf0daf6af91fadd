// Why a bill changed, and what of it was waste: effects and lines that add up to what the rows say.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql, startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

let purser;
before(async () => {
    purser = await startPurser(await makePast({ rows: 8000, days: 40, users: 200 }));
});
after(() => purser?.stop());

const ask = async (query) => {
    const got = await fetch(`${purser.adminUrl}/api/v1/${query}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    return { status: got.status, body: await got.json() };
};
const add = (values) => values.reduce((sum, v) => sum + v, 0);
const begun = Date.now(), day = (back) => new Date(begun - back * 86400e3).toISOString().slice(0, 10); // the same also past midnight
const spent = async (from, until, more = '') => {
    const [row] = await sql(purser.data, `SELECT coalesce(sum(cost_picousd), 0) AS cost FROM attempts WHERE cost_state != 'unpriced' AND at_us >= ${Date.parse(from)}000 AND at_us < ${Date.parse(until)}000 ${more}`);
    return Number(row.cost);
};

test('the effects add up to the difference, of all and of each feature, and the periods are the rows', async () => {
    const { body } = await ask(`waterfall?since=${day(10)}&until=${day(0)}`);
    assert.deepEqual([body.before.since.slice(0, 10), body.before.until.slice(0, 10)], [day(20), day(10)]);
    assert.equal(body.complete, true);
    assert.equal(body.after.cost_picousd, await spent(day(10), day(0)));
    assert.equal(body.before.cost_picousd, await spent(day(20), day(10)));
    assert.deepEqual(body.effects.map((e) => e.name), ['volume', 'tokens', 'price', 'mix', 'cache', 'retries']);
    assert.equal(add(body.effects.map((e) => e.picousd)), body.after.cost_picousd - body.before.cost_picousd);
    assert.ok(body.effects.filter((e) => e.picousd).length >= 4, JSON.stringify(body.effects));
    for (const f of body.features)
        assert.equal(add(body.effects.map((e) => f[`${e.name}_picousd`])), f.after_picousd - f.before_picousd, f.feature);
    assert.equal(add(body.features.map((f) => f.after_picousd)), body.after.cost_picousd);
    const one = [...body.features].sort((a, b) => b.after_picousd - a.after_picousd)[0].feature;
    const { body: only } = await ask(`waterfall?since=${day(10)}&until=${day(0)}&before_since=${day(40)}&before_until=${day(30)}&where=feature=${one}`);
    assert.equal(only.after.cost_picousd, await spent(day(10), day(0), `AND feature = '${one}'`));
    assert.equal(only.before.cost_picousd, await spent(day(40), day(30), `AND feature = '${one}'`));
    assert.equal((await ask(`waterfall?since=${day(1)}&until=${day(5)}`)).status, 400);
    assert.equal((await ask('waterfall?where=colour=red')).status, 400);
});

test('the lines of waste add up to the wasted cost', async () => {
    const { body } = await ask(`waste?since=${day(35)}`);
    const [row] = await sql(purser.data, `SELECT sum(cost_picousd) AS cost, sum(wasted) AS attempts FROM attempts WHERE wasted = 1 AND cost_state != 'unpriced' AND at_us >= ${Date.parse(day(35))}000`);
    const lines = Object.fromEntries(body.waste.map((l) => [l.kind, l]));
    const { loops, ...wasted } = lines;
    assert.equal(add(Object.values(wasted).map((l) => l.cost_picousd)), Number(row.cost));
    assert.equal(body.wasted_cost_picousd, Number(row.cost));
    assert.equal(body.cost_picousd, await spent(day(35), day(-1)));
    assert.ok(lines.failed.attempts > 0 && lines.retries.attempts > 0 && lines.abandoned.cost_picousd > 0 && lines.unused.cost_picousd > 0, JSON.stringify(lines));
    // the loop of a weekend: tasks of more than 50 calls
    const tasks = await sql(purser.data, `SELECT task, count(*) FILTER (WHERE number = 1) AS calls, sum(iif(wasted, 0, cost_picousd)) AS used FROM attempts WHERE task != '' AND cost_state != 'unpriced' AND at_us >= ${Date.parse(day(35))}000 GROUP BY task, feature HAVING calls > 50`);
    const beyond = add(tasks.map((t) => Math.floor(Number(t.used) * (t.calls - 50) / t.calls)));
    assert.ok(tasks.length > 0 && Math.abs(loops.cost_picousd - beyond) <= beyond * 1e-6 + tasks.length, `${loops.cost_picousd} ${beyond}`);
});

const big = (v) => BigInt(v ?? 0);

test('what was saved by the prompt cache is what its tokens had cost as others', async () => {
    const { body } = await ask(`waste?since=${day(35)}`);
    const rows = await sql(purser.data, `SELECT sum(input_tokens) AS i, sum(cost_input_picousd) AS ci, sum(cache_read_tokens) AS r, sum(cost_cache_read_picousd) AS cr, sum(cache_write_5m_tokens + cache_write_1h_tokens) AS w, sum(cost_cache_write_5m_picousd + cost_cache_write_1h_picousd) AS cw FROM attempts WHERE at_us >= ${Date.parse(day(35))}000 GROUP BY provider, model`);
    const saved = rows.reduce((sum, m) => (big(m.i) && big(m.ci) && big(m.r) + big(m.w) ? sum + ((big(m.r) + big(m.w)) * big(m.ci)) / big(m.i) - big(m.cr) - big(m.cw) : sum), 0n);
    const cache = body.savings.find((s) => s.kind === 'prompt_cache');
    assert.ok(saved > 0n);
    assert.equal(BigInt(cache.saved_picousd), saved);
});

/** Which line of waste an attempt is of. */
const kindOf = ({ reason, status }) => {
    if (reason === 'idle') return 'idle';
    if (['ok', 'not_accepted', 'hedge_lost'].includes(status)) return 'unused';
    if (['client_gone', 'switched_off', 'shutting_down'].includes(status)) return 'abandoned';
    return ['retry', 'fallback', 'escalation', 'repair', 'hedge'].includes(reason) ? 'retries' : 'failed';
};

test('with filters that only rows know, waste is what SQL sums, of the very stretch; savings of its days', async () => {
    const since = new Date(Date.now() - 31.4 * 86400e3).toISOString(), until = new Date(Date.now() - 2.3 * 86400e3).toISOString();
    const [{ user }] = await sql(purser.data, "SELECT user FROM attempts WHERE user != '' GROUP BY 1 ORDER BY count(*) DESC LIMIT 1");
    const [{ task }] = await sql(purser.data, "SELECT task FROM attempts WHERE task != '' GROUP BY 1 ORDER BY count(*) DESC LIMIT 1");
    const asked = {
        'operation=chat': "operation = 'chat'",
        'status=ok': "status = 'ok'",
        [`user=${user}`]: `user = '${user}'`,
        [`task=${task}`]: `task = '${task}'`,
        'wasted=1': 'wasted = 1',
        'operation=chat,reason=first,feature=research-agent': "operation = 'chat' AND reason = 'first' AND feature = 'research-agent'",
        'operation=embeddings,status=ok,status=client_gone': "operation = 'embeddings' AND status IN ('ok', 'client_gone')",
        'operation=nothing': '0',
    };
    for (const [where, condition] of Object.entries(asked)) {
        const { body } = await ask(`waste?since=${since}&until=${until}&where=${where}`);
        const within = `at_us >= ${Date.parse(since)}000 AND at_us < ${Date.parse(until)}000 AND ${condition}`;
        const priced = "iif(cost_state = 'unpriced', 0, cost_picousd)";
        const rows = await sql(purser.data, `SELECT reason, status, sum(wasted) AS attempts, sum(iif(wasted, ${priced}, 0)) AS cost FROM attempts WHERE ${within} GROUP BY 1, 2`);
        for (const { kind, attempts, cost_picousd } of body.waste.filter((line) => line.kind !== 'loops')) {
            const of = rows.filter((row) => kindOf(row) === kind);
            assert.deepEqual([attempts, cost_picousd], [add(of.map((row) => Number(row.attempts))), add(of.map((row) => Number(row.cost)))], `${where} ${kind}`);
        }
        const [all] = await sql(purser.data, `SELECT coalesce(sum(${priced}), 0) AS cost, coalesce(sum(saved_picousd), 0) AS saved FROM attempts WHERE ${within}`);
        const [cache, ladder] = body.savings;
        assert.deepEqual([body.cost_picousd, ladder.saved_picousd], [Number(all.cost), Number(all.saved)], where);
        const tasks = await sql(purser.data, `SELECT task, sum(number = 1) AS calls, sum(iif(wasted, 0, ${priced})) AS used FROM attempts WHERE task != '' AND ${within} GROUP BY task, feature HAVING calls > 50 AND used > 0`);
        const loops = body.waste.find((line) => line.kind === 'loops');
        if (where === 'operation=chat') assert.ok(tasks.length > 0 && body.wasted_cost_picousd > 0 && cache.saved_picousd > 0);
        assert.equal(loops.attempts, add(tasks.map((t) => t.calls - 50)), where);
        assert.equal(BigInt(loops.cost_picousd), tasks.reduce((sum, t) => sum + (big(t.used) * big(t.calls - 50)) / big(t.calls), 0n), where);
        const days = `at_us >= ${Date.parse(since.slice(0, 10))}000 AND at_us < ${Date.parse(until.slice(0, 10)) + 86400e3}000 AND ${condition}`;
        const unpriced = (column) => `sum(iif(cost_state = 'unpriced', 0, ${column}))`;
        const models = await sql(purser.data, `SELECT sum(input_tokens) AS i, ${unpriced('cost_input_picousd')} AS ci, sum(cache_read_tokens) AS r, ${unpriced('cost_cache_read_picousd')} AS cr, sum(cache_write_5m_tokens + cache_write_1h_tokens) AS w, ${unpriced('cost_cache_write_5m_picousd + cost_cache_write_1h_picousd')} AS cw FROM attempts WHERE ${days} GROUP BY provider, model`);
        const saved = models.reduce((sum, m) => (big(m.i) && big(m.ci) && big(m.r) + big(m.w) ? sum + ((big(m.r) + big(m.w)) * big(m.ci)) / big(m.i) - big(m.cr) - big(m.cw) : sum), 0n);
        assert.equal(BigInt(cache.saved_picousd), saved, where);
    }
});

test('with a filter that only rows know, both periods are what SQL sums, whether they touch or not', async () => {
    for (const before of ['', `&before_since=${day(38)}&before_until=${day(35)}`, `&before_since=${day(25)}&before_until=${day(5)}`]) {
        const { body } = await ask(`waterfall?since=${day(10)}&until=${day(0)}&where=operation=chat${before}`);
        for (const period of [body.before, body.after])
            assert.equal(period.cost_picousd, await spent(period.since, period.until, "AND operation = 'chat'"), before);
        assert.ok(body.before.cost_picousd > 0 && body.after.cost_picousd > 0);
        assert.equal(add(body.effects.map((e) => e.picousd)), body.after.cost_picousd - body.before.cost_picousd);
    }
});
