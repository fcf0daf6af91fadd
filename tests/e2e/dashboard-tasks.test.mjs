// The page Tasks & sessions: lists and trees have the calls, attempts, sums and names of SQL, and arrow keys walk the tree.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PHONE, browse, closeBrowser, noBrowser } from './browser.mjs';
import { startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

let purser;
before(async () => {
    if (noBrowser) return;
    purser = await startPurser(await makePast({ hostile: true }));
});
after(async () => {
    await closeBrowser();
    await purser?.stop();
});

const quoted = (text) => `'${text.replace(/'/g, "''")}'`;
const cost = "sum(CASE WHEN cost_state != 'unpriced' THEN cost_picousd ELSE 0 END)";
/** "$1,234.5" as whole pico-dollars. */
function pico(text) {
    const [, whole, fraction = ''] = /\$([\d,]+)(?:\.(\d+))?/.exec(text);
    return BigInt(`${whole.replace(/,/g, '')}${fraction.padEnd(12, '0')}`);
}
const tree = (visit) => visit.page.getByRole('treegrid').evaluate((table) => [...table.tBodies[0].rows].map((row) => ({ level: Number(row.getAttribute('aria-level')), kind: row.className, text: row.innerText })));

test('tasks: the dearest first, with calls and retries as SQL counts them, none without a name', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/tasks?range=30d');
    const since = Date.parse(visit.lastAsked('/report').searchParams.get('since')) * 1000;
    const tasks = await purser.sql(`SELECT task, ${cost} AS cost, sum(number = 1) AS calls, count(*) - sum(number = 1) AS more FROM attempts WHERE at_us >= ${since} AND task != '' GROUP BY task ORDER BY cost DESC`);
    const { rows } = await visit.table('Tasks');
    for (const [i, task] of tasks.slice(0, 40).entries()) {
        const row = rows.find((one) => one.Task === task.task.trim().replace(/ +/g, ' ')) ?? rows[i];
        assert.equal(row.Calls, Number(task.calls).toLocaleString('en-US'), task.task);
        assert.equal(row.Retries, Number(task.more).toLocaleString('en-US'), task.task);
    }
    assert.ok(rows.every((row) => row.Task !== '(none)'));
    const text = await visit.page.locator('.tile', { hasText: 'Tasks' }).first().innerText();
    assert.match(text, new RegExp(`\\b${tasks.length.toLocaleString('en-US')}\\b`));
    await visit.sound();
    await visit.page.getByRole('button', { name: 'Latest' }).click();
    await visit.settled();
    const [days] = await purser.sql(`SELECT max(date(at_us / 1000000, 'unixepoch')) AS last FROM attempts WHERE task != ''`);
    assert.equal((await visit.table('Tasks')).rows[0]['Last day'], days.last);
    await visit.sound();
    await visit.close();
});

test('a task is a tree of its calls and attempts, which add up to its cost; arrow keys walk it', { skip: noBrowser }, async () => {
    const [task] = await purser.sql(`SELECT task, count(*) AS attempts, count(DISTINCT call_id) AS calls, ${cost} AS cost FROM attempts WHERE task != '' GROUP BY task
        HAVING attempts > calls + 1 AND calls BETWEEN 4 AND 12 AND sum(cost_state = 'unpriced') = 0 LIMIT 1`);
    const several = await purser.sql(`SELECT call_id, count(*) AS n FROM attempts WHERE task = ${quoted(task.task)} GROUP BY call_id HAVING n > 1`);
    const visit = await browse(purser);
    await visit.go(`/tasks/${encodeURIComponent(task.task)}`);
    const rows = await tree(visit);
    assert.equal(rows.filter((row) => row.kind === 'call').length, Number(task.calls));
    assert.equal(rows.filter((row) => row.kind === 'attempt').length, several.reduce((all, one) => all + Number(one.n), 0), 'calls of several attempts are open');
    const shown = await visit.page.locator('.tile', { hasText: 'Cost' }).first().locator('[title]').getAttribute('title');
    assert.equal(pico(shown), BigInt(task.cost));
    const first = visit.page.getByRole('treegrid').getByRole('row').nth(1);
    const open = visit.page.getByRole('treegrid').locator('tr[aria-expanded="true"]').first();
    await first.focus();
    await open.focus();
    await visit.page.keyboard.press('ArrowLeft');
    assert.ok((await tree(visit)).length < rows.length, 'left closes');
    await visit.page.keyboard.press('ArrowRight');
    assert.equal((await tree(visit)).length, rows.length, 'right opens');
    await visit.page.keyboard.press('ArrowDown');
    await visit.page.keyboard.press('Enter');
    await visit.page.getByRole('heading', { level: 1, name: /Calls/ }).waitFor();
    await visit.settled();
    assert.match(visit.page.url(), /\/calls\/[0-9a-f]{16}\?.*attempt=1|attempt=1/);
    await visit.page.goBack();
    await visit.settled();
    await visit.shot('task');
    await visit.sound();
    await visit.close();
});

test('a session: its tasks, their calls; and what there is of a runaway task on a phone', { skip: noBrowser }, async () => {
    const [session] = await purser.sql("SELECT session, count(DISTINCT call_id) AS calls, date(min(at_us) / 1000000, 'unixepoch', '-1 day') AS since, date(max(at_us) / 1000000, 'unixepoch', '+2 days') AS until FROM attempts WHERE session LIKE 's-%' GROUP BY session HAVING calls BETWEEN 5 AND 12 AND min(task) != '' LIMIT 1");
    const visit = await browse(purser);
    await visit.go(`/tasks/session/${session.session}?since=${session.since}T00:00:00Z&until=${session.until}T00:00:00Z`);
    const rows = await tree(visit);
    assert.equal(rows.filter((row) => row.kind === 'call').length, Number(session.calls));
    assert.equal(rows[0].kind, 'task');
    await visit.sound();
    await visit.go('/tasks/sessions?range=30d&order=latest');
    assert.ok((await visit.table('Sessions')).rows.length >= 90);
    await visit.sound({ axe: false });
    await visit.go('/tasks/sessions?range=24h&order=latest'); // of a thousand lines axe took seconds
    await visit.page.getByRole('table', { name: 'Sessions' }).waitFor();
    await visit.sound();
    await visit.close();
    const phone = await browse(purser, { size: PHONE });
    const [runaway] = await purser.sql("SELECT task, count(*) AS n FROM attempts WHERE user = 'nightly-build' GROUP BY task ORDER BY n DESC LIMIT 1");
    await phone.go(`/tasks/${runaway.task}`);
    assert.equal((await tree(phone)).length, Math.min(300, Number(runaway.n)));
    await phone.shot('task-phone');
    await phone.sound();
    await phone.close();
});

test('names that clients chose are text; a task that is not there is told so', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    for (const { task } of await purser.sql("SELECT DISTINCT task FROM attempts WHERE task LIKE '%<%' OR task LIKE '%javascript%' OR task LIKE '%/%' LIMIT 6")) {
        await visit.go(`/tasks/${encodeURIComponent(task)}`);
        const calls = await purser.sql(`SELECT count(DISTINCT call_id) AS n FROM attempts WHERE task = ${quoted(task)}`);
        assert.match(await visit.page.locator('.tile', { hasText: 'Calls' }).first().innerText(), new RegExp(`\\b${calls[0].n}\\b`), task);
        await visit.sound();
    }
    visit.allow(/status of 404/);
    await visit.go('/tasks/no-such-task');
    await visit.page.getByRole('alert').getByText('no call of this task').waitFor();
    await visit.sound();
    await visit.close();
});
