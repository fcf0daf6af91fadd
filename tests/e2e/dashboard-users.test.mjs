// The page Users & keys: what users cost is what SQL says; keys and tokens are made, used, rotated and revoked by clicks,
// their secrets shown once; roles are offered what they may do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PHONE, browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, startPurser, startSimulator, until } from './helpers.mjs';
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

const call = (key) => post(purser, '/v1/chat/completions', { model: 'support-chat', messages: [{ role: 'user', content: 'Hello' }] }, { key });
const row = (visit, label, name) => visit.page.getByRole('table', { name: label }).getByRole('row', { name: new RegExp(`^${name}\\b`) });
/** Fills the dialog that is open and sends it. */
async function submit(visit, fields, button) {
    const dialog = visit.page.getByRole('dialog');
    for (const [label, value] of Object.entries(fields)) {
        const field = dialog.getByLabel(new RegExp(`^${label.replace(/[()]/g, '\\$&')}`));
        if ((await field.evaluate((one) => one.tagName)) === 'SELECT') await field.selectOption(value);
        else await field.fill(value);
    }
    await dialog.getByRole('button', { name: button, exact: true }).click();
}
/** The secret that is shown; it stays until one says that one has it. */
async function secretOf(visit) {
    const secret = await visit.page.getByLabel('The secret').innerText();
    await visit.sound();
    await visit.page.keyboard.press('Escape');
    assert.equal(await visit.page.getByLabel('The secret').count(), 1, 'Escape does not lose it');
    await visit.page.getByRole('button', { name: 'I have stored it' }).click();
    await visit.page.getByLabel('The secret').waitFor({ state: 'detached' });
    await visit.settled();
    assert.ok(!(await visit.page.content()).includes(secret), 'it is nowhere any more');
    return secret;
}

test('users are found by how their names begin; what the others cost is told', { skip: noBrowser }, async () => {
    const visit = await browse(purser), { page } = visit;
    await visit.go('/users?range=30d');
    const since = visit.lastAsked('/report').searchParams.get('since'); // whole days: thirty times 24 hours are others
    const all = await purser.report(['--by', 'user', '--since', since, '--limit', '100000']);
    assert.ok(all.rows.length > 100);
    const rest = all.rows.slice(100).reduce((sum, row) => sum + BigInt(row.cost_picousd), 0n), line = await page.locator('.list-end').innerText();
    const [, others, dollars] = /The dearest 100 of [\d,]+ users; the other ([\d,]+) cost \$([\d.,]+) together/.exec(line) ?? assert.fail(line);
    assert.ok(Math.abs(Number(others.replace(/,/g, '')) - (all.rows.length - 100)) <= 2, line);
    assert.ok(Math.abs(Number(dollars.replace(/,/g, '')) - Number(rest) / 1e12) < Number(rest) / 1e12 / 20, `${line} ${rest}`);
    await page.getByLabel('How a user’s name begins').fill('customer-11');
    await page.locator('.list-end', { hasText: 'that begin so' }).waitFor();
    await visit.settled();
    const shown = (await visit.table('Users')).rows.map((row) => row.User), wanted = all.rows.map((row) => row.user).filter((name) => name.startsWith('customer-11'));
    assert.ok(wanted.length > 3 && shown.every((name) => name.startsWith('customer-11')), JSON.stringify(shown));
    assert.ok(shown.length === Math.min(100, wanted.length) || Math.abs(shown.length - wanted.length) <= 1, `${shown.length} of ${wanted.length}`);
    assert.equal(new URL(page.url()).searchParams.get('q'), 'customer-11');
    await visit.sound();
    await visit.shot('users-found');
    await page.getByLabel('How a user’s name begins').fill('no-such-user');
    await page.getByText('No such user').waitFor();
    await visit.sound();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.goBack();
    await page.getByText('No such user').waitFor();
    await page.evaluate(() => { history.pushState(null, '', '/users?range=30d'); dispatchEvent(new PopStateEvent('popstate')); });
    await page.locator('.list-end', { hasText: 'The dearest 100' }).waitFor();
    await until('what the address no longer has is gone', async () => (await page.getByLabel('How a user’s name begins').inputValue()) === '');
    await visit.sound();
    await visit.close();
});

test('users: the dearest with their cost, one with its own; names that clients chose are text', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/users?range=90d');
    const since = Date.parse(visit.lastAsked('/report').searchParams.get('since')) * 1000;
    const users = await purser.sql(`SELECT user, sum(CASE WHEN cost_state != 'unpriced' THEN cost_picousd ELSE 0 END) AS cost, sum(number = 1) AS calls
        FROM attempts WHERE at_us >= ${since} GROUP BY user ORDER BY cost DESC`);
    const shown = await visit.table('Users');
    assert.equal(shown.rows.length, Math.min(100, users.length));
    assert.match(await visit.page.locator('.tile', { hasText: 'Users' }).first().innerText(), new RegExp(`\\b${users.length.toLocaleString('en-US')}\\b`));
    for (const [i, user] of users.slice(0, 30).entries()) {
        assert.equal(shown.rows[i].User, user.user.trim().replace(/ +/g, ' ') || '(none)'); // blanks as they are seen
        assert.equal(shown.rows[i].Calls.replace(/,/g, ''), `${user.calls}`);
        const dollars = Number(shown.rows[i].Cost.replace(/[$,]/g, '')), cost = Number(user.cost) / 1e12;
        assert.ok(Math.abs(dollars - cost) <= Math.max(0.00501, cost * 0.05), `${user.user}: ${dollars} for ${cost}`);
    }
    for (const nasty of [users.find((one) => one.user.includes('<script>')), users.find((one) => one.user.startsWith('a,b'))]) {
        await visit.go('/users?range=90d');
        await visit.page.getByLabel('How a user’s name begins').fill(nasty.user);
        await visit.page.getByRole('button', { name: 'Go to' }).click();
        await visit.settled();
        assert.equal(await visit.page.getByRole('heading', { level: 1 }).innerText(), `Users /\n${nasty.user}`);
        assert.match(await visit.page.locator('.tile', { hasText: 'Calls' }).first().innerText(), new RegExp(`\\b${nasty.calls}\\b`));
        assert.equal((await visit.table('Latest calls')).rows.length, Math.min(10, Number(nasty.calls)));
        await visit.page.getByRole('link', { name: 'All calls' }).click();
        await visit.settled();
        assert.match(await visit.page.locator('.tile', { hasText: 'Calls' }).first().innerText(), new RegExp(`\\b${nasty.calls}\\b`), 'the filter goes along whole');
        await visit.sound();
        await visit.page.goBack();
        await visit.settled();
    }
    await visit.shot('user');
    await visit.sound();
    await visit.close();
});

