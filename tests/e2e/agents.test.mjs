// What agents are built with, by each of its providers to every family: a tool's call, its result, the streamed
// answer, then an object by a schema in the same conversation. What the client has is what the simulated provider
// truly said, and the ledger's rows are what it truly used, to the pico-dollar. The table in docs/providers.md is
// this test's print; UPDATE_MATRIX=1 writes it anew.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PROTOCOLS } from './clients.mjs';
import { auditRow, MODELS, pricesOf, providersAt, saidTo } from './families.mjs';
import { aliceKey, keepTable, post, startPurser, startSimulator } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';

process.env.AI_SDK_LOG_WARNINGS = 'false';
const skip = Number(process.versions.node.split('.')[0]) >= 20 ? false : `LangChain needs Node 20, this is ${process.versions.node}`;
const own = pricesOf();
const AGENTS = [
    'ai openai.chat', 'ai openai.responses', 'ai anthropic', 'ai google', 'ai amazon-bedrock', 'ai cohere',
    'langchain openai chat', 'langchain openai responses', 'langchain anthropic', 'langchain google-genai', 'langchain aws',
];
/** A model's name of its own for every cell: so the rows of one are known, whatever a client can send. */
const aliasOf = (agent, to, what = 'to') => `${agent.replace(/\W/g, '-')}-${what}-${to}`;
const CONCLUDE = AGENTS.filter((agent) => agent.startsWith('ai openai'));

