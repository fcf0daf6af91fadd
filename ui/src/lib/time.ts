// Moments as people read them. The ledger counts in UTC and calls days by their UTC date; so does the dashboard.

export const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

const two = (n: number) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export function floorTo(ms: number, unit: number): number {
    return Math.floor(ms / unit) * unit;
}

/** RFC 3339 in UTC, as the API takes it: seconds, and fractions only where there are any. */
export function rfc3339(ms: number): string {
    return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** "26 Nov". */
export function dayText(ms: number): string {
    const d = new Date(ms);
    return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
}

/** "Thu 26 Nov 2026". */
export function dateText(ms: number): string {
    const d = new Date(ms);
    return `${WEEKDAYS[d.getUTCDay()]} ${dayText(ms)} ${d.getUTCFullYear()}`;
}

/** "17:05". */
export function clockText(ms: number): string {
    const d = new Date(ms);
    return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
}

/** "26 Nov 17:05:09". */
export function momentText(at: string | number | null | undefined): string {
    if (at === null || at === undefined) return '–';
    const ms = typeof at === 'number' ? at : Date.parse(at);
    if (Number.isNaN(ms)) return String(at);
    return `${dayText(ms)} ${clockText(ms)}:${two(new Date(ms).getUTCSeconds())}`;
}

/** "Thu 26 Nov 2026 17:05 UTC". */
export function wholeMoment(at: string | number): string {
    const ms = typeof at === 'number' ? at : Date.parse(at);
    return Number.isNaN(ms) ? String(at) : `${dateText(ms)} ${clockText(ms)} UTC`;
}

/** For titles: the same moment in UTC and where the reader sits. */
export function momentTitle(at: string | number): string {
    const d = new Date(at);
    return Number.isNaN(d.getTime()) ? String(at) : `${d.toISOString()} (${d.toLocaleString()} here)`;
}

/** "just now", "12 s ago", "in 3 h". */
export function agoText(at: string | number | null | undefined, now = Date.now()): string {
    if (at === null || at === undefined) return '–';
    const off = now - (typeof at === 'number' ? at : Date.parse(at)), size = Math.abs(off);
    if (Number.isNaN(off)) return String(at);
    if (size < 2 * SECOND) return 'just now';
    const [n, unit] = size < 2 * MINUTE ? [size / SECOND, 's'] : size < 2 * HOUR ? [size / MINUTE, 'min'] : size < 2 * DAY ? [size / HOUR, 'h'] : [size / DAY, 'days'];
    return off > 0 ? `${Math.floor(n)} ${unit} ago` : `in ${Math.floor(n)} ${unit}`;
}

/** "2026-11-26" or "2026-11-26T17:05" of a form's field, as UTC; null where it is none. */
export function readMoment(s: string): number | null {
    if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?$/.test(s)) return null;
    const ms = Date.parse(s.length === 10 ? `${s}T00:00Z` : s.endsWith('Z') ? s : `${s}Z`);
    return Number.isNaN(ms) ? null : ms;
}
