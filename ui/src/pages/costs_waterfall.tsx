// Why this period cost more or less than the one before: the effects add up to the difference, to the pico-dollar.
import { cascade } from '../lib/cascade';
import { money, moneyExact, toBig, usd, type Pico } from '../lib/money';
import { dayText } from '../lib/time';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { shownName } from '../lib/where';
import { Card, Change } from '../parts/card';
import { RowsFrom } from '../parts/rows_from';
import { Empty, Load } from '../parts/state';
import { Table, type Column } from '../parts/table';

interface Period {
    since: string;
    until: string;
    cost_picousd: Pico;
}
interface Effect {
    name: string;
    text: string;
    picousd: Pico;
}
type FeatureRow = { feature: string; before_picousd: Pico; after_picousd: Pico } & Record<string, Pico | string>;
interface WaterfallAnswer {
    before: Period;
    after: Period;
    complete: boolean; // false: days are still being summed up
    effects: Effect[];
    features: FeatureRow[];
    rows_from: string | null;
}

const words = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replace(/_/g, ' ');
const signed = (v: Pico) => (toBig(v) > 0n ? `+${money(v)}` : money(v));
const periodText = (p: Period) => `${dayText(Date.parse(p.since))} to ${dayText(Date.parse(p.until) - 1)}`;

function Bars({ data }: { data: WaterfallAnswer }) {
    const texts = new Map(data.effects.map((effect) => [effect.name, effect.text]));
    return (
        <ol class="cascade" aria-label="From the period before to this one">
            {cascade(data.before.cost_picousd, data.effects, data.after.cost_picousd).map((step) => {
                const more = !step.whole && toBig(step.amount) > 0n, left = Math.min(step.from, step.to), width = Math.abs(step.to - step.from);
                const tone = step.whole ? 'whole' : more ? 'up' : 'down';
                const name = step.whole ? periodText(step.name === 'before' ? data.before : data.after) : words(step.name);
                return (
                    <li key={step.name} title={`${texts.get(step.name) ?? ''} ${moneyExact(step.amount)}`}>
                        <span class="name">{name}</span>
                        <span class="track" aria-hidden="true"><i class={tone} style={{ left: `${left * 100}%`, width: `max(2px, ${width * 100}%)` }} /></span>
                        <span class={step.whole ? 'amount' : `amount ${more ? 'bad' : 'good'}`}>{step.whole ? money(step.amount) : signed(step.amount)}</span>
                        {!step.whole && <small class="muted">{texts.get(step.name)}</small>}
                    </li>
                );
            })}
        </ol>
    );
}

function Features({ data }: { data: WaterfallAnswer }) {
    const columns: Column<FeatureRow>[] = [
        { name: 'feature', label: 'Feature', cell: (row) => shownName(row.feature), sort: (row) => row.feature },
        { name: 'before', label: 'Before', number: true, cell: (row) => money(row.before_picousd), sort: (row) => row.before_picousd },
        { name: 'after', label: 'After', number: true, cell: (row) => money(row.after_picousd), sort: (row) => row.after_picousd },
        ...data.effects.map((effect): Column<FeatureRow> => ({
            name: effect.name, label: words(effect.name), number: true, title: effect.text,
            cell: (row) => signed(row[`${effect.name}_picousd`] as Pico), sort: (row) => row[`${effect.name}_picousd`] as Pico,
        })),
    ];
    return <Table label="The same for each feature" columns={columns} rows={data.features} rowKey={(row) => row.feature} sortBy="-after" />;
}

export function Waterfall({ view }: { view: View }) {
    const waterfall = useApi<WaterfallAnswer>('/waterfall', view.ask, { long: true });
    const data = waterfall.data;
    return (
        <Card title="Why it changed" note={data && <>whole days <Change now={usd(data.after.cost_picousd)} before={usd(data.before.cost_picousd)} better="down" /></>}>
            <Load from={waterfall} height={380}>
                {(answer) => usd(answer.before.cost_picousd) === 0 && usd(answer.after.cost_picousd) === 0 ? <Empty title="Nothing was spent in either period" /> : (
                    <>
                        <RowsFrom at={answer.rows_from} />
                        {!answer.complete && <p class="notice">Older days are still being summed up: what is shown is not all yet.</p>}
                        <Bars data={answer} />
                        <details class="more"><summary>By feature</summary><Features data={answer} /></details>
                    </>
                )}
            </Load>
        </Card>
    );
}
