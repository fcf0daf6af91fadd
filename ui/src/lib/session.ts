// Who is signed in. The session itself is a cookie that no script can read; here is what the page may know of it.
import { Problem, forgetAll, get, send, setCsrf } from './api';

export type Role = 'viewer' | 'operator' | 'admin' | 'owner';

export interface Session {
    name: string;
    role: Role;
    features: string[] | null; // an owner's: what it sees; null: everything
    csrf: string | null;
}

const RANK: Record<Role, number> = { viewer: 0, owner: 1, operator: 1, admin: 2 };

/** Only to show what can be done: the server decides. */
export function may(session: Session, least: 'viewer' | 'operator' | 'admin'): boolean {
    return RANK[session.role] >= RANK[least];
}

function taken(session: Session): Session {
    setCsrf(session.csrf ?? '');
    return session;
}

/** null: nobody is signed in. */
export async function currentSession(): Promise<Session | null> {
    try {
        return taken(await get<Session>('/api/v1/session'));
    } catch (error) {
        if (error instanceof Problem && error.status === 401) return null;
        throw error;
    }
}

export async function signIn(token: string): Promise<Session> {
    forgetAll();
    return taken(await send<Session>('POST', '/session', { token }));
}

export async function signOut(): Promise<void> {
    await send('DELETE', '/session');
    forgetAll();
    setCsrf('');
}
