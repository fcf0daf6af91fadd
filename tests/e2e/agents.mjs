// What agents are built with, made to look alike: the AI SDK and LangChain, by each of their providers. Nothing
// of a client is set but its address and its key.
//
//   const agents = await connectAgents(purser.url, key)
//   await agents['ai openai.chat'].converse(model, { system, question, note, tool, schema })
//
// The conversation: `question` is asked of an agent that has the tool ({ name, description, schema, run }), and its
// answer streamed. `note` is asked then, in the same conversation, and answered by `schema`: once for each way that
// the client has of asking for it, streamed where it can. Comes back: { args, text, pieces, stop, input, output,
// objects, drafts }: what the tool was called with, the answer and in how many pieces it came, the tokens that the
// client was told of it, the objects, and in how many drafts they came.
//
// `ways` is how many those are. The AI SDK's own can, besides, have both at once: `conclude(model, c)` asks `question`
// of an agent with the tool whose answer is the object.

const PACKAGES = {
    ai: ['ai', '@ai-sdk/openai', '@ai-sdk/anthropic', '@ai-sdk/google', '@ai-sdk/amazon-bedrock', '@ai-sdk/cohere'],
    langchain: ['@langchain/openai', '@langchain/anthropic', '@langchain/google-genai', '@langchain/aws', '@langchain/core/messages', '@langchain/core/tools', '@aws-sdk/client-bedrock-runtime', '@smithy/node-http-handler'],
};
const load = (names) => Promise.all(names.map((name) => import(name)));
const empty = () => ({ args: [], text: '', pieces: 0, objects: [], drafts: 0 });

// ---- the AI SDK

/** Runs one of its streams to the end; it tells failures aside. */
async function streamed({ streamText, stepCountIs, tool }, model, c, got, asked) {
    let failure;
    const tools = asked.tool && { [c.tool.name]: tool({ description: c.tool.description, inputSchema: c.tool.schema, execute: async (args) => (got.args.push(args), c.tool.run(args)) }) };
    const result = streamText({ model, system: c.system, maxRetries: 0, stopWhen: stepCountIs(3), onError: ({ error }) => (failure = error), ...asked, tools });
    for await (const part of result.fullStream) {
        if (part.type === 'text-delta' && !asked.output) [got.text, got.pieces] = [got.text + part.text, got.pieces + (part.text ? 1 : 0)];
        if (part.type === 'text-delta' && asked.output) got.drafts++;
    }
    if (failure) throw failure;
    if (asked.output) got.objects.push(await result.output);
    return result;
}

function aiAgent(ai, make, ways = [{}]) {
    return {
        ways: ways.length,
        async converse(name, c) {
            const model = make(name), got = empty(), messages = [{ role: 'user', content: c.question }];
            const agent = await streamed(ai, model, c, got, { messages, tool: true });
            const { finishReason, usage } = (await agent.steps).at(-1);
            const all = [...messages, ...(await agent.response).messages, { role: 'user', content: c.note }];
            for (const providerOptions of ways) await streamed(ai, model, c, got, { messages: all, providerOptions, output: ai.Output.object({ schema: c.schema }) });
            return { ...got, stop: finishReason, input: usage.inputTokens, output: usage.outputTokens };
        },
        async conclude(name, c) {
            const got = empty();
            await streamed(ai, make(name), c, got, { messages: [{ role: 'user', content: c.question }], tool: true, output: ai.Output.object({ schema: c.schema }) });
            return got;
        },
    };
}

async function aiSdk(url, apiKey) {
    const [ai, { createOpenAI }, { createAnthropic }, { createGoogleGenerativeAI }, { createAmazonBedrock }, { createCohere }] = await load(PACKAGES.ai);
    const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
    return {
        'ai openai.chat': aiAgent(ai, openai.chat),
        'ai openai.responses': aiAgent(ai, openai.responses),
        'ai anthropic': aiAgent(ai, createAnthropic({ baseURL: `${url}/v1`, apiKey }), ['outputFormat', 'jsonTool'].map((structuredOutputMode) => ({ anthropic: { structuredOutputMode } }))),
        'ai google': aiAgent(ai, createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey })),
        'ai amazon-bedrock': aiAgent(ai, createAmazonBedrock({ baseURL: url, apiKey, region: 'us-east-1' })),
        'ai cohere': aiAgent(ai, createCohere({ baseURL: `${url}/v2`, apiKey })),
    };
}

