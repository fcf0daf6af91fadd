// The pictures of the README, of a made-up past of 60 days with calls under way. Run by scripts/shots.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { browse, closeBrowser, noBrowser } from './browser.mjs';
import { post, root, sleep, startPurser, startSimulator } from './helpers.mjs';
import { makePast, pastKey } from './past.mjs';

const folder = join(root, 'docs/images');
const SIZE = { width: 1440, height: 900 };

/** name: { path, or what finds it; both: in the dark, too, as NAME-dark.png }. */
const PICTURES = {
    now: { path: '/', both: true },
    costs: { path: '/costs?range=30d&by=feature&compare=1', both: true },
    feature: { path: '/features/support-bot?range=30d' },
    call: { path: async (purser) => `/calls/${await dearCall(purser)}` },
};

/** A call that went up a ladder: there is something to see. */
async function dearCall(purser) {
    const [row] = await purser.sql("SELECT printf('%016llx', call_id) AS id FROM attempts WHERE feature = 'invoice-reader' GROUP BY call_id HAVING count(*) = 3 AND sum(rung = 3) = 1 ORDER BY at_us DESC LIMIT 1");
    return row.id;
}

/** Calls of several features, slow enough to be seen in flight; goes on until it is told to end. */
function traffic(purser) {
    const kinds = [['support-web', 'support-bot', 'support-chat'], ['shop-search', 'shop-search', 'search-answer'], ['mobile-ios', 'translate', 'translator'], ['platform-ci', 'code-review', 'reviewer'], ['sales-crm', 'mail-drafts', 'writer']];
    let over = false;
    const lines = Array.from({ length: 7 }, async (_, i) => {
        while (!over) {
            const [key, feature, model] = kinds[(i + Math.floor(Math.random() * kinds.length)) % kinds.length];
            const body = { model, stream: true, messages: [{ role: 'user', content: `A question of some length, ${'and more of it '.repeat(150)}. [simulate tokens=${60 + i * 20} latency=${200 + i * 60}ms between=18ms]` }] };
            const got = await post(purser, '/v1/chat/completions', body, { key: pastKey(key), headers: { 'x-purser-feature': feature, 'x-purser-user': `customer-${i + 3}` } });
            if (got.status !== 200) throw new Error(got.text);
        }
    });
    return () => (over = true) && Promise.all(lines);
}

if (noBrowser) throw new Error(noBrowser);
const wanted = process.argv.slice(2);
for (const name of wanted) if (!PICTURES[name]) throw new Error(`no picture '${name}' (there are: ${Object.keys(PICTURES).join(' ')})`);
mkdirSync(folder, { recursive: true });
const sim = await startSimulator();
const purser = await startPurser(await makePast({ rows: 80_000, users: 5000, upstream: sim.url }));
const end = traffic(purser);
try {
    await sleep(8000); // so that the page Now has something to tell
    for (const [name, { path, both }] of Object.entries(PICTURES)) {
        if (wanted.length && !wanted.includes(name)) continue;
        for (const scheme of both ? ['light', 'dark'] : ['light']) {
            const visit = await browse(purser, { scheme, size: SIZE });
            await visit.go(typeof path === 'string' ? path : await path(purser));
            await sleep(name === 'now' ? 3000 : 300);
            const file = join(folder, `${name}${scheme === 'dark' ? '-dark' : ''}.png`);
            await visit.page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
            await visit.sound({ axe: false });
            await visit.close();
            console.log(`${file.replace(`${root}/`, '')}  ${(statSync(file).size / 1024).toFixed(0)} kB`);
        }
    }
} finally {
    await end();
    await closeBrowser();
    await purser.stop();
    await sim.stop();
}
