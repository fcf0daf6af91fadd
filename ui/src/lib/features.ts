// What the pages say of features: the ledger's sums, what is set, which budgets hold them, and whether AI is off.
import type { BudgetBody, BudgetRow, Outlook, Setting, Switches } from './budgets';
import type { Pico } from './money';
import type { Sums } from './types';

export interface FeatureBody {
    owner?: string;
    tier?: string;
    max_output_tokens?: number;
    on_disconnect?: string;
    slo?: { latency?: string; first_token?: string; target?: string };
    ai?: unknown;
    degraded?: unknown;
    runaway?: unknown;
}

/** One of the things that are promised of its answers. */
export interface Promised {
    within_ms: number;
    target: number;
    counted: number;
    over: number;
    over_share: number;
    over_low: number;
    over_high: number;
    met: boolean;
    error_budget_left: number; // 1: untouched, 0: used up, below: overdrawn
}

/** Of a call's prompt, in bytes; output in tokens. */
export interface Growth {
    segment: string;
    before: number;
    after: number;
    change: number | null;
}

/** A row of /api/v1/features. */
export interface Told {
    name: string;
    owner: string | null;
    tier: string | null;
    slo: { latency?: Promised; first_token?: Promised } | null;
    growth: Growth[];
    budgets: Outlook[];
}

/** What takes longer to find out: /api/v1/features/{name}. */
export interface Whole extends Told {
    tasks: number;
    task_picousd: Pico | null;
    trend: { segment: string; days: number; share_per_day: number; chance: number }[];
}

/** A row of /api/v1/success?by=feature. */
export interface Success {
    name: string;
    value: string | null;
    units: number;
    successes: number;
    success_rate: number;
    success_rate_low: number;
    success_rate_high: number;
    cost_per_unit_picousd: Pico;
    cost_per_success_picousd: Pico | null;
    cost_per_success_low_picousd: Pico | null;
    cost_per_success_high_picousd: Pico | null;
    worth_picousd: Pico;
    coverage: number | null;
}

export interface SuccessList {
    rows: Success[];
    from: string;
    to: string;
    missing: number;
}

export interface Feature {
    name: string; // '': calls that name none
    setting: Setting<FeatureBody> | undefined;
    sums: Sums | undefined; // none: no call in the range
    before: Sums | undefined;
    off: Switches['off'][number] | undefined;
    budgets: BudgetRow[];
    unmet: Setting<BudgetBody>[]; // budgets that hold it alone, of which no call has met a counter yet
    told: Told | undefined;
    successes: Success[]; // a row for each name of outcomes, those with most units first
}

type ReportRow = Sums & { feature?: unknown };

export const ownerOf = (f: Feature) => f.setting?.setting.owner ?? f.told?.owner ?? null;
export const tierOf = (f: Feature) => f.setting?.setting.tier ?? f.told?.tier ?? 'normal';

export const PROMISES = [['latency', 'whole answer'], ['first_token', 'first token']] as const;

/** What was promised of it and how that stands, the one with the least error budget first. */
export function promisesOf(f: Feature): (Promised & { name: string })[] {
    return PROMISES.flatMap(([key, name]) => {
        const one = f.told?.slo?.[key];
        return one ? [{ ...one, name }] : [];
    }).sort((a, b) => a.error_budget_left - b.error_budget_left);
}

export const isBroken = (f: Feature) => promisesOf(f).some((p) => !p.met && p.counted > 0);

const PROMPT = ['system', 'history', 'retrieved', 'tools', 'rest'];

/** The parts of a call's prompt, now and before, and which of them moved most: as part of the whole before. */
export function promptOf(growth: Growth[]): { parts: Growth[]; bytes: number; before: number; most: Growth | undefined } {
    const parts = growth.filter((g) => PROMPT.includes(g.segment)), sum = (pick: (g: Growth) => number) => parts.reduce((all, g) => all + pick(g), 0);
    const before = sum((g) => g.before), moved = (g: Growth) => (before > 0 ? Math.abs(g.after - g.before) / before : 0);
    const most = [...parts].sort((a, b) => moved(b) - moved(a))[0];
    return { parts, bytes: sum((g) => g.after), before, most: most && moved(most) >= 0.02 ? most : undefined };
}

/** "1.2 kB". */
export function bytesText(n: number): string {
    if (n < 1000) return `${Math.round(n)} B`;
    return n < 1e6 ? `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

/** Counters that count this feature's calls: those of a rule for it alone, and its own of a rule for each. */
function budgetsOf(name: string, rows: BudgetRow[], rules: Map<string, Setting<BudgetBody>>): BudgetRow[] {
    return rows.filter((row) => {
        const want = rules.get(row.budget)?.setting.scope?.feature;
        return want === name || (want === '*' && row.scope.split(/(?<!\\),/).includes(`feature=${name.replace(/[,\\]/g, '\\$&')}`));
    });
}

function unmetBy(name: string, met: BudgetRow[], rules: Map<string, Setting<BudgetBody>>): Setting<BudgetBody>[] {
    return [...rules.values()].filter((rule) => {
        const want = rule.setting.scope?.feature;
        return (want === name || want === '*') && !met.some((row) => row.budget === rule.name);
    });
}

export interface Material {
    rows: ReportRow[];
    before: ReportRow[];
    settings: Setting[];
    budgets: BudgetRow[];
    off: Switches['off'];
    told: Told[];
    successes: Success[];
    narrowed: boolean; // by filters: then those without calls are left out
}

export function joinFeatures(m: Material): Feature[] {
    const holds = (kind: string) => m.settings.filter((s) => s.kind === kind && s.state === 'holds');
    const set = new Map(holds('feature').map((s) => [s.name, s as Setting<FeatureBody>])), rules = new Map(holds('budget').map((s) => [s.name, s as Setting<BudgetBody>]));
    const nameOf = (row: ReportRow) => String(row.feature ?? '');
    const now = new Map(m.rows.map((row) => [nameOf(row), row])), then = new Map(m.before.map((row) => [nameOf(row), row])), told = new Map(m.told.map((row) => [row.name, row]));
    const known = m.narrowed ? [] : [...set.keys(), ...m.told.filter((row) => row.tier !== null).map((row) => row.name)]; // without calls, too
    return [...new Set([...now.keys(), ...known])].map((name) => {
        const budgets = name ? budgetsOf(name, m.budgets, rules) : [];
        return {
            name, setting: set.get(name), sums: now.get(name), before: then.get(name), told: told.get(name),
            off: m.off.find((one) => one.feature === name) ?? m.off.find((one) => one.feature === ''),
            budgets, unmet: name ? unmetBy(name, budgets, rules) : [],
            successes: name ? m.successes.filter((row) => row.value === name).sort((a, b) => b.units - a.units) : [],
        };
    });
}
