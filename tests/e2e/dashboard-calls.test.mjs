// The page Calls: what is listed is what SQL has, one call's figures multiply out and add up, live calls come by
// themselves, names that clients chose are text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PHONE, browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, startPurser, startSimulator, until } from './helpers.mjs';
import { makePast, pastKey } from './past.mjs';

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

/** "$1,234.5" as whole pico-dollars. */
function pico(text) {
    const [, minus, whole, fraction = ''] = /(−?)\$([\d,]+)(?:\.(\d+))?/.exec(text);
    return BigInt(`${minus ? '-' : ''}${whole.replace(/,/g, '')}${fraction.padEnd(12, '0')}`);
}
const hex = (id) => BigInt(id).toString(16).padStart(16, '0');
/** The day before yesterday: over, so that nothing comes while one looks. */
const [since, until_] = [2, 1].map((ago) => new Date(Math.floor(Date.now() / 864e5 - ago) * 864e5).toISOString().replace('.000Z', 'Z'));
const range = `since=${since}&until=${until_}`, day = `at_us >= ${Date.parse(since)}000 AND at_us < ${Date.parse(until_)}000`;
/** Calls whose first attempt of those that fit was made that day: a call that goes on past midnight is listed once. */
const calls = (where = '1') => `SELECT call_id, min(at_us) AS at_us, max(ended_us) - min(at_us) AS us FROM attempts WHERE ${where} GROUP BY call_id`;

/** id and exact cost of each call that is listed. */
const listed = (visit) => visit.page.getByRole('table', { name: 'Calls' }).evaluate((table) => [...table.tBodies[0].rows].map((row) =>
    ({ id: row.querySelector('a').pathname.split('/').pop(), cost: row.cells[row.cells.length - 1].querySelector('[title]').title, text: row.innerText })));

test('the list has the calls of SQL, newest first, page behind page, each with its cost', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go(`/calls?${range}`);
    const wanted = await purser.sql(`SELECT CAST(call_id AS TEXT) AS id, sum(CASE WHEN cost_state != 'unpriced' THEN cost_picousd ELSE 0 END) AS cost,
        sum(cost_state = 'exact') = count(*) AS exact FROM attempts WHERE call_id IN (SELECT call_id FROM (${calls()}) WHERE ${day}) GROUP BY call_id`);
    assert.ok(wanted.length > 110, `${wanted.length} calls: enough for three pages`);
    const tile = await visit.page.locator('.tile', { hasText: 'Calls' }).first().innerText();
    const [firsts] = await purser.sql(`SELECT count(*) AS n FROM attempts WHERE ${day} AND number = 1`);
    assert.match(tile.replace(/,/g, ''), new RegExp(`\\b${firsts.n}\\b`));
    for (let pages = 1; (await visit.page.getByRole('button', { name: 'Show more' }).count()) && pages < 60; pages++) {
        await visit.page.getByRole('button', { name: 'Show more' }).click();
        await visit.settled();
        await visit.page.waitForFunction((least) => document.querySelector('table[aria-label="Calls"]').tBodies[0].rows.length >= least || !document.querySelector('.list-end .button'), 50 * pages + 1);
    }
    const rows = await listed(visit);
    assert.equal(rows.length, wanted.length);
    assert.equal(new Set(rows.map((row) => row.id)).size, rows.length, 'each once');
    const costs = new Map(wanted.map((call) => [hex(call.id), call]));
    for (const row of rows) {
        const call = costs.get(row.id);
        assert.ok(call, `${row.id} is a call of that day`);
        if (call.exact) assert.equal(pico(row.cost), BigInt(call.cost), row.id);
    }
    await visit.sound();
    await visit.close();
});

