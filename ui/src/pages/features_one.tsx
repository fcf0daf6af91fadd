// One feature: what it costs and for whom, what was promised of it, what holds it, and who may change that.
import { useState } from 'preact/hooks';
import { href, pathPart } from '../lib/address';
import { limitText, windowText } from '../lib/budgets';
import { ownerOf, tierOf, type Feature, type SuccessList, type Whole } from '../lib/features';
import { count, latency, rate } from '../lib/figures';
import { money, toBig, usd } from '../lib/money';
import { may, type Session } from '../lib/session';
import { agoText } from '../lib/time';
import type { Report, ReportRow } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { shownName, writeWhere, type Filter } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Card, Change, Pairs, Tile } from '../parts/card';
import { SpendChart } from '../parts/spend_chart';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, type Column } from '../parts/table';
import { SwitchDialog } from './budgets_switches';
import { Origin } from './budgets_list';
import { FeatureForm } from './features_form';
import { Outcomes, Promises, Prompt } from './features_cards';
import { BudgetLine, between } from './features_parts';
import { Share } from './providers_health';

export function whereOf(view: View, ...more: Filter[]): string {
    return writeWhere([...view.filters.filter((f) => !more.some((m) => m.name === f.name)), ...more]);
}

/** By what its money goes: a table of a few, with the rest on the page Costs. */
function By({ name, by, label, view, more }: { name: string; by: string; label: string; view: View; more?: Column<ReportRow>[] }) {
    const feature = { name: 'feature', value: name };
    const report = useApi<Report>('/report', { by, since: view.ask.since, until: view.ask.until, where: whereOf(view, feature), limit: 10 });
    const all = usd(report.data?.totals?.cost_picousd ?? 0);
    const columns: Column<ReportRow>[] = [
        { name: by, label, cell: (r) => <span class="name" title={String(r[by] ?? '')}>{shownName(r[by] as string)}</span>, sort: (r) => String(r[by] ?? '') },
        { name: 'cost', label: 'Cost', number: true, cell: (r) => <span class="in-row"><Share part={usd(r.cost_picousd)} all={all} /><span class="sum">{money(r.cost_picousd)}</span></span>, sort: (r) => r.cost_picousd },
        { name: 'each', label: 'A call', number: true, cell: (r) => (r.calls ? money(toBig(r.cost_picousd) / BigInt(r.calls)) : '–'), sort: (r) => (r.calls ? usd(r.cost_picousd) / r.calls : 0) },
        { name: 'calls', label: 'Calls', number: true, cell: (r) => count(r.calls), sort: (r) => r.calls },
        ...(more ?? []),
    ];
    return (
        <Card title={label} flush note={report.data && report.data.groups > 10 ? `10 of ${count(report.data.groups)}` : undefined} actions={<><a class="button plain small" href={href(['costs'], { by, where: whereOf(view, feature) }, view.query)}>All</a><CsvLink url={report.url} /></>}>
            <Load from={report} height={240}>{({ rows }) => <Table label={label} columns={columns} rows={rows} rowKey={(r) => String(r[by] ?? '')} sortBy="-cost" href={(r) => href(['costs'], { where: whereOf(view, feature, { name: by, value: String(r[by] ?? '') }) }, view.query)} />}</Load>
        </Card>
    );
}

const FAILED: Column<ReportRow> = { name: 'failed', label: 'Failed', number: true, cell: (r) => rate(r.errors, r.attempts), sort: (r) => (r.attempts ? r.errors / r.attempts : 0) };
const P95: Column<ReportRow> = { name: 'p95', label: 'p95', number: true, cell: (r) => latency(r.p95_ms), sort: (r) => r.p95_ms };

function Settings({ of: f, session }: { of: Feature; session: Session }) {
    const [doing, setDoing] = useState<'edit' | 'switch' | null>(null);
    const set = f.setting, slo = set?.setting.slo, fixed = set?.origin === 'file';
    const own = f.off?.feature === f.name, can = may(session, 'operator') && (session.role !== 'owner' || session.features?.includes(f.name));
    return (
        <Card title="Settings" note={<Origin of={set} />} actions={<>
            {may(session, 'admin') && !fixed && <button class="button small" type="button" onClick={() => setDoing('edit')}>Change</button>}
            {can && (own || !f.off) && <button class="button small" type="button" onClick={() => setDoing('switch')}>{own ? 'Switch AI on' : 'Switch AI off …'}</button>}
        </>}>
            {session.role !== 'owner' && (
                <Pairs of={[
                    ['Owner', ownerOf(f) ?? <span class="warn">nobody; set one</span>], ['Tier', tierOf(f)],
                    ['Output tokens', set?.setting.max_output_tokens ? `at most ${count(set.setting.max_output_tokens)}` : 'no limit of its own'],
                    ['Promised', slo ? [slo.latency && `whole within ${slo.latency}`, slo.first_token && `first token within ${slo.first_token}`].filter(Boolean).join(', ') + `, ${slo.target ?? '99%'} of them` : 'nothing'],
                    ['AI', f.off ? <><b class="bad">off</b>{f.off.feature === '' && ' for all features'}: {f.off.why} <span class="muted">(since {agoText(f.off.since)}, by {f.off.who})</span></> : 'on'],
                ]} />
            )}
            {session.role === 'owner' && <p>{f.off ? <><b class="bad">AI is off</b>: {f.off.why}</> : 'AI is on.'}</p>}
            {fixed && may(session, 'admin') && <p class="small muted">The settings file sets this feature, and wins over what would be set here: change it there.</p>}
            {doing === 'edit' && <FeatureForm name={f.name} of={set} onClose={() => setDoing(null)} />}
            {doing === 'switch' && <SwitchDialog asked={{ ai: own ? 'on' : 'off', feature: f.name }} features={[f.name]} onClose={() => setDoing(null)} />}
        </Card>
    );
}

