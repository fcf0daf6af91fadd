// The ladder: cheap first, accepted by test, else the next rung, all within one budget of attempts. What
// was thrown away is paid for and marked; nothing of it reaches the client. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventsOf, post, startPurser, startSimulator } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';

let sim;
let purser;

before(async () => {
    sim = await startSimulator({ args: ['--output-tokens', '20..60'] });
    const openai = { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'k' };
    const large = { target: 'large/sim-small' };
    const small = (accept, when) => ({ target: 'small/sim-small', ...(accept && { accept }), ...(when && { when }) });
    purser = await startPurser({
        settings: {
            providers: {
                small: openai, middle: openai, large: openai, claude: { kind: 'anthropic', base_url: sim.url, api_key: 'k' },
                dead: { kind: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key: 'k' },
            },
            features: { mail: {} },
            models: {
                triage: { schema: { type: 'object' }, ladder: [small({ json_schema: true, finish: 'stop' }), large] },
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
                poor: { attempts: { money_usd: '0.000001' }, ladder: [small({ not_matching: '.' }), large] },
                closed: { ladder: [small({ not_matching: '.' }), { target: 'dead/sim-small' }, large] },
                picked: {
                    ladder: [
                        { reply: 'Nine to five.', match: '(?i)opening hours' },
                        small(undefined, { shorter_than: 100, header: { 'x-kind': '^easy$' } }),
                        { target: 'middle/sim-small', when: { feature: 'mail', matching: '(?i)invoice' } },
                        { target: 'large/sim-small', when: { longer_than: 10 } },
                    ],
                },
                ruled: { ladder: [small({ not_matching: '.' }), { reply: 'Ask a colleague.' }] },
                down: { ladder: [{ target: 'dead/sim-small' }, { reply: 'Ask a colleague.' }] },
            },
            prices: ['small', 'middle', 'large', 'claude', 'dead'].map((p) => ({ model: `${p}/sim-small`, input: 1, output: 2 })),
            budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});

after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const ask = (model, { words = 'Hello', headers = {}, ...more } = {}) =>
    post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: words }], ...more }, { headers });
const streamed = { stream: true, stream_options: { include_usage: true } };
const columns = 'provider, reason, wasted, status, cost_picousd AS cost, cost_state AS state, output_tokens AS output, attempt_id';
let tasks = 0;

/** One call, and the rungs it went over: ["small first wasted", "large escalation"]. Every row costs what was generated. */
async function climb(model, more = {}, rows = 1) {
    const task = `t${++tasks}`;
    const answer = await ask(model, { ...more, headers: { ...more.headers, 'x-purser-task': task } });
    const list = rows ? await purser.rows(rows, { where: `task = '${task}'`, columns }) : [];
    list.sort((a, b) => (BigInt(a.attempt_id) < BigInt(b.attempt_id) ? -1 : 1));
    const done = new Map((await truthSince(sim)).map((c) => [attemptOf(c), c]));
    for (const row of list.filter((r) => r.state === 'exact')) {
        const { usage } = done.get(String(row.attempt_id));
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
        assert.deepEqual((await climb('three', form, 3)).path, ['small first wasted', 'middle escalation wasted', 'large escalation']);
        const two = await climb('two', form, 2);
        assert.deepEqual(two.path, ['small first wasted', 'middle escalation']);
        assert.ok(textOf(two.answer, stream).length > 0);
        const poor = await climb('poor', form, 1);
        assert.deepEqual(poor.path, kept);
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
}
