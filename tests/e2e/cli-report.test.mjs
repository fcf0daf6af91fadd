// `purser report`: of the running server, over its API, and the same to the byte of the store once it has stopped.
// @sanitizers
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { bin, run, sanitized, startPurser, tempDir } from './helpers.mjs';
import { makePast } from './past.mjs';

let purser, past, since;
before(async () => {
    past = await makePast({ rows: sanitized ? 2000 : 6000, days: 40, users: 500, hostile: true });
    purser = await startPurser(past);
    since = new Date(Date.now() - 40 * 86400e3).toISOString();
});
after(() => purser?.stop());

const until = ['--until', '2100-01-01'];

test('every report is the same with the server and without it', async () => {
    const questions = [
        [],
        ['--by', 'user', '--limit', '3'],
        ['--by', 'user,task,session', '--limit', '100000'],
        ['--by', 'day', '--where', 'feature=support-bot'],
        ['--by', 'day,feature', '--limit', '5'],
        ['--by', 'minute', '--limit', '7'],
        ['--by', ''],
        ['--where', 'feature=support-bot,feature=code-review,status=ok', '--by', 'model'],
        ['--where', 'user=a, b\\,c', '--where', 'team=none', '--by', 'prompt'],
        ['--where', 'user=', '--by', 'tags'],
        ['--ladder', 'writer', '--where', 'feature=support-bot'],
        ['--by', 'feature', '--until', new Date(Date.now() - 26 * 86400e3).toISOString().replace('Z', '456Z')],
        ['--by', 'feature', '--since', '1960-01-01'],
        ['--by', 'user', '--limit', '100001'], // more than the API gives
    ];
    const formats = ['table', 'json', 'csv'];
    const ask = async () => {
        const said = {};
        for (const [i, question] of questions.entries())
            for (const format of sanitized ? [formats[i % 3]] : formats) {
                const line = ['report', '--since', since, ...(question.includes('--until') ? [] : until), ...question, '--format', format];
                said[line.join(' ')] = await purser.cli(line, { encoding: 'latin1' }); // bytes that are no UTF-8, too
            }
        return said;
    };
    const running = await ask();
    await purser.stop();
    const stopped = await ask();
    for (const line of Object.keys(running)) {
        assert.deepEqual(running[line], stopped[line], line);
        assert.deepEqual([running[line].code, running[line].stderr], [0, ''], line);
    }
    const sizes = Object.values(running).map(({ stdout }) => stdout.length);
    assert.ok(sizes.every((n) => n > 0) && sizes.filter((n) => n > 1000).length > sizes.length / 2, `${sizes}`);
    purser = await startPurser(past);
});

test('a filter that is no UTF-8, which the API does not take, is answered from the store', async () => {
    const line = `exec "$0" report --config "$1" --since 40d --by user --format csv --where "user=$(printf '\\377\\376')<b>bytes that are no UTF-8$(printf '\\303')"`;
    const got = await run('sh', ['-c', line, bin, join(past.dir, 'purser.yaml')], { env: { NO_COLOR: '1' }, encoding: 'latin1' });
    assert.deepEqual([got.code, got.stderr], [0, '']);
    assert.equal(got.stdout.trim().split('\n').length, 2, got.stdout);
});

/** A server that answers `answer(url, response)` over the socket of a folder of its own; `asked` has the addresses. */
async function standIn(answer) {
    const dir = tempDir(), asked = [];
    const server = http.createServer((request, response) => {
        asked.push(new URL(request.url, 'http://localhost'));
        answer(response, request);
    });
    await new Promise((done) => server.listen(join(dir, 'purser.sock'), done));
    server.unref();
    const report = (...args) => run(bin, ['report', ...args, '--data', dir], { cwd: dir, env: { NO_COLOR: '1' } });
    return { asked, report, stop: () => { server.closeAllConnections(); return new Promise((done) => server.close(done)); } };
}

const events = (...list) => (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [name, data] of list) response.write(name ? `event: ${name}\ndata: ${data}\n\n` : `: ${data}\n\n`);
    response.end();
};
const text = (s) => JSON.stringify({ text: s });

