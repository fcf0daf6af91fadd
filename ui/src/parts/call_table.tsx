// A list of calls, each leading to its page.
import type { ComponentChildren } from 'preact';
import { href } from '../lib/address';
import type { Call } from '../lib/calls';
import { CALL_COLUMNS } from './call_cells';
import { Table } from './table';

export function CallTable({ label, rows, query, empty }: { label: string; rows: Call[]; query: URLSearchParams; empty?: ComponentChildren }) {
    return (
        <div class="calls">
            <Table label={label} columns={CALL_COLUMNS} rows={rows} rowKey={(call) => call.id} href={(call) => href(['calls', call.id], {}, query)} empty={empty} whole />
        </div>
    );
}
