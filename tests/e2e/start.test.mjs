// What is settled at the start: which sockets purser listens on, and by which certificate
// authorities it knows its providers. @sanitizers
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { labSettings, post, run, startPurser, startSimulator, tempDir, until } from './helpers.mjs';

const call = { model: 'cheap', messages: [{ role: 'user', content: 'hello' }] };
const dir = tempDir();
const cert = join(dir, 'cert.pem'), key = join(dir, 'key.pem'), garbage = join(dir, 'garbage.pem');

/** A provider with a certificate that only `cert` vouches for. */
async function startTlsProvider() {
    const provider = { calls: 0, plain: 0 };
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (req, res) => {
        provider.calls++;
        req.resume().on('end', () => {
            res.setHeader('content-type', 'application/json');
            res.end(JSON.stringify({
                id: 'chatcmpl-1', object: 'chat.completion', model: 'sim-small',
                choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
                usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
            }));
        });
    });
    server.on('tlsClientError', () => provider.plain++);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    provider.url = `https://127.0.0.1:${server.address().port}/v1`;
    provider.stop = () => {
        server.close();
        server.closeAllConnections();
    };
    return provider;
}

let sim, provider;
before(async () => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(garbage, 'no certificate\n');
    sim = await startSimulator();
    provider = await startTlsProvider();
});
after(async () => {
    provider?.stop();
    await sim?.stop();
});

const tlsSettings = (more) => labSettings(sim, {
    providers: { lab: { kind: 'openai', base_url: provider.url, api_key: 'sk-simulated', ...more } },
});

test('a provider is known by its certificate, unless the settings say not to look', async () => {
    const purser = await startPurser({ settings: tlsSettings({}) });
    try {
        const refused = await post(purser, '/v1/chat/completions', call);
        assert.equal(refused.status, 502);
        assert.match(refused.text, /TLS with the provider failed: self-signed certificate; its certificate must be .* `ca_file`/);
        assert.equal(provider.calls, 0);
        await purser.reload(tlsSettings({ tls_verify: false }));
        assert.equal((await until('a call without a look', async () => {
            const got = await post(purser, '/v1/chat/completions', call);
            return got.status === 200 && got;
        })).body.choices[0].message.content, 'hello');
        await purser.reload(tlsSettings({ ca_file: cert }));
        await until('a call with the own authority', async () => (await post(purser, '/v1/chat/completions', call)).status === 200);
    } finally {
        await purser.stop();
    }
});

test('so is the service of a ladder, and a reload changes it', async () => {
    const settings = (more) => labSettings(sim, {
        models: { scan: { ladder: [{ service: `${provider.url}/chat/completions`, name: 'scan', answer: '/choices/0/message/content', ...more }, { target: 'lab/sim-small' }] } },
    });
    const purser = await startPurser({ settings: settings({}) });
    const target = async () => {
        const got = await post(purser, '/v1/chat/completions', { ...call, model: 'scan' });
        assert.equal(got.status, 200, got.text);
        return got.headers.get('x-purser-target');
    };
    try {
        const calls = provider.calls;
        assert.equal(await target(), 'lab/sim-small');
        assert.equal(provider.calls, calls);
        assert.ok((await purser.rows(2)).some((r) => r.provider === 'scan' && r.status === 'provider_tls'));
        await purser.reload(settings({ ca_file: cert }));
        await until('the service is asked', async () => (await target()) === 'scan/service');
    } finally {
        await purser.stop();
    }
});

test('without the certificate authorities that were asked for, purser does not start', async () => {
    const settings = tlsSettings({ ca_file: garbage });
    const purser = await startPurser({ settings, wait: false });
    const end = await purser.ended;
    assert.equal(end.code, 1);
    assert.match(purser.log, /'lab' cannot be checked: certificate authorities .*garbage\.pem/);
    const check = await purser.cli(['check', '--quiet']);
    assert.equal(check.code, 1);
    assert.match(check.stderr, /'lab' cannot be checked/);
});

test('a reload that names such a file changes nothing', async () => {
    const purser = await startPurser({ settings: tlsSettings({ ca_file: cert }) });
    try {
        const plain = provider.plain;
        await purser.reload(tlsSettings({ ca_file: garbage }));
        assert.match(purser.log, /NOT reloaded.*\n.*'lab' cannot be checked/);
        assert.equal((await post(purser, '/v1/chat/completions', call)).status, 200);
        assert.equal(provider.plain, plain);
    } finally {
        await purser.stop();
    }
});

test('the admin port is no door for web pages', async () => {
    const purser = await startPurser({ settings: labSettings(sim) });
    const ask = (path, headers) => new Promise((resolve, reject) => {
        get(`${purser.adminUrl}${path}`, { headers: { authorization: `Bearer ${purser.adminToken}`, ...headers } }, (answer) => {
            answer.resume().on('end', () => resolve(answer.statusCode));
        }).on('error', reject);
    });
    try {
        assert.equal(await ask('/metrics', {}), 200);
        assert.equal(await ask('/metrics', { host: 'evil.example' }), 403); // a name that was pointed at this machine
        assert.equal(await ask('/api/v1/budgets', { origin: 'https://evil.example' }), 403);
        assert.equal(await ask('/healthz', { host: 'evil.example' }), 200);
    } finally {
        await purser.stop();
    }
});

