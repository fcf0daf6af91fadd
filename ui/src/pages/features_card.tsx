import type { ComponentChildren } from 'preact';
import { href } from '../lib/address';
import { promisesOf, type Feature } from '../lib/features';
import { count, latency, rate } from '../lib/figures';
import { money, usd } from '../lib/money';
import type { View } from '../lib/view';
import { shownName, writeWhere } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Change } from '../parts/card';
import { Spark } from '../parts/spark';
import { Badges, BudgetLine, Owner, PromiseLine, PromptLine, between, fullest, succeedText } from './features_parts';

/** A page of its own; calls that name no feature have none, but can be looked at. */
export const leadOf = (name: string, view: View) => (name ? href(['features', name], {}, view.query) : href(['costs'], { where: writeWhere([{ name: 'feature', value: '' }]) }, view.query));

function Figure({ name, value, note, title }: { name: string; value: ComponentChildren; note: string; title?: string }) {
    return <div title={title}><span class="small muted">{name}</span><b>{value}</b><span class="note">{note}</span></div>;
}

export function FeatureCard({ of: f, view, days, now }: { of: Feature; view: View; days: number[]; now: number }) {
    const s = f.sums, budget = fullest(f.budgets, now), [promise] = promisesOf(f), [success] = f.successes;
    return (
        <section class="card feature" aria-label={shownName(f.name)}>
            <div class="line top">
                <h2><a class="name" href={leadOf(f.name, view)} title={f.name}>{shownName(f.name)}</a></h2>
                <Badges of={f} />
            </div>
            <div class="small own"><Owner of={f} /></div>
            <div class="line cost">
                <span class="big"><Sum of={s ?? { cost_picousd: 0 }} /></span>
                {f.before && s && <Change now={usd(s.cost_picousd)} before={usd(f.before.cost_picousd)} better="down" />}
                <Spark values={days} width={110} height={30} />
            </div>
            <div class="three">
                <Figure name="a call" value={s?.calls ? <Sum of={s} by={s.calls} /> : '–'} note={`${count(s?.calls ?? 0)} calls`} title="All that was paid, failed attempts too, by calls" />
                <Figure name="a task" value={money(success?.cost_per_unit_picousd)} note={success ? `of ${count(success.units)}` : ''} title={success ? `Of ${count(success.units)} tasks or calls with an outcome: all that was paid for them` : 'Known of tasks with an outcome; its own page counts all tasks'} />
                <Figure name="a success" value={money(success?.cost_per_success_picousd)} note={success ? between(success) : ''} title={success ? `“${success.name}”: all that was paid, by successes, with its 95 % interval` : 'No outcome was told: POST /api/v1/outcomes'} />
            </div>
            <div class="small facts">
                <span class={success ? '' : 'muted'} title="With its 95 % interval">{success ? succeedText(success) : 'no outcome was told'}</span>
                <span class="muted">{s?.attempts ? rate(s.errors, s.attempts) : '–'} of attempts fail</span>
            </div>
            {promise ? <PromiseLine of={promise} /> : <div class="small muted promise">p95 {latency(s?.p95_ms)}, first token {latency(s?.first_token_p95_ms)}; nothing is promised.</div>}
            {f.told && <PromptLine growth={f.told.growth} />}
            {budget ? <BudgetLine of={budget} outlook={f.told?.budgets.find((b) => b.budget === budget.budget)} now={now} /> : <div class="small muted promise">No budget holds it alone.</div>}
        </section>
    );
}
