import type { ComponentChildren } from 'preact';
import { href, setQuery } from '../lib/address';
import { statusText, statusTone, type Attempt, type Call } from '../lib/calls';
import { sessionHref, taskHref } from '../lib/chains';
import { count, latency, rate } from '../lib/figures';
import { money, moneyExact, toBig } from '../lib/money';
import type { Session } from '../lib/session';
import { momentText, momentTitle } from '../lib/time';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { writeWhere } from '../lib/where';
import { AttemptCard } from '../parts/attempt';
import { Cost, Narrow } from '../parts/call_cells';
import { Card, Tile } from '../parts/card';
import { Copy } from '../parts/copy';
import { Page } from '../parts/page';
import { Load } from '../parts/state';
import { Timeline } from '../parts/timeline';
import { Came } from '../parts/outcomes';

interface WholeCall extends Call {
    rows: Attempt[];
}

const kindOf = (reason: string) => (reason === 'first' ? 'the first' : `${/^[aeiou]/.test(reason) ? 'an' : 'a'} ${reason}`);

function attemptsNote({ attempts, status, wasted, reason }: Call): string {
    const answered = status === 'ok';
    if (attempts === 1) return answered ? 'the first was enough' : 'no other was tried';
    return `${wasted} not used; ${answered ? 'answered by' : 'the last was'} ${kindOf(reason)}`;
}

function Tiles({ call }: { call: WholeCall }) {
    const wasted = toBig(call.wasted_picousd), tone = statusTone(call.status);
    return (
        <div class="tiles">
            <Tile name="Cost" value={<Cost of={call} />} note={wasted > 0n ? `${money(wasted)} of it wasted` : moneyExact(call.cost_picousd)} />
            <Tile name="Ended" value={call.status} tone={tone === 'good' ? undefined : tone} note={call.status === 'ok' ? call.finish_reason && `finish: ${call.finish_reason}` : statusText(call.status)} />
            <Tile name="Took" value={latency(call.total_us / 1000)} note={call.first_byte_us ? `first byte ${latency(call.first_byte_us / 1000)}` : 'no answer came'} />
            <Tile name="Attempts" value={count(call.attempts)} note={attemptsNote(call)} />
            <Tile name="Tokens read" value={count(call.input_tokens)} note={`${rate(Number(call.cached_tokens), Number(call.input_tokens))} from a cache`} />
            <Tile name="Tokens generated" value={count(call.output_tokens)} note={call.streamed ? 'streamed' : 'not streamed'} />
        </div>
    );
}

/** What the call is booked on, and the header that says so. */
function Attribution({ call, view, owner }: { call: WholeCall; view: View; owner: boolean }) {
    const { query } = view, tags = call.rows[0]?.tags ?? '';
    const narrow = (name: string, value: string) => <Narrow name={name} value={value} query={query} />;
    const rows: [string, string, ComponentChildren][] = [
        ['Feature', 'x-purser-feature', call.feature ? <a href={href(['features', call.feature], {}, query)}>{call.feature}</a> : <span class="muted">–</span>],
        ['User', 'x-purser-user', owner || !call.user ? narrow('user', call.user) : <a href={href(['users', 'user', call.user], {}, query)}>{call.user}</a>],
        ['Task', 'x-purser-task', call.task ? <a href={taskHref(call.task, query)}>{call.task}</a> : <span class="muted">–</span>],
        ['Session', 'x-purser-session', call.session ? <a href={sessionHref(call.session, query, call.at)}>{call.session}</a> : <span class="muted">–</span>],
        ['Prompt', 'x-purser-prompt', narrow('prompt', call.prompt)],
        ['Tags', 'x-purser-tags', tags ? <span class="chips">{tags.split(',').map((tag) => <span class="tag" key={tag}>{tag}</span>)}</span> : <span class="muted">–</span>],
        ['Key', 'authorization', narrow('key', call.key)],
        ['Team', 'of the key', narrow('team', call.team)],
        ['Asked for', 'the body’s model', <span>{call.model_requested} <span class="muted">({call.operation})</span></span>],
    ];
    return (
        <Card title="Booked on" note="and the header that says it">
            <dl class="booked">
                {rows.map(([name, header, value]) => <div key={name}><dt>{name}<small class="mono muted">{header}</small></dt><dd>{value}</dd></div>)}
            </dl>
        </Card>
    );
}

/** What else there is around this call: the same task, session, prompt. */
function Around({ call, view }: { call: Call; view: View }) {
    const links: [string, string][] = [
        ...(call.task ? [['All steps of its task', taskHref(call.task, view.query)] as [string, string]] : []),
        ...(call.session ? [['Its session', sessionHref(call.session, view.query, call.at)] as [string, string]] : []),
        ['Calls of the same feature and model', href(['calls'], { where: writeWhere([{ name: 'feature', value: call.feature }, { name: 'model', value: call.model }]) }, view.query)],
    ];
    return <nav class="chips" aria-label="Around this call">{links.map(([label, to]) => <a class="button" key={label} href={to}>{label}</a>)}</nav>;
}

/** The attempt that the address names, else the one whose answer was used. */
function chosenOf(call: WholeCall, query: URLSearchParams): Attempt | undefined {
    const asked = Number(query.get('attempt'));
    return call.rows.find((one) => one.number === asked) ?? [...call.rows].reverse().find((one) => !one.wasted) ?? call.rows[call.rows.length - 1];
}

function Whole({ call, view, session }: { call: WholeCall; view: View; session: Session }) {
    const chosen = chosenOf(call, view.query);
    return (
        <div class="stack-up wide-gap">
            <Tiles call={call} />
            <Card title="Timeline" note={<span title={momentTitle(call.at)}>{momentText(call.at)} UTC</span>} actions={<Around call={call} view={view} />}>
                <Timeline call={call} attempts={call.rows} chosen={chosen?.number ?? 0} choose={(number) => setQuery({ attempt: `${number}` }, { replace: true })} />
            </Card>
            {chosen && <AttemptCard attempt={chosen} requested={call.model_requested} of={call.rows.length} />}
            <div class="grid">
                <div class="w7"><Attribution call={call} view={view} owner={session.role === 'owner'} /></div>
                <div class="w5"><Came call={call.id} task={call.task} session={session} /></div>
            </div>
        </div>
    );
}

/** `session`: an owner has no page for users. */
export function CallPage({ id, view, session }: { id: string; view: View; session: Session }) {
    const call = useApi<WholeCall>(`/calls/${encodeURIComponent(id)}`);
    return (
        <Page title={id} crumbs={[{ label: 'Calls', href: href(['calls'], {}, view.query) }]} actions={<Copy text={id} what="the call's id" />}>
            <Load from={call} height={640}>{(whole) => <Whole call={whole} view={view} session={session} />}</Load>
        </Page>
    );
}
