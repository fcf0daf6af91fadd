// The admin API's frame: who may ask, what a problem looks like, the OpenAPI document, sessions of browsers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { labSettings, ledgerFile, post, sleep, sql, startPurser, startSimulator, until } from './helpers.mjs';

let sim, purser, document;
before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: labSettings(sim, { budgets: [{ name: 'all', scope: {}, limit_usd: 5, window: 'day' }] }) });
    document = await (await fetch(`${purser.adminUrl}/api/v1/openapi.json`)).json();
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const ask = (path, { method = 'GET', headers = {}, body, token = purser.adminToken } = {}) =>
    fetch(`${purser.adminUrl}${path}`, {
        method,
        headers: {
            ...(token ? { authorization: `Bearer ${token}` } : {}),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
    });

const isProblem = async (answer, status, code) => {
    const problem = await answer.json();
    assert.equal(answer.status, status, JSON.stringify(problem));
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(problem.status, status);
    assert.equal(problem.code, code);
    assert.ok(problem.title && problem.detail.length > 10, JSON.stringify(problem));
    return problem;
};

test('the document names every route, with a role, and every reference in it leads somewhere', () => {
    assert.equal(document.openapi, '3.1.0');
    const refs = JSON.stringify(document).match(/#\/components\/schemas\/[a-z_]+/g);
    for (const ref of refs) assert.ok(document.components.schemas[ref.split('/').at(-1)], ref);
    for (const [path, methods] of Object.entries(document.paths)) {
        assert.match(path, /^\/api\/v1\//);
        for (const [method, route] of Object.entries(methods)) {
            assert.match(method, /^(get|put|post|delete|patch)$/);
            assert.ok(route.summary.length > 5, `${method} ${path}`);
            const named = [...path.matchAll(/\{([^}]+)\}/g)].map((m) => m[1]);
            const given = route.parameters.filter((p) => p.in === 'path').map((p) => p.name);
            assert.deepEqual(given, named);
        }
    }
});

test('the document bounds what is taken, not what clients chose, and knows every kind of answer', () => {
    const { paths, components: { schemas } } = document, most = (s) => s.maxLength ?? s.anyOf?.[0].maxLength;
    for (const [path, methods] of Object.entries(paths)) {
        for (const [method, { parameters }] of Object.entries(methods)) {
            for (const p of parameters.filter((one) => one.in === 'path')) assert.deepEqual([p.schema.minLength, p.schema.maxLength], [1, 500], path);
            if (method === 'get') continue;
            for (const p of parameters.filter((one) => ['why', 'who'].includes(one.name))) assert.equal(p.schema.maxLength, 500, `${method} ${path}: ${p.name}`);
        }
    }
    assert.deepEqual([most(schemas.outcome_told.properties.name), most(schemas.call.properties.user)], [500, undefined]);
    const kinds = (path) => Object.keys(paths[path].get.responses[200].content).sort();
    assert.deepEqual(kinds('/api/v1/report'), ['application/json', 'text/csv', 'text/plain']);
    assert.deepEqual(kinds('/api/v1/live'), ['text/event-stream']);
    assert.deepEqual(kinds('/api/v1/series'), ['application/json']);
});

test('nothing but the document and the sign-in is open to strangers', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
        for (const [method, route] of Object.entries(methods)) {
            if (route['x-purser-role'] === 'none') continue;
            const url = path.replaceAll(/\{[^}]+\}/g, 'x');
            const got = await ask(url, { method: method.toUpperCase(), token: null });
            await isProblem(got, 401, 'unauthorized');
            assert.match(got.headers.get('www-authenticate'), /^Bearer/);
            const shown = await ask(url, { method: method.toUpperCase(), token: 'wrong' });
            await isProblem(shown, 401, 'unauthorized');
        }
    }
});

