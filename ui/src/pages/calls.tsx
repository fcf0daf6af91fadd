// Calls, found and followed: the list, the live tail, and one call in full.
import type { Session } from '../lib/session';
import { useView } from '../lib/view';
import { CallList } from './calls_list';
import { CallPage } from './calls_one';
import { CallTail } from './calls_tail';

export function Calls({ session }: { session: Session }) {
    const view = useView('24h');
    const id = view.path[1];
    if (id) return <CallPage id={id} view={view} session={session} />;
    return view.query.get('live') === '1' ? <CallTail view={view} /> : <CallList view={view} />;
}
