// The calls that generate no text: embeddings and rerank across protocols, images and
// sound, with the official clients. What a client gets is what the provider said, and
// the bill is the simulator's truth, priced by the separate reading of the prices.
import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { after, before, test } from 'node:test';
import { GoogleGenAI } from '@google/genai';
import { CohereClientV2 } from 'cohere-ai';
import OpenAI, { toFile } from 'openai';
import { aliceKey, post, startPurser, startSimulator } from './helpers.mjs';
import { attemptOf, billOf, truthSince } from './truth.mjs';

globalThis.File ??= File; // Node 18 has it, but not where the client looks

/** Every provider the same prices, each unit another. */
const PROVIDERS = ['oai', 'goo', 'coh', 'voy', 'jin', 'mis', 'ver'];
const rows = [
    ['sim-embed', { input: 0.13 }],
    ['gemini-embedding-001', { input: 0.15 }],
    ['gemini-embedding-2', { input: 0.2, image: 0.45 }],
    ['text-embedding-005', { input: 0.025 }],
    ['rerank-sim', { input: 0.05, searches: 2000 }],
    ['gpt-image-sim', { input: 5, output: 40, image: 10 }],
    ['dall-e-sim', { requests: 40000 }],
    ['tts-1', { input: 15 }],
    ['gpt-4o-mini-tts', { input: 0.6, output: 12 }],
    ['whisper-1', { seconds: 100 }],
    ['gpt-4o-transcribe', { input: 2.5, audio_in: 6, output: 10 }],
];
const own = PROVIDERS.flatMap((p) => rows.map(([model, prices]) => ({ model: `${p}/${model}`, from: '2026-01-01', ...prices })));

let sim, purser, openai, genai, cohere;
before(async () => {
    sim = await startSimulator();
    const key = { api_key: 'sk-simulated' };
    purser = await startPurser({
        settings: {
            providers: {
                oai: { kind: 'openai', base_url: `${sim.url}/v1`, ...key },
                goo: { kind: 'gemini', base_url: sim.url, ...key },
                coh: { kind: 'cohere', base_url: sim.url, ...key },
                voy: { kind: 'voyage', base_url: `${sim.url}/v1`, ...key },
                jin: { kind: 'jina', base_url: `${sim.url}/v1`, ...key },
                mis: { kind: 'mistral', base_url: `${sim.url}/v1`, ...key },
                ver: { kind: 'vertex', base_url: sim.url, project: 'p', location: 'global', token_command: 'echo token' },
            },
            prices: own,
            budgets: [{ name: 'all', scope: {}, limit_usd: 1000, window: 'total' }],
            keys: [{ name: 'alice', secret: '${ALICE_KEY}', team: 'support', models: ['*'] }],
        },
    });
    openai = new OpenAI({ apiKey: aliceKey, baseURL: `${purser.url}/v1`, maxRetries: 0 });
    genai = new GoogleGenAI({ apiKey: aliceKey, httpOptions: { baseUrl: purser.url } });
    cohere = new CohereClientV2({ token: aliceKey, environment: purser.url, maxRetries: 0 });
});
after(async () => {
    await purser?.stop();
    await sim?.stop();
});

const COLUMNS = { input: 'input_tokens', output: 'output_tokens', audio_in: 'audio_in_tokens', audio_out: 'audio_out_tokens', image: 'image_tokens', searches: 'searches', seconds: 'seconds' };

/** Makes one call; gives what the client got, the simulator's truth and the ledger's row, which agree. */
async function billed(what, call, { state = 'exact', requests = 1 } = {}) {
    const since = (await sim.truth('?limit=1&since=0')).totals.calls;
    const stored = (await purser.sql('SELECT count(*) AS n FROM attempts'))[0].n;
    const got = await call();
    const all = await purser.rows(Number(stored) + 1);
    const row = all.at(-1);
    const truth = (await truthSince(sim, since)).find((c) => attemptOf(c) === String(row.attempt_id));
    assert.ok(truth, `${what}: the simulator knows of no such call`);
    assert.equal(row.cost_state, state, what);
    assert.ok(BigInt(row.cost_picousd) <= BigInt(row.held_picousd), `${what}: above the bound`);
    if (state !== 'exact') return { got, row, truth };
    const bill = billOf({ ...truth, usage: { ...truth.usage } }, { own, provider: row.provider });
    for (const [unit, column] of Object.entries(COLUMNS)) {
        if (truth.model === 'tts-1' && unit === 'input') continue; // characters, not tokens
        assert.equal(Number(row[column]), truth.usage[unit], `${what}: ${unit}`);
    }
    if (requests === 1 && truth.model !== 'tts-1') assert.equal(BigInt(row.cost_picousd), bill.total, `${what}: cost`);
    return { got, row, truth };
}

