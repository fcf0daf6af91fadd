// What commands list: of the running server, over its API, and the same to the byte of the store once it has stopped.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { bin, labSettings, post, run, startPurser, startSimulator, tempDir, until } from './helpers.mjs';

const formats = ['table', 'json', 'csv'];
/** Each as it is typed; all are asked in each format. */
const commands = [
    ['access', 'list'],
    ['keys', 'list'],
    ['ai'],
    ['events'],
    ['events', '--limit', '1', '--since', '2026-01-01'],
    ['events', '--since', '2100-01-01'],
    ['audit', 'list'],
    ['audit', 'list', '--limit', '2', '--until', '2100-01-01'],
    ['audit', 'list', '--who', 'local', '--what', 'token', '--object', 'an', '--since', '2026-01-01'],
    ['audit', 'list', '--what', 'no such', '--since', '1960-01-01'],
    ['audit', 'list', '--until', '1000000d'], // before all years that are written with four digits
    ['report', '--since', '2026-01-01'],
    ['report', '--since', '2026-01-01', '--until', '2100-01-01', '--by', 'key,user', '--where', 'status=ok'],
];
/** These are as empty at the end as they were. */
const empty = (line) => /no such|since 2100|until 1000000d/.test(line);
let sim, purser, settings;

before(async () => {
    sim = await startSimulator();
    settings = labSettings(sim, { budgets: [{ name: 'tiny', limit_requests: 2, window: 'day' }] });
    purser = await startPurser({ settings });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const cli = async (...args) => {
    const got = await purser.cli(args);
    assert.equal(got.code, 0, `purser ${args.join(' ')}: ${got.stderr}`);
    return got;
};

/** What each command says, by its line. */
async function listAll() {
    const said = {};
    for (const command of commands)
        for (const format of formats) {
            const line = [...command, '--format', format];
            said[line.join(' ')] = await cli(...line);
        }
    return said;
}

test('every list is the same with the server and without it', async () => {
    const none = await listAll();
    await cli('access', 'add', 'finance', '--role', 'viewer', '--expires', '90d');
    await cli('access', 'add', 'ana', '--role', 'owner', '--owner', 'ana@example.com', '--why', 'she asked, "again"');
    await cli('access', 'add', 'gone', '--role', 'admin');
    await cli('access', 'revoke', 'gone', '--why', 'left');
    await purser.stop();
    await cli('keys', 'add', 'spaced', '--models', 'cheap,  embed', '--team', 'sales'); // as the store has it
    purser = await startPurser({ settings, dir: purser.dir });
    await cli('keys', 'add', 'late', '--expires', '2h');
    await cli('keys', 'rotate', 'late', '--grace', '1h');
    await cli('keys', 'add', 'over');
    await cli('keys', 'rotate', 'over', '--grace', '1h');
    await cli('keys', 'revoke', 'over');
    for (let i = 0; i < 3; i++) await post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: 'Hello' }] });
    await cli('ai', 'off', '--feature', 'bot', '--why', 'it "loops", and – more');
    await cli('ai', 'off', '--for', '2h', '--why', 'a look');
    await until('the events of a spent budget', async () => (await cli('events')).stdout.includes('100'));
    const running = await listAll();
    await purser.stop();
    const stopped = await listAll();
    for (const line of Object.keys(running)) {
        assert.deepEqual(running[line], stopped[line], line);
        assert.equal(running[line].stderr, '', line);
        if (!empty(line)) assert.notEqual(running[line].stdout, none[line].stdout, line);
    }
    assert.deepEqual(JSON.parse(running['access list --format json'].stdout).rows.map((r) => `${r.name}:${r.role}:${r.owner}:${r.state}`),
        ['ana:owner:ana@example.com:active', 'finance:viewer::active', 'gone:admin::revoked']);
    assert.deepEqual(JSON.parse(running['keys list --format json'].stdout).rows.map((r) => `${r.name}:${r.team}:${r.models}:${r.state}:${r.from}`), [
        `alice:support:*:active:${purser.file}`, `bob:sales:cheap:active:${purser.file}`, 'spaced:sales:cheap,embed:active:keys add',
        'late:::active:keys add', 'late:::active:old secret', 'over:::revoked:keys add',
    ]);
});

