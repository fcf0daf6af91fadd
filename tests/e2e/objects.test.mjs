// Other paths of a provider, and who owns what is stored there: denied by default, carried
// byte by byte where a key may, counted and journaled like every call; another key's ids do
// not exist, also after a restart.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { aliceKey, bobKey, sleep, startPurser } from './helpers.mjs';
import { Wire } from './wire.mjs';

const providerSecret = 'sk-the-providers-own-secret';

/** A provider that stores: it keeps what it was sent, and says so under ids of its own. */
function startStore(name) {
    const store = { seen: [], responses: 0, files: 0 };
    const json = (res, body, status = 200) => {
        res.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'account=1', 'openai-organization': 'org-secret' });
        res.end(JSON.stringify(body));
    };
    const usage = { input_tokens: 7, output_tokens: 3, total_tokens: 10 };
    const answers = [
        ['POST', /^\/v1\/responses$/, (req, res, body) => {
            const asked = JSON.parse(body);
            const response = {
                id: `resp_${name}${++store.responses}`, object: 'response', status: 'completed', model: asked.model,
                store: asked.store ?? true, usage,
                output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hello' }] }],
            };
            if (!asked.stream) return json(res, response);
            res.writeHead(200, { 'content-type': 'text/event-stream' });
            for (const type of ['response.created', 'response.completed']) {
                const at = type === 'response.created' ? { ...response, status: 'in_progress', usage: null } : response;
                res.write(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: 0, response: at })}\n\n`);
            }
            res.end();
        }],
        ['GET', /^\/v1\/responses\/[^/]+$/, (req, res) => {
            if (!req.url.includes('stream=true')) return json(res, { id: 'resp_of_nobody', status: 'completed', usage });
            res.writeHead(200, { 'content-type': 'text/event-stream' });
            res.write(': hello\n\ndata: {"type":"response.created"}\n\n');
            res.end('data: {"no":"end"}');
        }],
        ['POST', /^\/v1\/responses\/[^/]+\/cancel$/, (req, res) => json(res, { id: req.url.split('/')[3], status: 'cancelled', usage })],
        ['POST', /^\/v1\/files$/, (req, res) => json(res, { id: `file-${name}${++store.files}`, object: 'file' })],
        ['GET', /^\/v1\/files\/[^/]+\/content$/, (req, res) => {
            res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': store.content.length });
            res.end(store.content);
        }],
        ['HEAD', /^\/v1\/files\/[^/]+\/content$/, (req, res) => {
            res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': store.content.length });
            res.end();
        }],
        ['DELETE', /^\/v1\/files\/[^/]+$/, (req, res) => json(res, { deleted: true })],
        ['POST', /^\/v1\/batches$/, (req, res) => json(res, { id: `batch_${name}1`, object: 'batch' })],
        ['POST', /^\/v1\/chat\/completions$/, (req, res) => json(res, {
            id: 'chatcmpl-1', model: 'small', choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
            usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
        })],
        ['GET', /^\/v1\/secret$/, (req, res) => json(res, { error: { message: `Incorrect API key provided: ${providerSecret}` } }, 401)],
    ];
    const server = createServer((req, res) => {
        const pieces = [];
        req.on('data', (piece) => pieces.push(piece));
        req.on('end', () => {
            const body = Buffer.concat(pieces);
            store.seen.push({ method: req.method, url: req.url, headers: req.headers, body });
            const found = answers.find(([method, path]) => method === req.method && path.test(req.url.split('?')[0]));
            if (found) found[2](req, res, body);
            else json(res, { error: { message: 'no such thing', type: 'invalid_request_error' } }, 404);
        });
    });
    store.last = () => store.seen.at(-1);
    store.content = Buffer.from(Array.from({ length: 700000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
    store.stop = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve(Object.assign(store, { url: `http://127.0.0.1:${server.address().port}` })));
    });
}

const carolKey = 'sk-purser-test-carol-0123456789abcd';
const daveKey = 'sk-purser-test-dave-0123456789abcdef';
const env = { CAROL_KEY: carolKey, DAVE_KEY: daveKey };

