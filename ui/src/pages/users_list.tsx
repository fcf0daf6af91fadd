import { useEffect, useState } from 'preact/hooks';
import { go, href, setQuery } from '../lib/address';
import { count, latency, rate } from '../lib/figures';
import { addPico, money, toBig, usd, type Pico } from '../lib/money';
import type { Report, ReportRow, Sums } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import type { View } from '../lib/view';
import { setFilter, writeWhere } from '../lib/where';
import { Name, Sum } from '../parts/call_cells';
import { Card, Change, Tile } from '../parts/card';
import { Top } from '../parts/more';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, allRows, type Column } from '../parts/table';
import { TilesOf } from '../parts/tiles';
import { UserTabs } from './users';

const nameOf = (row: ReportRow) => String(row.user ?? '');

function columns(all: number, before: Map<string, number> | null): Column<ReportRow>[] {
    return [
        { name: 'user', label: 'User', cell: (row) => <Name value={nameOf(row)} />, sort: nameOf },
        { name: 'cost', label: 'Cost', number: true, cell: (row) => <>{before && <Change now={usd(row.cost_picousd)} before={before.get(nameOf(row))} better="down" />} <Sum of={row} /></>, sort: (row) => Number(row.cost_picousd) },
        { name: 'share', label: 'Share', narrow: false, title: 'of the cost of all users', cell: (row) => <span class="meter" title={`${rate(usd(row.cost_picousd), all)} of the cost of all users`}><i style={{ width: `${all > 0 ? Math.min(100, (usd(row.cost_picousd) / all) * 100) : 0}%` }} /><span>{rate(usd(row.cost_picousd), all)}</span></span> },
        { name: 'calls', label: 'Calls', number: true, cell: (row) => count(row.calls), sort: (row) => Number(row.calls) },
        { name: 'each', label: 'Per call', number: true, narrow: false, cell: (row) => <Sum of={row} by={Number(row.calls)} />, sort: (row) => Number(row.cost_picousd) / Math.max(1, Number(row.calls)) },
        { name: 'errors', label: 'Failed', number: true, narrow: false, title: 'attempts', cell: (row) => rate(Number(row.errors), Number(row.attempts)), sort: (row) => Number(row.errors) / Math.max(1, Number(row.attempts)) },
        { name: 'wasted', label: 'Wasted', number: true, narrow: false, cell: (row) => money(row.wasted_cost_picousd), sort: (row) => Number(row.wasted_cost_picousd) },
        { name: 'p95', label: 'p95', number: true, narrow: false, title: '95 of 100 attempts take at most', cell: (row) => latency(row.p95_ms), sort: (row) => row.p95_ms },
    ];
}

const each = (r: Report) => usd(r.totals.cost_picousd) / Math.max(1, r.groups);
const top = (r: Report) => r.rows.slice(0, 10).reduce((all, row) => all + usd(row.cost_picousd), 0);

function Tiles({ view, sums, was: before }: { view: View; sums: Loaded<Report>; was: Loaded<Report> }) {
    const was = view.askBefore ? before.data : undefined;
    return (
        <TilesOf from={sums} count={4}>
            {(now) => (
                <>
                    <Tile name="Users" value={count(now.groups)} note={was ? <Change now={now.groups} before={was.groups} /> : `${count(now.totals.calls)} calls`} />
                    <Tile name="Cost" value={money(now.totals.cost_picousd)} note={was ? <Change now={usd(now.totals.cost_picousd)} before={usd(was.totals.cost_picousd)} better="down" /> : `${money(now.totals.wasted_cost_picousd)} wasted`} />
                    <Tile name="Cost per user" value={money(Math.round(each(now) * 1e12))} note={was ? <Change now={each(now)} before={each(was)} better="down" /> : `in the ${view.range.label}`} />
                    <Tile name="The dearest ten" value={rate(top(now), usd(now.totals.cost_picousd))} note={`of the cost, ${money(Math.round(top(now) * 1e12))}`} />
                </>
            )}
        </TilesOf>
    );
}

