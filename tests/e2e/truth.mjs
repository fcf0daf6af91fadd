// Holds the ledger against what the simulated provider truly did, priced by a separate
// reading of the prices (tests/price-oracle), never by purser's own.
import { findPrice, loadBook, priceUsage, promptTokens, withOwn } from '../price-oracle/price.mjs';
import { parseBig, root, until } from './helpers.mjs';
import { join } from 'node:path';

export const book = loadBook(join(root, 'data/prices.csv'));

/** Every call that the simulator has begun after `since`, once none is running. */
export async function truthSince(sim, since = 0, { seconds = 20 } = {}) {
    await until('the simulator at rest', async () => (await sim.truth('?limit=1')).totals.live === 0, { seconds });
    const calls = [];
    for (let from = since; ; ) {
        const page = await sim.truth(`?since=${from}&limit=50000`);
        calls.push(...page.calls);
        from = page.last;
        if (page.dropped && !since) throw new Error(`the simulator has forgotten ${page.dropped} calls: raise --truth-keep`);
        if (!page.more) return calls;
    }
}

/** The attempt of a call, as the ledger's attempt_id (decimal text). */
export const attemptOf = (call) => (call.attempt === null ? null : BigInt.asIntN(64, BigInt(`0x${call.attempt}`)).toString());

/** Its usage in purser's units. */
export function usageOf(call) {
    const { cache_write: write, ...rest } = call.usage;
    return { ...rest, cache_write_5m: write, requests: 1 };
}

/** What a provider would bill for it: { total, state, units }. `own`: prices as in the settings. */
export function billOf(call, { own = [], provider = 'lab', vendor, model = call.model, tier = call.service_tier, at } = {}) {
    const usage = usageOf(call);
    const price = findPrice(withOwn(book, own), provider, model, {
        tier, vendor, promptTokens: promptTokens(usage), at: at ?? new Date(Number(BigInt(call.at_us) / 1000n)),
    });
    return { ...priceUsage({ unitPricesPerMillion: price?.unitPricesPerMillion, usage, free: price?.free }), tierMissing: price?.tierMissing };
}

export const big = (value) => BigInt(value);
export const sum = (list, of = (x) => x) => list.reduce((all, x) => all + BigInt(of(x)), 0n);
/** Pico-dollars for people. */
export const usd = (pico) => `$${Number(pico) / 1e12}`;
