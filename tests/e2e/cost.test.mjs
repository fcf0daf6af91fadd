// Promise 3: a cost is exact or says that it is not. Every usage shape of the simulated
// provider, over every protocol, streamed or not: the ledger against what was truly
// generated, priced to the pico-dollar by a separate reading of the prices. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aliceKey, labSettings, post, sleep, startPurser, startSimulator, until } from './helpers.mjs';
import { attemptOf, billOf, book, sum, truthSince } from './truth.mjs';
import { Wire } from './wire.mjs';

/** Every unit has a price of its own, so that no mix-up stays hidden. */
const own = [
    { model: 'lab/sim-units', input: 1.01, cache_read: 0.13, cache_write_5m: 1.73, output: 4.21, reasoning: 5.03, audio_in: 9.07, audio_out: 17.11, requests: 101.3, from: '2026-01-01' },
    { model: 'lab/sim-units', tier: 'flex', input: 0.51, cache_read: 0.07, output: 2.11, from: '2026-01-01' },
    { model: 'lab/sim-units', tier: 'priority', input: 2.03, output: 8.41, from: '2026-01-01' },
    { model: 'lab/sim-plain', input: 0.15, output: 0.6, from: '2026-01-01' },
    { model: 'lab/sim-wide', input: 1.25, cache_read: 0.125, output: 10, from: '2026-01-01' },
    { model: 'lab/sim-wide', context_from: 2000, input: 2.5, cache_read: 0.25, output: 15, from: '2026-01-01' },
    { model: 'lab/sim-free', free: true },
    { model: 'lab/sim-embed', input: 0.02, from: '2026-01-01' },
    { model: 'lab/sim-moderation', input: 0.1, from: '2026-01-01' },
    { model: 'lab/sim-later', input: 1, output: 2, from: '2026-01-01', until: '2026-02-01' },
    { model: 'lab/sim-later', input: 3, output: 5, from: '2026-02-01' },
];
// The same prices under the providers whose quirks tell other shapes.
const quirky = { 'lab-deepseek': 'cache_miss', 'lab-flat': 'flat_cached', 'lab-mistral': 'audio_outside', 'lab-groq': 'x_groq', 'lab-grows': 'cumulative' };
const ownAll = own.flatMap((p) => [p, ...Object.keys(quirky).map((name) => ({ ...p, model: p.model.replace('lab/', `${name}/`) }))]);

