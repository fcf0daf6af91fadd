// The fault lab: providers that do what the table in faults.mjs says, one purser before them, and a judge
// who holds what the client got and what the ledger says against what the providers truly did.
//
//   const lab = await startLab();
//   const told = await lab.strike({ fault, protocol: 'chat', streamed: true, mapped: true }, wire);
//   const { wrong, counts } = await lab.judge([told, ...]);   wrong: sentences; counts: truncated, duplicated, unbilled
//   await lab.stop();
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { clients, providers, TEXT } from './dialects.mjs';
import { FAULTS, other, PROTOCOLS } from './faults.mjs';
import { aliceKey, eventsOf, freePort, startPurser, startSimulator, tempDir, until } from './helpers.mjs';
import { attemptOf, billOf, truthSince } from './truth.mjs';
import { chunkOf, headOf, LAST_CHUNK, startUpstream } from './upstream.mjs';
import { Wire } from './wire.mjs';

const HASTY = { connect: '300ms', first_token: '400ms', between_tokens: '300ms' };
const SEEDS = 8, TOKENS = 12;
const byName = new Map(FAULTS.map((fault) => [fault.name, fault]));

// ---- providers that are none

function certificate(dir, name) {
    const cert = join(dir, `${name}.pem`), key = join(dir, `${name}-key.pem`);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
        '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { cert, key };
}

async function listening(server) {
    const sockets = new Set();
    server.on('tlsClientError', () => {}).on('connection', (socket) => {
        sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: server.address().port, stop: () => new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
    }) };
}

/** Where a provider of the table's `at` is to be: { base, ca_file? }. */
async function startAddresses() {
    const dir = tempDir('purser-lab');
    const own = certificate(dir, 'other.example');
    const secure = await listening(tls.createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, (socket) => socket.end()));
    const cut = await listening(createServer((socket) => socket.once('data', () => socket.destroy())));
    const plain = await listening(createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'))));
    const silent = await listening(createServer((socket) => socket.resume()));
    const servers = [secure, cut, plain, silent];
    return {
        refused: { base: `http://127.0.0.1:${await freePort()}` },
        dns: { base: 'http://no-such-host.invalid' },
        tls: { base: `https://127.0.0.1:${secure.port}` },
        'tls-name': { base: `https://127.0.0.1:${secure.port}`, ca_file: own.cert },
        'tls-cut': { base: `https://127.0.0.1:${cut.port}` },
        'tls-plain': { base: `https://127.0.0.1:${plain.port}` },
        'tls-silent': { base: `https://127.0.0.1:${silent.port}` },
        stop: () => Promise.all(servers.map((server) => server.stop())),
    };
}

// ---- the socket that misbehaves

/** A stream of the protocol that ends after `at` of its bytes, in HTTP's proper way or not. */
async function cutAt(io, p, at, clean) {
    const bytes = Buffer.concat(p.stream).subarray(0, at);
    await io.send(Buffer.concat([Buffer.from(headOf(200, { 'content-type': p.type, 'transfer-encoding': 'chunked', connection: 'close' })),
        ...(bytes.length ? [chunkOf(bytes)] : []), ...(clean ? [Buffer.from(LAST_CHUNK)] : [])]));
    io.close();
}

/** What the call says of itself goes along in a header that every protocol lets through. */
async function misbehave(truth, request, send, socket) {
    const [, word, protocol, streamed] = /^lab=([^/]+)\/(\w+)\/(\d)$/.exec(request.headers.tracestate);
    const cut = /^cut-(\d+)-(\d)$/.exec(word), p = providers[protocol], fault = byName.get(word);
    truth.push({ attempt: request.headers['x-purser-attempt'], ...billedBy(cut ? null : fault) });
    const io = { send, close: () => socket.destroySoon(), reset: () => socket.resetAndDestroy() };
    if (cut) await cutAt(io, p, Number(cut[1]), cut[2] === '1');
    else await fault.act(io, p, streamed === '1');
}

/** What such a provider would bill: nothing for a refusal, else at most its whole answer. */
function billedBy(fault) {
    if (fault?.stage === 'status') return { input: 0, output: 0 };
    return { input: 7, output: fault?.stage === 'head' || fault?.empty ? 0 : 5 };
}

// ---- the lab

const providerOf = (fault, protocol) => `${fault.by === 'address' ? fault.at : `${fault.by}${fault.hasty ? '-hasty' : ''}`}-${protocol}`;
const answersFor = (protocol) => `simulator-${other(protocol)}`;
const mappedName = (fault, protocol) => `${fault.name}--${protocol}`;