test('the server is asked, and what it says is printed as it is', async () => {
    const said = 'a,b\r\n"x\ny",é\u{1f600}\n';
    const server = await standIn(events(['', 'here'], ['progress', '{"done":0.25}'], ['warning', '{"detail":"the latest \\u001b[2J are missing"}'], ['progress', '{"done":1.000}'], ['answer', text(said)]));
    const got = await server.report('--format', 'csv', '--by', 'user,model', '--since', '2026-01-02', '--until', '2026-02-03T04:05:06.789Z', '--where', 'user=a,b\\c', '--where', 'team=x,team=y', '--limit', '17');
    assert.deepEqual(got, { code: 0, stdout: said, stderr: 'purser report: warning: the latest ?[2J are missing\n' });
    assert.equal(server.asked.length, 1);
    assert.equal(server.asked[0].pathname, '/api/v1/report');
    assert.deepEqual(Object.fromEntries(server.asked[0].searchParams), {
        by: 'user,model', where: 'user=a\\,b\\\\c,team=x,team=y', since: '2026-01-02T00:00:00.000000Z', until: '2026-02-03T04:05:06.789000Z', limit: '17', format: 'csv',
    });
    await server.report('--ladder', 'triage', '--where', 'team=x', '--since', '2026-01-02');
    assert.deepEqual(Object.fromEntries(server.asked[1].searchParams), { where: 'team=x', ladder: 'triage', since: '2026-01-02T00:00:00.000000Z', limit: '100', format: 'table' });
    await server.stop();
});

test('JSON comes as it is, in however many lines', async () => {
    const server = await standIn((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const bytes = ': here\n\nevent: progress\r\ndata: {"done":0.125}\r\n\r\nevent: answer\r\ndata: {"rows":[\r\ndata: {"é":1}],\r\ndata: "next":null}\r\n\r\n';
        (async () => {
            for (const byte of Buffer.from(bytes)) await new Promise((done) => response.write(Buffer.of(byte), done));
            response.end();
        })();
    });
    assert.deepEqual(await server.report('--format', 'json'), { code: 0, stderr: '', stdout: '{"rows":[\n{"é":1}],\n"next":null}\n' });
    await server.stop();
});

test('what the server refuses is told in its words', async () => {
    const server = await standIn(events(['problem', '{"title":"Bad Request","status":400,"detail":"too many groups, \\"really\\""}']));
    assert.deepEqual(await server.report(), { code: 1, stdout: '', stderr: 'purser report: too many groups, "really"\n' });
    await server.stop();
});

test('what is too large for the server the command reads itself', async () => {
    const server = await standIn(events(['progress', '{"done":0.5}'], ['problem', '{"status":422,"code":"too_many_groups","detail":"no room"}']));
    const got = await server.report('--format', 'csv');
    assert.match(got.stderr, /^purser report: there is no ledger in /); // an empty folder has none
    assert.deepEqual([got.code, got.stdout, server.asked.length], [1, '', 1]);
    await server.stop();
});

