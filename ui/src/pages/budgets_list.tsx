// Budgets as bars: each rule once, and of those with a counter for each team, user ... the fullest counters.
import { href } from '../lib/address';
import { amount, counterText, endOf, exceedText, limitText, scopeText, standing, windowText, type BudgetBody, type BudgetRow, type Outlook, type Setting } from '../lib/budgets';
import { count, share, times } from '../lib/figures';
import { money } from '../lib/money';
import { agoText, dateText, momentTitle } from '../lib/time';
import { Badge } from '../parts/card';
import { Bar } from '../parts/bar';
import { Empty } from '../parts/state';
import { Table, type Column } from '../parts/table';

const SHOWN = 4;

export interface Rule {
    name: string;
    setting: Setting<BudgetBody> | undefined;
    rows: BudgetRow[]; // the fullest first
    fullest: number;
}

const full = (b: BudgetRow, now: number) => {
    const { used, held } = standing(b, now);
    return used + held;
};

/** A rule each, the fullest first. */
export function rulesOf(rows: BudgetRow[], settings: Setting<BudgetBody>[], now: number): Rule[] {
    const by = new Map<string, BudgetRow[]>();
    for (const row of rows) by.set(row.budget, [...(by.get(row.budget) ?? []), row]);
    const holding = settings.filter((s) => s.kind === 'budget' && s.state === 'holds');
    const names = new Set([...by.keys(), ...holding.map((s) => s.name)]);
    return [...names].map((name) => {
        const sorted = (by.get(name) ?? []).sort((a, b) => full(b, now) - full(a, now));
        return { name, setting: holding.find((s) => s.name === name), rows: sorted, fullest: sorted[0] ? full(sorted[0], now) : 0 };
    }).sort((a, b) => b.fullest - a.fullest || a.name.localeCompare(b.name));
}

