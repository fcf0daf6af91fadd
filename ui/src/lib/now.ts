// The parts of /api/v1/now, and what each second's event of /api/v1/live brings anew.
import type { Pico } from './money';

export interface Step {
    step: string;
    of: 'call' | 'attempt';
    count: number;
    text: string;
}
export interface InFlight {
    calls: number;
    streams: number;
    complete: boolean; // false: a worker did not answer in time
    steps: Step[];
}
/** What guards a target since the start, and its last hour. Of one that has nothing to fall back on, `state` is null:
 *  nothing guards it. */
export interface Target {
    target: string;
    state: 'closed' | 'half_open' | 'open' | null;
    opened_by: string | null;
    rests_s: number;
    in_flight: number | null;
    limit: number | null;
    waiting: number | null;
    attempts: number;
    errors: number;
    error_rate: number;
    cost_picousd: Pico;
    unpriced: Pico;
    p50_ms: number | null;
    p95_ms: number | null;
    first_token_p50_ms: number | null;
    first_token_p95_ms: number | null;
}
export interface Hour {
    calls: number;
    attempts: number;
    errors: number;
    error_rate: number;
    cost_picousd: Pico;
    wasted_cost_picousd: Pico;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
    first_token_p50_ms: number | null;
    first_token_p95_ms: number | null;
    first_token_p99_ms: number | null;
}
export interface Spend {
    today_picousd: Pico;
    month_picousd: Pico;
    today_since: string;
    month_since: string;
}
/** What the last weeks let one expect of today and this month. */
export interface Expected {
    basis: 'nothing' | 'hours' | 'days' | 'weeks';
    count: number; // of weeks, days or hours
    level: number; // how spending goes now against the curve: 1 is as expected
    today_by_now_picousd: Pico;
    today_picousd: Pico;
    month_by_now_picousd: Pico;
    month_end_picousd: Pico;
    hours: { at: string; cost_picousd: Pico; expected_picousd: Pico }[];
}
/** How a budget of money goes on, if spending does. */
export interface Outlook {
    budget: string;
    limit_picousd: Pico;
    spent_picousd: Pico;
    held_picousd: Pico;
    resets: string | null;
    burn_rate: number | null; // of the last hour: 1 is as the plan has it
    planned_picousd: Pico | null; // what was to be spent by now
    end_picousd: Pico | null; // what will be spent when it starts over
    run_out: string | null;
}
export interface Note {
    kind: string;
    level: 'serious' | 'warning' | 'note';
    page: string;
    object: string;
    text: string;
}
export interface Live {
    at: string;
    in_flight: InFlight | null; // null to an owner: whose calls they are is not counted
    targets: Target[];
    spend?: Spend;
    hour?: Hour;
    attempts_total?: number;
    refused_total?: number;
}
export interface NowAnswer extends Live {
    started: string;
    spend: Spend;
    hour: Hour;
    attention: Note[];
    expected: Expected | null;
    budgets: Outlook[];
}

/** Attempts a second between two events; null where the server started anew in between. */
export function pace(before: Live | undefined, now: Live): number | null {
    if (!before || before.attempts_total === undefined || now.attempts_total === undefined) return null;
    const seconds = (Date.parse(now.at) - Date.parse(before.at)) / 1000, more = now.attempts_total - before.attempts_total;
    return seconds > 0 && more >= 0 ? more / seconds : null;
}

export interface BudgetRow {
    budget: string;
    scope: string;
    measure: 'usd' | 'tokens' | 'requests';
    resets: string | null;
    limit: Pico;
    spent: Pico;
    held: Pico;
    left: Pico;
    waiting: number;
    window_start_us: number;
    counters: number | null; // of its budget, where the fullest were asked for
}

/** From what the curve is, in words; "" where there is none. */
export function basisText(e: Expected): string {
    if (e.basis === 'nothing') return '';
    if (e.basis !== 'weeks') return `a guess, from the last ${e.count} ${e.basis} alone`;
    return `from the same hours of the last ${e.count} weeks${e.count < 4 ? ', a guess' : ''}`;
}

/** Shares of the limit, and how fast it goes: 1 lasts its window evenly. */
export function budgetPace(b: BudgetRow, nowMs: number): { used: number; held: number; elapsed: number | null; burn: number | null } {
    const limit = Number(b.limit) || 1, used = Number(b.spent) / limit, held = Number(b.held) / limit;
    const start = b.window_start_us / 1000, end = b.resets ? Date.parse(b.resets) : NaN;
    if (!(end > start)) return { used, held, elapsed: null, burn: null };
    const elapsed = Math.min(1, Math.max(0, (nowMs - start) / (end - start)));
    return { used, held, elapsed, burn: elapsed > 0.002 ? used / elapsed : null };
}
