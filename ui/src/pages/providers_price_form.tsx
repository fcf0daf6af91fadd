// An own price, in dollars for a million, made or changed while purser runs.
import { useState } from 'preact/hooks';
import { pathPart } from '../lib/address';
import { Problem, send } from '../lib/api';
import { saidOf, wrongField, type Setting } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { UNITS, type PriceBody } from '../lib/prices';
import { Dialog } from '../parts/dialog';
import { Choice, Field } from '../parts/form';

const FIRST = ['input', 'cache_read', 'output'], MORE = ['cache_write_5m', 'cache_write_1h', 'reasoning', 'audio_in', 'audio_out', 'image', 'tool_calls', 'searches', 'seconds', 'requests'];
const TIERS = [['standard', 'standard'], ['batch', 'batch'], ['flex', 'flex'], ['priority', 'priority']] as const;
const FIELDS = ['model', ...FIRST, ...MORE, 'tier', 'from', 'until', 'context_from'];

/** A price is named by what it is for. */
function nameOf(body: PriceBody): string {
    return [body.model, body.tier && body.tier !== 'standard' ? `tier=${body.tier}` : '', body.context_from ? `context_from=${body.context_from}` : '', body.from ? `from=${body.from}` : ''].filter(Boolean).join(',');
}

export function PriceForm({ of, start, onClose }: { of?: Setting<PriceBody>; start?: Partial<Record<string, string>>; onClose: () => void }) {
    const [d, setD] = useState<Record<string, string>>(() => Object.fromEntries([...FIELDS, 'why'].map((name) => [name, String(of?.setting[name] ?? start?.[name] ?? (name === 'tier' ? 'standard' : ''))])));
    const [free, setFree] = useState(of?.setting.free === true), [wrong, setWrong] = useState(''), [busy, setBusy] = useState(false);
    const set = (name: string) => (event: { currentTarget: { value: string } }) => setD({ ...d, [name]: event.currentTarget.value });
    const field = wrong ? wrongField(wrong, FIELDS) : null, against = (name: string) => field === name && saidOf(wrong);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        const body: PriceBody = { model: d.model!.trim() };
        for (const unit of free ? [] : [...FIRST, ...MORE]) if (d[unit]!.trim()) body[unit] = d[unit]!.trim().replace(/^\$/, '');
        if (free) body.free = true;
        if (d.tier !== 'standard') body.tier = d.tier;
        for (const name of ['from', 'until'] as const) if (d[name]!.trim()) body[name] = d[name]!.trim();
        if (d.context_from!.trim()) body.context_from = Number(d.context_from);
        try {
            await send('PUT', `/prices/${pathPart(of?.name ?? nameOf(body))}`, body, of?.etag, { why: d.why!.trim() });
            refresh();
            onClose();
        } catch (error) {
            setWrong(error instanceof Problem ? error.message : String(error));
            setBusy(false);
        }
    };
    const price = (unit: string) => <Field key={unit} label={UNITS[unit]!} wrong={against(unit)}>{(a) => <input {...a} inputMode="decimal" placeholder="–" value={d[unit]} disabled={free} onInput={set(unit)} />}</Field>;
    const title = of ? `Change the price of ${of.name}` : 'A price of your own';
    return (
        <Dialog title={title} onClose={onClose} wide>
            <form onSubmit={submit} class="form">
                <h2>{title}</h2>
                {!of && (
                    <div class="pair">
                        <Field label="Model" wrong={against('model')} help="provider/model, as calls name it.">{(a) => <input {...a} value={d.model} required autofocus placeholder="gpu/llama-3.3-70b" onInput={set('model')} />}</Field>
                        <Field label="Tier" wrong={against('tier')}>{(a) => <Choice id={a.id} label="Tier" value={d.tier as 'standard'} of={TIERS} onChange={(tier) => setD({ ...d, tier })} />}</Field>
                        <Field label="From" wrong={against('from')} help="A day, or a moment in UTC; since ever where empty.">{(a) => <input {...a} placeholder="2026-01-31" value={d.from} onInput={set('from')} />}</Field>
                    </div>
                )}
                <p class="small muted">In dollars for a million of each. What is left empty costs as the ledger's rules say: cached input as input, reasoning as output.</p>
                <div class="pair">{FIRST.map(price)}</div>
                <label class="check"><input type="checkbox" checked={free} onChange={(e) => setFree(e.currentTarget.checked)} />It costs nothing</label>
                <details open={field !== null && MORE.includes(field)}>
                    <summary>Further units, an end</summary>
                    <div class="pair">{MORE.map(price)}</div>
                    <Field label="Until" wrong={against('until')} help="The day it ends.">{(a) => <input {...a} placeholder="2026-12-31" value={d.until} onInput={set('until')} />}</Field>
                </details>
                <Field label="Why (optional)" help="Stands in the audit trail beside your name.">{(a) => <input {...a} value={d.why} maxLength={500} onInput={set('why')} />}</Field>
                {wrong && !field && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={busy}>{of ? 'Change it' : 'Set it'}</button>
                </div>
            </form>
        </Dialog>
    );
}
