// A limit on rate or concurrency, made or changed while purser runs.
import { useState } from 'preact/hooks';
import { pathPart } from '../lib/address';
import { Problem, send } from '../lib/api';
import { saidOf, wrongField, type LimitBody, type Setting } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/form';
import { ScopeField, scopeOf, scopeParts } from '../parts/scope_field';

const NUMBERS = ['requests_per_minute', 'tokens_per_minute', 'concurrency'] as const;
const LABELS = { requests_per_minute: 'Calls a minute', tokens_per_minute: 'Tokens a minute', concurrency: 'Calls at a time' };

/** `first`: what a new one begins with. */
export function LimitForm({ of, first, taken, onClose }: { of?: Setting<LimitBody>; first?: { name: string; scope: Record<string, string> }; taken: string[]; onClose: () => void }) {
    const [name, setName] = useState(of?.name ?? first?.name ?? ''), [parts, setParts] = useState(scopeParts(of?.setting.scope ?? first?.scope)), [why, setWhy] = useState('');
    const [numbers, setNumbers] = useState<Record<string, string>>(() => Object.fromEntries(NUMBERS.map((one) => [one, of?.setting[one] === undefined ? '' : String(of.setting[one])])));
    const [wrong, setWrong] = useState(''), [busy, setBusy] = useState(false);
    const field = wrong ? wrongField(wrong, [...NUMBERS, 'scope', 'name']) : null;
    const twice = !of && taken.includes(name.trim()) && 'There is a limit of this name already.';
    const title = of ? `Change the limit ${of.name}` : 'A new limit';
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        const body: Record<string, unknown> = { scope: scopeOf(parts) };
        for (const one of NUMBERS) {
            const text = numbers[one]!.trim().replace(/,/g, '');
            if (text) body[one] = /^\d{1,15}$/.test(text) ? Number(text) : text;
        }
        try {
            await send('PUT', `/limits/${pathPart(name.trim())}`, body, of?.etag, { why: why.trim() });
            refresh();
            onClose();
        } catch (error) {
            setWrong(error instanceof Problem ? error.message : String(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} onClose={onClose} wide>
            <form onSubmit={submit} class="form">
                <h2>{title}</h2>
                {!of && <Field label="Name" wrong={twice || (field === 'name' && saidOf(wrong))}>{(a) => <input {...a} value={name} maxLength={64} required autofocus onInput={(e) => setName(e.currentTarget.value)} />}</Field>}
                <ScopeField parts={parts} onChange={setParts} wrong={field === 'scope' && saidOf(wrong)} />
                <div class="pair">
                    {NUMBERS.map((one) => <Field key={one} label={LABELS[one]} wrong={field === one && saidOf(wrong)} help="No limit where empty.">{(a) => <input {...a} inputMode="numeric" value={numbers[one]} onInput={(e) => setNumbers({ ...numbers, [one]: e.currentTarget.value })} />}</Field>)}
                </div>
                <Field label="Why (optional)" help="Stands in the audit trail beside your name.">{(a) => <input {...a} value={why} maxLength={500} onInput={(e) => setWhy(e.currentTarget.value)} />}</Field>
                {wrong && !field && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={busy || !!twice}>{of ? 'Change it' : 'Make it'}</button>
                </div>
            </form>
        </Dialog>
    );
}
