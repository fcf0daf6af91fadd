// The pages Now and Costs: what stands on the screen is what the CLI says is what the rows add up to; every row leads on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, startPurser, startSimulator, until } from './helpers.mjs';
import { makePast, pastKey } from './past.mjs';

let sim, purser;
before(async () => {
    if (noBrowser) return;
    sim = await startSimulator();
    const past = await makePast({ upstream: sim.url });
    purser = Object.assign(await startPurser(past), { settingsText: past.settings });
});
after(async () => {
    await closeBrowser();
    await purser?.stop();
    await sim?.stop();
});

/** Two decimals, below ten cents two digits that count: written anew, so as not to trust what is tested. */
function dollars(pico) {
    let digits = 2;
    while (digits < 12 && pico > 0n && pico * 10n ** BigInt(digits) < 10n ** 13n && pico < 10n ** 12n) digits++;
    const unit = 10n ** BigInt(12 - digits), rounded = ((pico + unit / 2n) / unit) * unit;
    const [, whole, fraction] = /^(\d+)(\d{12})$/.exec(rounded.toString().padStart(13, '0'));
    return `$${Number(whole).toLocaleString('en-US')}.${fraction.slice(0, digits).replace(/0+$/, '').padEnd(2, '0')}`;
}
const day = (back) => new Date(Math.floor(Date.now() / 86400e3) * 86400e3 - back * 86400e3).toISOString().replace('.000', '');

/** The texts of a table's rows by the first cell: { platform: { Cost: '$1.00', ... } }. */
async function cellsOf(visit, label) {
    const table = visit.page.getByRole('table', { name: label });
    await table.waitFor();
    return table.evaluate((one) => {
        const heads = [...one.querySelectorAll('thead th')].map((th) => th.textContent.replace(/[↓↑]/, '').trim());
        const line = (tr) => Object.fromEntries([...tr.cells].map((td, i) => [heads[i], td.textContent.trim()]));
        return Object.fromEntries([...one.querySelectorAll('tbody tr, tfoot tr')].map((tr) => [tr.cells[0].textContent.trim(), line(tr)]));
    });
}

test('sums on the screen are the CLI\'s are those of the rows', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/costs?range=7d&by=feature');
    const shown = await cellsOf(visit, /^Costs by Feature/), { since, until } = visit.range('/report'), sinceUs = Date.parse(since) * 1000;
    assert.equal(Date.parse(until) - Date.parse(since), 7 * 86400e3);
    const told = await purser.report(['--by', 'feature', '--since', since, '--until', until, '--limit', '1000']);
    const cost = "CASE WHEN cost_state != 'unpriced' THEN cost_picousd ELSE 0 END"; // what an unpriced one was charged is no cost
    const rows = await purser.sql(`SELECT feature, SUM(${cost}) AS cost, SUM(number = 1) AS calls, SUM(CASE WHEN wasted THEN ${cost} ELSE 0 END) AS wasted, SUM(cost_state = 'unpriced') AS unpriced
        FROM attempts WHERE at_us >= ${sinceUs} GROUP BY feature`);
    assert.ok(rows.length >= 10);
    assert.equal(Object.keys(shown).length, rows.length + 1, 'each feature a row, and the sum');
    for (const row of rows) {
        const seen = shown[row.feature || '(none)'], said = told.rows.find((one) => one.feature === row.feature);
        assert.equal(BigInt(said.cost_picousd), BigInt(row.cost), row.feature);
        assert.equal(seen.Cost, row.unpriced && !row.cost ? 'unpriced' : dollars(BigInt(row.cost)), row.feature); // never silently zero
        assert.equal(seen.Wasted, dollars(BigInt(row.wasted)), row.feature);
        assert.equal(seen.Calls, Number(row.calls).toLocaleString('en-US'), row.feature);
    }
    const sum = rows.reduce((all, row) => all + BigInt(row.cost), 0n);
    assert.equal(shown.All.Cost, dollars(sum));
    assert.equal(BigInt(told.totals.cost_picousd), sum);
    assert.equal(await visit.page.locator('.tile', { hasText: /^Cost\$/ }).locator('.value').innerText(), dollars(sum));
    await visit.close();
});