test('a problem says what, where and what to do', async () => {
    await isProblem(await ask('/api/v1/nothing'), 404, 'not_found');
    const method = await ask('/api/v1/budgets', { method: 'DELETE' });
    assert.equal(method.headers.get('allow'), 'GET');
    assert.equal((await ask('/api/v1/prices/unpriced', { method: 'PUT', body: {} })).headers.get('allow'), 'GET', 'no price is called so');
    const [braces] = await once(http.get({ port: purser.adminPort, path: '/api/v1/keys/{name}', headers: { authorization: `Bearer ${purser.adminToken}` } }), 'response'); // as it stands: fetch() encodes it
    assert.match((await braces.toArray()).join(''), /no key '\{name\}'/);
    await isProblem(method, 405, 'bad_method');
    for (const [path, way] of [['/metrics', 'POST'], ['/healthz', 'PUT']]) {
        const got = await ask(path, { method: way });
        assert.deepEqual([got.status, got.headers.get('allow')], [405, 'GET'], path);
    }
    const unknown = await isProblem(await ask('/api/v1/report?sinse=7d'), 400, 'unknown_parameter');
    assert.match(unknown.detail, /sinse.*since/s);
    const time = await isProblem(await ask('/api/v1/report?since=soon'), 400, 'bad_parameter');
    assert.match(time.detail, /since.*7d/);
    await isProblem(await ask('/api/v1/report?format=xml'), 400, 'bad_parameter');
    await isProblem(await ask('/api/v1/report?by=colour'), 400, 'bad_parameter');
    await isProblem(await ask('/api/v1/switches', { method: 'POST', body: { ai: 'off', wy: 'x' } }), 400, 'unknown_member');
    await isProblem(await ask('/api/v1/switches', { method: 'POST', body: {} }), 400, 'missing_member');
    await isProblem(await ask('/api/v1/switches', { method: 'POST', body: { ai: 1 } }), 400, 'bad_member');
    const list = await ask('/api/v1/switches', { method: 'POST', body: [] });
    await isProblem(list, 400, 'bad_json');
});

test('what is no request is told so as a problem, too', async () => {
    for (const [request, status, code] of [['HOLD /api/v1/now HTTP/1.1\r\nhost: localhost\r\n\r\n', 400, 'bad_request'], [`GET /api/v1/now HTTP/1.1\r\nx: ${'x'.repeat(70000)}\r\n\r\n`, 431, 'head_too_large']]) {
        const text = await new Promise((done, failed) => {
            let got = '';
            const socket = connect(purser.adminPort, '127.0.0.1', () => socket.write(request)).on('data', (data) => (got += data)).on('end', () => done(got)).on('error', failed);
        });
        assert.match(text, new RegExp(`^HTTP/1.1 ${status} [^]*content-type: application/problem\\+json\r\n`));
        const problem = JSON.parse(text.split('\r\n\r\n')[1]);
        assert.deepEqual([problem.type, problem.status, problem.code, problem.detail.length > 0], ['about:blank', status, code, true]);
    }
});

test('an answer that is the same is told as that', async () => {
    const first = await ask('/api/v1/switches');
    const etag = first.headers.get('etag');
    assert.ok(etag);
    const again = await ask('/api/v1/switches', { headers: { 'if-none-match': etag } });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), '');
    const other = await ask('/api/v1/switches', { headers: { 'if-none-match': 'W/"0"' } });
    assert.equal(other.status, 200);
});

test('rows come as CSV, too', async () => {
    const json = await (await ask('/api/v1/budgets')).json();
    const csv = await ask('/api/v1/budgets?format=csv');
    assert.match(csv.headers.get('content-type'), /^text\/csv/);
    const lines = (await csv.text()).trim().split('\n');
    assert.equal(lines.length, json.rows.length + 1);
    assert.deepEqual(lines[0].split(','), Object.keys(document.components.schemas.budget.properties));
});

test('of a budget with many counters the fullest can be asked for, with how many there are', async () => {
    const some = await startPurser({ settings: labSettings(sim, { budgets: [{ name: 'each', scope: { user: '*' }, limit_usd: 5, window: 'day' }, { name: 'all', scope: {}, limit_usd: 50, window: 'day' }] }) });
    for (let i = 1; i <= 6; i++) {
        const got = await post(some, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: `[simulate tokens=${i * 40}]` }] }, { headers: { 'x-purser-user': `user-${i}` } });
        assert.equal(got.status, 200, got.text);
    }
    const headers = { authorization: `Bearer ${some.adminToken}` };
    const rows = async (query) => (await (await fetch(`${some.adminUrl}/api/v1/budgets${query}`, { headers })).json()).rows;
    const all = await rows(''), three = await rows('?fullest=3'), one = await rows('?fullest=1&where=budget=each');
    assert.equal(all.length, 7);
    assert.ok(all.every((row) => row.counters === null));
    assert.deepEqual(three.map((row) => [row.budget, row.scope, row.counters]).sort(), [['all', '', 1], ['each', 'user=user-4', 6], ['each', 'user=user-5', 6], ['each', 'user=user-6', 6]]);
    assert.deepEqual(one.map((row) => row.scope), ['user=user-6']);
    const each = three.filter((row) => row.budget === 'each');
    assert.deepEqual(each, [...each].sort((a, b) => b.spent - a.spent));
    const wrong = await fetch(`${some.adminUrl}/api/v1/budgets?fullest=1001`, { headers });
    await isProblem(wrong, 400, 'bad_parameter');
    await some.stop();
});

