// The life of a call as the code has it (src/flow/request.def, attempt.def): how many are at each step in this second.
import { count } from '../lib/figures';
import type { InFlight, Step } from '../lib/now';
import type { Moment } from '../lib/use_now';
import { Spark } from '../parts/spark';

function Lane({ name, steps }: { name: string; steps: Step[] }) {
    return (
        <div class="lane">
            <h3>{name}</h3>
            <ol>
                {steps.map((step) => (
                    <li key={step.step} class={step.count ? 'busy' : ''} title={step.text}>
                        <b>{count(step.count)}</b>
                        <span>{step.step}</span>
                    </li>
                ))}
            </ol>
        </div>
    );
}

export function Steps({ in_flight, memory }: { in_flight: InFlight; memory: Moment[] }) {
    const last = memory[memory.length - 1];
    return (
        <div class="steps">
            <Lane name="Calls" steps={in_flight.steps.filter((step) => step.of === 'call')} />
            <Lane name="Attempts" steps={in_flight.steps.filter((step) => step.of === 'attempt')} />
            <div class="pulse">
                <div><Spark values={memory.map((m) => m.calls)} width={160} height={34} /><span class="small muted">calls in flight, two minutes</span></div>
                <div><Spark values={memory.map((m) => m.pace ?? 0)} width={160} height={34} /><span class="small muted">attempts a second: {last?.pace === null || last === undefined ? '–' : last.pace.toFixed(1)}</span></div>
            </div>
        </div>
    );
}
