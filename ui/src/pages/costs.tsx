// What it costs, by anything, over time; from a team down to one call; why it changed; what was wasted and what was saved.
import { href, setQuery } from '../lib/address';
import { BY, readBy, type By } from '../lib/drill';
import { count, share } from '../lib/figures';
import { money, usd } from '../lib/money';
import type { Step } from '../lib/range';
import { DAY } from '../lib/time';
import type { Report, Sums } from '../lib/types';
import { useApi } from '../lib/use_api';
import { useView, type View } from '../lib/view';
import { DIMENSIONS } from '../lib/where';
import { Card, Change, Tile, TilesComing } from '../parts/card';
import { Later } from '../parts/later';
import { Page } from '../parts/page';
import { RowsFrom } from '../parts/rows_from';
import { CsvLink } from '../parts/table';
import { CostsChart, readMeasure, type SeriesAnswer } from './costs_chart';
import { CostsTable } from './costs_table';
import { Waste } from './costs_waste';
import { Waterfall } from './costs_waterfall';

const LINES = 50; // with a sparkline each

function Totals({ now, before }: { now: Sums; before?: Sums }) {
    const each = (s: Sums) => (s.calls ? usd(s.cost_picousd) / s.calls : 0);
    const were = (of: (s: Sums) => number) => (before ? of(before) : null);
    const sure = Number(now.estimated) ? `of it estimated: ${money(now.estimated_cost_picousd)}` : 'all of it exact';
    return (
        <div class="tiles">
            <Tile name="Cost" value={money(now.cost_picousd)} note={before ? <Change now={usd(now.cost_picousd)} before={usd(before.cost_picousd)} better="down" /> : sure} />
            <Tile name="Calls" value={count(now.calls)} note={before ? <Change now={now.calls} before={before.calls} /> : `${count(now.attempts)} attempts`} />
            <Tile name="Cost per call" value={money(Math.round(each(now) * 1e12))} note={<Change now={each(now)} before={were(each)} better="down" />} />
            <Tile name="Wasted" value={money(now.wasted_cost_picousd)} note={before ? <Change now={usd(now.wasted_cost_picousd)} before={usd(before.wasted_cost_picousd)} better="down" /> : `${share(usd(now.wasted_cost_picousd) / (usd(now.cost_picousd) || 1))} of the cost`} />
            <Tile name="Estimated" value={share(now.estimated_share)} note={Number(now.unpriced) ? <span class="bad">{count(now.unpriced)} without a price</span> : 'of the attempts'} title="The provider did not say what was used: cut streams, mostly" />
            <Tile name="Errors" value={share(now.error_rate)} note={<Change now={now.error_rate} before={were((s) => s.error_rate)} better="down" />} />
        </div>
    );
}

/** Users, prompts and tasks are summed up by the day; finer steps would read every row. */
function stepFor(view: View, by: By): Step {
    const days = [by, ...view.filters.map((filter) => filter.name)].some((name) => ['user', 'prompt', 'task'].includes(name));
    return days && view.range.until - view.range.since > 3 * DAY ? 'day' : view.range.step;
}

function ByPicker({ by }: { by: By }) {
    return (
        <label class="chips">
            <span class="muted">by</span>
            <select class="field" value={by} aria-label="Stack by" onChange={(event) => setQuery({ by: event.currentTarget.value })}>
                {BY.map((name) => <option key={name} value={name}>{DIMENSIONS[name]}</option>)}
            </select>
        </label>
    );
}

export function Costs() {
    const view = useView();
    const by = readBy(view.query.get('by')), measure = readMeasure(view.query.get('measure')), step = stepFor(view, by);
    const now = useApi<Report>('/report', { ...view.ask, by, limit: 200 }, { long: true });
    const before = useApi<Report>(view.askBefore && '/report', { ...view.askBefore, by, limit: 1000 }, { long: true });
    const series = useApi<SeriesAnswer>('/series', { ...view.ask, by, step, top: LINES }, { long: true });
    const seriesBefore = useApi<SeriesAnswer>(view.askBefore && '/series', { ...view.askBefore, step }, { long: true });
    const title = `${DIMENSIONS[by]}, ${view.range.label}`;
    return (
        <Page title="Costs" view={view} actions={<ByPicker by={by} />}>
            {now.data ? <Totals now={now.data.totals} before={view.compare ? before.data?.totals : undefined} /> : !now.problem && <TilesComing count={6} />}
            <RowsFrom at={now.data?.rows_from} />
            <CostsChart series={series} before={view.compare ? seriesBefore : null} step={step} by={by} measure={measure} />
            <Card title={title} flush note={now.data && now.data.groups > now.data.rows.length ? `the dearest ${now.data.rows.length} of ${count(now.data.groups)}` : undefined}
                actions={<><a class="button plain small" href={href(['calls'], {}, view.query)}>Calls</a><CsvLink url={now.url} /></>}>
                <CostsTable by={by} report={now} before={view.compare ? before.data : undefined} series={series.data} view={view} />
            </Card>
            <div class="grid">
                <div class="w6"><Later title="Waste and savings" height={380}><Waste view={view} /></Later></div>
                <div class="w6"><Later title="Why it changed" height={380}><Waterfall view={view} /></Later></div>
            </div>
        </Page>
    );
}
