// Views of one page, each with an address of its own.
export interface OneView {
    label: string;
    href: string;
    current: boolean;
}

export function Views({ label, views }: { label: string; views: OneView[] }) {
    return (
        <nav class="segments views" aria-label={label}>
            {views.map((one) => <a key={one.label} href={one.href} aria-current={one.current ? 'page' : undefined}>{one.label}</a>)}
        </nav>
    );
}