function FindUser({ view }: { view: View }) {
    const asked = view.query.get('q') ?? '', [text, setText] = useState(asked);
    useEffect(() => setText((now) => (now.trim() === asked ? now : asked)), [asked]);
    useEffect(() => {
        if (text.trim() === asked) return;
        const timer = setTimeout(() => setQuery({ q: text.trim() }, { replace: true }), 250);
        return () => clearTimeout(timer);
    }, [text]);
    const find = (event: Event) => {
        event.preventDefault();
        if (text.trim()) go(href(['users', 'user', text.trim()], {}, view.query));
    };
    return (
        <form class="seek" role="search" aria-label="A user" onSubmit={find}>
            <input class="field" value={text} placeholder="How a user’s name begins" aria-label="How a user’s name begins" autocomplete="off" spellcheck={false} maxLength={256} onInput={(event) => setText(event.currentTarget.value)} />
            <button class="button" type="submit" disabled={!text.trim()} title="The page of the user of exactly this name">Go to</button>
        </form>
    );
}

interface Begun {
    rows: (ReportRow & { name: string })[];
    totals: Sums;
    more: boolean;
}

/** Those whose names begin as somebody has typed. */
function BegunWith({ q, view, all }: { q: string; view: View; all: number }) {
    const found = useApi<Begun>('/users', { prefix: q, ...view.ask, limit: 100 }, { long: true });
    const empty = <Empty title="No such user">Nobody whose name begins with {q} has made calls in this time range with these filters. Large and small letters differ.</Empty>;
    return (
        <Load from={found} height={480}>
            {({ rows, totals, more }) => (
                <>
                    <Table label="Users" columns={columns(all, null)} rows={rows.map((row) => ({ ...row, user: row.name }))} rowKey={nameOf} sortBy="-cost" empty={empty} whole href={(row) => href(['users', 'user', nameOf(row)], {}, view.query)} />
                    {rows.length > 0 && <div class="list-end"><span class="muted small">{more ? `The first ${count(rows.length)} by name that begin so; there are more: type on` : `All ${count(rows.length)} that begin so`}. Together {money(totals.cost_picousd)}.</span></div>}
                </>
            )}
        </Load>
    );
}

/** What those cost together that are not in the list. */
function restOf({ rows, totals }: Report): string {
    const shown = rows.reduce<Pico>((sum, row) => addPico(sum, row.cost_picousd), 0);
    return money(toBig(totals.cost_picousd) - toBig(shown));
}

export function UserList({ view }: { view: View }) {
    const [limit, setLimit] = useState(100);
    const users = useApi<Report>('/report', { by: 'user', ...view.ask, limit }, { long: true });
    const was = useApi<Report>(view.askBefore && '/report', { by: 'user', ...view.askBefore, limit: 1000 }, { long: true });
    const before = view.askBefore && was.data ? new Map(was.data.rows.map((row) => [nameOf(row), usd(row.cost_picousd)])) : null;
    const q = view.query.get('q') ?? '';
    const empty = <Empty title="No users">No calls in this time range with these filters. A client names its user with the header <code>x-purser-user</code>, or with <code>user</code> in the body.</Empty>;
    return (
        <Page title="Users & keys" view={view} actions={<UserTabs view={view} current="users" />}>
            <Tiles view={view} sums={users} was={was} />
            <Card title={q ? 'Users by name' : 'Users, the dearest first'} flush actions={<><FindUser view={view} />{!q && <CsvLink url={allRows(users.url)} />}</>}>
                {q ? <BegunWith q={q} view={view} all={usd(users.data?.totals.cost_picousd ?? 0)} /> : <Load from={users} height={480}>
                    {({ rows, totals, groups }) => (
                        <>
                            <Table label="Users" columns={columns(usd(totals.cost_picousd), before)} rows={rows} rowKey={nameOf} sortBy="-cost" empty={empty} whole
                                href={(row) => (nameOf(row) ? href(['users', 'user', nameOf(row)], {}, view.query) : href(['calls'], { where: writeWhere(setFilter(view.filters, { name: 'user', value: '' })) }, view.query))} />
                            <Top rows={rows.length} of={groups} what="users" rest={restOf(users.data!)} limit={limit} setLimit={setLimit} />
                        </>
                    )}
                </Load>}
            </Card>
        </Page>
    );
}
