// Providers: how they are shown who calls, tokens that change, and the commands that list and check them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aliceKey, bin, labSettings, post, run, startPurser, startSimulator, tempDir, until } from './helpers.mjs';

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

/** `purser providers ...` with settings of its own; { code, rows }. */
async function providers(settings, words, env = {}) {
    const dir = tempDir();
    const file = join(dir, 'purser.yaml');
    writeFileSync(file, JSON.stringify(settings));
    const clean = { HOME: dir, AWS_PROFILE: '', AWS_ACCESS_KEY_ID: '', AWS_BEARER_TOKEN_BEDROCK: '', ...env };
    const got = await run(bin, ['providers', ...words, '--config', file, '--format', 'json'], { env: clean, cwd: dir });
    return { ...got, rows: got.stdout ? JSON.parse(got.stdout).rows : [] };
}

test('providers are listed: kind, protocols, address, how they are shown who calls, and why one is off', async () => {
    const settings = {
        providers: {
            openai: { api_key: '${OPENAI_API_KEY}' },
            anthropic: {},
            cloud: { kind: 'bedrock', region: 'us-east-1', access_key_id: 'AKIDEXAMPLE', secret_access_key: '${AWS_SECRET}' },
            vertex: { project: 'p', token_command: 'gcloud auth print-access-token' },
        },
        models: { cheap: 'openai/gpt-5-mini', nova: 'cloud/amazon.nova-micro-v1:0' },
    };
    const env = { OPENAI_API_KEY: 'sk-secret-one', AWS_SECRET: 'secret-two', ANTHROPIC_API_KEY: '' };
    const { code, rows, stdout } = await providers(settings, [], env);
    assert.equal(code, 0);
    assert.deepEqual(rows.map((row) => [row.provider, row.kind, row.protocols, row.key, row.models_mapped]), [
        ['openai', 'openai', 'chat, responses', 'key', 1],
        ['anthropic', 'anthropic', 'messages', 'off', 0],
        ['cloud', 'bedrock', 'converse', 'AWS keys', 1],
        ['vertex', 'vertex', 'gemini, messages, chat', 'token command', 0],
    ]);
    assert.match(rows[1].why_off, /ANTHROPIC_API_KEY is not set/);
    assert.equal(rows[2].base_url, 'https://bedrock-runtime.us-east-1.amazonaws.com');
    assert.ok(!stdout.includes('secret'));
});

test('a check tells reachable, authorised and models, and fails when one does', async () => {
    const sim = await startSimulator();
    const wrong = await startUpstream(() => ({ status: 401, body: { error: { message: 'bad key sk-wrong-key-0123' } } }));
    const lab = { kind: 'openai', base_url: `${sim.url}/v1`, api_key: 'sk-simulated' };
    const good = await providers({ providers: { lab, groq: {} } }, ['check'], { GROQ_API_KEY: '' });
    assert.equal(good.code, 0, good.stderr);
    assert.equal(good.rows[0].ok, true);
    assert.ok(good.rows[0].reachable && good.rows[0].authorised && good.rows[0].models > 0 && good.rows[0].latency_ms > 0);
    assert.deepEqual([good.rows[1].ok, good.rows[1].reachable], [null, null]); // off: nobody is told that it is broken

    const settings = {
        providers: {
            lab,
            wrong: { kind: 'openai', base_url: `${wrong.url}/v1`, api_key: 'sk-wrong-key-0123' },
            gone: { kind: 'openai', base_url: 'http://127.0.0.1:1/v1' },
            groq: {},
        },
    };
    const bad = await providers(settings, ['check'], { GROQ_API_KEY: '' });
    assert.equal(bad.code, 1);
    assert.deepEqual(bad.rows.map((row) => [row.ok, row.reachable, row.authorised]),
        [[true, true, true], [false, true, false], [false, false, null], [null, null, null]]);
    assert.ok(!bad.stdout.includes('sk-wrong-key'));
    assert.equal((await providers(settings, ['check', 'lab'])).code, 0);
    assert.equal((await providers(settings, ['check', 'groq'], { GROQ_API_KEY: '' })).code, 1);
    const unknown = await providers(settings, ['check', 'nobody']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no provider is called 'nobody'/);
    await wrong.stop();
    await sim.stop();
});

