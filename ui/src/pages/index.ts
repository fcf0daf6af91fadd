// The list of the pages: navigation, keys, search, and the paths at which the server gives index.html come from here.
import type { ComponentType } from 'preact';
import type { Session } from '../lib/session';
import { Audit } from './audit';
import { Budgets } from './budgets';
import { Calls } from './calls';
import { Costs } from './costs';
import { Features } from './features';
import { Now } from './now';
import { Providers } from './providers';
import { Tasks } from './tasks';
import { Users } from './users';

export interface PageInfo {
    path: string; // first part of the address
    key: string; // after g
    title: string;
    icon: string;
    view: ComponentType<{ session: Session }>;
    /** Shows something to a token of role owner, too, who sees their own features only. */
    owners?: boolean;
}

export const PAGES: PageInfo[] = [
    { path: '', key: 'n', title: 'Now', icon: 'now', view: Now, owners: true },
    { path: 'costs', key: 'c', title: 'Costs', icon: 'costs', view: Costs, owners: true },
    { path: 'features', key: 'f', title: 'Features', icon: 'features', view: Features, owners: true },
    { path: 'calls', key: 'l', title: 'Calls', icon: 'calls', view: Calls, owners: true },
    { path: 'tasks', key: 't', title: 'Tasks & sessions', icon: 'tasks', view: Tasks, owners: true },
    { path: 'users', key: 'u', title: 'Users & keys', icon: 'users', view: Users },
    { path: 'budgets', key: 'b', title: 'Budgets & switches', icon: 'budgets', view: Budgets, owners: true },
    { path: 'providers', key: 'p', title: 'Providers & prices', icon: 'providers', view: Providers },
    { path: 'audit', key: 'a', title: 'Audit', icon: 'audit', view: Audit },
];

/** Those that somebody can use. The first is where they begin. */
export const pagesFor = (session: Session) => (session.role === 'owner' ? PAGES.filter((page) => page.owners) : PAGES);

export function pageOf(path: string[], session: Session): PageInfo | undefined {
    const pages = pagesFor(session), first = path[0] ?? '';
    return pages.find((page) => page.path === first) ?? (first === '' ? pages[0] : undefined);
}
