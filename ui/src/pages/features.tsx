import { href, setQuery } from '../lib/address';
import type { BudgetRow, Setting, Switches } from '../lib/budgets';
import { standing } from '../lib/budgets';
import { isBroken, joinFeatures, ownerOf, promisesOf, tierOf, type Feature, type SuccessList, type Told } from '../lib/features';
import { count } from '../lib/figures';
import { money, usd, type Pico } from '../lib/money';
import type { Session } from '../lib/session';
import type { List, Report } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import { useView, type View } from '../lib/view';
import { Change, Tile } from '../parts/card';
import { Page } from '../parts/page';
import { Empty, Load } from '../parts/state';
import { FeatureCard } from './features_card';
import { FeatureOne } from './features_one';
import { fullest } from './features_parts';

const SORTS = [['cost', 'the dearest first'], ['budget', 'the fullest budget first'], ['late', 'the least error budget first'], ['success', 'the dearest success first'], ['calls', 'the most calls first'], ['failed', 'the most failures first'], ['name', 'by name']] as const;

function sorted(features: Feature[], by: string, now: number): Feature[] {
    const fill = (f: Feature) => { const b = fullest(f.budgets, now); return b ? standing(b, now).used : -1; };
    const failed = (f: Feature) => (f.sums?.attempts ? f.sums.errors / f.sums.attempts : -1);
    const order: Record<string, (a: Feature, b: Feature) => number> = {
        cost: (a, b) => usd(b.sums?.cost_picousd ?? 0) - usd(a.sums?.cost_picousd ?? 0), budget: (a, b) => fill(b) - fill(a),
        success: (a, b) => usd(b.successes[0]?.cost_per_success_picousd ?? 0) - usd(a.successes[0]?.cost_per_success_picousd ?? 0), late: (a, b) => (promisesOf(a)[0]?.error_budget_left ?? 9) - (promisesOf(b)[0]?.error_budget_left ?? 9),
        calls: (a, b) => (b.sums?.calls ?? 0) - (a.sums?.calls ?? 0), failed: (a, b) => failed(b) - failed(a), name: () => 0,
    };
    return [...features].sort((a, b) => (order[by] ?? order.cost!)(a, b) || a.name.localeCompare(b.name));
}

interface Series {
    series: { name: string | null; cost_picousd: Pico[] }[];
}

/** What the dearest cost from bucket to bucket, for the lines on their cards. */
function useDays(view: View): Map<string, number[]> {
    const step = view.range.step;
    const series = useApi<Series>('/series', { by: 'feature', step, top: 50, ...view.ask });
    return new Map((series.data?.series ?? []).flatMap((one) => (one.name === null ? [] : [[one.name, one.cost_picousd.map(usd)]])));
}

function Tiles({ all, from, view }: { all: Feature[]; from: Report; view: View }) {
    const unowned = all.filter((f) => f.name && !ownerOf(f) && f.sums), off = all.filter((f) => f.name && f.off).length;
    const late = all.filter(isBroken).length, nameless = all.find((f) => !f.name)?.sums;
    const before = all.reduce((sum, f) => sum + usd(f.before?.cost_picousd ?? 0), 0);
    return (
        <div class="tiles">
            <Tile name="Cost" value={money(from.totals.cost_picousd)} note={view.compare ? <Change now={usd(from.totals.cost_picousd)} before={before} better="down" /> : view.range.label} />
            <Tile name="Features with calls" value={count(all.filter((f) => f.name && f.sums).length)} note={off ? `${off} switched off` : 'none switched off'} />
            <Tile name="Nobody owns" value={count(unowned.length)} tone={unowned.length ? 'warn' : undefined} note={`${money(unowned.reduce((sum, f) => sum + BigInt(f.sums!.cost_picousd), 0n))} of the cost`} />
            <Tile name="Promises broken" value={count(late)} tone={late ? 'bad' : undefined} note="later than promised" />
            <Tile name="Of no feature" value={money(nameless?.cost_picousd ?? 0)} tone={nameless && nameless.calls ? 'warn' : undefined} note={`${count(nameless?.calls ?? 0)} calls`} />
        </div>
    );
}

