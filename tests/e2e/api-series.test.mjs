// Sums over time: the lines and the rest add up to the totals, these to the report, to the CLI and to the rows.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bin, run, sql, startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

const MEASURES = ['calls', 'attempts', 'errors', 'cost_picousd', 'wasted_cost_picousd', 'saved_cost_picousd'];
let purser;
before(async () => {
    purser = await startPurser(await makePast({ rows: 5000, days: 30, users: 200 }));
});
after(() => purser?.stop());

const ask = async (query) => {
    const got = await fetch(`${purser.adminUrl}/api/v1/${query}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    return { status: got.status, body: await got.json() };
};
const add = (values) => values.reduce((sum, v) => sum + v, 0);

test('by day, by feature: lines and rest are the totals, and all of it is the report', async () => {
    const since = new Date(Date.now() - 20 * 86400e3).toISOString().slice(0, 10);
    const { body } = await ask(`series?by=feature&step=day&top=3&since=${since}`);
    assert.equal(body.step, 'day');
    assert.equal(body.at.length, 21);
    assert.deepEqual([body.series.length, body.series.map((s) => s.other)], [4, [false, false, false, true]]);
    assert.equal(body.series[3].name, null);
    for (const measure of MEASURES)
        for (let i = 0; i < body.at.length; i++)
            assert.equal(add(body.series.map((s) => s[measure][i])), body.totals[measure][i], `${measure} ${body.at[i]}`);
    const report = (await ask(`report?by=feature&since=${since}`)).body;
    for (const measure of MEASURES) assert.equal(add(body.totals[measure]), report.totals[measure], measure);
    for (const line of body.series.slice(0, 3)) {
        const row = report.rows.find((r) => r.feature === line.name);
        for (const measure of MEASURES) assert.equal(add(line[measure]), row[measure], `${line.name} ${measure}`);
    }
    assert.deepEqual(body.series.slice(0, 3).map((s) => s.name), report.rows.slice(0, 3).map((r) => r.feature));
    const cli = JSON.parse((await run(bin, ['report', '--by', 'feature', '--since', since, '--format', 'json', '--config', purser.file], { env: purser.env })).stdout);
    assert.equal(cli.totals.cost_picousd, add(body.totals.cost_picousd));
    const [{ cost }] = await sql(purser.data, `SELECT sum(cost_picousd) AS cost FROM attempts WHERE cost_state != 'unpriced' AND at_us >= ${Date.parse(since)}000`);
    assert.equal(Number(cost), add(body.totals.cost_picousd));
});

test('filters hold for lines and totals, hours are steps, users are lines', async () => {
    const { body: features } = await ask('report?by=feature&since=3d');
    const feature = features.rows[0].feature;
    const { body } = await ask(`series?by=user&since=3d&step=hour&where=feature=${feature}`);
    assert.equal(body.step, 'hour');
    assert.ok(body.at.length === 72 || body.at.length === 73);
    assert.equal(add(body.totals.cost_picousd), features.rows[0].cost_picousd);
    for (let i = 0; i < body.at.length; i++) assert.equal(add(body.series.map((s) => s.cost_picousd[i])), body.totals.cost_picousd[i]);
    const { body: two } = await ask(`series?by=feature&since=3d&where=feature=${features.rows[0].feature},feature=${features.rows[1].feature}`);
    assert.deepEqual(two.series.map((s) => s.name), features.rows.slice(0, 2).map((r) => r.feature));
    const { body: bare } = await ask('series?since=3d');
    assert.deepEqual(bare.series, []);
    assert.equal(add(bare.totals.cost_picousd), features.totals.cost_picousd);
});

test('with a filter that only rows know, lines, rest and totals are what SQL sums', async () => {
    const since = new Date(Date.now() - 12.4 * 86400e3).toISOString(), until = new Date(Date.now() - 2.3 * 86400e3).toISOString();
    const rows = await sql(purser.data, `SELECT model AS name, strftime('%Y-%m-%dT00:00:00.000000Z', at_us / 1000000, 'unixepoch') AS day, sum(number = 1) AS calls, count(*) AS attempts,
        sum(status != 'ok') AS errors, sum(iif(cost_state = 'unpriced', 0, cost_picousd)) AS cost_picousd, sum(iif(wasted AND cost_state != 'unpriced', cost_picousd, 0)) AS wasted_cost_picousd,
        sum(saved_picousd) AS saved_cost_picousd FROM attempts WHERE operation = 'chat' AND at_us >= ${Date.parse(since)}000 AND at_us < ${Date.parse(until)}000 GROUP BY 1, 2`);
    const costs = new Map();
    for (const row of rows) costs.set(row.name, (costs.get(row.name) ?? 0) + Number(row.cost_picousd));
    const dearest = [...costs].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    assert.ok(dearest.length > 3);
    const { body } = await ask(`series?by=model&step=day&top=2&since=${since}&until=${until}&where=operation=chat`);
    assert.deepEqual(body.series.map((s) => s.name), [...dearest.slice(0, 2), null]);
    const want = (names, measure, at) => add(rows.filter((row) => names.includes(row.name) && row.day === at).map((row) => Number(row[measure])));
    for (const measure of MEASURES)
        for (const [i, at] of body.at.entries()) {
            const all = [[dearest[0]], [dearest[1]], dearest.slice(2)];
            assert.deepEqual(body.series.map((s) => s[measure][i]), all.map((names) => want(names, measure, at)), `${measure} ${at}`);
            assert.equal(body.totals[measure][i], want(dearest, measure, at));
        }
});

test('a short range is told by the minute', async () => {
    const [{ hour }] = await sql(purser.data, 'SELECT at_us / 3600000000 AS hour FROM attempts WHERE at_us < (SELECT max(at_us) - 3600000000 FROM attempts) GROUP BY 1 ORDER BY count(DISTINCT at_us / 60000000) DESC LIMIT 1');
    const until = (Number(hour) + 1) * 3600e3, since = until - 3 * 3600e3; // the busiest hour, which is over
    const range = `since=${new Date(since).toISOString()}&until=${new Date(until).toISOString()}`;
    for (const by of ['feature', 'user']) {
        const { body } = await ask(`series?${range}&by=${by}&top=2`);
        assert.deepEqual([body.step, body.at.length], ['minute', 180]);
        assert.equal(body.at[0], new Date(since).toISOString().replace('Z', '000Z'));
        for (let i = 0; i < 180; i++) assert.equal(add(body.series.map((s) => s.cost_picousd[i])), body.totals.cost_picousd[i]);
        const report = (await ask(`report?${range}&by=minute&limit=200`)).body;
        assert.ok(report.rows.length > 1);
        for (const row of report.rows)
            for (const measure of MEASURES) assert.equal(body.totals[measure][Math.round((Date.parse(row.minute) - since) / 60e3)], row[measure], `${row.minute} ${measure}`);
        for (const measure of MEASURES) assert.equal(add(body.totals[measure]), report.totals[measure], measure);
    }
    const { body: longer } = await ask(`series?${range.replace(/since=[^&]*/, `since=${new Date(since - 1).toISOString()}`)}`);
    assert.equal(longer.step, 'hour');
});

test('a question that reads rows tells how far it is, and then the same answer', async () => {
    const query = 'series?by=user&since=20d&step=hour&where=operation=chat';
    const got = await fetch(`${purser.adminUrl}/api/v1/${query}`, { headers: { authorization: `Bearer ${purser.adminToken}`, accept: 'text/event-stream' } });
    const events = (await got.text()).split('\n\n').filter(Boolean).map((text) => [/event: (.*)/.exec(text)[1], text.replace(/^event.*\n/, '').replace(/^data: /gm, '')]);
    const done = events.filter(([name]) => name === 'progress').map(([, data]) => JSON.parse(data).done);
    assert.deepEqual(done, [...done].sort((a, b) => a - b));
    assert.equal(events.at(-1)[0], 'answer');
    const { body } = await ask(query);
    assert.deepEqual(JSON.parse(events.at(-1)[1]).series.map((s) => s.name), body.series.map((s) => s.name));
});

test('what cannot be drawn is told', async () => {
    for (const [query, says] of [['by=day', /step/], ['by=colour', /colour/], ['step=year', /minute, hour or day/], ['by=minute', /step/], ['step=hour&since=2020-01-01', /2400 hours/], ['top=51', /1 to 50/], ['since=2026-01-02&until=2026-01-01', /between them/]]) {
        const { status, body } = await ask(`series?${query}`);
        assert.equal(status, 400, query);
        assert.match(body.detail, says);
    }
});
