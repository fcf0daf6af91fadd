// Prices as /api/v1/prices has them: pico-dollars for one of each unit; people read dollars for a million.
import { moneyExact, type Pico } from './money';

export interface Price {
    provider: string;
    model: string;
    tier: string;
    context_from: number;
    from: string | null;
    until: string | null;
    in_force: boolean;
    origin: 'book' | 'file' | 'runtime';
    source: string;
    checked: string | null;
    free: boolean;
    units_picousd: Record<string, Pico>;
}

export interface PriceList {
    rows: Price[];
    next: string | null;
    book?: { made: string; age_days: number; source: string };
}

export interface PriceBody {
    model: string;
    tier?: string;
    context_from?: number;
    from?: string;
    until?: string;
    free?: boolean;
    [unit: string]: unknown;
}

export interface Unpriced {
    provider: string;
    model: string;
    attempts: number;
    exact: boolean;
    posted_picousd: Pico;
    usage: Record<string, Pico>;
    candidate_picousd: Pico | null;
    priced_now: boolean;
    first: string;
    last: string;
}

export const UNITS: Record<string, string> = {
    input: 'Input', cache_read: 'Cache read', cache_write_5m: 'Cache write 5 min', cache_write_1h: 'Cache write 1 h', output: 'Output', reasoning: 'Reasoning',
    audio_in: 'Audio in', audio_out: 'Audio out', image: 'Image', tool_calls: 'Tool calls', searches: 'Searches', seconds: 'Seconds', requests: 'Requests',
};
/** These have columns of their own; the others are told together. */
export const MAIN_UNITS = ['input', 'cache_read', 'output'];
const SINGLE = ['tool_calls', 'searches', 'seconds', 'requests'];

/** "$0.25": of a million tokens; of what comes one by one, of one. */
export function unitPrice(unit: string, one: Pico | undefined): string {
    if (one === undefined) return '–';
    return moneyExact(SINGLE.includes(unit) ? one : BigInt(one) * 1_000_000n); // every digit: half a cent is a price
}

/** "Searches $0.01, Audio in $10.00". */
export function otherUnits(units: Record<string, Pico>): string {
    return Object.entries(units).filter(([unit]) => !MAIN_UNITS.includes(unit)).map(([unit, one]) => `${UNITS[unit] ?? unit} ${unitPrice(unit, one)}${SINGLE.includes(unit) ? ' each' : ''}`).join(', ');
}

export const priceKey = (p: Price) => [p.provider, p.model, p.tier, p.context_from, p.from ?? '', p.until ?? '', p.origin].join(' ');
