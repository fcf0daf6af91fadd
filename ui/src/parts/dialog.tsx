// Dialogs on the browser's own <dialog>: it keeps the focus inside, closes on Escape, and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../lib/api';

export function Dialog({ title, onClose, wide, class: more = '', children }: { title: string; onClose: () => void; wide?: boolean; class?: string; children: ComponentChildren }) {
    const at = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const dialog = at.current!;
        if (!dialog.open) dialog.showModal();
        return () => dialog.close();
    }, []);
    return (
        <dialog ref={at} class={`${wide ? 'wide' : ''} ${more}`} aria-label={title} onClose={onClose} onClick={(event) => event.target === at.current && onClose()}>
            {children}
        </dialog>
    );
}

interface ConfirmProps {
    title: string;
    action: string; // the verb on the button
    danger?: boolean;
    reason?: 'required' | 'optional';
    children?: ComponentChildren;
    onConfirm: (reason: string) => Promise<unknown>;
    onClose: () => void;
}

/** Asks before a change, with the reason that the audit keeps. Stays open with the server's words where it refuses. */
export function Confirm({ title, action, danger, reason, children, onConfirm, onClose }: ConfirmProps) {
    const [text, setText] = useState('');
    const [wrong, setWrong] = useState('');
    const [busy, setBusy] = useState(false);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        try {
            await onConfirm(text.trim());
            onClose();
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
                {reason && (
                    <label class="row">
                        <span>Why{reason === 'optional' ? ' (optional)' : ''}</span>
                        <textarea class="field" rows={2} maxLength={500} required={reason === 'required'} value={text} onInput={(event) => setText(event.currentTarget.value)} autofocus />
                        <small>Stands in the audit trail beside your name.</small>
                    </label>
                )}
                {wrong && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class={`button ${danger ? 'danger' : 'main'}`} type="submit" disabled={busy || (reason === 'required' && !text.trim())}>{action}</button>
                </div>
            </form>
        </Dialog>
    );
}
