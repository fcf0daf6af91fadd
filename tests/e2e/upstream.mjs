// A provider that sends exactly the bytes a test gives it, in the pieces it gives them.
import { createServer } from 'node:net';

/** `answer(request, send, socket)`: request { method, path, headers, body }; send(bytes)
 *  resolves when the bytes were handed over. The connection is kept until it is destroyed. */
export async function startUpstream(answer) {
    const upstream = { requests: [], errors: [], connections: 0, closed: 0 };
    const sockets = new Set();
    const server = createServer({ noDelay: true }, (socket) => {
        upstream.connections++;
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
            upstream.closed++;
            sockets.delete(socket);
        });
        const send = (bytes) => new Promise((resolve) => {
            if (socket.destroyed) resolve();
            else socket.write(bytes, () => resolve());
        });
        let pending = Buffer.alloc(0), busy = false;
        const next = async () => {
            if (busy) return;
            const request = takeRequest(pending);
            if (!request) return;
            pending = pending.subarray(request.size);
            busy = true;
            upstream.requests.push(request);
            try {
                await upstream.answer(request, send, socket);
            } catch (error) {
                upstream.errors.push(error);
                socket.destroy();
            }
            busy = false;
            next();
        };
        socket.on('data', (bytes) => {
            pending = Buffer.concat([pending, bytes]);
            next();
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    upstream.answer = answer;
    upstream.port = server.address().port;
    upstream.url = `http://127.0.0.1:${upstream.port}`;
    upstream.stop = () => new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
    });
    return upstream;
}

function takeRequest(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const [method, path] = first.split(' ');
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const size = end + 4 + Number(headers['content-length'] ?? 0);
    if (bytes.length < size) return null;
    return { method, path, headers, size, body: Buffer.from(bytes.subarray(end + 4, size)) };
}

export const headOf = (status, headers) => `HTTP/1.1 ${status} X\r\n${Object.entries(headers).flatMap(([k, v]) => [v].flat().map((value) => `${k}: ${value}\r\n`)).join('')}\r\n`;
export const chunkOf = (bytes) => Buffer.concat([Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]);
export const LAST_CHUNK = '0\r\n\r\n';
