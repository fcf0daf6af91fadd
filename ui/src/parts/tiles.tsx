// A row of figures from one question; places of the same size until it is answered.
import type { ComponentChildren } from 'preact';
import type { Loaded } from '../lib/use_api';
import { TilesComing } from './card';
import { Failed } from './state';

export function TilesOf<T>({ from, count, children }: { from: Loaded<T>; count: number; children: (data: T) => ComponentChildren }) {
    if (from.data !== undefined) return <div class="tiles">{children(from.data)}</div>;
    if (from.problem?.status === 403) return null; // an owner sees its features' calls, not sums over all
    return from.problem ? <Failed problem={from.problem} again={from.again} /> : <TilesComing count={count} />;
}
