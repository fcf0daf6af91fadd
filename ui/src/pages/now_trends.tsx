// Errors and latency over the page's time range.
import { useMemo } from 'preact/hooks';
import { latency, latencyShort, share } from '../lib/figures';
import { stepMs } from '../lib/range';
import { buckets, spread } from '../lib/stack';
import type { Report, ReportRow } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Card } from '../parts/card';
import { Chart, type Series } from '../parts/chart';
import { Empty, Load } from '../parts/state';

const HEIGHT = 190;
type Figure = 'error_rate' | 'p50_ms' | 'p95_ms' | 'p99_ms' | 'first_token_p50_ms' | 'first_token_p95_ms';

function lines(rows: ReportRow[], by: string, at: number[], figures: [Figure, string][], gap: boolean): Series[] {
    return figures.map(([figure, name], i) => {
        const points = new Map(rows.map((row) => [Date.parse(String(row[by])), row[figure] as number]));
        return { name, tone: i + 1, values: gap ? at.map((ms) => points.get(ms) ?? null) : spread(at, points) };
    });
}

export function Trends({ view }: { view: View }) {
    const by = view.range.step, step = by;
    const report = useApi<Report>('/report', { ...view.ask, by, limit: 5000 }, { long: true });
    const before = useApi<Report>(view.askBefore && '/report', { ...view.askBefore, by, limit: 5000 }, { long: true });
    const at = useMemo(() => buckets(view.range.since, view.range.until, stepMs(step)), [view.range, step]);
    const atBefore = useMemo(() => buckets(view.range.before.since, view.range.before.until, stepMs(step)), [view.range, step]);
    const draw = (title: string, figures: [Figure, string][], format: (v: number) => string, axis: (v: number) => string, gap: boolean) => (data: Report) => {
        if (!data.rows.length) return <Empty title="No calls in this time range" />;
        const overlay = view.compare && before.data ? lines(before.data.rows, by, atBefore, [figures.find(([figure]) => figure !== 'p50_ms' && figure !== 'first_token_p50_ms')!], gap).map((s) => ({ ...s, tone: undefined, dash: true, name: `${s.name}, the period before` })) : [];
        return <Chart title={title} at={at} step={step} series={lines(data.rows, by, at, figures, gap)} overlay={overlay} shape="lines" height={HEIGHT} format={format} axis={axis} />;
    };
    return (
        <div class="grid">
            <div class="w4"><Card title="Errors" note={view.range.label}><Load from={report} height={HEIGHT + 30}>{draw('Share of attempts that failed', [['error_rate', 'error rate']], share, share, false)}</Load></Card></div>
            <div class="w4"><Card title="Latency" note={view.range.label}><Load from={report} height={HEIGHT + 30}>{draw('Latency', [['p50_ms', 'p50'], ['p95_ms', 'p95'], ['p99_ms', 'p99']], latency, latencyShort, true)}</Load></Card></div>
            <div class="w4"><Card title="Time to first token" note={view.range.label}><Load from={report} height={HEIGHT + 30}>{draw('Time to first token', [['first_token_p50_ms', 'p50'], ['first_token_p95_ms', 'p95']], latency, latencyShort, true)}</Load></Card></div>
        </div>
    );
}