let sim, purser;
before(async () => {
    sim = await startSimulator({ args: ['--output-tokens', '3..60'] });
    const there = { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-simulated' };
    purser = await startPurser({
        settings: labSettings(sim, {
            log: 'off',
            providers: {
                lab: { ...there, kind: 'openai-compatible' },
                ...Object.fromEntries(Object.entries(quirky).map(([name, quirk]) => [name, { ...there, kind: 'openai-compatible', quirks: [quirk] }])),
                openai: { ...there, book: 'openai' },
            },
            models: {},
            prices: ownAll,
            budgets: [{ name: 'all', scope: {}, limit_usd: 1000, window: 'total' }],
        }),
    });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

let tasks = 0;
/** Sends calls [{ path, body, ... }], then gives each with its row and the simulator's truth. */
async function carry(calls) {
    const since = (await sim.truth('?limit=1&since=0')).totals.calls;
    const task = `cost-${process.pid}-${++tasks}`;
    for (let at = 0; at < calls.length; at += 40) {
        await Promise.all(calls.slice(at, at + 40).map(async (call, i) => {
            call.task = `${task}-${at + i}`;
            call.answer = await post(purser, call.path, call.body, { headers: { 'x-purser-task': call.task, ...call.headers } });
        }));
    }
    const rows = await purser.rows(calls.length, { where: `task LIKE '${task}-%'` });
    const truth = new Map((await truthSince(sim, since)).map((c) => [attemptOf(c), c]));
    for (const call of calls) {
        const its = rows.filter((r) => r.task === call.task);
        assert.equal(its.length, 1, `${call.what}: ${its.length} rows; ${call.answer.status} ${call.answer.text.slice(0, 400)}`);
        [call.row] = its;
        call.truth = truth.get(String(call.row.attempt_id));
        assert.ok(call.truth, `${call.what}: the simulator knows of no such attempt`);
    }
    return calls;
}

const UNITS = { input: 'input_tokens', cache_read: 'cache_read_tokens', cache_write: 'cache_write_5m_tokens', output: 'output_tokens', reasoning: 'reasoning_tokens', audio_in: 'audio_in_tokens', audio_out: 'audio_out_tokens' };

/** Usage and cost of the row are the truth, to the last digit. */
function assertExact({ what, row, truth }, { provider = row.provider, ...how } = {}) {
    const bill = billOf(truth, { own: ownAll, provider, ...how });
    for (const [unit, column] of Object.entries(UNITS)) {
        assert.equal(Number(row[column]), truth.usage[unit], `${what}: ${unit}; truth ${JSON.stringify(truth.usage)}, raw usage in ${row.attempt_id}`);
    }
    assert.equal(row.cost_state, 'exact', what);
    assert.equal(BigInt(row.cost_picousd), bill.total, `${what}: cost`);
    assert.equal(row.cost_max_picousd, row.cost_picousd, `${what}: upper end`);
    const parts = Object.keys(row).filter((c) => /^cost_.*_picousd$/.test(c) && c !== 'cost_max_picousd').reduce((all, c) => all + BigInt(row[c]), 0n);
    assert.equal(parts, bill.total, `${what}: the parts by unit`);
    assert.ok(bill.total <= BigInt(row.held_picousd), `${what}: above the bound`);
}

const PATHS = { chat: '/v1/chat/completions', completions: '/v1/completions', responses: '/v1/responses', embeddings: '/v1/embeddings', moderations: '/v1/moderations' };
const text = (control) => `The quick brown fox jumps over the lazy dog, again and again and again. [simulate ${control}]`;
function bodyOf(kind, model, control, more = {}) {
    if (kind === 'chat') return { model, messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: text(control) }], ...more };
    if (kind === 'completions') return { model, prompt: text(control), ...more };
    return { model, input: text(control), ...more };
}

const CONTENT = ['', 'plain', 'cached', 'cache_write', 'reasoning', 'audio', 'all', 'absurd', 'cached,reasoning'];
const PLACES = ['', 'finish', 'separate', 'every'];

test('every usage shape, protocol and way of telling it: exact to the pico-dollar', async (t) => {
    const calls = [];
    const add = (kind, provider, usage, stream, more = {}) => calls.push({
        what: `${kind} ${provider} usage=${usage} ${stream ? 'streamed' : 'whole'} ${JSON.stringify(more)}`,
        path: PATHS[kind], body: bodyOf(kind, `${provider}/sim-units`, usage ? `usage=${usage}` : 'tokens=7', { ...(stream ? { stream } : {}), ...more }),
    });
    for (const kind of ['chat', 'completions', 'responses']) {
        for (const content of CONTENT) {
            add(kind, 'lab', content, false);
            if (kind === 'responses') {
                add(kind, 'lab', content, true);
                continue;
            }
            for (const place of PLACES) {
                const usage = [content, place].filter(Boolean).join(',');
                const provider = place === 'every' ? 'lab-grows' : 'lab';
                add(kind, provider, usage, true);
                add(kind, provider, usage, true, { stream_options: { include_usage: true } });
            }
        }
    }
    for (const kind of ['chat', 'completions']) {
        for (const stream of [false, true]) {
            for (const [provider, usage] of [['lab-deepseek', 'deepseek'], ['lab-flat', 'flat_cached'], ['lab-mistral', 'mistral_audio'], ['lab-groq', 'x_groq'], ['lab-groq', 'cached,x_groq']]) {
                if (provider === 'lab-mistral' && kind !== 'chat') continue;
                if (provider === 'lab-groq' && !stream) continue;
                add(kind, provider, usage, stream);
            }
        }
    }
    for (const usage of ['', 'cached']) add('embeddings', 'lab', usage, false);
    add('chat', 'lab', 'all', false, { n: 3 });
    add('chat', 'lab', 'reasoning', true, { n: 2 });
    await carry(calls);
    for (const call of calls) {
        assert.equal(call.answer.status, 200, `${call.what}: ${call.answer.text.slice(0, 300)}`);
        assertExact(call);
    }
    t.diagnostic(`${calls.length} calls`);
});

test('embeddings and moderations: input alone', async () => {
    const calls = await carry([
        { what: 'embeddings', path: PATHS.embeddings, body: { model: 'lab/sim-embed', input: ['one text', 'another, longer text'] } },
        { what: 'moderations', path: PATHS.moderations, body: { model: 'lab/sim-moderation', input: 'a text to judge' } },
    ]);
    for (const call of calls) {
        assertExact(call);
        assert.equal(call.row.output_tokens, 0);
    }
});

test('the tier that was served is the one that is paid', async () => {
    const calls = [];
    for (const stream of [false, true]) {
        for (const served of ['default', 'flex', 'priority']) {
            for (const kind of ['chat', 'responses']) {
                calls.push({ what: `${kind} served ${served}`, served, path: PATHS[kind], body: bodyOf(kind, 'lab/sim-units', `usage=cached service_tier=${served}`, { stream }) });
            }
        }
        calls.push({ what: 'asked for flex, served default', served: 'default', differs: true, path: PATHS.chat, body: bodyOf('chat', 'lab/sim-units', 'service_tier=default', { stream, service_tier: 'flex' }) });
    }
    for (const call of await carry(calls)) {
        assert.equal(call.row.service_tier, call.served, call.what);
        assertExact(call, { tier: call.served });
        if (call.differs) assert.notEqual(call.row.usage_flags, 0, 'nothing says that another tier was served');
    }
    // a tier without a price: the standard one, and not called exact
    const [call] = await carry([{ what: 'no price for flex', path: PATHS.chat, body: bodyOf('chat', 'lab/sim-plain', 'service_tier=flex') }]);
    assert.equal(call.row.cost_state, 'estimated');
    assert.equal(BigInt(call.row.cost_picousd), billOf(call.truth, { own: ownAll, tier: 'default' }).total);
});

test('a context tier reprices the whole call, from its edge on', async () => {
    const calls = [];
    for (const tokens of [1, 1999, 2000, 2001, 50000]) {
        for (const usage of ['plain', 'cached']) {
            calls.push({ what: `${tokens} tokens, ${usage}`, path: PATHS.chat, body: bodyOf('chat', 'lab/sim-wide', `input-tokens=${tokens} tokens=11 usage=${usage}`) });
        }
    }
    const at = {};
    for (const { row, truth, what } of await carry(calls)) {
        // more input than bytes: the bound cannot hold here, the bill is what it is
        assert.equal(BigInt(row.cost_picousd), billOf(truth, { own: ownAll }).total, what);
        at[what] = BigInt(row.cost_output_picousd);
    }
    assert.equal(at['1 tokens, plain'], 11n * 10000000n);
    assert.equal(at['50000 tokens, plain'], 11n * 15000000n);
});

test('the built-in book: names as people write them', async () => {
    const names = ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18', 'gpt-5-mini', 'gpt-4.1', 'o4-mini', 'GPT-4o'];
    const calls = names.map((name) => ({ what: name, path: PATHS.chat, body: bodyOf('chat', `openai/${name}`, 'usage=cached,reasoning') }));
    calls.push({ what: 'embeddings of the book', path: PATHS.embeddings, body: { model: 'openai/text-embedding-3-small', input: 'a text' } });
    for (const call of await carry(calls)) {
        const bill = billOf(call.truth, { provider: 'openai' });
        assert.ok(bill.total > 0n, `${call.what} has no price in the book of ${book.made}`);
        assertExact(call, { provider: 'openai' });
    }
});

test('prices have dates', async () => {
    const [call] = await carry([{ what: 'later', path: PATHS.chat, body: bodyOf('chat', 'lab/sim-later', 'tokens=10') }]);
    assertExact(call);
    assert.equal(BigInt(call.row.cost_output_picousd), 50000000n);
});

test('free is a state of its own', async () => {
    const [call] = await carry([{ what: 'free', path: PATHS.chat, body: bodyOf('chat', 'lab/sim-free', 'tokens=10') }]);
    assert.equal(call.row.cost_state, 'free');
    assert.equal(call.row.cost_picousd, 0);
    assert.equal(Number(call.row.output_tokens), 10);
});

test('without usage, cut, or left by its client, a cost is an estimate with an upper end', async () => {
    const calls = [];
    for (const kind of ['chat', 'completions', 'responses']) {
        for (const stream of [false, true]) {
            for (const control of ['usage=absent', 'fault=cut tokens=40 after=10', 'fault=cut-clean tokens=40 after=10', 'fault=end-early tokens=40', 'fault=malformed tokens=40', 'fault=wrong-length tokens=40']) {
                if (control === 'usage=absent' && kind === 'responses') continue;
                calls.push({ what: `${kind} ${stream ? 'streamed' : 'whole'} ${control}`, control, path: PATHS[kind], body: bodyOf(kind, 'lab/sim-units', control, { stream }) });
            }
        }
    }
    for (const { what, row, truth, control } of await carry(calls)) {
        const told = row.usage_known && !/cut|early/.test(control); // some faults come after the usage was told
        if (told && row.cost_state === 'exact') {
            assert.equal(BigInt(row.cost_picousd), billOf(truth, { own: ownAll }).total, what);
            continue;
        }
        assert.equal(row.cost_state, 'estimated', what);
        assert.ok(row.cost_picousd > 0, `${what}: nothing`);
        assert.ok(BigInt(row.cost_picousd) <= BigInt(row.cost_max_picousd) && BigInt(row.cost_max_picousd) <= BigInt(row.held_picousd), `${what}: ${row.cost_picousd} <= ${row.cost_max_picousd} <= ${row.held_picousd}`);
        const bill = billOf(truth, { own: ownAll }).total;
        assert.ok(bill <= BigInt(row.cost_max_picousd), `${what}: in truth ${bill}, at most ${row.cost_max_picousd} by the ledger`);
        assert.equal(row.status === 'ok', control === 'usage=absent', `${what}: ${row.status}`);
        assert.equal(row.wasted, control === 'usage=absent' ? 0 : 1, what);
    }
});

test('a client that hangs up pays what was generated, as an estimate', async () => {
    const task = `gone-${process.pid}`;
    for (const after of [1, 5, 20]) {
        const wire = new Wire(purser.port);
        let events = 0;
        await wire.post(PATHS.chat, bodyOf('chat', 'lab/sim-units', 'tokens=400 between=5ms', { stream: true }), {
            key: aliceKey, headers: { 'x-purser-task': `${task}-${after}` },
            onBody: (bytes, answer) => {
                events += bytes.toString().split('data: ').length - 1;
                if (events > after) answer.hangUp();
            },
        });
        const [row] = await purser.rows(1, { where: `task = '${task}-${after}'` });
        const truth = (await truthSince(sim)).find((c) => attemptOf(c) === String(row.attempt_id));
        const bill = billOf(truth, { own: ownAll }).total;
        assert.equal(row.status, 'client_gone');
        assert.equal(row.cost_state, 'estimated');
        assert.ok(truth.aborted && truth.generated_tokens < 400, `the provider went on: ${JSON.stringify(truth)}`);
        assert.ok(BigInt(row.cost_picousd) <= BigInt(row.cost_max_picousd) && bill <= BigInt(row.cost_max_picousd));
        assert.ok(row.output_tokens >= after, `${row.output_tokens} tokens billed after ${after} were seen`);
    }
});

test('an error of the provider costs nothing', async () => {
    const calls = ['429', '500', '503', '400', '401'].flatMap((fault) => [false, true].map((stream) => ({
        what: `${fault} ${stream}`, fault, path: PATHS.chat, body: bodyOf('chat', 'lab/sim-units', `fault=${fault}`, { stream }),
    })));
    for (const { what, row, fault } of await carry(calls)) {
        assert.equal(row.cost_picousd, 0, what);
        assert.equal(row.cost_max_picousd, 0, what);
        assert.equal(row.cost_state, 'free', what);
        assert.equal(row.status, 'provider_error', what);
        assert.equal(row.http_status, Number(fault), what);
        assert.equal(row.wasted, 1, what);
    }
});

test('an unknown price is refused, with the line to add; or held and posted at a ceiling, marked', async () => {
    const refused = await post(purser, PATHS.chat, bodyOf('chat', 'lab/sim-unheard-of', 'tokens=10'));
    assert.equal(refused.status, 402);
    assert.equal(refused.body.error.code, 'unpriced_model');
    assert.match(refused.body.error.message, /prices: \[\{ model: lab\/sim-unheard-of, input: .*book: openai/);

    const prices = [{ model: 'lab/sim-unheard-of', input: 1, output: 1, until: '2026-01-01' }];
    const strict = await startPurser({ settings: labSettings(sim, { log: 'off', prices, budgets: [] }) });
    const ended = await post(strict, PATHS.chat, bodyOf('chat', 'lab/sim-unheard-of', 'tokens=10'));
    assert.equal(ended.body.error?.code, 'unpriced_model', ended.text);
    assert.match(ended.body.error.message, /No price is in force now for 'lab\/sim-unheard-of'/);
    await strict.stop();

    const other = await startPurser({ settings: labSettings(sim, { log: 'off', prices, unpriced: { ceiling: { input: 5, output: 20 } }, budgets: [{ name: 'cap', scope: {}, limit_usd: 1, window: 'total' }] }) });
    const answer = await post(other, PATHS.chat, bodyOf('chat', 'lab/sim-unheard-of', 'usage=plain tokens=10'));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('x-purser-cost-usd'), null, 'a ceiling is told as if it were the cost');
    const [row] = await other.rows(1);
    assert.equal(row.cost_state, 'unpriced');
    const usage = answer.body.usage;
    assert.equal(BigInt(row.cost_picousd), BigInt(usage.prompt_tokens) * 5000000n + BigInt(usage.completion_tokens) * 20000000n);
    await post(other, PATHS.chat, { ...bodyOf('chat', 'lab/sim-unheard-of', 'tokens=20 fault=cut after=5'), stream: true });
    const cut = (await other.rows(2)).find((r) => r.attempt_id !== row.attempt_id);
    assert.equal(cut.cost_state, 'unpriced');
    assert.equal(cut.cost_max_picousd, cut.held_picousd, 'its end was not seen: it may have cost what was held');
    await other.stop();
});

test('a machine by the hour: time used and idle time are both lines, and together the bill', async () => {
    const began = Date.now();
    const other = await startPurser({
        settings: labSettings(sim, {
            log: 'off', prices: [], models: { cheap: 'gpu/sim-small' },
            providers: { gpu: { kind: 'vllm', base_url: `${sim.url}/v1`, cost_per_hour: 3.6, concurrency_at_full: 2 } },
        }),
    });
    for (const latency of ['300ms', '200ms']) {
        const answer = await post(other, PATHS.chat, { model: 'cheap', messages: [{ role: 'user', content: `x [simulate tokens=5 latency=${latency}]` }] });
        assert.equal(answer.status, 200, answer.text);
    }
    await sleep(300);
    await other.rows(2);
    await other.stop(); // the last line of idle time is written on the way out
    const alive = Date.now() - began;
    const rows = await other.sql('SELECT * FROM attempts ORDER BY at_us');
    const used = rows.filter((r) => r.reason === 'first'), idle = rows.filter((r) => r.reason === 'idle');
    assert.equal(used.length, 2);
    assert.ok(idle.length >= 1, 'no line for the time in which nobody used it');
    for (const row of used) {
        // $3.60 an hour is 10^9 pico-dollars a second, a call fills half of the machine
        assert.ok(row.cost_picousd >= 200_000 * 500 && row.cost_picousd <= row.total_us * 500, `${row.cost_picousd} for ${row.total_us} us`);
        assert.equal(row.cost_state, 'exact');
    }
    const paid = rows.reduce((all, r) => all + Number(r.cost_picousd), 0);
    assert.ok(paid <= alive * 1e6, `$${paid / 1e12} for ${alive} ms`);
    assert.ok(paid >= 800 * 1e6, `$${paid / 1e12} for at least 800 ms`);
    assert.ok(idle.every((r) => r.wasted === 1 && r.provider === 'gpu'));
});

test('nothing stays held', async () => {
    await until('every hold back', async () => /^purser_held_usd 0$/m.test(await purser.metrics()));
});

test('metrics count each token once: what a cache holds is input, and is so no second time', async () => {
    const units = { input: ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_in', 'image'], output: ['output', 'reasoning', 'audio_out'] };
    const text = await purser.metrics();
    for (const [type, parts] of Object.entries(units)) {
        const [{ all, cached }] = await purser.sql(`SELECT sum(${parts.map((u) => `${u}_tokens`).join(' + ')}) AS "all", sum(cache_read_tokens + cache_write_5m_tokens) AS cached FROM attempts`);
        const told = [...text.matchAll(new RegExp(`^gen_ai_client_token_usage_sum\\{.*gen_ai_token_type="${type}".*\\} (\\d+)$`, 'gm'))].map((m) => BigInt(m[1]));
        assert.ok(told.length > 1 && Number(cached) > 0);
        assert.equal(sum(told), BigInt(all), `${type} tokens`);
    }
    const next = await (await fetch(`${purser.adminUrl}/metrics?genai=next`, { headers: { authorization: `Bearer ${purser.adminToken}` } })).text();
    const usage = (name, of = next) => sum([...of.matchAll(new RegExp(`^gen_ai_client_inference_usage_${name}_total\\{.*gen_ai_token_modality="\\w+".*\\} (\\d+)$`, 'gm'))].map((m) => BigInt(m[1])));
    const of = async (...parts) => BigInt((await purser.sql(`SELECT sum(${parts.map((u) => `${u}_tokens`).join(' + ')}) AS n FROM attempts`))[0].n);
    assert.equal(usage('input_tokens'), await of(...units.input));
    assert.equal(usage('output_tokens'), await of(...units.output));
    assert.equal(usage('cache_read_input_tokens'), await of('cache_read'));
    assert.equal(usage('cache_write_input_tokens'), await of('cache_write_5m', 'cache_write_1h'));
    assert.equal(usage('reasoning_output_tokens'), await of('reasoning'));
    assert.equal(usage('input_tokens', text), 0n, 'asked for only');
    const chunks = [...text.matchAll(/^gen_ai_client_operation_time_per_output_chunk_seconds_count\{.*\} (\d+)$/gm)];
    assert.ok(chunks.length && chunks.every((m) => Number(m[1]) > 0), 'streams have pieces');
});
