// Every question about spending takes a filter on everything that a row knows; what it answers is what SQL says over the
// rows. What makes no sense is refused, not left out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql, startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

let purser, cases;
/** All names of docs/reports.md. */
const TEXTS = ['feature', 'model', 'user', 'team', 'key', 'provider', 'prompt', 'task', 'reason', 'status', 'operation', 'service_tier', 'model_requested', 'model_answered', 'session', 'finish_reason', 'cost_state', 'price_source', 'provider_request_id'];
const NUMBERS = ['http_status', 'number', 'streamed', 'wasted', 'accepted', 'client_retries'], IDS = ['call_id', 'attempt_id'];
const text = (v) => `'${String(v).replace(/'/g, "''")}'`;
const hex = (v) => BigInt(v).toString(16).padStart(16, '0');

/** { where, is }: as the API takes it and as SQL says it. */
function one(name, value) {
    const written = `${name}=${String(value).replace(/[\\,]/g, '\\$&')}`;
    if (name === 'tags') return { where: written, is: `(tags = ${text(value)} OR instr(',' || replace(tags, ', ', ',') || ',', ',' || ${text(value)} || ','))` };
    if (name === 'rung') return { where: value ? written : 'rung=', is: `rung = ${value}` };
    if (IDS.includes(name)) return { where: `${name}=${hex(value)}`, is: `${name} = ${value}` };
    return { where: written, is: `${name} = ${NUMBERS.includes(name) ? value : text(value)}` };
}

/** Several on one name: any of them; on several names: all of them. */
function all(...ones) {
    const names = [...new Set(ones.map((c) => c.where.split('=')[0]))];
    return { where: ones.map((c) => c.where).join(','), is: names.map((name) => `(${ones.filter((c) => c.where.startsWith(`${name}=`)).map((c) => c.is).join(' OR ')})`).join(' AND ') };
}

before(async () => {
    const past = await makePast({ rows: 8000, days: 40, users: 200 });
    purser = await startPurser(past);
    const values = async (name) => (await sql(past.data, `SELECT ${name} AS v FROM attempts GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 3`)).map((row) => row.v);
    cases = [];
    for (const name of [...TEXTS, 'rung', ...NUMBERS, ...IDS]) for (const v of await values(name)) cases.push(one(name, v));
    for (const tag of ['env=prod', 'plan=paid', 'plan', '']) cases.push(one('tags', tag));
    const [u, v] = (await values('user')).filter(Boolean), [m] = await values('model'), [f] = await values('feature');
    cases.push(all(one('user', u), one('user', v)), all(one('user', u), one('model', m)), all(one('feature', f), one('status', 'client_gone')), all(one('user', 'nobody-at-all')));
    assert.ok(cases.length > 70, `${cases.length}`);
});
after(() => purser?.stop());

const ask = async (path, query, headers = {}) => {
    const got = await fetch(`${purser.adminUrl}/api/v1/${path}?${new URLSearchParams(query)}`, { headers: { authorization: `Bearer ${purser.adminToken}`, ...headers } });
    return { status: got.status, body: await got.json() };
};
const right = async (path, query) => {
    const got = await ask(path, query);
    assert.equal(got.status, 200, `${path} ${JSON.stringify(query)}: ${JSON.stringify(got.body)}`);
    return got.body;
};
const begun = Date.now(), day = (back) => new Date(begun - back * 86400e3).toISOString().slice(0, 10); // the same also past midnight
const rows = (columns, since, is, until = day(-1), more = '') => sql(purser.data, `SELECT ${columns} FROM attempts WHERE at_us >= ${Date.parse(since)}000 AND at_us < ${Date.parse(until)}000 AND (${is}) ${more}`);
const COST = `coalesce(sum(iif(cost_state = 'unpriced', 0, cost_picousd)), 0)`, WASTED = `coalesce(sum(iif(wasted AND cost_state != 'unpriced', cost_picousd, 0)), 0)`;

