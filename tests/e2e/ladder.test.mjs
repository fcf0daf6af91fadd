// The ladder: cheap first, accepted by test, else the next rung, all within one budget of attempts. What
// was thrown away is paid for and marked; nothing of it reaches the client. @sanitizers
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { eventsOf, post, startPurser, startSimulator } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';

/** A provider that answers, whole or streamed, with what the prompt says behind "say:". */
function startWrapper() {
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    const server = createServer((request, answer) => {
        let body = '';
        request.on('data', (data) => (body += data)).on('end', () => {
            if (request.url.startsWith('/ask')) {
                asked.push(JSON.parse(body));
                answer.writeHead(500, { 'content-type': 'application/json' });
                return answer.end('{}');
            }
            const { stream, messages, logprobs: wanted } = JSON.parse(body);
            const logprobs = wanted ? { content: [{ token: 'x', logprob: Number(messages[0].content.split(' ')[0]), bytes: null, top_logprobs: [] }], refusal: null } : null;
            const content = messages[0].content.split('say:')[1];
            const base = { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'sim-small' };
            if (wanted && request.url.startsWith('/barred')) {
                answer.writeHead(403, { 'content-type': 'application/json' });
                return answer.end('{"error":{"message":"You are not allowed to request logprobs from this model.","type":"invalid_request_error"}}');
            }
            if (wanted && request.url.startsWith('/mute')) {
                answer.writeHead(400, { 'content-type': 'application/json' });
                return answer.end('{"error":{"message":"Unsupported parameter: \'logprobs\' is not supported with this model.","type":"invalid_request_error"}}');
            }
            answer.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
            if (!stream) return answer.end(JSON.stringify({ ...base, choices: [{ index: 0, message: { role: 'assistant', content }, logprobs, finish_reason: 'stop' }], usage }));
            const chunk = (choices, more) => `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices, ...more })}\n\n`;
            for (let i = 0; i < content.length; i += 5) answer.write(chunk([{ index: 0, delta: { content: content.slice(i, i + 5) }, logprobs, finish_reason: null }]));
            answer.end(`${chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])}${chunk([], { usage })}data: [DONE]\n\n`);
        });
    });
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }));
    });
}

let sim;
let wrapper; // says what it is told to
let purser;
const asked = []; // what came under /ask

