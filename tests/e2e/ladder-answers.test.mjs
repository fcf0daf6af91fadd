// What becomes of a rung's answer: streamed at once or held back, ended early, repaired, sent out after all; and
// rungs that are plain services. Each attempt's row costs what it should. @sanitizers
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectClients } from './clients.mjs';
import { aliceKey, eventsOf, post, startPurser, until } from './helpers.mjs';
import { startScripted } from './scripted.mjs';

let lab; // says what is written down
let purser;

const schema = { type: 'object', required: ['queue'], additionalProperties: false, properties: { queue: { enum: ['billing', 'tech'] }, why: { type: 'string', maxLength: 200 }, part: { $ref: '#' } } };
const kinds = { chat: 'openai-compatible', responses: 'openai-compatible', messages: 'anthropic', gemini: 'gemini', converse: 'bedrock', cohere: 'cohere' };

before(async () => {
    lab = await startScripted();
    const at = (name, more) => ({ kind: 'openai-compatible', protocols: ['chat'], base_url: `${lab.url}/${name}/v1`, ...more });
    const small = (accept) => ({ target: 'small/m', accept }), large = { target: 'large/m' };
    const json = { json_schema: true };
    const model = (...ladder) => ({ schema, keep_alive: 0, ladder });
    const dear = { target: 'dear/m' };
    const spoken = Object.fromEntries(Object.entries(kinds).map(([name, kind]) =>
        [name, { kind, base_url: `${lab.url}/${name}${['chat', 'responses'].includes(name) ? '/v1' : ''}`, api_key: 'k', ...(['chat', 'responses'].includes(name) && { protocols: [name] }), ...(name === 'converse' && { region: 'us-east-1' }) }]));
    const service = (path, more) => ({ service: `${lab.url}${path}`, ...more });
    purser = await startPurser({
        settings: {
            providers: { small: at('small'), large: at('large'), dear: at('dear'), scant: at('scant'), ...spoken },
            features: { patient: { on_disconnect: 'finish' } },
            models: {
                early: model(small('early'), large),
                unrepaired: model(small({ ...json, early: true, repair: false }), large),
                short: model(small({ max_length: 8, early: true }), large),
                top: model(small({ ...json, early: true, repair: false })),
                held: model(small({ ...json, repair: false }), large),
                repaired: model(small(json), large),
                last: model(small(json)),
                strapped: { ...model(small(json), large), attempts: { money_usd: '0.0012' } },
                scanted: model({ target: 'scant/m', accept: json }, large),
                tight: { ...model(small(json), large), attempts: { max: 2 } },
                both: model(small(json), { target: 'large/m', accept: json }),
                alive: { ...model(small({ ...json, repair: false }), large), keep_alive: '20ms' },
                ruled: { ...model(small({ ...json, repair: false }), { reply: '{"queue":"tech"}' }), keep_alive: '20ms' },
                ...Object.fromEntries(Object.keys(kinds).map((name) => [`in-${name}`, model({ target: `${name}/m`, accept: json }, large)])),
                capped: model(small({ ...json, repair: false }), dear),
                found: model(small({ ...json, repair: false }), service('/nothing')),
                scan: model(service('/ocr/read', { name: 'ocr', answer: '/found/0/text', headers: { 'x-tenant': 'acme' }, api_key: '0123456789abcdef', price_usd: '0.0015' }), large),
                plain: model(service('/plain/'), large),
                tested: model(service('/tested', { answer: '/o~1~0ut', price_usd: '0.002', accept: json }), large),
                search: { ...model(service('/search', { answer: '/hits/0' }), large), on: { error: 'stop' } },
                nobody: { ...model({ target: 'small/m' }, service('/none')), degraded: { reply: 'Later.' } },
                only: { ...model(service('/only', { when: { matching: 'scan' } }), large), attempts: { max: 1 } },
            },
            prices: ['small', 'large', 'dear', 'scant', ...Object.keys(kinds)].map((p) => ({ model: `${p}/m`, input: 1, output: 2 })),
            budgets: [{ name: 'all', limit_usd: 1000, window: 'total' }, { name: 'ocr', scope: { provider: 'ocr' }, limit_usd: '0.004', window: 'total' },
                { name: 'dear', scope: { provider: 'dear' }, limit_usd: '0.000001', window: 'total' }, { name: 'scant', scope: { provider: 'scant' }, limit_usd: '0.0013', window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});

after(async () => {
    await purser?.stop();
    lab?.stop();
});

let count = 0;
const columns = 'provider, model, reason, wasted, status, http_status, cost_picousd AS cost, cost_max_picousd AS most, cost_state AS state, attempt_id';
const EXACT = 20000000n; // ten tokens in, five out

/** One call with a script of its own. */
function say(script, { words = 'Hello', ...more } = {}) {
    const word = `w${++count}.`;
    lab.scripts[word] = script;
    return { word, task: `t${count}`, messages: [{ role: 'user', content: `${words} ${word}` }], ...more };
}

const ask = ({ word, task, headers, path = '/v1/chat/completions', ...body }, model, more) =>
    post(purser, path, path.includes('eminiX') ? body : { model, ...body }, { headers: { 'x-purser-task': task, ...headers }, ...more });

async function rowsOf(call, n) {
    const rows = await purser.rows(n, { where: `task = '${call.task}'`, columns });
    rows.sort((a, b) => (BigInt(a.attempt_id) < BigInt(b.attempt_id) ? -1 : 1));
    for (const r of rows.filter((row) => row.model === 'm')) {
        if (r.state === 'exact') assert.equal(BigInt(r.cost), EXACT, `${r.provider}: cost`);
        else if (r.state === 'estimated') assert.ok(BigInt(r.cost) > 0n && BigInt(r.cost) <= BigInt(r.most), `${r.provider}: ${r.cost} of ${r.most}`);
    }
    return rows.map((r) => `${r.provider} ${r.reason} ${r.status}${r.wasted ? ' wasted' : ''} ${r.state}`);
}

const streamed = { stream: true, stream_options: { include_usage: true } };
const textOf = (answer) => {
    if (answer.body) return answer.body.choices[0].message.content;
    return eventsOf(answer.text).filter((e) => e !== '[DONE]').map((e) => JSON.parse(e).choices?.[0]?.delta?.content ?? '').join('');
};
const good = '{"queue":"billing","why":"because it is so"}', other = '{"queue":"tech"}', bad = '{"queue":"sales"}';
const forms = [['whole', {}], ['streamed', streamed]];

/** A promise and what resolves it; it opens by itself when what should open it is long overdue, so that a test fails
 *  and does not hang. */
function gate() {
    let open;
    const passed = new Promise((resolve) => (open = resolve));
    setTimeout(open, 20000).unref();
    return { passed, open };
}

/** A streaming call, read piece by piece. */
async function stream(call, model, { path = '/v1/chat/completions', body, headers, signal } = {}) {
    const answer = await fetch(purser.url + path, {
        method: 'POST', signal, headers: { 'content-type': 'application/json', authorization: `Bearer ${aliceKey}`, 'x-purser-task': call.task, ...headers },
        body: JSON.stringify(body ?? { model, messages: call.messages, ...streamed }),
    });
    const reader = answer.body.getReader();
    let text = '';
    const more = async () => {
        const { done, value } = await reader.read();
        if (!done) text += Buffer.from(value).toString();
        return !done;
    };
    return {
        status: answer.status, headers: answer.headers, text: () => text,
        until: async (what) => {
            while (!text.includes(what)) assert.ok(await more(), `it ended before ${what}: ${text}`);
        },
        rest: async () => {
            while (await more());
            return text;
        },
    };
}

/* ---- early */

test('early: an answer streams while it comes, and ends as a stream does', async () => {
    const { passed, open } = gate();
    const call = say({ small: [{ text: good, after: passed }] });
    const got = await stream(call, 'early');
    await got.until('caus'); // the provider has not ended yet
    open();
    assert.equal(eventsOf(await got.rest()).at(-1), '[DONE]');
    assert.deepEqual(await rowsOf(call, 1), ['small first ok exact']);
});

test('early: what cannot become valid goes on to the next rung before the client has any of it', async () => {
    const call = say({ small: [{ text: 'Sorry, I cannot', never: true }], large: [other] });
    const got = await ask({ ...call, ...streamed }, 'unrepaired');
    assert.equal(textOf(got), other);
    assert.equal(got.headers.get('x-purser-target'), 'large/m');
    assert.deepEqual(await rowsOf(call, 2), ['small first not_accepted wasted estimated', 'large escalation ok exact']);
    const sent = lab.calls.filter((c) => c.who === 'small').at(-1);
    await sent.closed;
    const long = say({ small: ['12345 6789'], large: [other] }); // its first piece is short enough
    assert.match((await ask({ ...long, ...streamed }, 'short')).text, /1234.*max_length/s);
});

test('early: behind the first text a stream that cannot become valid ends in an error event, in every protocol', async () => {
    const asks = [
        ['/v1/chat/completions', (c) => ({ model: 'early', messages: c.messages, ...streamed }), /"error":\{[^}]*json_schema/],
        ['/v1/messages', (c) => ({ model: 'early', max_tokens: 50, messages: c.messages, stream: true }), /event: error\ndata: .*json_schema/],
        ['/v1/responses', (c) => ({ model: 'early', input: c.messages[0].content, stream: true }), /event: error\ndata: .*json_schema/],
        ['/v1beta/models/early:streamGenerateContent?alt=sse', (c) => ({ contents: [{ role: 'user', parts: [{ text: c.messages[0].content }] }] }), /"error":\s*\{.*json_schema/s],
        ['/v1beta/models/early:streamGenerateContent', (c) => ({ contents: [{ role: 'user', parts: [{ text: c.messages[0].content }] }] }), /"error":\s*\{.*json_schema.*\]/s],
        ['/v2/chat', (c) => ({ model: 'early', messages: c.messages, stream: true }), /json_schema/],
        ['/model/early/converse-stream', (c) => ({ messages: [{ role: 'user', content: [{ text: c.messages[0].content }] }] }), /exception.*json_schema/s],
    ];
    for (const [path, body, error] of asks) {
        for (const [text, state] of [[`${bad.slice(0, -1)},"why":"${'x'.repeat(90)}`, 'estimated'], ['{"why":"no queue in it"}', 'exact']]) {
            const call = say({ small: [{ text, never: state === 'estimated' }] });
            const got = await post(purser, path, body(call), { headers: { 'x-purser-task': call.task } });
            assert.equal(got.status, 200, got.text);
            assert.match(got.text, error, `${path} ${text}`);
            assert.doesNotMatch(got.text, /\[DONE\]|message_stop|response\.completed|xxxxxxxxxx/);
            assert.deepEqual(await rowsOf(call, 1), [`small first not_accepted wasted ${state}`], path);
        }
    }
});

test('early: where nothing may follow, the answer goes out as it is, and says so', async () => {
    const call = say({ small: ['Sorry, I cannot'] });
    const got = await ask({ ...call, ...streamed }, 'top');
    assert.equal(textOf(got), 'Sorry, I cannot');
    assert.equal(eventsOf(got.text).at(-1), '[DONE]');
    assert.equal(got.headers.get('x-purser-not-accepted'), 'json_schema');
    assert.deepEqual(await rowsOf(call, 1), ['small first ok exact']);
});

/* ---- held back */

test('held back: an attempt is ended once its answer is beyond mending, and not before', async () => {
    const call = say({ small: [{ text: `${bad.slice(0, -1)},"why":"${'x'.repeat(300)}`, never: true }], large: [other] });
    const got = await ask({ ...call, ...streamed }, 'held');
    assert.equal(textOf(got), other);
    assert.deepEqual(await rowsOf(call, 2), ['small first not_accepted wasted estimated', 'large escalation ok exact']);
    for (let i = 0; i < 12; i++) { // that is no failure of its target
        const again = say({ small: [{ text: bad, never: true }], large: [other] });
        assert.equal(textOf(await ask({ ...again, ...streamed }, 'held')), other);
    }
    const mended = say({ small: [`Here it is: \`\`\`json\n${good}\n\`\`\`, it is not {"queue":"sales"}.`] });
    assert.equal(textOf(await ask({ ...mended, ...streamed }, 'held')), good);
    assert.deepEqual(await rowsOf(mended, 1), ['small first ok exact']);
    const behind = say({ small: [`${good}\n\nI hope this helps.`] });
    assert.equal(textOf(await ask({ ...behind, ...streamed }, 'held')), good);
});

test('held back: a stream shows that it lives, as its protocol has it, and ends as it should', async () => {
    const asks = [
        ['/v1/chat/completions', (c) => ({ messages: c.messages, ...streamed }), ': purser\n\n: purser\n\n', '[DONE]'],
        ['/v1/messages', (c) => ({ max_tokens: 50, messages: c.messages, stream: true }), 'event: ping\ndata: {"type": "ping"}\n\n', 'message_stop'],
        ['/v1/responses', (c) => ({ input: c.messages[0].content, stream: true }), ': purser\n\n: purser\n\n', 'response.completed'],
        ['/v1beta/models/MODEL:streamGenerateContent?alt=sse', (c) => ({ contents: [{ role: 'user', parts: [{ text: c.messages[0].content }] }] }), '\r\n\r\n', 'STOP'],
    ];
    for (const [path, body, sign, end] of asks) {
        for (const [model, script, last] of [
            ['alive', { small: [bad], large: [{ text: other, size: 64 }] }, end], ['ruled', { small: [bad] }, end], ['alive', { small: [{ status: 400, body: '{"error":{"message":"nope"}}' }] }, 'nope'],
        ]) {
            const { passed, open } = gate();
            const [who] = Object.keys(script);
            const step = script[who][0];
            script[who][0] = typeof step === 'string' ? { text: step, before: passed } : { ...step, before: passed };
            const call = say(script);
            const got = await stream(call, model, { path: path.replace('MODEL', model), body: { model, ...body(call) } });
            assert.equal(got.status, 200);
            assert.match(got.headers.get('content-type'), /text\/event-stream/);
            await got.until(sign);
            open();
            const text = await got.rest();
            assert.ok(text.includes(last), `${path} ${model}: ${text}`);
            if (last === end) assert.match(text, /tech/);
            else assert.match(text, /error/);
            await rowsOf(call, 1);
        }
    }
});

test('held back: the official clients read over the signs of life', async (t) => {
    const signs = { chat: ': purser', responses: ': purser', messages: 'event: ping', gemini: '\r\n\r\n\r\n', cohere: ': purser' };
    const { hostname, port } = new URL(purser.url);
    let seen = () => {};
    const open = new Set();
    const between = createServer((client) => { // tells what the client gets
        const server = connect(Number(port), hostname);
        client.pipe(server).on('data', (data) => seen(data.toString()));
        server.pipe(client);
        for (const socket of [client, server]) {
            open.add(socket);
            socket.on('close', () => open.delete(socket)).on('error', () => {});
        }
    });
    t.after(() => { // also where it fails: what is left open would keep the process alive
        between.close();
        for (const socket of open) socket.destroy();
    });
    await new Promise((resolve) => between.listen(0, '127.0.0.1', resolve));
    const clients = await connectClients(`http://127.0.0.1:${between.address().port}`, aliceKey);
    for (const [name, sign] of Object.entries(signs)) {
        const shown = gate();
        let text = '';
        seen = (data) => {
            text += data;
            if (text.includes(sign)) shown.open();
        };
        const call = say({ small: [{ text: bad, before: shown.passed }], large: [other] });
        const got = await clients[name].ask('alive', { turns: [{ user: call.messages[0].content }], max: 100 }, { stream: true, headers: {} });
        assert.equal(got.text, other, `${name}: ${text}`);
        assert.ok(text.includes(sign), `${name}: ${text}`);
    }
});

test('held back: what is larger than can be tested goes on to the next rung at once', async () => {
    const call = say({ small: [{ text: 'x'.repeat(17 << 20), size: 60000 }], large: [other] });
    const got = await stream(call, 'held', { signal: AbortSignal.timeout(30000) }); // it hung for `between_tokens`
    assert.equal(textOf({ text: await got.rest() }), other);
    assert.deepEqual((await rowsOf(call, 2)).map((r) => r.replace(/ (exact|estimated)$/, '')), ['small first provider_protocol wasted', 'large fallback ok']);
});

test('held back: an answer that is not accepted is not kept for a client that has gone', async () => {
    for (const [text, kept] of [[bad, false], [good, true]]) {
        const { passed, open } = gate();
        const call = say({ small: [{ text, before: passed }, good], large: [other] });
        const headers = { 'idempotency-key': call.word, 'x-purser-feature': 'patient' };
        const calls = lab.calls.length, { hostname, port } = new URL(purser.url);
        const body = JSON.stringify({ model: 'held', messages: call.messages });
        const lines = Object.entries({ host: `${hostname}:${port}`, authorization: `Bearer ${aliceKey}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'x-purser-task': call.task, ...headers });
        const socket = connect(Number(port), hostname);
        socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`);
        await until('the provider is asked', () => lab.calls.length > calls);
        socket.resetAndDestroy(); // not only its sending half
        await purser.metrics(); // purser has seen it by then: it came before what follows
        open();
        assert.deepEqual(await rowsOf(call, 1), [kept ? 'small first ok exact' : 'small first not_accepted wasted exact']);
        const again = await ask({ ...call, headers }, 'held');
        assert.equal(textOf(again), good);
        assert.equal(again.headers.get('x-purser-replayed'), kept ? 'true' : null);
    }
});

/* ---- repaired */

for (const [form, more] of forms) {
    test(`${form}: an answer that is not valid goes back once, with what is wrong with it`, async () => {
        const call = say({ small: ['{"queue":"billing","part":{"queue":7}}', good] });
        const got = await ask({ ...call, ...more }, 'repaired');
        assert.equal(textOf(got), good);
        assert.equal(got.headers.get('x-purser-not-accepted'), null);
        const state = form === 'whole' ? 'exact' : 'estimated'; // ended as soon as it was known
        assert.match((await rowsOf(call, 2)).join(), new RegExp(`^small first not_accepted wasted (exact|${state}),small repair ok exact$`));
        const [said, wrong] = lab.calls.at(-1).body.messages.slice(-2);
        assert.equal(said.role, 'assistant');
        assert.ok('{"queue":"billing","part":{"queue":7}}'.startsWith(said.content) && said.content.length > 30, said.content);
        assert.equal(wrong.role, 'user');
        assert.match(wrong.content, /\/part\/queue: must be one of "billing", "tech" \(enum\)/);
        assert.match(wrong.content, /JSON Schema: \{"type":"object"/);
        assert.equal(lab.calls.at(-1).body.messages[0].content, call.messages[0].content);
    });

    test(`${form}: a repair draws from the budget of attempts, once a rung, and the next rung comes behind it`, async () => {
        const twice = say({ small: [bad, bad], large: [other] });
        assert.equal(textOf(await ask({ ...twice, ...more }, 'repaired')), other);
        assert.deepEqual((await rowsOf(twice, 3)).map((r) => r.replace(/ (exact|estimated)$/, '')), ['small first not_accepted wasted', 'small repair not_accepted wasted', 'large escalation ok']);
        const tight = say({ small: [bad], large: [other] }); // the last attempt is the next rung's
        assert.equal(textOf(await ask({ ...tight, ...more }, 'tight')), other);
        const both = say({ small: [bad, bad], large: [bad, good] });
        assert.equal(textOf(await ask({ ...both, ...more }, 'both')), good);
        assert.deepEqual((await rowsOf(both, 4)).map((r) => r.split(' ').slice(0, 2).join(' ')), ['small first', 'small repair', 'large escalation', 'large repair']);
        const last = say({ small: ['Sorry.', 'Sorry!'] });
        const got = await ask({ ...last, ...more }, 'last');
        assert.equal(textOf(got), 'Sorry!');
        assert.equal(got.headers.get('x-purser-not-accepted'), 'json_schema');
        assert.match(lab.calls.at(-1).body.messages.at(-1).content, /it is no JSON/);
        assert.deepEqual(await rowsOf(last, 2), ['small first not_accepted wasted exact', 'small repair ok exact']);
    });

    test(`${form}: where what follows fails, the last answer that came goes out`, async () => {
        const broken = { status: 500, body: '{"error":{"message":"down"}}' }, refused = { status: 400, body: '{"error":{"message":"no"}}' };
        for (const [model, script, text, statuses] of [
            ['held', { small: ['Sorry.'], large: [broken, broken, broken] }, 'Sorry.', ['ok', 'provider_error wasted', 'provider_error wasted']],
            ['last', { small: ['Sorry.', refused] }, 'Sorry.', ['ok', 'provider_error wasted']],
            ['capped', { small: ['Sorry.'] }, 'Sorry.', ['ok']], // its budget is spent
            ['found', { small: ['Sorry.'], nothing: [{ status: 204 }] }, 'Sorry.', ['ok', 'not_accepted wasted']],
            ['both', { small: ['One.', 'Two.'], large: [refused] }, 'Two.', ['not_accepted wasted', 'ok', 'provider_error wasted']],
        ]) {
            const call = say(script);
            const got = await ask({ ...call, ...more }, model);
            assert.equal(got.status, 200, got.text);
            assert.equal(textOf(got), text);
            assert.equal(got.headers.get('x-purser-not-accepted'), 'json_schema');
            if (form === 'streamed') assert.equal(eventsOf(got.text).at(-1), '[DONE]');
            const rows = await rowsOf(call, statuses.length);
            assert.deepEqual(rows.map((r) => r.split(' ').slice(2, -1).join(' ')), statuses); // what went out was used
        }
    });

    test(`${form}: a repair that there is no money for leaves the call to the next rung`, async () => {
        for (const model of ['strapped', 'scanted']) { // by what a call may cost, by a budget
            const small = model === 'strapped' ? 'small' : 'scant';
            const call = say({ [small]: [bad, good], large: [other] }, { max_tokens: 20 });
            const got = await ask({ ...call, ...more }, model);
            assert.equal(got.status, 200, `${model}: ${got.text}`);
            assert.equal(textOf(got), other, model);
            assert.deepEqual((await rowsOf(call, 2)).map((r) => r.replace(/ (exact|estimated)$/, '')), [`${small} first not_accepted wasted`, 'large escalation ok'], model);
        }
    });
}

test('every protocol of providers is asked once more in its own words', async () => {
    for (const name of Object.keys(kinds)) {
        const call = say({ [name]: [bad, good] });
        const got = await ask(call, `in-${name}`);
        assert.equal(textOf(got), good, `${name}: ${got.text}`);
        assert.deepEqual(await rowsOf(call, 2), [`${name} first not_accepted wasted exact`, `${name} repair ok exact`]);
        const body = JSON.stringify(lab.calls.at(-1).body);
        assert.ok(body.includes(JSON.stringify(bad).slice(1, -1)), `${name}: ${body}`);
        assert.match(body, /must be one of/);
    }
});

test('a call that goes as it came is asked once more as it came, with two turns more', async () => {
    const contents = (c) => [{ role: 'user', parts: [{ text: c.messages[0].content }] }];
    for (const [name, path, body, turns, kept] of [
        ['chat', '/v1/chat/completions', (c) => ({ messages: c.messages, temperature: 0.5, x_own: 1 }), (b) => b.messages, (b) => b.temperature === 0.5 && b.x_own === 1],
        ['responses', '/v1/responses', (c) => ({ input: c.messages[0].content, instructions: 'Be short.', store: false }), (b) => b.input, (b) => b.instructions === 'Be short.' && b.store === false],
        ['messages', '/v1/messages', (c) => ({ max_tokens: 50, system: 'Be short.', metadata: { user_id: 'u1' }, messages: c.messages }), (b) => b.messages, (b) => b.system && b.metadata.user_id === 'u1'],
        ['gemini', '/v1beta/models/in-gemini:generateContent', (c) => ({ contents: contents(c), generationConfig: { topK: 3 } }), (b) => b.contents, (b) => b.generationConfig.topK === 3],
        ['converse', '/model/in-converse/converse', (c) => ({ messages: [{ role: 'user', content: [{ text: c.messages[0].content }] }], inferenceConfig: { topP: 0.5 } }), (b) => b.messages, (b) => b.inferenceConfig.topP === 0.5],
        ['cohere', '/v2/chat', (c) => ({ messages: c.messages, safety_mode: 'OFF' }), (b) => b.messages, (b) => b.safety_mode === 'OFF'],
    ]) {
        const call = say({ [name]: [bad, good] });
        const got = await post(purser, path, { ...(!path.includes('/in-') && { model: `in-${name}` }), ...body(call) }, { headers: { 'x-purser-task': call.task } });
        assert.equal(got.status, 200, `${name}: ${got.text}`);
        assert.ok(got.text.includes('because it is so') && got.headers.get('x-purser-not-accepted') === null, got.text);
        const sent = lab.calls.at(-1).body, list = turns(sent);
        assert.deepEqual(list.map((m) => m.role), ['user', name === 'gemini' ? 'model' : 'assistant', 'user'], name);
        assert.match(JSON.stringify(list.at(-1)), /must be one of/);
        assert.ok(kept(sent), `${name}: ${JSON.stringify(sent)}`);
        assert.deepEqual(await rowsOf(call, 2), [`${name} first not_accepted wasted exact`, `${name} repair ok exact`]);
    }
});

/* ---- services */

test('a service answers in the client\'s protocol, whole and streamed, and is paid by the call', async () => {
    const found = { status: 200, body: JSON.stringify({ found: [{ text: 'Total: 12 €' }] }) };
    const image = 'data:image/png;base64,aGVsbG8=';
    for (const [form, more] of forms) {
        const call = say({ ocr: [found] }, { words: 'Read this.' });
        const messages = [{ role: 'system', content: 'You read.' }, { role: 'user', content: [{ type: 'text', text: call.messages[0].content }, { type: 'image_url', image_url: { url: image } }] }];
        const got = await ask({ ...call, messages, ...more, headers: { 'x-purser-feature': 'patient' } }, 'scan');
        assert.equal(got.status, 200, got.text);
        assert.equal(textOf(got), 'Total: 12 €');
        assert.equal(got.headers.get('x-purser-target'), 'ocr/service');
        if (form === 'whole') assert.equal(got.headers.get('x-purser-cost-usd'), '0.0015');
        else assert.match(got.text, /"cost_usd":"0\.0015"[^]*\[DONE\]/);
        assert.deepEqual(await rowsOf(call, 1), ['ocr first ok exact']);
        const [row] = await purser.rows(1, { where: `task = '${call.task}'`, columns: `${columns}, requests, input_tokens AS input` });
        assert.deepEqual([String(row.cost), Number(row.requests), Number(row.input)], ['1500000000', 1, 0]);
        const sent = lab.calls.at(-1);
        assert.equal(sent.path, '/ocr/read');
        assert.deepEqual([sent.headers.authorization, sent.headers['x-tenant']], ['Bearer 0123456789abcdef', 'acme']);
        assert.deepEqual(sent.body.files, [{ kind: 'image', type: 'image/png', data: 'aGVsbG8=' }]);
        assert.equal(sent.body.text, call.messages[0].content);
        assert.deepEqual(sent.body.messages.map((m) => m.role), ['system', 'user']);
        assert.deepEqual([sent.body.model, sent.body.feature, sent.body.task], ['scan', 'patient', call.task]);
    }
    const none = say({ ocr: [found], large: [other] }); // a third one does not fit its budget of 0.004
    assert.equal((await ask(none, 'scan')).status, 402);
    const messages = say({ plain: [{ status: 200, body: ' Plain text.\n', headers: { 'content-type': 'text/plain' } }] });
    const answer = await post(purser, '/v1/messages', { model: 'plain', max_tokens: 5, messages: messages.messages, stream: true }, { headers: { 'x-purser-task': messages.task } });
    assert.match(answer.text, /Plain text\.[^]*message_stop/);
    assert.equal(lab.calls.at(-1).path, '/plain/');
    assert.deepEqual(await rowsOf(messages, 1), ['plain first ok free']);
});

test('a service that has no answer leaves the call to the next rung', async () => {
    for (const [model, step, status, state] of [
        ['plain', { status: 404, body: 'nothing' }, 'not_accepted', 'free'],
        ['plain', { status: 204 }, 'not_accepted', 'free'],
        ['plain', { status: 302, headers: { location: `${lab.url}/elsewhere` } }, 'provider_error', 'free'],
        ['plain', { status: 200, body: Buffer.from([0xff, 0xfe]) }, 'provider_protocol', 'free'],
        ['tested', { status: 200, body: '{"in":"x"}' }, 'not_accepted', 'exact'],
        ['tested', { status: 200, body: '<html>' }, 'provider_protocol', 'exact'],
        ['tested', { status: 500, body: '{}' }, 'provider_error', 'free'],
        ['tested', { status: 200, body: JSON.stringify({ 'o/~ut': JSON.parse(bad) }) }, 'not_accepted', 'exact'],
    ]) {
        const call = say({ [model]: [step], large: [other] });
        const got = await ask(call, model);
        assert.equal(textOf(got), other, got.text);
        const rows = await purser.rows(2, { where: `task = '${call.task}'`, columns });
        const row = rows.find((r) => r.provider === model);
        assert.deepEqual([row.status, row.state, String(row.cost)], [status, state, state === 'exact' ? '2000000000' : '0'], JSON.stringify(step));
        assert.ok(rows.some((r) => r.provider === 'large' && /fallback|escalation/.test(r.reason)));
    }
    for (let i = 0; i < 12; i++) { // to find nothing is no failure: no breaker opens, `on` does not ask
        const call = say({ search: [{ status: 200, body: '{"hits":[]}' }], large: [other] });
        assert.equal(textOf(await ask(call, 'search')), other);
        assert.deepEqual(await rowsOf(call, 2), ['search first not_accepted wasted free', 'large escalation ok exact']);
    }
    const down = say({ search: [{ status: 500 }], large: [other] });
    assert.equal((await ask(down, 'search')).status, 500);
    const nobody = say({ small: [{ status: 500 }], none: [{ status: 404 }] });
    const later = await ask(nobody, 'nobody');
    assert.deepEqual([textOf(later), later.headers.get('x-purser-degraded')], ['Later.', 'outage']);
    assert.deepEqual(await rowsOf(nobody, 2), ['small first provider_error wasted free', 'none fallback not_accepted wasted free']);
    assert.ok(!lab.calls.some((c) => c.path === '/elsewhere'));
    const taken = say({ tested: [{ status: 200, body: JSON.stringify({ 'o/~ut': JSON.parse(good) }) }] }); // JSON as it stands
    assert.equal(textOf(await ask(taken, 'tested')), good);
    assert.deepEqual(await rowsOf(taken, 1), ['tested first ok exact']);
    const asked = say({ plain: [{ status: 200, body: 'no JSON' }], large: ['{}'] }, { response_format: { type: 'json_object' } });
    assert.equal(textOf(await ask(asked, 'plain')), '{}');
    const tools = say({ large: [other] }, { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }], tool_choice: 'required' });
    await ask(tools, 'plain');
    assert.deepEqual((await rowsOf(tools, 1)).map((r) => r.split(' ')[0]), ['large']);
    const report = JSON.parse((await purser.cli(['report', '--ladder', 'tested', '--format', 'json'])).stdout);
    assert.deepEqual(report.rows.map((r) => [r.rung, r.provider, r.model, r.reached, r.accepted]), [['1', 'tested', 'service', 5, 1], ['2', 'large', 'm', 4, 4]]);
    assert.equal(report.rows[0].cost_picousd, 8000000000);
    assert.equal(report.rows[0].estimated_alone_cost_picousd, 10000000000); // five calls at its price
    const passed = say({ large: [other] });
    await ask(passed, 'only');
    assert.deepEqual(await rowsOf(passed, 1), ['large first ok exact']);
    const direct = await post(purser, '/v1/chat/completions', { model: 'ocr/service', messages: [{ role: 'user', content: 'x' }] });
    assert.equal(direct.status, 404, direct.text);
});