test('the chart has the CLI\'s figure of every day, and can be read as a table; dragging over it narrows the range', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/costs?range=30d');
    await visit.page.getByRole('button', { name: 'As a table' }).click();
    const shown = await cellsOf(visit, 'Cost by Team'), { since, until } = visit.range('/series');
    const told = await purser.report(['--by', 'team,day', '--since', since, '--until', until, '--limit', '10000']);
    assert.equal(Object.keys(shown).length, 30);
    const teams = Object.keys(Object.values(shown)[0]).filter((name) => !/^Day|^\(other\)/.test(name));
    assert.equal(teams.length, 7);
    let seen = 0;
    for (const row of told.rows.filter((one) => teams.includes(one.team))) {
        const text = new Date(row.day).toUTCString().replace(/^(\w+), 0?(\d+) (\w+) (\d+).*/, '$1 $2 $3 $4'); // "Thu 26 Nov 2026"
        assert.equal(shown[text][row.team], dollars(BigInt(row.cost_picousd)), `${row.team} ${text}`);
        seen++;
    }
    assert.ok(seen > 150, `${seen}`);
    await visit.sound();
    await visit.page.getByRole('button', { name: 'As a chart' }).click();
    const box = await visit.page.locator('.u-over').boundingBox();
    await visit.page.mouse.move(box.x + box.width * 0.3, box.y + 60);
    await visit.page.locator('.tip').waitFor();
    await visit.page.mouse.down();
    await visit.page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 4 });
    await visit.page.mouse.up();
    await visit.settled();
    const query = new URL(visit.page.url()).searchParams, days = (Date.parse(query.get('until')) - Date.parse(query.get('since'))) / 86400e3;
    assert.ok(days >= 5 && days <= 8, `${days} days`);
    await visit.close();
});

test('the last hour is told by the minute, on Costs, on Calls and on Now', { skip: noBrowser }, async () => {
    const say = (feature) => post(purser, '/v1/chat/completions', { model: 'notes', messages: [{ role: 'user', content: 'Hello.' }] }, { key: pastKey('mobile-ios'), headers: { 'x-purser-feature': feature } });
    for (const feature of ['minutes-a', 'minutes-a', 'minutes-b']) assert.equal((await say(feature)).status, 200);
    const visit = await browse(purser);
    await visit.go('/costs?range=1h&by=feature&where=feature=minutes-a,feature=minutes-b');
    await visit.page.getByText('by the minute').waitFor();
    await visit.page.getByRole('button', { name: 'As a table' }).click();
    const shown = await cellsOf(visit, 'Cost by Feature');
    assert.equal(Object.keys(shown).length, 60);
    const asked = visit.asked.findLast((url) => url.pathname.endsWith('/series')).searchParams;
    assert.equal(asked.get('step'), 'minute');
    const told = await purser.report(['--by', 'feature,minute', '--since', asked.get('since'), '--until', asked.get('until'), '--limit', '10000']);
    let seen = 0;
    for (const row of told.rows.filter((one) => /^minutes-/.test(one.feature))) {
        const text = Object.keys(shown).find((at) => at.endsWith(row.minute.slice(11, 16)));
        assert.equal(shown[text][row.feature], dollars(BigInt(row.cost_picousd)), `${row.feature} ${row.minute}`);
        seen++;
    }
    assert.ok(seen >= 2, `${seen}`);
    await visit.sound();
    await visit.go('/calls?range=1h&where=feature=minutes-a');
    await visit.page.getByRole('region', { name: 'Attempts' }).getByRole('button', { name: 'As a table' }).click();
    const attempts = await cellsOf(visit, 'Attempts over time');
    assert.deepEqual([Object.keys(attempts).length, Object.values(attempts).reduce((sum, one) => sum + Number(one.answered), 0)], [60, 2]);
    await visit.go('/?range=1h');
    assert.equal(visit.asked.findLast((url) => url.pathname.endsWith('/report') && url.searchParams.get('by') === 'minute')?.searchParams.get('by'), 'minute');
    await visit.close();
});

