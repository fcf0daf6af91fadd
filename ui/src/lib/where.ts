// Filters as /api/v1 takes them: "feature=support-bot,team=a"; a comma in a value is written `\,`. Somebody who typed one
// without it is understood where no name= follows. Several of one name: any of them is enough. `status!=ok` is the name
// `status!`: lists of calls and sessions know it, and what does not says so.

export interface Filter {
    name: string;
    value: string;
}

/** What anything can be filtered by, with its name for people. */
export const DIMENSIONS: Record<string, string> = {
    team: 'Team', feature: 'Feature', prompt: 'Prompt version', user: 'User', task: 'Task', session: 'Session', key: 'Key',
    model: 'Model', provider: 'Provider', reason: 'Reason', status: 'Status', operation: 'Operation', tags: 'Tag',
    model_requested: 'Model asked for', rung: 'Rung', finish_reason: 'Finish reason', service_tier: 'Service tier', cost_state: 'Cost state',
};

/** At commas, but not at `\,`; `\\` is a backslash. */
function parts(text: string): string[] {
    const all: string[] = [];
    let part = '';
    for (let i = 0; i < text.length; i++) {
        if (text[i] === '\\' && (text[i + 1] === ',' || text[i + 1] === '\\')) part += text[++i];
        else if (text[i] === ',') {
            all.push(part);
            part = '';
        } else part += text[i];
    }
    all.push(part);
    return all;
}

export function readWhere(text: string | null): Filter[] {
    if (!text) return [];
    const filters: Filter[] = [];
    for (const part of parts(text)) {
        const match = /^\s*([a-z_]+!?)=(.*)$/s.exec(part);
        const last = filters[filters.length - 1];
        if (match) filters.push({ name: match[1]!, value: match[2]! });
        else if (last) last.value += `,${part}`;
        else if (part.trim()) filters.push({ name: part.trim(), value: '' }); // no filter: the server says so, rather than that all is shown
    }
    return filters;
}

export function writeWhere(filters: Filter[]): string {
    return filters.map(({ name, value }) => `${name}=${value.replace(/[\\,]/g, '\\$&')}`).join(',');
}

/** With one more; the same twice is once. */
export function addFilter(filters: Filter[], more: Filter): Filter[] {
    return filters.some((f) => f.name === more.name && f.value === more.value) ? filters : [...filters, more];
}

/** With this one in place of all others of its name. */
export function setFilter(filters: Filter[], one: Filter): Filter[] {
    return [...filters.filter((f) => f.name !== one.name), one];
}

export function dropFilter(filters: Filter[], gone: Filter): Filter[] {
    return filters.filter((f) => f.name !== gone.name || f.value !== gone.value);
}

/** Sums alone are asked for by a name for which rollups have them: by the day for these three, else by the hour. */
export function sumsBy(filters: Filter[]): string {
    return filters.find((f) => f.name === 'user' || f.name === 'prompt' || f.name === 'task')?.name ?? 'status';
}

/** An empty value is "nothing is known": people see "(none)". */
export function shownName(value: string | null | undefined): string {
    return value === '' || value === null || value === undefined ? '(none)' : value;
}
