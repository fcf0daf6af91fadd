// The figures, one function each: it takes the rig's mock and the options, and gives
// { rows: [{ figure, value, unit, target?, holds?, beside? }], detail }.
// Servers that are compared run side by side and take turns, round by round; what is
// reported is the median of the rounds, a ratio the median of each round's ratio.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { measure as measureTokens } from './tokens.mjs';
import * as rig from './rig.mjs';
export { dashboard } from './dashboard.mjs';
export { faults } from './faults.mjs';
import { ledgerFile, root, sql, tempDir } from '../tests/e2e/helpers.mjs';
import { spawn } from 'node:child_process';

export const median = (numbers) => {
    const sorted = [...numbers].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
const round = (number, digits = 2) => Number(number.toFixed(digits));
const row = (figure, value, unit, target, beside) => ({
    figure, value, unit, ...(target === undefined ? {} : { target, holds: value <= target }), ...(beside ? { beside } : {}),
});

/** Runs `figure` with what it needs and ends everything, also when it fails. */
async function using(servers, work) {
    const started = [];
    try {
        for (const start of servers) started.push(await start());
        return await work(...started);
    } finally {
        for (const server of started.reverse()) await server.stop();
    }
}

/** Rounds in turn over named contestants; the first round only warms up. */
async function rounds(options, contestants) {
    const found = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
    for (let i = -1; i < options.rounds; i++) {
        for (const [name, measure] of Object.entries(contestants)) {
            const got = await measure(i);
            if (i >= 0) found[name].push(got);
        }
        options.tick();
    }
    return found;
}

// ---- CPU and throughput

const SIZES = [['1 KB', 1024], ['32 KB', 32768]];
const WAYS = [['plain', 'small'], ['tls', 'small_tls']];
const CPU_TARGETS = { '1 KB plain': 1.5, '32 KB plain': 1.8, '1 KB tls': 1.5, '32 KB tls': 1.5 };

export async function cpu(mock, options) {
    const rows = [], detail = {};
    await using([() => rig.startNginx(mock), () => rig.startServer(mock)], async (nginx, purser) => {
        for (const [way, model] of WAYS) {
            for (const [size, bytes] of SIZES) {
                const load = { seconds: options.seconds, bytes, users: 100, model };
                const before = await stepSeconds(purser);
                const got = await rounds(options, {
                    nginx: () => rig.drive(nginx.ports[way], { ...load, pid: nginx.pid }),
                    purser: () => rig.drive(purser.port, { ...load, pid: purser.pid }),
                });
                const name = `${size} ${way}`;
                const of = (who, what) => median(got[who].map((one) => one[what]));
                const ratio = median(got.purser.map((one, i) => one.cpu_us / got.nginx[i].cpu_us));
                rows.push(row(`CPU per call, ${name}`, round(of('purser', 'cpu_us')), 'us', undefined, `nginx ${round(of('nginx', 'cpu_us'))}`));
                rows.push(row(`  against nginx`, round(ratio), 'x', CPU_TARGETS[name]));
                rows.push(row(`  of it on the call's own thread`, round(of('purser', 'worker_us')), 'us', undefined, 'the rest: the ledger'));
                rows.push(row(`throughput on one core, 32 callers, ${name}`, Math.round(of('purser', 'per_second')), 'calls/s', undefined,
                    `nginx ${Math.round(of('nginx', 'per_second'))}`));
                detail[name] = { ...got, steps_us: perStep(before, await stepSeconds(purser)) };
            }
        }
    });
    return { rows, detail };
}

/** Seconds and calls of each step, as purser's own metrics have them; empty where they do not. */
async function stepSeconds(purser) {
    const steps = {};
    for (const line of (await purser.metrics()).split('\n')) {
        const found = /^purser_(?:\w+_)?step_seconds_(sum|total|count)\{(.*)\} (\S+)$/.exec(line);
        const name = found && /step="([^"]+)"/.exec(found[2])?.[1];
        if (name) ((steps[name] ??= { total: 0, count: 0 })[found[1] === 'count' ? 'count' : 'total']) += Number(found[3]);
    }
    return steps;
}

function perStep(before, after) {
    const steps = {};
    for (const [name, { total, count }] of Object.entries(after)) {
        const calls = count - (before[name]?.count ?? 0);
        if (calls > 0) steps[name] = round(((total - (before[name]?.total ?? 0)) / calls) * 1e6, 3);
    }
    return steps;
}

// ---- translation

