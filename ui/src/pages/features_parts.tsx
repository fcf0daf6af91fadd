// What a card and a feature's own page both show.
import { amount, endOf, standing, type BudgetRow, type Outlook } from '../lib/budgets';
import { bytesText, ownerOf, promptOf, tierOf, type Feature, type Growth, type Promised, type Success } from '../lib/features';
import { change, latency, share } from '../lib/figures';
import { money } from '../lib/money';
import { dateText, momentTitle } from '../lib/time';
import { Badge } from '../parts/card';
import { Bar } from '../parts/bar';

export function Badges({ of: f }: { of: Feature }) {
    const tier = tierOf(f);
    return (
        <>
            {f.off && <Badge tone="bad" title={f.off.why}>AI off</Badge>}
            {tier !== 'normal' && <Badge tone={tier === 'critical' ? 'accent' : undefined} title="How much it matters when not every call can be served">{tier}</Badge>}
        </>
    );
}

export function Owner({ of: f }: { of: Feature }) {
    const owner = ownerOf(f);
    if (owner) return <span class="muted">{owner}</span>;
    return f.name ? <span class="warn" title="Name an owner in its settings: somebody must answer for what it costs">nobody owns it</span> : <span class="muted">calls that name no feature</span>;
}

/** The fullest of its budgets. */
export function fullest(budgets: BudgetRow[], now: number): BudgetRow | undefined {
    return [...budgets].sort((a, b) => standing(b, now).used - standing(a, now).used)[0];
}

/** `outlook`: from what the hours of the week let one expect; without it, as it was spent so far. */
export function BudgetLine({ of: b, outlook, now }: { of: BudgetRow; outlook?: Outlook; now: number }) {
    const { used, held, even } = standing(b, now);
    const end = endOf(b, outlook, now);
    const until = used >= 1 ? <span class="bad nowrap">spent</span> : end !== null ? <span class="warn nowrap" title={momentTitle(end)}>runs out {dateText(end)}</span> : <span class="muted nowrap">{share(used)} used, will last</span>;
    return (
        <div class="promise">
            <div class="line"><span class="name" title={b.budget}>{amount(b.measure, b.left)} left of {amount(b.measure, b.limit)}</span>{until}</div>
            <Bar part={used} held={held} mark={even ?? undefined} ticks={(b.thresholds ?? []).map((t) => t / 100)} label={`Budget ${b.budget}`} />
        </div>
    );
}

const kept = (p: Promised) => share(1 - p.over_share);

/** What is left of the error budget: the share of answers that may be late. */
export function PromiseLine({ of: p }: { of: Promised & { name: string } }) {
    const left = p.error_budget_left, tone = !p.counted ? 'muted' : p.met ? 'good' : 'bad';
    return (
        <div class="promise" title={`Promised of ${share(p.target)}. ${p.over.toLocaleString('en-US')} of ${p.counted.toLocaleString('en-US')} were later; with 95 % certainty ${share(p.over_low)} to ${share(p.over_high)} are`}>
            <div class="line">
                <span class="name">{p.name} ≤ {latency(p.within_ms).replace(/\.00s$/, 's')}: <b class={tone}>{p.counted ? kept(p) : 'none yet'}</b></span>
                <span class={`nowrap ${left < 0 ? 'bad' : 'muted'}`}>{!p.counted ? '' : left < 0 ? 'error budget overdrawn' : `${share(left)} error budget left`}</span>
            </div>
            <Bar part={p.counted ? 1 - left : 0} thresholds={[0.8, 1.0000001]} label={`Error budget of the ${p.name}`} />
        </div>
    );
}

const SEGMENT: Record<string, string> = { system: 'instructions', history: 'history', retrieved: 'retrieved', tools: 'tools', rest: 'question' };

/** What a call's prompt is made of, and what of it grew. */
export function PromptLine({ growth }: { growth: Growth[] }) {
    const { parts, bytes, before, most } = promptOf(growth);
    if (bytes <= 0) return <div class="promise small muted">What prompts are made of is not known yet.</div>;
    const words = parts.map((g) => `${SEGMENT[g.segment]} ${bytesText(g.after)}${g.change === null ? '' : ` (${change(g.after, g.before)})`}`).join(', ');
    return (
        <div class="promise" title={`A call's prompt: ${words}`}>
            <div class="line"><span class="name">{bytesText(bytes)} a prompt{before > 0 && <span class="muted">, {change(bytes, before)}</span>}</span>{most && <span class={`nowrap ${most.after > most.before ? 'warn' : 'good'}`}>{SEGMENT[most.segment]} {change(most.after, most.before)}</span>}</div>
            <div class="parts" role="img" aria-label={words}>{parts.map((g, i) => <i key={g.segment} class={`s${i + 1}`} style={{ width: `${(g.after / bytes) * 100}%` }} />)}</div>
        </div>
    );
}

export const segmentName = (segment: string) => SEGMENT[segment] ?? segment;

/** "$0.12 to $0.15". */
export function between(s: Success): string {
    return s.cost_per_success_low_picousd === null ? 'too few to be sure' : `${money(s.cost_per_success_low_picousd)} to ${money(s.cost_per_success_high_picousd)}`;
}

const whole = (v: number) => `${Math.round(v * 100)}`;

/** "72.2% succeed (70 to 74%)". */
export const succeedText = (s: Success) => `${share(s.success_rate)} succeed (${whole(s.success_rate_low)} to ${whole(s.success_rate_high)}%)`;

export const rateText = (s: Success) => `${share(s.success_rate)} (${share(s.success_rate_low)} to ${share(s.success_rate_high)})`;
