// The six protocols as bytes: for tests that play a provider, and a client that reads them strictly.
import { eventsOf } from './helpers.mjs';

// ---- AWS event-stream frames

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let i = 0; i < 8; i++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n;
});

function crc32(bytes) {
    let crc = ~0;
    for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 255];
    return ~crc >>> 0;
}

export function frameOf(type, value, { exception = false } = {}) {
    const payload = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    const header = (name, text) => {
        const bytes = Buffer.from(text), size = Buffer.alloc(2);
        size.writeUInt16BE(bytes.length);
        return Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.of(7), size, bytes]);
    };
    const headers = Buffer.concat([
        header(exception ? ':exception-type' : ':event-type', type),
        header(':content-type', 'application/json'),
        header(':message-type', exception ? 'exception' : 'event'),
    ]);
    const frame = Buffer.alloc(12 + headers.length + payload.length + 4);
    frame.writeUInt32BE(frame.length, 0);
    frame.writeUInt32BE(headers.length, 4);
    frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
    headers.copy(frame, 12);
    payload.copy(frame, 12 + headers.length);
    frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
    return frame;
}

/** All frames; throws where the bytes are no whole frames. */
export function framesOf(bytes) {
    const frames = [];
    for (let at = 0; at < bytes.length;) {
        const size = bytes.readUInt32BE(at), headers = bytes.readUInt32BE(at + 4);
        const frame = bytes.subarray(at, at + size);
        if (frame.length < size) throw new Error('the last frame is cut');
        if (crc32(frame.subarray(0, 8)) !== frame.readUInt32BE(8)) throw new Error("a prelude's CRC is wrong");
        if (crc32(frame.subarray(0, -4)) !== frame.readUInt32BE(size - 4)) throw new Error("a frame's CRC is wrong");
        const named = {};
        for (let h = 12; h < 12 + headers;) {
            const name = frame.toString('utf8', h + 1, h + 1 + frame[h]);
            h += 1 + frame[h] + 1;
            const length = frame.readUInt16BE(h);
            named[name] = frame.toString('utf8', h + 2, h + 2 + length);
            h += 2 + length;
        }
        const exception = named[':message-type'] !== 'event';
        frames.push({ type: named[exception ? ':exception-type' : ':event-type'], exception, data: JSON.parse(frame.toString('utf8', 12 + headers, size - 4)) });
        at += size;
    }
    return frames;
}

// ---- what a provider sends: one text, its usage 7 in, 5 out

export const TEXT = 'Ahoy é there';
const PIECES = ['Ahoy ', 'é th', 'ere'];

