// Recorded traffic as the calls that a client of each family would make through purser, what that
// client should see, and what the provider's raw fields say was used.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { framesOf } from './dialects.mjs';

const KINDS = ['azure', 'groq', 'deepseek', 'together', 'openrouter', 'perplexity', 'cerebras', 'mistral', 'xai', 'ollama',
    'voyage', 'anthropic', 'gemini', 'vertex', 'bedrock', 'cohere'];

const inBody = (family, path) => ({ family, at: (uri) => uri.endsWith(path), path: () => `/v1${path}` });
const inPath = (family, pattern, path) => ({ family, at: (uri) => pattern.test(uri), path: (model, uri, query) => path(encodeURIComponent(model), pattern.exec(uri)[2], query), model: (uri) => decodeURIComponent(pattern.exec(uri)[1]) });

/** What an address of a provider asks for, and the path where purser's clients ask for it. */
const CALLS = [
    ...['/v2/chat', '/v2/embed', '/v2/rerank'].map((path) => ({ family: 'cohere', at: (uri) => uri.endsWith(path), path: () => path })),
    ...['/chat/completions', '/completions', '/embeddings', '/moderations', '/rerank'].map((path) => inBody('chat', path)),
    inBody('responses', '/responses'),
    { ...inBody('messages', '/v1/messages'), path: () => '/v1/messages' },
    inPath('gemini', /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/, (model, verb, query) => `/v1beta/models/${model}:${verb}${query}`),
    { ...inPath('gemini', /\/models\/([^/:]+):(batchEmbedContents)$/, (model, verb) => `/v1beta/models/${model}:${verb}`), alias: true }, // its body names the model as the provider does
    inPath('gemini', /\/models\/([^/:]+):(predict)$/, (model) => `/v1beta1/publishers/google/models/${model}:predict`),
    inPath('converse', /\/model\/(.+)\/(converse|converse-stream)$/, (model, verb) => `/model/${model}/${verb}`),
];

const bytesOf = (row, name) => Buffer.from(row[`${name}_b64`] ?? row[name] ?? '', row[`${name}_b64`] ? 'base64' : 'utf8');

/** Some recorders kept no headers: then the first bytes say what a body is. */
const typeOf = (headers, body) => headers['content-type'] ?? (/^(data|event|):/.test(body.toString('latin1', 0, 8)) ? 'text/event-stream' : 'application/json');

function readRow(row, file) {
    const [uri, query = ''] = row.uri.split('#')[0].split('?');
    const call = CALLS.find((c) => c.at(uri));
    if (!call || row.method !== 'POST') return null;
    if (uri.includes('/api/embeddings') || (file === 'cohere' && call.family !== 'cohere')) return null; // Ollama's own protocol, Cohere's old one
    let request;
    try {
        request = JSON.parse(bytesOf(row, 'request_body').toString('utf8'));
    } catch {
        return null; // a form, or nothing
    }
    if (typeof request !== 'object' || !request) return null;
    const headers = Object.fromEntries(Object.entries(row.response_headers).map(([k, v]) => [k.toLowerCase(), [v].flat().join(', ')]));
    const body = bytesOf(row, 'response_body'), type = typeOf(headers, body);
    const provider = file === 'bedrock' && call.family !== 'converse' ? 'mantle' : file;
    const framing = row.status >= 300 ? null : /^text\/event-stream/.test(type) ? 'sse' : /^application\/vnd\.amazon\.eventstream/.test(type) ? 'frames' : null;
    const sse = /alt=sse/.test(query) ? '?alt=sse' : '';
    /** The call with another model's name in it. */
    const as = (model) => ({ path: call.path(model, uri, sse), request: call.model ? request : { ...request, model } });
    return {
        id: row.id, provider, family: call.family, status: row.status, type, framing, stream: framing !== null, body, as,
        alias: call.alias && call.model(uri),
        ...as(call.alias ? call.model(uri) : `${provider}/${call.model?.(uri) ?? request.model ?? 'none'}`),
    };
}

export function loadRecordings(folder) {
    const recordings = [];
    for (const file of readdirSync(folder).filter((f) => f.endsWith('.jsonl.gz')).sort()) {
        for (const line of gunzipSync(readFileSync(join(folder, file))).toString('utf8').split('\n')) {
            const recording = line && readRow(JSON.parse(line), file.replace('.jsonl.gz', ''));
            if (recording) recordings.push(recording);
        }
    }
    return recordings;
}

