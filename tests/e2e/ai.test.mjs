// No-AI mode: `purser ai off`, what calls get then, and what people can see of it. @sanitizers
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsOf, labSettings, post, run, bin, sql, startPurser, startSimulator, until } from './helpers.mjs';

const REPLY = 'I cannot answer right now; a colleague will.';

let sim;
before(async () => {
    sim = await startSimulator();
});
after(() => sim?.stop());

const settings = (more = {}) =>
    labSettings(sim, {
        models: {
            cheap: { target: 'lab/sim-small', degraded: { reply: REPLY } },
            plain: 'lab/sim-small',
            rules: {
                target: 'lab/sim-small',
                degraded: [
                    { match: '(?i)opening +hours', reply: 'Nine to five.' },
                    { match: 'as json', reply: '{"answer":"later"}' },
                    { reply: 'Later.', status: 529 },
                ],
            },
            embed: 'lab/sim-embed',
        },
        ...more,
    });

const chat = (text = 'Hello.', more = {}) => ({ model: 'cheap', messages: [{ role: 'user', content: text }], ...more });
const CHAT = '/v1/chat/completions';

const off = async (purser, args) => {
    const got = await purser.cli(['ai', 'off', ...args]);
    assert.equal(got.code, 0, got.stderr);
    return got;
};
const on = async (purser, args = []) => {
    const got = await purser.cli(['ai', 'on', ...args]);
    assert.equal(got.code, 0, got.stderr);
};
const calls = async () => (await sim.truth()).calls?.length ?? (await sim.truth()).length;
const figure = async (purser, line) => Number((await purser.metrics()).split('\n').find((l) => l.startsWith(`${line} `))?.slice(line.length + 1));

test('every protocol gets the set reply as its own answer, whole and streamed', async () => {
    const purser = await startPurser({ settings: settings() });
    const messages = [{ role: 'user', content: 'Hello.' }];
    const asks = [
        [CHAT, { model: 'cheap', messages }, (b) => [b.choices[0].message.content, b.choices[0].finish_reason, b.usage.total_tokens, b.model]],
        ['/v1/responses', { model: 'cheap', input: 'Hello.' }, (b) => [b.output[0].content[0].text, b.status, b.usage.total_tokens, b.model]],
        ['/v1/messages', { model: 'cheap', max_tokens: 50, messages }, (b) => [b.content[0].text, b.stop_reason, b.usage.output_tokens, b.model]],
        ['/v1beta/models/cheap:generateContent', { contents: [{ parts: [{ text: 'Hello.' }] }] }, (b) => [b.candidates[0].content.parts[0].text, b.candidates[0].finishReason]],
        ['/v2/chat', { model: 'cheap', messages }, (b) => [b.message.content[0].text, b.finish_reason]],
        ['/model/cheap/converse', { messages: [{ role: 'user', content: [{ text: 'Hello.' }] }] }, (b) => [b.output.message.content[0].text, b.stopReason, b.usage.outputTokens]],
    ];
    const before = await calls();
    await off(purser, ['--why', 'a test']);
    const shapes = [];
    for (const [path, body, look] of asks) {
        const got = await post(purser, path, body);
        assert.equal(got.status, 200, `${path}: ${got.text}`);
        assert.equal(got.headers.get('x-purser-degraded'), 'switch');
        const seen = look(got.body);
        assert.equal(seen[0], REPLY, path);
        shapes.push(seen.slice(1));
    }
    assert.deepEqual(shapes, [['stop', 0, 'cheap'], ['completed', 0, 'cheap'], ['end_turn', 0, 'cheap'], ['STOP'], ['COMPLETE'], ['end_turn', 0]]);
    for (const [path, body] of asks.slice(0, 3)) {
        const got = await post(purser, path, { ...body, stream: true });
        assert.equal(got.status, 200);
        assert.match(got.headers.get('content-type'), /text\/event-stream/);
        assert.equal(got.headers.get('x-purser-degraded'), 'switch');
        assert.ok(got.text.includes(REPLY), `${path}: ${got.text}`);
        assert.match(got.text, /\[DONE\]|response\.completed|message_stop/);
        for (const data of eventsOf(got.text)) if (data !== '[DONE]') JSON.parse(data);
    }
    const gemini = await post(purser, '/v1beta/models/cheap:streamGenerateContent?alt=sse', asks[3][1]);
    assert.ok(gemini.text.includes(REPLY));
    assert.equal(await calls(), before, 'no provider was asked');
    assert.equal((await purser.rows()).length, 0, 'nothing was spent, so there is no row');
    assert.equal(await figure(purser, 'purser_degraded_total{reason="switch"}'), 10);
    await on(purser);
    const again = await post(purser, CHAT, chat());
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('x-purser-degraded'), null);
    await purser.stop();
});

