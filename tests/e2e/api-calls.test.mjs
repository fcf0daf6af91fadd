// Single calls over the API: each once, whole, within what may be seen, and whatever clients write into their fields.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bin, labSettings, parseBig, post, run, startPurser, startSimulator } from './helpers.mjs';

const odd = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "=cmd|'/c calc'!A1", 'a,b"c', 'näß 漢字 \u{1f4a9}', "x' OR 1=1 --", '%_*', 'a\\b'];
const tags = [['bot', 'ann'], ['bot', 'bob'], ['mail', 'ann'], ...odd.map((text) => ['bot', text])];
let sim, purser, ownerToken;
const ids = [];

const ask = (path, token = purser.adminToken) => fetch(`${purser.adminUrl}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
const get = async (path, token) => {
    const answer = await ask(path, token), text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return parseBig(text);
};
const where = (...conditions) => `where=${encodeURIComponent(conditions.map(([n, v]) => `${n}=${v.replace(/[\\,]/g, '\\$&')}`).join(','))}`;
const chat = { model: 'cheap', messages: [{ role: 'user', content: 'good day' }] };

before(async () => {
    sim = await startSimulator();
    const settings = labSettings(sim, { features: { bot: { owner: 'ana@example.com' }, ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`more${i}`, { owner: 'ana@example.com' }])), mail: { owner: 'ben@example.com' } } });
    settings.providers.gone = { kind: 'openai', base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-none' };
    settings.models.twice = { targets: ['gone/sim-small', 'lab/sim-small'] };
    settings.prices.push({ model: 'gone/sim-small', input: 0.15, output: 0.6, from: '2026-01-01' });
    settings.limits = Array.from({ length: 5 }, (_, i) => ({ name: `limit${i}`, requests_per_minute: 1e6, ...(i ? {} : { scope: { team: 'support' } }) }));
    settings.budgets = [{ name: 'each', scope: { user: '*' }, limit_usd: 100, window: 'day' }];
    purser = await startPurser({ settings });
    for (const [feature, user] of tags) {
        const metadata = { feature, task: `task of ${user}`, session_id: `session of ${user}` };
        const got = await post(purser, '/v1/chat/completions', { ...chat, user, metadata });
        assert.equal(got.status, 200, got.text);
        ids.push(got.headers.get('x-purser-request-id'));
    }
    const made = await run(bin, ['access', 'add', 'ana', '--role', 'owner', '--owner', 'ana@example.com', '--config', purser.file], { env: purser.env });
    ownerToken = made.stdout.trim();
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

test('calls are listed newest first, by the ids that clients were told', async () => {
    const { rows, next } = await get('calls');
    assert.deepEqual(rows.map((r) => r.id), [...ids].reverse());
    assert.equal(next, null);
    assert.deepEqual([rows[0].attempts, rows[0].status, rows[0].cost_state, rows[0].key, rows[0].model_requested], [1, 'ok', 'exact', 'alice', 'cheap']);
});

test('what stands on the list is what SQL says', async () => {
    const { rows } = await get('calls?limit=1000');
    const [sum] = await purser.sql('SELECT count(*) AS n, sum(cost_picousd) AS cost, sum(output_tokens) AS out FROM attempts');
    assert.deepEqual([rows.length, rows.reduce((a, r) => a + r.cost_picousd, 0), rows.reduce((a, r) => a + r.output_tokens, 0)], [sum.n, sum.cost, sum.out]);
});

test('pages have every call once', async () => {
    const seen = [];
    for (let cursor = ''; cursor !== null; ) {
        const page = await get(`calls?limit=3${cursor && `&cursor=${cursor}`}`);
        assert.ok(page.rows.length <= 3);
        seen.push(...page.rows.map((r) => r.id));
        cursor = page.next;
    }
    assert.deepEqual(seen, [...ids].reverse());
});

test('conditions, and what clients wrote into their fields comes back as it was', async () => {
    for (const [i, [feature, user]] of tags.entries()) {
        const { rows } = await get(`calls?${where(['user', user], ['feature', feature])}`);
        assert.deepEqual(rows.map((r) => [r.id, r.user, r.task, r.session]), [[ids[i], user, `task of ${user}`, `session of ${user}`]]);
    }
    assert.equal((await get(`calls?${where(['user!', 'ann'])}`)).rows.length, ids.length - 2);
    assert.equal((await get('calls?min_total_us=1')).rows.length, ids.length);
    assert.equal((await get('calls?min_cost_picousd=1000000000000')).rows.length, 0);
    assert.deepEqual((await get(`calls?id=${ids[1]}`)).rows.map((r) => r.id), [ids[1]]);
    assert.equal((await get(`calls?id=${ids[1].slice(0, 8)}`)).rows.length, ids.length);
});

test('a CSV of them is safe in a spreadsheet', async () => {
    const answer = await ask('calls?format=csv&limit=4'), text = await answer.text();
    assert.match(answer.headers.get('content-type'), /^text\/csv/);
    const [, next] = answer.headers.get('link').match(/^<(\?format=csv&limit=4&cursor=[0-9a-f]+)>; rel="next"$/);
    const behind = (await (await ask(`calls${next}`)).text()).trim().split('\n');
    assert.deepEqual(behind.slice(1), (await (await ask('calls?format=csv&limit=8')).text()).trim().split('\n').slice(5));
    const odd = await ask(`calls?limit=1&where=${where(['user!', '<">']).slice(6)}&format=csv`);
    assert.match(odd.headers.get('link'), /^<\?limit=1&where=[^<>" ]+&format=csv&cursor=[0-9a-f]+>; rel="next"$/);
    const lines = text.trim().split('\n');
    assert.match(lines[0], /^id,at,feature,key,team,user,prompt,task,session,/);
    assert.equal(lines.length, 5);
    const all = await (await ask('calls?format=csv')).text();
    assert.ok(all.includes("'=cmd|"), all);
});

test('short lists have pages, too: put together they are the list, as JSON and as CSV', async () => {
    const turn = async (ai, feature) => {
        const body = JSON.stringify({ ai, feature, ...(ai === 'off' && { why: '=1+1' }) });
        const got = await fetch(`${purser.adminUrl}/api/v1/switches`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body });
        assert.equal(got.status, 200);
    };
    for (const feature of ['mail', 'mail2', 'mail3']) await turn('off', feature);
    for (const [path, least] of [['switches', 3], ['limits', 5], ['budgets', 3], ['providers', 1], ['features', 2], ['tokens', 1], ['users', 10], ['teams', 1], ['models', 1]]) {
        const whole = await get(path), pages = [], rowsOf = (page) => page.rows ?? page.off, count = rowsOf(whole).length;
        assert.ok(count >= least, `${path}: ${count}`);
        for (let page = await get(`${path}?limit=2`); ; page = await get(`${path}?limit=2&cursor=${page.next}`)) {
            pages.push(rowsOf(page));
            assert.equal(page.next === null, pages.flat().length === count, path);
            if (page.next === null) break;
            assert.equal(rowsOf(page).length, 2, path);
        }
        const stable = (rows) => rows.map((r) => r.name ?? r.limit ?? r.feature ?? `${r.budget} ${r.scope}`);
        assert.deepEqual(stable(pages.flat()), stable(rowsOf(whole)), path);
        const lines = async (query) => (await (await ask(`${path}?format=csv${query}`)).text()).trim().split('\n').length - 1;
        assert.deepEqual([await lines(''), await lines('&limit=1')], [count, 1], path);
        assert.equal((await ask(`${path}?cursor=x`)).status, 400, path);
        const behind = await get(`${path}?cursor=1`); // with as many rows as a list has where nothing is said
        assert.deepEqual([stable(rowsOf(behind)), behind.next], [stable(rowsOf(whole)).slice(1), null], path);
    }
    for (const feature of ['mail2', 'mail3']) await turn('on', feature);
    const named = async (filters) => (await get(`limits?where=${filters}`)).rows.map((r) => r.limit);
    assert.deepEqual([await named('limit=limit1,limit=limit3'), await named('limit=limit1,origin=runtime'), await named('team=support')], [['limit1', 'limit3'], [], ['limit0']]);
    assert.equal((await ask('limits?where=colour=red')).status, 400);
    const csv = (await (await ask('switches?format=csv')).text()).trim().split('\n');
    assert.equal(csv[0], 'feature,since,until,who,why');
    assert.match(csv[1], /^mail,20[^,]+Z,,admin token,'=1\+1$/);
    assert.deepEqual([(await get('switches?feature=mail')).off.length, (await get('switches?feature=bot')).off.length], [1, 0]);
    assert.equal((await (await ask('switches?format=csv', ownerToken)).text()).trim(), csv[0]); // not its own
    assert.ok((await get('users', ownerToken)).rows.length >= 9); // of an owner of more features than a question takes filters
});

test('a report has pages, too: the dearest first, of days and hours the newest', async () => {
    const range = `since=${new Date(Date.now() - 7 * 86400e3).toISOString()}&until=${new Date(Date.now() + 60e3).toISOString()}`;
    for (const by of ['user', 'feature,user', 'user,hour']) {
        const path = `report?by=${by}&${range}`, whole = await get(`${path}&limit=1000`), pages = [];
        assert.ok(whole.rows.length >= 10 && whole.next === null, by);
        for (let page = await get(`${path}&limit=3`); ; page = await get(`${path}&limit=3&cursor=${page.next}`)) {
            pages.push(page.rows);
            assert.deepEqual([page.totals, page.groups], [whole.totals, whole.groups]);
            if (page.next === null) break;
            assert.equal(page.rows.length, 3);
        }
        const set = (rows) => (by.includes('hour') ? rows.map((r) => JSON.stringify(r)).sort() : rows); // of one hour the dearest come first
        assert.deepEqual(set(pages.flat()), set(whole.rows), by);
        const csv = await ask(`${path}&limit=3&format=csv&cursor=3`);
        assert.match(csv.headers.get('link'), /cursor=6>; rel="next"$/);
        assert.equal((await csv.text()).trim().split('\n').length, 4);
    }
    assert.deepEqual((await get(`report?by=user&${range}&cursor=1000`)).rows, []);
    assert.equal((await ask(`report?by=user&cursor=x`)).status, 400);
});

test('one call has all that is known of it, and its lines multiply out to the cost', async () => {
    const call = await get(`calls/${ids[0]}`);
    assert.deepEqual([call.id, call.rows.length, call.user], [ids[0], 1, 'ann']);
    const [attempt] = call.rows;
    const [row] = await purser.sql(`SELECT * FROM attempts WHERE attempt_id = ${BigInt(`0x${ids[0]}`)}`);
    for (const [column, value] of Object.entries(row)) {
        if (column === 'checksum') continue;
        const told = column.endsWith('_id') && column !== 'provider_request_id' && column !== 'object_id' ? BigInt(`0x${attempt[column]}`) : attempt[column];
        assert.equal(String(told), String(value), column);
    }
    assert.ok(attempt.lines.length >= 2);
    for (const l of attempt.lines) assert.equal(l.each_picousd * l.count, l.cost_picousd, l.unit);
    assert.equal(attempt.lines.reduce((a, l) => a + l.cost_picousd, attempt.rest_picousd), attempt.cost_picousd);
    assert.equal(attempt.rest_picousd, 0);
    assert.equal(JSON.parse(attempt.usage_raw).completion_tokens, attempt.output_tokens);
    assert.deepEqual(await get(`attempts/${ids[0]}`), attempt);
    assert.deepEqual((await get(`attempts?${where(['call_id', ids[0]])}`)).rows, [attempt]);
});

test('a call of several attempts is one', async () => {
    const got = await post(purser, '/v1/chat/completions', { ...chat, model: 'twice', user: 'twice' });
    assert.equal(got.status, 200, got.text);
    const id = got.headers.get('x-purser-request-id');
    const call = await get(`calls/${id}`);
    assert.deepEqual([call.attempts, call.wasted, call.status, call.provider, call.reason], [2, 1, 'ok', 'lab', 'fallback']);
    assert.deepEqual(call.rows.map((r) => [r.number, r.provider, r.call_id]), [[1, 'gone', id], [2, 'lab', id]]);
    const { rows } = await get(`calls?${where(['reason', 'fallback'])}`);
    assert.deepEqual(rows.map((r) => [r.id, r.attempts]), [[id, 2]]);
    const second = await get(`attempts/${call.rows[1].attempt_id}`);
    assert.deepEqual(second, call.rows[1]);
});

test('an owner sees calls of its features alone', async () => {
    const all = await get('calls', ownerToken);
    assert.ok(all.rows.length >= 9 && all.rows.every((r) => r.feature === 'bot'));
    assert.equal((await get(`calls?${where(['feature', 'mail'])}`, ownerToken)).rows.length, 0);
    for (const path of [`calls/${ids[2]}`, `attempts/${ids[2]}`]) assert.equal((await ask(path, ownerToken)).status, 404, path);
    for (const path of [`calls/${ids[0]}`, `attempts/${ids[0]}`]) assert.equal((await ask(path, ownerToken)).status, 200, path);
    assert.ok((await get('attempts', ownerToken)).rows.every((r) => r.feature === 'bot'));
});

test('wrong questions are told what is wrong', async () => {
    for (const [path, status, words] of [
        ['calls?cursor=next', 400, /cursor: take `next`/],
        ['calls?where=colour=red', 400, /'colour' is nothing to filter on; there are: feature,/],
        ['calls?where=user', 400, /where: name=value/],
        ['calls?where=http_status=many', 400, /'http_status' is a number/],
        ['calls?id=zz', 400, /'zz' is no beginning of an id/],
        ['calls?min_cost_picousd=-1', 400, /min_cost_picousd: a number/],
        ['calls/123', 404, /no call with this id/],
        ['calls/00000000000000ff', 404, /no call with this id/],
        ['attempts/00000000000000ff', 404, /no attempt with this id/],
    ]) {
        const answer = await ask(path), body = await answer.json();
        assert.equal(answer.status, status, path);
        assert.match(body.detail, words, path);
    }
});
