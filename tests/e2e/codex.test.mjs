// The Codex CLI to every family, where CODEX_BIN names one (npm has it at 400 MB): it runs a command that the
// simulated model asks for, sends its output back and shows the answer; then the same with an answer by a schema.
// What it shows was said, the provider got the command's output, and the ledger's rows are the truth.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROTOCOLS } from './clients.mjs';
import { auditRow, MODELS, pricesOf, providersAt, saidTo } from './families.mjs';
import { aliceKey, run, startPurser, startSimulator, tempDir } from './helpers.mjs';
import { attemptOf, truthSince } from './truth.mjs';

const codex = process.env.CODEX_BIN, skip = codex ? false : 'set CODEX_BIN to a codex: npm has it at 400 MB';
const own = pricesOf();
const SCHEMA = { type: 'object', properties: { title: { type: 'string' }, knots: { type: 'integer' } }, required: ['title', 'knots'], additionalProperties: false };
/** Beside Codex's tools these take no schema: they are asked in words, and the simulated model says this. */
const IN_WORDS = ['gemini', 'cohere'], WORDS = { title: 'Told in words', knots: 7 };

let sim, purser;
before(async () => {
    if (skip) return;
    sim = await startSimulator({ args: ['--keep-requests'] });
    purser = await startPurser({
        settings: {
            log: 'off', prices: own, keys: [{ name: 'alice', secret: '${ALICE_KEY}' }], providers: providersAt(sim.url),
            models: Object.fromEntries(PROTOCOLS.flatMap((to) => ['text', 'object'].map((what) => [`${what}-${to}`, `to-${to}/${MODELS[to]}`]))),
        },
    });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

/** Runs it in a folder with a note that nobody else knows; gives its events, by type. */
async function exec(model, prompt, secret, args = []) {
    const home = tempDir('purser-codex'), work = join(home, 'work');
    mkdirSync(work);
    writeFileSync(join(work, 'note.txt'), `${secret}\n`);
    writeFileSync(join(home, 'schema.json'), JSON.stringify(SCHEMA));
    writeFileSync(join(home, 'config.toml'), `model = "${model}"\nmodel_provider = "purser"\nmodel_reasoning_effort = "medium"\n[model_providers.purser]\nname = "purser"\nbase_url = "${purser.url}/v1"\nwire_api = "responses"\nenv_key = "PURSER_KEY"\nrequest_max_retries = 0\nstream_max_retries = 0\n`);
    const got = await run(codex, ['exec', '--json', '--skip-git-repo-check', '--sandbox', 'read-only', '-C', work, ...args.map((a) => a.replace('HOME', home)), prompt],
        { env: { CODEX_HOME: home, HOME: home, PURSER_KEY: aliceKey }, input: '', seconds: 60 });
    const events = got.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const items = (type) => events.filter((e) => e.type === 'item.completed' && e.item.type === type).map((e) => e.item);
    return { code: got.code, said: items('agent_message'), ran: items('command_execution'), usage: events.findLast((e) => e.type === 'turn.completed')?.usage, all: `${got.stdout}\n${got.stderr.slice(-3000)}` };
}

for (const to of PROTOCOLS) {
    test(`codex runs a command and answers, in text and by a schema: ${to}`, { skip }, async () => {
        const call = `call=exec_command arguments=${encodeURIComponent('{"cmd":"cat note.txt"}')}`;
        const since = (await sim.truth('?limit=1')).last;
        const runs = [];
        for (const [what, args] of [['text', []], ['object', ['--output-schema', 'HOME/schema.json']]]) {
            const model = `${what}-${to}`, secret = `secret-${what}-${to}-${process.pid}`, prompt = `Read the note. [simulate seed=41 tokens=20 ${call}${what === 'text' ? '' : ` text=${encodeURIComponent(JSON.stringify(WORDS))}`}]`;
            const got = await exec(model, prompt, secret, args);
            assert.equal(got.code, 0, got.all);
            assert.equal(got.ran.length, 1, got.all);
            assert.equal(got.ran[0].exit_code, 0, got.all);
            assert.match(got.ran[0].aggregated_output, new RegExp(secret));
            const schema = what === 'object' && !IN_WORDS.includes(to) ? SCHEMA : undefined;
            assert.equal(got.said.at(-1)?.text, (await saidTo(sim, { schema, think: true, turns: [{ user: prompt }, { results: [] }] })).text, got.all);
            runs.push({ model, secret, usage: got.usage });
        }
        const truth = new Map((await truthSince(sim, since)).map((call) => [attemptOf(call), call]));
        const { requests } = await (await fetch(`${sim.url}/simulate/requests?last=100`)).json();
        for (const { model, secret, usage } of runs) {
            const rows = await purser.rows(2, { where: `model_requested = '${model}'` }), calls = rows.map((row) => truth.get(String(row.attempt_id)));
            assert.equal(rows.length, 2, 'calls');
            for (const [i, row] of rows.entries()) auditRow(row, calls[i], { own, to });
            assert.ok(calls.every((call) => call.streamed), 'streamed');
            const told = calls.reduce((sum, { usage: u }) => [sum[0] + u.input, sum[1] + u.output + u.reasoning], [0, 0]);
            assert.deepEqual([usage.input_tokens, usage.output_tokens], told, 'usage that Codex shows');
            assert.equal(requests.filter((r) => r.body.includes(secret)).length, 1, 'the output of the command at the provider');
        }
    });
}
