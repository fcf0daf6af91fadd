// @sanitizers
// The admin API held against its own OpenAPI document: every route is asked with values that fit and values that
// do not, and whatever it answers must be what the document says. PURSER_API_FUZZ=2000 asks each route that often;
// PURSER_API_SEED repeats a run.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';
import { bin, labSettings, post, run, sanitized, startPurser, startSimulator } from './helpers.mjs';

const ROUNDS = Number(process.env.PURSER_API_FUZZ) || (sanitized ? 15 : 40);
const SEED = Number(process.env.PURSER_API_SEED) || (Date.now() & 0xffffff);

// mulberry32: a run can be repeated by its seed
let state = SEED;
const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const chance = (p) => random() < p;

const HOSTILE = ['', ' ', '\0', '%00', '../..', "' OR 1=1 --", '"><script>alert(1)</script>', '💥', '\u202e', 'a'.repeat(501), 'a'.repeat(5000), '-1', '0', '1e9', '9223372036854775808', '1,2,,3', '=1+1', '{}', 'null', '\n', '%', '%zz', ';', '*'];
const FITTING = ['bot', 'mail', 'alice', 'support', 'cheap', 'lab', 'lab/sim-small', 'all', 'ana', 'u-1', 't-1', '7d', '1h', '2026-01-01', '2026-11-01T00:00:00Z', 'feature', 'model,day', 'hour', 'feature=bot', 'team=support,model=sim-small', 'json', 'csv', 'true', 'false', '1', '10', '1000', 'off', 'on', 'viewer', 'admin', 'day', 'month', 'usd', '0.5', '100'];
const text = () => (chance(0.7) ? pick(FITTING) : pick(HOSTILE));

let sim, purser, document, validators, ids;

