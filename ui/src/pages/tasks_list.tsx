import { useState } from 'preact/hooks';
import { href, setQuery } from '../lib/address';
import { sessionHref, taskHref, type ChainKind, type ChainRow } from '../lib/chains';
import { count, latency, rate } from '../lib/figures';
import { money, usd } from '../lib/money';
import { agoText, momentTitle } from '../lib/time';
import type { Report } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import { useList } from '../lib/use_list';
import type { View } from '../lib/view';
import { setFilter, writeWhere } from '../lib/where';
import { Name, Sum } from '../parts/call_cells';
import { Card, Change, Tile } from '../parts/card';
import { More, Top } from '../parts/more';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, allRows, type Column } from '../parts/table';
import { TilesOf } from '../parts/tiles';
import { Views } from '../parts/views';

const more = (row: ChainRow) => Number(row.attempts) - Number(row.calls);
const each = (row: ChainRow) => Number(row.cost_picousd) / Math.max(1, Number(row.calls));

function columns(kind: ChainKind, reported: boolean): Column<ChainRow>[] {
    const last: Column<ChainRow> = kind === 'session'
        ? { name: 'last', label: 'Last call', narrow: false, cell: (row) => (row.last ? <span title={momentTitle(row.last)}>{agoText(row.last)}</span> : '–'), sort: (row) => row.last }
        : { name: 'last', label: 'Last day', narrow: false, cell: (row) => (row.last ? row.last.slice(0, 10) : '–'), sort: (row) => row.last };
    return [
        { name: 'name', label: kind === 'task' ? 'Task' : 'Session', cell: (row) => <Name value={row.name} />, sort: (row) => row.name },
        ...(reported ? [] : [{ name: 'feature', label: 'Feature', narrow: false, cell: (row: ChainRow) => <Name value={row.feature ?? ''} />, sort: (row: ChainRow) => row.feature }]),
        { name: 'cost', label: 'Cost', number: true, cell: (row) => <Sum of={row} />, sort: (row) => Number(row.cost_picousd) },
        { name: 'calls', label: 'Calls', number: true, cell: (row) => count(row.calls), sort: (row) => Number(row.calls) },
        { name: 'each', label: 'Per call', number: true, narrow: false, cell: (row) => <Sum of={row} by={Math.max(1, Number(row.calls))} />, sort: each },
        { name: 'retries', label: 'Retries', number: true, narrow: false, title: 'attempts beyond the first of each call', cell: (row) => count(more(row)), sort: more },
        { name: 'errors', label: 'Failed', number: true, narrow: false, title: 'attempts', cell: (row) => (Number(row.errors) ? <span><span class="muted small">{rate(Number(row.errors), Number(row.attempts))}</span> {count(row.errors)}</span> : '0'), sort: (row) => Number(row.errors) },
        { name: 'wasted', label: 'Wasted', number: true, narrow: false, title: 'cost of attempts whose result was not used', cell: (row) => money(row.wasted_picousd), sort: (row) => Number(row.wasted_picousd) },
        ...(reported ? [{ name: 'p95', label: 'p95', number: true, narrow: false, title: '95 of 100 attempts take at most', cell: (row: ChainRow) => latency(row.p95_ms), sort: (row: ChainRow) => row.p95_ms }] : [last]),
    ];
}

/** What belongs to no task is taken away. */
interface Sum {
    tasks: number;
    calls: number;
    attempts: number;
    cost: number;
    wasted: number;
}
function sumOf(all: Report | undefined, none: Report | undefined): Sum | undefined {
    if (!all || !none) return undefined;
    const a = all.totals, n = none.totals;
    return { tasks: all.groups - (n.attempts ? 1 : 0), calls: a.calls - n.calls, attempts: a.attempts - n.attempts, cost: usd(a.cost_picousd) - usd(n.cost_picousd), wasted: usd(a.wasted_cost_picousd) - usd(n.wasted_cost_picousd) };
}
const dollars = (v: number) => money(Math.round(v * 1e12));

function Tiles({ view, all }: { view: View; all: Loaded<Report> }) {
    const none = (ask: { since: string; until: string }) => ({ by: 'task', limit: 1, since: ask.since, until: ask.until, where: writeWhere(setFilter(view.filters, { name: 'task', value: '' })) });
    const without = useApi<Report>('/report', none(view.ask), { long: true });
    const before = useApi<Report>(view.askBefore && '/report', { by: 'task', limit: 1, ...view.askBefore }, { long: true });
    const beforeWithout = useApi<Report>(view.askBefore && '/report', view.askBefore ? none(view.askBefore) : {}, { long: true });
    const now = sumOf(all.data, without.data), was = view.askBefore ? sumOf(before.data, beforeWithout.data) : undefined;
    const perTask = (s: Sum) => s.cost / Math.max(1, s.tasks), long = (s: Sum) => s.calls / Math.max(1, s.tasks), tries = (s: Sum) => s.attempts / Math.max(1, s.calls);
    return (
        <TilesOf from={{ ...all, data: now }} count={4}>
            {(now) => (
                <>
                    <Tile name="Tasks" value={count(now.tasks)} note={was ? <Change now={now.tasks} before={was.tasks} /> : `${count(now.calls)} calls`} />
                    <Tile name="Cost per task" value={dollars(perTask(now))} note={was ? <Change now={perTask(now)} before={perTask(was)} better="down" /> : `${dollars(now.cost)} in all`} />
                    <Tile name="Calls per task" value={long(now).toFixed(1)} note={was ? <Change now={long(now)} before={long(was)} better="down" /> : 'steps of a chain'} />
                    <Tile name="Attempts per call" value={tries(now).toFixed(3)} note={was ? <Change now={tries(now)} before={tries(was)} better="down" /> : `${dollars(now.wasted)} wasted`} />
                </>
            )}
        </TilesOf>
    );
}

