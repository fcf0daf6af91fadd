// What goes on at this moment, and what somebody should look at: ten seconds are enough to know.
import { href } from '../lib/address';
import { count, latency, rate, times } from '../lib/figures';
import type { LiveState } from '../lib/live';
import { money, usd } from '../lib/money';
import type { BudgetRow, NowAnswer, Outlook } from '../lib/now';
import { momentTitle } from '../lib/time';
import type { Session } from '../lib/session';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import { useNow } from '../lib/use_now';
import { useView } from '../lib/view';
import { Badge, Card, Change, Tile, TilesComing } from '../parts/card';
import { Page } from '../parts/page';
import { Load } from '../parts/state';
import { Attention } from './now_attention';
import { BudgetBars } from './now_budgets';
import { SpendCurve } from './now_spend';
import { Steps } from './now_steps';
import { Targets } from './now_targets';
import { Trends } from './now_trends';

const LIVE: Record<LiveState, [string, 'good' | 'warn' | undefined]> = { live: ['live', 'good'], connecting: ['connecting', undefined], lost: ['connection lost, trying again', 'warn'] };

/** The budget that is furthest ahead of its plan. */
function fastest(budgets: Outlook[]): Outlook | undefined {
    return budgets.filter((b) => b.burn_rate !== null).sort((a, b) => b.burn_rate! - a.burn_rate!)[0];
}

function Tiles({ now, query }: { now: NowAnswer; query: URLSearchParams }) {
    const { spend, hour, in_flight, expected } = now;
    const first = fastest(now.budgets);
    const knows = expected && expected.basis !== 'nothing';
    const today = knows ? <><Change now={usd(spend.today_picousd)} before={usd(expected.today_by_now_picousd)} /> against {money(expected.today_by_now_picousd)} expected</> : 'since midnight UTC';
    return (
        <div class="tiles seven">
            <Tile name="Today" value={money(spend.today_picousd)} note={today} href={href(['costs'], { range: '24h' }, query)} />
            <Tile name="This month" value={money(spend.month_picousd)} note={knows ? `about ${money(expected.month_end_picousd)} at its end` : 'since the first, UTC'} href={href(['costs'], { range: '30d' }, query)} />
            <Tile name="Burn rate" value={`${money(hour.cost_picousd)}/h`} tone={first && first.burn_rate! > 1.5 ? 'warn' : undefined} note={first ? `${first.budget}: ${times(first.burn_rate)} its plan` : 'in the last hour'} title="What the last hour cost; and how many times faster than planned the fastest budget was spent in it" href={href(['budgets'], {}, query)} />
            {in_flight && <Tile name="In flight" value={count(in_flight.calls)} note={`${count(in_flight.streams)} of them streams${in_flight.complete ? '' : ' (at least)'}`} />}
            <Tile name="Errors" value={rate(hour.errors, hour.attempts)} tone={hour.error_rate > 0.05 ? 'bad' : hour.error_rate > 0.02 ? 'warn' : undefined} note={`${count(hour.errors)} of ${count(hour.attempts)} in an hour`} href={href(['costs'], { range: '1h', by: 'status' }, query)} />
            <Tile name="Latency p95" value={latency(hour.p95_ms)} note={`p50 ${latency(hour.p50_ms)}, p99 ${latency(hour.p99_ms)}`} />
            <Tile name="First token p95" value={latency(hour.first_token_p95_ms)} note={`p50 ${latency(hour.first_token_p50_ms)}, p99 ${latency(hour.first_token_p99_ms)}`} />
        </div>
    );
}

export function Now({ session }: { session: Session }) {
    const view = useView('24h');
    const owner = session.role === 'owner';
    const { now, live, memory } = useNow(!owner);
    const budgets = useApi<List<BudgetRow>>('/budgets', { fullest: 7 }, { every: 15_000 });
    const [word, tone] = LIVE[live];
    return (
        <Page title="Now" view={view} actions={!owner && <Badge tone={tone} title={now.data && momentTitle(now.data.at)}><span class={`dot round ${tone ?? ''}`} />{word}</Badge>}>
            {now.data ? <Tiles now={now.data} query={view.query} /> : !now.problem && <TilesComing count={7} class="seven" />}
            <div class="grid">
                <div class="w8"><SpendCurve now={now} /></div>
                <div class="w4"><Card title="Needs attention"><Load from={now} height={300}>{(data) => <Attention notes={data.attention} query={view.query} />}</Load></Card></div>
                {!owner && <div class="w12"><Card title="In flight, by step" note={now.data?.in_flight ? `${count(now.data.in_flight.calls)} calls` : ''}><Load from={now} height={150}>{(data) => data.in_flight && <Steps in_flight={data.in_flight} memory={memory} />}</Load></Card></div>}
                <div class="w8"><Card title="Targets" flush note="the last hour"><Load from={now} height={240}>{(data) => <Targets targets={data.targets} />}</Load></Card></div>
                <div class="w4"><Card title="Budgets" note="nearest to their end" actions={<a class="button plain small" href={href(['budgets'], {}, view.query)}>All</a>}><Load from={budgets} height={240}>{(data) => <BudgetBars rows={data.rows} outlooks={now.data?.budgets ?? []} />}</Load></Card></div>
            </div>
            {view.filters.length > 0 && <p class="notice">The filters narrow the charts below; what is above is always everything.</p>}
            <Trends view={view} />
        </Page>
    );
}
