// The official client against purser and the simulated provider: what an
// application does all day, and what it gets when something is wrong. Every call's
// row is held against what the client was told. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { aliceKey, bobKey, eventsOf, labSettings, post, startPurser, startSimulator, until } from './helpers.mjs';

let sim, purser, client;

before(async () => {
    sim = await startSimulator();
    purser = await startPurser({
        settings: labSettings(sim, {
            models_only: true,
            budgets: [
                { name: 'everything', scope: {}, limit_usd: 100, window: 'month' },
                { name: 'of-key', scope: { key: '*' }, limit_tokens: 100000000, window: '24h' },
            ],
            limits: [{ scope: { key: 'bob' }, requests_per_minute: 3 }],
            features: { 'support-bot': { owner: 'ana@example.com', max_output_tokens: 800 } },
        }),
    });
    client = clientOf(aliceKey);
});

after(async () => {
    try {
        await purser?.stop();
    } finally {
        await sim?.stop();
    }
});

function clientOf(apiKey, more = {}) {
    return new OpenAI({ apiKey, baseURL: `${purser.url}/v1`, maxRetries: 0, ...more });
}

let tasks = 0;
/** A task name of the test's own, to find its rows by. */
const newTask = () => `task-${process.pid}-${++tasks}`;
const of = (task) => ({ headers: { 'x-purser-task': task, 'x-purser-feature': 'support-bot' } });
const rowsOf = (task, least = 1) => purser.rows(least, { where: `task = '${task}'` });

const ask = (content, more = {}) => ({ model: 'cheap', messages: [{ role: 'user', content }], ...more });

/** Input and output of a row as OpenAI counts them: inclusive. */
function tokensOf(row) {
    const sum = (...units) => units.reduce((all, unit) => all + row[`${unit}_tokens`], 0);
    return {
        input: sum('input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_in', 'image'),
        output: sum('output', 'reasoning', 'audio_out'),
    };
}

/** What the client was told is what the ledger has. */
function assertBilled(row, usage) {
    assert.equal(row.cost_state, 'exact');
    assert.deepEqual(tokensOf(row), { input: usage.prompt_tokens ?? usage.input_tokens, output: usage.completion_tokens ?? usage.output_tokens ?? 0 });
    assert.ok(row.cost_picousd > 0);
    assert.equal(row.status, 'ok');
}

// ---- answers

test('text', async () => {
    const task = newTask();
    const { data, response } = await client.chat.completions.create(ask('Say something.'), of(task)).withResponse();
    assert.equal(data.object, 'chat.completion');
    assert.ok(data.choices[0].message.content.length > 0);
    assert.equal(data.choices[0].finish_reason, 'stop');
    assert.match(response.headers.get('x-purser-request-id'), /\S/);
    const [row, ...more] = await rowsOf(task);
    assert.equal(more.length, 0);
    assertBilled(row, data.usage);
    assert.equal(row.key, 'alice');
    assert.equal(row.team, 'support');
    assert.equal(row.feature, 'support-bot');
    assert.equal(row.model_requested, 'cheap');
    assert.equal(row.reason, 'first');
    assert.equal(Number(response.headers.get('x-purser-cost-usd')), row.cost_picousd / 1e12);
});

test("who asks and what for: purser's headers, then other gateways', then the body", async () => {
    const said = async (headers, more = {}) => {
        const task = newTask();
        await client.chat.completions.create(ask('Hello. [simulate tokens=2]', more), { headers: { 'x-purser-task': task, ...headers } });
        const [{ user, feature, session, prompt, tags }] = await rowsOf(task);
        return { user, feature, session, prompt, tags };
    };
    const nothing = { user: '', feature: '', session: '', prompt: '', tags: '' };
    const metadata = { user_id: 'mia', feature: 'search', session_id: 's9', prompt: 'p@2' };
    assert.deepEqual(await said({}, { metadata }), { user: 'mia', feature: 'search', session: 's9', prompt: 'p@2', tags: '' });
    assert.equal((await said({}, { metadata, user: 'ben' })).user, 'ben');
    const portkey = { 'x-portkey-metadata': JSON.stringify({ _user: 'pia', _prompt: 'greet', feature: 'mail', 'env\n': 'no', env: 'live' }) };
    assert.deepEqual(await said(portkey, { user: 'ben' }), { ...nothing, user: 'pia', prompt: 'greet', feature: 'mail', tags: 'env=live' });
    assert.equal((await said({ ...portkey, 'x-purser-user': 'ana' })).user, 'ana');
    const helicone = { 'Helicone-User-Id': 'hal', 'Helicone-Property-Feature': 'chat', 'Helicone-Property-Plan': 'free', 'x-purser-tags': 'a' };
    assert.deepEqual(await said(helicone), { ...nothing, user: 'hal', feature: 'chat', tags: 'a,plan=free' });
    for (const text of ['{"_user":', '["a"]']) {
        await assert.rejects(said({ 'x-portkey-metadata': text }), (e) => e.status === 400 && /x-portkey-metadata/.test(e.message));
    }
});

