// The budgets that are nearest to their end, each against where it should stand by now.
import { count, share, times } from '../lib/figures';
import { money } from '../lib/money';
import { budgetPace, type BudgetRow, type Outlook } from '../lib/now';
import { agoText, momentTitle } from '../lib/time';
import { shownName } from '../lib/where';
import { Bar } from '../parts/bar';
import { Empty } from '../parts/state';

const SHOWN = 7;
const whose = (b: BudgetRow) => (b.scope ? b.scope.split(',').map((part) => part.replace(/=(.*)$/, (_, v) => ` ${shownName(v)}`)).join(', ') : b.budget);
const amount = (b: BudgetRow, v: BudgetRow['limit']) => (b.measure === 'usd' ? money(v) : `${count(v)} ${b.measure}`);

export function BudgetBars({ rows, outlooks }: { rows: BudgetRow[]; outlooks: Outlook[] }) {
    if (!rows.length) return <Empty title="No budgets">A budget stops spending before it happens. Make one under Budgets &amp; switches, or in the settings.</Empty>;
    const now = Date.now();
    const nearest = rows.map((b) => ({ b, ...budgetPace(b, now) })).sort((x, y) => y.used + y.held - (x.used + x.held)).slice(0, SHOWN);
    return (
        <ul class="budget-bars">
            {nearest.map(({ b, used, held, elapsed, burn }) => {
                const outlook = b.scope.includes('=') ? undefined : outlooks.find((one) => one.budget === b.budget);
                const planned = outlook?.planned_picousd ? Number(outlook.planned_picousd) / (Number(b.limit) || 1) : elapsed;
                return (
                    <li key={`${b.budget} ${b.scope}`}>
                    <div class="line"><span class="name" title={b.scope ? `${b.budget} ${b.scope}` : b.budget}>{whose(b)}</span><span class="nowrap">{amount(b, b.spent)} <span class="muted">of {amount(b, b.limit)}</span></span></div>
                    <Bar part={used} held={held} mark={planned ?? undefined} label={`${b.budget} ${b.scope}`} />
                    <div class="line small muted"><span>{share(used)} used{burn !== null && `, ${times(burn)} its pace`}</span>{outlook?.run_out ? <span class="bad" title={momentTitle(outlook.run_out)}>runs out {agoText(outlook.run_out, now)}</span> : b.resets && <span title={momentTitle(b.resets)}>starts over {agoText(b.resets, now)}</span>}</div>
                    </li>
                );
            })}
        </ul>
    );
}