test('what is asked for stands in the address and is held to', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go(`/calls?${range}`);
    await visit.page.getByRole('button', { name: 'Failures' }).click();
    await visit.settled();
    assert.match(visit.page.url(), /shown=failed/);
    const holdsTo = async (found) => {
        const [{ n }] = await purser.sql(`SELECT count(*) AS n FROM (${found}) WHERE ${day}`);
        if (Number(n)) assert.equal((await listed(visit)).length, Math.min(50, Number(n)), found);
        else await visit.page.getByText('No such calls').waitFor();
    };
    await holdsTo(calls("status != 'ok'"));
    await visit.page.getByRole('button', { name: 'Clear' }).click();
    await visit.page.getByLabel('Took at least (s)').fill('15');
    await visit.page.keyboard.press('Enter');
    await visit.settled();
    await holdsTo(`SELECT * FROM (${calls()}) WHERE us >= 15000000`); // on a Sunday perhaps none
    await visit.page.getByLabel('Took at least (s)').fill('');
    await visit.page.getByLabel('Cost at least ($)').fill('not money');
    assert.equal(await visit.page.getByLabel('Cost at least ($)').getAttribute('aria-invalid'), 'true');
    await visit.page.getByLabel('Cost at least ($)').fill('$1,000');
    await visit.page.keyboard.press('Enter');
    await visit.settled();
    await visit.page.getByText('No such calls').waitFor();
    await visit.sound();
    await visit.close();
});

test("one call: steps make its attempts' time, price lines multiply out, their sums are the cost", { skip: noBrowser }, async () => {
    const wanted = await purser.sql(`SELECT CAST(call_id AS TEXT) AS id FROM attempts WHERE number > 1 AND reason IN ('fallback', 'escalation', 'hedge', 'repair', 'retry')
        GROUP BY reason HAVING max(at_us)`);
    assert.equal(wanted.length, 5);
    const visit = await browse(purser);
    for (const { id } of wanted) {
        await visit.go(`/calls/${hex(id)}`);
        const attempts = await purser.sql(`SELECT * FROM attempts WHERE call_id = ${id} ORDER BY number`);
        const lines = visit.page.locator('.timeline button.line');
        assert.equal(await lines.count(), attempts.length);
        for (const [i, attempt] of attempts.entries()) {
            await lines.nth(i).click();
            await visit.settled();
            assert.match(visit.page.url(), new RegExp(`attempt=${attempt.number}`));
            const title = await lines.nth(i).getAttribute('title');
            assert.ok(title.startsWith(`Attempt ${attempt.number}, ${attempt.reason}`), title);
            const table = visit.page.getByRole('table', { name: /^Price lines/ });
            if (!(await table.count())) {
                assert.equal(attempt.cost_picousd, 0);
                continue;
            }
            const { rows, total } = await visit.table(/^Price lines/);
            let sum = 0n;
            for (const row of rows) {
                const cost = pico(row.Cost);
                sum += cost;
                const price = /\$[\d.,]+/.exec(row.Price);
                if (price) assert.equal(BigInt(row.Count.replace(/,/g, '')) * pico(price[0]) / (row.Price.includes('1M') ? 1_000_000n : 1n), cost, `${row.Unit} of ${attempt.attempt_id}`);
            }
            assert.equal(sum, BigInt(attempt.cost_picousd), 'lines add up');
            assert.equal(pico(Object.values(total).at(-1)), BigInt(attempt.cost_picousd));
        }
        const tile = visit.page.locator('.tile', { hasText: 'Cost' }).first();
        const title = await tile.locator('[title]').getAttribute('title');
        const shown = /unpriced|free/.test(await tile.innerText()) && !title.includes('$') ? 0n : pico(title); // of no price there is no amount to show
        const cost = attempts.reduce((all, one) => all + (one.cost_state === 'unpriced' ? 0n : BigInt(one.cost_picousd)), 0n);
        assert.equal(shown, cost);
        assert.ok((await visit.page.locator('.spans li.sum').innerText()).includes('From admitted to end'));
    }
    await visit.shot('call');
    await visit.sound();
    await visit.close();
});

test('on a phone a list of calls shows what each cost', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { size: PHONE });
    for (const where of ['', 'cost_state=unpriced']) { // also where a part of a call has no price
        await visit.go(`/calls?range=30d&where=${encodeURIComponent(where)}`);
        const costs = visit.page.locator('.calls tbody tr');
        assert.ok(await costs.count() > 0, where);
        const cut = await costs.evaluateAll((rows) => rows.map((row) => row.lastElementChild.firstElementChild).filter((cost) => cost.getBoundingClientRect().right > innerWidth - 12).map((cost) => cost.innerText));
        assert.deepEqual(cut, [], where);
    }
    await visit.sound();
    await visit.close();
});

