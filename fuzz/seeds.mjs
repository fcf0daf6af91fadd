#!/usr/bin/env node
// Inputs to begin with, for the fuzzers of dialects: calls, answers and streams of tests/cases/translate; and for the
// one of settings made at run time: entries of tests/cases/settings; and for the admin API's: a question for each route.
//   node fuzz/seeds.mjs build/fuzz/corpus      writes fuzz_dialect/*, fuzz_translate/*, fuzz_entries/* and fuzz_api/*
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIALECTS = ['chat', 'responses', 'messages', 'gemini', 'converse', 'cohere']; // as enum dialect_id
const KINDS = ['call', 'answer', 'stream'];
const cases = fileURLToPath(new URL('../tests/cases/translate', import.meta.url));
const target = process.argv[2] ?? 'build/fuzz/corpus';

/** Events, one a line: "name {...}". */
const linesOf = (stream) => stream.split(/\n\n+/).map((event) => {
    const field = (name) => event.split('\n').filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join(' ');
    return `${field('event')} ${field('data')}`.trim();
}).filter(Boolean).join('\n');

const of = { fuzz_dialect: [], fuzz_translate: [], fuzz_entries: [], fuzz_api: [] };
for (const file of readdirSync(cases).filter((name) => name.endsWith('.case'))) {
    const [head, ...sections] = readFileSync(join(cases, file), 'utf8').split(/^--- /m);
    const [from, to] = ['from', 'to'].map((side) => DIALECTS.indexOf(new RegExp(`^${side}: (\\w+)$`, 'm').exec(head)?.[1]));
    if (from < 0 || to < 0) continue; // embeddings, rerank
    for (const section of sections) {
        const [, name, text] = /^(\S+)[^\n]*\n([^]*)$/.exec(section), kind = KINDS.indexOf(name);
        if (kind < 0) continue;
        const by = kind === 0 ? from : to, body = kind === 2 ? linesOf(text) : text.trim(); // calls come from the client, the rest from the provider
        of.fuzz_dialect.push(`${by}${kind}5${body}`);
        of.fuzz_translate.push(`${by}${by === from ? to : from}${kind}${body}`);
    }
}
const settings = fileURLToPath(new URL('../tests/cases/settings', import.meta.url));
for (const file of readdirSync(settings).filter((name) => name.startsWith('runtime'))) {
    const lines = /^== runtime\n([^]*?)^== /m.exec(readFileSync(join(settings, file), 'utf8'))[1].trim().split('\n');
    for (let i = 0; i < lines.length; i += 2) of.fuzz_entries.push(lines.slice(i, i + 2).join('\n'));
}
// routes are chosen by a byte: each gets these
for (let route = 0; route < 100; route++)
    for (const text of ['since=7d&limit=10&where=feature%3Dbot%2Cteam!%3Da&format=csv\n', '\n{"name":"a","role":"viewer","why":"=x","ai":"off"}'])
        of.fuzz_api.push(String.fromCharCode(route) + text);
for (const [name, seeds] of Object.entries(of)) {
    mkdirSync(join(target, name), { recursive: true });
    seeds.forEach((seed, i) => writeFileSync(join(target, name, `case-${i}`), seed));
}