before(async () => {
    sim = await startSimulator({ args: ['--output-tokens', '20..60'] });
    wrapper = await startWrapper();
    const openai = { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'k' };
    const large = { target: 'large/sim-small' };
    const spoken = {
        messages: { kind: 'anthropic', base_url: sim.url }, gemini: { kind: 'gemini', base_url: sim.url }, cohere: { kind: 'cohere', base_url: sim.url },
        converse: { kind: 'bedrock', base_url: sim.url, region: 'us-east-1' }, responses: { ...openai, protocols: ['responses'] },
    };
    const small = (accept, when) => ({ target: 'small/sim-small', ...(accept && { accept }), ...(when && { when }) });
    purser = await startPurser({
        settings: {
            providers: {
                small: openai, middle: openai, large: openai, claude: { kind: 'anthropic', base_url: sim.url, api_key: 'k' },
                ...Object.fromEntries(Object.entries(spoken).map(([name, p]) => [name, { ...p, api_key: 'k' }])), dear: openai, wrapper: { kind: 'openai', base_url: `${wrapper.url}/v1`, api_key: 'k' },
                ask: { kind: 'openai', base_url: `${wrapper.url}/ask/v1`, api_key: 'k', protocols: ['responses'] }, askg: { kind: 'gemini', base_url: `${wrapper.url}/ask`, api_key: 'k' },
                ...Object.fromEntries(['mute', 'mute2', 'barred'].map((name) => [name, { kind: 'openai', base_url: `${wrapper.url}/${name.replace('2', '')}/v1`, api_key: 'k' }])),
                dead: { kind: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key: 'k' },
            },
            features: { mail: {} },
            limits: [{ scope: { user: 'rated' }, tokens_per_minute: 10000 }],
            models: {
                triage: { schema: { type: 'object' }, ladder: [small({ json_schema: true, repair: false, finish: 'stop' }), large] },
                stopped: { ladder: [small({ finish: 'stop' }), large] },
                long: { ladder: [small({ min_length: 100000 }), large] },
                short: { ladder: [small({ max_length: 3 }), large] },
                said: { ladder: [small({ matching: '.' }), large] },
                unsaid: { ladder: [small({ not_matching: '.' }), large] },
                slow: { ladder: [small({ not_matching: '^(\\w+\\W?)+[0-9]{30}' }), large] }, // it gives up: nothing is known
                sure: { ladder: [small({ min_confidence: 0.5 }), large] },
                across: { ladder: [{ target: 'claude/sim-small', accept: { not_matching: '.' } }, large] },
                backwards: { ladder: [small({ not_matching: '.' }), { target: 'claude/sim-small' }] },
                three: { ladder: [small({ not_matching: '.' }), { target: 'middle/sim-small', accept: { not_matching: '.' } }, large] },
                two: { attempts: { max: 2 }, ladder: [small({ not_matching: '.' }), { target: 'middle/sim-small', accept: { not_matching: '.' } }, large] },
                poor: { attempts: { money_usd: '0.01' }, ladder: [small({ not_matching: '.' }), { target: 'dear/sim-small' }] },
                closed: { ladder: [small({ not_matching: '.' }), { target: 'dead/sim-small' }, large] },
                picked: {
                    ladder: [
                        { reply: 'Nine to five.', match: '(?i)opening hours' },
                        small(undefined, { shorter_than: 100, header: { 'x-kind': '^easy$' } }),
                        { target: 'middle/sim-small', when: { feature: 'mail', matching: '(?i)invoice' } },
                        { target: 'large/sim-small', when: { longer_than: 10 } },
                    ],
                },
                wrapped: { schema: { type: 'object', required: ['a'] }, ladder: [{ target: 'wrapper/sim-small', accept: { json_schema: true, repair: false } }, large] },
                last: { schema: { type: 'object', required: ['a'] }, ladder: [small({ json_schema: true, repair: false }), { target: 'wrapper/sim-small', accept: { json_schema: true, repair: false } }] },
                raced: { hedge: { after: '60ms', max_extra_spend: '90%' }, ladder: [small({ not_matching: '.' }), large] },
                surely: { ladder: [{ target: 'wrapper/sim-small', accept: { min_confidence: 0.8 } }, large] },
                ...Object.fromEntries(['ask', 'askg'].map((name) => [name, { attempts: { max: 2 }, on: { error: 'stop' }, ladder: [{ target: `${name}/sim-small`, accept: { min_confidence: 0.8 } }, large] }])),
                ...Object.fromEntries(['mute', 'mute2', 'barred'].map((name) => [name, { ladder: [{ target: `${name}/sim-small`, accept: { min_confidence: 0.8 } }, large] }])),
                ruled: { ladder: [small({ not_matching: '.' }), { reply: 'Ask a colleague.' }] },
                measured: { schema: { type: 'object' }, ladder: [{ reply: 'No.', match: '^never$' }, small({ json_schema: true, repair: false }), { target: 'middle/sim-small', accept: { not_matching: '.' } }, { target: 'dear/sim-small' }] },
                ...Object.fromEntries(Object.keys(spoken).map((name) => [`early-${name}`, { schema: { type: 'object' }, ladder: [{ target: `${name}/sim-small`, accept: { json_schema: true, early: true, repair: false } }, large] }])),
                only: { attempts: { max: 2 }, ladder: [{ target: 'dead/sim-small' }] },
                down: { ladder: [{ target: 'dead/sim-small' }, { reply: 'Ask a colleague.' }] },
            },
            prices: [{ model: 'dear/sim-small', input: 10, output: 30 }, ...['small', 'middle', 'large', 'claude', 'wrapper', 'mute', 'mute2', 'barred', 'ask', 'askg', 'dead', ...Object.keys(spoken)].map((p) => ({ model: `${p}/sim-small`, input: 1, output: 2 }))],
            budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});

after(async () => {
    await purser?.stop();
    await sim?.stop();
    wrapper?.stop();
});

const ask = (model, { words = 'Hello', headers = {}, ...more } = {}) =>
    post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: words }], ...more }, { headers });
