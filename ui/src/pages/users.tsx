// Who spends: users, the keys that pay, the tokens of those who look and steer.
import { href } from '../lib/address';
import type { Session } from '../lib/session';
import { useView, type View } from '../lib/view';
import { Views } from '../parts/views';
import { KeyPage } from './users_key';
import { KeyList } from './users_keys';
import { TokenList } from './users_tokens';
import { UserPage } from './users_one';
import { UserList } from './users_list';

export function UserTabs({ view, current }: { view: View; current: 'users' | 'keys' | 'tokens' }) {
    return (
        <Views label="Users and keys" views={[
            { label: 'Users', href: href(['users'], {}, view.query), current: current === 'users' },
            { label: 'Keys', href: href(['users', 'keys'], {}, view.query), current: current === 'keys' },
            { label: 'API tokens', href: href(['users', 'tokens'], {}, view.query), current: current === 'tokens' },
        ]} />
    );
}

export function Users({ session }: { session: Session }) {
    const view = useView('30d');
    const [, kind, name] = view.path;
    if (kind === 'user' && name !== undefined) return <UserPage name={name} view={view} />;
    if (kind === 'keys' && name !== undefined) return <KeyPage name={name} view={view} session={session} />;
    if (kind === 'keys') return <KeyList view={view} session={session} />;
    if (kind === 'tokens') return <TokenList view={view} session={session} />;
    return <UserList view={view} />;
}