function Budgets({ of: f, now }: { of: Feature; now: number }) {
    return (
        <Card title="Budgets" note="that hold it alone">
            {f.budgets.length + f.unmet.length ? (
                <div class="stack">
                    {f.budgets.map((b) => <div key={`${b.budget} ${b.scope}`}><h3>{b.budget}</h3><BudgetLine of={b} outlook={f.told?.budgets.find((one) => one.budget === b.budget)} now={now} /></div>)}
                    {f.unmet.map(({ name, setting }) => <div key={name}><h3>{name}</h3><p class="small muted">{limitText(setting)} {windowText(setting.window)}: no call has met it yet.</p></div>)}
                </div>
            ) : <Empty title="No budget holds it alone">Those of its team, key and of all calls still do. Make one under Budgets &amp; switches.</Empty>}
        </Card>
    );
}

export function FeatureOne({ of: f, cohorts, view, session }: { of: Feature; cohorts: SuccessList | undefined; view: View; session: Session }) {
    const s = f.sums, b = f.before, feature = { name: 'feature', value: f.name }, now = Date.now(), [success] = f.successes;
    const whole = useApi<Whole>(`/features/${pathPart(f.name)}`, { since: view.ask.since, until: view.ask.until, where: writeWhere(view.filters.filter((f) => f.name !== 'feature')) }, { long: true });
    const each = (x: typeof s) => (x?.calls ? toBig(x.cost_picousd) / BigInt(x.calls) : null);
    return (
        <div class="stack">
            {f.off && <p class="notice bad">AI is off{f.off.feature === '' ? ' for all features' : ''}: {f.off.why}</p>}
            <div class="tiles">
                <Tile name="Cost" value={<Sum of={s ?? { cost_picousd: 0 }} />} note={b ? <Change now={usd(s?.cost_picousd ?? 0)} before={usd(b.cost_picousd)} better="down" /> : view.range.label} href={href(['costs'], { where: whereOf(view, feature) }, view.query)} />
                <Tile name="A call" value={money(each(s))} note={b && each(b) !== null ? <Change now={usd(each(s) ?? 0)} before={usd(each(b)!)} better="down" /> : 'failed attempts too'} />
                <Tile name="A task" value={whole.data ? money(whole.data.task_picousd) : '…'} note={whole.data ? `${count(whole.data.tasks)} tasks` : 'being counted'} href={href(['tasks'], { where: whereOf(view, feature) }, view.query)} />
                <Tile name="A success" value={money(success?.cost_per_success_picousd)} note={success ? between(success) : 'no outcome was told'} title="With its 95 % interval" />
                <Tile name="Calls" value={count(s?.calls ?? 0)} note={b ? <Change now={s?.calls ?? 0} before={b.calls} /> : 'see them'} href={href(['calls'], { where: whereOf(view, feature) }, view.query)} />
                <Tile name="Failed" value={s?.attempts ? rate(s.errors, s.attempts) : '–'} note={`${money(s?.wasted_cost_picousd ?? 0)} wasted`} />
                <Tile name="p95" value={latency(s?.p95_ms)} note={`first token ${latency(s?.first_token_p95_ms)}`} />
            </div>
            <Card title="Cost over time"><SpendChart view={view} where={writeWhere([feature])} title={`Cost of ${f.name} over time`} /></Card>
            <div class="grid">
                <div class="w6"><Outcomes of={f} cohorts={cohorts} /></div>
                <div class="w6"><Prompt growth={f.told?.growth ?? []} whole={whole.data} /></div>
            </div>
            <div class="grid">
                <div class="w6"><Promises of={f} /></div>
                <div class="w6"><Budgets of={f} now={now} /></div>
            </div>
            <Settings of={f} session={session} />
            <div class="grid">
                <div class="w6"><By name={f.name} by="prompt" label="Prompt versions" view={view} more={[FAILED]} /></div>
                <div class="w6"><By name={f.name} by="model" label="Models" view={view} more={[FAILED, P95]} /></div>
            </div>
        </div>
    );
}
