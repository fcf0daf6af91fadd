// Promise 5: what hangs, goes silent, only says that it lives, or tells its error under status 200; and what is the
// client's own doing, which no target is to suffer for. @sanitizers
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { eventsOf, post, sanitized, sleep, startPurser, until } from './helpers.mjs';

const chunk = (choices, more) => `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more })}\n\n`;
const piece = (content) => chunk([{ index: 0, delta: { content }, finish_reason: null }]);
const role = chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]);
const end = `${chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])}${chunk([], { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } })}data: [DONE]\n\n`;
const whole = JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'Fine.' }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
const json = (status, body) => (answer) => answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const told = (error) => (answer) => answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${role}data: ${JSON.stringify({ error })}\n\ndata: [DONE]\n\n`);

/** Milliseconds that may pass between two tokens where one is six megabytes, which take a sanitizer a second to read. */
const gap = sanitized ? 8000 : 2000;

/** What a provider does, by the first part of its path. */
const manners = {
    good: (answer, body) => (body.stream ? answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(role + piece('Fine.') + end) : answer.writeHead(200, { 'content-type': 'application/json' }).end(whole)),
    mute: () => {},
    role: (answer) => answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(role),
    pings: (answer) => lives(answer.writeHead(200, { 'content-type': 'text/event-stream' })),
    fades: (answer) => {
        answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(role + piece('Once upon a time'));
        lives(answer);
    },
    breathes: async (answer) => {
        answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(role);
        for (const words of ['Once ', 'more.']) {
            const stop = lives(answer);
            await sleep(900); // longer than between two tokens
            stop();
            answer.write(piece(words));
        }
        answer.end(end);
    },
    tardy: async (answer) => {
        await sleep(700);
        answer.writeHead(200, { 'content-type': 'application/json' }).end(whole);
    },
    floods: (answer) => answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(role + piece('x'.repeat(4000)).repeat(2000) + end),
    heaves: async (answer) => {
        const large = piece('x'.repeat(6 << 20)), most = large.length - 1000;
        answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(role + piece('x') + large.slice(0, most));
        await sleep(gap + 900);
        answer.end(large.slice(most) + end);
    },
    long: told({ message: 'This model\'s maximum context length is 10 tokens.', code: 'context_length_exceeded' }), // and no status
    limits: told({ message: 'slow down', code: 429 }),
    rejects: told({ message: 'no such field', type: 'invalid_request_error' }),
    locked: json(400, { error: { message: 'Incorrect API key provided', type: 'invalid_request_error' } }),
    fails: json(500, { error: { message: 'no' } }),
    google: json(200, { candidates: [{ content: { role: 'model', parts: [{ functionCall: { name: 'wait', args: { retryDelay: '600s' } } }] }, finishReason: 'STOP', index: 0 }], usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 } }),
};

/** Comments, until the client has gone or it is stopped. */
function lives(answer) {
    const timer = setInterval(() => answer.write(': still here\n\n'), 20);
    answer.on('close', () => clearInterval(timer));
    return () => clearInterval(timer);
}

let purser, server;
before(async () => {
    server = createServer((request, answer) => {
        let body = '';
        request.on('data', (data) => (body += data)).on('end', () => manners[request.url.split('/')[1]](answer, JSON.parse(body)));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${server.address().port}`;
    const at = (name, more) => ({ kind: 'openai', protocols: ['chat'], base_url: `${url}/${name}/v1`, api_key: 'k', ...more });
    const brisk = { first_token: '400ms', between_tokens: '60s' };
    const model = (names, more) => ({ targets: names.map((n) => (n.includes('/') ? n : `${n}/m`)), ...more });
    const names = Object.keys(manners);
    purser = await startPurser({
        settings: {
            providers: {
                ...Object.fromEntries(names.map((name) => [name, at(name)])),
                pings: at('pings', { timeouts: brisk }), fades: at('fades', { timeouts: { first_token: '400ms', between_tokens: '200ms' } }),
                breathes: at('breathes', { timeouts: { first_token: '30s', between_tokens: '600ms' } }),
                floods: at('floods', { timeouts: { between_tokens: '300ms' } }),
                heaves: at('heaves', { timeouts: { first_token: `${gap}ms`, between_tokens: `${gap}ms` } }),
                google: { kind: 'gemini', base_url: `${url}/google`, api_key: 'k' }, narrow: at('mute', { health: { concurrency_max: 1 } }),
                dead: { kind: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key: 'k' },
            },
            models: {
                hung: model(['mute', 'good'], { attempts: { max: 2, time: '600ms' } }),
                begun: model(['role', 'good'], { attempts: { max: 2, time: '600ms' } }),
                three: model(['mute/a', 'mute/b', 'good'], { attempts: { max: 3, time: '3s' } }),
                stays: model(['tardy', 'good'], { attempts: { max: 2, time: '400ms' }, on: { timeout: 'stop' } }),
                patient: model(['mute/d', 'good'], { attempts: { max: 2 } }),
                alive: model(['pings', 'good']),
                faded: model(['fades', 'good']),
                breathing: model(['breathes', 'good']),
                flooded: model(['floods', 'good']),
                heaved: model(['heaves', 'good']),
                wide: model(['long', 'good'], { on: { context_window: 'good/wide' } }),
                limited: model(['limits', 'good'], { on: { rate_limit: 'good/spare', error: 'stop' } }),
                wrong: model(['rejects', 'good']),
                shut: model(['locked', 'good']),
                twice: model(['long/twice', 'fails'], { on: { context_window: 'fails/m' }, attempts: { max: 4 } }),
                many: model([...Array.from({ length: 15 }, (_, i) => `dead/m${i}`), 'good'], { attempts: { max: 16 }, on: { context_window: 'fails/m' } }),
                queued: model(['narrow'], { attempts: { max: 2 } }),
                tools: model(['google'], { attempts: { max: 2 } }),
            },
            prices: [...names, 'dead', 'narrow'].flatMap((p) => ['m', 'wide', 'spare', 'twice', 'a', 'b', 'd', ...(p === 'dead' ? Array.from({ length: 15 }, (_, i) => `m${i}`) : [])].map((m) => ({ model: `${p}/${m}`, input: 1, output: 2 }))),
            budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});
after(async () => {
    await purser?.stop();
    server.closeAllConnections();
    server.close();
});

const streamed = { stream: true, stream_options: { include_usage: true } };
let asked = 0; // never the same twice in a task: that would be a loop
const ask = (model, { headers, same, ...more } = {}) =>
    post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: `Hello ${same ?? ++asked}.` }], ...more }, { headers: { 'x-purser-task': model, ...headers } });
