// What applications tell of calls and tasks, told by hand.
import { useState } from 'preact/hooks';
import { send } from '../lib/api';
import { Choice, Field } from './form';
import { FormDialog, TextField } from './form_dialog';

/** `told`: something is there now that was not before. */
type Closed = (told: boolean) => void;

const NUMBER = /^-?\d+(\.\d+)?$/;
const isNumber = (text: string) => !text.trim() || NUMBER.test(text.trim());
const numberOf = (text: string) => (text.trim() ? Number(text.trim()) : undefined);
const CAME = [['yes', 'a success'], ['no', 'a failure']] as const;
const OF = [['task', 'its task'], ['call', 'this call alone']] as const;

export function TellOutcome({ call, task, onClose }: { call?: string; task?: string; onClose: Closed }) {
    const [of, setOf] = useState<'task' | 'call'>(task ? 'task' : 'call'), [came, setCame] = useState<'yes' | 'no'>('yes');
    const [name, setName] = useState(''), [value, setValue] = useState('');
    const submit = async () => {
        await send('POST', '/outcomes', { ...(of === 'task' ? { task } : { call }), name: name.trim(), success: came === 'yes', value_usd: numberOf(value) });
        onClose(true);
    };
    return (
        <FormDialog title="What came of it" action="Tell it" ready={!!name.trim() && isNumber(value)} onSubmit={submit} onClose={() => onClose(false)}>
            {call && task && <Field label="Of">{({ id }) => <Choice id={id} label="Of" value={of} of={OF} onChange={setOf} />}</Field>}
            <TextField label="Outcome" value={name} set={setName} required autofocus placeholder="resolved" help="One name for one kind of success: told again of the same, it replaces what was told." />
            <Field label="It was">{({ id }) => <Choice id={id} label="It was" value={came} of={CAME} onChange={setCame} />}</Field>
            <TextField label="Worth in dollars (optional)" value={value} set={setValue} maxLength={24} wrong={isNumber(value) ? undefined : 'A number, such as 1.50'} />
        </FormDialog>
    );
}

export function TellFeedback({ call, onClose }: { call: string; onClose: Closed }) {
    const [score, setScore] = useState(''), [label, setLabel] = useState(''), [comment, setComment] = useState('');
    const some = [score, label, comment].some((text) => text.trim());
    const submit = async () => {
        await send('POST', '/feedback', { call, score: numberOf(score), label: label.trim() || undefined, comment: comment.trim() || undefined });
        onClose(true);
    };
    return (
        <FormDialog title="What you think of the answer" action="Tell it" ready={some && isNumber(score)} onSubmit={submit} onClose={() => onClose(false)}>
            <TextField label="Score (optional)" value={score} set={setScore} maxLength={24} autofocus help="A number on the scale that you use: 0 and 1, or 1 to 5." wrong={isNumber(score) ? undefined : 'A number, such as 0.5'} />
            <TextField label="Label (optional)" value={label} set={setLabel} placeholder="wrong" />
            <Field label="Comment (optional)">{(a) => <textarea {...a} rows={4} maxLength={1000} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />}</Field>
        </FormDialog>
    );
}