test('waste', async () => {
    let some = 0;
    for (const { where, is } of cases) {
        const body = await right('waste', { since: day(35), where });
        const [want] = await rows(`${COST} AS cost, ${WASTED} AS wasted, coalesce(sum(wasted), 0) AS attempts, coalesce(sum(saved_picousd), 0) AS ladder`, day(35), is);
        const wasted = body.waste.filter((line) => line.kind !== 'loops');
        assert.equal(body.cost_picousd, Number(want.cost), where);
        assert.equal(body.wasted_cost_picousd, Number(want.wasted), where);
        assert.equal(wasted.reduce((sum, line) => sum + line.attempts, 0), Number(want.attempts), where);
        assert.equal(body.savings.find((s) => s.kind === 'ladder').saved_picousd, Number(want.ladder), where);
        const models = await rows('sum(input_tokens) AS i, sum(cost_input_picousd) AS ci, sum(cache_read_tokens) AS r, sum(cost_cache_read_picousd) AS cr, sum(cache_write_5m_tokens + cache_write_1h_tokens) AS w, sum(cost_cache_write_5m_picousd + cost_cache_write_1h_picousd) AS cw', day(35), is, day(-1), 'GROUP BY provider, model');
        const big = (n) => BigInt(n ?? 0);
        const saved = models.reduce((sum, m) => (big(m.i) && big(m.ci) && big(m.r) + big(m.w) ? sum + ((big(m.r) + big(m.w)) * big(m.ci)) / big(m.i) - big(m.cr) - big(m.cw) : sum), 0n);
        assert.equal(BigInt(body.savings.find((s) => s.kind === 'prompt_cache').saved_picousd), saved, where);
        assert.equal(body.rows_from, null);
        some += saved > 0n && Number(want.wasted) > 0;
    }
    assert.ok(some > 30, `${some}`);
});

test('the waterfall', async () => {
    for (const { where, is } of cases) {
        const body = await right('waterfall', { since: day(10), until: day(0), where });
        const [is_now] = await rows(`${COST} AS cost`, day(10), is, day(0)), [was] = await rows(`${COST} AS cost`, day(20), is, day(10));
        assert.equal(body.after.cost_picousd, Number(is_now.cost), where);
        assert.equal(body.before.cost_picousd, Number(was.cost), where);
        assert.equal(body.effects.reduce((sum, e) => sum + e.picousd, 0), Number(is_now.cost) - Number(was.cost), where);
        const features = Object.fromEntries((await rows(`feature, ${COST} AS cost`, day(10), is, day(0), 'GROUP BY feature')).map((row) => [row.feature, Number(row.cost)]));
        for (const f of body.features) assert.equal(f.after_picousd, features[f.feature] ?? 0, `${where} ${f.feature}`);
        assert.equal(body.features.filter((f) => f.after_picousd > 0).length, Object.values(features).filter((cost) => cost > 0).length, where);
    }
});

test('features', async () => {
    for (const { where, is } of cases) {
        const { rows: told } = await right('features', { since: day(10), until: day(0), where });
        const from = `${day(10)}T00:00:00Z`, wanted = await rows(`feature, ${COST} AS cost, ${WASTED} AS wasted, sum(number = 1) AS calls, count(*) AS attempts, sum(prompt_bytes) AS bytes, sum(system_bytes) AS system`, from, is, day(0), 'GROUP BY feature');
        assert.deepEqual(told.map((f) => f.name).sort(), wanted.map((row) => row.feature).sort(), where);
        for (const row of wanted) {
            const f = told.find((one) => one.name === row.feature);
            assert.deepEqual([f.cost_picousd, f.wasted_cost_picousd, f.calls, f.attempts], [row.cost, row.wasted, row.calls, row.attempts].map(Number), `${where} ${row.feature}`);
            const system = f.growth.find((g) => g.segment === 'system');
            assert.ok(Math.abs(system.after - Number(row.system) / Number(row.attempts)) <= 0.06, `${where} ${row.feature} ${system.after}`);
            // what is promised, to within the histogram's thirtieth
            if (f.slo?.latency) assert.equal(f.slo.latency.counted, Number(row.attempts), where);
        }
    }
    const { body: promised } = await ask('features', { since: day(10) });
    assert.ok(promised.rows.some((f) => f.slo?.latency), 'something is promised');
    const [one] = promised.rows, user = cases.find((c) => c.where.startsWith('user=customer'));
    const whole = await right(`features/${one.name}`, { since: day(10), until: day(0), where: user.where });
    const [tasks] = await rows(`count(DISTINCT nullif(task, '')) AS n, ${COST} AS cost`, day(10), `${user.is} AND feature = ${text(one.name)}`, day(0));
    assert.deepEqual([whole.tasks, whole.cost_picousd], [Number(tasks.n), Number(tasks.cost)]);
    assert.equal((await ask(`features/${one.name}`, { where: 'feature=x' })).status, 400);
});

