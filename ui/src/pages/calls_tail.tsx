// The live tail: calls as they end.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../lib/calls';
import { useLive } from '../lib/live';
import type { View } from '../lib/view';
import { CallTable } from '../parts/call_table';
import { Badge, Card } from '../parts/card';
import { Filters } from '../parts/filters';
import { Page } from '../parts/page';
import { Empty } from '../parts/state';
import { CallTabs } from './calls_list';

const KEPT = 200, DRAW_MS = 250;

/** Drawn four times a second at most, however many come. */
function useTail(view: View, paused: boolean) {
    const [rows, setRows] = useState<Call[]>([]);
    const [seen, setSeen] = useState(0);
    const waiting = useRef<Call[]>([]), count = useRef(0);
    const state = useLive('/live', { tail: 1, where: view.ask.where }, {
        call: (call: Call) => {
            count.current++;
            waiting.current.unshift(call);
            waiting.current.length = Math.min(waiting.current.length, KEPT);
        },
    });
    useEffect(() => {
        if (paused) return;
        const timer = setInterval(() => {
            setSeen(count.current);
            if (!waiting.current.length) return;
            const came = waiting.current;
            waiting.current = [];
            setRows((before) => [...came, ...before].slice(0, KEPT));
        }, DRAW_MS);
        return () => clearInterval(timer);
    }, [paused]);
    useEffect(() => {
        waiting.current = [];
        count.current = 0;
        setRows([]);
    }, [view.ask.where]);
    return { rows, seen, state };
}

export function CallTail({ view }: { view: View }) {
    const [paused, setPaused] = useState(false);
    const { rows, seen, state } = useTail(view, paused);
    const words = { connecting: 'connecting', live: paused ? 'paused' : 'live', lost: 'not connected: it tries again' }[state];
    return (
        <Page title="Calls" actions={<><CallTabs view={view} /><Filters view={view} /></>}>
            <Card title="Calls as they end" flush note={<Badge tone={state === 'live' ? (paused ? 'warn' : 'good') : 'bad'}>{words}</Badge>}
                actions={<><span class="muted small">{seen} came, the last {KEPT} are kept</span><button class="button" type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? 'Go on' : 'Pause'}</button></>}>
                <div class="tail">
                    <CallTable label="Calls as they end" rows={rows} query={view.query}
                        empty={<Empty title="Waiting for calls">A call stands here once it has ended. Those that ended before are under Past.</Empty>} />
                </div>
            </Card>
        </Page>
    );
}
