// The fault lab at load (bench/run --only faults): what the tests assert of single calls, over many at once,
// and what only a clock or a CPU tells.
import { providers } from '../tests/e2e/dialects.mjs';
import { FAULTS, PROTOCOLS, waysOf } from '../tests/e2e/faults.mjs';
import { aliceKey, sleep, startPurser, startSimulator } from '../tests/e2e/helpers.mjs';
import { inLanes, startLab } from '../tests/e2e/lab.mjs';
import * as outages from '../tests/e2e/outages.mjs';
import { attemptOf, truthSince } from '../tests/e2e/truth.mjs';
import { Wire } from '../tests/e2e/wire.mjs';
import * as rig from './rig.mjs';

const LANES = 32;
const round = (number, digits = 2) => Number(number.toFixed(digits));
const most = (figure, value, unit, target, beside) => ({ figure, value, unit, target, holds: value <= target, beside });
const least = (figure, value, unit, target, beside) => ({ figure, value, unit, target, least: true, holds: value >= target, beside });
const told = (figure, value, unit, target, beside) => ({ figure, value, unit, beside });
const share = (part, all) => round((100 * part) / all, 3);

async function using(started, work) {
    try {
        return await work(started);
    } finally {
        await started.stop();
    }
}

async function startAll() {
    const own = await outages.startOutages();
    const lab = await startLab({ more: own.more, sims: Object.values(own.sims) });
    return { lab, stop: async () => {
        await lab.stop();
        await own.stop();
    } };
}

// ---- outages

async function down(lab, calls) {
    const rows = [], detail = {};
    for (const [what, model, words] of [['500', 'down-500'], ['refused', 'down-refused'], ['limits', 'storm', outages.storm], ['dying', 'dying', outages.dying]]) {
        const got = await outages.run(lab, model, { calls, lanes: LANES, words });
        rows.push(most(`a provider down (${what}), ${calls} calls, ${LANES} at once: attempts per call`, round(got.attempts / calls, 3), '', 1.1));
        rows.push(least('  answered by the other', share(got.answered, calls), '%', 100));
        detail[model] = { counts: got.counts, wrong: got.wrong.slice(0, 5) };
    }
    return { rows, detail };
}

async function random(lab, calls) {
    const got = await outages.run(lab, 'unlucky', { calls, lanes: LANES, streams: false, drawn: true });
    return {
        rows: [
            least(`30 % fail at random at each of three, four attempts, ${calls} calls: answered`, share(got.answered, calls), '%', 99, '99.19 where nothing else is in the way'),
            most('  attempts per call', round(got.attempts / calls, 3), '', 1.5),
        ],
        detail: { counts: got.counts, wrong: got.wrong.slice(0, 5) }, counts: got.counts,
    };
}

async function nobody(lab, calls) {
    const got = await outages.run(lab, 'nobody', { calls, lanes: LANES, truth: outages.REPLY });
    return { rows: [least(`every provider down, ${calls} calls: answered degraded`, share(got.degraded && got.answered, calls), '%', 100, `${got.attempts} attempts`)], detail: { counts: got.counts } };
}

/** The whole table again and again, all at once, and every stream cut at every byte. */
async function table(lab, times, options) {
    const sums = { calls: 0, attempts: 0, truncated: 0, duplicated: 0, unbilled: 0 }, wrong = [];
    const add = (judged) => {
        for (const name of Object.keys(sums)) sums[name] += judged.counts[name];
        wrong.push(...judged.wrong);
        options.tick();
    };
    for (let i = 0; i < times; i++) {
        const jobs = FAULTS.flatMap((fault) => PROTOCOLS.flatMap((protocol) => waysOf(fault).flatMap((way) => [true, false].map((mapped) => (wire) =>
            lab.strike({ fault, protocol, streamed: way === 'streamed', mapped }, wire)))));
        add(await lab.judge(await inLanes(lab, jobs, LANES), { exactly: i === 0 }));
    }
    for (const protocol of PROTOCOLS) {
        const size = Buffer.concat(providers[protocol].stream).length;
        const jobs = Array.from({ length: 2 * (size + 1) }, (_, i) => (wire) => lab.cut(protocol, i >> 1, i % 2 === 0, wire));
        add(await lab.judge(await inLanes(lab, jobs, LANES)));
    }
    return { sums, wrong };
}

// ---- the switch

