// Promise 5, the fault lab: every fault of the table, in five protocols, whole and streamed, with and without
// another target. The client gets a whole answer or an explicit error, and each row the cost of what was done.
// Then outages, counted, and the promises of budget and ledger with faults on. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { providers } from './dialects.mjs';
import { FAULTS, PROTOCOLS, waysOf } from './faults.mjs';
import { sanitized, sleep, startPurser, tempDir, until } from './helpers.mjs';
import { inLanes, startLab } from './lab.mjs';
import { dying, flapping, REPLY, run, startOutages, storm } from './outages.mjs';
import { attemptOf, billOf, sum, truthSince, usd } from './truth.mjs';
import { draws, Wire } from './wire.mjs';

const STRIDE = sanitized ? 17 : 1; // of bytes to cut at
const MANY = sanitized ? 200 : 1000;
const DOLLAR = 10n ** 12n, DOLLAR_KEY = 'sk-purser-dollar-0123456789abcdef';
const clients = sanitized ? 100 : 1000, kills = sanitized ? 1 : 3;

let outages, lab, unlucky;

before(async () => {
    outages = await startOutages({ seed: Number(process.env.PURSER_SEED ?? 2) });
    const targets = ['flaky1', 'flaky2', 'simulator-messages'].map((name) => `${name}/sim-promised`);
    lab = await startLab({ sims: Object.values(outages.sims), more: {
        providers: outages.more.providers,
        models: { ...outages.more.models, promised: { targets, attempts: { max: 3, time: '60s' }, hedge: { after: '40ms', max_extra_spend: '20%' }, sticky: 'user', balance: 'least_busy' } },
        prices: [...outages.more.prices, ...targets.map((model) => ({ model, input: 5, output: 20, from: '2026-01-01' }))],
        keys: [{ name: 'dollar', secret: DOLLAR_KEY }],
        budgets: [{ name: 'dollar', scope: { key: 'dollar' }, limit_usd: 1, window: 'total' }],
    } });
    // One after the other, so that the seed alone decides; it waits more than it works.
    unlucky = run(lab, 'unlucky', { calls: MANY, lanes: 1, streams: false, drawn: true });
    unlucky.catch(() => {});
});
after(async () => {
    assert.deepEqual(lab?.raw.errors ?? [], []);
    await lab?.stop();
    await outages?.stop();
});

function check({ wrong, counts }) {
    assert.ok(!wrong.length, `${wrong.length} of ${counts.calls} went wrong:\n${wrong.slice(0, 30).join('\n')}`);
}

// ---- the table

for (const protocol of PROTOCOLS) {
    test(`${protocol}: every fault ends in a whole answer or an explicit error, at its cost`, async () => {
        const jobs = FAULTS.flatMap((fault) => waysOf(fault).flatMap((way) => [true, false].map((mapped) => (wire) =>
            lab.strike({ fault, protocol, streamed: way === 'streamed', mapped }, wire))));
        check(await lab.judge(await inLanes(lab, jobs)));
    });

    test(`${protocol}: a stream cut at every byte`, async () => {
        const size = Buffer.concat(providers[protocol].stream).length, jobs = [];
        for (let at = 0; at <= size; at += STRIDE) jobs.push((wire) => lab.cut(protocol, at, at % 2 === 0, wire));
        check(await lab.judge(await inLanes(lab, jobs)));
    });
}

// ---- outages

test('a provider that is wholly down is hardly tried, and the next one answers every call', async () => {
    for (const [model, provider] of [['down-500', 'down'], ['down-refused', 'refused-chat']]) {
        const got = await run(lab, model, { calls: MANY, lanes: 1 });
        check(got);
        assert.equal(got.answered, MANY);
        assert.ok(got.by(provider).length <= 10, `${model}: ${got.by(provider).length} attempts before the breaker opened`);
        assert.ok(got.attempts <= 1.1 * MANY);
    }
});

test('of three that fail 30 % of their calls at random, 99 % of the calls are answered', async (t) => {
    const got = await unlucky;
    const failed = got.all.filter((told) => told.error).map((told) => got.rows.get(told.task).length);
    t.diagnostic(`${got.answered} of ${MANY} answered with ${got.attempts} attempts; those not: after ${failed}`);
    check(got);
    assert.ok(got.answered >= 0.99 * MANY, `${got.answered} of ${MANY}`);
    assert.ok(got.attempts <= 1.5 * MANY, `${got.attempts} attempts`);
});

test('where every provider is down, every call gets the reply', async () => {
    const got = await run(lab, 'nobody', { calls: MANY, truth: REPLY });
    check(got);
    assert.equal(got.degraded, MANY);
    assert.equal(got.answered, MANY);
    assert.ok(got.attempts < 100, `${got.attempts} attempts for nothing`);
});

test('flapping, a slow death and a storm of limits cost an attempt now and then, and no answer', async () => {
    for (const [model, words, most] of [['flapping', flapping, 1.6], ['dying', dying, 1.6], ['storm', storm, 1.6]]) {
        const got = await run(lab, model, { calls: 80, words });
        check(got);
        assert.equal(got.answered, 80, model);
        assert.ok(got.attempts <= most * 80, `${model}: ${got.attempts} attempts`);
    }
});

// ---- the promises, with faults on

const promisedCall = (i) => ({ model: 'promised', stream: i % 2 === 0, max_completion_tokens: 40, messages: [{ role: 'user', content: `Call ${i}. [simulate tokens=30]` }] });

