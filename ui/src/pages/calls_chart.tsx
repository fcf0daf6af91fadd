// When attempts were made, and how many of them failed: dragging over it narrows the list to what looks odd.
import { useMemo } from 'preact/hooks';
import { count, countShort, type Count } from '../lib/figures';
import { stepMs, type Step } from '../lib/range';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { sumsBy } from '../lib/where';
import { Card } from '../parts/card';
import { Chart } from '../parts/chart';
import { Load } from '../parts/state';

interface Answer {
    at: string[];
    totals: { attempts: Count[]; errors: Count[] };
}
const HEIGHT = 104;

function Bars({ of, step }: { of: Answer; step: Step }) {
    const at = useMemo(() => of.at.map((one) => Date.parse(one)), [of]);
    const series = useMemo(() => {
        const failed = of.totals.errors.map(Number);
        return [{ name: 'answered', values: of.totals.attempts.map((all, i) => Number(all) - failed[i]!) }, { name: 'failed', tone: 7, values: failed }];
    }, [of]);
    return <Chart title="Attempts over time" at={at} step={step} shape="bars" series={series} format={count} axis={countShort} height={HEIGHT} />;
}

export function CallsChart({ view }: { view: View }) {
    // what rollups do not know by the hour is read from rows: of a short time alone
    const step = view.range.step === 'minute' || sumsBy(view.filters) === 'status' ? view.range.step : 'day', short = view.range.until - view.range.since <= 2 * stepMs(step);
    const series = useApi<Answer>(short ? null : '/series', { ...view.ask, step }, { long: true });
    if (short) return null; // one bar says what the tiles say
    return (
        <Card title="Attempts" note={`by the ${step}`}>
            <Load from={series} height={HEIGHT + 30}>{(of) => <Bars of={of} step={step} />}</Load>
        </Card>
    );
}
