// Calls and attempts as /api/v1/calls has them, and what can be worked out of them without asking again.
import { type Count } from './figures';
import { toBig, type Pico } from './money';

export interface Call {
    id: string;
    at: string;
    total_us: number;
    first_byte_us: number | null; // of the answer that was used, from the call's beginning
    feature: string;
    key: string;
    team: string;
    user: string;
    prompt: string;
    task: string;
    session: string;
    operation: string;
    model_requested: string;
    model: string;
    provider: string;
    reason: string;
    status: string;
    finish_reason: string;
    attempts: number; // how many, and how many of them were not used
    wasted: number;
    cost_state: string;
    cost_picousd: Pico;
    cost_max_picousd: Pico;
    wasted_picousd: Pico;
    saved_picousd: Pico;
    input_tokens: Count;
    cached_tokens: Count;
    output_tokens: Count;
    client_retries: number;
    streamed: boolean;
    rows?: Attempt[]; // of a whole call
}

export interface UnitLine {
    unit: string;
    count: Count;
    cost_picousd: Pico;
    each_picousd: Pico | null; // null: no whole price makes this cost
}

export interface Attempt {
    attempt_id: string;
    call_id: string;
    at: string;
    number: number;
    reason: string;
    status: string;
    http_status: number;
    model: string;
    model_answered: string;
    provider: string;
    wasted: number; // 1: its result was not used
    streamed: number;
    cost_state: string;
    cost_picousd: Pico;
    cost_max_picousd: Pico;
    saved_picousd: Pico;
    held_picousd: Pico;
    provider_cost_picousd: Pico;
    total_us: number;
    wait_us: number;
    connect_us: number;
    first_byte_us: number;
    overhead_us: number;
    request_bytes: number;
    response_bytes: number;
    prompt_bytes: number;
    system_bytes: number;
    history_bytes: number;
    retrieved_bytes: number;
    tools_bytes: number;
    usage_flags: number;
    usage_known: number;
    service_tier: string;
    finish_reason: string;
    price_source: string;
    provider_request_id: string;
    object_id: string;
    tags: string;
    rung: number;
    rung_number: number;
    accepted: number;
    lines: UnitLine[];
    rest_picousd: Pico;
    usage_raw?: string;
}

/** Microseconds since 1970: a double holds them exactly, Date.parse() would cut them. */
export function micros(at: string): number {
    const match = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(at);
    if (!match) return Date.parse(at) * 1000;
    return Date.parse(`${match[1]}${match[3]}`) * 1000 + Number((match[2] ?? '').padEnd(6, '0'));
}

// ---- an attempt's steps

export type StepKind = 'budget' | 'connect' | 'wait' | 'answer';
export interface Step {
    kind: StepKind;
    from_us: number; // from the attempt's beginning
    us: number;
}

export const STEP_NAMES: Record<StepKind, string> = { budget: 'Waiting for budget', connect: 'Connecting', wait: 'Waiting for the first byte', answer: 'Answer' };

/** The steps one behind the other, from admitted to end: they add up to total_us. */
export function stepsOf(a: Pick<Attempt, 'total_us' | 'wait_us' | 'connect_us' | 'first_byte_us'>): Step[] {
    const end = Math.max(0, a.total_us);
    const reach = (us: number, least: number) => Math.min(end, Math.max(least, us));
    const held = reach(a.wait_us, 0), connected = reach(held + a.connect_us, held);
    const first = a.first_byte_us > 0 ? reach(a.first_byte_us, connected) : end;
    const steps: Step[] = [
        { kind: 'budget', from_us: 0, us: held }, { kind: 'connect', from_us: held, us: connected - held },
        { kind: 'wait', from_us: connected, us: first - connected }, { kind: 'answer', from_us: first, us: end - first },
    ];
    return steps.filter((step) => step.us > 0);
}

// ---- money

/** count x each == cost in every line, and lines and rest are the whole: to the last digit. */
export function addsUp(a: Pick<Attempt, 'lines' | 'rest_picousd' | 'cost_picousd'>): boolean {
    let sum = toBig(a.rest_picousd);
    for (const line of a.lines) {
        if (line.each_picousd !== null && toBig(line.count) * toBig(line.each_picousd) !== toBig(line.cost_picousd)) return false;
        sum += toBig(line.cost_picousd);
    }
    return sum === toBig(a.cost_picousd);
}