test('a call that no reply fits gets a clean 503 in its own shape', async () => {
    const purser = await startPurser({ settings: settings() });
    await off(purser, ['--why', 'provider under attack', '--for', '10m']);
    const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } };
    const asks = {
        'no reply set': [CHAT, chat('Hello.', { model: 'plain' })],
        'a tool is forced': [CHAT, chat('Hello.', { tools: [tool], tool_choice: 'required' })],
        'JSON is asked for': [CHAT, chat('Hello.', { response_format: { type: 'json_object' } })],
        'a schema is asked for': [CHAT, chat('Hello.', { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } } })],
        embeddings: ['/v1/embeddings', { model: 'embed', input: 'Hello.' }],
    };
    for (const [what, [path, body]] of Object.entries(asks)) {
        const got = await post(purser, path, body);
        assert.equal(got.status, 503, `${what}: ${got.text}`);
        assert.equal(got.headers.get('x-purser-degraded'), 'switch', what);
        assert.equal(got.headers.get('x-should-retry'), 'false', what);
        const wait = Number(got.headers.get('retry-after'));
        assert.ok(wait > 500 && wait <= 600, `${what}: Retry-After ${wait}`);
        assert.equal(got.body.error.code, 'switched_off', what);
        assert.match(got.body.error.message, /switched off for all features: provider under attack/);
    }
    const claude = await post(purser, '/v1/messages', { model: 'plain', max_tokens: 5, messages: [{ role: 'user', content: 'Hello.' }] });
    assert.equal(claude.status, 503);
    assert.equal(claude.body.type, 'error');
    await purser.stop();
});

test('rules look at the last question; JSON fits where JSON is asked for', async () => {
    const purser = await startPurser({ settings: settings() });
    await off(purser, ['--why', 'a test']);
    const ask = (text, more = {}) => post(purser, CHAT, chat(text, { model: 'rules', ...more }));
    assert.equal((await ask('What are your Opening  Hours?')).body.choices[0].message.content, 'Nine to five.');
    const json = await ask('Tell me as json', { response_format: { type: 'json_object' }, n: 2 });
    assert.equal(json.status, 200, json.text);
    assert.equal(json.body.choices.length, 2);
    assert.deepEqual(JSON.parse(json.body.choices[1].message.content), { answer: 'later' });
    const schema = (properties) => ({
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties, required: ['answer'] } } },
    });
    assert.equal((await ask('Tell me as json', schema({ answer: { type: 'string' } }))).status, 200);
    assert.equal((await ask('Tell me as json', schema({ answer: { type: 'number' } }))).status, 503);
    const rest = await ask('Anything else');
    assert.equal(rest.status, 529);
    assert.equal(rest.body.error.message, 'Later.');
    await purser.stop();
});

test('a feature is off alone, and comes on by itself', async () => {
    const purser = await startPurser({ settings: settings({ features: { bot: {}, mail: {} } }) });
    const ask = (feature) => post(purser, CHAT, chat(), { headers: feature ? { 'x-purser-feature': feature } : {} });
    const degraded = async (feature) => (await ask(feature)).headers.get('x-purser-degraded');
    await off(purser, ['--feature', 'bot', '--for', '2s', '--why', 'it loops']);
    assert.equal(await degraded('bot'), 'switch');
    assert.equal(await degraded('mail'), null);
    assert.equal(await degraded(null), null);
    const shown = await purser.cli(['ai', '--format', 'json']);
    const rows = JSON.parse(shown.stdout);
    assert.equal(rows.length, 1);
    assert.equal(rows[0].feature, 'bot');
    assert.equal(rows[0].why, 'it loops');
    assert.match(rows[0].who, /^local user \S/);
    await until('the switch to end by itself', async () => (await degraded('bot')) === null, { seconds: 5, every: 100 });
    assert.match((await purser.cli(['ai'])).stdout, /AI is on for all features/);
    const typo = await off(purser, ['--feature', 'bott', '--why', 'typo']);
    assert.match(typo.stderr, /no feature 'bott'/);
    await purser.stop();
});

