// What happened in time: calls and attempts as bars on one axis, and as a tree (session, task, call, attempt).
import { micros, type Attempt, type Call } from './calls';

export interface Span {
    from: number; // microseconds
    to: number;
}

// ---- the axis

export interface Gap {
    at: number; // share of the axis, where it is cut
    us: number; // how long nothing happened
}

export interface Axis {
    /** A moment's place, 0 to 1. */
    at: (us: number) => number;
    gaps: Gap[];
    from: number;
    to: number;
}

interface Piece {
    from: number;
    to: number;
    begin: number; // on the axis, in drawn microseconds
}

/** What one idle stretch may take of the axis, and what all of them may, of the time in which something happens. */
const ONE_GAP = 0.06, ALL_GAPS = 0.5;

function merged(spans: Span[]): Span[] {
    const all = [...spans].sort((a, b) => a.from - b.from), out: Span[] = [];
    for (const span of all) {
        const last = out[out.length - 1];
        if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
        else out.push({ ...span });
    }
    return out;
}

/** Long stretches in which nothing happens are cut short: a session of an afternoon has seconds of calls. */
export function axisOf(spans: Span[]): Axis {
    const busy = merged(spans);
    if (!busy.length) return { at: () => 0, gaps: [], from: 0, to: 0 };
    const from = busy[0]!.from, to = busy[busy.length - 1]!.to;
    const worked = busy.reduce((sum, span) => sum + span.to - span.from, 0);
    const longest = Math.max(1, worked * Math.min(ONE_GAP, ALL_GAPS / Math.max(1, busy.length - 1)));
    const pieces: Piece[] = [], cuts: { at: number; us: number }[] = [];
    let drawn = 0;
    for (const [i, span] of busy.entries()) {
        const before = busy[i - 1], idle = before ? span.from - before.to : 0;
        if (before && idle > longest) {
            cuts.push({ at: drawn + longest / 2, us: idle });
            drawn += longest;
        } else drawn += idle;
        pieces.push({ from: span.from, to: span.to, begin: drawn });
        drawn += span.to - span.from;
    }
    const whole = Math.max(drawn, 1);
    const at = (us: number) => {
        let piece = pieces[0]!;
        for (const one of pieces) if (one.from <= us) piece = one;
        const next = pieces[pieces.indexOf(piece) + 1];
        const place = piece.begin + Math.max(0, us - piece.from);
        return Math.min(1, Math.max(0, Math.min(place, next ? next.begin : whole) / whole));
    };
    return { at, gaps: cuts.map((cut) => ({ at: cut.at / whole, us: cut.us })), from, to };
}

/** Round moments for an axis without cuts, in microseconds from its beginning. */
export function ticks(length_us: number, most = 6): number[] {
    if (!(length_us > 0)) return [0];
    const rough = length_us / most, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough)!;
    const all: number[] = [];
    for (let us = 0; us <= length_us * 1.0001; us += step) all.push(us);
    return all;
}

export const spanOfAttempt = (a: Attempt): Span => ({ from: micros(a.at), to: micros(a.at) + Math.max(0, a.total_us) });

export function spanOfCall(c: Call): Span {
    const from = micros(c.at);
    return { from, to: from + Math.max(0, c.total_us) };
}

// ---- the tree

export type Node =
    | { kind: 'task'; id: string; task: string; calls: Call[]; children: Node[] }
    | { kind: 'call'; id: string; call: Call; step: number; children: Node[] }
    | { kind: 'attempt'; id: string; attempt: Attempt; call: Call; children: Node[] };

function callNode(call: Call, step: number): Node {
    const attempts = call.rows ?? [];
    const children: Node[] = attempts.length < 2 ? [] : attempts.map((attempt) => ({ kind: 'attempt', id: `${call.id}/${attempt.attempt_id}`, attempt, call, children: [] }));
    return { kind: 'call', id: call.id, call, step, children };
}

/** Calls oldest first; those of a task as its children, where tasks are wanted. Calls of no task stand by themselves. */
export function treeOf(calls: Call[], byTask: boolean): Node[] {
    const sorted = [...calls].sort((a, b) => micros(a.at) - micros(b.at));
    const roots: Node[] = [], tasks = new Map<string, Node & { kind: 'task' }>();
    let step = 0;
    for (const call of sorted) {
        if (!byTask || !call.task) {
            roots.push(callNode(call, ++step));
            continue;
        }
        let task = tasks.get(call.task);
        if (!task) {
            task = { kind: 'task', id: `task ${call.task}`, task: call.task, calls: [], children: [] };
            tasks.set(call.task, task);
            roots.push(task);
        }
        task.calls.push(call);
        task.children.push(callNode(call, task.calls.length));
    }
    return roots;
}

export interface TreeRow {
    node: Node;
    level: number; // from 1
    open: boolean;
    place: number; // among its siblings, from 1
    siblings: number;
}

/** What is seen: children of what is open. */
export function rowsOf(nodes: Node[], isOpen: (node: Node) => boolean, level = 1): TreeRow[] {
    return nodes.flatMap((node, i) => {
        const open = node.children.length > 0 && isOpen(node);
        const row: TreeRow = { node, level, open, place: i + 1, siblings: nodes.length };
        return open ? [row, ...rowsOf(node.children, isOpen, level + 1)] : [row];
    });
}
