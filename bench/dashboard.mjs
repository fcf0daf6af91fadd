// The dashboard on ten million attempts of ninety days and a million users (tools/past makes them): every question that its
// pages ask, on one core; memory; first paint; what a visit fetches; and what a call costs while somebody looks.
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { browse, closeBrowser, noBrowser } from '../tests/e2e/browser.mjs';
import { pastBin } from '../tests/e2e/past.mjs';
import { tempDir } from '../tests/e2e/helpers.mjs';
import { median } from './figures.mjs';
import * as rig from './rig.mjs';

const round = (number, digits = 1) => Number(number.toFixed(digits));
const row = (figure, value, unit, target, beside) => ({
    figure, value, unit, ...(target === undefined ? {} : { target, holds: value <= target }), ...(beside ? { beside } : {}),
});
const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.ceil(numbers.length * q) - 1)];

/** Views that people look at; what they ask is what is timed. The second list filters freely, over rows. */
const VIEWS = [
    '/', ...['7d', '30d', '90d'].flatMap((range) => ['team', 'feature', 'user', 'prompt', 'task', 'model', 'key'].map((by) => `/costs?range=${range}&by=${by}`)),
    '/costs?range=30d&compare=1', '/costs?range=90d&by=prompt&where=feature=support-bot', '/features?range=90d', '/features/support-bot?range=90d', '/calls', '/tasks?range=90d', '/users?range=90d',
    '/budgets', '/providers?range=90d', '/audit',
];
const FREE_VIEWS = ['/costs?range=90d&by=model&where=user=customer-7', '/costs?range=90d&by=status&where=operation=embeddings', '/calls?range=90d&where=user=customer-7,status=provider_error'];

/** PURSER_BENCH_STORE=DIR: a folder with data/ and past.yaml, as `build/past --settings DIR/past.yaml DIR/data` makes them. */
async function theStore(options) {
    if (process.env.PURSER_BENCH_STORE) return process.env.PURSER_BENCH_STORE;
    const dir = tempDir('purser-bench');
    mkdirSync(join(dir, 'data'), { mode: 0o700 });
    const rows = options.quick ? 500_000 : 10_000_000;
    const made = await rig.run(pastBin, ['--rows', `${rows}`, '--days', '90', '--users', options.quick ? '100000' : '1000000', '--settings', join(dir, 'past.yaml'), join(dir, 'data')], { seconds: 3600 });
    if (made.code !== 0) throw new Error(`build/past: ${made.stderr}`);
    options.tick();
    return dir;
}

/** The past's settings, and in them the mock, to be called while somebody looks. */
function settings(dir, mock) {
    const more = {
        providers: `  plain: { kind: openai, base_url: "http://127.0.0.1:${mock.port}/v1", api_key: sk-mock }`,
        models: '  small: plain/mock',
        prices: '  - { model: plain/mock, input: 0.15, output: 0.60, cache_read: 0.075, reasoning: 0.60, from: 2026-01-01 }',
        keys: `  - { name: bench, secret: ${rig.key}, team: bench }`,
    };
    let text = readFileSync(join(dir, 'past.yaml'), 'utf8');
    for (const [list, line] of Object.entries(more)) text = text.replace(`${list}:\n`, `${list}:\n${line}\n`);
    return `workers: 1\nlog: off\n${text}`;
}

/** Milliseconds and bytes of a GET, its body read to the end. */
function timed(purser, path) {
    return new Promise((resolve, reject) => {
        const began = performance.now();
        http.get(purser.adminUrl + path, { headers: { authorization: `Bearer ${purser.adminToken}` } }, (answer) => {
            let bytes = 0;
            answer.on('data', (data) => (bytes += data.length));
            answer.on('end', () => resolve({ ms: performance.now() - began, bytes, status: answer.statusCode }));
        }).on('error', reject);
    });
}

/** What the views ask: paths of the API without those that stay open. */
async function questionsOf(purser, views, tick) {
    const asked = new Map();
    for (const view of views) {
        const visit = await browse(purser);
        await visit.page.goto(purser.adminUrl + view);
        await visit.settled({ seconds: 120 });
        for (const url of visit.asked) {
            const path = url.pathname + url.search;
            if (!/\/(session|live)$/.test(url.pathname) && !asked.has(path)) asked.set(path, view);
        }
        await visit.close();
        tick();
    }
    return asked;
}

/** Milliseconds of processor time that the process has used, ended threads included. */
const usedMs = (pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
};

async function timeAll(purser, asked, times, tick) {
    const found = [];
    for (const [path, view] of asked) {
        const runs = [], before = usedMs(purser.pid);
        for (let i = 0; i < times; i++) runs.push(await timed(purser, path));
        const refused = runs.some((one) => one.status !== 200);
        const ms = runs.map((one) => one.ms);
        found.push({ path, view, p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), bytes: runs[0].bytes, refused, cpu: (usedMs(purser.pid) - before) / times });
        tick();
    }
    return found.sort((a, b) => b.p95 - a.p95);
}