/** The same call as it comes and from another protocol: the mock speaks OpenAI's, the client Anthropic's. */
export async function translate(mock, options) {
    const rows = [], detail = {};
    await using([() => rig.startServer(mock)], async (purser) => {
        for (const [size, bytes] of SIZES) {
            const load = { seconds: options.seconds, bytes, users: 100, pid: purser.pid };
            const got = await rounds(options, {
                passed: () => rig.drive(purser.port, load),
                translated: () => rig.drive(purser.port, { ...load, path: '/v1/messages' }),
            });
            const of = (who) => median(got[who].map((one) => one.cpu_us));
            const ratio = median(got.translated.map((one, i) => one.cpu_us / got.passed[i].cpu_us));
            rows.push(row(`CPU per translated call, ${size}`, round(of('translated')), 'us', undefined, `as it comes ${round(of('passed'))}`));
            rows.push(row('  against one that goes on as it came', round(ratio), 'x', 2));
            detail[size] = got;
        }
    });
    return { rows, detail };
}

// ---- waiting

export async function latency(mock, options) {
    const body = { model: 'small', messages: [{ role: 'user', content: 'word '.repeat(190) }], max_tokens: 64 };
    return waiting(mock, options, body, 'plain', 'whole', 'latency added, one caller', options.quick ? 2000 : 10000);
}

/** Of a provider that answers at once, call upon call: what gateways print, and the target. And of one
 *  whose tokens come a millisecond apart: the machine sleeps between them, and who wakes it pays for
 *  that and for cold caches, nginx like purser. */
export async function ttft(mock, options) {
    const body = (model) => (
        { model: `plain/${model}`, stream: true, messages: [{ role: 'user', content: 'word '.repeat(190) }], max_tokens: 64 });
    const name = 'time to first token added';
    const once = await waiting(mock, options, body('mock'), 'stream', 'first', `${name}, provider answers at once`, options.quick ? 2000 : 10000, 100);
    options.tick();
    const paced = await waiting(mock, options, body('mock-pace'), 'stream', 'first', `${name}, tokens 1 ms apart`, options.quick ? 100 : 600);
    return { rows: [...once.rows, ...paced.rows], detail: { once: once.detail, paced: paced.detail } };
}

async function waiting(mock, options, body, port, what, name, calls, target) {
    return using([() => rig.startNginx(mock), () => rig.startServer(mock)], async (nginx, purser) => {
        const [direct, by_nginx, by_purser] = await rig.waits(body, [mock.port, nginx.ports[port], purser.port], calls);
        const added = (one, percent) => round(one[`${what}_${percent}_us`] - direct[`${what}_${percent}_us`], 1);
        return {
            rows: [
                row(`${name}, p50`, added(by_purser, 'p50'), 'us', target, `nginx ${added(by_nginx, 'p50')}`),
                row(`${name}, p99`, added(by_purser, 'p99'), 'us', undefined, `nginx ${added(by_nginx, 'p99')}`),
            ],
            detail: { direct, nginx: by_nginx, purser: by_purser, calls },
        };
    });
}

// ---- memory

/** The slope between two numbers of streams: what the first ones cost once is in neither. Only
 *  memory of its own counts, not files that are mapped in (libraries, journal segments). */
async function perStream(server, port, model, count) {
    const first = await rig.holdStreams(port, count >> 2, model);
    await rig.sleep(1000);
    const before = rig.memoryKb(server.pid);
    const more = await rig.holdStreams(port, count, model);
    await rig.sleep(1500);
    const after = rig.memoryKb(server.pid);
    first();
    more();
    await rig.sleep(300);
    return { kb: round((after.anon - before.anon) / count, 2), before, after };
}

export async function streams(mock, options) {
    const rows = [], detail = {};
    const count = options.quick ? 500 : 2000;
    for (const [way] of WAYS) {
        const found = {};
        await using([() => rig.startNginx(mock)], async (nginx) => {
            found.nginx = await perStream(nginx, way === 'tls' ? nginx.ports.streamTls : nginx.ports.stream, 'mock-hang', count);
        });
        options.tick();
        await using([() => rig.startServer(mock)], async (purser) => {
            found.purser = await perStream(purser, purser.port, `${way}/mock-hang`, count);
        });
        options.tick();
        rows.push(row(`memory per waiting stream, ${way}, of ${count}`, found.purser.kb, 'kB', way === 'plain' ? 8 : undefined, `nginx ${found.nginx.kb}`));
        detail[way] = found;
    }
    return { rows, detail };
}

