// Promise 1: a hard budget is hard. A thousand clients at once on one dollar, round after
// round; then what a refusal says, and every other kind of budget. @sanitizers
//
//   PURSER_ROUNDS=100  node --test tests/e2e/budget.test.mjs     (default 8)
//   PURSER_SEED=7      draws of another seed
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aliceKey, bobKey, labSettings, post, sanitized, sleep, startPurser, startSimulator, until } from './helpers.mjs';
import { attemptOf, billOf, sum, truthSince, usd } from './truth.mjs';
import { draws, Wire } from './wire.mjs';

const rounds = Number(process.env.PURSER_ROUNDS ?? (sanitized ? 2 : 8));
const clients = Number(process.env.PURSER_CLIENTS ?? (sanitized ? 200 : 1000));
const seed = Number(process.env.PURSER_SEED ?? 1);
const DOLLAR = 10n ** 12n;

/** About $0.0007 a call: some fourteen hundred of them are a dollar. */
const prices = [{ model: 'lab/sim-small', input: 5, output: 20, from: '2026-01-01' }];

let sim;
before(async () => {
    sim = await startSimulator({ args: ['--output-tokens', '20..40', '--first-token', '2ms..10ms', '--between-tokens', '100us..300us', '--seed', String(seed)] });
});
after(() => sim?.stop());

/** Nothing in flight, nothing held, by purser's own figures. */
async function drained(purser) {
    await until('every hold back', async () => {
        const text = await purser.metrics();
        const figure = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
        return figure('purser_held_usd') === 0 && figure('purser_requests_in_flight') === 0 &&
            figure('purser_ledger_open_holds') === 0 && figure('purser_ledger_waiting_bytes') === 0;
    }, { seconds: 30 });
}

