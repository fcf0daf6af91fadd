// Who answers calls, what each costs and how its targets do.
import { href } from '../lib/address';
import { count, latency, rate } from '../lib/figures';
import { usd } from '../lib/money';
import { providerState, targetState, type Provider, type ProviderTarget } from '../lib/providers';
import type { View } from '../lib/view';
import { writeWhere } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Badge } from '../parts/card';
import { Empty } from '../parts/state';
import { Table, type Column } from '../parts/table';

export interface Target extends ProviderTarget {
    provider: string;
}

const NO_BREAKER = 'Not asked since purser started, or with nothing to fall back on: then no breaker guards it';
const errorsOf = (x: { attempts: number; errors: number }) => (x.attempts ? rate(x.errors, x.attempts) : '–');
const errorRate = (x: { attempts: number; errors: number }) => (x.attempts ? x.errors / x.attempts : null);

/** "support-chat, digest and 3 more". */
function ledFrom(p: Provider): string {
    const names = p.models.map((m) => m.name);
    return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}

export function Share({ part, all }: { part: number; all: number }) {
    return <span class="share" aria-hidden="true"><i style={{ width: `${all > 0 ? Math.min(100, (part / all) * 100) : 0}%` }} /></span>;
}

export function ProvidersTable({ rows, view }: { rows: Provider[]; view: View }) {
    const all = rows.reduce((sum, p) => sum + usd(p.cost_picousd), 0);
    const columns: Column<Provider>[] = [
        { name: 'name', label: 'Provider', cell: (p) => <span class="name" title={p.base_url ?? ''}>{p.name}</span>, sort: (p) => p.name },
        { name: 'state', label: 'State', cell: (p) => { const s = providerState(p); return <Badge tone={s.tone} title={p.why_off ?? ''}>{s.word}</Badge>; }, sort: (p) => providerState(p).rank },
        { name: 'kind', label: 'Kind', narrow: false, cell: (p) => p.kind ?? '–', sort: (p) => p.kind },
        { name: 'cost', label: 'Cost', number: true, cell: (p) => <span class="in-row"><Share part={usd(p.cost_picousd)} all={all} /><span class="sum"><Sum of={p} /></span></span>, sort: (p) => p.cost_picousd },
        { name: 'attempts', label: 'Attempts', number: true, cell: (p) => count(p.attempts), sort: (p) => p.attempts },
        { name: 'errors', label: 'Failed', number: true, cell: errorsOf, sort: errorRate },
        { name: 'p95', label: 'p95', number: true, title: '19 of 20 answers were there within this', cell: (p) => latency(p.p95_ms), sort: (p) => p.p95_ms },
        { name: 'first', label: 'First token p95', number: true, title: '19 of 20 streams had begun within this', cell: (p) => latency(p.first_token_p95_ms), sort: (p) => p.first_token_p95_ms },
        { name: 'models', label: 'Models that lead there', cell: (p) => <span class="name" title={p.models.map((m) => m.name).join(', ')}>{ledFrom(p) || <span class="muted">none; by provider/model alone</span>}</span> },
    ];
    return (
        <Table label="Providers" columns={columns} rows={rows} rowKey={(p) => p.name} sortBy="-cost" href={(p) => href(['providers', p.name], {}, view.query)}
            empty={<Empty title="No provider is set up">Set OPENAI_API_KEY or another provider's variable and run <code>purser init</code>, or add one under <code>providers</code> in purser.yaml.</Empty>} />
    );
}

/** "38 s more", or what its breaker opened for. */
function Trouble({ of: t }: { of: ProviderTarget }) {
    if (t.state !== 'open' && t.state !== 'half_open') return null;
    return <span class="small muted">{t.rests_s ? `${Math.ceil(t.rests_s)} s more, ` : ''}{t.opened_by}</span>;
}

export function TargetsTable({ rows, view, alone }: { rows: Target[]; view: View; alone?: boolean }) {
    const columns: Column<Target>[] = [
        { name: 'target', label: alone ? 'Model there' : 'Target', cell: (t) => <span class="name" title={`${t.provider}/${t.model}`}>{alone ? t.model : `${t.provider}/${t.model}`}</span>, sort: (t) => `${t.provider}/${t.model}` },
        { name: 'state', label: 'Breaker', cell: (t) => { const s = targetState(t); return <span class="in-row"><Badge tone={s.tone} title={t.state === null ? NO_BREAKER : ''}>{s.word}</Badge><Trouble of={t} /></span>; }, sort: (t) => targetState(t).rank },
        { name: 'flight', label: 'In flight', number: true, title: 'Of how many at a time, which follows what it can take', cell: (t) => (t.state === null ? '–' : `${t.in_flight} of ${count(t.limit)}${t.waiting ? `, ${t.waiting} wait` : ''}`), sort: (t) => t.in_flight },
        { name: 'cost', label: 'Cost', number: true, cell: (t) => <Sum of={t} />, sort: (t) => t.cost_picousd },
        { name: 'attempts', label: 'Attempts', number: true, cell: (t) => count(t.attempts), sort: (t) => t.attempts },
        { name: 'errors', label: 'Failed', number: true, cell: errorsOf, sort: errorRate },
        { name: 'p50', label: 'p50', number: true, cell: (t) => latency(t.p50_ms), sort: (t) => t.p50_ms },
        { name: 'p95', label: 'p95', number: true, cell: (t) => latency(t.p95_ms), sort: (t) => t.p95_ms },
        { name: 'first', label: 'First token p95', number: true, cell: (t) => latency(t.first_token_p95_ms), sort: (t) => t.first_token_p95_ms },
    ];
    const calls = (t: Target) => href(['calls'], { where: writeWhere([{ name: 'provider', value: t.provider }, { name: 'model', value: t.model }]) }, view.query);
    return (
        <Table label="Targets" columns={columns} rows={rows} rowKey={(t) => `${t.provider}/${t.model}`} sortBy="state" href={calls}
            empty={<Empty title="No target was asked">In this time range no call has gone to a provider. Send one, and its target shows here.</Empty>} />
    );
}
