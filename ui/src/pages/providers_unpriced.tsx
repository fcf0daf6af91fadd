// Models that were used without a known price, and what they would have cost at one.
import { useState } from 'preact/hooks';
import { setQuery } from '../lib/address';
import { count } from '../lib/figures';
import { money } from '../lib/money';
import { UNITS, type Unpriced } from '../lib/prices';
import { may, type Session } from '../lib/session';
import { agoText, momentTitle } from '../lib/time';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Badge, Card } from '../parts/card';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, type Column } from '../parts/table';
import { PriceForm } from './providers_price_form';

const usageText = (usage: Unpriced['usage']) => Object.entries(usage).map(([unit, n]) => `${count(n)} ${(UNITS[unit] ?? unit).toLowerCase()}`).join(', ');

/** At which price? Kept in the address, like any other question. */
function Candidate({ query }: { query: URLSearchParams }) {
    const field = (name: string, label: string, placeholder: string) => (
        <label class="ask small" key={name}><span class="muted">{label}</span><input class="field" style={{ width: name === 'as' ? '190px' : '84px' }} value={query.get(name) ?? ''} placeholder={placeholder} onChange={(e) => setQuery({ [name]: e.currentTarget.value.trim().replace(/^\$/, '') }, { replace: true })} /></label>
    );
    return <div class="chips">{field('as', 'What if it cost as', 'provider/model')}{field('input', 'or for a million tokens in', '0.50')}{field('output', 'and out', '1.50')}</div>;
}

export function UnpricedModels({ session, view }: { session: Session; view: View }) {
    const { query } = view, admin = may(session, 'admin');
    const [start, setStart] = useState<Record<string, string> | null>(null);
    const asked = { as: query.get('as'), input: query.get('input'), output: query.get('output') };
    const unpriced = useApi<List<Unpriced>>('/prices/unpriced', { since: view.ask.since, until: view.ask.until, ...asked });
    const columns: Column<Unpriced>[] = [
        { name: 'model', label: 'Model', cell: (u) => <span class="name">{u.provider}/{u.model}</span>, sort: (u) => `${u.provider}/${u.model}` },
        { name: 'attempts', label: 'Attempts', number: true, cell: (u) => count(u.attempts), sort: (u) => u.attempts },
        { name: 'usage', label: 'What they used', cell: (u) => <span class="name" title={usageText(u.usage)}>{usageText(u.usage)}{!u.exact && <span class="muted" title="In the same hours it had a price, too: the usage is that of both"> at most</span>}</span> },
        { name: 'posted', label: 'Posted, at the ceiling', number: true, cell: (u) => money(u.posted_picousd), sort: (u) => u.posted_picousd },
        { name: 'candidate', label: 'At that price', number: true, cell: (u) => (u.candidate_picousd === null ? <span class="muted">{asked.as || asked.input || asked.output ? 'lacks a unit' : '–'}</span> : <b>{money(u.candidate_picousd)}</b>), sort: (u) => u.candidate_picousd },
        { name: 'last', label: 'Last used', cell: (u) => <span title={momentTitle(u.last)}>{agoText(u.last)}</span>, sort: (u) => u.last },
        { name: 'now', label: 'Now', cell: (u) => (u.priced_now ? <Badge tone="good">has a price</Badge> : <Badge tone="warn">has none</Badge>), sort: (u) => Number(u.priced_now) },
        ...(admin ? [{ name: 'tools', label: '', cell: (u: Unpriced) => !u.priced_now && <button class="button small" type="button" onClick={() => setStart({ model: `${u.provider}/${u.model}`, input: asked.input ?? '', output: asked.output ?? '' })}>Set a price</button> }] : []),
    ];
    return (
        <Card title="Used without a price" flush note="held and posted at the ceiling of the settings, marked unpriced" actions={<CsvLink url={unpriced.url} />}>
            <div class="inset"><Candidate query={query} /></div>
            <Load from={unpriced} height={140}>
                {({ rows }) => <Table label="Used without a price" columns={columns} rows={rows} rowKey={(u) => `${u.provider}/${u.model}`} sortBy="-posted" empty={<Empty title="Everything has a price">In this time range no call went to a model without a known price.</Empty>} />}
            </Load>
            {start && <PriceForm start={start} onClose={() => setStart(null)} />}
        </Card>
    );
}