/** Settings of the providers that recordings name, all at `url`. */
export function providersAt(url, recordings) {
    const own = {
        vertex: { base_url: url, project: 'p', location: 'eu', token_command: ['printf', 'replayed-token'] },
        bedrock: { base_url: url, region: 'us-east-1', api_key: 'sk-replayed' },
        ...Object.fromEntries(['anthropic', 'gemini', 'cohere'].map((name) => [name, { base_url: url, api_key: 'sk-replayed' }])),
    };
    return Object.fromEntries([...new Set(recordings.map((r) => r.provider))].map((name) => [name, {
        kind: KINDS.includes(name) ? name : 'openai-compatible', base_url: `${url}/v1`, api_key: 'sk-replayed', ...own[name],
        ...(name === 'vertex' ? { api_key: undefined } : {}),
    }]));
}

export const modelsAt = (recordings) => Object.fromEntries(recordings.filter((r) => r.alias).map((r) => [r.alias, `${r.provider}/${r.alias}`]));

// ---- streams

/** Where events end: just behind each blank line, or frame. */
export function edgesOf({ body, framing }) {
    const edges = [];
    if (framing === 'frames') for (let at = 0; at < body.length;) edges.push(at += body.readUInt32BE(at));
    if (framing !== 'sse') return edges;
    const pattern = /\r\n\r\n|\n\n|\r\r/g;
    const text = body.toString('latin1');
    while (pattern.exec(text)) edges.push(pattern.lastIndex);
    return edges;
}

/** Events of a stream: { raw, data: parsed, '[DONE]' or undefined, failed }. */
function* eventsOf(recording) {
    const { body, framing } = recording;
    let from = 0;
    for (const edge of [...edgesOf(recording), body.length]) {
        const raw = body.subarray(from, edge);
        from = edge;
        if (!raw.length) continue;
        if (framing === 'frames') {
            const [frame] = framesOf(raw);
            yield { raw, data: { type: frame.type, ...frame.data }, failed: frame.exception };
            continue;
        }
        const text = raw.toString('utf8').split(/\r\n|\n|\r/).filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n');
        if (!text || text === '[DONE]') {
            yield { raw, data: text || undefined };
            continue;
        }
        const data = JSON.parse(text);
        yield { raw, data, failed: !!data.error || data.type === 'error' || data.type === 'response.failed' };
    }
}

/** What follows a protocol's own end is nobody's. */
const isEnd = ({ data }) => data === '[DONE]' || /^(response\.(completed|incomplete)|message_stop|metadata)$/.test(data.type ?? '');

/** What the client should see: the recorded bytes, but for what purser says it changes. */
export function expectedOf(recording) {
    const { body, request, family } = recording;
    if (!recording.stream) return { text: body };
    const asked = request.stream_options?.include_usage === true;
    const kept = [];
    for (const event of eventsOf(recording)) {
        if (event.failed) return { text: Buffer.concat(kept), fails: true };
        const usageOnly = family === 'chat' && event.data?.usage && event.data.choices?.length === 0;
        if (!usageOnly || asked) kept.push(event.raw); // the chunk that purser asked for is taken out
        if (event.data && isEnd(event)) break;
    }
    return { text: Buffer.concat(kept) };
}

// ---- usage, from the raw fields, by the arithmetic that was measured for each provider

const count = (v) => (Number.isInteger(v) ? v : 0);
const first = (...all) => all.find((v) => Number.isInteger(v));
const sum = (list) => list.reduce((all, v) => all + count(v), 0);

function openaiUnits(u) {
    const total = u.total_tokens, completion = count(first(u.completion_tokens, u.output_tokens));
    const prompt = first(u.prompt_tokens, u.input_tokens, total);
    const inside = u.prompt_tokens_details ?? u.input_tokens_details ?? {}, made = u.completion_tokens_details ?? u.output_tokens_details ?? {};
    const audio = count(inside.audio_tokens);
    const beside = total === undefined ? 0 : total - prompt - completion; // Mistral: audio stands in the details alone
    if (beside !== 0 && beside !== audio) return { odd: `${total} is neither ${prompt} + ${completion} nor that and audio` };
    const text = prompt + beside - audio;
    const read = Math.min(count(first(u.prompt_cache_hit_tokens, inside.cached_tokens, u.cached_tokens, u.num_cached_tokens)), text); // Grok says more than all
    const written = Math.min(count(inside.cache_write_tokens), text - read);
    const reasoning = Math.min(count(made.reasoning_tokens), completion); // OpenRouter says more than all
    const xai = u.server_side_tool_usage_details ?? {}, router = u.server_tool_use_details ?? {};
    const searches = sum([xai.web_search_calls, xai.x_search_calls, router.web_search_requests]);
    return {
        input: text - read - written, cache_read: read, cache_write_5m: written, audio_in: audio,
        output: completion - reasoning - count(made.audio_tokens), reasoning, audio_out: count(made.audio_tokens),
        searches, tool_calls: Math.max(sum([u.num_server_side_tools_used, router.tool_calls_executed]) - searches, 0),
    };
}

