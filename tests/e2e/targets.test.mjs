// Which target a call goes to, who waits before a full one and who is sent away, and what a reload leaves as it was.
// @sanitizers
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { aliceKey, bobKey, post, startPurser, until } from './helpers.mjs';

const whole = JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'Fine.' }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
const waiting = {}, came = []; // answers that are held, by provider; the texts of all calls, in order
let purser, server, settings, over = false;

/** Lets the oldest call that a provider holds go. */
const release = async (name) => {
    await until(`a call at ${name}`, () => waiting[name]?.length);
    waiting[name].shift()();
};

before(async () => {
    server = createServer((request, answer) => {
        let body = '';
        request.on('data', (data) => (body += data)).on('end', () => {
            const name = request.url.split('/')[1], text = JSON.parse(body).messages[0].content;
            came.push(text);
            const reply = (status = 200) => answer.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? whole : '{"error":{"message":"no"}}');
            if (name === 'fails') reply(500);
            else if (text.startsWith('hold') && !over) (waiting[name] ??= []).push(reply);
            else if (name === 'slow') setTimeout(reply, 60);
            else reply();
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = (name, more) => ({ kind: 'openai', protocols: ['chat'], base_url: `http://127.0.0.1:${server.address().port}/${name}/v1`, api_key: 'k', ...more });
    const model = (names, more) => ({ targets: names.map((n) => `${n}/m`), ...more });
    const providers = { a: at('a'), b: at('b'), slow: at('slow'), quick: at('quick'), one: at('one', { health: { concurrency_max: 1, queue_max: 2 } }), turns: at('turns', { health: { concurrency_max: 1, queue_max: 8 } }), fails: at('fails', { health: { failures: 3, open: '10m', open_max: '10m' } }) };
    settings = {
        providers,
        models: {
            idle: model(['a', 'b'], { balance: 'least_busy' }), fast: model(['slow', 'quick'], { balance: 'fastest' }),
            'by-user': model(['a', 'b'], { balance: 'weighted', sticky: 'user' }), 'by-key': model(['a', 'b'], { balance: 'weighted', sticky: 'key' }),
            narrow: model(['one'], { attempts: { max: 2 } }), turns: model(['turns'], { attempts: { max: 2 } }), broken: model(['fails', 'a']),
        },
        features: { vital: { owner: 'o@example.com', tier: 'critical' }, bulk: { owner: 'o@example.com', tier: 'background' } },
        prices: Object.keys(providers).map((p) => ({ model: `${p}/m`, input: 1, output: 2 })),
        keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }, { name: 'bob', secret: '${BOB_KEY}', models: ['*'] }],
    };
    purser = await startPurser({ settings });
});
after(async () => {
    over = true; // what a failed test left waiting
    for (const go of Object.values(waiting).flat()) go();
    await purser?.stop();
    server.closeAllConnections();
    server.close();
});

const ask = (model, content, { key = aliceKey, ...headers } = {}) => post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content }] }, { key, headers });
const place = async (...args) => (await ask(...args)).headers.get('x-purser-target');
const metric = async (name, labels) => Number(new RegExp(`^purser_target_${name}\\{${labels}\\} (\\S+)$`, 'm').exec(await purser.metrics())?.[1] ?? 0);
const stand = (n, of) => until(`${n} in the queue of ${of}`, async () => (await metric('waiting', `target="${of}/m"`)) === n);

test('least_busy goes by the calls in flight, fastest by the time to the first token', async () => {
    const held = ask('idle', 'hold idle');
    await until('the call at a', () => waiting.a?.length);
    for (let i = 0; i < 4; i++) assert.equal(await place('idle', `idle ${i}`), 'b/m');
    await release('a');
    assert.equal((await held).status, 200);
    // one of which too little is known comes first: both are measured before any is preferred
    for (let round = 0; round < 2; round++) await Promise.all(Array.from({ length: 26 }, (_, i) => ask('fast', `warm ${round} ${i}`)));
    let quick = 0;
    for (let i = 0; i < 12; i++) quick += (await place('fast', `fast ${i}`)) === 'quick/m';
    assert.ok(quick >= 9, `${quick} of 12 at the faster one`); // one in 128 tries the other
});

test('sticky goes by the user, or by the key', async () => {
    for (const [model, who] of [['by-user', (n) => ({ 'x-purser-user': `u${n}` })], ['by-key', (n) => ({ key: n ? bobKey : aliceKey })]]) {
        for (let n = 0; n < 2; n++) {
            const seen = new Set();
            for (let i = 0; i < 10; i++) seen.add(await place(model, `${model} ${n} ${i}`, who(n)));
            assert.equal(seen.size, 1, `${model} ${n}: ${[...seen]}`);
        }
    }
    const spread = new Set();
    for (let n = 0; n < 30; n++) spread.add(await place('by-user', `spread ${n}`, { 'x-purser-user': `other${n}` }));
    assert.equal(spread.size, 2);
});

test('where a target is full critical features wait in front, and background ones are sent away first', async () => {
    const answers = [ask('narrow', 'hold 1')];
    await until('the first one at its target', () => waiting.one?.length);
    const bulk = ask('narrow', 'hold bulk', { 'x-purser-feature': 'bulk' });
    await stand(1, 'one');
    answers.push(ask('narrow', 'hold usual'));
    await stand(2, 'one');
    answers.push(ask('narrow', 'hold vital', { 'x-purser-feature': 'vital' }));
    const away = await bulk;
    assert.deepEqual([away.status, away.body.error.code], [503, 'target_busy'], away.text);
    assert.equal(await metric('shed_total', 'target="one/m",tier="background"'), 1);
    assert.equal((await ask('narrow', 'more', { 'x-purser-feature': 'bulk' })).status, 503, 'nobody makes room for it');
    for (let i = 0; i < 3; i++) await release('one');
    for (const answer of answers) assert.equal((await answer).status, 200);
    assert.deepEqual(came.filter((text) => /^hold (1|usual|vital|bulk)$/.test(text)), ['hold 1', 'hold vital', 'hold usual']);
});

test('keys take turns before a full target', async () => {
    const answers = [ask('turns', 'hold first')];
    await until('the first one at its target', () => waiting.turns?.length);
    for (let i = 0; i < 4; i++) {
        answers.push(ask('turns', `hold alice ${i}`));
        await stand(i + 1, 'turns');
    }
    answers.push(ask('turns', 'hold bob', { key: bobKey }));
    await stand(5, 'turns');
    for (let i = 0; i < 6; i++) await release('turns');
    for (const answer of answers) assert.equal((await answer).status, 200);
    const order = came.filter((text) => /^hold (alice|bob)/.test(text));
    assert.ok(order.indexOf('hold bob') <= 1, `${order}`);
});

test('a reload leaves breakers as they are', async () => {
    for (let i = 0; i < 6; i++) assert.equal(await place('broken', `broken ${i}`), 'a/m');
    const before = came.length;
    await purser.reload({ ...settings, default_max_output_tokens: 1000 });
    for (let i = 0; i < 6; i++) assert.equal(await place('broken', `after ${i}`), 'a/m');
    assert.equal(came.length, before + 6, 'the broken one was not tried again');
    assert.equal(await metric('state', 'target="fails/m",state="open"'), 1);
    assert.equal(await metric('outcomes_total', 'target="fails/m",outcome="failed"'), 3);
});
