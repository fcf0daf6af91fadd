// What /api/v1/providers says, and how a target is called well or not.
import type { Pico } from './money';

export interface ProviderTarget {
    model: string;
    state: string | null; // closed, open, half_open; null: nothing guards it
    opened_by?: string | null;
    rests_s?: number;
    in_flight?: number;
    limit?: number;
    waiting?: number;
    attempts: number;
    errors: number;
    cost_picousd: Pico;
    unpriced: number;
    p50_ms: number | null;
    p95_ms: number | null;
    first_token_p95_ms: number | null;
}

export interface Provider {
    name: string;
    kind: string | null; // null: no longer in the settings
    base_url: string | null;
    on: boolean;
    why_off: string | null;
    shown_by: string | null;
    protocols: string[];
    book: string | null;
    models: { name: string; model: string; place: number; of: number }[];
    cost_picousd: Pico;
    wasted_cost_picousd: Pico;
    attempts: number;
    errors: number;
    estimated: number;
    unpriced: number;
    p50_ms: number | null;
    p95_ms: number | null;
    first_token_p95_ms: number | null;
    targets: ProviderTarget[];
}

export type Tone = 'good' | 'warn' | 'bad' | undefined;

const FAILING = 0.1; // of the attempts of the range: worth a look
const FEW = 20; // fewer say nothing of a rate

/** How a target does, in a word. The breaker speaks first, then its errors. */
export function targetState(t: Pick<ProviderTarget, 'state' | 'attempts' | 'errors'>): { tone: Tone; word: string; rank: number } {
    if (t.state === 'open') return { tone: 'bad', word: 'resting', rank: 0 };
    if (t.state === 'half_open') return { tone: 'warn', word: 'trying', rank: 1 };
    if (t.attempts >= FEW && t.errors / t.attempts >= FAILING) return { tone: 'warn', word: 'failing', rank: 2 };
    if (t.state === 'closed') return { tone: 'good', word: 'healthy', rank: 4 };
    return t.attempts ? { tone: undefined, word: 'not guarded', rank: 5 } : { tone: undefined, word: 'not asked', rank: 6 };
}

/** The worst of its targets, or why it is asked nothing. */
export function providerState(p: Provider): { tone: Tone; word: string; rank: number } {
    if (p.kind === null) return { tone: undefined, word: 'removed', rank: 6 };
    if (!p.on) return { tone: undefined, word: 'off', rank: 5 };
    const worst = p.targets.map(targetState).sort((a, b) => a.rank - b.rank)[0];
    if (worst && worst.rank <= 2) return worst;
    return { tone: 'good', word: 'on', rank: 4 };
}