test('several choices are paid for and passed on', async () => {
    const task = newTask();
    const data = await client.chat.completions.create(ask('Twice please. [simulate tokens=20]', { n: 2 }), of(task));
    assert.equal(data.choices.length, 2);
    assert.equal(data.usage.completion_tokens, 40);
    assertBilled((await rowsOf(task))[0], data.usage);
});

test('stream: pieces in order, no usage chunk where none was asked for', async () => {
    const task = newTask();
    let text = '', finish, chunks = 0;
    for await (const chunk of await client.chat.completions.create(ask('Tell me a story. [simulate tokens=40]', { stream: true }), of(task))) {
        chunks++;
        assert.ok(!chunk.usage, 'a usage chunk that the client had not asked for');
        assert.equal(chunk.choices.length, 1);
        text += chunk.choices[0].delta.content ?? '';
        finish = chunk.choices[0].finish_reason ?? finish;
    }
    assert.ok(chunks > 10 && text.length > 40);
    assert.equal(finish, 'stop');
    const [row] = await rowsOf(task);
    assert.equal(row.streamed, 1);
    assert.equal(tokensOf(row).output, 40);
    assert.equal(row.cost_state, 'exact');
    assert.ok(row.first_byte_us > 0 && row.first_byte_us <= row.total_us);
});

test('stream: the usage chunk where it was asked for, and include_usage: false is no', async () => {
    const task = newTask();
    let usage;
    const asked = ask('And the bill? [simulate tokens=12 usage=all]', { stream: true, stream_options: { include_usage: true } });
    for await (const chunk of await client.chat.completions.create(asked, of(task))) usage = chunk.usage ?? usage;
    assert.equal(usage.completion_tokens, 12);
    assertBilled((await rowsOf(task))[0], usage);

    const not = newTask();
    asked.stream_options.include_usage = false;
    for await (const chunk of await client.chat.completions.create(asked, of(not))) assert.ok(!chunk.usage);
    assert.equal(tokensOf((await rowsOf(not))[0]).output, 12);
});

test('stream: the client library puts the pieces together', async () => {
    const stream = client.chat.completions.stream(ask('A line. [simulate tokens=25]'));
    const whole = await stream.finalChatCompletion();
    assert.ok(whole.choices[0].message.content.length > 25);
});

const weather = {
    type: 'function',
    function: {
        name: 'get_weather',
        description: 'The weather of a city.',
        parameters: {
            type: 'object',
            properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['c', 'f'] } },
            required: ['city', 'unit'],
            additionalProperties: false,
        },
    },
};

function assertWeatherCall(call) {
    assert.equal(call.function.name, 'get_weather');
    const given = JSON.parse(call.function.arguments);
    assert.equal(typeof given.city, 'string');
    assert.ok(['c', 'f'].includes(given.unit));
}

test('tools: called, answered, streamed', async () => {
    const task = newTask();
    const asked = ask('How is the weather in Riga?', { tools: [weather], tool_choice: 'required' });
    const data = await client.chat.completions.create(asked, of(task));
    assert.equal(data.choices[0].finish_reason, 'tool_calls');
    assertWeatherCall(data.choices[0].message.tool_calls[0]);
    assertBilled((await rowsOf(task))[0], data.usage);

    const [call] = data.choices[0].message.tool_calls;
    const messages = [...asked.messages, data.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"degrees": 7}' }];
    const then = await client.chat.completions.create({ model: 'cheap', messages, tools: [weather] });
    assert.ok(then.choices[0].message.content.length > 0);

    const stream = client.chat.completions.stream(asked);
    const whole = await stream.finalChatCompletion();
    assertWeatherCall(whole.choices[0].message.tool_calls[0]);
});

