// Outcomes and feedback, told by applications and joined with the ledger; who changed what, and the proof of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bin, labSettings, parseBig, post, run, sql, startPurser, startSimulator } from './helpers.mjs';

const odd = '<script>alert(1)</script>,"=1+1\' \u{1f4a9}';
let sim, purser, ownerToken;
const ids = [];

const send = (path, { method = 'GET', token = purser.adminToken, body } = {}) =>
    fetch(`${purser.adminUrl}/api/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        body: body && (typeof body === 'string' ? body : JSON.stringify(body)),
    });
const get = async (path, token) => {
    const answer = await send(path, { token }), text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return parseBig(text);
};
const tell = async (what, body, status = 200) => {
    const answer = await send(what, { method: 'POST', body }), text = await answer.text();
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${text}`);
    return parseBig(text);
};

before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: labSettings(sim, { features: { bot: { owner: 'ana@example.com' }, mail: { owner: 'ben@example.com' } } }) });
    for (const [feature, task] of [['bot', 't1'], ['bot', 't1'], ['mail', 't2']]) {
        const got = await post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: 'good day' }], metadata: { feature, task } });
        assert.equal(got.status, 200, got.text);
        ids.push(got.headers.get('x-purser-request-id'));
    }
    const made = await run(bin, ['access', 'add', 'ana', '--role', 'owner', '--owner', 'ana@example.com', '--config', purser.file], { env: purser.env });
    ownerToken = made.stdout.trim();
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

test('an outcome of a task, and of a call: told again, it replaces what was told', async () => {
    const first = await tell('outcomes', { task: 't1', name: 'resolved', success: false });
    assert.deepEqual([first.task, first.call, first.success, first.value_picousd, first.feature], ['t1', null, false, 0, 'bot']);
    const again = await tell('outcomes', { task: 't1', name: 'resolved', success: true, value_usd: 12.5 });
    assert.deepEqual([again.success, again.value_picousd], [true, 12500000000000]);
    const call = await tell('outcomes', { call: ids[2], name: odd, success: true, value_usd: -0.000000000001, at: '2026-11-01T12:00:00Z' });
    assert.deepEqual([call.task, call.call, call.name, call.value_picousd, call.at, call.feature], [null, ids[2], odd, -1, '2026-11-01T12:00:00.000000Z', 'mail']);
    const { rows } = await get('outcomes?since=2026-01-01');
    assert.deepEqual(rows.map((r) => [r.task ?? r.call, r.name]), [['t1', 'resolved'], [ids[2], odd]]);
    assert.equal((await get(`outcomes?since=2026-01-01&call=${ids[2]}`)).rows.length, 1);
    assert.equal((await get('outcomes?task=t1&name=resolved&feature=bot')).rows.length, 1);
    assert.equal((await get('outcomes?task=t1&name=other')).rows.length, 0);
    const csv = await (await send('outcomes?since=2026-01-01&format=csv')).text();
    assert.match(csv, /^task,call,name,success,value_picousd,at,told,feature,who\n/);
});

test('what languages print of a number is taken', async () => {
    for (const [text, picousd] of [['0', 0], ['0.1', 1e11], ['0.30000000000000004', 3e11], ['1E+3', 1e15], ['12.34e-2', 123400000000], ['-0.0000000000004', 0], ['0.0000000000005', 1], ['9007199.254740991', 9007199254740991000n], ['0e99999', 0], ['1e-99999', 0]]) {
        const told = await tell('outcomes', `{"task":"number","name":"x","success":true,"value_usd":${text}}`);
        assert.equal(BigInt(told.value_picousd), BigInt(picousd), text);
    }
});

test('feedback: a score, a label, words; the same told twice is there once', async () => {
    const comment = `two lines\nand ${odd}`;
    for (let i = 0; i < 2; i++) await tell('feedback', { call: ids[0], score: 0.25, label: 'helpful', comment });
    await tell('feedback', { call: ids[0], score: -1 });
    await tell('feedback', { call: ids[2], label: 'wrong' });
    const { rows } = await get(`feedback?call=${ids[0]}`);
    assert.deepEqual(rows.map((r) => [r.score, r.label, r.comment, r.feature]), [[-1, null, null, 'bot'], [0.25, 'helpful', comment, 'bot']]);
    assert.equal((await get('feedback?label=wrong')).rows[0].call, ids[2]);
    const call = await get(`calls/${ids[0]}`);
    assert.deepEqual(call.feedback, rows);
    assert.deepEqual((await get(`calls/${ids[2]}`)).outcomes.map((o) => o.name), [odd]);
});

