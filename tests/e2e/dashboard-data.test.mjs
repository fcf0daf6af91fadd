// What the dashboard shows is what `purser report` says is what SQL says; names that clients chose are text and nothing
// else; an empty ledger, a server in trouble and a reader with few rights are told what they need to know.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, closeBrowser, noBrowser, pages } from './browser.mjs';
import { labSettings, startPurser, startSimulator } from './helpers.mjs';
import { makePast } from './past.mjs';

let sim, purser;
before(async () => {
    if (noBrowser) return;
    sim = await startSimulator();
    purser = await startPurser(await makePast({ hostile: true, upstream: sim.url }));
});
after(async () => {
    await closeBrowser();
    await purser?.stop();
    await sim?.stop();
});

/** The lines of a table that a terminal gets: [{ column: text }], the total's name is 'total'. */
function terminalTable(text) {
    const lines = text.split('\n').filter(Boolean), at = lines.findIndex((line) => /^-+(  -+)+$/.test(line));
    const spans = [...lines[at].matchAll(/-+/g)].map((dash) => [dash.index, dash.index + dash[0].length]);
    const cells = (line) => spans.map(([from, to]) => [...line].slice(from, to).join('').trim());
    const names = cells(lines[at - 1]), end = lines.findIndex((line) => line.startsWith('total '));
    return lines.slice(at + 1, end + 1).filter((line) => !/^-+ /.test(line)).map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i], cell])));
}
const plain = (text) => text.replace(/[$,]/g, '');

test('costs: shown sums are those of purser report, which are those of SQL', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    for (const [by, range] of [['team', '7d'], ['feature', '30d'], ['model', '30d'], ['key', '7d'], ['user', '24h'], ['reason', '30d'], ['prompt', '30d']]) {
        await visit.go(`/costs?range=${range}&by=${by}`);
        const asked = visit.asked.filter((url) => url.pathname === '/api/v1/report' && url.searchParams.get('by') === by).at(-1);
        const [since, until_] = ['since', 'until'].map((name) => asked.searchParams.get(name));
        const shown = await visit.table(/^Costs by/);
        const options = ['--by', by, '--since', since, '--until', until_, '--limit', '200'];
        const report = await purser.report(options);
        const lines = terminalTable((await purser.cli(['report', ...options], { env: { ...purser.env, COLUMNS: '500' } })).stdout);
        const [sql] = await purser.sql(`SELECT sum(cost_state != 'unpriced') AS priced, sum(CASE WHEN cost_state != 'unpriced' THEN cost_picousd ELSE 0 END) AS cost, sum(number = 1) AS calls
            FROM attempts WHERE at_us >= ${Date.parse(since) * 1000} AND at_us < ${Date.parse(until_) * 1000}`);
        assert.equal(BigInt(report.totals.cost_picousd), BigInt(sql.cost), `${by}: report and SQL`);
        assert.equal(report.totals.calls, sql.calls);
        assert.equal(shown.rows.length, report.rows.length, `${by}: all groups are there`);
        const total = lines.find((line) => Object.values(line)[0] === 'total');
        assert.equal(plain(shown.total.Cost), total['cost $'], `${by}: the total`);
        assert.equal(plain(shown.total.Calls), plain(total.calls));
        const [name] = Object.keys(shown.rows[0]);
        for (const line of lines.filter((one) => /^[a-z0-9.@-]+$/.test(one[by]) && one !== total)) {
            const row = shown.rows.find((one) => one[name] === line[by]);
            assert.ok(row, `${by}: ${line[by]} is not among ${shown.rows.map((one) => one[name])}`);
            if (row.Cost === 'unpriced') assert.ok(line['cost $'] === '0.00' && report.rows.find((one) => one[by] === line[by]).unpriced > 0, `${by}=${line[by]}: ${line['cost $']}`);
            else assert.equal(plain(row.Cost), line['cost $'], `${by}=${line[by]}`);
            assert.equal(plain(row.Calls), plain(line.calls), `${by}=${line[by]}`);
        }
    }
    await visit.sound();
    await visit.close();
});

test('now: spent today and this month is what SQL says', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    const { at, spend } = await visit.told('/now', () => visit.go('/'));
    assert.deepEqual([spend.today_since, spend.month_since], [at.slice(0, 10), `${at.slice(0, 7)}-01`].map((day) => `${day}T00:00:00.000000Z`));
    for (const [tile, since] of [['Today', spend.today_since], ['This month', spend.month_since]]) {
        const [sql] = await purser.sql(`SELECT sum(cost_picousd) AS cost FROM attempts WHERE cost_state != 'unpriced' AND at_us >= ${Date.parse(since)}000`);
        const text = await visit.page.locator('.tile', { hasText: tile }).first().innerText();
        const dollars = Number(plain(/\$[\d,.]+/.exec(text)[0]));
        assert.ok(Math.abs(dollars - Number(sql.cost) / 1e12) <= Math.max(0.006, dollars * 0.05), `${tile}: ${text} for ${sql.cost}`);
    }
    await visit.close();
});

