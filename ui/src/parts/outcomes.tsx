// What came of a call or a task, and what people thought of the answer, as somebody told; operators tell it here.
import { useState } from 'preact/hooks';
import { money, type Pico } from '../lib/money';
import { may, type Session } from '../lib/session';
import { momentText, momentTitle } from '../lib/time';
import type { List } from '../lib/types';
import { useApi, type Loaded } from '../lib/use_api';
import { Badge, Card } from './card';
import { Load } from './state';
import { TellFeedback, TellOutcome } from './tell';

interface Outcome {
    task: string | null;
    name: string;
    success: boolean;
    value_picousd: Pico;
    at: string;
    who: string;
}
interface Feedback {
    score: number | null;
    label: string | null;
    comment: string | null;
    at: string;
    who: string;
}
const EVER = '2000-01-01T00:00:00Z';

const Told = ({ at, who }: { at: string; who: string }) => <span class="muted small nowrap" title={`${momentTitle(at)}, told by ${who}`}>{momentText(at)}</span>;

function Outcomes({ of }: { of: Outcome[] }) {
    return (
        <ul class="plain-list">
            {of.map((one) => (
                <li key={`${one.task} ${one.name}`}><Badge tone={one.success ? 'good' : 'bad'}>{one.success ? 'success' : 'failure'}</Badge> <b>{one.name}</b>{Number(one.value_picousd) ? ` worth ${money(one.value_picousd)}` : ''}{one.task ? <span class="muted"> of the task</span> : ''} <Told {...one} /></li>
            ))}
        </ul>
    );
}

function Thoughts({ of }: { of: Feedback[] }) {
    return (
        <ul class="plain-list">
            {of.map((one, i) => <li key={i}>{one.score !== null && <b>{one.score} </b>}{one.label && <Badge>{one.label}</Badge>} {one.comment && <q class="quote">{one.comment}</q>} <Told {...one} /></li>)}
        </ul>
    );
}

export function Came({ call, task, session }: { call?: string; task?: string; session: Session }) {
    const [tells, setTells] = useState<'outcome' | 'feedback' | null>(null), can = session.role !== 'owner' && may(session, 'operator');
    const ofCall = useApi<List<Outcome>>(call ? '/outcomes' : null, { call, since: EVER }), ofTask = useApi<List<Outcome>>(task ? '/outcomes' : null, { task, since: EVER });
    const feedback = useApi<List<Feedback>>(call ? '/feedback' : null, { call, since: EVER });
    const outcomes = [...(ofCall.data?.rows ?? []), ...(ofTask.data?.rows ?? [])], thoughts = feedback.data?.rows ?? [];
    const closed = (told: boolean) => {
        setTells(null);
        if (told) for (const one of [ofCall, ofTask, feedback]) one.again();
    };
    const waits = (call && (!ofCall.data || !feedback.data)) || (task && !ofTask.data);
    return (
        <Card title="What came of it" actions={can && <>
            <button class="button small" type="button" onClick={() => setTells('outcome')}>Tell an outcome</button>
            {call && <button class="button small" type="button" onClick={() => setTells('feedback')}>Tell what you think</button>}
        </>}>
            <Load from={(call ? (ofCall.problem ? ofCall : feedback) : ofTask) as Loaded<unknown>} height={62}>
                {() => (
                    <div class="stack-up">
                        {outcomes.length > 0 && <Outcomes of={outcomes} />}
                        {thoughts.length > 0 && <Thoughts of={thoughts} />}
                        {!waits && !outcomes.length && !thoughts.length && <p class="muted">Nobody has told yet. <code>POST /api/v1/outcomes</code> with this {call ? "call's" : "task's"} id tells success and value; then purser knows what a success costs.</p>}
                    </div>
                )}
            </Load>
            {tells === 'outcome' && <TellOutcome call={call} task={task} onClose={closed} />}
            {tells === 'feedback' && call && <TellFeedback call={call} onClose={closed} />}
        </Card>
    );
}