/** A server that says what `answer` makes of each path, over the socket of a folder of its own; `asked` has the paths. */
async function standIn(answer) {
    const dir = tempDir(), asked = [];
    const server = http.createServer((request, response) => {
        asked.push(request.url);
        const said = answer(new URL(request.url, 'http://localhost'), response);
        if (said === undefined) return; // it hangs
        const { status = 200, ...body } = said;
        const text = JSON.stringify(body);
        response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
    });
    await new Promise((done) => server.listen(join(dir, 'purser.sock'), done));
    server.unref();
    const list = (...args) => run(bin, [...args, '--data', dir], { cwd: dir, env: { NO_COLOR: '1' } });
    return { dir, asked, list, stop: () => { server.closeAllConnections(); return new Promise((done) => server.close(done)); } };
}

const at = '2026-11-27T01:02:03.000004Z';
const token = (name, more) => ({ name, role: 'viewer', owner: null, created: at, expires: null, revoked: null, who: 'somebody', ...more });

test('tokens are asked of the server', async () => {
    const server = await standIn(() => ({ rows: [token('a'), token('b', { owner: 'ana', role: 'owner', expires: at, revoked: at })], next: null }));
    const got = await server.list('access', 'list', '--format', 'csv');
    assert.deepEqual(got, {
        code: 0, stderr: '',
        stdout: `name,role,owner,state,created,expires,who\na,viewer,,active,${at},,somebody\nb,owner,ana,revoked,${at},${at},somebody\n`,
    });
    assert.deepEqual(server.asked, ['/api/v1/tokens']);
    await server.stop();
});

test('keys are asked of the server, those of its settings and of first starts too', async () => {
    const key = (name, origin, more) => ({ name, origin, team: null, models: [], created: null, expires: null, revoked: null, ...more });
    const pages = [
        { rows: [key('alice', 'file', { team: 'a', models: ['x', 'y/*'] }), key('(admin token)', 'first_start', { created: at })], next: '2' },
        { rows: [key('ci', 'runtime', { created: at, revoked: at }), key('ci', 'old_secret', { created: at, expires: '2100-01-01T00:00:00Z' })], next: null },
    ];
    const server = await standIn((url) => pages[url.searchParams.get('cursor') ? 1 : 0]);
    const got = await server.list('keys', 'list', '--format', 'csv');
    assert.equal(got.stdout, `name,team,models,state,created,expires,from
alice,a,"x,y/*",active,,,settings
`
        + `(admin token),,,active,${at},,first start
ci,,,revoked,${at},,keys add
ci,,,active,${at},2100-01-01T00:00:00.000000Z,old secret
`);
    assert.deepEqual(server.asked, ['', '&cursor=2'].map((more) => `/api/v1/keys?secrets=true&limit=1000${more}`));
    await server.stop();
});

test('switches and events are asked of the server', async () => {
    const off = [{ feature: '', since: at, until: '', who: 'w', why: 'y' }, { feature: 'bot', since: at, until: at, who: 'w', why: 'y' }];
    const event = { at, kind: 'budget', object: 'tiny', level: 80, window: null, text: 'nearly' };
    const server = await standIn((url) => (url.pathname.endsWith('/events') ? { rows: [event, { ...event, window: at }], next: null } : { known: true, off }));
    const said = async (...args) => (await server.list(...args, '--format', 'csv')).stdout;
    assert.equal(await said('ai'), `feature,since,until,who,why\n,${at},,w,y\nbot,${at},${at},w,y\n`);
    assert.equal(await said('events', '--limit', '70000', '--since', '2026-01-01'), `at,kind,object,level,window,text\n${at},budget,tiny,80,,nearly\n${at},budget,tiny,80,${at},nearly\n`);
    assert.deepEqual(server.asked, ['/api/v1/switches', '/api/v1/events?since=2026-01-01T00%3A00%3A00.000000Z&limit=70000']);
    await server.stop();
});

