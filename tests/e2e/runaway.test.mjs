// Runaways: a loop is stopped where the caller named a session, and only warned of elsewhere. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { labSettings, post, sleep, startPurser, startSimulator, until } from './helpers.mjs';

let sim;
before(async () => {
    sim = await startSimulator();
});
after(() => sim?.stop());

const CHAT = '/v1/chat/completions';
const chat = (text, more = {}) => ({ model: 'cheap', messages: [{ role: 'user', content: text }], ...more });
const asked = async () => (await sim.truth()).calls?.length ?? (await sim.truth()).length;
const figure = async (purser, name, labels) => {
    const line = (await purser.metrics()).split('\n').find((l) => l.startsWith(`${name}{`) && labels.every((x) => l.includes(x)));
    return line ? Number(line.split(' ').at(-1)) : 0;
};

/** A caller that does not wait for answers: 20 calls a second, until one is refused. */
async function loop(purser, { calls, headers, body = (i) => chat('Again.'), path = CHAT }) {
    const answers = [];
    for (let i = 0; i < calls; i++) {
        answers.push(post(purser, path, body(i), { headers }));
        await sleep(50);
    }
    return Promise.all(answers);
}

const outcomes = (answers) => {
    const warned = answers.filter((a) => /^runaway: /.test(a.headers.get('x-purser-warning') ?? '')).length;
    return { blocked: answers.filter((a) => a.status === 429).length, ok: answers.filter((a) => a.status === 200).length, warned };
};

