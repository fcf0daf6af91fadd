import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterText, exceedText, limitText, runsOut, saidOf, scopeText, standing, wrongField, type BudgetRow } from '../src/lib/budgets.ts';

const DAY = 86_400_000, start = Date.UTC(2026, 10, 1);
const row = (more: Partial<BudgetRow> = {}): BudgetRow => ({
    budget: 'all', scope: '', measure: 'usd', limit: 100e12, spent: 50e12, held: 10e12, left: 40e12, waiting: 0,
    window_start_us: start * 1000, resets: new Date(start + 30 * DAY).toISOString(), origin: 'file', window: 'month', on_exceed: 'block', thresholds: [50, 80, 100], ...more,
});

test('what is used, held, and expected of an even spending', () => {
    const got = standing(row(), start + 15 * DAY);
    assert.deepEqual(got, { used: 0.5, held: 0.1, even: 0.5, pace: 1 });
    assert.equal(standing(row({ resets: null }), start + DAY).even, null);
    assert.equal(standing(row({ limit: 0 }), start + DAY).used, 1);
    assert.equal(standing(row({ limit: 0, spent: 0 }), start + DAY).used, 0);
});

test('it runs out before its window ends only where it is spent too fast', () => {
    assert.equal(runsOut(row(), start + 15 * DAY), null);
    assert.equal(runsOut(row(), start + 10 * DAY), start + 20 * DAY);
    assert.equal(runsOut(row({ spent: 100e12 }), start + 10 * DAY), null); // it has
    assert.equal(runsOut(row({ spent: 9_900_000_000_000_000n, limit: 30_000_000_000_000_000n }), start + 3 * DAY), start + (3 * DAY) / 0.33);
});

test('counters and scopes in words', () => {
    assert.equal(counterText('team=search,user='), 'team search, user (none)');
    assert.equal(counterText('user=a\\,b=c'), 'user a,b=c');
    assert.equal(scopeText({}), 'every call');
    assert.equal(scopeText({ feature: 'chat', user: '*' }), 'feature chat, each user');
    assert.equal(exceedText('downgrade:cheap'), 'then calls go to cheap');
    assert.equal(limitText({ window: 'day', limit_usd: '1234.5' }), '$1,234.50');
});

test('a refusal stands beside the field that it speaks of', () => {
    const names = ['scope', 'limit_usd', 'window', 'on_exceed', 'name'];
    assert.equal(wrongField("The budget 'x' does not hold: window: 'dya' is no window; did you mean 'day'?", names), 'window');
    assert.equal(wrongField("The budget 'window' does not hold: scope.tem: a scope has no such part", names), 'scope');
    assert.equal(saidOf("The budget 'x' does not hold: window: 'dya' is no window; did you mean 'day'?"), "'dya' is no window; did you mean 'day'?");
    assert.equal(saidOf('Something else: it fails'), 'Something else: it fails');
    assert.equal(wrongField('budgets[3].limit_usd: must be more than 0', names), 'limit_usd');
    assert.equal(wrongField('The server is being stopped.', names), null);
});