const sse = (name, value) => Buffer.from(`${name ? `event: ${name}\n` : ''}data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);
const typed = (value) => sse(value.type, value);
const message = (content, more) => ({ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content, stop_reason: null, stop_sequence: null, usage: { input_tokens: 7, output_tokens: 1 }, ...more });
const response = (more) => ({ id: 'resp_1', object: 'response', created_at: 1, model: 'm', status: 'in_progress', output: [], ...more });
const item = (text, status) => ({ id: 'msg_1', type: 'message', role: 'assistant', status, content: text === null ? [] : [{ type: 'output_text', text, annotations: [] }] });
const responsesUsage = { input_tokens: 7, input_tokens_details: { cached_tokens: 0 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 12 };

function responsesStream() {
    const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
    const events = [
        { type: 'response.created', response: response() },
        { type: 'response.output_item.added', output_index: 0, item: item(null, 'in_progress') },
        { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } },
        ...PIECES.map((delta) => ({ type: 'response.output_text.delta', ...at, delta })),
        { type: 'response.output_text.done', ...at, text: TEXT },
        { type: 'response.content_part.done', ...at, part: { type: 'output_text', text: TEXT, annotations: [] } },
        { type: 'response.output_item.done', output_index: 0, item: item(TEXT, 'completed') },
        { type: 'response.completed', response: response({ status: 'completed', output: [item(TEXT, 'completed')], usage: responsesUsage }) },
    ];
    return events.map((event, i) => typed({ ...event, sequence_number: i }));
}

const chunk = (delta, more) => sse('', { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: null, ...more }] });
const chatUsage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };
const geminiChunk = (text, more) => ({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] }, ...more }], modelVersion: 'm', responseId: 'r1' });
const geminiUsage = { promptTokenCount: 7, candidatesTokenCount: 5, totalTokenCount: 12 };
const cohereUsage = { billed_units: { input_tokens: 7, output_tokens: 5 }, tokens: { input_tokens: 7, output_tokens: 5 } };

/** dialect -> { kind: of the provider, type: of its streams, stream: its events, whole, error: in band, body: of an HTTP error } */
export const providers = {
    chat: {
        kind: 'openai-compatible', protocols: ['chat'], base: '/v1', type: 'text/event-stream',
        stream: [chunk({ role: 'assistant', content: '' }), ...PIECES.map((content) => chunk({ content })), chunk({}, { finish_reason: 'stop' }),
            sse('', { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: chatUsage }), sse('', '[DONE]')],
        whole: { id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }], usage: chatUsage },
        error: sse('', { error: { message: 'it burns', type: 'server_error', code: null } }),
        body: { error: { message: 'it burns', type: 'server_error', param: null, code: null } },
    },
    responses: {
        kind: 'openai-compatible', protocols: ['responses'], base: '/v1', type: 'text/event-stream',
        stream: responsesStream(),
        whole: response({ status: 'completed', output: [item(TEXT, 'completed')], usage: responsesUsage }),
        error: typed({ type: 'error', code: 'server_error', message: 'it burns', param: null, sequence_number: 4 }),
        body: { error: { message: 'it burns', type: 'server_error', param: null, code: null } },
    },
    messages: {
        kind: 'anthropic', protocols: ['messages'], base: '', type: 'text/event-stream',
        stream: [{ type: 'message_start', message: message([]) }, { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, { type: 'ping' },
            ...PIECES.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })), { type: 'content_block_stop', index: 0 },
            { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } }, { type: 'message_stop' }].map(typed),
        whole: message([{ type: 'text', text: TEXT }], { stop_reason: 'end_turn', usage: { input_tokens: 7, output_tokens: 5 } }),
        error: typed({ type: 'error', error: { type: 'api_error', message: 'it burns' } }),
        body: { type: 'error', error: { type: 'api_error', message: 'it burns' } },
    },
    gemini: {
        kind: 'gemini', protocols: ['gemini'], base: '', type: 'text/event-stream',
        stream: PIECES.map((text, i) => Buffer.from(`data: ${JSON.stringify({ ...geminiChunk(text, i === 2 ? { finishReason: 'STOP' } : {}), usageMetadata: geminiUsage })}\r\n\r\n`)),
        array: PIECES.map((text, i) => Buffer.from(`${i ? ',\r\n' : '['}${JSON.stringify({ ...geminiChunk(text, i === 2 ? { finishReason: 'STOP' } : {}), usageMetadata: geminiUsage })}${i === 2 ? ']' : ''}`)),
        whole: { ...geminiChunk(TEXT, { finishReason: 'STOP' }), usageMetadata: geminiUsage },
        error: sse('', { error: { code: 500, message: 'it burns', status: 'INTERNAL' } }),
        body: { error: { code: 500, message: 'it burns', status: 'INTERNAL' } },
    },
    converse: {
        kind: 'bedrock', protocols: ['converse'], base: '', type: 'application/vnd.amazon.eventstream',
        stream: [frameOf('messageStart', { role: 'assistant', p: 'abc' }), ...PIECES.map((text) => frameOf('contentBlockDelta', { contentBlockIndex: 0, delta: { text }, p: 'ab' })),
            frameOf('contentBlockStop', { contentBlockIndex: 0 }), frameOf('messageStop', { stopReason: 'end_turn' }),
            frameOf('metadata', { metrics: { latencyMs: 3 }, usage: { inputTokens: 7, outputTokens: 5, totalTokens: 12 } })],
        whole: { metrics: { latencyMs: 3 }, output: { message: { role: 'assistant', content: [{ text: TEXT }] } }, stopReason: 'end_turn', usage: { inputTokens: 7, outputTokens: 5, totalTokens: 12 } },
        error: frameOf('modelStreamErrorException', { message: 'it burns' }, { exception: true }),
        body: { message: 'it burns' },
    },
    cohere: {
        kind: 'cohere', protocols: ['cohere'], base: '', type: 'text/event-stream',
        stream: [...[{ type: 'message-start', id: 'c1', delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } } },
            { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } },
            ...PIECES.map((text) => ({ type: 'content-delta', index: 0, delta: { message: { content: { text } } } })), { type: 'content-end', index: 0 },
            { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: cohereUsage } }].map(typed), sse('', '[DONE]')],
        whole: { id: 'c1', message: { role: 'assistant', content: [{ type: 'text', text: TEXT }] }, finish_reason: 'COMPLETE', usage: cohereUsage },
        error: typed({ type: 'message-end', delta: { finish_reason: 'ERROR', error: 'it burns' } }),
        body: { message: 'it burns' },
    },
};

// ---- what a client sends, and how it reads the answer

const user = (content) => ({ role: 'user', content });
const last = (events) => events.at(-1);
const parsed = (answer) => eventsOf(answer.text).map((event) => (event === '[DONE]' ? event : JSON.parse(event)));

function readGemini(chunks) {
    const text = chunks.flatMap((c) => c.candidates?.[0]?.content?.parts ?? []).map((p) => p.text ?? '').join('');
    const end = chunks.some((c) => c.candidates?.[0]?.finishReason);
    return { text, end, ...(chunks.some((c) => c.error) ? { error: last(chunks).error?.message } : {}) };
}

/** `body(model, stream, text)`: a call. Every `stream` gives { text, end, error }: `end` where the protocol's own good end is there; throws on half an event.
 *  `whole`: the text of an answer that is not streamed; `failure`: the message of an HTTP error. */
export const clients = {
    chat: {
        path: () => '/v1/chat/completions', body: (model, stream, text = 'Ahoy!') => ({ model, stream, messages: [user(text)] }), type: /^text\/event-stream/,
        stream: (answer) => {
            const events = parsed(answer);
            return { text: events.map((e) => e.choices?.[0]?.delta?.content ?? '').join(''), end: last(events) === '[DONE]', error: last(events)?.error?.message };
        },
        whole: (json) => json.choices[0].message.content, failure: (json) => json.error.type && json.error.message,
    },
    responses: {
        path: () => '/v1/responses', body: (model, stream, text = 'Ahoy!') => ({ model, stream, input: text }), type: /^text\/event-stream/,
        stream: (answer) => {
            const events = parsed(answer);
            const gap = events.find((e, i) => e.sequence_number !== i);
            if (gap) throw new Error(`a gap before ${JSON.stringify(gap)}`);
            const end = last(events);
            return { text: events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), end: end?.type === 'response.completed', error: end?.type === 'error' ? end.message : end?.response?.error?.message };
        },
        whole: (json) => json.output.find((i) => i.type === 'message').content[0].text, failure: (json) => json.error.type && json.error.message,
    },
    messages: {
        path: () => '/v1/messages', body: (model, stream, text = 'Ahoy!') => ({ model, stream, max_tokens: 50, messages: [user(text)] }), type: /^text\/event-stream/,
        stream: (answer) => {
            const events = parsed(answer);
            return { text: events.map((e) => (e.type === 'content_block_delta' ? (e.delta.text ?? '') : '')).join(''), end: last(events)?.type === 'message_stop', error: last(events)?.type === 'error' ? last(events).error.message : undefined };
        },
        whole: (json) => json.content[0].text, failure: (json) => json.type === 'error' && json.error.type && json.error.message,
    },
    gemini: {
        path: (model, stream) => `/v1beta/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`, body: (model, stream, text = 'Ahoy!') => ({ contents: [{ role: 'user', parts: [{ text }] }] }), type: /^text\/event-stream/,
        stream: (answer) => readGemini(parsed(answer)),
        whole: (json) => json.candidates[0].content.parts[0].text, failure: (json) => [json].flat()[0].error.code && [json].flat()[0].error.message,
    },
    'gemini-array': {
        path: (model, stream) => `/v1beta/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent' : 'generateContent'}`, body: (model, stream, text = 'Ahoy!') => ({ contents: [{ role: 'user', parts: [{ text }] }] }), type: /^application\/json/,
        stream: (answer) => readGemini(JSON.parse(answer.text)),
        whole: (json) => json.candidates[0].content.parts[0].text, failure: (json) => [json].flat()[0].error.code && [json].flat()[0].error.message,
    },
    converse: {
        path: (model, stream) => `/model/${encodeURIComponent(model)}/converse${stream ? '-stream' : ''}`, body: (model, stream, text = 'Ahoy!') => ({ messages: [{ role: 'user', content: [{ text }] }] }), type: /^application\/vnd\.amazon\.eventstream/,
        stream: (answer) => {
            const frames = framesOf(answer.body);
            return { text: frames.filter((f) => f.type === 'contentBlockDelta').map((f) => f.data.delta.text ?? '').join(''), end: last(frames)?.type === 'metadata' && frames.some((f) => f.type === 'messageStop'), error: last(frames)?.exception ? last(frames).data.message : undefined };
        },
        whole: (json) => json.output.message.content[0].text, failure: (json, headers) => (json.__type ?? headers['x-amzn-errortype']) && json.message,
    },
    cohere: {
        path: () => '/v2/chat', body: (model, stream, text = 'Ahoy!') => ({ model, stream, messages: [user(text)] }), type: /^text\/event-stream/,
        stream: (answer) => {
            const events = parsed(answer).filter((e) => e !== '[DONE]');
            const end = last(events)?.type === 'message-end' ? last(events).delta : undefined;
            return { text: events.map((e) => (e.type === 'content-delta' ? e.delta.message.content.text : '')).join(''), end: !!end && end.finish_reason !== 'ERROR', error: end?.finish_reason === 'ERROR' ? end.error : undefined };
        },
        whole: (json) => json.message.content[0].text, failure: (json) => json.message,
    },
};
