// @sanitizers
// The dashboard's files: public, fenced in by headers, kept by browsers as long as they may be.
import assert from 'node:assert/strict';
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import { labSettings, startPurser, startSimulator } from './helpers.mjs';

let sim, purser, home;
before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: labSettings(sim) });
    home = await raw('/');
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

/** Without what fetch() does by itself: decoding, and tidying of paths. */
const raw = (path, { method = 'GET', headers = {} } = {}) => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(purser.adminUrl);
    const ask = http.request({ hostname, port, path, method, headers }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    ask.on('error', reject);
    ask.end();
});
const isBuilt = () => home.body.includes('/assets/');

test('a page needs no session, and shows nothing: its policy lets it load from here alone', () => {
    assert.equal(home.status, 200);
    assert.match(home.headers['content-type'], /^text\/html/);
    const policy = home.headers['content-security-policy'];
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) assert.ok(policy.includes(part), part);
    assert.ok(!/unsafe|\*/.test(policy), policy);
    assert.equal(home.headers['x-content-type-options'], 'nosniff');
    assert.equal(home.headers['referrer-policy'], 'no-referrer');
});

test('each address of the dashboard is the page; others are not there, and the API is not shadowed', async (t) => {
    if (!isBuilt()) return t.skip('built without the dashboard');
    for (const path of ['/costs', '/features/support%2Fbot', '/calls/abc/def?range=7d', '/audit']) {
        const answer = await raw(path);
        assert.equal(answer.status, 200, path);
        assert.ok(answer.body.equals(home.body), path);
    }
    for (const path of ['/costsx', '/assets/', '/assets/app.js', '/assets/../index.html', '/nothing', '//', '/control/flush']) {
        assert.equal((await raw(path)).status, 404, path);
    }
    const icon = await raw('/favicon.ico'); // asked for by browsers that show an answer of the API
    assert.deepEqual([icon.status, icon.headers['content-type'], icon.headers['cache-control']], [200, 'image/svg+xml', 'no-cache']);
    assert.ok(icon.body.includes('<svg'));
    assert.equal((await raw('/api/v1/report')).status, 401);
    assert.equal((await raw('/api/v1/nothing')).status, 404);
    assert.equal((await raw('/metrics')).status, 401);
    assert.equal((await raw('/', { method: 'POST' })).status, 404);
});

test('gzipped for those that take it, plain for the others, the same bytes', async (t) => {
    if (!isBuilt()) return t.skip('built without the dashboard');
    const paths = ['/', ...[...home.body.toString().matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path)];
    assert.ok(paths.length >= 4, paths.join(' '));
    for (const path of paths) {
        const plain = await raw(path), zipped = await raw(path, { headers: { 'accept-encoding': 'br, gzip;q=0.5' } });
        assert.equal(plain.status, 200, path);
        assert.equal(plain.headers['content-encoding'], undefined);
        assert.equal(zipped.headers['content-encoding'], 'gzip');
        assert.equal(zipped.headers.vary, 'accept-encoding');
        assert.ok(gunzipSync(zipped.body).equals(plain.body), path);
        assert.equal(zipped.headers['cache-control'], path === '/' ? 'no-cache' : 'public, max-age=31536000, immutable');
        const none = await raw(path, { headers: { 'accept-encoding': 'gzip;q=0' } });
        assert.equal(none.headers['content-encoding'], undefined, 'gzip;q=0 refuses it');
        const head = await raw(path, { method: 'HEAD' });
        assert.equal(Number(head.headers['content-length']), plain.body.length);
        assert.equal(head.body.length, 0);
    }
});

test('what has not changed is not sent again', async (t) => {
    if (!isBuilt()) return t.skip('built without the dashboard');
    const tag = home.headers.etag;
    assert.match(tag, /^W\/"[0-9a-f]{16}"$/);
    for (const known of [tag, `"other", ${tag}`, '*']) {
        const answer = await raw('/', { headers: { 'if-none-match': known } });
        assert.equal(answer.status, 304, known);
        assert.equal(answer.body.length, 0);
        assert.equal(answer.headers.etag, tag);
    }
    assert.equal((await raw('/', { headers: { 'if-none-match': '"other"' } })).status, 200);
});
