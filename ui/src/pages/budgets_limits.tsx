import { scopeText, type LimitBody, type Setting } from '../lib/budgets';
import { count } from '../lib/figures';
import { Empty } from '../parts/state';
import { Table, type Column } from '../parts/table';
import { Origin } from './budgets_list';

type Limit = Setting<LimitBody>;

export function LimitsTable({ rows, canEdit, onEdit, onRemove }: { rows: Limit[]; canEdit: boolean; onEdit: (of: Limit) => void; onRemove: (of: Limit) => void }) {
    const number = (name: 'requests_per_minute' | 'tokens_per_minute' | 'concurrency', label: string): Column<Limit> => ({
        name, label, number: true, cell: (l) => (l.setting[name] === undefined ? '–' : count(l.setting[name])), sort: (l) => l.setting[name],
    });
    const columns: Column<Limit>[] = [
        { name: 'name', label: 'Limit', cell: (l) => <span class="name" title={l.name}>{l.name}</span>, sort: (l) => l.name },
        { name: 'scope', label: 'Whose calls', cell: (l) => scopeText(l.setting.scope), sort: (l) => scopeText(l.setting.scope) },
        number('requests_per_minute', 'Calls a minute'), number('tokens_per_minute', 'Tokens a minute'), number('concurrency', 'Calls at a time'),
        { name: 'origin', label: 'Set', cell: (l) => <Origin of={l as Setting} />, sort: (l) => l.where ?? l.changed },
        ...(canEdit ? [{
            name: 'tools', label: '', cell: (l: Limit) => l.origin === 'runtime' && (
                <span class="in-row">
                    <button class="button small" type="button" aria-label={`Change the limit ${l.name}`} onClick={() => onEdit(l)}>Change</button>
                    <button class="button plain small" type="button" aria-label={`Remove the limit ${l.name}`} onClick={() => onRemove(l)}>Remove</button>
                </span>
            ),
        }] : []),
    ];
    return <Table label="Limits" columns={columns} rows={rows} rowKey={(l) => l.name} sortBy="name" empty={<Empty title="No limit is set">A limit holds calls or tokens a minute, or calls at a time, of a key, team, user, feature or model.</Empty>} />;
}
