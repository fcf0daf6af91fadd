// What was set at run time and does not hold: the file sets it too, or it has become wrong since.
import type { Setting } from '../lib/budgets';
import { Badge, Card } from '../parts/card';
import { Table, type Column } from '../parts/table';
import { Origin } from './budgets_list';

export function NotInForce({ of, canRemove, onRemove }: { of: Setting[]; canRemove: boolean; onRemove: (of: Setting) => void }) {
    const rows = of.filter((s) => s.state !== 'holds');
    if (!rows.length) return null;
    const columns: Column<Setting>[] = [
        { name: 'name', label: 'Setting', cell: (s) => `${s.kind} ${s.name}`, sort: (s) => s.name },
        { name: 'state', label: 'State', cell: (s) => (s.state === 'shadowed' ? <Badge tone="warn">shadowed</Badge> : <Badge tone="bad">left out</Badge>), sort: (s) => s.state },
        { name: 'why', label: 'Why', wrap: true, cell: (s) => (s.state === 'shadowed' ? `The file sets it, too, and wins: ${s.why ?? ''}` : s.why ?? '') },
        { name: 'origin', label: 'Set', cell: (s) => <Origin of={s} /> },
        ...(canRemove ? [{ name: 'tools', label: '', cell: (s: Setting) => (s.kind === 'budget' || s.kind === 'limit') && <button class="button small" type="button" aria-label={`Remove the ${s.kind} ${s.name}`} onClick={() => onRemove(s)}>Remove</button> }] : []),
    ];
    return <Card title="Set here, not in force" flush note="settings made at run time"><Table label="Set here, not in force" columns={columns} rows={rows} rowKey={(s) => `${s.kind} ${s.name}`} /></Card>;
}