const rowsOf = async (task, n) =>
    (await purser.rows(n, { where: `task = '${task}'`, columns: 'provider, model, reason, status, wasted, cost_picousd AS cost, cost_state AS state' }));
const told_of = (rows) => rows.map((r) => `${r.provider} ${r.reason} ${r.status}${r.wasted ? ' wasted' : ''}`);
const outcome = async (target, what) => Number(new RegExp(`^purser_target_outcomes_total\\{target="${target}",outcome="${what}"\\} (\\d+)$`, 'm').exec(await purser.metrics())?.[1] ?? 0);

test('a target that hangs leaves the call time for the next one', async () => {
    for (const [name, first] of [['hung', 'mute'], ['begun', 'role']]) {
        const answer = await ask(name, streamed);
        assert.equal(eventsOf(answer.text).at(-1), '[DONE]', answer.text);
        assert.deepEqual(told_of(await rowsOf(name, 2)), [`${first} first provider_timeout wasted`, 'good fallback ok']);
    }
    assert.equal((await ask('three')).status, 200);
    assert.deepEqual(told_of(await rowsOf('three', 3)), ['mute first provider_timeout wasted', 'mute fallback provider_timeout wasted', 'good fallback ok']);
    assert.equal(await outcome('mute/m', 'timed_out'), 1);
    const late = await ask('patient', { headers: { 'x-purser-deadline-ms': '600' } });
    assert.equal(late.status, 200, late.text);
    assert.equal(await outcome('mute/d', 'cancelled'), 1, 'it was the client that had no more time');
    assert.equal((await ask('stays')).status, 200);
    assert.deepEqual(told_of(await rowsOf('stays', 1)), ['tardy first ok'], 'where nothing may follow it has all the time that its provider may take');
});

