// Providers: how they are shown who calls, tokens that change, and the commands that list and check them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aliceKey, bin, labSettings, run, startPurser, startSimulator, tempDir, until } from './helpers.mjs';

/** A provider that keeps the heads of what it was asked, and answers by `answer(head)`. */
async function startUpstream(answer) {
    const heads = [];
    const server = http.createServer((request, response) => {
        heads.push({ method: request.method, url: request.url, headers: request.headers });
        const chunks = [];
        request.on('data', (data) => chunks.push(data));
        request.on('end', () => {
            const { status = 200, body } = answer(heads.at(-1), Buffer.concat(chunks));
            response.writeHead(status, { 'content-type': 'application/json' });
            response.end(JSON.stringify(body));
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        heads,
        url: `http://127.0.0.1:${server.address().port}`,
        stop: () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections()),
    };
}

const completion = {
    id: 'c-1', object: 'chat.completion', created: 1, model: 'sim-small',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Ahoy' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
};

const chat = (purser) =>
    fetch(`${purser.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${aliceKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'cheap', messages: [{ role: 'user', content: 'Ahoy!' }] }),
    });

test('a token from a command is shown, fetched anew when it is refused, and kept when the command fails', async () => {
    const dir = tempDir();
    const file = join(dir, 'token');
    let refused = null;
    const upstream = await startUpstream((head) =>
        head.headers.authorization === refused
            ? { status: 401, body: { error: { message: 'expired', type: 'x', code: 'x' } } }
            : { body: completion });
    writeFileSync(file, 'token-one');
    const settings = labSettings({ url: upstream.url });
    settings.providers.lab = {
        kind: 'openai', base_url: `${upstream.url}/v1`, token_command: ['cat', file], headers: { 'x-team': 'blue' },
    };
    const purser = await startPurser({ settings });
    assert.equal((await chat(purser)).status, 200);
    assert.equal(upstream.heads.at(-1).headers.authorization, 'Bearer token-one');
    assert.equal(upstream.heads.at(-1).headers['x-team'], 'blue');

    writeFileSync(file, 'token-two');
    refused = 'Bearer token-one';
    assert.notEqual((await chat(purser)).status, 200);
    await until('the new token', async () => (await chat(purser)).status === 200, { seconds: 45, every: 500 });
    assert.equal(upstream.heads.at(-1).headers.authorization, 'Bearer token-two');

    const metrics = await purser.metrics();
    assert.match(metrics, /purser_credential_usable\{purser_provider="lab"\} 1/);
    assert.ok(!metrics.includes('token-two') && !purser.log.includes('token-'));
    await purser.stop();
    await upstream.stop();
});

test('without its token a provider is not called, and the client is told why', async () => {
    const upstream = await startUpstream(() => ({ body: completion }));
    const settings = labSettings({ url: upstream.url });
    settings.providers.lab = { kind: 'openai', base_url: `${upstream.url}/v1`, token_file: '/nowhere/token' };
    const purser = await startPurser({ settings });
    const answer = await chat(purser);
    assert.equal(answer.status, 503);
    assert.match((await answer.json()).error.message, /no token yet: the file is not there/);
    assert.match(purser.log, /warning: the provider 'lab' has no new token: the file is not there/);
    assert.equal(upstream.heads.length, 0);
    await purser.stop();
    await upstream.stop();
});