test('one call on a phone and in the dark; one that is not there', { skip: noBrowser }, async () => {
    const [{ id }] = await purser.sql("SELECT CAST(call_id AS TEXT) AS id FROM attempts WHERE reason = 'escalation' ORDER BY number DESC LIMIT 1");
    for (const [name, options] of [['phone', { size: PHONE }], ['dark', { scheme: 'dark' }]]) {
        const visit = await browse(purser, options);
        await visit.go(`/calls/${hex(id)}`);
        await visit.shot(`call-${name}`);
        await visit.sound();
        visit.allow(/status of 404/);
        await visit.go('/calls/00000000000000ff');
        await visit.page.getByRole('alert').getByText('no call with this id').waitFor();
        await visit.sound();
        await visit.close();
    }
});

test('a call is found by its id, and by the beginning of it', { skip: noBrowser }, async () => {
    const [{ id }] = await purser.sql(`SELECT CAST(max(call_id) AS TEXT) AS id FROM attempts WHERE ${day}`);
    const visit = await browse(purser);
    await visit.go(`/calls?${range}`);
    await visit.page.keyboard.press('/');
    await visit.page.getByRole('dialog').getByRole('combobox').fill(hex(id).slice(0, 14)); // once it is there
    await visit.page.getByRole('option', { name: /whose id begins so/ }).click();
    await visit.settled();
    assert.ok((await listed(visit)).some((row) => row.id === hex(id)));
    assert.ok((await listed(visit)).every((row) => row.id.startsWith(hex(id).slice(0, 14))));
    await visit.page.keyboard.press('/');
    await visit.page.getByRole('dialog').getByRole('combobox').fill(hex(id));
    await visit.page.getByRole('option', { name: /call by its id/ }).click();
    await visit.page.getByRole('heading', { level: 1, name: hex(id) }).waitFor();
    await visit.go(`/calls?${range}`);
    const csv = await visit.page.request.get(purser.adminUrl + await visit.page.getByRole('link', { name: 'CSV' }).getAttribute('href'));
    const [{ n }] = await purser.sql(`SELECT count(*) AS n FROM (${calls()}) WHERE ${day}`);
    assert.equal((await csv.text()).trim().split('\n').length - 1, Math.min(1000, Number(n)), 'the CSV has what is not shown yet, too');
    await visit.close();
});

test('names that clients chose are text, in the list and on the page of their call', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    const [{ user: commas }] = await purser.sql("SELECT user FROM attempts WHERE user LIKE 'a,b%' LIMIT 1");
    for (const user of [commas, "<script>document.title='pwned'</script>", '"><img src=x onerror="document.title=\'pwned\'">', "javascript:document.title='pwned'"]) {
        await visit.go(`/calls?range=90d&where=${encodeURIComponent(`user=${user.replace(/[\\,]/g, '\\$&')}`)}`);
        const rows = await listed(visit);
        assert.ok(rows.length > 0, user);
        assert.ok(rows.every((row) => row.text.includes(user)), user);
        await visit.page.getByRole('table', { name: 'Calls' }).getByRole('link').first().click();
        await visit.page.getByText('Booked on').waitFor();
        await visit.settled();
        assert.ok((await visit.page.getByRole('region', { name: 'Booked on' }).innerText()).includes(user));
        await visit.sound();
    }
    await visit.close();
});

test('a call that ends comes to who watches, if it fits the filters', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/calls?live=1&where=feature=shop-search');
    await visit.page.getByText('live', { exact: true }).waitFor();
    const call = (feature) => post(purser, '/v1/chat/completions', { model: 'search-answer', messages: [{ role: 'user', content: 'Hello' }] }, { key: pastKey('shop-search'), headers: { 'x-purser-feature': feature, 'x-purser-user': `of-${feature}` } });
    const table = visit.page.getByRole('table', { name: 'Calls as they end' });
    await until('a call comes', async () => { // it tells of calls from its second look on
        await call('kb-index');
        const got = await call('shop-search');
        assert.equal(got.status, 200, got.text);
        return table.getByText('of-shop-search').count();
    }, { every: 300 });
    assert.equal(await table.getByText('of-kb-index').count(), 0);
    await visit.sound({ jump: 0.3 });
    await visit.close();
});
