// Which time the page speaks of. A preset is whole buckets up to the end of the running one: so every chart, table and
// total of a page speaks of the same calls, the store answers from its rollups, and an address stays the same for an hour.
import { DAY, HOUR, MINUTE, clockText, dayText, floorTo, readMoment, rfc3339 } from './time';

export const PRESETS = ['1h', '24h', '7d', '30d', '90d'] as const;
export type Preset = (typeof PRESETS)[number];
export type Step = 'minute' | 'hour' | 'day';

export interface Range {
    preset: Preset | null; // null: custom
    since: number; // milliseconds, inclusive
    until: number; // exclusive; may lie ahead: the end of the running bucket
    /** The period before, as long as this one has gone on. */
    before: { since: number; until: number };
    step: Step;
    label: string; // "last 7 days"
}

const SHAPES: Record<Preset, { buckets: number; unit: number; step: Step; label: string }> = {
    '1h': { buckets: 60, unit: MINUTE, step: 'minute', label: 'last hour' },
    '24h': { buckets: 24, unit: HOUR, step: 'hour', label: 'last 24 hours' },
    '7d': { buckets: 7, unit: DAY, step: 'hour', label: 'last 7 days' },
    '30d': { buckets: 30, unit: DAY, step: 'day', label: 'last 30 days' },
    '90d': { buckets: 90, unit: DAY, step: 'day', label: 'last 90 days' },
};
const STEP_MS: Record<Step, number> = { minute: MINUTE, hour: HOUR, day: DAY };

export const stepMs = (step: Step) => STEP_MS[step];

function stepFor(length: number): Step {
    return length <= 3 * HOUR ? 'minute' : length <= 8 * DAY ? 'hour' : 'day';
}

/** The same length before, up to where this one stands now. */
function periodBefore(since: number, until: number, now: number, unit: number) {
    const length = until - since;
    const reached = Math.min(until, Math.max(since + unit, floorTo(now, unit)));
    return { since: since - length, until: reached - length };
}

export function presetRange(preset: Preset, now: number): Range {
    const shape = SHAPES[preset];
    const until = floorTo(now, shape.unit) + shape.unit, since = until - shape.buckets * shape.unit;
    const before = periodBefore(since, until, now, preset === '1h' ? MINUTE : HOUR);
    return { preset, since, until, before, step: shape.step, label: shape.label };
}

/** Of an address: `range=30d`, or `since=` and `until=`. What makes no sense is the default. */
export function readRange(query: URLSearchParams, now: number, standard: Preset = '7d'): Range {
    const since = readMoment(query.get('since') ?? ''), until = readMoment(query.get('until') ?? '');
    if (since !== null && until !== null && since < until) {
        const label = until - since < 2 * DAY ? `${dayText(since)} ${clockText(since)} to ${dayText(until)} ${clockText(until)}` : `${dayText(since)} to ${dayText(until - 1)}`;
        return { preset: null, since, until, before: periodBefore(since, until, now, MINUTE), step: stepFor(until - since), label };
    }
    const preset = query.get('range') as Preset | null;
    return presetRange(preset && PRESETS.includes(preset) ? preset : standard, now);
}

/** The API's parameters. */
export function rangeQuery(range: { since: number; until: number }): { since: string; until: string } {
    return { since: rfc3339(range.since), until: rfc3339(range.until) };
}
