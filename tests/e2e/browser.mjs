// A browser for the tests of the dashboard: Debian's Chromium, driven by playwright-core.
//
//   test('...', { skip: noBrowser }, async () => {
//       const visit = await browse(purser);                 // signed in with the admin token
//       await visit.go('/costs?range=7d');                  // waits until nothing is loading any more
//       await visit.page.getByRole(...).click();
//       await visit.shot('costs');                          // tests/e2e/shots/costs.png
//       await visit.sound();                                // what every view must be: see below
//       await visit.close();
//   });
//
// A visit notes what no view may do: errors on the console or thrown, requests to anybody but this purser, answers of
// 500 and above, what the content security policy refuses. sound() fails on them, on findings of axe that are serious
// or critical, on a view that is wider than the window, on markup that came from data, on a layout that jumps, and on
// words that no person wrote: null, undefined, NaN.
// What a test brings about on purpose it allows: visit.allow(/regex/).
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseBig, root, until } from './helpers.mjs';

const require = createRequire(import.meta.url);
const shots = join(root, 'tests/e2e/shots');
const binary = process.env.CHROMIUM || ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
/** Why there is no browser, for `skip`; false: there is one. */
export const noBrowser = binary ? false : 'no Chromium here: scripts/install test installs it (or say CHROMIUM=/path/to/it)';

/** The dashboard's pages, from its own list: { path, key, title, name }. */
export const pages = [...readFileSync(join(root, 'ui/src/pages/index.ts'), 'utf8').matchAll(/path: '([a-z]*)', key: '(.)', title: '([^']*)'/g)]
    .map(([, path, key, title]) => ({ path, key, title, name: path || 'now' }));

let browser = null;
let axe = '';
/** Windows that nobody looks through, by their kind: what they have run once they run in a third of the time. */
const idle = new Map();

/** The one browser of this process; it ends with the process's tests: call closeBrowser() in after(). */
async function theBrowser() {
    if (browser) return browser;
    const { chromium } = require('playwright-core');
    axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
    const args = ['--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none', '--hide-scrollbars'];
    if (process.getuid?.() === 0) args.push('--no-sandbox'); // as root, in a container, it knows no other way
    browser = await chromium.launch({ executablePath: binary, args, chromiumSandbox: process.getuid?.() !== 0 });
    return browser;
}

export async function closeBrowser() {
    await browser?.close();
    browser = null;
    idle.clear();
}

export const DESK = { width: 1440, height: 900 }, PHONE = { width: 390, height: 844 };

/** In the page: elements that an earlier one beside them is like, in all but words and addresses. */
function alike() {
    const told = /^(class|role|type|tabindex|scope|colspan|rowspan|lang|hidden|disabled|aria-(?!label|labelledby|describedby|controls|activedescendant).*)$/, looks = new Map();
    const words = (text) => (text.trim() ? `${text.trim().length > 1}${/[^ -~]/.test(text)}` : '');
    const attribute = ({ name, value }) => `${name}=${told.test(name) ? value.replace(/\d+/g, '') : name === 'style' ? value.replace(/[\d.]+(px|%)/g, '') : !!value.trim()}`;
    const look = (one) => {
        const inside = [...one.childNodes].map((node) => (node.nodeType === 1 ? look(node) : node.nodeType === 3 ? words(node.data) : ''));
        looks.set(one, `<${one.tagName} ${[...one.attributes].map(attribute).sort().join(' ')}>${inside.join('')}</>`);
        return looks.get(one);
    };
    const found = [], walk = (one) => {
        const seen = new Set();
        for (const child of one.children) {
            if (seen.has(looks.get(child))) found.push(child);
            else seen.add(looks.get(child)) && walk(child);
        }
    };
    look(document.body);
    walk(document.body);
    return found;
}

class Visit {
    constructor(purser, page, kind) {
        Object.assign(this, { purser, context: page.context(), page, kind, faults: [], allowed: [], flying: new Set(), asked: [] });
        const own = new URL(purser.adminUrl).origin;
        page.on('console', (message) => message.type() === 'error' && this.fault(`console: ${message.text()} (${message.location().url})`));
        page.on('pageerror', (error) => this.fault(`thrown: ${error.stack}`));
        page.on('request', (request) => {
            const url = new URL(request.url());
            if (/^https?:$/.test(url.protocol) && url.origin !== own) this.fault(`request to somebody else: ${url}`);
            if (request.resourceType() !== 'eventsource') this.flying.add(request);
            if (url.pathname.startsWith('/api/')) this.asked.push(url);
        });
        page.on('requestfinished', (request) => this.flying.delete(request));
        page.on('requestfailed', (request) => {
            this.flying.delete(request);
            const why = request.failure()?.errorText ?? '';
            if (why !== 'net::ERR_ABORTED') this.fault(`request failed: ${request.url()}: ${why}`); // aborted: the page wants it no more
        });
        page.on('response', (response) => response.status() >= 500 && this.fault(`status ${response.status()}: ${response.url()}`));
    }