test('the settings switch a feature off, and give it a reply of its own', async () => {
    const purser = await startPurser({ settings: settings({ features: { bot: { ai: { off: true, why: 'by law' } }, mail: { ai: { off: true }, degraded: { reply: 'Write to us.' } } } }) });
    const ask = (feature, model) => post(purser, CHAT, chat('Hello.', { model }), { headers: { 'x-purser-feature': feature } });
    assert.equal((await ask('bot', 'cheap')).body.choices[0].message.content, REPLY);
    const refused = await ask('bot', 'plain');
    assert.equal(refused.status, 503);
    assert.match(refused.body.error.message, /for the feature 'bot': by law/);
    for (const model of ['cheap', 'plain']) assert.equal((await ask('mail', model)).body.choices[0].message.content, 'Write to us.');
    assert.equal((await ask('other', 'cheap')).headers.get('x-purser-degraded'), null);
    await purser.stop();
});

test('--now ends running streams with an error event of their protocol, and their tokens are billed', async () => {
    const slow = await startSimulator({ args: ['--between-tokens', '50ms..60ms', '--output-tokens', '400..400'] });
    const purser = await startPurser({ settings: { ...settings(), providers: { lab: { kind: 'openai', base_url: `${slow.url}/v1`, api_key: 'x' } } } });
    const messages = [{ role: 'user', content: 'Hello.' }], stream = true;
    const contents = [{ parts: [{ text: 'Hello.' }] }];
    const json = (text) => eventsOf(text).filter((e) => e !== '[DONE]').map((e) => JSON.parse(e));
    const streams = [
        [CHAT, chat('Hello.', { stream }), (text) => json(text).at(-1).error.code === 'switched_off'],
        ['/v1/responses', { model: 'cheap', input: 'Hello.', stream }, (text) => json(text).at(-1).type === 'response.failed' || json(text).at(-1).type === 'error'],
        ['/v1/messages', { model: 'cheap', max_tokens: 500, messages, stream }, (text) => json(text).at(-1).type === 'error'],
        ['/v1beta/models/cheap:streamGenerateContent?alt=sse', { contents }, (text) => json(text).at(-1).error.code === 503],
        ['/v1beta/models/cheap:streamGenerateContent', { contents }, (text) => JSON.parse(text).at(-1).error.code === 503],
        ['/v2/chat', { model: 'cheap', messages, stream }, (text) => json(text).at(-1).delta.finish_reason === 'ERROR'],
        ['/model/cheap/converse-stream', { messages: [{ role: 'user', content: [{ text: 'Hello.' }] }] }, (text) => /:exception-type.{3}\w*(serviceUnavailable|modelStreamError|internalServer)Exception/s.test(text)],
    ];
    const running = streams.map(([path, body]) => post(purser, path, body));
    const whole = post(purser, CHAT, chat());
    await sleep(900);
    await off(purser, ['--now', '--why', 'stop it']);
    for (const [i, answer] of (await Promise.all(running)).entries()) {
        const [path, , ends] = streams[i];
        assert.ok(answer.status === 200 && answer.text.length > 300, `${path} had begun: ${answer.text}`);
        assert.ok(ends(answer.text), `${path}: ${answer.text.slice(-600)}`);
        assert.match(answer.text.slice(-700), /AI was switched off/, path);
    }
    const other = await whole;
    assert.equal(other.headers.get('x-purser-degraded'), 'switch');
    assert.equal(other.body.choices[0].message.content, REPLY);
    const rows = await purser.rows(streams.length + 1);
    assert.deepEqual([...new Set(rows.map((r) => r.status))], ['switched_off']);
    assert.ok(rows.every((r) => r.cost_picousd > 0), 'what was generated is billed');
    await purser.stop();
    await slow.stop();
});

