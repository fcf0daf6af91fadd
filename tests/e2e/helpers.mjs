// What the end-to-end tests stand on: the real binary as a simulated provider and
// as a gateway, each on free ports with a folder of its own, ended by pid.
//
//   const sim = await startSimulator();
//   const purser = await startPurser({ settings: labSettings(sim) });
//   ... fetch(purser.url + '/v1/...'), await purser.rows(), await sim.truth() ...
//   await purser.stop(); await sim.stop();
//
// Whole numbers above 2^53 come out of parseBig() as BigInt.
import http from 'node:http';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, readSync, readdirSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const bin = process.env.PURSER_BIN || join(root, 'build/purser');
/** Sanitizers are slow: tests that load the server do less under them. */
export const sanitized = !['', 'release', undefined].includes(process.env.PURSER_MODE);
const sharedDir = process.env.PURSER_SHARED || join(root, '../shared');
/** Recorded traffic and suites; null where they are not at hand: skip, and say so. */
export const shared = existsSync(sharedDir) ? sharedDir : null;
export { sleep };

const running = new Set();
process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const scratch = [];
process.on('exit', () => {
    if (!process.env.KEEP) for (const dir of scratch) rmSync(dir, { recursive: true, force: true });
});

/** A folder of the test's own, gone when the process ends (KEEP=1 keeps it). */
export function tempDir(name = 'purser-test') {
    const dir = mkdtempSync(join(tmpdir(), `${name}-`));
    scratch.push(dir);
    return dir;
}

export async function freePort() {
    const server = createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

/** JSON.parse that keeps whole numbers above 2^53, as BigInt. */
export function parseBig(text) {
    const marked = text.replace(/("(?:[^"\\]|\\.)*")|((?<![\d.eE])-?\d{16,})(?![\d.eE])/g, (all, string, number) => {
        if (string !== undefined || Number.isSafeInteger(Number(number))) return all;
        return `"\\u0000big${number}"`;
    });
    return JSON.parse(marked, (key, value) =>
        typeof value === 'string' && value.startsWith('\u0000big') ? BigInt(value.slice(4)) : value,
    );
}

