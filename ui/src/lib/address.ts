// The address is the state: path and query say what is shown, so that every view can be linked, kept and gone back to.
import { useEffect, useState } from 'preact/hooks';

export interface Address {
    path: string[]; // parts, decoded: ['features', 'support-bot']
    query: URLSearchParams;
}

/** A name as a part of a path. `.` and `..` mean folders there, however they are encoded: they get a `~` in front, and what
 *  looks so already one more. The API reads them in the same way. */
export const pathPart = (name: string) => (/^~*\.{1,2}$/.test(name) ? `~${name}` : encodeURIComponent(name));
const readPart = (part: string) => (/^~+\.{1,2}$/.test(part) ? part.slice(1) : part);

/** What stays when one goes from page to page. */
const KEPT = ['range', 'since', 'until', 'compare', 'where'];

export function readAddress(href: string): Address {
    const url = new URL(href, 'http://x');
    const path = url.pathname.split('/').filter(Boolean).map((part) => {
        try {
            return readPart(decodeURIComponent(part));
        } catch {
            return part;
        }
    });
    return { path, query: url.searchParams };
}

export type Changes = Record<string, string | null | undefined>;

function search(query: URLSearchParams): string {
    // Commas, equals signs, slashes and colons may stand as they are: people read addresses.
    const text = query.toString().replace(/%2C/g, ',').replace(/%3D/g, '=').replace(/%3A/g, ':').replace(/%2F/g, '/');
    return text ? `?${text}` : '';
}

/** A path of ours, each part encoded; range, comparison and filters are taken along from `from`. */
export function href(path: string[], changes: Changes = {}, from?: URLSearchParams): string {
    const query = new URLSearchParams();
    for (const name of KEPT) {
        const value = from?.get(name);
        if (value) query.set(name, value);
    }
    return `/${path.map(pathPart).join('/')}${search(changed(query, changes))}`;
}

export function changed(query: URLSearchParams, changes: Changes): URLSearchParams {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) {
        if (value === null || value === undefined || value === '') next.delete(name);
        else next.set(name, value);
    }
    return next;
}

// ---- in the browser

const listeners = new Set<() => void>();

export function address(): Address {
    return readAddress(location.href);
}

export function go(to: string, { replace = false } = {}): void {
    if (to === location.pathname + location.search) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', to);
    for (const listener of listeners) listener();
}

/** Changes the query of where we are; filters and the like do not fill the history. */
export function setQuery(changes: Changes, { replace = false } = {}): void {
    go(location.pathname + search(changed(address().query, changes)), { replace });
}

/** The address, kept current. */
export function useAddress(): Address {
    const [now, set] = useState(address);
    useEffect(() => {
        const listener = () => set(address());
        listeners.add(listener);
        addEventListener('popstate', listener);
        return () => {
            listeners.delete(listener);
            removeEventListener('popstate', listener);
        };
    }, []);
    return now;
}

/** Clicks on links of ours stay in the page; new tabs, downloads and other hosts are the browser's. */
export function followLinks(event: MouseEvent): void {
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (/^\/(api|assets|metrics)\b/.test(link.pathname) || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    go(link.pathname + link.search);
}