const streamed = { stream: true, stream_options: { include_usage: true } };
const columns = 'provider, reason, wasted, status, cost_picousd AS cost, cost_state AS state, output_tokens AS output, attempt_id, rung, rung_number, accepted';
let tasks = 0;

/** One call, and the rungs it went over: ["small first wasted", "large escalation"]. Every row costs what was generated. */
async function climb(model, more = {}, rows = 1) {
    const task = `t${++tasks}`;
    const answer = await ask(model, { ...more, headers: { ...more.headers, 'x-purser-task': task } });
    const list = rows ? await purser.rows(rows, { where: `task = '${task}'`, columns }) : [];
    list.sort((a, b) => (BigInt(a.attempt_id) < BigInt(b.attempt_id) ? -1 : 1));
    const done = new Map((await truthSince(sim)).map((c) => [attemptOf(c), c]));
    for (const row of list.filter((r) => r.state === 'exact')) {
        const usage = ['wrapper', 'mute', 'mute2', 'barred'].includes(row.provider) ? { input: 10, output: 5 } : done.get(String(row.attempt_id)).usage;
        assert.equal(BigInt(row.cost), BigInt(usage.input) * 1000000n + BigInt(usage.output) * 2000000n, `${model}: cost`);
    }
    return { answer, list, path: list.map((r) => `${r.provider} ${r.reason}${r.wasted ? ' wasted' : ''}`) };
}

const escalated = ['small first wasted', 'large escalation'];
const kept = ['small first'];
const textOf = (answer, stream) =>
    stream ? eventsOf(answer.text).filter((e) => e !== '[DONE]').map((e) => JSON.parse(e).choices[0]?.delta?.content ?? '').join('')
        : JSON.parse(answer.text).choices[0].message.content;