const settings = (more = {}) => ({
    providers: { lab: { kind: 'openai', base_url: `${lab.url}/v1`, api_key: providerSecret } },
    models: { cheap: 'lab/small' },
    prices: [
        { model: 'lab/small', input: 1, output: 2, from: '2026-01-01' },
        { model: 'lab/v1/files', free: true },
        { model: 'lab/v1/responses/*/cancel', requests: 2000 },
        { model: 'lab/v1/batches', requests: 5000 },
    ],
    keys: [
        { name: 'alice', secret: '${ALICE_KEY}', passthrough: ['/v1/files*', '/v1/responses/*', '/v1/batches*'] },
        { name: 'bob', secret: '${BOB_KEY}', passthrough: ['/v1/files*', '/v1/responses/*', '/v1/batches*'] },
        { name: 'carol', secret: '${CAROL_KEY}' },
        { name: 'dave', secret: '${DAVE_KEY}', passthrough: ['*'] },
    ],
    ...more,
});

let lab, purser;
before(async () => {
    lab = await startStore('lab');
    purser = await startPurser({ settings: settings(), env });
});
after(async () => {
    await purser?.stop();
    await lab?.stop();
});

/** While a started purser still reads who owns what, it asks for another try. */
async function call(method, path, { key = aliceKey, body, headers = {}, to = purser } = {}) {
    for (;;) {
        const type = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body) ? { 'content-type': 'application/json' } : {};
        const answer = await fetch(to.url + path, {
            method,
            headers: { authorization: `Bearer ${key}`, ...type, ...headers },
            body: type['content-type'] ? JSON.stringify(body) : body,
        });
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (answer.status === 503) {
            await sleep(20);
            continue;
        }
        let json;
        try {
            json = JSON.parse(bytes.toString());
        } catch {
            json = undefined;
        }
        return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString(), body: json };
    }
}

const respond = (more = {}, options = {}) => call('POST', '/v1/responses', { body: { model: 'cheap', input: 'hi', max_output_tokens: 16, ...more }, ...options });

