// A budget, made or changed while purser runs. The server checks it; what it says against it stands beside the field.
import { useState } from 'preact/hooks';
import { pathPart } from '../lib/address';
import { Problem, send } from '../lib/api';
import { saidOf, wrongField, type BudgetBody, type Setting } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { Dialog } from '../parts/dialog';
import { Choice, Field } from '../parts/form';
import { ScopeField, scopeOf, scopeParts } from '../parts/scope_field';

type Measure = 'limit_usd' | 'limit_tokens' | 'limit_requests';
const MEASURES = [['limit_usd', 'US dollars'], ['limit_tokens', 'tokens'], ['limit_requests', 'requests']] as const;
const WINDOWS = [['minute', 'a minute'], ['hour', 'an hour'], ['day', 'a day'], ['week', 'a week'], ['month', 'a month'], ['total', 'in all, for ever'], ['rolls', 'the last …']] as const;
const EXCEEDS = [['block', 'refuse it'], ['degrade', 'answer it without a provider'], ['downgrade', 'send it to a cheaper model'], ['alert', 'let it through, and tell']] as const;
const FIELDS = ['scope', 'limit_usd', 'limit_tokens', 'limit_requests', 'window', 'timezone', 'on_exceed', 'thresholds', 'wait', 'burn', 'clamp', 'name'] as const;

interface Draft {
    name: string;
    parts: { name: string; value: string }[];
    measure: Measure;
    limit: string;
    window: (typeof WINDOWS)[number][0];
    rolls: string;
    timezone: string;
    exceed: (typeof EXCEEDS)[number][0];
    model: string;
    thresholds: string;
    wait: string;
    why: string;
}

function draftOf(b: BudgetBody | undefined, name: string): Draft {
    const measure: Measure = b?.limit_tokens !== undefined ? 'limit_tokens' : b?.limit_requests !== undefined ? 'limit_requests' : 'limit_usd';
    const fixed = WINDOWS.find(([one]) => one === (b?.window ?? 'month'))?.[0];
    const [exceed, model] = (b?.on_exceed ?? 'block').split(/:(.*)/s);
    return {
        name, parts: scopeParts(b?.scope), measure, limit: b?.[measure] === undefined ? '' : String(b[measure]),
        window: fixed ?? 'rolls', rolls: fixed ? '24h' : String(b?.window), timezone: b?.timezone ?? '',
        exceed: (EXCEEDS.find(([one]) => one === exceed)?.[0]) ?? 'block', model: model ?? '',
        thresholds: (b?.thresholds ?? [50, 80, 100]).map((t) => String(t).replace('%', '')).join(', '), wait: b?.wait ?? '', why: '',
    };
}

/** What the settings file would have; what is not in the form stays as it was. */
function bodyOf(d: Draft, before: BudgetBody | undefined): BudgetBody {
    const { name: _name, limit_usd: _usd, limit_tokens: _tokens, limit_requests: _requests, timezone: _zone, wait: _wait, ...rest } = before ?? { window: 'month' };
    const limit = d.limit.trim().replace(/^\$/, '').replace(/,/g, '');
    return {
        ...rest, scope: scopeOf(d.parts), [d.measure]: d.measure === 'limit_usd' || !/^\d{1,15}$/.test(limit) ? limit : Number(limit),
        window: d.window === 'rolls' ? d.rolls.trim() : d.window,
        ...(d.timezone.trim() ? { timezone: d.timezone.trim() } : {}), ...(d.wait.trim() ? { wait: d.wait.trim() } : {}),
        on_exceed: d.exceed === 'downgrade' ? `downgrade:${d.model.trim()}` : d.exceed,
        thresholds: d.thresholds.split(',').map((t) => t.trim().replace('%', '')).filter(Boolean).map((t) => (/^\d+$/.test(t) ? Number(t) : t)),
    };
}