test('a port that another purser listens on is not shared', async () => {
    const first = await startPurser({ settings: labSettings(sim) });
    try {
        const settings = labSettings(sim, { listen: `127.0.0.1:${first.port}` });
        const second = await startPurser({ settings, wait: false });
        assert.equal((await second.ended).code, 1);
        assert.match(second.log, new RegExp(`port ${first.port}: Address already in use; .*another .listen.`));
        assert.equal((await post(first, '/v1/chat/completions', call)).status, 200);
    } finally {
        await first.stop();
    }
});

test('a key that is added holds at once, is stored as a hash alone, and ends when it is revoked', async () => {
    const purser = await startPurser({ settings: labSettings(sim) });
    const listed = async () => JSON.parse((await purser.cli(['keys', 'list', '--format', 'json'])).stdout).rows.find((k) => k.name === 'late');
    try {
        const added = await purser.cli(['keys', 'add', 'late', '--team', 'support', '--models', 'cheap']);
        const secret = added.stdout.trim();
        const ask = (more) => post(purser, '/v1/chat/completions', { ...call, ...more }, { key: secret });
        assert.equal(added.code, 0, added.stderr);
        assert.equal((await ask({})).status, 200);
        assert.equal((await ask({ model: 'lab/sim-small' })).status, 403, 'its models alone');
        assert.deepEqual([(await listed()).state, (await listed()).team], ['active', 'support']);
        for (const bad of ['late', 'a b', 'a,b', '*', 'line\nbreak', '']) {
            const no = await purser.cli(['keys', 'add', bad]);
            assert.ok(no.code > 0 && no.stdout === '', `'${bad}' was added`);
        }
        assert.equal((await purser.cli(['keys', 'revoke', 'late'])).code, 0);
        assert.equal((await ask({})).status, 401);
        assert.equal((await listed()).state, 'revoked');
        await purser.stop();
        const stored = ['', 'journal'].flatMap((f) => readdirSync(join(purser.data, f)).map((name) => join(purser.data, f, name))).filter((f) => statSync(f).isFile());
        assert.ok(stored.length > 2);
        for (const file of stored) assert.ok(!readFileSync(file).includes(secret), `${file} holds the secret`);
        assert.ok(!purser.log.includes(secret));
    } finally {
        await purser.stop();
    }
});

test('where the store does not give its keys, those that it gave hold on; as soon as it does, its own', async () => {
    let purser = await startPurser({ settings: labSettings(sim) });
    const change = async (line) => assert.equal((await run('sqlite3', ['-cmd', '.timeout 5000', join(purser.data, 'purser.db'), line])).stderr, '');
    try {
        const [kept, ended] = [(await purser.cli(['keys', 'add', 'kept'])).stdout.trim(), (await purser.cli(['keys', 'add', 'ended'])).stdout.trim()];
        const status = async (key) => (await post(purser, '/v1/chat/completions', call, { key })).status;
        await change("ALTER TABLE keys RENAME TO lost; UPDATE lost SET revoked_us = 1 WHERE name = 'ended'");
        await purser.reload(labSettings(sim, { max_counters: 1000 }));
        await until('the warning', () => purser.log.includes('the keys cannot be read: no such table: keys; keys made at run time hold'));
        await until('the reload', () => /reloaded/.test(purser.log));
        assert.deepEqual([await status(kept), await status(ended)], [200, 200]);
        await change('ALTER TABLE lost RENAME TO keys');
        await until('the revoked one ends', async () => (await status(ended)) === 401);
        assert.equal(await status(kept), 200);
        assert.equal(purser.log.match(/keys cannot be read/g).length, 1, purser.log);
        assert.match(purser.log, /the store's keys can be read again/);

        // a start without them makes none: which there are is not known
        await purser.stop();
        await change('ALTER TABLE keys RENAME TO lost');
        purser = await startPurser({ settings: { ...labSettings(sim), keys: [] }, dir: purser.dir });
        assert.deepEqual([await status(kept), /No key was set/.test(purser.log)], [401, false]);
        await change('ALTER TABLE lost RENAME TO keys');
        await until('the key holds again', async () => (await status(kept)) === 200);
    } finally {
        await purser.stop();
    }
});

/** As systemd starts a service with a socket: descriptor 3, and the variables that say so.
 *  `pid`: for whom the socket is meant. Our own copy is closed: only purser answers there. */
async function startWithSocket(pid) {
    const held = createTcpServer();
    await new Promise((resolve) => held.listen(0, '127.0.0.1', resolve));
    const { port } = held.address();
    const purser = await startPurser({
        settings: labSettings(sim, { listen: `127.0.0.1:${port}` }), fds: [held._handle.fd], wait: false,
        env: { LISTEN_FDS: '1' }, wrap: ['sh', '-c', `LISTEN_PID=${pid} exec "$@"`, 'sh'],
    });
    held.close();
    return Object.assign(purser, { url: `http://127.0.0.1:${port}` });
}

test('a socket from systemd is taken over', async () => {
    const purser = await startWithSocket('$$');
    await purser.ready(`${purser.url}/readyz`);
    assert.equal((await post(purser, '/v1/chat/completions', call)).status, 200);
    await purser.stop();
});

test('a socket that was meant for another process is not taken', async () => {
    const purser = await startWithSocket('1');
    assert.equal((await purser.ended).code, 1);
    assert.match(purser.log, /Address already in use/);
});
