// Chains of calls: tasks and sessions, and each of them as a tree.
import type { Session } from '../lib/session';
import { useView } from '../lib/view';
import { ChainPage } from './tasks_one';
import { ChainList } from './tasks_list';

export function Tasks({ session }: { session: Session }) {
    const view = useView('7d');
    const [, kind, id] = view.path;
    if (kind === 'session' && id !== undefined) return <ChainPage kind="session" id={id} view={view} session={session} />;
    if (kind === 'task' && id !== undefined) return <ChainPage kind="task" id={id} view={view} session={session} />;
    if (kind !== undefined && view.path.length === 2 && kind !== 'sessions') return <ChainPage kind="task" id={kind} view={view} session={session} />;
    return <ChainList kind={kind === 'sessions' ? 'session' : 'task'} view={view} />;
}
