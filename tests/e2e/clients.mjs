// The six protocols through their official clients, made to look alike: what is asked is
// neutral, what comes back is { text, thoughts, calls, stop, usage, cites, said }. Nothing of a
// client is set but its address, its key and headers. A cite is { url, title, words, quote }: a source,
// the words of the answer that lean on it, and words of the source ('' where there are none).
//
//   const clients = await connect(purser.url, key)
//   await clients.chat.ask(model, { turns: [{ user: 'Ahoy' }] }, { stream, headers })
//
// turns: { user, image } | { said } (an answer's own `said`) | { results: [{ id, name, text }] }
// asked: { system, turns, tools: [{ name, description, schema }], force, schema, think, max }

export const PROTOCOLS = ['chat', 'responses', 'messages', 'gemini', 'converse', 'cohere'];
const THINK_TOKENS = 2048;
const ended = (why, table) => table[why] ?? `unknown: ${why}`;
const parse = (text) => JSON.parse(text || '{}');
/** Of a text's characters, as most count them: a pair of surrogates is one. */
const words = (text, start, end) => [...text].slice(start, end).join('');

function chat({ default: OpenAI }, url, apiKey) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    const one = (t) => t.said ? [t.said]
        : t.results ? t.results.map((r) => ({ role: 'tool', tool_call_id: r.id, content: r.text }))
            : [{ role: 'user', content: t.image ? [{ type: 'text', text: t.user }, { type: 'image_url', image_url: { url: `data:${t.image.mime};base64,${t.image.data}` } }] : t.user }];
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                model, messages: [...(c.system ? [{ role: 'system', content: c.system }] : []), ...c.turns.flatMap(one)],
                ...(c.tools && { tools: c.tools.map((t) => ({ type: 'function', function: { name: t.name, description: t.description, parameters: t.schema } })) }),
                ...(c.force && { tool_choice: { type: 'function', function: { name: c.force } } }),
                ...(c.schema && { response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: c.schema } } }),
                ...(c.think && { reasoning_effort: 'medium' }), ...(c.max && { max_completion_tokens: c.max }),
            };
            let got, thoughts = '', notes = []; // of which OpenAI's own client knows nothing: it does not add them up
            if (stream) {
                const events = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }, { headers });
                events.on('chunk', (chunk) => {
                    thoughts += chunk.choices[0]?.delta?.reasoning_content ?? '';
                    notes.push(...(chunk.choices[0]?.delta?.annotations ?? []));
                });
                got = await events.finalChatCompletion();
            } else {
                got = await client.chat.completions.create(body, { headers });
                thoughts = got.choices[0].message.reasoning_content ?? '';
                notes = got.choices[0].message.annotations ?? [];
            }
            const { message, finish_reason: why } = got.choices[0], u = got.usage;
            return {
                text: message.content ?? '', thoughts, said: message,
                cites: notes.map(({ url_citation: c }) => ({ url: c.url, title: c.title, words: words(message.content, c.start_index, c.end_index), quote: c.content ?? '' })),
                calls: (message.tool_calls ?? []).map((t) => ({ id: t.id, name: t.function.name, args: parse(t.function.arguments) })),
                stop: ended(why, { stop: 'stop', tool_calls: 'tools', length: 'length' }),
                usage: u && { prompt: u.prompt_tokens, read: u.prompt_tokens_details?.cached_tokens ?? 0, completion: u.completion_tokens, reasoning: u.completion_tokens_details?.reasoning_tokens ?? 0, total: u.total_tokens },
            };
        },
        usage: (t) => ({ prompt: t.prompt, read: t.cache_read, completion: t.completion, reasoning: t.reasoning, total: t.prompt + t.completion }),
    };
}

