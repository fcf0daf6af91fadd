// Promise 5: providers fail, slow down and lie, and calls are answered at a bounded price: several
// targets of one name, breakers, repeats, hedges, one budget of attempts. Every row is held against
// what the providers truly did. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventsOf, post, sleep, startPurser, startSimulator, until } from './helpers.mjs';
import { startScripted } from './scripted.mjs';
import { attemptOf, truthSince } from './truth.mjs';
import { Wire } from './wire.mjs';

const sims = {};
let purser, scripted;
const MANY = 100; // a thousand: faults.test.mjs

before(async () => {
    scripted = await startScripted();
    sims.good = await startSimulator({ args: ['--output-tokens', '8..40'] });
    sims.down = await startSimulator({ args: ['--faults', '500:1'] });
    sims.flaky = await startSimulator({ args: ['--faults', '503:0.3', '--seed', '7'] });
    sims.slow = await startSimulator({ args: ['--first-token', '900ms', '--output-tokens', '8'] });
    const openai = (sim) => ({ kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'k' });
    const model = (targets, more = {}) => ({ targets: targets.map((t) => (t.includes('/') ? t : `${t}/sim-small`)), ...more });
    const four = { max: 4, time: '60s' };
    purser = await startPurser({
        settings: {
            providers: {
                down: openai(sims.down), down2: openai(sims.down), down3: openai(sims.down), good: openai(sims.good), slow: openai(sims.slow), other: openai(sims.good),
                flaky1: openai(sims.flaky), flaky2: openai(sims.flaky), flaky3: openai(sims.flaky),
                narrow: { ...openai(sims.good), health: { concurrency_max: 1 } },
                dead: { kind: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key: 'k' },
                said: openai({ url: `${scripted.url}/said` }), rests: openai({ url: `${scripted.url}/rests` }), limits: { kind: 'gemini', base_url: `${scripted.url}/limits`, api_key: 'k' },
                claude: { kind: 'anthropic', base_url: sims.good.url, api_key: 'k' }, waits: openai({ url: `${scripted.url}/waits` }), waits2: openai({ url: `${scripted.url}/waits2` }),
            },
            models: {
                failing: model(['down', 'good']),
                across: model(['dead', 'claude']),
                unlucky: model(['flaky1', 'flaky2', 'flaky3'], { attempts: four }),
                waiting: model(['waits'], { attempts: { max: 3, time: '60s' } }),
                waiting2: model(['waits2'], { attempts: { max: 3, time: '30s' } }),
                told: model(['said'], { attempts: { max: 3, time: '30s' } }),
                resting: model(['rests'], { attempts: { max: 2, time: '30s' } }),
                limited: model(['limits'], { attempts: { max: 1 } }),
                again: model(['good'], { attempts: { max: 3, time: '30s' } }),
                lone: model(['down2'], { attempts: { max: 2, time: '30s' } }),
                hedged: model(['slow', 'good'], { hedge: { after: '100ms', max_extra_spend: '60%' } }),
                settled: model(['slow', 'said'], { hedge: { after: '100ms', max_extra_spend: '100%' } }),
                thrifty: model(['slow', 'good'], { hedge: { after: '100ms', max_extra_spend: '0.1%' } }),
                full: model(['narrow'], { attempts: { max: 2, time: '30s' } }),
                crowded: model(['other', 'narrow'], { attempts: { max: 2, time: '30s' }, hedge: { after: '60ms', max_extra_spend: '100%' } }),
                queued: model(['narrow', 'good'], { attempts: { max: 2, time: '30s' }, hedge: { after: '60ms', max_extra_spend: '100%' } }),
                heavy: { balance: 'weighted', targets: [{ target: 'good/sim-small', weight: 9 }, { target: 'other/sim-small', weight: 1 }] },
                cheap: model(['good', 'other/sim-cheap'], { balance: 'cheapest' }),
                held: model(['good', 'other'], { balance: 'weighted', sticky: 'session' }),
                metered: model(['good'], { attempts: { max: 2, time: '30s', money_usd: '0.002' } }),
                stepping: model(['down3', 'good/sim-dear', 'other/sim-cheap'], { attempts: { max: 3, time: '30s', money_usd: '0.002' } }),
                stuck: model(['down3', 'good/sim-dear'], { attempts: { max: 2, time: '30s', money_usd: '0.002' } }),
                cheaper: model(['good/sim-dear', 'good'], { attempts: { max: 2, time: '30s', money_usd: '0.002' } }),
                counted: model(['down3/gpt-4o-mini', 'good/gpt-4o-mini'], { attempts: { max: 2, money_usd: '0.005' } }),
                modest: model(['slow', 'good'], { hedge: { after: '100ms', max_extra_spend: '100%' }, attempts: { max: 2, money_usd: '0.0015' } }),
                bounded: model(['flaky1', 'flaky2', 'flaky3'], { attempts: { max: 2, time: '30s' } }),
            },
            prices: [
                { model: 'claude/sim-small', input: 1, output: 2 }, { model: 'other/sim-cheap', input: 0.01, output: 0.01 },
                { model: 'good/sim-dear', input: 100, output: 200 },
                { model: 'down3/gpt-4o-mini', input: 1, output: 2 }, { model: 'good/gpt-4o-mini', input: 1, output: 2 },
                ...['down', 'down2', 'down3', 'good', 'slow', 'other', 'narrow', 'flaky1', 'flaky2', 'flaky3', 'dead', 'said', 'rests', 'limits', 'waits', 'waits2'].map((p) => ({ model: `${p}/sim-small`, input: 1, output: 2 })),
            ],
            budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});

after(async () => {
    await purser?.stop();
    for (const sim of Object.values(sims)) await sim.stop();
    scripted?.stop();
});

const ask = (model, { words = '', headers = {}, ...more } = {}) =>
    post(purser, '/v1/chat/completions', { model, messages: [{ role: 'user', content: `Hello ${words}` }], ...more }, { headers });
const rowsOf = (task) => purser.rows(1, { where: `task = '${task}'`, columns: 'task, provider, reason, wasted, cost_picousd AS cost, cost_state AS state, output_tokens AS output, attempt_id' });
const streamed = { stream: true, stream_options: { include_usage: true } };

/** Of every attempt: a row, and what the ledger has for it is what the provider did. */
async function checkTruth(sim, rows) {
    const done = new Map((await truthSince(sim)).map((c) => [attemptOf(c), c]));
    let checked = 0;
    for (const row of rows) {
        const call = done.get(String(row.attempt_id));
        if (!call || row.state !== 'exact') continue;
        assert.equal(BigInt(row.output), BigInt(call.usage.output), `${row.task}: output`);
        assert.equal(BigInt(row.cost), BigInt(call.usage.input) * 1000000n + BigInt(call.usage.output) * 2000000n, `${row.task}: cost`);
        checked++;
    }
    assert.ok(checked > 0, 'no row was held against the truth');
}

test('a provider that is wholly down is hardly tried, and every call is answered', async () => {
    const headers = { 'x-purser-user': 'down' };
    for (let i = 0; i < MANY; i++) {
        const answer = await ask('failing', { headers });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers.get('x-purser-target'), 'good/sim-small');
    }
    const rows = await purser.rows(MANY, { where: "user = 'down'", columns: 'task, provider, reason, wasted, cost_state AS state, cost_picousd AS cost, output_tokens AS output, attempt_id' });
    const failed = rows.filter((r) => r.provider === 'down');
    assert.ok(failed.length >= 1 && failed.length <= 10, `${failed.length} attempts before the breaker opened`);
    for (const row of failed) assert.deepEqual([row.wasted, row.state, BigInt(row.cost)], [1, 'free', 0n]);
    const good = rows.filter((r) => r.provider === 'good');
    assert.equal(good.length, MANY);
    assert.equal(good.filter((r) => r.reason === 'fallback').length, failed.length);
    await checkTruth(sims.good, good);
});

test('a fallback crosses protocols, whole and streamed', async () => {
    for (const more of [{}, streamed]) {
        const answer = await ask('across', { headers: { 'x-purser-task': `across-${'stream' in more}` }, ...more });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers.get('x-purser-target'), 'claude/sim-small');
        if (more.stream) assert.equal(eventsOf(answer.text).at(-1), '[DONE]');
    }
    const rows = await rowsOf('across-true');
    assert.deepEqual(rows.map((r) => [r.provider, r.reason]), [['dead', 'first'], ['claude', 'fallback']]);
    await checkTruth(sims.good, rows);
});

test('of three targets that each fail at random, nearly every call is answered', async () => {
    let answered = 0;
    for (let i = 0; i < MANY; i++) answered += (await ask('unlucky', { headers: { 'x-purser-user': 'unlucky' } })).status === 200;
    // 0.3 to the fourth fail: of a hundred one, and more than seven once in a hundred thousand runs
    assert.ok(answered >= MANY * 0.93, `${answered} of ${MANY}`);
    const rows = await purser.rows(MANY, { where: "user = 'unlucky'", columns: 'provider, reason, wasted' });
    assert.equal(rows.filter((r) => !r.wasted).length, answered);
    assert.ok(rows.length <= MANY * 1.9, `${rows.length} attempts`);
});

test('one budget of attempts bounds every call', async () => {
    for (let i = 0; i < 60; i++) await ask('bounded', { headers: { 'x-purser-task': `bounded-${i}` } });
    const most = await purser.rows(60, { where: "task LIKE 'bounded-%'", columns: 'task' });
    const count = {};
    for (const { task } of most) count[task] = (count[task] ?? 0) + 1;
    assert.equal(Math.max(...Object.values(count)), 2);
});

test('a stream that is cut before any content is made again; one after it ends in an error', async () => {
    const again = await ask('again', { words: '[simulate fault=cut after=0 times=1 key=r1 tokens=12]', headers: { 'x-purser-task': 'cut-early' }, ...streamed });
    assert.equal(eventsOf(again.text).at(-1), '[DONE]', again.text);
    const rows = await rowsOf('cut-early');
    assert.deepEqual(rows.map((r) => [r.reason, r.wasted]), [['first', 1], ['retry', 0]]);
    const late = await ask('again', { words: '[simulate fault=cut after=5 times=1 key=r2 tokens=12]', headers: { 'x-purser-task': 'cut-late' }, ...streamed });
    const events = eventsOf(late.text);
    assert.ok(events.some((e) => e !== '[DONE]' && JSON.parse(e).error), late.text);
    const cut = await rowsOf('cut-late');
    assert.equal(cut.length, 1);
    assert.ok(BigInt(cut[0].cost) > 0n && cut[0].state === 'estimated');
});

test('what purser has tried again, an SDK is told not to', async () => {
    const failed = await ask('lone');
    assert.equal(failed.status, 500);
    assert.equal(failed.headers.get('x-should-retry'), 'false');
});

test('what a provider says of trying again counts, and what no waiting mends is not repeated', async () => {
    const said = (status, headers = {}, error = { message: 'no' }) => ({ status, headers, body: JSON.stringify({ error }) });
    const tries = { // what comes first, then how often the target is asked
        'says-yes': [said(400, { 'x-should-retry': 'true' }), 2], 'says-no': [said(500, { 'x-should-retry': 'false' }), 1],
        'soon-ms': [said(500, { 'retry-after-ms': '20' }), 2], 'bad-key': [said(401), 1], unknown: [said(404), 1],
        unpaid: [said(429, {}, { message: 'no', code: 'insufficient_quota' }), 1],
        'says-refused': [said(400), 1],
    };
    for (const [word, [first, times]] of Object.entries(tries)) {
        scripted.scripts[word] = { said: [first, 'fine'] };
        const answer = await ask('told', { words: word });
        assert.equal(scripted.calls.filter((c) => c.who === 'said' && JSON.stringify(c.body).includes(word)).length, times, word);
        assert.equal(answer.status === 200, times === 2, `${word}: ${answer.text}`);
        if (times === 1) assert.equal(answer.headers.get('x-should-retry'), 'false', word); // an SDK would stack its own on top
    }
});

test('a short rest that a target asks for is waited out; a long one is told, in every protocol', async () => {
    scripted.scripts.short = { rests: [{ status: 429, headers: { 'retry-after-ms': '300', 'x-should-retry': 'false' }, body: '{"error":{"message":"slow down"}}' }, 'fine'] };
    assert.equal((await ask('resting', { words: 'short' })).status, 429);
    assert.equal((await ask('resting', { words: 'short' })).status, 200);
    scripted.scripts.long = { rests: [{ status: 429, headers: { 'retry-after': '90' }, body: '{"error":{"message":"come later"}}' }] };
    assert.equal((await ask('resting', { words: 'long' })).headers.get('retry-after'), '90');
    const shut = await ask('resting', { words: 'long' });
    assert.deepEqual([shut.status, shut.body.error.code, shut.headers.get('x-purser-degraded'), shut.headers.get('x-should-retry')], [503, 'target_open', 'outage', 'false']);
    assert.ok(Number(shut.headers.get('retry-after')) > 60, shut.headers.get('retry-after'));
    const body = { contents: [{ role: 'user', parts: [{ text: 'long' }] }] };
    const google = await post(purser, '/v1beta/models/resting:generateContent', body);
    const info = google.body.error.details.find((d) => d['@type'] === 'type.googleapis.com/google.rpc.RetryInfo');
    assert.equal(info.retryDelay, `${google.headers.get('retry-after')}s`);
    // Gemini's own word becomes a header for those who know no other
    const delay = { code: 429, message: 'slow', status: 'RESOURCE_EXHAUSTED', details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2.5s' }] };
    scripted.scripts.google = { limits: [{ status: 429, body: JSON.stringify({ error: delay }) }] };
    const told = await ask('limited', { words: 'google' });
    assert.deepEqual([told.status, told.headers.get('retry-after')], [429, '3']);
});

test('a slow first attempt gets company, the loser is cancelled and booked, within the share', async () => {
    const warm = await ask('hedged', { headers: { 'x-purser-task': 'hedge-warm' } });
    assert.equal(warm.headers.get('x-purser-target'), 'slow/sim-small', 'nothing is spent yet, so nothing may be spent on hedges');
    let won = 0;
    for (let i = 0; i < 6; i++) won += (await ask('hedged', { headers: { 'x-purser-task': 'hedge' }, ...streamed })).headers.get('x-purser-target') === 'good/sim-small';
    assert.ok(won >= 1, 'no hedge ever won');
    const rows = await purser.rows(6 + won, { where: "task = 'hedge'", columns: 'provider, reason, wasted, cost_picousd AS cost, cost_state AS state' });
    const hedges = rows.filter((r) => r.reason === 'hedge'), spent = (list) => list.reduce((all, r) => all + Number(r.cost), 0);
    assert.equal(hedges.length, won);
    assert.equal(rows.filter((r) => r.wasted && r.provider === 'slow').length, won);
    assert.ok(spent(hedges) <= 0.6 * spent(rows) + spent(hedges) / won, 'more than the share');
    for (let i = 0; i < 4; i++) assert.equal((await ask('thrifty')).headers.get('x-purser-target'), 'slow/sim-small');
});

test('the loser of two is settled when the other one speaks, not when that one ends', async () => {
    const wire = new Wire(purser.port); // one connection, so one worker: each counts for itself what hedges may cost
    const say = (words, more) => wire.post('/v1/chat/completions', { model: 'settled', messages: [{ role: 'user', content: words }], ...more }, { key: purser.key, headers: { 'x-purser-task': 'settled' } });
    scripted.scripts.endless = { said: [{ text: 'It goes on.', before: sleep(250), after: new Promise(() => {}) }] };
    await say('Hello.');
    const stream = say('endless [simulate latency=30s]', streamed).catch(() => {});
    const lost = await purser.rows(1, { where: "task = 'settled' AND wasted", columns: 'provider, status, cost_state AS state' });
    assert.deepEqual(lost.map((r) => `${r.provider} ${r.status} ${r.state}`), ['slow hedge_lost estimated']);
    assert.match(await purser.metrics(), /^purser_target_in_flight\{target="slow\/sim-small"\} 0$/m, 'it still has its place at the target');
    wire.close();
    await stream;
});

test('a call that waits to be repeated is answered as soon as AI is switched off', async () => {
    const headers = { 'x-purser-task': 'waiting' };
    scripted.scripts.patience = { waits: [{ status: 503, headers: { 'retry-after': '50' } }] };
    const waiting = ask('waiting', { words: 'patience', headers });
    await rowsOf('waiting');
    assert.equal((await purser.cli(['ai', 'off', '--why', 'test'])).code, 0);
    const answer = await Promise.race([waiting, sleep(20_000)]);
    assert.equal((await purser.cli(['ai', 'on', '--why', 'test'])).code, 0);
    assert.ok(answer, 'it waits on');
    assert.deepEqual([answer.status, answer.headers.get('x-purser-degraded')], [503, 'switch']);
    assert.deepEqual((await rowsOf('waiting')).map((r) => r.reason), ['first']);
});

test('seconds to wait may have a fraction', async () => {
    scripted.scripts.fraction = { waits2: [{ status: 429, headers: { 'retry-after': '0.6' } }, 'fine'] };
    const before = Date.now();
    assert.equal((await ask('waiting2', { words: 'fraction' })).status, 200);
    assert.ok(Date.now() - before >= 590, 'it was asked sooner than it wanted');
});

test('attempts.money_usd bounds what a call can cost, before it is spent', async () => {
    const refused = await ask('metered', { max_tokens: 2000, headers: { 'x-purser-task': 'dear' } });
    assert.equal(refused.status, 402, refused.text);
    assert.deepEqual([refused.body.error.code, refused.headers.get('x-should-retry')], ['too_dear', 'false']);
    const [, most] = refused.body.error.message.match(/This call may cost up to \$0\.004\d+, .*'metered' may cost \$0\.002 in all \(attempts\.money_usd\).* at most (\d+) tokens it would fit/);
    const fits = await ask('metered', { max_tokens: Number(most), headers: { 'x-purser-task': 'dear' } });
    assert.equal(fits.status, 200, fits.text);
    assert.equal((await ask('metered', { max_tokens: Number(most) + 1 })).status, 402, 'not one token more');
    const lowered = await ask('metered', { headers: { 'x-purser-task': 'dear' } });
    assert.equal(lowered.status, 200, 'a limit that nobody set is lowered');
    assert.equal(lowered.headers.get('x-purser-max-output-tokens'), most);
    const rows = await purser.rows(2, { where: "task = 'dear'", columns: 'held_picousd AS held' });
    assert.equal(rows.length, 2, 'what is refused is no attempt');
    for (const { held } of rows) assert.ok(held > 1998e6 && held <= 2000e6, `${held}`);
});

test('an attempt that would be too dear is passed over: retries, fallbacks and hedges', async () => {
    const short = (model) => ask(model, { max_tokens: 20, headers: { 'x-purser-task': `money-${model}` } });
    const path = async (model, n) => (await purser.rows(n, { where: `task = 'money-${model}'`, columns: 'provider, model, reason' })).map((r) => `${r.provider}/${r.model} ${r.reason}`);
    assert.equal((await short('stepping')).status, 200);
    assert.deepEqual(await path('stepping', 2), ['down3/sim-small first', 'other/sim-cheap fallback']);
    assert.equal((await short('stuck')).status, 500, "the failed attempt's own error");
    assert.deepEqual(await path('stuck', 2), ['down3/sim-small first', 'down3/sim-small retry']);
    assert.equal((await short('cheaper')).status, 200);
    assert.deepEqual(await path('cheaper', 1), ['good/sim-small first']);
    for (let i = 0; i < 3; i++) assert.equal((await short('modest')).headers.get('x-purser-target'), 'slow/sim-small');
    const long = await ask('counted', { words: 'word '.repeat(1600), headers: { 'x-purser-task': 'money-counted' } });
    assert.equal(long.status, 200, long.text);
    assert.deepEqual(await path('counted', 2), ['down3/gpt-4o-mini first', 'good/gpt-4o-mini fallback'], 'bytes would not fit, tokens do, and are counted once');
    assert.deepEqual(await path('modest', 3), Array(3).fill('slow/sim-small first'), 'two bounds do not fit beside each other');
});

test('a call that waits in its target\'s queue is sent, though its hedge was the last attempt it may have', async () => {
    const wire = new Wire(purser.port); // one connection, so one worker: each counts for itself what hedges may cost
    const say = (words, task, model = 'queued') => wire.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: words }] }, { key: purser.key, headers: { 'x-purser-task': task } });
    for (const model of ['queued', 'good/sim-small']) await say('Hello.', 'queued-warm', model); // what a target takes is known then
    const before = ask('full', { words: '[simulate latency=600ms]' });
    await until('the target to be full', async () => /^purser_target_in_flight\{target="narrow\/sim-small"\} 1$/m.test(await purser.metrics()));
    const queued = await say('Hello. [simulate latency=1500ms]', 'queued-behind');
    wire.close();
    assert.equal(queued.status, 200, queued.text);
    assert.equal((await before).status, 200);
    const rows = await rowsOf('queued-behind');
    assert.deepEqual(rows.map((r) => `${r.provider} ${r.reason}`).sort(), ['good hedge', 'narrow first']);
});

