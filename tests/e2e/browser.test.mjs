// The browser's rig itself: what no view may do is seen.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';
import { browse, closeBrowser, noBrowser } from './browser.mjs';
import { until } from './helpers.mjs';

after(closeBrowser);

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; img-src *";
const sick = {
    'an error on the console': { script: 'console.error("lost")', sees: /console: lost/ },
    'something thrown': { script: 'null.x', sees: /thrown: .*null/ },
    'a request to somebody else': { body: '<img src="http://127.0.0.1:9/x.png" alt="">', sees: /somebody else: http:\/\/127\.0\.0\.1:9/ },
    'an answer of 500': { script: 'fetch("/broken").catch(() => 0)', sees: /status 500/ },
    'what the policy refuses': { body: '<p style="color: red">red</p>', sees: /Content Security Policy/i },
    'a view wider than the window': { script: 'document.querySelector("main").style.width = "3000px"', sees: /wider than the window/ },
    'markup from data': { body: '<b onclick="1">x</b>', sees: /markup that came from data/ },
    'a title from data': { script: 'document.title = "pwned"', sees: /title: pwned/ },
    'a word that no person wrote': { body: '<p>null of undefined</p>', sees: /words of a program/ },
    'a button without a name': { body: '<button></button>', sees: /button-name/ },
    'a link without a name behind many that have one': { body: `<ul>${'<li><a href="/a">a link</a></li>'.repeat(20)}<li><a href="/b"></a></li></ul>`, sees: /link-name/ },
    'a layout that jumps': { script: 'setTimeout(() => { const b = document.createElement("div"); b.style.height = "500px"; document.querySelector("main").prepend(b); }, 100)', sees: /jumped by/, jumps: true },
};

test('a view that is sound passes, and each thing that it must not do is seen', { skip: noBrowser }, async () => {
    let now = {};
    const server = http.createServer((req, res) => {
        if (req.url === '/api/v1/session') return res.end('{}');
        if (req.url === '/broken') return res.writeHead(500).end();
        if (req.url === '/script.js') return res.writeHead(200, { 'content-type': 'text/javascript' }).end(now.script ?? '');
        if (req.url === '/favicon.ico') return res.writeHead(204).end();
        res.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy });
        res.end(`<!doctype html><html lang="en"><title>purser</title><main id="app"><h1>A view</h1><p>with words that are long enough to be seen</p>${now.body ?? ''}</main><script src="/script.js"></script>`);
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const fake = { adminUrl: `http://127.0.0.1:${server.address().port}`, adminToken: 'x' };
    try {
        const visit = await browse(fake);
        for (const [what, one] of [['nothing', {}], ...Object.entries(sick)]) {
            now = one;
            visit.faults.length = 0;
            await visit.go('/');
            if (one.jumps) await until('it jumps', async () => (await visit.jumped()) > 0);
            if (one.sees) await assert.rejects(visit.sound(), one.sees, what);
            else await visit.sound();
        }
        now = sick['an error on the console'];
        visit.faults.length = 0;
        visit.allow(/lost/);
        await visit.go('/');
        await visit.sound();
        await visit.close();
    } finally {
        server.close();
        server.closeAllConnections();
    }
});