test('a loop at 20 calls a second in a named session is stopped within 20 calls', async () => {
    const purser = await startPurser({ settings: labSettings(sim) });
    const before = await asked();
    const answers = await loop(purser, { calls: 30, headers: { 'x-purser-session': 's1' } });
    const firstRefused = answers.findIndex((a) => a.status === 429);
    assert.ok(firstRefused >= 3 && firstRefused < 20, `the first one that was refused is number ${firstRefused + 1}`);
    const { ok, blocked, warned } = outcomes(answers);
    assert.ok(ok < 20, `${ok} calls went on`);
    assert.equal(ok + blocked, 30);
    assert.ok(warned > 0);
    assert.equal((await asked()) - before, ok, 'what is refused reaches no provider');
    const refused = answers[firstRefused];
    assert.equal(refused.body.error.code, 'runaway');
    assert.equal(refused.body.error.type, 'runaway');
    assert.match(refused.body.error.message, /same message came \d+ times .*session "s1".*new session or `purser runaway lift`/);
    assert.equal(refused.headers.get('x-should-retry'), 'false');
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.equal(await figure(purser, 'purser_runaway_total', ['action="block"', 'reason="repeat"']), blocked);
    assert.ok((await figure(purser, 'purser_runaway_total', ['action="warn"', 'reason="repeat"'])) > 0);
    assert.equal((await purser.rows(ok)).length, ok);

    const other = await post(purser, CHAT, chat('Again.'), { headers: { 'x-purser-session': 's2' } });
    assert.equal(other.status, 200, 'another session knows nothing of it');
    const stopped = async () => {
        const got = await fetch(`${purser.adminUrl}/api/v1/now`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
        return (await got.json()).attention.filter(({ kind }) => kind === 'runaway');
    };
    const [note, ...more] = await stopped();
    assert.deepEqual([note.level, note.page, note.object, more], ['serious', 'sessions', 's1', []]);
    assert.match(note.text, /^Blocked as a runaway: the same message came \d+ times within .* in session "s1" \(key alice; \d+ calls? refused\)$/);
    const lifted = await purser.cli(['runaway', 'lift', '--session', 's1', '--why', 'the bug is fixed']);
    assert.equal(lifted.code, 0, lifted.stderr);
    assert.deepEqual(await stopped(), []);
    const audit = await purser.sql('SELECT at_us, who, what, object, before, after, why, origin FROM audit');
    assert.equal(audit.length, 1);
    assert.match(audit[0].who, /^local user \S/);
    assert.ok(Math.abs(Number(audit[0].at_us) / 1000 - Date.now()) < 60000);
    assert.deepEqual([audit[0].what, audit[0].object, audit[0].before, audit[0].after, audit[0].why, audit[0].origin],
        ['runaway lift', 'session s1 of key alice', 'watched', 'forgotten', 'the bug is fixed', 'control socket']);
    assert.equal((await post(purser, CHAT, chat('Again.'), { headers: { 'x-purser-session': 's1' } })).status, 200, 'it was lifted by hand');
    assert.equal((await purser.cli(['runaway', 'lift', '--session', 's1', '--key', 'bob'])).code, 1);
    assert.match((await purser.cli(['runaway', 'lift', '--task', 's9'])).stderr, /no task 's9' is watched/);
    assert.equal((await purser.cli(['runaway', 'lift'])).code, 2);
    assert.equal((await purser.sql('SELECT count(*) AS n FROM audit'))[0].n, 1, 'what was not lifted is not recorded');
    assert.match((await purser.cli(['ledger', 'verify'])).stdout, /audit rows.*1 +ending in [0-9a-f]{64}/);
    const lift = async (body) => {
        const got = await fetch(`${purser.adminUrl}/api/v1/runaway/lift`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
        const { lifted, detail } = await got.json();
        return [got.status, lifted ?? detail];
    };
    const one = /^Which session or task\? Send its name as 'session' or as 'task'/;
    for (const wrong of [{}, { session: 's1', task: 't1' }, { session: '', why: 'a look' }]) {
        const [status, said] = await lift(wrong);
        assert.deepEqual([status, one.test(said)], [400, true], `${JSON.stringify(wrong)}: ${said}`);
    }
    assert.deepEqual(await lift({ task: 's9' }), [200, 0]);
    assert.deepEqual(await lift({ session: 's1', key: 'bob' }), [200, 0]);
    assert.deepEqual(await lift({ session: 's1', key: 'alice', who: 'hana', why: ' once more ' }), [200, 1]);
    const [last] = await purser.sql('SELECT who, why, origin FROM audit ORDER BY id DESC LIMIT 1');
    assert.deepEqual([last.who, last.why, last.origin], ['admin token hana', 'once more', '127.0.0.1']);
    const message = await post(purser, CHAT, chat('Something else.'), { headers: { 'x-purser-session': 's1' } });
    assert.equal(message.status, 200, 'another message goes on');
    await purser.stop();
});

test('an owner is told of sessions that were stopped in its own features alone', async () => {
    const features = { bot: { owner: 'ana@example.com' }, mail: { owner: 'ben@example.com' } };
    const purser = await startPurser({ settings: labSettings(sim, { features }) });
    for (const feature of ['bot', 'mail']) await loop(purser, { calls: 25, headers: { 'x-purser-session': `of-${feature}`, 'x-purser-feature': feature } });
    const made = await purser.cli(['access', 'add', 'ana', '--role', 'owner', '--owner', 'ana@example.com']);
    const stopped = async (token) => {
        const got = await fetch(`${purser.adminUrl}/api/v1/now`, { headers: { authorization: `Bearer ${token}` } });
        return (await got.json()).attention.filter(({ kind }) => kind === 'runaway').map((note) => note.object).sort();
    };
    assert.deepEqual([await stopped(purser.adminToken), await stopped(made.stdout.trim())], [['of-bot', 'of-mail'], ['of-bot']]);
    await purser.stop();
});

test('calls are slowed down before they are refused', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { runaway: { same: 6, action: 'slow' } }) });
    const headers = { 'x-purser-session': 's1' };
    const slowed = () => figure(purser, 'purser_runaway_total', ['action="slow"']);
    for (let i = 0; i < 5; i++) {
        const from = Date.now();
        const got = await post(purser, CHAT, chat('Again.'), { headers });
        assert.equal(got.status, 200, got.text);
        if (i === 0) assert.equal(await slowed(), 0);
        if (i === 4) assert.ok(Date.now() - from >= 250, 'a wait never ends early');
    }
    assert.ok((await slowed()) >= 1);
    const hangUp = new AbortController();
    const gone = post(purser, CHAT, chat('Again.'), { headers, signal: hangUp.signal });
    setTimeout(() => hangUp.abort(), 50);
    await assert.rejects(gone);
    await until('the one that hung up to be over', async () => /purser_requests_in_flight 0\b/.test(await purser.metrics()), { seconds: 2 });
    assert.equal((await purser.rows(5)).length, 5, 'who hangs up while it waits has asked nobody');
    assert.equal(await figure(purser, 'purser_runaway_total', ['action="block"']), 0);
    await purser.stop();
});

test('what is slowed down stays the call that it was while others run', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { workers: 1, runaway: { same: 4, action: 'slow' } }) });
    const messages = [{ role: 'user', content: 'Again. [simulate tokens=20]' }];
    const claude = { model: 'cheap', max_tokens: 50, messages };
    const headers = { 'x-purser-session': 's1' };
    for (let i = 0; i < 2; i++) {
        const slow = post(purser, '/v1/messages', claude, { headers });
        for (let k = 0; k < 8; k++) await post(purser, CHAT, chat(`Other ${k}. [simulate tokens=3]`));
        const got = await slow;
        assert.equal(got.status, 200, got.text);
        assert.equal(got.body.usage.output_tokens, 20);
    }
    assert.ok((await figure(purser, 'purser_runaway_total', ['action="slow"'])) > 0);
    await purser.stop();
});

