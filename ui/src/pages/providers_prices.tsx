// The price book: own prices in front, then the built-in ones, each with its source, its date and what came before.
import { useState } from 'preact/hooks';
import { pathPart, setQuery } from '../lib/address';
import { send } from '../lib/api';
import type { Setting } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { count } from '../lib/figures';
import { moneyExact, readUsd } from '../lib/money';
import { otherUnits, priceKey, unitPrice, type Price, type PriceBody, type PriceList } from '../lib/prices';
import { may, type Session } from '../lib/session';
import { dateText } from '../lib/time';
import type { List } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import type { View } from '../lib/view';
import { Badge, Card } from '../parts/card';
import { Confirm } from '../parts/dialog';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, type Column } from '../parts/table';
import { Origin } from './budgets_list';
import { NotInForce } from './budgets_not_in_force';
import { PriceForm } from './providers_price_form';

const OLD_DAYS = 120;
/** As it was written, with the digits of other prices. */
const dollars = (written: unknown) => {
    const exact = readUsd(String(written));
    return exact === null ? String(written) : moneyExact(exact);
};
const day = (at: string | null) => (at ? dateText(Date.parse(at)) : null);

function When({ of: p }: { of: Price }) {
    const from = day(p.from), until = day(p.until), now = Date.now();
    if (p.in_force) return <span title="It holds now">{from ? `since ${from}` : 'since ever'}{until && <span class="warn">, until {until}</span>}</span>;
    return p.from && Date.parse(p.from) > now ? <Badge tone="accent">from {from}</Badge> : <Badge title="It is over">{from ?? '…'} to {until ?? '…'}</Badge>;
}