/** Polls until `probe` gives something true; says `what` never came. */
export async function until(what, probe, { seconds = 30, every = 10 } = {}) {
    const end = Date.now() + seconds * 1000;
    for (let last; ; ) {
        try {
            const got = await probe();
            if (got) return got;
        } catch (error) {
            if (error.fatal) throw error;
            last = error;
        }
        if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s${last ? ` (${last.message})` : ''}`);
        await sleep(every);
    }
}

/** Runs a command to its end. */
export function run(command, args, { env, cwd, input, seconds = 60, encoding = 'utf8' } = {}) {
    return new Promise((resolve) => {
        const options = { env: { ...process.env, ...env }, cwd, timeout: seconds * 1000, maxBuffer: 256 << 20, encoding };
        const child = execFile(command, args, options, (error, stdout, stderr) =>
            resolve({ code: error ? (error.code ?? error.signal ?? 1) : 0, stdout, stderr }),
        );
        child.stdin.on('error', () => {}); // a child that reads none of it may be gone already
        child.stdin.end(input);
    });
}

/** Of a server's log what tells most: a sanitizer's first report, else the end. */
function worst(log) {
    const at = log.search(/ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:/);
    return at < 0 ? log.slice(-8000) : log.slice(at, at + 8000);
}

/** A long-running child whose standard error is kept. */
class Server {
    constructor(args, { env, cwd, wrap = [], fds = [] } = {}) {
        const command = [...wrap, bin, ...args];
        this.name = args[0];
        this.log = '';
        this.child = spawn(command[0], command.slice(1), {
            env: { ...process.env, NO_COLOR: '1', ...env },
            cwd,
            stdio: ['ignore', 'pipe', 'pipe', ...fds],
        });
        this.pid = this.child.pid;
        running.add(this.child);
        const keep = (data) => {
            this.log = (this.log + data).slice(-(1 << 20));
        };
        this.child.stdout.on('data', keep);
        this.child.stderr.on('data', keep);
        // A server that a failed test forgot must not keep the test's process alive; that ends it then.
        for (const part of [this.child, this.child.stdout, this.child.stderr]) part.unref();
        this.end = new Promise((resolve) => {
            this.child.once('error', (error) => {
                keep(`${error.message}\n`);
                running.delete(this.child);
                resolve({ code: 127, signal: null });
            });
            this.child.once('close', (code, signal) => {
                running.delete(this.child);
                resolve({ code, signal });
            });
        });
    }

    /** How it ended: { code, signal }. Its output may end after itself: all of it is waited for. */
    get ended() {
        for (const part of [this.child, this.child.stdout, this.child.stderr]) part.ref();
        return this.end;
    }

    get alive() {
        return running.has(this.child) && this.child.exitCode === null && this.child.signalCode === null;
    }

    async ready(url, seconds = 20) {
        await until(`${this.name} ready at ${url}`, async () => {
            if (!this.alive) {
                throw Object.assign(new Error(`purser ${this.name} ended before it was ready:\n${this.log}`), { fatal: true });
            }
            const answer = await fetch(url);
            await answer.arrayBuffer();
            return answer.status === 200;
        }, { seconds, every: 5 });
    }

    /** Asks it to end and insists that it does so cleanly. */
    async stop({ seconds = 30 } = {}) {
        if (!this.alive) {
            const end = await this.ended;
            assert.equal(end.code, 0, `purser ${this.name} had ended with ${end.code ?? end.signal}:\n${worst(this.log)}`);
            return end;
        }
        this.child.kill('SIGTERM');
        const end = await Promise.race([this.ended, sleep(seconds * 1000, null, { ref: false })]);
        if (!end) {
            this.child.kill('SIGKILL');
            await this.ended;
            throw new Error(`purser ${this.name} did not end within ${seconds} s of SIGTERM:\n${worst(this.log)}`);
        }
        assert.equal(end.code, 0, `purser ${this.name} ended with ${end.code ?? end.signal}:\n${worst(this.log)}`);
        return end;
    }

    /** The power of kill -9; resolves when it is gone. */
    async kill9() {
        this.child.kill('SIGKILL');
        return this.ended;
    }
}

/** `purser simulate` on a free port. `args`: more of its options. */
export async function startSimulator({ args = [], port, wrap } = {}) {
    port ??= await freePort();
    const server = new Server(['simulate', '--listen', `127.0.0.1:${port}`, ...args], { wrap });
    server.port = port;
    server.url = `http://127.0.0.1:${port}`;
    server.truth = async (query = '') => parseBig(await (await fetch(`${server.url}/simulate/truth${query}`)).text());
    await server.ready(`${server.url}/v1/models`);
    return server;
}

export const aliceKey = 'sk-purser-test-alice-0123456789abcdef';
export const bobKey = 'sk-purser-test-bob-fedcba9876543210';

/** Settings of one simulated provider, priced, with two keys: a start to spread more over. */
export function labSettings(sim, more = {}) {
    return {
        providers: { lab: { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-simulated' } },
        models: { cheap: 'lab/sim-small', embed: 'lab/sim-embed', moderate: 'lab/sim-moderation' },
        prices: [
            { model: 'lab/sim-small', input: 0.15, output: 0.6, cache_read: 0.075, from: '2026-01-01' },
            { model: 'lab/sim-embed', input: 0.02, from: '2026-01-01' },
            { model: 'lab/sim-moderation', free: true },
        ],
        keys: [
            { name: 'alice', secret: '${ALICE_KEY}', team: 'support', models: ['*'] },
            { name: 'bob', secret: '${BOB_KEY}', team: 'sales', models: ['cheap'] },
        ],
        ...more,
    };
}

/** `purser serve` on free ports. `settings`: an object (JSON is YAML) or YAML text without
 *  listen, admin and data. `dir`: a folder to start in again; `fds`: descriptors that it gets from 3 on. */
export async function startPurser({ settings, dir = tempDir(), env = {}, wrap, fds, wait = true, seconds } = {}) {
    const port = await freePort();
    let adminPort = port;
    while (adminPort === port) adminPort = await freePort(); // one that was freed may be given again
    const file = join(dir, 'purser.yaml');
    const data = join(dir, 'data');
    const adminToken = 'test-admin-token-0123456789abcdef';
    const own = { listen: `127.0.0.1:${port}`, admin: { listen: `127.0.0.1:${adminPort}`, token: '${PURSER_ADMIN_TOKEN}' }, data };
    const write = (wanted) => {
        const text = typeof wanted === 'string'
            ? `listen: ${own.listen}\nadmin: { listen: "${own.admin.listen}", token: "\${PURSER_ADMIN_TOKEN}" }\ndata: ${data}\n${wanted}`
            : JSON.stringify({ ...own, ...wanted }, null, 2);
        writeFileSync(file, text);
    };
    write(settings);
    const allEnv = { ALICE_KEY: aliceKey, BOB_KEY: bobKey, PURSER_ADMIN_TOKEN: adminToken, ...env };
    const server = new Server(['serve', '--config', file], { env: allEnv, cwd: dir, wrap, fds });
    Object.assign(server, { port, adminPort, dir, data, file, adminToken, env: allEnv });
    server.url = `http://127.0.0.1:${port}`;
    server.adminUrl = `http://127.0.0.1:${adminPort}`;
    server.key = aliceKey;

    /** Writes other settings and reloads; true when they were taken. */
    server.reload = async (wanted) => {
        const from = server.log.length;
        write(wanted);
        server.child.kill('SIGHUP');
        await until('the reload', () => /reload|settings/i.test(server.log.slice(from)));
    };
    server.cli = (args, options = {}) => run(bin, [...args, '--config', file], { env: { ...allEnv, NO_COLOR: '1' }, cwd: dir, ...options });
    server.report = async (args = []) => {
        const got = await server.cli(['report', '--format', 'json', ...args]);
        assert.equal(got.code, 0, `purser report: ${got.stderr}`);
        return parseBig(got.stdout);
    };
    /** Every budget's counters: limit, spent, held, left, waiting. */
    server.budgets = async () => {
        const got = await server.cli(['budgets', '--format', 'json']);
        assert.equal(got.code, 0, `purser budgets: ${got.stderr}`);
        return parseBig(got.stdout).rows;
    };
    server.metrics = async () => {
        const answer = await fetch(`${server.adminUrl}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } });
        assert.equal(answer.status, 200);
        return answer.text();
    };
    /** The store, once it has everything that a running server has posted. */
    server.sql = async (query) => {
        await flush(data);
        return sql(data, query);
    };
    /** Every attempt, once `least` of them have been stored. `columns`: of very many only what is wanted fits. */
    server.rows = async (least = 0, { where = '1', columns = '*', seconds: limit = 30 } = {}) => {
        await until(`${least} attempts stored`, async () =>
            Number((await server.sql(`SELECT count(*) AS n FROM attempts WHERE ${where}`))[0].n) >= least, { seconds: limit, every: 30 });
        return server.sql(`SELECT ${columns} FROM attempts WHERE ${where} ORDER BY at_us, attempt_id`);
    };
    if (wait) await server.ready(`${server.url}/readyz`, seconds);
    return server;
}

/** The ledger's SQLite file, known by its first bytes. */
export function ledgerFile(data) {
    for (const name of readdirSync(data)) {
        const path = join(data, name);
        const head = Buffer.alloc(15);
        try {
            const fd = openSync(path, 'r');
            readSync(fd, head, 0, 15, 0);
            closeSync(fd);
        } catch {
            continue; // a folder, or gone since
        }
        if (head.toString() === 'SQLite format 3') return path;
    }
    throw new Error(`no SQLite file in ${data}`);
}

/** What `purser report` does first: asks the server, if there is one, to store what it has. */
function flush(data) {
    return new Promise((done) => {
        const ask = http.request({ socketPath: join(data, 'purser.sock'), path: '/control/flush', method: 'POST', timeout: 15000 }, (answer) => {
            answer.resume();
            answer.on('close', done);
        });
        ask.on('error', done);
        ask.on('timeout', () => ask.destroy());
        ask.end();
    });
}

/** Asks the ledger beside whoever writes it. */
export async function sql(data, query) {
    const got = await run('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', ledgerFile(data), query]);
    assert.equal(got.code, 0, `sqlite3: ${got.stderr}`);
    return got.stdout.trim() ? parseBig(got.stdout) : [];
}

/** A POST of JSON with a key; gives { status, headers, text, body }. */
export async function post(server, path, body, { key = server.key ?? aliceKey, headers = {}, signal } = {}) {
    const answer = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        signal,
    });
    const text = await answer.text();
    let json;
    try {
        json = JSON.parse(text);
    } catch {
        json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, body: json };
}

/** The data of a server-sent stream's events, in order; "[DONE]" as it stands. */
export function eventsOf(text) {
    return text.split(/\r?\n\r?\n/).flatMap((event) => {
        const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
        return lines.length ? [lines.join('\n')] : [];
    });
}

export function read(path) {
    return readFileSync(path, 'utf8');
}

/** Holds a table in a document, between two of its comments, against what a test has found; UPDATE_MATRIX=1 writes it anew. */
export function keepTable(document, begin, end, table, hint = '') {
    const file = join(root, document), text = read(file), from = text.indexOf(`<!-- ${begin} -->`), to = text.indexOf(`<!-- ${end} -->`, from);
    assert.ok(from >= 0 && to > from, `${document} has no place for '${begin}'`);
    const start = from + `<!-- ${begin} -->`.length;
    if (process.env.UPDATE_MATRIX) writeFileSync(file, `${text.slice(0, start)}\n\n${table}\n\n${text.slice(to)}`);
    else assert.equal(text.slice(start, to).trim(), table, `the table in ${document} is another: UPDATE_MATRIX=1 writes it anew\n${hint}`);
}