/** The last call that each simulator has begun. */
const lastCalls = () => Promise.all([lab.sim, ...lab.sims].map(async (sim) => (await truthSince(sim)).at(-1)?.id ?? 0));
const callsSince = async (since) => (await Promise.all([lab.sim, ...lab.sims].map((sim, i) => truthSince(sim, since[i])))).flat().filter((call) => attemptOf(call) && call.model === 'sim-promised');

/** Rows against what the providers did: each call of theirs has one, and none cost more than it says. */
function holdAgainst(rows, calls) {
    const by = new Map(calls.map((call) => [attemptOf(call), call]));
    assert.equal(by.size, calls.length, 'an attempt was sent twice');
    let truly = 0n;
    for (const row of rows) {
        const call = by.get(String(row.attempt_id));
        const bill = call ? billOf(call, { own: lab.settings.prices, provider: row.provider, model: row.model }).total : 0n;
        truly += bill;
        if (row.cost_state === 'exact') assert.equal(BigInt(row.cost_picousd), bill, `row ${row.attempt_id} of ${row.provider}, ${row.status}`);
        assert.ok(bill <= BigInt(row.cost_max_picousd), `row ${row.attempt_id} of ${row.provider}, ${row.status}: in truth ${bill}, at most ${row.cost_max_picousd}`);
        by.delete(String(row.attempt_id));
    }
    assert.deepEqual([...by.values()], [], 'calls without a row');
    return truly;
}

test(`${clients} clients on $1.00, their providers failing: never above, and every hold back`, async (t) => {
    const since = await lastCalls();
    const wires = Array.from({ length: clients }, () => new Wire(lab.purser.port));
    const statuses = {};
    await Promise.all(wires.map(async (wire, client) => {
        for (let i = 0; ; i++) {
            const answer = await wire.post('/v1/chat/completions', promisedCall(client + i), { key: DOLLAR_KEY, headers: { 'x-purser-user': `u${client % 50}` } });
            statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
            if (answer.status === 402) return;
            assert.notEqual(answer.status, 0, `purser is gone: ${lab.purser.log.slice(-2000)}`);
            if (answer.json?.error?.code === 'budget_busy') await sleep(Number(answer.headers['retry-after']) * 1000);
        }
    }));
    wires.forEach((wire) => wire.close());
    const [budget] = (await until('every hold back', async () => {
        const all = await lab.purser.budgets();
        return all.every((one) => Number(one.held) === 0 && Number(one.waiting) === 0) && all;
    })).filter((one) => one.budget === 'dollar');
    const rows = await lab.purser.rows(0, { where: "key = 'dollar'" });
    const spent = sum(rows, (row) => row.cost_picousd), truly = holdAgainst(rows, await callsSince(since));
    assert.equal(BigInt(budget.spent), spent);
    assert.ok(spent <= DOLLAR && spent >= DOLLAR * 95n / 100n, usd(spent));
    assert.ok(truly <= DOLLAR, usd(truly));
    const reasons = new Set(rows.map((row) => row.reason));
    for (const reason of ['first', 'fallback']) assert.ok(reasons.has(reason), reason);
    t.diagnostic(`${rows.length} attempts cost ${usd(spent)}, in truth ${usd(truly)}; ${JSON.stringify(statuses)}`);
});

test(`kill -9 ${kills} times under load, the providers failing: every call has its row, once`, async (t) => {
    const since = await lastCalls(), dir = tempDir('purser-lab'), told = [], draw = draws(1);
    const settings = { ...lab.settings, budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }], keys: lab.settings.keys.slice(0, 1) };
    for (let n = 0; n < kills; n++) {
        const purser = await startPurser({ settings, dir });
        const wires = Array.from({ length: 30 }, () => new Wire(purser.port));
        let stop = false;
        const callers = wires.map(async (wire, i) => {
            while (!stop) {
                const answer = await wire.post('/v1/chat/completions', promisedCall(i++), { key: purser.key, headers: { 'x-purser-user': `u${i}` } });
                if (answer.status === 200 && answer.complete && !answer.text.includes('"error"')) told.push(answer.headers['x-purser-request-id']);
            }
        });
        await sleep(100 + draw.below(300)); // the moment is random, nothing is measured by it
        await purser.kill9();
        stop = true;
        wires.forEach((wire) => wire.close());
        await Promise.all(callers);
    }
    const purser = await startPurser({ settings, dir });
    const calls = await callsSince(since);
    await until('the journals stored', async () => {
        const text = await purser.metrics();
        return /^purser_ledger_waiting_bytes 0$/m.test(text) && /^purser_ledger_open_holds 0$/m.test(text);
    }, { seconds: 30 });
    const rows = await purser.rows();
    holdAgainst(rows, calls);
    const answered = new Set(rows.filter((row) => row.status === 'ok').map((row) => BigInt(row.call_id)));
    assert.deepEqual(told.filter((id) => !answered.has(BigInt.asIntN(64, BigInt(`0x${id}`)))), [], 'answered in full, but without a row that says so');
    const [all] = await purser.budgets();
    assert.equal(BigInt(all.spent), sum(rows, (row) => row.cost_picousd));
    assert.ok(rows.length > kills * 20 && told.length > kills * 10, `${rows.length} rows, ${told.length} answers`);
    await purser.stop();
    const verify = await purser.cli(['ledger', 'verify']);
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
    t.diagnostic(`${rows.length} rows, ${calls.length} calls at the providers, ${told.length} answered in full`);
});