before(async () => {
    sim = await startSimulator();
    purser = await startPurser({
        settings: labSettings(sim, {
            features: { bot: { owner: 'ana@example.com' }, mail: {} },
            budgets: [{ name: 'all', scope: {}, limit_usd: 5, window: 'day' }],
        }),
    });
    document = await (await fetch(`${purser.adminUrl}/api/v1/openapi.json`)).json();
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': (s) => !Number.isNaN(Date.parse(s)) } });
    ajv.addSchema(document, 'doc');
    validators = (route, status) => {
        const told = route.responses[status] ?? route.responses.default;
        const schema = told?.content?.[status >= 400 ? 'application/problem+json' : 'application/json']?.schema;
        if (!schema) return null;
        const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components'));
        return (route[`_${status}`] ??= ajv.compile(whole));
    };
    const got = [];
    for (let i = 0; i < 6; i++) {
        const answer = await post(purser, '/v1/chat/completions', { model: 'cheap', messages: [{ role: 'user', content: `Hello ${i}` }] }, { headers: { 'x-purser-feature': pick(['bot', 'mail']), 'x-purser-task': 't-1', 'x-purser-session': 's-1', 'x-purser-user': 'u-1' } });
        got.push(answer.headers.get('x-purser-request-id'));
    }
    ids = got;
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const fitting = (schema) => {
    const type = schema.type ?? schema.anyOf?.map((s) => s.type).filter((t) => t !== 'null')[0];
    if (/0-9a-f.*16/.test(schema.pattern ?? schema.anyOf?.[0].pattern)) return pick(ids);
    if (type === 'integer') return Math.floor(random() * 1000);
    if (type === 'number') return random() * 10;
    if (type === 'boolean') return chance(0.5);
    if (type === 'string') return schema.format === 'date-time' ? '2026-11-01T00:00:00Z' : text();
    return pick([{}, [], { a: 1 }, ['bot'], 'x', 1, null, { feature: 'bot' }, { key: '*' }]);
};
const anything = () => pick([null, true, 0, -1, 1.5, 1e300, 9223372036854775807n, '', pick(HOSTILE), [], {}, [[[]]], { a: { b: [1] } }]);

const bodyOf = (schema) => {
    if (chance(0.05)) return pick(['', '{', '[]', 'null', '"x"', '{"a":1}{', '\xff', '{"name":"\\ud800"}', `{"a":${'['.repeat(200)}`]);
    const body = {};
    for (const [name, member] of Object.entries(schema.properties)) {
        if (!schema.required.includes(name) && chance(0.5)) continue;
        body[name] = chance(0.8) ? fitting(member) : anything();
    }
    if (chance(0.05)) body[pick(HOSTILE)] = anything();
    if (chance(0.05)) delete body[pick(schema.required.length ? schema.required : ['x'])];
    return JSON.stringify(body, (k, v) => (typeof v === 'bigint' ? Number(v) : v));
};

const makeRequest = (path, method, route) => {
    const url = path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(chance(0.3) ? pick(ids) : text() || 'x'));
    const query = [];
    for (const param of route.parameters.filter((p) => p.in === 'query')) {
        if (chance(0.6)) continue;
        const { type, enum: words } = param.schema;
        const value = type === 'integer' && chance(0.7) ? Math.floor(random() * 200) : words && chance(0.7) ? pick(words) : text();
        query.push(`${encodeURIComponent(param.name)}=${chance(0.9) ? encodeURIComponent(value) : '%zz%'}`);
    }
    if (chance(0.03)) query.push(encodeURIComponent(pick(HOSTILE)) + '=1');
    const schema = route.requestBody?.content['application/json'].schema;
    const body = schema && bodyOf(document.components.schemas[schema.$ref.split('/').at(-1)]);
    return { url: `${url}${query.length ? `?${query.join('&')}` : ''}`, body };
};

const check = async (method, path, route, { url, body }) => {
    const what = `seed ${SEED}: ${method} ${url} ${body ?? ''}`;
    const got = await fetch(purser.adminUrl + url, {
        method: method.toUpperCase(),
        headers: { authorization: `Bearer ${purser.adminToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body,
    }).catch((error) => assert.fail(`${what}: ${error.cause ?? error}\n${purser.log.slice(-3000)}`));
    const type = got.headers.get('content-type') ?? '';
    const said = await got.text();
    assert.ok(got.status < 500, `${what} -> ${got.status} ${said}`);
    assert.notEqual(got.status, 401, what);
    const told = route.responses[got.status] ?? (got.status >= 400 && route.responses.default);
    assert.ok(told, `${what} -> ${got.status}, which the document does not know`);
    if (got.status !== 204) assert.ok(told.content[type.split(';')[0]], `${what} -> ${got.status} ${type}`);
    if (type.startsWith('application/json') || got.status >= 400) {
        let json;
        try {
            json = JSON.parse(said);
        } catch (error) {
            assert.fail(`${what} -> ${got.status}, no JSON (${error.message}): ${said.slice(0, 500)}`);
        }
        const valid = validators(route, got.status);
        if (valid) assert.ok(valid(json), `${what} -> ${got.status} ${JSON.stringify(valid.errors)} in ${said.slice(0, 800)}`);
    }
    return got.status;
};

test('whatever a route is asked, it answers as the document says', async () => {
    const met = {};
    for (const [path, methods] of Object.entries(document.paths)) {
        if (path === '/api/v1/live') continue; // has no end
        for (const [method, route] of Object.entries(methods)) {
            if (path === '/api/v1/session' && method === 'post') continue; // guesses are slowed down
            for (let i = 0; i < ROUNDS; i++) {
                const status = await check(method, path, route, makeRequest(path, method, route));
                met[`${method} ${path}`] ??= new Set();
                met[`${method} ${path}`].add(Math.floor(status / 100));
            }
        }
    }
    // a fuzzer that every route turns away at the door tests nothing
    const fine = Object.entries(met).filter(([, kinds]) => kinds.has(2));
    assert.ok(fine.length > Object.keys(met).length * (ROUNDS < 40 ? 0.2 : 0.35), JSON.stringify(Object.entries(met).map(([k, v]) => [k, [...v]])));
});

test('what the document says of a parameter is what the server takes', async () => {
    const times = ['', '0', '7d', '1.5h', '2026-11-01', '2026-11-01T12:30Z', '2026-11-01t12:30:15.25+02:00', '7', 'd', '-1d', '7 d', '2026-13-01', '2026-11-01T24:00Z', '2026-11-01T12:30', 'yesterday'];
    const ids16 = ['0123456789abcdef', '0123456789abcde', 'x'], filters = ['', 'model=bot', 'model=a\\,b', 'model', '=bot', ' =bot', ',model=bot'];
    for (const [path, methods] of Object.entries(document.paths)) {
        if (path === '/api/v1/live') continue;
        const route = methods.get, url = path.replaceAll(/\{[^}]+\}/g, 'x');
        for (const { name, in: where, schema } of route?.parameters ?? []) {
            if (where !== 'query' || name === 'cursor') continue;
            if (schema.type === 'string' && !schema.pattern && !schema.enum) continue; // what it may be depends on more
            const [values, fits] = schema.enum ? [[...schema.enum, 'nonsense', `${schema.enum[0]}x`], (value) => schema.enum.includes(value)]
                : schema.type === 'boolean' ? [[true, false, 'x'], (value) => value !== 'x']
                : schema.type === 'integer' ? [[1, Math.min(schema.maximum, 1e9), ...(schema.maximum < 2 ** 53 ? [schema.maximum + 1] : []), 0, -1, 'x', 1.5], (value) => Number.isInteger(value) && value >= 1 && value <= schema.maximum]
                : [name === 'where' ? filters : schema.pattern.includes('us|ms') ? times : ids16, (value) => new RegExp(schema.pattern, 'u').test(value)];
            for (const value of values) {
                const got = await fetch(`${purser.adminUrl}${url}?${name}=${encodeURIComponent(value)}`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
                const problem = got.status === 400 ? await got.json() : null;
                const refused = problem?.code === 'bad_parameter' && problem.detail.startsWith(`${name}:`);
                assert.equal(refused, !fits(value), `${url}?${name}=${value} -> ${got.status} ${problem?.detail ?? ''}; ${JSON.stringify(schema)}`);
            }
        }
    }
    const why = async (text) => (await fetch(`${purser.adminUrl}/api/v1/limits/none?why=${encodeURIComponent(text)}`, { method: 'DELETE', headers: { authorization: `Bearer ${purser.adminToken}` } })).status;
    assert.deepEqual([await why('é'.repeat(500)), await why('é'.repeat(501)), await why('a\nb'), await why('💥')], [404, 400, 400, 404]);
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((route) => route.operationId));
    assert.equal(new Set(operations).size, operations.length, `${operations}`);
});

test('and what came of that is sound: the server takes calls, settings and ledger verify', async () => {
    for (const feature of [undefined, 'bot', 'mail'])
        await fetch(`${purser.adminUrl}/api/v1/switches`, { method: 'POST', headers: { authorization: `Bearer ${purser.adminToken}` }, body: JSON.stringify({ ai: 'on', feature }) });
    const answer = await fetch(`${purser.adminUrl}/api/v1/report?by=feature`, { headers: { authorization: `Bearer ${purser.adminToken}` } });
    assert.equal(answer.status, 200);
    await purser.stop();
    assert.doesNotMatch(purser.log, /ERROR: AddressSanitizer|runtime error|WARNING: ThreadSanitizer/);
    const verify = await run(bin, ['ledger', 'verify', '--config', purser.file], { env: purser.env });
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
    const settings = await run(bin, ['check', '--config', purser.file], { env: purser.env });
    assert.equal(settings.code, 0, settings.stdout + settings.stderr);
});
