import { useEffect, useState } from 'preact/hooks';
import { href, setQuery } from '../lib/address';
import { isIdPrefix, type Call } from '../lib/calls';
import { count, latency, rate } from '../lib/figures';
import { money, readUsd, usd } from '../lib/money';
import type { Report, Sums } from '../lib/types';
import { useApi } from '../lib/use_api';
import { useList } from '../lib/use_list';
import type { View } from '../lib/view';
import { sumsBy } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { CallTable } from '../parts/call_table';
import { Card, Change, Tile } from '../parts/card';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { CsvLink, allRows } from '../parts/table';
import { More } from '../parts/more';
import { Views } from '../parts/views';
import { TilesOf } from '../parts/tiles';
import { CallsChart } from './calls_chart';

export function CallTabs({ view }: { view: View }) {
    const live = view.query.get('live') === '1';
    return (
        <Views label="Calls" views={[
            { label: 'Past', href: href(['calls'], {}, view.query), current: !live },
            { label: 'Live', href: href(['calls'], { live: '1' }, view.query), current: live },
        ]} />
    );
}

const each = (s: Sums) => usd(s.cost_picousd) / Math.max(1, s.calls);

function SumTiles({ view }: { view: View }) {
    const by = sumsBy(view.filters);
    const sums = useApi<Report>('/report', { by, ...view.ask, limit: 1 }, { long: true });
    const before = useApi<Report>(view.askBefore && '/report', { by, ...view.askBefore, limit: 1 }, { long: true });
    const was = view.askBefore ? before.data?.totals : undefined;
    return (
        <TilesOf from={sums} count={5}>
            {({ totals: now }) => (
                <>
                    <Tile name="Calls" value={count(now.calls)} note={was ? <Change now={now.calls} before={was.calls} /> : `${count(now.attempts)} attempts`} />
                    <Tile name="Cost" value={<Sum of={now} />} note={was ? <Change now={usd(now.cost_picousd)} before={usd(was.cost_picousd)} better="down" /> : `${money(now.wasted_cost_picousd)} wasted`} />
                    <Tile name="Cost per call" value={now.calls ? money(Math.round(each(now) * 1e12)) : '–'} note={was ? <Change now={each(now)} before={each(was)} better="down" /> : 'retries counted'} />
                    <Tile name="Failed attempts" value={rate(now.errors, now.attempts)} tone={now.error_rate > 0.1 ? 'bad' : undefined} note={was ? <Change now={now.error_rate} before={was.error_rate} better="down" /> : `${count(now.errors)} of ${count(now.attempts)}`} />
                    <Tile name="95 of 100 take at most" value={latency(now.p95_ms)} note={was ? <Change now={now.p95_ms ?? 0} before={was.p95_ms} better="down" /> : `half of them ${latency(now.p50_ms)}`} />
                </>
            )}
        </TilesOf>
    );
}

interface Found {
    rows: Call[];
    next?: string | null;
    stopped?: boolean;
}

/** Typed here, in the address once the field is left or Enter is pressed. */
function SearchField({ name, label, value, wrong, width, ...more }: { name: string; label: string; value: string; wrong: (text: string) => string; width: number; placeholder: string }) {
    const [text, setText] = useState(value), said = text ? wrong(text.trim()) : '';
    useEffect(() => setText(value), [value]);
    const take = () => !said && text.trim() !== value && setQuery({ [name]: text.trim() || null });
    return (
        <label class="search-field" style={{ width: `${width}px` }} title={said}>
            <span>{label}</span>
            <input class="field" value={text} {...more} aria-invalid={!!said} autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} onBlur={take} onKeyDown={(event) => event.key === 'Enter' && take()} />
        </label>
    );
}

const isNumber = (text: string) => /^\d{1,9}(\.\d{1,3})?$/.test(text);

/** Calls of which an attempt fits. */
const SHOWN: Record<string, { label: string; where: string }> = {
    '': { label: 'All', where: '' }, failed: { label: 'Failures', where: 'status!=ok' }, more: { label: 'Retries', where: 'reason!=first' }, wasted: { label: 'Waste', where: 'wasted=1' },
};
const FIELDS = ['id', 'cost', 'took', 'shown'];

function SearchFields({ view }: { view: View }) {
    const { query } = view;
    return (
        <div class="search-fields" role="search" aria-label="Calls">
            <div class="segments" role="group" aria-label="Calls that have">
                {Object.entries(SHOWN).map(([name, { label }]) => <button key={name} type="button" aria-pressed={(query.get('shown') ?? '') === name} onClick={() => setQuery({ shown: name || null })}>{label}</button>)}
            </div>
            <SearchField name="id" label="Id begins with" value={query.get('id') ?? ''} width={170} placeholder="019f3c…" wrong={(text) => (isIdPrefix(text) ? '' : 'Ids are 16 hexadecimal digits, as in x-purser-request-id.')} />
            <SearchField name="cost" label="Cost at least ($)" value={query.get('cost') ?? ''} width={130} placeholder="0.05" wrong={(text) => (readUsd(text) !== null ? '' : 'An amount in dollars, such as 0.05.')} />
            <SearchField name="took" label="Took at least (s)" value={query.get('took') ?? ''} width={130} placeholder="10" wrong={(text) => (isNumber(text) ? '' : 'Seconds, such as 2.5.')} />
            {FIELDS.some((name) => query.get(name)) && <button class="button plain" type="button" onClick={() => setQuery(Object.fromEntries(FIELDS.map((name) => [name, null])))}>Clear</button>}
        </div>
    );
}

function NothingFound({ view }: { view: View }) {
    const narrowed = view.filters.length > 0 || FIELDS.some((name) => view.query.get(name));
    if (narrowed) return <Empty title="No such calls">None in this time range fits all that is asked for. Take away a filter, or choose a longer time range.</Empty>;
    return <Empty title="No calls yet">None in this time range. Point a client at purser's address with a key of <a href={href(['users', 'keys'])}>Users & keys</a>, or choose a longer time range.</Empty>;
}

export function CallList({ view }: { view: View }) {
    const { query } = view, took = query.get('took') ?? '', shown = query.get('shown') ?? '';
    const list = useList<Call, Found>('/calls', {
        ...view.ask, where: [view.ask.where, SHOWN[shown]?.where].filter(Boolean).join(','), limit: 50, id: query.get('id'),
        min_cost_picousd: readUsd(query.get('cost') ?? '')?.toString(), min_total_us: isNumber(took) ? Math.round(Number(took) * 1e6) : null,
    }, { long: true });
    return (
        <Page title="Calls" view={view} actions={<CallTabs view={view} />}>
            <SumTiles view={view} />
            <CallsChart view={view} />
            <Card title="Calls, the newest first" flush actions={<CsvLink url={allRows(list.first.url)} />}>
                <SearchFields view={view} />
                <Load from={list.first} height={480}>
                    {() => (
                        <>
                            <CallTable label="Calls" rows={list.rows} query={view.query} empty={<NothingFound view={view} />} />
                            <More list={list} what="calls" />
                        </>
                    )}
                </Load>
            </Card>
        </Page>
    );
}
