// What providers do wrong, in one table: tests/e2e/faults.test.mjs strikes each once, bench/faults.mjs all at load.
//
// A row: { name, stage, by, ..., whole, streamed, row }
//   by        'address'   there is no provider at its address (`at`), or none that one may talk to
//             'socket'    a socket that sends what `act(io, p, streamed)` gives: p is of providers (dialects.mjs)
//             'simulator' `purser simulate`, told by `words`
//   hasty     the provider is given little time, so that a test need not wait for long
//   whole, streamed   what becomes of a call that is answered as a whole, or as a stream:
//             'next'  nothing has reached the client: the next target answers, or it gets an HTTP error
//             'late'  content has reached the client: an error event of its protocol ends the stream
//             'stop'  the call is at fault, by what the provider says: the client gets the error at once
//             'fine'  odd, but whole
//   row       what the ledger's row of the attempt says, `status cost_state`; null: as 'fine' wants it
//   told      the HTTP status that a client without another target sees; null: its protocol's own for such a one
//   rests     the target asks to be left alone for a while: other calls go elsewhere at once
//   empty     a proper answer with nothing in it: who has no other target gets it as it came
import { gzipSync } from 'node:zlib';
import { frameOf, providers } from './dialects.mjs';
import { chunkOf, headOf, LAST_CHUNK } from './upstream.mjs';

const JSON_TYPE = 'application/json';
const isContent = (event) => event.includes('Ahoy ');

/** A stream's events: before any content, and with the first of it. */
export const opening = (p) => p.stream.slice(0, p.stream.findIndex(isContent));
export const begun = (p) => p.stream.slice(0, p.stream.findIndex(isContent) + 1);

const begin = (p, more) => headOf(200, { 'content-type': p.type, 'transfer-encoding': 'chunked', connection: 'close', ...more });
const chunks = (events) => Buffer.concat([Buffer.alloc(0), ...events.map(chunkOf)]);
const body = (p) => Buffer.from(JSON.stringify(p.whole));

const answer = (status, type, bytes, more = {}) =>
    Buffer.concat([Buffer.from(headOf(status, { 'content-type': type, 'content-length': Buffer.byteLength(bytes), connection: 'close', ...more })), Buffer.from(bytes)]);
/** One answer, then the end of the connection. */
const says = (make) => async (io, p, streamed) => {
    await io.send(make(p, streamed));
    io.close();
};
const streams = (make) => says((p) => Buffer.concat([Buffer.from(begin(p)), chunks(make(p)), Buffer.from(LAST_CHUNK)]));

/** Half of an answer: of a body its bytes, of a stream what has the first content. */
const half = (p, streamed) => (streamed
    ? Buffer.concat([Buffer.from(begin(p)), chunks(begun(p))])
    : Buffer.concat([Buffer.from(headOf(200, { 'content-type': JSON_TYPE, 'content-length': body(p).length, connection: 'close' })), body(p).subarray(0, body(p).length >> 1)]));

// ---- proper answers with nothing in them

const EMPTY = {
    chat: { id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'stop' }], usage: { prompt_tokens: 7, completion_tokens: 0, total_tokens: 7 } },
    responses: { id: 'resp_1', object: 'response', created_at: 1, model: 'm', status: 'completed', output: [], usage: { input_tokens: 7, output_tokens: 0, total_tokens: 7 } },
    messages: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 7, output_tokens: 0 } },
    gemini: { candidates: [{ index: 0, content: { role: 'model', parts: [] }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 }, modelVersion: 'm' },
    converse: { metrics: { latencyMs: 3 }, output: { message: { role: 'assistant', content: [] } }, stopReason: 'end_turn', usage: { inputTokens: 7, outputTokens: 0, totalTokens: 7 } },
};

