import { useMemo } from 'preact/hooks';
import { href, pathPart } from '../lib/address';
import { micros, type Call } from '../lib/calls';
import { callsOf, sessionHref, type Chain, type ChainKind } from '../lib/chains';
import { count, latency, rate } from '../lib/figures';
import { money, moneyExact, toBig } from '../lib/money';
import type { Session } from '../lib/session';
import { momentText, momentTitle } from '../lib/time';
import { spanOfCall } from '../lib/trace';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { writeWhere } from '../lib/where';
import { Sum } from '../parts/call_cells';
import { Card, Tile } from '../parts/card';
import { Copy } from '../parts/copy';
import { Lift } from '../parts/lift';
import { Page } from '../parts/page';
import { Load } from '../parts/state';
import { Trace } from '../parts/trace';
import { Came } from '../parts/outcomes';

function Tiles({ chain, calls, kind }: { chain: Chain; calls: Call[]; kind: ChainKind }) {
    const spans = calls.map(spanOfCall);
    const from = Math.min(...spans.map((s) => s.from)), to = Math.max(...spans.map((s) => s.to));
    const worked = calls.reduce((all, call) => all + call.total_us, 0), failed = calls.filter((call) => call.status !== 'ok').length;
    const many = Number(chain.calls), retries = Number(chain.attempts) - many, tasks = new Set(calls.map((call) => call.task).filter(Boolean)).size;
    const all = calls.length === many, unpriced = Number(chain.unpriced);
    return (
        <div class="tiles">
            <Tile name="Cost" value={<span title={moneyExact(chain.cost_picousd)}><Sum of={chain} /></span>} note={unpriced ? <span class="warn">{count(unpriced)} of {count(chain.attempts)} attempts without a price</span> : toBig(chain.wasted_picousd) > 0n ? `${money(chain.wasted_picousd)} of it wasted` : 'nothing wasted'} />
            <Tile name="Calls" value={count(many)} note={kind === 'session' && all ? `of ${tasks} ${tasks === 1 ? 'task' : 'tasks'}` : failed ? `${failed}${all ? '' : ` of the latest ${calls.length}`} failed` : 'all answered'} />
            <Tile name="From beginning to end" value={latency((to - from) / 1000)} note={`${latency(worked / 1000)} of calls`} />
            <Tile name="Retries" value={count(retries)} note={`${rate(retries, many)} of the calls' number`} />
            <Tile name="Cost per call" value={<Sum of={chain} by={many} />} note="retries counted" />
        </div>
    );
}

/** What all its calls have in common. */
function Shared({ calls, kind, view }: { calls: Call[]; kind: ChainKind; view: View }) {
    const one = (of: (call: Call) => string) => {
        const values = [...new Set(calls.map(of).filter(Boolean))];
        return values.length === 1 ? values[0]! : '';
    };
    const session = one((call) => call.session), user = one((call) => call.user);
    return (
        <nav class="chips" aria-label="Around it">
            {kind === 'task' && session && <a class="button" href={sessionHref(session, view.query, calls[0]?.at)}>Its session</a>}
            {user && <a class="button" href={href(['calls'], { where: writeWhere([{ name: 'user', value: user }]) }, view.query)} title={user}>Its user's calls</a>}
        </nav>
    );
}

function Whole({ chain, kind, id, view, session }: { chain: Chain; kind: ChainKind; id: string; view: View; session: Session }) {
    const calls = useMemo(() => callsOf(chain), [chain]), first = calls.reduce((least, call) => (micros(call.at) < micros(least.at) ? call : least), calls[0]!);
    return (
        <div class="stack-up wide-gap">
            {Number(chain.calls) > calls.length && <p class="notice">These are its latest {calls.length} of {count(chain.calls)}{chain.more && ' and more'} calls. <a href={href(['calls'], { where: writeWhere([{ name: kind, value: id }]) }, view.query)}>All of them, as a list</a></p>}
            <Tiles chain={chain} calls={calls} kind={kind} />
            <Card title="Steps" flush note={<span title={momentTitle(first.at)}>{momentText(first.at)} UTC</span>} actions={<Shared calls={calls} kind={kind} view={view} />}>
                <Trace calls={calls} byTask={kind === 'session'} query={view.query} />
            </Card>
            {kind === 'task' && <Came task={id} session={session} />}
        </div>
    );
}

export function ChainPage({ kind, id, view, session }: { kind: ChainKind; id: string; view: View; session: Session }) {
    const chain = useApi<Chain>(`/${kind}s/${pathPart(id)}`, { limit: 1000, ...(kind === 'session' ? { since: view.ask.since, until: view.ask.until } : {}) }, { long: true });
    const up = kind === 'task' ? { label: 'Tasks', href: href(['tasks'], {}, view.query) } : { label: 'Sessions', href: href(['tasks', 'sessions'], {}, view.query) };
    return (
        <Page title={id} crumbs={[up]} view={kind === 'session' ? view : undefined} filters={false} actions={<><Lift kind={kind} id={id} session={session} /><Copy text={id} what={`the ${kind}'s id`} /></>}>
            <Load from={chain} height={520}>{(whole) => <Whole chain={whole} kind={kind} id={id} view={view} session={session} />}</Load>
        </Page>
    );
}
