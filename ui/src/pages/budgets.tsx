import { useState } from 'preact/hooks';
import { href, pathPart, setQuery } from '../lib/address';
import { send } from '../lib/api';
import { counterText, scopeText, type BudgetBody, type BudgetRow, type LimitBody, type Outlook, type Setting, type Switches } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { count } from '../lib/figures';
import { may, type Session } from '../lib/session';
import type { List } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import { useAddress } from '../lib/address';
import { Card } from '../parts/card';
import { Confirm } from '../parts/dialog';
import { Page } from '../parts/page';
import { Empty, Failed, Load } from '../parts/state';
import { CsvLink } from '../parts/table';
import { BudgetForm } from './budgets_form';
import { CountersTable, RuleItem, rulesOf } from './budgets_list';
import { LimitForm } from './budgets_limit_form';
import { LimitsTable } from './budgets_limits';
import { NotInForce } from './budgets_not_in_force';
import { SwitchesCard, useFeatureNames } from './budgets_switches';

type Doing = { what: 'budget' | 'limit' | 'remove'; of?: Setting };

function Find({ query, label }: { query: URLSearchParams; label: string }) {
    return <input class="field find" type="search" aria-label={label} placeholder={label} value={query.get('q') ?? ''} onInput={(e) => setQuery({ q: e.currentTarget.value }, { replace: true })} />;
}

const fits = (text: string, q: string) => !q || text.toLowerCase().includes(q.toLowerCase());

function Counters({ name, query }: { name: string; query: URLSearchParams }) {
    const counters = useApi<List<BudgetRow>>('/budgets', { where: `budget=${name}`, fullest: 1000 }, { every: 10_000 });
    const q = query.get('q') ?? '';
    return (
        <Page title={name} crumbs={[{ label: 'Budgets & switches', href: href(['budgets'], {}, query) }]} actions={<Find query={query} label="Find a counter" />}>
            <Card title="Counters" flush note={counters.data?.rows[0]?.counters && counters.data.rows[0].counters > counters.data.rows.length ? `the fullest ${count(counters.data.rows.length)} of ${count(counters.data.rows[0].counters)}` : 'the fullest first'} actions={<CsvLink url={counters.url} />}>
                <Load from={counters} height={480}>{({ rows }) => (rows.length ? <CountersTable rows={rows.filter((b) => fits(counterText(b.scope), q))} now={Date.now()} /> : <Empty title="No counters">There is no budget called {name}, or no call has met it yet.</Empty>)}</Load>
            </Card>
        </Page>
    );
}

function Removal({ of, onClose }: { of: Setting; onClose: () => void }) {
    const act = async (why: string) => {
        await send('DELETE', `/${of.kind}s/${pathPart(of.name)}`, undefined, of.etag, { why });
        refresh();
    };
    return <Confirm title={`Remove the ${of.kind} ${of.name}?`} action="Remove it" danger reason="optional" onConfirm={act} onClose={onClose}><p>{of.kind === 'budget' ? 'Calls are no longer held to it from then on. What was spent stays in the ledger.' : 'Calls are no longer held to it from then on.'}</p></Confirm>;
}