test('a chart that waits for rows shows how far they are read, and can be stopped', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.page.addInitScript(() => {
        const real = window.fetch;
        window.fetch = (url, init) => {
            if (!String(url).includes('/series?') || init?.headers?.accept !== 'text/event-stream') return real(url, init);
            const body = new ReadableStream({
                start(out) {
                    out.enqueue(new TextEncoder().encode('event: progress\ndata: {"done":0.42}\n\n'));
                    init.signal.addEventListener('abort', () => {
                        window.stopped = (window.stopped ?? 0) + 1;
                        out.error(init.signal.reason);
                    });
                },
            });
            return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
        };
    });
    await visit.page.goto(`${purser.adminUrl}/costs?range=30d&by=model&where=operation=chat`);
    const chart = visit.page.getByRole('region', { name: 'Cost by model' });
    await chart.getByText('42% read').waitFor();
    assert.equal(await chart.getByRole('progressbar').getAttribute('value'), '0.42');
    await chart.getByRole('button', { name: 'Cancel' }).click();
    await chart.getByText('You stopped this question').waitFor();
    assert.equal(await visit.page.evaluate(() => window.stopped), 1);
    await visit.close({ again: false });
});

test('waste, savings and why it changed are asked for when somebody scrolls to them, and add up to what the CLI says', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { size: { width: 1440, height: 500 } });
    const asked = [];
    visit.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await visit.go('/costs?range=30d');
    assert.ok(!asked.includes('/api/v1/waterfall') && !asked.includes('/api/v1/waste'), 'not before');
    const read = (text) => BigInt(Math.round(Number(text.replace(/[^\d.]/g, '')) * 1e6)) * (text.startsWith('−') ? -1000000n : 1000000n);
    const waste = visit.page.getByRole('region', { name: 'Waste and savings' }), why = visit.page.getByRole('region', { name: 'Why it changed' });
    await waste.scrollIntoViewIfNeeded();
    await waste.getByRole('heading', { name: 'Wasted' }).waitFor();
    const { since, until } = visit.range('/report'), earlier = new Date(2 * Date.parse(since) - Date.parse(until)).toISOString();
    const told = await purser.report(['--by', 'team', '--since', since, '--until', until]);
    assert.equal(await waste.locator('.lines-head .bad').innerText(), dollars(BigInt(told.totals.wasted_cost_picousd)));
    const lines = await waste.locator('.lines').first().locator('li').evaluateAll((all) => all.map((one) => [one.children[0].textContent, one.children[2].textContent]));
    assert.ok(lines.length >= 5);
    const sum = lines.filter(([name]) => name !== 'Loops').reduce((all, [, text]) => all + read(text), 0n), off = sum - BigInt(told.totals.wasted_cost_picousd);
    assert.ok(off > -40_000_000_000n && off < 40_000_000_000n, `rounded lines are ${off} pico-dollars off`);

    await why.scrollIntoViewIfNeeded();
    await why.locator('.cascade li').first().waitFor();
    const steps = await why.locator('.cascade li').evaluateAll((all) => all.map((one) => one.title.split(' ').pop()));
    const exact = steps.map((text) => {
        const [, minus, whole, fraction] = /^(−?)\$([\d,]+)\.(\d+)$/.exec(text);
        return BigInt(`${minus ? '-' : ''}${whole.replace(/,/g, '')}${fraction.padEnd(12, '0')}`);
    });
    const [first, last] = [exact[0], exact[exact.length - 1]];
    assert.equal(exact.slice(1, -1).reduce((all, one) => all + one, first), last, 'to the pico-dollar');
    const before = await purser.report(['--by', 'team', '--since', earlier, '--until', since]);
    assert.equal(last, BigInt(told.totals.cost_picousd));
    assert.equal(first, BigInt(before.totals.cost_picousd));
    await why.getByText('By feature').click();
    await why.getByRole('table').waitFor();
    await visit.sound();
    await visit.shot('costs-why');
    // of one user, whom only the rows know
    const { rows: [user] } = await purser.report(['--by', 'user', '--since', since, '--until', until, '--limit', '1']);
    await visit.go(`/costs?range=30d&where=user=${user.user}`);
    await why.scrollIntoViewIfNeeded();
    await waste.getByRole('heading', { name: 'Wasted' }).waitFor();
    assert.equal(await waste.locator('.lines-head .bad').innerText(), dollars(BigInt(user.wasted_cost_picousd)));
    assert.equal(await why.locator('.cascade .amount').last().innerText(), dollars(BigInt(user.cost_picousd)));
    await visit.sound();
    await visit.close();
});

