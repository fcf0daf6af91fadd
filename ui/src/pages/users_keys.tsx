import { useState } from 'preact/hooks';
import { send } from '../lib/api';
import { href } from '../lib/address';
import { useClock } from '../lib/clock';
import { count } from '../lib/figures';
import { inOrder, listOf, stateOf, stateTone, wrongName, type Dated } from '../lib/keys';
import { money, type Pico } from '../lib/money';
import { may, type Session } from '../lib/session';
import { agoText, dayText, momentTitle } from '../lib/time';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Name } from '../parts/call_cells';
import { Badge, Card } from '../parts/card';
import { FormDialog, HoldsFor, TextField, Why } from '../parts/form_dialog';
import { Page } from '../parts/page';
import { Secret } from '../parts/secret';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, type Column } from '../parts/table';
import { UserTabs } from './users';

export interface Key extends Dated {
    name: string;
    team: string | null;
    models: string[]; // none: all
    origin: 'file' | 'runtime';
    old_secret_until: string | null;
    calls: number | null;
    cost_picousd: Pico | null;
}
export interface KeyMade {
    name: string;
    secret: string;
}

export const WHERE_TO_PUT = "Put it where the client reads its API key, and purser's address where it has its base URL. The dashboard cannot show it again; a new one comes with Rotate.";

export function StateBadge({ of }: { of: Dated }) {
    const { now } = useClock(), state = stateOf(of, now);
    const when = state === 'revoked' ? of.revoked : of.expires;
    return <Badge tone={stateTone(state)} title={when ? momentTitle(when) : undefined}>{state}</Badge>;
}

export function Day({ at, none }: { at: string | null | undefined; none: string }) {
    if (!at) return <span class="muted">{none}</span>;
    return <span title={`${momentTitle(at)}, ${agoText(at)}`}>{dayText(Date.parse(at))} {at.slice(0, 4)}</span>;
}

export function Models({ of }: { of: string[] }) {
    if (!of.length) return <span class="muted">all</span>;
    return <span class="name" title={of.join(', ')}>{of.join(', ')}</span>;
}

const COLUMNS: Column<Key>[] = [
    { name: 'name', label: 'Key', cell: (key) => <Name value={key.name} />, sort: (key) => key.name },
    { name: 'state', label: 'State', cell: (key) => <StateBadge of={key} /> },
    { name: 'team', label: 'Team', narrow: false, cell: (key) => (key.team ? <Name value={key.team} /> : <span class="muted">–</span>), sort: (key) => key.team },
    { name: 'models', label: 'Models', narrow: false, cell: (key) => <Models of={key.models} /> },
    { name: 'expires', label: 'Expires', narrow: false, cell: (key) => <Day at={key.expires} none="never" />, sort: (key) => (key.expires ? Date.parse(key.expires) : Infinity) },
    { name: 'origin', label: 'Made', narrow: false, cell: (key) => (key.origin === 'file' ? <span class="muted">in the settings file</span> : <Day at={key.created} none="–" />) },
    { name: 'calls', label: 'Calls', number: true, narrow: false, cell: (key) => count(key.calls), sort: (key) => key.calls },
    { name: 'cost', label: 'Cost', number: true, cell: (key) => money(key.cost_picousd), sort: (key) => Number(key.cost_picousd ?? 0) },
];

function NewKey({ taken, teams, onMade, onClose }: { taken: string[]; teams: string[]; onMade: (made: KeyMade) => void; onClose: () => void }) {
    const [name, setName] = useState(''), [team, setTeam] = useState(''), [models, setModels] = useState(''), [expires, setExpires] = useState(''), [why, setWhy] = useState('');
    const wrong = wrongName(name, taken);
    const submit = async () => onMade(await send<KeyMade>('POST', '/keys', { name, ...(team ? { team } : {}), ...(listOf(models).length ? { models: listOf(models) } : {}), ...(expires ? { expires } : {}) }, undefined, { why: why.trim() }));
    return (
        <FormDialog title="A new key" action="Make the key" ready={!!name && !wrong} onSubmit={submit} onClose={onClose}>
            <TextField label="Name" value={name} set={setName} wrong={wrong} required autofocus maxLength={64} help="In budgets, reports and metrics: an application's, or a person's." />
            <TextField label="Team (optional)" value={team} set={setTeam} list={teams} maxLength={64} help="Who pays." />
            <TextField label="Models (optional)" value={models} set={setModels} maxLength={2000} placeholder="all" help="Which it may use, with commas between: cheap, openai/*" />
            <HoldsFor value={expires} set={setExpires} />
            <Why value={why} set={setWhy} />
        </FormDialog>
    );
}

export function KeyList({ view, session }: { view: View; session: Session }) {
    const keys = useApi<List<Key>>('/keys', { limit: 1000, spend: 1, since: view.ask.since, until: view.ask.until });
    const [making, setMaking] = useState(false), [made, setMade] = useState<KeyMade | null>(null);
    const { now } = useClock();
    const rows = keys.data?.rows ?? [], teams = [...new Set(rows.map((key) => key.team).filter(Boolean))] as string[];
    const admin = may(session, 'admin');
    const empty = <Empty title="No keys">Nobody can call anything yet. {admin ? 'Make a key with the button above.' : 'An admin can make keys.'}</Empty>;
    return (
        <Page title="Users & keys" view={view} filters={false} actions={<UserTabs view={view} current="keys" />}>
            <Card title="Keys" flush note={admin ? undefined : 'an admin can change them'} actions={<><CsvLink url={keys.url} />{admin && <button class="button main" type="button" onClick={() => setMaking(true)}>New key</button>}</>}>
                <Load from={keys} height={400}>
                    {() => <Table label="Keys" columns={COLUMNS} rows={inOrder(rows, now)} rowKey={(key) => key.name} href={(key) => href(['users', 'keys', key.name], {}, view.query)} empty={empty} whole />}
                </Load>
            </Card>
            {making && <NewKey taken={rows.map((key) => key.name)} teams={teams} onClose={() => setMaking(false)} onMade={(one) => { setMaking(false); setMade(one); keys.again(); }} />}
            {made && <Secret title={`The key ${made.name}`} secret={made.secret} onClose={() => setMade(null)}>{WHERE_TO_PUT}</Secret>}
        </Page>
    );
}
