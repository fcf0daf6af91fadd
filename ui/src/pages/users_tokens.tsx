import { useState } from 'preact/hooks';
import { pathPart } from '../lib/address';
import { send } from '../lib/api';
import { useClock } from '../lib/clock';
import { inOrder, stateOf, wrongName, type Dated } from '../lib/keys';
import { may, type Role, type Session } from '../lib/session';
import type { List } from '../lib/types';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Name } from '../parts/call_cells';
import { Badge, Card } from '../parts/card';
import { Confirm } from '../parts/dialog';
import { FormDialog, HoldsFor, TextField, Why } from '../parts/form_dialog';
import { Page } from '../parts/page';
import { Secret } from '../parts/secret';
import { Empty, Load } from '../parts/state';
import { CsvLink, Table, type Column } from '../parts/table';
import { Day, StateBadge, type KeyMade } from './users_keys';
import { UserTabs } from './users';

interface Token extends Dated {
    name: string;
    role: Role;
    owner: string | null;
    who: string;
}

const ROLES: [Role, string][] = [
    ['viewer', 'sees everything, changes nothing'],
    ['operator', 'also switches AI off and on, lifts what runs away, tells outcomes'],
    ['admin', 'also keys, budgets, limits, features, prices and tokens'],
    ['owner', 'sees and switches the features of one owner alone'],
];

function columns(now: number, session: Session, revoke: (token: Token) => void): Column<Token>[] {
    return [
        { name: 'name', label: 'Token', cell: (one) => <><Name value={one.name} />{one.name === session.name && <> <Badge tone="accent">you</Badge></>}</>, sort: (one) => one.name },
        { name: 'state', label: 'State', cell: (one) => <StateBadge of={one} /> },
        { name: 'role', label: 'Role', cell: (one) => <>{one.role}{one.owner && <span class="muted small"> of {one.owner}</span>}</>, sort: (one) => one.role },
        { name: 'expires', label: 'Expires', narrow: false, cell: (one) => <Day at={one.expires} none="never" /> },
        { name: 'created', label: 'Made', narrow: false, cell: (one) => <Day at={one.created} none="–" />, sort: (one) => one.created },
        { name: 'who', label: 'By', narrow: false, cell: (one) => <Name value={one.who} /> },
        { name: 'do', label: 'Change', number: true, cell: (one) => (stateOf(one, now) === 'revoked' ? null : <button class="button small" type="button" onClick={() => revoke(one)} aria-label={`Revoke ${one.name}`}>Revoke</button>) },
    ];
}

/** Who owns features by the settings. */
function useOwners(): string[] {
    const features = useApi<List<{ setting: { owner?: string } }>>('/settings', { kind: 'feature', limit: 1000 });
    return [...new Set((features.data?.rows ?? []).map((row) => row.setting.owner).filter(Boolean))].sort() as string[];
}

function NewToken({ taken, onMade, onClose }: { taken: string[]; onMade: (made: KeyMade) => void; onClose: () => void }) {
    const [name, setName] = useState(''), [role, setRole] = useState<Role>('viewer'), [owner, setOwner] = useState(''), [expires, setExpires] = useState('90d'), [why, setWhy] = useState('');
    const wrong = wrongName(name, taken), owners = useOwners();
    const stranger = role === 'owner' && owner.trim() && owners.length > 0 && !owners.includes(owner.trim());
    const submit = async () => onMade(await send<KeyMade>('POST', '/tokens', { name, role, ...(role === 'owner' ? { owner: owner.trim() } : {}), ...(expires ? { expires } : {}), ...(why.trim() ? { why: why.trim() } : {}) }));
    return (
        <FormDialog title="A new API token" action="Make the token" ready={!!name && !wrong && (role !== 'owner' || !!owner.trim())} onSubmit={submit} onClose={onClose}>
            <TextField label="Name" value={name} set={setName} wrong={wrong} required autofocus maxLength={64} help="Whose it is: it stands in the audit trail." />
            <fieldset class="choices">
                <legend>Role</legend>
                {ROLES.map(([one, text]) => (
                    <label key={one}><input type="radio" name="role" value={one} checked={role === one} onChange={() => setRole(one)} /><span><b>{one}</b> <small class="muted">{text}</small></span></label>
                ))}
            </fieldset>
            {role === 'owner' && <TextField label="Owner" value={owner} set={setOwner} list={owners} required help={stranger ? 'No feature has this owner yet: the token will see nothing until one has.' : 'As the settings of features name their owner.'} />}
            <HoldsFor value={expires} set={setExpires} />
            <Why value={why} set={setWhy} />
        </FormDialog>
    );
}

function Tokens({ view, session }: { view: View; session: Session }) {
    const tokens = useApi<{ rows: Token[] }>('/tokens');
    const [making, setMaking] = useState(false), [made, setMade] = useState<KeyMade | null>(null), [going, setGoing] = useState<Token | null>(null);
    const { now } = useClock();
    const rows = tokens.data?.rows ?? [];
    const revoke = async (why: string) => {
        await send('DELETE', `/tokens/${pathPart(going!.name)}`, undefined, undefined, { why });
        tokens.again();
    };
    const empty = <Empty title="No tokens">Only the admin token signs in so far. Make one for each person and each script: the audit trail then says who changed what.</Empty>;
    return (
        <Page title="Users & keys" actions={<UserTabs view={view} current="tokens" />}>
            <Card title="API tokens" flush note="to sign in here, and for scripts" actions={<><CsvLink url={tokens.url} /><button class="button main" type="button" onClick={() => setMaking(true)}>New token</button></>}>
                <Load from={tokens} height={400}>{() => <Table label="API tokens" columns={columns(now, session, setGoing)} rows={inOrder(rows, now)} rowKey={(one) => one.name} empty={empty} whole />}</Load>
            </Card>
            {making && <NewToken taken={rows.map((one) => one.name)} onClose={() => setMaking(false)} onMade={(one) => { setMaking(false); setMade(one); tokens.again(); }} />}
            {made && <Secret title={`The token ${made.name}`} secret={made.secret} onClose={() => setMade(null)}>Whoever it is for signs in with it, or sends it as <code>Authorization: Bearer</code>.</Secret>}
            {going && (
                <Confirm title={`Revoke the token ${going.name}`} action="Revoke" danger reason="optional" onConfirm={revoke} onClose={() => setGoing(null)}>
                    <p>{going.name === session.name ? 'This is the token that you are signed in with: you are signed out at once.' : 'Sessions that were begun with it end at once.'}</p>
                </Confirm>
            )}
        </Page>
    );
}

export function TokenList({ view, session }: { view: View; session: Session }) {
    if (may(session, 'admin')) return <Tokens view={view} session={session} />;
    return (
        <Page title="Users & keys" actions={<UserTabs view={view} current="tokens" />}>
            <Empty title="Tokens are for admins">You are signed in as {session.role}. Who has a token of role admin can see, make and revoke them.</Empty>
        </Page>
    );
}