for (const [kind, form] of [['whole', {}], ['streamed', streamed]]) {
    const stream = 'stream' in form;

    test(`${kind}: an answer that its tests accept goes out, another is thrown away for the next rung's`, async () => {
        const schema = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } } };
        for (const [model, more, path] of [
            ['triage', { response_format: schema }, kept],
            ['triage', { response_format: { type: 'json_object' } }, kept],
            ['triage', {}, escalated],
            ['triage', { response_format: schema, max_tokens: 1 }, escalated],
            ['stopped', {}, kept],
            ['stopped', { max_tokens: 3 }, escalated],
            ['long', {}, escalated],
            ['short', {}, escalated],
            ['said', {}, kept],
            ['unsaid', {}, escalated],
            ['slow', {}, escalated],
            ['sure', {}, escalated],
        ]) {
            const got = await climb(model, { ...form, ...more }, path.length).catch((e) => assert.fail(`${model} ${JSON.stringify(more)}: ${e.message}`));
            assert.equal(got.answer.status, 200, got.answer.text);
            assert.deepEqual(got.path, path, `${model} ${JSON.stringify(more)}`);
            assert.equal(got.answer.headers.get('x-purser-target'), `${path === kept ? 'small' : 'large'}/sim-small`);
            if (stream) assert.equal(eventsOf(got.answer.text).at(-1), '[DONE]');
            if (path === escalated) assert.equal(got.list[0].status, 'not_accepted');
            assert.ok(textOf(got.answer, stream).length > 0);
        }
    });

    test(`${kind}: nothing of a refused answer is in what the client gets, in any protocol`, async () => {
        const got = await climb('unsaid', form, 2);
        const ids = new Set(stream ? eventsOf(got.answer.text).filter((e) => e !== '[DONE]').map((e) => JSON.parse(e).id) : [JSON.parse(got.answer.text).id]);
        assert.equal(ids.size, 1);
        assert.deepEqual((await climb('across', form, 2)).path, ['claude first wasted', 'large escalation']);
        const back = await climb('backwards', form, 2);
        assert.deepEqual(back.path, ['small first wasted', 'claude escalation']);
        assert.ok(textOf(back.answer, stream).length > 0);
    });

    test(`${kind}: the budget of attempts ends the ladder, and the answer that is there goes out`, async () => {
        const three = await climb('three', form, 3);
        assert.deepEqual(three.path, ['small first wasted', 'middle escalation wasted', 'large escalation']);
        assert.deepEqual(three.list.map((r) => [r.rung, r.accepted]), [[1, 0], [2, 0], [3, 1]]);
        const two = await climb('two', form, 2);
        assert.deepEqual(two.path, ['small first wasted', 'middle escalation']);
        assert.deepEqual(two.list.map((r) => [r.rung, r.accepted]), [[1, 0], [2, 0]]); // better than nothing
        assert.ok(textOf(two.answer, stream).length > 0);
        const poor = await climb('poor', form, 1);
        assert.deepEqual(poor.path, kept);
        assert.equal(poor.list[0].accepted, 0);
        assert.ok(textOf(poor.answer, stream).length > 0);
        assert.deepEqual((await climb('closed', form, 3)).path, ['small first wasted', 'dead escalation wasted', 'large fallback']);
    });

    test(`${kind}: when chooses the rungs, and rules answer without a provider`, async () => {
        const easy = { ...form, headers: { 'x-kind': 'easy' } };
        assert.deepEqual((await climb('picked', { ...easy, words: 'A word' })).path, kept);
        assert.deepEqual((await climb('picked', { ...easy, words: 'A word '.repeat(20) })).path, ['large first']);
        assert.deepEqual((await climb('picked', { ...form, words: 'My invoice is wrong', headers: { 'x-purser-feature': 'mail' } })).path, ['middle first']);
        assert.deepEqual((await climb('picked', { ...form, words: 'My invoice is wrong' })).path, ['large first']);
        const none = await climb('picked', { ...form, words: 'A word' }, 0);
        assert.equal(none.answer.status, 503);
        assert.match(none.answer.text, /No rung/);
        for (const [model, words, reply, rows] of [
            ['picked', 'Your opening hours?', 'Nine to five.', 0], ['ruled', 'Hello', 'Ask a colleague.', 1], ['down', 'Hello', 'Ask a colleague.', 1],
        ]) {
            const got = await climb(model, { ...form, words }, rows);
            assert.equal(got.answer.status, 200, got.answer.text);
            assert.equal(textOf(got.answer, stream), reply);
            assert.equal(got.answer.headers.get('x-purser-degraded'), 'rule');
            if (rows) assert.equal(got.list[0].wasted, 1);
        }
        const asked = await climb('ruled', { ...form, response_format: { type: 'json_object' } }, 1);
        assert.deepEqual(asked.path, kept); // the rule is no JSON: nothing better follows
    });

    test(`${kind}: JSON is cut out of what is around it, at the last rung too`, async () => {
        const fenced = 'Here it is, [1]:\n```json\n{"a": "}\\"ö"}\n```\nAnything else?';
        for (const [model, rows] of [['wrapped', ['wrapper first']], ['last', ['small first wasted', 'wrapper escalation']]]) {
            const got = await climb(model, { ...form, words: `say:${fenced}` }, rows.length);
            assert.equal(got.answer.status, 200, got.answer.text);
            assert.deepEqual(got.path, rows);
            assert.equal(textOf(got.answer, stream), '{"a": "}\\"ö"}');
            const last = stream ? JSON.parse(eventsOf(got.answer.text).at(-2)) : JSON.parse(got.answer.text);
            assert.deepEqual([last.usage.prompt_tokens, last.usage.completion_tokens, last.model], [10, 5, 'sim-small']);
            if (stream) assert.equal(eventsOf(got.answer.text).at(-1), '[DONE]');
        }
        assert.deepEqual((await climb('wrapped', { ...form, words: 'say:{"b": 1}' }, 2)).path, ['wrapper first wasted', 'large escalation']);
        const hopeless = await climb('last', { ...form, words: 'say:Sorry {"b": 1}' }, 2);
        assert.equal(textOf(hopeless.answer, stream), 'Sorry {"b": 1}');
    });

    test(`${kind}: a hedge runs one rung up, and no answer is tested away that way`, async () => {
        for (let i = 0; i < 4; i++) {
            const got = await climb('raced', { ...form, words: `Hello ${i}`, headers: { 'x-simulate-latency': '150ms' } }, 2);
            assert.equal(got.answer.status, 200, got.answer.text);
            assert.ok(textOf(got.answer, stream).length > 0);
            assert.deepEqual(got.list.map((r) => [r.provider, r.wasted]), [['small', 1], ['large', 0]]);
            assert.match(got.path[1], /hedge|escalation/);
        }
    });

    test(`${kind}: confidence is read from log-probabilities, which are asked for where the call does not`, async () => {
        const path = async (words, more) => (await climb('surely', { ...form, words, ...more }, words === '-0.1 say:yes' ? 1 : 2)).path;
        assert.deepEqual(await path('-0.1 say:yes', { logprobs: true }), ['wrapper first']);
        assert.deepEqual(await path('-0.5 say:yes', { logprobs: true }), ['wrapper first wasted', 'large escalation']);
        assert.deepEqual(await path('-0.1 say:yes'), ['wrapper first']);
        assert.deepEqual(await path('-0.5 say:yes'), ['wrapper first wasted', 'large escalation']);
        assert.deepEqual(await path('-0.1 say:yes', { logprobs: false }), ['wrapper first']);
        const task = `c${++tasks}`, body = { model: 'surely', max_tokens: 100, stream, messages: [{ role: 'user', content: '-0.1 say:yes' }] };
        assert.equal((await post(purser, '/v1/messages', body, { headers: { 'x-purser-task': task } })).status, 200);
        assert.deepEqual((await purser.rows(1, { where: `task = '${task}'`, columns })).map((r) => r.provider), ['wrapper'], "in Anthropic's words, too");
    });

    test(`${kind}: a target that knows no log-probabilities is asked without, and its rung accepts nothing`, async () => {
        const name = stream ? 'mute2' : 'mute';
        const found = await climb(name, { ...form, words: '-0.1 say:yes' }, 3);
        assert.deepEqual([found.answer.status, found.path], [200, [`${name} first wasted`, `${name} retry wasted`, 'large escalation']], found.answer.text);
        assert.deepEqual((await climb(name, { ...form, words: '-0.1 say:yes' }, 2)).path, [`${name} first wasted`, 'large escalation'], 'it is remembered');
    });

    test(`${kind}: JSON is cut out in Anthropic's words, too`, async () => {
        const body = { model: 'wrapped', max_tokens: 100, stream, messages: [{ role: 'user', content: 'say:```{"a": 1}```' }] };
        const answer = await post(purser, '/v1/messages', body);
        assert.equal(answer.status, 200, answer.text);
        const events = stream ? eventsOf(answer.text).map((e) => JSON.parse(e)) : [];
        const text = stream ? events.filter((e) => e.type === 'content_block_delta').map((e) => e.delta.text).join('') : answer.body.content[0].text;
        assert.equal(text, '{"a": 1}');
        if (stream) assert.equal(events.at(-1).type, 'message_stop');
    });
}

