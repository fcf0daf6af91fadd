// Lists that are longer than a page: the next page follows when somebody asks for it. From then on what stands stays as it
// is, however the list grows at its head, until the question changes or somebody wants to see what came since.
import { useEffect, useState } from 'preact/hooks';
import { Problem, apiUrl, get, type Query } from './api';
import { useApi, type Loaded } from './use_api';

export interface ListPage<Row> {
    rows: Row[];
    next?: string | null;
}

export interface Listed<Row, P extends ListPage<Row>> {
    first: Loaded<P>;
    rows: Row[];
    more: boolean;
    busy: boolean;
    problem: Problem | undefined; // of a later page
    loadMore: () => void;
    newer: boolean; // the first page is another one by now
    restart: () => void;
}

interface Longer<Row> {
    base: unknown; // the first page that the others follow
    rows: Row[]; // of all pages so far
    next: string | null;
    busy: boolean;
    problem?: Problem;
}

export function useList<Row, P extends ListPage<Row> = ListPage<Row>>(path: string | null, query: Query, options: Parameters<typeof useApi>[2] = {}): Listed<Row, P> {
    const first = useApi<P>(path, query, options);
    const [longer, setLonger] = useState<{ url: string; of: Longer<Row> } | null>(null);
    const { url } = first, valid = longer?.url === url ? longer.of : null;
    useEffect(() => setLonger(null), [url]);
    const rows = valid?.rows ?? first.data?.rows ?? [], next = valid ? valid.next : first.data?.next ?? null;
    const loadMore = () => {
        if (!next || valid?.busy || path === null) return;
        const base = valid ? valid.base : first.data;
        const put = (of: Omit<Longer<Row>, 'base'>) => setLonger((now) => (of.busy || now?.url === url ? { url, of: { base, ...of } } : now));
        put({ rows, next, busy: true });
        get<P>(apiUrl(path, { ...query, cursor: next })).then(
            (page) => put({ rows: [...rows, ...page.rows], next: page.next ?? null, busy: false }),
            (error) => put({ rows, next, busy: false, problem: error instanceof Problem ? error : new Problem(0, 'Unreadable answer', String(error)) }),
        );
    };
    return {
        first, rows, more: !!next, busy: valid?.busy ?? false, problem: valid?.problem, loadMore,
        newer: !!valid && !valid.busy && valid.base !== first.data, restart: () => setLonger(null),
    };
}