test('providers and their targets', async () => {
    for (const { where, is } of cases) {
        const { rows: told } = await right('providers', { since: day(30), where });
        const wanted = await rows(`provider, model, ${COST} AS cost, count(*) AS attempts`, day(30), is, day(-1), 'GROUP BY provider, model');
        const sum = (of, name) => of.reduce((all, row) => all + Number(row[name]), 0);
        for (const p of told) {
            const mine = wanted.filter((row) => row.provider === p.name);
            assert.deepEqual([p.cost_picousd, p.attempts], [sum(mine, 'cost'), sum(mine, 'attempts')], `${where} ${p.name}`);
            assert.equal(sum(p.targets, 'attempts'), sum(mine, 'attempts'), `${where} ${p.name}`);
        }
        assert.equal(sum(told, 'attempts'), sum(wanted, 'attempts'), where);
    }
});

test('tasks, sessions and calls', async () => {
    for (const { where, is } of [...cases, { where: 'status!=ok', is: "status != 'ok'" }, { where: 'tags!=plan=paid', is: "instr(',' || tags || ',', ',plan=paid,') = 0" }]) {
        for (const kind of ['task', 'session']) {
            const { rows: told } = await right(`${kind}s`, { since: day(20), where, limit: 1000, order: 'dearest' });
            const wanted = await rows(`${kind} AS name, ${COST} AS cost, ${WASTED} AS wasted, sum(number = 1) AS calls, count(*) AS attempts, sum(status != 'ok') AS errors`, day(20), `${kind} != '' AND ${is}`, day(-1), 'GROUP BY 1 ORDER BY cost DESC LIMIT 1000');
            assert.deepEqual(told.map((t) => t.cost_picousd), wanted.map((row) => Number(row.cost)), `${kind} ${where}`);
            const of = new Map(wanted.map((row) => [row.name, row])), known = told.filter((t) => of.has(t.name));
            assert.ok(known.length >= told.length * 0.98, 'those at the end may cost the same');
            for (const t of known) assert.deepEqual([t.wasted_picousd, t.calls, t.attempts, t.errors], ['wasted', 'calls', 'attempts', 'errors'].map((name) => Number(of.get(t.name)[name])), `${kind} ${where} ${t.name}`);
        }
        const { rows: calls } = await right('calls', { since: day(20), where, limit: 1000 });
        const [{ n }] = await rows('count(DISTINCT call_id) AS n', day(20), is);
        assert.equal(calls.length, Math.min(1000, Number(n)), `calls ${where}`);
    }
    assert.equal((await ask('tasks', { where: 'user=x', cursor: '32303236' })).status, 400);
});

test('reports, series and users', async () => {
    for (const { where, is } of cases) {
        const [want] = await rows(`${COST} AS cost, count(*) AS attempts`, day(20), is);
        const report = await right('report', { since: day(20), where, by: 'model' }), series = await right('series', { since: day(20), where, step: 'day' }), users = await right('users', { since: day(20), where, limit: 1000 });
        const told = [report.totals.cost_picousd, series.totals.cost_picousd.reduce((a, b) => a + b, 0), users.totals.cost_picousd, users.rows.reduce((all, row) => all + row.cost_picousd, 0)];
        assert.deepEqual(told, Array(4).fill(Number(want.cost)), where);
        assert.deepEqual([report.totals.attempts, users.totals.attempts], Array(2).fill(Number(want.attempts)), where);
    }
});

/** Outcomes with what is known of their tasks and calls; `fit`: a sum of attempts. */
const units = (fit) => {
    const of = (name) => `${name}_unit AS MATERIALIZED (SELECT ${name}, min(at_us) AS began, ${COST} AS cost, ${fit} AS fit FROM attempts GROUP BY 1)`;
    const told = (name, where) => `SELECT o.name, o.success, u.began, u.cost, u.fit FROM outcomes o JOIN ${name}_unit u USING (${name}) WHERE ${where}`;
    return `${of('task')}, ${of('call_id')}, unit AS (${told('task', "o.task != ''")} UNION ALL ${told('call_id', "o.task = ''")})`;
};

