// Calls of odd shape (tests/cases/shapes), from each protocol to every other's simulated provider: what purser sends
// is taken there, what it leaves out it tells, and what it refuses it refuses by name, before anybody is asked.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { MODELS, pricesOf, providersAt } from './families.mjs';
import { post, startPurser, startSimulator } from './helpers.mjs';

const FOLDER = new URL('../cases/shapes/', import.meta.url), FAMILIES = Object.keys(MODELS);
let sim, purser;
before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: {
        log: 'off', prices: pricesOf(), keys: [{ name: 'alice', secret: '${ALICE_KEY}' }], providers: providersAt(sim.url),
        models: Object.fromEntries(FAMILIES.map((to) => [`m-${to}`, `to-${to}/${MODELS[to]}`])),
    } });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

/** { name, from, body, told: { family: { strict, lenient } } } of each case: { refused, dropped }, as its README says. */
const cases = () => readdirSync(FOLDER).filter((name) => name.endsWith('.case')).map((name) => {
    const [head, ...sections] = readFileSync(new URL(name, FOLDER), 'utf8').split(/^--- /m);
    const parts = Object.fromEntries(sections.map((s) => [s.slice(0, s.indexOf('\n')), s.slice(s.indexOf('\n') + 1)]));
    const { call, ...rest } = parts, word = (text, key) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1];
    const told = Object.entries(rest).map(([to, text]) => {
        const first = word(text.split('\n')[0], 'refused'), again = /^lenient: refused: (.*)$/m.exec(text)?.[1], dropped = word(text, 'dropped')?.split(', ') ?? [];
        return [to, { strict: { refused: first, dropped: first ? [] : dropped }, lenient: { refused: again, dropped } }];
    });
    return { name, from: /^from: (\w+)$/m.exec(head)[1], body: JSON.parse(call), told: Object.fromEntries(told) };
});

const PATHS = {
    chat: () => '/v1/chat/completions', responses: () => '/v1/responses', messages: () => '/v1/messages', cohere: () => '/v2/chat',
    gemini: (model) => `/v1beta/models/${model}:generateContent`, converse: (model) => `/model/${model}/converse`,
};

test('calls of odd shape are taken by every provider, or refused by name', async (t) => {
    const calls = cases().flatMap((c) => Object.entries(c.told).flatMap(([to, told]) => ['strict', 'lenient'].map((compat) => ({ ...c, to, compat, told: told[compat] }))));
    assert.ok(calls.length > 1400, `${calls.length} calls`);
    const waiting = [...calls], bad = [];
    let taken = 0;
    await Promise.all(Array.from({ length: 24 }, async () => {
        for (let call; (call = waiting.shift()); ) {
            const model = `m-${call.to}`, { from, to, name, told, compat } = call;
            const { status, headers, text } = await post(purser, PATHS[from](model), { ...call.body, ...('model' in call.body && { model }) }, { headers: { 'x-purser-compat': compat } });
            const warning = /dropped: (.*?)(?:, runaway: .*)?$/.exec(headers.get('x-purser-warning'))?.[1] ?? ''; // the same words again and again
            const unknown = status === 404 && name.startsWith('pdf_file'); // a file that purser knows of nobody's
            const good = told.refused ? unknown || (status === 400 && text.includes(told.refused))
                : unknown || (status === 200 && warning === told.dropped.join(', '));
            taken += status === 200;
            if (!good) bad.push(`${name} to ${to}, ${compat}: ${status} ${warning} ${text.slice(0, 300)}`);
        }
    }));
    t.diagnostic(`${calls.length} calls, ${taken} taken, ${calls.length - taken} refused`);
    assert.equal(bad.length, 0, bad.join('\n'));
    assert.equal((await sim.truth('?limit=1')).totals.calls, taken, 'nobody is asked what is refused');
});
