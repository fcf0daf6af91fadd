// One call in time: a line for each attempt, on one axis.
import { micros, reasonText, statusText, type Attempt, type Call } from '../lib/calls';
import { latency } from '../lib/figures';
import { money } from '../lib/money';
import { spanOfAttempt, ticks } from '../lib/trace';
import { StatusBadge } from './call_cells';
import { StepBar, StepLegend, stepWords } from './steps';

function Axis({ length }: { length: number }) {
    return (
        <div class="axis" aria-hidden="true">
            {ticks(length).filter((us) => us / length < 0.94).map((us) => <span key={us} style={{ left: `${(us / length) * 100}%` }}>{us === 0 ? '0' : latency(us / 1000)}</span>)}
        </div>
    );
}

function words(attempt: Attempt): string {
    return `Attempt ${attempt.number}, ${attempt.reason} (${reasonText(attempt.reason)}), ${attempt.provider}/${attempt.model}: ${statusText(attempt.status)}, ${latency(attempt.total_us / 1000)}. ${stepWords(attempt)}`;
}

interface TimelineProps {
    call: Call;
    attempts: Attempt[];
    chosen: number;
    choose: (number: number) => void;
}

export function Timeline({ call, attempts, chosen, choose }: TimelineProps) {
    const begin = micros(call.at);
    const end = attempts.reduce((most, a) => Math.max(most, spanOfAttempt(a).to), begin + call.total_us);
    const length = Math.max(1, end - begin), at = (us: number) => Math.min(1, Math.max(0, (us - begin) / length));
    return (
        <div class="timeline">
            <div class="line head"><span class="muted small">Attempt</span><Axis length={length} /><span class="muted small right">Time</span><span class="muted small right">Cost</span></div>
            {attempts.map((attempt) => (
                <button key={attempt.attempt_id} type="button" class="line" aria-pressed={chosen === attempt.number} title={words(attempt)} onClick={() => choose(attempt.number)}>
                    <span class="who">
                        <b>{attempt.number}</b>
                        <span class="what"><span class="name">{attempt.model}</span><span class="muted small">{attempt.reason} · {attempt.provider}</span></span>
                        <StatusBadge status={attempt.status} wasted={!!attempt.wasted} />
                    </span>
                    <span class="track">
                        {ticks(length).map((us) => <u key={us} style={{ left: `${(us / length) * 100}%` }} />)}
                        <StepBar attempt={attempt} at={at} from={micros(attempt.at)} />
                    </span>
                    <span class="right nowrap">{latency(attempt.total_us / 1000)}</span>
                    <span class="right nowrap">{attempt.cost_state === 'unpriced' ? '–' : money(attempt.cost_picousd)}</span>
                </button>
            ))}
            <StepLegend />
        </div>
    );
}
