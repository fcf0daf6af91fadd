// The one way to the server. Errors come as RFC 9457 and go on as Problem; what has not changed is not sent again (ETag).
import { EventText } from './event_text';
import { parseJson } from './json';

export type Query = Record<string, string | number | boolean | null | undefined>;

export class Problem extends Error {
    constructor(readonly status: number, readonly title: string, readonly detail: string, readonly code = '') {
        super(detail || title);
    }
}

export function apiUrl(path: string, query: Query = {}): string {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== null && value !== undefined && value !== '' && value !== false) params.set(name, String(value));
    }
    const text = params.toString();
    return `/api/v1${path}${text ? `?${text}` : ''}`;
}

let csrf = '';
let onSignedOut = () => {};
export const setCsrf = (token: string) => void (csrf = token);
export const whenSignedOut = (then: () => void) => void (onSignedOut = then);

const known = new Map<string, { tag: string; body: unknown }>();
const KNOWN_MAX = 200, LONG = 'long'; // answers told event by event have no ETag

function keep(url: string, tag: string | null, body: unknown): void {
    known.delete(url);
    if (!tag) return;
    known.set(url, { tag, body });
    if (known.size > KNOWN_MAX) known.delete(known.keys().next().value!);
}

/** What this address answered last, to be shown while it is asked again. */
export const lastKnown = (url: string) => known.get(url)?.body;
/** Somebody else signs in: nothing of what was read may stay. */
export const forgetAll = () => known.clear();

interface ProblemBody {
    title?: string;
    status?: number;
    detail?: string;
    code?: string;
}

function problemOf(text: string, status: number, statusText = ''): Problem {
    let body: ProblemBody = {};
    try {
        body = parseJson(text) as ProblemBody;
    } catch {
        // not ours, or cut short: the status says what there is to say
    }
    const title = body.title ?? (statusText || `Status ${status}`);
    return new Problem(body.status ?? status, title, body.detail ?? '', body.code ?? '');
}

async function ask(url: string, init: RequestInit): Promise<Response> {
    try {
        return await fetch(url, { credentials: 'same-origin', ...init });
    } catch (error) {
        if ((error as Error).name === 'AbortError') throw error;
        throw new Problem(0, 'No answer', 'purser does not answer. Is it running, and is the network there? This page tries again by itself.');
    }
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
    const before = known.get(url);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (before && before.tag !== LONG) headers['if-none-match'] = before.tag;
    const answer = await ask(url, { headers, signal, cache: 'no-store' });
    if (answer.status === 304 && before) return before.body as T;
    if (answer.status === 401) onSignedOut();
    if (!answer.ok) throw problemOf(await answer.text(), answer.status, answer.statusText);
    const body = parseJson(await answer.text());
    keep(url, answer.headers.get('etag'), body);
    return body as T;
}

/** A question that may take seconds: the server tells how far it is, from 0 to 1, and stops when `signal` says so. */
export async function getLong<T>(url: string, signal: AbortSignal, onProgress: (done: number) => void): Promise<T> {
    const answer = await ask(url, { headers: { accept: 'text/event-stream' }, signal, cache: 'no-store' });
    if (answer.status === 401) onSignedOut();
    if (!answer.ok || !answer.body) throw problemOf(await answer.text(), answer.status, answer.statusText);
    if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return parseJson(await answer.text()) as T;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(), events = new EventText();
    for (;;) {
        const { value, done } = await reader.read();
        for (const event of events.feed(value ?? '')) {
            if (event.name === 'progress') onProgress((parseJson(event.data) as { done: number }).done);
            if (event.name === 'problem') throw problemOf(event.data, 500);
            if (event.name === 'answer') {
                const body = parseJson(event.data);
                keep(url, LONG, body);
                return body as T;
            }
        }
        if (done) throw new Problem(0, 'No answer', 'The answer ended before it was complete. This page tries again by itself.');
    }
}

/** Every change goes this way. `tag`: the ETag of what was edited, so that nobody's change is overwritten unseen. */
export async function send<T = unknown>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, tag?: string, query: Query = {}): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json', 'x-purser-csrf': csrf };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (tag) headers['if-match'] = tag;
    const answer = await ask(apiUrl(path, query), { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' });
    if (answer.status === 401 && path !== '/session') onSignedOut();
    if (!answer.ok) throw problemOf(await answer.text(), answer.status, answer.statusText);
    const text = await answer.text();
    return (text ? parseJson(text) : null) as T;
}

/** The ETag that came with an address. */
export const tagOf = (url: string) => known.get(url)?.tag;