function NoChains({ kind }: { kind: ChainKind }) {
    return <Empty title={kind === 'task' ? 'No tasks' : 'No sessions'}>None in this time range with these filters. A client names its {kind} with the header <code>x-purser-{kind}</code> on each call.</Empty>;
}

function Order({ kind, latest }: { kind: ChainKind; latest: boolean }) {
    return (
        <div class="segments" role="group" aria-label={`Which ${kind}s first`}>
            <button type="button" aria-pressed={!latest} onClick={() => setQuery({ order: null })}>Dearest</button>
            <button type="button" aria-pressed={latest} onClick={() => setQuery({ order: 'latest' })}>Latest</button>
        </div>
    );
}

/** From the report: it knows every filter. */
function Dearest({ view, report, limit, setLimit }: { view: View; report: Loaded<Report>; limit: number; setLimit: (limit: number) => void }) {
    return (
        <Card title="Tasks, the dearest first" flush actions={<><Order kind="task" latest={false} /><CsvLink url={allRows(report.url)} /></>}>
            <Load from={report} height={480}>
                {({ rows, groups }) => {
                    const named = rows.filter((row) => row.task).map((row) => ({ ...row, name: String(row.task), wasted_picousd: row.wasted_cost_picousd }));
                    const nameless = rows.length - named.length;
                    return (
                        <>
                            <Table label="Tasks" columns={columns('task', true)} rows={named} rowKey={(row) => row.name} href={(row) => taskHref(row.name, view.query)} sortBy="-cost" empty={<NoChains kind="task" />} whole />
                            <Top rows={named.length} of={groups - nameless} what="tasks" limit={limit} setLimit={setLimit} />
                        </>
                    );
                }}
            </Load>
        </Card>
    );
}

/** Tasks by day, sessions from the rows. */
function Listed({ kind, view, latest }: { kind: ChainKind; view: View; latest: boolean }) {
    // of tasks the rollups know the feature alone: then in pages
    const [one, ...others] = view.filters, quick = kind === 'task' && !others.length && (!one || (one.name === 'feature' && one.value !== ''));
    const narrowed = quick ? { feature: one?.value } : { where: view.ask.where }, limit = latest && quick ? 100 : 1000;
    const list = useList<ChainRow>(`/${kind}s`, { since: view.ask.since, until: view.ask.until, ...narrowed, order: latest ? 'latest' : 'dearest', limit }, { long: true });
    return (
        <Card title={`${kind === 'task' ? 'Tasks' : 'Sessions'}, the ${latest ? 'latest' : 'dearest'} first`} flush actions={<><Order kind={kind} latest={latest} /><CsvLink url={allRows(list.first.url)} /></>}>
            {list.rows.length === 1000 && !list.more && <p class="notice">These are the {latest ? 'latest' : 'dearest'} 1,000. A shorter time range or more filters show the others.</p>}
            <Load from={list.first} height={480}>
                {() => (
                    <div class="chains">
                        <Table label={kind === 'task' ? 'Tasks' : 'Sessions'} columns={columns(kind, false)} rows={list.rows.filter((row) => row.name)} rowKey={(row) => row.name} href={(row) => (kind === 'task' ? taskHref(row.name, view.query) : sessionHref(row.name, view.query))} sortBy={latest ? undefined : '-cost'} empty={<NoChains kind={kind} />} whole />
                        <More list={list} what={`${kind}s`} />
                    </div>
                )}
            </Load>
        </Card>
    );
}

function ReportedTasks({ view }: { view: View }) {
    const [limit, setLimit] = useState(100);
    const report = useApi<Report>('/report', { by: 'task', ...view.ask, limit }, { long: true });
    return (
        <>
            <Tiles view={view} all={report} />
            <Dearest view={view} report={report} limit={limit} setLimit={setLimit} />
        </>
    );
}

export function ChainList({ kind, view }: { kind: ChainKind; view: View }) {
    const latest = view.query.get('order') === 'latest';
    const views = [{ label: 'Tasks', href: href(['tasks'], {}, view.query), current: kind === 'task' }, { label: 'Sessions', href: href(['tasks', 'sessions'], {}, view.query), current: kind === 'session' }];
    const reported = kind === 'task' && !latest;
    return (
        <Page title="Tasks & sessions" view={view} actions={<Views label="Chains" views={views} />}>
            {reported ? <ReportedTasks view={view} /> : <Listed key={kind} kind={kind} view={view} latest={latest} />}
        </Page>
    );
}