/** Callers that never stop; when the last of their calls reaches the provider after `purser ai off`. */
async function switchedOff(lab, times, options) {
    const late = [];
    for (let i = 0; i < times; i++) {
        let stop = false;
        const callers = Array.from({ length: LANES }, async () => {
            const wire = new Wire(lab.purser.port);
            while (!stop) await lab.send({ protocol: 'chat', streamed: false, model: 'simulator-chat/sim-small', word: 'switch', truths: [] }, wire);
            wire.close();
        });
        await sleep(700);
        const thrown_us = Date.now() * 1000;
        const off = await lab.purser.cli(['ai', 'off', '--why', 'the fault lab']);
        if (off.code !== 0) throw new Error(off.stderr);
        await sleep(1200);
        stop = true;
        await Promise.all(callers);
        const last_us = Math.max(...(await truthSince(lab.sim)).filter((call) => attemptOf(call)).map((call) => Number(call.at_us)));
        late.push(Math.max(0, (last_us - thrown_us) / 1000));
        await lab.purser.cli(['ai', 'on']);
        options.tick();
    }
    return { rows: [most('`purser ai off` to the last provider call, the command included', round(Math.max(...late), 1), 'ms', 1000, `${LANES} callers, the worst of ${times}`)], detail: late };
}

// ---- hedging

const TAIL = ['--first-token', 'lognormal:40ms,0.4', '--output-tokens', '12', '--seed', '5'];

/** `late`: the percentage of answers that come 2 s late. Extra spend of 5 % pays for company for some 2.6 % of the calls:
 *  of more than that luck decides how many stay alone, so those figures are told, not held to. */
async function hedging(calls, late, options) {
    const sim = await startSimulator({ args: [...TAIL, '--faults', `slow-head:${late / 100}`, '--truth-keep', '1000000'] });
    const own = (model) => ({ model, input: 1, output: 2, from: '2026-01-01' });
    const names = ['a', 'b', 'c', 'd'];
    const targets = (...two) => two.map((name) => `tail/sim-${name}`);
    const purser = await startPurser({ settings: {
        log: 'off', workers: 1,
        providers: { tail: { kind: 'openai-compatible', protocols: ['chat'], base_url: `${sim.url}/v1`, api_key: 'k' } },
        models: {
            patient: { targets: targets('a', 'b'), attempts: { max: 2, time: '60s' } },
            hedged: { targets: targets('c', 'd'), attempts: { max: 2, time: '60s' }, hedge: { after: 'p95', max_extra_spend: '5%' } },
        },
        prices: names.map((name) => own(`tail/sim-${name}`)),
        keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
    } });
    return using({ stop: async () => {
        await purser.stop();
        await sim.stop();
    } }, async () => {
        const waits = { patient: [], hedged: [] };
        const lane = async (model, count) => {
            const wire = new Wire(purser.port);
            for (let i = 0; i < count; i++) {
                const began = performance.now();
                let first;
                const answer = await wire.post('/v1/chat/completions', { model, stream: true, messages: [{ role: 'user', content: 'Ahoy!' }], max_tokens: 64 }, {
                    key: aliceKey, headers: { 'x-purser-user': model }, onBody: () => (first ??= performance.now() - began) });
                if (answer.status !== 200) throw new Error(answer.text);
                waits[model].push(first);
            }
            wire.close();
        };
        // side by side, so that both meet the same machine
        await Promise.all(Object.keys(waits).flatMap((model) => Array.from({ length: LANES }, () => lane(model, Math.ceil(calls / LANES)))));
        options.tick();
        const at = (model, percent) => waits[model].sort((a, b) => a - b)[Math.floor((waits[model].length * percent) / 100)];
        const rows = await purser.rows(2 * calls, { where: "user = 'hedged'", columns: 'attempt_id, reason, wasted, cost_picousd', seconds: 30 }).catch(() => purser.rows(0, { where: "user = 'hedged'", columns: 'attempt_id, reason, wasted, cost_picousd' }));
        const truth = new Map((await truthSince(sim)).map((call) => [attemptOf(call), call]));
        const cost = (list, of) => list.reduce((all, one) => all + of(one), 0);
        const truly = (row) => {
            const usage = truth.get(String(row.attempt_id))?.usage;
            return usage ? Number(usage.input) * 1e6 + Number(usage.output) * 2e6 : 0;
        };
        const wasted = rows.filter((row) => row.wasted), used = rows.filter((row) => !row.wasted);
        const extra = (of) => round((100 * cost(wasted, of)) / cost(used, of));
        const hedges = rows.filter((row) => row.reason === 'hedge').length;
        const p99 = { patient: at('patient', 99), hedged: at('hedged', 99) };
        return {
            rows: [
                (late < 3 ? least : told)(`hedging, ${late} % of answers 2 s late, ${calls} calls: p99 of the first token lower by`, round(100 * (1 - p99.hedged / p99.patient), 1), '%', 50,
                    `${round(p99.patient, 0)} ms to ${round(p99.hedged, 0)} ms; p50 ${round(at('patient', 50), 0)} and ${round(at('hedged', 50), 0)}`),
                (late < 3 ? most : told)('  extra spend, by the ledger', extra((row) => Number(row.cost_picousd)), '%', 5, `by the provider ${extra(truly)} %; ${hedges} hedges`),
            ],
            detail: { p99, hedges, wasted: wasted.length, used: used.length },
        };
    });
}

