// Calls of a task or a session as a tree beside their time: arrow keys walk it, right opens, left closes.
import { useMemo, useState } from 'preact/hooks';
import { go, href } from '../lib/address';
import { micros, reasonText, statusText, statusTone, type Call } from '../lib/calls';
import { taskHref } from '../lib/chains';
import { latency } from '../lib/figures';
import { addPico, money, type Pico } from '../lib/money';
import { axisOf, rowsOf, spanOfCall, treeOf, type Axis, type Node, type Span, type TreeRow } from '../lib/trace';
import { Cost, StatusBadge } from './call_cells';
import { StepBar, StepLegend, stepWords } from './steps';

const DRAWN_CALLS = 40; // of a task, on its own line
const MARKED = 16; // cuts of the axis; more would be all that one sees
const DRAWN = 300; // rows before somebody asks for more

function spanOf(node: Node): Span {
    if (node.kind === 'attempt') return { from: micros(node.attempt.at), to: micros(node.attempt.at) + node.attempt.total_us };
    if (node.kind === 'call') return spanOfCall(node.call);
    const all = node.calls.map(spanOfCall);
    return { from: Math.min(...all.map((s) => s.from)), to: Math.max(...all.map((s) => s.to)) };
}

function Bars({ node, axis }: { node: Node; axis: Axis }) {
    if (node.kind === 'attempt') return <StepBar attempt={node.attempt} at={axis.at} from={micros(node.attempt.at)} />;
    if (node.kind === 'call') {
        const attempts = node.call.rows ?? [];
        return <>{attempts.map((attempt) => <StepBar key={attempt.attempt_id} attempt={attempt} at={axis.at} from={micros(attempt.at)} />)}</>;
    }
    const span = spanOf(node), begin = axis.at(span.from);
    return (
        <>
            <i class="step whole" style={{ left: `${begin * 100}%`, width: `max(1px, ${(axis.at(span.to) - begin) * 100}%)` }} />
            {node.calls.slice(0, DRAWN_CALLS).flatMap((call) => call.rows ?? []).map((attempt) => <StepBar key={attempt.attempt_id} attempt={attempt} at={axis.at} from={micros(attempt.at)} />)}
        </>
    );
}

const retriesOf = (call: Call) => call.attempts - 1;
const sum = (calls: Call[]) => calls.reduce<Pico>((all, call) => addPico(all, call.cost_picousd), 0);

function Label({ node, query }: { node: Node; query: URLSearchParams }) {
    if (node.kind === 'task') return <a class="name" href={taskHref(node.task, query)} tabIndex={-1} title={node.task}><b>{node.task}</b></a>;
    if (node.kind === 'attempt') return <span class="name" title={reasonText(node.attempt.reason)}>{node.attempt.reason} <span class="muted">{node.attempt.provider}/{node.attempt.model}</span></span>;
    const { call } = node;
    return (
        <a class="name" href={href(['calls', call.id], {}, query)} tabIndex={-1} title={`${call.feature || '(none)'}, ${call.provider}/${call.model}`}>
            <span class="muted">{node.step}</span> {call.feature || '(none)'} <span class="muted">{call.model}</span>
        </a>
    );
}

function Retries({ node }: { node: Node }) {
    const more = node.kind === 'call' ? retriesOf(node.call) : node.kind === 'task' ? node.calls.reduce((all, call) => all + retriesOf(call), 0) : 0;
    if (node.kind === 'attempt' || more === 0) return <span class="muted">–</span>;
    const reasons = node.kind === 'call' ? [...new Set((node.call.rows ?? []).map((a) => a.reason).filter((reason) => reason !== 'first'))].join(', ') : '';
    return <span title={`${more} more than one attempt a call`}>{more}{reasons && <span class="muted small"> {reasons}</span>}</span>;
}

function Ended({ node }: { node: Node }) {
    if (node.kind === 'attempt') return <StatusBadge status={node.attempt.status} wasted={!!node.attempt.wasted} />;
    if (node.kind === 'call') return <StatusBadge status={node.call.status} />;
    const failed = node.calls.filter((call) => call.status !== 'ok').length;
    return failed ? <span class="bad">{failed} of {node.calls.length} failed</span> : <span class="muted">{node.calls.length} {node.calls.length === 1 ? 'call' : 'calls'}</span>;
}

function toneOf(node: Node): string {
    if (node.kind === 'task') return node.calls.some((call) => call.status !== 'ok') ? 'bad' : 'good';
    return statusTone(node.kind === 'call' ? node.call.status : node.attempt.status) ?? '';
}

function titleOf(node: Node): string {
    if (node.kind === 'attempt') return `${statusText(node.attempt.status)}. ${stepWords(node.attempt)}`;
    if (node.kind === 'call') return `${statusText(node.call.status)}, ${latency(node.call.total_us / 1000)}, ${money(node.call.cost_picousd)}`;
    return node.task;
}

interface RowProps {
    row: TreeRow;
    axis: Axis;
    query: URLSearchParams;
    first: boolean;
    turn: (open: boolean) => void;
    to: string | undefined;
}

