// Outcomes and feedback told by hand; names that addresses cannot end in; what an owner may expect.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, PHONE, browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, sql, startPurser, startSimulator, until } from './helpers.mjs';
import { makePast, pastKey } from './past.mjs';

let sim, purser, call;
const say = async (headers) => {
    const got = await post(purser, '/v1/chat/completions', { model: 'notes', messages: [{ role: 'user', content: 'Hello.' }] }, { key: pastKey('mobile-ios'), headers });
    assert.equal(got.status, 200, got.text);
    return got.headers.get('x-purser-request-id');
};
const api = async (path, body, token = purser.adminToken) => {
    const got = await fetch(`${purser.adminUrl}/api/v1${path}`, { method: body ? 'POST' : 'GET', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    assert.ok(got.ok, `${path}: ${await got.clone().text()}`);
    return got.json();
};
const tokens = {};
before(async () => {
    sim = await startSimulator();
    const past = await makePast({ rows: 8000, days: 60, users: 100, upstream: sim.url });
    purser = Object.assign(await startPurser(past), { settingsText: past.settings });
    call = await say({ 'x-purser-task': 'told-by-hand', 'x-purser-user': '..' });
    for (const role of ['viewer', 'operator']) tokens[role] = (await api('/tokens', { name: role, role })).secret;
    tokens.owner = (await api('/tokens', { name: 'ana', role: 'owner', owner: 'ana@example.com' })).secret;
});
after(async () => {
    await closeBrowser();
    await purser?.stop();
    await sim?.stop();
});

test('an operator tells what came of a call and its task, and what they think of it', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { token: tokens.operator }), { page } = visit, dialog = page.getByRole('dialog'), came = page.getByRole('region', { name: 'What came of it' });
    await visit.go(`/calls/${call}`);
    await came.getByText('Nobody has told yet.').waitFor();
    await came.getByRole('button', { name: 'Tell an outcome' }).click();
    await visit.sound();
    assert.ok(await dialog.getByRole('button', { name: 'Tell it' }).isDisabled(), 'it needs a name');
    await dialog.getByLabel('Outcome').fill('<b>resolved</b>');
    await dialog.getByLabel('It was').selectOption('no');
    await dialog.getByLabel('Worth in dollars (optional)').fill('much');
    await dialog.getByText('A number, such as 1.50').waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Tell it' }).isDisabled());
    await dialog.getByLabel('Worth in dollars (optional)').fill('1.25');
    await visit.sound();
    await visit.shot('tell-outcome');
    await dialog.getByRole('button', { name: 'Tell it' }).click();
    await came.getByText('<b>resolved</b>').waitFor();
    await came.getByText('failure').waitFor();
    assert.match(await came.innerText(), /worth \$1\.25 of the task/);
    const [row] = await sql(purser.data, "SELECT task, call_id, name, success, value_picousd, who FROM outcomes WHERE task = 'told-by-hand'");
    assert.deepEqual([row.name, row.success, row.value_picousd, row.who, row.call_id], ['<b>resolved</b>', 0, 1.25e12, 'operator', 0]);
    // of the call alone, told twice: the later stands
    for (const [was, badge] of [['no', 'failure'], ['yes', 'success']]) {
        await came.getByRole('button', { name: 'Tell an outcome' }).click();
        await dialog.getByLabel('Of', { exact: true }).selectOption('call');
        await dialog.getByLabel('Outcome').fill('accepted');
        await dialog.getByLabel('It was').selectOption(was);
        await dialog.getByRole('button', { name: 'Tell it' }).click();
        await came.locator('li', { hasText: 'accepted' }).getByText(badge).waitFor();
    }
    assert.deepEqual(await sql(purser.data, "SELECT name, success FROM outcomes WHERE call_id != 0 AND name = 'accepted'"), [{ name: 'accepted', success: 1 }]);
    await came.getByRole('button', { name: 'Tell what you think' }).click();
    assert.ok(await dialog.getByRole('button', { name: 'Tell it' }).isDisabled(), 'it needs something');
    await dialog.getByLabel('Score (optional)').fill('-0.5');
    await dialog.getByLabel('Label (optional)').fill('wrong');
    await dialog.getByLabel('Comment (optional)').fill('<img src=x onerror=alert(1)>\nTwo lines.');
    await visit.sound();
    await dialog.getByRole('button', { name: 'Tell it' }).click();
    await came.locator('q').waitFor();
    const [thought] = await sql(purser.data, "SELECT score_ppm, label, comment FROM feedback WHERE who = 'operator'");
    assert.deepEqual([thought.score_ppm, thought.label, thought.comment], [-500000, 'wrong', '<img src=x onerror=alert(1)>\nTwo lines.']);
    assert.match(await came.innerText(), /-0\.5[^]*wrong[^]*<img src=x onerror=alert\(1\)>/);
    await visit.sound();
    await visit.close();
});

test('what was told without a place to break is within its card', { skip: noBrowser }, async () => {
    const endless = 'told-without-a-place-to-break-'.repeat(15);
    const said = await say({ 'x-purser-task': 'told-at-length' });
    await api('/outcomes', { task: 'told-at-length', name: endless, success: true });
    await api('/feedback', { call: said, score: 0.5, label: endless, comment: endless });
    for (const size of [DESK, PHONE]) {
        const visit = await browse(purser, { size });
        await visit.go(`/calls/${said}`);
        const came = visit.page.getByRole('region', { name: 'What came of it' });
        assert.equal((await came.innerText()).split(endless).length, 4);
        await visit.sound();
        await visit.shot(`told-at-length-${size.width}`);
        await visit.close();
    }
});