test('a hedge that finds no room was no attempt: its target has its turn when the first one fails', async () => {
    const wire = new Wire(purser.port);
    const say = (words, task) => wire.post('/v1/chat/completions', { model: 'crowded', messages: [{ role: 'user', content: words }] }, { key: purser.key, headers: { 'x-purser-task': task } });
    await say('Hello.', 'crowded-warm');
    const before = ask('full', { words: '[simulate latency=900ms]' });
    await until('the target to be full', async () => /^purser_target_in_flight\{target="narrow\/sim-small"\} 1$/m.test(await purser.metrics()));
    const answer = await say('Hello. [simulate latency=300ms fault=cut after=0 times=1 key=crowded]', 'crowded');
    wire.close();
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await before).status, 200);
    assert.deepEqual((await rowsOf('crowded')).map((r) => `${r.provider} ${r.reason}`), ['other first', 'narrow fallback']);
});

test('targets are ordered as the model says', async () => {
    const places = async (model, n, headers) => {
        const seen = {};
        for (let i = 0; i < n; i++) {
            const answer = await ask(model, { headers: typeof headers === 'function' ? headers(i) : headers });
            assert.equal(answer.status, 200, answer.text);
            const at = answer.headers.get('x-purser-target');
            seen[at] = (seen[at] ?? 0) + 1;
        }
        return seen;
    };
    const drawn = await places('heavy', 120);
    assert.ok(drawn['good/sim-small'] > 85 && drawn['other/sim-small'] >= 1, JSON.stringify(drawn));
    assert.deepEqual(Object.keys(await places('cheap', 5)), ['other/sim-cheap']);
    for (const session of ['s1', 's2', 's3']) {
        const seen = await places('held', 8, { 'x-purser-session': session });
        assert.equal(Object.keys(seen).length, 1, `${session}: ${JSON.stringify(seen)}`);
    }
    const spread = await places('held', 24, (i) => ({ 'x-purser-session': `many-${i}` }));
    assert.equal(Object.keys(spread).length, 2, JSON.stringify(spread));
});