function columnsOf(open: (p: Price) => void, alone: boolean): Column<Price>[] {
    const unit = (name: string, label: string): Column<Price> => ({
        name, label, number: true, title: 'Dollars for a million', cell: (p) => (p.free ? 'free' : unitPrice(name, p.units_picousd[name])), sort: (p) => p.units_picousd[name],
    });
    return [
        { name: 'model', label: 'Model', cell: (p) => (alone ? p.model : <button class="link" type="button" title="Its history and tiers" onClick={() => open(p)}><span class="name">{p.provider}/{p.model}</span></button>), sort: (p) => `${p.provider}/${p.model}` },
        { name: 'tier', label: 'Tier', cell: (p) => <>{p.tier}{p.context_from > 0 && <span class="muted"> from {count(p.context_from)} tokens</span>}</>, sort: (p) => p.tier },
        unit('input', 'Input'), unit('cache_read', 'Cache read'), unit('output', 'Output'),
        { name: 'when', label: 'Holds', cell: (p) => <When of={p} />, sort: (p) => p.from ?? '' },
        { name: 'origin', label: 'From', cell: (p) => (p.origin === 'book' ? <span class="muted">book</span> : <Badge tone="accent">{p.origin === 'file' ? 'settings file' : 'set here'}</Badge>), sort: (p) => p.origin },
        { name: 'source', label: 'Source', cell: (p) => <span class="name small" title={p.source}>{p.source.replace(/^\/.*\//, '')}</span>, sort: (p) => p.source },
        { name: 'checked', label: 'Checked', cell: (p) => <span class="small">{day(p.checked) ?? '–'}</span>, sort: (p) => p.checked },
        { name: 'others', label: 'Others', cell: (p) => <span class="name" title={otherUnits(p.units_picousd)}>{otherUnits(p.units_picousd)}</span> },
    ];
}

/** One model: every tier, and what held before. */
function History({ model, onClose }: { model: string; onClose: () => void }) {
    const [provider, name] = model.split(/\/(.*)/s) as [string, string];
    const prices = useApi<PriceList>('/prices', { provider, search: name, history: true, limit: 1000 });
    return (
        <Card title={model} flush note="every tier, and what held before" actions={<button class="button small" type="button" onClick={onClose}>Close</button>}>
            <Load from={prices} height={180}>
                {({ rows }) => <Table label={`Prices of ${model}`} columns={columnsOf(() => {}, true)} rows={rows.filter((p) => p.model === name)} rowKey={priceKey} sortBy="-when" empty={<Empty title="No price">The book knows no {model}. Set a price of your own for it.</Empty>} />}
            </Load>
        </Card>
    );
}

function OwnPrices({ rows, canEdit, onEdit, onRemove }: { rows: Setting<PriceBody>[]; canEdit: boolean; onEdit: (of: Setting<PriceBody>) => void; onRemove: (of: Setting<PriceBody>) => void }) {
    const unit = (name: string, label: string): Column<Setting<PriceBody>> => ({ name, label, number: true, title: 'Dollars for a million', cell: (s) => (s.setting.free ? 'free' : s.setting[name] === undefined ? '–' : dollars(s.setting[name])), sort: (s) => Number(s.setting[name] ?? -1) });
    const columns: Column<Setting<PriceBody>>[] = [
        { name: 'model', label: 'Model', cell: (s) => <span class="name" title={s.name}>{s.setting.model}</span>, sort: (s) => s.name },
        { name: 'tier', label: 'Tier', cell: (s) => s.setting.tier ?? 'standard', sort: (s) => s.setting.tier },
        unit('input', 'Input'), unit('cache_read', 'Cache read'), unit('output', 'Output'),
        { name: 'from', label: 'Holds', cell: (s) => `${s.setting.from ? `from ${s.setting.from}` : 'since ever'}${s.setting.until ? ` until ${s.setting.until}` : ''}`, sort: (s) => s.setting.from },
        { name: 'origin', label: 'Set', cell: (s) => <Origin of={s} /> },
        ...(canEdit ? [{
            name: 'tools', label: '', cell: (s: Setting<PriceBody>) => s.origin === 'runtime' && (
                <span class="in-row">
                    <button class="button small" type="button" aria-label={`Change the price of ${s.name}`} onClick={() => onEdit(s)}>Change</button>
                    <button class="button plain small" type="button" aria-label={`Remove the price of ${s.name}`} onClick={() => onRemove(s)}>Remove</button>
                </span>
            ),
        }] : []),
    ];
    return <Table label="Own prices" columns={columns} rows={rows} rowKey={(s) => s.name} sortBy="model" empty={<Empty title="No price of your own">What you pay less than the list, or what the book does not know, can be set here or in purser.yaml.</Empty>} />;
}

function Search({ query, providers }: { query: URLSearchParams; providers: string[] }) {
    const asked = query.get('provider') ?? '';
    return (
        <div class="chips">
            <input class="field find" type="search" aria-label="Find a model" placeholder="Find a model" value={query.get('q') ?? ''} onInput={(e) => setQuery({ q: e.currentTarget.value }, { replace: true })} />
            <select class="field" aria-label="Whose prices" value={asked} onChange={(e) => setQuery({ provider: e.currentTarget.value })}>
                <option value="">all sellers</option>
                {[...new Set([...providers, ...(asked ? [asked] : [])])].map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
            <label class="check bare"><input type="checkbox" checked={query.get('history') === '1'} onChange={(e) => setQuery({ history: e.currentTarget.checked ? '1' : null })} />also past and coming ones</label>
        </div>
    );
}

export function Prices({ session, view, providers }: { session: Session; view: View; providers: string[] }) {
    const { query } = view, admin = may(session, 'admin'), model = query.get('model');
    const [doing, setDoing] = useState<{ what: 'edit' | 'remove'; of?: Setting<PriceBody> } | null>(null);
    const most = Math.min(1000, Number(query.get('rows')) || 100);
    const prices = useApi<PriceList>('/prices', { search: query.get('q'), provider: query.get('provider'), history: query.get('history') === '1', limit: most });
    const settings = useApi<List<Setting<PriceBody>>>('/settings', { kind: 'price', limit: 1000 });
    const own = settings.data?.rows ?? [];
    const remove = async (why: string) => {
        await send('DELETE', `/prices/${pathPart(doing!.of!.name)}`, undefined, doing!.of!.etag, { why });
        refresh();
    };
    if (!prices.data && !prices.problem || !settings.data && !settings.problem) return <Load from={prices.data ? settings as Loaded<unknown> : prices as Loaded<unknown>} height={700}>{() => null}</Load>; // all at once: nothing jumps
    return (
        <div class="stack">
            {model && <History model={model} onClose={() => setQuery({ model: null })} />}
            <NotInForce of={own} canRemove={admin} onRemove={(of) => setDoing({ what: 'remove', of: of as Setting<PriceBody> })} />
            <Card title="Own prices" flush note="in front of the book" actions={admin && <button class="button small" type="button" onClick={() => setDoing({ what: 'edit' })}>New price</button>}>
                <Load from={settings} height={110}>{({ rows }) => <OwnPrices rows={rows.filter((s) => s.state === 'holds')} canEdit={admin} onEdit={(of) => setDoing({ what: 'edit', of })} onRemove={(of) => setDoing({ what: 'remove', of })} />}</Load>
            </Card>
            <Card title="Prices in force" flush note={prices.data?.book && <span class={prices.data.book.age_days > OLD_DAYS ? 'warn' : ''} title={prices.data.book.source}>book of {dateText(Date.parse(prices.data.book.made))}, {prices.data.book.age_days} days old; dollars for a million</span>} actions={<CsvLink url={prices.url} />}>
                <div class="inset"><Search query={query} providers={providers} /></div>
                <Load from={prices} height={520}>
                    {({ rows, next }) => (
                        <>
                            <Table label="Prices" columns={columnsOf((p) => setQuery({ model: `${p.provider}/${p.model}` }), false)} rows={rows} rowKey={priceKey} empty={<Empty title="No price fits">The book knows no such model. {admin ? 'Set a price of your own with “New price”.' : 'An admin can set a price of your own for it.'}</Empty>} />
                            {next && <p class="inset small muted">{count(rows.length)} are shown. {most < 1000 ? <button class="link" type="button" onClick={() => setQuery({ rows: String(Math.min(1000, most * 3)) }, { replace: true })}>Show more</button> : 'A search narrows them; the CSV and the API page through all.'}</p>}
                        </>
                    )}
                </Load>
            </Card>
            {doing?.what === 'edit' && <PriceForm of={doing.of} onClose={() => setDoing(null)} />}
            {doing?.what === 'remove' && <Confirm title={`Remove the price of ${doing.of!.name}?`} action="Remove it" danger reason="optional" onConfirm={remove} onClose={() => setDoing(null)}><p>From then on the book's price holds, or the model has none. What was posted stays as it was.</p></Confirm>}
        </div>
    );
}