/** `first`: what a new one begins with. */
export function BudgetForm({ of, first, taken, onClose }: { of?: Setting<BudgetBody>; first?: { name: string; scope: Record<string, string> }; taken: string[]; onClose: () => void }) {
    const [draft, setDraft] = useState(() => draftOf(of?.setting ?? (first && { window: 'month', scope: first.scope }), of?.name ?? first?.name ?? ''));
    const [wrong, setWrong] = useState(''), [warnings, setWarnings] = useState<string[]>([]), [busy, setBusy] = useState(false);
    const set = (next: Partial<Draft>) => setDraft({ ...draft, ...next });
    const field = wrong ? wrongField(wrong, FIELDS) : null;
    const against = (...names: string[]) => field !== null && names.includes(field) && saidOf(wrong);
    const twice = !of && taken.includes(draft.name.trim()) && 'There is a budget of this name already.';
    const title = of ? `Change the budget ${of.name}` : 'A new budget';
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        try {
            const path = `/budgets/${pathPart(draft.name.trim())}`;
            const said = await send<Setting>('PUT', path, bodyOf(draft, of?.setting), of?.etag, { why: draft.why.trim() });
            refresh();
            if (said.warnings?.length) setWarnings(said.warnings);
            else onClose();
        } catch (error) {
            setWrong(error instanceof Problem ? error.message : String(error));
        }
        setBusy(false);
    };
    if (warnings.length) {
        return (
            <Dialog title="It holds" onClose={onClose}>
                <div class="inside">
                    <h2>The budget holds. Is it what you meant?</h2>
                    {warnings.map((text) => <p class="notice" key={text}>{text}</p>)}
                    <div class="actions"><button class="button main" type="button" autofocus onClick={onClose}>Done</button></div>
                </div>
            </Dialog>
        );
    }
    return (
        <Dialog title={title} onClose={onClose} wide>
            <form onSubmit={submit} class="form">
                <h2>{title}</h2>
                {!of && <Field label="Name" wrong={twice || against('name')} help="How reports, refusals and the audit call it.">{(a) => <input {...a} value={draft.name} maxLength={64} required autofocus placeholder="support-month" onInput={(e) => set({ name: e.currentTarget.value })} />}</Field>}
                <ScopeField parts={draft.parts} onChange={(parts) => set({ parts })} wrong={against('scope')} />
                <div class="pair">
                    <Field label="At most" wrong={against('limit_usd', 'limit_tokens', 'limit_requests')}>
                        {(a) => <span class="joined"><input {...a} value={draft.limit} inputMode="decimal" required autofocus={!!of} placeholder={draft.measure === 'limit_usd' ? '500' : '1000000'} onInput={(e) => set({ limit: e.currentTarget.value })} /><Choice label="Of what" value={draft.measure} of={MEASURES} onChange={(measure) => set({ measure })} /></span>}
                    </Field>
                    <Field label="In" wrong={against('window')}>
                        {(a) => <span class="joined"><Choice id={draft.window === 'rolls' ? undefined : a.id} label="Window" value={draft.window} of={WINDOWS} onChange={(window) => set({ window })} />{draft.window === 'rolls' && <input {...a} aria-label="How long it rolls" value={draft.rolls} required placeholder="24h" onInput={(e) => set({ rolls: e.currentTarget.value })} />}</span>}
                    </Field>
                </div>
                <Field label="A call that does not fit" wrong={against('on_exceed')} help="Money is held before a call and posted after it: with “refuse it” the limit is never passed.">
                    {(a) => <span class="joined"><Choice id={draft.exceed === 'downgrade' ? undefined : a.id} label="What then" value={draft.exceed} of={EXCEEDS} onChange={(exceed) => set({ exceed })} />{draft.exceed === 'downgrade' && <input {...a} aria-label="Which model" value={draft.model} required placeholder="a public name, or provider/model" onInput={(e) => set({ model: e.currentTarget.value })} />}</span>}
                </Field>
                <details open={['thresholds', 'timezone', 'wait'].includes(field ?? '')}>
                    <summary>Thresholds, time zone, waiting</summary>
                    <Field label="Tell at (percent)" wrong={against('thresholds')} help="An event each, once in a window.">{(a) => <input {...a} value={draft.thresholds} onInput={(e) => set({ thresholds: e.currentTarget.value })} />}</Field>
                    <div class="pair">
                        <Field label="Time zone" wrong={against('timezone')} help="Whose midnight; UTC where empty.">{(a) => <input {...a} value={draft.timezone} placeholder="Europe/Berlin" onInput={(e) => set({ timezone: e.currentTarget.value })} />}</Field>
                        <Field label="Wait for held money" wrong={against('wait')} help="As 5s; as usual where empty.">{(a) => <input {...a} value={draft.wait} placeholder="5s" onInput={(e) => set({ wait: e.currentTarget.value })} />}</Field>
                    </div>
                </details>
                <Field label="Why (optional)" help="Stands in the audit trail beside your name.">{(a) => <input {...a} value={draft.why} maxLength={500} onInput={(e) => set({ why: e.currentTarget.value })} />}</Field>
                {wrong && !field && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={busy || !!twice}>{of ? 'Change it' : 'Make it'}</button>
                </div>
            </form>
        </Dialog>
    );
}