test('each family is asked in its own way', async () => {
    const upstream = await startUpstream((head) =>
        head.method === 'POST' ? { body: completion } : { body: { data: [{ id: 'a' }], models: [{ name: 'a' }] } });
    const base_url = upstream.url;
    const settings = {
        providers: {
            anthropic: { base_url, api_key: 'key-a' },
            gemini: { base_url, api_key: 'key-g' },
            cohere: { base_url, api_key: 'key-c', headers: { 'x-extra': 'yes' } },
            vertex: { base_url, project: 'proj', location: 'eu', token_command: ['printf', 'tok'] },
            bedrock: { base_url, region: 'us-east-1', access_key_id: 'AKIDEXAMPLE', secret_access_key: 'secret', session_token: 'sess' },
            azure: { base_url, api_key: 'key-z' },
            perplexity: { base_url, api_key: 'key-p' },
        },
        models: { sonar: 'perplexity/sonar' },
    };
    const { code, rows, stderr } = await providers(settings, ['check', '--spend']);
    assert.equal(code, 0, stderr);
    assert.ok(rows.every((row) => row.ok));
    const asked = Object.fromEntries(upstream.heads.map((head) => [head.url, head]));
    assert.equal(asked['/v1/models?limit=1000'].headers['x-api-key'], 'key-a');
    assert.equal(asked['/v1/models?limit=1000'].headers['anthropic-version'], '2023-06-01');
    assert.equal(asked['/v1beta/models?pageSize=1000'].headers['x-goog-api-key'], 'key-g');
    assert.equal(asked['/v1/models?page_size=1000'].headers.authorization, 'Bearer key-c');
    assert.equal(asked['/v1/models?page_size=1000'].headers['x-extra'], 'yes');
    assert.equal(asked['/v1beta1/publishers/google/models?pageSize=300'].headers.authorization, 'Bearer tok');
    assert.equal(asked['/v1beta1/publishers/google/models?pageSize=300'].headers['x-goog-user-project'], 'proj');
    assert.match(asked['/foundation-models'].headers.authorization,
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/);
    assert.equal(asked['/openai/models?api-version=2024-10-21'].headers['api-key'], 'key-z');
    assert.equal(asked['/chat/completions'].method, 'POST'); // it lists no models: one token
    const free = await providers(settings, ['check', 'perplexity']);
    assert.equal(free.code, 1);
    assert.match(free.rows[0].what, /--spend/);
    await upstream.stop();
});

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();

/** Whether AWS would take the request: the signature worked out again from what came over the wire. */
function isSigned(head, body, secret) {
    const [, credential, names, signature] = head.headers.authorization.match(
        /^AWS4-HMAC-SHA256 Credential=\w+\/(\S+), SignedHeaders=(\S+), Signature=(\w+)$/);
    const [date, region, service] = credential.split('/');
    const path = head.url.split('/').map(encodeURIComponent).join('/'); // what was sent, encoded once more
    const headers = names.split(';').map((name) => `${name}:${head.headers[name]}\n`).join('');
    const canonical = [head.method, path, '', headers, names, sha256(body)].join('\n');
    const text = ['AWS4-HMAC-SHA256', head.headers['x-amz-date'], credential, sha256(canonical)].join('\n');
    const key = [date, region, service, 'aws4_request'].reduce(hmac, `AWS4${secret}`);
    assert.equal(head.headers['x-amz-content-sha256'], sha256(body));
    return hmac(key, text).toString('hex') === signature;
}

