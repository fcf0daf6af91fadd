// What purser sends in OpenAI's protocol is what OpenAI's published schema allows. The recorded
// calls of every family go through purser to providers that speak chat, responses and embeddings.
// Each body that arrives is a literal in a program that the TypeScript compiler checks against the
// types of OpenAI's own client, which are generated from the published schema: a field that is not
// there, one that is missing, another type or word is an error. What types cannot say (ranges,
// lengths, patterns) is RANGES, from the same schema.
//
// A call that was OpenAI's already goes on as it came but for purser's edits: it must be valid where
// the client's was.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aliceKey, root, shared, startPurser } from './helpers.mjs';
import { loadRecordings } from './recordings.mjs';
import { headOf, startUpstream } from './upstream.mjs';
import { Wire } from './wire.mjs';

const folder = shared && join(shared, 'traffic');
const skip = folder ? false : 'no recorded traffic at ../shared/traffic (PURSER_SHARED names another place)';

/** Path at the provider -> the type of its body. */
const TYPES = {
    '/chat/completions': ['ChatCompletionCreateParams', 'openai/resources/chat/completions'],
    '/responses': ['ResponseCreateParams', 'openai/resources/responses/responses'],
    '/embeddings': ['EmbeddingCreateParams', 'openai/resources/embeddings'],
    '/completions': ['CompletionCreateParams', 'openai/resources/completions'],
    '/moderations': ['ModerationCreateParams', 'openai/resources/moderations'],
};

// ---- what types cannot say

const within = (low, high) => (v) => v >= low && v <= high;
const least = (low) => (v) => v >= low;
const atMost = (n) => (v) => v.length <= n;
const named = (v) => /^[a-zA-Z0-9_-]{1,64}$/.test(v);
const shared_ = { temperature: within(0, 2), top_p: within(0, 1), top_logprobs: within(0, 20), safety_identifier: atMost(64), prompt_cache_key: atMost(64), metadata: (v) => Object.keys(v).length <= 16 && Object.entries(v).every(([key, value]) => key.length <= 64 && value.length <= 512) };
const RANGES = {
    '/chat/completions': {
        ...shared_, n: within(1, 128), presence_penalty: within(-2, 2), frequency_penalty: within(-2, 2), seed: Number.isSafeInteger, max_completion_tokens: Number.isInteger, max_tokens: Number.isInteger,
        stop: (v) => typeof v === 'string' || (v.length >= 1 && v.length <= 4), messages: (v) => v.length >= 1, tools: (v) => v.every((t) => named((t.function ?? t.custom)?.name)),
        response_format: (v) => v.type !== 'json_schema' || named(v.json_schema.name),
    },
    '/responses': { ...shared_, max_output_tokens: (v) => Number.isInteger(v) && v >= 16, tools: (v) => v.every((t) => t.type !== 'function' || named(t.name)), text: (v) => v.format?.type !== 'json_schema' || named(v.format.name) },
    '/embeddings': { dimensions: least(1), input: (v) => v.length >= 1 && (typeof v === 'string' || v.length <= 2048) },
};

function outOfRange(path, body) {
    return Object.entries(RANGES[path] ?? {}).filter(([key, holds]) => body[key] !== undefined && body[key] !== null && !holds(body[key])).map(([key]) => `${key} is out of its range: ${JSON.stringify(body[key]).slice(0, 200)}`);
}

// ---- the compiler

/** Literals need not be long: a string's length is no part of its type. */
const literal = (body) => JSON.stringify(body, (key, v) => (typeof v === 'string' && v.length > 80 ? v.slice(0, 80) : v));

const parsed = new Map(); // the types' own files: once for all runs