test('a call that waits to be tried again meets the switch before the provider', async () => {
    const busy = createServer((request, answer) => {
        request.resume();
        answer.writeHead(429, { 'retry-after': '4', 'content-type': 'application/json' }).end('{"error":{"message":"later","type":"rate_limit_error"}}');
    }).listen(0, '127.0.0.1');
    await once(busy.unref(), 'listening');
    const providers = { lab: { kind: 'openai', base_url: `http://127.0.0.1:${busy.address().port}/v1`, api_key: 'x' } };
    const models = { cheap: { targets: ['lab/sim-small'], attempts: { max: 3 }, degraded: { reply: REPLY } } };
    const purser = await startPurser({ settings: { ...settings(), providers, models } });
    const waiting = post(purser, CHAT, chat());
    await until('the first attempt', async () => (await purser.rows()).length === 1);
    await off(purser, ['--why', 'enough']);
    const got = await waiting;
    assert.equal(got.headers.get('x-purser-degraded'), 'switch', got.text);
    assert.equal(got.body.choices[0].message.content, REPLY);
    assert.equal((await purser.rows()).length, 1, 'no second attempt');
    await purser.stop();
    busy.close();
});

test('what is off stays off over a restart, thrown before it too; the audit tells who and why', async () => {
    const first = await startPurser({ settings: settings() });
    await off(first, ['--why', 'one']);
    await first.kill9(); // what the command has said holds
    const later = await run(bin, ['ai', 'off', '--feature', 'mail', '--why', 'two', '--data', first.data, '--config', first.file], { env: first.env });
    assert.equal(later.code, 0, later.stderr);
    assert.match(later.stderr, /no server runs/);
    const second = await startPurser({ settings: settings(), dir: first.dir });
    assert.equal((await post(second, CHAT, chat())).headers.get('x-purser-degraded'), 'switch');
    await on(second);
    assert.equal((await post(second, CHAT, chat())).headers.get('x-purser-degraded'), null);
    assert.equal((await post(second, CHAT, chat(), { headers: { 'x-purser-feature': 'mail' } })).headers.get('x-purser-degraded'), 'switch');
    const rows = await sql(second.data, 'SELECT what, object, before, after, why, who, origin FROM audit ORDER BY id');
    assert.deepEqual(rows.map((r) => [r.what, r.object, r.before, r.after, r.why]), [
        ['ai off', 'all features', 'on', 'off', 'one'],
        ['ai off', 'feature mail', 'on', 'off', 'two'],
        ['ai on', 'all features', 'off', 'on', ''],
    ]);
    assert.equal(rows[0].origin, 'control socket');
    const proof = await second.cli(['ledger', 'verify']);
    assert.equal(proof.code, 0, proof.stdout);
    assert.match(proof.stdout, /audit rows.*3 +ending in [0-9a-f]{64}/);
    await second.stop();
});

test('the admin API switches too, and says what is wrong', async () => {
    const purser = await startPurser({ settings: settings() });
    const url = `${purser.adminUrl}/api/v1/switches`;
    const send = async (body, token = purser.adminToken) => {
        const got = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
        return { status: got.status, body: await got.json() };
    };
    assert.equal((await send({ ai: 'off', why: 'x' }, 'wrong')).status, 401);
    for (const [wrong, says] of [
        [{ ai: 'off' }, /'why'/],
        [{ ai: 'of', why: 'x' }, /off.*on/],
        [{ ai: 'off', why: 'x', for: 'long' }, /2h/],
        [{ ai: 'off', why: 'x', features: 'bot' }, /'feature'/],
        [{ ai: 'off', why: 'x', now: 'yes' }, /'now'/],
        [{ ai: 'on', now: true }, /"off" alone/],
    ]) {
        const got = await send(wrong);
        assert.equal(got.status, 400, JSON.stringify(wrong));
        assert.match(got.body.detail, says);
    }
    const got = await send({ ai: 'off', feature: 'bot', why: 'a loop', who: 'ann', for: '1h' });
    assert.equal(got.status, 200);
    assert.deepEqual([got.body.off[0].feature, got.body.off[0].who], ['bot', 'admin token ann']);
    assert.equal((await post(purser, CHAT, chat(), { headers: { 'x-purser-feature': 'bot' } })).headers.get('x-purser-degraded'), 'switch');
    const seen = await (await fetch(url, { headers: { authorization: `Bearer ${purser.adminToken}` } })).json();
    assert.deepEqual(seen.off, got.body.off);
    assert.equal((await send({ ai: 'off', why: 'all' })).status, 200);
    const mail = await send({ ai: 'on', feature: 'mail' });
    assert.equal(mail.status, 400);
    assert.match(mail.body.detail, /purser ai on/);
    await purser.stop();
});