const UNIT_WORDS: Record<string, [name: string, one: string]> = {
    input: ['Input', 'token'], cache_read: ['Read from cache', 'token'], cache_write_5m: ['Written to cache, 5 min', 'token'], cache_write_1h: ['Written to cache, 1 h', 'token'],
    output: ['Output', 'token'], reasoning: ['Reasoning', 'token'], audio_in: ['Audio in', 'token'], audio_out: ['Audio out', 'token'], image: ['Images', 'token'],
    tool_calls: ["Provider's tools", 'call'], searches: ['Searches', 'search'], seconds: ['Seconds', 'second'], requests: ['Requests', 'request'],
};

export const unitName = (unit: string) => UNIT_WORDS[unit]?.[0] ?? unit;

/** What prices are told for: "1M tokens", else one of it. */
export function priceOf(line: UnitLine): { per: string; picousd: Pico } | null {
    if (line.each_picousd === null) return null;
    const one = UNIT_WORDS[line.unit]?.[1] ?? line.unit;
    if (one !== 'token') return { per: one, picousd: line.each_picousd };
    return { per: '1M', picousd: toBig(line.each_picousd) * 1_000_000n };
}

// ---- words

const REASONS: Record<string, string> = {
    first: 'the first attempt', retry: 'the attempt before failed: the same target once more', fallback: 'the attempt before failed: the next target', escalation: "the ladder's tests did not accept the answer of the rung below",
    hedge: 'the attempt before was slow: a second one beside it', probe: 'to see whether a target works again', batch: 'part of a batch', judge: "a test of a ladder asked a model", idle: 'what a provider bills without a call',
    repair: "the answer's JSON did not fit: asked once more, with what was wrong",
};
export const reasonText = (reason: string) => REASONS[reason] ?? reason;

const STATUSES: Record<string, string> = {
    ok: 'answered', client_gone: 'the client hung up', provider_error: 'the provider answered with an error', provider_connect: 'no connection to the provider', provider_tls: "the provider's certificate or TLS failed",
    provider_protocol: "the provider's answer is malformed", provider_cut: 'the provider ended the answer early', provider_stream_error: 'the provider sent an error inside the stream', provider_timeout: 'the provider was too slow',
    stale: 'a kept connection died under the request', not_accepted: "a test of the model's ladder did not accept the answer", hedge_lost: 'another attempt of the same call was faster', crash: 'purser died while the call ran',
    switched_off: 'AI was switched off', internal: 'purser failed', budget_spent: 'a budget had too little left', budget_busy: 'calls in flight held what was left of a budget', runaway: 'the call went on with a loop or a burst',
    target_open: 'the target had failed too often', target_busy: 'the target had no room', shutting_down: 'purser was stopping', overloaded: 'purser was at a ceiling', rate_limited: 'a rate limit was met', degraded: 'answered without a provider',
};
export const statusText = (status: string) => STATUSES[status] ?? status;

/** A failure that nobody asked for is bad; what was lost on purpose is not. */
export function statusTone(status: string): 'good' | 'warn' | 'bad' | undefined {
    if (status === 'ok') return 'good';
    if (status === 'hedge_lost') return undefined;
    return status === 'client_gone' || status === 'not_accepted' || status === 'degraded' ? 'warn' : 'bad';
}

const FLAGS = [
    'a part was larger than its whole and was cut', "the provider's total is not the sum of its parts", 'a count was no number', 'price times count left the range of an amount',
    'the provider billed more than the bound that was held', 'another service tier was served than asked for', "a part is billed at other prices than the model's",
];
/** What was odd about the provider's usage. */
export const flagTexts = (flags: number) => FLAGS.filter((_, bit) => flags & (1 << bit));

const STATES: Record<string, string> = { exact: "the provider's counts at known prices", estimated: 'counts unknown: an estimate, with an upper end', unpriced: 'no price is known: what was held against budgets is no cost', free: 'known to cost nothing' };
export const costStateText = (state: string) => STATES[state] ?? state;

/** An id that can be one: 16 hexadecimal digits, or their beginning. */
export const isIdPrefix = (s: string) => /^[0-9a-f]{1,16}$/i.test(s);
