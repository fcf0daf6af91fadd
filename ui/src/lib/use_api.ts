// What a page reads: asked when it is first shown, again when its address changes, when somebody asks for it, after a
// failure, and now and then while it is seen: the longer an answer takes, the seldomer. What is shown stays until the new
// answer is there, so that nothing jumps.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, apiUrl, get, getLong, lastKnown, type Query } from './api';
import { useClock } from './clock';
import { MINUTE } from './time';

export interface Loaded<T> {
    data: T | undefined;
    problem: Problem | undefined;
    busy: boolean;
    /** From 0 to 1, where the server tells it. */
    progress: number | undefined;
    url: string;
    again: () => void;
    cancel: () => void;
}

interface Options {
    /** Milliseconds between looks, while the page is seen; at least thirty times what the answer took. */
    every?: number;
    /** It may read rows and take seconds: with progress, and it can be cancelled. */
    long?: boolean;
}

interface State<T> {
    url: string;
    data?: T;
    problem?: Problem;
    busy: boolean;
    progress?: number;
    stop?: AbortController;
}

const IDLE_TIMES = 30;
const RETRY_MS = [2000, 5000, 10_000, 30_000];
const CANCELLED = new Problem(499, 'Cancelled', 'You stopped this question. Fewer days or fewer filters are answered sooner.');

/** Is it worth asking again by itself? */
const passes = (problem: Problem) => problem.status === 0 || problem.status >= 500 || problem.status === 429;

/** Rows of other names must not stand under the headings of these, however dimmed. */
function shapeOf(url: string): string {
    const [path, query] = url.split('?');
    return `${path}?${new URLSearchParams(query).get('by') ?? ''}`;
}

/** Asks GET /api/v1{path}; `path` null: nothing to ask yet. */
export function useApi<T>(path: string | null, query: Query = {}, { every = MINUTE, long = false }: Options = {}): Loaded<T> {
    const url = path === null ? '' : apiUrl(path, query);
    const clock = useClock();
    const [, draw] = useState(0);
    const [turn, setTurn] = useState(0);
    const state = useRef<State<T>>({ url: '', busy: true });
    if (state.current.url !== url) {
        // Another question: the last answer to it at once, if there is one; else the old one goes on standing, dimmed.
        const kept = url ? (lastKnown(url) as T | undefined) : undefined;
        state.current = { url, data: kept ?? (shapeOf(state.current.url) === shapeOf(url) ? state.current.data : undefined), busy: true };
    }
    useEffect(() => {
        if (!url) return;
        const mine = state.current, stop = new AbortController();
        let timer = 0, failures = 0;
        const later = (then: () => void, ms: number) => void (timer = setTimeout(then, ms));
        const change = () => draw((n) => n + 1);
        const onProgress = (done: number) => {
            mine.progress = done;
            change();
        };
        const look = async () => {
            const began = performance.now();
            mine.busy = true;
            mine.stop = stop;
            try {
                mine.data = await (long ? getLong<T>(url, stop.signal, onProgress) : get<T>(url, stop.signal));
                mine.problem = undefined;
                failures = 0;
                later(lookIfSeen, Math.max(every, IDLE_TIMES * (performance.now() - began)));
            } catch (error) {
                if (stop.signal.aborted && stop.signal.reason !== CANCELLED) return;
                mine.problem = stop.signal.aborted ? CANCELLED : error instanceof Problem ? error : new Problem(0, 'Unreadable answer', String(error));
                if (passes(mine.problem)) later(look, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!);
            }
            mine.busy = false;
            mine.progress = undefined;
            change();
        };
        const lookIfSeen = () => (document.hidden ? later(lookIfSeen, every) : void look());
        void look();
        return () => {
            stop.abort();
            clearTimeout(timer);
        };
    }, [url, every, long, turn, clock.turn]);
    const { data, problem, busy, progress } = state.current;
    return { data, problem, busy, progress, url, again: () => setTurn((n) => n + 1), cancel: () => state.current.stop?.abort(CANCELLED) };
}
