// A second opinion: the providers are @copilotkit/aimock, which knows nothing of purser.
// The six official clients against its six families; then what agents are built with: the
// AI SDK and LangChain.
import assert from 'node:assert/strict';
import * as zlib from 'node:zlib';
import { after, before, test } from 'node:test';
import { connect, PROTOCOLS } from './clients.mjs';
import { providersAt } from './families.mjs';
import { aliceKey, startPurser } from './helpers.mjs';

const skip = 'crc32' in zlib ? false : `aimock needs Node 20.15, this is ${process.versions.node}`;
const QUESTION = 'What is the weather in Paris? Use get_weather.';
const ANSWER = 'In Paris: "sunny", 24 °C. Grüße 🚀 — and enough text to come in several pieces.';
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const SUNNY = '{"sky":"sunny","celsius":24}';
/** Tokens that aimock is told to report, in whatever words its family has. */
const PROMPT = 137, COMPLETION = 29;
const usage = { prompt_tokens: PROMPT, completion_tokens: COMPLETION, input_tokens: PROMPT, output_tokens: COMPLETION, promptTokenCount: PROMPT, candidatesTokenCount: COMPLETION };
const MODELS = { chat: 'gpt-4o', responses: 'gpt-4o', messages: 'claude-3-5-sonnet-20241022', gemini: 'gemini-2.0-flash', converse: 'anthropic.claude-3-5-sonnet-20241022-v2:0', cohere: 'command-r-plus' };