test('the command says what is missing', async () => {
    for (const [args, says] of [
        [['ai', 'off'], /--why/],
        [['ai', 'off', '--why', 'x', '--for', 'soon'], /--for 2h/],
        [['ai', 'of'], /neither off nor on/],
        [['ai', 'off', '--why', 'x', '--feture', 'y'], /did you mean '--feature'/],
    ]) {
        const got = await run(bin, args);
        assert.equal(got.code, 2, args.join(' '));
        assert.match(got.stderr, says);
    }
});

test('the examples pass purser check', async () => {
    const examples = new URL('../../examples/', import.meta.url).pathname;
    const files = readdirSync(examples).filter((name) => name.endsWith('.yaml'));
    assert.ok(files.length >= 4);
    for (const name of files) {
        const got = await run(bin, ['check', '--config', examples + name]);
        assert.equal(got.code, 0, `${name}: ${got.stderr}`);
        for (const line of got.stderr.split('\n').filter(Boolean)) assert.match(line, /is off: |is not set|holds answers back|no key under keys belongs/, name);
    }
});

test('when every target is down, the reply that is set is given; without one the error', async () => {
    const purser = await startPurser({ settings: { ...settings(), providers: { lab: { kind: 'openai', base_url: 'http://127.0.0.1:9/v1', api_key: 'x' } } } });
    for (const stream of [false, true]) {
        const got = await post(purser, CHAT, chat('Hello.', { stream }));
        assert.equal(got.status, 200, got.text);
        assert.equal(got.headers.get('x-purser-degraded'), 'outage');
        assert.ok(got.text.includes(REPLY));
    }
    const plain = await post(purser, CHAT, chat('Hello.', { model: 'plain' }));
    assert.equal(plain.status, 502);
    assert.equal(plain.headers.get('x-purser-degraded'), null);
    await purser.stop();

    const dead = (port) => ({ kind: 'openai', base_url: `http://127.0.0.1:${port}/v1`, api_key: 'x' });
    const price = (name) => ({ model: `${name}/m`, input: 1, output: 1, from: '2026-01-01' });
    const both = await startPurser({
        settings: {
            ...labSettings(sim),
            providers: { one: dead(9), two: dead(10) },
            prices: [price('one'), price('two')],
            models: { cheap: { targets: ['one/m', 'two/m'], degraded: { reply: REPLY } } },
        },
    });
    for (let i = 0; i < 40; i++) { // the breakers open on the way
        const got = await post(both, CHAT, chat());
        assert.deepEqual([got.status, got.headers.get('x-purser-degraded')], [200, 'outage'], `call ${i}: ${got.text}`);
    }
    await until('the last one is counted', async () => /purser_degraded_total\{reason="outage"\} 40/.test(await both.metrics()));
    await both.stop();

    const faulty = await startPurser({ settings: settings() });
    const cut = await post(faulty, CHAT, chat('Hello. [simulate fault=500]'));
    assert.equal(cut.headers.get('x-purser-degraded'), 'outage');
    const own = await post(faulty, CHAT, chat('Hello. [simulate fault=400]'));
    assert.equal(own.headers.get('x-purser-degraded'), null, 'what the client did wrong is its to mend');
    await faulty.stop();
});

