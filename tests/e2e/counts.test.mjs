// The two endpoints that only count tokens, with the official clients: passed on free of charge where the target
// counts by itself, exact for OpenAI's models, else an estimate that learns from what is billed. @asan
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { aliceKey, labSettings, post, root, startPurser, startSimulator, until } from './helpers.mjs';

const ranks = join(root, 'tools/ranks/node_modules/gpt-tokenizer');
const skip = existsSync(ranks) ? false : 'no rank files (scripts/install fetches them)';
const price = (model) => ({ model, input: 1, output: 2, from: '2026-01-01' });
let sim, purser, claude, gemini, geminiV1;

before(async () => {
    sim = await startSimulator({ args: ['--keep-requests'] });
    purser = await startPurser({
        settings: labSettings(sim, {
            providers: {
                lab: { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-simulated' },
                anthropic: { kind: 'anthropic', base_url: sim.url, api_key: 'sk-simulated' },
                gemini: { kind: 'gemini', base_url: sim.url, api_key: 'sk-simulated' },
            },
            models: { 'gpt': 'lab/gpt-4o-mini', old: 'lab/gpt-4', 'claude-x': 'anthropic/claude-x', 'gemini-x': 'gemini/gemini-x', other: 'lab/mistral-small' },
            prices: ['lab/gpt-4o-mini', 'lab/gpt-4', 'anthropic/claude-x', 'gemini/gemini-x', 'lab/mistral-small'].map(price),
            budgets: [{ name: 'little', scope: {}, limit_usd: 0.000001, window: 'day', wait: '0s' }],
        }),
    });
    claude = new Anthropic({ baseURL: purser.url, apiKey: aliceKey, maxRetries: 0 });
    gemini = new GoogleGenAI({ apiKey: aliceKey, httpOptions: { baseUrl: purser.url } });
    geminiV1 = new GoogleGenAI({ apiKey: aliceKey, apiVersion: 'v1', httpOptions: { baseUrl: purser.url } });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const question = [{ role: 'user', content: 'How many words has this? \u00e9\u4e2d "quoted"\n' }];

test('a target that counts by itself is asked, for nothing', async () => {
    const got = await claude.messages.countTokens({ model: 'claude-x', messages: [{ role: 'user', content: 'Hi [simulate input-tokens=321]' }] });
    assert.equal(got.input_tokens, 321);
    const more = await gemini.models.countTokens({ model: 'gemini-x', contents: 'Hi [simulate input-tokens=123]' });
    assert.equal(more.totalTokens, 123);
    const rows = await until('two rows', async () => {
        const found = (await purser.rows()).filter((row) => row.operation === 'count_tokens');
        return found.length === 2 && found;
    });
    for (const row of rows) assert.deepEqual([row.cost_state, Number(row.cost_picousd), Number(row.held_picousd)], ['free', 0, 0]);
});

test('for OpenAI\u2019s models the count is exact: the text, four a message, three for the reply', { skip }, async () => {
    for (const [model, encoding] of [['gpt', 'o200k'], ['old', 'cl100k']]) {
        const npm = await import(join(ranks, `esm/encoding/${encoding}_base.js`));
        const { data, response } = await claude.messages.countTokens({ model, messages: question }).withResponse();
        assert.equal(data.input_tokens, npm.countTokens(question[0].content) + 4 + 3);
        assert.equal(response.headers.get('x-purser-estimated'), null);
        const more = await gemini.models.countTokens({ model, contents: question[0].content });
        assert.equal(more.totalTokens, data.input_tokens);
        assert.equal((await geminiV1.models.countTokens({ model, contents: question[0].content })).totalTokens, data.input_tokens);
    }
    const nested = { generateContentRequest: { model: 'models/gpt', contents: [{ parts: [{ text: 'hello' }] }] } };
    const got = await post(purser, '/v1beta/models/gpt:countTokens', nested);
    assert.deepEqual([got.status, got.body.totalTokens], [200, 8]);
});

test('a text of a megabyte is counted in slices, and others do not wait for it', { skip }, async () => {
    const long = { model: 'gpt', messages: [{ role: 'user', content: 'many words of all kinds, 42 '.repeat(40_000) }] };
    const counting = claude.messages.countTokens(long);
    const short = await claude.messages.countTokens({ model: 'gpt', messages: question });
    assert.ok(short.input_tokens > 0);
    assert.ok((await counting).input_tokens > 200_000);
});

test('one who hangs up in the middle of a count leaves nothing behind', async () => {
    const long = JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: ' '.repeat(2_000_000) }] });
    for (let i = 0; i < 5; i++) {
        const gone = new AbortController();
        const call = post(purser, '/v1/messages/count_tokens', long, { signal: gone.signal }).catch(() => {});
        setTimeout(() => gone.abort(), 20 + 10 * i);
        await call;
    }
    const got = await claude.messages.countTokens({ model: 'gpt', messages: question });
    assert.ok(got.input_tokens > 0);
});

