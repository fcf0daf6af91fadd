// @sanitizers
// Settings made at run time, through the admin API: hard at once, kept over a restart, shown with their origin,
// exported to YAML; the file wins over them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliceKey, bobKey, labSettings, parseBig, post, run, startPurser, startSimulator, until } from './helpers.mjs';

const ask = async (purser, path, { method = 'GET', body, headers = {}, token = purser.adminToken } = {}) => {
    const got = await fetch(`${purser.adminUrl}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await got.text();
    const json = /json/.test(got.headers.get('content-type')) ? parseBig(text) : undefined;
    return { status: got.status, headers: got.headers, text, body: json };
};
const put = (purser, path, body, more) => ask(purser, path, { method: 'PUT', body, ...more });
const remove = (purser, path, more) => ask(purser, path, { method: 'DELETE', ...more });
const isProblem = (got, status, code, detail) => {
    assert.equal(got.status, status, got.text);
    assert.equal(got.headers.get('content-type'), 'application/problem+json');
    assert.equal(got.body.code, code, got.text);
    if (detail) assert.match(got.body.detail, detail);
};
const call = (purser, { key = aliceKey, text = 'Hello [simulate tokens=20]', headers } = {}) =>
    post(purser, '/v1/chat/completions', { model: 'cheap', max_tokens: 20, messages: [{ role: 'user', content: text }] }, { key, headers });

const withServer = async (settings, body) => {
    const sim = await startSimulator();
    let purser = await startPurser({ settings: labSettings(sim, settings) });
    try {
        await body(purser, sim, async (more) => {
            await purser.stop();
            purser = await startPurser({ settings: labSettings(sim, more ?? settings), dir: purser.dir });
            return purser;
        });
    } finally {
        await purser.stop();
        await sim.stop();
    }
};

test('a budget set at run time is hard at once, knows its past, survives a restart, and goes when it is removed', () =>
    withServer({}, async (first, sim, restart) => {
        let purser = first;
        assert.equal((await call(purser)).status, 200);
        const [{ cost }] = await purser.sql('SELECT sum(cost_picousd) AS cost FROM attempts');
        assert.ok(Number(cost) > 0);
        const spent = (Number(cost) / 1e12).toFixed(12);
        const made = await put(purser, '/budgets/tight?why=a%20test&who=Ann', { limit_usd: spent, window: 'day', scope: { key: 'alice' }, wait: '0s' });
        assert.equal(made.status, 200, made.text);
        assert.deepEqual([made.body.kind, made.body.name, made.body.origin, made.body.state, made.body.warnings], ['budget', 'tight', 'runtime', 'holds', []]);
        assert.deepEqual(made.body.setting, { name: 'tight', limit_usd: spent, window: 'day', scope: { key: 'alice' }, wait: '0s' });
        const refused = await call(purser);
        assert.equal(refused.status, 402, refused.text);
        assert.match(refused.text, /tight/);
        assert.equal((await call(purser, { key: bobKey })).status, 200);
        const row = (await ask(purser, '/budgets?where=budget=tight')).body.rows[0];
        assert.deepEqual([row.spent, row.limit, row.origin, row.window], [Number(cost), Number(cost), 'runtime', 'day']);
        assert.equal((await ask(purser, '/budgets?where=key=bob')).body.rows.length, 0);
        assert.equal((await ask(purser, '/budgets?where=key=alice')).body.rows.length, 1);

        purser = await restart();
        assert.equal((await call(purser)).status, 402);
        assert.equal((await put(purser, '/budgets/tight', { limit_usd: 1, window: 'day', scope: { key: 'alice' } })).status, 200);
        assert.equal((await call(purser)).status, 200);
        assert.equal((await remove(purser, '/budgets/tight')).status, 204);
        isProblem(await ask(purser, '/budgets/tight'), 404, 'not_found');
        assert.equal((await ask(purser, '/budgets?where=budget=tight')).body.rows.length, 0);
        isProblem(await remove(purser, '/budgets/tight'), 404, 'not_found');

        const audit = await purser.sql("SELECT who, what, object, before, after, why, origin FROM audit WHERE what LIKE 'budget%' ORDER BY id");
        assert.deepEqual(audit.map((a) => [a.what, a.object]), [['budget set', 'budget tight'], ['budget set', 'budget tight'], ['budget removed', 'budget tight']]);
        assert.match(audit[0].who, /Ann$/);
        assert.equal(audit[0].why, 'a test');
        assert.equal(audit[0].before, '');
        assert.equal(audit[1].before, audit[0].after);
        assert.equal(JSON.parse(audit[2].before).limit_usd, 1);
        assert.equal(audit[2].after, '');
    }));

test('the file wins: an entry of its name is shadowed, told, and cannot be set', () => {
    const filed = { budgets: [{ name: 'team', scope: { team: 'support' }, limit_usd: 500, window: 'month' }] };
    return withServer({}, async (first, sim, restart) => {
        let purser = first;
        assert.equal((await put(purser, '/budgets/team', { scope: { team: 'support' }, limit_usd: 0, window: 'day' })).status, 200);
        assert.equal((await call(purser)).status, 402);
        const same = await put(purser, '/budgets/team', { scope: { team: 'support' }, limit_usd: 500, window: 'month' });
        const unchanged = { headers: { 'if-none-match': same.headers.get('etag') } };
        assert.equal((await ask(purser, '/budgets/team', unchanged)).status, 304);
        await purser.reload(labSettings(sim, filed));
        assert.equal((await ask(purser, '/budgets/team', unchanged)).body?.origin, 'file'); // the same words, set elsewhere
        assert.match(purser.log, /runtime budget 'team' is shadowed: the file sets it in .*purser\.yaml:\d+/);
        assert.equal((await call(purser)).status, 200);
        const rows = (await ask(purser, '/settings?kind=budget')).body.rows;
        assert.deepEqual(rows.map((r) => [r.name, r.origin, r.state]), [['team', 'file', 'holds'], ['team', 'runtime', 'shadowed']]);
        assert.match(rows[0].where, /purser\.yaml:\d+$/);
        assert.equal(rows[1].why, rows[0].where);
        assert.equal((await ask(purser, '/budgets/team')).body.setting.limit_usd, 500);
        isProblem(await put(purser, '/budgets/team', { limit_usd: 9, window: 'day' }), 409, 'set_in_file', /purser\.yaml:\d+.*change it there/);
        const check = await purser.cli(['check']);
        assert.equal(check.code, 0);
        assert.match(check.stderr, /warning: runtime budget 'team' is shadowed/);

        purser = await restart(filed);
        assert.match(purser.log, /is shadowed/);
        assert.equal((await remove(purser, '/budgets/team')).status, 204); // the shadowed one
        isProblem(await remove(purser, '/budgets/team'), 409, 'set_in_file', /take it out there/);
        await purser.reload(labSettings(sim, {}));
        isProblem(await ask(purser, '/budgets/team'), 404, 'not_found');
    });
});

test('what the file has broken is left out with a warning; the rest holds', () =>
    withServer({}, async (first, sim, restart) => {
        let purser = first;
        const spill = { ...labSettings(sim).providers, spill: { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-simulated' } };
        await purser.reload(labSettings(sim, { providers: spill }));
        assert.equal((await put(purser, '/budgets/down', { limit_usd: 5, window: 'day', on_exceed: 'downgrade:spill/sim-small' })).status, 200);
        assert.equal((await put(purser, '/budgets/hard', { limit_usd: 0, window: 'day' })).status, 200);
        purser = await restart();
        assert.match(purser.log, /runtime budget 'down' is left out: on_exceed: 'downgrade:spill\/sim-small'/);
        assert.equal((await call(purser)).status, 402);
        const left = (await ask(purser, '/settings?state=left_out')).body.rows;
        assert.deepEqual(left.map((r) => r.name), ['down']);
        const check = await purser.cli(['check']);
        assert.equal(check.code, 0, check.stderr);
        assert.match(check.stderr, /warning: runtime budget 'down' is left out/);
        assert.match(check.stdout, /name: hard.*# made at run time/);
        // one that was left out before does not stand in the way of others
        assert.equal((await put(purser, '/budgets/more', { limit_usd: 5, window: 'day' })).status, 200);
        await purser.reload(labSettings(sim, { providers: spill }));
        assert.deepEqual((await ask(purser, '/settings?state=left_out')).body.rows, []);
    }));

test('limits and features act at once, too', () =>
    withServer({}, async (purser) => {
        assert.equal((await put(purser, '/limits/slow', { scope: { key: 'alice' }, requests_per_minute: 1 })).status, 200);
        assert.equal((await call(purser)).status, 200);
        const limited = await call(purser);
        assert.equal(limited.status, 429);
        assert.match(limited.text, /slow/);
        assert.deepEqual((await ask(purser, '/limits')).body.rows, [{ limit: 'slow', scope: { key: 'alice' }, requests_per_minute: 1, tokens_per_minute: null, concurrency: null, origin: 'runtime' }]);
        assert.equal((await remove(purser, '/limits/slow')).status, 204);
        assert.equal((await call(purser)).status, 200);

        const feature = { headers: { 'x-purser-feature': 'search' } };
        assert.equal((await put(purser, '/features/search/settings', { owner: 'ana@example.com', ai: { off: true, why: 'a test' }, degraded: { reply: 'Nine to five.' } })).status, 200);
        assert.match((await call(purser, feature)).text, /Nine to five\./);
        const shown = await ask(purser, '/features/search/settings');
        assert.equal(shown.body.setting.owner, 'ana@example.com');
        assert.equal((await remove(purser, '/features/search/settings')).status, 204);
        assert.doesNotMatch((await call(purser, feature)).text, /Nine to five\./);
    }));

test('a model without a price gets one at run time: what it used before is reckoned at it, what it uses then is exact', () =>
    withServer({ unpriced: { ceiling: { input: 5, output: 20 } } }, async (purser) => {
        const large = () => post(purser, '/v1/chat/completions', { model: 'lab/sim-odd', max_tokens: 20, messages: [{ role: 'user', content: 'Hello [simulate tokens=20]' }] });
        const first = await large();
        assert.equal(first.status, 200, first.text);
        const { prompt_tokens: input, completion_tokens: output } = first.body.usage;
        assert.equal((await call(purser)).status, 200); // has a price
        const unpriced = (await ask(purser, '/prices/unpriced')).body.rows;
        assert.equal(unpriced.length, 1);
        const [none] = unpriced;
        assert.deepEqual([none.provider, none.model, none.attempts, none.exact, none.candidate_picousd, none.priced_now], ['lab', 'sim-odd', 1, true, null, false]);
        assert.deepEqual(none.usage, { input, output, requests: 1 });
        assert.equal(none.posted_picousd, input * 5_000_000 + output * 20_000_000);
        const at = (await ask(purser, '/prices/unpriced?input=0.5&output=1.25')).body.rows[0];
        assert.equal(at.candidate_picousd, input * 500_000 + output * 1_250_000);
        const as = (await ask(purser, '/prices/unpriced?as=lab/sim-small')).body.rows[0];
        assert.equal(as.candidate_picousd, input * 150_000 + output * 600_000);
        isProblem(await ask(purser, '/prices/unpriced?input=cheap'), 400, 'bad_parameter', /input: dollars/);
        isProblem(await ask(purser, '/prices/unpriced?as=lab/nothing'), 400, 'bad_parameter', /no known price/);

        const name = 'lab%2Fsim-odd%2Cfrom%3D2026-01-01';
        const body = { model: 'lab/sim-odd', input: 0.5, output: '1.25', from: '2026-01-01' };
        isProblem(await put(purser, '/prices/lab%2Fsim-odd', body), 422, 'bad_name', /'lab\/sim-odd,from=2026-01-01'/);
        isProblem(await put(purser, `/prices/${name}`, { ...body, model: 'gone/x' }), 422, 'bad_name');
        isProblem(await put(purser, '/prices/gone%2Fx', { model: 'gone/x', input: 1 }), 422, 'invalid_setting', /no provider of that name/);
        isProblem(await put(purser, '/prices/lab%2Fsim-small%2Cfrom%3D2026-01-01', { model: 'lab/sim-small', input: 9, from: '2026-01-01' }), 409, 'set_in_file', /purser\.yaml:\d+/);
        assert.equal((await put(purser, `/prices/${name}`, body)).status, 200);
        await large();
        const rows = await purser.rows(2, { where: "model = 'sim-odd'" });
        assert.deepEqual(rows.map((r) => r.cost_state), ['unpriced', 'exact']);
        assert.equal(Number(rows[1].cost_picousd), input * 500_000 + output * 1_250_000);
        assert.equal(rows[1].price_source, 'runtime');
        const then = (await ask(purser, '/prices/unpriced')).body.rows[0];
        const [hour, next] = rows.map((r) => BigInt(r.at_us) / 3_600_000_000n); // of one hour they cannot be told apart
        assert.deepEqual([then.attempts, then.priced_now, then.exact], [1, true, hour !== next]);

        const prices = (await ask(purser, '/prices?provider=lab')).body;
        const odd = prices.rows.find((r) => r.model === 'sim-odd');
        assert.deepEqual([odd.origin, odd.in_force, odd.units_picousd], ['runtime', true, { input: 500_000, output: 1_250_000 }]);
        assert.equal(prices.rows.find((r) => r.model === 'sim-small').origin, 'file');
        assert.match(prices.book.made, /^20\d\d-/);
        const book = (await ask(purser, '/prices?origin=book&search=GPT-5-mini&history=1')).body.rows;
        assert.ok(book.length > 0 && book.every((r) => r.origin === 'book' && /gpt-5-mini/.test(r.model) && r.checked && !/-/.test((r.from ?? '').slice(0, 4))), JSON.stringify(book[0]));
        assert.equal((await remove(purser, `/prices/${name}`)).status, 204);
        assert.equal((await ask(purser, '/prices/unpriced')).body.rows[0].priced_now, false);
    }));

test('an ETag holds off what somebody else has changed', () =>
    withServer({}, async (purser) => {
        const made = await put(purser, '/budgets/a', { limit_usd: 5, window: 'day' });
        const etag = made.headers.get('etag');
        assert.match(etag, /^"[0-9a-f]{16}"$/);
        assert.equal((await ask(purser, '/budgets/a')).headers.get('etag'), etag);
        assert.equal(made.body.etag, etag);
        const ifMatch = (tag) => ({ headers: { 'if-match': tag } });
        const second = await put(purser, '/budgets/a', { limit_usd: 6, window: 'day' }, ifMatch(etag));
        assert.equal(second.status, 200, second.text);
        isProblem(await put(purser, '/budgets/a', { limit_usd: 7, window: 'day' }, ifMatch(etag)), 412, 'changed', /read it again/);
        isProblem(await remove(purser, '/budgets/a', ifMatch(etag)), 412, 'changed');
        isProblem(await put(purser, '/budgets/b', { limit_usd: 7, window: 'day' }, ifMatch('*')), 412, 'changed');
        assert.equal((await ask(purser, '/budgets/a')).body.setting.limit_usd, 6);
        // of several at once that build on the same, one comes through
        const now = (await ask(purser, '/budgets/a')).headers.get('etag');
        const at = await Promise.all(Array.from({ length: 8 }, (_, i) => put(purser, '/budgets/a', { limit_usd: 20 + i, window: 'day' }, ifMatch(now))));
        assert.deepEqual(at.map((got) => got.status).sort(), [200, ...Array(7).fill(412)]);
        assert.equal((await ask(purser, '/budgets/a')).body.setting.limit_usd, at.find((got) => got.status === 200).body.setting.limit_usd);
        assert.equal((await put(purser, '/budgets/a', { window: 'day', limit_usd: 6 })).status, 200);
        const same = await put(purser, '/budgets/a', ' {"window":"day", "limit_usd":6}');
        assert.equal(same.status, 200);
        assert.equal((await remove(purser, '/budgets/a', ifMatch((await ask(purser, '/budgets/a')).headers.get('etag')))).status, 204);
    }));

test('what does not hold is refused: what, where and what to do', () =>
    withServer({ budgets: Array.from({ length: 15 }, (_, i) => ({ name: `f${i}`, limit_usd: 500, window: 'month' })) }, async (purser) => {
        const bad = async (body, status, code, detail, path = '/budgets/x') => isProblem(await put(purser, path, body), status, code, detail);
        await bad({ window: 'day' }, 422, 'invalid_setting', /The budget 'x' does not hold: has no limit: exactly one of limit_usd/);
        await bad({ limit_usd: 5 }, 400, 'missing_member', /window/);
        await bad({ limit_usd: 5, window: 'dya' }, 422, 'invalid_setting', /window: 'dya' is no window; did you mean 'day'/);
        await bad({ limit_usd: 'five', window: 'day' }, 422, 'invalid_setting', /limit_usd: 'five' is no amount/);
        await bad({ limit_usd: 5, limit_tokens: 5, window: 'day' }, 422, 'invalid_setting', /more than one limit/);
        await bad({ limit_usd: 5, window: 'day', scpoe: {} }, 400, 'unknown_member', /scpoe.*'scope'/);
        await bad({ limit_usd: 5, window: 'day', scope: { kye: 'alice' } }, 422, 'invalid_setting', /scope\.kye: a scope has no such part; did you mean 'key'/);
        await bad({ limit_usd: 5, window: 'day', scope: { feature: '${ALICE_KEY}' } }, 422, 'invalid_setting', /environment, as the file alone may/);
        await bad({ limit_usd: 5, window: 'day', on_exceed: 'downgrade:gone' }, 422, 'invalid_setting', /on_exceed/);
        await bad({ name: 'y', limit_usd: 5, window: 'day' }, 422, 'invalid_setting', /name: is not that of the entry/);
        await bad('{"limit_usd":5', 400, 'bad_json', /byte 14/);
        await bad('[]', 400, 'bad_json');
        await bad({ limit_usd: 5, window: 'day', scope: { user: 'x'.repeat(20000) } }, 413, 'too_large', /16384 bytes/);
        await bad({ limit_usd: 5, window: 'day' }, 422, 'invalid_setting', /'a b'.*no name/, '/budgets/a%20b');
        await bad({ limit_usd: 5, window: 'day' }, 422, 'bad_name', /no name/, '/budgets/%FF');
        await bad({ concurrency: 0 }, 422, 'invalid_setting', /too small: at least 1/, '/limits/x');
        await bad({ owner: 'x', tier: 'gold' }, 422, 'invalid_setting', /tier: 'gold' is no tier/, '/features/x/settings');
        assert.deepEqual((await ask(purser, '/settings?origin=runtime')).body.rows, []);
        const warned = await put(purser, '/budgets/x', { limit_usd: 5, window: 'day', scope: { key: 'alcie', feature: 'typo' } });
        assert.deepEqual(warned.body.warnings, ["scope.feature: 'typo': no feature of that name stands under features", "scope.key: 'alcie': there is no key of that name"]);
        // one more would be too many for a call: neither the new one nor an older one goes
        await bad({ limit_usd: 5, window: 'day' }, 422, 'invalid_setting', /'y' does not hold: one call could match more than 16 budgets/, '/budgets/y');
        assert.deepEqual((await ask(purser, '/settings?origin=runtime')).body.rows.map((r) => [r.name, r.state]), [['x', 'holds']]);
        assert.equal(purser.alive, true);
    }));

test('the export, pasted into the file, means the same', () =>
    withServer({}, async (purser, sim) => {
        const bodies = {
            '/budgets/cap': { limit_usd: '5.50', window: 'day', timezone: 'Europe/Berlin', scope: { user: '*' }, thresholds: [80, 100], on_exceed: 'downgrade:cheap', burn: { rate: 2, over: '1h' } },
            '/limits/rate': { scope: { team: 'support' }, concurrency: 3 },
            '/features/%C3%9Cber%3A%20%23x/settings': { owner: '"ana" \\ ä 🙂: # x', tier: 'critical', degraded: [{ match: '(?i)^hours', reply: '- nine' }, { reply: 'null' }] },
        };
        for (const [path, body] of Object.entries(bodies)) {
            const got = await put(purser, path, body);
            assert.equal(got.status, 200, `${path}: ${got.text}`);
        }
        const before = (await purser.cli(['check', '--quiet'])).stdout + (await purser.cli(['check'])).stdout;
        const exported = await ask(purser, '/settings/export');
        assert.match(exported.headers.get('content-type'), /yaml/);
        for (const name of ['cap', 'rate']) assert.equal((await remove(purser, `/${name === 'cap' ? 'budgets' : 'limits'}/${name}`)).status, 204);
        assert.equal((await remove(purser, '/features/%C3%9Cber%3A%20%23x/settings')).status, 204);
        assert.match((await ask(purser, '/settings/export')).text, /Nothing was set at run time/);
        const json = JSON.stringify(labSettings(sim)); // a flow map is YAML; its members as block lines
        const yaml = Object.entries(JSON.parse(json)).map(([k, v]) => `${k}: ${JSON.stringify(v)}\n`).join('');
        await purser.reload(yaml + exported.text);
        assert.match(purser.log, /settings reloaded/);
        const after = (await purser.cli(['check'])).stdout;
        const plain = (text) => text.split('\n').filter((l) => !l.startsWith('#')).map((l) => l.replace('  # made at run time', '')).join('\n');
        assert.equal(plain(after), plain(before));
        for (const path of Object.keys(bodies)) {
            const got = await ask(purser, path);
            assert.deepEqual([got.body.origin, { ...got.body.setting, name: undefined }], ['file', { ...bodies[path], name: undefined }]);
        }
    }));

test('only an admin changes settings; lists come in pages and as CSV', () =>
    withServer({}, async (purser) => {
        const token = async (role, owner) => (await ask(purser, '/tokens', { method: 'POST', body: { name: `t-${role}`, role, owner } })).body.secret;
        const [viewer, operator, owner] = [await token('viewer'), await token('operator'), await token('owner', 'ana')];
        for (const weak of [viewer, operator, owner]) {
            isProblem(await put(purser, '/budgets/x', { limit_usd: 1, window: 'day' }, { token: weak }), 403, 'forbidden');
            isProblem(await remove(purser, '/limits/x', { token: weak }), 403, 'forbidden');
            isProblem(await put(purser, '/features/x/settings', {}, { token: weak }), 403, 'forbidden');
        }
        for (let i = 0; i < 5; i++) assert.equal((await put(purser, `/budgets/b${i}`, { limit_usd: 9, window: 'day', scope: { feature: i ? 'bot' : 'mail' } })).status, 200);
        for (const name of ['bot', 'a%2Cb']) assert.equal((await put(purser, `/features/${name}/settings`, { owner: 'ana' })).status, 200);
        const seen = [];
        for (let path = '/settings?kind=budget&limit=2'; path; ) {
            const page = (await ask(purser, path, { token: viewer })).body;
            seen.push(...page.rows.map((r) => r.name));
            path = page.next && `/settings?kind=budget&limit=2&cursor=${page.next}`;
        }
        assert.deepEqual(seen, ['b0', 'b1', 'b2', 'b3', 'b4']);
        const csv = await ask(purser, '/settings?kind=budget&format=csv');
        assert.equal(csv.text.trim().split('\n').length, 6);
        isProblem(await ask(purser, '/settings', { token: owner }), 403, 'forbidden');
        assert.equal((await put(purser, '/budgets/each', { limit_usd: 9, window: 'day', scope: { feature: '*' } })).status, 200);
        for (const name of ['bot', 'mail', 'a,b']) assert.equal((await call(purser, { headers: { 'x-purser-feature': name } })).status, 200);
        const names = async (path, more) => (await ask(purser, path, more)).body.rows.map((r) => r.budget + (r.scope && ` ${r.scope}`)).sort();
        assert.deepEqual(await names('/budgets'), ['b0', 'b1', 'b2', 'b3', 'b4', 'each feature=a\\,b', 'each feature=bot', 'each feature=mail']);
        assert.deepEqual(await names('/budgets', { token: owner }), ['b1', 'b2', 'b3', 'b4', 'each feature=a\\,b', 'each feature=bot']);
        assert.deepEqual(await names('/budgets?where=feature=a%5C%2Cb', { token: owner }), ['each feature=a\\,b']);
        assert.deepEqual(await names('/budgets?where=feature=mail', { token: owner }), []);
        assert.deepEqual(await names('/budgets?where=budget=b0,budget=b1,measure=usd'), ['b0', 'b1']);
        isProblem(await ask(purser, '/budgets?where=colour=red'), 400, 'bad_parameter', /where: budget/);
    }));

test('the command line does the same, with a server and without one', () =>
    withServer({}, async (first, sim, restart) => {
        let purser = first;
        const cli = async (args, code = 0) => {
            const got = await purser.cli(args);
            assert.equal(got.code, code, `${args.join(' ')}: ${got.stdout}${got.stderr}`);
            return got;
        };
        const set = await cli(['budgets', 'set', 'tight', '--limit-usd', '0', '--window', 'day', '--scope', 'key=alice,user=*', '--thresholds', '80,100', '--why', 'it is enough']);
        assert.match(set.stdout, /The budget 'tight' is set/);
        assert.equal((await call(purser)).status, 402);
        assert.equal((await call(purser, { key: bobKey })).status, 200);
        assert.deepEqual((await ask(purser, '/budgets/tight')).body.setting, { name: 'tight', limit_usd: '0', window: 'day', scope: { key: 'alice', user: '*' }, thresholds: ['80', '100'] });
        const [row] = await purser.sql("SELECT who, why, origin FROM audit WHERE what = 'budget set'");
        assert.match(row.who, /^local user \S+$/);
        assert.deepEqual([row.why, row.origin], ['it is enough', 'control socket']);
        const warned = await cli(['budgets', 'set', 'typo', '--limit-requests', '10', '--scope', 'key=alcie']);
        assert.match(warned.stderr, /warning: scope\.key: 'alcie'/);
        const wrong = await cli(['budgets', 'set', 'x', '--limit-usd', 'five'], 1);
        assert.match(wrong.stderr, /The budget 'x' does not hold: limit_usd: 'five' is no amount/);
        await cli(['budgets', 'set', 'x', '--limit-usd', '5', '--scope', 'alice'], 2);
        await cli(['budgets', 'set', '--limit-usd', '5'], 2);
        assert.match((await cli(['settings', 'export'])).stdout, /^budgets:\n {2}- \{ name: tight, limit_usd: "0", window: day/);
        const listed = JSON.parse((await cli(['settings', '--format', 'json'])).stdout).rows;
        assert.deepEqual(listed.map((r) => [r.kind, r.name, r.state]).slice(-2), [['budget', 'tight', 'holds'], ['budget', 'typo', 'holds']]);
        assert.match((await cli(['budgets', 'remove', 'nothing'], 1)).stderr, /no budget 'nothing'|There is no budget 'nothing'/);
        assert.match((await cli(['settings', 'remove', 'budget', 'tight'])).stdout, /The budget 'tight' is removed/);
        assert.equal((await call(purser)).status, 200);
        await cli(['settings', 'remove', 'provider', 'lab'], 2);

        await purser.stop(); // now in the store alone
        const stored = await cli(['budgets', 'set', 'later', '--limit-usd', '0', '--window', 'total']);
        assert.match(stored.stderr, /no server runs in .*: it holds from the next start on/);
        assert.match((await cli(['budgets', 'set', 'bad', '--limit-usd', '5', '--window', 'dya'], 1)).stderr, /does not hold: window: 'dya'/);
        assert.ok(JSON.parse((await cli(['budgets', '--format', 'json'])).stdout).rows.some((r) => r.budget === 'later'));
        purser = await restart();
        assert.equal((await call(purser)).status, 402);
        await purser.stop();
        await cli(['budgets', 'remove', 'later']);
        assert.match((await cli(['budgets', 'remove', 'later'], 1)).stderr, /no budget 'later' was made at run time/);
        purser = await restart();
        assert.equal((await call(purser)).status, 200);
    }));

test('keys are made, changed, rotated, limited and revoked; each holds at once, none tells a secret again', () =>
    withServer({}, async (first, sim, restart) => {
        let purser = first;
        const make = (body, more) => ask(purser, '/keys', { method: 'POST', body, ...more });
        const made = await make({ name: 'late', team: 'support', models: ['cheap', 'lab/sim-s*'], expires: '90d' });
        assert.equal(made.status, 201, made.text);
        const { secret } = made.body;
        assert.match(secret, /^pk-[A-Za-z0-9]{43}$/);
        assert.equal((await call(purser, { key: secret })).status, 200);
        const shown = await ask(purser, '/keys/late?spend=true');
        assert.deepEqual([shown.body.team, shown.body.models, shown.body.origin, shown.body.state, shown.body.calls], ['support', ['cheap', 'lab/sim-s*'], 'runtime', 'active', 1]);
        assert.ok(shown.body.cost_picousd > 0 && Date.parse(shown.body.expires) > Date.now());
        assert.doesNotMatch(shown.text, /pk-|hash/);
        const listed = (await ask(purser, '/keys')).body.rows;
        assert.deepEqual(listed.map((k) => [k.name, k.origin, k.calls]), [['alice', 'file', null], ['bob', 'file', null], ['late', 'runtime', null]]);
        assert.deepEqual((await ask(purser, '/keys?limit=1&team=support')).body.rows.map((k) => k.name), ['alice']);

        isProblem(await make({ name: 'late' }), 409, 'conflict', /'late' exists/);
        isProblem(await make({ name: 'alice' }), 409, 'set_in_file');
        for (const bad of [{ name: 'a b' }, { name: '(x' }, { name: 'x', team: 'a=b' }, { name: 'x', models: ['a,b'] }, { name: 'x', models: 'cheap' }, { name: 'x', models: [''] }, { name: 'x', expires: '2020-01-01' }, { name: 'x', models: Array.from({ length: 65 }, (_, i) => `m${i}`) }])
            isProblem(await make(bad), 422, 'bad_member');

        const patch = (path, body) => ask(purser, path, { method: 'PATCH', body });
        const other = await patch('/keys/late', { models: ['other'] });
        assert.deepEqual([other.body.models, other.body.team], [['other'], 'support']);
        assert.equal((await call(purser, { key: secret })).status, 403);
        const freed = await patch('/keys/late', { models: null, expires: null });
        assert.deepEqual([freed.body.models, freed.body.expires], [[], null]);
        assert.equal((await call(purser, { key: secret })).status, 200);
        isProblem(await patch('/keys/alice', { team: 'x' }), 409, 'set_in_file');
        isProblem(await patch('/keys/nobody', { team: 'x' }), 404, 'not_found');

        const rotate = (name, body) => ask(purser, `/keys/${name}/rotate`, { method: 'POST', body });
        const second = (await rotate('late', { grace: '1h' })).body;
        assert.ok(Date.parse(second.old_secret_until) > Date.now());
        for (const key of [secret, second.secret]) assert.equal((await call(purser, { key })).status, 200);
        assert.equal((await ask(purser, '/keys/late')).body.old_secret_until, second.old_secret_until);
        assert.deepEqual((await purser.rows(4)).map((r) => r.key), ['late', 'late', 'late', 'late']); // whichever secret
        purser = await restart();
        for (const key of [secret, second.secret]) assert.equal((await call(purser, { key })).status, 200);
        const third = (await rotate('late', {})).body;
        assert.equal(third.old_secret_until, null);
        for (const key of [secret, second.secret]) assert.equal((await call(purser, { key })).status, 401);
        assert.equal((await call(purser, { key: third.secret })).status, 200);
        isProblem(await rotate('late', { grace: 'long' }), 422, 'bad_member', /grace/);
        isProblem(await rotate('alice', {}), 409, 'set_in_file');

        assert.equal((await put(purser, '/keys/late/limit', { requests_per_minute: 1 })).body.name, 'key:late');
        assert.equal((await call(purser, { key: third.secret })).status, 200);
        assert.equal((await call(purser, { key: third.secret })).status, 429);
        assert.equal((await remove(purser, '/keys/late/limit')).status, 204);
        assert.equal((await call(purser, { key: third.secret })).status, 200);
        isProblem(await put(purser, '/keys/nobody/limit', { concurrency: 1 }), 404, 'not_found');

        assert.equal((await remove(purser, '/keys/late?why=left')).status, 204);
        assert.equal((await call(purser, { key: third.secret })).status, 401);
        assert.equal((await ask(purser, '/keys?state=revoked')).body.rows[0].name, 'late');
        isProblem(await rotate('late', {}), 409, 'conflict', /revoked/);
        const audit = await purser.sql("SELECT what, object, why FROM audit WHERE object = 'key late' ORDER BY id");
        assert.deepEqual(audit.map((a) => a.what), ['key made', 'key changed', 'key changed', 'key rotated', 'key rotated', 'key revoked']);
        assert.equal(audit.at(-1).why, 'left');

        const cli = await purser.cli(['keys', 'add', 'ci', '--models', 'cheap', '--why', 'for the pipeline']);
        const rotated = await purser.cli(['keys', 'rotate', 'ci', '--grace', '1h']);
        for (const key of [cli.stdout.trim(), rotated.stdout.trim()]) assert.equal((await call(purser, { key })).status, 200);
        const rows = JSON.parse((await purser.cli(['keys', 'list', '--format', 'json'])).stdout).rows.filter((k) => k.name === 'ci');
        assert.deepEqual(rows.map((k) => k.from), ['keys add', 'old secret']);
        await purser.stop();
        const offline = await purser.cli(['keys', 'rotate', 'ci']);
        assert.equal(offline.code, 0, offline.stderr);
        purser = await restart();
        assert.equal((await call(purser, { key: offline.stdout.trim() })).status, 200);
        assert.equal((await call(purser, { key: cli.stdout.trim() })).status, 401);
    }));

test('budgets that come and go in the midst of traffic count every call once, and pass no limit', () =>
    withServer({}, async (purser) => {
        let going = true, refused = 0, served = 0;
        const caller = async () => {
            while (going) {
                const got = await call(purser, { text: 'Hello [simulate tokens=5]' });
                if (got.status === 200) served++;
                else if (got.status === 402 || got.status === 429) refused++;
                else assert.fail(`${got.status} ${got.text}`);
            }
        };
        const callers = Array.from({ length: 8 }, caller);
        const sum = async () => Number((await purser.sql('SELECT coalesce(sum(cost_picousd), 0) AS cost FROM attempts'))[0].cost);
        await until('some traffic', () => served > 20);
        assert.equal((await put(purser, '/budgets/wide', { limit_usd: 100, window: 'total' })).status, 200);
        for (let i = 0; i < 6; i++) {
            const [made] = await Promise.all([
                put(purser, `/budgets/b${i}`, { limit_usd: 50, window: 'total', scope: { key: 'alice' } }),
                put(purser, `/limits/l${i}`, { scope: { key: 'alice' }, requests_per_minute: 1000000 + i }),
            ]);
            assert.equal(made.status, 200, made.text);
            if (i % 2) assert.equal((await remove(purser, `/budgets/b${i - 1}`)).status, 204);
        }
        const before = await sum();
        // what is left is little: calls in flight and the past count, and it is passed by nobody
        const limit = ((before + 20_000_000_000) / 1e12).toFixed(12);
        const tight = await put(purser, '/budgets/tight', { limit_usd: limit, window: 'total', wait: '0s' });
        assert.equal(tight.status, 200, tight.text);
        await until('the tight one to be spent', async () => refused > 20, { seconds: 180 });
        going = false;
        await Promise.all(callers);
        const cost = await sum();
        const rows = (await ask(purser, '/budgets')).body.rows;
        for (const name of ['wide', 'b1', 'b3', 'b5', 'tight']) {
            const row = rows.find((r) => r.budget === name);
            assert.deepEqual([name, row.spent, row.held], [name, cost, 0]);
        }
        assert.ok(cost <= rows.find((r) => r.budget === 'tight').limit);
        assert.deepEqual(rows.filter((r) => ['b0', 'b2', 'b4'].includes(r.budget)), []);
        assert.deepEqual((await ask(purser, '/settings?origin=runtime&kind=budget')).body.rows.map((r) => r.name), ['b1', 'b3', 'b5', 'tight', 'wide']);
    }));