function settingsOf(sim, raw, addresses, more) {
    const own = {};
    const add = (name, protocol, base, extra = {}) => {
        const p = providers[protocol];
        own[`${name}-${protocol}`] = { kind: p.kind, protocols: p.protocols, base_url: base + p.base, api_key: 'k', ...(p.kind === 'bedrock' ? { region: 'us-east-1' } : {}), ...extra };
    };
    for (const protocol of PROTOCOLS) {
        for (const [name, url] of [['simulator', sim.url], ['socket', raw.url]]) {
            add(name, protocol, url);
            add(`${name}-hasty`, protocol, url, { timeouts: HASTY });
        }
        for (const { by, at, hasty } of FAULTS) {
            if (by === 'address') add(at, protocol, addresses[at].base, { ...(addresses[at].ca_file ? { ca_file: addresses[at].ca_file } : {}), ...(hasty ? { timeouts: HASTY } : {}) });
        }
    }
    const price = (model) => ({ model, input: 1, output: 2, from: '2026-01-01' });
    const pairs = FAULTS.flatMap((fault) => PROTOCOLS.map((protocol) => ({ fault, protocol, target: `${providerOf(fault, protocol)}/${fault.name}` })));
    return {
        log: 'off',
        providers: { ...own, ...more.providers },
        models: {
            ...Object.fromEntries(pairs.map(({ fault, protocol, target }) => [mappedName(fault, protocol), {
                targets: [target, `${answersFor(protocol)}/sim-small`], attempts: { max: 2, time: '60s' },
            }])),
            ...more.models,
        },
        prices: [...pairs.map(({ target }) => price(target)), ...PROTOCOLS.flatMap((protocol) => [price(`simulator-${protocol}/sim-small`), price(`socket-${protocol}/m`)]), ...(more.prices ?? [])],
        budgets: [{ name: 'all', limit_usd: 100000, window: 'total' }, ...(more.budgets ?? [])],
        keys: [{ name: 'alice', secret: '${ALICE_KEY}', models: ['*'] }, ...(more.keys ?? [])],
        ...(more.health ? { health: more.health } : {}),
    };
}

/** `more`: providers, models, prices, budgets and keys besides the table's; `sims`: simulators that they lead to. */
export async function startLab({ more = {}, sims = [], args = [] } = {}) {
    const sim = await startSimulator({ args: ['--truth-keep', '2000000', ...args] });
    const truth = [];
    const raw = await startUpstream((request, send, socket) => misbehave(truth, request, send, socket));
    const addresses = await startAddresses();
    const settings = settingsOf(sim, raw, addresses, more);
    const purser = await startPurser({ settings, seconds: 30 });
    const texts = await Promise.all(Array.from({ length: SEEDS }, (_, seed) => textOf(sim, seed)));
    const lab = { sim, sims, raw, truth, purser, settings, texts, tasks: 0 };
    lab.send = (what, wire) => send(lab, what, wire);
    lab.strike = (what, wire) => strike(lab, what, wire);
    lab.cut = (protocol, at, clean, wire) => send(lab, { protocol, streamed: true, model: `socket-${protocol}/m`, word: `cut-${at}-${clean ? 1 : 0}`, truths: [TEXT] }, wire);
    lab.judge = (all, options) => judge(lab, all, options);
    lab.stop = async () => {
        await purser.stop();
        await raw.stop();
        await addresses.stop();
        await sim.stop();
    };
    return lab;
}

