// Server-sent events with a way back: after an error it waits a little longer each time and tries again. While nobody looks
// at the page it is closed: a stream costs the server a connection.
import { useEffect, useRef, useState } from 'preact/hooks';
import { apiUrl, type Query } from './api';
import { parseJson } from './json';

export type LiveState = 'connecting' | 'live' | 'lost';
const WAIT_MS = [1000, 2000, 5000, 15_000];

/** `on[name]` is called with the parsed data of each event of that name. */
export function useLive(path: string | null, query: Query, on: Record<string, (data: never) => void>): LiveState {
    const [state, setState] = useState<LiveState>('connecting');
    const handlers = useRef(on);
    handlers.current = on;
    const url = path === null ? '' : apiUrl(path, query);
    useEffect(() => {
        if (!url) return;
        let source: EventSource | null = null, timer = 0, failures = 0;
        const close = () => {
            clearTimeout(timer);
            source?.close();
            source = null;
        };
        const open = () => {
            close();
            if (document.hidden) return;
            source = new EventSource(url);
            source.onopen = () => {
                failures = 0;
                setState('live');
            };
            source.onerror = () => {
                close();
                setState('lost');
                timer = setTimeout(open, WAIT_MS[Math.min(failures++, WAIT_MS.length - 1)]);
            };
            for (const name of Object.keys(handlers.current)) {
                source.addEventListener(name, (event) => handlers.current[name]?.(parseJson((event as MessageEvent).data) as never));
            }
        };
        const onVisible = () => (document.hidden ? close() : open());
        document.addEventListener('visibilitychange', onVisible);
        open();
        return () => {
            document.removeEventListener('visibilitychange', onVisible);
            close();
        };
    }, [url]);
    return state;
}
