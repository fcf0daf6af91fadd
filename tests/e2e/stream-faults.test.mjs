// Promise 5: a stream is never cut silently. Every fault of a provider ends in an explicit
// error for the client; what is whole passes byte by byte; who hangs up, reads slowly or
// asks for nonsense is treated as the documents say. @sanitizers
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { aliceKey, bobKey, eventsOf, labSettings, sanitized, startPurser, startSimulator, until } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';
import { chunkOf, headOf, LAST_CHUNK, startUpstream } from './upstream.mjs';
import { requestBytes, Wire } from './wire.mjs';

const PROVIDER_KEY = 'sk-provider-secret-4f7a1c0de5';
let sim, upstream, purser, client;

before(async () => {
    sim = await startSimulator();
    upstream = await startUpstream(() => {});
    const there = { kind: 'openai-compatible', base_url: `${sim.url}/v1`, api_key: PROVIDER_KEY };
    const price = { input: 0.15, output: 0.6, from: '2026-01-01' };
    purser = await startPurser({
        settings: labSettings(sim, {
            providers: {
                lab: there,
                hasty: { ...there, timeouts: { first_token: '600ms', between_tokens: '400ms' } },
                picky: there,
                raw: { ...there, base_url: `${upstream.url}/v1` },
                nowhere: { ...there, base_url: 'http://127.0.0.1:9/v1', timeouts: { connect: '1s' } },
            },
            models: { cheap: 'lab/sim-small' },
            prices: ['lab/sim-small', 'hasty/sim-small', 'picky/sim-small', 'raw/m', 'raw/strict', 'nowhere/m'].map((model) => ({ model, ...price })),
            features: {
                finisher: { owner: 'ana@example.com', on_disconnect: 'finish' },
                canceller: { owner: 'ana@example.com', on_disconnect: 'cancel' },
            },
            ceilings: { body: '1MB', header: '16kB' },
        }),
    });
    client = new OpenAI({ apiKey: aliceKey, baseURL: `${purser.url}/v1`, maxRetries: 0 });
});

after(async () => {
    await purser?.stop();
    await upstream?.stop();
    await sim?.stop();
});

let tasks = 0;
const newTask = () => `fault-${process.pid}-${++tasks}`;
const rowsOf = (task, least = 1) => purser.rows(least, { where: `task = '${task}'` });
const PATHS = { chat: '/v1/chat/completions', completions: '/v1/completions', responses: '/v1/responses' };

function bodyOf(kind, content, more = {}) {
    const model = more.model ?? 'hasty/sim-small';
    if (kind === 'chat') return { messages: [{ role: 'user', content }], ...more, model };
    return { [kind === 'completions' ? 'prompt' : 'input']: content, ...more, model };
}

/** One call over a fresh connection. */
async function call(kind, content, more = {}, { task = newTask(), headers = {}, ...options } = {}) {
    const wire = new Wire(purser.port);
    const answer = await wire.post(PATHS[kind], bodyOf(kind, content, more), { key: aliceKey, headers: { 'x-purser-task': task, ...headers }, ...options });
    wire.close();
    answer.task = task;
    return answer;
}

function viaClient(kind, content) {
    const body = { ...bodyOf(kind, content), stream: true };
    if (kind === 'chat') return client.chat.completions.create(body);
    return kind === 'completions' ? client.completions.create(body) : client.responses.create(body);
}

// ---- faults

/** fault -> the row's status; `told`: other good ends. */
const FAULTS = {
    'stall after=5 ms=3000': ['provider_timeout'],
    'cut after=5': ['provider_cut'],
    'cut-clean after=5': ['provider_cut'],
    'end-early after=5': ['provider_cut'],
    'malformed after=5': ['provider_stream_error', 'provider_protocol'],
    'error-in-stream after=5': ['provider_stream_error', 'provider_error'],
    'failed after=5': ['provider_stream_error', 'provider_error'],
};