// ---- LangChain

const textOf = (message) => (typeof message.content === 'string' ? message.content : message.content.map((p) => p.text ?? '').join(''));

/** `ways`: of asking for an object, and whether LangChain can stream that. */
function langChainAgent({ HumanMessage, SystemMessage, ToolMessage, tool }, make, ways) {
    return {
        ways: ways.length,
        async converse(name, c) {
            const model = make(name), got = empty(), turns = [new SystemMessage(c.system), new HumanMessage(c.question)];
            const run = tool(async (args) => JSON.stringify(c.tool.run(args)), { name: c.tool.name, description: c.tool.description, schema: c.tool.schema });
            for (let steps = 0, all; steps < 3 && !(all && !all.tool_calls.length); steps++) {
                [all, got.pieces] = [undefined, 0];
                for await (const piece of await model.bindTools([run]).stream(turns)) [all, got.pieces] = [all ? all.concat(piece) : piece, got.pieces + (textOf(piece) ? 1 : 0)];
                turns.push(all);
                got.args.push(...all.tool_calls.map((call) => call.args));
                for (const call of all.tool_calls) turns.push(new ToolMessage({ content: (await run.invoke(call)).content, tool_call_id: call.id, name: call.name }));
                Object.assign(got, { text: textOf(all), stop: all.tool_calls.length ? 'tools' : 'stop', input: all.usage_metadata?.input_tokens, output: all.usage_metadata?.output_tokens });
            }
            turns.push(new HumanMessage(c.note));
            for (const [method, streams] of ways) {
                const structured = model.withStructuredOutput(c.schema, { name: 'note', method });
                let object;
                if (!streams) object = await structured.invoke(turns);
                else for await (const draft of await structured.stream(turns)) [object, got.drafts] = [draft, got.drafts + 1];
                got.objects.push(object);
            }
            return got;
        },
    };
}

async function langChain(url, apiKey) {
    const [{ ChatOpenAI }, { ChatAnthropic }, { ChatGoogleGenerativeAI }, { ChatBedrockConverse }, messages, tools, { BedrockRuntimeClient }, { NodeHttpHandler }] = await load(PACKAGES.langchain);
    const openai = { apiKey, maxRetries: 0, configuration: { baseURL: `${url}/v1` } };
    const client = new BedrockRuntimeClient({ region: 'us-east-1', endpoint: url, requestHandler: new NodeHttpHandler(), token: { token: apiKey }, authSchemePreference: ['httpBearerAuth'], maxAttempts: 1 });
    const agent = (make, ways) => langChainAgent({ ...messages, ...tools }, make, ways);
    return {
        'langchain openai chat': agent((model) => new ChatOpenAI({ ...openai, model }), [['jsonSchema', true], ['functionCalling', true]]),
        'langchain openai responses': agent((model) => new ChatOpenAI({ ...openai, model, useResponsesApi: true }), [['jsonSchema', true], ['functionCalling', false]]),
        'langchain anthropic': agent((model) => new ChatAnthropic({ model, apiKey, maxRetries: 0, maxTokens: 512, anthropicApiUrl: url }), [['jsonSchema', true], ['functionCalling', false]]),
        'langchain google-genai': agent((model) => new ChatGoogleGenerativeAI({ model, apiKey, maxRetries: 0, baseUrl: url }), [['functionCalling', true], ['jsonSchema', true]]),
        'langchain aws': agent((model) => new ChatBedrockConverse({ model, region: 'us-east-1', client, maxRetries: 0, supportsToolChoiceValues: ['auto', 'any', 'tool'] }), [['functionCalling', true]]),
    };
}

/** An agent for each provider of both, at `url`. */
export async function connectAgents(url, key) {
    const [ai, langchain] = await Promise.all([aiSdk(url, key), langChain(url, key)]);
    return { ...ai, ...langchain };
}
