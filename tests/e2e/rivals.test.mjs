// What attempts, and calls, share with each other: the end of one is none of another's, but where it must be. @sanitizers
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { aliceKey, labSettings, post, startPurser, startSimulator, until } from './helpers.mjs';
import { chunkOf, headOf, startUpstream } from './upstream.mjs';
import { Wire } from './wire.mjs';

let sim, first, second, purser;
const open = new Set();

/** A provider whose socket is read only once it is told to. */
async function startDeaf() {
    const deaf = { sockets: [], bytes: 0, tail: '' };
    const server = createServer({ pauseOnConnect: true }, (socket) => {
        open.add(socket);
        deaf.sockets.push(socket);
        socket.on('error', () => {});
    });
    deaf.listen = async () => {
        await once(server.listen(0, '127.0.0.1'), 'listening');
        deaf.url = `http://127.0.0.1:${server.address().port}`;
        return deaf;
    };
    deaf.stop = () => server.close();
    return deaf.listen();
}

before(async () => {
    sim = await startSimulator();
    first = await startUpstream(() => {});
    second = await startDeaf();
    const at = (url) => ({ kind: 'openai-compatible', base_url: `${url}/v1`, api_key: 'sk-provider-0123456789' });
    purser = await startPurser({
        settings: labSettings(sim, {
            providers: { lab: at(sim.url), first: at(first.url), second: at(second.url), raw: at(first.url) },
            models: { raced: { targets: ['first/m', 'second/m'], attempts: { max: 2, time: '30s' }, hedge: { after: '100ms', max_extra_spend: '100%' } }, hopeful: { targets: ['raw/m'], attempts: { max: 2, time: '30s' } }, patient: { targets: ['first/m'], attempts: { max: 3, time: '30s' } }, doubled: { targets: ['raw/d', 'first/d'], attempts: { max: 2 }, on: { error: 'raw/d' } } },
            prices: ['lab/sim-small', 'first/m', 'first/m2', 'second/m', 'raw/m', 'raw/d', 'first/d'].map((model) => ({ model, input: 0.15, output: 0.6, from: '2026-01-01' })),
            ceilings: { body: '32MB', drain_time: '200ms' },
            log: 'access.log',
            workers: 1, // whose hedges know of all calls
        }),
    });
});

after(async () => {
    for (const socket of open) socket.destroy();
    second?.stop();
    await first?.stop();
    await purser?.stop();
    await sim?.stop();
});

const answer = JSON.stringify({ id: 'c1', object: 'chat.completion', model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'well' }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });
const whole = headOf(200, { 'content-type': 'application/json', 'content-length': answer.length }) + answer;

