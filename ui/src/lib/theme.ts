// Light or dark: the system's choice until somebody chooses; kept in this browser.
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'purser-theme';

export function readTheme(): Theme {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === 'light' || kept === 'dark' ? kept : 'system';
    } catch {
        return 'system'; // storage is forbidden: then it is not kept
    }
}

export function applyTheme(theme: Theme): void {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
        if (theme === 'system') localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, theme);
    } catch {
        // as above
    }
    dispatchEvent(new Event('purser-theme'));
}

/** A number that changes when colours do: for what is drawn on canvas. */
export function useColours(): number {
    const [turn, set] = useState(0);
    useEffect(() => {
        const media = matchMedia('(prefers-color-scheme: dark)');
        const on = () => set((n) => n + 1);
        media.addEventListener('change', on);
        addEventListener('purser-theme', on);
        return () => {
            media.removeEventListener('change', on);
            removeEventListener('purser-theme', on);
        };
    }, []);
    return turn;
}

/** A custom property of style/theme.css, as it is now. */
export function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