// ---- budgets that are spent

const eventsSeen = async (purser) => JSON.parse((await purser.cli(['events', '--format', 'json'])).stdout);

test('a spent budget degrades, downgrades or only alerts, as it is set', async () => {
    const prices = [...labSettings(sim).prices, { model: 'lab/sim-tiny', input: 0.01, output: 0.01, from: '2026-01-01' }];
    const budget = (name, on_exceed) => ({ name, scope: { feature: name }, limit_requests: 2, window: 'total', on_exceed });
    const purser = await startPurser({
        settings: settings({
            prices,
            budgets: [
                budget('degrade', 'degrade'),
                { ...budget('downgrade', 'downgrade:lab/sim-tiny'), scope: { feature: 'downgrade', model: 'sim-small' } },
                budget('alert', 'alert'),
                budget('block', 'block'),
            ],
        }),
    });
    const ask = (feature, more = {}) => post(purser, CHAT, chat('Hello.', more), { headers: { 'x-purser-feature': feature } });
    const thrice = async (feature, more) => {
        await ask(feature, more);
        await ask(feature, more);
        return ask(feature, more);
    };
    const blocked = await thrice('block');
    assert.equal(blocked.status, 402);
    assert.equal(blocked.headers.get('x-purser-degraded'), null);

    const degraded = await thrice('degrade');
    assert.equal(degraded.status, 200, degraded.text);
    assert.equal(degraded.headers.get('x-purser-degraded'), 'budget');
    assert.equal(degraded.body.choices[0].message.content, REPLY);
    const unset = await ask('degrade', { model: 'plain' });
    assert.equal(unset.status, 503);
    assert.equal(unset.headers.get('x-purser-degraded'), 'budget');
    assert.match(unset.body.error.message, /The budget 'degrade' has 0 requests of 2 requests left/);

    const downgraded = await thrice('downgrade');
    assert.equal(downgraded.status, 200, downgraded.text);
    const streamed = await ask('downgrade', { stream: true });
    assert.equal(streamed.status, 200);
    assert.match(streamed.text, /\[DONE\]/);
    const rows = await purser.rows(4, { where: "feature = 'downgrade'" });
    assert.deepEqual(rows.map((r) => [r.model, r.number, r.reason, r.model_requested]), [
        ['sim-small', 1, 'first', 'cheap'], ['sim-small', 1, 'first', 'cheap'],
        ['sim-tiny', 1, 'first', 'cheap'], ['sim-tiny', 1, 'first', 'cheap'],
    ]);
    assert.ok(rows.every((r) => r.status === 'ok'));

    assert.equal((await thrice('alert')).status, 200);
    assert.equal((await purser.rows(0, { where: "feature = 'alert'" })).length, 3);
    await purser.rows(11);
    const proof = await purser.cli(['ledger', 'verify']);
    assert.equal(proof.code, 0, proof.stdout);
    await purser.stop();
});