test('signs of life are no tokens', async () => {
    const answer = await ask('alive', streamed);
    assert.equal(eventsOf(answer.text).at(-1), '[DONE]', answer.text);
    assert.deepEqual(told_of(await rowsOf('alive', 2)), ['pings first provider_timeout wasted', 'good fallback ok']);
    const faded = await ask('faded', streamed);
    const error = JSON.parse(eventsOf(faded.text).filter((e) => e !== '[DONE]').at(-1)).error;
    assert.equal(error.code, 'provider_timeout', faded.text);
    const [row] = await rowsOf('faded', 1);
    assert.deepEqual([row.status, row.state], ['provider_timeout', 'estimated']);
    assert.ok(BigInt(row.cost) > 0n);
    assert.equal(await outcome('fades/m', 'stalled'), 1);
    const breathing = await ask('breathing', streamed);
    assert.equal(eventsOf(breathing.text).at(-1), '[DONE]', breathing.text);
    assert.deepEqual(told_of(await rowsOf('breathing', 1)), ['breathes first ok'], 'a gap with signs of life is not silence yet');
});

test('a client that reads slowly is not its provider being silent, also where the next token is long in coming whole', async () => {
    for (const [model, provider, pause] of [['flooded', 'floods', 900], ['heaved', 'heaves', gap + 500]]) {
        const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello.' }], ...streamed });
        const socket = connect(purser.port, '127.0.0.1');
        socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${purser.port}\r\nauthorization: Bearer ${purser.key}\r\ncontent-type: application/json\r\nx-purser-task: ${model}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        socket.pause();
        await sleep(pause); // longer than between two tokens
        let text = '';
        for await (const data of socket) text += data;
        assert.match(text.slice(-200), /\[DONE\]/);
        assert.deepEqual(told_of(await rowsOf(model, 1)), [`${provider} first ok`]);
    }
});

test('an error that comes under status 200 is what it says: the client\'s fault, a limit, or a failure', async () => {
    for (let i = 0; i < 12; i++) {
        assert.equal((await ask('wide', streamed)).headers.get('x-purser-target'), 'good/wide');
        assert.match((await ask('wrong', streamed)).text, /no such field/);
    }
    assert.equal((await ask('limited', streamed)).headers.get('x-purser-target'), 'good/spare');
    for (const target of ['long/m', 'rejects/m']) {
        assert.equal(await outcome(target, 'client'), 12, target);
        assert.match(await purser.metrics(), new RegExp(`^purser_target_state\\{target="${target}",state="closed"\\} 1$`, 'm'));
    }
    assert.equal(await outcome('limits/m', 'limited'), 1);
});

test('a key that is refused with 400 shuts its target as 401 does', async () => {
    for (let i = 0; i < 12; i++) assert.equal((await ask('shut')).status, 200);
    assert.equal(await outcome('locked/m', 'failed'), 10);
});

test('what an answer says of waiting is not its provider\'s wish', async () => {
    for (let i = 0; i < 2; i++) {
        const answer = await post(purser, '/v1beta/models/tools:generateContent', { contents: [{ role: 'user', parts: [{ text: `Hello ${i}.` }] }] });
        assert.equal(answer.status, 200, answer.text);
    }
});

test('a target that stands in two places is asked once, and none is lost among many', async () => {
    await ask('twice', streamed);
    assert.deepEqual(told_of(await rowsOf('twice', 2)), ['long first provider_stream_error wasted', 'fails fallback provider_error wasted']);
    const last = await ask('many');
    assert.equal(last.headers.get('x-purser-target'), 'good/m', last.text);
});

test('no wait lasts beyond the client\'s deadline', async () => {
    const holder = ask('queued', { headers: { 'x-purser-deadline-ms': '1200', 'x-purser-task': 'holder', 'idempotency-key': 'same' }, same: 'again' });
    await until('the target to be full', async () => /^purser_target_in_flight\{target="narrow\/m"\} 1$/m.test(await purser.metrics()));
    let over = false;
    holder.then(() => (over = true));
    const waits = await ask('queued', { headers: { 'x-purser-deadline-ms': '100' } });
    assert.deepEqual([waits.status, over], [504, false], waits.text);
    const joins = await ask('queued', { headers: { 'x-purser-deadline-ms': '100', 'idempotency-key': 'same' }, same: 'again' });
    assert.deepEqual([joins.status, over], [504, false], joins.text);
    assert.match(joins.body.error.message, /Idempotency-Key/);
    assert.match(await purser.metrics(), /^purser_target_shed_total\{target="narrow\/m",tier="normal"\} 1$/m);
    assert.equal((await holder).status, 504);
    for (const header of ['x-stainless-read-timeout', 'x-stainless-timeout', 'x-server-timeout']) {
        const sdk = await ask('patient', { headers: { [header]: '0.2', 'x-purser-task': header }, model: 'mute/d' });
        assert.equal(sdk.status, 504, header);
    }
});
