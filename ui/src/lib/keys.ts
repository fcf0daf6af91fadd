// Keys and tokens: what state one is in, and what may be asked for.
import { DAY } from './time';

export interface Dated {
    created?: string | null;
    expires?: string | null;
    revoked?: string | null;
}

export type KeyState = 'active' | 'expires soon' | 'expired' | 'revoked';

export function stateOf(one: Dated, now: number): KeyState {
    if (one.revoked) return 'revoked';
    if (!one.expires) return 'active';
    const left = Date.parse(one.expires) - now;
    return left <= 0 ? 'expired' : left < 14 * DAY ? 'expires soon' : 'active';
}

export const stateTone = (state: KeyState) => (state === 'active' ? 'good' : state === 'expires soon' ? 'warn' : state === 'expired' ? 'bad' : undefined) as 'good' | 'warn' | 'bad' | undefined;

/** What can still be used first, then by name. */
export function inOrder<T extends Dated & { name: string }>(rows: T[], now: number): T[] {
    const rank = (one: T) => (stateOf(one, now) === 'revoked' ? 2 : stateOf(one, now) === 'expired' ? 1 : 0);
    return [...rows].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/** Why a name will not do; '' where it will. The server decides: this is its rule for names in settings. */
export function wrongName(name: string, taken: string[]): string {
    if (!name) return '';
    if (new TextEncoder().encode(name).length > 64) return 'At most 64 bytes.';
    if (/[\s,=/*"'{}\u0000-\u001f\u007f]/.test(name)) return 'No blanks, and none of , = / * " \' { }';
    return taken.includes(name) ? 'There is one of that name, or there was: no name is given twice.' : '';
}

/** "gpt-5, claude-*" as a list. */
export const listOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);