function Cards({ all, view, q }: { all: Feature[]; view: View; q: string }) {
    const now = Date.now(), days = useDays(view), by = view.query.get('sort') ?? 'cost';
    const shown = sorted(all, by, now).filter((f) => `${f.name} ${ownerOf(f) ?? ''} ${tierOf(f)}`.toLowerCase().includes(q.toLowerCase()));
    return (
        <>
            <div class="chips">
                <input class="field find" type="search" aria-label="Find a feature or an owner" placeholder="Find a feature or an owner" value={q} onInput={(e) => setQuery({ q: e.currentTarget.value }, { replace: true })} />
                <select class="field" aria-label="Order" value={by} onChange={(e) => setQuery({ sort: e.currentTarget.value === 'cost' ? null : e.currentTarget.value })}>{SORTS.map(([name, text]) => <option key={name} value={name}>{text}</option>)}</select>
                <span class="small muted">{count(shown.length)} {shown.length === 1 ? 'feature' : 'features'}</span>
            </div>
            {view.filters.length > 0 && <p class="small muted">Budgets speak of all calls of a feature; outcomes of those that have an attempt which the filters fit.</p>}
            {shown.length ? <div class="cards">{shown.map((f) => <FeatureCard key={f.name} of={f} view={view} days={days.get(f.name) ?? []} now={now} />)}</div>
                : <Empty title={all.length ? 'No feature fits' : 'No features yet'}>{all.length ? 'Empty the search, or choose other filters.' : 'Calls name what they are for in the header x-purser-feature; features can also be set in purser.yaml.'}</Empty>}
        </>
    );
}

export function Features({ session }: { session: Session }) {
    const view = useView('30d'), [, name] = view.path, owner = session.role === 'owner', narrowed = view.filters.length > 0; // then rows may be read
    const report = useApi<Report>('/report', { by: 'feature', ...view.ask, limit: 1000 }, { long: true });
    const before = useApi<Report>(view.askBefore ? '/report' : null, { by: 'feature', ...view.askBefore, limit: 1000 });
    const settings = useApi<List<Setting>>(owner ? null : '/settings', { limit: 1000 });
    const budgets = useApi<List<BudgetRow>>('/budgets'), switches = useApi<Switches>('/switches');
    const told = useApi<List<Told>>('/features', view.ask, { long: narrowed }), successes = useApi<SuccessList>('/success', { by: 'feature', ...view.ask, limit: 1000 }, { long: narrowed });
    const asked: Loaded<unknown>[] = [report, budgets, switches, told, successes, ...(owner ? [] : [settings])];
    const waiting = asked.find((one) => one.data === undefined);
    const all = joinFeatures({
        rows: report.data?.rows ?? [], before: view.compare ? before.data?.rows ?? [] : [], settings: settings.data?.rows ?? [], budgets: budgets.data?.rows ?? [],
        off: switches.data?.off ?? [], told: told.data?.rows ?? [], successes: successes.data?.rows ?? [], narrowed,
    });
    const crumbs = name === undefined ? [] : [{ label: 'Features', href: href(['features'], {}, view.query) }];
    const one = name === undefined ? undefined : all.find((f) => f.name === name);
    return (
        <Page title={name ?? 'Features'} crumbs={crumbs} view={view}>
            {waiting ? <Load from={waiting} height={700}>{() => null}</Load> // all at once: nothing jumps
                : name !== undefined ? (one ? <FeatureOne of={one} cohorts={successes.data} view={view} session={session} /> : <Empty title="No such feature">No call of this time range {view.filters.length ? 'with these filters ' : ''}names {name}{view.filters.length ? '. Take a filter away, or choose a longer range.' : ', and it is not set. Choose a longer range.'}</Empty>)
                : <Load from={report} height={700}>{(r) => <div class="stack"><Tiles all={all} from={r} view={view} /><Cards all={all} view={view} q={view.query.get('q') ?? ''} /></div>}</Load>}
        </Page>
    );
}