const sse = (value) => Buffer.from(`${value.type ? `event: ${value.type}\n` : ''}data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);

/** The same as a stream. */
const EMPTY_STREAM = {
    chat: () => [{ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }, { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: EMPTY.chat.usage }, '[DONE]'].map(sse),
    responses: () => [{ type: 'response.created', sequence_number: 0, response: { ...EMPTY.responses, status: 'in_progress' } }, { type: 'response.completed', sequence_number: 1, response: EMPTY.responses }].map(sse),
    messages: () => [{ type: 'message_start', message: { ...EMPTY.messages, stop_reason: null } }, { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 0 } }, { type: 'message_stop' }].map(sse),
    gemini: () => [sse(EMPTY.gemini)],
    converse: () => [frameOf('messageStart', { role: 'assistant' }), frameOf('messageStop', { stopReason: 'end_turn' }), frameOf('metadata', { usage: EMPTY.converse.usage, metrics: { latencyMs: 3 } })],
};

const nameOf = (p) => Object.keys(providers).find((name) => providers[name] === p);

// ---- errors by status

/** In the words of each protocol; `message` where what it says matters. */
function refusal(p, status, message) {
    const text = JSON.stringify(p.body);
    return message ? text.replace('it burns', message) : text;
}

const status = (code, outcome, more = {}) => ({
    name: `status-${code}${more.as ? `-${more.as}` : ''}`, stage: 'status', by: 'socket', whole: outcome, streamed: outcome, row: /^provider_error free$/,
    act: says((p) => answer(code, more.type ?? JSON_TYPE, more.page ?? refusal(p, code, more.says),
        { ...(p.kind === 'bedrock' ? { 'x-amzn-errortype': 'SomeException' } : {}), ...more.headers })),
    told: more.told === undefined ? ([401, 403].includes(code) || code < 400 ? 502 : code) : more.told, ...(more.rests ? { rests: true } : {}),
});

// ---- the table

const address = (name, at, row, more = {}) => ({ name, stage: 'connect', by: 'address', at, whole: 'next', streamed: 'next', row, ...more });
const socket = (name, stage, whole, streamed, row, act, more = {}) => ({ name, stage, by: 'socket', whole, streamed, row, act, ...more });
const simulator = (name, words, whole, streamed, row, more = {}) => ({ name: `sim-${name}`, stage: 'simulator', by: 'simulator', words, whole, streamed, row, ...more });

const CUT = /^provider_cut estimated$/, PROTOCOL = /^provider_protocol estimated$/, TIMEOUT = /^provider_timeout estimated$/;
const BROKEN = /^provider_(cut|protocol|stream_error|error) estimated$/, FREE = /^provider_error free$/;

export const FAULTS = [
    // no connection
    address('refused', 'refused', /^provider_connect free$/),
    address('dns', 'dns', /^provider_(connect|timeout) free$/, { hasty: true }),
    address('tls-unknown-ca', 'tls', /^provider_tls free$/),
    address('tls-other-name', 'tls-name', /^provider_tls free$/),
    address('tls-cut', 'tls-cut', /^provider_(tls|connect|cut) free$/),
    address('tls-plain-answer', 'tls-plain', /^provider_(tls|connect) free$/),
    address('tls-silent', 'tls-silent', /^provider_timeout free$/, { hasty: true }),

    // before and in the head
    socket('reset-before-head', 'head', 'next', 'next', CUT, (io) => io.reset()),
    socket('closed-before-head', 'head', 'next', 'next', CUT, (io) => io.close()),
    socket('reset-in-head', 'head', 'next', 'next', CUT, async (io) => {
        await io.send('HTTP/1.1 200 OK\r\ncontent-ty');
        io.reset();
    }),
    socket('closed-in-head', 'head', 'next', 'next', CUT, says(() => 'HTTP/1.1 200 OK\r\ncontent-ty')),
    socket('silent', 'head', 'next', 'next', TIMEOUT, async () => {}, { hasty: true }),
    socket('half-a-head', 'head', 'next', 'next', TIMEOUT, (io) => io.send('HTTP/1.1 200 OK\r\ncontent-ty'), { hasty: true }),
    socket('garbage', 'head', 'next', 'next', PROTOCOL, says(() => Buffer.from('15030100020228HTTP? \u0000\u0001\u0002\r\n\r\n\r\n\r\n'))),
    socket('bad-status-line', 'head', 'next', 'next', PROTOCOL, says(() => 'HTTP/1.1 OK 200\r\ncontent-length: 0\r\n\r\n')),
    socket('bad-header', 'head', 'next', 'next', PROTOCOL, says((p) => `HTTP/1.1 200 OK\r\ncontent type: ${p.type}\r\n\r\n`)),
    socket('head-too-large', 'head', 'next', 'next', PROTOCOL, says(() => `HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(80_000)}\r\n\r\n`)),
    socket('two-lengths', 'head', 'next', 'next', PROTOCOL, says((p) => Buffer.concat([Buffer.from(headOf(200, { 'content-type': JSON_TYPE, 'content-length': body(p).length, 'Content-Length': 5, connection: 'close' })), body(p)]))),

    // in the body
    socket('reset-before-content', 'body', 'next', 'next', CUT, async (io, p, streamed) => {
        await io.send(streamed ? Buffer.concat([Buffer.from(begin(p)), chunks(opening(p))]) : headOf(200, { 'content-type': JSON_TYPE, 'content-length': 400, connection: 'close' }));
        io.reset();
    }),
    socket('reset-in-body', 'body', 'next', 'late', CUT, async (io, p, streamed) => {
        await io.send(half(p, streamed));
        io.reset();
    }),
    socket('closed-in-body', 'body', 'next', 'late', CUT, says(half)),
    socket('ended-in-body', 'body', 'next', 'late', BROKEN, says((p, streamed) => (streamed
        ? Buffer.concat([half(p, true), Buffer.from(LAST_CHUNK)])
        : Buffer.concat([Buffer.from(headOf(200, { 'content-type': JSON_TYPE, 'transfer-encoding': 'chunked', connection: 'close' })), chunkOf(body(p).subarray(0, body(p).length >> 1)), Buffer.from(LAST_CHUNK)])))),
    socket('bad-chunk', 'body', 'next', 'late', BROKEN, says((p, streamed) => (streamed
        ? Buffer.concat([half(p, true), Buffer.from('zz\r\n')])
        : Buffer.concat([Buffer.from(headOf(200, { 'content-type': JSON_TYPE, 'transfer-encoding': 'chunked', connection: 'close' })), chunkOf(body(p).subarray(0, 20)), Buffer.from('zz\r\n')])))),
    socket('length-too-long', 'length', 'next', 'fine', CUT, says((p, streamed) => {
        const bytes = streamed ? Buffer.concat(p.stream) : body(p);
        return Buffer.concat([Buffer.from(headOf(200, { 'content-type': streamed ? p.type : JSON_TYPE, 'content-length': bytes.length + 64, connection: 'close' })), bytes]);
    })),
    socket('length-too-short', 'length', 'next', 'late', BROKEN, says((p, streamed) => {
        const bytes = streamed ? Buffer.concat(p.stream) : body(p), length = streamed ? Buffer.concat(begun(p)).length + 9 : bytes.length - 9;
        return Buffer.concat([Buffer.from(headOf(200, { 'content-type': streamed ? p.type : JSON_TYPE, 'content-length': length, connection: 'close' })), bytes]);
    })),
    socket('stall-before-content', 'body', 'next', 'next', TIMEOUT, async (io, p, streamed) => {
        await io.send(streamed ? Buffer.concat([Buffer.from(begin(p)), chunks(opening(p))]) : headOf(200, { 'content-type': JSON_TYPE, 'content-length': 400, connection: 'close' }));
    }, { hasty: true }),
    socket('stall', 'body', 'next', 'late', TIMEOUT, (io, p, streamed) => io.send(half(p, streamed)), { hasty: true }),
    socket('gzip', 'body', 'next', 'next', BROKEN, says((p, streamed) => answer(200, streamed ? p.type : JSON_TYPE, gzipSync(streamed ? Buffer.concat(p.stream) : body(p)), { 'content-encoding': 'gzip' }))),

    socket('not-streamed', 'body', null, 'fine', null, says((p) => answer(200, JSON_TYPE, body(p)))),
    socket('streamed-unasked', 'body', 'next', null, PROTOCOL, streams((p) => p.stream)),

    // 200, and no answer
    socket('empty-body', 'lie', 'next', 'next', BROKEN, says((p, streamed) => answer(200, streamed ? p.type : JSON_TYPE, ''))),
    socket('no-content', 'lie', 'next', 'next', BROKEN, says(() => headOf(204, { connection: 'close' }))),
    socket('nothing-in-it', 'lie', 'next', 'next', /^ok exact$/, says((p, streamed) => {
        const name = nameOf(p);
        return streamed ? Buffer.concat([Buffer.from(begin(p)), chunks(EMPTY_STREAM[name]()), Buffer.from(LAST_CHUNK)]) : answer(200, JSON_TYPE, JSON.stringify(EMPTY[name]));
    }), { empty: true }),
    socket('empty-object', 'lie', 'next', 'next', BROKEN, says(() => answer(200, JSON_TYPE, '{}'))),
    socket('list', 'lie', 'next', 'next', BROKEN, says(() => answer(200, JSON_TYPE, '[]'))),
    socket('page', 'lie', 'next', 'next', BROKEN, says(() => answer(200, 'text/html', '<html>Please log in.</html>'))),
    socket('page-as-json', 'lie', 'next', 'next', BROKEN, says(() => answer(200, JSON_TYPE, '<html>Please log in.</html>'))),
    socket('error-under-200', 'lie', 'next', 'next', BROKEN, says((p) => answer(200, JSON_TYPE, refusal(p, 200)))),

    // errors in the stream; a call that is not streamed has the row above
    socket('error-event-first', 'band', null, 'next', /^provider_\w+ (estimated|free)$/, streams((p) => [p.error])),
    socket('error-event-before-content', 'band', null, 'next', BROKEN, streams((p) => [...opening(p), p.error])),
    socket('error-event', 'band', null, 'late', BROKEN, streams((p) => [...begun(p), p.error])),
    socket('error-event-for-its-end', 'band', null, 'late', BROKEN, streams((p) => [...p.stream.slice(0, -2), p.error])),
    socket('event-that-is-no-json', 'band', null, 'late', BROKEN, streams((p) => [...begun(p), p.kind === 'bedrock' ? frameOf('contentBlockDelta', '{"broken": ') : Buffer.from('data: {"broken": \n\n'), ...p.stream.slice(begun(p).length)])),

    // by status: whose fault it is decides
    status(400, 'stop'), status(405, 'stop'), status(413, 'stop'), status(422, 'stop'),
    status(401, 'next'), status(402, 'next'), status(403, 'next'), status(404, 'next'), status(408, 'next'), status(409, 'next'),
    status(429, 'next', { rests: true, headers: { 'retry-after': '1' } }),
    status(429, 'next', { as: 'quota', says: 'insufficient_quota' }),
    status(400, 'next', { as: 'context', says: "maximum context length is 8192 tokens" }),
    status(400, 'stop', { as: 'policy', says: 'content_policy_violation' }),
    status(302, 'next', { type: 'text/html', page: 'there', headers: { location: 'http://169.254.169.254/' } }),
    status(500, 'next'), status(501, 'next'), status(502, 'next', { type: 'text/html', page: '<html>Bad Gateway</html>' }), status(503, 'next'),
    status(504, 'next'), status(520, 'next', { type: 'text/plain', page: '', told: null }), status(524, 'next'), status(529, 'next'),

    // as the simulator does it, against its own truth
    simulator('429', 'fault=429', 'next', 'next', FREE, { told: 429, rests: true }),
    simulator('500', 'fault=500', 'next', 'next', FREE, { told: 500 }),
    simulator('503', 'fault=503', 'next', 'next', FREE),
    simulator('400', 'fault=400', 'stop', 'stop', FREE, { told: 400 }),
    simulator('slow-head', 'fault=slow-head ms=3000', 'next', 'next', TIMEOUT, { hasty: true, told: 504 }),
    simulator('slow-body', 'fault=slow-body ms=2', 'fine', 'fine', null),
    simulator('stall', 'fault=stall after=5 ms=3000', 'next', 'late', TIMEOUT, { hasty: true }),
    simulator('stall-early', 'fault=stall after=0 ms=3000', 'next', 'next', TIMEOUT, { hasty: true }),
    simulator('cut', 'fault=cut after=5', 'next', 'late', CUT),
    simulator('cut-early', 'fault=cut after=0', 'next', 'next', CUT),
    simulator('cut-clean', 'fault=cut-clean after=5', 'next', 'late', CUT),
    simulator('end-early', 'fault=end-early after=5', 'next', 'late', BROKEN),
    simulator('malformed', 'fault=malformed after=5', 'next', 'late', BROKEN),
    simulator('error-in-stream', 'fault=error-in-stream after=5', 'next', 'late', BROKEN),
    simulator('failed', 'fault=failed after=5', 'next', 'late', /^provider_\w+ (estimated|exact)$/),
    simulator('wrong-length', 'fault=wrong-length', 'next', 'fine', CUT),
    simulator('close-delimited', 'fault=close-delimited', 'fine', 'fine', null),
];

/** The protocols that the table is struck in, each with the one whose provider answers instead. */
export const PROTOCOLS = ['chat', 'messages', 'gemini', 'converse', 'responses'];
export const other = (protocol) => PROTOCOLS[(PROTOCOLS.indexOf(protocol) + 1) % PROTOCOLS.length];
export const waysOf = (fault) => ['whole', 'streamed'].filter((way) => fault[way]);
