// The other addresses that official clients ask at, and what they look for in a head: Azure's deployments, Vertex's
// projects, OpenAI's count of tokens, lists of models page by page, each family's own name for a call. @asan
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { after, before, test } from 'node:test';
import OpenAI, { AzureOpenAI, toFile } from 'openai';
import { MODELS, pricesOf, providersAt } from './families.mjs';
import { aliceKey, bobKey, post, startPurser, startSimulator } from './helpers.mjs';

globalThis.File ??= File; // Node 18 has it, but not where the client looks

let sim, purser, azure;
const FAMILIES = Object.keys(MODELS);

before(async () => {
    sim = await startSimulator({ args: ['--keep-requests'] });
    purser = await startPurser({
        settings: {
            prices: [...pricesOf(), ...['to-chat/whisper-1', 'to-chat/sim-embed', 'to-gemini/gemini-embedding-001'].map((model) => ({ model, input: 1, seconds: 100, from: '2026-01-01' }))],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}' }, { name: 'bob', secret: '${BOB_KEY}' }], providers: providersAt(sim.url),
            models: {
                ...Object.fromEntries(FAMILIES.map((to) => [`m-${to}`, `to-${to}/${MODELS[to]}`])),
                'a/deployment': `to-chat/${MODELS.chat}`, ears: 'to-chat/whisper-1', embed: 'to-gemini/gemini-embedding-001',
            },
        },
    });
    azure = new AzureOpenAI({ endpoint: purser.url, apiKey: aliceKey, apiVersion: '2024-10-21', maxRetries: 0 });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const ask = (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'Ahoy [simulate tokens=4]' }], ...more });
/** What the simulated provider got last. */
const got = async () => (await (await fetch(`${sim.url}/simulate/requests?last=1`)).json()).requests[0];

