// Spend by a name, of whatever the filters say: for a user's and a key's page.
import { useState } from 'preact/hooks';
import { href } from '../lib/address';
import { count, type Count } from '../lib/figures';
import { money, usd, type Pico } from '../lib/money';
import { DAY } from '../lib/time';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { addFilter, readWhere, writeWhere } from '../lib/where';
import { Name, Sum } from './call_cells';
import { Card } from './card';
import { Empty, Load } from './state';
import { Table } from './table';

interface Row {
    [name: string]: string | Count | null;
}
interface Rows {
    rows: (Row & { calls: Count; cost_picousd: Pico })[];
}

/** `reads`: no rollup knows it, each call is read; of many days only if somebody wants it. */
export function Split({ by, title, view, where, reads }: { by: string; title: string; view: View; where: string; reads?: boolean }) {
    const [wanted, setWanted] = useState(false);
    const asks = !reads || wanted || view.range.until - view.range.since <= 8 * DAY;
    const sums = useApi<Rows>(asks ? '/report' : null, { by, ...view.ask, where, limit: 50 }, { long: true });
    const most = Math.max(0, ...(sums.data?.rows ?? []).map((row) => usd(row.cost_picousd)));
    if (!asks) return <Card title={title} class="split"><Empty title="Not asked for yet">No sum is kept of this: each call of the time range is read. <button class="button small" type="button" onClick={() => setWanted(true)}>Read them</button></Empty></Card>;
    return (
        <Card title={title} flush class="split">
            <Load from={sums} height={200}>
                {({ rows }) => (
                    <Table label={title} rows={rows} rowKey={(row) => String(row[by])} sortBy="-cost" href={(row) => href(['calls'], { where: writeWhere(addFilter(readWhere(where), { name: by, value: String(row[by] ?? '') })) }, view.query)}
                        columns={[
                            { name: by, label: by[0]!.toUpperCase() + by.slice(1), cell: (row) => <Name value={String(row[by] ?? '')} />, sort: (row) => String(row[by]) },
                            { name: 'share', label: 'Share', narrow: false, cell: (row) => <span class="meter" title={money(row.cost_picousd)}><i style={{ width: `${most > 0 ? (usd(row.cost_picousd) / most) * 100 : 0}%` }} /></span> },
                            { name: 'calls', label: 'Calls', number: true, cell: (row) => count(row.calls), sort: (row) => Number(row.calls) },
                            { name: 'cost', label: 'Cost', number: true, cell: (row) => <Sum of={row} />, sort: (row) => Number(row.cost_picousd) },
                        ]} />
                )}
            </Load>
        </Card>
    );
}