/** Of each [path, body]: what OpenAI's types have against it, a list that is empty where nothing is. */
async function typeErrors(bodies) {
    const { default: ts } = await import('typescript');
    const file = join(root, 'tests/e2e/openai-schema.check.ts');
    const imports = Object.values(TYPES).map(([type, module]) => `import type { ${type} } from '${module}';`);
    const written = bodies.map(([path, body]) => `${TYPES[path][0]} = ${literal(body)};`), once = [...new Set(written)];
    const text = [...imports, ...once.map((line, i) => `export const b${i}: ${line}`)].join('\n');
    const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, lib: ['lib.es2022.d.ts'] };
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists, getSourceFile } = host;
    host.fileExists = (name) => name === file || fileExists(name);
    host.readFile = (name) => (name === file ? text : readFile(name));
    host.getSourceFile = (name, ...rest) => (name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : parsed.get(name) ?? parsed.set(name, getSourceFile(name, ...rest)).get(name));
    const program = ts.createProgram([file], options, host), source = program.getSourceFile(file);
    const errors = once.map(() => []);
    for (const found of [...program.getGlobalDiagnostics(), ...program.getOptionsDiagnostics(), ...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]) {
        const line = found.file === source ? source.getLineAndCharacterOfPosition(found.start).line - imports.length : -1;
        const message = ts.flattenDiagnosticMessageText(found.messageText, '\n');
        assert.ok(line >= 0, message); // of the imports: the types are not there
        errors[line].push(`${text.slice(found.start, found.start + 120)}: ${message.slice(0, 1500)}`);
    }
    const at = new Map(once.map((line, i) => [line, i]));
    return written.map((line) => errors[at.get(line)]);
}

// ---- the rig

let upstream, purser;
const arrived = new Map(); // what the provider got, by the header that goes along with a translated call

