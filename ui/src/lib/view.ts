// What every page shares: its range, its filters, and the parameters that these are to the API.
import { useMemo } from 'preact/hooks';
import { useAddress, setQuery } from './address';
import { useClock } from './clock';
import { rangeQuery, readRange, type Preset, type Range } from './range';
import { readWhere, writeWhere, type Filter } from './where';

export interface View {
    range: Range;
    compare: boolean;
    filters: Filter[];
    /** since, until and where, for useApi(). */
    ask: { since: string; until: string; where: string };
    /** The same of the period before; null where no comparison is wanted. */
    askBefore: { since: string; until: string; where: string } | null;
    query: URLSearchParams;
    path: string[];
    setFilters: (filters: Filter[]) => void;
}

export function useView(standard: Preset = '7d'): View {
    const { path, query } = useAddress();
    const { now } = useClock();
    const text = query.toString();
    return useMemo(() => {
        const range = readRange(query, now, standard), compare = query.get('compare') === '1';
        const filters = readWhere(query.get('where')), where = writeWhere(filters);
        return {
            range, compare, filters, query, path,
            ask: { ...rangeQuery(range), where },
            askBefore: compare ? { ...rangeQuery(range.before), where } : null,
            setFilters: (next: Filter[]) => setQuery({ where: writeWhere(next) }),
        };
    }, [text, path.join('/'), now, standard]);
}
