// Money for nothing, and money that was not spent: first-class lines, not footnotes.
import { count, share } from '../lib/figures';
import { addPico, money, toBig, usd, type Pico } from '../lib/money';
import { useApi } from '../lib/use_api';
import type { View } from '../lib/view';
import { Card } from '../parts/card';
import { RowsFrom } from '../parts/rows_from';
import { Empty, Load } from '../parts/state';

interface Wasted {
    kind: string;
    text: string;
    attempts: number;
    cost_picousd: Pico;
}
interface Saved {
    kind: string;
    text: string;
    saved_picousd: Pico; // below zero: it cost more than it saved
}
interface WasteAnswer {
    cost_picousd: Pico;
    waste: Wasted[];
    wasted_cost_picousd: Pico; // of all but loops, whose answers were used
    savings: Saved[];
    rows_from: string | null;
}
interface Line {
    kind: string;
    text: string;
    amount: Pico;
}

const NAMES: Record<string, string> = { prompt_cache: 'Prompt cache', unused: 'Not used' };
const words = (kind: string) => NAMES[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1).replace(/_/g, ' ');

function Lines({ title, tone, lines, sum, cost }: { title: string; tone: 'bad' | 'good'; lines: Line[]; sum: Pico; cost: Pico }) {
    const most = Math.max(...lines.map((line) => Math.abs(usd(line.amount))), 1e-12);
    return (
        <>
            <h3 class="lines-head"><span>{title}</span><span class={tone}>{money(sum)}</span><span class="muted small">{share(Math.max(0, usd(sum)) / (usd(cost) || 1))} of the cost</span></h3>
            <ul class="lines">
                {lines.map((line) => (
                    <li key={line.kind}>
                        <span>{words(line.kind)}</span>
                        <span class={`bar ${toBig(line.amount) < 0n ? 'bad' : tone}`} aria-hidden="true"><i style={{ width: `${(100 * Math.abs(usd(line.amount))) / most}%` }} /></span>
                        <span class="right">{money(line.amount)}</span>
                        <small class="muted">{line.text}</small>
                    </li>
                ))}
            </ul>
        </>
    );
}

function Both({ data }: { data: WasteAnswer }) {
    const told = (line: Wasted) => (line.kind === 'loops' ? `${count(line.attempts)} calls: ${line.text}; beside the sum` : `${count(line.attempts)}: ${line.text}`);
    const waste = data.waste.map((line) => ({ ...line, amount: line.cost_picousd, text: told(line) }));
    const savings = data.savings.map((line) => ({ ...line, amount: line.saved_picousd }));
    if (!toBig(data.cost_picousd) && !savings.some((line) => toBig(line.amount))) return <Empty title="Nothing was spent here" />;
    return (
        <>
            <Lines title="Wasted" tone="bad" lines={waste} sum={data.wasted_cost_picousd} cost={data.cost_picousd} />
            <Lines title="Saved" tone="good" lines={savings} sum={savings.reduce<Pico>((sum, line) => addPico(sum, line.amount), 0)} cost={data.cost_picousd} />
        </>
    );
}

export function Waste({ view }: { view: View }) {
    const waste = useApi<WasteAnswer>('/waste', view.ask, { long: true });
    return (
        <Card title="Waste and savings" note={view.range.label}>
            <Load from={waste} height={380}>{(data) => <><RowsFrom at={data.rows_from} /><Both data={data} /></>}</Load>
        </Card>
    );
}
