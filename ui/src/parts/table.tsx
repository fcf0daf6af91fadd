// Tables: sortable, with a head that stays, a link to the CSV, rows that lead on. Up and down walk the rows, Enter follows.
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { go } from '../lib/address';
import { Empty } from './state';

export interface Column<Row> {
    name: string;
    label: string;
    number?: boolean;
    title?: string;
    wrap?: boolean;
    narrow?: boolean; // false: not on a phone
    cell: (row: Row) => ComponentChildren;
    /** What to sort by; without it the column is not sortable. */
    sort?: (row: Row) => number | bigint | string | null | undefined;
    total?: ComponentChildren;
}

interface TableProps<Row> {
    label: string; // what the table is, for those who do not see it
    columns: Column<Row>[];
    rows: Row[];
    rowKey: (row: Row) => string;
    href?: (row: Row) => string | undefined;
    sortBy?: string; // column; "-name": the largest first
    empty?: ComponentChildren;
    whole?: boolean; // no scrolling of its own
}

/** As many as an answer may have, not only those that are shown at first. */
export const allRows = (url: string) => url.replace(/\blimit=\d+/, 'limit=1000');

export function CsvLink({ url }: { url: string }) {
    return <a class="button plain small" href={`${url}${url.includes('?') ? '&' : '?'}format=csv`} download>CSV</a>;
}

const classOf = (column: Pick<Column<never>, 'number' | 'wrap' | 'narrow'>) => `${column.number ? 'number' : ''} ${column.wrap ? 'wrap' : ''} ${column.narrow === false ? 'wide-only' : ''}`;

function compare(a: unknown, b: unknown): number {
    if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1;
    if (b === null || b === undefined) return 1;
    if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b);
    return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** Arrow keys move between rows; one row at a time is in the tab order. */
function onRowKey(event: KeyboardEvent, href: string | undefined): void {
    const row = event.currentTarget as HTMLElement, body = row.parentElement!;
    if (event.target !== row && event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild }[event.key];
    if (to) (to as HTMLElement).focus();
    else if (event.key === 'Enter' && href) go(href);
    else if (!to && !['ArrowDown', 'ArrowUp'].includes(event.key)) return;
    event.preventDefault();
}

export function Table<Row>({ label, columns, rows, rowKey, href, sortBy, empty, whole }: TableProps<Row>) {
    const [by, setBy] = useState(sortBy ?? '');
    const box = useRef<HTMLDivElement>(null);
    const falling = by.startsWith('-'), name = by.replace(/^-/, '');
    const sorted = useMemo(() => {
        const sort = columns.find((column) => column.name === name)?.sort;
        if (!sort) return rows;
        return [...rows].sort((a, b) => (falling ? -1 : 1) * compare(sort(a), sort(b)));
    }, [rows, columns, name, falling]);
    if (!rows.length) return <>{empty ?? <Empty title="Nothing here">No rows in this time range with these filters.</Empty>}</>;
    const turn = (column: Column<Row>) => setBy(name === column.name ? (falling ? column.name : `-${column.name}`) : column.number ? `-${column.name}` : column.name);
    const totals = columns.some((column) => column.total !== undefined);
    return (
        <div class={`table-box ${whole ? 'whole' : ''}`} ref={box} tabIndex={-1}>
            <table aria-label={label}>
                <thead>
                    <tr>
                        {columns.map((column) => (
                            <th key={column.name} scope="col" class={classOf(column)} title={column.title} aria-sort={name !== column.name ? undefined : falling ? 'descending' : 'ascending'}>
                                {column.sort ? (
                                    <button type="button" onClick={() => turn(column)}>
                                        {column.label}
                                        <span class="arrow" aria-hidden="true">{name === column.name ? (falling ? '↓' : '↑') : ''}</span>
                                    </button>
                                ) : column.label}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {sorted.map((row, i) => {
                        const to = href?.(row);
                        return (
                            <tr key={rowKey(row)} tabIndex={i === 0 ? 0 : -1} onKeyDown={(event) => onRowKey(event, to)}>
                                {columns.map((column, at) => (
                                    <td key={column.name} class={classOf(column)}>
                                        {at === 0 && to ? <a href={to} tabIndex={-1}>{column.cell(row)}</a> : column.cell(row)}
                                    </td>
                                ))}
                            </tr>
                        );
                    })}
                </tbody>
                {totals && (
                    <tfoot>
                        <tr>{columns.map((column) => <td key={column.name} class={classOf(column)}>{column.total}</td>)}</tr>
                    </tfoot>
                )}
            </table>
        </div>
    );
}
