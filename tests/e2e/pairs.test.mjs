// Every protocol to every protocol, through the official clients: a cell of the matrix is
// ticked only where text, tool calls, stop reason and usage are what the simulated provider
// truly did, and the ledger's row is that usage, priced by a separate reading of the prices.
// The matrix in docs/providers.md is this test's print; UPDATE_MATRIX=1 writes it anew. @asan
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, PROTOCOLS } from './clients.mjs';
import { auditRow, MODELS, pricesOf, providersAt, saidTo } from './families.mjs';
import { aliceKey, keepTable, post, startPurser, startSimulator, until } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';

/** Models that want to be asked in another way: proofs with every call, effort in place of a budget. */
const STRICTER = [['gemini', 'gemini-3-pro-preview'], ['messages', 'claude-opus-4-6']];
const own = pricesOf([...Object.entries(MODELS), ...STRICTER]);
const settings = (sim) => ({
    log: 'off', prices: own, keys: [{ name: 'alice', secret: '${ALICE_KEY}' }],
    models: Object.fromEntries([...PROTOCOLS.map((to) => [`m-${to}`, `to-${to}/${MODELS[to]}`]), ...STRICTER.map(([to, model]) => [`m-${model}`, `to-${to}/${model}`])]),
    providers: providersAt(sim.url),
});

