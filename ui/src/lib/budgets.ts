// Budgets as /api/v1/budgets has them: a row for each counter; and what is set of them, of limits and of features.
import { count } from './figures';
import { money, type Pico } from './money';

export interface BudgetRow {
    budget: string;
    scope: string; // the values of the scope's `*`: "team=search"; empty where there is none
    measure: 'usd' | 'tokens' | 'requests';
    resets: string | null;
    limit: Pico;
    spent: Pico;
    held: Pico;
    left: Pico;
    waiting: number;
    window_start_us: number;
    counters: number | null; // of its budget, where the fullest were asked for
    origin: string;
    window: string;
    on_exceed: string;
    thresholds: number[];
}

/** What the hours of the last weeks let one expect of a budget of money. */
export interface Outlook {
    budget: string;
    run_out: string | null;
    end_picousd: Pico | null; // as spending goes; null: nothing is known
    planned_picousd: Pico | null; // by now, on plan
    burn_rate: number | null; // 1: on plan
}

/** An entry of the settings, of the file or made at run time. */
export interface Setting<Body = unknown> {
    kind: 'budget' | 'limit' | 'feature' | 'price';
    name: string;
    origin: 'file' | 'runtime';
    where: string | null; // "purser.yaml:12"
    state: 'holds' | 'shadowed' | 'left_out';
    why: string | null;
    setting: Body;
    changed: string | null;
    by: string | null;
    etag: string;
    warnings: string[];
}

export interface BudgetBody {
    name?: string;
    scope?: Record<string, string>;
    limit_usd?: number | string;
    limit_tokens?: number;
    limit_requests?: number;
    window: string;
    timezone?: string;
    wait?: string;
    clamp?: boolean;
    on_exceed?: string;
    thresholds?: (number | string)[];
    burn?: unknown;
}

export interface LimitBody {
    name?: string;
    scope?: Record<string, string>;
    requests_per_minute?: number;
    tokens_per_minute?: number;
    concurrency?: number;
}

export interface Switches {
    known: boolean;
    off: { feature: string; since: string; until: string; who: string; why: string }[];
}

export const SCOPES = ['team', 'feature', 'user', 'key', 'model', 'provider'];

/** "$12.50", "1,200 tokens". */
export function amount(measure: BudgetRow['measure'], v: Pico): string {
    return measure === 'usd' ? money(v) : `${count(v)} ${measure}`;
}

/** Of a limit, as charts have it: what is used, what is held for calls in flight, where an even spending would stand. */
export function standing(b: BudgetRow, now: number): { used: number; held: number; even: number | null; pace: number | null } {
    const limit = Number(b.limit), part = (v: Pico) => (limit > 0 ? Number(v) / limit : Number(v) > 0 ? 1 : 0);
    const start = b.window_start_us / 1000, end = b.resets ? Date.parse(b.resets) : NaN;
    // a window that rolls has no start of its own: there is nothing to be ahead of
    const even = end > start && start > 0 && now < end ? Math.max(0, (now - start) / (end - start)) : null;
    const used = part(b.spent);
    return { used, held: part(b.held), even, pace: even !== null && even > 0.01 ? used / even : null };
}

/** When it is spent if it goes on as in its window so far; null where that is behind the window's end, or nothing is known. */
export function runsOut(b: BudgetRow, now: number): number | null {
    const { used, even } = standing(b, now), start = b.window_start_us / 1000;
    if (even === null || even < 0.01 || used <= even || used >= 1) return null;
    return start + (now - start) / used;
}

/** The day that it ends: by what is expected of the hours of a week, else by how it was spent so far. */
export function endOf(b: BudgetRow, outlook: Outlook | undefined, now: number): number | null {
    if (!outlook || outlook.end_picousd === null) return runsOut(b, now);
    return outlook.run_out ? Date.parse(outlook.run_out) : null;
}

/** "team search, user (none)": the values of a counter. Commas in values are escaped. */
export function counterText(scope: string): string {
    const parts: string[] = [];
    let part = '';
    for (let i = 0; i < scope.length; i++) {
        if (scope[i] === ',') {
            parts.push(part);
            part = '';
        } else part += scope[i] === '\\' && i + 1 < scope.length ? scope[++i] : scope[i];
    }
    parts.push(part);
    return parts.filter(Boolean).map((part) => part.replace(/^([a-z]+)=(.*)$/s, (_all, name: string, value: string) => `${name} ${value === '' ? '(none)' : value}`)).join(', ');
}

/** "every call", "each team", "feature support-bot, each user". */
export function scopeText(scope: Record<string, string> | undefined): string {
    const parts = Object.entries(scope ?? {}).map(([name, value]) => (value === '*' ? `each ${name}` : `${name} ${value}`));
    return parts.join(', ') || 'every call';
}

export function limitText(b: BudgetBody): string {
    if (b.limit_usd !== undefined) return `$${Number(b.limit_usd).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
    if (b.limit_tokens !== undefined) return `${count(b.limit_tokens)} tokens`;
    return `${count(b.limit_requests ?? 0)} requests`;
}

const WINDOW: Record<string, string> = { total: 'in all', minute: 'a minute', hour: 'an hour', day: 'a day', week: 'a week', month: 'a month' };

export const windowText = (window: string) => WINDOW[window] ?? `in the last ${window}`;

const EXCEED: Record<string, string> = { block: 'then calls are refused', degrade: 'then calls are answered without a provider', alert: 'only counts and tells', downgrade: 'then calls go to a cheaper model' };

export function exceedText(on_exceed: string | undefined): string {
    const [word, model] = (on_exceed ?? 'block').split(/:(.*)/s);
    return word === 'downgrade' && model ? `then calls go to ${model}` : EXCEED[word!] ?? word!;
}

/** A refusal's sentence, to stand beside its field: without what the form says anyway. */
export const saidOf = (detail: string) => detail.replace(/^The \w+ '.*?' does not hold: ([a-z_.[\]0-9]+: )?/s, '').replace(/^./, (c) => c.toUpperCase());

/** The names that a refusal of the server speaks of, so that its sentence stands beside the field. */
export function wrongField(detail: string, names: readonly string[]): string | null {
    const near = /(?:budgets|limits)\[\d+\]\.([a-z_]+)|\b(limit_usd|limit_tokens|limit_requests|on_exceed|requests_per_minute|tokens_per_minute)\b/.exec(detail);
    const found = near?.[1] ?? near?.[2];
    if (found && names.includes(found)) return found;
    return names.find((name) => new RegExp(`\\b${name}\\b`).test(detail.replace(/^.*?does not hold: /, ''))) ?? null;
}
