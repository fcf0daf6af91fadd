// Cells that lists of calls, the live tail, traces and the page of a call share.
import { costStateText, statusText, statusTone, type Call } from '../lib/calls';
import { count, latency, rate } from '../lib/figures';
import { href } from '../lib/address';
import { money, moneyExact, toBig, type Pico } from '../lib/money';
import { momentText, momentTitle } from '../lib/time';
import { shownName, writeWhere } from '../lib/where';
import { Badge } from './card';
import type { Column } from './table';

export function StatusBadge({ status, wasted }: { status: string; wasted?: boolean }) {
    const title = `${statusText(status)}${wasted ? '; its result was not used' : ''}`;
    if (status === 'ok' && !wasted) return <span class="ok" title={title}><span class="dot round good" />ok</span>;
    return <Badge tone={status === 'ok' ? undefined : statusTone(status)} title={title}>{status === 'ok' ? 'ok, not used' : status}</Badge>;
}

/** What it cost, and how sure that is. */
export function Cost({ of, exact }: { of: { cost_state: string; cost_picousd: Pico; cost_max_picousd?: Pico }; exact?: boolean }) {
    const text = exact ? moneyExact(of.cost_picousd) : money(of.cost_picousd);
    if (of.cost_state === 'unpriced') return <span class="warn" title={of.cost_picousd ? `${costStateText('unpriced')}: ${moneyExact(of.cost_picousd)} of it is priced` : costStateText('unpriced')}>{of.cost_picousd ? `${text} + unpriced` : 'unpriced'}</span>;
    if (of.cost_state === 'free') return <span class="muted" title={costStateText('free')}>free</span>;
    if (of.cost_state === 'estimated') return <span title={`${costStateText('estimated')}: ${moneyExact(of.cost_picousd)}, at most ${moneyExact(of.cost_max_picousd)}`}>≈{text}</span>;
    return <span title={moneyExact(of.cost_picousd)}>{text}</span>;
}

/** What many attempts cost together, or each of `by`: without those of which no price is known, and nothing but these is no zero. */
export function Sum({ of, by = 1 }: { of: { cost_picousd: Pico; unpriced?: Pico }; by?: number }) {
    const cost = toBig(of.cost_picousd), unpriced = Number(of.unpriced ?? 0);
    if (!unpriced) return <>{money(by > 0 ? Math.round(Number(cost) / by) : 0)}</>;
    const title = `${count(unpriced)} ${unpriced === 1 ? 'attempt has' : 'attempts have'} no known price and ${unpriced === 1 ? 'is' : 'are'} not in it`;
    return cost ? <span title={title}>{money(by > 0 ? Math.round(Number(cost) / by) : 0)}</span> : <span class="warn" title={title}>unpriced</span>;
}

export function Name({ value }: { value: string }) {
    return <span class={`name ${value ? '' : 'muted'}`} title={value}>{shownName(value)}</span>;
}

/** A name that leads to the calls that have it. */
export function Narrow({ name, value, query }: { name: string; value: string; query: URLSearchParams }) {
    if (!value) return <span class="muted">–</span>;
    return <a class="name" href={href(['calls'], { where: writeWhere([{ name, value }]) }, query)} title={`Calls where ${name} is ${value}`}>{value}</a>;
}

/** Two lines: the time of day, and under it the day. */
function When({ at }: { at: string }) {
    const text = momentText(at), cut = text.lastIndexOf(' ');
    return <span class="two" title={momentTitle(at)}><span>{text.slice(cut + 1)}</span><span class="muted small">{text.slice(0, cut)}</span></span>;
}

function Ended({ call }: { call: Call }) {
    const how = call.reason === 'first' ? '' : `, ${call.reason}`;
    return (
        <span class="two">
            <span><StatusBadge status={call.status} /></span>
            {call.attempts > 1 && <span class="muted small" title={`${call.wasted} of them not used; the answer is of the ${call.reason}`}>{call.attempts} attempts<span class="wide-only">{how}</span></span>}
        </span>
    );
}

const tokensTitle = (call: Call) => `${count(call.input_tokens)} read, of them ${rate(Number(call.cached_tokens), Number(call.input_tokens))} from a cache; ${count(call.output_tokens)} generated`;

export const CALL_COLUMNS: Column<Call>[] = [
    { name: 'at', label: 'Time (UTC)', cell: (call) => <When at={call.at} /> },
    { name: 'feature', label: 'Feature', cell: (call) => <span class="two"><Name value={call.feature} /><span class="narrow-only muted small name">{call.model || call.model_requested}</span></span> },
    { name: 'model', label: 'Model', narrow: false, cell: (call) => <span class="two" title={`asked for ${call.model_requested}, went to ${call.provider}/${call.model}`}><span class="name">{call.model || call.model_requested}</span><span class="muted small">{call.provider}</span></span> },
    { name: 'user', label: 'User', narrow: false, cell: (call) => <Name value={call.user} /> },
    { name: 'status', label: 'Status', cell: (call) => <Ended call={call} /> },
    { name: 'tokens', label: 'Tokens', number: true, narrow: false, title: 'read → generated', cell: (call) => <span title={tokensTitle(call)}>{count(call.input_tokens)} → {count(call.output_tokens)}</span> },
    { name: 'total', label: 'Took', number: true, narrow: false, cell: (call) => <span class="two"><span>{latency(call.total_us / 1000)}</span><span class="muted small">{call.first_byte_us ? `first ${latency(call.first_byte_us / 1000)}` : 'no answer'}</span></span> },
    { name: 'cost', label: 'Cost', number: true, cell: (call) => <Cost of={call} /> },
];