test('a question that is asked as a stream tells how far it is, then answers', async () => {
    const got = await ask('/api/v1/report?by=feature', { headers: { accept: 'text/event-stream' } });
    assert.match(got.headers.get('content-type'), /^text\/event-stream/);
    const text = await got.text();
    const data = text.split('event: answer\n')[1].split('\n').filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).join('\n');
    assert.ok(JSON.parse(data).totals);
    const wrong = await (await ask('/api/v1/report?by=colour', { headers: { accept: 'text/event-stream' } })).text();
    assert.match(wrong, /event: problem\ndata: .*bad_parameter/);
});

test('a browser signs in, proves its changes, signs out', async () => {
    await isProblem(await ask('/api/v1/session', { method: 'POST', token: null, body: { token: 'wrong' } }), 401, 'unauthorized');
    const got = await ask('/api/v1/session', { method: 'POST', token: null, body: { token: purser.adminToken } });
    assert.equal(got.status, 200);
    const session = await got.json();
    assert.deepEqual([session.role, session.features], ['admin', null]);
    const set = got.headers.get('set-cookie');
    for (const word of [/HttpOnly/, /SameSite=Strict/, /Path=\//, /Max-Age=\d+/]) assert.match(set, word);
    assert.doesNotMatch(set, /Secure/); // over plain HTTP it would never come back
    const cookie = set.split(';')[0];
    const who = await (await ask('/api/v1/session', { token: null, headers: { cookie } })).json();
    assert.equal(who.csrf, session.csrf);
    assert.equal((await ask('/api/v1/budgets', { token: null, headers: { cookie } })).status, 200);
    const off = { method: 'POST', token: null, body: { ai: 'off', why: 'a test', feature: 'nobody' } };
    await isProblem(await ask('/api/v1/switches', { ...off, headers: { cookie } }), 403, 'no_proof');
    await isProblem(await ask('/api/v1/switches', { ...off, headers: { cookie, 'x-purser-csrf': 'guess' } }), 403, 'no_proof');
    const proof = { cookie, 'x-purser-csrf': session.csrf };
    await isProblem(await ask('/api/v1/switches', { ...off, headers: { ...proof, origin: 'https://evil.example' } }), 403, 'foreign');
    assert.equal((await ask('/api/v1/switches', { ...off, headers: proof })).status, 200);
    const on = { ...off, body: { ai: 'on', feature: 'nobody' } };
    assert.equal((await ask('/api/v1/switches', { ...on, headers: proof })).status, 200);
    assert.equal((await ask('/api/v1/session', { method: 'DELETE', token: null, headers: proof })).status, 204);
    await isProblem(await ask('/api/v1/budgets', { token: null, headers: { cookie } }), 401, 'unauthorized');
});

test('who guesses tokens has to wait, and may go on asking with a good one as a header', async () => {
    const guess = () => ask('/api/v1/session', { method: 'POST', token: null, body: { token: 'guess' } });
    let got;
    for (let i = 0; i < 30 && got?.status !== 429; i++) got = await guess();
    assert.ok(Number(got.headers.get('retry-after')) > 0);
    await isProblem(got, 429, 'too_many');
    const right = await ask('/api/v1/session', { method: 'POST', token: null, body: { token: purser.adminToken } });
    await isProblem(right, 429, 'too_many');
    assert.equal((await ask('/api/v1/budgets')).status, 200);
});

test('who guesses tokens in the header has to wait, and nobody else', async () => {
    const from = (localAddress, path, token) => new Promise((done, failed) => {
        http.get(`${purser.adminUrl}${path}`, { localAddress, headers: { authorization: `Bearer ${token}` } }, (got) => {
            let text = '';
            got.on('data', (data) => (text += data)).on('end', () => done({ status: got.statusCode, after: Number(got.headers['retry-after']), text }));
        }).on('error', failed);
    });
    const made = await (await ask('/api/v1/tokens', { method: 'POST', body: { name: 'beside-guesses', role: 'viewer' } })).json();
    let events = 0;
    const live = http.get(`${purser.adminUrl}/api/v1/live`, { localAddress: '127.0.0.2', headers: { authorization: `Bearer ${purser.adminToken}` } }, (got) =>
        got.on('data', (data) => (events += data.toString().includes('event: now'))));
    for (const [address, path] of [['127.0.0.2', '/api/v1/budgets'], ['127.0.0.3', '/metrics']]) {
        for (let i = 0; i < 10; i++) assert.equal((await from(address, path, `guess${i}`)).status, 401);
        for (const token of ['another', purser.adminToken]) {
            const got = await from(address, path, token);
            assert.deepEqual([got.status, JSON.parse(got.text).status], [429, 429], got.text);
            assert.ok(got.after >= 1 && got.after <= 61, `${got.after}`);
        }
        assert.equal((await from(address, path, made.secret)).status, 200, 'nobody can guess it');
        assert.equal((await from('127.0.0.4', path, purser.adminToken)).status, 200);
    }
    const seen = events;
    await until('more of what was let in before', () => events > seen + 1);
    live.destroy();
    for (let i = 0; i < 20; i++) assert.equal((await from('127.0.0.5', '/metrics', 'outdated')).status, 401);
    assert.equal((await from('127.0.0.5', '/metrics', purser.adminToken)).status, 200);
});

// ---- what goes on

const openStream = async (path) => {
    const stop = new AbortController();
    const answer = await fetch(`${purser.adminUrl}${path}`, { headers: { authorization: `Bearer ${purser.adminToken}` }, signal: stop.signal });
    assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    /** The next event's data that `is` true of. */
    const next = async (name, is = () => true) => {
        for (;;) {
            const end = text.indexOf('\n\n');
            if (end >= 0) {
                const block = text.slice(0, end);
                text = text.slice(end + 2);
                if (!block.startsWith(`event: ${name}\n`)) continue;
                const data = JSON.parse(block.split('\n').filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).join('\n'));
                if (is(data)) return data;
                continue;
            }
            const { value, done } = await reader.read();
            if (done) throw new Error('the stream ended');
            text += value;
        }
    };
    return { next, stop: () => stop.abort() };
};

test('now tells what is spent, in flight and unwell, and what needs attention', async () => {
    await post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: 'Hello' }] }, { headers: { 'x-purser-feature': 'nobodys' } });
    const now = await (await ask('/api/v1/now')).json();
    const [{ cost }] = await sql(purser.data, 'SELECT sum(cost_picousd) AS cost FROM attempts');
    assert.ok(Number(cost) > 0);
    assert.equal(now.spend.today_picousd, Number(cost));
    assert.equal(now.spend.month_picousd, Number(cost));
    assert.deepEqual([now.hour.calls, now.hour.errors, now.hour.cost_picousd], [1, 0, Number(cost)]);
    assert.ok(now.hour.p95_ms > 0);
    const names = now.in_flight.steps.map((s) => s.step);
    assert.deepEqual([names[0], names.at(-1)], ['receive', 'post']);
    assert.equal(now.in_flight.complete, true);
    assert.deepEqual(now.targets.map((t) => [t.target, t.attempts, t.errors, t.unpriced]), [['lab/sim-small', 1, 0, 0]]);
    assert.deepEqual([now.expected.basis, now.expected.hours.length], ['nothing', 24]);
    assert.equal(now.expected.hours.reduce((sum, h) => sum + h.cost_picousd, 0), Number(cost));
    const [budget] = now.budgets;
    assert.deepEqual([budget.budget, budget.spent_picousd, budget.limit_picousd, budget.run_out], ['all', Number(cost), 5e12, null]);
    const unowned = now.attention.find((a) => a.kind === 'unowned');
    assert.match(unowned.text, /Nobody owns nobodys: \$/);
});

