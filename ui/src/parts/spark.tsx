// A line the size of a word: the shape only, the figures stand beside it.
export function Spark({ values, width = 88, height = 22 }: { values: number[]; width?: number; height?: number }) {
    const most = Math.max(...values, 0), n = values.length;
    if (n < 2 || most === 0) return <svg class="spark" width={width} height={height} aria-hidden="true"><path d={`M0 ${height - 1}H${width}`} /></svg>;
    const points = values.map((v, i) => `${((i * width) / (n - 1)).toFixed(1)} ${(height - 1 - (v / most) * (height - 3)).toFixed(1)}`);
    const line = `M${points.join('L')}`;
    return (
        <svg class="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
            <path class="area" d={`${line}L${width} ${height}L0 ${height}Z`} />
            <path d={line} />
        </svg>
    );
}
