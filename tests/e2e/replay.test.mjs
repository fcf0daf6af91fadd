// Recorded traffic of every family, replayed through purser: whole, byte by byte, cut at each
// event's edge and one byte before and after, and at seeded random places. The client gets the
// recorded bytes; the ledger has the usage that the raw fields tell, whatever the cuts.
// tests/unit/flow/test_replay.c does all cuts of all recordings without sockets. @asan
//
//   PURSER_REPLAY=all  every recording in every way (many minutes; default: a seeded sample)
//   PURSER_FAMILIES=converse,cohere   only those
//   PURSER_SEED=7      another sample, other cuts
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aliceKey, sanitized, shared, startPurser } from './helpers.mjs';
import { edgesOf, expectedOf, loadRecordings, modelsAt, providersAt, unitsOf } from './recordings.mjs';
import { chunkOf, headOf, LAST_CHUNK, startUpstream } from './upstream.mjs';
import { draws, Wire } from './wire.mjs';

const all = process.env.PURSER_REPLAY === 'all';
const seed = Number(process.env.PURSER_SEED ?? 1);
const folder = shared && join(shared, 'traffic');
const skip = folder ? false : 'no recorded traffic at ../shared/traffic (PURSER_SHARED names another place)';

const OPENAI = ['chat', 'responses']; // the sample is mostly theirs, as the traffic is
const families = process.env.PURSER_FAMILIES?.split(',');

// ---- ways to cut

const WAYS = {
    'byte by byte': ({ body }) => [Array.from({ length: Math.max(body.length - 1, 0) }, (_, i) => i + 1)],
    'at event edges': (recording) => {
        const edges = edgesOf(recording);
        if (!all) return [-1, 0, 1].map((shift) => edges.map((e) => e + shift));
        return edges.flatMap((e) => [[e - 1], [e], [e + 1]]);
    },
    'at random': ({ body, family }, draw) => Array.from({ length: all || OPENAI.includes(family) ? 64 : 8 }, () => {
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
    recordings = loadRecordings(folder).filter((r) => families?.includes(r.family) ?? true);
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
    purser = await startPurser({
        settings: {
            log: 'off',
            providers: providersAt(upstream.url, recordings),
            models: modelsAt(recordings),
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
    const answer = await wire.post(recording.path, recording.request, { key: aliceKey, headers: { 'x-replay': name, 'x-purser-task': recording.id, 'x-purser-tags': way } });
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
    const badKey = recording.status === 400 && /API_KEY_INVALID|API key not valid|Incorrect API key provided/.test(recording.body.toString('latin1'));
    if ([401, 403].includes(recording.status) || badKey) {
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

const UNITS = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'audio_in', 'audio_out', 'image', 'tool_calls', 'searches', 'requests'];

/** Why purser may refuse what a provider took. */
const RULES = [
    ['background jobs', (error) => error.param === 'background'],
    ['ids of objects that it never saw', (error) => error.code === 'object_not_found' || /with id '[^']+' not found/.test(error.message)],
    ['embeddings where the vendor has none under its base URL', (error, { provider, path }) => provider === 'perplexity' && path === '/v1/embeddings'],
];

// ---- the tests

test('every recording, whole: the client gets the recorded bytes', { skip }, async (t) => {
    const refused = {}, without = [];
    await replay(recordings.map((r) => [r, []]), 'whole', (recording, answer, reached, cuts) => {
        recording.reached = reached;
        if (reached) return assertSame(recording, answer, reached, cuts);
        const error = answer.json?.error ?? answer.json;
        const rule = RULES.find(([, holds]) => error && holds(error, recording));
        if (!rule) without.push(`${recording.provider} ${recording.id} ${recording.path}: ${answer.text.slice(0, 300)}`);
        else refused[rule[0]] = (refused[rule[0]] ?? 0) + 1;
    });
    assert.deepEqual(without, [], 'refused');
    const carried = recordings.filter((r) => r.reached);
    t.diagnostic(`${carried.length} of ${recordings.length} recordings carried, ${carried.filter((r) => r.stream).length} of them streams; refused: ${JSON.stringify(refused)}`);
    assert.ok(carried.length > recordings.length * 0.95, 'too many are refused');
});

/** Some of each family; of OpenAI's most, as the traffic is. */
function chosenOf(fit, count, draw) {
    const of = (some, n) => sample(some.filter((r) => r.stream), Math.ceil(n * 0.7), draw).concat(sample(some.filter((r) => !r.stream), Math.floor(n * 0.3), draw));
    const others = [...new Set(fit.map((r) => r.family))].filter((f) => !OPENAI.includes(f));
    return [of(fit.filter((r) => OPENAI.includes(r.family)), count), ...others.map((f) => of(fit.filter((r) => r.family === f), Math.ceil(count / 16)))].flat();
}

for (const [way, [count, most]] of Object.entries({ 'at event edges': [sanitized ? 20 : 1000, Infinity], 'byte by byte': [sanitized ? 4 : 40, 20_000], 'at random': [sanitized ? 4 : 80, 200_000] })) {
    test(`cut ${way}: the same bytes`, { skip }, async (t) => {
        const draw = draws(seed);
        const fit = recordings.filter((r) => r.reached && r.body.length > 1 && (all || r.body.length <= most) && (way !== 'at event edges' || r.stream));
        const chosen = chosenOf(fit, count, draw);
        const list = chosen.flatMap((r) => WAYS[way](r, draw).map((cuts) => [r, cuts]));
        await replay(list, way, assertSame);
        t.diagnostic(`${chosen.length} recordings, ${list.length} replays`);
    });
}

test('the ledger has the same usage whatever the cuts', { skip }, async (t) => {
    await purser.rows(serial ? 1 : 0);
    const units = ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens', 'reasoning_tokens', 'audio_in_tokens', 'audio_out_tokens', 'image_tokens', 'tool_calls', 'searches', 'usage_known', 'usage_flags', 'status', 'finish_reason', 'model_answered', 'service_tier'];
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

test('the usage in the ledger is the recorded one, by the raw fields', { skip }, async (t) => {
    const rows = new Map((await purser.sql("SELECT * FROM attempts WHERE tags = 'whole' AND number = 1 AND http_status = 200 AND status = 'ok'")).map((r) => [r.task, r]));
    const held = {};
    let silent = 0;
    for (const recording of recordings.filter((r) => rows.has(r.id))) {
        const units = unitsOf(recording), row = rows.get(recording.id);
        const what = `${recording.provider} ${recording.id} ${recording.path}`;
        assert.ok(!units?.odd, `${what}: ${units?.odd}`);
        assert.equal(row.usage_known === 1 || row.usage_known === '1', units !== null, `${what}: usage ${units ? 'is told' : 'is not told'}`);
        if (!units) {
            silent++;
            continue;
        }
        const told = UNITS.filter((unit) => unit in units || !['searches', 'tool_calls'].includes(unit));
        const read = Object.fromEntries(told.map((unit) => [unit, Number(row[unit in row ? unit : `${unit}_tokens`])]));
        assert.deepEqual(read, { ...Object.fromEntries(told.map((unit) => [unit, 0])), ...units }, what);
        held[recording.family] = (held[recording.family] ?? 0) + 1;
    }
    t.diagnostic(`equal: ${JSON.stringify(held)}; ${silent} recordings tell no usage`);
    for (const family of families ?? ['chat', 'responses', 'messages', 'gemini', 'converse', 'cohere']) assert.ok(held[family] > 30, `only ${held[family]} of ${family} told their usage`);
});