let mock, purser, clients;
before(async () => {
    if (skip) return;
    const { LLMock } = await import('@copilotkit/aimock');
    mock = new LLMock({ port: 0, logLevel: 'silent', chunkSize: 7 });
    mock.on({ userMessage: 'weather in Paris', hasToolResult: false }, { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Paris"}' }], usage });
    mock.on({ userMessage: 'weather in Paris', hasToolResult: true }, { content: ANSWER, usage });
    mock.on({ userMessage: 'Say hello' }, { content: ANSWER, usage });
    await mock.start();
    const base = mock.url.replace('localhost', '127.0.0.1');
    purser = await startPurser({
        settings: {
            log: 'off', keys: [{ name: 'alice', secret: '${ALICE_KEY}' }],
            prices: PROTOCOLS.map((to) => ({ model: `to-${to}/${MODELS[to]}`, input: 1, output: 1000, from: '2026-01-01' })),
            models: Object.fromEntries(PROTOCOLS.map((to) => [`m-${to}`, `to-${to}/${MODELS[to]}`])),
            providers: providersAt(base),
        },
    });
    clients = await connect(purser.url, aliceKey);
});
after(async () => {
    await purser?.stop();
    await mock?.stop();
});

const tools = [{ name: 'get_weather', description: 'The weather of a city.', schema: SCHEMA }];

for (const from of PROTOCOLS) {
    test(`${from}: a tool's call, its result and the answer, to every family, whole and streamed`, { skip }, async () => {
        await Promise.all(PROTOCOLS.flatMap((to) => [false, true].map(async (stream) => {
            const what = `${from} -> ${to} ${stream ? 'streamed' : 'whole'}`, how = { stream, headers: { 'x-purser-task': what } };
            const turns = [{ user: QUESTION }];
            const first = await clients[from].ask(`m-${to}`, { system: 'Be brief.', tools, turns, max: 512 }, how);
            assert.deepEqual(first.calls.map(({ name, args }) => [name, args]), [['get_weather', { city: 'Paris' }]], what);
            assert.equal(first.stop, 'tools', what);
            turns.push({ said: first.said }, { results: first.calls.map((c) => ({ id: c.id, name: c.name, text: SUNNY })) });
            const second = await clients[from].ask(`m-${to}`, { system: 'Be brief.', tools, turns, max: 512 }, how);
            assert.equal(second.text, ANSWER, what);
            assert.equal(second.stop, 'stop', what);
            const rows = await purser.rows(2, { where: `task = '${what}'` });
            assert.equal(rows.length, 2, what);
            for (const row of rows) assert.equal(row.cost_state, 'exact', `${what}: ${row.error ?? ''}`);
            if (['chat', 'responses', 'messages', 'gemini'].includes(to)) { // the others of its families report what they count
                for (const row of rows) assert.deepEqual([Number(row.input_tokens), Number(row.output_tokens)], [PROMPT, COMPLETION], what);
            }
        })));
    });
}

/** The models of the AI SDK, by the protocol they speak. */
async function aiModels() {
    const [{ createOpenAI }, { createAnthropic }, { createGoogleGenerativeAI }, { createAmazonBedrock }] = await Promise.all(
        ['@ai-sdk/openai', '@ai-sdk/anthropic', '@ai-sdk/google', '@ai-sdk/amazon-bedrock'].map((name) => import(name)));
    const openai = createOpenAI({ baseURL: `${purser.url}/v1`, apiKey: aliceKey });
    const anthropic = createAnthropic({ baseURL: `${purser.url}/v1`, apiKey: aliceKey });
    const google = createGoogleGenerativeAI({ baseURL: `${purser.url}/v1beta`, apiKey: aliceKey });
    const bedrock = createAmazonBedrock({ baseURL: purser.url, apiKey: aliceKey, region: 'us-east-1' });
    return { 'openai.chat': (m) => openai.chat(m), 'openai.responses': (m) => openai.responses(m), anthropic, google, bedrock };
}

test('the AI SDK: an agent with a tool, streamed, by each of its providers to every family', { skip }, async () => {
    const { streamText, tool, stepCountIs } = await import('ai');
    const { z } = await import('zod');
    for (const [name, model] of Object.entries(await aiModels())) {
        // aimock's Gemini ends a call with FUNCTION_CALL, at which the AI SDK's own agent stops, with purser or without:
        // that one is shown by agents.test.mjs
        await Promise.all(PROTOCOLS.filter((to) => name !== 'google' || to !== 'gemini').map(async (to) => {
            const what = `ai ${name} -> ${to}`, asked = [];
            const result = streamText({
                model: model(`m-${to}`), system: 'Be brief.', prompt: QUESTION, maxRetries: 0, stopWhen: stepCountIs(3), onError: () => {},
                tools: { get_weather: tool({ description: 'The weather of a city.', inputSchema: z.object({ city: z.string() }), execute: async (args) => (asked.push(args), JSON.parse(SUNNY)) }) },
            });
            let text = '', pieces = 0, failure;
            for await (const part of result.fullStream) {
                if (part.type === 'text-delta') [text, pieces] = [text + part.text, pieces + 1];
                if (part.type === 'error') failure = part.error;
            }
            assert.ifError(failure && new Error(`${what}: ${failure.message ?? JSON.stringify(failure)} ${failure.responseBody ?? ''}`));
            assert.equal(text, ANSWER, what);
            assert.deepEqual(asked, [{ city: 'Paris' }], what);
            assert.ok(pieces > 1, `${what}: all in one piece`);
            assert.equal(await result.finishReason, 'stop', what);
            assert.ok((await result.totalUsage).inputTokens > 0, `${what}: no usage`);
        }));
    }
});

test('LangChain: a tool-using conversation, streamed, by each of its models to every family', { skip }, async () => {
    const [{ ChatOpenAI }, { ChatAnthropic }, { ChatGoogleGenerativeAI }, { HumanMessage, ToolMessage }, { tool }] = await Promise.all(
        ['@langchain/openai', '@langchain/anthropic', '@langchain/google-genai', '@langchain/core/messages', '@langchain/core/tools'].map((name) => import(name)));
    const { z } = await import('zod');
    const models = {
        'openai chat': (model) => new ChatOpenAI({ model, apiKey: aliceKey, maxRetries: 0, streamUsage: true, configuration: { baseURL: `${purser.url}/v1` } }),
        'openai responses': (model) => new ChatOpenAI({ model, apiKey: aliceKey, maxRetries: 0, useResponsesApi: true, configuration: { baseURL: `${purser.url}/v1` } }),
        anthropic: (model) => new ChatAnthropic({ model, apiKey: aliceKey, maxRetries: 0, maxTokens: 512, anthropicApiUrl: purser.url }),
        google: (model) => new ChatGoogleGenerativeAI({ model, apiKey: aliceKey, maxRetries: 0, baseUrl: purser.url }),
    };
    const weather = tool(async () => SUNNY, { name: 'get_weather', description: 'The weather of a city.', schema: z.object({ city: z.string() }) });
    for (const [name, make] of Object.entries(models)) {
        await Promise.all(PROTOCOLS.map(async (to) => {
            const what = `langchain ${name} -> ${to}`, model = make(`m-${to}`).bindTools([weather]);
            const gather = async (messages) => {
                let all;
                for await (const piece of await model.stream(messages)) all = all ? all.concat(piece) : piece;
                return all;
            };
            const messages = [new HumanMessage(QUESTION)];
            const first = await gather(messages).catch((error) => assert.fail(`${what}: ${error.message}`));
            assert.deepEqual(first.tool_calls.map((c) => [c.name, c.args]), [['get_weather', { city: 'Paris' }]], what);
            const call = first.tool_calls[0];
            const second = await gather([...messages, first, new ToolMessage({ content: SUNNY, tool_call_id: call.id, name: call.name })]).catch((error) => assert.fail(`${what}: ${error.message}`));
            const text = typeof second.content === 'string' ? second.content : second.content.map((p) => p.text ?? '').join('');
            assert.equal(text, ANSWER, what);
            // LangChain reads Anthropic's input from the first event alone, where a translated stream cannot know it
            const { input_tokens: input, output_tokens: output } = second.usage_metadata ?? {};
            assert.ok(output > 0 && (input > 0 || name === 'anthropic'), `${what}: no usage`);
        }));
    }
});
