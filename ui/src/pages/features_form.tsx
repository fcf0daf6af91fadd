// What holds for a feature's calls, set while purser runs.
import { useState } from 'preact/hooks';
import { pathPart } from '../lib/address';
import { Problem, send } from '../lib/api';
import { saidOf, wrongField, type Setting } from '../lib/budgets';
import { refresh } from '../lib/clock';
import type { FeatureBody } from '../lib/features';
import { Dialog } from '../parts/dialog';
import { Choice, Field } from '../parts/form';

const TIERS = [['normal', 'normal'], ['critical', 'critical: goes first'], ['background', 'background: let go first']] as const;
const FIELDS = ['owner', 'tier', 'max_output_tokens', 'latency', 'first_token', 'target', 'slo'] as const;

export function FeatureForm({ name, of, onClose }: { name: string; of?: Setting<FeatureBody>; onClose: () => void }) {
    const was = of?.setting;
    const [d, setD] = useState({ owner: was?.owner ?? '', tier: (was?.tier ?? 'normal') as (typeof TIERS)[number][0], max_output_tokens: String(was?.max_output_tokens ?? ''), latency: was?.slo?.latency ?? '', first_token: was?.slo?.first_token ?? '', target: was?.slo?.target ?? '', why: '' });
    const [wrong, setWrong] = useState(''), [busy, setBusy] = useState(false);
    const set = (field: keyof typeof d) => (event: { currentTarget: { value: string } }) => setD({ ...d, [field]: event.currentTarget.value });
    const field = wrong ? wrongField(wrong, FIELDS) : null, against = (...names: string[]) => field !== null && names.includes(field) && saidOf(wrong);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        const { owner: _o, tier: _t, max_output_tokens: _m, slo: _s, ...body } = was ?? {}; // the rest stays as it was
        const text = (s: string) => s.trim() || undefined, most = text(d.max_output_tokens);
        const slo = text(d.latency) || text(d.first_token) || text(d.target) ? { latency: text(d.latency), first_token: text(d.first_token), target: text(d.target) } : undefined;
        const next = { ...body, owner: text(d.owner), tier: d.tier === 'normal' ? undefined : d.tier, max_output_tokens: most && /^\d{1,15}$/.test(most) ? Number(most) : most, slo };
        try {
            await send('PUT', `/features/${pathPart(name)}/settings`, next, of?.etag, { why: d.why.trim() });
            refresh();
            onClose();
        } catch (error) {
            setWrong(error instanceof Problem ? error.message : String(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={`Settings of ${name}`} onClose={onClose} wide>
            <form onSubmit={submit} class="form">
                <h2>Settings of {name}</h2>
                <Field label="Owner" wrong={against('owner')} help="Who answers for it: a name or an address.">{(a) => <input {...a} value={d.owner} autofocus onInput={set('owner')} />}</Field>
                <div class="pair">
                    <Field label="Tier" wrong={against('tier')} help="When not every call can be served.">{(a) => <Choice id={a.id} label="Tier" value={d.tier} of={TIERS} onChange={(tier) => setD({ ...d, tier })} />}</Field>
                    <Field label="Output tokens at most" wrong={against('max_output_tokens')} help="Of calls that have no limit of their own.">{(a) => <input {...a} inputMode="numeric" value={d.max_output_tokens} onInput={set('max_output_tokens')} />}</Field>
                </div>
                <div class="pair">
                    <Field label="Promised latency" wrong={against('latency', 'slo')} help="The whole answer: 2s.">{(a) => <input {...a} value={d.latency} placeholder="–" onInput={set('latency')} />}</Field>
                    <Field label="Promised first token" wrong={against('first_token')} help="Of streams: 800ms.">{(a) => <input {...a} value={d.first_token} placeholder="–" onInput={set('first_token')} />}</Field>
                    <Field label="For how many" wrong={against('target')} help="The rest is the error budget.">{(a) => <input {...a} value={d.target} placeholder="99%" onInput={set('target')} />}</Field>
                </div>
                <Field label="Why (optional)" help="Stands in the audit trail beside your name.">{(a) => <input {...a} value={d.why} maxLength={500} onInput={set('why')} />}</Field>
                {wrong && !field && <p class="notice bad" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={busy}>Save</button>
                </div>
            </form>
        </Dialog>
    );
}
