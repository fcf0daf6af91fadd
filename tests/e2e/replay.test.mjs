// Recorded traffic of the OpenAI family, replayed through purser: whole, byte by byte, cut at
// each event's edge and one byte before and after, and at seeded random places. The client gets
// the recorded bytes, and the ledger the same usage, whatever the cuts. @sanitizers
//
//   PURSER_REPLAY=all  every recording in every way (minutes; default: a seeded sample)
//   PURSER_SEED=7      another sample, other cuts
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { aliceKey, sanitized, shared, startPurser } from './helpers.mjs';
import { chunkOf, headOf, LAST_CHUNK, startUpstream } from './upstream.mjs';
import { draws, Wire } from './wire.mjs';

const all = process.env.PURSER_REPLAY === 'all';
const seed = Number(process.env.PURSER_SEED ?? 1);
const folder = shared && join(shared, 'traffic');
const skip = folder ? false : 'no recorded traffic at ../shared/traffic (PURSER_SHARED names another place)';

const KINDS = ['azure', 'groq', 'deepseek', 'together', 'openrouter', 'perplexity', 'cerebras', 'mistral', 'xai', 'ollama'];
const PATHS = ['/chat/completions', '/completions', '/embeddings', '/responses', '/moderations'];

const bytesOf = (row, name) => Buffer.from(row[`${name}_b64`] ?? row[name] ?? '', row[`${name}_b64`] ? 'base64' : 'utf8');

function load() {
    const recordings = [];
    for (const file of readdirSync(folder).filter((f) => f.endsWith('.jsonl.gz')).sort()) {
        for (const line of gunzipSync(readFileSync(join(folder, file))).toString('utf8').split('\n')) {
            if (!line) continue;
            const row = JSON.parse(line);
            const path = PATHS.find((p) => row.uri.split('?')[0].endsWith(p));
            if (!path || row.method !== 'POST' || row.uri.includes('/api/embeddings')) continue; // that one is Ollama's own protocol
            let request;
            try {
                request = JSON.parse(bytesOf(row, 'request_body').toString('utf8'));
            } catch {
                continue; // a form, or nothing
            }
            if (typeof request !== 'object' || !request) continue;
            const headers = Object.fromEntries(Object.entries(row.response_headers).map(([k, v]) => [k.toLowerCase(), [v].flat().join(', ')]));
            recordings.push({
                id: row.id, path: `/v1${path}`, provider: file.replace('.jsonl.gz', ''), status: row.status, request,
                type: headers['content-type'] ?? 'application/json',
                stream: row.status < 300 && /^text\/event-stream/.test(headers['content-type'] ?? ''),
                body: bytesOf(row, 'response_body'),
            });
        }
    }
    return recordings;
}

/** Where events end: just after each blank line. */
function edgesOf(body) {
    const edges = [];
    const pattern = /\r\n\r\n|\n\n|\r\r/g;
    const text = body.toString('latin1');
    while (pattern.exec(text)) edges.push(pattern.lastIndex);
    return edges;
}

/** What the client should see: the recorded bytes, but for what purser says it changes. */
function expectedOf(recording) {
    const { body, request, path } = recording;
    if (!recording.stream) return { text: body };
    const asked = request.stream_options?.include_usage === true;
    const kept = [];
    let from = 0;
    for (const edge of [...edgesOf(body), body.length]) {
        const raw = body.subarray(from, edge);
        from = edge;
        const data = raw.toString('utf8').split(/\r\n|\n|\r/).filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n');
        if (!data) {
            kept.push(raw);
            continue;
        }
        if (data === '[DONE]') {
            kept.push(raw);
            break; // what follows the end is nobody's
        }
        const event = JSON.parse(data);
        if (event.error || event.type === 'error' || event.type === 'response.failed') return { text: Buffer.concat(kept), fails: true };
        const usageOnly = path !== '/v1/responses' && event.usage && Array.isArray(event.choices) && event.choices.length === 0;
        if (!usageOnly || asked) kept.push(raw); // the chunk that purser asked for is taken out
        if (/^response\.(completed|incomplete)$/.test(event.type)) break;
    }
    return { text: Buffer.concat(kept) };
}

// ---- ways to cut

const WAYS = {
    whole: (body) => [[]],
    'byte by byte': (body) => [Array.from({ length: Math.max(body.length - 1, 0) }, (_, i) => i + 1)],
    'at event edges': (body, draw, recording) => {
        const edges = edgesOf(body);
        if (!all) return [-1, 0, 1].map((shift) => edges.map((e) => e + shift));
        return edges.flatMap((e) => [[e - 1], [e], [e + 1]]);
    },
    'at random': (body, draw) => Array.from({ length: 64 }, () => {
        const cuts = Array.from({ length: 1 + draw.below(6) }, () => 1 + draw.below(Math.max(body.length - 1, 1)));
        return [...new Set(cuts)].sort((a, b) => a - b);
    }),
};

function piecesOf(body, cuts) {
    const pieces = [];
    let from = 0;
    for (const cut of [...cuts, body.length]) {
        if (cut <= from || cut > body.length) continue;
        pieces.push(body.subarray(from, cut));
        from = cut;
    }
    return pieces;
}