let sim, purser, agents, z;
before(async () => {
    if (skip) return;
    ({ z } = await import('zod'));
    const { connectAgents } = await import('./agents.mjs');
    const cells = [...AGENTS.map((agent) => [agent, 'to']), ...CONCLUDE.map((agent) => [agent, 'concludes']), ['one call', 'to']];
    sim = await startSimulator({ args: ['--keep-requests'] });
    purser = await startPurser({
        settings: {
            log: 'off', prices: own, keys: [{ name: 'alice', secret: '${ALICE_KEY}' }], providers: providersAt(sim.url),
            models: Object.fromEntries(cells.flatMap(([agent, what]) => PROTOCOLS.map((to) => [aliasOf(agent, to, what), `to-${to}/${MODELS[to]}`]))),
        },
    });
    agents = await connectAgents(purser.url, aliceKey);
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const system = 'You write the log of a ship.', question = 'What is the weather in Paris? Use get_weather. [simulate seed=31 tokens=20]';
const note = 'Write that into the log. [simulate seed=32]';
const TOOL = { name: 'get_weather', description: 'The weather of a city.', run: () => ({ sky: 'sunny', celsius: 24 }) };
const schemas = () => ({
    place: z.object({ city: z.string(), days: z.number().int() }),
    entry: z.object({ title: z.string(), calm: z.boolean(), wind: z.object({ from: z.string(), knots: z.number().int() }), remarks: z.array(z.string()) }),
});

/** One conversation: the client has what was said. */
async function converse(cell, { place, entry }) {
    const plain = [{ ...TOOL, schema: z.toJSONSchema(place) }], { ways } = agents[cell.agent];
    const first = await saidTo(sim, { tools: plain, turns: [{ user: question }] });
    const second = await saidTo(sim, { tools: plain, turns: [{ user: question }, { results: [] }] });
    const third = await saidTo(sim, { schema: z.toJSONSchema(entry), turns: [{ user: note }] });
    cell.calls = 2 + ways;
    cell.got = await agents[cell.agent].converse(aliasOf(cell.agent, cell.to), { system, question, note, tool: { ...TOOL, schema: place }, schema: entry });
    assert.deepEqual(cell.got.args, [first.calls[0].args], 'arguments of the tool');
    assert.equal(cell.got.text, second.text, 'text');
    assert.equal(cell.got.stop, 'stop', 'stop reason');
    assert.ok(cell.got.pieces > 1, 'the answer came in one piece');
    assert.ok(cell.got.drafts > 0, 'no object was streamed');
    assert.deepEqual(cell.got.objects, Array(ways).fill(JSON.parse(third.text)), 'objects');
    for (const object of cell.got.objects) entry.parse(object);
}

/** Input and output as the client is told of them; null: something else, too. */
function toldOf({ agent, to }, { input, output }) {
    if (agent === 'ai cohere' && to === 'cohere') return null; // it shows Cohere's `tokens`, which are not what is billed
    if (agent !== 'langchain anthropic') return [input, output];
    // ... which has the input from the first event alone, and adds up the outputs of first and last. Of other families
    // the first event comes before anything is known; Gemini and Anthropic themselves know the input, and one token.
    return ['messages', 'gemini'].includes(to) ? [input, output + 1] : [0, output];
}

/** Its rows are the truth, and the client was told its tokens. */
function audit(cell, rows, truth) {
    assert.equal(rows.length, cell.calls, 'calls');
    for (const row of rows) auditRow(row, truth.get(String(row.attempt_id)), { own, to: cell.to });
    const told = cell.got && toldOf(cell, truth.get(String(rows[1].attempt_id)).usage);
    if (told) assert.deepEqual([cell.got.input, cell.got.output], told, 'usage as the client is told');
}

/** Does `one` for every cell, some at once, then holds the ledger against the truth. */
async function carry(cells, one) {
    const waiting = [...cells];
    await Promise.all(Array.from({ length: 8 }, async () => {
        for (let cell; (cell = waiting.shift()); ) await one(cell).catch((error) => (cell.error = error));
    }));
    const good = cells.filter((c) => !c.error), names = cells.map((c) => `'${c.alias}'`).join(',');
    const rows = await purser.rows(good.reduce((n, c) => n + c.calls, 0), { where: `model_requested IN (${names})` });
    const truth = new Map((await truthSince(sim)).map((call) => [attemptOf(call), call]));
    for (const cell of good) {
        try {
            audit(cell, rows.filter((row) => row.model_requested === cell.alias), truth);
        } catch (error) {
            cell.error = error;
        }
    }
    return cells.filter((c) => c.error).map((c) => `${c.alias}: ${String(c.error.stack ?? c.error).replace(/\s+/g, ' ').slice(0, 600)}`);
}

const print = (cells) => [
    `| client | ${PROTOCOLS.join(' | ')} |`, `|---|${'---|'.repeat(PROTOCOLS.length)}`,
    ...AGENTS.map((agent) => `| ${agent} | ${PROTOCOLS.map((to) => (cells.find((c) => c.agent === agent && c.to === to).error ? '✗' : '✓')).join(' | ')} |`),
].join('\n');

test('the AI SDK and LangChain: a tool, a streamed answer and an object, by each provider to every family', { skip }, async () => {
    const cells = AGENTS.flatMap((agent) => PROTOCOLS.map((to) => ({ agent, to, alias: aliasOf(agent, to) }))), known = schemas();
    const bad = await carry(cells, (cell) => converse(cell, known));
    keepTable('docs/providers.md', 'agents: printed by tests/e2e/agents.test.mjs', 'end of agents', print(cells));
    assert.equal(bad.length, 0, `${bad.length} of ${cells.length}\n${bad.join('\n')}`);
});

// Some take no schema beside tools: those are asked in words, and the simulated model does as it is told.
const IN_WORDS = ['gemini', 'cohere'], WORDS = { title: 'Told in words', calm: true, wind: { from: 'NW', knots: 7 }, remarks: [] };

test('an agent of the AI SDK that has a tool and ends in an object: enforced, or asked for in words', { skip }, async () => {
    const cells = CONCLUDE.flatMap((agent) => PROTOCOLS.map((to) => ({ agent, to, calls: 2, alias: aliasOf(agent, to, 'concludes') }))), { place, entry } = schemas();
    const asked = `What is the weather? Use get_weather. [simulate seed=33 text=${encodeURIComponent(JSON.stringify(WORDS))}]`;
    const enforced = JSON.parse((await saidTo(sim, { schema: z.toJSONSchema(entry), turns: [{ user: asked }] })).text);
    const bad = await carry(cells, async ({ agent, to, alias }) => {
        const got = await agents[agent].conclude(alias, { system, question: asked, tool: { ...TOOL, schema: place }, schema: entry });
        assert.equal(got.args.length, 1);
        assert.deepEqual(got.objects, [IN_WORDS.includes(to) ? WORDS : enforced]);
    });
    assert.equal(bad.length, 0, bad.join('\n'));
    const { requests } = await (await fetch(`${sim.url}/simulate/requests?last=100`)).json();
    const inWords = requests.filter((r) => /valid against this JSON Schema.*knots/.test(r.body));
    assert.equal(inWords.length, CONCLUDE.length * IN_WORDS.length * 2, 'calls that have the schema in their instructions');
});

test('who wants one tool call at a time gets one, also of a provider that has no word for it', { skip }, async () => {
    const cells = PROTOCOLS.flatMap((to) => [{ to, calls: 2, alias: aliasOf('one call', to) }]);
    const tools = ['weigh_anchor', 'set_course'].map((name) => ({ type: 'function', function: { name, parameters: { type: 'object', properties: {} } } }));
    const bad = await carry(cells, async ({ alias, to }) => { // to chat it goes as it is: the simulated model does not listen
        for (const stream of [false, true]) {
            const body = { model: alias, stream, tools, parallel_tool_calls: false, messages: [{ role: 'user', content: 'Cast off. [simulate tools=3 seed=34]' }] };
            const got = await post(purser, '/v1/chat/completions', body);
            assert.equal(got.status, 200, got.text);
            assert.deepEqual([...got.text.matchAll(/"name":"(\w+)"/g)].map((m) => m[1]), to === 'chat' ? ['weigh_anchor', 'set_course', 'weigh_anchor'] : ['weigh_anchor']);
            assert.match(got.text, /"finish_reason":"tool_calls"/);
        }
    });
    assert.equal(bad.length, 0, bad.join('\n'));
});