for (const kind of Object.keys(PATHS)) {
    for (const [fault, statuses] of Object.entries(FAULTS)) {
        const control = `x [simulate tokens=30 fault=${fault}]`;

        test(`${kind}, streamed: ${fault} ends in an error event, and the official client throws`, async () => {
            const answer = await call(kind, control, { stream: true });
            assert.equal(answer.status, 200);
            assert.ok(answer.complete, 'HTTP itself ended well, so that the event arrives');
            const events = eventsOf(answer.text);
            assert.ok(!events.includes('[DONE]'), 'a clean end');
            const last = JSON.parse(events.at(-1));
            const error = kind === 'responses' ? (last.type === 'error' ? last : last.response?.error) : last.error;
            assert.ok(error?.message, `the last event is no error: ${events.at(-1)}`);
            for (const event of events.slice(0, -1)) JSON.parse(event); // nothing half passed on
            if (kind === 'responses') {
                const numbers = events.map((e) => JSON.parse(e).sequence_number);
                assert.deepEqual(numbers, numbers.map((_, i) => i), 'sequence numbers have a gap');
            }
            assert.match(answer.text, /\n\n$/);
            const [row] = await rowsOf(answer.task);
            assert.ok(statuses.includes(row.status), `${row.status} for ${fault}`);
            assert.equal(row.wasted, 1);

            await assert.rejects(async () => {
                for await (const event of await viaClient(kind, control)) {
                    if (event.type === 'response.failed') throw new OpenAI.APIError(500, event.response.error, 'failed'); // its own explicit end
                }
            }, OpenAI.APIError);
        });

        test(`${kind}, not streamed: ${fault} is an HTTP error`, async () => {
            const answer = await call(kind, control);
            assert.ok(answer.status >= 500 && answer.status < 600, `${answer.status} ${answer.text.slice(0, 200)}`);
            assert.ok(answer.json.error.message, answer.text);
            assert.match(answer.headers['content-type'], /^application\/json/);
            const [row] = await rowsOf(answer.task);
            assert.match(row.status, /^provider_/);
            assert.equal(row.wasted, 1);
        });
    }

    test(`${kind}: before the first token an error is an HTTP status, streamed or not`, async () => {
        for (const stream of [false, true]) {
            const late = await call(kind, 'x [simulate fault=slow-head ms=3000]', { stream });
            assert.equal(late.status, 504, late.text);
            assert.equal((await rowsOf(late.task))[0].status, 'provider_timeout');
            for (const status of [429, 500, 503, 400]) {
                const answer = await call(kind, `x [simulate fault=${status}]`, { stream });
                assert.equal(answer.status, status);
                assert.ok(answer.json.error.message);
                if (status === 429) assert.equal(answer.headers['retry-after'], '1');
            }
            const credentials = await call(kind, 'x [simulate fault=401]', { stream });
            assert.equal(credentials.status, 502, 'the provider refused purser, not the client');
            const unreachable = await call(kind, 'x', { stream, model: 'nowhere/m' });
            assert.equal(unreachable.status, 502);
            assert.equal(unreachable.json.error.code, 'provider_unreachable');
        }
    });

    test(`${kind}: what is odd but whole passes`, async () => {
        for (const stream of [false, true]) {
            for (const fault of ['slow-body ms=5', 'close-delimited']) {
                const answer = await call(kind, `x [simulate tokens=30 fault=${fault}]`, { stream });
                assert.equal(answer.status, 200, answer.text);
                assert.ok(answer.complete);
                if (!stream) assert.ok(answer.json.usage);
                else assert.match(eventsOf(answer.text).at(-1), kind === 'responses' ? /response\.completed/ : /^\[DONE\]$/);
                const [row] = await rowsOf(answer.task);
                assert.equal(`${row.status} ${row.cost_state}`, 'ok exact', fault);
            }
        }
        const short = await call(kind, 'x [simulate tokens=30 fault=wrong-length]');
        assert.equal(short.status, 502, short.text);
        const stream = eventsOf((await call(kind, 'x [simulate tokens=30 fault=wrong-length]', { stream: true })).text);
        assert.match(stream.at(-1), /\[DONE\]|error|response\.completed/);
    });
}

// ---- clients that leave

