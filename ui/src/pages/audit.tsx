import { href, setQuery } from '../lib/address';
import { changes, type Changed } from '../lib/diff';
import { count } from '../lib/figures';
import { DAY, agoText, clockText, dateText, floorTo, momentTitle } from '../lib/time';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import { useView, type View } from '../lib/view';
import { Badge, Card } from '../parts/card';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { CsvLink } from '../parts/table';

interface Row {
    id: number;
    at: string;
    who: string;
    what: string;
    object: string;
    before: string;
    after: string;
    why: string;
    origin: string;
    hash: string;
}

interface Check {
    sound: boolean;
    rows: number;
    last: string;
    problems: { id: number; what: string }[];
}

const SHOWN = 8;
const FIELDS = [['who', 'Who'], ['what', 'What'], ['object', 'On what']] as const;

/** Is what was written still there, and as it was written? */
function Chain() {
    const check = useApi<Check>('/audit/verify');
    return (
        <Card title="Chain of hashes" note={check.data && <span title={check.data.last}>the last: <code>{check.data.last.slice(0, 16)}…</code></span>}>
            <Load from={check} height={44}>
                {(c) => (
                    <div class="chain">
                        {c.sound ? <Badge tone="good">verified</Badge> : <Badge tone="bad">broken</Badge>}
                        <span>{c.sound ? `All ${count(c.rows)} rows are as they were written, none is missing.` : `${count(c.problems.length)} of ${count(c.rows)} rows are not what was written:`}</span>
                        {!c.sound && <ul>{c.problems.slice(0, SHOWN).map((p) => <li key={`${p.id} ${p.what}`}>Row {p.id}: {p.what}</li>)}</ul>}
                        <small class="muted">Each row carries a hash of itself and of the one before. Who may write the whole file could forge the whole chain: note the last hash elsewhere where that matters.</small>
                    </div>
                )}
            </Load>
        </Card>
    );
}

function Value({ of, sign }: { of: string | null; sign: '−' | '+' }) {
    return of === null ? null : <span class={sign === '+' ? 'now' : 'was'}><span class="unseen">{sign === '+' ? 'after: ' : 'before: '}</span><span aria-hidden="true">{sign}</span> {of === '' ? '(empty)' : of}</span>;
}

function Line({ of: c }: { of: Changed }) {
    return (
        <div class="change-line">
            {c.path && <span class="field-name">{c.path}</span>}
            <Value of={c.before} sign="−" />
            <Value of={c.after} sign="+" />
        </div>
    );
}

function Diff({ of: r }: { of: Row }) {
    const { lines, same } = changes(r.before, r.after);
    if (!lines.length) return null;
    return (
        <div class="diff">
            {lines.slice(0, SHOWN).map((c) => <Line key={c.path} of={c} />)}
            {lines.length > SHOWN && <details><summary>{count(lines.length - SHOWN)} more</summary>{lines.slice(SHOWN).map((c) => <Line key={c.path} of={c} />)}</details>}
            {same > 0 && <div class="small muted">{count(same)} {same === 1 ? 'value' : 'values'} unchanged</div>}
        </div>
    );
}

/** "budget team-cap": to where it can be seen. */
function About({ of: r, view }: { of: Row; view: View }) {
    const [kind, name] = r.object.split(/ (.*)/s);
    const to = name && ({ budget: ['budgets', name], limit: ['budgets'], feature: ['features', name], key: ['users'], price: ['providers'] } as Record<string, string[]>)[kind!];
    return to ? <a href={href(to, kind === 'price' ? { show: 'prices' } : {}, view.query)}>{r.object}</a> : <>{r.object}</>;
}

function Entry({ of: r, view }: { of: Row; view: View }) {
    return (
        <li>
            <time dateTime={r.at} title={`${momentTitle(r.at)}, ${agoText(r.at)}`}>{clockText(Date.parse(r.at))}</time>
            <div class="entry">
                <div><b>{r.what}</b> <About of={r} view={view} /></div>
                <Diff of={r} />
                {r.why && <div class="why">“{r.why}”</div>}
                <div class="small muted">{r.who}, from {r.origin} · <span title={`Its hash: ${r.hash}`}>row {r.id}</span></div>
            </div>
        </li>
    );
}

/** A heading for each day; times are UTC. */
function byDay(rows: Row[]): [number, Row[]][] {
    const days = new Map<number, Row[]>();
    for (const row of rows) {
        const day = floorTo(Date.parse(row.at), DAY);
        days.set(day, [...(days.get(day) ?? []), row]);
    }
    return [...days];
}

export function Audit() {
    const view = useView('90d'), { query } = view;
    const asked = Object.fromEntries(FIELDS.map(([name]) => [name, query.get(name)]));
    const audit = useApi<List<Row>>('/audit', { since: view.ask.since, until: view.ask.until, ...asked, cursor: query.get('cursor'), limit: 100 });
    const searching = FIELDS.some(([name]) => query.get(name));
    return (
        <Page title="Audit" view={view} filters={false} compare={false}>
            <Chain />
            <Card title="Changes" note="the newest first, times in UTC" actions={<CsvLink url={audit.url} />}>
                <div class="chips search">
                    {FIELDS.map(([name, label]) => <input key={name} class="field find" type="search" aria-label={label} placeholder={label} value={query.get(name) ?? ''} onInput={(e) => setQuery({ [name]: e.currentTarget.value, cursor: null }, { replace: true })} />)}
                </div>
                <Load from={audit} height={480}>
                    {({ rows, next }) => (
                        <>
                            {!rows.length && <Empty title="No changes">{searching ? 'None fits what is searched for. Empty the fields to see all.' : 'Nothing was changed in this time range. Switches, budgets, keys, prices and tokens that are changed while purser runs stand here.'}</Empty>}
                            {byDay(rows).map(([day, those]) => (
                                <section key={day} aria-label={dateText(day)}>
                                    <h3 class="day">{dateText(day)}</h3>
                                    <ol class="audit">{those.map((r) => <Entry key={r.id} of={r} view={view} />)}</ol>
                                </section>
                            ))}
                            {(next || query.get('cursor')) && (
                                <p class="chips">
                                    {query.get('cursor') && <button class="button" type="button" onClick={() => setQuery({ cursor: null })}>Newest</button>}
                                    {next && <button class="button" type="button" onClick={() => setQuery({ cursor: next })}>Older</button>}
                                </p>
                            )}
                        </>
                    )}
                </Load>
            </Card>
        </Page>
    );
}