test('of two parameters of one name neither is left out without a word, nor is a word that none of the rows can have', async () => {
    const twice = await isProblem(await ask('/api/v1/calls?where=feature=a&limit=5&where=feature=b'), 400, 'bad_parameter');
    assert.match(twice.detail, /where: it stands there twice, and takes several filters/);
    const member = await fetch(`${purser.adminUrl}/api/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}` }, body: '{"name":"x","role":"viewer","role":"admin"}' });
    assert.match((await isProblem(member, 400, 'bad_member')).detail, /'role' stands there twice/);
    for (const path of ['keys?state=actve', 'settings?kind=budgets', 'settings?origin=files', 'settings?state=shadow', 'prices?origin=boook']) {
        const problem = await isProblem(await ask(`/api/v1/${path}`), 400, 'bad_parameter');
        assert.match(problem.detail, /: one of [a-z_]+, [a-z_]+/, path);
    }
});

test('a change that waits, here for the store, holds up nobody who only asks', async (t) => {
    const lock = spawn('sqlite3', [ledgerFile(purser.data)], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => lock.kill());
    lock.stdin.write('.timeout 5000\nBEGIN IMMEDIATE;\nSELECT 1;\n');
    await once(lock.stdout, 'data');
    const done = [];
    const note = (name, promise) => promise.then((answer) => (done.push(name), answer));
    const steer = (path, method, body) => note(path, ask(path, { method, body }));
    const changes = [
        steer('/api/v1/budgets/later', 'PUT', { scope: { user: '*' }, limit_usd: 5, window: 'day' }),
        steer('/api/v1/switches', 'POST', { ai: 'off', why: 'a look', feature: 'later' }),
        ...Array.from({ length: 8 }, (_, i) => steer(`/api/v1/limits/later${i}`, 'PUT', { requests_per_minute: 5 })),
    ];
    await sleep(300);
    for (const path of ['/healthz', '/api/v1/switches', '/api/v1/settings', '/metrics']) assert.equal((await note('asked', ask(path))).status, 200, path);
    assert.deepEqual(done, Array(4).fill('asked'));
    lock.stdin.end('ROLLBACK;\n');
    assert.deepEqual((await Promise.all(changes)).map((answer) => answer.status), Array(10).fill(200));
    assert.equal((await ask('/api/v1/budgets/later')).status, 200); // told of at once
    for (const path of ['budgets/later', ...Array.from({ length: 8 }, (_, i) => `limits/later${i}`)]) assert.equal((await ask(`/api/v1/${path}`, { method: 'DELETE' })).status, 204);
    assert.equal((await ask('/api/v1/switches', { method: 'POST', body: { ai: 'on', feature: 'later' } })).status, 200);
});