function responses({ default: OpenAI }, url, apiKey) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    const one = (t) => t.said ? t.said
        : t.results ? t.results.map((r) => ({ type: 'function_call_output', call_id: r.id, output: r.text }))
            : [{ role: 'user', content: t.image ? [{ type: 'input_text', text: t.user }, { type: 'input_image', image_url: `data:${t.image.mime};base64,${t.image.data}`, detail: 'auto' }] : t.user }];
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                model, ...(c.system && { instructions: c.system }), input: c.turns.flatMap(one), store: false,
                ...(c.tools && { tools: c.tools.map((t) => ({ type: 'function', name: t.name, description: t.description, parameters: t.schema, strict: false })) }),
                ...(c.force && { tool_choice: { type: 'function', name: c.force } }),
                ...(c.schema && { text: { format: { type: 'json_schema', name: 'answer', strict: true, schema: c.schema } } }),
                ...(c.think && { reasoning: { effort: 'medium', summary: 'auto' } }), ...(c.max && { max_output_tokens: c.max }),
            };
            const got = stream ? await client.responses.stream(body, { headers }).finalResponse() : await client.responses.create(body, { headers });
            const calls = got.output.filter((o) => o.type === 'function_call'), u = got.usage;
            return {
                text: got.output_text ?? got.output.filter((o) => o.type === 'message').flatMap((o) => o.content).map((p) => p.text ?? '').join(''),
                thoughts: got.output.filter((o) => o.type === 'reasoning').flatMap((o) => [...(o.summary ?? []), ...(o.content ?? [])]).map((p) => p.text).join(''),
                said: got.output.map(({ parsed, parsed_arguments, ...item }) => item),
                cites: got.output.filter((o) => o.type === 'message').flatMap((o) => o.content).flatMap((p) => (p.annotations ?? []).map((a) => ({ url: a.url, title: a.title, words: words(p.text, a.start_index, a.end_index), quote: '' }))),
                calls: calls.map((o) => ({ id: o.call_id, name: o.name, args: parse(o.arguments) })),
                stop: got.status === 'incomplete' ? ended(got.incomplete_details?.reason, { max_output_tokens: 'length' }) : got.status !== 'completed' ? got.status : calls.length ? 'tools' : 'stop',
                usage: u && { prompt: u.input_tokens, read: u.input_tokens_details?.cached_tokens ?? 0, completion: u.output_tokens, reasoning: u.output_tokens_details?.reasoning_tokens ?? 0, total: u.total_tokens },
            };
        },
        usage: (t) => ({ prompt: t.prompt, read: t.cache_read, completion: t.completion, reasoning: t.reasoning, total: t.prompt + t.completion }),
    };
}

function messages({ default: Anthropic }, url, apiKey) {
    const client = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
    const one = (t) => t.said ? { role: 'assistant', content: t.said }
        : t.results ? { role: 'user', content: t.results.map((r) => ({ type: 'tool_result', tool_use_id: r.id, content: r.text })) }
            : { role: 'user', content: t.image ? [{ type: 'image', source: { type: 'base64', media_type: t.image.mime, data: t.image.data } }, { type: 'text', text: t.user }] : t.user };
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                model, max_tokens: c.max ?? 4096, ...(c.system && { system: c.system }), messages: c.turns.map(one),
                ...(c.tools && { tools: c.tools.map((t) => ({ name: t.name, description: t.description, input_schema: t.schema })) }),
                ...(c.force && { tool_choice: { type: 'tool', name: c.force } }),
                ...(c.schema && { output_config: { format: { type: 'json_schema', schema: c.schema } } }),
                ...(c.think && { thinking: { type: 'enabled', budget_tokens: THINK_TOKENS } }),
            };
            const got = stream ? await client.messages.stream(body, { headers }).finalMessage() : await client.messages.create(body, { headers });
            const of = (type) => got.content.filter((b) => b.type === type), u = got.usage;
            return {
                text: of('text').map((b) => b.text).join(''), thoughts: of('thinking').map((b) => b.thinking).join(''),
                said: got.content.map(({ parsed_output, ...block }) => block),
                cites: of('text').flatMap((b) => (b.citations ?? []).map((c) => ({ url: c.url, title: c.title, words: b.text, quote: c.cited_text }))),
                calls: of('tool_use').map((b) => ({ id: b.id, name: b.name, args: b.input })),
                stop: ended(got.stop_reason, { end_turn: 'stop', tool_use: 'tools', max_tokens: 'length' }),
                usage: { input: u.input_tokens, read: u.cache_read_input_tokens ?? 0, write: u.cache_creation_input_tokens ?? 0, completion: u.output_tokens },
            };
        },
        usage: (t) => ({ input: t.input, read: t.cache_read, write: t.write, completion: t.completion }),
    };
}