test('where a server does not answer as it should, the store is read, and that is said', async () => {
    const plain = (status, body) => (response) => response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body) }).end(body);
    for (const [what, answer, said] of [
        ['is an older one', plain(400, '{"detail":"There is no parameter \'width\' here."}'), /warning: There is no parameter 'width' here\.; this is what is stored/],
        ['is busy', plain(503, '{"detail":"Too many questions wait."}'), /warning: Too many questions wait\.; this is/],
        ['breaks off', (response) => { response.writeHead(200, { 'content-type': 'text/event-stream' }); response.write('event: answer\ndata: {'); setTimeout(() => response.destroy(), 50); }, /warning: the server at .* gave no whole answer; this is/],
        ['goes silent', (response) => { response.writeHead(200, { 'content-type': 'text/event-stream' }); response.write('event: progress\ndata: {"done":0.5}\n\n'); }, /warning: the server at .* went silent for 10 s; this is/],
        ['says no word', plain(302, ''), /warning: the server answers 302 and says no more; this is/],
        ['ends too early', events(['progress', '{"done":0.5}']), /warning: the server's answer is not what it should be/],
        ['says what is no text', events(['answer', '{"text":7}']), /warning: the server's answer is not/],
        ['sends no events', plain(200, '{}'), /warning: the server's answer is not/],
        ['is no server for HTTP', (response) => response.socket.end('SSH-2.0-x\r\n\r\n'), /warning: the server at .* gave no whole answer/],
    ]) {
        const server = await standIn(answer);
        const got = await server.report('--format', 'csv');
        await server.stop();
        assert.match(got.stderr, said, what);
        assert.match(got.stderr, /no ledger|no store|there is no/i, what); // an empty folder has none
        assert.equal(got.stdout, '', what);
    }
});

test('reports of the command line keep nobody from the API waiting', async () => {
    const path = `/api/v1/report?by=user,task,session&limit=100000&since=${since}&until=2100-01-01`;
    let done = 0;
    const all = Array.from({ length: 40 }, () => new Promise((ended, failed) => {
        const ask = http.get({ socketPath: join(purser.data, 'purser.sock'), path, agent: false, headers: { accept: 'text/event-stream' } }, (answer) => {
            answer.resume();
            answer.on('end', () => ended(done++));
        });
        ask.on('error', failed);
    }));
    await Promise.race(all); // all of them have been asked by now
    const got = await fetch(`${purser.adminUrl}/api/v1/report?by=feature`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.equal(got.status, 200);
    const before = done;
    await Promise.all(all);
    assert.ok(before < 30, `${before} of 40 were answered before it`);
});

test('the table is as wide as is said, and coloured where that is said', async () => {
    const table = async (query) => {
        const got = await fetch(`${purser.adminUrl}/api/v1/report?by=feature&since=${since}&${query}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
        return { status: got.status, type: got.headers.get('content-type'), text: await got.text() };
    };
    const lines = ({ text }) => text.split('\n').slice(0, 8).map((line) => [...line].length);
    const whole = await table('format=table'), narrow = await table('format=table&width=70'), coloured = await table('format=table&width=70&colour=true');
    assert.deepEqual([whole.status, whole.type], [200, 'text/plain; charset=utf-8']);
    assert.ok(Math.max(...lines(whole)) > 70 && Math.max(...lines(narrow)) <= 70, `${lines(whole)} ${lines(narrow)}`);
    assert.match(narrow.text, /left out in so narrow a terminal/);
    assert.ok(!whole.text.includes('\x1b[') && !narrow.text.includes('\x1b['));
    assert.equal(coloured.text.replace(/\x1b\[\d*m/g, ''), narrow.text);
    assert.ok(coloured.text.includes('\x1b['));
    for (const wrong of ['format=xml', 'format=table&width=x', 'format=table&colour=red']) assert.equal((await table(wrong)).status, 400, wrong);
});

test('more questions than may wait are refused as any other, also where events were asked for', async () => {
    const path = `/api/v1/report?by=user,task,session&limit=100000&since=${since}&until=2100-01-01`;
    const answers = await Promise.all(Array.from({ length: 200 }, () => new Promise((ended, failed) => {
        const ask = http.get({ socketPath: join(purser.data, 'purser.sock'), path, agent: false, headers: { accept: 'text/event-stream' } }, async (answer) => {
            let text = '';
            for await (const piece of answer.setEncoding('utf8')) if (text.length < 1000) text += piece;
            ended({ status: answer.statusCode, type: answer.headers['content-type'], after: answer.headers['retry-after'], text });
        });
        ask.on('error', failed);
    })));
    const refused = answers.filter(({ status }) => status !== 200);
    assert.ok(refused.length > 0 && refused.length <= 200 - 66, `${refused.length}`);
    for (const { status, type, after, text } of refused)
        assert.deepEqual([status, type, after, JSON.parse(text).code], [503, 'application/problem+json', '5', 'too_many']);
});
