// What a change changed: two texts of the audit, JSON or plain, held against each other name by name.
import { parseJson } from './json';

export interface Changed {
    path: string; // "burn.rate"; empty: the whole
    before: string | null; // null: it was not there
    after: string | null; // null: it is not there any more
}

type Flat = Map<string, string>;

function shown(value: unknown): string {
    return typeof value === 'string' ? value : typeof value === 'bigint' ? value.toString() : JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? Number(v) : v)) ?? '';
}

function flatten(value: unknown, path: string, into: Flat): void {
    const parts = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : null;
    if (!parts || (parts.length === 0 && path)) {
        into.set(path, shown(value)); // lists as a whole: their order is meant
        return;
    }
    for (const [name, one] of parts) flatten(one, path ? `${path}.${name}` : name, into);
}

function flat(text: string | null | undefined): Flat {
    const into: Flat = new Map();
    if (!text) return into;
    if (/^\s*[{[]/.test(text)) {
        try {
            flatten(parseJson(text), '', into);
            return into;
        } catch {
            // no JSON after all: as it stands
        }
    }
    into.set('', text);
    return into;
}

/** Lines that differ, in the order of what is there now, then what is gone; and how many are the same. */
export function changes(before: string | null | undefined, after: string | null | undefined): { lines: Changed[]; same: number } {
    const old = flat(before), now = flat(after), lines: Changed[] = [];
    let same = 0;
    for (const [path, value] of now) {
        const was = old.get(path) ?? null;
        if (was === value) same++;
        else lines.push({ path, before: was, after: value });
    }
    for (const [path, value] of old) if (!now.has(path)) lines.push({ path, before: value, after: null });
    return { lines, same };
}