let sim, purser, clients;
before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: settings(sim) });
    clients = await connect(purser.url, aliceKey);
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const PIXEL = { mime: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' };
const OBJECT = { type: 'object', properties: { port: { type: 'string' }, knots: { type: 'integer' }, cargo: { type: 'array', items: { type: 'string' } } }, required: ['port', 'knots', 'cargo'], additionalProperties: false };
const TOOLS = [
    { name: 'weigh_anchor', description: 'Up it goes.', schema: { type: 'object', properties: {} } },
    { name: 'set_course', description: 'Where to.', schema: { type: 'object', properties: { port: { type: 'string' }, knots: { type: 'integer', minimum: 3, maximum: 12 } }, required: ['port'] } },
];
const system = 'You keep the books of a ship.';
/** What is asked, turn by turn: each gives the next from the answers so far. */
const FEATURES = {
    text: [
        () => ({ system, max: 512, turns: [{ user: 'Write down what came aboard. [simulate seed=11 tokens=24 usage=cached,cache_write]' }] }),
        () => ({ max: 16, turns: [{ user: 'All of it. [simulate seed=11 tokens=24]' }] }), // more than there is room for
    ],
    tools: [
        () => ({ system, tools: TOOLS, force: 'set_course', turns: [{ user: 'Set sail. [simulate seed=12 tokens=9]' }] }),
        (first) => ({
            system, tools: TOOLS,
            turns: [{ user: 'Set sail. [simulate seed=12 tokens=9]' }, { said: first.said }, { results: resultsOf(first) }],
        }),
    ],
    image: [() => ({ turns: [{ user: 'What is this? [simulate seed=13 tokens=8]', image: PIXEL }] })],
    structured: [() => ({ schema: OBJECT, turns: [{ user: 'The manifest, please. [simulate seed=14]' }] })],
    // a call out of thoughts; its result, with the thoughts sent back; and another question
    reasoning: [
        () => ({ think: true, tools: TOOLS, turns: [{ user: 'Where to? [simulate seed=15 tools=1]' }] }),
        (first) => ({
            think: true, tools: TOOLS,
            turns: [{ user: 'Where to? [simulate seed=15 tools=1]' }, { said: first.said }, { results: resultsOf(first) }],
        }),
        (first, second) => ({
            think: true, tools: TOOLS,
            turns: [{ user: 'Where to? [simulate seed=15 tools=1]' }, { said: first.said }, { results: resultsOf(first) }, { said: second.said }, { user: 'And then? [simulate seed=16 tokens=20]' }],
        }),
    ],
    // sources of words of one text; then, after an answer with sources, of a text beyond ASCII
    citations: [
        () => ({ turns: [{ user: 'Who says so? [simulate seed=17 tokens=30 citations=3]' }] }),
        (first) => ({ turns: [{ user: 'Who says so? [simulate seed=17 tokens=30 citations=3]' }, { said: first.said }, { user: `And there? [simulate seed=18 text=${encodeURIComponent(HARBOURS)} citations=4]` }] }),
        () => ({ think: true, turns: [{ user: 'Who would know? [simulate seed=19 tokens=40 citations=2]' }] }), // behind thoughts
    ],
};
const HARBOURS = 'Die Häfen – Köln, 東京, 🚢 Αθήνα "Süd" 🧭 – liegen\nweit östlich.';
const resultsOf = (answer) => answer.calls.map((c) => ({ id: c.id, name: c.name, text: 'Aye: "north-west", 7 kn.' }));
/** Thoughts that cannot be had: OpenAI's chat hides them, and its clients cannot ask others to show theirs. */
const mayHide = (from, to) => to === 'chat' || (from === 'chat' && ['responses', 'gemini'].includes(to));
/** Protocols that know words of a source; those that cite by blocks of text; those that cite behind the text. */
const QUOTE = ['chat', 'messages', 'converse', 'cohere'], BLOCKS = ['messages', 'converse'], LATE = ['chat', 'responses', 'gemini', 'cohere'];

/** What was cited is what the simulator cited, as far as both protocols can say it. */
function auditCites({ from, to, stream }, answer, said) {
    const quoted = QUOTE.includes(from) && BLOCKS.concat('cohere').includes(to);
    const late = stream && BLOCKS.includes(from) && LATE.includes(to); // the block is gone: they stand at all of it
    assert.deepEqual(answer.cites, said.cites.map((c) => ({ ...c, words: late ? said.text : c.words, quote: quoted ? c.quote : '' })), 'citations');
    return late && said.cites.length ? '~' : undefined;
}
const PLAN = 'I will ask a tool.'; // Cohere thinks aloud before it calls

/** One conversation: each of its answers is what was said; leaves the calls' tasks and usages. */
async function converse(cell) {
    const { from, to, feature, stream, model = to } = cell, answers = [];
    for (const [i, turn] of FEATURES[feature].entries()) {
        const asked = turn(...answers), task = `${from}-${model}-${feature}-${stream ? 'streamed' : 'whole'}-${i}`;
        const answer = await clients[from].ask(`m-${model}`, asked, { stream, headers: { 'x-purser-task': task } });
        let said = await saidTo(sim, asked);
        answers.push(answer);
        cell.calls.push({ task, usage: answer.usage, images: asked.turns.filter((t) => t.image).length });
        if (asked.think && i === 1 && answer.text !== said.text) {
            cell.note = '*'; // the client has no way to send thoughts back: the provider goes on without any
            said = await saidTo(sim, { ...asked, think: false });
        }
        assert.equal(answer.text, said.text, 'text');
        assert.deepEqual(answer.calls.map(({ name, args }) => ({ name, args })), said.calls, 'tool calls');
        assert.ok(answer.calls.every((c) => c.id || from === 'gemini'), 'a call without an id');
        assert.equal(answer.stop, said.stop, 'stop reason');
        cell.note ??= auditCites(cell, answer, said);
        const plan = to === 'cohere' && from !== 'cohere' && said.calls.length ? PLAN : '';
        const hidden = said.thoughts && !answer.thoughts && mayHide(from, to);
        if (hidden && feature === 'reasoning') cell.note ??= '-';
        if (!hidden) assert.equal(answer.thoughts.replace('\n\n', ''), said.thoughts + plan, 'thoughts');
    }
}

/** The row is the truth ... */
const auditTo = (row, truth, to) => auditRow(row, truth, { own, to });

/** ... and what the client is told. */
function audit(cell, call, row, truth) {
    const { usage } = truth, write = usage.cache_write + usage.cache_write_1h;
    const sums = { ...usage, write, prompt: usage.input + usage.cache_read + write, completion: usage.output + usage.reasoning };
    assert.equal(truth.images, call.images, 'images that the provider was given');
    assert.deepEqual(call.usage, clients[cell.from].usage(sums), 'usage as the client is told');
    auditTo(row, truth, cell.to);
}

/** Has every conversation, then holds its calls to the truth: each cell gets its mark. */
async function carry(cells) {
    const waiting = [...cells];
    await Promise.all(Array.from({ length: 24 }, async () => {
        for (let cell; (cell = waiting.shift()); ) await converse(cell).catch((error) => (cell.error = error));
    }));
    const sent = cells.flatMap((c) => c.calls);
    const rows = new Map((await purser.rows(sent.length)).map((row) => [row.task, row]));
    const truth = new Map((await truthSince(sim)).map((call) => [attemptOf(call), call]));
    for (const cell of cells) {
        try {
            for (const call of cell.calls) {
                const row = rows.get(call.task), its = row && truth.get(String(row.attempt_id));
                assert.ok(its, `${call.task}: ${row ? 'the simulator knows of no such attempt' : 'no row'}`);
                if (!cell.error) audit(cell, call, row, its);
            }
        } catch (error) {
            cell.error ??= error;
        }
        cell.mark = cell.error ? '✗' : `✓${cell.note ?? ''}`;
    }
    return sent;
}

const short = (error) => String(error.message ?? error).replace(/\s+/g, ' ').slice(0, 500);
const START = 'matrix: printed by tests/e2e/pairs.test.mjs', END = 'end of the matrix';

function print(cells) {
    const lines = [`| from client | to provider | ${Object.keys(FEATURES).join(' | ')} |`, `|---|---|${'---|'.repeat(Object.keys(FEATURES).length)}`];
    for (const from of PROTOCOLS) {
        for (const to of PROTOCOLS) {
            const marks = Object.keys(FEATURES).map((feature) => cells.filter((c) => c.from === from && c.to === to && c.feature === feature).map((c) => c.mark).join(' '));
            lines.push(`| ${from} | ${to} | ${marks.join(' | ')} |`);
        }
    }
    return lines.join('\n');
}

test('the matrix: 6 x 6 protocols, six features, whole and streamed', async (t) => {
    const cells = PROTOCOLS.flatMap((from) => PROTOCOLS.flatMap((to) => Object.keys(FEATURES).flatMap((feature) => [false, true].map((stream) => ({ from, to, feature, stream, calls: [] })))));
    const sent = await carry(cells);
    const bad = cells.filter((c) => c.error), matrix = print(cells);
    t.diagnostic(`${cells.length - bad.length} of ${cells.length} cells, ${sent.length} calls`);
    const list = bad.map((c) => `${c.from} -> ${c.to} ${c.feature} ${c.stream ? 'streamed' : 'whole'}: ${short(c.error)}`);
    if (process.env.SHOW_MATRIX) console.log(`${matrix}\n\n${list.join('\n')}`);
    keepTable('docs/providers.md', START, END, matrix, list.join('\n'));
    assert.equal(bad.length, 0, list.join('\n'));
});

const SHAPES = [
    '', 'plain', 'cached', 'cache_write', 'cache_1h', 'reasoning', 'audio', 'all', 'cached,cache_write,cache_1h,reasoning', 'unattributed', 'output_only,cached',
    'changing,cached,reasoning', 'searches', 'tool_prompt,cached', 'duplicate,cached,cache_write', 'inclusive,cache_write', 'finish,reasoning',
];
/** The same prompt in the protocols that need no client. */
const bodies = {
    chat: (model, user, stream) => ['/v1/chat/completions', { model, stream, messages: [{ role: 'user', content: user }] }],
    messages: (model, user, stream) => ['/v1/messages', { model, stream, max_tokens: 512, messages: [{ role: 'user', content: user }] }],
    gemini: (model, user, stream) => [`/v1beta/models/${model}:${stream ? 'streamGenerateContent' : 'generateContent'}`, { contents: [{ role: 'user', parts: [{ text: user }] }] }],
};

test('every usage shape of every family is billed to the pico-dollar, passed on and translated', async () => {
    const since = (await sim.truth('?limit=1')).totals.calls;
    const calls = Object.keys(bodies).flatMap((from) => PROTOCOLS.flatMap((to) => SHAPES.flatMap((shape) => [false, true].map((stream) => ({ from, to, shape, stream, task: `shape-${from}-${to}-${shape}-${stream}` })))));
    const waiting = [...calls];
    await Promise.all(Array.from({ length: 24 }, async () => {
        for (let call; (call = waiting.shift()); ) {
            const user = `The quick brown fox jumps over the lazy dog, again and again. [simulate tokens=16${call.shape && ` usage=${call.shape}`}]`;
            const [path, body] = bodies[call.from](`m-${call.to}`, user, call.stream);
            call.answer = await post(purser, path, body, { headers: { 'x-purser-task': call.task } });
        }
    }));
    const rows = new Map((await purser.rows(calls.length, { where: "task LIKE 'shape-%'" })).map((row) => [row.task, row]));
    const truth = new Map((await truthSince(sim, since)).map((call) => [attemptOf(call), call]));
    const bad = [];
    for (const call of calls) {
        try {
            assert.equal(call.answer.status, 200, call.answer.text);
            const row = rows.get(call.task);
            auditTo(row, truth.get(String(row.attempt_id)), call.to);
        } catch (error) {
            bad.push(`${call.task}: ${short(error)}`);
        }
    }
    assert.equal(bad.length, 0, bad.join('\n'));
});

test('models that want proofs of every thought, and those that think by effort: tools and reasoning from every client', async () => {
    const cells = PROTOCOLS.flatMap((from) => STRICTER.flatMap(([to, model]) => ['tools', 'reasoning'].flatMap((feature) => [false, true].map((stream) => ({ from, to, model, feature, stream, calls: [] })))));
    await carry(cells);
    const bad = cells.filter((c) => c.error).map((c) => `${c.from} -> ${c.model} ${c.feature} ${c.stream ? 'streamed' : 'whole'}: ${short(c.error)}`);
    assert.equal(bad.length, 0, bad.join('\n'));
});

const REFUSALS = ['429', '500', '503', '400', '401'], HARMLESS = ['slow-body', 'stall', 'close-delimited'];
const BREAKS = ['cut', 'cut-clean', 'end-early', 'malformed', 'error-in-stream'];

test('every fault of every family: never a complete answer where there was none, and nothing stays held', async () => {
    const calls = PROTOCOLS.flatMap((to) => [...REFUSALS, ...HARMLESS, ...BREAKS].flatMap((fault) => [false, true].map((stream) => ({ to, fault, stream, task: `fault-${to}-${fault}-${stream}` }))));
    const waiting = [...calls], bad = [];
    await Promise.all(Array.from({ length: 24 }, async () => {
        for (let call; (call = waiting.shift()); ) {
            const body = { model: `m-${call.to}`, stream: call.stream, messages: [{ role: 'user', content: `Ahoy! [simulate seed=21 tokens=16 after=8 ms=20 fault=${call.fault}]` }] };
            call.answer = await post(purser, '/v1/chat/completions', body, { headers: { 'x-purser-task': call.task } }).catch((error) => ({ status: 0, text: error.message }));
        }
    }));
    const truth = new Map((await truthSince(sim)).map((call) => [attemptOf(call), call]));
    for (const { to, fault, stream, task, answer } of calls) {
        try {
            const [row] = await purser.rows(1, { where: `task = '${task}'` });
            const complete = answer.status === 200 && (stream ? /"finish_reason":"stop"/.test(answer.text) && answer.text.trimEnd().endsWith('data: [DONE]') && !/"error"/.test(answer.text) : answer.body?.choices?.[0]?.finish_reason === 'stop');
            assert.equal(complete, HARMLESS.includes(fault), `${answer.status} ${answer.text.slice(-300)}`);
            if (complete) auditTo(row, truth.get(String(row.attempt_id)), to);
            if (REFUSALS.includes(fault)) assert.deepEqual([answer.status >= 400, Number(row.cost_picousd)], [true, 0], `${answer.status}: cost of a refusal`);
        } catch (error) {
            bad.push(`${task}: ${short(error)}`);
        }
    }
    assert.equal(bad.length, 0, bad.join('\n'));
    await until('every hold back', async () => /^purser_held_usd 0$/m.test(await purser.metrics()));
});
