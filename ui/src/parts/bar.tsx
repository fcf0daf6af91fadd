// How much of a limit is used: its colour turns at the thresholds, and its words say the same.
import { share } from '../lib/figures';

interface BarProps {
    part: number; // 0 to 1 and above
    held?: number; // of calls in flight, on top
    mark?: number; // where it should stand by now
    thresholds?: [warn: number, bad: number];
    ticks?: number[]; // where something is said or done, such as a budget's thresholds
    label: string;
}

export function Bar({ part, held = 0, mark, thresholds = [0.8, 1], ticks = [], label }: BarProps) {
    const all = part + held;
    const tone = all >= thresholds[1] ? 'bad' : all >= thresholds[0] ? 'warn' : '';
    const width = (v: number) => `${Math.max(0, Math.min(100, v * 100))}%`;
    const words = `${label}: ${share(part)} used${held ? `, ${share(held)} held` : ''}${mark === undefined ? '' : `, ${share(mark)} expected by now`}`;
    return (
        <div class={`bar ${tone}`} role="img" aria-label={words} title={words}>
            <i style={{ width: width(part) }} />
            {held > 0 && <i class="held" style={{ left: width(part), width: width(Math.min(held, Math.max(0, 1 - part))) }} />}
            {ticks.filter((at) => at < 1).map((at) => <s key={at} style={{ left: width(at) }} />)}
            {mark !== undefined && <u style={{ left: `calc(${width(mark)} - 1px)` }} />}
        </div>
    );
}