// ---- the rig

let upstream, purser, recordings = [];
const jobs = new Map(); // what the upstream is to answer, by the call's own header

before(async () => {
    if (skip) return;
    recordings = load();
    upstream = await startUpstream(async (request, send) => {
        const { recording, cuts } = jobs.get(request.headers['x-replay']);
        jobs.get(request.headers['x-replay']).reached = true;
        const pieces = piecesOf(recording.body, cuts);
        const framing = recording.stream ? { 'transfer-encoding': 'chunked' } : { 'content-length': recording.body.length };
        await send(headOf(recording.status, { 'content-type': recording.type, ...framing }));
        const apart = pieces.length < 3000; // each on its own way as far as the kernel lets it
        for (const piece of pieces) {
            const sent = send(recording.stream ? chunkOf(piece) : piece);
            if (apart) await sent;
        }
        if (recording.stream) await send(LAST_CHUNK);
    });
    const names = [...new Set(recordings.map((r) => r.provider))];
    purser = await startPurser({
        settings: {
            log: 'off',
            providers: Object.fromEntries(names.map((name) => [name, {
                kind: KINDS.includes(name) ? name : 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-replayed',
            }])),
            unpriced: { ceiling: { input: 1, output: 1 } },
            runaway: { action: 'off' }, // one call is made again and again, cut in other places
            keys: [{ name: 'alice', secret: '${ALICE_KEY}' }],
            ceilings: { body: '64MB' },
        },
    });
});

after(async () => {
    await purser?.stop();
    await upstream?.stop();
});

let serial = 0;
async function replayOne(wire, recording, cuts, way) {
    const name = `r${++serial}`;
    const job = { recording, cuts };
    jobs.set(name, job);
    const model = `${recording.provider}/${recording.request.model ?? 'none'}`;
    const answer = await wire.post(recording.path, { ...recording.request, model }, { key: aliceKey, headers: { 'x-replay': name, 'x-purser-task': recording.id, 'x-purser-tags': way } });
    jobs.delete(name);
    return { answer, reached: job.reached };
}

/** Does every [recording, cuts] over a few connections. */
async function replay(list, way, check) {
    let at = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
        const wire = new Wire(purser.port);
        while (at < list.length) {
            const [recording, cuts] = list[at++];
            const { answer, reached } = await replayOne(wire, recording, cuts, way);
            check(recording, answer, reached, cuts);
        }
        wire.close();
    }));
}