const TEXTS = ['The quick brown fox', 'jumps over the lazy dog'];
const close = (a, b) => a.length === b.length && a.every((x, i) => Math.abs(x - b[i]) < 1e-6);

test('embeddings: the openai client against every family', async () => {
    for (const model of ['oai/sim-embed', 'goo/gemini-embedding-2', 'coh/sim-embed', 'voy/sim-embed', 'mis/sim-embed', 'ver/text-embedding-005']) {
        for (const encoding_format of [undefined, 'float', 'base64']) {
            const { got, truth } = await billed(`${model} ${encoding_format}`, () =>
                openai.embeddings.create({ model, input: TEXTS, dimensions: 256, ...(encoding_format ? { encoding_format } : {}) }));
            assert.equal(got.data.length, 2, model);
            assert.equal(got.usage.prompt_tokens, truth.usage.input, model);
            if (encoding_format === 'base64') assert.equal(Buffer.from(got.data[1].embedding, 'base64').length % 4, 0);
            else assert.ok(got.data[1].embedding.every((x) => typeof x === 'number'), model);
        }
    }
    const list = await openai.embeddings.create({ model: 'coh/sim-embed', input: TEXTS[0], dimensions: 256, encoding_format: 'float' });
    const packed = await openai.embeddings.create({ model: 'coh/sim-embed', input: TEXTS[0], dimensions: 256 });
    assert.ok(close(list.data[0].embedding, packed.data[0].embedding), 'base64 holds the same numbers');
});

test('embeddings: the google client against every family', async () => {
    for (const model of ['goo/gemini-embedding-2', 'oai/sim-embed', 'coh/sim-embed', 'voy/sim-embed']) {
        const { got } = await billed(model, () =>
            genai.models.embedContent({ model, contents: TEXTS.map((text) => ({ parts: [{ text }] })), config: { outputDimensionality: 256, taskType: 'RETRIEVAL_QUERY' } }));
        assert.equal(got.embeddings.length, 2, model);
        assert.equal(got.embeddings[0].values.length > 0, true, model);
    }
    const body = { content: { parts: [{ text: 'one' }] }, outputDimensionality: 128 };
    for (const model of ['goo/gemini-embedding-2', 'oai/sim-embed', 'ver/gemini-embedding-2', 'ver/text-embedding-005']) {
        const { got } = await billed(`one ${model}`, () => post(purser, `/v1beta/models/${model}:embedContent`, body));
        assert.equal(got.status, 200, got.text);
        assert.equal(got.body.embedding.values.length, 128, model);
    }
});

test('embeddings: the cohere client against every family', async () => {
    for (const model of ['coh/sim-embed', 'oai/sim-embed', 'goo/gemini-embedding-2']) {
        const { got, truth } = await billed(model, () =>
            cohere.embed({ model, texts: TEXTS, inputType: 'search_query', embeddingTypes: ['float'], outputDimension: 256 }));
        assert.equal(got.embeddings.float.length, 2, model);
        assert.equal(got.embeddings.float[1].length, 256, model);
        assert.equal(got.meta.billedUnits.inputTokens, truth.usage.input, model);
    }
});

test('a provider that tells no usage is estimated; what cannot be said is refused by name', async () => {
    const silent = await billed('silent', () => post(purser, '/v1/embeddings', { model: 'oai/sim-embed', input: 'some words here' },
        { headers: { 'x-simulate-usage': 'absent' } }), { state: 'estimated' });
    assert.equal(silent.got.status, 200);
    assert.ok(BigInt(silent.row.cost_max_picousd) >= BigInt(silent.row.cost_picousd));
    const refused = await post(purser, '/v1/embeddings', { model: 'coh/sim-embed', input: [[1, 2, 3]] });
    assert.equal(refused.status, 400);
    assert.equal(refused.body.error.param, 'input');
    const lenient = await post(purser, '/v1/embeddings', { model: 'coh/sim-embed', input: 'a', strange: 1 }, { headers: { 'x-purser-compat': 'lenient' } });
    assert.equal(lenient.status, 200, lenient.text);
    assert.equal(lenient.headers.get('x-purser-warning'), 'dropped: strange');
});

