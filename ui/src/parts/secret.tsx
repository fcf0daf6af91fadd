// A secret that purser tells this once: it stays until somebody says that they have it.
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { Copy } from './copy';

interface SecretProps {
    title: string;
    secret: string;
    children?: ComponentChildren; // what to do with it
    onClose: () => void;
}

export function Secret({ title, secret, children, onClose }: SecretProps) {
    const at = useRef<HTMLDialogElement>(null), text = useRef<HTMLElement>(null);
    useEffect(() => {
        const dialog = at.current!;
        if (!dialog.open) dialog.showModal();
        return () => dialog.close();
    }, []);
    return (
        <dialog ref={at} class="wide" aria-label={title} onCancel={(event) => event.preventDefault()} onClose={onClose}>
            <div class="inside">
                <h2>{title}</h2>
                <p class="notice">It is shown this once. purser keeps only its hash: nobody can look it up later.</p>
                <div class="secret">
                    <code ref={text} tabIndex={0} aria-label="The secret">{secret}</code>
                    <Copy text={secret} what="the secret" label="Copy" from={() => text.current} />
                </div>
                {children && <p class="muted small">{children}</p>}
                <div class="actions"><button class="button main" type="button" onClick={onClose}>I have stored it</button></div>
            </div>
        </dialog>
    );
}
