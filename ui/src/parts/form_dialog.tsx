// A form in a dialog: stays open with the server's words where it refuses.
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Problem } from '../lib/api';
import { Dialog } from './dialog';
import { Field } from './form';

interface FormDialogProps {
    title: string;
    action: string; // the verb on the button
    ready: boolean; // whether all that is needed stands there
    children: ComponentChildren;
    onSubmit: () => Promise<unknown>; // what follows is up to it: it closes the dialog
    onClose: () => void;
}

export function FormDialog({ title, action, ready, children, onSubmit, onClose }: FormDialogProps) {
    const [wrong, setWrong] = useState(''), [busy, setBusy] = useState(false);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        try {
            await onSubmit();
        } catch (error) {
            setWrong(error instanceof Problem ? error.message : String(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} onClose={onClose}>
            <form onSubmit={submit}>
                <h2>{title}</h2>
                {children}
                {wrong && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={busy || !ready}>{action}</button>
                </div>
            </form>
        </Dialog>
    );
}

interface TextFieldProps {
    label: string;
    value: string;
    set: (value: string) => void;
    help?: ComponentChildren;
    wrong?: string;
    required?: boolean;
    list?: string[]; // what is offered
    autofocus?: boolean;
    maxLength?: number;
    placeholder?: string;
}

export function TextField({ label, value, set, help, wrong, list, maxLength = 256, ...more }: TextFieldProps) {
    const id = useId();
    return (
        <Field label={label} help={help} wrong={wrong}>
            {(a) => (
                <>
                    <input {...a} value={value} maxLength={maxLength} autocomplete="off" spellcheck={false} onInput={(event) => set(event.currentTarget.value)} {...more} {...((list ? { list: id } : {}) as object)} />
                    {list && <datalist id={id}>{list.map((one) => <option key={one} value={one} />)}</datalist>}
                </>
            )}
        </Field>
    );
}

const HOW_LONG: [value: string, label: string][] = [['', 'until it is revoked'], ['30d', '30 days'], ['90d', '90 days'], ['365d', 'a year'], ['date', 'until a day …']];

/** How long it holds, as the API takes it: '', '90d' or a date. */
export function HoldsFor({ value, set }: { value: string; set: (value: string) => void }) {
    const preset = HOW_LONG.some(([one]) => one === value && one !== 'date');
    const today = new Date().toISOString().slice(0, 10);
    return (
        <>
            <Field label="Holds">
                {(a) => (
                    <select {...a} value={preset ? value : 'date'} onChange={(event) => set(event.currentTarget.value === 'date' ? today : event.currentTarget.value)}>
                        {HOW_LONG.map(([one, label]) => <option key={one} value={one}>{label}</option>)}
                    </select>
                )}
            </Field>
            {!preset && <Field label="Until the beginning of (UTC)">{(a) => <input {...a} type="date" required value={value} min={today} onInput={(event) => set(event.currentTarget.value)} />}</Field>}
        </>
    );
}

export function Why({ value, set }: { value: string; set: (value: string) => void }) {
    return (
        <Field label="Why (optional)" help="Stands in the audit trail beside your name.">
            {(a) => <input {...a} value={value} maxLength={500} onInput={(event) => set(event.currentTarget.value)} />}
        </Field>
    );
}