test('a key that may not ask for log-probabilities (403) is used without them', async () => {
    const found = await climb('barred', { words: '-0.1 say:yes' }, 3);
    assert.deepEqual([found.answer.status, found.path], [200, ['barred first wasted', 'barred retry wasted', 'large escalation']], found.answer.text);
});

test('log-probabilities are asked for in the words of the target, what the client wrote stays', async () => {
    const send = async (path, body) => {
        await post(purser, path, body);
        return asked.at(-1);
    };
    const wanted = 'message.output_text.logprobs', thoughts = 'reasoning.encrypted_content';
    for (const [include, want] of [[undefined, [wanted]], [[], [wanted]], [[thoughts], [thoughts, wanted]], [[wanted], [wanted]]]) {
        const body = await send('/v1/responses', { model: 'ask', input: 'Hello', store: false, include, x_own: { include: [1] } });
        assert.deepEqual([body.include, body.store, body.x_own], [want, false, { include: [1] }]);
    }
    assert.deepEqual((await send('/v1/chat/completions', { model: 'ask', messages: [{ role: 'user', content: 'Hello' }] })).include, [wanted]);
    const { generationConfig } = await send('/v1beta/models/askg:generateContent', { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }], generationConfig: { temperature: 0.25 } });
    assert.deepEqual([generationConfig.responseLogprobs, generationConfig.temperature], [true, 0.25]);
});