function messagesUnits(u) {
    const steps = (u.iterations ?? []).filter((step) => step.type !== 'message'), all = (key) => count(u[key]) + sum(steps.map((s) => s[key]));
    const hour = count(u.cache_creation?.ephemeral_1h_input_tokens), reasoning = count(u.output_tokens_details?.thinking_tokens);
    return {
        input: all('input_tokens'), cache_read: all('cache_read_input_tokens'),
        cache_write_5m: all('cache_creation_input_tokens') - hour, cache_write_1h: hour, // what no lifetime is told for lives five minutes
        output: all('output_tokens') - reasoning, reasoning,
        searches: count(u.server_tool_use?.web_search_requests), tool_calls: count(u.server_tool_use?.web_fetch_requests),
    };
}

function geminiUnits(u) {
    const numbers = { IMAGE: 2, AUDIO: 4 }; // protobuf's
    const of = (list, modality) => sum((list ?? []).filter((d) => [modality, numbers[modality]].includes(d.modality)).map((d) => d.tokenCount));
    const audio = Math.max(of(u.promptTokensDetails, 'AUDIO') - of(u.cacheTokensDetails, 'AUDIO'), 0);
    const spoken = of(u.candidatesTokensDetails, 'AUDIO'), image = of(u.candidatesTokensDetails, 'IMAGE'), read = count(u.cachedContentTokenCount);
    return {
        input: count(u.promptTokenCount) - read - audio + count(u.toolUsePromptTokenCount), cache_read: read, audio_in: audio,
        output: count(u.candidatesTokenCount) - spoken - image, audio_out: spoken, image, reasoning: count(u.thoughtsTokenCount),
    };
}

function converseUnits(u) {
    const read = count(first(u.cacheReadInputTokens, u.cacheReadInputTokenCount)), written = count(first(u.cacheWriteInputTokens, u.cacheWriteInputTokenCount));
    return { input: u.totalTokens - u.outputTokens - read - written, cache_read: read, cache_write_5m: written, output: u.outputTokens };
}

function cohereUnits(u) {
    const reasoning = count(u.tokens?.reasoning_tokens), billed = u.billed_units;
    return { input: count(billed.input_tokens), output: count(billed.output_tokens) - reasoning, reasoning, searches: count(billed.search_units), image: count(billed.images) };
}

/** The usage object of an answer, or of its events laid one over the other; null where none tells any. */
function rawUsage(recording) {
    const events = recording.stream ? [...eventsOf(recording)].map((e) => e.data).filter((d) => typeof d === 'object') : [JSON.parse(recording.body.toString('utf8'))];
    const found = events.flatMap((e) => [e.message?.usage, e.x_groq?.usage, e.usage, e.response?.usage, e.delta?.usage, e.usageMetadata, e.meta?.billed_units && e.meta].filter((u) => u && typeof u === 'object'));
    if (events[0]?.predictions) return { promptTokenCount: sum(events[0].predictions.map((p) => p.embeddings?.statistics?.token_count)) };
    if (recording.family !== 'messages') return found.at(-1) ?? null;
    const told = (u) => Object.fromEntries(Object.entries(u).filter(([, v]) => v !== null));
    return found.length ? Object.assign({}, ...found.map(told)) : null;
}

const ARITHMETIC = { chat: openaiUnits, responses: openaiUnits, messages: messagesUnits, gemini: geminiUnits, converse: converseUnits, cohere: cohereUnits };

/** What a recorded answer used, in purser's units; null where it tells nothing. Responses and Gemini show
 *  what their tools did, their usage tells nothing of it: then those units are left out. */
export function unitsOf(recording) {
    const usage = rawUsage(recording);
    if (!usage) return null;
    const units = { searches: 0, tool_calls: 0, ...ARITHMETIC[recording.family](usage), requests: 1 };
    const shown = ['responses', 'gemini'].includes(recording.family);
    return Object.fromEntries(Object.entries(units).filter(([unit, n]) => n || !shown || !['searches', 'tool_calls'].includes(unit)));
}
