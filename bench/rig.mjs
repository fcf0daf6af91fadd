// The rig: mock provider, nginx and purser, started, pinned, driven and read.
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { bin, freePort, root, run, sleep, startPurser, tempDir, until } from '../tests/e2e/helpers.mjs';

export { run, sleep, startPurser, until, bin };
export const key = 'sk-purser-bench-0123456789abcdef';
const program = (name) => join(root, 'build/bench', name);

/** Two cores are enough and are what the project is measured on: the server under test has one to itself. */
export const LOAD = 0;
export const SERVER = cpus().length > 1 ? 1 : 0;
export const pinned = (core) => ['taskset', '-c', `${core}`];

// ---- what the kernel knows of a process

/** A process and its children: nginx's master does nothing, its worker all. */
function family(pid) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children ? children.split(' ').flatMap((child) => family(Number(child))) : [])];
}

/** Nanoseconds on a core: of all threads, and of those that carry calls. Threads that
 *  end would be missing; ours do not end. */
export function cpuNs(pid) {
    let all = 0, workers = 0;
    for (const one of family(pid)) {
        for (const task of readdirSync(`/proc/${one}/task`)) {
            const ns = Number(readFileSync(`/proc/${one}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
            const name = readFileSync(`/proc/${one}/task/${task}/comm`, 'utf8');
            all += ns;
            if (/^(worker-|nginx)/.test(name)) workers += ns;
        }
    }
    return { all, workers };
}

/** Work that is put off is work all the same: waits until the process idles. */
async function idles(pid) {
    for (let i = 0; i < 200; i++) {
        const before = cpuNs(pid).all;
        await sleep(100);
        if (cpuNs(pid).all - before < 2e6) return;
    }
    throw new Error(`process ${pid} is still busy 20 s after its load ended`);
}

export function memoryKb(pid) {
    let rss = 0, anon = 0;
    for (const one of family(pid)) {
        const status = readFileSync(`/proc/${one}/status`, 'utf8');
        rss += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
        anon += Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
    return { rss, anon };
}

// ---- servers

const children = new Set();
process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
});

function start(name, command, wait) {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (data) => {
        log = (log + data).slice(-4000);
    });
    children.add(child);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.once('close', () => children.delete(child));
    return until(`${name} listens`, () => {
        if (child.exitCode !== null) throw Object.assign(new Error(`${name} ended: ${log}`), { fatal: true });
        return dials(wait);
    }).then(() => ({
        pid: child.pid,
        stop: async () => {
            child.kill('SIGTERM');
            await Promise.race([ended, sleep(3000)]);
            child.kill('SIGKILL');
            await ended;
        },
    }));
}

function dials(port) {
    return new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
    });
}

/** A certificate of our own for localhost; purser verifies it, as it would a real one. */
function certificate(dir) {
    const cert = join(dir, 'cert.pem'), keyFile = join(dir, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', keyFile, '-out', cert], { stdio: 'ignore' });
    return { cert, keyFile };
}

export async function startMock() {
    const dir = tempDir('purser-bench');
    const { cert, keyFile } = certificate(dir);
    const port = await freePort(), tlsPort = await freePort();
    const command = [...pinned(LOAD), program('mock'), '--port', `${port}`, '--tls-port', `${tlsPort}`, '--cert', cert, '--key', keyFile, '--seconds', '3600'];
    return Object.assign(await start('the mock', command, port), { port, tlsPort, cert, dir });
}

/** nginx as a plain proxy: one worker, kept connections, no log. `stream`: without buffering. */
export async function startNginx(mock) {
    const dir = tempDir('purser-nginx');
    const ports = { plain: await freePort(), tls: await freePort(), stream: await freePort(), streamTls: await freePort() };
    for (const sub of ['body', 'proxy', 'other']) mkdirSync(join(dir, sub));
    const server = (port, upstream, more = '') => `
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location / { proxy_pass ${upstream}; ${more} }
    }`;
    writeFileSync(join(dir, 'nginx.conf'), `
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${dir}/nginx.pid;
error_log stderr error;
events { worker_connections 16384; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    client_body_buffer_size 128k;
    client_body_temp_path ${dir}/body;
    proxy_temp_path ${dir}/proxy;
    fastcgi_temp_path ${dir}/other; uwsgi_temp_path ${dir}/other; scgi_temp_path ${dir}/other;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 600s;
    proxy_ssl_session_reuse on;
    upstream plain { server 127.0.0.1:${mock.port}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
    upstream tls { server 127.0.0.1:${mock.tlsPort}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
${server(ports.plain, 'http://plain')}
${server(ports.tls, 'https://tls')}
${server(ports.stream, 'http://plain', 'proxy_buffering off;')}
${server(ports.streamTls, 'https://tls', 'proxy_buffering off;')}
}
`);
    const nginx = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
    const started = await start('nginx', [...pinned(SERVER), nginx, '-e', 'stderr', '-p', dir, '-c', join(dir, 'nginx.conf')], ports.plain);
    return Object.assign(started, { ports });
}

/** Everything on: key, four budgets, limits, metering, ledger, metrics. No limit is ever met. */
export function everythingOn(mock, more = {}) {
    const enough = { limit_usd: 1000000, window: 'month' };
    const huge = 1000000000;
    return {
        workers: 1,
        log: 'off',
        providers: {
            plain: { kind: 'openai', base_url: `http://127.0.0.1:${mock.port}/v1`, api_key: 'sk-mock' },
            tls: { kind: 'openai', base_url: `https://localhost:${mock.tlsPort}/v1`, api_key: 'sk-mock', ca_file: mock.cert },
        },
        models: { small: 'plain/mock', small_tls: 'tls/mock' },
        prices: ['plain', 'tls'].flatMap((name) => ['mock', 'mock-pace', 'mock-hang'].map((model) => (
            { model: `${name}/${model}`, input: 0.15, output: 0.6, cache_read: 0.075, reasoning: 0.6, from: '2026-01-01' }))),
        keys: [{ name: 'bench', secret: key, team: 'bench', models: ['*'] }],
        budgets: [
            { name: 'of-key', scope: { key: 'bench' }, ...enough },
            { name: 'of-team', scope: { team: '*' }, ...enough },
            { name: 'of-user', scope: { user: '*' }, ...enough },
            { name: 'everything', scope: {}, ...enough },
        ],
        limits: [
            { scope: { key: 'bench' }, requests_per_minute: huge, tokens_per_minute: huge * 1000, concurrency: 100000 },
            { scope: { team: '*' }, requests_per_minute: huge },
        ],
        features: { bench: { owner: 'bench@example.com', max_output_tokens: 800 } },
        max_counters: 3000000,
        ceilings: { connections: 20000 },
        ...more,
    };
}

export function startServer(mock, more) {
    return startPurser({ settings: everythingOn(mock, more), wrap: pinned(SERVER), seconds: 30 });
}

// ---- load

const LUA = join(root, 'bench/post.lua');

/** wrk for `seconds` against a port; with a pid also the CPU of each of its calls,
 *  the ledger's work that follows included. */
export async function drive(port, { pid, seconds, connections = 32, bytes = 1024, model = 'small', users = 0, from = -1, path = '/v1/chat/completions' }) {
    const before = pid && cpuNs(pid);
    const got = await run('taskset', ['-c', `${LOAD}`, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', LUA,
        `http://127.0.0.1:${port}`, '--', path, key, model, `${bytes}`, `${users}`, `${from}`], { seconds: seconds + 30 });
    if (pid) await idles(pid);
    const after = pid && cpuNs(pid);
    const line = /^JSON (.*)$/m.exec(got.stdout);
    if (!line) throw new Error(`wrk: ${got.stderr || got.stdout}`);
    const found = JSON.parse(line[1]);
    if (found.errors || !found.calls) throw new Error(`wrk met ${found.errors} errors in ${found.calls} calls at port ${port}`);
    const each = (what) => (pid ? (after[what] - before[what]) / 1000 / found.calls : undefined);
    return { ...found, cpu_us: each('all'), worker_us: each('workers'), per_second: found.calls / (found.us / 1e6) };
}

/** bench/ttft.c over several targets ("port" or "port/path"). */
export async function waits(body, targets, calls) {
    const file = join(tempDir('purser-bench'), 'body.json');
    writeFileSync(file, JSON.stringify(body));
    const got = await run('taskset', ['-c', `${LOAD}`, program('ttft'), '--body', file, '--key', key, '--calls', `${calls}`,
        ...targets.map(String)], { seconds: 300 });
    if (got.code !== 0) throw new Error(got.stderr);
    return JSON.parse(got.stdout);
}

/** Opens streams that wait after their first chunk, and keeps them. */
export async function holdStreams(port, count, model) {
    const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Wait.' }], max_tokens: 64 });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const sockets = [];
    const one = () => new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        sockets.push(socket);
        let text = '';
        socket.setTimeout(20000, () => reject(new Error('a stream did not begin within 20 s')));
        socket.once('error', reject);
        socket.once('close', () => reject(new Error(`a stream was refused: ${text.slice(0, 300)}`)));
        socket.on('data', (data) => {
            text += data;
            if (!text.includes('data: ')) return;
            socket.setTimeout(0);
            resolve();
        });
        socket.write(head + body);
    });
    for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: Math.min(50, count - i) }, one));
    return () => {
        for (const socket of sockets) socket.removeAllListeners('close').destroy();
    };
}

// ---- the machine

const first = (command, ...args) => {
    try {
        return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0].trim();
    } catch (error) {
        return (error.stderr || '').split('\n')[0].trim() || 'unknown';
    }
};

export function machine() {
    return {
        processor: cpus()[0].model.trim(),
        cores: cpus().length,
        memory_gb: Math.round(totalmem() / 2 ** 30),
        kernel: first('uname', '-r'),
        system: /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1],
        gcc: first('gcc', '-dumpfullversion'),
        openssl: first('openssl', 'version').split(' ')[1],
        nginx: (execSafe('/usr/sbin/nginx', ['-v']).match(/nginx\/(\S+)/) ?? [])[1],
        wrk: first('dpkg-query', '-W', '-f', '${Version}', 'wrk'),
        node: process.version,
        purser: first(bin, 'version'),
        commit: first('git', 'rev-parse', '--short', 'HEAD'),
    };
}

function execSafe(command, args) {
    try {
        return execFileSync('sh', ['-c', `${command} ${args.join(' ')} 2>&1`], { encoding: 'utf8' });
    } catch {
        return '';
    }
}
