// The moment that the page speaks of: moves on each minute while somebody looks. `turn` moves when they ask for
// everything anew.
import { useEffect, useState } from 'preact/hooks';
import { MINUTE } from './time';

let clock = { now: Date.now(), turn: 0 };
const listeners = new Set<() => void>();

function tick(turn: number): void {
    clock = { now: Date.now(), turn };
    for (const listener of listeners) listener();
}

/** Everything is asked for again. */
export const refresh = () => tick(clock.turn + 1);

setInterval(() => {
    if (!document.hidden) tick(clock.turn);
}, MINUTE);
document.addEventListener('visibilitychange', () => {
    if (!document.hidden && Date.now() - clock.now > MINUTE) tick(clock.turn);
});

export function useClock() {
    const [seen, set] = useState(clock);
    useEffect(() => {
        const listener = () => set(clock);
        listeners.add(listener);
        listener();
        return () => void listeners.delete(listener);
    }, []);
    return seen;
}
