// A provider that answers as a test has written down: what each call gets, in its own protocol, and when.
import { createServer } from 'node:http';

/** What a whole answer of each protocol looks like, with ten tokens in and five out. */
const whole = {
    chat: (text) => ({ id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
    responses: (text) => ({ id: 'resp_1', object: 'response', created_at: 1, status: 'completed', model: 'm', output: [{ type: 'message', id: 'msg_1', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] }], usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } }),
    messages: (text) => ({ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [{ type: 'text', text }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 10, output_tokens: 5 } }),
    gemini: (text) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }], usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 }, modelVersion: 'm' }),
    converse: (text) => ({ output: { message: { role: 'assistant', content: [{ text }] } }, stopReason: 'end_turn', usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 }, metrics: { latencyMs: 1 } }),
    cohere: (text) => ({ id: 'c1', finish_reason: 'COMPLETE', message: { role: 'assistant', content: [{ type: 'text', text }] }, usage: { billed_units: { input_tokens: 10, output_tokens: 5 }, tokens: { input_tokens: 10, output_tokens: 5 } } }),
};

const protocolOf = (path) =>
    path.endsWith('/chat/completions') ? 'chat' : path.endsWith('/responses') ? 'responses' : path.endsWith('/messages') ? 'messages'
        : path.includes('enerateContent') ? 'gemini' : path.includes('/converse') ? 'converse' : path.endsWith('/v2/chat') ? 'cohere' : 'plain';

const chunk = (choices, more) => `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more })}\n\n`;
const piece = (content) => chunk([{ index: 0, delta: { content }, finish_reason: null }]);

/** The script of a call is found by a word that stands in it: `server.scripts[word]`, by the first part of the path
 *  (/small/v1/...) a list, one entry a call: a text; `{ status, body, headers }`; `{ text, size, before, after, never }`:
 *  `size` characters at a time,
  `before` and `after` are awaited before the first and behind the last piece of text, `never` does not end. */
export async function startScripted() {
    const scripts = {}, calls = [];
    const server = createServer((request, answer) => {
        let body = '';
        request.on('data', (data) => (body += data)).on('end', async () => {
            const who = request.url.split('/')[1], word = Object.keys(scripts).find((w) => body.includes(w));
            const call = { who, path: request.url, headers: request.headers, body: body ? JSON.parse(body) : null, pieces: 0 };
            calls.push(call);
            call.closed = new Promise((resolve) => answer.on('close', resolve));
            let step = scripts[word]?.[who]?.shift() ?? { status: 500, body: '{"error":{"message":"no script"}}' };
            if (typeof step === 'string') step = { text: step };
            if (step.status) {
                await step.before;
                answer.writeHead(step.status, { 'content-type': 'application/json', ...step.headers });
                return answer.end(step.body ?? '');
            }
            if (!call.body.stream) {
                await step.before;
                answer.writeHead(200, { 'content-type': 'application/json' });
                return answer.end(JSON.stringify(whole[protocolOf(request.url.split('?')[0])](step.text)));
            }
            answer.writeHead(200, { 'content-type': 'text/event-stream' });
            answer.write(chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]));
            await step.before;
            for (const part of step.text.match(new RegExp(`.{1,${step.size ?? 4}}`, 'gs')) ?? []) {
                answer.write(piece(part));
                call.pieces++;
                await new Promise((resolve) => setImmediate(resolve));
            }
            await step.after;
            if (step.never) return;
            answer.end(`${chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])}${chunk([], { usage: whole.chat('').usage })}data: [DONE]\n\n`);
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        scripts, calls, url: `http://127.0.0.1:${server.address().port}`,
        stop: () => {
            server.closeAllConnections();
            server.close();
        },
    };
}