    fault(text) {
        this.faults.push(text);
    }

    /** What the test brings about on purpose. */
    allow(...patterns) {
        this.allowed.push(...patterns);
    }

    async go(path) {
        await this.page.goto(this.purser.adminUrl + path, { waitUntil: 'load' });
        await this.settled();
    }

    /** Nothing is asked for, nothing says that it is loading, and it has been drawn. */
    async settled({ seconds = 30 } = {}) {
        await until(`${this.page.url()} settled (asked for: ${[...this.flying].map((one) => one.url())})`, async () => {
            if (this.flying.size) return false;
            const ready = await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => // behind effects, which ask
                done(!document.querySelector('[aria-busy="true"]') && document.fonts.status === 'loaded' && !!document.getElementById('app')?.childElementCount))))));
            return ready && !this.flying.size;
        }, { seconds, every: 15 });
    }

    /** A picture of the whole page for people to look at. */
    async shot(name, { full = true } = {}) {
        mkdirSync(shots, { recursive: true });
        await this.page.screenshot({ path: join(shots, `${name}.png`), fullPage: full, animations: 'disabled', caret: 'hide' });
    }

    /** Serious and critical findings of axe, as sentences. Of elements beside each other that differ in their words
     *  alone it looks at the first: a table has hundreds. What is asked for anew is dimmed for so long: that is waited for. */
    async findings() {
        if (!(await this.page.evaluate(() => 'axe' in globalThis))) await this.page.evaluate(`${axe}; globalThis.purserAlike = ${alike}`);
        return this.page.evaluate(async () => {
            const rules = Object.fromEntries(globalThis.axe._audit.rules.filter((rule) => /minor|moderate/.test(rule.impact)).map((rule) => [rule.id, { enabled: false }]));
            let violations, dimmed, tries = 0;
            const isDimmed = () => !!document.querySelector('.stale'), watch = new MutationObserver(() => (dimmed ||= isDimmed()));
            watch.observe(document.body, { subtree: true, childList: true, attributeFilter: ['class'] });
            do {
                for (let frames = 0; isDimmed() && frames < 300; frames++) await new Promise(requestAnimationFrame);
                dimmed = isDimmed();
                ({ violations } = await globalThis.axe.run({ include: document, exclude: globalThis.purserAlike() }, { resultTypes: ['violations'], rules }));
            } while (dimmed && violations.length && ++tries < 5);
            watch.disconnect();
            return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).flatMap((one) =>
                one.nodes.map((node) => `${one.impact} ${one.id}: ${node.target.join(' ')}: ${node.html.slice(0, 200)}: ${node.failureSummary}`));
        });
    }

    /** How far what is shown has jumped, as Chromium measures it (cumulative layout shift). */
    jumped() {
        return this.page.evaluate(() => globalThis.purserJumps);
    }

    /** What came from data and became markup. */
    injected() {
        return this.page.evaluate(() => {
            const found = [...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((attribute) => attribute.name.startsWith('on') ||
                (/^(href|src|action)$/.test(attribute.name) && /^\s*(javascript|data:text)/i.test(attribute.value)))).map((one) => one.outerHTML.slice(0, 200));
            const scripts = [...document.scripts].filter((one) => !one.src.startsWith(location.origin)).map((one) => one.outerHTML.slice(0, 200));
            if (!/purser/.test(document.title)) found.push(`title: ${document.title}`);
            return [...found, ...scripts];
        });
    }

    /** Texts that a program let slip. */
    slips() {
        return this.page.evaluate(() => {
            const found = [], walker = document.createTreeWalker(document.getElementById('app'), NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                if (/\b(null|undefined|NaN|Infinity)\b|\[object /.test(node.data)) found.push((node.parentElement.innerText ?? '').slice(0, 200));
            }
            return found;
        });
    }

    /** A table by its label: { rows: [{ column: text }], total: { column: text } }. */
    async table(label) {
        return this.page.getByRole('table', { name: label }).evaluate((table) => {
            const texts = (row) => [...row.cells].map((cell) => cell.innerText.trim());
            const names = texts(table.tHead.rows[0]).map((name) => name.replace(/\s*[↑↓]$/, ''));
            const read = (row) => Object.fromEntries(texts(row).map((text, i) => [names[i], text]));
            return { rows: [...table.tBodies[0].rows].map(read), total: table.tFoot ? read(table.tFoot.rows[0]) : null };
        });
    }

    /** What the page asked of a path of the API last. */
    lastAsked(path) {
        return this.asked.filter((url) => url.pathname === `/api/v1${path}`).at(-1);
    }

    /** The range of a question that the page has asked: { since, until }, whenever that was. */
    range(path) {
        const { searchParams } = this.lastAsked(path);
        return { since: searchParams.get('since'), until: searchParams.get('until') };
    }

    /** Does what makes the page ask a path of the API, and gives the answer that it got: a second one may be another. */
    async told(path, act) {
        const [answer] = await Promise.all([this.page.waitForResponse((one) => new URL(one.url()).pathname === `/api/v1${path}`), act()]);
        return parseBig(await answer.text());
    }

    /** What makes the page wider than the window; empty: nothing does. */
    wide() {
        return this.page.evaluate(() => {
            if (document.documentElement.scrollWidth <= innerWidth) return '';
            const out = [...document.querySelectorAll('#app *')].filter((one) => one.getBoundingClientRect().right > innerWidth);
            return `${document.documentElement.scrollWidth} wide: ${out.slice(-3).map((one) => one.outerHTML.slice(0, 300)).join('\n')}`;
        });
    }

    async sound(options) {
        try {
            await this.inspect(options);
        } catch (error) {
            await this.shot(`failed-${new URL(this.page.url()).pathname.replace(/\W+/g, '-')}`).catch(() => {});
            throw error;
        }
    }

    async inspect({ axe: look = true, jump = 0.1 } = {}) {
        const where = `${this.page.url().replace(this.purser.adminUrl, '')} (${this.page.viewportSize().width} wide)`;
        const none = (list, what) => assert.equal(list.length, 0, `${where}: ${what}: ${JSON.stringify(list, null, 1)}`);
        const wide = await this.wide();
        assert.equal(wide, '', `${where} is wider than the window: ${wide}`);
        none(await this.injected(), 'markup that came from data');
        none(await this.slips(), 'words of a program');
        const jumped = await this.jumped();
        assert.ok(jumped <= jump, `${where} jumped by ${jumped}`);
        if (look) none(await this.findings(), 'axe');
        none(this.faults.filter((fault) => !this.allowed.some((one) => one.test(fault))), 'faults');
    }

    /** Leaves the window, emptied, to the next visit; `again`: false where the test has given the page a script. */
    async close({ again = true } = {}) {
        const { page, context } = this;
        page.removeAllListeners();
        try {
            if (!again) throw new Error('used up');
            await page.unrouteAll({ behavior: 'ignoreErrors' });
            await context.clearCookies();
            await page.goto(`${this.purser.adminUrl}/api/v1/session`);
            await page.evaluate(() => (localStorage.clear(), sessionStorage.clear()));
            idle.set(this.kind, [...(idle.get(this.kind) ?? []), page]);
        } catch {
            await context.close();
        }
    }
}

async function newWindow(size, phone, scale) {
    const context = await (await theBrowser()).newContext({
        viewport: size, reducedMotion: 'reduce', deviceScaleFactor: scale, hasTouch: phone, isMobile: phone,
        locale: 'en-GB', timezoneId: 'Europe/Berlin', // which must not matter: all times are UTC
    });
    await context.addInitScript(() => {
        globalThis.purserJumps = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.purserJumps += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
    });
    return context.newPage();
}

/** A window of its own onto the dashboard of `purser`. `token`: who signs in; null: nobody. */
export async function browse(purser, { token = purser.adminToken, scheme = 'light', size = DESK, scale = 1 } = {}) {
    const phone = size.width < 600, kind = `${phone} ${scale}`;
    const page = idle.get(kind)?.pop() ?? (await newWindow(size, phone, scale));
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    if (token) {
        const answer = await page.context().request.post(`${purser.adminUrl}/api/v1/session`, { data: { token }, headers: { origin: purser.adminUrl } });
        assert.equal(answer.status(), 200, await answer.text());
    }
    return new Visit(purser, page, kind);
}
