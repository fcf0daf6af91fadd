// What a key may spend and how fast: the budgets and limits that name it, and one to set.
import { useState } from 'preact/hooks';
import { href } from '../lib/address';
import { amount, exceedText, scopeText, standing, type BudgetRow, type LimitBody, type Setting } from '../lib/budgets';
import { count } from '../lib/figures';
import { may, type Session } from '../lib/session';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import { Bar } from '../parts/bar';
import { Card } from '../parts/card';
import { Load } from '../parts/state';
import { BudgetForm } from './budgets_form';
import { LimitForm } from './budgets_limit_form';

function limitWords({ requests_per_minute: calls, tokens_per_minute: tokens, concurrency }: LimitBody): string {
    return [calls && `${count(calls)} calls a minute`, tokens && `${count(tokens)} tokens a minute`, concurrency && `${count(concurrency)} calls at a time`].filter(Boolean).join(', ');
}

function Spent({ of }: { of: BudgetRow }) {
    const { used, held, even } = standing(of, Date.now());
    return (
        <div class="of-key" title={exceedText(of.on_exceed)}>
            <div class="between"><a class="name" href={href(['budgets', of.budget])}>{of.budget}</a><span>{amount(of.measure, of.spent)} of {amount(of.measure, of.limit)} <span class="muted">a {of.window}</span></span></div>
            <Bar part={used} held={held} mark={even ?? undefined} label={of.budget} />
        </div>
    );
}

function Rate({ of }: { of: Setting<LimitBody> }) {
    return <div class="between"><span class="name">{of.name}{Object.keys(of.setting.scope ?? {}).length > 1 && <span class="muted small"> {scopeText(of.setting.scope)}</span>}</span><span>{limitWords(of.setting)}</span></div>;
}

export function KeyLimits({ name, session }: { name: string; session: Session }) {
    const settings = useApi<List<Setting<LimitBody>>>('/settings', { limit: 1000 }), counters = useApi<List<BudgetRow>>('/budgets', { where: `key=${name}` });
    const [asks, setAsks] = useState<'limit' | 'budget' | null>(null);
    const close = () => setAsks(null), first = { name: `key:${name}`, scope: { key: name } };
    const all = settings.data?.rows ?? [], limits = all.filter((one) => one.kind === 'limit' && one.state === 'holds' && one.setting.scope?.key === name);
    const taken = (kind: string) => all.filter((one) => one.kind === kind && one.state === 'holds').map((one) => one.name);
    const own = limits.find((one) => one.origin === 'runtime' && Object.keys(one.setting.scope ?? {}).length === 1);
    return (
        <Card title="Budgets and limits" actions={may(session, 'admin') && settings.data && <><button class="button" type="button" onClick={() => setAsks('budget')}>Budget</button><button class="button" type="button" onClick={() => setAsks('limit')}>Limit</button></>}>
            <Load from={counters} height={130}>
                {({ rows }) => (
                    <div class="stack-up">
                        {!rows.length && !limits.length && <p class="muted">None names this key. Those of its team and of every call hold all the same: they are under <a href={href(['budgets'])}>Budgets</a>.</p>}
                        {rows.map((one) => <Spent key={`${one.budget} ${one.scope}`} of={one} />)}
                        {limits.map((one) => <Rate key={one.name} of={one} />)}
                    </div>
                )}
            </Load>
            {asks === 'limit' && <LimitForm of={own} first={first} taken={taken('limit')} onClose={close} />}
            {asks === 'budget' && <BudgetForm first={first} taken={taken('budget')} onClose={close} />}
        </Card>
    );
}