test('of a task on a phone, in the dark; what the server refuses is said, and nothing is lost', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { token: tokens.operator, size: PHONE, scheme: 'dark' }), { page } = visit, dialog = page.getByRole('dialog');
    await visit.go('/tasks/told-by-hand');
    const came = page.getByRole('region', { name: 'What came of it' });
    assert.equal(await came.getByRole('button', { name: 'Tell what you think' }).count(), 0, 'feedback is of calls');
    await came.getByRole('button', { name: 'Tell an outcome' }).click();
    await dialog.getByLabel('Outcome').fill('merged');
    await dialog.getByLabel('Worth in dollars (optional)').fill('99999999999');
    await visit.sound();
    await visit.shot('tell-outcome-phone-dark');
    visit.allow(/status of 422/);
    await dialog.getByRole('button', { name: 'Tell it' }).click();
    await dialog.getByText('value_usd: dollars, at most nine million').waitFor();
    assert.equal(await dialog.getByLabel('Outcome').inputValue(), 'merged');
    await dialog.getByLabel('Worth in dollars (optional)').fill('');
    await dialog.getByRole('button', { name: 'Tell it' }).click();
    await came.getByText('merged').waitFor();
    await visit.sound();
    await visit.close();
});

test('who may not tell sees no button', { skip: noBrowser }, async () => {
    for (const role of ['viewer', 'owner']) {
        const visit = await browse(purser, { token: tokens[role] });
        let id = call;
        if (role === 'owner') id = (await api('/calls?limit=1&since=30d', null, tokens.owner)).rows[0].id;
        await visit.go(`/calls/${id}`);
        await visit.page.getByRole('region', { name: 'What came of it' }).waitFor();
        assert.equal(await visit.page.getByRole('button', { name: /^Tell/ }).count(), 0, role);
        await visit.close();
    }
});

test('tasks and users called `.` and `..` have pages, and so has a task called sessions', { skip: noBrowser }, async () => {
    const names = ['.', '..', '~.', '~~..', 'sessions', 'session', 'task'];
    for (const name of names) await say({ 'x-purser-task': name, 'x-purser-session': name, 'x-purser-user': name });
    const visit = await browse(purser), { page } = visit;
    for (const name of names) {
        await visit.go('/tasks?range=24h&order=latest');
        await page.getByRole('table', { name: 'Tasks' }).getByRole('link', { name, exact: true }).click();
        await visit.settled();
        await page.getByRole('heading', { level: 1, name: `Tasks / ${name}`, exact: false }).waitFor();
        await page.getByRole('heading', { name: 'Steps' }).waitFor();
        const href = new URL(page.url()).pathname;
        await page.reload();
        await visit.settled();
        await page.getByRole('heading', { name: 'Steps' }).waitFor();
        assert.equal(new URL(page.url()).pathname, href);
        const chain = visit.lastAsked(`/tasks/${/^~*\.{1,2}$/.test(name) ? `~${name}` : name}`);
        assert.ok(chain, `${name}: asked for as itself`);
        await visit.go(`/users?range=24h`);
        await page.getByRole('table', { name: 'Users' }).getByRole('link', { name, exact: true }).click();
        await visit.settled();
        assert.match(await page.locator('.tile', { hasText: 'Calls' }).first().innerText(), name === '..' ? /\b2\b/ : /\b1\b/, name);
    }
    await visit.sound();
    for (const [path, name] of [['~.', '.'], ['~..', '..'], ['~~.', '~.'], ['~~~..', '~~..'], ['~.x', '~.x']]) {
        if (name === '~.x') await say({ 'x-purser-task': name });
        assert.equal((await api(`/tasks/${path}`)).name, name);
    }
    assert.equal((await api('/sessions/~..?since=1d')).name, '..');
    await visit.close();
});

test('an owner is told what their own features may be expected to cost', async () => {
    const own = [...purser.settingsText.matchAll(/^ {2}([\w-]+): \{ owner: (\S+?),/gm)].filter(([, , owner]) => owner === 'ana@example.com').map(([, name]) => name);
    await until('a whole answer', async () => (await api('/now')).expected !== null);
    const mine = (await api('/now', null, tokens.owner)).expected, all = (await api('/now')).expected;
    assert.equal(mine.basis, 'weeks');
    assert.ok(mine.today_picousd > 0 && mine.today_picousd < all.today_picousd, `${mine.today_picousd} of ${all.today_picousd}`);
    assert.ok(mine.month_end_picousd > 0 && mine.month_end_picousd < all.month_end_picousd);
    assert.equal(mine.hours.length, 24);
    assert.ok(Math.abs(mine.hours.reduce((sum, hour) => sum + hour.expected_picousd, 0) - mine.today_picousd) <= 24);
    const rows = await sql(purser.data, `SELECT at_us / 3600000000 AS hour, sum(cost_picousd) AS cost FROM attempts WHERE cost_state != 'unpriced' AND feature IN (${own.map((name) => `'${name}'`)}) GROUP BY 1`);
    const cost = new Map(rows.map((row) => [Number(row.hour), Number(row.cost)]));
    for (const hour of mine.hours) assert.equal(hour.cost_picousd, cost.get(Date.parse(hour.at) / 3600e3) ?? 0, hour.at);
    // a second owner, of other features, has another curve
    const other = purser.settingsText.match(/owner: (?!ana@)(\S+?@example\.com)/)[1], secret = (await api('/tokens', { name: 'other', role: 'owner', owner: other })).secret;
    assert.notEqual((await api('/now', null, secret)).expected.today_picousd, mine.today_picousd);
    if (noBrowser) return;
    const visit = await browse(purser, { token: tokens.owner });
    await visit.go('/');
    await visit.page.getByText(/expected .* about .* at its end; from the same hours of the last/).waitFor();
    await visit.sound();
    await visit.shot('now-owner');
    await visit.close();
});
