// Sums for stacked charts: the first series lies at the bottom.

/** sums[i][k] = what stands up to series i at k; hidden ones add nothing. A gap counts as zero. */
export function stackUp(values: (number | null)[][], shown: boolean[]): number[][] {
    let below: number[] = values[0] ? values[0].map(() => 0) : [];
    return values.map((line, i) => {
        if (shown[i]) below = below.map((sum, k) => sum + (line[k] ?? 0));
        return below;
    });
}

/** Every bucket of [since, until): what the API leaves out is nothing, not unknown. `at` and `until` in milliseconds. */
export function buckets(since: number, until: number, step: number): number[] {
    const all: number[] = [];
    for (let at = Math.floor(since / step) * step; at < until && all.length < 5000; at += step) all.push(at);
    return all;
}

/** One line's values at the buckets; zero where there are none. */
export function spread(at: number[], points: Map<number, number>): number[] {
    return at.map((ms) => points.get(ms) ?? 0);
}
