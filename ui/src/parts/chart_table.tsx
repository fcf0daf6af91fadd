// The figures of a chart for those who would rather read, or must.
import { bucketText, type ChartProps } from './chart';
import { Table, type Column } from './table';

export function ChartTable({ title, at, step, series, overlay = [], format, height = 240 }: ChartProps) {
    const rows = at.map((ms, i) => ({ ms, i }));
    const columns: Column<{ ms: number; i: number }>[] = [
        { name: 'at', label: step === 'day' ? 'Day (UTC)' : 'Time (UTC)', cell: (row) => bucketText(row.ms, step).replace(' UTC', ''), sort: (row) => row.ms },
        ...[...series, ...overlay].map((s, n) => ({
            name: `${n}`, label: s.name, number: true,
            cell: (row: { i: number }) => (s.values[row.i] === null || s.values[row.i] === undefined ? '–' : format(s.values[row.i]!)),
            sort: (row: { i: number }) => s.values[row.i],
        })),
    ];
    return <div style={{ maxHeight: `${height}px`, overflow: 'auto' }}><Table label={title} columns={columns} rows={rows} rowKey={(row) => `${row.ms}`} whole /></div>;
}
