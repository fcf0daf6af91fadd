// Tasks and sessions over the API: lists, and one as a tree of calls and attempts; who pays for how many there are: users.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bin, labSettings, parseBig, post, run, startPurser, startSimulator } from './helpers.mjs';

const odd = 'a/b c?d#e&f=g%2F"<script>,漢\u{1f4a9}';
let sim, purser, ownerToken;
const ids = {};

const ask = (path, token = purser.adminToken) => fetch(`${purser.adminUrl}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
const get = async (path, token) => {
    const answer = await ask(path, token), text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return parseBig(text);
};

before(async () => {
    sim = await startSimulator();
    const settings = labSettings(sim, { features: { bot: { owner: 'ana@example.com' }, mail: { owner: 'ben@example.com' } } });
    settings.providers.gone = { kind: 'openai', base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-none' };
    settings.models.twice = { targets: ['gone/sim-small', 'lab/sim-small'] };
    settings.prices.push({ model: 'gone/sim-small', input: 0.15, output: 0.6, from: '2026-01-01' });
    purser = await startPurser({ settings });
    for (const [feature, task, session_id, model] of [['bot', 't1', 's1', 'cheap'], ['bot', 't1', 's1', 'twice'], ['mail', 't1', 's2', 'cheap'], ['bot', odd, odd, 'cheap'], ['bot', 't3', 's3', 'cheap'], ['mail', 't4', 's4', 'cheap']]) {
        const got = await post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'good day' }], user: `user-${Object.keys(ids).length % 3}`, metadata: { feature, task, session_id } });
        assert.equal(got.status, 200, got.text);
        (ids[task] ??= []).push(got.headers.get('x-purser-request-id'));
    }
    const made = await run(bin, ['access', 'add', 'ana', '--role', 'owner', '--owner', 'ana@example.com', '--config', purser.file], { env: purser.env });
    ownerToken = made.stdout.trim();
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

for (const [what, dimension, names] of [['tasks', 'task', ['t1', odd, 't3', 't4']], ['sessions', 'session', ['s1', 's2', odd, 's3', 's4']]]) {
    test(`${what}: what is listed is what SQL says`, async () => {
        for (const order of ['latest', 'dearest']) {
            const { rows, next } = await get(`${what}?order=${order}`);
            assert.equal(next, null);
            assert.deepEqual(rows.map((r) => r.name).slice().sort(), names.slice().sort());
            if (order === 'dearest') assert.ok(rows.every((r, i) => !i || rows[i - 1].cost_picousd >= r.cost_picousd));
            for (const row of rows) {
                const [sum] = await purser.sql(`SELECT sum(number = 1) AS calls, count(*) AS attempts, sum(status != 'ok') AS errors, sum(wasted) AS wasted, sum(cost_picousd) AS cost FROM attempts WHERE ${dimension} = '${row.name}'`);
                assert.deepEqual([row.calls, row.attempts, row.errors, row.wasted, row.cost_picousd], [sum.calls, sum.attempts, sum.errors, sum.wasted, sum.cost], row.name);
            }
        }
        const csv = await (await ask(`${what}?format=csv`)).text();
        assert.match(csv, /^name,feature,calls,attempts,/);
    });
}

test('tasks come in pages, each once', async () => {
    const seen = [];
    for (let cursor = ''; cursor !== null; ) {
        const page = await get(`tasks?limit=1${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.rows.map((r) => r.name));
        cursor = page.next;
    }
    assert.deepEqual(seen.slice().sort(), ['t1', odd, 't3', 't4'].slice().sort());
});