test('the live stream shows a call while it runs, at its step', async () => {
    const stream = await openStream('/api/v1/live');
    const empty = await stream.next('now');
    assert.equal(empty.in_flight.calls, 0);
    const call = post(purser, '/v1/chat/completions', { model: 'cheap', stream: true, messages: [{ role: 'user', content: 'Hello [simulate tokens=400 between=10ms]' }] });
    const at = (e, step) => e.in_flight.steps.find((s) => s.step === step).count;
    const busy = await stream.next('now', (e) => e.in_flight.streams === 1 && at(e, 'body') === 1); // before, it asks its provider
    assert.deepEqual([busy.in_flight.calls, at(busy, 'answer')], [1, 1]);
    await call;
    const after = await stream.next('now', (e) => e.in_flight.calls === 0);
    assert.equal(after.attempts_total, empty.attempts_total + 1);
    stream.stop();
});

test('the tail shows calls as they end, those that are asked for, once', async () => {
    const ask = (feature, text = 'Hello') => post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: text }] }, { headers: { 'x-purser-feature': feature } });
    await ask('before');
    const all = await openStream('/api/v1/live?tail=true');
    const some = await openStream(`/api/v1/live?tail=1&where=${encodeURIComponent('feature=wanted,key=alice')}`);
    await all.next('now');
    await all.next('now'); // what was there before is known by now
    await ask('other');
    const answer = await ask('wanted');
    const seen = [await all.next('call'), await all.next('call')];
    assert.deepEqual(seen.map((c) => c.feature), ['other', 'wanted']);
    assert.equal(seen[1].id, answer.headers.get('x-purser-request-id'));
    const wanted = await some.next('call');
    assert.deepEqual(wanted, seen[1]);
    const [row] = await sql(purser.data, "SELECT cost_picousd FROM attempts WHERE feature = 'wanted'");
    assert.equal(wanted.cost_picousd, row.cost_picousd);
    const slow = ask('wanted', 'Hello [simulate delay=1500ms]');
    await ask('wanted');
    const first = await some.next('call');
    const late = await some.next('call');
    await slow;
    assert.notEqual(first.id, late.id);
    all.stop();
    some.stop();
    const wrong = await fetch(`${purser.adminUrl}/api/v1/live?tail=1&where=colour=red`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.deepEqual([wrong.status, (await wrong.json()).code], [400, 'bad_parameter']);
});