test('what success costs', async () => {
    let some = 0;
    for (const { where, is } of [...cases, { where: 'status!=ok', is: "status != 'ok'" }]) {
        const { rows: told } = await right('success', { since: day(30), until: day(2), where });
        const wanted = await sql(purser.data, `WITH ${units(`max(${is})`)}
            SELECT name, count(*) AS units, sum(success) AS successes, sum(cost) AS cost FROM unit WHERE fit AND began >= ${Date.parse(day(30))}000 AND began < ${Date.parse(day(2))}000 GROUP BY name`);
        const brief = (list) => list.map((row) => [row.name, Number(row.units), Number(row.successes), Number(row.cost_picousd ?? row.cost)]).sort();
        assert.deepEqual(brief(told), brief(wanted), where);
        if (!told.length || where.includes('!=')) continue;
        some++;
        const [spent] = await rows(`${COST} AS cost`, day(30), is, day(2));
        for (const row of told) assert.equal(row.spend_picousd, Number(spent.cost), where);
        const { rows: users } = await right('success', { since: day(30), until: day(2), where, by: 'user', limit: 1000 });
        assert.equal(users.reduce((sum, row) => sum + row.units, 0), told.reduce((sum, row) => sum + row.units, 0), where);
        for (const row of users) assert.ok(row.coverage === null || (row.coverage >= 0 && row.coverage <= 1), where);
    }
    assert.ok(some > 40, `${some}`);
    // what is covered is of the attempts that fit alone
    const [{ name: model }] = (await right('models', { since: day(30) })).rows, { rows: [first] } = await right('success', { since: day(30), until: day(2), where: `model=${model}` });
    const [covered] = await sql(purser.data, `WITH ${units(`sum(iif(model = ${text(model)} AND cost_state != 'unpriced', cost_picousd, 0))`)}
        SELECT sum(fit) AS cost FROM unit WHERE name = ${text(first.name)} AND began >= ${Date.parse(day(30))}000 AND began < ${Date.parse(day(2))}000`);
    assert.ok(Math.abs(first.coverage - Number(covered.cost) / first.spend_picousd) < 1e-6, `${first.coverage}`);
});

test('a report by days has pages: the newest days first', async () => {
    const query = { by: 'day,feature', since: day(30), until: day(0) }, { rows: all } = await right('report', { ...query, limit: 1000 }), pages = [];
    for (let cursor = ''; cursor !== null;) {
        const page = await right('report', { ...query, limit: 7, ...(cursor && { cursor }) });
        pages.push(page.rows);
        cursor = page.next;
    }
    const set = (list) => list.map((row) => JSON.stringify(row)).sort();
    assert.ok(all.length > 100 && all[0].day < all.at(-1).day);
    assert.deepEqual(set(pages.flat()), set(all));
    for (const [i, page] of pages.entries()) assert.ok(page.every((row, k) => !k || page[k - 1].day <= row.day) && (!i || page.at(-1).day <= pages[i - 1][0].day), JSON.stringify(page));
});

test('users by how their names begin', async () => {
    for (const [prefix, where, is] of [['customer-1', '', '1'], ['customer-1', 'provider=openai', "provider = 'openai'"], ['customer-19', '', '1'], ['c', '', '1'], ['nobody', '', '1'], ['Customer', '', '1'], ['customer-1%', '', '1']]) {
        const body = await right('users', { prefix, since: day(20), limit: 1000, ...(where && { where }) });
        const names = (await sql(purser.data, `SELECT DISTINCT value AS v FROM rollup_day WHERE dimension = 'user' AND day_us >= ${Date.parse(day(20))}000 AND substr(value, 1, ${prefix.length}) = '${prefix}' ORDER BY value`)).map((row) => row.v);
        const wanted = await rows(`user, ${COST} AS cost`, day(20), `user IN (${names.slice(0, 100).map(text).join(', ') || "''"}) AND user != '' AND ${is}`, day(-1), 'GROUP BY user');
        assert.deepEqual(body.rows.map((row) => [row.name, row.cost_picousd]).sort(), wanted.map((row) => [row.user, Number(row.cost)]).sort(), `${prefix} ${where}`);
        assert.equal(body.more, names.length > 100, prefix);
        assert.equal(body.groups, wanted.length);
        assert.equal(body.totals.cost_picousd, wanted.reduce((sum, row) => sum + Number(row.cost), 0));
    }
    assert.ok((await right('users', { prefix: 'c', since: day(20) })).more, 'more than a hundred begin with c');
    assert.equal((await ask('users', { prefix: 'c', where: 'user=x' })).status, 400);
});

test('what is no filter is a problem that says so, everywhere', async () => {
    for (const path of ['report', 'series', 'users', 'teams', 'models', 'waste', 'waterfall', 'features', 'success', 'providers', 'calls', 'attempts', 'tasks', 'sessions'])
        for (const where of ['colour=red', 'colour', 'http_status=many', 'call_id=xyz']) {
            const got = await ask(path, { where });
            assert.deepEqual([got.status, got.body.code], [400, 'bad_parameter'], `${path} ${where}: ${JSON.stringify(got.body)}`);
        }
});
