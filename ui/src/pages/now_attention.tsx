// What somebody should look at, the worst first; each leads to where it can be mended.
import { href } from '../lib/address';
import { sessionHref, taskHref } from '../lib/chains';
import type { Note } from '../lib/now';
import { writeWhere } from '../lib/where';
import { Badge } from '../parts/card';
import { Empty } from '../parts/state';

const LEVELS = { serious: ['bad', 'serious'], warning: ['warn', 'warning'], note: ['accent', 'note'] } as const;

function hrefOf(note: Note, query: URLSearchParams): string {
    if (note.page === 'features' && note.object) return href(['features', note.object], {}, query);
    if (note.kind === 'runaway') return (note.page === 'sessions' ? sessionHref : taskHref)(note.object, query);
    if (note.page === 'costs' && note.kind === 'estimated') return href(['calls'], { where: writeWhere([{ name: 'cost_state', value: 'estimated' }]), range: '7d' }, query);
    return href(note.page === 'now' ? [] : [note.page], {}, query);
}

export function Attention({ notes, query }: { notes: Note[]; query: URLSearchParams }) {
    if (!notes.length) return <Empty title="Nothing needs you">Budgets have room, targets answer, every feature has an owner and every call a price.</Empty>;
    return (
        <ul class="attention">
            {notes.map((note, i) => {
                const [tone, word] = LEVELS[note.level] ?? LEVELS.note;
                return <li key={`${note.kind} ${note.object} ${i}`}><a href={hrefOf(note, query)}><Badge tone={tone}>{word}</Badge><span>{note.text}</span></a></li>;
            })}
        </ul>
    );
}
