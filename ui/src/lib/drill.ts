// From a sum down to one call: each row of the costs narrows to itself and shows the next thing.
import { href } from './address';
import { setFilter, writeWhere, type Filter } from './where';

/** What costs can be stacked by. */
export const BY = ['team', 'feature', 'prompt', 'user', 'task', 'model', 'provider', 'key', 'reason', 'status'] as const;
export type By = (typeof BY)[number];
const CHAIN: By[] = ['team', 'feature', 'prompt', 'user', 'task'];

export const readBy = (text: string | null): By => (BY.includes(text as By) ? (text as By) : 'team');

/** What stands below; null: the calls themselves. */
export function below(by: By, filters: Filter[]): By | null {
    const known = new Set([...filters.map((f) => f.name), by]);
    const from = CHAIN.indexOf(by);
    return CHAIN.slice(from + 1).find((name) => !known.has(name)) ?? null;
}

/** Where the row of `value` leads. */
export function drillHref(by: By, value: string, filters: Filter[], query: URLSearchParams): string {
    const where = writeWhere(setFilter(filters, { name: by, value })), next = below(by, filters);
    return next ? href(['costs'], { where, by: next }, query) : href(['calls'], { where }, query);
}
