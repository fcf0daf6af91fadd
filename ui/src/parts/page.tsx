// The head that every page has: its name, time range, comparison and filters; then what the page is about.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { useAddress } from '../lib/address';
import type { View } from '../lib/view';
import { readWhere } from '../lib/where';
import { Filters } from './filters';
import { Icon } from './icon';
import { RangePicker } from './range_picker';

interface PageProps {
    title: string;
    crumbs?: { label: string; href: string }[]; // what stands above this page
    view?: View; // with it: range, comparison and filters
    filters?: boolean; // false: the page has nothing to filter
    compare?: boolean; // false: nothing to hold against the period before
    actions?: ComponentChildren;
    children: ComponentChildren;
}

export function Page({ title, crumbs = [], view, filters = true, compare = true, actions, children }: PageProps) {
    const { query } = useAddress(), unfiltered = !(view && filters) && readWhere(query.get('where')).length > 0;
    useEffect(() => {
        document.title = `${title} · purser`;
    }, [title]);
    return (
        <>
            <header class="head">
                <button class="button icon menu-button" type="button" aria-label="Menu" onClick={() => dispatchEvent(new Event('purser-menu'))}><Icon name="menu" /></button>
                <h1>
                    {crumbs.map((crumb) => <span class="crumb" key={crumb.href}><a href={crumb.href}>{crumb.label}</a> /</span>)}
                    <span>{title}</span>
                </h1>
                {actions}
                {view && <RangePicker range={view.range} compare={compare ? view.compare : null} />}
                {view && filters && <Filters view={view} />}
            </header>
            <main id="main" tabIndex={-1}>
                {unfiltered && <p class="small muted">The filters in the address hold on other pages: here is everything.</p>}
                {children}
            </main>
        </>
    );
}