test('structured output follows its schema, streamed or not', async () => {
    const schema = {
        type: 'object',
        properties: { name: { type: 'string' }, age: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } } },
        required: ['name', 'age', 'tags'],
        additionalProperties: false,
    };
    const asked = ask('Somebody.', { response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } } });
    const check = (text) => {
        const person = JSON.parse(text);
        assert.equal(typeof person.name, 'string');
        assert.ok(Number.isInteger(person.age));
        assert.ok(Array.isArray(person.tags));
    };
    check((await client.chat.completions.create(asked)).choices[0].message.content);
    check((await client.chat.completions.stream(asked).finalChatCompletion()).choices[0].message.content);
});

test('an image in a message', async () => {
    const task = newTask();
    const dot = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const content = [{ type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: dot, detail: 'low' } }];
    const data = await client.chat.completions.create(ask(content), of(task));
    assert.ok(data.choices[0].message.content.length > 0);
    assertBilled((await rowsOf(task))[0], data.usage);
});

test('the older completions', async () => {
    const task = newTask();
    const data = await client.completions.create({ model: 'cheap', prompt: 'Once upon a time', max_tokens: 16 }, of(task));
    assert.ok(data.choices[0].text.length > 0);
    assert.ok(data.usage.completion_tokens <= 16);
    assertBilled((await rowsOf(task))[0], data.usage);
});

test('embeddings, as floats and as the base64 that the client asks for by itself', async () => {
    const task = newTask();
    const data = await client.embeddings.create({ model: 'embed', input: ['one', 'two'], dimensions: 8 }, of(task));
    assert.equal(data.data.length, 2);
    assert.equal(data.data[0].embedding.length, 8);
    assert.equal(typeof data.data[1].embedding[7], 'number');
    assertBilled((await rowsOf(task))[0], data.usage);
    const floats = await client.embeddings.create({ model: 'embed', input: 'one', dimensions: 8, encoding_format: 'float' });
    assert.equal(floats.data[0].embedding.length, 8);
});

test('responses: whole, streamed, with a tool', async () => {
    const task = newTask();
    const data = await client.responses.create({ model: 'cheap', input: 'Say something.' }, of(task));
    assert.equal(data.status, 'completed');
    assert.ok(data.output_text.length > 0);
    assertBilled((await rowsOf(task))[0], data.usage);

    const streamed = newTask();
    let text = '', done;
    for await (const event of await client.responses.create({ model: 'cheap', input: 'Tell me a story.', stream: true }, of(streamed))) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') done = event.response;
    }
    assert.ok(text.length > 0);
    assert.equal(done.status, 'completed');
    assertBilled((await rowsOf(streamed))[0], done.usage);

    const { function: f } = weather;
    const called = await client.responses.create({
        model: 'cheap', input: 'The weather?', tools: [{ type: 'function', strict: true, ...f }], tool_choice: 'required',
    });
    const call = called.output.find((item) => item.type === 'function_call');
    assert.equal(call.name, 'get_weather');
    assert.equal(typeof JSON.parse(call.arguments).city, 'string');
});

test('responses in the background are refused until jobs exist', async () => {
    const refused = client.responses.create({ model: 'cheap', input: 'Later.', background: true });
    await assert.rejects(refused, (error) => error instanceof OpenAI.BadRequestError && /background/.test(error.message));
});

test('moderations are free and metered', async () => {
    const task = newTask();
    const data = await client.moderations.create({ model: 'moderate', input: 'A kind word.' }, of(task));
    assert.equal(data.results[0].flagged, false);
    const [row] = await rowsOf(task);
    assert.equal(row.operation, 'moderations');
    assert.equal(row.cost_state, 'free');
});

test('the list of models holds what the key may use', async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    for (const name of ['cheap', 'embed', 'moderate']) assert.ok(names.includes(name), `${name} of ${names}`);
    const bobs = [];
    for await (const model of clientOf(bobKey).models.list()) bobs.push(model.id);
    assert.deepEqual(bobs, ['cheap']);
});

// ---- refusals