/** From the address to the first text, each time in a new browser's window without a cache. */
async function firstPaint(purser, times) {
    const found = [];
    for (let i = 0; i < times; i++) {
        const visit = await browse(purser);
        await visit.page.goto(purser.adminUrl);
        await visit.settled();
        found.push(await visit.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
        await visit.close();
    }
    return found;
}

/** Bytes, gzipped, of all that a first visit fetches before it asks the API. */
async function bundle(purser) {
    const get = (path) => new Promise((resolve, reject) => http.get(purser.adminUrl + path, { headers: { 'accept-encoding': 'gzip' } }, (answer) => {
        const parts = [];
        answer.on('data', (data) => parts.push(data)).on('end', () => resolve(Buffer.concat(parts)));
    }).on('error', reject));
    const { gunzipSync } = await import('node:zlib');
    const page = await get('/');
    let bytes = page.length;
    for (const [path] of gunzipSync(page).toString().matchAll(/\/assets\/[\w.-]+/g)) bytes += (await get(path)).length;
    return bytes;
}

/** Somebody looks: the live stream three times, and all that the page Now asks, each second. Ends with what it returns. */
function look(purser, paths) {
    const headers = { authorization: `Bearer ${purser.adminToken}` };
    const streams = [1, 2, 3].map(() => http.get(`${purser.adminUrl}/api/v1/live`, { headers }, (answer) => answer.resume()).on('error', () => {}));
    let over = false, asked = 0;
    const asking = (async () => {
        while (!over) {
            const began = performance.now();
            for (const path of paths) {
                if (over) break;
                await timed(purser, path);
                asked++;
            }
            await rig.sleep(Math.max(0, 1000 - (performance.now() - began)));
        }
    })();
    return async () => {
        over = true;
        for (const stream of streams) stream.destroy();
        await asking;
        return asked;
    };
}

/** CPU of the threads that carry calls, per call. Without waiting until the rest idles: with somebody looking it never does. */
async function perCall(purser, load) {
    const before = rig.cpuNs(purser.pid).workers;
    const got = await rig.drive(purser.port, load);
    return (rig.cpuNs(purser.pid).workers - before) / 1000 / got.calls;
}

async function whileLookedAt(purser, paths, options) {
    const load = { seconds: options.seconds, users: 100 };
    const alone = [], seen = [];
    let asked = 0;
    for (let i = -1; i < options.rounds; i++) {
        const one = await perCall(purser, load);
        const stop = look(purser, paths);
        await rig.sleep(300);
        const two = await perCall(purser, load);
        asked += await stop();
        if (i >= 0) alone.push(one) && seen.push(two);
        options.tick();
    }
    return { alone, seen, asked, ratio: median(seen.map((us, i) => us / alone[i])) };
}

const peakMb = (pid) => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const lines = (found) => found.map((one) => `${one.cpu.toFixed(0).padStart(7)} ${one.p50.toFixed(0).padStart(7)} ${one.p95.toFixed(0).padStart(7)}  ${`${(one.bytes / 1024).toFixed(0)} kB`.padStart(8)}  ${decodeURIComponent(one.path)}${one.refused ? '  REFUSED' : ''}`);

export async function dashboard(mock, options) {
    if (noBrowser) return { rows: [], detail: noBrowser };
    const dir = await theStore(options);
    const purser = await rig.startPurser({ dir, settings: settings(dir, mock), wrap: rig.pinned(rig.SERVER), seconds: 120 });
    try {
        const attempts = (await purser.report(['--since', '2000-01-01', '--by', 'provider'])).totals.attempts;
        const times = options.quick ? 5 : 20;
        const asked = await questionsOf(purser, VIEWS, options.tick);
        const rollups = await timeAll(purser, asked, times, options.tick);
        const peak = peakMb(purser.pid);
        const free = await timeAll(purser, new Map([...(await questionsOf(purser, FREE_VIEWS, options.tick))].filter(([path]) => !asked.has(path))), Math.ceil(times / 5), options.tick);
        const paints = await firstPaint(purser, options.quick ? 3 : 9);
        const bytes = await bundle(purser);
        await closeBrowser();
        const ofNow = [...asked].filter(([, view]) => view === '/').map(([path]) => path);
        const cpu = await whileLookedAt(purser, ofNow, options);
        const shortly = (one) => decodeURIComponent(one.path.replace('/api/v1', ''));
        return {
            rows: [
                row(`dashboard, ${Number(attempts).toLocaleString('en')} attempts: p95 of the slowest of ${rollups.length} questions`, round(rollups[0].p95), 'ms', 300, shortly(rollups[0])),
                row('  p50 and p95 of all of them', round(quantile(rollups.map((one) => one.p50), 0.5)), 'ms', undefined, `p95 ${round(quantile(rollups.map((one) => one.p95), 0.95))}`),
                row('  free filters over rows, the slowest', round((free[0]?.p95 ?? 0) / 1000, 2), 's', 10, free[0] && shortly(free[0])),
                row('  questions that are refused', [...free, ...rollups].filter((one) => one.refused).length, 'of them', 0),
                row('  peak memory after them', round(peak), 'MB', 256, `with free filters ${round(peakMb(purser.pid))}`),
                row('  first paint on localhost', round(median(paints)), 'ms', 500),
                row('  what a first visit fetches, gzipped', round(bytes / 1000), 'kB', 150),
                row("  a call's CPU while three look at the page Now, against none", round(cpu.ratio, 3), 'x', 1.05, `${round(median(cpu.seen), 2)} and ${round(median(cpu.alone), 2)} us`),
            ],
            detail: { rollups, free, paints, bytes, cpu },
            text: ['questions of the dashboard, slowest first (processor ms, p50 ms, p95 ms, answer):', ...lines([...free, ...rollups]).map((line) => `  ${line}`)].join('\n'),
        };
    } finally {
        await closeBrowser();
        await purser.stop({ seconds: 120 });
    }
}