test('pages have every row once', async () => {
    for (let i = 0; i < 7; i++) await tell('outcomes', { task: 'paged', name: `n${i}`, success: true });
    const seen = [];
    for (let cursor = ''; cursor !== null; ) {
        const page = await get(`outcomes?task=paged&limit=3${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.rows.map((r) => r.name));
        cursor = page.next;
    }
    assert.deepEqual([...seen].sort(), ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
});

test('an owner reads its own features’, and tells nothing', async () => {
    assert.deepEqual((await get('outcomes?since=2026-01-01', ownerToken)).rows.map((r) => r.feature), ['bot']);
    assert.ok((await get('feedback', ownerToken)).rows.every((r) => r.feature === 'bot'));
    assert.equal((await send('outcomes', { method: 'POST', token: ownerToken, body: { task: 't1', name: 'x', success: true } })).status, 403);
    assert.equal((await send('audit', { token: ownerToken })).status, 403);
});

test('of a task that several features share an owner sees what was told of its own', async () => {
    const call = (feature, content) => post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content }], metadata: { feature, task: 'shared' } });
    await call('bot', 'hi');
    await tell('outcomes', { task: 'shared', name: 'answered', success: true });
    await call('mail', 'a much longer question, so that this feature is the dearest of the task '.repeat(40));
    assert.equal((await tell('outcomes', { task: 'shared', name: 'invoice paid', success: true, value_usd: 900 })).feature, 'mail');
    const names = async (token) => (await get('tasks/shared', token)).outcomes.map((o) => o.name).sort();
    assert.deepEqual([await names(), await names(ownerToken)], [['answered', 'invoice paid'], ['answered']]);
});

test('what cannot be is refused, with the reason', async () => {
    const unknown = '00000000000000ff';
    for (const [what, body, status, words] of [
        ['outcomes', { name: 'x', success: true }, 422, /of a task or of a call/],
        ['outcomes', { task: 't', call: ids[0], name: 'x', success: true }, 422, /of a task or of a call/],
        ['outcomes', { call: unknown, name: 'x', success: true }, 422, /no call 00000000000000ff/],
        ['outcomes', { call: '12', name: 'x', success: true }, 422, /call: an id of 16/],
        ['outcomes', { task: 't', name: 'x' }, 400, /needs 'success'/],
        ['outcomes', { task: 't', name: ' ', success: true }, 422, /has a name/],
        ['outcomes', { task: 't', name: 'x', success: true, value_usd: 1e7 }, 422, /value_usd: dollars/],
        ['outcomes', '{"task":"t","name":"x","success":true,"value_usd":1e99999}', 422, /value_usd: dollars/],
        ['outcomes', { task: 't', name: 'x', success: true, at: '2126-01-01T00:00:00Z' }, 422, /not one to come/],
        ['feedback', { call: ids[0] }, 422, /Send score, label or comment/],
        ['feedback', { call: ids[0], score: 1e7 }, 422, /score: a number from/],
        ['feedback', { call: ids[0], comment: 'x'.repeat(4001) }, 422, /comment: a text/],
        ['feedback', { call: ids[0], comment: 5 }, 422, /comment: a text/],
        ['feedback', { call: unknown, score: 1 }, 422, /no call/],
    ]) {
        const told = await tell(what, body, status);
        assert.match(told.detail, words, JSON.stringify(body));
    }
});

test('the audit is listed and proves itself', async () => {
    for (const ai of ['off', 'on']) await send('switches', { method: 'POST', body: { ai, feature: 'bot', ...(ai === 'off' ? { why: odd } : {}) } });
    const { rows } = await get('audit');
    assert.deepEqual(rows.map((r) => r.id), rows.map((r, i) => rows.length - i));
    const off = rows.find((r) => r.what === 'ai off');
    assert.deepEqual([off.object, off.before, off.after, off.why], ['feature bot', 'on', 'off', odd]);
    assert.equal((await get('audit?what=ai&object=bot')).rows.length, 2);
    assert.equal((await get('audit?who=nobody')).rows.length, 0);
    const page = await get('audit?limit=1');
    assert.equal(page.rows[0].id, rows.length);
    assert.equal((await get(`audit?limit=1&cursor=${page.next}`)).rows[0].id, rows.length - 1);
    const check = await get('audit/verify');
    assert.deepEqual([check.sound, check.rows, check.last, check.problems], [true, rows.length, rows[0].hash, []]);

    const list = await purser.cli(['audit', 'list', '--format', 'json', '--what', 'ai off']);
    assert.equal(list.code, 0, list.stderr);
    assert.deepEqual(JSON.parse(list.stdout).rows.map((r) => [r.object, r.why]), [['feature bot', odd]]);
    const shown = await purser.cli(['audit', 'list', '--since', '1h']);
    assert.match(shown.stdout, /feature bot/);
    const verified = await purser.cli(['audit', 'verify', '--format', 'json']);
    assert.deepEqual([verified.code, JSON.parse(verified.stdout).last], [0, rows[0].hash]);
});

test('a row of the audit that somebody changed is found', async () => {
    await purser.stop();
    const found = async () => JSON.parse((await purser.cli(['audit', 'verify', '--format', 'json'])).stdout).problems.map((p) => p.id);
    const change = (set) => run('sqlite3', [`${purser.data}/purser.db`, `DROP TRIGGER IF EXISTS audit_never_changed; UPDATE audit SET ${set} WHERE id = 2`]);
    // of a time that is a text no list tells, though it reads as what it was
    for (const [set, back] of [["at_us = at_us || 'x'", 'CAST(at_us AS INTEGER)'], ['who = CAST(who AS BLOB)', 'CAST(who AS TEXT)'], ['hash = CAST(hash AS TEXT)', 'CAST(hash AS BLOB)']]) {
        await change(set);
        assert.deepEqual(await found(), [2], set);
        await change(`${set.split(' ')[0]} = ${back}`);
        assert.deepEqual(await found(), [], back);
    }
    const changed = await change("who = 'nobody'");
    assert.equal(changed.code, 0, changed.stderr);
    assert.equal((await sql(purser.data, 'SELECT who FROM audit WHERE id = 2'))[0].who, 'nobody');
    const verified = await purser.cli(['audit', 'verify']);
    assert.equal(verified.code, 1);
    assert.match(verified.stdout, /is not what was written[\s\S]*NOT what was written/);
    const json = JSON.parse((await purser.cli(['audit', 'verify', '--format', 'json'])).stdout);
    assert.deepEqual([json.sound, json.problems.map((p) => p.id)], [false, [2]]);
    assert.equal((await purser.cli(['audit', 'list'])).code, 0);
});
