// Of one feature: what came of it, what of its prompts grows, what was promised of it.
import { bytesText, promisesOf, promptOf, type Feature, type Growth, type Success, type SuccessList, type Whole } from '../lib/features';
import { change, count, share } from '../lib/figures';
import { money, usd } from '../lib/money';
import { Badge, Card } from '../parts/card';
import { Interval } from '../parts/interval';
import { Empty } from '../parts/state';
import { Table, type Column } from '../parts/table';
import { PromiseLine, between, rateText, segmentName } from './features_parts';

function Outcome({ of: s }: { of: Success }) {
    const high = usd(s.cost_per_success_high_picousd ?? s.cost_per_success_picousd ?? 0), each = usd(s.cost_per_success_picousd ?? 0);
    return (
        <li>
            <div class="line"><b class="name" title={s.name}>{s.name}</b><span class="muted nowrap">{count(s.successes)} of {count(s.units)}</span></div>
            <div class="line small"><span>succeed</span><span>{rateText(s)}</span></div>
            <Interval low={s.success_rate_low} at={s.success_rate} high={s.success_rate_high} most={1} label={`Of ${s.name}, ${rateText(s)} succeed`} />
            <div class="line small"><span>a success costs</span><span><b>{money(s.cost_per_success_picousd)}</b> {s.cost_per_success_picousd !== null && <span class="muted">({between(s)})</span>}</span></div>
            {s.cost_per_success_picousd !== null && <Interval low={usd(s.cost_per_success_low_picousd ?? s.cost_per_success_picousd)} at={each} high={high} most={high * 1.25} label={`A success costs ${money(s.cost_per_success_picousd)}, ${between(s)}`} />}
            <div class="figures small muted">
                <span title="Where it falls, the cost of a success may fall by that alone">{s.coverage === null ? 'share of its spend not known' : `${share(s.coverage)} of its spend has an outcome`}</span>
                {usd(s.worth_picousd) > 0 && <span>worth {money(s.worth_picousd)}</span>}
            </div>
        </li>
    );
}

export function Outcomes({ of: f, cohorts }: { of: Feature; cohorts: SuccessList | undefined }) {
    const note = cohorts && f.successes.length ? `tasks begun ${cohorts.from} to ${cohorts.to}, with 95 % intervals` : undefined;
    return (
        <Card title="What came of it" note={note}>
            {f.successes.length ? (
                <>
                    <ul class="outcomes">{f.successes.slice(0, SHOWN).map((s) => <Outcome key={s.name} of={s} />)}</ul>
                    {f.successes.length > SHOWN && <details class="more"><summary>{count(f.successes.length - SHOWN)} more outcomes</summary><ul class="outcomes">{f.successes.slice(SHOWN).map((s) => <Outcome key={s.name} of={s} />)}</ul></details>}
                </>
            )
                : <Empty title="No outcome was told">Tell what came of a task or call with <code>POST /api/v1/outcomes</code>: its name and whether it was a success. A day later it stands here with all that was paid for it.</Empty>}
        </Card>
    );
}

const SHOWN = 3; // the names that most units have

interface Moved extends Growth {
    trend: Whole['trend'][number] | undefined;
}

const SURE = 0.01;

export function Prompt({ growth, whole }: { growth: Growth[]; whole: Whole | undefined }) {
    const { parts, bytes } = promptOf(growth), output = growth.find((g) => g.segment === 'output');
    const rows: Moved[] = [...parts, ...(output ? [output] : [])].map((g) => ({ ...g, trend: whole?.trend.find((t) => t.segment === g.segment) }));
    const tokens = (g: Growth) => g.segment === 'output', amount = (g: Growth, v: number) => (tokens(g) ? `${count(v)} tokens` : bytesText(v));
    const columns: Column<Moved>[] = [
        { name: 'segment', label: 'Part', cell: (g) => <span class="in-row"><span class={`dot s${parts.indexOf(g) >= 0 ? parts.indexOf(g) + 1 : parts.findIndex((p) => p.segment === g.segment) + 1}`} aria-hidden="true" />{segmentName(g.segment)}</span> },
        { name: 'after', label: 'A call', number: true, cell: (g) => amount(g, g.after) },
        { name: 'before', label: 'Before', number: true, title: 'In the period of the same length right before', cell: (g) => amount(g, g.before) },
        { name: 'change', label: 'Change', number: true, cell: (g) => (g.change === null ? '–' : <span class={g.change > 0.1 ? 'warn' : ''}>{change(g.after, g.before)}</span>) },
        { name: 'trend', label: 'From day to day', number: true, title: 'The median slope between all pairs of days; bold where it is no accident', cell: (g) => (g.trend ? (g.trend.chance < SURE ? <Badge tone={g.trend.share_per_day > 0 ? 'warn' : 'good'} title={`No accident: chance ${g.trend.chance.toPrecision(1)}`}>{change(1 + g.trend.share_per_day, 1)} a day</Badge> : <span class="muted" title="Days in no order would show as much">{change(1 + g.trend.share_per_day, 1)}</span>) : '–') },
    ];
    return (
        <Card title="What a call is made of" flush note="whole days, against the period before">
            {bytes > 0 || output?.after ? (
                <>
                    {bytes > 0 && <div class="inset"><div class="parts tall" role="img" aria-label={parts.map((g) => `${segmentName(g.segment)} ${share(g.after / bytes)}`).join(', ')}>{parts.map((g, i) => <i key={g.segment} class={`s${i + 1}`} style={{ width: `${(g.after / bytes) * 100}%` }} />)}</div></div>}
                    <Table label="What a call is made of" columns={columns} rows={rows} rowKey={(g) => g.segment} />
                </>
            ) : <Empty title="Not known yet">What prompts are made of is summed by whole days (UTC): it stands here from the first full day on.</Empty>}
        </Card>
    );
}

export function Promises({ of: f }: { of: Feature }) {
    const promises = promisesOf(f);
    return (
        <Card title="What was promised" note="of the time range's answers">
            {promises.length ? <div class="stack">{promises.map((p) => <PromiseLine key={p.name} of={p} />)}</div>
                : <Empty title="Nothing was promised">Say in its settings how fast its answers are to be and how many of them: then the error budget stands here.</Empty>}
        </Card>
    );
}
