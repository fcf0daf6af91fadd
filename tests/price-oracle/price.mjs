// A second, separate reading of the price book: BigInt, no code of src/price, so that
// end-to-end tests can hold the ledger against it to the pico-dollar.
//
//   priceUsage({unitPricesPerMillion, usage, free}) -> {units, total, state}
//   loadBook('data/prices.csv')                     -> book
//   withOwn(book, [{model: 'lab/sim-small', input: 0.15, from: '2026-01-01'}]) -> book
//   findPrice(book, provider, model, {tier, promptTokens, at}) -> {unitPricesPerMillion, free, tierMissing, row} | null
//   promptTokens(usage)                             -> tokens that count towards a context tier
//
// Prices are US dollars per million units, as decimal text or numbers; usage is {unit: count};
// amounts are BigInt pico-dollars; `at` is a Date, or text that Date understands.
import fs from 'node:fs';

export const UNITS = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'audio_in',
    'audio_out', 'image', 'tool_calls', 'searches', 'seconds', 'requests'];

// Where a unit's price comes from when it has none: the first of these that has one.
const STANDS_FOR = {
    input: ['input'], cache_read: ['cache_read', 'input'], cache_write_5m: ['cache_write_5m', 'input'],
    cache_write_1h: ['cache_write_1h', 'cache_write_5m', 'input'], audio_in: ['audio_in', 'input'],
    image: ['image', 'input'], output: ['output'], reasoning: ['reasoning', 'output'], audio_out: ['audio_out', 'output'],
};
const PROMPT_UNITS = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_in', 'image'];

/** Dollars per million units -> pico-dollars per unit; '0.25' -> 250000n. Throws when finer than that. */
export function picoPerUnit(price) {
    const m = /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(String(price).trim());
    if (!m || !(m[1] || m[2])) throw new Error(`'${price}' is no price`);
    const shift = 6 - m[2].length + Number(m[3] ?? 0);
    const digits = BigInt(m[1] + m[2]);
    if (shift >= 0) return digits * 10n ** BigInt(shift);
    const cut = 10n ** BigInt(-shift);
    if (digits % cut) throw new Error(`'${price}' is finer than a pico-dollar a unit`);
    return digits / cut;
}

const isSet = (v) => v !== undefined && v !== null && v !== '';

export function priceUsage({ unitPricesPerMillion, usage, free = false }) {
    const result = { units: {}, total: 0n, state: 'exact' };
    if (!unitPricesPerMillion) return { ...result, state: 'unpriced' };
    if (free) return { ...result, state: 'free' };
    for (const [unit, count] of Object.entries(usage)) {
        if (!UNITS.includes(unit)) throw new Error(`'${unit}' is no unit`);
        if (!Number(count)) continue;
        const from = (STANDS_FOR[unit] ?? [unit]).find((u) => isSet(unitPricesPerMillion[u]));
        if (from) {
            result.units[unit] = picoPerUnit(unitPricesPerMillion[from]) * BigInt(count);
            result.total += result.units[unit];
        } else if (STANDS_FOR[unit]) {
            result.state = 'unpriced'; // tokens of which no price is known
        }
    }
    return result;
}

export function promptTokens(usage) {
    return PROMPT_UNITS.reduce((sum, u) => sum + Number(usage[u] ?? 0), 0);
}

export function loadBook(path) {
    const book = { made: '', fallbacks: {}, models: [], own: [] };
    let columns = null;
    for (const line of fs.readFileSync(path, 'utf8').split('\n')) {
        if (line.startsWith('# made: ')) book.made = line.slice(8);
        if (line.startsWith('# fallback: ')) {
            const [provider, ...others] = line.slice(12).split(' ');
            book.fallbacks[provider] = others;
        }
        if (!line || line.startsWith('#')) continue;
        const cells = line.split(',');
        if (!columns) {
            columns = cells;
            continue;
        }
        const row = Object.fromEntries(columns.map((c, i) => [c, cells[i]]));
        const last = book.models.at(-1);
        if (last && last.provider === row.provider && last.model === row.model) last.rows.push(row);
        else book.models.push({ provider: row.provider, model: row.model, forms: row.names.split(' ').map(form), rows: [row] });
    }
    return book;
}

