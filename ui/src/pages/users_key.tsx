import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { send } from '../lib/api';
import { href, pathPart } from '../lib/address';
import { useClock } from '../lib/clock';
import { listOf, stateOf } from '../lib/keys';
import { may, type Session } from '../lib/session';
import { momentTitle, wholeMoment } from '../lib/time';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { setFilter, writeWhere } from '../lib/where';
import { Card, Pairs } from '../parts/card';
import { Confirm } from '../parts/dialog';
import { Field } from '../parts/form';
import { FormDialog, HoldsFor, TextField, Why } from '../parts/form_dialog';
import { Page } from '../parts/page';
import { Secret } from '../parts/secret';
import { Load } from '../parts/state';
import { KeyLimits } from './users_key_limits';
import { StateBadge, WHERE_TO_PUT, type Key, type KeyMade } from './users_keys';
import { SpendChart } from '../parts/spend_chart';
import { Split } from '../parts/split';
import { Latest, PartTiles } from './users_one';

function Moment({ at, none }: { at: string | null | undefined; none: string }) {
    return at ? <span title={momentTitle(at)}>{wholeMoment(at)}</span> : <span class="muted">{none}</span>;
}

function About({ of }: { of: Key }) {
    return (
        <Pairs of={[
            ['State', <StateBadge of={of} />],
            ['Team', of.team ?? <span class="muted">none</span>],
            ['Models', of.models.length ? of.models.join(', ') : <span class="muted">all</span>],
            ['Made', of.origin === 'file' ? 'in the settings file: change it there' : <Moment at={of.created} none="–" />],
            ['Expires', <Moment at={of.expires} none="never" />],
            ...(of.old_secret_until ? [['Old secret', <span>holds until {wholeMoment(of.old_secret_until)}</span>] as [string, ComponentChildren]] : []),
            ...(of.revoked ? [['Revoked', <Moment at={of.revoked} none="" />] as [string, ComponentChildren]] : []),
        ]} />
    );
}

const GRACES = [['', 'at once'], ['1h', 'in an hour'], ['24h', 'in a day'], ['7d', 'in seven days']] as const;

function Rotate({ path, name, onMade, onClose }: { path: string; name: string; onMade: (made: KeyMade) => void; onClose: () => void }) {
    const [grace, setGrace] = useState<string>('24h'), [why, setWhy] = useState('');
    const submit = async () => {
        onMade(await send<KeyMade>('POST', `${path}/rotate`, grace ? { grace } : {}, undefined, { why: why.trim() }));
        onClose();
    };
    return (
        <FormDialog title={`Rotate the key ${name}`} action="Make a new secret" ready onSubmit={submit} onClose={onClose}>
            <Field label="The old secret ends" help="Clients that still use it are refused from then on. The new one holds from now on, and is shown once.">
                {(a) => <select {...a} value={grace} onChange={(event) => setGrace(event.currentTarget.value)}>{GRACES.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select>}
            </Field>
            <Why value={why} set={setWhy} />
        </FormDialog>
    );
}

/** Only what was changed is sent. */
function ChangeKey({ path, of, onDone, onClose }: { path: string; of: Key; onDone: () => void; onClose: () => void }) {
    const [team, setTeam] = useState(of.team ?? ''), [models, setModels] = useState(of.models.join(', ')), [why, setWhy] = useState(''), [ends, setEnds] = useState<string | null>(null);
    const list = listOf(models);
    const body = {
        ...(team.trim() !== (of.team ?? '') ? { team: team.trim() || null } : {}), ...(list.join() !== of.models.join() ? { models: list.length ? list : null } : {}), ...(ends !== null ? { expires: ends || null } : {}),
    };
    const submit = async () => {
        await send('PATCH', path, body, undefined, { why: why.trim() });
        onDone();
    };
    return (
        <FormDialog title={`Change the key ${of.name}`} action="Change" ready={Object.keys(body).length > 0} onSubmit={submit} onClose={onClose}>
            <TextField label="Team" value={team} set={setTeam} maxLength={64} placeholder="none" autofocus help="Who pays from now on." />
            <TextField label="Models" value={models} set={setModels} maxLength={2000} placeholder="all" help="Which it may use, with commas between: cheap, openai/*" />
            {ends === null ? <p class="row">{of.expires ? <>Expires {wholeMoment(of.expires)}</> : 'Never expires'} <button class="button small" type="button" onClick={() => setEnds('')}>Change that</button></p> : <HoldsFor value={ends} set={setEnds} />}
            <Why value={why} set={setWhy} />
        </FormDialog>
    );
}

function Actions({ of, again, onMade }: { of: Key; again: () => void; onMade: (made: KeyMade) => void }) {
    const [asks, setAsks] = useState<'change' | 'rotate' | 'revoke' | null>(null);
    const path = `/keys/${pathPart(of.name)}`, close = () => setAsks(null);
    const revoke = async (why: string) => {
        await send('DELETE', path, undefined, undefined, { why });
        again();
    };
    return (
        <>
            <button class="button small" type="button" onClick={() => setAsks('change')}>Change</button>
            <button class="button small" type="button" onClick={() => setAsks('rotate')}>Rotate</button>
            <button class="button small" type="button" onClick={() => setAsks('revoke')}>Revoke</button>
            {asks === 'change' && <ChangeKey path={path} of={of} onDone={() => { close(); again(); }} onClose={close} />}
            {asks === 'rotate' && <Rotate path={path} name={of.name} onMade={(made) => { onMade(made); again(); }} onClose={close} />}
            {asks === 'revoke' && <Confirm title={`Revoke the key ${of.name}`} action="Revoke" danger reason="optional" onConfirm={revoke} onClose={close}><p>Clients that use it are refused from now on, for good; its name stays taken. What it spent stays in the ledger. To let them go on with another secret, rotate it.</p></Confirm>}
        </>
    );
}

export function KeyPage({ name, view, session }: { name: string; view: View; session: Session }) {
    const key = useApi<Key>(`/keys/${pathPart(name)}`);
    const [made, setMade] = useState<KeyMade | null>(null);
    const { now } = useClock();
    const where = writeWhere(setFilter(view.filters, { name: 'key', value: name }));
    const can = may(session, 'admin') && key.data?.origin === 'runtime' && stateOf(key.data, now) !== 'revoked';
    return (
        <Page title={name} crumbs={[{ label: 'Keys', href: href(['users', 'keys'], {}, view.query) }]} view={view} actions={<><a class="button" href={href(['costs'], { where }, view.query)}>In Costs</a></>}>
            <PartTiles view={view} where={where} />
            <div class="grid">
                <div class="w5"><Card title="The key" actions={can && key.data && <Actions of={key.data} again={key.again} onMade={setMade} />}><Load from={key} height={150}>{(of) => <About of={of} />}</Load></Card></div>
                <div class="w7"><KeyLimits name={name} session={session} /></div>
            </div>
            <Card title="Spend over time"><SpendChart title={`Spend with ${name}`} view={view} where={writeWhere([{ name: 'key', value: name }])} /></Card>
            <div class="grid">
                <div class="w6"><Split by="feature" title="By feature" view={view} where={where} /></div>
                <div class="w6"><Split by="user" title="By user" view={view} where={where} reads /></div>
            </div>
            <Latest view={view} where={where} />
            {made && <Secret title={`The new secret of ${made.name}`} secret={made.secret} onClose={() => setMade(null)}>{WHERE_TO_PUT}</Secret>}
        </Page>
    );
}