test('a row leads down to the calls, each step in the address, and back again', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/costs?range=30d');
    const steps = [];
    for (const by of ['team', 'feature', 'prompt', 'user', 'task']) {
        const head = visit.page.getByRole('heading', { level: 2, name: /, last 30 days$/ });
        await head.waitFor();
        assert.equal(await visit.page.getByLabel('Stack by').inputValue(), by);
        steps.push(visit.page.url());
        const link = visit.page.locator('main tbody tr a').first();
        const name = (await link.innerText()).trim();
        await link.click();
        await visit.settled();
        assert.ok(decodeURIComponent(visit.page.url()).includes(`${by}=${name === '(none)' ? '' : name}`), visit.page.url());
    }
    assert.match(visit.page.url(), /\/calls\?.*where=team=/);
    await visit.page.goBack();
    await visit.settled();
    assert.equal(visit.page.url(), steps[4]);
    assert.equal(await visit.page.locator('.chip').count(), 4, 'a chip for each filter');
    await visit.page.locator('.chip button').first().click();
    await visit.settled();
    assert.ok(!visit.page.url().includes('team='), 'a chip takes its filter away');
    await visit.close();
});

test('arrow keys walk the rows of a table, Enter follows, a heading sorts', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/costs?range=30d');
    const rows = visit.page.getByRole('table', { name: /^Costs by/ }).locator('tbody tr');
    await rows.first().focus();
    await visit.page.keyboard.press('ArrowDown');
    await visit.page.keyboard.press('ArrowDown');
    await visit.page.keyboard.press('ArrowUp');
    const second = (await rows.nth(1).locator('td').first().innerText()).trim();
    await visit.page.keyboard.press('Enter');
    await visit.settled();
    assert.ok(visit.page.url().includes(`team=${second}`), visit.page.url());
    await visit.page.goBack();
    await visit.settled();
    await visit.page.getByRole('button', { name: 'Team' }).click();
    const names = await rows.locator('td:first-child').allInnerTexts();
    assert.deepEqual(names, [...names].sort((a, b) => a.localeCompare(b)));
    assert.equal(await visit.page.locator('th[aria-sort=ascending]').innerText().then((text) => text.replace(/\W/g, '')), 'Team');
    await visit.close();
});

test('the period before is held against this one, and the CSV is that of the API', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/costs?since=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z');
    await visit.page.getByText('Nothing here').first().waitFor();
    await visit.sound();
    const [a, b, c] = [day(21), day(14), day(7)];
    await visit.go(`/costs?since=${b}&until=${c}&compare=1`);
    const shown = await cellsOf(visit, /^Costs by Team/);
    const now = await purser.report(['--by', 'team', '--since', b, '--until', c]), were = await purser.report(['--by', 'team', '--since', a, '--until', b]);
    for (const row of now.rows) {
        const before = Number(were.rows.find((one) => one.team === row.team)?.cost_picousd ?? 0), moved = (Number(row.cost_picousd) - before) / before;
        const percent = Math.abs(moved) * 100, wanted = !before ? '▲ new' : percent < 0.05 ? '0%' : `${moved > 0 ? '▲' : '▼'} ${percent.toFixed(percent < 1000 ? 1 : 0)}%`;
        assert.equal(shown[row.team || '(none)'].Change.replace(/,/g, ''), wanted, row.team);
    }
    const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.getByRole('link', { name: 'CSV' }).first().click()]);
    const lines = await new Response(await download.createReadStream()).text();
    assert.match(lines, /^team,calls,attempts,/);
    assert.equal(lines.trim().split('\n').length, now.rows.length + 1);
    await visit.close();
});

test('Now shows a call while it is in flight, and its money once it is through', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/');
    await visit.page.getByText('live', { exact: true }).waitFor();
    const tile = (name) => visit.page.locator('.tile', { has: visit.page.locator('.name', { hasText: new RegExp(`^${name}$`) }) });
    const step = (name) => visit.page.locator('.lane li', { has: visit.page.locator('span', { hasText: new RegExp(`^${name}$`) }) }).locator('b');
    assert.equal(await tile('In flight').locator('.value').innerText(), '0');
    const call = post(purser, '/v1/chat/completions', { model: 'notes', stream: true, messages: [{ role: 'user', content: 'Slowly. [simulate tokens=100 between=100ms]' }] }, { key: pastKey('mobile-ios'), headers: { 'x-purser-feature': 'voice-notes' } });
    await until('the call to be seen in flight', async () => (await tile('In flight').locator('.value').innerText()) === '1' && (await step('body').innerText()) === '1' && (await step('answer').innerText()) === '1'
        && /1 of them streams/.test(await tile('In flight').locator('.note').innerText()));
    await visit.shot('now-in-flight');
    const answer = await call;
    assert.equal(answer.status, 200);
    await until('the call to be gone', async () => (await tile('In flight').locator('.value').innerText()) === '0');
    await until('today\'s money', async () => (await tile('Today').locator('.value').innerText()) === dollars(BigInt((await purser.report(['--since', day(0)])).totals.cost_picousd)), { every: 200 });
    await visit.sound();
    await visit.close();
});