function All({ session, query }: { session: Session; query: URLSearchParams }) {
    const owner = session.role === 'owner', admin = may(session, 'admin'), q = query.get('q') ?? '';
    const budgets = useApi<List<BudgetRow>>('/budgets', { fullest: 10 }, { every: 10_000 });
    const switches = useApi<Switches>('/switches', {}, { every: 10_000 });
    const settings = useApi<List<Setting>>(owner ? null : '/settings', { limit: 1000 });
    const outlooks = useApi<{ budgets: Outlook[] }>('/now');
    const names = useFeatureNames();
    const [doing, setDoing] = useState<Doing | null>(null);
    const all = settings.data?.rows ?? [], now = Date.now();
    const limits = all.filter((s): s is Setting<LimitBody> => s.kind === 'limit' && s.state === 'holds');
    const actions = (
        <>
            <Find query={query} label="Find a budget or limit" />
            {!owner && <a class="button" href="/api/v1/settings/export" download="purser-runtime.yaml" title="What was set at run time, as YAML to paste into purser.yaml">Export YAML</a>}
            {admin && <button class="button main" type="button" onClick={() => setDoing({ what: 'budget' })}>New budget</button>}
        </>
    );
    const waiting = [budgets, switches, outlooks, ...(owner ? [] : [settings])].find((one) => one.data === undefined && !one.problem);
    if (waiting) return <Page title="Budgets & switches" actions={actions}><Load from={waiting as Loaded<unknown>} height={700}>{() => null}</Load></Page>; // all at once: nothing jumps
    return (
        <Page title="Budgets & switches" actions={actions}>
            <SwitchesCard session={session} from={switches} features={names} />
            {settings.problem && !settings.data && <Failed problem={settings.problem} again={settings.again} />}
            <NotInForce of={all} canRemove={admin} onRemove={(of) => setDoing({ what: 'remove', of })} />
            <Card title="Budgets" note="hard limits: held before a call, posted after it" actions={<CsvLink url={budgets.url} />}>
                <Load from={budgets} height={420}>
                    {({ rows }) => {
                        const rules = rulesOf(rows, all as Setting<BudgetBody>[], now), shown = rules.filter((r) => fits(`${r.name} ${scopeText(r.setting?.setting.scope)}`, q));
                        if (!rules.length) return <Empty title="No budget is set">A budget stops spending before it happens. {admin ? 'Make one with “New budget”.' : 'An admin can make one here, or in purser.yaml.'}</Empty>;
                        if (!shown.length) return <Empty title="No budget fits">Nothing here is called like {q}. Empty the search to see all {count(rules.length)}.</Empty>;
                        return <ul class="rules">{shown.map((r) => <RuleItem key={r.name} of={r} outlook={outlooks.data?.budgets.find((b) => b.budget === r.name)} now={now} query={query} canEdit={admin} onEdit={() => setDoing({ what: 'budget', of: r.setting as Setting })} onRemove={() => setDoing({ what: 'remove', of: r.setting as Setting })} />)}</ul>;
                    }}
                </Load>
                <p class="legend small muted"><span class="bar" aria-hidden="true"><i style={{ width: '30%' }} /><i class="held" style={{ left: '30%', width: '14%' }} /><s style={{ left: '60%' }} /><u style={{ left: '80%' }} /></span>spent, held for calls in flight, a threshold, where an even spending would stand by now</p>
            </Card>
            {!owner && (
                <Card title="Limits" flush note="on rate and concurrency" actions={admin && <button class="button small" type="button" onClick={() => setDoing({ what: 'limit' })}>New limit</button>}>
                    <Load from={settings} height={120}>{() => <LimitsTable rows={limits.filter((l) => fits(`${l.name} ${scopeText(l.setting.scope)}`, q))} canEdit={admin} onEdit={(of) => setDoing({ what: 'limit', of: of as Setting })} onRemove={(of) => setDoing({ what: 'remove', of: of as Setting })} />}</Load>
                </Card>
            )}
            {doing?.what === 'budget' && <BudgetForm of={doing.of as Setting<BudgetBody> | undefined} taken={all.filter((s) => s.kind === 'budget').map((s) => s.name)} onClose={() => setDoing(null)} />}
            {doing?.what === 'limit' && <LimitForm of={doing.of as Setting<LimitBody> | undefined} taken={all.filter((s) => s.kind === 'limit').map((s) => s.name)} onClose={() => setDoing(null)} />}
            {doing?.what === 'remove' && doing.of && <Removal of={doing.of} onClose={() => setDoing(null)} />}
        </Page>
    );
}

export function Budgets({ session }: { session: Session }) {
    const { path, query } = useAddress();
    return path[1] !== undefined ? <Counters name={path[1]} query={query} /> : <All session={session} query={query} />;
}