function onKey(event: KeyboardEvent, { row, turn, to }: RowProps): void {
    const at = event.currentTarget as HTMLElement;
    const level = (el: Element | null) => Number(el?.getAttribute('aria-level') ?? 0);
    let next: Element | null = { ArrowDown: at.nextElementSibling, ArrowUp: at.previousElementSibling, Home: at.parentElement!.firstElementChild, End: at.parentElement!.lastElementChild }[event.key] ?? null;
    if (event.key === 'ArrowRight') {
        if (row.node.children.length && !row.open) turn(true);
        else if (row.open) next = at.nextElementSibling;
    } else if (event.key === 'ArrowLeft') {
        if (row.open) turn(false);
        else for (next = at.previousElementSibling; next && level(next) >= row.level;) next = next.previousElementSibling;
    } else if (event.key === 'Enter' && to && event.target === at) go(to);
    else if (!['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key)) return;
    (next as HTMLElement | null)?.focus();
    event.preventDefault();
}

function Row(props: RowProps) {
    const { row, axis, query, first, turn } = props, { node } = row, span = spanOf(node);
    const many = node.children.length > 0;
    return (
        <tr class={node.kind} tabIndex={first ? 0 : -1} aria-level={row.level} aria-posinset={row.place} aria-setsize={row.siblings} aria-expanded={many ? row.open : undefined} onKeyDown={(event) => onKey(event, props)}>
            <td class="label">
                <span class="indent" style={{ paddingLeft: `${(row.level - 1) * 18}px` }}>
                    {many ? <button class="turn" type="button" tabIndex={-1} aria-label={row.open ? 'Close' : 'Open'} onClick={() => turn(!row.open)}>{row.open ? '▾' : '▸'}</button> : <span class="turn" />}
                    <span class={`dot round narrow-only ${toneOf(node)}`} title={titleOf(node)} />
                    <Label node={node} query={query} />
                </span>
            </td>
            <td class="wide-only"><Ended node={node} /></td>
            <td class="time" title={titleOf(node)}>
                <span class="track">
                    {axis.gaps.length <= MARKED && axis.gaps.map((gap) => <s key={gap.at} style={{ left: `${gap.at * 100}%` }} />)}
                    <Bars node={node} axis={axis} />
                </span>
            </td>
            <td class="number">{latency((node.kind === 'attempt' ? node.attempt.total_us : span.to - span.from) / 1000)}</td>
            <td class="number wide-only"><Retries node={node} /></td>
            <td class="number">{node.kind === 'task' ? money(sum(node.calls)) : <Cost of={node.kind === 'call' ? node.call : node.attempt} />}</td>
        </tr>
    );
}

function addressOf(node: Node, query: URLSearchParams): string {
    if (node.kind === 'task') return taskHref(node.task, query);
    if (node.kind === 'attempt') return href(['calls', node.call.id], { attempt: `${node.attempt.number}` }, query);
    return href(['calls', node.call.id], {}, query);
}

export function Trace({ calls, byTask, query }: { calls: Call[]; byTask: boolean; query: URLSearchParams }) {
    const tree = useMemo(() => treeOf(calls, byTask), [calls, byTask]);
    const axis = useMemo(() => axisOf(calls.map(spanOfCall)), [calls]);
    const [turned, setTurned] = useState<Map<string, boolean>>(new Map());
    const [all, setAll] = useState(false);
    // What went wrong is open from the start; a session of many tasks is not.
    const few = tree.length <= 12;
    const isOpen = (node: Node) => turned.get(node.id) ?? (node.kind === 'task' ? few : node.kind === 'call' && node.children.length > 0 && calls.length <= 40);
    const rows = rowsOf(tree, isOpen), shown = all ? rows : rows.slice(0, DRAWN);
    return (
        <>
            <div class="table-box whole">
                <table class="trace" role="treegrid" aria-label={byTask ? 'Tasks, calls and attempts' : 'Calls and attempts'}>
                    <thead>
                        <tr><th scope="col">Step</th><th scope="col" class="wide-only">Ended</th><th scope="col" class="time">Time{axis.gaps.length > 0 && <span class="cut"> without {axis.gaps.length === 1 ? 'an idle stretch' : `${axis.gaps.length} idle stretches`}</span>}</th><th scope="col" class="number">Took</th><th scope="col" class="number wide-only">Retries</th><th scope="col" class="number">Cost</th></tr>
                    </thead>
                    <tbody>
                        {shown.map((row, i) => <Row key={row.node.id} row={row} axis={axis} query={query} first={i === 0} to={addressOf(row.node, query)} turn={(open) => setTurned(new Map(turned).set(row.node.id, open))} />)}
                    </tbody>
                </table>
            </div>
            <div class="list-end">
                <StepLegend />
                {shown.length < rows.length && <button class="button" type="button" onClick={() => setAll(true)}>Show all {rows.length} rows</button>}
            </div>
        </>
    );
}
