// The page's time range, and whether it is held against the period before.
import { useState } from 'preact/hooks';
import { setQuery } from '../lib/address';
import { refresh } from '../lib/clock';
import { PRESETS, type Range } from '../lib/range';
import { momentTitle, readMoment, rfc3339 } from '../lib/time';
import { Dialog } from './dialog';
import { Icon } from './icon';

function CustomRange({ range, onClose }: { range: Range; onClose: () => void }) {
    const field = (ms: number) => rfc3339(ms).slice(0, 16);
    const [since, setSince] = useState(field(range.since)), [until, setUntil] = useState(field(range.until));
    const from = readMoment(since), to = readMoment(until);
    const wrong = from === null || to === null ? 'Both are needed.' : from >= to ? 'The end must be later than the beginning.' : '';
    const submit = (event: Event) => {
        event.preventDefault();
        setQuery({ range: null, since: rfc3339(from!), until: rfc3339(to!) });
        onClose();
    };
    return (
        <Dialog title="Time range" onClose={onClose}>
            <form onSubmit={submit}>
                <h2>Time range</h2>
                <label class="row"><span>From (UTC)</span><input class="field" type="datetime-local" required value={since} onInput={(e) => setSince(e.currentTarget.value)} /></label>
                <label class="row"><span>Until (UTC)</span><input class="field" type="datetime-local" required value={until} onInput={(e) => setUntil(e.currentTarget.value)} /><small>Calls admitted at that very moment are not counted.</small></label>
                {wrong && <p class="notice" role="alert">{wrong}</p>}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose}>Cancel</button>
                    <button class="button main" type="submit" disabled={!!wrong}>Show</button>
                </div>
            </form>
        </Dialog>
    );
}

export function RangePicker({ range, compare }: { range: Range; compare: boolean | null }) {
    const [custom, setCustom] = useState(false);
    const title = `${momentTitle(range.since)} to ${momentTitle(range.until)}`;
    return (
        <>
            <div class="segments" role="group" aria-label="Time range" title={title}>
                {PRESETS.map((preset) => (
                    <button key={preset} type="button" aria-pressed={range.preset === preset} onClick={() => setQuery({ range: preset, since: null, until: null })}>{preset}</button>
                ))}
                <button type="button" aria-pressed={range.preset === null} onClick={() => setCustom(true)}>{range.preset === null ? range.label : 'Custom'}</button>
            </div>
            {compare !== null && <button class="button" type="button" aria-pressed={compare} onClick={() => setQuery({ compare: compare ? null : '1' })} title="Hold every figure against the period before">Compare</button>}
            <button class="button icon" type="button" onClick={refresh} title="Ask again (r)" aria-label="Ask again"><Icon name="refresh" /></button>
            {custom && <CustomRange range={range} onClose={() => setCustom(false)} />}
        </>
    );
}
