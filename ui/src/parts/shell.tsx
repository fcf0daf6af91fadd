// The frame around the pages: navigation, who is signed in, keys.
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, href, setQuery, useAddress } from '../lib/address';
import { refresh } from '../lib/clock';
import { PRESETS } from '../lib/range';
import { signOut, type Session } from '../lib/session';
import { applyTheme, readTheme, type Theme } from '../lib/theme';
import { PAGES, pageOf, pagesFor } from '../pages';
import { Missing } from '../pages/missing';
import { Help } from './help';
import { Icon, Logo } from './icon';
import { Search } from './search';

const NEXT: Record<Theme, Theme> = { system: 'dark', dark: 'light', light: 'system' };
const ICON: Record<Theme, string> = { system: 'auto', dark: 'moon', light: 'sun' };

function ThemeButton() {
    const [theme, setTheme] = useState(readTheme);
    const turn = () => {
        applyTheme(NEXT[theme]);
        setTheme(NEXT[theme]);
    };
    const label = `Colours: ${theme === 'system' ? 'as the system has them' : theme}`;
    return <button class="button plain icon" type="button" onClick={turn} title={label} aria-label={label}><Icon name={ICON[theme]} /></button>;
}

/** One key or two, never while somebody types or with a modifier. */
function useKeys(open: (what: 'help' | 'search') => void): void {
    useEffect(() => {
        let before = '', at = 0;
        const onKey = (event: KeyboardEvent) => {
            const target = event.target as HTMLElement;
            if (event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || document.querySelector('dialog[open]')) return;
            const { query } = { query: new URLSearchParams(location.search) };
            const going = before === 'g' && event.timeStamp - at < 1500;
            before = event.key;
            at = event.timeStamp;
            const page = going ? PAGES.find((one) => one.key === event.key) : undefined;
            const preset = PRESETS[Number(event.key) - 1];
            if (page) go(href(page.path ? [page.path] : [], {}, query));
            else if (event.key === '/') open('search');
            else if (event.key === '?') open('help');
            else if (event.key === 'r') refresh();
            else if (event.key === 'c') setQuery({ compare: query.get('compare') === '1' ? null : '1' });
            else if (preset) setQuery({ range: preset, since: null, until: null });
            else return;
            event.preventDefault();
        };
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    }, []);
}

function Side({ session, open, onClose, show, onSignedOut }: { session: Session; open: boolean; onClose: () => void; show: (what: 'help' | 'search') => void; onSignedOut: () => void }) {
    const { path, query } = useAddress();
    const current = pageOf(path, session);
    return (
        <aside class={`side ${open ? 'open' : ''}`} aria-label="purser">
            <a class="brand" href={href([], {}, query)} onClick={onClose}><Logo />purser</a>
            <nav class="nav" aria-label="Pages">
                {pagesFor(session).map((page) => (
                    <a key={page.path} href={href(page.path ? [page.path] : [], {}, query)} aria-current={page === current ? 'page' : undefined} onClick={onClose}>
                        <Icon name={page.icon} />{page.title}<kbd aria-hidden="true">g {page.key}</kbd>
                    </a>
                ))}
            </nav>
            <div class="foot">
                <div class="tools">
                    <button class="button plain icon" type="button" onClick={() => show('search')} title="Search (/)" aria-label="Search"><Icon name="search" /></button>
                    <ThemeButton />
                    <button class="button plain icon" type="button" onClick={() => show('help')} title="Keys (?)" aria-label="Keys"><Icon name="help" /></button>
                    <button class="button plain icon" type="button" onClick={() => void signOut().finally(onSignedOut)} title="Sign out" aria-label="Sign out"><Icon name="out" /></button>
                </div>
                <div class="who small"><div>{session.name}</div><div class="muted">{session.role}</div></div>
            </div>
        </aside>
    );
}

export function Shell({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
    const { path } = useAddress();
    const [menu, setMenu] = useState(false), [shown, setShown] = useState<'help' | 'search' | null>(null);
    useKeys(setShown);
    useEffect(() => {
        const open = () => setMenu(true);
        const onKey = (event: KeyboardEvent) => {
            if (event.key !== 'Escape' || !document.querySelector('.side.open')) return;
            setMenu(false);
            document.querySelector<HTMLElement>('.menu-button')?.focus();
        };
        addEventListener('purser-menu', open);
        addEventListener('keydown', onKey);
        return () => {
            removeEventListener('purser-menu', open);
            removeEventListener('keydown', onKey);
        };
    }, []);
    useEffect(() => {
        if (menu) document.querySelector<HTMLElement>('.nav a')?.focus();
    }, [menu]);
    const first = useRef(true);
    useEffect(() => {
        scrollTo(0, 0);
        if (!first.current) document.getElementById('main')?.focus({ preventScroll: true }); // so that readers begin anew
        first.current = false;
    }, [path.join('/')]);
    const View = pageOf(path, session)?.view ?? Missing;
    return (
        <div class="shell">
            <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the page</a>
            <Side session={session} open={menu} onClose={() => setMenu(false)} show={setShown} onSignedOut={onSignedOut} />
            {menu && <button class="veil" type="button" aria-label="Close the menu" onClick={() => setMenu(false)} />}
            <div class="content"><View session={session} /></div>
            {shown === 'help' && <Help onClose={() => setShown(null)} />}
            {shown === 'search' && <Search session={session} onClose={() => setShown(null)} />}
        </div>
    );
}