/** The same book with own prices in front, written as in purser.yaml: model is "provider/model". */
export function withOwn(book, list) {
    const own = list.map((p) => {
        const slash = p.model.indexOf('/');
        return { tier: 'standard', ...p, provider: p.model.slice(0, slash), model: p.model.slice(slash + 1) };
    });
    return { ...book, own: [...book.own, ...own] };
}

// ---- names, as regular expressions

const escaped = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const DATE = '[-@:](?:\\d{4}-\\d{2}-\\d{2}|\\d{8})';
const VERSION = '(?:[-@:](?:\\d{4}-\\d{2}-\\d{2}|\\d{8}|\\d{2}-\\d{4}|\\d{2}-\\d{2}|\\d{4}|\\d{3}|latest|preview|default|exp|v[\\d.]+)|:[\\d.]+)';

function form(text) {
    if (text.length > 1 && text.endsWith('*') && !text.startsWith('*'))
        return { rank: text.length - 1, pattern: new RegExp(`^${escaped(text.slice(0, -1))}.*$`) };
    const path = text.length > 1 && text.startsWith('*');
    const versions = text.length > 1 && text.endsWith('~');
    const literal = text.slice(path ? 1 : 0, versions ? -1 : undefined);
    const tail = versions ? `${VERSION}*` : `(?:${DATE})?`;
    // A plain name goes before every other form, an undated one before a dated one.
    return { rank: literal.length, exact: path || versions ? null : text,
        pattern: new RegExp(`^${path ? '(?:.*[/.:])?' : ''}${escaped(literal)}${tail}$`) };
}

function bestAt(models, provider, name) {
    const here = models.filter((m) => m.provider === provider);
    const exact = here.find((m) => m.forms.some((f) => f.exact === name));
    if (exact) return exact;
    let best = null;
    for (const m of here)
        for (const f of m.forms) {
            if (!f.pattern.test(name)) continue;
            const rank = f.rank + (f.exact ? 1000 : 0);
            if (!best || rank > best.rank) best = { rank, m };
        }
    return best && best.m;
}

export function findModel(book, provider, model) {
    const name = model.toLowerCase();
    for (const p of [provider, ...(book.fallbacks[provider] ?? [])]) {
        const bare = name.replace(/^(?:.*?\/)?publishers\/.*?\/models\//, '').replace(/^models\//, '')
            .replace(new RegExp(`^${escaped(p)}/(?=.)`), '');
        const found = bestAt(book.models, p, name) ?? bestAt(book.models, p, bare);
        if (found) return found;
    }
    return null;
}

// ---- rows

const inForce = (row, at) => (!isSet(row.from) || at >= new Date(row.from)) && (!isSet(row.until) || at < new Date(row.until));

function ownRows(book, provider, model, known) {
    const spellings = [model, model.replace(new RegExp(`${DATE}$`), ''), known?.model].filter(Boolean).map((s) => s.toLowerCase());
    return book.own.filter((p) => p.provider === provider && spellings.includes(p.model.toLowerCase()));
}

function dearestContext(rows, tier, tokens) {
    return rows.filter((r) => r.tier === tier && Number(r.context_from || 0) <= tokens)
        .sort((a, b) => Number(b.context_from || 0) - Number(a.context_from || 0) ||
            new Date(b.from || 0) - new Date(a.from || 0))[0];
}

/** `vendor` is the book's id where the provider has another name in the settings. */
export function findPrice(book, provider, model, { tier = 'standard', promptTokens: tokens = 0, at = new Date(), vendor = provider } = {}) {
    const when = new Date(at);
    const wanted = ['', 'default', 'auto', 'scale', null, undefined].includes(tier) ? 'standard' : tier;
    const known = findModel(book, vendor, model);
    let rows = ownRows(book, provider, model, known).filter((r) => inForce(r, when));
    if (!rows.length) rows = (known?.rows ?? []).filter((r) => inForce(r, when));
    const standard = dearestContext(rows, 'standard', tokens);
    let row = dearestContext(rows, wanted, tokens);
    if (row && standard && Number(row.context_from || 0) < Number(standard.context_from || 0)) row = undefined;
    const tierMissing = !row;
    row ??= standard;
    if (!row) return null;
    const unitPricesPerMillion = Object.fromEntries(UNITS.filter((u) => isSet(row[u])).map((u) => [u, row[u]]));
    return { unitPricesPerMillion, free: isSet(row.free) && row.free !== false, tierMissing: tierMissing && wanted !== 'standard', row };
}
