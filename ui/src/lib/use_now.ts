// What goes on at this moment: asked once, then each second's events on top, and a short memory of what they said.
import { useRef, useState } from 'preact/hooks';
import { useLive, type LiveState } from './live';
import { pace, type Live, type NowAnswer } from './now';
import { useApi, type Loaded } from './use_api';

export interface Moment {
    at: number;
    calls: number;
    streams: number;
    pace: number | null;
}
const MEMORY = 120; // seconds

/** Owners have no live stream: what they see is asked for anew. */
export function useNow(streams: boolean): { now: Loaded<NowAnswer>; live: LiveState; memory: Moment[] } {
    const asked = useApi<NowAnswer>('/now', {}, { every: streams ? 30_000 : 10_000 });
    const [last, setLast] = useState<Live | undefined>();
    const memory = useRef<Moment[]>([]), previous = useRef<Live | undefined>(undefined);
    const live = useLive(streams ? '/live' : null, {}, {
        now: (event: Live) => {
            const moment = { at: Date.parse(event.at), calls: event.in_flight?.calls ?? 0, streams: event.in_flight?.streams ?? 0, pace: pace(previous.current, event) };
            memory.current = [...memory.current, moment].slice(-MEMORY);
            previous.current = event;
            setLast(event);
        },
    });
    const fresher = asked.data && last && last.at > asked.data.at ? { ...asked.data, ...last, spend: last.spend ?? asked.data.spend, hour: last.hour ?? asked.data.hour } : asked.data;
    return { now: { ...asked, data: fresher }, live, memory: memory.current };
}
