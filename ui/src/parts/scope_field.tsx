// Whose calls a rule is for: some of a key, team, user, feature, model, provider; each with a value or "*".
import { SCOPES } from '../lib/budgets';
import { Icon } from './icon';

export type ScopePart = { name: string; value: string };

export const scopeParts = (scope: Record<string, string> | undefined): ScopePart[] => Object.entries(scope ?? {}).map(([name, value]) => ({ name, value }));
export const scopeOf = (parts: ScopePart[]) => Object.fromEntries(parts.filter((part) => part.value.trim()).map((part) => [part.name, part.value.trim()]));

export function ScopeField({ parts, onChange, wrong }: { parts: ScopePart[]; onChange: (parts: ScopePart[]) => void; wrong?: string | false }) {
    const free = SCOPES.filter((name) => !parts.some((part) => part.name === name));
    const change = (i: number, next: Partial<ScopePart>) => onChange(parts.map((part, at) => (at === i ? { ...part, ...next } : part)));
    return (
        <fieldset class="scope">
            <legend>Whose calls</legend>
            {parts.map((part, i) => (
                <div class="scope-part" key={part.name}>
                    <select class="field" aria-label="What" value={part.name} onChange={(event) => change(i, { name: event.currentTarget.value })}>
                        {SCOPES.filter((name) => name === part.name || free.includes(name)).map((name) => <option key={name} value={name}>{name}</option>)}
                    </select>
                    <input class="field" aria-label={`Which ${part.name}`} value={part.value} placeholder="a name, or * for each" required onInput={(event) => change(i, { value: event.currentTarget.value })} />
                    <button class="button plain icon" type="button" aria-label={`Not only of a ${part.name}`} onClick={() => onChange(parts.filter((_, at) => at !== i))}><Icon name="close" size={12} /></button>
                </div>
            ))}
            {free.length > 0 && <button class="button small" type="button" onClick={() => onChange([...parts, { name: free[0]!, value: '' }])}>{parts.length ? 'And of' : 'Only of'} a {free[0]} …</button>}
            {wrong ? <small class="bad">{wrong}</small> : <small class="muted">{parts.length ? 'All of these must fit. “*” is a limit of its own for each.' : 'Every call.'}</small>}
        </fieldset>
    );
}
