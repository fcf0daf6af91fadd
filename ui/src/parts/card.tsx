import type { ComponentChildren } from 'preact';
import { change } from '../lib/figures';

interface CardProps {
    title: string;
    note?: ComponentChildren; // beside the title
    actions?: ComponentChildren;
    flush?: boolean; // for tables: no padding
    class?: string;
    children?: ComponentChildren;
}

export function Card({ title, note, actions, flush, class: more = '', children }: CardProps) {
    return (
        <section class={`card ${more}`} aria-label={title}>
            <header>
                <h2>{title}</h2>
                {note && <span class="note">{note}</span>}
                {actions}
            </header>
            <div class={flush ? 'body flush' : 'body'}>{children}</div>
        </section>
    );
}

/** How a figure moved. `better`: which way is good; without it a change is only a change. */
export function Change({ now, before, better }: { now: number; before: number | null | undefined; better?: 'up' | 'down' }) {
    const text = change(now, before);
    if (!text) return null;
    const up = text.startsWith('+') || text === 'new';
    const flat = text === '0%';
    const tone = !better || flat ? '' : (better === 'up') === up ? 'good' : 'bad';
    return <span class={`change ${tone}`} title="against the period before">{flat ? '' : up ? '▲ ' : '▼ '}{text.replace(/^[+−]/, '')}</span>;
}

interface TileProps {
    name: string;
    value: ComponentChildren;
    note?: ComponentChildren;
    tone?: 'good' | 'warn' | 'bad';
    href?: string;
    title?: string;
}

/** One figure with its name. */
export function Tile({ name, value, note, tone, href, title }: TileProps) {
    const inside = (
        <>
            <span class="name">{name}</span>
            <span class={`value ${tone ?? ''}`}>{value}</span>
            <span class="note">{note}</span>
        </>
    );
    return href ? <a class="tile" href={href} title={title}>{inside}</a> : <div class="tile" title={title}>{inside}</div>;
}

/** The places of tiles that are loading: as many, as high, wrapped in the same way. */
export function TilesComing({ count, class: more = '' }: { count: number; class?: string }) {
    return (
        <div class={`tiles ${more}`} aria-busy="true">
            <span class="unseen">Loading</span>
            {Array.from({ length: count }, (_, i) => <div class="tile" key={i}><span class="skeleton line" /><span class="skeleton value-line" /><span class="skeleton line" /></div>)}
        </div>
    );
}

export function Badge({ tone, children, title }: { tone?: 'good' | 'warn' | 'bad' | 'accent'; children: ComponentChildren; title?: string }) {
    return <span class={`badge ${tone ?? ''}`} title={title}>{children}</span>;
}

/** "name: value" lines. */
export function Pairs({ of }: { of: [string, ComponentChildren][] }) {
    return (
        <dl class="pairs">
            {of.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
        </dl>
    );
}
