// What is asked for only once somebody scrolls to it: a long page then costs the ledger no more than what is looked at.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Card } from './card';
import { Skeleton } from './state';

/** A card with nothing in it until it comes near the window; its place is kept. */
export function Later({ title, height, children }: { title: string; height: number; children: ComponentChildren }) {
    const at = useRef<HTMLDivElement>(null);
    const [seen, setSeen] = useState(false);
    useEffect(() => {
        const watch = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true), { rootMargin: '200px' });
        watch.observe(at.current!);
        return () => watch.disconnect();
    }, []);
    return <div ref={at}>{seen ? children : <Card title={title}><Skeleton height={height} /></Card>}</div>;
}
