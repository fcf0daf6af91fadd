import { href } from '../lib/address';
import { count } from '../lib/figures';
import { addPico, money, usd, type Pico } from '../lib/money';
import { providerState, targetState, type Provider } from '../lib/providers';
import type { Session } from '../lib/session';
import { useApi, type Loaded } from '../lib/use_api';
import { useView, type View } from '../lib/view';
import { Card, Change, Tile } from '../parts/card';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { CsvLink } from '../parts/table';
import { Tabs, tabOf } from '../parts/tabs';
import { ProviderOne } from './providers_one';
import { Prices } from './providers_prices';
import { UnpricedModels } from './providers_unpriced';
import { ProvidersTable, TargetsTable } from './providers_health';

interface List {
    rows: Provider[];
}

const costOf = (rows: Provider[]) => rows.reduce<Pico>((sum, p) => addPico(sum, p.cost_picousd), 0);

function Tiles({ rows, before, label }: { rows: Provider[]; before?: Provider[]; label: string }) {
    const targets = rows.flatMap((p) => p.targets.map(targetState));
    const resting = targets.filter((t) => t.rank <= 1).length, failing = targets.filter((t) => t.rank === 2).length;
    const on = rows.filter((p) => p.on).length, off = rows.filter((p) => providerState(p).word === 'off').length;
    const unpriced = rows.reduce((sum, p) => sum + p.unpriced, 0);
    return (
        <div class="tiles">
            <Tile name="Cost" value={money(costOf(rows))} note={before ? <Change now={usd(costOf(rows))} before={usd(costOf(before))} better="down" /> : label} />
            <Tile name="Providers on" value={count(on)} note={off ? `${off} off` : 'none is off'} />
            <Tile name="Targets that rest" value={count(resting)} tone={resting ? 'bad' : undefined} note={resting ? 'their breakers are open' : 'no breaker is open'} />
            <Tile name="Targets that fail" value={count(failing)} tone={failing ? 'warn' : undefined} note="over a tenth fails" />
            <Tile name="Unpriced attempts" value={count(unpriced)} tone={unpriced ? 'warn' : undefined} note={unpriced ? 'posted at the ceiling' : 'all are priced'} />
        </div>
    );
}

function All({ from, before, view }: { from: Loaded<List>; before?: Provider[]; view: View }) {
    return (
        <>
            {!from.problem && <Tiles rows={from.data?.rows ?? []} before={before} label={view.range.label} />}
            <Card title="Providers" flush note="whom calls go to" actions={<CsvLink url={from.url} />}>
                <Load from={from} height={220}>{({ rows }) => <ProvidersTable rows={rows} view={view} />}</Load>
            </Card>
            <Card title="Targets" flush note={view.filters.length ? 'breakers as they stand for all calls, sums of the range with the filters' : 'breakers as they stand, sums of the range'}>
                <Load from={from} height={380}>{({ rows }) => <TargetsTable rows={rows.flatMap((p) => p.targets.map((t) => ({ ...t, provider: p.name })))} view={view} />}</Load>
            </Card>
        </>
    );
}

const TABS = ['health', 'prices', 'unpriced'] as const;

export function Providers({ session }: { session: Session }) {
    const view = useView();
    const [, name] = view.path;
    const providers = useApi<List>('/providers', view.ask, { every: 10_000, long: true });
    const before = useApi<List>(view.askBefore ? '/providers' : null, view.askBefore ?? {}, { long: true }).data?.rows;
    if (name !== undefined) {
        return (
            <Page title={name} crumbs={[{ label: 'Providers & prices', href: href(['providers'], {}, view.query) }]} view={view}>
                <Load from={providers} height={600}>
                    {({ rows }) => {
                        const one = rows.find((p) => p.name === name);
                        return one ? <ProviderOne of={one} before={view.compare ? before?.find((p) => p.name === name) : undefined} view={view} /> : <Empty title="No such provider">Neither the settings nor the ledger's time range has a provider called {name}.</Empty>;
                    }}
                </Load>
            </Page>
        );
    }
    const tab = tabOf(view.query, TABS);
    return (
        <Page title="Providers & prices" view={view} filters={tab === 'health'} compare={tab === 'health'}>
            <Tabs label="Parts of the page" path={['providers']} query={view.query} now={tab} of={[{ name: 'health', label: 'Health and cost' }, { name: 'prices', label: 'Price book' }, { name: 'unpriced', label: 'Without a price' }]} />
            {tab === 'health' && <All from={providers} before={view.compare ? before : undefined} view={view} />}
            {tab === 'prices' && <Prices session={session} view={view} providers={(providers.data?.rows ?? []).map((p) => p.book ?? p.name)} />}
            {tab === 'unpriced' && <UnpricedModels session={session} view={view} />}
        </Page>
    );
}