test('a token is made by clicks, signs in with its role, and is revoked', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/users/tokens');
    await visit.page.getByRole('button', { name: 'New token' }).click();
    await visit.page.getByLabel('Name', { exact: true }).fill('two words');
    await visit.page.getByText('No blanks').waitFor();
    assert.ok(await visit.page.getByRole('button', { name: 'Make the token' }).isDisabled());
    await visit.sound();
    await visit.page.getByRole('dialog').getByRole('radio', { name: /^owner/ }).check();
    await visit.page.getByRole('dialog').getByLabel('Owner', { exact: true }).fill('nobody@example.com');
    await visit.page.getByText('the token will see nothing').waitFor();
    await visit.page.getByRole('dialog').getByLabel('Owner', { exact: true }).fill('ana@example.com');
    await visit.page.getByText('the token will see nothing').waitFor({ state: 'detached' });
    await visit.page.getByRole('dialog').getByRole('radio', { name: /^viewer/ }).check();
    await submit(visit, { Name: 'vera', Holds: '30d', 'Why (optional)': 'for the board' }, 'Make the token');
    const secret = await secretOf(visit);
    await row(visit, 'API tokens', 'vera').waitFor();
    const vera = await browse(purser, { token: secret });
    await vera.go('/users/tokens');
    await vera.page.getByText('Tokens are for admins').waitFor();
    await vera.sound();
    await row(visit, 'API tokens', 'vera').getByRole('button', { name: 'Revoke' }).click();
    await submit(visit, { 'Why (optional)': 'left' }, 'Revoke');
    await until('the token is revoked', async () => (await row(visit, 'API tokens', 'vera').innerText()).includes('revoked'));
    vera.allow(/status of 401/);
    await vera.page.reload();
    await vera.page.getByLabel('Token').waitFor();
    const [audit] = await purser.sql("SELECT group_concat(what || ': ' || why, '; ') AS said FROM audit WHERE object LIKE '%vera%'");
    assert.match(audit.said, /for the board.*left/);
    await visit.sound();
    await vera.close();
    await visit.close();
});

test('a key is made by clicks, pays for calls, is limited, rotated and revoked', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/users/keys');
    await visit.page.getByRole('button', { name: 'New key' }).click();
    await submit(visit, { Name: 'kiosk', 'Team (optional)': 'retail', 'Models (optional)': 'support-chat, openai/*', Holds: '30d' }, 'Make the key');
    const first = await secretOf(visit);
    assert.equal((await call(first)).status, 200);
    await row(visit, 'Keys', 'kiosk').getByRole('link').click();
    await visit.page.getByRole('heading', { level: 1, name: /kiosk/ }).waitFor();
    await visit.settled();
    await visit.page.getByText('support-chat, openai/*').waitFor();
    await visit.page.getByRole('button', { name: 'Limit', exact: true }).click();
    await visit.page.getByRole('dialog').getByLabel('Calls a minute').fill('1');
    await visit.page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await visit.page.getByText('1 calls a minute').waitFor();
    await until('the limit holds', async () => (await call(first)).status === 429);
    await visit.page.getByRole('button', { name: 'Rotate' }).click();
    await submit(visit, { 'The old secret ends': '' }, 'Make a new secret');
    const second = await secretOf(visit);
    assert.notEqual(second, first);
    await until('the old secret ends', async () => (await call(first)).status === 401);
    assert.equal((await call(second)).status, 429, 'the new one is the same key');
    await visit.shot('key');
    await visit.sound();
    await visit.page.getByRole('button', { name: 'Revoke' }).click();
    await submit(visit, { 'Why (optional)': 'closed' }, 'Revoke');
    await visit.page.getByText('revoked', { exact: true }).waitFor();
    await until('it is revoked', async () => (await call(second)).status === 401);
    assert.equal(await visit.page.getByRole('button', { name: 'Rotate' }).count(), 0, 'nothing to rotate any more');
    await visit.sound();
    await visit.close();
});

test('a key of the settings file is shown, not changed; a viewer changes nothing', { skip: noBrowser }, async () => {
    const made = await fetch(`${purser.adminUrl}/api/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'viv', role: 'viewer' }) });
    const viewer = await browse(purser, { token: (await made.json()).secret }), admin = await browse(purser, { size: PHONE });
    await viewer.go('/users/keys');
    assert.equal(await viewer.page.getByRole('button', { name: 'New key' }).count(), 0);
    await viewer.page.getByText('an admin can change them').waitFor();
    for (const visit of [viewer, admin]) {
        await visit.go('/users/keys/support-web');
        await visit.page.getByText('in the settings file').waitFor();
        assert.equal(await visit.page.getByRole('button', { name: /Rotate|Revoke|Change/ }).count(), 0);
        await visit.sound();
        await visit.close();
    }
});
