// What stands where there is nothing to show yet, nothing at all, or something went wrong: each says what to do.
import type { ComponentChildren } from 'preact';
import type { Loaded } from '../lib/use_api';
import type { Problem } from '../lib/api';

export function Skeleton({ height, width }: { height: number; width?: number | string }) {
    return <div class="skeleton" style={{ height: `${height}px`, width: typeof width === 'number' ? `${width}px` : width }} aria-hidden="true" />;
}

/** `height`: what would have stood here, so that what follows keeps its place. */
export function Empty({ title, height, children }: { title: string; height?: number; children?: ComponentChildren }) {
    return (
        <div class="state" style={{ minHeight: height && `${height}px` }}>
            <h3>{title}</h3>
            {children && <p>{children}</p>}
        </div>
    );
}

function whatToDo(problem: Problem): string {
    if (problem.status === 403) return 'Your token may not read this. Ask an admin of this purser for a token with another role.';
    if (problem.status === 404) return 'It may have been deleted, or the address has a typing error.';
    if (problem.status === 429) return 'Wait a little: this page tries again by itself.';
    if (problem.status === 400) return 'Change the filters or the time range; the address shows all of them.';
    if (problem.status >= 500) return 'The server has a problem: its log says more. This page tries again by itself.';
    return '';
}

export function Failed({ problem, again }: { problem: Problem; again?: () => void }) {
    return (
        <div class="state" role="alert">
            <h3>{problem.title}</h3>
            <p>{problem.detail}</p>
            <p>{whatToDo(problem)}</p>
            {again && <button class="button" type="button" onClick={again}>Try again</button>}
        </div>
    );
}

/** How far a long question is; nothing for short ones. */
function Progress<T>({ from }: { from: Loaded<T> }) {
    if (from.progress === undefined || !from.busy) return null;
    return (
        <div class="progress">
            <progress value={from.progress} max={1} aria-label="How far the answer is" />
            <span class="small muted">{Math.floor(from.progress * 100)}% read</span>
            <button class="button small" type="button" onClick={from.cancel}>Cancel</button>
        </div>
    );
}

/** Shows what was loaded; until then a place of the same height. What is old is dimmed while the new one comes. `keeps`:
 *  the place is never lower, so that what follows stays where it is. */
export function Load<T>({ from, height, keeps, children }: { from: Loaded<T>; height: number; keeps?: boolean; children: (data: T) => ComponentChildren }) {
    if (from.data !== undefined) {
        return (
            <div class={`load ${from.busy ? 'stale' : ''}`} aria-busy={from.busy} style={{ minHeight: keeps ? `${height}px` : undefined }}>
                <Progress from={from} />
                {from.problem && <p class="notice bad" role="alert">{from.problem.detail || from.problem.title} What is shown is older.</p>}
                {children(from.data)}
            </div>
        );
    }
    if (from.problem) return <Failed problem={from.problem} again={from.again} />;
    return (
        <div class="load" aria-busy="true">
            <Progress from={from} />
            <span class="unseen">Loading</span>
            <Skeleton height={height} />
        </div>
    );
}