test('tool calls with the same arguments are a loop, whatever their ids and results', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { runaway: { same: 6 } }) });
    const turn = (i, args) => chat('Do it.', {
        messages: [
            { role: 'user', content: 'Do it.' },
            { role: 'assistant', content: null, tool_calls: [{ id: `call_${i}`, type: 'function', function: { name: 'look', arguments: args } }] },
            { role: 'tool', tool_call_id: `call_${i}`, content: `nothing yet, ${i}` },
        ],
    });
    const same = await loop(purser, { calls: 8, headers: { 'x-purser-session': 'a' }, body: (i) => turn(i, '{"at":1}') });
    assert.ok(outcomes(same).blocked > 0);
    const honest = await loop(purser, { calls: 8, headers: { 'x-purser-session': 'b' }, body: (i) => turn(i, `{"at":${i}}`) });
    assert.deepEqual(outcomes(honest), { blocked: 0, ok: 8, warned: 0 });
    await purser.stop();
});

test('outside a session it only warns; features do not disturb each other; off is off', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { features: { batch: {}, bot: { runaway: { action: 'off' } } } }) });
    const batch = await loop(purser, { calls: 40, headers: { 'x-purser-feature': 'batch' } });
    assert.equal(outcomes(batch).ok, 40);
    assert.ok(outcomes(batch).warned > 0, 'it says so');
    const bot = await loop(purser, { calls: 25, headers: { 'x-purser-feature': 'bot', 'x-purser-session': 's' } });
    assert.deepEqual(outcomes(bot), { blocked: 0, ok: 25, warned: 0 });
    const none = await loop(purser, { calls: 3 });
    assert.deepEqual(outcomes(none), { blocked: 0, ok: 3, warned: 0 }, "another feature's loop is none of these calls'");
    await purser.stop();
});

test('every protocol is refused in its own words', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { runaway: { same: 4 } }) });
    const claude = { model: 'cheap', max_tokens: 5, messages: [{ role: 'user', content: 'Again.' }] };
    const gemini = { contents: [{ parts: [{ text: 'Again.' }] }] };
    const headers = (s) => ({ 'x-purser-session': s });
    const messages = (await loop(purser, { calls: 6, headers: headers('m'), path: '/v1/messages', body: () => claude })).at(-1);
    assert.equal(messages.status, 429);
    assert.equal(messages.body.type, 'error');
    assert.match(messages.body.error.message, /^Runaway: /);
    const path = '/v1beta/models/cheap:generateContent';
    const contents = (await loop(purser, { calls: 6, headers: headers('g'), path, body: () => gemini })).at(-1);
    assert.equal(contents.status, 429);
    assert.match(contents.body.error.message, /^Runaway: /);
    await purser.stop();
});

test('the same answers, two messages in turn and a burst of tokens are seen, too', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { runaway: { tokens_per_minute: 300 } }) });
    const ask = async (session, text, more = {}, path = CHAT) => {
        const got = await post(purser, path, { ...chat(text), ...more }, { headers: { 'x-purser-session': session } });
        return { status: got.status, says: got.headers.get('x-purser-warning') ?? got.body?.error?.message ?? '' };
    };
    const seed = '[simulate seed=5 tokens=6]'; // draws the same words each time
    for (const [session, more, path] of [['whole', {}], ['streamed', { stream: true }], ['claude', { max_tokens: 20 }, '/v1/messages']]) {
        for (let i = 0; i < 3; i++) assert.equal((await ask(session, `Question ${i} ${seed}`, more, path)).says, '', session);
        assert.match((await ask(session, `Question 3 ${seed}`, more, path)).says, /^runaway: the last 3 answers in session "\w+" were the same/, session);
        await ask(session, 'Something else [simulate tokens=9]', more, path);
        assert.equal((await ask(session, `Question 4 ${seed}`, more, path)).says, '', session);
    }
    for (let i = 0; i < 3; i++) await ask('again', `The same question ${seed}`);
    assert.match((await ask('again', `The same question ${seed}`)).says, /^runaway: the last 3 answers/);
    assert.equal(await figure(purser, 'purser_runaway_total', ['action="slow"', 'reason="no_progress"']), 1, 'the same answer to the same question is slowed down');
    assert.equal(await figure(purser, 'purser_runaway_total', ['action="warn"', 'reason="no_progress"']), 6);

    for (let i = 1; i < 10; i++) await ask('turns', i % 2 ? 'Ping.' : 'Pong.');
    assert.match((await ask('turns', 'Pong.')).says, /^runaway: two messages came in turn for 10 calls in session "turns"/);
    assert.equal(await figure(purser, 'purser_runaway_total', ['action="slow"', 'reason="ping_pong"']), 1);

    const page = (bytes, i) => `Page ${i}. ${'word '.repeat(bytes / 5)}`;
    assert.equal((await ask('burst', page(8000, 1))).says, '', 'ten times the floor are allowed while nothing is known');
    assert.match((await ask('burst', page(8000, 2))).says, /^runaway: session "burst" used \d+ tokens within a minute; up to 3000 is usual there/);
    const burst = await ask('burst', page(130000, 3));
    assert.equal(burst.status, 429);
    assert.match(burst.says, /^Runaway: session "burst" used \d+ tokens within a minute/);
    await purser.stop();
});
