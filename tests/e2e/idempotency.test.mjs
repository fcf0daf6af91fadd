// Idempotency-Key: one answer for a call that comes twice, and one bill. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bobKey, labSettings, post, sleep, startPurser, startSimulator } from './helpers.mjs';

let sim;
before(async () => {
    sim = await startSimulator();
});
after(() => sim?.stop());

const CHAT = '/v1/chat/completions';
const chat = (text, more = {}) => ({ model: 'cheap', messages: [{ role: 'user', content: text }], ...more });
const asked = async () => (await sim.truth()).calls?.length ?? (await sim.truth()).length;
const figure = async (purser, name) => Number((await purser.metrics()).split('\n').find((l) => l.startsWith(`${name} `))?.split(' ')[1]);
const send = (purser, idempotencyKey, body, more = {}) =>
    post(purser, more.path ?? CHAT, body, { ...more, headers: { 'idempotency-key': idempotencyKey, ...more.headers } });
const replayed = (answer) => answer.headers.get('x-purser-replayed') === 'true';

test('a call that comes again gets the answer of before, byte for byte, for nothing', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { log: 'stderr' }) });
    const claude = { model: 'cheap', max_tokens: 40, messages: [{ role: 'user', content: 'Hello. [simulate tokens=20]' }] };
    const asks = {
        whole: [CHAT, chat('Hello. [simulate tokens=20]')],
        streamed: [CHAT, chat('Hello. [simulate tokens=20]', { stream: true })],
        translated: ['/v1/messages', claude],
        'translated, streamed': ['/v1/messages', { ...claude, stream: true }],
        vectors: ['/v1/embeddings', { model: 'embed', input: 'Hello.' }],
        large: [CHAT, chat('Hello. [simulate tokens=60000]')],
    };
    const before = await asked();
    for (const [what, [path, body]] of Object.entries(asks)) {
        const first = await send(purser, what, body, { path });
        assert.equal(first.status, 200, `${what}: ${first.text.slice(0, 500)}`);
        assert.ok(!replayed(first));
        for (let i = 0; i < 3; i++) {
            const again = await send(purser, what, body, { path });
            assert.equal(again.status, 200);
            assert.ok(replayed(again), `${what} is replayed`);
            assert.ok(again.text === first.text, `${what}: the same bytes`);
            assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
            assert.equal(again.headers.get('x-purser-cost-usd'), '0');
        }
    }
    const count = Object.keys(asks).length;
    assert.equal((await asked()) - before, count, 'the provider was asked once for each');
    assert.equal((await purser.rows(count)).length, count, 'one row for each');
    assert.equal(await figure(purser, 'purser_replayed_total'), 3 * count);
    assert.equal(await figure(purser, 'purser_kept_answers'), count);
    const without = await post(purser, CHAT, asks.whole[1]);
    assert.ok(!replayed(without));
    const lines = purser.log.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
    assert.equal(lines.filter((l) => l.replayed === true && l.status === 200 && l.cost_usd === undefined).length, 3 * count);
    await purser.stop();
});

test('a call that comes while the first one runs waits for its answer', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { workers: 3 }) });
    const body = chat('Slow. [simulate fault=slow-head ms=700 tokens=10]');
    const before = await asked();
    const first = send(purser, 'j', body);
    await sleep(150);
    const others = Array.from({ length: 12 }, () => send(purser, 'j', body));
    const hangUp = new AbortController();
    const gone = send(purser, 'j', body, { signal: hangUp.signal });
    setTimeout(() => hangUp.abort(), 100);
    await assert.rejects(gone);
    const made = await first;
    assert.equal(made.status, 200, made.text);
    for (const other of await Promise.all(others)) {
        assert.equal(other.status, 200);
        assert.ok(replayed(other));
        assert.equal(other.text, made.text);
    }
    assert.equal((await asked()) - before, 1);
    await purser.stop();
});

