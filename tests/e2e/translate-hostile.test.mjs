// Bodies that are legal and unusual, or made to hurt, between protocols: they cost what their size
// costs, reach the provider as JSON, and nothing of them gets where it does not belong. @asan
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clients, providers, TEXT } from './dialects.mjs';
import { aliceKey, sanitized, startPurser } from './helpers.mjs';
import { headOf, startUpstream } from './upstream.mjs';
import { Wire } from './wire.mjs';

const names = Object.keys(providers);
let upstream, purser;

before(async () => {
    upstream = await startUpstream((request, send) => {
        const body = JSON.stringify(providers[request.headers.tracestate.slice(2)].whole);
        return send(headOf(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) + body);
    });
    purser = await startPurser({
        settings: {
            providers: Object.fromEntries(names.map((name) => {
                const p = providers[name];
                return [name, { kind: p.kind, protocols: p.protocols, base_url: upstream.url + p.base, api_key: 'sk-provider-key', ...(p.kind === 'bedrock' ? { region: 'us-east-1' } : {}) }];
            })),
            prices: names.map((name) => ({ model: `${name}/m`, input: 1, output: 2, from: '2026-01-01' })),
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
            ceilings: { values: 1_000_000 }, // the most that may be set
        },
    });
});

after(async () => {
    await purser?.stop();
    await upstream?.stop();
});

async function ask(client, target, body, { headers = {}, path } = {}) {
    const wire = new Wire(purser.port);
    const began = performance.now();
    const answer = await wire.post(path ?? clients[client].path(`${target}/m`, false), body, { key: aliceKey, headers: { tracestate: `a=${target}`, ...headers } });
    answer.ms = performance.now() - began;
    wire.close();
    return answer;
}

const pairs = names.flatMap((client) => names.filter((target) => target !== client).map((target) => [client, target]));
const bodyOf = (client, target) => JSON.parse(JSON.stringify(clients[client].body(`${target}/m`, undefined)));
const LENIENT = { 'x-purser-compat': 'lenient' };

test('the names of fields never become headers', async () => {
    for (const [client, target] of pairs) {
        const answer = await ask(client, target, { ...bodyOf(client, target), 'a\r\nx-evil: yes\r\n\r\n': 1, 'é\u0000\t': 2 }, { headers: LENIENT });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['x-evil'], undefined, `${client} of ${target}`);
        assert.match(answer.headers['x-purser-warning'], /^dropped: [ -~]+$/);
        assert.equal(clients[client].whole(answer.json), TEXT);
    }
});

/** Ten thousand calls of tools and their results, in the other order. */
let N = sanitized ? 1000 : 10_000;
const each = (make) => Array.from({ length: N }, (_, i) => make(i));
const call = (i) => ({ id: `c${i}`, type: 'function', function: { name: 'f', arguments: '{}' } });
const histories = {
    chat: (b) => b.messages.push({ role: 'assistant', tool_calls: each(call) }, ...each((i) => ({ role: 'tool', tool_call_id: `c${N - 1 - i}`, content: 'x' }))),
    responses: (b) => (b.input = [{ role: 'user', content: 'x' }, ...each((i) => ({ type: 'function_call', call_id: `c${i}`, name: 'f', arguments: '{}' })), ...each((i) => ({ type: 'function_call_output', call_id: `c${N - 1 - i}`, output: 'x' }))]),
    messages: (b) => b.messages.push({ role: 'assistant', content: each((i) => ({ type: 'tool_use', id: `c${i}`, name: 'f', input: {} })) }, { role: 'user', content: each((i) => ({ type: 'tool_result', tool_use_id: `c${N - 1 - i}`, content: 'x' })) }),
    gemini: (b) => b.contents.push({ role: 'model', parts: each(() => ({ functionCall: { name: 'f', args: {} } })) }, { role: 'user', parts: each(() => ({ functionResponse: { name: 'f', response: {} } })) }),
    converse: (b) => b.messages.push({ role: 'assistant', content: each((i) => ({ toolUse: { toolUseId: `c${i}`, name: 'f', input: {} } })) }, { role: 'user', content: each((i) => ({ toolResult: { toolUseId: `c${N - 1 - i}`, content: [{ text: 'x' }] } })) }),
    cohere: (b) => histories.chat(b),
};