function gemini({ GoogleGenAI }, url, apiKey) {
    const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });
    const one = (t) => t.said ? t.said
        : t.results ? { role: 'user', parts: t.results.map((r) => ({ functionResponse: { ...(r.id && { id: r.id }), name: r.name, response: { result: r.text } } })) }
            : { role: 'user', parts: [{ text: t.user }, ...(t.image ? [{ inlineData: { mimeType: t.image.mime, data: t.image.data } }] : [])] };
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                model, contents: c.turns.map(one),
                config: {
                    httpOptions: { headers }, ...(c.system && { systemInstruction: c.system }),
                    ...(c.tools && { tools: [{ functionDeclarations: c.tools.map((t) => ({ name: t.name, description: t.description, parametersJsonSchema: t.schema })) }] }),
                    ...(c.force && { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [c.force] } } }),
                    ...(c.schema && { responseMimeType: 'application/json', responseJsonSchema: c.schema }),
                    ...(c.think && { thinkingConfig: { includeThoughts: true, thinkingBudget: THINK_TOKENS } }), ...(c.max && { maxOutputTokens: c.max }),
                },
            };
            const parts = [], cites = [];
            let why, u;
            const take = (got) => {
                parts.push(...(got.candidates?.[0]?.content?.parts ?? []));
                const found = got.candidates?.[0]?.groundingMetadata; // counts bytes: of a part, or of all text of a stream
                const all = stream ? parts.filter((p) => p.text && !p.thought).map((p) => p.text).join('') : null;
                for (const s of found?.groundingSupports ?? []) {
                    const { startIndex = 0, endIndex, partIndex = 0 } = s.segment, text = Buffer.from(all ?? parts[partIndex].text);
                    for (const { web } of s.groundingChunkIndices.map((i) => found.groundingChunks[i])) cites.push({ url: web.uri, title: web.title, words: text.subarray(startIndex, endIndex).toString(), quote: '' });
                }
                why = got.candidates?.[0]?.finishReason ?? why;
                u = got.usageMetadata ?? u;
            };
            if (!stream) take(await client.models.generateContent(body));
            else for await (const got of await client.models.generateContentStream(body)) take(got);
            const calls = parts.filter((p) => p.functionCall), n = (v) => v ?? 0;
            return {
                text: parts.filter((p) => p.text && !p.thought).map((p) => p.text).join(''), thoughts: parts.filter((p) => p.thought).map((p) => p.text ?? '').join(''),
                cites, said: { role: 'model', parts: parts.filter((p) => !(p.text === '' && !p.thoughtSignature)) }, calls: calls.map((p) => ({ id: p.functionCall.id, name: p.functionCall.name, args: p.functionCall.args })),
                stop: ended(why, { STOP: calls.length ? 'tools' : 'stop', FUNCTION_CALL: 'tools', MAX_TOKENS: 'length' }), // the last but one is aimock's own
                usage: u && { prompt: n(u.promptTokenCount), read: n(u.cachedContentTokenCount), output: n(u.candidatesTokenCount), reasoning: n(u.thoughtsTokenCount), total: u.totalTokenCount },
            };
        },
        usage: (t) => ({ prompt: t.prompt, read: t.cache_read, output: t.output, reasoning: t.reasoning, total: t.prompt + t.completion }),
    };
}