/** What the simulator says by a seed, in whatever protocol. */
async function textOf(sim, seed) {
    const got = await fetch(`${sim.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sim-small', messages: [{ role: 'user', content: `Ahoy! ${controls(seed)}` }] }) });
    return (await got.json()).choices[0].message.content;
}

const controls = (seed) => (seed === null ? '' : `[simulate tokens=${TOKENS} seed=${seed}]`);

// ---- one call

/** An event that had gone on in part when its stream broke was ended: it is no JSON, and nobody's. */
function readable(protocol, answer) {
    if (!['chat', 'responses'].includes(protocol)) return answer;
    const events = eventsOf(answer.text), bad = events.findIndex((event) => event !== '[DONE]' && !isJson(event));
    if (bad < 0 || bad !== events.length - 2) return answer;
    return { text: [...events.slice(0, bad), events.at(-1)].map((event) => `data: ${event}\n\n`).join('') };
}

function isJson(text) {
    try {
        return JSON.parse(text) !== undefined;
    } catch {
        return false;
    }
}

/** What the client sees of an answer: { text, end, error }; `broken`: that it is none of its protocol. */
function look(protocol, streamed, answer) {
    const client = clients[protocol];
    try {
        if (answer.status !== 200) return { text: '', error: client.failure(answer.json, answer.headers) || undefined, http: true };
        if (!answer.complete) return { text: '', error: 'the connection was cut' };
        if (!streamed) return { text: client.whole(answer.json), end: true };
        return client.stream(readable(protocol, answer));
    } catch (error) {
        return { text: '', broken: error.message };
    }
}

async function send(lab, { protocol, streamed, model, word, truths, headers = {}, seed = 0, ...rest }, wire) {
    const task = `lab-${++lab.tasks}`, client = clients[protocol];
    const answer = await wire.post(client.path(model, streamed), client.body(model, streamed, `Ahoy! ${controls(seed)}`), {
        key: aliceKey, headers: { 'x-purser-task': task, tracestate: `lab=${word}/${protocol}/${streamed ? 1 : 0}`, ...headers },
    });
    const seen = look(protocol, streamed, answer);
    return { task, protocol, streamed, model, word, truths, ...rest, ...seen, status: answer.status, target: answer.headers['x-purser-target'], degraded: answer.headers['x-purser-degraded'], answer };
}

function strike(lab, { fault, protocol, streamed, mapped, seed = lab.tasks % SEEDS }, wire) {
    const model = mapped ? mappedName(fault, protocol) : `${providerOf(fault, protocol)}/${fault.name}`;
    const own = fault.by === 'simulator' ? lab.texts[seed] : TEXT;
    return send(lab, {
        fault, protocol, streamed, mapped, model, seed, word: fault.name,
        truths: [...(fault.by === 'address' || fault.empty ? [] : [own]), ...(mapped ? [lab.texts[seed]] : [])],
        headers: fault.words ? { 'x-simulate': fault.words } : {}, // left out where the call is translated: it strikes the first target alone
    }, wire);
}

/** Many jobs, each in a lane of its own connection. */
export async function inLanes(lab, jobs, lanes = 16) {
    const done = [];
    let next = 0;
    await Promise.all(Array.from({ length: lanes }, async () => {
        const wire = new Wire(lab.purser.port);
        while (next < jobs.length) done.push(await jobs[next++](wire));
        wire.close();
    }));
    return done;
}

// ---- the judge

/** Of one answer: is it whole, or is the client told that it is not? */
function judgeAnswer(told) {
    if (told.fault?.empty && !told.mapped) return null;
    if (told.error && told.end) return 'has an error and a good end';
    if (told.broken) return `is none of its protocol (${told.broken})`;
    const begins = !told.truths.length || told.truths.some((truth) => truth.startsWith(told.text));
    if (told.error) return told.text && !begins ? 'duplicated' : null;
    if (!told.truths.length ? told.text : told.truths.includes(told.text)) return null;
    return begins ? 'truncated' : 'duplicated';
}

/** Of an answer that the table foretells. */
function judgeOutcome(told) {
    const { fault, streamed, mapped, error, http, status } = told;
    if (!fault) return null;
    const outcome = fault[streamed ? 'streamed' : 'whole'];
    if (outcome === 'fine') return error ? 'an error, though it was whole' : null;
    if (outcome === 'late') return error && !http && told.text ? null : 'no error event behind content';
    if (outcome === 'next' && mapped) return !error && told.target === `${answersFor(told.protocol)}/sim-small` ? null : 'not answered by the next target';
    if (fault.empty) return error ? 'an error' : null;
    if (!error || (!http && told.text)) return 'no error';
    if (!http) return streamed ? null : 'no HTTP error'; // the head of a stream may have gone on
    return fault.told && fault.told !== status ? `not status ${fault.told}` : null;
}

/** A row against what its provider did. */
function judgeRow(row, bill) {
    const cost = BigInt(row.cost_picousd), most = BigInt(row.cost_max_picousd);
    if (bill > most) return 'unbilled';
    if (bill > 0n && cost === 0n) return 'unbilled';
    if (row.cost_state === 'exact' && cost !== bill) return `exact, but in truth ${bill}`;
    if (row.cost_state === 'free' && (cost !== 0n || bill !== 0n)) return 'free, but not free';
    return null;
}

async function rowsOf(lab, all) {
    const columns = 'attempt_id, task, provider, model, reason, status, cost_state, cost_picousd, cost_max_picousd, wasted, number, at_us';
    const tasks = all.map((told) => Number(told.task.slice(4)));
    const [from, to] = [Math.min(...tasks), Math.max(...tasks)];
    const where = `task LIKE 'lab-%' AND CAST(substr(task, 5) AS INTEGER) BETWEEN ${from} AND ${to}`;
    const rows = await lab.purser.rows(0, { where, columns });
    const by = new Map(all.map((told) => [told.task, []]));
    for (const row of rows) by.get(row.task)?.push(row);
    return by;
}

/** Every attempt that reached a provider -> its bill. */
async function billsOf(lab, by) {
    const bills = new Map();
    const own = lab.settings.prices;
    for (const sim of [lab.sim, ...lab.sims]) {
        for (const call of await truthSince(sim)) {
            const id = attemptOf(call);
            if (id) bills.set(id, { call });
        }
    }
    for (const { attempt, input, output } of lab.truth) {
        const usage = { input, output, cache_write: 0 };
        bills.set(attemptOf({ attempt }), { call: { usage, service_tier: 'default', at_us: Date.now() * 1000 } });
    }
    for (const row of [...by.values()].flat()) {
        const bill = bills.get(String(row.attempt_id));
        if (bill) bill.total = billOf(bill.call, { own, provider: row.provider, model: row.model }).total;
    }
    return bills;
}

/** The rows of one call: the last one is its answer's, those before it were in vain. */
function judgeRows(told, rows, exactly) {
    const last = rows.at(-1), answered = !told.error;
    if (told.degraded) return rows.every((row) => row.wasted === 1) ? null : 'answered without a provider, and by one';
    if (!last) return 'no row';
    if (rows.some((row, i) => row.number !== i + 1)) return 'its rows are not numbered 1, 2, ...';
    if (rows.slice(0, -1).some((row) => row.wasted !== 1)) return 'an attempt in vain is not marked wasted';
    if (!told.fault?.empty && (last.status === 'ok') !== answered) return `the client saw ${told.error ?? 'a whole answer'}`;
    if (last.wasted !== (answered && !(told.fault?.empty && !told.mapped) ? 0 : 1)) return 'wasted, or not, wrongly';
    if (!told.fault || !exactly || (told.fault.rests && rows.length === 1 && answered)) return null;
    const first = `${rows[0].status} ${rows[0].cost_state}`;
    const outcome = told.fault[told.streamed ? 'streamed' : 'whole'];
    const row = outcome === 'fine' ? /^ok (exact|estimated)$/ : told.fault.row;
    if (!row.test(first)) return `its first row says ${first}`;
    const reasons = rows.map((r) => r.reason).join(' ');
    return reasons === (told.mapped && outcome === 'next' ? 'first fallback' : 'first') ? null : `attempts: ${reasons}`;
}

/** `exactly`: as the table foretells; else, where breakers may have opened, only what holds of every call. */
async function judge(lab, all, { exactly = true } = {}) {
    await until('all to be posted', async () => (await lab.purser.budgets()).every((budget) => Number(budget.held) === 0));
    const by = await rowsOf(lab, all), bills = await billsOf(lab, by), rows = [...by.values()].flat();
    const counts = { calls: all.length, attempts: rows.length, truncated: 0, duplicated: 0, unbilled: 0 };
    const wrong = [];
    const note = (told, what) => {
        if (!what) return;
        if (what in counts) counts[what]++;
        wrong.push(`${told.protocol}, ${told.streamed ? 'streamed' : 'whole'}${told.mapped ? ', with another target' : ''}: ${told.word}: ${what}; ` +
            `the client saw ${told.status} ${told.error ?? (told.end ? 'an end' : 'no end')} '${told.text}' -- ${told.answer.text.slice(0, 300)}; rows ${JSON.stringify(by.get(told.task))}`);
    };
    for (const told of all) {
        note(told, judgeAnswer(told));
        if (exactly) note(told, judgeOutcome(told));
        note(told, judgeRows(told, by.get(told.task), exactly));
        for (const row of by.get(told.task)) {
            const bill = bills.get(String(row.attempt_id));
            note(told, judgeRow(row, bill?.total ?? 0n));
            if (!bill && row.cost_state !== 'free') note(told, 'a cost without a call at the provider');
        }
    }
    return { wrong, counts, rows: by };
}