test('what is many costs no more than its size: fields, tools, calls and their results', async () => {
    const slowest = { ms: 0 };
    for (const [client, target] of pairs.filter((_, i) => i % 5 < 2)) {
        const bodies = [bodyOf(client, target), bodyOf(client, target), bodyOf(client, target)];
        for (let i = 0; i < 6 * N; i++) bodies[0][`k${i}`] = i;
        bodies[1].tools = each((i) => ({ type: `odd${i}`, name: `n${i}` }));
        histories[client](bodies[2]);
        for (const [i, body] of bodies.entries()) {
            const answer = await ask(client, target, body, { headers: LENIENT });
            assert.equal(answer.status, 200, `${client} of ${target}, body ${i}: ${answer.text.slice(0, 300)}`);
            assert.ok((answer.headers['x-purser-warning'] ?? '').length < 8192);
            JSON.parse(upstream.requests.pop().body.toString());
            if (answer.ms > slowest.ms) Object.assign(slowest, { ms: answer.ms, what: `${client} of ${target}, body ${i}` });
        }
    }
    N *= 5; // what the square of ten thousand would hide
    for (const client of names) {
        const body = bodyOf(client, client);
        histories[client](body);
        const answer = await ask(client, client, body);
        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        if (answer.ms > slowest.ms) Object.assign(slowest, { ms: answer.ms, what: `${client}, ${N} calls` });
    }
    assert.ok(slowest.ms < 4000, `${slowest.what} took ${slowest.ms.toFixed(0)} ms: a worker stood still`);
});

// ---- who asks, and where

/** [what, client, path, headers beside the usual, the status, of whose shape an error is] */
const doors = [
    ['x-api-key', 'messages', undefined, { authorization: undefined, 'x-api-key': aliceKey }, 200],
    ['?key=', 'gemini', `/v1beta/models/gemini%2Fm:generateContent?key=${aliceKey}`, { authorization: undefined }, 200],
    ['?key= in the stable version', 'gemini', `/v1/models/gemini%2Fm:generateContent?key=${aliceKey}`, { authorization: undefined }, 200],
    ['a slash that is not encoded', 'gemini', `/v1beta/models/gemini/m:generateContent?alt=json&key=${aliceKey}`, { authorization: undefined }, 200],
    ['x-goog-api-key', 'gemini', undefined, { authorization: undefined, 'x-goog-api-key': aliceKey }, 200],
    ['a signature', 'converse', undefined, { authorization: `AWS4-HMAC-SHA256 Credential=${aliceKey}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=ab`, 'x-amz-security-token': 'of the client' }, 200],
    ['a wrong ?key=', 'gemini', '/v1/models/gemini%2Fm:generateContent?key=sk-wrong-0123456789', { authorization: undefined }, 401],
    ['a verb that nobody knows', 'gemini', '/v1beta/models/gemini%2Fm:doWhat', {}, 404],
    ['a model that is nowhere', 'converse', '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse', {}, 404],
    ['half an escape', 'converse', '/model/a%2/converse', {}, 400],
];

test('keys come in every family\'s way and go no further; what is wrong is told in the family\'s shape', async () => {
    for (const [what, client, path, headers, status] of doors) {
        const answer = await ask(client, client, { ...bodyOf(client, client) }, { path, headers });
        assert.equal(answer.status, status, `${what}: ${answer.text}`);
        assert.ok(!answer.text.includes('sk-wrong') && !answer.text.includes(aliceKey), what);
        if (status !== 200) assert.ok(clients[client].failure(answer.json, answer.headers), `${what}: ${answer.text}`);
        else assert.equal(clients[client].whole(answer.json), TEXT);
    }
    for (const { path, headers, body } of upstream.requests) {
        const all = `${path} ${JSON.stringify(headers)} ${body}`;
        assert.ok(!all.includes(aliceKey) && !all.includes('of the client'), all);
    }
    assert.ok(!purser.log.includes(aliceKey) && !purser.log.includes('sk-wrong'));
});

test('both families that list their models at /v1/models are told errors in their own shape', async () => {
    const one = (headers) => new Wire(purser.port).request('GET', '/v1/models/nobody', { key: aliceKey, headers: { connection: 'close', ...headers } });
    assert.equal((await one({ 'anthropic-version': '2023-06-01' })).json.type, 'error');
    assert.equal((await one({})).json.error.code, 'model_not_found');
});

test('what a translated stream leaves in memory has a ceiling', { skip: sanitized && 'memory is another thing under a sanitizer' }, async () => {
    const usual = upstream.answer, name = `A\\u0041${'x'.repeat(1_000_000)}`;
    const called = `data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"${name}","arguments":""}}]}}]}\n\n`;
    let sent = 0;
    upstream.answer = async (request, send, socket) => {
        await send(headOf(200, { 'content-type': 'text/event-stream' }));
        for (; sent < 400 && !socket.destroyed; sent++) await send(called);
        socket.destroySoon();
    };
    const answer = await ask('messages', 'chat', { ...bodyOf('messages', 'chat'), stream: true }, { path: clients.messages.path('chat/m', true) });
    upstream.answer = usual;
    assert.match(answer.text.slice(-400), /too large to be translated/);
    assert.ok(sent < 400, 'all of it was taken');
});