function converse({ aws, http }, url, key) {
    const client = new aws.BedrockRuntimeClient({ region: 'us-east-1', endpoint: url, requestHandler: new http.NodeHttpHandler(), token: { token: key }, authSchemePreference: ['httpBearerAuth'], maxAttempts: 1 });
    const one = (t) => t.said ? t.said
        : t.results ? { role: 'user', content: t.results.map((r) => ({ toolResult: { toolUseId: r.id, content: [{ text: r.text }] } })) }
            : { role: 'user', content: [{ text: t.user }, ...(t.image ? [{ image: { format: t.image.mime.slice(6), source: { bytes: Buffer.from(t.image.data, 'base64') } } }] : [])] };
    const send = (command, headers) => {
        command.middlewareStack.add((next) => (args) => {
            Object.assign(args.request.headers, headers);
            return next(args);
        }, { step: 'build' });
        return client.send(command);
    };
    /** The message that the stream's events make. */
    async function gather(events) {
        const blocks = [];
        let why, u;
        for await (const e of events) {
            if (e.contentBlockStart?.start?.toolUse) blocks[e.contentBlockStart.contentBlockIndex] = { toolUse: { ...e.contentBlockStart.start.toolUse, input: '' } };
            const d = e.contentBlockDelta?.delta, at = e.contentBlockDelta?.contentBlockIndex;
            if (d?.citation) (blocks[at] ??= { text: '' }).citations = [...(blocks[at].citations ?? []), d.citation];
            if (d?.text !== undefined) (blocks[at] ??= { text: '' }).text += d.text;
            if (d?.toolUse) blocks[at].toolUse.input += d.toolUse.input;
            if (d?.reasoningContent) {
                const r = (blocks[at] ??= { reasoningContent: { reasoningText: { text: '' } } }).reasoningContent.reasoningText;
                r.text += d.reasoningContent.text ?? '';
                if (d.reasoningContent.signature) r.signature = (r.signature ?? '') + d.reasoningContent.signature;
            }
            if (e.messageStop) why = e.messageStop.stopReason;
            if (e.metadata) u = e.metadata.usage;
        }
        for (const b of blocks) if (b.toolUse) b.toolUse.input = parse(b.toolUse.input);
        const whole = blocks.map((b) => b.citations ? { citationsContent: { content: [{ text: b.text }], citations: b.citations } } : b);
        return { output: { message: { role: 'assistant', content: whole } }, stopReason: why, usage: u };
    }
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                modelId: model, messages: c.turns.map(one), ...(c.system && { system: [{ text: c.system }] }),
                ...(c.tools && { toolConfig: { tools: c.tools.map((t) => ({ toolSpec: { name: t.name, description: t.description, inputSchema: { json: t.schema } } })), ...(c.force && { toolChoice: { tool: { name: c.force } } }) } }),
                ...(c.schema && { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema: { name: 'answer', schema: JSON.stringify(c.schema) } } } } }),
                ...(c.think && { additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: THINK_TOKENS } } }),
                inferenceConfig: { maxTokens: c.max ?? 4096 },
            };
            const got = stream ? await gather((await send(new aws.ConverseStreamCommand(body), headers)).stream) : await send(new aws.ConverseCommand(body), headers);
            const { content } = got.output.message, u = got.usage, n = (v) => v ?? 0;
            const textOf = (b) => b.text ?? b.citationsContent?.content.map((t) => t.text).join('') ?? '';
            return {
                text: content.map(textOf).join(''),
                cites: content.flatMap((b) => (b.citationsContent?.citations ?? []).map((c) => ({ url: c.location?.web?.url, title: c.title, words: textOf(b), quote: (c.sourceContent ?? []).map((s) => s.text).join('') }))),
                thoughts: content.map((b) => b.reasoningContent?.reasoningText?.text ?? '').join(''),
                said: got.output.message, calls: content.filter((b) => b.toolUse).map((b) => ({ id: b.toolUse.toolUseId, name: b.toolUse.name, args: b.toolUse.input })),
                stop: ended(got.stopReason, { end_turn: 'stop', tool_use: 'tools', max_tokens: 'length' }),
                usage: u && { input: u.inputTokens, read: n(u.cacheReadInputTokens), write: n(u.cacheWriteInputTokens), completion: u.outputTokens, total: u.totalTokens },
            };
        },
        usage: (t) => ({ input: t.input, read: t.cache_read, write: t.write, completion: t.completion, total: t.prompt + t.completion }),
    };
}

