// What the page is narrowed to: a chip each, and a form for one more. Values are offered from the ledger.
import { useState } from 'preact/hooks';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { DIMENSIONS, addFilter, dropFilter, shownName } from '../lib/where';
import { Icon } from './icon';

interface Named {
    rows: Record<string, string>[];
}
/** These are asked of rollups; the others would read rows for a list of offers. */
const OFFERED = ['team', 'feature', 'prompt', 'key', 'model', 'provider', 'reason', 'status'];

function AddFilter({ view, onClose }: { view: View; onClose: () => void }) {
    const names = Object.keys(DIMENSIONS);
    const [name, setName] = useState(names[0]!), [value, setValue] = useState('');
    const offered = OFFERED.includes(name);
    const known = useApi<Named>(offered ? '/report' : null, { by: name, since: view.ask.since, until: view.ask.until, limit: 50 });
    const values = offered ? (known.data?.rows ?? []).map((row) => row[name]).filter(Boolean) as string[] : [];
    const submit = (event: Event) => {
        event.preventDefault();
        view.setFilters(addFilter(view.filters, { name, value }));
        onClose();
    };
    return (
        <form class="panel" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onClose()}>
            <label class="row">
                <span>Only where</span>
                <select class="field" value={name} onChange={(event) => { setName(event.currentTarget.value); setValue(''); }}>
                    {names.map((one) => <option key={one} value={one}>{DIMENSIONS[one]}</option>)}
                </select>
            </label>
            <label class="row">
                <span>is</span>
                <input class="field" list="filter-values" value={value} onInput={(event) => setValue(event.currentTarget.value)} placeholder="(none)" autofocus autocomplete="off" />
                <datalist id="filter-values">{values.map((one) => <option key={one} value={one} />)}</datalist>
                <small>Empty: those without one. Several of one kind: any of them.</small>
            </label>
            <div class="chips">
                <button class="button main" type="submit">Add</button>
                <button class="button" type="button" onClick={onClose}>Cancel</button>
            </div>
        </form>
    );
}

export function Filters({ view }: { view: View }) {
    const [open, setOpen] = useState(false);
    return (
        <div class="chips" role="group" aria-label="Filters">
            {view.filters.map((filter) => (
                <span class="chip" key={`${filter.name}=${filter.value}`}>
                    {DIMENSIONS[filter.name] ?? filter.name}: <b title={filter.value}>{shownName(filter.value)}</b>
                    <button type="button" aria-label={`Remove the filter ${filter.name}: ${filter.value}`} onClick={() => view.setFilters(dropFilter(view.filters, filter))}>×</button>
                </span>
            ))}
            <div class="popover">
                <button class="button" type="button" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="filter" size={14} />Filter</button>
                {open && <AddFilter view={view} onClose={() => setOpen(false)} />}
            </div>
        </div>
    );
}
