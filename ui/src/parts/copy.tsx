import { useEffect, useState } from 'preact/hooks';

/** Without a clipboard (a plain-HTTP address that is not localhost) the text is selected, so that Ctrl-C takes it. */
async function copy(text: string, from: Element | null): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const range = document.createRange(), selection = getSelection();
        if (!from || !selection) return false;
        range.selectNodeContents(from);
        selection.removeAllRanges();
        selection.addRange(range);
        return document.execCommand('copy');
    }
}

interface CopyProps {
    text: string;
    what: string; // "the id"
    label?: string; // words on the button; without them a small sign
    from?: () => Element | null; // where the text can be seen
}

export function Copy({ text, what, label, from }: CopyProps) {
    const [done, setDone] = useState<boolean | null>(null);
    useEffect(() => {
        if (done === null) return;
        const timer = setTimeout(() => setDone(null), 2500);
        return () => clearTimeout(timer);
    }, [done]);
    const said = done === null ? '' : done ? 'Copied' : 'Select it and press Ctrl-C';
    const press = async () => setDone(await copy(text, from?.() ?? null));
    return (
        <button class={label ? 'button' : 'copy'} type="button" onClick={press} aria-label={label ? undefined : `Copy ${what}`} title={said || `Copy ${what}`}>
            <svg width="14" height="14" viewBox="0 0 18 18" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
                <path d={done ? 'M3 10l4 4 8-9' : 'M6 6h9v9H6zM12 6V3H3v9h3'} />
            </svg>
            {label && <span>{said || label}</span>}
            <span class="unseen" role="status">{said}</span>
        </button>
    );
}
