// Counts, shares and latencies as people read them: as `purser report` shows them (src/ledger/report_cells.c).

export type Count = number | bigint;

/** "1,234,567", from ten million on "12.35M". */
export function count(v: Count | null | undefined): string {
    if (v === null || v === undefined) return '–';
    const n = Number(v);
    if (n < 1e7) return Math.round(n).toLocaleString('en-US');
    const units = ['M', 'G', 'T', 'P', 'E'];
    let scale = 1e6, at = 0;
    for (; n >= scale * 1000 && at + 1 < units.length; at++) scale *= 1000;
    return `${(Math.floor((n / scale) * 100) / 100).toFixed(2)}${units[at]}`;
}

/** For axes: "1.2k", "3M". */
export function countShort(n: number): string {
    const size = Math.abs(n);
    for (const [unit, scale] of [['G', 1e9], ['M', 1e6], ['k', 1e3]] as const) {
        if (size >= scale) return `${Number((n / scale).toPrecision(3))}${unit}`;
    }
    return `${Number(n.toPrecision(3))}`;
}

/** "0%", "<0.1%", "2.5%". */
export function rate(part: number, all: number): string {
    if (!(all > 0) || part === 0) return '0%';
    const permille = Math.floor((part * 1000) / all + 0.5);
    return permille === 0 ? '<0.1%' : `${(permille / 10).toFixed(1)}%`;
}

export function share(v: number | null | undefined): string {
    return v === null || v === undefined ? '–' : rate(v, 1);
}

/** "1.25x". */
export function times(v: number | null | undefined): string {
    return v === null || v === undefined ? '–' : `${v.toFixed(2)}x`;
}

/** Milliseconds: "3.2ms", "850ms", "1.25s", "2m05s", "3h07m", "2d04h". */
export function latency(ms: number | null | undefined): string {
    if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
    if (ms < 10) return `${(Math.floor(ms * 10) / 10).toFixed(1)}ms`;
    if (ms < 1000) return `${Math.floor(ms)}ms`;
    if (ms < 60_000) return `${(Math.floor(ms / 10) / 100).toFixed(2)}s`;
    const seconds = Math.floor(ms / 1000), two = (n: number) => String(n).padStart(2, '0');
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
    if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
    return `${Math.floor(seconds / 86_400)}d${two(Math.floor(seconds / 3600) % 24)}h`;
}

/** For axes: "250ms", "5s", "2m". */
export function latencyShort(ms: number): string {
    if (ms < 1000) return `${Number(ms.toPrecision(3))}ms`;
    if (ms < 60_000) return `${Number((ms / 1000).toPrecision(3))}s`;
    return latency(ms).replace(/(?<=[mhd])00[smh]$/, '');
}

/** "812 B", "4.1 kB", "2.3 MB". */
export function bytes(n: number | null | undefined): string {
    if (n === null || n === undefined) return '–';
    if (n < 1000) return `${n} B`;
    const [size, unit] = n < 1e6 ? [n / 1e3, 'kB'] : n < 1e9 ? [n / 1e6, 'MB'] : [n / 1e9, 'GB'];
    return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

/** How a figure moved against the period before: "+12.5%", "−3.0%", "new", "". */
export function change(now: number, before: number | null | undefined): string {
    if (before === null || before === undefined) return '';
    if (before === 0) return now === 0 ? '0%' : 'new';
    const moved = (now - before) / Math.abs(before);
    if (Math.abs(moved) < 0.0005) return '0%';
    const percent = Math.abs(moved) * 100;
    const digits = percent >= 1000 ? Math.round(percent).toLocaleString('en-US') : percent.toFixed(1);
    return `${moved < 0 ? '−' : '+'}${digits}%`;
}
