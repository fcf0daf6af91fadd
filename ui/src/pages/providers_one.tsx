// One provider: what the settings say of it, what it costs from day to day, its targets.
import { href } from '../lib/address';
import { count, latency, rate } from '../lib/figures';
import { money, usd } from '../lib/money';
import { providerState, type Provider } from '../lib/providers';
import type { View } from '../lib/view';
import { writeWhere } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Badge, Card, Change, Pairs, Tile } from '../parts/card';
import { Table } from '../parts/table';
import { Empty } from '../parts/state';
import { TargetsTable } from './providers_health';
import { SpendChart } from '../parts/spend_chart';

type Lead = Provider['models'][number];

export function ProviderOne({ of: p, before, view }: { of: Provider; before?: Provider; view: View }) {
    const state = providerState(p), where = writeWhere([{ name: 'provider', value: p.name }]);
    const lead = (m: Lead) => href(['costs'], { where: writeWhere([{ name: 'provider', value: p.name }, { name: 'model', value: m.model }]) }, view.query);
    return (
        <div class="stack">
            {!p.on && <p class="notice">{p.kind === null ? 'Removed: ' : 'Off: '}{p.why_off}.</p>}
            <div class="tiles">
                <Tile name="Cost" value={<Sum of={p} />} note={before ? <Change now={usd(p.cost_picousd)} before={usd(before.cost_picousd)} better="down" /> : view.range.label} href={href(['costs'], { where }, view.query)} />
                <Tile name="Attempts" value={count(p.attempts)} note={before ? <Change now={p.attempts} before={before.attempts} /> : 'see the calls'} href={href(['calls'], { where }, view.query)} />
                <Tile name="Failed" value={p.attempts ? rate(p.errors, p.attempts) : '–'} note={before ? <>before {before.attempts ? rate(before.errors, before.attempts) : '–'}</> : `${count(p.errors)} attempts`} />
                <Tile name="Wasted" value={money(p.wasted_cost_picousd)} note={before ? <Change now={usd(p.wasted_cost_picousd)} before={usd(before.wasted_cost_picousd)} better="down" /> : 'paid for no answer'} />
                <Tile name="p95" value={latency(p.p95_ms)} note={before ? <>before {latency(before.p95_ms)}</> : `half within ${latency(p.p50_ms)}`} />
                <Tile name="First token p95" value={latency(p.first_token_p95_ms)} note={before ? <>before {latency(before.first_token_p95_ms)}</> : 'of streams'} />
            </div>
            <Card title="Cost over time"><SpendChart view={view} where={where} title={`Cost of ${p.name} over time`} /></Card>
            <div class="grid">
                <div class="w6">
                    <Card title="Settings" note={<Badge tone={state.tone}>{state.word}</Badge>}>
                        <Pairs of={[
                            ['Kind', p.kind ?? '–'], ['Address', p.base_url ?? '–'], ['Is shown', p.shown_by === 'nothing' ? 'nothing' : p.shown_by ? `a ${p.shown_by}` : '–'],
                            ['Protocols', p.protocols.join(', ') || '–'], ['Prices', p.book ? `${p.book} of the built-in book, own prices in front` : 'own prices alone'],
                            ['Estimated costs', count(p.estimated)], ['Without a price', count(p.unpriced)],
                        ]} />
                    </Card>
                </div>
                <div class="w6">
                    <Card title="Models that lead there" flush>
                        <Table label="Models that lead there" rows={p.models} rowKey={(m) => `${m.name}/${m.place}`} href={lead} sortBy="name" columns={[
                            { name: 'name', label: 'Public name', cell: (m) => <span class="name">{m.name}</span>, sort: (m) => m.name },
                            { name: 'model', label: 'Model there', cell: (m) => m.model, sort: (m) => m.model },
                            { name: 'place', label: 'Place', number: true, title: 'Among the targets of the name', cell: (m) => `${m.place} of ${m.of}`, sort: (m) => m.place },
                        ]} empty={<Empty title="No public name leads there">Calls reach it as <code>{p.name}/MODEL</code>, or by a name that the price book knows.</Empty>} />
                    </Card>
                </div>
            </div>
            <Card title="Targets" flush note="breakers as they stand, sums of the range"><TargetsTable rows={p.targets.map((t) => ({ ...t, provider: p.name }))} view={view} alone /></Card>
        </div>
    );
}