test("the client's deadline ends a call, says so, and is not its target's fault", async () => {
    const wrong = await ask('again', { headers: { 'x-purser-deadline-ms': 'soon' } });
    assert.equal(wrong.status, 400);
    assert.match(wrong.body.error.message, /x-purser-deadline-ms/);
    for (let i = 0; i < 12; i++) {
        const late = await ask('again', { words: '[simulate fault=slow-head ms=3000]', headers: { 'x-purser-deadline-ms': '60', 'x-purser-task': `deadline-${i}` } });
        assert.equal(late.status, 504, late.text);
    }
    assert.equal((await rowsOf('deadline-3')).length, 1);
    assert.equal((await ask('again')).status, 200, 'the breaker is closed still');
    const sdk = await ask('again', { words: '[simulate fault=slow-head ms=4000]', headers: { 'x-stainless-timeout': '1' } });
    assert.equal(sdk.status, 504, sdk.text);
});

test('metrics tell how each target does', async () => {
    const text = await purser.metrics();
    assert.match(text, /^purser_target_state\{target="down\/sim-small",state="(open|half_open)"\} 1$/m);
    assert.match(text, /^purser_target_state\{target="good\/sim-small",state="closed"\} 1$/m);
    assert.match(text, /^purser_target_openings_total\{target="down\/sim-small"\} [1-9]/m);
    assert.match(text, /^purser_target_outcomes_total\{target="down\/sim-small",outcome="failed"\} [1-9]/m);
    assert.match(text, /^purser_target_in_flight\{target="good\/sim-small"\} 0$/m);
    const of = (name, target) => Number(new RegExp(`^purser_target_${name}\\{target="${target}"\\} (\\S+)$`, 'm').exec(text)[1]);
    assert.deepEqual([of('repeats_total', 'down2/sim-small'), of('repeat_tokens', 'down2/sim-small'), of('repeats_refused_total', 'down2/sim-small')], [1, 19, 0]);
    assert.ok(of('resting_seconds', 'rests/sim-small') > 20 && of('resting_seconds', 'good/sim-small') === 0);
    assert.equal(of('waited_total', 'narrow/sim-small'), 2);
});