export async function start(mock, options) {
    const ready = [], idle = [];
    for (let i = 0; i < options.rounds; i++) {
        const began = performance.now();
        const purser = await rig.startPurser({ settings: rig.everythingOn(mock, { workers: 'auto' }) });
        ready.push(performance.now() - began);
        await rig.sleep(1000);
        idle.push(rig.memoryKb(purser.pid));
        await purser.stop();
        options.tick();
    }
    return {
        rows: [
            row('start to ready', round(median(ready), 1), 'ms', 100),
            row('idle memory', round(median(idle.map((one) => one.rss)) / 1024, 1), 'MB', 10,
                `anonymous ${round(median(idle.map((one) => one.anon)) / 1024, 1)}`),
        ],
        detail: { ready, idle },
    };
}

// ---- after a crash

/** Another process writes to the store: purser's ledger thread has to wait, and the journal grows. */
function holdStore(data) {
    const child = spawn('sqlite3', [ledgerFile(data)], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('.timeout 20000\nBEGIN IMMEDIATE;\nSELECT 1;\n');
    return new Promise((resolve, reject) => {
        child.once('error', reject);
        child.stdout.once('data', () => resolve(async () => {
            child.stdin.end();
            child.kill('SIGKILL');
        }));
    });
}

export async function crash(mock, options) {
    const wanted = options.quick ? 100000 : 1000000; // records: a hold and a post for each call
    const dir = tempDir('purser-bench');
    const settings = rig.everythingOn(mock);
    const purser = await rig.startPurser({ settings, dir, wrap: rig.pinned(rig.SERVER) });
    let release, stored, calls = 0;
    try {
        await rig.drive(purser.port, { seconds: 1, users: 100 });
        await rig.sleep(1000);
        release = await holdStore(purser.data);
        stored = await countRows(purser.data);
        while (calls * 2 < wanted) {
            calls += (await rig.drive(purser.port, { seconds: 2, users: 100, connections: 64 })).calls;
            options.tick();
        }
    } finally {
        await purser.kill9();
        await release?.();
    }
    const late = calls - ((await countRows(purser.data)) - stored);
    const began = performance.now();
    const again = await rig.startPurser({ settings, dir, seconds: 120 });
    const ms = performance.now() - began;
    try {
        await rig.drive(again.port, { seconds: 1, users: 100 });
        const replayed = performance.now();
        await rig.until('the journal to be replayed', async () => (await countRows(again.data)) - stored >= calls, { seconds: 300, every: 200 });
        const detail = { records: late * 2, ready_ms: ms, replay_ms: performance.now() - replayed + 1000 };
        return { rows: [row(`kill -9 to serving, ${detail.records} records waiting`, round(ms / 1000, 2), 's', 2)], detail };
    } finally {
        await again.stop({ seconds: 120 });
    }
}

async function countRows(data) {
    return Number((await sql(data, 'SELECT count(*) AS n FROM attempts'))[0].n);
}

// ---- many counters

export async function users(mock, options) {
    const many = options.quick ? 100000 : 1000000;
    return using([() => rig.startServer(mock), () => rig.startServer(mock)], async (few, crowd) => {
        for (let from = 0; from < many; ) {
            from += (await rig.drive(crowd.port, { seconds: 4, users: many, from, connections: 64 })).calls;
            options.tick();
        }
        const load = { seconds: options.seconds };
        const got = await rounds(options, {
            few: () => rig.drive(few.port, { ...load, users: 10, pid: few.pid }),
            crowd: () => rig.drive(crowd.port, { ...load, users: many, pid: crowd.pid }),
        });
        const ratio = median(got.crowd.map((one, i) => one.cpu_us / got.few[i].cpu_us));
        return {
            rows: [row(`CPU per call, ${many} users with a counter each against 10`, round(ratio), 'x', 1.25,
                `${round(median(got.crowd.map((one) => one.cpu_us)))} and ${round(median(got.few.map((one) => one.cpu_us)))} us`)],
            detail: got,
        };
    });
}

// ---- programs of their own

/** bench/ledger_speed.c and bench/budget_speed.c: the parts by themselves, without sockets. */
export async function ledger(mock, options) {
    const dir = tempDir('purser-bench');
    const got = await runProgram('ledger_speed', [options.quick ? '200000' : '1000000', dir]);
    const figures = Object.fromEntries(got.split('\n').filter((line) => line.startsWith('{')).map((line) => {
        const { figure, ...values } = JSON.parse(line);
        return [figure, values];
    }));
    options.tick();
    const rows = [];
    if (figures.store) {
        const speed = figures.store.rows_per_second;
        rows.push({ figure: 'ledger into SQLite, one thread', value: speed, unit: 'attempts/s', target: 50000, holds: speed >= 50000,
            beside: `${figures.store.cpu_us_per_row} us of CPU each` });
    }
    if (figures.append_ns) rows.push(row('journal append, p50', figures.append_ns.p50, 'ns'));
    return { rows, detail: figures };
}

export async function budgets(mock, options) {
    const got = await runProgram('budget_speed', options.quick ? ['10', '100000'] : ['10', '1000000']);
    const [few, crowd] = got.trim().split('\n').slice(-2).map((line) => line.trim().split(/ +/).map(Number));
    const beside = (column) => `${crowd[column]} and ${few[column]} ns`;
    return {
        rows: [
            row(`hold and post as a call walks, ${crowd[0]} users against ${few[0]}`, crowd[4], 'x', 1.25, beside(3)),
            row('  without a hint before', crowd[2], 'x', undefined, beside(1)),
        ],
        detail: got.split('\n'),
    };
}

/** bench/token_speed.c beside the npm tokenizer. */
export async function tokens(mock, options) {
    const run = async (program, args) => (await runProgram(program, args)).trim();
    const got = await measureTokens(tempDir('purser-bench'), options.rounds, run, options.tick);
    const rows = Object.entries(got).flatMap(([encoding, turns]) => {
        const speed = round(median(turns.map((one) => one.own)), 1);
        return [
            { figure: `token counting, ${encoding}, mixed text, one core`, value: speed, unit: 'MB/s', target: 36, holds: speed >= 36,
                beside: `npm gpt-tokenizer ${round(median(turns.map((one) => one.npm)), 1)}` },
            row('  against the npm tokenizer', round(median(turns.map((one) => one.own / one.npm)), 1), 'x'),
        ];
    });
    return { rows, detail: got };
}

async function runProgram(name, args) {
    const program = resolve(root, 'build/bench', name);
    if (!existsSync(program)) throw new Error(`${program} is not built`);
    const got = await rig.run(program, args, { seconds: 300 });
    if (got.code !== 0) throw new Error(`${name}: ${got.stderr || got.stdout}`);
    return got.stdout;
}

/** The promises' tests with all their rounds: they read these variables. */
const PROMISES = ['budget', 'crash', 'cost', 'stream-faults', 'replay'];
const ALL_ROUNDS = { PURSER_ROUNDS: '100', PURSER_KILLS: '1000', PURSER_REPLAY: 'all' };

export async function promises() {
    const folder = join(root, 'tests/e2e');
    const files = PROMISES.map((name) => join(folder, `${name}.test.mjs`));
    const got = await rig.run('node', ['--test', '--test-reporter=tap', ...files], { env: ALL_ROUNDS, seconds: 3 * 3600 });
    const number = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(got.stdout)?.[1] ?? 0);
    const lines = got.stdout.split('\n').filter((line) => /^ *(not )?ok /.test(line)).map((line) => line.trim());
    return {
        rows: [row('promises broken, all rounds', number('fail') + number('cancelled'), 'tests', 0, `${number('pass')} held`)],
        detail: lines, text: lines.join('\n'),
    };
}

/** Where the time of a 32 KB call goes: needs perf. */
export async function profile(mock, options) {
    if ((await rig.run('perf', ['--version'])).code !== 0) return { rows: [], detail: 'perf is not installed (linux-perf)' };
    return using([() => rig.startServer(mock)], async (purser) => {
        const file = join(tempDir('purser-bench'), 'perf.data');
        const load = rig.drive(purser.port, { seconds: 6, users: 100, bytes: 32768 });
        await rig.sleep(1000);
        await rig.run('perf', ['record', '-q', '-F', '2000', '-o', file, '-p', `${purser.pid}`, '--', 'sleep', '4'], { seconds: 30 });
        await load;
        options.tick();
        const got = await rig.run('perf', ['report', '-i', file, '--stdio', '--no-children', '-g', 'none', '--percent-limit', '0.7', '--sort', 'dso,symbol']);
        const lines = got.stdout.split('\n').filter((line) => /^\s+\d/.test(line)).map((line) => line.trim());
        return { rows: [], detail: lines, text: `where 32 KB calls spend their time (perf):\n  ${lines.slice(0, 40).join('\n  ')}` };
    });
}
