// Parts of a page behind one another: which is shown stands in the address, so they are links.
import { href } from '../lib/address';

export function Tabs({ label, path, query, now, of }: { label: string; path: string[]; query: URLSearchParams; now: string; of: { name: string; label: string; count?: number }[] }) {
    return (
        <nav class="tabs" aria-label={label}>
            {of.map((tab, i) => (
                <a key={tab.name} href={href(path, { show: i === 0 ? null : tab.name }, query)} aria-current={tab.name === now ? 'page' : undefined}>
                    {tab.label}{tab.count !== undefined && <span class="tally">{tab.count}</span>}
                </a>
            ))}
        </nav>
    );
}

/** Which tab the address names; the first where it names none of them. */
export function tabOf<Name extends string>(query: URLSearchParams, names: readonly Name[]): Name {
    const asked = query.get('show') as Name | null;
    return asked && names.includes(asked) ? asked : names[0]!;
}
