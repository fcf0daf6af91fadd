// Spending since the day or the month began, against what the hours of the week let one expect, and against the budget.
import { useMemo, useState } from 'preact/hooks';
import { money, moneyShort, toBig, usd, type Pico } from '../lib/money';
import { basisText, type BudgetRow, type Expected, type NowAnswer } from '../lib/now';
import { stepMs, type Step } from '../lib/range';
import { buckets, spread } from '../lib/stack';
import { DAY, rfc3339 } from '../lib/time';
import type { List, Report } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import { Card, Change } from '../parts/card';
import { Chart, type Series } from '../parts/chart';
import { Load } from '../parts/state';

const HEIGHT = 244;

/** Running sums; null from `end` on. */
function cumulate(values: Pico[], end = values.length): (number | null)[] {
    let sum = 0n;
    return values.map((v, i) => (i < end ? Number((sum += toBig(v))) : null));
}

function Curve({ at, step, spent, expected, budget }: { at: number[]; step: Step; spent: Pico[]; expected: (number | null)[] | null; budget?: BudgetRow }) {
    const series = useMemo((): Series[] => {
        const begun = at.filter((ms) => ms <= Date.now()).length;
        const lines: Series[] = [{ name: 'spent', tone: 1, values: cumulate(spent, begun) }];
        if (expected) lines.push({ name: 'expected', tone: 0, dash: true, values: expected });
        if (budget) lines.push({ name: `budget ${budget.budget}`, tone: 7, values: at.map(() => Number(budget.limit)) });
        return lines;
    }, [at, spent, expected, budget]);
    return <Chart title="Spending against what is expected" at={at} step={step} series={series} shape="lines" height={HEIGHT} format={money} axis={(v) => moneyShort(v / 1e12)} top={1e12} zoom={false} />;
}

function Today({ expected, budget }: { expected: Expected; budget?: BudgetRow }) {
    const at = useMemo(() => expected.hours.map((hour) => Date.parse(hour.at)), [expected]);
    const spent = useMemo(() => expected.hours.map((hour) => hour.cost_picousd), [expected]);
    const curve = useMemo(() => (expected.basis === 'nothing' ? null : cumulate(expected.hours.map((hour) => hour.expected_picousd))), [expected]);
    return <Curve at={at} step="hour" spent={spent} expected={curve} budget={budget} />;
}

/** What was spent since, and the way from here to where the month is expected to end. */
function Since({ step, expected, since, until, budget }: { step: 'hour' | 'day'; expected: Expected | null; since: number; until: number; budget?: BudgetRow }) {
    const report = useApi<Report>('/report', { by: step, since: rfc3339(since), until: rfc3339(until), limit: 40 });
    const at = useMemo(() => buckets(since, until, stepMs(step)), [since, until, step]);
    const spent = useMemo(() => spread(at, new Map(report.data?.rows.map((row) => [Date.parse(String(row[step])), Number(row.cost_picousd)]))), [at, report.data]);
    const curve = useMemo(() => {
        if (!expected || expected.basis === 'nothing') return null;
        const today = at.filter((ms) => ms <= Date.now()).length - 1, so = cumulate(spent)[today] ?? 0, end = Number(expected.month_end_picousd);
        return at.map((_, i) => (i < today ? null : so + ((end - so) * (i - today)) / Math.max(1, at.length - 1 - today)));
    }, [at, spent, expected]);
    return <Load from={report} height={HEIGHT + 30}>{() => <Curve at={at} step={step} spent={spent} expected={curve} budget={budget} />}</Load>;
}

/** How far off it is, and how sure that is. */
function Standing({ now, of }: { now: NowAnswer; of: 'day' | 'month' }) {
    const { expected: e, spend } = now;
    if (!e) return <>What is expected cannot be told: the ledger's past could not be read.</>;
    if (e.basis === 'nothing') return <>No past yet: nothing is expected.</>;
    const [is, was] = of === 'day' ? [spend.today_picousd, e.today_by_now_picousd] : [spend.month_picousd, e.month_by_now_picousd];
    const end = of === 'day' ? e.today_picousd : e.month_end_picousd;
    return <>{money(is)} by now, {money(was)} expected <Change now={usd(is)} before={usd(was)} />, about {money(end)} at its end; {basisText(e)}</>;
}

/** Budgets of money whose scope says none of these, and counters of calls without one: those say it in their `scope`. */
const OVER_ALL = ['key', 'team', 'user', 'feature', 'model', 'provider'].map((name) => `${name}=,`).join('') + 'measure=usd';

export function SpendCurve({ now }: { now: Loaded<NowAnswer> }) {
    const budgets = useApi<List<BudgetRow>>('/budgets', { where: OVER_ALL }).data?.rows;
    const [of, setOf] = useState<'day' | 'month'>('day');
    const since = now.data && Date.parse(of === 'day' ? now.data.spend.today_since : now.data.spend.month_since);
    const month = new Date(since ?? 0), until = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1);
    const budget = budgets?.filter((b) => b.scope === '' && b.window_start_us === (since ?? 0) * 1000).sort((a, b) => Number(a.limit) - Number(b.limit))[0];
    return (
        <Card title={of === 'day' ? 'Spending today' : 'Spending this month'} actions={
            <div class="segments" role="group" aria-label="Since when">
                <button type="button" aria-pressed={of === 'day'} onClick={() => setOf('day')}>Today</button>
                <button type="button" aria-pressed={of === 'month'} onClick={() => setOf('month')}>Month</button>
            </div>
        }>
            <p class="muted small standing">{now.data && <Standing now={now.data} of={of} />}</p>
            <Load from={now} height={HEIGHT + 30}>
                {(data) => (of === 'day' && data.expected ? <Today expected={data.expected} budget={budget} />
                    : <Since key={of} step={of === 'day' ? 'hour' : 'day'} expected={of === 'day' ? null : data.expected} since={since!} until={of === 'day' ? since! + DAY : until} budget={budget} />)}
            </Load>
        </Card>
    );
}
