// The dashboard as one works on it: bundles ui/src anew at each load of the page, and hands everything else to a purser.
//
//   node ui/dev.mjs [--purser http://127.0.0.1:8401] [--port 8402]
//
// The session's cookie and the CSRF token go through as they are, so signing in is signing in to that purser.
import http from 'node:http';
import { parseArgs } from 'node:util';
import { bundle, pageNames } from './build.mjs';

const { values } = parseArgs({ options: { purser: { type: 'string', default: 'http://127.0.0.1:8401' }, port: { type: 'string', default: '8402' } } });
const purser = new URL(values.purser);
let files = await bundle({ minify: false, sourcemap: true });

function proxy(req, res) {
    const headers = { ...req.headers, host: purser.host };
    if (headers.origin) headers.origin = purser.origin;
    const there = http.request({ host: purser.hostname, port: purser.port, method: req.method, path: req.url, headers }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
    });
    there.on('error', (error) => res.headersSent ? res.destroy() : res.writeHead(502, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ title: 'No purser', status: 502, detail: error.message })));
    res.on('close', () => there.destroy());
    req.pipe(there);
}

const server = http.createServer(async (req, res) => {
    const { pathname } = new URL(req.url, 'http://x');
    const isPage = pathname === '/' || pageNames().includes(pathname.split('/')[1]);
    if (isPage) {
        try {
            files = await bundle({ minify: false, sourcemap: true });
        } catch (error) {
            return res.writeHead(500, { 'content-type': 'text/plain' }).end(error.message);
        }
    }
    const file = files.find((one) => one.path === (isPage ? '/index.html' : pathname));
    if (file) return res.writeHead(200, { 'content-type': file.type, 'cache-control': 'no-store' }).end(file.bytes);
    proxy(req, res);
});
server.listen(Number(values.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/ in front of ${purser.origin}`));