function cohere({ CohereClientV2 }, url, token) {
    const client = new CohereClientV2({ token, environment: url });
    const one = (t) => t.said ? [t.said]
        : t.results ? t.results.map((r) => ({ role: 'tool', toolCallId: r.id, content: r.text }))
            : [{ role: 'user', content: t.image ? [{ type: 'text', text: t.user }, { type: 'image_url', imageUrl: { url: `data:${t.image.mime};base64,${t.image.data}` } }] : t.user }];
    async function gather(events) {
        const content = [], calls = [], citations = [];
        let plan = '', why, u;
        for await (const e of events) {
            const m = e.delta?.message;
            if (e.type === 'content-start') content[e.index] = { ...m.content };
            if (e.type === 'content-delta') {
                for (const key of ['text', 'thinking']) if (m.content[key] !== undefined) content[e.index][key] = (content[e.index][key] ?? '') + m.content[key];
            }
            if (e.type === 'citation-start') citations.push(m.citations);
            if (e.type === 'tool-plan-delta') plan += m.toolPlan;
            if (e.type === 'tool-call-start') calls.push(structuredClone(m.toolCalls));
            if (e.type === 'tool-call-delta') calls.at(-1).function.arguments += m.toolCalls.function.arguments;
            if (e.type === 'message-end') [why, u] = [e.delta.finishReason, e.delta.usage];
        }
        return { message: { role: 'assistant', content: content.filter(Boolean), ...(calls.length && { toolCalls: calls }), ...(plan && { toolPlan: plan }), citations }, finishReason: why, usage: u };
    }
    return {
        async ask(model, c, { stream, headers }) {
            const body = {
                model, messages: [...(c.system ? [{ role: 'system', content: c.system }] : []), ...c.turns.flatMap(one)],
                ...(c.tools && { tools: c.tools.filter((t) => !c.force || t.name === c.force).map((t) => ({ type: 'function', function: { name: t.name, description: t.description, parameters: t.schema } })) }),
                ...(c.force && { toolChoice: 'REQUIRED' }), ...(c.schema && { responseFormat: { type: 'json_object', jsonSchema: c.schema } }),
                ...(c.think && { thinking: { type: 'enabled', tokenBudget: THINK_TOKENS } }), ...(c.max && { maxTokens: c.max }),
            };
            const how = { headers, maxRetries: 0 };
            const got = stream ? await gather(await client.chatStream(body, how)) : await client.chat(body, how);
            const { message } = got, content = message.content ?? [], u = got.usage;
            return {
                text: content.map((p) => p.text ?? '').join(''), thoughts: content.map((p) => p.thinking ?? '').join(''),
                cites: (message.citations ?? []).flatMap((c) => c.sources.map(({ document: d }) => ({ url: d.url, title: d.title, words: words(content[c.contentIndex].text, c.start, c.end), quote: d.snippet ?? '' }))),
                said: { role: 'assistant', ...(content.length && { content }), ...(message.toolCalls?.length && { toolCalls: message.toolCalls, toolPlan: message.toolPlan }) },
                calls: (message.toolCalls ?? []).map((t) => ({ id: t.id, name: t.function.name, args: parse(t.function.arguments) })),
                stop: ended(got.finishReason, { COMPLETE: 'stop', TOOL_CALL: 'tools', MAX_TOKENS: 'length' }),
                usage: u && { prompt: u.billedUnits.inputTokens, completion: u.billedUnits.outputTokens },
            };
        },
        usage: (t) => ({ prompt: t.prompt, completion: t.completion }),
    };
}

/** A client for each protocol, at `url`. */
export async function connect(url, key) {
    const [openai, anthropic, google, aws, http, co] = await Promise.all(
        ['openai', '@anthropic-ai/sdk', '@google/genai', '@aws-sdk/client-bedrock-runtime', '@smithy/node-http-handler', 'cohere-ai'].map((name) => import(name)));
    return {
        chat: chat(openai, url, key), responses: responses(openai, url, key), messages: messages(anthropic, url, key),
        gemini: gemini(google, url, key), converse: converse({ aws, http }, url, key), cohere: cohere(co, url, key),
    };
}