test('a client that hangs up: cancelled at the provider, or finished, as the feature says', async () => {
    const leave = async (feature, stream, content = 'x [simulate tokens=60 between=10ms]') => {
        const answer = await call('chat', content, { stream, model: 'lab/sim-small' }, {
            headers: { 'x-purser-feature': feature },
            onBody: stream ? (_, a) => a.hangUp() : undefined,
        });
        const [row] = await rowsOf(answer.task);
        const truth = (await truthSince(sim)).find((c) => attemptOf(c) === String(row.attempt_id));
        return { row, truth };
    };
    for (const feature of ['', 'canceller']) {
        const { row, truth } = await leave(feature, true);
        assert.equal(row.status, 'client_gone');
        assert.equal(row.cost_state, 'estimated');
        assert.ok(truth.aborted && truth.generated_tokens < 60, `feature '${feature}': the provider went on: ${JSON.stringify(truth)}`);
    }
    const { row, truth } = await leave('finisher', true);
    assert.ok(truth.finished && !truth.aborted, `the provider was cut off: ${JSON.stringify(truth)}`);
    assert.equal(row.cost_state, 'exact');
    assert.equal(Number(row.output_tokens), 60);
});

test('a client that hangs up before an answer that is not streamed: finished by default', async () => {
    for (const [feature, finished] of [['', true], ['finisher', true], ['canceller', false]]) {
        const task = newTask();
        const wire = new Wire(purser.port);
        const sent = wire.post(PATHS.chat, bodyOf('chat', 'x [simulate tokens=20 latency=500ms]', { model: 'lab/sim-small' }), { key: aliceKey, headers: { 'x-purser-task': task, 'x-purser-feature': feature } });
        await until('the call at the provider', async () => (await sim.truth('?limit=1')).totals.live === 1);
        wire.close();
        await sent;
        const [row] = await rowsOf(task);
        const truth = (await truthSince(sim)).find((c) => attemptOf(c) === String(row.attempt_id));
        assert.equal(truth.finished && !truth.aborted, finished, `feature '${feature}': ${JSON.stringify(truth)}`);
        assert.equal(row.cost_state, finished ? 'exact' : 'estimated');
    }
});

// ---- stream_options

test('usage is asked for where the client did not, its chunk taken out, nothing else touched', async () => {
    const chunks = ['{"id":"1","choices":[{"index":0,"delta":{"content":"a\\u00e9 😀"},"finish_reason":null}]}',
        '{"id":"1", "choices":[{"index":0,"delta":{},"finish_reason":"stop"}], "odd": [1.50, 1e2]}'];
    const usage = '{"id":"1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}';
    const sent = [`: a comment\n\ndata: ${chunks[0]}\n\n`, `event: x\r\nid: 7\r\ndata:${chunks[1]}\r\n\r\n`, `data: ${usage}\n\n`, 'data: [DONE]\n\n'];
    upstream.answer = async (request, send) => {
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked', 'x-odd': 'kept', 'set-cookie': 'a=b', 'openai-organization': 'secret-org' }));
        for (const piece of sent) await send(chunkOf(piece));
        await send(LAST_CHUNK);
    };
    const told = (last = upstream.requests.at(-1)) => JSON.parse(last.body).stream_options;
    const ask = (more) => call('chat', 'x', { model: 'raw/m', stream: true, ...more });

    const plain = await ask({});
    assert.equal(plain.text, sent[0] + sent[1] + sent[3], 'the stream was changed');
    assert.deepEqual(told(), { include_usage: true });
    assert.equal(plain.headers['x-odd'], 'kept');
    assert.equal(plain.headers['set-cookie'], undefined);
    assert.equal(plain.headers['openai-organization'], undefined);
    const [row] = await rowsOf(plain.task);
    assert.equal(`${row.cost_state} ${row.input_tokens} ${row.output_tokens}`, 'exact 7 5');

    const no = await ask({ stream_options: { include_usage: false } });
    assert.equal(no.text, plain.text);
    assert.deepEqual(told(), { include_usage: true }, 'edited in place, not doubled');
    assert.equal(upstream.requests.at(-1).body.toString().match(/include_usage/g).length, 1);

    const yes = await ask({ stream_options: { include_usage: true } });
    assert.equal(yes.text.replace(/,"purser":\{[^}]*\}/, ''), sent.join(''), 'beside purser\'s own member');
    assert.equal(JSON.parse(eventsOf(yes.text).at(-2)).purser.cost_usd, '0.00000405');

    const other = await ask({ stream_options: { include_obfuscation: false } });
    assert.equal(other.text, plain.text);
    assert.deepEqual(told(), { include_obfuscation: false, include_usage: true });
});