test('spending is held against a budget over all, not against that of a key', { skip: noBrowser }, async () => {
    const set = async (name, body) => {
        const headers = { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' };
        const got = await fetch(`${purser.adminUrl}/api/v1/budgets/${name}`, { method: 'PUT', headers, body: JSON.stringify({ window: 'day', ...body }) });
        assert.ok(got.ok, await got.clone().text());
    };
    const visit = await browse(purser), line = (name) => visit.page.getByRole('button', { name: `budget ${name}` });
    await set('a-key', { scope: { key: 'support-web' }, limit_usd: 0.5 });
    await visit.go('/');
    assert.deepEqual(await line('').allInnerTexts(), []);
    await visit.page.getByRole('button', { name: 'Month', exact: true }).click();
    await visit.settled();
    assert.deepEqual(await line('').allInnerTexts(), ['budget company']);
    await set('every-call', { limit_usd: 900 });
    await visit.go('/');
    assert.deepEqual(await line('').allInnerTexts(), ['budget every-call']);
    await visit.sound();
    await visit.close();
});

test('an owner sees Now and Costs of their own features, and not one word of the others', { skip: noBrowser }, async () => {
    const made = await fetch(`${purser.adminUrl}/api/v1/tokens`, {
        method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'ana', role: 'owner', owner: 'ana@example.com' }),
    });
    assert.ok(made.ok, await made.clone().text());
    const visit = await browse(purser, { token: (await made.json()).secret });
    await visit.go('/');
    await visit.page.getByRole('heading', { level: 2, name: 'Spending today' }).waitFor();
    await visit.sound();
    await visit.go('/costs?range=30d&by=feature');
    const shown = await cellsOf(visit, /^Costs by Feature/);
    const own = [...purser.settingsText.matchAll(/^ {2}([\w-]+): \{ owner: (\S+?),/gm)].filter(([, , owner]) => owner === 'ana@example.com').map(([, name]) => name);
    assert.ok(own.length >= 2);
    assert.deepEqual(Object.keys(shown).filter((name) => name !== 'All').sort(), own.sort());
    const { since, until } = visit.range('/report'), told = await purser.report(['--since', since, '--until', until, ...own.flatMap((name) => ['--where', `feature=${name}`])]);
    assert.equal(shown.All.Cost, dollars(BigInt(told.totals.cost_picousd)));
    await visit.sound();
    await visit.close();
});

test('while the next answer takes its time, nothing stands under a heading that is not its own, and nothing jumps', { skip: noBrowser }, async () => {
    const visit = await browse(purser), { page } = visit, table = page.getByRole('table', { name: /^Costs by/ });
    await visit.go('/costs?range=90d&by=feature');
    let answer = () => {};
    const held = new Promise((go) => (answer = go));
    await page.route('**/api/v1/**', async (route) => {
        await held;
        await new Promise((done) => setTimeout(done, 600)); // then it is no longer what one expects of a click
        await route.continue();
    });
    await table.getByRole('link', { name: 'weekly-digest', exact: true }).click();
    await page.getByRole('heading', { name: /^Prompt version, / }).waitFor();
    assert.equal(await table.count(), 0, 'features under the heading of prompts');
    const height = async () => (await page.getByRole('region', { name: /^Prompt version, / }).boundingBox()).height, waiting = await height();
    answer();
    await visit.settled();
    assert.ok((await visit.table(/^Costs by Prompt/)).rows.length > 0);
    assert.ok((await height()) >= waiting - 8, `what follows it moved up: ${waiting} to ${await height()}`);
    await visit.sound({ axe: false });
    await visit.close();
});
