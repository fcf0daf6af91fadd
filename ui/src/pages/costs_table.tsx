// The rows behind the chart: each leads one step down, at last to the calls.
import { useMemo } from 'preact/hooks';
import { below, drillHref, type By } from '../lib/drill';
import { count, latency, share } from '../lib/figures';
import { money, usd } from '../lib/money';
import { answerTokens, promptTokens, type Report, type ReportRow } from '../lib/types';
import type { Loaded } from '../lib/use_api';
import type { View } from '../lib/view';
import { DIMENSIONS, shownName } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Change } from '../parts/card';
import { Spark } from '../parts/spark';
import { Empty, Load } from '../parts/state';
import { Table, type Column } from '../parts/table';
import type { SeriesAnswer } from './costs_chart';

const HEIGHT = 420;

interface Props {
    by: By;
    report: Loaded<Report>;
    before?: Report;
    series?: SeriesAnswer;
    view: View;
}

const nameOf = (row: ReportRow, by: By) => String(row[by] ?? '');
const each = (row: { calls: number; cost_picousd: number | bigint }) => (row.calls ? Math.round(Number(row.cost_picousd) / row.calls) : null);

function columns({ by, before, series }: Props, report: Report): Column<ReportRow>[] {
    const sparks = new Map(series?.series.filter((line) => !line.other).map((line) => [line.name ?? '', line.cost_picousd.map(Number)]));
    const were = new Map(before?.rows.map((row) => [nameOf(row, by), row]));
    const all = report.totals, whole = usd(all.cost_picousd) || 1;
    const costs: Column<ReportRow>[] = [
        { name: by, label: DIMENSIONS[by]!, cell: (row) => <span class="name" title={nameOf(row, by)}>{shownName(nameOf(row, by))}</span>, sort: (row) => nameOf(row, by), total: 'All' },
        { name: 'spark', label: 'Over time', cell: (row: ReportRow) => <Spark values={sparks.get(nameOf(row, by)) ?? []} /> },
        { name: 'cost', label: 'Cost', number: true, cell: (row) => <Sum of={row} />, sort: (row) => row.cost_picousd, total: <Sum of={all} /> },
    ];
    if (before) {
        costs.push({ name: 'change', label: 'Change', number: true, title: 'against the period before', sort: (row) => usd(row.cost_picousd) - usd(were.get(nameOf(row, by))?.cost_picousd ?? 0),
            cell: (row) => <Change now={usd(row.cost_picousd)} before={usd(were.get(nameOf(row, by))?.cost_picousd ?? 0)} better="down" />,
            total: <Change now={usd(all.cost_picousd)} before={usd(before.totals.cost_picousd)} better="down" /> });
    }
    return [
        ...costs,
        { name: 'share', label: 'Share', number: true, cell: (row) => share(usd(row.cost_picousd) / whole), sort: (row) => row.cost_picousd, total: '' },
        { name: 'calls', label: 'Calls', number: true, cell: (row) => count(row.calls), sort: (row) => row.calls, total: count(all.calls) },
        { name: 'each', label: 'Per call', number: true, cell: (row) => <Sum of={row} by={row.calls} />, sort: each, total: <Sum of={all} by={all.calls} /> },
        { name: 'prompt', label: 'Tokens in', number: true, title: 'of prompts, cached ones among them', cell: (row) => count(promptTokens(row)), sort: promptTokens, total: count(promptTokens(all)) },
        { name: 'answer', label: 'Tokens out', number: true, title: 'of answers, thoughts among them', cell: (row) => count(answerTokens(row)), sort: answerTokens, total: count(answerTokens(all)) },
        { name: 'wasted', label: 'Wasted', number: true, cell: (row) => money(row.wasted_cost_picousd), sort: (row) => row.wasted_cost_picousd, total: money(all.wasted_cost_picousd) },
        { name: 'errors', label: 'Errors', number: true, cell: (row) => share(row.error_rate), sort: (row) => row.error_rate, total: share(all.error_rate) },
        { name: 'p95', label: 'p95', number: true, title: '95 % of the attempts took no longer', cell: (row) => latency(row.p95_ms), sort: (row) => row.p95_ms, total: latency(all.p95_ms) },
    ];
}

export function CostsTable(props: Props) {
    const { by, report, before, series, view } = props;
    const made = useMemo(() => report.data && columns(props, report.data), [report.data, before, series, by]);
    const next = below(by, view.filters);
    return (
        <Load from={report} height={HEIGHT} keeps>
            {(data) => (
                <Table label={`Costs by ${DIMENSIONS[by]}; a row leads to its ${next ? DIMENSIONS[next]!.toLowerCase() : 'calls'}`} columns={made!} rows={data.rows} rowKey={(row) => nameOf(row, by)}
                    href={(row) => drillHref(by, nameOf(row, by), view.filters, view.query)} sortBy="-cost"
                    empty={<Empty title="Nothing here" height={HEIGHT}>No calls in this time range with these filters.</Empty>} />
            )}
        </Load>
    );
}
