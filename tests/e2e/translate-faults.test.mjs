// Promise 5 between protocols: whatever a provider of one protocol does wrong, a client of any other
// sees a whole answer or an explicit error of its own protocol, and the ledger knows which. @sanitizers
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { clients, frameOf, providers, TEXT } from './dialects.mjs';
import { aliceKey, sanitized, startPurser, until } from './helpers.mjs';
import { chunkOf, headOf, LAST_CHUNK, startUpstream } from './upstream.mjs';
import { Wire } from './wire.mjs';

const PROVIDER_KEY = 'sk-provider-secret-4f7a1c0de5';
let upstream, purser;

/** What the provider does with a call: chosen by a header that goes along, by its number here. */
const acts = [];

before(async () => {
    upstream = await startUpstream((request, send, socket) => acts[Number(request.headers.tracestate.slice(2))](request, send, socket));
    const own = Object.entries(providers).flatMap(([name, p]) => {
        const there = { kind: p.kind, protocols: p.protocols, base_url: upstream.url + p.base, api_key: PROVIDER_KEY, ...(p.kind === 'bedrock' ? { region: 'us-east-1' } : {}) };
        return [[name, there], [`hasty-${name}`, { ...there, timeouts: { first_token: '400ms', between_tokens: '300ms' } }]];
    });
    for (const i of [0, 1]) own.push([`picky-${i}`, own[0][1]]);
    purser = await startPurser({
        settings: {
            providers: Object.fromEntries(own),
            prices: own.map(([name]) => ({ model: `${name}/m`, input: 1, output: 2, from: '2026-01-01' })),
            features: { finisher: { owner: 'ana@example.com', on_disconnect: 'finish' }, canceller: { owner: 'ana@example.com', on_disconnect: 'cancel' } },
            budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }],
        },
    });
});

after(async () => {
    assert.deepEqual(upstream?.errors, []);
    const log = purser?.log ?? '';
    await purser?.stop();
    await upstream?.stop();
    assert.ok(!log.includes(PROVIDER_KEY) && !log.includes(aliceKey), 'a key in the log');
});

// ---- a provider's ways

const begin = (type, more) => headOf(200, { 'content-type': type, 'transfer-encoding': 'chunked', ...more });
const pieces = (type, bytes, end = LAST_CHUNK) => async (request, send, socket) => {
    await send(begin(type));
    for (const piece of bytes) if (piece.length) await send(chunkOf(piece));
    if (end) await send(end);
    else socket.destroySoon();
};
const whole = (status, type, body, more = {}) => (request, send) =>
    send(Buffer.concat([Buffer.from(headOf(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...more })), Buffer.from(body)]));

/** One call; everything that is true of each: its end fits the ledger's row. */
async function ask(client, target, stream, act, wire, { mayLackEnd = false, hasty = false } = {}) {
    const c = clients[client], model = `${hasty ? 'hasty-' : ''}${target}/m`;
    const number = acts.push(act) - 1, task = `act-${process.pid}-${number}`;
    const own = wire ?? new Wire(purser.port);
    const answer = await own.post(c.path(model, stream), c.body(model, stream), { key: aliceKey, headers: { tracestate: `a=${number}`, 'x-purser-task': task } });
    if (!wire) own.close();
    const told = { task, status: answer.status, complete: answer.complete, answer };
    const where = `${client} of ${target}, ${stream ? 'streamed' : 'whole'}: ${answer.status} ${answer.text.slice(0, 1500)}`;
    assert.ok(!answer.text.includes(PROVIDER_KEY), where);
    try {
        if (answer.status !== 200) {
            assert.match(answer.headers['content-type'], /^application\/json/);
            told.error = c.failure(JSON.parse(answer.text), answer.headers);
            assert.ok(told.error, 'no error of its protocol');
            assert.ok(answer.complete);
        } else if (stream) {
            assert.match(answer.headers['content-type'], c.type);
            assert.ok(answer.complete, 'cut');
            Object.assign(told, c.stream(answer));
            assert.ok(told.error || told.end || mayLackEnd, 'neither an error nor an end');
            if (!told.error) assert.equal(told.text, TEXT);
        } else {
            assert.match(answer.headers['content-type'], /^application\/json/);
            assert.equal(c.whole(JSON.parse(answer.text)), TEXT);
            told.end = true;
        }
    } catch (error) {
        error.message += ` -- ${where}`;
        throw error;
    }
    return told;
}