test('401: no key, a wrong key', async () => {
    await assert.rejects(clientOf('sk-nobody-knows-this').chat.completions.create(ask('Hello')), (error) => {
        assert.ok(error instanceof OpenAI.AuthenticationError);
        assert.equal(error.code, 'invalid_api_key');
        assert.doesNotMatch(error.message, /sk-nobody-knows-this/);
        return true;
    });
    assert.equal((await post(purser, '/v1/chat/completions', ask('Hello'), { key: null })).status, 401);
});

test('403: a model that the key may not use', async () => {
    const refused = clientOf(bobKey).embeddings.create({ model: 'embed', input: 'x' });
    await assert.rejects(refused, (error) => error instanceof OpenAI.PermissionDeniedError && /embed/.test(error.message));
});

test('404: an unknown model, with what to do about it; an unknown path', async () => {
    await assert.rejects(client.chat.completions.create({ ...ask('Hello'), model: 'gpt-99' }), (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.equal(error.code, 'model_not_found');
        assert.match(error.message, /gpt-99/);
        return true;
    });
    const lost = await post(purser, '/v1/nowhere', {});
    assert.equal(lost.status, 404);
    assert.ok(lost.body.error.message);
});

test('400: what is wrong and where, in the shape that the protocol has', async () => {
    const cases = [
        ['{"model":"cheap","messages":[', /json|end/i],
        ['{"model":"cheap","model":"cheap","messages":[]}', /model/],
        ['{"messages":[]}', /model/],
        ['{"model":7,"messages":[]}', /model/],
        ['{"model":"cheap","messages":[{"role":"user","content":"x"}],"max_tokens":-1}', /max_tokens/],
        ['{"model":"cheap","messages":[{"role":"user","content":"x"}],"stream":"yes"}', /stream/],
        [Buffer.from('{"model":"cheap","messages":[{"role":"user","content":"\xff"}]}', 'latin1'), /utf-?8/i],
    ];
    for (const [body, message] of cases) {
        const got = await post(purser, '/v1/chat/completions', body);
        assert.equal(got.status, 400, `${body}: ${got.text}`);
        assert.equal(got.body.error.type, 'invalid_request_error');
        assert.match(got.body.error.message, message);
        assert.ok('param' in got.body.error && 'code' in got.body.error);
    }
    const typed = await post(purser, '/v1/chat/completions', ask('x'), { headers: { 'content-type': 'text/plain' } });
    assert.equal(typed.status, 415);
});

test('429: our own limit says when to come back', async () => {
    const bob = clientOf(bobKey);
    const seen = [];
    for (let i = 0; i < 5; i++) {
        try {
            const { response } = await bob.chat.completions.create(ask('Again. [simulate tokens=1]')).withResponse();
            assert.match(response.headers.get('x-ratelimit-limit-requests'), /^3$/);
            assert.match(response.headers.get('x-ratelimit-remaining-requests'), /^[0-3]$/);
            seen.push('ok');
        } catch (error) {
            assert.ok(error instanceof OpenAI.RateLimitError, error);
            assert.equal(error.code, 'rate_limit_exceeded');
            assert.ok(Number(error.headers.get('retry-after')) >= 1);
            assert.ok(error.headers.get('x-should-retry'));
            seen.push('limited');
        }
    }
    assert.equal(seen[0], 'ok');
    assert.equal(seen.at(-1), 'limited');
});

test("429 and 500 of the provider are passed on, and the client's own retry is counted", async () => {
    await assert.rejects(client.chat.completions.create(ask('[simulate fault=429]')), (error) => {
        assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
        assert.equal(error.headers.get('retry-after'), '1');
        return true;
    });
    await assert.rejects(client.chat.completions.create(ask('[simulate fault=500]')), OpenAI.InternalServerError);

    const task = newTask();
    const patient = clientOf(aliceKey, { maxRetries: 2 });
    const data = await patient.chat.completions.create(ask(`[simulate fault=503 times=1 key=${task}]`), of(task));
    assert.ok(data.choices[0].message.content.length > 0);
    const rows = await rowsOf(task, 2);
    assert.deepEqual(rows.map((row) => row.http_status), [503, 200]);
    assert.deepEqual(rows.map((row) => row.client_retries), [0, 1]);
    assert.equal(rows[0].cost_picousd, 0);
});