const ANSWERS = {
    '/chat/completions': { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'Ahoy' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
    '/responses': { id: 'r', object: 'response', created_at: 1, model: 'm', status: 'completed', output: [{ type: 'message', id: 'm', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Ahoy', annotations: [] }] }], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } },
};

before(async () => {
    if (skip) return;
    upstream = await startUpstream(async (request, send) => {
        const path = request.path.replace(/^\/openai\/v1|\?.*$/g, '');
        arrived.set(request.headers.baggage, [path, JSON.parse(request.body.toString('utf8'))]);
        const body = JSON.stringify(ANSWERS[path] ?? { object: 'list', model: 'm', data: [], usage: { prompt_tokens: 1, total_tokens: 1 } });
        await send(headOf(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) + body);
    });
    // OpenAI's protocol in OpenAI's own words: at an address that is not OpenAI's only Azure has them
    const provider = (protocol) => ({ kind: 'azure', base_url: `${upstream.url}/openai/v1`, api_key: 'sk-recorded', protocols: [protocol] });
    purser = await startPurser({
        settings: {
            log: 'off', compat: 'lenient', runaway: { action: 'off' },
            providers: { chat: provider('chat'), responses: provider('responses'), any: { kind: 'openai-compatible', base_url: `${upstream.url}/openai/v1`, protocols: ['chat'] } },
            unpriced: { ceiling: { input: 1, output: 1 } },
            keys: [{ name: 'alice', secret: '${ALICE_KEY}' }],
            ceilings: { body: '64MB' },
        },
    });
});

after(async () => {
    await purser?.stop();
    await upstream?.stop();
});

/** Each call once, however often it was recorded. */
function different(recordings) {
    const seen = new Set();
    return recordings.filter((r) => {
        const { path, request } = r.as('m'), key = path + JSON.stringify(request);
        return !seen.has(key) && seen.add(key);
    });
}

/** Sends every call to `provider`; gives [recording, path, body] of those that arrived, and counts why others did not. */
async function send(recordings, provider) {
    const sent = [], refused = {};
    let at = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
        const wire = new Wire(purser.port);
        while (at < recordings.length) {
            const recording = recordings[at++], name = `call=${provider}-${recording.id}`;
            const { path, request } = recording.as(`${provider}/gpt-5-mini`);
            const answer = await wire.post(path, request, { key: aliceKey, headers: { baggage: name } });
            if (arrived.has(name)) sent.push([recording, ...arrived.get(name)]);
            else {
                const why = (answer.json?.error?.message ?? answer.json?.message ?? answer.text).replace(/'[^']*'|^file_id: /g, '').slice(0, 70);
                assert.ok(answer.status >= 400 && answer.status < 500, `${recording.provider} ${recording.id} to ${provider}: ${answer.status} ${answer.text.slice(0, 300)}`);
                refused[why] = (refused[why] ?? 0) + 1;
            }
        }
        wire.close();
    }));
    return { sent, refused };
}

// The check itself can fail: these are compiled along with the rest.
const user = { role: 'user', content: 'x' };
const WRONG = [
    ['/chat/completions', { model: 'm', messages: [user], top_k: 3 }],
    ['/chat/completions', { model: 'm' }],
    ['/chat/completions', { model: 'm', messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }],
    ['/chat/completions', { model: 'm', messages: [{ ...user, cache_control: { type: 'ephemeral' } }] }],
    ['/chat/completions', { model: 'm', messages: [user], tools: [{ type: 'function', name: 'f' }] }],
    ['/chat/completions', { model: 'm', messages: [user], max_tokens: '5' }],
    ['/responses', { model: 'm', input: [{ type: 'function_call', name: 'f', arguments: {}, call_id: 'c' }] }],
    ['/responses', { model: 'm', input: 'x', messages: [user] }],
    ['/responses', { model: 'm', input: 'x', reasoning: { effort: 'huge' } }],
    ['/embeddings', { model: 'm' }],
];
const RIGHT = [['/chat/completions', { model: 'm', messages: [user] }], ['/responses', { model: 'm', input: 'x' }], ['/embeddings', { model: 'm', input: ['x'] }]];

function checkTheCheck(errors) {
    WRONG.forEach(([path, body], i) => assert.ok(errors[i].length, `taken: ${path} ${JSON.stringify(body)}`));
    RIGHT.forEach((_, i) => assert.deepEqual(errors[WRONG.length + i], []));
    assert.equal(outOfRange('/chat/completions', { temperature: 3, stop: ['1', '2', '3', '4', '5'], n: 1 }).length, 2);
}

test("every recorded call, sent in OpenAI's protocol, is valid by OpenAI's schema", { skip }, async (t) => {
    const recordings = different(loadRecordings(folder));
    const all = [], counts = {};
    for (const provider of ['chat', 'responses', 'any']) {
        const { sent, refused } = await send(recordings, provider);
        t.diagnostic(`to ${provider}: ${sent.length} of ${recordings.length} sent; refused: ${JSON.stringify(refused)}`);
        for (const [recording, path, body] of sent) {
            if (!TYPES[path]) continue; // rerank is not OpenAI's
            const own = recording.as('x').path === `/v1${path}`; // went on as it came
            if (own && !['openai', 'azure'].includes(recording.provider)) continue; // in words of another vendor's
            all.push({ recording, provider, path, body, own });
            counts[`${recording.family} to ${path}`] = (counts[`${recording.family} to ${path}`] ?? 0) + 1;
        }
    }
    const errors = await typeErrors([...all.map(({ path, body }) => [path, body]), ...WRONG, ...RIGHT]);
    checkTheCheck(errors.slice(all.length));
    all.forEach((one, i) => (one.found = [...errors[i], ...outOfRange(one.path, one.body)]));
    // what came from its client so is the client's: purser adds nothing wrong, and takes nothing away
    const odd = all.filter((one) => one.own && one.found.length);
    const clients = await typeErrors(odd.map(({ path, recording }) => [path, recording.as('m').request]));
    odd.forEach((one, i) => (one.before = clients[i].length || outOfRange(one.path, one.recording.as('m').request).length));
    const wrong = all.filter((one) => one.found.length && !one.before).map(({ recording, provider, path, body, found }) =>
        `${recording.provider} ${recording.id} (${recording.family}) to ${provider} ${path}:\n${found.join('\n')}\n${JSON.stringify(body).slice(0, 1500)}`);
    t.diagnostic(JSON.stringify(counts));
    t.diagnostic(`${all.length} bodies, ${all.filter((one) => one.own).length} of them OpenAI's already, of which ${odd.length} were not valid as their clients sent them`);
    assert.equal(wrong.length, 0, `${wrong.length} of ${all.length} are not valid, the first of them:\n${wrong.slice(0, 8).join('\n\n')}`);
    for (const family of ['messages', 'gemini', 'converse', 'cohere', 'responses']) assert.ok(counts[`${family} to /chat/completions`] > 25, `few of ${family}`);
    for (const family of ['messages', 'gemini', 'converse', 'cohere', 'chat']) assert.ok(counts[`${family} to /responses`] > 25, `few of ${family}`);
});