test('a hedge that still sends ends with its client, though what it hedges is finished for it', async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    first.answer = (request, send) => send(whole);
    const body = (content) => ({ model: 'raced', messages: [{ role: 'user', content }] });
    for (let i = 0; i < 3; i++) assert.equal((await post(purser, '/v1/chat/completions', body('warm'.repeat(5000)))).status, 200); // hedges need something to be a share of
    first.answer = async (request, send) => {
        await held;
        await send(whole);
    };
    const client = connect(purser.port, '127.0.0.1').on('error', () => {}), long = JSON.stringify(body('long '.repeat(3_000_000)));
    client.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${aliceKey}\r\ncontent-type: application/json\r\nx-purser-task: left\r\ncontent-length: ${long.length}\r\n\r\n${long}`);
    await until('the hedge', () => second.sockets.length > 0);
    const socket = second.sockets[0];
    await until('the first to have it all', () => first.requests.length === 4);
    client.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    let heard = 0, ended = false;
    socket.on('data', (bytes) => (heard += bytes.length)).on('close', () => (ended = true));
    socket.resume();
    await until('its end', () => ended);
    assert.ok(heard < long.length, 'all of a call that nobody waits for went to the provider');
    release();
    const rows = await purser.rows(2, { where: "task = 'left'" });
    assert.deepEqual(rows.map((r) => `${r.reason} ${r.status}`).sort(), ['first ok', 'hedge client_gone']);
    for (const budget of await purser.budgets()) assert.equal(Number(budget.held), 0);
});

test('a stream that has come to its protocol\'s end is whole, however its connection ends', async () => {
    first.answer = async (request, send, socket) => {
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' }) + chunkOf(`data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'x' }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`));
        socket.destroySoon();
    };
    for (let i = 0; i < 20; i++) {
        const got = await post(purser, '/v1/chat/completions', { model: 'raw/m', stream: true, messages: [{ role: 'user', content: 'x' }] });
        assert.ok(got.text.endsWith('data: [DONE]\n\n') && !got.text.includes('error'), got.text);
    }
});

test('the access log tells the status that the client got', async () => {
    const log = () => readFileSync(`${purser.dir}/access.log`, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    const got = await post(purser, '/v1/chat/completions', { model: 'lab/sim-small', messages: [{ role: 'user', content: 'x [simulate fault=400]' }] });
    assert.equal(got.status, 400);
    const line = await until('its line', () => log().find((l) => l.request_id === got.headers.get('x-purser-request-id')));
    assert.equal(line.status, 400);
});

test('a label that is no UTF-8 spoils neither the metrics nor the access log', async () => {
    first.answer = (request, send) => send(whole);
    const wire = new Wire(purser.port);
    const got = await wire.post('/v1/chat/completions', { model: 'first/m', messages: [{ role: 'user', content: 'x' }] }, { key: aliceKey, headers: { 'x-purser-feature': 'caf\xe9' } });
    wire.close();
    assert.equal(got.status, 200, got.text);
    const page = await fetch(`${purser.adminUrl}/metrics`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.match(new TextDecoder('utf-8', { fatal: true }).decode(await page.arrayBuffer()), /purser_feature="caf\ufffd"/);
    await until('its line', () => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(`${purser.dir}/access.log`)).includes('"feature":"caf\ufffd"'));
});

test('names that somebody makes up by the thousand are in nobody else\'s way', async () => {
    const wire = new Wire(purser.port);
    const ask = async (model) => (await wire.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'x' }] }, { key: aliceKey })).status;
    for (let i = 0; i < 4200; i++) assert.equal(await ask(`lab/made-up-${i}`), 402); // more than a worker keeps
    assert.equal(await ask('lab/sim-small'), 200);
    first.answer = (request, send) => send(whole);
    assert.equal(await ask('first/m2'), 200);
    first.answer = (request, send) => send(`${headOf(500, { 'content-length': 2 })}{}`);
    await wire.post('/v1/chat/completions', { model: 'doubled', messages: [{ role: 'user', content: 'x' }] }, { key: aliceKey, headers: { 'x-purser-task': 'doubled' } });
    assert.deepEqual((await purser.rows(1, { where: "task = 'doubled'" })).map((r) => `${r.provider} ${r.reason}`), ['raw first'], 'a target in two places is asked once');
    const page = await fetch(`${purser.adminUrl}/metrics`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.match(await page.text(), /^purser_target_state\{target="raw\/d",state="closed"\} 1$/m, 'its breaker is another one\'s, too');
    wire.close();
});

test('of a client\'s call what belongs to its connection stays behind', async () => {
    first.answer = (request, send) => send(whole);
    const wire = new Wire(purser.port);
    const headers = { 'x-hop': 'a', connection: 'keep-alive, X-Hop', Connection: 'x-hop-2', 'x-hop-2': 'b', 'x-other': 'c' };
    assert.equal((await wire.post('/v1/chat/completions', { model: 'first/m', messages: [{ role: 'user', content: 'hop' }] }, { key: aliceKey, headers })).status, 200);
    wire.close();
    const got = first.requests.at(-1).headers;
    assert.deepEqual(['x-hop', 'x-hop-2', 'x-other'].map((name) => got[name]), [undefined, undefined, 'c']);
});

test('of a provider\'s answer what belongs to its connection stays behind, and a rest of years is not believed', async () => {
    let asked = 0;
    const error = '{"error":{"code":429,"message":"later","details":[{"retryDelay":"99999999999s"}]}}';
    first.answer = (request, send) => {
        asked++;
        return send(headOf(429, { 'content-type': 'application/json', 'content-length': error.length, connection: ['keep-alive, X-Hop', 'close, x-hop-2'], 'x-hop': 'a', 'x-hop-2': 'a', 'x-other': 'b' }) + error);
    };
    const got = await post(purser, '/v1/chat/completions', { model: 'hopeful', messages: [{ role: 'user', content: 'x' }] });
    assert.deepEqual(['x-hop', 'x-hop-2', 'x-other'].map((name) => got.headers.get(name)), [null, null, 'b']);
    assert.equal(got.status, 429);
    assert.equal(asked, 2, 'it was not tried again');
});

test('a call that waits for its next try ends with the drain', async () => {
    let asked = 0;
    first.answer = (request, send) => {
        asked++;
        return send(headOf(429, { 'content-type': 'application/json', 'retry-after': '3', 'content-length': 2 }) + '{}');
    };
    const waiting = post(purser, '/v1/chat/completions', { model: 'patient', messages: [{ role: 'user', content: 'x' }] });
    await until('its first try', () => asked);
    await purser.stop();
    const got = await waiting;
    assert.equal(got.status, 429, got.text);
    assert.equal(asked, 1, 'it was tried again after the drain');
});
