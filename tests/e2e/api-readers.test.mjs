// Who asks for much and reads nothing: what waits for them in memory has a ceiling, and others go on behind it.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { sleep, startPurser } from './helpers.mjs';
import { makePast } from './past.mjs';

test('answers that nobody reads hold questions back, not the port', async (t) => {
    const past = await makePast({ rows: 60000, days: 30, users: 30000 });
    const purser = await startPurser({ dir: past.dir, settings: past.settings });
    const authorization = `Bearer ${purser.adminToken}`, sockets = [];
    t.after(() => purser.stop());
    const ask = (path) => fetch(`${purser.adminUrl}${path}`, { headers: { authorization } });
    const told = []; // how far questions are that take a while: each is looked at five times a second
    for (let i = 0; i < 100 && !told.some((done) => done > 0 && done < 1); i++) {
        const events = await (await fetch(`${purser.adminUrl}/api/v1/report?by=task,user&since=90d`, { headers: { authorization, accept: 'text/event-stream' } })).text();
        told.push(...events.split('\n\n').filter((event) => event.startsWith('event: progress\n')).map((event) => JSON.parse(event.split('data: ')[1]).done));
    }
    assert.ok(told.some((done) => done > 0 && done < 1), `${told}`);
    const large = '/api/v1/report?by=user,feature,day&limit=100000&since=90d', begun = Date.now();
    const bytes = (await (await ask(large)).arrayBuffer()).byteLength, took = Date.now() - begun;
    const count = Math.ceil((64 << 20) / (bytes / 2)) + 2; // half of each the kernel holds, if so much; the last ones find no room
    for (let i = 0; i < count; i++) {
        const socket = net.connect(purser.adminPort, '127.0.0.1').on('error', () => {}).pause();
        socket.write(`GET ${large} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\n\r\n`);
        sockets.push(socket);
    }
    t.after(() => sockets.forEach((socket) => socket.destroy()));
    await sleep(300);
    const question = ask('/api/v1/report?by=feature'); // in less time than this all would have been answered, two at a time
    assert.equal(await Promise.race([question, sleep(count * took)]), undefined);
    assert.equal((await ask('/healthz')).status, 200);
    assert.equal((await ask('/api/v1/switches')).status, 200);
    const change = (method, path, body) => fetch(`${purser.adminUrl}/api/v1/${path}`, { method, headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal((await change('POST', 'switches', { ai: 'off', feature: 'nobodys', why: 'a look' })).status, 200);
    assert.equal((await change('PUT', 'limits/of-a-test', { concurrency: 1000 })).status, 200);
    const waiting = Array.from({ length: 64 }, () => ask('/api/v1/report?by=feature')); // with the others more than may wait
    const refused = await Promise.race(waiting);
    assert.deepEqual([refused.status, refused.headers.get('retry-after'), (await refused.json()).code], [503, '5', 'too_many']);
    for (const socket of sockets) socket.destroy();
    assert.equal((await question).status, 200);
    assert.ok((await Promise.all(waiting)).some((one) => one.status === 200));
});
