// Chooses the figures, runs them one after the other, prints table and JSON. Started by bench/run.
import { writeFileSync } from 'node:fs';
import { machine, startMock } from './rig.mjs';
import * as figures from './figures.mjs';

const ALL = ['start', 'cpu', 'translate', 'latency', 'ttft', 'streams', 'users', 'crash', 'ledger', 'budgets', 'tokens', 'dashboard', 'faults', 'profile', 'promises'];
const WHAT = {
    start: 'start to ready, idle memory',
    cpu: 'CPU per call and throughput against nginx: 1 KB and 32 KB, plain and TLS',
    translate: 'CPU per call from Anthropic\'s protocol to OpenAI\'s against one that goes on as it came',
    latency: 'latency added for one caller',
    ttft: 'time to first token added: provider at once, and with pauses',
    streams: 'memory per waiting stream',
    users: 'a million counters against ten',
    crash: 'kill -9 to serving again, a million records waiting',
    ledger: 'attempts into SQLite per second',
    budgets: 'a hold and its post by themselves',
    tokens: 'token counting against the npm tokenizer',
    dashboard: 'ten million attempts in the browser: questions, memory, first paint, calls meanwhile',
    faults: 'the fault lab at load: outages, every fault of the table, the switch, hedging, a healthy call',
    profile: 'where the time of a 32 KB call goes (perf)',
    promises: "the promises' tests with all their rounds (hours; only when asked for)",
};

function usage(text) {
    console.error(`bench/run: ${text}; bench/run --help tells more`);
    process.exit(2);
}

const options = { rounds: 7, seconds: 2, quick: false, only: ALL.filter((name) => name !== 'promises'), json: null };
const argv = process.argv.slice(2);
while (argv.length) {
    const argument = argv.shift();
    if (argument === '--quick') Object.assign(options, { quick: true, rounds: 3, seconds: 1 });
    else if (argument === '--rounds') options.rounds = Number(argv.shift());
    else if (argument === '--only') options.only = (argv.shift() ?? '').split(',');
    else if (argument === '--json') options.json = argv[0] && !argv[0].startsWith('--') ? argv.shift() : '-';
    else if (argument === '--list') {
        for (const name of ALL) console.log(`${name.padEnd(10)}${WHAT[name]}`);
        process.exit(0);
    } else usage(`what is ${argument}?`);
}
if (!(options.rounds >= 1 && options.rounds <= 1000)) usage('--rounds takes a number from 1');
for (const name of options.only) if (!ALL.includes(name)) usage(`no figure '${name}' (there are: ${ALL.join(' ')})`);

const terminal = process.stderr.isTTY && !process.env.NO_COLOR;
const say = (text) => process.stderr.write(text);
options.tick = () => say('.');

const mock = await startMock();
const results = { at: new Date().toISOString(), machine: machine(), options: { rounds: options.rounds, seconds: options.seconds, quick: options.quick }, rows: [], detail: {} };
const texts = [];
let failed = 0;
for (const name of options.only) {
    say(`==> ${name}: ${WHAT[name]} `);
    const began = performance.now();
    try {
        const got = await figures[name](mock, options);
        results.rows.push(...got.rows.map((row) => ({ name, ...row })));
        results.detail[name] = got.detail;
        if (got.text) texts.push(got.text);
        if (!got.rows.length && !got.text) say(` nothing measured: ${JSON.stringify(got.detail).slice(0, 200)}`);
    } catch (error) {
        failed++;
        results.detail[name] = { failed: error.message };
        say(`\n    failed: ${error.message}\n   `);
    }
    say(` ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
}
await mock.stop();

// ---- what people read

const colour = (code, text) => (terminal ? `\x1b[${code}m${text}\x1b[0m` : text);
const width = Math.max(10, ...results.rows.map((row) => row.figure.length));
const lines = results.rows.map((row) => {
    const value = `${row.value} ${row.unit}`.padStart(16);
    const more = row.least || (row.unit.endsWith('/s') && row.target) ? '>=' : '<=';
    const target = row.target === undefined ? '' : `${more} ${row.target}`.padEnd(12);
    const holds = row.target === undefined ? '' : row.holds ? colour(32, 'holds') : colour(31, 'MISSED');
    return `${row.figure.padEnd(width)}${value}   ${target.padEnd(12)} ${holds.padEnd(6)}  ${row.beside ?? ''}`.trimEnd();
});
const m = results.machine;
const text = [
    `${m.processor}, ${m.cores} cores, ${m.memory_gb} GB, ${m.system}, Linux ${m.kernel}; nginx ${m.nginx}, OpenSSL ${m.openssl}, gcc ${m.gcc}, ${m.purser}, ${m.commit}`,
    `median of ${options.rounds} rounds of ${options.seconds} s, in turn${options.quick ? ' (--quick: a look, not a result)' : ''}`,
    '', ...lines, ...texts.flatMap((one) => ['', one]), '',
].join('\n');
if (options.json === '-') {
    process.stderr.write(text);
    console.log(JSON.stringify(results, null, 2));
} else {
    process.stdout.write(text);
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
process.exit(failed ? 1 : 0);
