// A simulated provider of each family behind purser, with a price of its own for every unit, so that no
// mix-up stays hidden; what it truly says, and what its calls truly cost.
import assert from 'node:assert/strict';
import { billOf } from './truth.mjs';

export const MODELS = {
    chat: 'gpt-simulated', responses: 'gpt-simulated', messages: 'claude-sonnet-4-5', gemini: 'gemini-2.5-flash',
    converse: 'anthropic.claude-sonnet-4-5-20250929-v1:0', cohere: 'command-a-reasoning-08-2025',
};

/** `models`: [family, model] pairs. */
export const pricesOf = (models = Object.entries(MODELS)) => models.map(([to, model], i) => ({
    model: `to-${to}/${model}`, from: '2026-01-01', input: `${i + 1}.01`, cache_read: `${i}.13`, cache_write_5m: `${i + 1}.73`, cache_write_1h: `${i + 2}.57`,
    output: `${i + 4}.21`, reasoning: `${i + 5}.03`, audio_in: `${i + 9}.07`, audio_out: `${i + 17}.11`, searches: 10003, requests: 101.3,
}));

/** A provider of each family, called to-FAMILY, all at `url`. */
export const providersAt = (url) => ({
    'to-chat': { kind: 'openai', base_url: `${url}/v1`, api_key: 'k', protocols: ['chat'] },
    'to-responses': { kind: 'openai', base_url: `${url}/v1`, api_key: 'k', protocols: ['responses'] },
    'to-messages': { kind: 'anthropic', base_url: url, api_key: 'k' },
    'to-gemini': { kind: 'gemini', base_url: url, api_key: 'k' },
    'to-converse': { kind: 'bedrock', base_url: url, api_key: 'k', region: 'us-east-1' },
    'to-cohere': { kind: 'cohere', base_url: url, api_key: 'k' },
});

const said = new Map();
/** What the simulator says to a seed, asked without purser: { text, thoughts, calls: [{ name, args }], cites, stop }.
 *  c: { turns, tools, force, schema, think, max } as clients.mjs has them. */
export async function saidTo(sim, c) {
    const { turns } = c, last = turns.findLast((t) => t.user).user;
    const answered = Boolean(turns.at(-1).results);
    const key = JSON.stringify([sim.url, last, c.tools, c.force, c.schema, c.think, c.max, answered]);
    if (!said.has(key)) {
        const body = {
            model: 'm', max_tokens: c.max ?? 4096, messages: answered
                ? [{ role: 'user', content: last }, { role: 'assistant', content: [{ type: 'redacted_thinking', data: 'x' }, { type: 'tool_use', id: 'a', name: 'b', input: {} }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'x' }] }]
                : [{ role: 'user', content: last }],
            ...(c.tools && { tools: c.tools.map((t) => ({ name: t.name, input_schema: t.schema })) }),
            ...(c.force && { tool_choice: { type: 'tool', name: c.force } }), ...(c.schema && { output_config: { format: { type: 'json_schema', schema: c.schema } } }),
            ...(c.think && { thinking: { type: 'enabled', budget_tokens: 2048 } }),
        };
        said.set(key, fetch(`${sim.url}/v1/messages`, { method: 'POST', body: JSON.stringify(body) }).then(async (answer) => {
            const got = await answer.json();
            assert.equal(answer.status, 200, JSON.stringify(got));
            const of = (type) => got.content.filter((b) => b.type === type);
            return {
                text: of('text').map((b) => b.text).join(''), thoughts: of('thinking').map((b) => b.thinking).join(''),
                cites: of('text').flatMap((b) => (b.citations ?? []).map((c) => ({ url: c.url, title: c.title, words: b.text, quote: c.cited_text }))),
                calls: of('tool_use').map((b) => ({ name: b.name, args: b.input })), stop: { end_turn: 'stop', tool_use: 'tools', max_tokens: 'length' }[got.stop_reason],
            };
        }));
    }
    return said.get(key);
}

const COLUMNS = { input: 'input_tokens', cache_read: 'cache_read_tokens', cache_write: 'cache_write_5m_tokens', cache_write_1h: 'cache_write_1h_tokens', output: 'output_tokens', reasoning: 'reasoning_tokens', audio_in: 'audio_in_tokens', audio_out: 'audio_out_tokens', searches: 'searches' };

/** The ledger's row has the units that the call truly used, and their price to the pico-dollar. */
export function auditRow(row, truth, { own, to }) {
    for (const [unit, column] of Object.entries(COLUMNS)) assert.equal(Number(row[column]), truth.usage[unit], `the ledger's ${unit}`);
    const bill = billOf(truth, { own, provider: `to-${to}` });
    assert.equal(row.cost_state, 'exact', 'state of the cost');
    assert.equal(BigInt(row.cost_picousd), bill.total, 'cost');
    // searches that nobody asked for have no bound
    if (!truth.usage.searches) assert.ok(BigInt(row.held_picousd) >= bill.total, 'billed above what was held');
}
