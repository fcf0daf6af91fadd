// A figure and how sure it is, on a line from 0 to `most`: the words beside it say the same.
export function Interval({ low, at, high, most, label }: { low: number; at: number; high: number; most: number; label: string }) {
    const place = (v: number) => `${most > 0 ? Math.max(0, Math.min(100, (v / most) * 100)) : 0}%`;
    return (
        <div class="interval" role="img" aria-label={label} title={label}>
            <i style={{ left: place(low), width: `calc(${place(high)} - ${place(low)})` }} />
            <u style={{ left: `calc(${place(at)} - 1px)` }} />
        </div>
    );
}
