// The pages that change things: what is clicked holds at once, is in the audit with its reason, and only for those who may.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PHONE, browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, startPurser, startSimulator, until } from './helpers.mjs';
import { makePast, pastKey } from './past.mjs';

let sim, purser, past;
before(async () => {
    if (noBrowser) return;
    sim = await startSimulator();
    past = await makePast({ upstream: sim.url, hostile: true });
    purser = await startPurser(past);
});
after(async () => {
    await closeBrowser();
    await purser?.stop();
    await sim?.stop();
});

const call = (feature) => post(purser, '/v1/chat/completions', { model: 'writer', max_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] }, { key: pastKey('mobile-ios'), headers: { 'x-purser-feature': feature } });
const api = async (path, token = purser.adminToken) => (await fetch(`${purser.adminUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })).json();
const audit = async (what) => (await purser.sql(`SELECT what, object, before, after, why, who FROM audit ORDER BY id DESC LIMIT 20`)).find((row) => `${row.what} ${row.object}`.includes(what));
/** The change is made, and what it changed is shown. */
const dialogGone = async (visit) => {
    await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
    await visit.settled();
};

/** Two decimals, below ten cents two digits that count: written anew, so as not to trust what is tested. */
function dollars(pico) {
    let digits = 2;
    while (digits < 12 && pico > 0n && pico * 10n ** BigInt(digits) < 10n ** 13n && pico < 10n ** 12n) digits++;
    const unit = 10n ** BigInt(12 - digits), rounded = ((pico + unit / 2n) / unit) * unit;
    const [, whole, fraction] = /^(\d+)(\d{12})$/.exec(rounded.toString().padStart(13, '0'));
    return `$${Number(whole).toLocaleString('en-US')}.${fraction.slice(0, digits).replace(/0+$/, '').padEnd(2, '0')}`;
}
/** Of a sum in which nothing has a known price that is said, never $0.00. */
const costOf = (row) => (row.unpriced && !BigInt(row.cost_picousd) ? 'unpriced' : dollars(BigInt(row.cost_picousd)));

/** One decimal, but none without need: nothing is "0%", and little is not nothing. */
function percent(share) {
    const tenths = Math.floor(share * 1000 + 0.5); // as the page rounds: of what lies in the middle toFixed() may take the other
    return share === 0 ? '0%' : !tenths ? '<0.1%' : `${(tenths / 10).toFixed(1)}%`;
}

test('a budget made and changed by clicks is hard at once', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    visit.allow(/status of 422/);
    await visit.go('/budgets');
    assert.equal((await call('by-hand')).status, 200);
    await visit.page.getByRole('button', { name: 'New budget' }).click();
    const dialog = visit.page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('by-hand');
    await dialog.getByRole('button', { name: /^Only of a/ }).click();
    await dialog.getByLabel('What', { exact: true }).selectOption('feature');
    await dialog.getByLabel('Which feature').fill('by-hand');
    await dialog.getByRole('textbox', { name: 'At most' }).fill('a lot');
    await dialog.getByLabel(/^Why/).fill('to try it out');
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await dialog.getByText(/'a lot' is no amount/).waitFor(); // the API's words, beside the field
    assert.equal(await dialog.getByRole('textbox', { name: 'At most' }).getAttribute('aria-invalid'), 'true');
    assert.equal(await audit('budget by-hand'), undefined, 'nothing was changed');
    await visit.sound();
    await dialog.getByRole('textbox', { name: 'At most' }).fill('0.0000001');
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await dialog.getByText('no feature of that name').waitFor(); // it holds, but is perhaps not what was meant
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialogGone(visit);
    const refused = await call('by-hand');
    assert.equal(refused.status, 402, refused.text);
    assert.match(refused.text, /by-hand/);
    await visit.settled();
    await visit.page.getByRole('button', { name: 'Change the budget by-hand' }).click();
    await dialog.getByRole('textbox', { name: 'At most' }).fill('2');
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialogGone(visit);
    assert.equal((await call('by-hand')).status, 200);
    const row = await audit('by-hand');
    assert.deepEqual([JSON.parse(row.before).limit_usd, JSON.parse(row.after).limit_usd], ['0.0000001', '2']);
    await visit.settled();
    await visit.page.getByRole('button', { name: 'Remove the budget by-hand' }).click();
    await dialog.getByRole('button', { name: 'Remove it' }).click();
    await dialogGone(visit);
    assert.deepEqual((await api('/settings?kind=budget&origin=runtime')).rows, []);
    await visit.close();
});

test('what the bars say is what the API and the CLI say', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    assert.equal((await call('support-bot')).status, 200); // in the first hours of a month its budget has met no other
    await until('it is posted', async () => (await purser.budgets()).some((one) => one.budget === 'support-bot' && Number(one.spent) > 0 && Number(one.held) === 0));
    const { budgets } = await visit.told('/now', () => visit.go('/budgets'));
    const told = await purser.budgets(), { rows } = await api('/budgets');
    assert.equal(told.length, rows.length);
    let seen = 0;
    for (const row of told.filter((one) => !one.scope)) {
        const same = rows.find((one) => one.budget === row.budget);
        assert.deepEqual([BigInt(same.spent), BigInt(same.limit)], [BigInt(row.spent), BigInt(row.limit)], row.budget);
        const text = await visit.page.locator(`[data-budget="${row.budget}"]`).innerText();
        const amount = (v) => (row.measure === 'usd' ? dollars(BigInt(v)) : Number(v).toLocaleString('en-US'));
        assert.ok(text.includes(`${amount(row.spent)} of ${amount(row.limit)}`), `${row.budget}: ${text}`);
        const width = await visit.page.locator(`[data-budget="${row.budget}"] .bar i`).first().evaluate((one) => parseFloat(one.style.width));
        assert.ok(Math.abs(width - Math.min(100, (Number(row.spent) / Number(row.limit)) * 100)) < 0.01, `${row.budget}: ${width}`);
        seen++;
    }
    assert.ok(seen >= 2);
    const outlook = budgets.find((one) => one.budget === 'company'); // by what the last weeks let one expect, at that moment
    const company = await visit.page.locator('[data-budget="company"]').innerText();
    assert.ok(company.includes(`${dollars(BigInt(outlook.end_picousd))} by its end`), company);
    assert.equal(company.includes('runs out'), outlook.run_out !== null);
    await visit.go('/budgets/each-team');
    const teams = told.filter((one) => one.budget === 'each-team');
    const cells = await visit.page.getByRole('table', { name: 'Counters' }).locator('tbody tr').evaluateAll((all) => all.map((tr) => [tr.cells[0].textContent, tr.cells[3].textContent]));
    assert.deepEqual(Object.fromEntries(cells), Object.fromEntries(teams.map((one) => [one.scope.replace('=', ' '), dollars(BigInt(one.spent))])));
    await visit.sound();
    await visit.close();
});

test('a switch thrown by clicks holds at once, and its reason is in the audit, as text', { skip: noBrowser }, async () => {
    const visit = await browse(purser), why = 'a loop <img src=x onerror="alert(1)"> burns money';
    await visit.go('/budgets');
    await visit.page.getByRole('button', { name: /^Switch off/ }).click();
    const dialog = visit.page.getByRole('dialog');
    await dialog.locator('select').first().selectOption('translate');
    const act = dialog.getByRole('button', { name: 'Off for the feature translate' });
    assert.ok(await act.isDisabled(), 'a reason is needed');
    await dialog.getByLabel(/^Why/).fill(why);
    await act.click();
    await dialogGone(visit);
    assert.equal((await call('translate')).status, 503);
    const row = await audit('translate');
    assert.deepEqual([row.why, row.who], [why, 'admin token']);
    await visit.page.getByText(why).waitFor();
    await visit.sound();
    await visit.go('/audit');
    const entry = visit.page.locator('.audit li').first();
    assert.ok((await entry.innerText()).includes(why));
    await visit.page.getByText('verified').waitFor();
    await visit.sound();
    await visit.go('/budgets');
    await visit.page.getByRole('button', { name: 'Switch on translate' }).click();
    await dialog.getByRole('button', { name: 'Switch on' }).click();
    await dialogGone(visit);
    assert.equal((await call('translate')).status, 200);
    await visit.close();
});

test('an own price set by clicks stands in front of the book', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    visit.allow(/status of 422/);
    await visit.go('/providers?show=unpriced&range=90d&input=0.5&output=1.5');
    const table = visit.page.getByRole('table', { name: 'Used without a price' });
    const { since } = visit.range('/prices/unpriced'), { rows } = await api(`/prices/unpriced?since=${since}&input=0.5&output=1.5`);
    const one = rows.find((row) => `${row.provider}/${row.model}` === 'gpu/llama-3.3-70b-shop');
    assert.ok((await table.innerText()).includes(dollars(BigInt(one.candidate_picousd))));
    await visit.sound();
    await table.getByRole('button', { name: 'Set a price' }).first().click();
    const dialog = visit.page.getByRole('dialog');
    assert.equal(await dialog.getByLabel('Input', { exact: true }).inputValue(), '0.5');
    await dialog.getByRole('button', { name: 'Set it' }).click();
    await dialogGone(visit);
    const price = (await api('/prices?search=llama-3.3-70b-shop&origin=runtime')).rows[0];
    assert.deepEqual([price.provider, price.units_picousd], ['gpu', { input: 500000, output: 1500000 }]);
    await visit.go('/providers?show=prices&q=llama-3.3-70b-shop');
    assert.match(await visit.page.getByRole('table', { name: 'Own prices' }).innerText(), /gpu\/llama-3\.3-70b-shop[^]*\$0\.50[^]*\$1\.50/);
    await visit.sound();
    await visit.close();
});

test('on a phone providers show what they cost', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { size: PHONE });
    await visit.go('/providers?range=30d');
    const cut = await visit.page.getByRole('table', { name: 'Providers' }).locator('tbody .sum').evaluateAll((sums) => sums.filter((sum) => sum.getBoundingClientRect().right > innerWidth - 12).map((sum) => sum.innerText));
    assert.deepEqual(cut, []);
    await visit.close();
});

test('providers\' costs on the screen are the API\'s; a provider leads to itself', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/providers?range=30d');
    const table = visit.page.getByRole('table', { name: 'Providers' });
    const cells = Object.fromEntries(await table.locator('tbody tr').evaluateAll((all) => all.map((tr) => [tr.cells[0].textContent, tr.cells[3].textContent])));
    const url = new URL(await visit.page.getByRole('link', { name: 'CSV' }).first().getAttribute('href'), 'http://x');
    const { rows } = await api(`/providers?since=${url.searchParams.get('since')}&until=${url.searchParams.get('until')}`);
    assert.ok(rows.length >= 5);
    assert.deepEqual(cells, Object.fromEntries(rows.map((row) => [row.name, costOf(row)])));
    await table.getByRole('link', { name: 'anthropic' }).click();
    await visit.page.getByRole('heading', { level: 1, name: 'anthropic' }).waitFor();
    await visit.settled();
    assert.match(visit.page.url(), /\/providers\/anthropic\?range=30d$/);
    await visit.sound();
    await visit.close();
});

/** A feature may be called __proto__, so: a Map. */
const cards = async (visit) => new Map(await visit.page.locator('.card.feature').evaluateAll((all) => all.map((one) => [one.querySelector('h2').textContent, { cost: one.querySelector('.big').textContent, text: one.innerText }])));

test('a card for each feature has the sums of the CLI; an owner is named by clicks', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/features?range=30d');
    const { since } = visit.range('/report');
    const told = await purser.report(['--by', 'feature', '--since', since, '--limit', '1000']), shown = await cards(visit);
    assert.ok(told.rows.length > 10);
    for (const row of told.rows) assert.equal(shown.get(row.feature || '(none)')?.cost, costOf(row), row.feature);
    assert.match(shown.get('hackday').text, /nobody owns it/);
    const { rows } = await api(`/success?by=feature&since=${since}`), best = rows.filter((row) => row.value === 'support-bot').sort((a, b) => b.units - a.units)[0];
    const range = `${dollars(BigInt(best.cost_per_success_low_picousd))} to ${dollars(BigInt(best.cost_per_success_high_picousd))}`;
    for (const part of [dollars(BigInt(best.cost_per_success_picousd)), range, `${percent(best.success_rate)} succeed`]) assert.ok(shown.get('support-bot').text.includes(part), `${part}: ${shown.get('support-bot').text}`);
    await visit.page.getByRole('link', { name: 'hackday' }).click();
    await visit.page.getByRole('heading', { level: 1, name: 'hackday' }).waitFor();
    await visit.settled();
    await visit.page.getByRole('button', { name: 'Change', exact: true }).click();
    const dialog = visit.page.getByRole('dialog');
    await dialog.getByLabel('Owner', { exact: true }).fill('hana@example.com');
    await dialog.getByLabel('Promised latency').fill('2 seconds');
    visit.allow(/status of 422/);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText(/'2 seconds'/).waitFor();
    await dialog.getByLabel('Promised latency').fill('2s');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialogGone(visit);
    const { setting } = await api('/features/hackday/settings');
    assert.deepEqual(setting, { owner: 'hana@example.com', slo: { latency: '2s' } });
    await visit.page.getByText('hana@example.com').waitFor();
    const whole = await api(`/features/hackday?since=${since}`), promise = whole.slo.latency;
    await until('what was promised', async () => (await visit.page.getByRole('region', { name: 'What was promised' }).innerText()).includes(`whole answer ≤ 2s: ${percent(1 - promise.over_share)}`));
    assert.equal(promise.met, promise.over <= promise.counted * 0.01);
    await visit.go('/features/support-bot?range=30d');
    const task = (await api(`/features/support-bot?since=${since}`)).task_picousd;
    await visit.page.getByRole('link', { name: /^A task / }).getByText(dollars(BigInt(task)), { exact: true }).waitFor();
    await visit.sound();
    await visit.go('/features?q=hana');
    assert.deepEqual([...(await cards(visit)).keys()], ['hackday']);
    await visit.sound();
    await visit.close();
});

test('a budget that no call has met yet is on the page of its feature', { skip: noBrowser }, async () => {
    const change = (method, body) => fetch(`${purser.adminUrl}/api/v1/budgets/unmet`, { method, headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const put = await change('PUT', { scope: { feature: 'hackday', user: '*' }, limit_usd: 3.5, window: 'minute' });
    assert.equal(put.status, 200, await put.text());
    const visit = await browse(purser), card = visit.page.getByRole('region', { name: 'Budgets' });
    await visit.go('/features/hackday');
    assert.match(await card.innerText(), /unmet\s+\$3\.50 a minute: no call has met it yet/);
    await visit.sound();
    await visit.go('/features/translate');
    assert.doesNotMatch(await card.innerText(), /unmet/);
    assert.equal((await change('DELETE')).status, 204);
    await visit.close();
});

test('an owner sees and switches their own features, no others', { skip: noBrowser }, async () => {
    const made = await fetch(`${purser.adminUrl}/api/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'hugo', role: 'owner', owner: 'hugo@example.com' }) });
    const visit = await browse(purser, { token: (await made.json()).secret });
    await visit.go('/features?range=30d');
    assert.deepEqual([...(await cards(visit)).keys()].sort(), ['translate', 'voice-notes']);
    await visit.sound();
    await visit.go('/budgets');
    await visit.page.getByRole('button', { name: /^Switch off/ }).click();
    const dialog = visit.page.getByRole('dialog');
    await dialog.getByLabel(/^Why/).fill('too dear');
    await dialog.getByRole('button', { name: /^Off for/ }).click();
    await dialogGone(visit);
    const { off } = await api('/switches');
    assert.ok(off.some((one) => one.why === 'too dear' && ['translate', 'voice-notes'].includes(one.feature)), JSON.stringify(off));
    await visit.sound();
    await visit.close();
});

