import { PAGES } from '../pages';
import { Dialog } from './dialog';

const OTHERS: [string, string][] = [['/', 'Search'], ['?', 'This help'], ['r', 'Ask again'], ['c', 'Compare with the period before'], ['1 … 5', 'Time range'], ['↑ ↓', 'Rows of a table'], ['Enter', 'Follow a row'], ['Esc', 'Close']];

export function Help({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title="Keys" onClose={onClose} wide>
            <div class="inside">
                <h2>Keys</h2>
                <div class="keys">
                    {PAGES.map((page) => <div key={page.path}><span>{page.title}</span><span><kbd>g</kbd> <kbd>{page.key}</kbd></span></div>)}
                    {OTHERS.map(([key, what]) => <div key={key}><span>{what}</span><kbd>{key}</kbd></div>)}
                </div>
                <p class="muted small" style={{ marginTop: '14px' }}>All times are UTC, as in the ledger; a moment's title also says it in your own time. Dragging over a chart narrows the time range.</p>
                <div class="actions"><button class="button" type="button" onClick={onClose} autofocus>Close</button></div>
            </div>
        </Dialog>
    );
}
