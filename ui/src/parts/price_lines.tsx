// What an attempt's cost is made of: count times price, unit by unit, to the last digit.
import { addsUp, costStateText, priceOf, unitName, type Attempt } from '../lib/calls';
import { toBig, moneyExact } from '../lib/money';

/** Every digit of a count: people multiply. */
const whole = (n: number | bigint) => n.toLocaleString('en-US');

function verdict(attempt: Attempt): { text: string; tone: string } {
    if (attempt.cost_state === 'unpriced') return { text: `No price is known. ${moneyExact(attempt.cost_picousd)} was held against budgets; it counts as no cost.`, tone: 'warn' };
    if (!addsUp(attempt)) return { text: 'The lines do not add up to the cost: run purser verify.', tone: 'bad' };
    if (attempt.cost_state === 'estimated') return { text: `An estimate: the provider told no counts. At most ${moneyExact(attempt.cost_max_picousd)}.`, tone: 'muted' };
    return { text: 'Adds up to the last digit.', tone: 'good' };
}

export function PriceLines({ attempt }: { attempt: Attempt }) {
    const said = verdict(attempt);
    if (!attempt.lines.length && !toBig(attempt.cost_picousd)) return <p class="muted">Nothing was used{attempt.usage_known ? '' : ', as far as the provider said'}: it cost nothing.</p>;
    return (
        <>
            <div class="table-box whole" tabIndex={0} role="group" aria-label="Price lines">
                <table class="price-lines" aria-label={`Price lines of attempt ${attempt.number}`}>
                    <thead>
                        <tr><th scope="col">Unit</th><th scope="col" class="number">Count</th><th scope="col" class="number">Price</th><th scope="col" class="number">Cost</th></tr>
                    </thead>
                    <tbody>
                        {attempt.lines.map((line) => {
                            const price = priceOf(line);
                            return (
                                <tr key={line.unit}>
                                    <th scope="row">{unitName(line.unit)}</th>
                                    <td class="number">{whole(line.count)}</td>
                                    <td class="number" title={price ? `${moneyExact(line.each_picousd)} each` : 'several prices: no single one multiplies out'}>{price ? <>× {moneyExact(price.picousd)}<span class="muted small"> / {price.per}</span></> : <span class="muted">several prices</span>}</td>
                                    <td class="number">= {moneyExact(line.cost_picousd)}</td>
                                </tr>
                            );
                        })}
                        {toBig(attempt.rest_picousd) !== 0n && <tr><th scope="row">Not told by unit</th><td /><td /><td class="number">= {moneyExact(attempt.rest_picousd)}</td></tr>}
                    </tbody>
                    <tfoot>
                        <tr><th scope="row">Together</th><td class="number" colSpan={2}>{attempt.price_source && <span class="muted small" title="where the prices came from">{attempt.price_source}</span>}</td><td class="number"><b>{moneyExact(attempt.cost_picousd)}</b></td></tr>
                    </tfoot>
                </table>
            </div>
            <p class={`small verdict ${said.tone}`} title={costStateText(attempt.cost_state)}>{said.text}</p>
        </>
    );
}