export function Origin({ of }: { of: Setting | undefined }) {
    if (!of) return null;
    return of.origin === 'file'
        ? <span class="muted small" title={`Set in ${of.where ?? 'the settings file'}: it can only be changed there`}>{of.where?.replace(/^.*\//, '') ?? 'the settings file'}</span>
        : <span class="muted small" title={of.changed ? momentTitle(of.changed) : ''}>set {of.changed ? agoText(of.changed) : 'here'}{of.by ? ` by ${of.by}` : ''}</span>;
}

function Figures({ of: b, outlook, now }: { of: BudgetRow; outlook?: Outlook; now: number }) {
    const { used, held, pace } = standing(b, now), end = endOf(b, outlook, now);
    return (
        <div class="small muted figures">
            <span>{share(used)} used{held > 0 && `, ${share(held)} held`}</span>
            {pace !== null && <span title="1.00x: it would last its window exactly">{times(pace)} its pace</span>}
            {outlook && outlook.end_picousd !== null && <span title="By what the hours of the last weeks let one expect">{money(outlook.end_picousd)} by its end, as spending goes</span>}
            {end !== null && used < 1 && <span class="warn" title={momentTitle(end)}>runs out {dateText(end)}</span>}
            {b.waiting > 0 && <span class="warn">{count(b.waiting)} calls wait</span>}
            {b.resets && <span title={momentTitle(b.resets)}>starts over {agoText(b.resets, now)}</span>}
        </div>
    );
}

function BudgetBar({ of: b, now, label }: { of: BudgetRow; now: number; label: string }) {
    const { used, held, even } = standing(b, now), marks = (b.thresholds ?? []).map((t) => t / 100);
    return <Bar part={used} held={held} mark={even ?? undefined} ticks={marks} label={label} />;
}

function Counter({ of: b, now }: { of: BudgetRow; now: number }) {
    const name = counterText(b.scope) || b.budget;
    return (
        <li>
            <div class="line"><span class="name" title={name}>{name}</span><span class="nowrap">{amount(b.measure, b.spent)}</span></div>
            <BudgetBar of={b} now={now} label={`${b.budget}, ${name}`} />
        </li>
    );
}

interface RuleProps {
    of: Rule;
    outlook: Outlook | undefined;
    now: number;
    query: URLSearchParams;
    canEdit: boolean;
    onEdit: () => void;
    onRemove: () => void;
}

export function RuleItem({ of: { name, setting, rows }, outlook, now, query, canEdit, onEdit, onRemove }: RuleProps) {
    const first = rows[0], body = setting?.setting, each = first !== undefined && first.scope !== '';
    const said = [body ? scopeText(body.scope) : '', first ? windowText(first.window) : body ? windowText(body.window) : '', exceedText(body?.on_exceed ?? first?.on_exceed)].filter(Boolean);
    return (
        <li class="rule" data-budget={name}>
            <div class="line">
                <h3><span class="name" title={name}>{name}</span></h3>
                {(body?.on_exceed ?? first?.on_exceed) === 'alert' && <Badge title="It only counts and tells">alert</Badge>}
                <span class="muted small says">{said.join(' · ')}</span>
                <Origin of={setting} />
                {canEdit && setting?.origin === 'runtime' && (
                    <span class="tools">
                        <button class="button small" type="button" onClick={onEdit} aria-label={`Change the budget ${name}`}>Change</button>
                        <button class="button plain small" type="button" onClick={onRemove} aria-label={`Remove the budget ${name}`}>Remove</button>
                    </span>
                )}
            </div>
            {first && !each && (
                <>
                    <div class="line"><span>{amount(first.measure, first.spent)} <span class="muted">of {amount(first.measure, first.limit)}</span></span><span class="muted">{amount(first.measure, first.left)} left</span></div>
                    <BudgetBar of={first} now={now} label={name} />
                    <Figures of={first} outlook={outlook} now={now} />
                </>
            )}
            {each && (
                <>
                    <div class="small muted figures"><span>{amount(first.measure, first.limit)} each</span><span>{count(first.counters ?? rows.length)} counters</span>{first.resets && <span title={momentTitle(first.resets)}>start over {agoText(first.resets, now)}</span>}</div>
                    <ul class="counters">{rows.slice(0, SHOWN).map((b) => <Counter key={b.scope} of={b} now={now} />)}</ul>
                    {(first.counters ?? rows.length) > SHOWN && <a href={href(['budgets', name], {}, query)}>All {count(first.counters ?? rows.length)} counters</a>}
                </>
            )}
            {!first && <p class="small muted">{body && `${limitText(body)} ${windowText(body.window)}: `}no call has met it yet.</p>}
        </li>
    );
}

export function CountersTable({ rows, now }: { rows: BudgetRow[]; now: number }) {
    const columns: Column<BudgetRow>[] = [
        { name: 'counter', label: 'Counter', cell: (b) => <span class="name" title={counterText(b.scope)}>{counterText(b.scope) || b.budget}</span>, sort: (b) => counterText(b.scope) },
        { name: 'bar', label: 'Used', cell: (b) => <span class="bar-cell"><BudgetBar of={b} now={now} label={counterText(b.scope)} /></span>, sort: (b) => full(b, now) },
        { name: 'share', label: 'Share', number: true, cell: (b) => share(standing(b, now).used), sort: (b) => standing(b, now).used },
        { name: 'spent', label: 'Spent', number: true, cell: (b) => amount(b.measure, b.spent), sort: (b) => b.spent },
        { name: 'held', label: 'Held', number: true, title: 'For calls in flight', cell: (b) => amount(b.measure, b.held), sort: (b) => b.held },
        { name: 'left', label: 'Left', number: true, cell: (b) => amount(b.measure, b.left), sort: (b) => b.left },
        { name: 'waiting', label: 'Waiting', number: true, cell: (b) => count(b.waiting), sort: (b) => b.waiting },
    ];
    return <Table label="Counters" columns={columns} rows={rows} rowKey={(b) => b.scope} sortBy="-bar" empty={<Empty title="No counter fits">No counter of this budget has that in its name. Empty the search to see all.</Empty>} />;
}
