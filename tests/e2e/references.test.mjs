// Clients of Responses that trust in the provider's store (the default of OpenAI's and the AI SDK) name
// earlier items by their ids. Where another family answered, purser knows what they mean. @asan
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aliceKey, bobKey, eventsOf, labSettings, post, startPurser, startSimulator } from './helpers.mjs';

let sim, purser;

before(async () => {
    sim = await startSimulator({ args: ['--keep-requests'] });
    const base = labSettings(sim);
    purser = await startPurser({
        settings: {
            ...base,
            providers: {
                ...base.providers, claude: { kind: 'anthropic', base_url: sim.url, api_key: 'k' }, gemini: { kind: 'gemini', base_url: sim.url, api_key: 'k' },
                chat: { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'k', protocols: ['chat'] },
            },
            prices: [...base.prices, ...['claude', 'gemini', 'chat'].map((name) => ({ model: `${name}/sim-small`, input: 1, output: 2 }))],
            keys: base.keys.map((k) => ({ ...k, models: ['*'] })),
        },
    });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const ask = (body, key = aliceKey) => post(purser, '/v1/responses', { model: 'claude/sim-small', ...body }, { key });
const lastRequest = async () => JSON.parse((await (await fetch(`${sim.url}/simulate/requests?last=1`)).json()).requests[0].body);
const said = (response) => response.output.find((item) => item.type === 'message');

async function first(stream, more = {}) {
    const answer = await ask({ input: 'Tell me. [simulate tokens=9]', stream, ...more });
    assert.equal(answer.status, 200, answer.text);
    return said(stream ? JSON.parse(eventsOf(answer.text).at(-1)).response : answer.body);
}
const next = (id) => ({ input: [{ role: 'user', content: 'Tell me.' }, { type: 'item_reference', id }, { role: 'user', content: 'And then?' }] });

for (const provider of ['claude', 'gemini', 'chat']) { // some close what is open with their last event only
    for (const stream of [false, true]) {
        test(`an item of ${stream ? 'a streamed' : 'a whole'} answer is known by its id: ${provider}`, async () => {
            const model = `${provider}/sim-small`, message = await first(stream, { model });
            const answer = await ask({ ...next(message.id), model });
            assert.equal(answer.status, 200, answer.text);
            const { messages, contents } = await lastRequest(), sent = contents ?? messages;
            assert.deepEqual(sent.map((m) => m.role), ['user', contents ? 'model' : 'assistant', 'user']);
            assert.ok(JSON.stringify(sent[1]).includes(message.content[0].text), JSON.stringify(sent));
        });
    }
}

test('not to another key, not where the client wants nothing stored, not if nobody said it', async () => {
    const message = await first(false), unstored = await first(false, { store: false });
    for (const [id, key] of [[message.id, bobKey], [unstored.id, aliceKey], ['msg_never', aliceKey]]) {
        const answer = await ask(next(id), key);
        assert.equal(answer.status, 400, answer.text);
        assert.match(answer.body.error.message, /item_reference/);
    }
});
