// Lifting what blocks a session or task: a loop that was seen is forgotten.
import { useState } from 'preact/hooks';
import { Problem, send } from '../lib/api';
import type { ChainKind } from '../lib/chains';
import { may, type Session } from '../lib/session';
import { Confirm } from './dialog';

export function Lift({ kind, id, session }: { kind: ChainKind; id: string; session: Session }) {
    const [open, setOpen] = useState(false);
    if (session.role === 'owner' || !may(session, 'operator')) return null;
    const lift = async (why: string) => {
        const { lifted } = await send<{ lifted: number }>('POST', '/runaway/lift', { [kind]: id, ...(why ? { why } : {}) });
        if (!lifted) throw new Problem(404, 'Nothing to lift', `Nothing was seen of this ${kind} since purser began: it is not blocked.`);
    };
    return (
        <>
            <button class="button small" type="button" onClick={() => setOpen(true)}>Lift a block …</button>
            {open && (
                <Confirm title={`Lift what blocks this ${kind}`} action="Lift" reason="optional" onConfirm={lift} onClose={() => setOpen(false)}>
                    <p class="small muted">What was seen of its loop is forgotten, so its calls are no longer slowed down or refused. What goes on looping is seen again.</p>
                </Confirm>
            )}
        </>
    );
}