test('rerank: both paths against searches and tokens', async () => {
    const documents = ['Ruby is a language', 'Paris is in France', 'Rails is a framework'];
    for (const model of ['coh/rerank-sim', 'jin/rerank-sim', 'voy/rerank-sim']) {
        const { got, truth } = await billed(`cohere client, ${model}`, () => cohere.rerank({ model, query: 'ruby', documents, topN: 2 }));
        assert.deepEqual(got.results.map((r) => typeof r.relevanceScore), ['number', 'number'], model);
        assert.equal(got.results[0].index, 0, model);
        assert.equal(got.meta.billedUnits.searchUnits ?? 0, truth.usage.searches, model);
        const plain = await billed(`/v1/rerank, ${model}`, () =>
            post(purser, '/v1/rerank', { model, query: 'ruby', documents: [...documents, { text: 'an object' }], top_n: 3, return_documents: true }));
        assert.equal(plain.got.status, 200, plain.got.text);
        assert.equal(plain.got.body.results.length, 3, model);
        if (!model.startsWith('jin')) assert.deepEqual(plain.got.body.results[0].document, { text: 'an object' }, model);
    }
    const unpriced = await post(purser, '/v1/rerank', { model: 'coh/rerank-nobody-knows', query: 'q', documents: ['a'] });
    assert.equal(unpriced.status, 402, unpriced.text);
    assert.match(unpriced.body.error.message, /No price is known/);
});

test('images: tokens, and a price for each', async () => {
    const whole = await billed('image', () => openai.images.generate({ model: 'oai/gpt-image-sim', prompt: 'a cat', n: 2 }));
    assert.equal(whole.got.data.length, 2);
    assert.equal(whole.got.usage.output_tokens, whole.truth.usage.output);
    const stream = await billed('image stream', async () => {
        const events = [];
        for await (const e of await openai.images.generate({ model: 'oai/gpt-image-sim', prompt: 'a cat', stream: true })) events.push(e);
        return events;
    });
    assert.equal(stream.got.at(-1).type, 'image_generation.completed');
    const each = await billed('dall-e', () => openai.images.generate({ model: 'oai/dall-e-sim', prompt: 'a cat', n: 3 }), { requests: 3 });
    assert.equal(BigInt(each.row.cost_picousd), 3n * 40000n * 1000000n, 'three images at 4 cents');
    const file = await toFile(Buffer.alloc(2000, 1), 'a.png', { type: 'image/png' });
    const edit = await billed('edit', () => openai.images.edit({ model: 'oai/gpt-image-sim', image: file, prompt: 'a dog' }));
    assert.equal(edit.got.data.length, 1);
});

test('speech and transcription: bytes pass untouched, seconds, tokens and characters are paid', async () => {
    const spoken = 'Good mörning';
    const sound = await billed('tts-1', async () => Buffer.from(await (await openai.audio.speech.create({ model: 'oai/tts-1', voice: 'alloy', input: spoken })).arrayBuffer()));
    assert.equal(sound.got.subarray(0, 3).toString(), 'ID3');
    assert.equal(BigInt(sound.row.cost_picousd), 12n * 15n * 1000000n, 'twelve characters');
    const events = await billed('tts sse', async () => (await openai.audio.speech.create({ model: 'oai/gpt-4o-mini-tts', voice: 'alloy', input: spoken, stream_format: 'sse' })).text());
    assert.match(events.got, /speech\.audio\.done/);
    const quiet = await billed('tts bytes', async () => (await openai.audio.speech.create({ model: 'oai/gpt-4o-mini-tts', voice: 'alloy', input: spoken })).arrayBuffer(), { state: 'estimated' });
    assert.ok(quiet.got.byteLength > 0);

    const file = () => toFile(Buffer.alloc(100_000, 7), 'a.mp3', { type: 'audio/mpeg' });
    const timed = await billed('whisper', async () => openai.audio.transcriptions.create({ model: 'oai/whisper-1', file: await file() }));
    assert.equal(Number(timed.row.seconds), timed.truth.usage.seconds);
    assert.match(timed.got.text, /sun rises/);
    await billed('transcribe', async () => openai.audio.transcriptions.create({ model: 'oai/gpt-4o-transcribe', file: await file() }));
    const streamed = await billed('transcribe stream', async () => {
        const list = [];
        for await (const e of await openai.audio.transcriptions.create({ model: 'oai/gpt-4o-transcribe', file: await file(), stream: true })) list.push(e);
        return list;
    });
    assert.equal(streamed.got.at(-1).type, 'transcript.text.done');
    await billed('translate', async () => openai.audio.translations.create({ model: 'oai/whisper-1', file: await file() }));

    const twice = await fetch(`${purser.url}/v1/audio/transcriptions`, {
        method: 'POST', headers: { authorization: `Bearer ${aliceKey}`, 'content-type': 'multipart/form-data; boundary=b' },
        body: '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\noai/whisper-1\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\noai/tts-1\r\n--b--\r\n',
    });
    assert.equal(twice.status, 400);
    assert.match((await twice.json()).error.message, /model/);
    const json = await post(purser, '/v1/audio/transcriptions', { model: 'oai/whisper-1' });
    assert.equal(json.status, 400);
});