test('a target that rejects stream_options is asked without, and remembered', async () => {
    const control = 'x [simulate tokens=9 fault=reject-stream-options]';
    const first = await call('chat', control, { stream: true, model: 'picky/sim-small' });
    assert.equal(first.status, 200, first.text);
    assert.equal(eventsOf(first.text).at(-1), '[DONE]');
    const rows = await rowsOf(first.task, 2);
    assert.deepEqual(rows.map((r) => `${r.number} ${r.reason} ${r.status}`), ['1 first provider_error', '2 retry ok']);
    assert.equal(rows[0].call_id, rows[1].call_id);
    assert.equal(rows[0].cost_picousd, 0);
    assert.equal(rows[1].cost_state, 'estimated', 'no usage was told');
    // a target belongs to a worker: each learns once
    let again = 0;
    for (let i = 0; i < 40; i++) {
        const answer = await call('chat', control, { stream: true, model: 'picky/sim-small' });
        assert.equal(answer.status, 200);
        again += (await rowsOf(answer.task)).length - 1;
    }
    assert.ok(again < 20, `forgotten ${again} times of 40`);
    const asked = await call('chat', control, { stream: true, model: 'picky/sim-small', stream_options: { include_usage: true } });
    assert.equal(asked.status, 400, 'the client asked for it itself: its own error');
});

test('what a target says of a limit that its client set teaches nothing of the target', async () => {
    const json = (status, body) => [headOf(status, { 'content-type': 'application/json', 'content-length': JSON.stringify(body).length }), JSON.stringify(body)];
    const no = (message) => json(400, { error: { message, type: 'invalid_request_error', param: null, code: null } });
    const whole = json(200, { object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }] });
    upstream.answer = async (request, send) => { // as OpenAI's newer models do
        const asked = JSON.parse(request.body);
        const parts = asked.max_tokens ? no("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
            : asked.max_completion_tokens > 500 ? no(`max_completion_tokens is too large: ${asked.max_completion_tokens}.`)
            : asked.max_completion_tokens === 13 ? no('max_completion_tokens: this number is not liked here.') : whole;
        for (const part of parts) await send(part);
    };
    const ask = async (more) => {
        const before = upstream.requests.length;
        const answer = await call('chat', 'x', { model: 'raw/strict', ...more });
        return `${answer.status} ${upstream.requests.length - before}`;
    };
    for (let i = 0; i < 8; i++) { // a target belongs to a worker
        assert.equal(await ask({ max_tokens: 5 }), '400 1', 'its client wrote the field, not purser');
        assert.equal(await ask({ max_completion_tokens: 501 }), '400 1', 'the field is known, the number is too large');
        assert.equal(await ask({ max_completion_tokens: 13 }), '400 2', 'tried without, which did not help');
    }
    assert.equal(await ask({ max_completion_tokens: 9 }), '200 1');
    for (let i = 0; i < 8; i++) assert.equal(await ask({ max_completion_tokens: 9 }), '200 1', 'as ever');
});

test('a target that takes a field no longer is found out by the next call', async () => {
    let knows = true;
    const event = 'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    upstream.answer = async (request, send) => {
        if (!knows && JSON.parse(request.body).stream_options) {
            const body = '{"error":{"message":"Unrecognized request argument supplied: stream_options"}}';
            await send(headOf(400, { 'content-type': 'application/json', 'content-length': body.length }));
            return send(body);
        }
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' }));
        await send(chunkOf(event));
        await send(LAST_CHUNK);
    };
    const ask = async () => (await call('chat', 'x', { model: 'raw/m', stream: true })).status;
    for (let i = 0; i < 8; i++) assert.equal(await ask(), 200);
    knows = false;
    const statuses = [];
    for (let i = 0; i < 16; i++) statuses.push(await ask());
    assert.ok(statuses.filter((s) => s !== 200).length <= 2, `one call a worker: ${statuses}`);
    assert.equal(statuses.at(-1), 200);
});

// ---- bytes

