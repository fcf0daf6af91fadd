import { href } from '../lib/address';
import type { Call } from '../lib/calls';
import { count, rate } from '../lib/figures';
import { money, usd } from '../lib/money';
import type { Report, Sums } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { readWhere, setFilter, sumsBy, writeWhere } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { CallTable } from '../parts/call_table';
import { Card, Change, Tile } from '../parts/card';
import { Copy } from '../parts/copy';
import { Page } from '../parts/page';
import { Load } from '../parts/state';
import { TilesOf } from '../parts/tiles';
import { SpendChart } from '../parts/spend_chart';
import { Split } from '../parts/split';

const each = (s: Sums) => usd(s.cost_picousd) / Math.max(1, s.calls);

/** A user's or a key's part of all that is spent with the page's filters. */
export function PartTiles({ view, where }: { view: View; where: string }) {
    const ask = { by: sumsBy(readWhere(where)), limit: 1 };
    const mine = useApi<Report>('/report', { ...ask, ...view.ask, where }, { long: true }), all = useApi<Report>('/report', { ...view.ask, by: sumsBy(view.filters), limit: 1 }, { long: true });
    const before = useApi<Report>(view.askBefore && '/report', { ...ask, ...view.askBefore, where }, { long: true });
    const was = view.askBefore ? before.data?.totals : undefined;
    return (
        <TilesOf from={mine} count={5}>
            {({ totals: now }) => (
                <>
                    <Tile name="Cost" value={<Sum of={now} />} note={was ? <Change now={usd(now.cost_picousd)} before={usd(was.cost_picousd)} better="down" /> : all.data && `${rate(usd(now.cost_picousd), usd(all.data.totals.cost_picousd))} of all`} />
                    <Tile name="Calls" value={count(now.calls)} note={was ? <Change now={now.calls} before={was.calls} /> : `${count(now.attempts)} attempts`} />
                    <Tile name="Cost per call" value={now.calls ? <Sum of={now} by={now.calls} /> : '–'} note={was ? <Change now={each(now)} before={each(was)} better="down" /> : all.data && `${money(Math.round(each(all.data.totals) * 1e12))} of all`} />
                    <Tile name="Failed attempts" value={rate(now.errors, now.attempts)} note={was ? <Change now={now.error_rate} before={was.error_rate} better="down" /> : `${count(now.errors)} of ${count(now.attempts)}`} />
                    <Tile name="Wasted" value={money(now.wasted_cost_picousd)} note={`${rate(usd(now.wasted_cost_picousd), usd(now.cost_picousd))} of the cost`} />
                </>
            )}
        </TilesOf>
    );
}

export function Latest({ view, where }: { view: View; where: string }) {
    const calls = useApi<{ rows: Call[] }>('/calls', { ...view.ask, where, limit: 10 }, { long: true });
    const all = href(['calls'], { where }, view.query);
    return (
        <Card title="Latest calls" flush actions={<a class="button" href={all}>All calls</a>}>
            <Load from={calls} height={240}>{(list) => <CallTable label="Latest calls" rows={list.rows} query={view.query} />}</Load>
        </Card>
    );
}

export function UserPage({ name, view }: { name: string; view: View }) {
    const where = writeWhere(setFilter(view.filters, { name: 'user', value: name }));
    const costs = href(['costs'], { where }, view.query);
    return (
        <Page title={name} crumbs={[{ label: 'Users', href: href(['users'], {}, view.query) }]} view={view} actions={<><Copy text={name} what="the user's name" /><a class="button" href={costs}>In Costs</a></>}>
            <PartTiles view={view} where={where} />
            <Card title="Spend over time"><SpendChart title={`Spend of ${name}`} view={view} where={writeWhere([{ name: 'user', value: name }])} /></Card>
            <div class="grid">
                <div class="w6"><Split by="feature" title="By feature" view={view} where={where} /></div>
                <div class="w6"><Split by="model" title="By model" view={view} where={where} reads /></div>
            </div>
            <Latest view={view} where={where} />
        </Page>
    );
}