test('Azure: a deployment is the model, with the key in api-key', async () => {
    for (const model of ['m-chat', 'm-messages', 'a/deployment']) {
        const whole = await azure.chat.completions.create(ask(model));
        assert.equal(whole.choices[0].finish_reason, 'stop', model);
        let text = '';
        for await (const chunk of await azure.chat.completions.create(ask(model, { stream: true }))) text += chunk.choices[0]?.delta.content ?? '';
        assert.match(text, /\w/);
    }
    assert.equal((await azure.embeddings.create({ model: 'embed', input: 'x' })).data.length, 1);
    assert.match((await azure.responses.create({ model: 'm-converse', input: 'Ahoy [simulate tokens=4]' })).output_text, /\w/);
    const v1 = new OpenAI({ baseURL: `${purser.url}/openai/v1/`, apiKey: aliceKey, maxRetries: 0 });
    assert.equal((await v1.chat.completions.create(ask('m-chat'))).choices[0].finish_reason, 'stop');
    for (const client of [azure, v1]) assert.ok((await client.models.list()).data.some((m) => m.id === 'm-chat'));
    await assert.rejects(azure.chat.completions.create(ask('nowhere')), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
});

test('Azure: the path counts, whatever the body says, or does not', async () => {
    const path = '/openai/deployments/m-chat/chat/completions?api-version=2024-10-21';
    const { messages } = ask('x');
    for (const body of [{ messages }, { model: 'other', messages }, { model: MODELS.chat, messages }, { model: 'm-chat', messages }]) {
        const answer = await post(purser, path, body);
        assert.equal(answer.status, 200, answer.text);
        const sent = await got();
        assert.equal(JSON.parse(sent.body).model, MODELS.chat);
        assert.equal(sent.target, '/v1/chat/completions');
    }
    assert.equal((await post(purser, path, {})).status, 400);
    const named = new AzureOpenAI({ endpoint: purser.url, apiKey: aliceKey, apiVersion: '2024-10-21', deployment: 'ears', maxRetries: 0 });
    const heard = await named.audio.transcriptions.create({ model: 'whatever', file: await toFile(new Uint8Array(4000), 'a.wav') });
    assert.match(heard.text, /\w/);
    assert.match((await got()).body, /whisper-1/);
});

test('Vertex: Gemini by a project\u2019s path, and Claude by rawPredict, with the key as the token', async () => {
    const at = '/v1/projects/p/locations/europe-west4/publishers';
    const contents = [{ role: 'user', parts: [{ text: 'Ahoy [simulate tokens=4]' }] }];
    for (const to of ['gemini', 'chat']) {
        const whole = await post(purser, `${at}/google/models/m-${to}:generateContent`, { contents });
        assert.equal(whole.body.candidates[0].finishReason, 'STOP', whole.text);
        const streamed = await post(purser, `${at}/google/models/m-${to}:streamGenerateContent?alt=sse`, { contents });
        assert.match(streamed.text, /^data: \{.*"finishReason": ?"STOP"/ms);
    }
    const express = new GoogleGenAI({ vertexai: true, apiKey: aliceKey, httpOptions: { baseUrl: purser.url } });
    assert.match((await express.models.generateContent({ model: 'm-gemini', contents: 'Ahoy [simulate tokens=4]' })).text, /\w/);

    const claude = { anthropic_version: 'vertex-2023-10-16', messages: ask('x').messages };
    for (const to of ['messages', 'chat']) {
        const whole = await post(purser, `${at}/anthropic/models/m-${to}:rawPredict`, { ...claude, max_tokens: 50 });
        assert.equal(whole.body?.stop_reason, 'end_turn', whole.text);
        assert.doesNotMatch((await got()).body, /anthropic_version/);
        const streamed = await post(purser, `${at}/anthropic/models/m-${to}:streamRawPredict`, { max_tokens: 50, stream: true, messages: claude.messages, anthropic_version: 'v' });
        assert.match(streamed.text, /event: message_stop/);
    }
    const count = await post(purser, `${at}/anthropic/models/count-tokens:rawPredict`, { ...claude, model: 'm-messages' });
    assert.ok(count.body.input_tokens > 0, count.text);
    assert.doesNotMatch((await got()).body, /anthropic_version/);
});

test('Anthropic\u2019s threads: who cannot keep one says so, and the client sends the whole history', async () => {
    for (const headers of [{}, { 'x-purser-compat': 'lenient' }]) {
        const answer = await post(purser, '/v1/messages', { ...ask('m-chat'), max_tokens: 50, thread: { type: 'create' } }, { headers });
        assert.equal(answer.status, 400, answer.text);
        assert.deepEqual(answer.body.error.details, { error_code: 'thread_unsupported_request', unsupported: ['thread'] });
    }
    const threaded = (thread, key) => post(purser, '/v1/messages', { ...ask('m-messages'), max_tokens: 50, thread }, { key });
    const begun = await threaded({ type: 'create' }, aliceKey);
    assert.equal(begun.status, 200, begun.text);
    const on = { type: 'continue', previous_message_id: begun.body.id };
    assert.equal((await threaded(on, aliceKey)).status, 200);
    assert.equal((await threaded(on, bobKey)).status, 404, 'what one key stored, another cannot name');
    const plain = await post(purser, '/v1/messages', { ...ask('m-messages'), max_tokens: 50 });
    assert.equal((await threaded({ ...on, previous_message_id: plain.body.id }, aliceKey)).status, 404, 'what is no thread is not kept');
});

test('OpenAI\u2019s own count of tokens', async () => {
    const client = new OpenAI({ baseURL: `${purser.url}/v1`, apiKey: aliceKey, maxRetries: 0 });
    for (const to of ['responses', 'messages']) {
        const short = await client.responses.inputTokens.count({ model: `m-${to}`, input: 'Ahoy' });
        const long = await client.responses.inputTokens.count({ model: `m-${to}`, input: 'Ahoy '.repeat(200), instructions: 'Be brief.' });
        assert.equal(short.object, 'response.input_tokens');
        assert.ok(short.input_tokens > 0 && long.input_tokens > short.input_tokens + 100, `${short.input_tokens} ${long.input_tokens}`);
    }
    await assert.rejects(client.responses.inputTokens.count({ model: 'm-messages', input: 'x', previous_response_id: 'resp_1' }),
        (e) => e.status >= 400 && e.status < 500 && /previous_response_id|resp_1/.test(e.message));
});

test('Bedrock\u2019s count of tokens', async () => {
    const converse = { messages: [{ role: 'user', content: [{ text: 'Ahoy [simulate input-tokens=321]' }] }], system: [{ text: 'Be brief.' }] };
    const counts = {};
    for (const to of ['converse', 'messages', 'chat']) {
        const answer = await post(purser, `/model/m-${to}/count-tokens`, { input: { converse } });
        assert.equal(answer.status, 200, answer.text);
        counts[to] = answer.body.inputTokens;
    }
    assert.equal(counts.converse, 321); // the target counts by itself
    assert.ok(counts.messages > 5 && counts.messages < 60 && counts.chat > 5, JSON.stringify(counts));
    const rows = await purser.rows(1, { where: "operation = 'count_tokens' AND provider = 'to-converse'" });
    assert.deepEqual(rows.map((row) => [row.cost_state, row.status]), [['free', 'ok']]);
    const bad = await post(purser, '/model/m-chat/count-tokens', { input: { invokeModel: { body: 'e30=' } } });
    assert.deepEqual([bad.status, bad.headers.get('x-amzn-errortype')?.split(':')[0]], [400, 'ValidationException']);
    assert.match(bad.text, /input\.converse/);
});

test('lists of models come in pages, in the family\u2019s form, and say what embeds', async () => {
    const all = (await (await fetch(`${purser.url}/v1/models`, { headers: { authorization: `Bearer ${aliceKey}` } })).json()).data.map((m) => m.id);
    const claude = new Anthropic({ baseURL: purser.url, apiKey: aliceKey, maxRetries: 0 });
    const names = [];
    for await (const m of claude.models.list({ limit: 2 })) names.push(m.id);
    assert.deepEqual(names, all);
    const back = await claude.models.list({ limit: 2, before_id: all[3] });
    assert.deepEqual([back.data.map((m) => m.id), back.has_more], [all.slice(1, 3), true]);
    for (const bad of [{ limit: 0 }, { limit: 2000 }, { after_id: 'nowhere' }])
        await assert.rejects(claude.models.list(bad), (e) => e instanceof Anthropic.BadRequestError && e.error.type === 'error', JSON.stringify(bad));

    const gemini = new GoogleGenAI({ apiKey: aliceKey, httpOptions: { baseUrl: purser.url } });
    const models = [];
    for await (const m of await gemini.models.list({ config: { pageSize: 3 } })) models.push(m);
    assert.deepEqual(models.map((m) => m.name), all.map((name) => `models/${name}`));
    const stable = await (await fetch(`${purser.url}/v1/models?pageSize=2`, { headers: { 'x-goog-api-key': aliceKey } })).json(); // as Google's later clients ask
    assert.deepEqual([stable.models.map((m) => m.name), stable.nextPageToken], [all.slice(0, 2).map((name) => `models/${name}`), all[1]]);
    const files = await (await fetch(`${purser.url}/v1/files`, { headers: { 'x-goog-api-key': aliceKey } })).json();
    assert.equal(files.error.status, 'NOT_FOUND');
    const cohere = await (await fetch(`${purser.url}/v1/models?page_size=2`, { headers: { authorization: `Bearer ${aliceKey}`, 'x-fern-sdk-name': 'cohere-ai' } })).json();
    assert.deepEqual([cohere.models.map((m) => m.name), cohere.next_page_token], [all.slice(0, 2), all[1]]);
    const of = (name) => models.find((m) => m.name === `models/${name}`).supportedActions;
    assert.ok(of('embed').includes('embedContent') && !of('embed').includes('generateContent'));
    assert.ok(of('m-gemini').includes('generateContent'));
});

test('every family\u2019s client finds the call\u2019s id where it looks: the provider\u2019s, else purser\u2019s', async () => {
    const doors = {
        chat: ['x-request-id', '/v1/chat/completions', (m) => ask(m)],
        responses: ['x-request-id', '/v1/responses', (m) => ({ model: m, input: 'Ahoy [simulate tokens=4]' })],
        messages: ['request-id', '/v1/messages', (m) => ask(m, { max_tokens: 50 })],
        converse: ['x-amzn-requestid', (m) => `/model/${m}/converse`, () => ({ messages: [{ role: 'user', content: [{ text: 'Ahoy [simulate tokens=4]' }] }] })],
        cohere: ['x-debug-trace-id', '/v2/chat', (m) => ask(m)],
    };
    for (const [family, [header, path, body]] of Object.entries(doors)) {
        const at = (m) => (typeof path === 'string' ? path : path(m));
        for (const to of FAMILIES) {
            const { headers } = await post(purser, at(`m-${to}`), body(`m-${to}`));
            const own = headers.get('x-purser-request-id');
            assert.match(own, /^[0-9a-f]{16}$/);
            if (to === family) assert.match(headers.get(header), /^sim-\d+$/, `${family}, as it came`);
            else assert.equal(headers.get(header), own, `${family} from ${to}`);
        }
        const refused = await post(purser, at('nowhere'), body('nowhere'));
        assert.equal(refused.status, 404, refused.text);
        assert.equal(refused.headers.get(header), refused.headers.get('x-purser-request-id'));
    }
    const client = new OpenAI({ baseURL: `${purser.url}/v1`, apiKey: aliceKey, maxRetries: 0 });
    assert.match((await client.chat.completions.create(ask('m-messages')))._request_id, /^[0-9a-f]{16}$/);
});

test('what is asked for by mistake is told what to do', async () => {
    for (const [path, hint] of [['/model/m-converse/invoke', /Converse/], ['/model/a/invoke-with-response-stream', /Converse/], ['/chat/completions', /lacks \/v1/], ['/v1/v1/messages', /must not end in \/v1/], ['/v1/chat', /version 2/]]) {
        const answer = await post(purser, path, {});
        assert.equal(answer.status, 404);
        assert.match(answer.text, hint);
    }
});
