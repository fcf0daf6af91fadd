// Outages: providers that are down, fail at random, flap, die slowly or storm with limits, and what a model with
// several targets makes of them. For the fault lab's tests and for bench/faults.mjs.
import { startSimulator } from './helpers.mjs';
import { inLanes } from './lab.mjs';

export const REPLY = 'I cannot answer right now; a colleague will.';

/** Providers with manners of their own: { sims, more, stop }; `more` is for startLab(). */
export async function startOutages({ seed = 1 } = {}) {
    const sims = {
        down: await startSimulator({ args: ['--faults', '500:1'] }),
        flaky: await startSimulator({ args: ['--faults', '500:0.12,503:0.06,cut:0.06,malformed:0.06', '--seed', `${seed}`] }),
    };
    const chat = (sim) => ({ kind: 'openai-compatible', protocols: ['chat'], base_url: `${sim.url}/v1`, api_key: 'k' });
    const own = { down: chat(sims.down), lost: chat(sims.down), flaky1: chat(sims.flaky), flaky2: chat(sims.flaky), flaky3: chat(sims.flaky) };
    const next = 'simulator-messages/sim-small';
    const models = {
        'down-500': { targets: ['down/sim-small', next] },
        'down-refused': { targets: ['refused-chat/gone', next] },
        unlucky: { targets: ['flaky1/sim-small', 'flaky2/sim-small', 'flaky3/sim-small'], attempts: { max: 4, time: '60s' } },
        nobody: { targets: ['lost/sim-small', 'refused-chat/lost', 'tls-chat/lost'], degraded: { reply: REPLY } },
        flapping: { targets: ['simulator-chat/flapping', next] },
        dying: { targets: ['simulator-hasty-chat/dying', next] },
        storm: { targets: ['simulator-chat/storm', next] },
    };
    const targets = Object.values(models).flatMap((model) => model.targets).filter((target) => target !== next);
    return {
        sims, more: { providers: own, models, prices: [...new Set(targets)].map((model) => ({ model, input: 1, output: 2, from: '2026-01-01' })) },
        stop: () => Promise.all(Object.values(sims).map((sim) => sim.stop())),
    };
}

/** Many calls of one model, judged. `words(i)`: what its first target is told to do; `drawn`: the providers draw what
 *  befalls a call, so that it has no seed of its own, and its text is not known. */
export async function run(lab, model, { calls, lanes = 8, words, streams = true, truth, drawn = false }) {
    const jobs = Array.from({ length: calls }, (_, i) => (wire) => {
        const seed = drawn ? null : i % lab.texts.length, headers = words?.(i) ? { 'x-simulate': words(i) } : {};
        return lab.send({ protocol: 'chat', streamed: streams && i % 2 === 0, model, word: model, seed, headers, truths: drawn ? [] : [truth ?? lab.texts[seed]] }, wire);
    });
    const all = await inLanes(lab, jobs, lanes);
    const judged = await lab.judge(all);
    const rows = [...judged.rows.values()].flat();
    return {
        ...judged, all, answered: all.filter((told) => !told.error && !told.broken).length, attempts: rows.length,
        degraded: all.filter((told) => told.degraded).length, by: (provider) => rows.filter((row) => row.provider === provider),
    };
}

/** In turn eight calls that work and eight that fail. */
export const flapping = (i) => ((i >> 3) & 1 ? 'fault=500' : '');
/** Each call is answered later than the one before, until it is too late. */
export const dying = (i) => `latency=${i * 15}ms`;
export const storm = () => 'fault=429';