test('now: a target whose breaker is closed and whose calls fail is not called healthy', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    visit.allow(/ERR_FAILED|Failed to load resource/, /EventSource/);
    await visit.page.route('**/api/v1/live*', (route) => route.abort());
    const target = (name, more) => ({ target: name, state: 'closed', opened_by: null, rests_s: 0, in_flight: 0, limit: null, waiting: 0, attempts: 20, errors: 1, error_rate: 0.05, cost_picousd: 0, p50_ms: 1, p95_ms: 1, first_token_p50_ms: 1, first_token_p95_ms: 1, ...more });
    await visit.page.route('**/api/v1/now*', async (route) => {
        const answer = await route.fetch();
        const targets = [target('a/well'), target('b/ill', { errors: 2 }), target('c/new', { attempts: 19, errors: 19 }), target('d/rests', { state: 'open', rests_s: 9, opened_by: 'server_error' }), target('e/alone', { state: null, unpriced: 20 })];
        await route.fulfill({ response: answer, json: { ...await answer.json(), targets } });
    });
    await visit.go('/');
    const { rows } = await visit.table('Health of the targets');
    assert.deepEqual(rows.map((row) => row.Cost), ['$0.00', '$0.00', '$0.00', '$0.00', 'unpriced']);
    assert.deepEqual(rows.map((row) => `${row.Target} ${row.State.replace(/\s+/g, ' ')}`), ['d/rests resting 9 s more', 'b/ill failing', 'a/well healthy', 'c/new healthy', 'e/alone not guarded']);
    await visit.close();
});

test('what clients call things is text: in rows, in filters, in the address', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    const script = "<script>document.title='pwned'</script>", image = '"><img src=x onerror="document.title=\'pwned\'">';
    for (const by of ['feature', 'user', 'prompt', 'task']) {
        await visit.go(`/costs?range=90d&by=${by}&where=${encodeURIComponent(`${by}=${script},${by}=${image},${by}=__proto__,${by}=constructor,${by}=(other)`)}`);
        const shown = await visit.table(/^Costs by/);
        const names = shown.rows.map((row) => Object.values(row)[0]);
        for (const name of [script, image, '__proto__', 'constructor']) assert.ok(names.includes(name), `${by}: ${name} is not among ${names}`);
        await visit.sound({ axe: by === 'feature' });
    }
    await visit.go(`/costs?range=90d&by=user&where=${encodeURIComponent(`user=${script},user=${image}`)}`);
    await visit.page.getByRole('link', { name: script, exact: true }).click();
    await visit.settled();
    assert.equal(new URL(visit.page.url()).searchParams.get('where'), `user=${script}`);
    await visit.sound({ axe: false });
    await visit.go(`/costs?range=90d&by=feature`);
    const comma = 'a,team=sales\\,status=ok';
    const before = (await visit.table(/^Costs by/)).rows.find((row) => row.Feature === comma);
    await visit.page.getByRole('link', { name: comma, exact: true }).click();
    await visit.settled();
    assert.equal((await visit.table(/^Costs by/)).total.Calls, before.Calls, 'a comma in a name is no second filter');
    await visit.sound({ axe: false });
    await visit.close();
});

test('an empty ledger: every page is sound and says so', { skip: noBrowser }, async () => {
    const fresh = await startPurser({ settings: labSettings(sim) });
    try {
        const visit = await browse(fresh);
        for (const page of pages) {
            await visit.go(`/${page.path}`);
            await visit.shot(`${page.name}-empty`);
            await visit.sound();
        }
        await visit.close();
    } finally {
        await fresh.stop();
    }
});

test('a server in trouble: every page says what went wrong, and none throws', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    visit.allow(/status of 500|status 500/, /EventSource/);
    const problem = { type: 'about:blank', title: 'The store cannot be read', status: 500, detail: 'disk I/O error', code: 'internal' };
    await visit.page.route(/\/api\/v1\/(?!session)/, (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: JSON.stringify(problem) }));
    for (const page of pages) {
        await visit.go(`/${page.path}`);
        if (visit.asked.some((url) => !url.pathname.endsWith('/session'))) await visit.page.getByRole('alert').first().waitFor();
        await visit.shot(`${page.name}-trouble`);
        await visit.sound({ axe: false, jump: 0.4 }); // what went wrong takes the place of what was to come
        visit.asked.length = 0;
    }
    await visit.close();
});

test('who owns some features sees those alone', { skip: noBrowser }, async () => {
    const made = await fetch(`${purser.adminUrl}/api/v1/tokens`, {
        method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'ana', role: 'owner', owner: 'ana@example.com' }),
    });
    const text = await made.text();
    assert.equal(made.status, 201, text);
    const { secret } = JSON.parse(text);
    const visit = await browse(purser, { token: secret });
    visit.allow(/status of 403/);
    await visit.go('/costs?range=30d&by=feature');
    const shown = await visit.table(/^Costs by/);
    assert.deepEqual(shown.rows.map((row) => Object.values(row)[0]).sort(), ['moderation', 'support-bot']);
    for (const page of pages) {
        await visit.go(`/${page.path}`);
        assert.doesNotMatch(await visit.page.locator('#app').innerText(), /shop-search|code-review|emil@example/, page.title);
        await visit.sound({ axe: false });
    }
    await visit.close();
});