async function budgetsOf(purser) {
    const got = await fetch(`${purser.adminUrl}/api/v1/budgets`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.equal(got.status, 200);
    return (await got.json()).rows;
}

// ---- a thousand clients, one dollar

const keyOf = (round) => `sk-purser-round-${String(round).padStart(4, '0')}-0123456789`;

function callBody(kind, draw, n) {
    const fault = draw.chance(0.01) ? ` fault=${['500', 'cut', 'end-early', '429'][draw.below(4)]}` : '';
    return {
        model: 'cheap',
        stream: kind.stream,
        ...(kind.own ? { max_completion_tokens: 40 } : {}),
        messages: [{ role: 'user', content: `Call ${n}.${fault ? ` [simulate${fault}]` : ''}` }],
    };
}

/** One client: calls until neither kind of call fits any more. */
async function spender(wire, key, draw, seen) {
    let unlimitedToo = true;
    for (let n = 0; ; n++) {
        const kind = { own: !unlimitedToo || draw.chance(0.5), stream: draw.chance(0.5) };
        const hangUp = draw.chance(0.02);
        const before = hangUp && draw.chance(0.3);
        const sent = wire.post('/v1/chat/completions', callBody(kind, draw, n), {
            key,
            onBody: hangUp && !before ? (_, answer) => answer.hangUp() : undefined,
        });
        const leave = before && setTimeout(() => wire.close(), draw.below(6));
        const answer = await sent;
        clearTimeout(leave);
        seen[answer.status] = (seen[answer.status] ?? 0) + 1;
        if (answer.status === 402) {
            seen.lastRefusal = answer;
            assert.equal(answer.json.error.type, 'insufficient_quota');
            if (kind.own) return;
            unlimitedToo = false;
        } else if (answer.status === 429 && answer.json?.error.code === 'budget_busy') {
            seen.busy = (seen.busy ?? 0) + 1;
            assert.ok(Number(answer.headers['retry-after']) >= 1, 'budget_busy without Retry-After');
            await sleep(Number(answer.headers['retry-after']) * 1000);
        } else {
            assert.ok([0, 200, 429, 500, 502].includes(answer.status), `${answer.status}: ${answer.text}`);
            if (answer.status === 502) assert.match(answer.json.error.code, /^provider_/, answer.text);
            if (answer.status === 200 && !hangUp) {
                assert.ok(answer.complete, `an answer was cut after ${answer.size} bytes`);
                if (kind.stream) assert.match(answer.text, /data: \[DONE\]\n\n$|"error":\{/, 'a stream without an end');
            }
        }
    }
}

test(`${clients} clients on $1.00, ${rounds} rounds: between $0.95 and $1.00, every hold back`, async (t) => {
    const all = Array.from({ length: rounds }, (_, i) => i);
    const purser = await startPurser({
        settings: labSettings(sim, {
            prices,
            log: 'off',
            keys: all.map((i) => ({ name: `round-${i}`, secret: keyOf(i) })),
            budgets: all.map((i) => ({ name: `dollar-${i}`, scope: { key: `round-${i}` }, limit_usd: 1, window: 'total' })),
        }),
    });
    const wires = Array.from({ length: clients }, () => new Wire(purser.port));
    t.after(() => wires.forEach((wire) => wire.close()));
    let since = 0;
    for (const round of all) {
        const draw = draws(seed * 1000 + round);
        const seen = {};
        const began = Date.now();
        await Promise.all(wires.map((wire) => spender(wire, keyOf(round), draw, seen)));
        await drained(purser);
        const rows = await purser.rows(0, { where: `key = 'round-${round}'` });
        const calls = await truthSince(sim, since);
        since = calls.at(-1).id;
        const spent = sum(rows, (r) => r.cost_picousd);
        const what = `round ${round} (seed ${seed}): ${rows.length} attempts cost ${usd(spent)}`;
        assert.ok(spent <= DOLLAR, `${what}: above the budget`);
        assert.ok(spent >= DOLLAR * 95n / 100n, `${what}: refused too early; the last refusal: ${seen.lastRefusal?.text}`);

        // the simulator's own count: each call it saw is one row, exact ones to the digit
        const byAttempt = new Map(calls.map((c) => [attemptOf(c), c]));
        assert.equal(byAttempt.size, calls.length);
        let true_cost = 0n;
        for (const row of rows) {
            const call = byAttempt.get(String(row.attempt_id));
            const bill = call ? billOf(call, { own: prices }).total : 0n;
            true_cost += bill;
            if (row.cost_state === 'exact') assert.equal(BigInt(row.cost_picousd), bill, `${what}: row ${row.attempt_id} of ${call?.request_id}`);
            assert.ok(bill <= BigInt(row.held_picousd), `${what}: row ${row.attempt_id} cost more than its bound`);
            byAttempt.delete(String(row.attempt_id));
        }
        assert.deepEqual([...byAttempt.values()], [], `${what}: calls without a row`);
        // what was cut or left is estimated, rather above the truth than below it
        const guessed = sum(rows.filter((r) => r.cost_state === 'estimated'), (r) => r.cost_picousd);
        assert.ok(true_cost <= DOLLAR && true_cost + guessed >= DOLLAR * 95n / 100n, `${what}, but in truth ${usd(true_cost)}`);

        const [budget] = (await budgetsOf(purser)).filter((b) => b.budget === `dollar-${round}`);
        assert.equal(BigInt(budget.spent), spent, `${what}: the budget thinks otherwise`);
        assert.equal(budget.held, 0);
        assert.equal(budget.waiting, 0);
        const estimated = rows.filter((r) => r.cost_state === 'estimated').length;
        t.diagnostic(`${what}, in truth ${usd(true_cost)}; ${estimated} estimated, ${seen[402]} refused, ${seen.busy ?? 0} busy; ${Date.now() - began} ms`);
    }
    await purser.stop();
});

// ---- what a refusal says, and the other kinds of budget

/** Input next to free, so that a bound is about $0.00002 for each token of the output limit. */
const plain = [{ model: 'lab/sim-small', input: 0.5, output: 20, from: '2026-01-01' }];

const ask = (content, more = {}) => ({ model: 'cheap', messages: [{ role: 'user', content }], ...more });
const chat = (purser, content, more, options) => post(purser, '/v1/chat/completions', ask(content, more), options);

async function withBudgets(budgets, run, more = {}) {
    const purser = await startPurser({ settings: labSettings(sim, { prices: plain, budgets, log: 'off', ...more }) });
    try {
        await run(purser);
    } finally {
        await purser.stop();
    }
}

/** Calls of 40 tokens with a limit of their own until one is refused; how many were served. */
async function spendAll(purser, { max = 1000, options, more } = {}) {
    for (let served = 0; served < max; served++) {
        const answer = await chat(purser, 'Go. [simulate tokens=40]', { max_completion_tokens: 40, ...more }, options);
        if (answer.status !== 200) return { served, answer };
    }
    throw new Error(`${max} calls were served and none refused`);
}

test('a refusal names the budget, what is left, when it resets and what would fit', async () => {
    await withBudgets([{ name: 'small-change', scope: { key: 'alice' }, limit_usd: 0.01, window: 'day' }], async (purser) => {
        const { answer } = await spendAll(purser);
        assert.equal(answer.status, 402);
        const { error } = answer.body;
        assert.equal(error.type, 'insufficient_quota');
        assert.equal(error.code, 'insufficient_quota');
        assert.equal(answer.headers.get('x-should-retry'), 'false');
        const told = /'small-change' has \$([\d.]+) of \$0\.01 left; it resets at (\d{4}-\d\d-\d\dT\S+)\. .*up to \$(\d+\.\d+)/.exec(error.message);
        assert.ok(told, error.message);
        const spent = sum(await purser.rows(), (r) => r.cost_picousd);
        assert.equal(Number(told[1]), Number(10n ** 10n - spent) / 1e12, 'what is left');
        assert.ok(Number(told[3]) > Number(told[1]), 'refused although it would have fit');
        const midnight = new Date(told[2]);
        assert.ok(midnight > new Date() && midnight - new Date() <= 24 * 3600e3 && midnight.toISOString().endsWith('T00:00:00.000Z'));

        const fits = /output limit of at most (\d+) tokens would fit/.exec(error.message);
        assert.ok(fits, error.message);
        const again = await chat(purser, 'Go. [simulate tokens=40]', { max_completion_tokens: Number(fits[1]) });
        assert.equal(again.status, 200, `what was said to fit did not: ${again.text}`);
        assert.equal((await chat(purser, 'Other keys pay for themselves.', {}, { key: bobKey })).status, 200);
        assert.equal((await purser.rows(0, { where: "status = 'budget_spent'" })).length, 0, 'a refused call has a row, but no money moved');
    });
});

test('a call waits for money that is only held, and is served; wait: 0 refuses at once', async () => {
    const budget = { name: 'narrow', scope: { key: 'alice' }, limit_usd: 0.02, window: 'total' };
    // the bound of 900 tokens is $0.018: one at a time
    const slow = 'Slowly. [simulate tokens=20 latency=400ms]', own = { max_completion_tokens: 900 };
    await withBudgets([{ ...budget, wait: '30s' }], async (purser) => {
        const answers = await Promise.all([chat(purser, slow, own), chat(purser, slow, own), chat(purser, slow, own)]);
        assert.deepEqual(answers.map((a) => a.status), [200, 200, 200]);
        const rows = await purser.rows(3);
        assert.equal(rows.filter((r) => r.wait_us > 0).length, 2);
        // of two workers, so in no order; the provider thinks for 400 ms before a call's money is given back
        const starts = rows.map((r) => r.at_us + r.wait_us).sort((a, b) => a - b);
        for (let i = 1; i < 3; i++) assert.ok(starts[i] - starts[i - 1] >= 300_000, `held twice at the same time: ${starts}`);

        let over = false; // no longer than the client waits
        const first = chat(purser, 'Slowly. [simulate tokens=20 latency=1500ms]', own).finally(() => (over = true));
        await until('the first call at the provider', async () => (await sim.truth('?limit=1')).totals.live === 1);
        const late = await chat(purser, slow, own, { headers: { 'x-purser-deadline-ms': '100' } });
        assert.deepEqual([late.status, over], [429, false], late.text);
        assert.equal((await first).status, 200);
    });
    await withBudgets([{ ...budget, wait: '0s' }], async (purser) => {
        const first = chat(purser, slow, own);
        await until('the first call at the provider', async () => (await sim.truth('?limit=1')).totals.live === 1);
        const answer = await chat(purser, slow, own);
        assert.equal(answer.status, 429, answer.text);
        assert.equal(answer.body.error.code, 'budget_busy');
        assert.match(answer.body.error.message, /'narrow'/);
        assert.ok(Number(answer.headers.get('retry-after')) >= 1);
        assert.equal((await first).status, 200);
        assert.equal((await chat(purser, 'Now it fits again.', own)).status, 200);
    });
});

test('a client that hangs up in the queue leaves it', async () => {
    await withBudgets([{ name: 'narrow', scope: { key: 'alice' }, limit_usd: 0.02, window: 'total', wait: '30s' }], async (purser) => {
        const own = { max_completion_tokens: 900 };
        const first = chat(purser, 'Slowly. [simulate tokens=20 latency=700ms]', own);
        await until('the first call at the provider', async () => (await sim.truth('?limit=1')).totals.live === 1);
        const gone = new Wire(purser.port);
        const left = gone.post('/v1/chat/completions', ask('Nobody waits for this.', own), { key: aliceKey });
        await until('one in the queue', async () => (await budgetsOf(purser))[0].waiting === 1);
        gone.close();
        await left;
        await until('the queue empty', async () => (await budgetsOf(purser))[0].waiting === 0);
        assert.equal((await first).status, 200);
        assert.equal((await chat(purser, 'My turn.', own)).status, 200);
        await drained(purser);
        assert.equal((await purser.rows(2)).length, 2, 'the call that left reached the provider');
    });
});

test('clamp: the limit a client set is lowered only where the budget says so', async () => {
    for (const clamp of [false, true]) {
        await withBudgets([{ name: 'cap', scope: { key: 'alice' }, limit_usd: 0.01, window: 'total', clamp }], async (purser) => {
            const answer = await chat(purser, 'A long one. [simulate tokens=2000]', { max_completion_tokens: 2000 });
            if (!clamp) {
                assert.equal(answer.status, 402);
                return;
            }
            assert.equal(answer.status, 200, answer.text);
            const kept = Number(answer.headers.get('x-purser-max-output-tokens'));
            assert.ok(kept > 400 && kept < 500, `lowered to ${kept}`);
            assert.equal(answer.body.usage.completion_tokens, kept, 'the provider kept another limit');
            assert.equal(answer.body.choices[0].finish_reason, 'length');
            assert.ok(sum(await purser.rows(1), (r) => r.cost_picousd) <= 10n ** 10n);
        });
    }
});

test('a limit that the client left out is written into the call and lowered to what fits', async () => {
    await withBudgets([{ name: 'cap', scope: { key: 'alice' }, limit_usd: 0.01, window: 'total' }], async (purser) => {
        const answer = await chat(purser, 'A long one. [simulate tokens=2000]');
        assert.equal(answer.status, 200, answer.text);
        assert.ok(answer.body.usage.completion_tokens < 500);
        assert.ok(sum(await purser.rows(1), (r) => r.cost_picousd) <= 10n ** 10n);
        assert.equal((await chat(purser, 'And one more.')).status, 402, 'less than 256 tokens were worth a call');
    });
});

test('budgets of tokens and of requests are as hard, also at once', async () => {
    await withBudgets([
        { name: 'tokens', scope: { key: 'alice' }, limit_tokens: 10000, window: 'total' },
        { name: 'calls', scope: { key: 'bob' }, limit_requests: 7, window: 'total', wait: '0s' },
    ], async (purser) => {
        const raw = (choices, limit) => post(purser, '/v1/chat/completions', `{"model":"cheap","n":${choices},"max_tokens":${limit},"messages":[{"role":"user","content":"x"}]}`);
        for (const choices of [1, 2, 4]) // in 64 bits the last is 100 tokens, and what wraps would let it through
            assert.equal((await raw(choices, '4611686018427387929')).status, 402, `2^62 + 25 tokens, ${choices} times`);
        const many = await Promise.all(Array.from({ length: 300 }, () => chat(purser, 'x [simulate tokens=40]', { max_completion_tokens: 40 })));
        const rows = await purser.rows(many.filter((a) => a.status === 200).length);
        const used = rows.reduce((all, r) => all + r.input_tokens + r.output_tokens, 0);
        assert.ok(used <= 10000 && used > 8500, `${used} of 10000 tokens used`);
        assert.ok(many.every((a) => a.status === 200 || a.status === 402), `${many.map((a) => a.status)}`);
        assert.match(many.find((a) => a.status === 402).body.error.message, /'tokens' has \d+ tokens of 10000 tokens left/);

        const calls = await Promise.all(Array.from({ length: 30 }, () => chat(purser, 'x', {}, { key: bobKey })));
        assert.equal(calls.filter((a) => a.status === 200).length, 7, `${calls.map((a) => a.status)}`);
        const after = await chat(purser, 'x', {}, { key: bobKey });
        assert.equal(after.status, 402);
        assert.match(after.body.error.message, /'calls' has 0 requests of 7 requests left/);
    });
});

test('a provider that says how little it adds to a call leaves room in small budgets of tokens, and none is overshot', async () => {
    const budgets = [{ name: 'small', scope: { key: 'alice' }, limit_tokens: 1000, window: 'total', wait: '0s' }];
    const call = (purser) => chat(purser, `${'Some words. '.repeat(16)}[simulate tokens=100]`, { max_completion_tokens: 100 });
    await withBudgets(budgets, async (purser) => {
        assert.equal((await call(purser)).status, 402, 'by what providers may add');
        await purser.reload(labSettings(sim, { prices, budgets, providers: { lab: { ...labSettings(sim).providers.lab, added_tokens: 16 } } }));
        const statuses = [];
        for (let n = 0; n < 10; n++) statuses.push((await call(purser)).status);
        assert.ok(statuses[0] === 200 && statuses.at(-1) === 402, `${statuses}`);
        const rows = await purser.rows(statuses.filter((status) => status === 200).length);
        const used = rows.reduce((all, r) => all + r.input_tokens + r.output_tokens, 0);
        assert.ok(used <= 1000 && used > 500, `${used} of 1000 tokens used`);
    });
});

test('one counter for each user, and the call pays in every budget that applies or in none', async () => {
    await withBudgets([
        { name: 'each-user', scope: { user: '*' }, limit_usd: 0.005, window: 'month' },
        { name: 'all', scope: {}, limit_usd: 0.0125, window: 'month' },
    ], async (purser) => {
        const as = (user) => ({ options: { headers: { 'x-purser-user': user } } });
        const ana = await spendAll(purser, as('ana'));
        assert.match(ana.answer.body.error.message, /'each-user'/);
        const ben = await spendAll(purser, { more: { user: 'ben' } });
        assert.match(ben.answer.body.error.message, /'each-user'/);
        assert.equal(ben.served, ana.served);
        const cleo = await spendAll(purser, as('cleo'));
        assert.match(cleo.answer.body.error.message, /'all'/);
        assert.ok(cleo.served < ana.served);
        await drained(purser);
        const rows = await purser.rows();
        const of = (user) => sum(rows.filter((r) => r.user === user), (r) => r.cost_picousd);
        const states = await budgetsOf(purser);
        for (const user of ['ana', 'ben', 'cleo']) {
            const state = states.find((s) => s.budget === 'each-user' && s.scope.includes(user));
            assert.equal(BigInt(state.spent), of(user), `${user}: ${JSON.stringify(states)}`);
            assert.equal(state.held, 0);
        }
        assert.equal(BigInt(states.find((s) => s.budget === 'all').spent), sum(rows, (r) => r.cost_picousd));
    });
});

test('a window that rolls lets go of what is old', async () => {
    await withBudgets([{ name: 'rolling', scope: {}, limit_requests: 3, window: '60s', wait: '0s' }, { name: 'total', scope: {}, limit_requests: 100, window: 'total' }], async (purser) => {
        for (let i = 0; i < 3; i++) assert.equal((await chat(purser, 'x')).status, 200);
        const refused = await chat(purser, 'x');
        assert.equal(refused.status, 402, refused.text);
        const resets = new Date(/resets at (\S+)\./.exec(refused.body.error.message)[1]);
        assert.ok(resets > new Date() && resets - new Date() < 70e3, `${refused.text}`);
    });
});

test('a reload that adds a budget counts the past first; spending survives a restart', async () => {
    const settings = (budgets) => labSettings(sim, { prices: plain, budgets, log: 'off' });
    const purser = await startPurser({ settings: settings([]) });
    for (let i = 0; i < 10; i++) assert.equal((await chat(purser, 'Before. [simulate tokens=40]', { max_completion_tokens: 40 })).status, 200);
    const before = sum(await purser.rows(10), (r) => r.cost_picousd);
    const late = { name: 'late', scope: { key: 'alice' }, limit_usd: 0.01, window: 'day' };
    await purser.reload(settings([late]));
    await until('the new budget', async () => (await budgetsOf(purser)).length === 1);
    assert.equal(BigInt((await budgetsOf(purser))[0].spent), before, 'what was spent before the budget was there');
    const { served } = await spendAll(purser);
    assert.ok(served >= 1 && served < 5, `${served} more were served`);
    const all = sum(await purser.rows(10 + served), (r) => r.cost_picousd);
    assert.ok(all <= 10n ** 10n && all >= 10n ** 10n * 8n / 10n, usd(all));
    await purser.stop();

    const again = await startPurser({ settings: settings([late, { name: 'fresh', scope: {}, limit_usd: 5, window: 'total' }]), dir: purser.dir });
    const states = await budgetsOf(again);
    assert.equal(BigInt(states.find((s) => s.budget === 'late').spent), all);
    assert.equal(BigInt(states.find((s) => s.budget === 'fresh').spent), all, 'a budget added while purser was down');
    assert.equal((await spendAll(again)).served, 0);
    await again.stop();
});