const change = (id) => ({ id, at, who: `who ${id}`, what: 'ai off', object: 'all', before: 'on', after: 'off', why: '', origin: 'o', hash: '' });

test('the audit is asked of the server, page after page up to the limit', async () => {
    const server = await standIn((url) => {
        const from = Number(url.searchParams.get('cursor') ?? 2501), limit = Number(url.searchParams.get('limit'));
        const rows = Array.from({ length: Math.min(limit, from - 1) }, (_, i) => change(from - 1 - i));
        return { rows, next: rows.length === limit ? String(rows.at(-1).id) : null };
    });
    const ids = async (...args) => JSON.parse((await server.list('audit', 'list', '--format', 'json', ...args)).stdout).rows.map((r) => Number(r.who.slice(4)));
    const down = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => from - i);
    assert.deepEqual(await ids('--limit', '2200'), down(2500, 301));
    assert.deepEqual(await ids('--limit', '5000'), down(2500, 1));
    assert.deepEqual(await ids('--who', 'a&b', '--since', '2026-01-01'), down(2500, 2401));
    assert.deepEqual(server.asked, [
        '?limit=1000', '?limit=1000&cursor=1501', '?limit=200&cursor=501',
        '?limit=1000', '?limit=1000&cursor=1501', '?limit=1000&cursor=501',
        '?since=2026-01-01T00%3A00%3A00.000000Z&who=a%26b&limit=100',
    ].map((query) => `/api/v1/audit${query}`));
    await server.stop();
});

test('where a server does not answer as it should, the store is read, and that is said', async () => {
    const problem = { status: 503, detail: 'Too many questions wait.' };
    for (const [what, answer, said] of [
        ['refuses', () => problem, /warning: Too many questions wait\.; this is what is stored/],
        ['steers the terminal', () => ({ status: 400, detail: 'No \u001b[2Jtask\u009b.\nTry "é".' }), /warning: No \?\[2Jtask\?\.\nTry "é"\.; this is/],
        ['lacks a member', () => ({ rows: [token('a'), { name: 'b' }] }), /warning: the server's answer is not what it should be/],
        ['has another type', () => ({ rows: [token('a', { created: 7 })] }), /warning: the server's answer is not/],
        ['has no rows', () => ({}), /warning: the server's answer is not/],
        ['breaks off', (url, response) => void response.socket.destroy(), /warning: the server at .* gave no whole answer/],
        ['pages without end', () => ({ rows: [], next: '5' }), /warning: the server's answer is not/],
        ['pages in a circle', () => ({ rows: [token('a')], next: '5' }), /warning: the server's answer is not/],
    ]) {
        const server = await standIn(answer);
        const got = await server.list('access', 'list', '--format', 'json');
        await server.stop();
        assert.equal(got.code, 0, what);
        assert.match(got.stderr, said, what);
        assert.deepEqual(JSON.parse(got.stdout), { rows: [] }, what);
    }
});

test('what is no time is told by all that take one in the same words', async () => {
    for (const line of ['events --since', 'audit list --since', 'audit list --until', 'report --since', 'report --until', 'ledger export --since', 'ledger export --until']) {
        const words = line.split(' '), option = words.at(-1);
        const got = await run(bin, [...words, 'tomorrow', '--data', tempDir()], {});
        assert.deepEqual(got, { code: 2, stdout: '', stderr: `purser ${words.slice(0, -1).join(' ')}: ${option}: 'tomorrow' is no time; write 7d, 24h, 2026-11-01 or 2026-11-01T12:00:00Z\n` });
    }
});

test('a server that hangs is waited for ten seconds', async () => {
    const server = await standIn(() => undefined);
    const got = await server.list('access', 'list', '--format', 'json');
    await server.stop();
    assert.deepEqual([got.code, JSON.parse(got.stdout).rows], [0, []]);
    assert.match(got.stderr, /gave no whole answer within 10 s; this is what is stored/);
});
