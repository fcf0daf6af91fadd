// Charts over time, drawn by uPlot. Each can be read as a table too, and dragging over it narrows the page's time range.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { setQuery } from '../lib/address';
import { stepMs, type Step } from '../lib/range';
import { stackUp } from '../lib/stack';
import { colour, useColours } from '../lib/theme';
import { DAY, clockText, dateText, dayText, floorTo, rfc3339 } from '../lib/time';
import { ChartTable } from './chart_table';
import { Icon } from './icon';

export interface Series {
    name: string;
    values: (number | null)[];
    /** 1 to 7, or 0 for what is not one thing: "(other)". By default the place in the list. */
    tone?: number;
    dash?: boolean; // a line for comparison
}

export interface ChartProps {
    title: string;
    at: number[]; // starts of the buckets, milliseconds
    step: Step;
    series: Series[];
    shape: 'bars' | 'area' | 'lines';
    overlay?: Series[]; // lines over bars or areas
    format: (v: number) => string; // in words and tables
    axis?: (v: number) => string; // beside the axis: shorter
    height?: number;
    top?: number; // of the axis, where all is zero (1)
    zoom?: boolean;
}

export const toneOf = (series: Series, i: number) => series.tone ?? (i < 7 ? i + 1 : 0);
const colourOf = (tone: number) => colour(tone ? `series-${tone}` : 'series-other');

export function bucketText(at: number, step: Step): string {
    return step === 'day' ? dateText(at) : `${dayText(at)} ${clockText(at)} UTC`;
}

function axisTimes(_u: uPlot, splits: number[], _axis: number, _space: number, increment: number): string[] {
    return splits.map((s) => (increment * 1000 >= DAY || (s * 1000) % DAY === 0 ? dayText(s * 1000) : clockText(s * 1000)));
}

interface Drawn {
    options: Omit<uPlot.Options, 'width' | 'height'>;
    data: uPlot.AlignedData;
}

/** Stacked sums are drawn from the top down, each over the one before: no bands, and hidden ones cost nothing. */
function drawn(props: ChartProps, shown: boolean[]): Drawn {
    const { at, step, series, shape, overlay = [], format, axis = format, top = 1 } = props;
    const line = colour('line'), muted = colour('muted'), font = `11px ${colour('font')}`;
    const x = at.map((ms) => ms / 1000), width = stepMs(step) / 1000;
    const stacked = shape !== 'lines';
    const sums = stacked ? stackUp(series.map((s) => s.values), shown) : series.map((s) => s.values);
    const order = series.map((_, i) => i).filter((i) => shown[i]);
    if (stacked) order.reverse();
    const dense = at.length > 60; // then a seam between bars would be half of each
    const bars = uPlot.paths.bars!({ size: dense ? [1, 90] : [0.86, 90], align: 1 }), steps = uPlot.paths.linear!();
    const made: uPlot.Series[] = order.map((i) => {
        const tint = colourOf(toneOf(series[i]!, i));
        return {
            label: series[i]!.name, scale: 'y', points: { show: false }, paths: shape === 'bars' ? bars : steps,
            stroke: shape === 'lines' || dense ? tint : colour('surface'), width: shape === 'lines' ? 2 : dense ? 0 : 1,
            fill: shape === 'lines' ? undefined : tint, dash: series[i]!.dash ? [5, 4] : undefined,
        };
    });
    const lines: uPlot.Series[] = overlay.map((o) => ({
        label: o.name, scale: 'y', points: { show: false }, stroke: o.tone === undefined ? colour('text') : colourOf(o.tone), width: 1.5, dash: o.dash ? [5, 4] : undefined,
    }));
    const options = {
        tzDate: (ts: number) => uPlot.tzDate(new Date(ts * 1000), 'Etc/UTC'),
        legend: { show: false }, padding: [8, 22, 0, 0] as uPlot.Padding,
        scales: {
            x: { time: true, range: (): [number, number] => [x[0] ?? 0, (x[x.length - 1] ?? 0) + (shape === 'bars' ? width : 0)] },
            y: { range: (_u: uPlot, _min: number, max: number): [number, number] => [0, max > 0 ? max * 1.08 : top] },
        },
        axes: [
            { stroke: muted, font, grid: { show: false }, ticks: { stroke: line, size: 4 }, values: axisTimes, space: 64, size: 26 },
            { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, values: (_u: uPlot, v: number[]) => v.map(axis), size: 62, gap: 4, space: 36 },
        ],
        cursor: { points: { show: false }, y: false, drag: { x: props.zoom !== false, y: false, setScale: false } },
        series: [{}, ...made, ...lines],
    };
    return { options, data: [x, ...order.map((i) => sums[i]!), ...overlay.map((o) => o.values)] as uPlot.AlignedData };
}