test('a downgraded call goes the whole way of the cheaper name: targets, fallback, ladder, rules', async () => {
    const price = (model) => ({ model, input: 0.01, output: 0.01, from: '2026-01-01' });
    const all = settings({
        prices: [...labSettings(sim).prices, price('lab/sim-tiny'), price('lab/sim-last'), price('dead/sim-tiny')],
        budgets: ['spare', 'climb', 'rule', 'nowhere'].map((name) => ({
            name, scope: { feature: name, model: 'sim-small' }, limit_requests: 1, window: 'total', on_exceed: `downgrade:${name}`,
        })),
    });
    all.providers.dead = { kind: 'openai', base_url: 'http://127.0.0.1:9/v1', api_key: 'x' };
    all.models.spare = { targets: ['dead/sim-tiny', 'lab/sim-tiny'], attempts: { max: 2 } };
    all.models.climb = { ladder: [{ target: 'lab/sim-tiny', accept: { not_matching: '.' } }, { target: 'lab/sim-last' }] };
    all.models.rule = { ladder: [{ reply: 'Please wait.', match: '(?i)hello' }, { target: 'lab/sim-tiny' }] };
    all.models.nowhere = { target: 'dead/sim-tiny' };
    const purser = await startPurser({ settings: all });
    const ask = (feature, more = {}) => post(purser, CHAT, chat('Hello.', more), { headers: { 'x-purser-feature': feature } });
    const path = async (feature, n) => (await purser.rows(n, { where: `feature = '${feature}'` })).map((r) => `${r.number} ${r.provider}/${r.model} ${r.reason}`);
    for (const stream of [false, true]) {
        const spare = await ask('spare', { stream });
        assert.equal(spare.status, 200, spare.text);
    }
    assert.deepEqual(await path('spare', 3), ['1 lab/sim-small first', '1 dead/sim-tiny first', '2 lab/sim-tiny fallback']);
    await ask('climb');
    const climbed = await ask('climb');
    assert.deepEqual([climbed.status, climbed.headers.get('x-purser-target')], [200, 'lab/sim-last'], climbed.text);
    assert.deepEqual(await path('climb', 3), ['1 lab/sim-small first', '1 lab/sim-tiny first', '2 lab/sim-last escalation']);
    await ask('rule');
    const ruled = await ask('rule');
    assert.deepEqual([ruled.headers.get('x-purser-degraded'), ruled.body.choices[0].message.content], ['rule', 'Please wait.']);
    assert.deepEqual(await path('rule', 1), ['1 lab/sim-small first']);
    await ask('nowhere');
    const nowhere = await ask('nowhere');
    assert.deepEqual([nowhere.headers.get('x-purser-degraded'), nowhere.body.choices[0].message.content], ['outage', REPLY], 'the reply of the name that was asked');
    await purser.stop();
});

test('a budget that is spent too fast degrades until it slows down, over a restart too, and is told of once', async () => {
    const pace = (name, burn) => ({ name, scope: { feature: name }, limit_requests: 3600, window: 'hour', on_exceed: 'alert', thresholds: [], burn: { rate: 2, over: '36s', ...burn } });
    const of = () => settings({ budgets: [pace('bot', {}), pace('watch', { action: 'alert' })] }); // even is one a second: 72 in 36 s and 6 in 3 s are twice that
    const first = await startPurser({ settings: of() });
    const ask = (purser, feature, more) => post(purser, CHAT, chat('Hello.', more), { headers: { 'x-purser-feature': feature } });
    const why = async (...of) => (await ask(...of)).headers.get('x-purser-degraded');
    const many = async (purser, feature, n) => (await Promise.all(Array.from({ length: n }, () => why(purser, feature)))).filter((w) => w === 'burn_rate').length;
    const told = async (purser) => (await eventsSeen(purser)).filter((e) => e.kind === 'burn_rate').map((e) => [e.object, e.level]).sort();

    assert.equal(await many(first, 'bot', 72), 0, 'not above it');
    await until('it to burn', async () => (await many(first, 'bot', 8)) > 0, { seconds: 20 });
    const before = await calls();
    const degraded = await ask(first, 'bot');
    assert.equal(degraded.headers.get('x-purser-degraded'), 'burn_rate', degraded.text);
    assert.equal(degraded.body.choices[0].message.content, REPLY);
    const plain = await ask(first, 'bot', { model: 'plain' });
    assert.equal(plain.status, 503);
    assert.ok(Number(plain.headers.get('retry-after')) >= 1 && Number(plain.headers.get('retry-after')) <= 5, plain.headers.get('retry-after'));
    assert.match(plain.body.error.message, /The budget 'bot' was spent \d+(\.\d+)? times as fast as it would last over the last 36s, .* over the last 3s; more than 2 is too fast/);
    assert.equal(await calls(), before, 'no provider is asked meanwhile');
    assert.equal(await figure(first, 'purser_budget_burning{budget="bot"}'), 1);
    assert.ok((await figure(first, 'purser_budget_burn_rate{budget="bot",window="long"}')) > 2);
    assert.ok((await figure(first, 'purser_degraded_total{reason="burn_rate"}')) >= 3);
    assert.equal(await many(first, 'watch', 80), 0, 'an alert refuses nobody');
    assert.equal(await why(first, 'other'), null, 'calls of others are none of its business');
    await until('it to end by itself', async () => (await why(first, 'bot')) === null, { seconds: 10, every: 100 });
    assert.ok((await many(first, 'bot', 12)) > 0 || (await why(first, 'bot')) === 'burn_rate', 'it goes on, and burns again');
    await until('the events', async () => (await told(first)).length === 2, { seconds: 8, every: 200 });
    assert.deepEqual(await told(first), [['bot', 200], ['watch', 200]]);
    assert.equal(await figure(first, 'purser_events_total{kind="burn_rate"}'), 2);
    assert.match((await eventsSeen(first)).find((e) => e.object === 'bot').text, /spent more than 2 times as fast as it would last: \d+ requests within 36s, \d+ requests within 3s, of 3600 requests/);

    await first.stop();
    const second = await startPurser({ settings: of(), dir: first.dir });
    assert.ok((await many(second, 'bot', 12)) > 0 || (await why(second, 'bot')) === 'burn_rate', 'what was spent before the restart counts');
    const watched = 'purser_budget_burn_rate{budget="watch",window="long"}', was = await figure(second, watched);
    assert.ok(was > 2);
    await second.reload(settings());
    assert.ok(Number.isNaN(await figure(second, watched)));
    await second.reload(of());
    const is = await figure(second, watched);
    assert.ok(is > 0 && is <= was, `${is} after ${was}: what is looked at again is counted once`);
    await second.stop();
});

