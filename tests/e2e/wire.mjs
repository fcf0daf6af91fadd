// A client that sees the bytes: HTTP/1.1 over a plain socket, kept alive, light enough
// for a thousand at once, and one that can stop reading, hang up, or send anything.
import { connect } from 'node:net';

const CRLF2 = Buffer.from('\r\n\r\n');

/** Reads one answer at a time from a socket; `feed` gives bytes, `close` the end. */
class Reader {
    constructor(noBody, onBody) {
        this.noBody = noBody;
        this.onBody = onBody;
        this.pending = Buffer.alloc(0);
        this.pieces = [];
        this.size = 0;
        this.status = 0;
        this.headers = {};
        this.complete = false;
        this.framing = null; // 'none', 'length', 'chunked', 'close'
        this.left = 0; // of the body or of a chunk
        this.state = 'head';
    }

    get body() {
        if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)];
        return this.pieces[0] ?? Buffer.alloc(0);
    }

    get text() {
        return this.body.toString('utf8');
    }

    get json() {
        try {
            return JSON.parse(this.text);
        } catch {
            return undefined;
        }
    }

    take(bytes) {
        if (!bytes.length) return;
        this.pieces.push(Buffer.from(bytes));
        this.size += bytes.length;
        this.onBody?.(bytes, this);
    }

    head(text) {
        const [first, ...lines] = text.split('\r\n');
        this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? -1);
        this.headers = {};
        for (const line of lines) {
            const colon = line.indexOf(':');
            const name = line.slice(0, colon).toLowerCase();
            const value = line.slice(colon + 1).trim();
            this.headers[name] = name in this.headers ? `${this.headers[name]}, ${value}` : value;
        }
        if (this.status >= 100 && this.status < 200) return; // an interim answer: the real one follows
        const length = this.headers['content-length'];
        if (this.noBody || this.status === 204 || this.status === 304) this.framing = 'none';
        else if (/chunked/i.test(this.headers['transfer-encoding'] ?? '')) this.framing = 'chunked';
        else if (length !== undefined) this.framing = 'length';
        else this.framing = 'close';
        this.left = this.framing === 'length' ? Number(length) : 0;
        this.state = { none: 'over', length: 'body', chunked: 'size', close: 'rest' }[this.framing];
        if (this.framing === 'length' && this.left === 0) this.state = 'over';
    }

    /** True: the answer is whole; `pending` holds what came after it. */
    feed(bytes) {
        this.pending = this.pending.length ? Buffer.concat([this.pending, bytes]) : bytes;
        while (this.step()) continue;
        this.complete = this.state === 'over';
        return this.complete;
    }

    step() {
        const { pending } = this;
        const drop = (n) => (this.pending = pending.subarray(n));
        if (this.state === 'head') {
            const end = pending.indexOf(CRLF2);
            if (end < 0) return false;
            drop(end + 4);
            this.head(pending.subarray(0, end).toString('latin1'));
            return true;
        }
        if (this.state === 'body' || this.state === 'chunk') {
            if (!pending.length) return false;
            const n = Math.min(this.left, pending.length);
            drop(n);
            this.left -= n;
            if (this.left === 0) this.state = this.state === 'body' ? 'over' : 'chunk-end';
            this.take(pending.subarray(0, n));
            return true;
        }
        if (this.state === 'size' || this.state === 'trailer' || this.state === 'chunk-end') {
            const end = pending.indexOf('\r\n');
            if (end < 0) return false;
            drop(end + 2);
            if (this.state === 'chunk-end') {
                if (end !== 0) throw new Error('a chunk is longer than it says');
                this.state = 'size';
            } else if (this.state === 'size') {
                const size = pending.subarray(0, end).toString('latin1');
                if (!/^[0-9a-f]+$/i.test(size)) throw new Error(`'${size}' is no chunk size`);
                this.left = parseInt(size, 16);
                this.state = this.left ? 'chunk' : 'trailer';
            } else if (end === 0) this.state = 'over';
            return true;
        }
        if (this.state === 'rest' && pending.length) {
            drop(pending.length);
            this.take(pending);
        }
        return false;
    }
}

/** One connection; requests one after another. It connects again by itself. */
export class Wire {
    constructor(port, host = '127.0.0.1') {
        this.port = port;
        this.host = host;
        this.socket = null;
        this.connections = 0;
    }

    open() {
        if (this.socket && !this.socket.destroyed && this.socket.readyState === 'open') return Promise.resolve();
        this.connections++;
        return new Promise((resolve) => {
            const socket = connect({ port: this.port, host: this.host, noDelay: true });
            this.socket = socket;
            socket.on('error', () => {}); // its close says the same
            socket.once('connect', resolve);
            socket.once('close', resolve);
        });
    }

    close() {
        this.socket?.destroy();
        this.socket = null;
    }

    /** Sends bytes and reads one answer. Never throws for what the server does: `complete`
     *  is false where the connection ended before the answer did. */
    async exchange(bytes, { onBody, noBody = false } = {}) {
        await this.open();
        const socket = this.socket;
        const reader = new Reader(noBody, onBody);
        reader.hangUp = () => socket.destroy();
        reader.pause = () => socket.pause();
        reader.resume = () => socket.resume();
        if (!socket || socket.destroyed) return reader;
        return new Promise((resolve) => {
            const done = () => {
                socket.off('data', data);
                socket.off('close', done);
                if (!reader.complete && reader.framing === 'close') reader.complete = reader.closedClean = !socket.errored;
                if (/close/i.test(reader.headers.connection ?? '')) this.close();
                resolve(reader);
            };
            const data = (piece) => {
                try {
                    if (!reader.feed(piece)) return;
                } catch (error) {
                    reader.broken = error;
                    socket.destroy();
                    return;
                }
                done();
            };
            socket.on('data', data);
            socket.on('close', done);
            socket.write(bytes);
        });
    }

    request(method, path, { key, headers = {}, body, ...options } = {}) {
        return this.exchange(requestBytes(method, path, { key, headers, body }), { noBody: method === 'HEAD', ...options });
    }

    post(path, body, options = {}) {
        return this.request('POST', path, { body, ...options });
    }
}

export function requestBytes(method, path, { key, headers = {}, body } = {}) {
    const payload = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const all = { host: 'localhost', ...(key ? { authorization: `Bearer ${key}` } : {}) };
    if (body !== undefined) Object.assign(all, { 'content-type': 'application/json', 'content-length': payload.length });
    Object.assign(all, headers);
    const head = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'), payload]);
}

/** Small, fast, and the same everywhere: draws for tests come from a seed that is printed. */
export function draws(seed) {
    let state = BigInt(seed) & 0xffffffffffffffffn;
    const next = () => {
        state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
        let z = state;
        z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
        z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
        return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
    };
    return { next, below: (n) => Math.floor(next() * n), chance: (p) => next() < p };
}
