// "/": to a page, a call, a task, or whatever has a name.
import { useState } from 'preact/hooks';
import { address, go, href } from '../lib/address';
import { isIdPrefix } from '../lib/calls';
import { taskHref } from '../lib/chains';
import type { Session } from '../lib/session';
import { useApi } from '../lib/use_api';
import { writeWhere } from '../lib/where';
import { pagesFor } from '../pages';
import { Dialog } from './dialog';

interface Hit {
    label: string;
    kind: string;
    to: string;
}

function hits(text: string, features: string[], session: Session): Hit[] {
    const { query } = address(), low = text.trim().toLowerCase(), owner = session.role === 'owner';
    const found: Hit[] = pagesFor(session).filter((page) => page.title.toLowerCase().includes(low)).map((page) => ({ label: page.title, kind: 'page', to: href(page.path ? [page.path] : [], {}, query) }));
    if (!low) return found;
    for (const name of features.filter((one) => one.toLowerCase().includes(low)).slice(0, 8)) found.push({ label: name, kind: 'feature', to: href(['features', name], {}, query) });
    const word = text.trim();
    if (!/\s/.test(word)) {
        if (/^[0-9a-f]{16}$/i.test(word)) found.push({ label: word, kind: 'call by its id', to: href(['calls', word.toLowerCase()], {}, query) });
        else if (word.length > 3 && isIdPrefix(word)) found.push({ label: word, kind: 'calls whose id begins so', to: href(['calls'], { id: word.toLowerCase() }, query) });
        found.push({ label: word, kind: 'task', to: taskHref(word, query) }, { label: word, kind: 'session', to: href(['tasks', 'session', word], {}, query) });
        if (!owner) found.push({ label: word, kind: 'user', to: href(['users', 'user', word], {}, query) }, { label: word, kind: 'key', to: href(['users', 'keys', word], {}, query) });
        for (const name of ['user', 'feature', 'key', 'model']) found.push({ label: word, kind: `costs of the ${name}`, to: href(['costs'], { where: writeWhere([{ name, value: word }]) }, query) });
    }
    return found;
}

export function Search({ session, onClose }: { session: Session; onClose: () => void }) {
    const [text, setText] = useState(''), [at, setAt] = useState(0);
    const features = useApi<{ rows: { feature: string }[] }>('/report', { by: 'feature', since: '30d', limit: 200 });
    const found = hits(text, (features.data?.rows ?? []).map((row) => row.feature).filter(Boolean), session);
    const chosen = Math.min(at, found.length - 1);
    const onKey = (event: KeyboardEvent) => {
        if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, found.length - 1));
        else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
        else if (event.key === 'Enter' && found[chosen]) {
            onClose();
            go(found[chosen].to);
        } else return;
        event.preventDefault();
    };
    return (
        <Dialog title="Search" onClose={onClose} class="search">
            <div class="inside">
                <input class="field" type="text" role="combobox" aria-expanded="true" aria-controls="hits" aria-activedescendant={found[chosen] ? `hit-${chosen}` : undefined} aria-label="A page, a feature, a call's id, a user ..." placeholder="A page, a feature, a call's id, a user …" autofocus value={text} onKeyDown={onKey} onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} />
                <div class="hits" id="hits" role="listbox" aria-label="Found">
                    {found.map((hit, i) => (
                        <a key={hit.to + hit.kind} id={`hit-${i}`} role="option" aria-selected={i === chosen} href={hit.to} onClick={onClose} tabIndex={-1}>
                            <span>{hit.label}</span><small>{hit.kind}</small>
                        </a>
                    ))}
                </div>
            </div>
        </Dialog>
    );
}
