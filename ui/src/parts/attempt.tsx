// One attempt in full: what it cost and why, where its time went, what was sent and said.
import type { ComponentChildren } from 'preact';
import { STEP_NAMES, flagTexts, reasonText, statusText, stepsOf, type Attempt } from '../lib/calls';
import { bytes, latency, rate } from '../lib/figures';
import { moneyExact, toBig } from '../lib/money';
import { momentText, momentTitle } from '../lib/time';
import { StatusBadge } from './call_cells';
import { Badge, Card, Pairs } from './card';
import { Copy } from './copy';
import { PriceLines } from './price_lines';

type Fact = [string, ComponentChildren];
const text = (name: string, value: string | undefined): Fact[] => (value ? [[name, value]] : []);

function Steps({ attempt }: { attempt: Attempt }) {
    const steps = stepsOf(attempt);
    return (
        <ul class="spans">
            {attempt.number === 1 && attempt.overhead_us > 0 && <li><i class="step-dot own" />purser itself, before it<b>{attempt.overhead_us < 100 ? '<0.1ms' : latency(attempt.overhead_us / 1000)}</b><span class="muted" /></li>}
            {steps.map((step) => <li key={step.kind}><i class={`step-dot ${step.kind}`} />{STEP_NAMES[step.kind]}<b>{latency(step.us / 1000)}</b><span class="muted">{rate(step.us, attempt.total_us)}</span></li>)}
            <li class="sum">From admitted to end<b>{latency(attempt.total_us / 1000)}</b><span class="muted" /></li>
        </ul>
    );
}

const SEGMENTS = [['system', 'Instructions'], ['history', 'Earlier turns'], ['retrieved', 'Retrieved documents'], ['tools', 'Tools']] as const;

/** What the prompt is made of. */
function Prompt({ attempt }: { attempt: Attempt }) {
    if (!attempt.prompt_bytes) return null;
    const known = SEGMENTS.map(([name, label], i) => ({ label, size: attempt[`${name}_bytes`], tone: i + 1 }));
    const rest = attempt.prompt_bytes - known.reduce((sum, part) => sum + part.size, 0);
    const parts = [...known, { label: 'This turn', size: Math.max(0, rest), tone: 5 }].filter((part) => part.size > 0);
    return (
        <div class="prompt">
            <h3>Prompt, {bytes(attempt.prompt_bytes)}</h3>
            <div class="cut-bar" role="img" aria-label={parts.map((part) => `${part.label} ${rate(part.size, attempt.prompt_bytes)}`).join(', ')}>
                {parts.map((part) => <i key={part.label} class={`s${part.tone}`} style={{ width: `${(part.size / attempt.prompt_bytes) * 100}%` }} />)}
            </div>
            <ul class="marks small">
                {parts.map((part) => <li key={part.label}><span class={`dot s${part.tone}`} />{part.label} <span class="muted">{bytes(part.size)}, {rate(part.size, attempt.prompt_bytes)}</span></li>)}
            </ul>
        </div>
    );
}

function facts(a: Attempt, requested: string): Fact[] {
    const other = a.provider_cost_picousd;
    return [
        ['Began', <span title={momentTitle(a.at)}>{momentText(a.at)} UTC</span>],
        ['Why', `${a.reason}: ${reasonText(a.reason)}`],
        ['Ended', `${a.status}: ${statusText(a.status)}`],
        ['Model', <>{a.provider}/{a.model}{requested && requested !== a.model && <span class="muted">, asked for as {requested}</span>}{a.model_answered && a.model_answered !== a.model && <span class="muted">, answered as {a.model_answered}</span>}</>],
        ...text('HTTP status', a.http_status ? `${a.http_status}` : 'none came'),
        ...text('Finish', a.finish_reason),
        ...text('Service tier', a.service_tier),
        ...text('Rung', a.rung ? `${a.rung} of the ladder, attempt ${a.rung_number} there, ${a.accepted ? 'accepted' : 'not accepted'}` : ''),
        ...text('Held for it', toBig(a.held_picousd) > 0n ? moneyExact(a.held_picousd) : ''),
        ...text("Provider's own figure", toBig(other) >= 0n ? `${moneyExact(other)}${toBig(other) === toBig(a.cost_picousd) ? ', the same' : ''}` : ''),
        ...text('Saved', toBig(a.saved_picousd) > 0n ? moneyExact(a.saved_picousd) : ''),
        ['Sent, received', `${bytes(a.request_bytes)}, ${bytes(a.response_bytes)}${a.streamed ? ', streamed' : ''}`],
        ['Attempt', <span class="in-row"><code>{a.attempt_id}</code><Copy text={a.attempt_id} what="the attempt's id" /></span>],
        ...(a.provider_request_id ? [["Provider's id", <span class="in-row"><code>{a.provider_request_id}</code><Copy text={a.provider_request_id} what="the provider's id" /></span>] as Fact] : []),
        ...(a.object_id ? [['Stored there as', <code>{a.object_id}</code>] as Fact] : []),
    ];
}

function pretty(raw: string): string {
    try {
        return JSON.stringify(JSON.parse(raw), null, 2);
    } catch {
        return raw; // a provider may have cut it short
    }
}

export function AttemptCard({ attempt, requested, of }: { attempt: Attempt; requested: string; of: number }) {
    const odd = flagTexts(attempt.usage_flags);
    return (
        <Card title={of > 1 ? `Attempt ${attempt.number} of ${of}` : 'The attempt'} note={<span class="in-row">{attempt.reason !== 'first' && <Badge>{attempt.reason}</Badge>}<StatusBadge status={attempt.status} wasted={!!attempt.wasted} /></span>}>
            <div class="grid">
                <div class="w7 stack-up">
                    <PriceLines attempt={attempt} />
                    {odd.length > 0 && <p class="notice"><span>About the provider's usage: {odd.join('; ')}.</span></p>}
                    <Prompt attempt={attempt} />
                    {attempt.usage_raw && <details><summary>Usage as the provider told it</summary><pre>{pretty(attempt.usage_raw)}</pre></details>}
                </div>
                <div class="w5 stack-up">
                    <Steps attempt={attempt} />
                    <Pairs of={facts(attempt, requested)} />
                </div>
            </div>
        </Card>
    );
}