test('every protocol climbs', async () => {
    const content = 'Hello', messages = [{ role: 'user', content }], contents = [{ role: 'user', parts: [{ text: content }] }];
    const converse = { messages: [{ role: 'user', content: [{ text: content }] }] };
    for (const [path, body] of [
        ...[false, true].flatMap((stream) => [
            ['/v1/responses', { model: 'unsaid', input: content, stream }], ['/v2/chat', { model: 'unsaid', messages, stream }],
            ['/v1/messages', { model: 'unsaid', max_tokens: 50, messages, stream }],
        ]),
        ['/v1beta/models/unsaid:generateContent', { contents }], ['/v1beta/models/unsaid:streamGenerateContent', { contents }],
        ['/v1beta/models/unsaid:streamGenerateContent?alt=sse', { contents }],
        ['/model/unsaid/converse', converse], ['/model/unsaid/converse-stream', converse],
    ]) {
        const task = `p${++tasks}`;
        const answer = await post(purser, path, body, { headers: { 'x-purser-task': task } });
        assert.equal(answer.status, 200, `${path}: ${answer.text}`);
        const rows = await purser.rows(2, { where: `task = '${task}'`, columns });
        assert.deepEqual(rows.map((r) => `${r.provider} ${r.wasted}`).sort(), ['large 0', 'small 1'], path);
    }
});

test('early: the events of every protocol of providers are tested as they come', async () => {
    for (const name of ['messages', 'gemini', 'cohere', 'converse', 'responses']) {
        const prose = await climb(`early-${name}`, streamed, 2);
        assert.deepEqual(prose.path, [`${name} first wasted`, 'large escalation'], name);
        assert.deepEqual(prose.list.map((r) => [r.state, r.status]), [['estimated', 'not_accepted'], ['exact', 'ok']], name);
        assert.ok(Number(prose.list[0].cost) > 0);
        const json = await climb(`early-${name}`, { ...streamed, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false } } } }, 1);
        assert.deepEqual(json.path, [`${name} first`], name);
        assert.ok(Number.isInteger(JSON.parse(textOf(json.answer, true)).a));
        assert.equal(eventsOf(json.answer.text).at(-1), '[DONE]');
    }
});

