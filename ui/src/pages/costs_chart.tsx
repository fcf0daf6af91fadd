// Costs over time, stacked: the dearest seven, and the rest in one.
import { useMemo } from 'preact/hooks';
import { setQuery } from '../lib/address';
import type { By } from '../lib/drill';
import { count, countShort } from '../lib/figures';
import { money, moneyShort, type Pico } from '../lib/money';
import type { Loaded } from '../lib/use_api';
import type { Step } from '../lib/range';
import { DIMENSIONS, shownName } from '../lib/where';
import { Card } from '../parts/card';
import { Chart, type Series } from '../parts/chart';
import { Empty, Load } from '../parts/state';

const MEASURES = { cost_picousd: 'Cost', calls: 'Calls', wasted_cost_picousd: 'Wasted' } as const;
export type Measure = keyof typeof MEASURES;
const SHOWN = 7, HEIGHT = 260;

export const readMeasure = (text: string | null): Measure => (text && text in MEASURES ? (text as Measure) : 'cost_picousd');

export type SeriesLine = { name: string | null; other: boolean } & Record<Measure, Pico[]>;
export interface SeriesAnswer {
    at: string[];
    series: SeriesLine[];
    totals: Record<Measure, Pico[]>;
}

const numbers = (values: Pico[]) => values.map(Number);
const sum = (a: number[], b: number[]) => a.map((v, i) => v + (b[i] ?? 0));

function stacked(answer: SeriesAnswer, measure: Measure): Series[] {
    const named = answer.series.filter((line) => !line.other);
    const shown: Series[] = named.slice(0, SHOWN).map((line) => ({ name: shownName(line.name), values: numbers(line[measure]) }));
    const rest = [...named.slice(SHOWN), ...answer.series.filter((line) => line.other)];
    if (rest.length) shown.push({ name: '(other)', tone: 0, values: rest.map((line) => numbers(line[measure])).reduce(sum) });
    return shown;
}

function Drawing({ answer, before, step, by, measure }: { answer: SeriesAnswer; before?: SeriesAnswer; step: Step; by: By; measure: Measure }) {
    const at = useMemo(() => answer.at.map((one) => Date.parse(one)), [answer]);
    const series = useMemo(() => stacked(answer, measure), [answer, measure]);
    const overlay = useMemo(() => (before ? [{ name: 'the period before', dash: true, values: at.map((_, i) => (before.totals[measure][i] === undefined ? null : Number(before.totals[measure][i]))) }] : []), [before, measure, at]);
    if (!series.some((s) => s.values.some((v) => v))) return <Empty title="Nothing was spent here" height={HEIGHT + 30}>No calls in this time range with these filters. A longer range or fewer filters may have some.</Empty>;
    const isMoney = measure !== 'calls';
    return (
        <Chart title={`${MEASURES[measure]} by ${DIMENSIONS[by]}`} at={at} step={step} series={series} overlay={overlay} shape="bars" height={HEIGHT}
            format={isMoney ? money : count} axis={isMoney ? (v) => moneyShort(v / 1e12) : countShort} />
    );
}

export function CostsChart({ series, before, step, by, measure }: { series: Loaded<SeriesAnswer>; before: Loaded<SeriesAnswer> | null; step: Step; by: By; measure: Measure }) {
    return (
        <Card title={`${MEASURES[measure]} by ${DIMENSIONS[by]!.toLowerCase()}`} note={`by the ${step}`} actions={
            <div class="segments" role="group" aria-label="What is shown">
                {(Object.keys(MEASURES) as Measure[]).map((one) => (
                    <button key={one} type="button" aria-pressed={one === measure} onClick={() => setQuery({ measure: one === 'cost_picousd' ? null : one }, { replace: true })}>{MEASURES[one]}</button>
                ))}
            </div>
        }>
            <Load from={series} height={HEIGHT + 30}>{(answer) => <Drawing answer={answer} before={before?.data} step={step} by={by} measure={measure} />}</Load>
        </Card>
    );
}