test('a stream that dies ends in an error that the client sees', async () => {
    for (const fault of ['cut', 'cut-clean', 'end-early', 'error-in-stream', 'malformed']) {
        const task = newTask();
        const stream = await client.chat.completions.create(ask(`[simulate tokens=30 fault=${fault} after=10]`, { stream: true }), of(task));
        await assert.rejects(async () => {
            for await (const chunk of stream) assert.ok(chunk);
        }, OpenAI.APIError, fault);
        const [row] = await rowsOf(task);
        assert.notEqual(row.status, 'ok', fault);
    }
});

// ---- leaving early

test('a client that hangs up stops the provider, and pays for what was generated', async () => {
    const task = newTask();
    const before = await sim.truth();
    const stream = await client.chat.completions.create(
        ask('[simulate tokens=2000 between=10ms]', { stream: true, max_tokens: 2000 }), of(task));
    let seen = 0;
    for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content && ++seen === 10) stream.controller.abort();
    }
    assert.ok(seen >= 10);
    const [row] = await rowsOf(task);
    assert.equal(row.status, 'client_gone');
    assert.equal(row.cost_state, 'estimated');
    const output = tokensOf(row).output;
    assert.ok(output >= 10 && output < 2000, `${output} tokens`);
    assert.ok(row.cost_max_picousd >= row.cost_picousd && row.cost_picousd > 0);
    assert.ok(before, 'the simulator tells the truth');
});

test('a client that leaves before the answer of a call that is not streamed', async () => {
    const task = newTask();
    const leave = new AbortController();
    const call = client.chat.completions.create(ask('[simulate tokens=5 latency=300ms]'), { ...of(task), signal: leave.signal });
    setTimeout(() => leave.abort(), 50);
    await assert.rejects(call, OpenAI.APIUserAbortError);
    const [row] = await rowsOf(task); // by default such a call is finished: the money is spent anyway
    assert.ok(row.cost_picousd > 0);
});

// ---- the wire itself

test('headers of an answer: ours are there, the provider\'s secrets are not', async () => {
    const got = await post(purser, '/v1/chat/completions', ask('Hello'));
    assert.equal(got.status, 200);
    assert.match(got.headers.get('content-type'), /^application\/json/);
    assert.match(got.headers.get('x-purser-request-id'), /^\S{8,}$/);
    assert.match(got.headers.get('x-purser-cost-usd'), /^0\.\d+$/);
    for (const name of ['set-cookie', 'openai-organization']) assert.equal(got.headers.get(name), null);
    const refused = await post(purser, '/v1/chat/completions', '{', {});
    assert.match(refused.headers.get('x-purser-request-id'), /^\S{8,}$/);
});

test('a stream on the wire is events, ended by [DONE]', async () => {
    const got = await post(purser, '/v1/chat/completions', ask('[simulate tokens=8]', { stream: true }));
    assert.equal(got.status, 200);
    assert.match(got.headers.get('content-type'), /^text\/event-stream/);
    assert.match(got.headers.get('x-purser-request-id'), /^\S{8,}$/);
    const events = eventsOf(got.text);
    assert.equal(events.at(-1), '[DONE]');
    for (const event of events.slice(0, -1)) assert.equal(JSON.parse(event).object, 'chat.completion.chunk');
});

test('when all is done nothing is held, and the ledger holds together', async () => {
    await until('every hold to be given back', async () => (await purser.budgets()).every((budget) => budget.held === 0));
    const all = await purser.budgets();
    assert.deepEqual(all.filter((budget) => budget.budget === 'of-key').map((budget) => budget.scope).sort(), ['key=alice', 'key=bob']);
    const spent = all.find((budget) => budget.budget === 'everything').spent;
    assert.equal(spent, (await purser.sql('SELECT sum(cost_picousd) AS cost FROM attempts'))[0].cost);
    const verified = await purser.cli(['ledger', 'verify']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const [head, ...lines] = (await purser.cli(['ledger', 'verify', '--format', 'csv'])).stdout.trim().split('\n').map((line) => line.split(','));
    assert.deepEqual(head, ['figure', 'count', 'usd', 'problem']);
    const rows = (await purser.sql('SELECT count(*) AS n FROM attempts'))[0].n;
    assert.equal(lines.find(([figure]) => figure === 'rows')[1], String(rows));
    assert.deepEqual(lines.at(-1), ['problems', '0', '', '']);
});