function zoomTo(u: uPlot, step: Step): void {
    if (u.select.width < 8) return;
    const unit = stepMs(step);
    const since = floorTo(u.posToVal(u.select.left, 'x') * 1000, unit);
    const until = floorTo(u.posToVal(u.select.left + u.select.width, 'x') * 1000, unit) + unit;
    setQuery({ range: null, since: rfc3339(since), until: rfc3339(until) });
}

function Tip({ props, shown, index, left, width }: { props: ChartProps; shown: boolean[]; index: number; left: number; width: number }) {
    const { series, overlay = [], step, at, format } = props;
    const lines = series.map((s, i) => ({ name: s.name, tone: toneOf(s, i), value: shown[i] ? s.values[index] : null })).filter((l) => l.value !== null && l.value !== undefined);
    const total = lines.reduce((sum, l) => sum + l.value!, 0);
    const side = left > width / 2 ? { right: `${width - left + 12}px` } : { left: `${left + 12}px` };
    return (
        <div class="tip" style={{ ...side, top: '8px' }}>
            <div><b>{bucketText(at[index]!, step)}</b></div>
            {lines.filter((l) => props.shape === 'lines' || l.value! > 0).map((l) => (
                <div class="line" key={l.name}><span class={`dot s${l.tone}`} /><span class="name">{l.name}</span><b>{format(l.value!)}</b></div>
            ))}
            {props.shape !== 'lines' && lines.length > 1 && <div class="line"><span class="name">together</span><b>{format(total)}</b></div>}
            {overlay.map((o) => o.values[index] !== null && o.values[index] !== undefined && (
                <div class="line" key={o.name}><span class="name muted">{o.name}</span><b>{format(o.values[index]!)}</b></div>
            ))}
        </div>
    );
}

/** The canvas and the tip over it. */
function Plot({ props, shown }: { props: ChartProps; shown: boolean[] }) {
    const at = useRef<HTMLDivElement>(null);
    const colours = useColours();
    const [over, setOver] = useState<{ index: number; left: number; width: number } | null>(null);
    const height = props.height ?? 240;
    const key = useMemo(() => JSON.stringify([props.at, props.series, props.overlay, props.shape, props.step, shown]), [props, shown]);
    useEffect(() => {
        const box = at.current!;
        const { options, data } = drawn(props, shown);
        const hooks = {
            setCursor: [(u: uPlot) => {
                const { idx, left } = u.cursor;
                const offset = u.over.offsetLeft;
                setOver(idx === null || idx === undefined || left === undefined || left < 0 ? null : { index: idx, left: left + offset, width: box.clientWidth });
            }],
            setSelect: [(u: uPlot) => zoomTo(u, props.step)],
        };
        const plot = new uPlot({ ...options, hooks, width: Math.max(120, box.clientWidth), height }, data, box);
        const resize = new ResizeObserver(() => plot.setSize({ width: Math.max(120, box.clientWidth), height }));
        resize.observe(box);
        return () => {
            resize.disconnect();
            plot.destroy();
        };
    }, [key, colours, height]);
    return (
        <div class="plot" ref={at} style={{ '--plot-height': `${height}px` }}>
            {over && over.index < props.at.length && <Tip props={props} shown={shown} {...over} />}
        </div>
    );
}

export function Chart(props: ChartProps) {
    const { series, title } = props;
    const [hidden, setHidden] = useState<Set<string>>(new Set());
    const [asTable, setAsTable] = useState(false);
    const names = series.map((s) => s.name).join('\n');
    const shown = useMemo(() => series.map((s) => !hidden.has(s.name)), [names, hidden]);
    const turn = (name: string) => {
        const next = new Set(hidden);
        if (!next.delete(name)) next.add(name);
        setHidden(next);
    };
    return (
        <figure class="chart" aria-label={title}>
            {asTable ? <ChartTable {...props} /> : <Plot props={props} shown={shown} />}
            <figcaption>
                {!asTable && series.length > 1 && series.map((s, i) => (
                    <button key={s.name} type="button" aria-pressed={shown[i]} title={shown[i] ? 'Hide' : 'Show'} onClick={() => turn(s.name)}>
                        <span class={`dot s${toneOf(s, i)}`} /><span class="name">{s.name}</span>
                    </button>
                ))}
                <button type="button" aria-expanded={asTable} onClick={() => setAsTable(!asTable)} style={{ marginLeft: 'auto' }}>
                    <Icon name="table" size={14} />{asTable ? 'As a chart' : 'As a table'}
                </button>
            </figcaption>
        </figure>
    );
}
