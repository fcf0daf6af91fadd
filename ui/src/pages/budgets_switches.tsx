// AI on and off: for all, or for a feature, with the reason that clients are told and the audit keeps.
import { useState } from 'preact/hooks';
import { send } from '../lib/api';
import type { Switches } from '../lib/budgets';
import { refresh } from '../lib/clock';
import { may, type Session } from '../lib/session';
import { agoText, momentTitle } from '../lib/time';
import { useApi, type Loaded } from '../lib/use_api';
import { Card } from '../parts/card';
import { Confirm } from '../parts/dialog';
import { Load } from '../parts/state';

const ALL = '*'; // no feature may be called that
const LENGTHS = [['', 'until somebody switches it on'], ['15m', '15 minutes'], ['1h', 'an hour'], ['4h', '4 hours'], ['24h', 'a day'], ['7d', 'a week']] as const;
type Asked = { ai: 'on' | 'off'; feature?: string };

const nameOf = (feature: string | undefined) => (feature ? `the feature ${feature}` : 'all features');

/** Asks for the reason, and for how long; then it is done. */
export function SwitchDialog({ asked, features, onClose }: { asked: Asked; features: string[]; onClose: () => void }) {
    const [chosen, setChosen] = useState(asked.feature ?? (asked.ai === 'off' ? '' : ALL)), [length, setLength] = useState(''), [now, setNow] = useState(false);
    const off = asked.ai === 'off', choose = off && asked.feature === undefined, feature = chosen === ALL ? undefined : chosen;
    const act = async (why: string) => {
        await send('POST', '/switches', { ai: asked.ai, ...(feature ? { feature } : {}), ...(off && length ? { for: length } : {}), ...(off && now ? { now } : {}), ...(why ? { why } : {}) });
        refresh();
    };
    return (
        <Confirm title={off ? 'Switch AI off' : `Switch AI on for ${nameOf(asked.feature)}`} action={!off ? 'Switch on' : chosen ? `Off for ${nameOf(feature)}` : 'Switch off'} danger={off} reason={off ? 'required' : 'optional'} onConfirm={act} onClose={onClose}>
            {choose && (
                <label class="row">
                    <span>For</span>
                    <select class="field" value={chosen} required onChange={(e) => setChosen(e.currentTarget.value)}>
                        <option value="">choose …</option>
                        <option value={ALL}>all features</option>
                        {features.map((name) => <option key={name} value={name}>{name}</option>)}
                    </select>
                </label>
            )}
            {off && (
                <>
                    <p class="small muted">Calls get the reply that <code>degraded</code> of the model or feature sets, else a 503 that says when to come back. No provider is asked, nothing is spent.</p>
                    <label class="row"><span>How long</span><select class="field" value={length} onChange={(e) => setLength(e.currentTarget.value)}>{LENGTHS.map(([name, text]) => <option key={name} value={name}>{text}</option>)}</select></label>
                    <label class="check"><input type="checkbox" checked={now} onChange={(e) => setNow(e.currentTarget.checked)} />End the calls that run, too</label>
                </>
            )}
        </Confirm>
    );
}

export function SwitchesCard({ session, from, features }: { session: Session; from: Loaded<Switches>; features: string[] }) {
    const [asked, setAsked] = useState<Asked | null>(null);
    const owner = session.role === 'owner', can = may(session, 'operator');
    const offered = owner ? session.features ?? [] : features;
    return (
        <Card title="AI on and off" note="takes hold at once, on every worker" actions={can && <button class="button small" type="button" onClick={() => setAsked({ ai: 'off', feature: owner ? offered[0] : undefined })}>Switch off …</button>}>
            <Load from={from} height={44}>
                {({ off, known }) => (
                    <>
                        {!known && <p class="notice bad">The switches could not be read from the store: until they are, everything counts as on. The server's log says why.</p>}
                        {!off.length && known && <p class="all-on"><span class="dot round good" aria-hidden="true" />AI is on for every feature.</p>}
                        <ul class="switches">
                            {off.map((one) => (
                                <li key={one.feature}>
                                    <span class="dot round bad" aria-hidden="true" />
                                    <div>
                                        <b>{one.feature || 'All features'}</b> <span class="bad">off</span>
                                        <div>{one.why}</div>
                                        <div class="small muted"><span title={momentTitle(one.since)}>since {agoText(one.since)}</span>, by {one.who}{one.until && <span title={momentTitle(one.until)}>, on again {agoText(one.until)}</span>}</div>
                                    </div>
                                    {can && (!owner || offered.includes(one.feature)) && <button class="button small" type="button" aria-label={`Switch on ${one.feature || 'all features'}`} onClick={() => setAsked({ ai: 'on', feature: one.feature || undefined })}>Switch on</button>}
                                </li>
                            ))}
                        </ul>
                    </>
                )}
            </Load>
            {asked && <SwitchDialog asked={asked} features={offered} onClose={() => setAsked(null)} />}
        </Card>
    );
}

/** Names to offer: those that the ledger knows of a month. */
export function useFeatureNames(): string[] {
    const report = useApi<{ rows: { feature: string }[] }>('/report', { by: 'feature', since: '30d', limit: 500 });
    return (report.data?.rows ?? []).map((row) => row.feature).filter(Boolean).sort();
}
