// The dashboard in a real browser, on generated data: every page, light and dark, on a desk and on a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PHONE, browse, closeBrowser, noBrowser, pages } from './browser.mjs';
import { startPurser, startSimulator } from './helpers.mjs';
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

test('signing in by hand: a wrong token is told so, the right one stays until one signs out', { skip: noBrowser }, async () => {
    const visit = await browse(purser, { token: null });
    visit.allow(/status of 401/);
    await visit.go('/budgets?range=7d');
    await visit.shot('sign-in');
    const field = visit.page.getByLabel('Token');
    await field.fill('not-the-token-of-anybody');
    await visit.page.keyboard.press('Enter');
    await visit.page.getByRole('alert').getByText('not known').waitFor();
    await field.fill(purser.adminToken);
    await visit.page.keyboard.press('Enter');
    await visit.page.getByRole('heading', { level: 1, name: 'Budgets & switches' }).waitFor();
    await visit.settled();
    assert.match(visit.page.url(), /\/budgets\?range=7d$/, 'it goes on where one wanted to go');
    await visit.page.reload();
    await visit.settled();
    assert.equal(await visit.page.getByLabel('Token').count(), 0);
    await visit.page.getByRole('button', { name: 'Sign out' }).click();
    await visit.page.getByLabel('Token').waitFor();
    await visit.sound();
    await visit.close();
});

for (const [name, options, looks] of [['light and dark', {}, ['light', 'dark']], ['phone', { size: PHONE }, ['phone']]]) {
    test(`every page, ${name}: sound, and as wide as the window`, { skip: noBrowser }, async () => {
        const visit = await browse(purser, options);
        for (const page of pages) {
            await visit.page.emulateMedia({ colorScheme: 'light' });
            await visit.go(`/${page.path}`);
            assert.equal(await visit.page.getByRole('heading', { level: 1 }).innerText(), page.title);
            for (const look of looks) {
                if (look === 'dark') await visit.page.emulateMedia({ colorScheme: 'dark' });
                await visit.settled();
                await visit.shot(`${page.name}-${look}`);
                await visit.sound();
            }
        }
        await visit.close();
    });
}

test('what pages lead to, in the dark and on a phone, of names that clients chose: sound', { skip: noBrowser }, async () => {
    const [ladder] = await purser.sql("SELECT printf('%016llx', call_id) AS id, task FROM attempts WHERE feature = 'invoice-reader' GROUP BY call_id HAVING count(*) > 2 LIMIT 1");
    const [hostile] = await purser.sql("SELECT printf('%016llx', call_id) AS id, user, task, session, feature FROM attempts WHERE user LIKE '%endless%' AND session LIKE '%_' AND task LIKE '%_' LIMIT 1");
    const paths = [
        ['feature', 'features', 'support-bot'], ['feature-hostile', 'features', hostile.feature], ['call', 'calls', ladder.id], ['call-hostile', 'calls', hostile.id],
        ['task', 'tasks', ladder.task], ['task-hostile', 'tasks', hostile.task], ['session-hostile', 'tasks', 'session', hostile.session],
        ['user', 'users', 'user', 'customer-8'], ['user-hostile', 'users', 'user', hostile.user], ['key', 'users', 'keys', 'support-web'], ['provider', 'providers', 'openai'], ['budget', 'budgets', 'each-user'],
    ];
    for (const [look, options] of [['dark', { scheme: 'dark' }], ['phone', { size: PHONE }]]) {
        const visit = await browse(purser, options);
        for (const [name, ...path] of paths) {
            await visit.go(`/${path.map(encodeURIComponent).join('/')}?range=90d`);
            await visit.page.getByRole('heading', { level: 1 }).waitFor();
            await visit.shot(`${name}-${look}`);
            await visit.sound();
        }
        await visit.close();
    }
});

test('keys go from page to page, open help and search, and leave fields alone', { skip: noBrowser }, async () => {
    const visit = await browse(purser);
    await visit.go('/');
    for (const page of [...pages.slice(1), pages[0]]) {
        await visit.page.keyboard.press('g');
        await visit.page.keyboard.press(page.key);
        await visit.page.getByRole('heading', { level: 1, name: page.title }).waitFor();
    }
    await visit.page.keyboard.press('?');
    await visit.page.getByRole('dialog').waitFor();
    await visit.sound();
    await visit.page.keyboard.press('Escape');
    await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
    await visit.page.keyboard.press('/');
    await visit.page.getByRole('dialog').waitFor();
    await visit.page.keyboard.type('budg');
    await visit.page.keyboard.press('Enter');
    await visit.page.getByRole('heading', { level: 1, name: 'Budgets & switches' }).waitFor();
    await visit.close();
});