async function checkRows(all) {
    await purser.rows(all.length, { where: `task IN (${all.map((t) => `'${t.task}'`)})`, columns: 'task' });
    const rows = await purser.rows(all.length, { where: `task IN (${all.map((t) => `'${t.task}'`)})`, columns: 'task, status, cost_state, cost_picousd, wasted, number' });
    const of = Object.groupBy ? Object.groupBy(rows, (r) => r.task) : rows.reduce((o, r) => ((o[r.task] ??= []).push(r), o), {});
    const wrong = [];
    const check = (good, where) => good || wrong.push(where);
    for (const told of all) {
        const row = of[told.task].at(-1);
        const where = `${told.what}: the client saw ${told.status} ${told.error ?? 'a whole answer'}, the row says ${JSON.stringify(row)}`;
        check((row.status === 'ok') === !told.error && row.wasted === (told.error ? 1 : 0), where);
        check(!told.row || told.row.test(`${row.status} ${row.cost_state}`), where);
        check(row.cost_state !== 'exact' || Number(row.cost_picousd) === 7e6 + 5 * 2e6, where);
        check(row.cost_state !== 'free' || Number(row.cost_picousd) === 0, where);
    }
    return wrong;
}

/** Many calls, a few at a time, each lane over a connection of its own. */
async function inLanes(jobs, lanes = 8) {
    const done = [], wrong = [];
    let next = 0;
    const lane = async () => {
        const wire = new Wire(purser.port);
        while (next < jobs.length) {
            try {
                done.push(await jobs[next++](wire));
            } catch (error) {
                wrong.push(error.message);
            }
        }
        wire.close();
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    wrong.push(...(await checkRows(done)));
    assert.ok(!wrong.length, `${wrong.length} of ${jobs.length} went wrong:\n${wrong.slice(0, 20).join('\n')}`);
}

// ---- cut anywhere

const names = Object.keys(providers);
/** The same protocol on both sides: what comes passes as it came. */
const same = (client, target) => client.startsWith(target);
/** Gemini's own clients that ask for an array get one of Gemini. */
const streamOf = (client, target) =>
    (client === 'gemini-array' && target === 'gemini' ? { type: 'application/json', stream: providers.gemini.array } : providers[target]);
const STRIDE = sanitized ? 61 : 7;

/** [what, the stream's pieces, the row's state] */
function wrongStreams(client, target) {
    const { stream } = streamOf(client, target), { error } = providers[target];
    const frames = target === 'converse', array = stream[0][0] === 0x5b;
    const event = (text) => (frames ? frameOf('contentBlockDelta', text) : Buffer.from(array ? `,${text}` : `data: ${text}\n\n`));
    const failure = array ? event(JSON.stringify(providers.gemini.body)) : error;
    const broken = frames ? Buffer.from(stream[1]) : event('{"broken": ');
    if (frames) broken[20] ^= 1; // its CRC no longer fits
    const estimated = /^provider_\w+ estimated$/;
    return [
        ['an error first', [array ? Buffer.from(`[${JSON.stringify(providers.gemini.body)}]`) : error], /^provider_\w+ (estimated|free)$/],
        ['an error in the middle', [...stream.slice(0, 2), failure], estimated],
        ['an error for its end', [...stream.slice(0, -2), failure], estimated],
        ['an event that is broken', [...stream.slice(0, 2), broken, ...stream.slice(2)], estimated],
        ['an event that is no JSON', [...stream.slice(0, 2), event('{"broken": '), ...stream.slice(2)], estimated],
        ['an event that is no object', [...stream.slice(0, 2), event('[1]'), ...stream.slice(2)], estimated],
        ['nothing', [], estimated],
    ];
}

function oddStreams(client, target) {
    const { stream, type } = streamOf(client, target);
    const all = Buffer.concat(stream);
    const odd = [
        ['in one piece', pieces(type, [all])],
        ['byte by byte', pieces(type, Array.from(all, (_, i) => all.subarray(i, i + 1)))],
        ['until the connection ends', async (request, send, socket) => {
            await send(Buffer.concat([Buffer.from(headOf(200, { 'content-type': type, connection: 'close' })), all]));
            socket.end();
        }],
    ];
    if (!same(client, target)) odd.push(['not streamed though asked', whole(200, 'application/json; charset=utf-8', JSON.stringify(providers[target].whole))]);
    return odd;
}

for (const target of names) {
    test(`${target}: a stream cut anywhere is an error for every client, or was whole`, async () => {
        const jobs = [];
        Object.keys(clients).forEach((client, i) => {
            if (client === target && ['chat', 'responses'].includes(client)) return; // events pass in parts there: see stream-faults
            const { stream, type } = streamOf(client, target);
            const bytes = Buffer.concat(stream);
            const ends = same(client, target) && ['messages', 'converse'].includes(target); // its last event may be missing, as it came
            for (let k = i % STRIDE; k <= bytes.length; k += STRIDE) {
                for (const end of k % 2 ? [null] : [LAST_CHUNK]) {
                    jobs.push(async (wire) => {
                        const told = await ask(client, target, true, pieces(type, [bytes.subarray(0, k)], end), wire, { mayLackEnd: ends && k > bytes.length * 0.6 });
                        if (!told.error) assert.ok(k > bytes.length * 0.6, `${client}: whole after ${k} of ${bytes.length} bytes`);
                        return { ...told, what: `cut after ${k}` };
                    });
                }
            }
        });
        await inLanes(jobs);
    });

    test(`${target}: what goes wrong in a stream`, async () => {
        const jobs = Object.keys(clients).flatMap((client) => wrongStreams(client, target).map(([what, bytes, row]) => async (wire) => {
            const told = await ask(client, target, true, pieces(streamOf(client, target).type, bytes), wire);
            assert.ok(told.error, `${client}: ${what} is a whole answer: ${told.answer.text}`);
            assert.ok(!told.end, `${client}: ${what} has a good end, too: ${told.answer.text}`);
            return { ...told, what: `${client} of ${target}: ${what}`, row };
        }));
        await inLanes(jobs);
    });

    test(`${target}: what is odd, but whole`, async () => {
        const jobs = Object.keys(clients).flatMap((client) => oddStreams(client, target).map(([what, act]) => async (wire) => {
            const told = await ask(client, target, true, act, wire);
            assert.ok(!told.error, `${client}: ${what}: ${told.error}`);
            return { ...told, what: `${client} of ${target}: ${what}`, row: /^ok exact$/ };
        }));
        await inLanes(jobs);
    });

    test(`${target}: what comes instead of an answer`, async () => {
        const p = providers[target];
        const json = 'application/json';
        const body = JSON.stringify(p.body), withKey = body.replace('it burns', `it burns, ${PROVIDER_KEY}`);
        const told = (status, more) => whole(status, json, body, { ...(target === 'converse' ? { 'x-amzn-errortype': 'SomeException:http://x' } : {}), ...more });
        const ways = [
            ['a page', whole(200, 'text/html', '<html>login</html>'), [502], /^provider_\w+ estimated$/],
            ['a page as JSON', whole(200, json, '<html>login</html>'), [502], /^provider_\w+ estimated$/],
            ['an empty body', whole(200, json, ''), [502], /^provider_\w+ estimated$/],
            ['204', (request, send) => send(headOf(204, {})), [502], /^provider_\w+ estimated$/],
            ['an empty object', whole(200, json, '{}'), [502], /^provider_\w+ estimated$/],
            ['a list', whole(200, json, '[]'), [502], /^provider_\w+ estimated$/],
            ['a redirection', whole(302, 'text/html', 'there', { location: 'http://169.254.169.254/' }), [502], /^provider_\w+ free$/],
            ['400', told(400), [400], /^provider_error free$/],
            ['404', told(404), [404], /^provider_error free$/],
            ['422 without JSON', whole(422, 'text/plain', 'no'), [422, 400], /^provider_error free$/],
            ['402', told(402), [402], /^provider_error free$/],
            ['400 for a bad key', whole(400, json, body.replace('it burns', 'it burns: API key not valid')), [502], /^provider_error free$/],
            ['401', told(401), [502], /^provider_error free$/],
            ['403 with the key', whole(403, json, withKey), [502], /^provider_error free$/],
            ['400 with the key', whole(400, json, withKey, { 'x-amzn-errortype': 'SomeException' }), [400], /^provider_error free$/],
            ['429', told(429, { 'retry-after': '3' }), [429], /^provider_error free$/],
            ['500', told(500), [500], /^provider_error free$/],
            ['503 as a page', whole(503, 'text/html', '<html>down</html>'), [503], /^provider_error free$/],
            ['529', told(529), [529, 503], /^provider_error free$/],
            ['200 with an error of status 429', whole(200, json, '{"error":{"message":"it burns","code":429}}'), [429], /^provider_\w+ (free|estimated)$/],
            ...(target === 'gemini' ? [['429 with a delay', whole(429, json, body.replace('"status":', '"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.5s"}],"status":')), [429], /^provider_error free$/]] : []),
            ['gzip', whole(200, json, gzipSync(JSON.stringify(p.whole)), { 'content-encoding': 'gzip' }), [502], /^provider_\w+ estimated$/],
            ...(target === 'gemini' ? [['400 as a list', whole(400, json, `[${body}]`), [400], /^provider_error free$/]] : []),
            ['silence', async () => {}, [504], /^provider_timeout estimated$/],
            ['half a body', (request, send, socket) => send(headOf(200, { 'content-type': json, 'content-length': 400 }) + JSON.stringify(p.whole).slice(0, 200)).then(() => socket.destroySoon()), [502], /^provider_cut estimated$/],
        ];
        const jobs = Object.keys(clients).flatMap((client) => [true, false].flatMap((streamed) => ways.filter(([what]) => what !== 'an empty object' || !same(client, target)).map(([what, act, statuses, row]) => async (wire) => {
            const told = await ask(client, target, streamed, act, wire, { hasty: what === 'silence' });
            const where = `${client} of ${target}, ${streamed ? 'streamed' : 'whole'}: ${what}: ${told.status} ${told.answer.text}`;
            assert.ok(told.error, where);
            assert.ok(statuses.includes(told.status), where);
            if (/^4\d\d$|list/.test(what) && told.status !== 502 && !(what.endsWith('list') && same(client, target))) assert.match(told.error, /^it burns/, where);
            const foreign = !same(client, target);
            if (client === 'gemini' && foreign) assert.equal(JSON.parse(told.answer.text)[0]?.error.code ?? JSON.parse(told.answer.text).error.code, told.status, where);
            if (client === 'converse' && foreign) assert.ok(told.answer.headers['x-amzn-errortype'], where);
            if (what === '402' && foreign) assert.equal(told.answer.headers['x-should-retry'], 'false', where);
            if (what === '429 with a delay' && foreign) assert.equal(told.answer.headers['retry-after'], '3', where);
            if (what === '429') assert.equal(told.answer.headers['retry-after'], '3', where);
            return { ...told, what: where, row };
        })));
        await inLanes(jobs, 16);
    });

    test(`${target}: stalls, and streams that nobody asked for`, async () => {
        const jobs = Object.keys(clients).flatMap((client) => {
            const { stream, type } = streamOf(client, target);
            const stalled = async (request, send) => {
                await send(begin(type));
                for (const event of stream.slice(0, 2)) await send(chunkOf(event));
            };
            const unasked = pieces(providers[target].type, providers[target].stream);
            return [
                async (wire) => {
                    const told = await ask(client, target, true, stalled, wire, { hasty: true });
                    assert.ok(told.error && !told.end, `${client} of ${target}: ${told.answer.text}`);
                    return { ...told, what: `${client} of ${target}: stalled`, row: /^provider_timeout estimated$/ };
                },
                async (wire) => {
                    const told = await ask(client, target, false, unasked, wire);
                    assert.equal(told.status, 502);
                    return { ...told, what: `${client} of ${target}: a stream unasked`, row: /^provider_protocol estimated$/ };
                },
            ];
        });
        await inLanes(jobs, 16);
    });
}

// ---- clients that leave

/** Streams half, waits until the client is gone, then sends the rest, if anybody still listens. */
function slowly(target, seen, patience_ms) {
    const { stream, type } = providers[target], half = stream.length >> 1;
    return async (request, send, socket) => {
        const closed = new Promise((resolve) => socket.once('close', resolve));
        const leaving = new Promise((resolve) => (seen.left = resolve));
        await send(begin(type));
        for (const event of stream.slice(0, half)) await send(chunkOf(event));
        await leaving;
        seen.cancelled = await Promise.race([closed.then(() => true), new Promise((resolve) => setTimeout(resolve, patience_ms, false))]);
        if (!seen.cancelled) await send(Buffer.concat([...stream.slice(half).map(chunkOf), Buffer.from(LAST_CHUNK)]));
        seen.done();
    };
}

async function leave(client, target, feature) {
    const c = clients[client], seen = {};
    const over = new Promise((resolve) => (seen.done = resolve));
    const number = acts.push(slowly(target, seen, feature === 'canceller' ? 5000 : 150)) - 1, task = `act-${process.pid}-${number}`;
    const wire = new Wire(purser.port);
    await wire.post(c.path(`${target}/m`, true), c.body(`${target}/m`, true), {
        key: aliceKey, headers: { tracestate: `a=${number}`, 'x-purser-task': task, 'x-purser-feature': feature },
        onBody: (_, answer) => {
            answer.hangUp();
            seen.left();
        },
    });
    await over;
    const [row] = await purser.rows(1, { where: `task = '${task}'` });
    return { row, cancelled: seen.cancelled };
}

for (const target of names) {
    test(`${target}: whoever hangs up is cancelled at the provider, or finished, as the feature says`, async () => {
        await Promise.all(names.filter((client) => client !== target).flatMap((client) => [
            leave(client, target, 'canceller').then(({ row, cancelled }) => {
                assert.ok(cancelled, `${client}: the provider went on for nobody`);
                assert.equal(`${row.status} ${row.cost_state}`, 'client_gone estimated');
                assert.ok(row.cost_picousd > 0);
            }),
            leave(client, target, 'finisher').then(({ row, cancelled }) => {
                assert.ok(!cancelled, `${client}: the provider was cut off`);
                assert.equal(`${row.cost_state} ${row.cost_picousd}`, 'exact 17000000', `${client}: ${row.status}`);
            }),
        ]));
    });
}

test('an event above the ceiling ends in an error', { skip: sanitized && 'slow' }, async () => {
    const text = 'x'.repeat(1 << 20);
    const huge = {
        chat: async (request, send) => {
            await send(`${begin('text/event-stream')}`);
            await send(chunkOf('data: {"choices":[{"index":0,"delta":{"content":"'));
            for (let i = 0; i < 17; i++) await send(chunkOf(text));
        },
        converse: async (request, send) => {
            await send(begin('application/vnd.amazon.eventstream'));
            await send(chunkOf(frameOf('contentBlockDelta', { contentBlockIndex: 0, delta: { text: text.repeat(17) } })));
        },
    };
    await inLanes(Object.entries(huge).map(([target, act]) => async (wire) => {
        const told = await ask('messages', target, true, act, wire);
        assert.ok(told.error, told.answer.text);
        return { ...told, what: `${target}: 17 MB`, row: /^provider_protocol estimated$/ };
    }));
});

test('the row names the call as its provider does', async () => {
    const ids = { chat: 'x-request-id', responses: 'x-request-id', messages: 'request-id', converse: 'x-amzn-requestid', cohere: 'x-debug-trace-id' };
    for (const [target, header] of Object.entries(ids)) {
        const told = await ask('gemini', target, false, whole(200, 'application/json', JSON.stringify(providers[target].whole), { [header]: `id-of-${target}` }));
        const [row] = await purser.rows(1, { where: `task = '${told.task}'`, columns: 'provider_request_id' });
        assert.equal(row.provider_request_id, `id-of-${target}`);
    }
});

test('a server that does not know a field of purser\'s own is asked without it, and remembered', async () => {
    for (const [i, field] of ['max_completion_tokens', 'stream_options'].entries()) {
        const refusing = (request, send, socket) => {
            const refused = JSON.parse(request.body)[field] !== undefined;
            const body = JSON.stringify({ error: { message: `Unrecognized request argument supplied: ${field}`, type: 'invalid_request_error', param: null, code: null } });
            return (refused ? whole(400, 'application/json', body) : pieces(providers.chat.type, providers.chat.stream))(request, send, socket);
        };
        for (const client of names.filter((name) => name !== 'chat')) {
            const told = await ask(client, `picky-${i}`, true, refusing);
            assert.ok(!told.error, `${client}, ${field}: ${told.error}`);
            const rows = await purser.rows(1, { where: `task = '${told.task}'`, columns: 'status, cost_state' });
            assert.equal(rows.at(-1).status, 'ok');
            assert.ok(rows.slice(0, -1).every((row) => row.status === 'provider_error' && row.cost_state === 'free'));
        }
    }
});

test('nothing is held when all is over', async () => {
    const [budget] = await until('the last post', async () => {
        const rows = await purser.budgets();
        return rows.length && rows.every((row) => Number(row.held) === 0) && rows;
    });
    assert.ok(Number(budget.spent) > 0, String(budget.spent));
});
