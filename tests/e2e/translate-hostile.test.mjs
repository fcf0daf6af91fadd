// Bodies that are legal and unusual, or made to hurt, between protocols: they cost what their size
// costs, reach the provider as JSON, and nothing of them gets where it does not belong. @sanitizers
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
const N = sanitized ? 1000 : 10_000;
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
    assert.ok(slowest.ms < 4000, `${slowest.what} took ${slowest.ms.toFixed(0)} ms: a worker stood still`);
});