test('who may only look sees nothing to click, and the API refuses anyway', { skip: noBrowser }, async () => {
    const made = await fetch(`${purser.adminUrl}/api/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'looker', role: 'viewer' }) });
    const { secret } = await made.json();
    const visit = await browse(purser, { token: secret });
    await until('the token is known', async () => (await fetch(`${purser.adminUrl}/api/v1/budgets`, { headers: { authorization: `Bearer ${secret}` } })).status === 200);
    for (const path of ['/budgets', '/providers?show=prices', '/providers?show=unpriced', '/audit']) {
        await visit.go(path);
        const buttons = await visit.page.locator('main button, header button').allInnerTexts();
        assert.deepEqual(buttons.filter((text) => /^(New |Change|Remove|Switch |Set a)/.test(text.trim())), [], path);
        await visit.sound();
    }
    for (const [method, path] of [['PUT', '/budgets/x'], ['DELETE', '/budgets/x'], ['POST', '/switches'], ['PUT', '/prices/a%2Fb'], ['PUT', '/limits/x']]) {
        const answer = await fetch(`${purser.adminUrl}/api/v1${path}`, { method, headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }, body: method === 'DELETE' ? undefined : '{}' });
        assert.equal(answer.status, 403, `${method} ${path}`);
    }
    await visit.close();
});

test('what was set here and the file sets, too, is shown as shadowed, and can be removed', { skip: noBrowser }, async () => {
    const put = await fetch(`${purser.adminUrl}/api/v1/budgets/twice`, { method: 'PUT', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ limit_usd: 900, window: 'month' }) });
    assert.equal(put.status, 200, await put.text());
    await purser.reload(past.settings.replace('budgets:\n', 'budgets:\n  - { name: twice, scope: {}, limit_usd: 800, window: month }\n'));
    await until('the file wins', async () => (await api('/settings?kind=budget&state=shadowed')).rows.length === 1);
    assert.equal((await call('support-bot')).status, 200); // a budget's bar stands there once it has met a call in its month
    const visit = await browse(purser);
    await visit.go('/budgets');
    const table = visit.page.getByRole('table', { name: 'Set here, not in force' });
    assert.match(await table.innerText(), /budget twice[^]*shadowed[^]*The file sets it, too, and wins: .*purser\.yaml:\d+/);
    assert.match(await visit.page.locator('[data-budget="twice"]').innerText(), /of \$800\.00/);
    assert.equal(await visit.page.getByRole('button', { name: 'Change the budget twice' }).count(), 0, 'the file sets it');
    await visit.shot('budgets-shadowed');
    await visit.sound();
    await table.getByRole('button', { name: 'Remove the budget twice' }).click();
    await visit.page.getByRole('dialog').getByRole('button', { name: 'Remove it' }).click();
    await dialogGone(visit);
    assert.deepEqual((await api('/settings?kind=budget&origin=runtime')).rows, []);
    await visit.close();
});

test('a session that was stopped for a loop is lifted on its page', { skip: noBrowser }, async () => {
    const ask = () => post(purser, '/v1/chat/completions', { model: 'writer', max_tokens: 20, messages: [{ role: 'user', content: 'Once more' }] }, { key: pastKey('mobile-ios'), headers: { 'x-purser-feature': 'by-hand-again', 'x-purser-session': 'stuck "a\\b"' } });
    const answers = await Promise.all(Array.from({ length: 30 }, ask));
    assert.ok(answers.some(({ status }) => status === 429), answers.map(({ status }) => status).join(' '));
    const visit = await browse(purser);
    await purser.rows(1); // they are stored
    await visit.go('/?range=1h');
    await visit.page.getByRole('link', { name: /Blocked as a runaway: the same message came/ }).click();
    await visit.page.getByRole('button', { name: 'Lift a block …' }).click();
    await visit.page.getByLabel('Why').fill('the loop is mended');
    await visit.sound();
    await visit.page.getByRole('button', { name: 'Lift', exact: true }).click();
    await dialogGone(visit);
    assert.equal((await ask()).status, 200);
    const row = await audit('runaway lift');
    assert.deepEqual([row.object, row.why, row.who], ['session stuck "a\\b" of key mobile-ios', 'the loop is mended', 'admin token']);
    const viewer = await (await fetch(`${purser.adminUrl}/api/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'onlooker', role: 'viewer' }) })).json();
    const other = await browse(purser, { token: viewer.secret });
    await other.go(`/tasks/session/${encodeURIComponent('stuck "a\\b"')}?range=1h`);
    await other.page.getByRole('treegrid').waitFor();
    assert.equal(await other.page.getByRole('button', { name: /Lift/ }).count(), 0);
    await visit.page.goto(`${purser.adminUrl}/tasks`);
    await visit.settled();
    await visit.page.getByRole('table').locator('tbody a').first().click();
    await visit.page.getByRole('button', { name: 'Lift a block …' }).click();
    await visit.page.getByRole('button', { name: 'Lift', exact: true }).click();
    await visit.page.getByRole('alert').filter({ hasText: 'Nothing was seen of this task since purser began: it is not blocked.' }).waitFor();
    await visit.close();
    await other.close();
});
