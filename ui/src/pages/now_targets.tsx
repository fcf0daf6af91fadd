// Where calls go: the breaker of each target, and what its last hour was like.
import { count, latency, rate } from '../lib/figures';
import type { Target } from '../lib/now';
import { targetState } from '../lib/providers';
import { Sum } from '../parts/call_cells';
import { Badge } from '../parts/card';
import { Empty } from '../parts/state';
import { Table, type Column } from '../parts/table';

const NO_LIMIT = 4096; // where a limit that follows the target begins: src/policy

function State({ of: t }: { of: Target }) {
    const { tone, word } = targetState(t);
    const title = t.state === null ? 'There is no other target to go to, so nothing stops calls to this one' : t.opened_by ?? '';
    return (
        <span class="in-row">
            <Badge tone={tone} title={title}>{word}</Badge>
            {(t.state === 'open' || t.state === 'half_open') && <span class="small muted" title={t.opened_by ?? ''}>{t.rests_s > 0 ? `${Math.ceil(t.rests_s)} s more` : t.opened_by}</span>}
        </span>
    );
}

function flight(t: Target): string {
    if (t.in_flight === null) return '–';
    return `${t.in_flight}${t.limit !== null && t.limit < NO_LIMIT ? ` of ${t.limit}` : ''}${t.waiting ? `, ${t.waiting} wait` : ''}`;
}

const columns: Column<Target>[] = [
    { name: 'target', label: 'Target', cell: (t) => <span class="name" title={t.target}>{t.target}</span>, sort: (t) => t.target },
    { name: 'state', label: 'State', cell: (t) => <State of={t} />, sort: (t) => targetState(t).rank },
    { name: 'flight', label: 'In flight', number: true, title: 'of so many at once, which follows what the target can take', cell: flight, sort: (t) => t.in_flight },
    { name: 'errors', label: 'Errors', number: true, title: 'of so many attempts', cell: (t) => <>{rate(t.errors, t.attempts)} <span class="muted">of {count(t.attempts)}</span></>, sort: (t) => t.error_rate },
    { name: 'ttft', label: 'First token', number: true, title: 'the median time to the first token', cell: (t) => latency(t.first_token_p50_ms), sort: (t) => t.first_token_p50_ms },
    { name: 'p95', label: 'p95', number: true, title: '95 % of the attempts took no longer', cell: (t) => latency(t.p95_ms), sort: (t) => t.p95_ms },
    { name: 'cost', label: 'Cost', number: true, cell: (t) => <Sum of={t} />, sort: (t) => t.cost_picousd },
];

const GUARDS = ['state', 'flight'];

export function Targets({ targets }: { targets: Target[] }) {
    const guarded = targets.some((t) => t.state !== null); // owners are not told
    return (
        <Table label="Health of the targets" columns={guarded ? columns : columns.filter((column) => !GUARDS.includes(column.name))} rows={targets} rowKey={(t) => t.target} sortBy={guarded ? 'state' : '-cost'}
            empty={<Empty title="No target was asked in the last hour">Send a call, and its target shows here.</Empty>} />
    );
}
