// The colours of style/theme.css: readable in both themes, and the series told apart by colour-blind people too.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync('ui/src/style/theme.css', 'utf8');
const themes: Record<string, Record<string, string>> = {};
for (const [, selector, body] of css.matchAll(/(:root[^\s{]*) \{([^}]+)\}/g)) {
    themes[selector!] = { ...Object.fromEntries([...body!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])) };
}
const light = themes[':root']!, dark = themes[':root[data-theme="dark"]']!;

type Three = [number, number, number];
const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const rgb = (hex: string) => [1, 3, 5].map((at) => linear(parseInt(hex.slice(at, at + 2), 16) / 255)) as Three;
const luminance = (hex: string) => {
    const [r, g, b] = rgb(hex);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// Source: WCAG 2.2, 1.4.3 and 1.4.11.
const contrast = (a: string, b: string) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);

// Source: Machado, Oliveira and Fernandes 2009, severity 1.0; OKLab of Ottosson 2020.
const EYES: Record<string, Three[]> = {
    full: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
function seen(hex: string, eyes: Three[]): Three {
    const v = rgb(hex);
    const [r, g, b] = eyes.map((row) => Math.max(0, Math.min(1, row[0] * v[0] + row[1] * v[1] + row[2] * v[2]))) as Three;
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b), m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b), s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}
const distance = (a: Three, b: Three) => 100 * Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

for (const [name, theme] of [['light', light], ['dark', dark]] as const) {
    test(`${name}: text and signs have contrast on whatever they stand`, () => {
        for (const ground of ['page', 'surface', 'raised', 'sunk'].map((one) => theme[one]!)) {
            for (const ink of ['text', 'muted', 'accent', 'good', 'warn', 'bad']) {
                assert.ok(contrast(theme[ink]!, ground) >= 4.5, `${ink} on ${ground}: ${contrast(theme[ink]!, ground).toFixed(2)}`);
            }
        }
        for (const [ink, ground] of [['accent', 'accent-soft'], ['good', 'good-soft'], ['warn', 'warn-soft'], ['bad', 'bad-soft'], ['text', 'warn-soft'], ['text', 'bad-soft'], ['text', 'accent-soft'], ['on-accent', 'accent'], ['surface', 'bad']]) {
            assert.ok(contrast(theme[ink!]!, theme[ground!]!) >= 4.5, `${ink} on ${ground}: ${contrast(theme[ink!]!, theme[ground!]!).toFixed(2)}`);
        }
        assert.ok(contrast(theme.edge!, theme.surface!) >= 3, 'the edge of a field');
    });
    test(`${name}: the series stand out from the ground and from each other, for every eye`, () => {
        const series = Object.keys(theme).filter((one) => one.startsWith('series-'));
        assert.equal(series.length, 8);
        for (const one of series) assert.ok(contrast(theme[one]!, theme.surface!) >= 3, `${one}: ${contrast(theme[one]!, theme.surface!).toFixed(2)}`);
        for (const [eye, matrix] of Object.entries(EYES)) {
            for (const a of series) for (const b of series) {
                if (a < b) assert.ok(distance(seen(theme[a]!, matrix), seen(theme[b]!, matrix)) >= 8, `${a} and ${b}, ${eye}: ${distance(seen(theme[a]!, matrix), seen(theme[b]!, matrix)).toFixed(1)}`);
            }
        }
    });
}

test('the system\'s dark is the chosen dark', () => {
    assert.deepEqual(themes[':root:not([data-theme="light"])'], dark);
    assert.deepEqual(Object.keys(light).sort(), Object.keys(dark).sort());
});
