// scripts/run as a newcomer starts it, without a key: the demonstration goes as it
// tells, prints the bill, and leaves nothing behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, root, run, sleep, tempDir, until } from './helpers.mjs';

const script = join(root, 'scripts/run');

async function setting() {
    const [port, admin, sim] = [await freePort(), await freePort(), await freePort()];
    return { PURSER_PORT: `${port}`, PURSER_ADMIN_PORT: `${admin}`, SIMULATE_PORT: `${sim}`, TMPDIR: tempDir(), OPENAI_API_KEY: '', NO_COLOR: '1', DEMO_ROWS: '4000' };
}

const answers = async (port) => {
    try {
        return (await fetch(`http://127.0.0.1:${port}/healthz`)).status === 200;
    } catch {
        return false;
    }
};

test('the demonstration ends with the bill', async () => {
    const env = await setting();
    const got = await run(script, ['--demo-only'], { env, seconds: 240 });
    assert.equal(got.code, 0, got.stdout + got.stderr);
    for (const feature of ['support-bot', 'search', 'digest', 'prospecting']) assert.match(got.stdout, new RegExp(`^${feature} .*sim-(small|large)`, 'm'));
    assert.match(got.stdout, /402 at call \d+/);
    assert.match(got.stdout, /The budget 'trial' has/);
    assert.match(got.stdout, /past of 60 days.*none of it ever happened/);
    const bill = /the bill:[^]*?^total +(\d+)/m.exec(got.stdout);
    assert.equal(bill[1], '35', 'the bill is of the calls that were shown, not of the made-up past');
    assert.match(got.stdout, /^company .* usd .*^trial .* usd /ms);
    assert.doesNotMatch(got.stdout, /\x1b\[/, 'colour in a pipe');
    assert.deepEqual(readdirSync(env.TMPDIR), []);
    assert.equal(await answers(env.PURSER_PORT), false);
});

test('without --demo-only it goes on serving until Ctrl-C, with lines to paste that work', async () => {
    const env = await setting();
    const child = spawn(script, [], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (out += data));
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
        const line = (await until('the curl line', () => /^ +(curl http.*chat\/completions .*)$/m.exec(out), { seconds: 240, every: 200 }))[1];
        const pasted = await run('sh', ['-c', `${line} -sS`]);
        assert.match(pasted.stdout, /"object": ?"chat\.completion"/, pasted.stdout + pasted.stderr);
        const bill = /^ +bill +(.*)$/m.exec(out)[1];
        assert.match((await run('sh', ['-c', bill], { cwd: root })).stdout, /support-bot/);
        const page = /^ +dashboard +(http\S+)$/m.exec(out)[1], token = /sign in with the token (\S+)/.exec(out)[1];
        assert.equal((await fetch(page)).status, 200);
        const headers = { authorization: `Bearer ${token}` };
        const ask = async (query) => (await (await fetch(`${page}api/v1/report?${query}`, { headers })).json()).totals;
        assert.ok((await ask('since=60d&where=feature=code-review')).calls > 100, 'the past is there');
        const trickled = () => ask('since=5m&where=status=ok,key=support-web,key=support-phone,key=shop-search,key=mobile-ios,key=mobile-android,key=finance-jobs,key=sales-crm');
        const before = (await trickled()).calls;
        await until('calls trickle in, and are answered', async () => (await trickled()).calls >= before + 2, { seconds: 90, every: 300 });
    } finally {
        process.kill(-child.pid, 'SIGINT'); // as a terminal does: to the whole group
    }
    assert.equal(await Promise.race([ended, sleep(30000, 'still there')]), 0, out);
    assert.equal(await answers(env.PURSER_PORT), false);
    assert.equal(await answers(env.SIMULATE_PORT), false);
    assert.deepEqual(readdirSync(env.TMPDIR), []);
});

test('a port that is taken is named, with the way out', async () => {
    const env = await setting();
    const taken = createServer().listen(Number(env.PURSER_ADMIN_PORT), '127.0.0.1');
    const got = await run(script, ['--demo-only'], { env, seconds: 240 });
    taken.close();
    assert.equal(got.code, 1);
    assert.match(got.stderr, new RegExp(`port ${env.PURSER_ADMIN_PORT}.*is taken`));
    assert.match(got.stderr, /PURSER_ADMIN_PORT=\d+ scripts\/run/);
});