test('calls reach each family where it is, shown as it wants it', async () => {
    const bodies = [];
    const answers = {
        '/v1/messages': { id: 'm', type: 'message', role: 'assistant', model: 'claude', content: [{ type: 'text', text: 'Ahoy' }],
            stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 5, output_tokens: 2 } },
        '/v1beta/models/gem:generateContent': { candidates: [{ content: { role: 'model', parts: [{ text: 'Ahoy' }] }, finishReason: 'STOP', index: 0 }],
            usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 } },
        '/model/us.nova-v1%3A0/converse': { output: { message: { role: 'assistant', content: [{ text: 'Ahoy' }] } }, stopReason: 'end_turn',
            usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7 }, metrics: { latencyMs: 1 } },
        '/v2/chat': { id: 'c', finish_reason: 'COMPLETE', message: { role: 'assistant', content: [{ type: 'text', text: 'Ahoy' }] },
            usage: { billed_units: { input_tokens: 5, output_tokens: 2 }, tokens: { input_tokens: 5, output_tokens: 2 } } },
        '/openai/deployments/gpt/chat/completions?api-version=2024-10-21': completion,
    };
    const upstream = await startUpstream((head, body) => {
        bodies.push(body);
        return answers[head.url] ? { body: answers[head.url] } : { status: 404, body: { error: { message: head.url } } };
    });
    const base_url = upstream.url;
    const models = { a: 'claude/claude', g: 'gemini/gem', b: 'bedrock/us.nova-v1:0', c: 'cohere/command', z: 'azure/gpt' };
    const purser = await startPurser({
        settings: {
            ...labSettings(upstream),
            providers: {
                claude: { kind: 'anthropic', base_url, api_key: 'key-a' },
                gemini: { base_url, api_key: 'key-g' },
                bedrock: { base_url, region: 'us-east-1', access_key_id: 'AKIDEXAMPLE', secret_access_key: 'aws-secret' },
                cohere: { base_url, api_key: 'key-c' },
                azure: { base_url, api_key: 'key-z' },
            },
            models,
            prices: Object.values(models).map((model) => ({ model, input: 1, output: 2 })),
        },
    });
    for (const model of Object.keys(models)) {
        const answer = await post(purser, '/v1/chat/completions', { model, max_tokens: 50, messages: [{ role: 'user', content: 'Ahoy!' }] });
        assert.equal(answer.status, 200, `${model}: ${answer.text}`);
        assert.equal(answer.body.choices[0].message.content, 'Ahoy', model);
    }
    const [a, g, b, c, z] = upstream.heads;
    assert.deepEqual([a.headers['x-api-key'], a.headers['anthropic-version'], a.headers.authorization], ['key-a', '2023-06-01', undefined]);
    assert.deepEqual([g.headers['x-goog-api-key'], g.headers.authorization], ['key-g', undefined]);
    assert.ok(isSigned(b, bodies[2], 'aws-secret'));
    assert.ok(!isSigned(b, bodies[2], 'another-secret'));
    assert.equal(c.headers.authorization, 'Bearer key-c');
    assert.deepEqual([z.headers['api-key'], z.headers.authorization], ['key-z', undefined]);
    await purser.stop();
    await upstream.stop();
});

test('Claude at Vertex: the model is in the path, the version in the body, the token is a bearer', async () => {
    const bodies = [];
    const message = { id: 'm', type: 'message', role: 'assistant', model: 'claude', content: [{ type: 'text', text: 'Ahoy' }],
        stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 5, output_tokens: 2 } };
    const upstream = await startUpstream((head, body) => {
        bodies.push(JSON.parse(body));
        return { body: head.url.includes('count-tokens') ? { input_tokens: 7 } : message };
    });
    const purser = await startPurser({
        settings: {
            ...labSettings(upstream),
            providers: { vertex: { base_url: upstream.url, project: 'proj', location: 'eu', token_command: ['printf', 'tok'] } },
            models: { claude: 'vertex/claude-sonnet-4-5@20250929' },
            prices: [{ model: 'vertex/claude-sonnet-4-5@20250929', input: 1, output: 2 }],
        },
    });
    const call = { model: 'claude', max_tokens: 50, messages: [{ role: 'user', content: 'Ahoy!' }] };
    for (const path of ['/v1/messages', '/v1/chat/completions', '/v1/messages/count_tokens']) {
        const { max_tokens, ...counted } = call;
        const answer = await post(purser, path, path.endsWith('count_tokens') ? counted : call);
        assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    }
    const models = '/v1/projects/proj/locations/eu/publishers/anthropic/models';
    assert.deepEqual(upstream.heads.map((head) => head.url),
        [`${models}/claude-sonnet-4-5%4020250929:rawPredict`, `${models}/claude-sonnet-4-5%4020250929:rawPredict`, `${models}/count-tokens:rawPredict`]);
    assert.ok(upstream.heads.every((head) => head.headers.authorization === 'Bearer tok'));
    assert.ok(bodies.every((body) => body.anthropic_version === 'vertex-2023-10-16'));
    assert.deepEqual(bodies.map((body) => body.model), [undefined, undefined, 'claude-sonnet-4-5@20250929']);
    assert.deepEqual(bodies[0].messages, call.messages);
    await purser.stop();
    await upstream.stop();
});