test('thresholds are raised as events, once a window, over a restart too', async () => {
    const of = () => settings({ budgets: [
        { name: 'each', scope: { user: '*' }, limit_requests: 10, window: 'total' },
        { name: 'money', limit_usd: 0.000001, window: 'day', on_exceed: 'alert', thresholds: [40, 90] },
    ] });
    const first = await startPurser({ settings: of() });
    const ask = async (purser, times, user) => {
        for (let i = 0; i < times; i++) await post(purser, CHAT, chat(), { headers: { 'x-purser-user': user } });
    };
    await ask(first, 5, 'ann');
    await ask(first, 4, 'bob');
    const ann = async (purser) => (await eventsSeen(purser)).filter((e) => e.object === 'each (user=ann)').map((e) => e.level).sort((a, b) => a - b);
    await until('50 % of ann', async () => (await ann(first)).length === 1, { seconds: 8, every: 200 });
    assert.deepEqual(await ann(first), [50]);
    await ask(first, 3, 'ann');
    await until('80 % of ann', async () => (await ann(first)).length === 2, { seconds: 8, every: 200 });
    const money = (await eventsSeen(first)).filter((e) => e.object === 'money').map((e) => e.level).sort((a, b) => a - b);
    assert.deepEqual(money, [40, 90]);
    const all = await eventsSeen(first);
    assert.equal(all.length, 4, JSON.stringify(all));
    assert.match(all[0].text, /The budget 'each' \(user=ann\) has reached 80%: 8 requests of 10 requests/);
    assert.equal(await figure(first, 'purser_events_total{kind="budget"}'), 4);
    await first.stop();
    const second = await startPurser({ settings: of(), dir: first.dir });
    await ask(second, 3, 'ann'); // two fit, the third is refused
    await until('100 % of ann', async () => (await ann(second)).length === 3, { seconds: 8, every: 200 });
    await sleep(1500);
    assert.equal((await eventsSeen(second)).length, 5, 'nothing is told twice');
    assert.equal(await figure(second, 'purser_events_total{kind="budget"}'), 1);
    await second.reload(of());
    await ask(second, 1, 'ann');
    await sleep(1500);
    assert.equal((await eventsSeen(second)).length, 5, 'nor after a reload');
    assert.equal(await figure(second, 'purser_events_total{kind="budget"}'), 1);
    const api = await (await fetch(`${second.adminUrl}/api/v1/events?limit=2`, { headers: { authorization: `Bearer ${second.adminToken}` } })).json();
    assert.deepEqual(api.rows.map((r) => [r.kind, r.object, r.level]), [['budget', 'each (user=ann)', 100], ['budget', 'each (user=ann)', 80]]);
    await second.stop();
});