function assertSame(recording, answer, reached, cuts) {
    const what = `${recording.provider} ${recording.id} ${recording.path} HTTP ${recording.status}${recording.stream ? ' streamed' : ''}, cut at ${JSON.stringify(cuts.slice(0, 20))} (seed ${seed})`;
    const expected = recording.expected ??= expectedOf(recording);
    if (recording.status === 401 || recording.status === 403) {
        assert.equal(answer.status, 502, what); // the provider refused purser, not the client
        return;
    }
    if (!recording.stream && !/^\s*\{/.test(recording.body.subarray(0, 4096).toString('latin1'))) { // no JSON object: never passed on
        assert.ok(answer.status >= 400 && answer.json?.error.message, `${what}: ${answer.status} ${answer.text.slice(0, 200)}`);
        return;
    }
    assert.equal(answer.status, recording.status, `${what}: ${answer.text.slice(0, 300)}`);
    assert.ok(answer.complete, `${what}: incomplete`);
    if (expected.fails) {
        assert.ok(answer.text.startsWith(expected.text.toString('utf8')), what);
        assert.match(answer.text.slice(expected.text.length), /"error"/, what);
        return;
    }
    // in the usage chunk that the client asked for, purser tells the cost beside the usage
    const own = /,"purser":\{"cost_usd":"[\d.]+","request_id":"[0-9a-f]+"\}/;
    const got = recording.stream ? Buffer.from(answer.body.toString('latin1').replace(own, ''), 'latin1') : answer.body;
    if (!got.equals(expected.text)) {
        const want = expected.text;
        let i = 0;
        while (i < got.length && got[i] === want[i]) i++;
        assert.fail(`${what}: differs at byte ${i} of ${want.length} (got ${got.length}):\n  want ...${JSON.stringify(want.subarray(Math.max(0, i - 60), i + 200).toString())}\n  got  ...${JSON.stringify(got.subarray(Math.max(0, i - 60), i + 200).toString())}`);
    }
}

const sample = (list, count, draw) => {
    if (all || list.length <= count) return list;
    const left = [...list];
    return Array.from({ length: count }, () => left.splice(draw.below(left.length), 1)[0]);
};

/** Why purser may refuse what a provider took. */
const RULES = [
    ['background jobs', (error) => error.param === 'background'],
    ['ids of objects that it never saw', (error) => error.code === 'object_not_found'],
    ['embeddings where the vendor has none under its base URL', (error, { provider, path }) => provider === 'perplexity' && path === '/v1/embeddings'],
];

// ---- the tests

test('every recording, whole: the client gets the recorded bytes', { skip }, async (t) => {
    const refused = {};
    await replay(recordings.map((r) => [r, []]), 'whole', (recording, answer, reached, cuts) => {
        recording.reached = reached;
        if (reached) return assertSame(recording, answer, reached, cuts);
        const error = answer.json?.error;
        const rule = RULES.find(([, holds]) => error && holds(error, recording));
        assert.ok(rule, `${recording.provider} ${recording.id} ${recording.path} is refused: ${answer.text.slice(0, 300)}`);
        refused[rule[0]] = (refused[rule[0]] ?? 0) + 1;
        recording.refused = `${recording.provider} ${recording.id}: ${answer.text.slice(0, 300)}`;
    });
    const carried = recordings.filter((r) => r.reached);
    t.diagnostic(`${carried.length} of ${recordings.length} recordings carried, ${carried.filter((r) => r.stream).length} of them streams; refused: ${JSON.stringify(refused)}`);
    assert.ok(carried.length > recordings.length * 0.95, `too many refused, e.g. ${recordings.filter((r) => r.refused).slice(0, 5).map((r) => r.refused).join('\n')}`);
});

for (const [way, [count, most]] of Object.entries({ 'at event edges': [sanitized ? 20 : 1000, Infinity], 'byte by byte': [sanitized ? 4 : 80, 20_000], 'at random': [sanitized ? 4 : 80, 200_000] })) {
    test(`cut ${way}: the same bytes`, { skip }, async (t) => {
        const draw = draws(seed);
        const fit = recordings.filter((r) => r.reached && r.body.length > 1 && (all || r.body.length <= most) && (way !== 'at event edges' || r.stream));
        const streams = fit.filter((r) => r.stream), others = fit.filter((r) => !r.stream);
        const chosen = [...sample(streams, Math.ceil(count * 0.7), draw), ...sample(others, Math.floor(count * 0.3), draw)];
        const list = chosen.flatMap((r) => WAYS[way](r.body, draw, r).map((cuts) => [r, cuts]));
        await replay(list, way, assertSame);
        t.diagnostic(`${chosen.length} recordings, ${list.length} replays`);
    });
}

test('the ledger has the same usage whatever the cuts', { skip }, async (t) => {
    await purser.rows(serial ? 1 : 0);
    const units = ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'output_tokens', 'reasoning_tokens', 'audio_in_tokens', 'audio_out_tokens', 'tool_calls', 'searches', 'usage_known', 'usage_flags', 'status', 'finish_reason', 'model_answered', 'service_tier'];
    // an estimate knows the time that passed: only what was told can be the same
    const rows = await purser.sql(`SELECT task, count(*) AS n, group_concat(DISTINCT tags) AS ways, count(DISTINCT ${units.map((u) => `"${u}"`).join(" || ' ' || ")}) AS kinds FROM attempts WHERE usage_known = 1 AND number = 1 GROUP BY task`);
    const odd = rows.filter((r) => Number(r.kinds) !== 1);
    for (const row of odd.slice(0, 3)) t.diagnostic(JSON.stringify(await purser.sql(`SELECT DISTINCT tags, ${units.join(', ')} FROM attempts WHERE task = '${row.task}'`)));
    assert.deepEqual(odd.map((r) => r.task), [], 'recordings whose usage depends on where they are cut');
    const torn = await purser.sql('SELECT task FROM attempts WHERE number = 1 GROUP BY task HAVING count(DISTINCT usage_known) > 1');
    assert.deepEqual(torn, [], 'recordings whose usage is seen in some cuts only');
    assert.ok(rows.length > recordings.length / 2, `${rows.length} recordings with usage`);
    t.diagnostic(`${rows.length} recordings with usage, ${rows.reduce((all, r) => all + Number(r.n), 0)} replays`);
});

test('the usage in the ledger is the recorded one', { skip }, async () => {
    const rows = new Map((await purser.sql("SELECT * FROM attempts WHERE tags = 'whole' AND usage_known = 1 AND provider = 'openai' AND http_status = 200")).map((r) => [r.task, r]));
    let held = 0;
    for (const recording of recordings.filter((r) => r.provider === 'openai' && rows.has(r.id))) {
        const found = recording.body.toString('utf8').match(/"usage": ?\{(?:[^{}]|\{[^{}]*\})*\}/g);
        if (!found) continue;
        const usage = JSON.parse(found.at(-1).replace(/^"usage": ?/, ''));
        const row = rows.get(recording.id);
        const input = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_in', 'image'].reduce((all, u) => all + Number(row[`${u}_tokens`]), 0);
        const output = ['output', 'reasoning', 'audio_out'].reduce((all, u) => all + Number(row[`${u}_tokens`]), 0);
        const what = `${recording.id} ${recording.path}: ${JSON.stringify(usage)}`;
        assert.equal(input, usage.prompt_tokens ?? usage.input_tokens ?? 0, what);
        assert.equal(output, usage.completion_tokens ?? usage.output_tokens ?? 0, what);
        const cached = (usage.prompt_tokens_details ?? usage.input_tokens_details)?.cached_tokens ?? 0;
        assert.equal(Number(row.cache_read_tokens), cached, what);
        held++;
    }
    assert.ok(held > 300, `only ${held} recordings told their usage`);
});
