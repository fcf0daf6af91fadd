// The made-up past that demonstrations, dashboard tests and the benchmark stand on: it is a ledger like any other, its
// sums are right, and it has in it what a dashboard must be able to show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bin, post, run, sql, startPurser, startSimulator, tempDir } from './helpers.mjs';
import { makePast, pastBin, pastKey } from './past.mjs';

const units = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'audio_in', 'audio_out', 'image', 'tool_calls', 'searches', 'seconds', 'requests'];

test('it adds up: ledger verify, report and SQL say the same, price lines multiply out', async () => {
    const past = await makePast({ rows: 8000, hostile: true });
    const verified = await run(bin, ['ledger', 'verify', '--data', past.data]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const parts = units.map((unit) => `cost_${unit}_picousd`).join(' + ');
    const [wrong] = await sql(past.data, `SELECT count(*) AS n FROM attempts WHERE cost_picousd != ${parts}`);
    assert.equal(wrong.n, 0, 'rows whose price lines do not sum to their cost');
    const [odd] = await sql(past.data, `SELECT count(*) AS n FROM attempts WHERE prompt_bytes < system_bytes + history_bytes + retrieved_bytes + tools_bytes
        OR ended_us < at_us OR first_byte_us > total_us OR cost_max_picousd < cost_picousd OR (cost_state = 'exact' AND cost_max_picousd != cost_picousd)`);
    assert.equal(odd.n, 0);
    const [all] = await sql(past.data, "SELECT sum(cost_picousd) AS cost, count(*) AS n FROM attempts WHERE cost_state != 'unpriced'");
    const report = JSON.parse((await run(bin, ['report', '--data', past.data, '--since', '2000-01-01', '--by', 'team', '--format', 'json'])).stdout);
    assert.equal(report.totals.cost_picousd, all.cost);
    assert.ok(Math.abs(report.totals.attempts - 8000) < 100, `${report.totals.attempts} attempts`);
});

test('it has in it what there is to see', async () => {
    const past = await makePast({ rows: 20000, hostile: true });
    const values = async (column, from = 'attempts') => (await sql(past.data, `SELECT DISTINCT ${column} AS v FROM ${from}`)).map((row) => row.v);
    const has = (found, ...wanted) => wanted.forEach((one) => assert.ok(found.includes(one), `${one} is not among ${found}`));
    const [apart] = await sql(past.data, 'SELECT count(*) AS n FROM attempts WHERE (number = 1) != (attempt_id = call_id)');
    assert.equal(apart.n, 0, "a call's first attempt has its id, as in a server");
    has(await values('reason'), 'first', 'retry', 'fallback', 'escalation', 'hedge', 'repair');
    has(await values('cost_state'), 'exact', 'estimated', 'unpriced', 'free');
    has(await values('status'), 'ok', 'provider_error', 'client_gone', 'hedge_lost', 'not_accepted', 'provider_cut', 'provider_timeout');
    has(await values('provider'), 'openai', 'anthropic', 'gemini', 'mistral', 'gpu');
    has(await values('user'), "<script>document.title='pwned'</script>", 'nightly-build');
    has(await values('what', 'audit'), 'ai off', 'key revoke', 'budget set');
    const versions = await values('prompt');
    assert.ok(versions.filter((one) => one.startsWith('support-answer@')).length > 4, `${versions}`);
    const bytes = await sql(past.data, "SELECT avg(system_bytes) AS n FROM attempts WHERE feature = 'support-bot' GROUP BY at_us > (SELECT avg(at_us) FROM attempts)");
    assert.ok(bytes[1].n > bytes[0].n * 1.05, 'prompts grow');
    const [outcomes] = await sql(past.data, 'SELECT count(*) AS n, sum(success) AS good FROM outcomes');
    assert.ok(outcomes.n > 500 && outcomes.good > 100 && outcomes.good < outcomes.n);
    assert.ok((await sql(past.data, 'SELECT count(*) AS n FROM feedback'))[0].n > 50);
    const events = (await sql(past.data, 'SELECT at_us FROM events ORDER BY id')).map((row) => Number(row.at_us));
    assert.deepEqual(events, [...events].sort((a, b) => a - b)); // lists of the newest have them as they were written
    const [own] = await sql(past.data, "SELECT count(DISTINCT cost_output_picousd / output_tokens) AS prices FROM attempts WHERE model = 'gpt-5' AND output_tokens AND cost_state = 'exact'");
    assert.equal(own.prices, 2, 'the price changed once');
});

test('the same seed and end give the same past, another seed another one', async () => {
    const sums = async (seed) => {
        const past = await makePast({ rows: 2000, seed, args: ['--until', '2026-11-20T15:00:00Z'] });
        return sql(past.data, 'SELECT count(*) AS n, sum(cost_picousd) AS cost, max(at_us) AS last, sum(total_us) AS us FROM attempts');
    };
    const first = await sums(1);
    assert.deepEqual(await sums(1), first);
    assert.notDeepEqual(await sums(2), first);
});

test('a server goes on where it ends: budgets count on, calls are booked beside it', async () => {
    const sim = await startSimulator();
    const past = await makePast({ rows: 3000, upstream: sim.url });
    const purser = await startPurser(past);
    try {
        const before = await purser.budgets();
        const company = before.find((row) => row.budget === 'company');
        const [month] = await purser.sql("SELECT sum(cost_picousd) AS cost FROM attempts WHERE at_us >= strftime('%s', 'now', 'start of month') * 1000000");
        assert.equal(company?.spent ?? 0, month.cost ?? 0);
        const got = await post(purser, '/v1/chat/completions', { model: 'support-chat', messages: [{ role: 'user', content: 'Hello' }] },
            { key: pastKey('support-web'), headers: { 'x-purser-feature': 'support-bot' } });
        assert.equal(got.status, 200, got.text);
        const [row] = await purser.rows(1, { where: 'attempt_id >= 2 * 8796093022208' }); // of the boot after the past's
        assert.equal(row.cost_state, 'exact', 'at the prices of who stands there in truth');
    } finally {
        await purser.stop();
        await sim.stop();
    }
    const verified = await run(bin, ['ledger', 'verify', '--data', past.data]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('it writes into no folder that has a ledger, and says what it was not told', async () => {
    const past = await makePast({ rows: 100, days: 3 });
    const again = await run(pastBin, [past.data]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there is a ledger already/);
    const none = await run(pastBin, ['--rows', 'many', tempDir()]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /usage: past/);
});
