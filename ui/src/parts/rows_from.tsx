// Some filters are answered from single rows, which are deleted after a while: then the figures say since when they are.

/** `at`: rows before it were deleted; null: none of those that are asked for. */
export function RowsFrom({ at }: { at: string | null | undefined }) {
    if (!at) return null;
    return <p class="notice">Rows before {at} were deleted (setting <code>ledger.keep</code>): with these filters the figures speak only of what came later.</p>;
}
