// An attempt's steps as a bar on the call's time, and as words.
import { STEP_NAMES, stepsOf, type Attempt, type StepKind } from '../lib/calls';
import { latency } from '../lib/figures';

export const STEP_KINDS: StepKind[] = ['budget', 'connect', 'wait', 'answer'];

interface StepBarProps {
    attempt: Attempt;
    at: (us: number) => number; // a moment's place, 0 to 1
    from: number; // the attempt's beginning, microseconds since 1970
}

export function stepWords(attempt: Attempt): string {
    return stepsOf(attempt).map((step) => `${STEP_NAMES[step.kind]} ${latency(step.us / 1000)}`).join(', ');
}

const percent = (share: number) => `${(share * 100).toFixed(3)}%`;

export function StepBar({ attempt, at, from }: StepBarProps) {
    const left = at(from);
    return (
        <>
            {stepsOf(attempt).map((step) => {
                const begin = at(from + step.from_us), end = at(from + step.from_us + step.us);
                return <i key={step.kind} class={`step ${step.kind} ${attempt.wasted ? 'wasted' : ''}`} style={{ left: percent(begin), width: `max(1px, ${percent(end - begin)})` }} />;
            })}
            {!stepsOf(attempt).length && <i class="step wait" style={{ left: percent(left), width: '2px' }} />}
        </>
    );
}

export function StepLegend() {
    return (
        <ul class="marks small" aria-label="What the colours mean">
            {STEP_KINDS.map((kind) => <li key={kind}><i class={`step-dot ${kind}`} />{STEP_NAMES[kind]}</li>)}
            <li><i class="step-dot wasted" />Not used</li>
        </ul>
    );
}
