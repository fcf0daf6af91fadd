// Where the bars of a waterfall stand: each effect begins where the one before it ended.
import { usd, type Pico } from './money';

export interface Step {
    name: string;
    amount: Pico; // the total of a whole step, else what was added
    whole: boolean;
    /** In shares of the widest: 0 to 1. */
    from: number;
    to: number;
}

export function cascade(before: Pico, effects: { name: string; picousd: Pico }[], after: Pico): Step[] {
    let at = usd(before);
    const ends = effects.map((effect) => (at += usd(effect.picousd)));
    const most = Math.max(usd(before), usd(after), ...ends, 1e-12), least = Math.min(0, ...ends);
    const place = (v: number) => (v - least) / (most - least);
    const steps: Step[] = [{ name: 'before', amount: before, whole: true, from: place(0), to: place(usd(before)) }];
    let last = usd(before);
    effects.forEach((effect, i) => {
        steps.push({ name: effect.name, amount: effect.picousd, whole: false, from: place(last), to: place(ends[i]!) });
        last = ends[i]!;
    });
    return [...steps, { name: 'after', amount: after, whole: true, from: place(0), to: place(usd(after)) }];
}
