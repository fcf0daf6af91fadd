// Who may do what: tokens with roles, tried route by route; owners see and switch their own features alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bin, labSettings, post, run, sql, startPurser, startSimulator, until } from './helpers.mjs';

const features = { bot: { owner: 'ana@example.com' }, mail: { owner: 'ben@example.com' } };
const secrets = {};
let sim, purser, document;

const cli = (...args) => run(bin, [...args, '--config', purser.file], { env: purser.env });
const ask = (path, { method = 'GET', token, body, headers = {} } = {}) =>
    fetch(`${purser.adminUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
    });

before(async () => {
    sim = await startSimulator();
    purser = await startPurser({ settings: labSettings(sim, { features }) });
    document = await (await fetch(`${purser.adminUrl}/api/v1/openapi.json`)).json();
    for (const role of ['viewer', 'operator', 'admin', 'owner']) {
        const got = await cli('access', 'add', `the-${role}`, '--role', role, ...(role === 'owner' ? ['--owner', 'ana@example.com'] : []));
        assert.equal(got.code, 0, got.stderr);
        secrets[role] = got.stdout.trim();
        assert.match(secrets[role], /^pa-[A-Za-z0-9]{43}$/);
    }
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

test('no role may do more than its own, route by route', async () => {
    const order = ['owner', 'viewer', 'operator', 'admin'];
    let tried = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
        for (const [method, route] of Object.entries(methods)) {
            const least = route['x-purser-role'];
            if (least === 'none' || path === '/api/v1/live') continue;
            for (const role of order) {
                const may = role === 'owner' ? route['x-purser-owners'] : order.indexOf(role) >= order.indexOf(least);
                // a body that no route takes: who may ask gets as far as being told of that
                const body = method === 'get' || method === 'delete' ? undefined : { 'no such member': 1 };
                if (method === 'delete' && (may || path === '/api/v1/session')) continue; // would do what it says
                const got = await ask(path.replaceAll(/\{[^}]+\}/g, 'nothing'), { method: method.toUpperCase(), token: secrets[role], body });
                const said = await got.text();
                assert.equal(got.status === 403, !may, `${role}: ${method} ${path} -> ${got.status} ${said}`);
                assert.notEqual(got.status, 401, `${role}: ${method} ${path}`);
                assert.ok(got.status < 500, `${role}: ${method} ${path} -> ${got.status} ${said}`);
                tried++;
            }
        }
    }
    assert.ok(tried > 30, `${tried} tried`);
});

test('a parameter that is no UTF-8 is refused, whatever it is for', async () => {
    let tried = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
        for (const [method, route] of Object.entries(methods)) {
            for (const { name, schema, in: where } of route.parameters ?? []) {
                if (where !== 'query' || schema.type !== 'string' || schema.format || method === 'post' || method === 'put' || method === 'patch') continue;
                const got = await ask(`${path.replaceAll(/\{[^}]+\}/g, 'the-viewer')}?${name}=a%FF`, { method: method.toUpperCase(), token: secrets.admin });
                assert.deepEqual([got.status, (await got.json()).code], [400, 'bad_parameter'], `${method} ${path} ${name}`);
                tried++;
            }
        }
    }
    assert.ok(tried > 50, `${tried} tried`);
    for (const wrong of ['a%0Ab', 'x'.repeat(501)])
        assert.equal((await ask(`/api/v1/tokens/the-viewer?why=${wrong}`, { method: 'DELETE', token: secrets.admin })).status, 400, wrong);
    assert.equal((await ask('/api/v1/budgets', { token: secrets.viewer })).status, 200); // it was not revoked
    assert.equal((await ask(`/api/v1/audit?who=${encodeURIComponent('für')}`, { token: secrets.viewer })).status, 200);
});

test('/metrics takes a viewer, no owner, no stranger', async () => {
    const status = async (token) => (await ask('/metrics', { token })).status;
    assert.deepEqual([await status(secrets.viewer), await status(secrets.owner), await status('pk-wrong')], [200, 401, 401]);
});

test('an owner switches its own features, and no others', async () => {
    const switching = (feature) => ask('/api/v1/switches', { method: 'POST', token: secrets.owner, body: { ai: 'off', why: 'a look', feature } });
    assert.equal((await switching('bot')).status, 200);
    assert.equal((await switching('mail')).status, 403);
    assert.equal((await switching(undefined)).status, 403);
    const seen = async (role) => (await (await ask('/api/v1/switches', { token: secrets[role] })).json()).off.map((o) => o.feature);
    assert.deepEqual(await seen('owner'), ['bot']);
    assert.equal((await ask('/api/v1/switches', { method: 'POST', token: secrets.operator, body: { ai: 'off', why: 'a look', feature: 'mail' } })).status, 200);
    assert.deepEqual(await seen('owner'), ['bot']);
    assert.deepEqual(await seen('viewer'), ['bot', 'mail']);
    for (const feature of ['bot', 'mail'])
        assert.equal((await ask('/api/v1/switches', { method: 'POST', token: secrets.admin, body: { ai: 'on', feature } })).status, 200);
});

test('what is off for all is shown to owners too, until when, and no longer', async () => {
    const switching = (body) => ask('/api/v1/switches', { method: 'POST', token: secrets.operator, body: { why: 'a look', ...body } });
    const seen = async (role) => (await (await ask('/api/v1/switches', { token: secrets[role] })).json()).off;
    assert.equal((await switching({ ai: 'off', for: '1h' })).status, 200);
    const [[owners], [all]] = [await seen('owner'), await seen('viewer')];
    assert.deepEqual(owners, all);
    assert.equal(Date.parse(all.until) - Date.parse(all.since), 3600e3);
    const [, row] = (await (await ask('/api/v1/switches?format=csv', { token: secrets.owner })).text()).trim().split('\n');
    assert.deepEqual(row.split(',').slice(0, 3), ['', all.since, all.until]);
    assert.equal((await switching({ ai: 'off', for: '1s' })).status, 200);
    await until('it is over', async () => !(await seen('viewer')).length);
    assert.equal((await switching({ ai: 'on', why: undefined })).status, 200);
});

test('an owner is told of its own features alone', async () => {
    const session = await (await ask('/api/v1/session', { token: secrets.owner })).json();
    assert.deepEqual([session.role, session.owner, session.features], ['owner', 'ana@example.com', ['bot']]);
    const call = { model: 'cheap', messages: [{ role: 'user', content: 'Hello' }] };
    for (const feature of ['bot', 'mail', 'nobodys']) await post(purser, '/v1/chat/completions', call, { headers: { 'x-purser-feature': feature } });
    const report = async (role, more = '') => (await ask(`/api/v1/report?by=feature${more}`, { token: secrets[role] })).json();
    const everything = await report('viewer');
    assert.deepEqual(everything.rows.map((r) => r.feature).sort(), ['bot', 'mail', 'nobodys']);
    const own = await report('owner');
    assert.deepEqual(own.rows.map((r) => r.feature), ['bot']);
    assert.equal(own.totals.calls, 1);
    assert.deepEqual((await report('owner', '&where=feature=mail')).rows, []);
    assert.deepEqual((await report('owner', '&where=feature=mail,feature=bot')).rows.map((r) => r.feature), ['bot']);
    assert.equal((await report('owner', '&where=team=support')).totals.calls, 1);
    assert.equal((await report('owner', '&where=team=sales')).totals.calls, 0);
    const now = async (role) => (await ask('/api/v1/now', { token: secrets[role] })).json();
    const [mine, everybodys] = [await now('owner'), await now('viewer')];
    assert.deepEqual([mine.hour.calls, everybodys.hour.calls], [1, 3]);
    const [{ own: ownCost, all: whole }] = await sql(purser.data, "SELECT sum(iif(feature = 'bot', cost_picousd, 0)) AS own, sum(cost_picousd) AS 'all' FROM attempts");
    assert.deepEqual([mine.spend.today_picousd, everybodys.spend.today_picousd], [ownCost, whole]);
    for (const where of ['', '&where=operation=chat']) { // of sums; of rows
        const bill = async (role) => {
            const [waste, waterfall] = await Promise.all(['waste', 'waterfall'].map(async (path) => (await ask(`/api/v1/${path}?since=1d${where}`, { token: secrets[role] })).json()));
            return [waste.cost_picousd, waterfall.after.cost_picousd, waterfall.features.map((f) => f.feature).sort()];
        };
        assert.deepEqual([await bill('owner'), await bill('viewer')], [[ownCost, ownCost, ['bot']], [whole, whole, ['bot', 'mail', 'nobodys']]], where);
    }
    assert.equal(mine.in_flight, null);
    assert.deepEqual([mine.attention.length, everybodys.attention.map((a) => a.object)], [0, ['nobodys']]);
});

test('tokens are made, listed, and end with what they began', async () => {
    const made = await ask('/api/v1/tokens', { method: 'POST', token: secrets.admin, body: { name: 'short', role: 'viewer', expires: '1h', why: 'a visit' } });
    assert.equal(made.status, 201);
    const { secret } = await made.json();
    const signed = await ask('/api/v1/session', { method: 'POST', token: '', body: { token: secret } });
    const cookie = signed.headers.get('set-cookie').split(';')[0];
    const by = (headers) => fetch(`${purser.adminUrl}/api/v1/budgets`, { headers });
    assert.equal((await by({ cookie })).status, 200);
    const list = await (await ask('/api/v1/tokens', { token: secrets.admin })).json();
    assert.ok(!JSON.stringify(list).includes(secret));
    const row = list.rows.find((r) => r.name === 'short');
    assert.deepEqual([row.role, row.revoked, row.who], ['viewer', null, 'the-admin']);
    const again = await ask('/api/v1/tokens', { method: 'POST', token: secrets.admin, body: { name: 'short', role: 'viewer' } });
    assert.deepEqual([again.status, (await again.json()).code], [409, 'exists']);
    for (const wrong of [{ name: 'a b', role: 'viewer' }, { name: 'x', role: 'king' }, { name: 'x', role: 'owner' }, { name: 'x', role: 'viewer', owner: 'y' }, { name: 'x', role: 'viewer', expires: '2001-01-01' }]) {
        const got = await ask('/api/v1/tokens', { method: 'POST', token: secrets.admin, body: wrong });
        assert.equal(got.status, 422, JSON.stringify(wrong));
    }
    assert.equal((await ask('/api/v1/tokens/short?why=over', { method: 'DELETE', token: secrets.admin })).status, 204);
    assert.equal((await by({ cookie })).status, 401);
    assert.equal((await by({ authorization: `Bearer ${secret}` })).status, 401);
    assert.equal((await ask('/api/v1/tokens/short', { method: 'DELETE', token: secrets.admin })).status, 404);
    const audit = await sql(purser.data, "SELECT who, what, object, after, why FROM audit WHERE object = 'token short' ORDER BY id");
    assert.deepEqual(audit.map((a) => [a.who, a.what, a.why]), [['the-admin', 'token made', 'a visit'], ['the-admin', 'token revoked', 'over']]);
});

test('a live stream ends with the token that opened it', async () => {
    const { secret } = await (await ask('/api/v1/tokens', { method: 'POST', token: secrets.admin, body: { name: 'watcher', role: 'viewer' } })).json();
    const stream = await ask('/api/v1/live?tail=1', { token: secret });
    assert.equal(stream.status, 200);
    const all = stream.text();
    assert.equal((await ask('/api/v1/tokens/watcher', { method: 'DELETE', token: secrets.admin })).status, 204);
    assert.match(await all, /^: here/); // it has an end
    const own = await ask('/api/v1/live?tail=1', { token: secrets.owner }), told = own.text();
    const viewers = (await ask('/api/v1/live', { token: secrets.viewer })).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; !text.includes('event: now\n');) text += (await viewers.read()).value;
    await viewers.cancel();
    await purser.reload(labSettings(sim, { features: { ...features, bot: { owner: 'ben@example.com' } } }));
    assert.match(await told, /^: here/);
    assert.doesNotMatch(await told, /event: now/); // which is everybody's
    await purser.reload(labSettings(sim, { features }));
});

test('names that look like folders are what they are: of those that differ by a wave the one that is named is revoked', async () => {
    const names = ['.', '~.', '~~.', '..', '~..', '~x'];
    const state = async (list) => (await (await ask(`/api/v1/${list}?limit=1000`, { token: secrets.admin })).json()).rows.filter((r) => names.includes(r.name) && !r.revoked).map((r) => r.name).sort();
    for (const name of names) {
        assert.equal((await cli('access', 'add', name, '--role', 'viewer')).code, 0, name);
        assert.equal((await cli('keys', 'add', name)).code, 0, name);
    }
    for (const [at, name] of [...names].reverse().entries()) {
        for (const [command, list] of [['access', 'tokens'], ['keys', 'keys']]) {
            assert.equal((await cli(command, 'revoke', name)).code, 0, `${command} ${name}`);
            assert.deepEqual(await state(list), names.slice(0, names.length - 1 - at).sort(), `${command} ${name}`);
        }
    }
});

test('the command line makes and revokes them, with a server and without', async () => {
    const stored = await sql(purser.data, 'SELECT hex(hash) AS hash FROM access');
    assert.ok(stored.length >= 4 && stored.every((s) => s.hash.length === 64));
    assert.equal((await cli('access', 'revoke', 'the-operator')).code, 0);
    assert.equal((await ask('/api/v1/budgets', { token: secrets.operator })).status, 401);
    await purser.stop();
    const added = await cli('access', 'add', 'offline', '--role', 'viewer', '--expires', '2h');
    assert.equal(added.code, 0, added.stderr);
    const list = JSON.parse((await cli('access', 'list', '--format', 'json')).stdout).rows;
    assert.deepEqual(list.filter((r) => /^\w/.test(r.name)).map((r) => `${r.name}:${r.state}`).sort(), ['offline:active', 'short:revoked', 'the-admin:active', 'the-operator:revoked', 'the-owner:active', 'the-viewer:active', 'watcher:revoked']);
    assert.equal((await cli('access', 'add', 'offline', '--role', 'viewer')).code, 1);
    assert.equal((await cli('access', 'add', 'x', '--role', 'king')).code, 2);
    assert.equal((await cli('access', 'revoke', 'offline')).code, 0);
    assert.equal((await cli('ledger', 'verify')).code, 0);
});