test('the first event passes before the second exists', async () => {
    let seen;
    const first = new Promise((resolve) => (seen = resolve));
    const event = (n) => `data: {"choices":[{"index":0,"delta":{"content":"${n}"},"finish_reason":null}]}\n\n`;
    const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    upstream.answer = async (request, send) => {
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' }));
        await send(chunkOf(event(1).slice(0, 60))); // a piece of it is enough
        await first;
        await send(chunkOf(event(1).slice(60) + event(2) + end));
        await send(LAST_CHUNK);
    };
    const answer = await call('chat', 'x', { model: 'raw/m', stream: true }, { onBody: () => seen() });
    assert.equal(answer.text, event(1) + event(2) + end);
});

test('a stream that ends without [DONE] after its finish reason is whole; garbage after the end is dropped', async () => {
    const finish = 'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n';
    upstream.answer = async (request, send) => {
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' }));
        await send(chunkOf(finish));
        await send(LAST_CHUNK);
    };
    assert.equal((await call('chat', 'x', { model: 'raw/m', stream: true })).text, finish);
    upstream.answer = async (request, send) => {
        await send(headOf(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' }));
        await send(chunkOf(`${finish}data: [DONE]\n\ndata: more\n\n`));
        await send(LAST_CHUNK);
    };
    assert.equal((await call('chat', 'x', { model: 'raw/m', stream: true })).text, `${finish}data: [DONE]\n\n`);
});

test('answers larger than what is gathered stream, byte by byte the same; cut ones are never whole', async () => {
    const content = 'x'.repeat(700_000);
    const body = JSON.stringify({ id: '1', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });
    for (const framing of ['length', 'chunked', 'close']) {
        upstream.answer = async (request, send, socket) => {
            const headers = { 'content-type': 'application/json', ...(framing === 'length' ? { 'content-length': body.length } : framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { connection: 'close' }) };
            await send(headOf(200, headers));
            for (let at = 0; at < body.length; at += 50_000) await send(framing === 'chunked' ? chunkOf(body.slice(at, at + 50_000)) : body.slice(at, at + 50_000));
            if (framing === 'chunked') await send(LAST_CHUNK);
            if (framing === 'close') socket.end();
        };
        const answer = await call('chat', 'x', { model: 'raw/m' });
        assert.equal(answer.status, 200);
        assert.ok(answer.complete, framing);
        assert.equal(answer.text, body, framing);
        const [row] = await rowsOf(answer.task);
        assert.equal(`${row.status} ${row.cost_state} ${row.input_tokens} ${row.output_tokens}`, 'ok exact 3 4', framing);
    }
    for (const framing of ['length', 'chunked']) {
        upstream.answer = async (request, send, socket) => {
            await send(headOf(200, { 'content-type': 'application/json', ...(framing === 'length' ? { 'content-length': body.length } : { 'transfer-encoding': 'chunked' }) }));
            await send(framing === 'chunked' ? chunkOf(body.slice(0, 500_000)) : body.slice(0, 500_000));
            socket.destroySoon();
        };
        const answer = await call('chat', 'x', { model: 'raw/m' });
        assert.ok(answer.status !== 200 || !answer.complete, `${framing}: a cut answer looks whole`);
        assert.equal((await rowsOf(answer.task))[0].status, 'provider_cut');
    }
});

const rss = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${purser.pid}/status`, 'utf8'))[1]) * 1024;

test('a client that stops reading does not fill the memory, and gets everything later', { skip: sanitized && 'memory is another thing under a sanitizer' }, async () => {
    const tokens = 60_000, readers = 4;
    const wires = Array.from({ length: readers }, () => new Wire(purser.port));
    const before = rss();
    const answers = [];
    const sent = wires.map((wire) => wire.post(PATHS.chat, bodyOf('chat', `x [simulate tokens=${tokens}]`, { model: 'lab/sim-small', stream: true, max_completion_tokens: tokens }), {
        key: aliceKey,
        onBody: (_, answer) => {
            if (answers.includes(answer)) return;
            answers.push(answer);
            answer.pause();
        },
    }));
    await until('all to have begun', () => answers.length === readers);
    // the provider rests too once everything between is full: its count stops growing
    let last = -1;
    await until('the provider to rest', async () => {
        const page = await sim.truth('?limit=50000');
        const now = page.calls.slice(-readers).reduce((all, c) => all + c.generated_tokens, 0);
        const rests = now === last;
        last = now;
        return rests;
    }, { every: 300 });
    assert.ok(last < tokens * readers * 0.9, `the provider generated ${last} of ${tokens * readers} tokens for nobody`);
    const grown = rss() - before;
    assert.ok(grown < 12 << 20, `${readers} idle readers took ${(grown / 2 ** 20).toFixed(1)} MB`);
    for (const answer of answers) answer.resume();
    for (const answer of await Promise.all(sent)) {
        assert.ok(answer.complete && answer.text.endsWith('data: [DONE]\n\n'), 'the rest never came');
        assert.ok(answer.text.match(/data: /g).length >= tokens);
    }
    for (const wire of wires) wire.close();
});

test('compressed requests are decoded, under the ceiling', async () => {
    const body = JSON.stringify(bodyOf('chat', 'x [simulate tokens=3]', { model: 'cheap' }));
    const send = (bytes, encoding) => new Wire(purser.port).post(PATHS.chat, bytes, { key: aliceKey, headers: { 'content-encoding': encoding, connection: 'close' } });
    const answer = await send(gzipSync(body), 'gzip');
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.usage.completion_tokens, 3);
    const bomb = await send(gzipSync(Buffer.alloc(50 << 20, 0x20)), 'gzip');
    assert.equal(bomb.status, 413, bomb.text);
    const unknown = await send(Buffer.from(body), 'br');
    assert.equal(unknown.status, 415, unknown.text);
    const broken = await send(Buffer.from('no gzip'), 'gzip');
    assert.equal(broken.status, 400, broken.text);
});

// ---- what is asked wrongly

test('every mistake is a clear error in the protocol\'s own shape', async () => {
    const good = JSON.stringify(bodyOf('chat', 'x', { model: 'cheap' }));
    const cases = [
        ['an unknown path', 'POST', '/v1/teapots', { body: good }, 404],
        ['a wrong method', 'GET', PATHS.chat, {}, 405],
        ['another wrong method', 'DELETE', PATHS.chat, {}, 405],
        ['a wrong type', 'POST', PATHS.chat, { body: good, headers: { 'content-type': 'text/plain' } }, 415],
        ['a body above the ceiling', 'POST', PATHS.chat, { body: JSON.stringify(bodyOf('chat', 'x'.repeat(2 << 20), { model: 'cheap' })) }, 413],
        ['more values than the ceiling', 'POST', PATHS.chat, { body: `{"model":"cheap","messages":[],"x":[${'1,'.repeat(350_000)}1]}` }, 413],
        ['a head above the ceiling', 'POST', PATHS.chat, { body: good, headers: { 'x-long': 'x'.repeat(40_000) } }, 431],
        ['no key', 'POST', PATHS.chat, { body: good, key: undefined }, 401],
        ['a wrong key', 'POST', PATHS.chat, { body: good, key: 'sk-wrong' }, 401],
        ['no JSON', 'POST', PATHS.chat, { body: '{"model":' }, 400],
        ['JSON of a wrong type', 'POST', PATHS.chat, { body: '{"model":"cheap","messages":"hello","max_tokens":"many"}' }, 400],
        ['a doubled key', 'POST', PATHS.chat, { body: `{"model":"cheap","max_tokens":1,"max_\\u0074okens":100000,"messages":[]}` }, 400],
        ['a negative limit', 'POST', PATHS.chat, { body: JSON.stringify(bodyOf('chat', 'x', { model: 'cheap', max_tokens: -1 })) }, 400],
        ['an unknown model', 'POST', PATHS.chat, { body: JSON.stringify(bodyOf('chat', 'x', { model: 'nobody/knows' })) }, 404],
        ['a model that is not allowed', 'POST', PATHS.chat, { body: JSON.stringify(bodyOf('chat', 'x', { model: 'lab/sim-small' })), key: bobKey }, 403],
        ['background', 'POST', PATHS.responses, { body: JSON.stringify(bodyOf('responses', 'x', { model: 'cheap', background: true })) }, 400],
        ['another origin', 'POST', PATHS.chat, { body: good, headers: { origin: 'https://evil.example' } }, 403],
        ['a name that points here', 'POST', PATHS.chat, { body: good, headers: { host: 'rebound.example' } }, 403],
    ];
    const before = (await sim.truth('?limit=1')).totals.calls;
    for (const [what, method, path, options, status] of cases) {
        const answer = await new Wire(purser.port).request(method, path, { key: aliceKey, ...options, headers: { connection: 'close', ...options.headers } });
        assert.equal(answer.status, status, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
        assert.ok(answer.complete, what);
        assert.match(answer.headers['content-type'], /^application\/json/, what);
        assert.equal(typeof answer.json.error.message, 'string', what);
        assert.ok(answer.json.error.message.length > 10 && answer.json.error.type, `${what}: ${answer.text}`);
        if (status === 405) assert.equal(answer.headers.allow, 'POST');
    }
    const head = await new Wire(purser.port).request('HEAD', '/v1/models', { key: aliceKey, headers: { connection: 'close' } });
    assert.equal(head.status, 200);
    assert.equal(head.size, 0);
    assert.ok(Number(head.headers['content-length']) > 0);
    const nothing = await new Wire(purser.port).request('HEAD', '/v1/teapots', { key: aliceKey, headers: { connection: 'close' } });
    assert.equal(nothing.status, 404);
    assert.equal((await sim.truth('?limit=1')).totals.calls, before, 'one of them reached the provider');
});

test('requests that smuggle, and other broken HTTP', async () => {
    const body = JSON.stringify(bodyOf('chat', 'x', { model: 'cheap' }));
    const head = (lines) => Buffer.from(`POST ${PATHS.chat} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${aliceKey}\r\ncontent-type: application/json\r\n${lines.join('\r\n')}\r\n\r\n`);
    const bad = [
        [`content-length: ${body.length}`, 'transfer-encoding: chunked'],
        [`content-length: ${body.length}`, `content-length: ${body.length + 1}`],
        ['content-length: +5'],
        ['transfer-encoding: chunked, identity'],
        [`content-length: ${body.length}`, 'x-folded: a', ' b'],
        [`content-length: ${body.length}`, 'x-bare: a\rb'],
        [`content-length : ${body.length}`],
    ];
    for (const lines of bad) {
        const answer = await new Wire(purser.port).exchange(Buffer.concat([head(lines), Buffer.from(body)]));
        assert.ok(answer.status >= 400 && answer.status < 500, `${JSON.stringify(lines)}: ${answer.status}`);
        assert.equal(answer.headers.connection, 'close', `${JSON.stringify(lines)}: the connection is kept`);
    }
    const pipelined = new Wire(purser.port);
    const one = requestBytes('POST', PATHS.chat, { key: aliceKey, body });
    const first = await pipelined.exchange(Buffer.concat([one, requestBytes('GET', '/healthz')]));
    assert.equal(first.status, 200, first.text);
    pipelined.close();
});

// ---- secrets

test('no secret is in the data folder, the log, or any answer', async () => {
    const wrong = 'sk-wrong-but-maybe-real-99887766';
    const seen = [
        await call('chat', 'x', { model: 'cheap' }, { key: wrong }),
        await call('chat', 'x [simulate fault=401]', { model: 'cheap' }),
        await call('chat', 'x', { model: 'nowhere/m' }),
    ];
    await purser.rows(1);
    const secrets = [PROVIDER_KEY, aliceKey, bobKey, purser.adminToken, wrong].map((s) => s.slice(0, 22));
    const look = (what, text) => {
        for (const secret of secrets) assert.ok(!text.includes(secret), `${what} holds ${secret.slice(0, 12)}...`);
    };
    const walk = (dir) => readdirSync(dir).flatMap((name) => {
        const path = join(dir, name);
        return statSync(path).isDirectory() ? walk(path) : statSync(path).isFile() ? [path] : [];
    });
    const files = walk(purser.data);
    assert.ok(files.length >= 3);
    for (const file of files) look(file, readFileSync(file, 'latin1'));
    look('the log', purser.log);
    for (const answer of seen) look('an answer', answer.text + JSON.stringify(answer.headers));
    look('/metrics', await purser.metrics());
    assert.ok(purser.log.includes('"request_id"'), 'there is a log to look at');
});