test('a task is a tree: its calls as they came, each with its attempts', async () => {
    const told = await fetch(`${purser.adminUrl}/api/v1/outcomes`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ task: 't1', name: 'resolved', success: true }) });
    assert.equal(told.status, 200);
    const task = await get('tasks/t1');
    assert.deepEqual(task.rows.map((r) => r.id), ids.t1);
    assert.deepEqual(task.rows.map((r) => [r.attempts, r.rows.map((a) => [a.number, a.provider, a.wasted])]), [
        [1, [[1, 'lab', false]]],
        [2, [[1, 'gone', true], [2, 'lab', false]]],
        [1, [[1, 'lab', false]]],
    ]);
    assert.deepEqual([task.calls, task.attempts, task.errors, task.wasted, task.more], [3, 4, 1, 1, false]);
    assert.equal(task.cost_picousd, task.rows.reduce((a, r) => a + r.cost_picousd, 0));
    assert.equal(task.cost_picousd, task.rows.flatMap((r) => r.rows).reduce((a, r) => a + r.cost_picousd, 0));
    assert.deepEqual(task.outcomes.map((o) => [o.name, o.success]), [['resolved', true]]);
    const short = await get('tasks/t1?limit=1');
    assert.deepEqual([short.rows.map((r) => r.id), short.calls], [[ids.t1[2]], 3]);
    const strange = await get(`tasks/${encodeURIComponent(odd)}`);
    assert.deepEqual([strange.name, strange.rows.map((r) => r.id)], [odd, ids[odd]]);
    const session = await get(`sessions/${encodeURIComponent(odd)}`);
    assert.deepEqual([session.name, session.rows.map((r) => r.id), session.outcomes], [odd, ids[odd], []]);
    assert.equal((await get('sessions/s1')).calls, 2);
});

test('users, teams and models: the dearest first, with totals of all', async () => {
    for (const [what, column] of [['users', 'user'], ['teams', 'team'], ['models', 'model']]) {
        const { rows, totals } = await get(what);
        const wanted = await purser.sql(`SELECT ${column} AS name, sum(number = 1) AS calls, count(*) AS attempts, sum(cost_picousd) AS cost FROM attempts GROUP BY 1 ORDER BY cost DESC, name`);
        assert.deepEqual(rows.map((r) => [r.name, r.calls, r.attempts, r.cost_picousd]), wanted.map((r) => [r.name, r.calls, r.attempts, r.cost]), what);
        assert.equal(totals.cost_picousd, wanted.reduce((a, r) => a + r.cost, 0));
        assert.equal((await get(`${what}?limit=1`)).rows.length, 1);
        const own = await get(what, ownerToken);
        const [part] = await purser.sql("SELECT sum(cost_picousd) AS cost FROM attempts WHERE feature = 'bot'");
        assert.equal(own.totals.cost_picousd, part.cost);
        assert.match(await (await ask(`${what}?format=csv`)).text(), /^name,calls,attempts,errors,cost_picousd,/);
    }
});

test('an owner sees its own part alone', async () => {
    assert.deepEqual((await get('tasks', ownerToken)).rows.map((r) => [r.name, r.calls]).slice().sort(), [['t1', 2], [odd, 1], ['t3', 1]].slice().sort());
    assert.deepEqual((await get('tasks?order=dearest', ownerToken)).rows.map((r) => r.name).slice().sort(), ['t1', odd, 't3'].slice().sort());
    assert.deepEqual((await get('tasks?feature=mail', ownerToken)).rows, []);
    assert.deepEqual((await get('tasks?feature=mail')).rows.map((r) => r.name), ['t1', 't4']);
    assert.deepEqual((await get('sessions', ownerToken)).rows.map((r) => r.name).slice().sort(), ['s1', odd, 's3'].slice().sort());
    assert.deepEqual((await get('tasks/t1', ownerToken)).rows.map((r) => r.id), ids.t1.slice(0, 2));
    assert.equal((await ask('tasks/t4', ownerToken)).status, 404);
    assert.equal((await ask('sessions/s4', ownerToken)).status, 404);
});

test('wrong questions are told what is wrong', async () => {
    for (const [path, status, words] of [
        ['tasks?order=best', 400, /order: one of latest, dearest/],
        ['tasks?cursor=zz', 400, /cursor: take `next`/],
        ['tasks/none', 404, /no call of this task/],
        ['sessions/none', 404, /no call of this session/],
        ['sessions?where=colour=red', 400, /nothing to filter on/],
    ]) {
        const answer = await ask(path), body = await answer.json();
        assert.equal(answer.status, status, path);
        assert.match(body.detail, words, path);
    }
});
