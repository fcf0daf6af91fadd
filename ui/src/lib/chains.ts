// Tasks and sessions as /api/v1/tasks and /api/v1/sessions have them.
import { href } from './address';
import { micros, type Attempt, type Call } from './calls';
import type { Count } from './figures';
import type { Pico } from './money';
import { DAY, floorTo, rfc3339 } from './time';

export type ChainKind = 'task' | 'session';

export interface ChainRow {
    name: string;
    feature?: string;
    calls: Count;
    attempts: Count;
    errors: Count;
    cost_picousd: Pico;
    wasted_picousd: Pico;
    unpriced: Pico;
    last?: string | null;
    p95_ms?: number | null; // from the report alone
}

type Step = Pick<Attempt, 'number' | 'at' | 'provider' | 'model' | 'reason' | 'status' | 'cost_picousd' | 'cost_state' | 'total_us' | 'first_byte_us' | 'wait_us'> & { id: string; wasted: boolean };

export interface Chain extends ChainRow {
    more: boolean; // there are older calls, which the sums leave out
    rows: (Omit<Call, 'rows'> & { rows: Step[] })[];
}

/** Its calls, with attempts that bars can be drawn of. */
export function callsOf(chain: Chain): Call[] {
    return chain.rows.map((call) => ({ ...call, rows: call.rows.map((step) => ({ ...step, attempt_id: step.id, connect_us: 0, wasted: step.wasted ? 1 : 0 }) as unknown as Attempt) }));
}

/** `sessions` is the list of these. */
export const taskHref = (task: string, query: URLSearchParams) => href(task === 'sessions' ? ['tasks', 'task', task] : ['tasks', task], {}, query);

/** Sessions are found within a range: of a call's, the days around it. */
export function sessionHref(session: string, query: URLSearchParams, at?: string): string {
    if (!at) return href(['tasks', 'session', session], {}, query);
    const day = floorTo(micros(at) / 1000, DAY);
    return href(['tasks', 'session', session], { range: null, since: rfc3339(day - DAY), until: rfc3339(day + 2 * DAY) }, query);
}