test('who hung up and tries again gets what was made meanwhile', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { features: { patient: { on_disconnect: 'finish' } } }) });
    const asks = [chat('Slow. [simulate fault=slow-head ms=500 tokens=10]'), chat('Slow too. [simulate fault=slow-body ms=50 tokens=40]', { stream: true })];
    for (const body of asks) {
        const before = await asked();
        const headers = { 'x-purser-feature': 'patient' };
        const hangUp = new AbortController();
        const gone = send(purser, `gone ${body.stream}`, body, { headers, signal: hangUp.signal });
        setTimeout(() => hangUp.abort(), 200);
        await assert.rejects(gone);
        const again = await send(purser, `gone ${body.stream}`, body, { headers });
        assert.equal(again.status, 200, again.text);
        assert.ok(replayed(again), `stream ${body.stream}`);
        assert.ok(body.stream ? again.text.includes('[DONE]') : again.body.choices.length === 1);
        assert.equal((await asked()) - before, 1);
    }
    assert.equal((await purser.rows(2)).length, 2);
    await purser.stop();
});

test('the same key with another call is refused, and is its own for each key of purser', async () => {
    const purser = await startPurser({ settings: labSettings(sim) });
    assert.equal((await send(purser, 'k-1', chat('One.'))).status, 200);
    const other = await send(purser, 'k-1', chat('Two.'));
    assert.equal(other.status, 422);
    assert.equal(other.body.error.code, 'idempotency_key_used');
    assert.match(other.body.error.message, /'k-1'.*another call/);
    assert.equal(other.headers.get('x-should-retry'), 'false');
    const bob = await send(purser, 'k-1', chat('Two.'), { key: bobKey });
    assert.equal(bob.status, 200);
    assert.ok(!replayed(bob));
    assert.ok(replayed(await send(purser, 'k-1', chat('One.'))));
    assert.equal((await send(purser, 'x'.repeat(256), chat('One.'))).status, 400);
    await purser.stop();
});

test('what fails frees its key', async () => {
    const purser = await startPurser({ settings: labSettings(sim) });
    const failing = chat('Fail. [simulate fault=500 times=1 tokens=5]');
    assert.ok((await send(purser, 'f', failing)).status >= 500);
    const again = await send(purser, 'f', failing);
    assert.equal(again.status, 200, again.text);
    assert.ok(!replayed(again));
    const cut = chat('Cut. [simulate fault=cut after=3 tokens=10]', { stream: true });
    await send(purser, 'c', cut);
    assert.ok(!replayed(await send(purser, 'c', cut)), 'half an answer is none');
    const slow = chat('Slow. [simulate fault=stall after=2 ms=400 tokens=5 times=1]', { stream: true });
    const hangUp = new AbortController();
    const gone = send(purser, 's', slow, { signal: hangUp.signal }); // a stream is given up with its client
    setTimeout(() => hangUp.abort(), 250);
    await sleep(50);
    const joined = send(purser, 's', slow);
    await assert.rejects(gone);
    const made = await joined;
    assert.equal(made.status, 200);
    assert.ok(!replayed(made), 'it makes the answer itself');
    assert.ok(made.text.includes('[DONE]'));
    await purser.stop();
});

test('what is kept has ceilings and an end; 0 turns it off', async () => {
    const purser = await startPurser({ settings: labSettings(sim, { idempotency: { keep: '1s', entries: 2, bytes: '64kB' } }) });
    const ask = (k, tokens = 5) => send(purser, k, chat(`${k} [simulate tokens=${tokens}]`));
    for (const k of ['a', 'b', 'c']) await ask(k);
    assert.equal(await figure(purser, 'purser_kept_answers'), 2);
    assert.ok(replayed(await ask('b')) && replayed(await ask('c')));
    assert.ok(!replayed(await ask('a')), 'the oldest went first');
    await ask('large', 4000);
    assert.ok(!replayed(await ask('large', 4000)), 'an answer above an eighth of the memory is not kept');
    await sleep(1100);
    assert.ok(!replayed(await ask('c')));
    await purser.reload(labSettings(sim, { idempotency: { keep: '0s' } }));
    await ask('d');
    assert.ok(!replayed(await ask('d')));
    await purser.stop();
});
