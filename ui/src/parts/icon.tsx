// Small drawings beside words: they say nothing that the word does not.
const SHAPES: Record<string, string> = {
    now: 'M2 9h3l2-6 3 12 2-6h4', costs: 'M2 15h14M4 15V9m4 6V4m4 11v-4', features: 'M3 3h5v5H3zM10 3h5v5h-5zM3 10h5v5H3zM10 10h5v5h-5z',
    calls: 'M3 5h12M3 9h12M3 13h7', tasks: 'M4 4v10M4 6h5m-5 6h5M11 4h4v4h-4zM11 10h4v4h-4z', users: 'M9 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 16c0-3 2.5-5 6-5s6 2 6 5',
    budgets: 'M2 11a7 7 0 0 1 14 0M9 11l3-4', providers: 'M3 3h12v5H3zM3 10h12v5H3zM6 5.5h.01M6 12.5h.01', audit: 'M4 2h7l3 3v11H4zM7 8h4M7 11h4',
    menu: 'M2 4h14M2 9h14M2 14h14', sun: 'M9 12a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM9 1v2M9 15v2M1 9h2M15 9h2M3.3 3.3l1.4 1.4M13.3 13.3l1.4 1.4M3.3 14.7l1.4-1.4M13.3 4.7l1.4-1.4',
    moon: 'M15 11A7 7 0 0 1 7 3a6.5 6.5 0 1 0 8 8z', help: 'M7 7a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.6M9 13h.01M9 16A7 7 0 1 0 9 2a7 7 0 0 0 0 14z', out: 'M7 3H3v12h4M8 9h7M12 6l3 3-3 3',
    search: 'M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10zM12 12l4 4', refresh: 'M15 9a6 6 0 1 1-2-4.5M15 2v4h-4', filter: 'M2 4h14l-5.5 6v5l-3-1.5V10z', table: 'M2 3h14v12H2zM2 7h14M7 7v8', close: 'M4 4l10 10M14 4L4 14', auto: 'M9 2a7 7 0 1 0 0 14zM9 2a7 7 0 0 1 0 14',
};

export function Icon({ name, size = 16 }: { name: string; size?: number }) {
    return (
        <svg width={size} height={size} viewBox="0 0 18 18" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d={SHAPES[name] ?? ''} />
        </svg>
    );
}

export function Logo({ size = 24 }: { size?: number }) {
    return (
        <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" fill="#0b5cad" />
            <path d="M8 24V8h9a6 6 0 0 1 0 12h-4" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round" />
            <path d="M20 24h4M13 24h2" stroke="#9fd0ff" stroke-width="3.2" stroke-linecap="round" />
        </svg>
    );
}
