// Below a list: how much of it is there, and the next page.
import { count } from '../lib/figures';
import type { ListPage, Listed } from '../lib/use_list';

export function More<Row, P extends ListPage<Row>>({ list, what }: { list: Listed<Row, P>; what: string }) {
    if (!list.rows.length) return null;
    return (
        <div class="list-end">
            <span class="muted small">{list.more ? `The first ${list.rows.length} ${what}` : list.rows.length === 1 ? 'That is all' : `All ${list.rows.length} ${what}`}</span>
            {list.newer && <button class="button small" type="button" onClick={list.restart}>There are newer ones: show them</button>}
            {list.more && <button class="button" type="button" disabled={list.busy} onClick={list.loadMore}>{list.busy ? 'Loading …' : 'Show more'}</button>}
            {list.problem && <span class="bad small" role="alert">{list.problem.message}</span>}
        </div>
    );
}

const MOST = 1000; // rows of a report

/** The same for the dearest of many, where the rest is in the totals alone. */
export function Top({ rows, of, what, rest, limit, setLimit }: { rows: number; of: number; what: string; rest?: string /* what the others cost together */; limit: number; setLimit: (limit: number) => void }) {
    if (!rows) return null;
    return (
        <div class="list-end">
            <span class="muted small">{rows < of ? `The dearest ${count(rows)} of ${count(of)} ${what}${rest ? `; the other ${count(of - rows)} cost ${rest} together` : ''}${limit >= MOST ? '. Find them by their name, or narrow the filters' : ''}` : `All ${count(rows)} ${what}`}</span>
            {rows < of && limit < MOST && <button class="button" type="button" onClick={() => setLimit(MOST)}>Show the dearest {count(Math.min(MOST, of))}</button>}
        </div>
    );
}