test('elsewhere it is an estimate, and says so', async () => {
    const { data, response } = await claude.messages.countTokens({ model: 'other', messages: question }).withResponse();
    assert.equal(response.headers.get('x-purser-estimated'), 'true');
    assert.ok(data.input_tokens > 10 && data.input_tokens < 60, `${data.input_tokens}`);
});

test('estimates learn from what is billed', async () => {
    const free = await startPurser({
        settings: labSettings(sim, { workers: 1, models: { other: 'lab/mistral-small' }, prices: [price('lab/mistral-small')] }),
    });
    const text = 'Some words of an ordinary prompt, which this provider counts in its own way. '.repeat(10);
    const count = async () => (await post(free, '/v1/messages/count_tokens', { model: 'other', messages: [{ role: 'user', content: text }] })).body.input_tokens;
    const before = await count();
    const billed = Math.round(before * 1.6);
    for (let i = 0; i < 20; i++) {
        const got = await post(free, '/v1/chat/completions', { model: 'other', messages: [{ role: 'user', content: text }] }, { headers: { 'x-simulate': `tokens=3 input-tokens=${billed}` } });
        assert.equal(got.status, 200, got.text);
        assert.equal(got.body.usage.prompt_tokens, billed);
    }
    const learned = await count();
    assert.ok(Math.abs(learned - billed) < billed * 0.02, `${before} at first, ${learned} after bills of ${billed}`);
    await free.stop();
});

test('what is wrong with a body is told in the client\u2019s shape', async () => {
    const got = await post(purser, '/v1/messages/count_tokens', { model: 'gpt', messages: 7 });
    assert.equal(got.status, 400);
    assert.equal(got.body.type, 'error');
});

test('a call whose bytes do not fit a budget is counted, and held for its tokens', { skip }, async () => {
    const tight = await startPurser({
        settings: labSettings(sim, {
            models: { gpt: 'lab/gpt-4o-mini', other: 'lab/sim-small' },
            prices: [price('lab/gpt-4o-mini'), price('lab/sim-small')],
            budgets: [{ name: 'tight', scope: { user: '*' }, limit_usd: 0.01, window: 'day', wait: '0s' }],
        }),
    });
    const ask = (model, user, bytes) => post(tight, '/v1/chat/completions', {
        model, user, max_tokens: 100, messages: [{ role: 'user', content: `${'ordinary words '.repeat(bytes / 15)} [simulate tokens=5]` }],
    });
    const exact = await ask('gpt', 'ann', 30_000); // 4,000 tokens: $0.005 with what is added, $0.03 by its bytes
    assert.equal(exact.status, 200, exact.text);
    const blunt = await ask('other', 'ben', 30_000);
    assert.equal(blunt.status, 402);
    const much = await ask('gpt', 'cleo', 300_000);
    assert.equal(much.status, 402);
    const row = (await until('its row', async () => {
        const found = (await tight.rows()).filter((one) => one.user === 'ann');
        return found.length && found;
    }))[0];
    assert.ok(Number(row.held_picousd) < 10_000_000_000 && Number(row.held_picousd) > 4_000_000_000, `${row.held_picousd}`);
    await tight.stop();
});
