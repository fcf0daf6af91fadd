// What something cost over time: bars by minute, hour or day, of /api/v1/series.
import { money, moneyShort, usd, type Pico } from '../lib/money';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Chart } from './chart';
import { Empty, Load } from './state';

interface Sums {
    cost_picousd: Pico[];
    wasted_cost_picousd: Pico[];
}

interface Series {
    at: string[];
    totals: Sums;
}

const pico = (dollars: number) => money(BigInt(Math.round(dollars * 1e12)));

export function SpendChart({ view, where, title, height = 200 }: { view: View; where: string; title: string; height?: number }) {
    const step = view.range.step;
    const series = useApi<Series>('/series', { step, ...view.ask, where: [view.ask.where, where].filter(Boolean).join(',') }, { long: true });
    return (
        <Load from={series} height={height + 30}>
            {({ at, totals }) => {
                const all = totals.cost_picousd.map(usd), wasted = totals.wasted_cost_picousd.map(usd);
                if (!all.some((v) => v > 0)) return <Empty title="Nothing was spent">No call of this time range cost anything. Choose a longer one.</Empty>;
                return (
                    <Chart title={title} at={at.map((one) => Date.parse(one))} step={step} shape="bars" height={height} format={pico} axis={moneyShort}
                        series={[{ name: 'Useful', values: all.map((v, i) => Math.max(0, v - wasted[i]!)) }, { name: 'Wasted', values: wasted, tone: 2 }]} />
                );
            }}
        </Load>
    );
}