async function upload(key = aliceKey, to = purser) {
    const boundary = 'xxBoundaryxx';
    const body = Buffer.concat([
        Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n`),
        lab.content.subarray(0, 70000),
        Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const answer = await call('POST', '/v1/files', { key, body, to, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } });
    return { answer, body };
}

function missing(answer, what) {
    assert.equal(answer.status, 404, answer.text);
    assert.equal(answer.body.error.code, 'object_not_found');
    assert.match(answer.body.error.message, what);
}

test('other paths are denied by default', async () => {
    const before = lab.seen.length;
    for (const [method, path] of [['GET', '/v1/files'], ['POST', '/v1/fine_tuning/jobs'], ['GET', '/v1/responses/resp_x1']]) {
        const answer = await call(method, path, { key: carolKey });
        assert.equal(answer.status, 404);
        assert.equal(answer.body.error.code, 'not_found');
    }
    assert.equal((await call('GET', '/v1/vector_stores')).status, 404, 'a path beside the globs');
    assert.equal((await call('GET', '/v2/files', { key: daveKey })).status, 404);
    assert.equal((await call('GET', '/v1/files', { key: 'sk-nobody-at-all' })).status, 401);
    assert.equal(lab.seen.length, before, 'nothing of it reached the provider');
});

test('no path leads around the meter', async () => {
    const wire = new Wire(purser.port);
    const before = lab.seen.length;
    for (const path of ['/v1/files/../chat/completions', '/v1/files/%2e%2e/chat/completions', '/v1/files//content', '/v1/Chat/Completions',
        '/v1/chat/completions/', '/v1/files/a%2fb', '/v1/files/.', '/v1/files\\..\\x', '/v1/files;x']) {
        const answer = await wire.request('POST', path, { key: daveKey, body: {} });
        assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
    }
    wire.close();
    assert.equal(lab.seen.length, before);
});

test('a response belongs to the key that made it', async () => {
    for (const stream of [false, true]) {
        const made = await respond({ stream });
        assert.equal(made.status, 200, made.text);
        const id = /"id":"(resp_[^"]+)"/.exec(made.text)[1];
        assert.equal((await call('GET', `/v1/responses/${id}`)).status, 200);
        assert.equal((await respond({ previous_response_id: id })).status, 200);
        assert.equal((await respond({ previous_response_id: id }, { key: bobKey })).body.error.param, 'previous_response_id');
        missing(await respond({ previous_response_id: id }, { key: bobKey }), /^Previous response with id 'resp_.*' not found\.$/);
        missing(await call('GET', `/v1/responses/${id}`, { key: bobKey }), /^Response with id/);
        missing(await call('DELETE', `/v1/responses/${id}`, { key: bobKey }), /^Response with id/);
        missing(await call('GET', `/v1/responses/${id}/input_items`, { key: bobKey }), /^Response with id/);
        missing(await call('GET', `/v1/responses/${id}`, { key: daveKey }), /^Response with id/);
    }
    missing(await respond({ previous_response_id: 'resp_unknown' }), /^Previous response/);
    missing(await respond({ conversation: { id: 'conv_unknown' } }), /^Conversation/);
    assert.equal((await respond({ previous_response_id: 'resp_unknown' }, { key: daveKey })).status, 200, '"*" may name what purser has not seen');
    const unstored = await respond({ store: false });
    missing(await respond({ previous_response_id: unstored.body.id }), /^Previous response/);
});

test('a file is uploaded as it is, and its parts are its owner\'s', async () => {
    const { answer, body } = await upload();
    assert.equal(answer.status, 200, answer.text);
    assert.ok(lab.last().body.equals(body), 'the multipart body came byte by byte');
    assert.equal(lab.last().headers['content-type'], 'multipart/form-data; boundary=xxBoundaryxx');
    const { id } = answer.body;
    const content = await call('GET', `/v1/files/${id}/content?x=1%202`);
    assert.ok(content.bytes.equals(lab.content));
    assert.equal(content.headers.get('content-length'), String(lab.content.length));
    assert.equal(lab.last().url, `/v1/files/${id}/content?x=1%202`);
    const wire = new Wire(purser.port);
    const head = await wire.request('HEAD', `/v1/files/${id}/content`, { key: aliceKey });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], String(lab.content.length));
    wire.close();
    const part = { model: 'cheap', max_tokens: 5, messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: id } }] }] };
    assert.equal((await call('POST', '/v1/chat/completions', { body: part })).status, 200);
    missing(await call('POST', '/v1/chat/completions', { body: part, key: bobKey }), /^File with id/);
    missing(await call('GET', `/v1/files/${id}/content`, { key: bobKey }), /^File with id/);
    const batch = { input_file_id: id, endpoint: '/v1/chat/completions' };
    missing(await call('POST', '/v1/batches', { body: batch, key: bobKey }), /^File with id/);
    const made = await call('POST', '/v1/batches', { body: batch });
    assert.equal(made.status, 200, made.text);
    assert.equal(made.headers.get('x-purser-cost-usd'), '0.005');
    missing(await call('GET', `/v1/batches/${made.body.id}`, { key: bobKey }), /^Batch with id/);
    assert.equal((await call('DELETE', `/v1/files/${id}`)).body.deleted, true);
});

test('a stream of another path passes as it comes', async () => {
    const { body: { id } } = await respond();
    const answer = await call('GET', `/v1/responses/${id}?stream=true`);
    assert.equal(answer.text, ': hello\n\ndata: {"type":"response.created"}\n\ndata: {"no":"end"}');
});

test('credentials leak neither to the provider nor back', async () => {
    await call('GET', '/v1/files', { headers: { cookie: 'a=b', 'openai-organization': 'org-x', 'x-purser-feature': 'f', 'x-api-key': aliceKey } });
    const { headers } = lab.last();
    assert.equal(headers.authorization, `Bearer ${providerSecret}`);
    for (const name of ['cookie', 'openai-organization', 'x-purser-feature', 'x-api-key']) assert.equal(headers[name], undefined, name);
    assert.ok(!JSON.stringify(lab.seen.map((s) => s.headers)).includes(aliceKey));
    const { answer } = await upload();
    for (const name of ['set-cookie', 'openai-organization']) assert.equal(answer.headers.get(name), null, name);
    const refused = await call('GET', '/v1/secret', { key: daveKey });
    assert.equal(refused.status, 502);
    assert.ok(!refused.text.includes(providerSecret));
});

test('a call has a row: free, priced by the call, or refused', async () => {
    const headers = { 'x-purser-feature': 'rows' };
    const { body: { id } } = await respond();
    assert.equal((await call('GET', `/v1/responses/${id}`, { headers })).status, 200);
    const cancelled = await call('POST', `/v1/responses/${id}/cancel`, { headers });
    assert.equal(cancelled.status, 200, cancelled.text);
    const unpriced = await call('POST', `/v1/responses/${id}/other`, { headers });
    assert.equal(unpriced.status, 402);
    assert.match(unpriced.body.error.message, /lab\/v1\/responses\/\*\/other/);
    assert.equal((await call('GET', `/v1/responses/${id}/nothing`, { headers })).body.error.message, 'no such thing');
    const rows = await purser.rows(3, { where: "operation = 'passthrough' AND feature = 'rows'" });
    assert.deepEqual(rows.map((r) => [r.status, r.cost_state, Number(r.cost_picousd), r.model, r.provider, r.key, Number(r.input_tokens)]), [
        ['ok', 'free', 0, '', 'lab', 'alice', 0],
        ['ok', 'exact', 2e9, '', 'lab', 'alice', 0],
        ['provider_error', 'free', 0, '', 'lab', 'alice', 0],
    ]);
    const verified = await purser.cli(['ledger', 'verify']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('owners are remembered over a restart, also one by force', async () => {
    let { body: { id } } = await respond();
    await purser.stop();
    purser = await startPurser({ settings: settings(), env, dir: purser.dir });
    assert.equal((await call('GET', `/v1/responses/${id}`)).status, 200);
    missing(await call('GET', `/v1/responses/${id}`, { key: bobKey }), /^Response/);
    ({ body: { id } } = await respond());
    await purser.kill9();
    purser = await startPurser({ settings: settings(), env, dir: purser.dir });
    assert.equal((await call('GET', `/v1/responses/${id}`)).status, 200);
    missing(await call('GET', `/v1/responses/${id}`, { key: bobKey }), /^Response/);
});

test('a budget of requests counts other paths, and an unpriced one is held at the ceiling', async () => {
    const other = await startPurser({
        env,
        settings: settings({
            unpriced: { ceiling: { input: 1, output: 0 } },
            budgets: [
                { name: 'three', scope: { key: 'alice' }, limit_requests: 3, window: 'total', wait: '0s' },
                { name: 'cents', scope: { key: 'dave' }, limit_usd: '0.0001', window: 'total', wait: '0s' },
            ],
        }),
    });
    for (let i = 0; i < 3; i++) assert.equal((await call('GET', '/v1/files', { to: other })).status, 404, 'the provider\'s own 404');
    const spent = await call('GET', '/v1/files', { to: other });
    assert.equal(spent.status, 402);
    assert.match(spent.body.error.message, /'three'/);
    const small = await call('POST', '/v1/fine_tuning/jobs', { to: other, key: daveKey, body: { input: 'x' } });
    assert.equal(small.body.error.message, 'no such thing');
    const large = await call('POST', '/v1/fine_tuning/jobs', { to: other, key: daveKey, body: { input: 'x'.repeat(200) } });
    assert.equal(large.status, 402, large.text);
    assert.match(large.body.error.message, /'cents'/);
    await other.stop();
});

test('of several providers, the header or what is named decides', async () => {
    const far = await startStore('far');
    const two = await startPurser({
        env,
        settings: settings({
            providers: {
                lab: { kind: 'openai', base_url: `${lab.url}/v1`, api_key: providerSecret },
                far: { kind: 'openai', base_url: `${far.url}/v1`, api_key: 'sk-far' },
            },
            prices: [{ model: 'lab/small', input: 1, output: 2 }, { model: 'far/v1/files', free: true }, { model: 'lab/v1/files', free: true }],
        }),
    });
    const none = await call('GET', '/v1/files', { to: two });
    assert.equal(none.status, 400);
    assert.match(none.body.error.message, /x-purser-provider/);
    assert.equal((await call('GET', '/v1/files', { to: two, headers: { 'x-purser-provider': 'nowhere' } })).status, 400);
    const made = await call('POST', '/v1/files', { to: two, body: '{}', headers: { 'content-type': 'application/json', 'x-purser-provider': 'far' } });
    assert.equal(made.status, 200, made.text);
    assert.equal(far.last().headers.authorization, 'Bearer sk-far');
    assert.equal((await call('DELETE', `/v1/files/${made.body.id}`, { to: two })).body.deleted, true);
    assert.equal(far.last().method, 'DELETE');
    assert.equal((await call('DELETE', `/v1/files/${made.body.id}`, { to: two, headers: { 'x-purser-provider': 'lab' } })).status, 400);
    const elsewhere = await respond({ input: [{ role: 'user', content: [{ type: 'input_file', file_id: made.body.id }] }] }, { to: two });
    assert.equal(elsewhere.status, 400, elsewhere.text);
    assert.match(elsewhere.body.error.message, /stored at the provider 'far'/);
    await two.stop();
    await far.stop();
});