// ---- a healthy call

/** One name that is a string, and one that has everything on, in turns, on one server. */
async function healthy(mock, options) {
    const everything = rig.everythingOn(mock);
    const carried = (hedge) => ({
        targets: ['plain/mock', 'twin/mock'], balance: 'fastest', attempts: { max: 3, time: '60s', money_usd: 1 },
        on: { error: 'next', timeout: 'next', rate_limit: 'next', context_window: 'tls/mock', content_policy: 'stop' },
        hedge: { after: hedge, max_extra_spend: '5%' }, sticky: 'user', degraded: { reply: outages.REPLY },
    });
    const settings = {
        ...everything, providers: { ...everything.providers, twin: everything.providers.plain },
        models: { ...everything.models, carried: carried('1s'), hedged: carried('p95') },
        prices: [...everything.prices, { model: 'twin/mock', input: 0.15, output: 0.6, cache_read: 0.075, reasoning: 0.6, from: '2026-01-01' }],
    };
    const purser = await rig.startPurser({ settings, wrap: rig.pinned(rig.SERVER), seconds: 30 });
    return using(purser, async () => {
        const found = { string: [], carried: [], hedged: [] };
        for (let i = -1; i < options.rounds; i++) {
            for (const [name, model] of [['string', 'small'], ['carried', 'carried'], ['hedged', 'hedged']]) {
                const got = await rig.drive(purser.port, { seconds: options.seconds, users: 100, model, pid: purser.pid });
                if (i >= 0) found[name].push(got);
            }
            options.tick();
        }
        const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
        const us = (name) => round(median(found[name].map((one) => one.cpu_us)));
        const ratio = (name) => round(median(found[name].map((one, n) => one.cpu_us / found.string[n].cpu_us)), 3);
        return {
            rows: [
                most('CPU of a healthy call, everything on, against a plain name', ratio('carried'), 'x', 1.1, `${us('carried')} and ${us('string')} us, 1 KB`),
                { figure: '  with every twentieth call hedged as well', value: ratio('hedged'), unit: 'x', beside: `${us('hedged')} us` },
            ],
            detail: found,
        };
    });
}

export async function faults(mock, options) {
    const rows = [], detail = {}, wrong = [];
    const calls = options.quick ? 400 : 1000;
    await using(await startAll(), async ({ lab }) => {
        const take = (name, got) => {
            rows.push(...got.rows);
            detail[name] = got.detail;
            options.tick();
        };
        take('down', await down(lab, calls));
        const unlucky = await random(lab, options.quick ? 4000 : 20000);
        take('random', unlucky);
        const { sums, wrong: bad } = await table(lab, options.quick ? 1 : 5, options);
        for (const name of Object.keys(sums)) sums[name] += unlucky.counts[name];
        wrong.push(...bad);
        const of = `of ${sums.calls} calls, ${FAULTS.length} faults in ${PROTOCOLS.length} protocols`;
        rows.push(most('silent truncations', sums.truncated, '', 0, of), most('duplicated content', sums.duplicated, '', 0), most('unbilled generation', sums.unbilled, 'attempts', 0, `of ${sums.attempts}`));
        rows.push(most('anything else that went wrong', wrong.length, '', 0));
        detail.table = { sums, wrong: wrong.slice(0, 20) };
        take('nobody', await nobody(lab, calls));
        take('switch', await switchedOff(lab, options.quick ? 2 : 5, options));
    });
    const hedged = [];
    for (const late of [2, 3]) hedged.push(await hedging(options.quick ? 1500 : 4000, late, options));
    const cpu = await healthy(mock, options);
    rows.push(...hedged.flatMap((one) => one.rows), ...cpu.rows);
    return { rows, detail: { ...detail, hedging: hedged.map((one) => one.detail), healthy: cpu.detail }, ...(wrong.length ? { text: wrong.slice(0, 20).join('\n') } : {}) };
}