test('the report shows what each rung accepted and cost, and what it had cost alone', async () => {
    const object = { response_format: { type: 'json_object' } };
    const again = await climb('only', {}, 2);
    assert.deepEqual(again.list.map((r) => [r.reason, r.rung, r.rung_number, r.accepted]), [['first', 1, 1, 0], ['retry', 1, 2, 0]]);
    const from = (await truthSince(sim)).length;
    for (let i = 0; i < 6; i++) {
        const answer = await ask('measured', { words: `Hello ${'and hello '.repeat(i * i)}`, headers: { 'x-purser-task': 'measured' }, ...(i % 3 === 0 && object) });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers.get('x-purser-target'), `${i % 3 === 0 ? 'small' : 'dear'}/sim-small`);
    }
    const rows = await purser.rows(14, { where: "task = 'measured'", columns: 'provider, rung, rung_number, accepted, saved_picousd, attempt_id' });
    assert.deepEqual(new Set(rows.map((r) => `${r.provider} ${r.rung} ${r.rung_number} ${r.accepted}`)), new Set(['small 2 1 1', 'small 2 1 0', 'middle 3 1 0', 'dear 4 1 1']));

    // from what the simulator generated, by the prices in the settings
    const provider = new Map(rows.map((r) => [String(r.attempt_id), r]));
    const calls = (await truthSince(sim)).slice(from).map((c) => ({ ...provider.get(attemptOf(c)), usage: c.usage }));
    const prices = { small: [1000000n, 2000000n], middle: [1000000n, 2000000n], dear: [10000000n, 30000000n] };
    const total = (list, of) => list.reduce((sum, c) => sum + BigInt(of(c)), 0n);
    const output = (name) => total(calls.filter((c) => c.provider === name), (c) => c.usage.output) * prices[name][1];
    const input = (list, name) => total(list, (c) => c.usage.input) * prices[name][0];
    const used = calls.filter((c) => c.accepted);
    assert.equal(used.length, 6);
    const rung = (name, number, reached, accepted) => {
        const own = calls.filter((c) => c.provider === name), cost = input(own, name) + output(name);
        assert.equal(own.length, reached);
        const wasted = total(own.filter((c) => !c.accepted), (c) => BigInt(c.usage.input) * prices[name][0] + BigInt(c.usage.output) * prices[name][1]);
        const mean = (2n * 6n * output(name) + BigInt(reached)) / (2n * BigInt(reached)); // to the nearest
        return {
            rung: String(number), provider: name, model: 'sim-small', reached, accepted, accepted_share: Math.floor(accepted / reached * 1e6) / 1e6, answered: accepted,
            attempts: reached, errors: reached - accepted, cost_picousd: cost, cost_max_picousd: cost, wasted_cost_picousd: wasted, estimated: 0, unpriced: 0,
            estimated_alone_cost_picousd: input(used, name) + mean,
        };
    };
    // a call that ended at a cheaper rung saved what the last one had cost for the same tokens
    for (const c of calls) {
        const cost = (of) => BigInt(c.usage.input) * prices[of][0] + BigInt(c.usage.output) * prices[of][1];
        assert.equal(BigInt(c.saved_picousd), c.accepted && c.provider === 'small' ? cost('dear') - cost('small') : 0n, `${c.provider} ${c.accepted}`);
    }
    const plain = (x) => JSON.parse(JSON.stringify(x, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
    const want = [rung('small', 2, 6, 2), rung('middle', 3, 4, 0), rung('dear', 4, 4, 4)];
    const told = await purser.cli(['report', '--ladder', 'measured', '--where', 'task=measured', '--format', 'json']);
    assert.equal(told.code, 0, told.stderr);
    const report = JSON.parse(told.stdout);
    assert.deepEqual(report.rows, plain(want));
    assert.deepEqual([report.totals.reached, report.totals.accepted, report.totals.answered, report.totals.attempts, report.totals.estimated_alone_cost_picousd], [6, 6, 6, 14, null]);
    assert.equal(report.totals.cost_picousd, Number(total(want, (r) => r.cost_picousd)));

    const api = await fetch(`${purser.adminUrl}/api/v1/report?ladder=measured&where=task=measured`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.deepEqual((await api.json()).rows, report.rows);
    const both = await fetch(`${purser.adminUrl}/api/v1/report?ladder=measured&by=day`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.equal(both.status, 400);
    const wrong = await purser.cli(['report', '--ladder', 'measured', '--by', 'day']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /leave --by out/);
    const table = (await purser.cli(['report', '--ladder', 'measured'])).stdout;
    assert.match(table, /^rung +provider +model +reached +accepted +attempts +cost \$ +wasted \$ +alone \$ +ladder saves +errors\n/);
    assert.match(table, /\n2 +small +sim-small +6 +33\.3% +6 .* ~0\.0/);
    const proof = await purser.cli(['ledger', 'verify']);
    assert.equal(proof.code, 0, proof.stdout + proof.stderr);
});

test('a limit on tokens counts those of every attempt', async () => {
    const rated = async (words) => {
        const answer = await post(purser, '/v1/chat/completions', { model: 'unsaid', messages: [{ role: 'user', content: words }] }, { headers: { 'x-purser-user': 'rated' } });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers.get('x-purser-target'), 'large/sim-small');
        return Number(answer.headers.get('x-ratelimit-remaining-tokens'));
    };
    await rated('Hello. [simulate tokens=2000]'); // by two rungs
    assert.ok((await rated('Hello. [simulate tokens=1]')) < 7500, 'a rung that is not accepted is not counted'); // 167 come back each second
});
