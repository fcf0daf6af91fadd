// Pico-dollars as people read them: the very digits that `purser report` shows (src/base/money.c).

/** Whole pico-dollars; a bigint where a double would lose digits (lib/json.ts). */
export type Pico = number | bigint;

const PER_USD = 1_000_000_000_000n;

export function toBig(v: Pico): bigint {
    return typeof v === 'bigint' ? v : BigInt(Math.round(v));
}

/** Exact sums of what the API sends. */
export function addPico(a: Pico, b: Pico): Pico {
    const sum = toBig(a) + toBig(b);
    const small = Number(sum);
    return Number.isSafeInteger(small) ? small : sum;
}

/** Dollars as a double: for charts and shares, never for text. */
export function usd(v: Pico): number {
    return Number(v) / 1e12;
}

function grouped(whole: bigint): string {
    return whole.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

function text(v: bigint, decimals: number, least: number): string {
    const unit = 10n ** BigInt(12 - decimals);
    const minus = v < 0n;
    const rounded = (((minus ? -v : v) + unit / 2n) / unit) * unit;
    let fraction = (rounded % PER_USD).toString().padStart(12, '0').slice(0, decimals);
    while (fraction.length > least && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
    return `${minus && rounded ? '−' : ''}$${grouped(rounded / PER_USD)}${fraction ? `.${fraction.padEnd(least, '0')}` : ''}`;
}

/** "$1,234.56", "$0.032", "$0.00000012": two decimals, below ten cents two digits that count. */
export function money(v: Pico | null | undefined): string {
    if (v === null || v === undefined) return '–';
    const big = toBig(v), size = big < 0n ? -big : big;
    let keep = 2;
    if (size && size < PER_USD) for (let top = PER_USD; size * 10n < top && keep < 12; top /= 10n) keep++;
    return text(big, keep, 2);
}

/** Every digit: "$0.031500125". */
export function moneyExact(v: Pico | null | undefined): string {
    return v === null || v === undefined ? '–' : text(toBig(v), 12, 2);
}

/** For axes and tiles with little room: "$12k", "$1.5M", "$0.02". */
export function moneyShort(dollars: number): string {
    const size = Math.abs(dollars), sign = dollars < 0 ? '−' : '';
    const cut = (n: number, unit: string) => `${sign}$${Number(n.toPrecision(3))}${unit}`;
    if (size >= 1e9) return cut(size / 1e9, 'G');
    if (size >= 1e6) return cut(size / 1e6, 'M');
    if (size >= 1e4) return cut(size / 1e3, 'k');
    if (size === 0) return '$0';
    if (size < 1e-6) return `${sign}$${size.toExponential(0)}`;
    return `${sign}$${Number(size.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 9 })}`;
}

/** "$1.25" or "0.5" of a person's hand, as whole pico-dollars; null where it is no such number. */
export function readUsd(s: string): bigint | null {
    const match = /^\$?\s*(\d{1,9})(?:\.(\d{1,12}))?$/.exec(s.trim().replace(/,/g, ''));
    if (!match) return null;
    return BigInt(match[1]!) * PER_USD + BigInt((match[2] ?? '').padEnd(12, '0') || 0);
}
